//! The time an idempotency token was made at.

/// Returns when a token was made, in milliseconds since the Unix epoch; none when it is no UUID of version 7,
/// which is the one that carries its time.
pub(crate) fn token_time(token: &str) -> Option<i64> {
    let digits: String = token.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.is_ascii() || digits.get(12..13) != Some("7") {
        return None;
    }
    i64::from_str_radix(digits.get(..12)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::token_time;

    #[test]
    fn only_a_token_of_version_7_has_a_time() {
        assert_eq!(
            token_time("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
            Some(1_645_557_742_000)
        );
        assert_eq!(token_time("017f22e2-79b0-4cc3-98c4-dc0c0c07398f"), None);
        assert_eq!(token_time("token"), None);
        assert_eq!(token_time("ééééééééééééééée"), None);
    }
}
