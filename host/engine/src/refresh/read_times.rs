//! When each object was last seen as it is. It is no part of the state: what is lost is read again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use konductor_model::Urn;
use sha2::{Digest, Sha256};

/// What the bytes start with.
const HEAD: &[u8; 8] = b"kondread";
/// The bytes of one object: the digest of its identity and the second.
const ONE: usize = 12;

/// Which objects are read before a plan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All.
    All,
    /// Those that were not read for so long, and those that the plan would touch.
    OlderThan(Duration),
    /// None.
    Nothing,
}

impl From<bool> for Reading {
    /// Reads everything or nothing.
    fn from(all: bool) -> Self {
        if all { Self::All } else { Self::Nothing }
    }
}

/// When each object was last read, created or changed, to the second.
#[derive(Debug, Default)]
pub struct ReadTimes(Mutex<HashMap<u64, u32>>);

impl ReadTimes {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote; of anything else nothing is known.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut times = HashMap::new();
        if let Some(rest) = bytes.strip_prefix(HEAD) {
            for one in rest.chunks_exact(ONE) {
                let (mut key, mut second) = ([0; 8], [0; 4]);
                let (first, last) = one.split_at(key.len());
                key.copy_from_slice(first);
                second.copy_from_slice(last);
                times.insert(u64::from_le_bytes(key), u32::from_le_bytes(second));
            }
        }
        Self(Mutex::new(times))
    }

    /// Writes them for [`from_bytes`](Self::from_bytes), without those before a time.
    pub fn to_bytes(&self, since: SystemTime) -> Vec<u8> {
        let since = seconds(since);
        let times = self.times();
        let mut bytes = Vec::with_capacity(HEAD.len() + ONE * times.len());
        bytes.extend_from_slice(HEAD);
        for (key, second) in times.iter().filter(|(_, second)| **second >= since) {
            bytes.extend_from_slice(&key.to_le_bytes());
            bytes.extend_from_slice(&second.to_le_bytes());
        }
        bytes
    }

    /// Takes note that an object was seen now.
    pub(crate) fn seen(&self, urn: &Urn, id: &str) {
        self.times().insert(key(urn, id), seconds(SystemTime::now()));
    }

    /// Tells whether an object was seen within a time. A time that lies ahead is a clock that was set back.
    pub(crate) fn within(&self, urn: &Urn, id: &str, age: Duration) -> bool {
        let now = seconds(SystemTime::now());
        let age = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        self.times()
            .get(&key(urn, id))
            .is_some_and(|second| *second <= now && now - *second < age)
    }

    fn times(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(time: SystemTime) -> u32 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// An object that is replaced has another identifier, and was then not read yet.
fn key(urn: &Urn, id: &str) -> u64 {
    let digest = Sha256::new()
        .chain_update(urn.to_string())
        .chain_update([0])
        .chain_update(id)
        .finalize();
    let mut key = [0; 8];
    for (place, byte) in key.iter_mut().zip(digest) {
        *place = byte;
    }
    u64::from_le_bytes(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_for_each_object_and_survive_bytes() {
        let urn: Urn = "urn:konductor:shop:dev:aws:ec2:Vpc::a".parse().unwrap();
        let times = ReadTimes::default();
        let hour = Duration::from_secs(3_600);
        assert!(!times.within(&urn, "1", hour));
        times.seen(&urn, "1");
        let since = SystemTime::now() - hour;
        let again = ReadTimes::from_bytes(&times.to_bytes(since));
        assert!(again.within(&urn, "1", hour));
        assert!(
            !again.within(&urn, "2", hour),
            "another object under the name was not read"
        );
        assert!(!again.within(&urn, "1", Duration::ZERO));
        let later = SystemTime::now() + hour;
        assert!(!ReadTimes::from_bytes(&times.to_bytes(later)).within(&urn, "1", hour));
        assert!(!ReadTimes::from_bytes(b"something else").within(&urn, "1", hour));
    }
}
