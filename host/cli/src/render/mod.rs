//! What people read.

pub mod catalog;
pub mod diagnostic;
pub mod value;
