//! The harness of the end-to-end tests: the built binary in a clean environment, an emulated AWS account that
//! checks signatures, and boto3 to look into that account without Konductor.
//!
//! It needs `cargo xtask plugins` and `cargo xtask python` once; `cargo xtask test` does both.

mod aws_account;
mod binary;
mod checkout;
mod project;
mod running;
mod search;

pub use aws_account::AwsAccount;
pub use checkout::{example, guest};
pub use project::{Finished, Project};
pub use running::{Running, Signal};
pub use search::{files_that_hold, holds};
