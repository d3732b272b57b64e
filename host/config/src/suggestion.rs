//! Did you mean …?

use konductor_model::suggestion::nearest;

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
    fn what_is_known_is_told_where_nothing_is_near() {
        assert_eq!(
            help("cidr_blok", ["cidr_block", "enabled"]).as_deref(),
            Some("did you mean `cidr_block`?")
        );
        assert_eq!(
            help("colour", ["region"]).as_deref(),
            Some("known here: `region`")
        );
        assert_eq!(help("colour", []), None);
    }
}
