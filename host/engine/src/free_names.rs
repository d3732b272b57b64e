//! Names for objects that have none yet.

use std::collections::BTreeSet;

use konductor_model::ResourceName;

/// The longest name that is given, without its number.
const LONGEST: usize = 200;

/// Names, each of which is given once.
#[derive(Debug, Clone, Default)]
pub struct FreeNames(BTreeSet<String>);

impl FreeNames {
    /// Returns all names but those that something has already.
    pub fn beside(taken: impl IntoIterator<Item = String>) -> Self {
        Self(taken.into_iter().collect())
    }

    /// Makes a resource name of any text: what cannot stand in one becomes `-`, and what is taken gets a number.
    pub fn give(&mut self, wanted: &str) -> ResourceName {
        let mut base = String::new();
        for character in wanted.chars().take(LONGEST) {
            if character.is_ascii_alphanumeric() || (character == '_' && !base.is_empty()) {
                base.push(character);
            } else if !base.is_empty() && !base.ends_with('-') {
                base.push('-');
            }
        }
        base.truncate(base.trim_end_matches('-').len());
        if base.is_empty() {
            base.push_str("resource");
        }
        let mut name = base.clone();
        let mut number = 1;
        loop {
            if !self.0.contains(&name)
                && let Ok(given) = name.parse()
            {
                self.0.insert(name);
                return given;
            }
            number += 1;
            name = format!("{base}-{number}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_makes_a_resource_name_and_none_is_given_twice() {
        let mut names = FreeNames::beside(["web".to_owned()]);
        let long = "x".repeat(400);
        let texts = ["web", "web", "_x", "ÄÖ", "", "a b/c", "-", "a--b", &long, &long];
        let given: BTreeSet<ResourceName> = texts.iter().map(|text| names.give(text)).collect();
        assert_eq!(given.len(), texts.len());
        assert!(!given.contains("web"));
        assert!(given.contains("web-3") && given.contains("a-b-c"), "{given:?}");
    }
}
