//! Reading a section of the configuration: everything that is wrong with it is said at once, each with its place.

use std::collections::BTreeMap;

use konductor_model::value_json::to_plain_json;
use konductor_model::{Diagnostic, Diagnostics, Path, SecretText, Value};

use crate::configuration::Configuration;

/// A section that is read.
pub(crate) struct Reading<'c> {
    pub(crate) configuration: &'c Configuration,
    pub(crate) diagnostics: Diagnostics,
}

impl Reading<'_> {
    /// Tells what is wrong at a place, and what to do.
    pub(crate) fn wrong(&mut self, at: &Path, summary: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(
            Diagnostic::error(summary.into())
                .help(help.into())
                .at(at.clone())
                .origin(self.configuration.locate_setting(at)),
        );
    }

    /// Tells that a value is of another form.
    pub(crate) fn expected(&mut self, at: &Path, value: &Value, what: &str, example: &str) {
        let shown = if value.has_secret() {
            "a secret".to_owned()
        } else {
            to_plain_json(value).to_string()
        };
        let summary = format!("`{at}` is {shown}, expected {what}");
        self.wrong(at, summary, format!("write for example `{example}`"));
    }

    /// Tells keys that nothing reads.
    pub(crate) fn only(&mut self, at: &Path, value: &Value, known: &[&str]) {
        for name in value.as_map().into_iter().flat_map(BTreeMap::keys) {
            if known.contains(&name.as_str()) {
                continue;
            }
            let help = match konductor_model::suggestion::nearest(name, known.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("there are `{}`", known.join("`, `")),
            };
            self.wrong(&at.child(name), format!("`{at}` has no `{name}`"), help);
        }
    }

    /// Returns the maps in a list, each with its place.
    pub(crate) fn list(&mut self, at: &Path, value: Option<&Value>, example: &str) -> Vec<(Path, Value)> {
        let Some(value) = value else { return Vec::new() };
        let Some(list) = value.as_list() else {
            self.expected(at, value, "a list of maps", &format!("[{example}]"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, element) in list.iter().enumerate() {
            let at = at.element(index);
            if element.as_map().is_some() {
                found.push((at, element.clone()));
            } else {
                self.expected(&at, element, "a map", example);
            }
        }
        found
    }

    /// Returns a text that is one of some words.
    pub(crate) fn word(&mut self, at: &Path, value: Option<&Value>, known: &[&str]) -> Option<String> {
        let value = value.unwrap_or(&Value::Null);
        let found = value.as_text().filter(|text| known.contains(text));
        if found.is_none() {
            let what = format!("one of {}", known.join(", "));
            self.expected(at, value, &what, known.first().copied().unwrap_or_default());
        }
        found.map(str::to_owned)
    }

    /// Returns a text that is not empty.
    pub(crate) fn text(&mut self, at: &Path, value: Option<&Value>, example: &str) -> Option<String> {
        let value = value.unwrap_or(&Value::Null);
        match value.as_text().filter(|text| !text.is_empty()) {
            Some(text) => Some(text.to_owned()),
            None => {
                self.expected(at, value, "text", example);
                None
            }
        }
    }

    /// Returns a list of texts.
    pub(crate) fn texts(&mut self, at: &Path, value: &Value, example: &str) -> Option<Vec<String>> {
        let texts: Option<Vec<String>> = value.as_list().and_then(|list| {
            list.iter()
                .map(|value| value.as_text().map(str::to_owned))
                .collect()
        });
        if texts.is_none() {
            self.expected(at, value, "a list of texts", example);
        }
        texts
    }

    /// Returns a URL, which may hold a token.
    pub(crate) fn url(&mut self, at: &Path, value: &Value, example: &str) -> Option<SecretText> {
        match value.as_text().filter(|text| text.contains("://")) {
            Some(text) => Some(SecretText::new(text.to_owned())),
            None => {
                // A URL without its scheme may still carry a token.
                self.wrong(
                    at,
                    format!("`{at}` is no URL"),
                    format!("write for example `{example}`"),
                );
                None
            }
        }
    }

    /// Returns headers, which may hold credentials.
    pub(crate) fn headers(
        &mut self,
        at: &Path,
        value: Option<&Value>,
    ) -> Option<BTreeMap<String, SecretText>> {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Some(BTreeMap::new());
        };
        let texts = value.as_map().and_then(|map| {
            map.iter()
                .map(|(name, value)| Some((name.clone(), SecretText::new(value.as_text()?.to_owned()))))
                .collect::<Option<BTreeMap<_, _>>>()
        });
        if texts.is_none() {
            self.expected(
                at,
                value,
                "a map of texts",
                "headers: { Authorization: { secure: \"v1:…\" } }",
            );
        }
        texts
    }
}
