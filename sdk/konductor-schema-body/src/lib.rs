//! Bodies of resources, for plugins that are driven by the definitions a cloud publishes (`konductor-schema-table`):
//! whether a body is allowed, what of an answer was asked for, what of it can be given, what must never be shown, and how
//! two bodies differ.
//!
//! What is a habit of one cloud stands in its [`Cloud`]; everything else is the same for all, so that a rule that keeps a
//! secret is written once.

mod check;
mod cloud;
mod comparison;
mod place;

pub use check::check;
pub use cloud::{Cloud, is_empty, is_number_text};
pub use comparison::{changes, settled};
pub use place::{Place, marked, property, writable};
