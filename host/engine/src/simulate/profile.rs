//! How well-behaved the simulated cloud is.

use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// How well-behaved the simulated cloud is. What happens depends on the seed, the resource and the attempt, not
/// on the order in which calls come in, so a rehearsal can be repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// It answers at once and never fails.
    #[default]
    None,
    /// It takes its time, and some operations are long.
    Realistic,
    /// As realistic, and calls are throttled, fail before or after their effect, or end half-way.
    Flaky,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It is refused: too many requests.
    Throttled,
    /// It fails and has no effect.
    Unavailable,
    /// It has its effect, and the answer is lost.
    AnswerLost,
    /// It ends half-way.
    Partial,
    /// It takes a number of polls.
    Slow(u32),
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "realistic" => Ok(Self::Realistic),
            "flaky" => Ok(Self::Flaky),
            _ => Err(format!(
                "`{text}` is not a profile: expected none, realistic or flaky"
            )),
        }
    }
}

impl Profile {
    /// Returns how long a call takes.
    pub(crate) fn latency(self, chance: u64) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Realistic | Self::Flaky => Duration::from_millis(20 + chance % 180),
        }
    }

    /// Returns what happens to a call. `writes` tells that it changes something.
    pub(crate) fn mishap(self, chance: u64, writes: bool) -> Option<Mishap> {
        let hundredth = chance / 1000 % 100;
        match (self, hundredth, writes) {
            (Self::None, ..) => None,
            (Self::Flaky, 0..12, _) => Some(Mishap::Throttled),
            (Self::Flaky, 12..20, _) => Some(Mishap::Unavailable),
            (Self::Flaky, 20..24, true) => Some(Mishap::AnswerLost),
            (Self::Flaky, 24..26, true) => Some(Mishap::Partial),
            (_, 70..95, true) => Some(Mishap::Slow(u32::try_from(1 + chance % 3).unwrap_or(1))),
            _ => None,
        }
    }
}

/// Returns the number that a seed gives to some words; the same words always give the same number.
pub(crate) fn chance(seed: u64, words: &[&str]) -> u64 {
    let mut bytes = [0; 8];
    for (slot, byte) in bytes.iter_mut().zip(digest(seed, words)) {
        *slot = byte;
    }
    u64::from_le_bytes(bytes)
}

/// Returns 32 bytes that a seed gives to some words.
pub(crate) fn digest(seed: u64, words: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for word in words {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word.as_bytes());
    }
    hash.finalize().to_vec()
}
