//! Reading a `credentials` section: every problem is collected with its place, and no value is ever repeated.

use std::collections::BTreeMap;

use konductor_model::Value;

/// Reads members of a section and collects what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct SectionReader {
    /// The places below the section, and what is wrong there.
    pub(crate) problems: Vec<(String, String)>,
}

impl SectionReader {
    /// Returns a value as the map that it should be.
    pub(crate) fn map<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a BTreeMap<String, Value>> {
        let map = value.as_map();
        if map.is_none() {
            self.problem(at, &format!("is a {}; a map was expected", value.kind()));
        }
        map
    }

    /// Finds members that nothing reads.
    pub(crate) fn known(&mut self, at: &str, map: &BTreeMap<String, Value>, names: &[&str]) {
        for name in map.keys().filter(|name| !names.contains(&name.as_str())) {
            self.problem(
                &member(at, name),
                &format!("is not known here; known are {}", names.join(", ")),
            );
        }
    }

    /// Reads a text that may be left out.
    pub(crate) fn text(&mut self, map: &BTreeMap<String, Value>, at: &str, name: &str) -> Option<String> {
        match map.get(name)?.reveal() {
            Value::Null => None,
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            Value::Text(_) => {
                self.problem(&member(at, name), "is empty; give a value or remove it");
                None
            }
            // Account numbers and the like come unquoted.
            Value::Integer(number) => Some(number.to_string()),
            other => {
                self.problem(
                    &member(at, name),
                    &format!("is a {}; a text was expected", other.kind()),
                );
                None
            }
        }
    }

    /// Reads a text that must be there and fit into a header.
    pub(crate) fn header_text(
        &mut self,
        map: &BTreeMap<String, Value>,
        at: &str,
        name: &str,
    ) -> Option<String> {
        if map.get(name).is_none_or(|value| value.reveal().is_null()) {
            self.problem(&member(at, name), "is missing");
        }
        let text = self.text(map, at, name)?;
        if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Some(text);
        }
        self.problem(
            &member(at, name),
            "holds a control character or one outside ASCII, which no header may hold",
        );
        None
    }

    /// Notes what is wrong at a place.
    pub(crate) fn problem(&mut self, at: &str, problem: &str) {
        self.problems.push((at.to_owned(), problem.to_owned()));
    }
}

/// Returns the path of a member below a place; the section itself is the empty path.
fn member(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}
