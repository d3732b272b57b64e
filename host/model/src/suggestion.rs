//! Did you mean …?

/// How far apart two names may be at most, however long they are.
const FARTHEST: usize = 5;

/// Returns the known name nearest to a misspelt one, when one is near enough to be meant: at most one in three letters
/// differs, whatever their case, or the name begins with what was given.
pub fn nearest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = given.to_lowercase();
    let begun = given.chars().count() >= 3;
    known
        .into_iter()
        .filter(|name| *name != given)
        .filter_map(|name| {
            let known = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &known);
            let near = (name.chars().count() / 3).clamp(1, FARTHEST);
            if distance <= near {
                return Some((distance, name));
            }
            // Of names that go on differently, the shortest.
            let begun = begun && known.starts_with(&lower);
            begun.then_some((FARTHEST + distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let known = ["cidr_block", "enabled", "region"];
        assert_eq!(nearest("cidr_blok", known), Some("cidr_block"));
        assert_eq!(nearest("Region", known), Some("region"));
        assert_eq!(nearest("cidr", known), Some("cidr_block"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("ci", known), None);
        assert_eq!(nearest("region", known), None);
    }

    #[test]
    fn of_long_names_as_few_letters_may_differ_as_a_slip_changes() {
        let known = [
            "Microsoft.Network/virtualNetworks",
            "Microsoft.Network/virtualNetworkAppliances",
            "Microsoft.Network/natGateways",
        ];
        assert_eq!(nearest("microsoft.network/virtualNetwork", known), Some(known[0]));
        assert_eq!(nearest("Microsoft.Network/loadBalancers", known), None);
    }
}
