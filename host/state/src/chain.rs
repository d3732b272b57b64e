//! The hash chain: every entry's hash covers its own bytes and the hash before it.

use sha2::{Digest, Sha256};

/// Returns the hash that stands before the first entry. It differs from stack to stack, so that the log of one
/// cannot pass for the log of another.
pub(crate) fn origin(project: &str, stack: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"konductor-log-1");
    for name in [project, stack] {
        field(&mut hasher, name.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// Returns the hash of an entry, as lower-case hexadecimal.
pub(crate) fn hash(previous: &str, serial: u64, time: &[u8], body: &[u8]) -> String {
    let mut hasher = Sha256::new();
    field(&mut hasher, previous.as_bytes());
    hasher.update(serial.to_be_bytes());
    field(&mut hasher, time);
    field(&mut hasher, body);
    hex::encode(hasher.finalize())
}

/// Lengths keep two different entries from hashing the same bytes.
fn field(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_every_part_and_where_it_ends() {
        let whole = hash("a", 1, b"bc", b"d");
        for other in [
            hash("", 1, b"bc", b"d"),
            hash("a", 2, b"bc", b"d"),
            hash("a", 1, b"b", b"cd"),
            hash("ab", 1, b"c", b"d"),
            hash("a", 1, b"bc", b"e"),
        ] {
            assert_ne!(whole, other);
        }
        assert_ne!(origin("a", "bc"), origin("ab", "c"));
    }
}
