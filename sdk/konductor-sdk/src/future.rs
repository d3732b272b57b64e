//! Futures in a guest that has no scheduler.

use std::pin::pin;
use std::task::{Poll, Waker};

/// A future waited for something that nothing in the guest can bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a future is waiting, but a plugin's calls are synchronous: return `in-progress` and go on in `poll`"
)]
pub struct Pending;

/// How often a future may yield to itself before it counts as waiting.
const POLLS: usize = 10_000;

/// Runs a future whose every step is ready at once, as those over [`Context::send`](crate::Context::send) are.
///
/// # Errors
/// When the future is still waiting after 10,000 polls.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Pending> {
    let mut future = pin!(future);
    let mut context = std::task::Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
    }
    Err(Pending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_future_gives_its_output_and_a_waiting_one_an_error() {
        assert_eq!(block_on(async { 1 + 1 }), Ok(2));
        assert_eq!(block_on(std::future::pending::<()>()), Err(Pending));
    }
}
