//! What a plugin sent and what it was answered, in a file that people read and version control compares.
//!
//! A [`Recording`] is taken once against a real API and replayed ever after. This crate knows the file and decides
//! whether a request is the recorded one ([`Replayed`]); it opens no socket and keeps no secret. What is put into it, with
//! everything secret replaced, is the broker's affair.
//!
//! What is not covered: two requests of one resource that are under way at the same time and change something must come in
//! the recorded order.

mod body;
mod difference;
mod draws;
mod file;
mod interaction;
mod replayed;

pub use body::{Body, LARGEST_BODY};
pub use draws::Draws;
pub use file::{FORMAT, LARGEST_FILE, MOST_INTERACTIONS, Recording, RecordingError};
pub use interaction::{Answer, Failure, FailureKind, Interaction, Outcome, Request};
pub use replayed::{Replayed, Unrecorded};
