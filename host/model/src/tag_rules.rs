//! What a cloud allows in the tags or labels of its resources.

use serde::{Deserialize, Serialize};

/// What a cloud allows in the tags or labels of its resources. A plugin says it in its manifest; what the run writes there
/// by itself is made to fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRules {
    /// The most tags of one resource.
    pub most: usize,
    /// The most characters of a key.
    pub longest_key: usize,
    /// The most characters of a value.
    pub longest_value: usize,
    /// There are no upper-case letters.
    #[serde(default)]
    pub lower_case: bool,
    /// What is allowed beside letters and digits; any character, where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub besides: Option<String>,
    /// What is not allowed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub never: String,
}

impl TagRules {
    /// Returns the rules for AWS: 50 tags, keys of 128 characters and values of 256, in letters, digits, spaces and
    /// `_ . : / = + - @` (AWS General Reference, "Tag naming limits and requirements").
    pub fn aws() -> Self {
        Self {
            most: 50,
            longest_key: 128,
            longest_value: 256,
            lower_case: false,
            besides: Some(" _.:/=+-@".to_owned()),
            never: String::new(),
        }
    }

    /// Returns the rules for Azure: 50 tags, keys of 512 characters, 128 for storage accounts, and values of 256; keys
    /// hold none of `< > % & \ ? /` (Azure Resource Manager, "Use tags to organize your Azure resources"). The shorter
    /// limit holds for all, and values are written like keys.
    pub fn azure() -> Self {
        Self {
            most: 50,
            longest_key: 128,
            longest_value: 256,
            lower_case: false,
            besides: None,
            never: r"<>%&\?/".to_owned(),
        }
    }

    /// Returns the rules for Google Cloud: 64 labels, keys and values of 63 characters, in lower-case letters, digits, `_`
    /// and `-` (Resource Manager, "Requirements for labels").
    pub fn google() -> Self {
        Self {
            most: 64,
            longest_key: 63,
            longest_value: 63,
            lower_case: true,
            besides: Some("_-".to_owned()),
            never: String::new(),
        }
    }
}
