//! What a check finds.

use konductor_model::checks::CheckFinding;
use serde_json::{Map, Value};

use super::document::Resource;

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    message: String,
    warning: bool,
    details: Map<String, Value>,
}

impl Finding {
    /// Says what is wrong: what follows is decided by the level of the package.
    pub fn deny(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            warning: false,
            details: Map::new(),
        }
    }

    /// Says something that is told, and nothing follows.
    pub fn warn(message: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::deny(message)
        }
    }

    /// Says which resource it is about.
    #[must_use]
    pub fn resource(self, resource: &Resource) -> Self {
        let finding = self
            .detail("resource", resource.name())
            .detail("address", resource.address());
        let known = [("urn", resource.urn()), ("place", resource.place())];
        known
            .into_iter()
            .fold(finding, |finding, (name, value)| match value {
                Some(value) => finding.detail(name, value),
                None => finding,
            })
    }

    /// Says which attribute it is about: `tags.owner`.
    #[must_use]
    pub fn attribute(self, path: &str) -> Self {
        self.detail("attribute", path)
    }

    /// Says something else: a control, a page to read.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn of(self, rule: &str) -> CheckFinding {
        CheckFinding {
            rule: rule.to_owned(),
            message: self.message,
            warning: self.warning,
            details: self.details,
        }
    }
}
