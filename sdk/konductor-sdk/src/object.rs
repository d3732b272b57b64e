//! Putting objects together.

use std::collections::BTreeMap;

use konductor_model::Value;
use konductor_model::provider::ObjectState;

/// An object under construction.
#[derive(Debug, Clone)]
pub struct ObjectBuilder {
    id: String,
    attributes: BTreeMap<String, Value>,
    private: Vec<u8>,
}

/// Starts an object with its identifier in the cloud.
pub fn object(id: impl Into<String>) -> ObjectBuilder {
    ObjectBuilder {
        id: id.into(),
        attributes: BTreeMap::new(),
        private: Vec::new(),
    }
}

impl ObjectBuilder {
    /// Sets an attribute; null leaves it out.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.is_null() {
            self.attributes.remove(name);
        } else {
            self.attributes.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets every attribute of a map, over those set before.
    #[must_use]
    pub fn extend(mut self, attributes: &Value) -> Self {
        if let Some(map) = attributes.as_map() {
            for (name, value) in map {
                self = self.set(name, value.clone());
            }
        }
        self
    }

    /// Sets the bytes that only the provider reads.
    #[must_use]
    pub fn private(mut self, private: impl Into<Vec<u8>>) -> Self {
        self.private = private.into();
        self
    }

    /// Returns the object. Its schema version is filled in by the SDK.
    pub fn build(self) -> ObjectState {
        ObjectState {
            id: self.id,
            attributes: Value::Map(self.attributes),
            private: self.private,
            schema_version: 0,
        }
    }
}
