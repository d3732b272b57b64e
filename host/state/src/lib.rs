//! The hash-chained log of a stack, its projections and its lock.

pub mod entry;
pub mod record;
