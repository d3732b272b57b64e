//! A place inside a value, written `tags["a.b"].rules[0].port`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One step down into a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathStep {
    /// The entry of a map.
    Attribute(String),
    /// The element of a list, from 0.
    Index(usize),
}

/// A place inside a value; the empty path is the value itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<PathStep>);

/// Says why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path: {reason} at character {at}")]
pub struct PathError {
    /// The text as given.
    pub text: String,
    /// What is wrong.
    pub reason: &'static str,
    /// The place, counted in characters from 1.
    pub at: usize,
}

impl Path {
    /// Returns the empty path.
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the path of one attribute of the root.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self(vec![PathStep::Attribute(name.into())])
    }

    /// Returns this path with an attribute step added.
    #[must_use]
    pub fn child(&self, name: impl Into<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Attribute(name.into()));
        Self(steps)
    }

    /// Returns this path with an index step added.
    #[must_use]
    pub fn element(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Index(index));
        Self(steps)
    }

    /// Returns this path with all steps of `other` added.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// Adds a step in place.
    pub fn push(&mut self, step: PathStep) {
        self.0.push(step);
    }

    /// Returns the steps.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// Tells whether this is the path of the value itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the name of the first step when it is an attribute.
    pub fn first_attribute(&self) -> Option<&str> {
        match self.0.first() {
            Some(PathStep::Attribute(name)) => Some(name),
            _ => None,
        }
    }

    /// Tells whether `prefix` leads to this path. A path starts with itself.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl From<Vec<PathStep>> for Path {
    fn from(steps: Vec<PathStep>) -> Self {
        Self(steps)
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | ':' | '$' | '@' | '*'))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Attribute(name) if is_plain(name) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(name)?;
                }
                PathStep::Attribute(name) => {
                    write!(f, "[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let chars: Vec<char> = text.chars().collect();
        let fail = |reason, at: usize| PathError {
            text: text.to_owned(),
            reason,
            at: at + 1,
        };
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            if c == '[' {
                at += 1;
                if chars.get(at) == Some(&'"') {
                    at += 1;
                    let mut name = String::new();
                    loop {
                        match chars.get(at) {
                            Some('\\') => {
                                at += 1;
                                name.push(
                                    *chars
                                        .get(at)
                                        .ok_or_else(|| fail("the text ends after `\\`", at))?,
                                );
                            }
                            Some('"') => break,
                            Some(&c) => name.push(c),
                            None => return Err(fail("a `\"` is missing", at)),
                        }
                        at += 1;
                    }
                    at += 1;
                    steps.push(PathStep::Attribute(name));
                } else {
                    let digits: String = chars.iter().skip(at).take_while(|c| c.is_ascii_digit()).collect();
                    let index = digits
                        .parse()
                        .map_err(|_| fail("expected a number or a quoted name", at))?;
                    at += digits.len();
                    steps.push(PathStep::Index(index));
                }
                if chars.get(at) != Some(&']') {
                    return Err(fail("a `]` is missing", at));
                }
                at += 1;
            } else {
                if c == '.' {
                    if steps.is_empty() {
                        return Err(fail("a path does not start with `.`", at));
                    }
                    at += 1;
                } else if !steps.is_empty() {
                    return Err(fail("expected `.` or `[`", at));
                }
                let name: String = chars
                    .iter()
                    .skip(at)
                    .take_while(|c| !matches!(c, '.' | '[' | ']'))
                    .collect();
                if name.is_empty() {
                    return Err(fail("a name is missing", at));
                }
                at += name.chars().count();
                steps.push(PathStep::Attribute(name));
            }
        }
        Ok(Self(steps))
    }
}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_reads_as_it_is_written() {
        let path: Path = r#"tags["a.b \"c\""].rules[10].port"#.parse().unwrap();
        assert_eq!(
            path,
            Path::attribute("tags")
                .child("a.b \"c\"")
                .child("rules")
                .element(10)
                .child("port")
        );
        assert_eq!(path.to_string(), r#"tags["a.b \"c\""].rules[10].port"#);
    }

    #[test]
    fn a_malformed_path_names_the_place() {
        let error = "a[1".parse::<Path>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a[1` is not a path: a `]` is missing at character 4"
        );
        assert!("a..b".parse::<Path>().is_err());
        assert!(".a".parse::<Path>().is_err());
        assert!("a]b".parse::<Path>().is_err());
    }

    proptest! {
        #[test]
        fn every_path_survives_a_round_trip_through_text(
            steps in prop::collection::vec(
                prop_oneof![any::<String>().prop_map(PathStep::Attribute), (0usize..99).prop_map(PathStep::Index)], 0..6)
        ) {
            let path = Path::from(steps);
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
    }
}
