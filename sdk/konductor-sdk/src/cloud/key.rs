//! Keys that follow from what they are for.

use uuid::Uuid;

/// Returns a UUID that is the same for the same parts, and another one for others: the key of a step for a cloud that wants
/// UUIDs, made of the idempotency token. It protects nothing.
pub fn uuid_of(parts: &[&str]) -> String {
    // No part holds what stands between them.
    Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\0").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_have_the_same_key_and_others_another_one() {
        assert_eq!(uuid_of(&["one", "labels"]), uuid_of(&["one", "labels"]));
        assert_ne!(uuid_of(&["one", "labels"]), uuid_of(&["one", "tags"]));
        assert_ne!(uuid_of(&["one", "labels"]), uuid_of(&["onel", "abels"]));
        let lengths: Vec<usize> = uuid_of(&["one"]).split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
