//! Did you mean …?

/// Returns the known name nearest to a misspelt one, when one is near enough to be meant.
pub fn nearest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = given.to_lowercase();
    known
        .into_iter()
        .filter(|name| *name != given)
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .min()
        .map(|(_, name)| name)
}

/// Returns `did you mean …?`, or the list of what is known when that is short, or nothing.
pub(crate) fn help<'n>(given: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> Option<String> {
    if let Some(name) = nearest(given, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let known: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    (!known.is_empty() && known.len() <= 16).then(|| format!("known here: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        assert_eq!(
            nearest("cidr_blok", ["cidr_block", "enabled"]),
            Some("cidr_block")
        );
        assert_eq!(nearest("Region", ["region"]), Some("region"));
        assert_eq!(nearest("colour", ["region", "enabled"]), None);
        assert_eq!(
            help("colour", ["region"]).as_deref(),
            Some("known here: `region`")
        );
        assert_eq!(help("colour", []), None);
    }
}
