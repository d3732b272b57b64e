//! Patterns of names in which a star stands for any text.

/// Tells whether a pattern means the whole of a text. `*` stands for any text, also for none; nothing else is special.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: `*` takes nothing, or one character and is asked again.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) if by_definition(rest, text) => true,
            (['*', ..], [_, left @ ..]) => by_definition(pattern, left),
            ([one, rest @ ..], [first, left @ ..]) => one == first && by_definition(rest, left),
            _ => false,
        }
    }

    #[test]
    fn a_pattern_means_the_whole_name() {
        assert!(wildcard("aws:*:Bucket", "aws:s3:Bucket"));
        assert!(!wildcard("aws:*:Bucket", "aws:s3:BucketPolicy"));
        assert!(!wildcard("s3", "aws:s3:Bucket"));
    }

    proptest! {
        #[test]
        fn a_wildcard_fits_what_its_definition_fits(pattern in "[abé*]{0,8}", text in "[abé]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(wildcard(&pattern, &text), by_definition(&p, &t));
        }
    }
}
