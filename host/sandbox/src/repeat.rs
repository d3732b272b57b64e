//! Time and chance that come out the same when operations are repeated: for runs that are recorded and replayed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use sha2::{Digest, Sha256};

use crate::call::Call;

/// How far the clock goes on from operation to operation, in milliseconds.
const STEP: u64 = 100;

/// What the clock and the random bytes of operations come from, instead of the machine.
///
/// Random bytes depend on the seed, the function, the resource and how often it was called before; not on the plugin's code,
/// so that another build finds the same. The clock begins at the instant and goes on with each operation and each look at it;
/// it is the same in every run in which operations come in the same order. The clock by which a guest waits is the real one.
#[derive(Debug)]
pub struct Repeat {
    instant: u64,
    seed: [u8; 32],
    operations: AtomicU64,
    calls: Mutex<HashMap<String, u64>>,
}

/// The surroundings of one operation.
pub(crate) struct Repeated {
    pub(crate) own: ChaCha12Rng,
    pub(crate) wasi: ChaCha12Rng,
    pub(crate) clock: Arc<Ticking>,
}

/// A clock that goes on by a millisecond whenever somebody looks.
#[derive(Debug)]
pub(crate) struct Ticking(AtomicU64);

impl Repeat {
    /// Begins at an instant, in milliseconds since 1970, with a seed.
    pub fn new(instant: u64, seed: [u8; 32]) -> Arc<Self> {
        Arc::new(Self {
            instant,
            seed,
            operations: AtomicU64::new(0),
            calls: Mutex::default(),
        })
    }

    /// Begins an operation.
    pub(crate) fn begin(&self, call: &Call) -> Repeated {
        let what = call.to_string();
        let count = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let count = calls.entry(what.clone()).or_default();
            *count = count.saturating_add(1);
            *count
        };
        let generator = |purpose: &str| {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(count.to_le_bytes());
            for part in [what.as_str(), purpose] {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
            ChaCha12Rng::from_seed(hash.finalize().into())
        };
        let passed = self
            .operations
            .fetch_add(1, Ordering::Relaxed)
            .saturating_mul(STEP);
        Repeated {
            own: generator("random"),
            wasi: generator("wasi"),
            clock: Arc::new(Ticking(AtomicU64::new(self.instant.saturating_add(passed)))),
        }
    }
}

impl Ticking {
    /// Returns milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
