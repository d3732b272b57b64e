//! What people read.

pub mod catalog;
pub mod controls;
pub mod declaration;
pub mod diagnostic;
pub mod difference;
pub mod drift;
pub mod drift_page;
pub mod json_plan;
pub mod live;
pub mod plan;
pub mod plugin;
pub mod policy;
pub mod reference_page;
pub mod value;
