//! A host for tests in which nothing is sent.

use konductor_sdk::context::{Host, LogLevel};
use konductor_sdk::model::cloud::{CloudRequest, CloudResponse, SendError};

/// Refuses every request; its clock stands and its random bytes are all the same.
pub struct NoCloud;

impl Host for NoCloud {
    fn send(&self, _: CloudRequest) -> Result<CloudResponse, SendError> {
        Err(SendError::Denied("there is no cloud here".into()))
    }
    fn log(&self, _: LogLevel, _: &str, _: &[(&str, String)]) {}
    fn now(&self) -> u64 {
        0
    }
    fn random(&self, length: u32) -> Vec<u8> {
        vec![7; length as usize]
    }
}
