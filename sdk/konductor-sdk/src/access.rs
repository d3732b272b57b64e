//! Typed access to the attributes of inputs and objects.

use std::collections::BTreeMap;

use konductor_model::value_json::{Secrets, to_json};
use konductor_model::{Disposition, Failure, Path, Value};

/// Reads attributes by name and type; secrets are revealed, null counts as absent.
pub trait AttributeAccess {
    /// Returns an attribute that is given and known.
    fn given(&self, name: &str) -> Option<&Value>;

    /// Returns a text.
    ///
    /// # Errors
    /// When it is absent, unknown or no text.
    fn text(&self, name: &str) -> Result<&str, Failure>;

    /// Returns a text if there is one.
    fn optional_text(&self, name: &str) -> Option<&str> {
        self.given(name).and_then(Value::as_text)
    }

    /// Returns a text, owned, if there is one: what the builders of the AWS SDK take.
    fn owned_text(&self, name: &str) -> Option<String> {
        self.optional_text(name).map(str::to_owned)
    }

    /// Returns a boolean if there is one.
    fn optional_boolean(&self, name: &str) -> Option<bool> {
        self.given(name).and_then(Value::as_boolean)
    }

    /// Returns a boolean; absent is false.
    fn boolean(&self, name: &str) -> bool {
        self.optional_boolean(name).unwrap_or_default()
    }

    /// Returns an integer if there is one.
    fn optional_integer(&self, name: &str) -> Option<i64> {
        self.given(name).and_then(Value::as_integer)
    }

    /// Returns a 32-bit integer if there is one.
    fn optional_small_integer(&self, name: &str) -> Option<i32> {
        self.optional_integer(name).and_then(|v| i32::try_from(v).ok())
    }

    /// Returns the elements of a list; absent is empty.
    fn elements(&self, name: &str) -> &[Value] {
        self.given(name).and_then(Value::as_list).unwrap_or_default()
    }

    /// Returns the texts of a list; absent is empty, what is no text is left out.
    fn text_list(&self, name: &str) -> Vec<String> {
        self.elements(name)
            .iter()
            .filter_map(|v| v.as_text().map(str::to_owned))
            .collect()
    }

    /// Returns the texts of a map; absent is empty, what is no text is left out.
    fn text_map(&self, name: &str) -> BTreeMap<String, String> {
        self.given(name)
            .and_then(Value::as_map)
            .map(|map| {
                map.iter()
                    .filter_map(|(k, v)| Some((k.clone(), v.as_text()?.to_owned())))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Returns a JSON document as text, given as text or as structured data.
    fn json_text(&self, name: &str) -> Option<String> {
        match self.given(name)?.reveal() {
            Value::Text(text) => Some(text.clone()),
            other => Some(to_json(&other.clone().without_secret_marks(), Secrets::Marked).to_string()),
        }
    }
}

impl AttributeAccess for Value {
    fn given(&self, name: &str) -> Option<&Value> {
        self.attribute(name)
            .filter(|v| !matches!(v.reveal(), Value::Null | Value::Unknown))
    }

    fn text(&self, name: &str) -> Result<&str, Failure> {
        let found = self.attribute(name).unwrap_or(&Value::Null);
        found.as_text().ok_or_else(|| {
            let mut failure = Failure::new(
                Disposition::Invalid,
                format!("`{name}` must be a text, but is {}", found.reveal().kind()),
            );
            failure.at = Some(Path::attribute(name));
            failure
        })
    }
}
