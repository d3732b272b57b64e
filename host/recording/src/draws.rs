//! What the host draws at random for a run that is recorded: drawn once, the same in every replay.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// Where the clock, the random bytes and the idempotency tokens of a recorded run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draws {
    /// When the recording was begun; the clock of its operations starts here.
    instant: Timestamp,
    /// What everything else is derived from. It says nothing about any secret.
    #[serde(serialize_with = "as_hexadecimal", deserialize_with = "hexadecimal")]
    seed: [u8; 32],
}

impl Draws {
    /// Begins with an instant, of which whole seconds count, and 32 random bytes.
    pub fn new(instant: Timestamp, seed: [u8; 32]) -> Self {
        let seconds = Timestamp::from_second(instant.as_second());
        Self {
            instant: seconds.unwrap_or(instant),
            seed,
        }
    }

    /// Returns milliseconds since 1970 at the beginning; 0 for an instant before.
    pub fn milliseconds(&self) -> u64 {
        u64::try_from(self.instant.as_millisecond()).unwrap_or_default()
    }

    /// Returns the seed of one purpose, which says nothing about that of another.
    pub fn seed(&self, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(purpose.as_bytes());
        hash.finalize().into()
    }

    /// Returns an idempotency token by its number, in the form of a UUID of version 7.
    pub fn token(&self, number: u64) -> String {
        let mut bytes = self.seed(&format!("token {number}"));
        let [_, _, time @ ..] = self.milliseconds().to_be_bytes();
        for (byte, time) in bytes.iter_mut().zip(time) {
            *byte = time;
        }
        // Version 7, variant 2.
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = *version & 0x0f | 0x70;
        *variant = *variant & 0x3f | 0x80;
        let digits = hex::encode(bytes);
        let mut token = String::with_capacity(36);
        for (position, digit) in digits.chars().take(32).enumerate() {
            if matches!(position, 8 | 12 | 16 | 20) {
                token.push('-');
            }
            token.push(digit);
        }
        token
    }
}

fn as_hexadecimal<S: Serializer>(seed: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(seed))
}

fn hexadecimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut seed = [0; 32];
    hex::decode_to_slice(&text, &mut seed)
        .map_err(|_| de::Error::custom("expected 64 hexadecimal digits"))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_uuids_of_version_7_that_depend_on_the_seed_and_the_number_alone() {
        let draws = Draws::new(Timestamp::from_second(1_700_000_000).unwrap(), [7; 32]);
        let token = draws.token(1);
        assert_eq!(token, draws.token(1));
        assert_ne!(token, draws.token(2));
        let other = Draws::new(Timestamp::from_second(1_700_000_000).unwrap(), [8; 32]);
        assert_ne!(token, other.token(1));
        let parts: Vec<&str> = token.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        // 1 700 000 000 000 milliseconds.
        assert_eq!(parts[..2].concat(), "018bcfe56800");
        assert!(parts[2].starts_with('7'), "{token}");
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{token}");
    }
}
