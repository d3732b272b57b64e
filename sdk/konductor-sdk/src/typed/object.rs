//! What operations answer with.

use konductor_model::provider::{Listed, ObjectState, Outcome, Progress};
use konductor_model::{Failure, Value};

use super::{Attributes, Resource};

/// An object in the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<R> {
    /// The identifier that it is read by.
    pub id: String,
    /// Its attributes.
    pub attributes: R,
    /// Bytes that only the provider reads.
    pub private: Vec<u8>,
}

impl<R> Object<R> {
    /// Makes an object.
    pub fn new(id: impl Into<String>, attributes: R) -> Self {
        Self {
            id: id.into(),
            attributes,
            private: Vec::new(),
        }
    }

    /// Makes an object whose identifier is its identity: the values of the attributes that name it, joined by `/`. None
    /// where one of them is not there.
    pub fn identified(attributes: R) -> Option<Self>
    where
        R: Resource,
    {
        let values = attributes.to_map();
        let names: Option<Vec<String>> = R::IDENTITY
            .iter()
            .map(|name| match values.get(*name)?.reveal() {
                Value::Text(text) => (!text.is_empty()).then(|| text.clone()),
                Value::Integer(number) => Some(number.to_string()),
                _ => None,
            })
            .collect();
        Some(Self::new(names?.join("/"), attributes))
    }

    /// Makes an object of what an API answered; see [`Attributes::from_json`].
    ///
    /// # Errors
    /// When attributes are missing, or of another type.
    pub fn from_json(id: impl Into<String>, answer: &serde_json::Value) -> Result<Self, Failure>
    where
        R: Attributes,
    {
        Ok(Self::new(id, R::from_json(answer)?))
    }

    /// Makes an object of what an API answered, whose identifier is a member of it.
    ///
    /// # Errors
    /// When the identifier or attributes are missing, or of another type.
    pub fn named_in_json(member: &str, answer: &serde_json::Value) -> Result<Self, Failure>
    where
        R: Attributes,
    {
        match answer.get(member).and_then(serde_json::Value::as_str) {
            Some(id) if !id.is_empty() => Self::from_json(id, answer),
            _ => Err(super::json::unreadable(&format!(
                "`{member}` is no text, or empty"
            ))),
        }
    }

    /// Sets the bytes that only the provider reads.
    #[must_use]
    pub fn private(mut self, private: impl Into<Vec<u8>>) -> Self {
        self.private = private.into();
        self
    }
}

impl<R: Attributes> From<Object<R>> for ObjectState {
    fn from(object: Object<R>) -> Self {
        Self {
            id: object.id,
            attributes: Value::Map(object.attributes.to_map()),
            private: object.private,
            schema_version: 0,
        }
    }
}

/// How a create or an update ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made<R> {
    /// The object is as asked for.
    Complete(Object<R>),
    /// It takes longer: the host polls.
    InProgress(Progress),
    /// Something exists, but not what was asked for.
    Partial(Object<R>, Failure),
}

impl<R> From<Object<R>> for Made<R> {
    fn from(object: Object<R>) -> Self {
        Self::Complete(object)
    }
}

impl<R: Attributes> From<Made<R>> for Outcome {
    fn from(made: Made<R>) -> Self {
        match made {
            Made::Complete(object) => Self::Complete(object.into()),
            Made::InProgress(progress) => Self::InProgress(progress),
            Made::Partial(object, failure) => Self::Partial(object.into(), failure),
        }
    }
}

/// How a delete ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// The object is gone.
    Complete,
    /// It takes longer: the host polls.
    InProgress(Progress),
}

impl From<Deleted> for Outcome {
    fn from(deleted: Deleted) -> Self {
        match deleted {
            Deleted::Complete => Self::Deleted,
            Deleted::InProgress(progress) => Self::InProgress(progress),
        }
    }
}

/// How an operation that takes longer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled<R> {
    /// A create or an update ended, or goes on.
    Made(Made<R>),
    /// A delete ended, or goes on.
    Deleted(Deleted),
}

impl<R: Attributes> From<Polled<R>> for Outcome {
    fn from(polled: Polled<R>) -> Self {
        match polled {
            Polled::Made(made) => made.into(),
            Polled::Deleted(deleted) => deleted.into(),
        }
    }
}

/// Some objects, and where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<R> {
    /// The objects.
    pub objects: Vec<Object<R>>,
    /// The cursor of the next page; none on the last.
    pub next_cursor: Option<String>,
}

impl<R> FromIterator<Object<R>> for Page<R> {
    /// Makes the only page: for APIs that list everything at once.
    fn from_iter<I: IntoIterator<Item = Object<R>>>(objects: I) -> Self {
        Self {
            objects: objects.into_iter().collect(),
            next_cursor: None,
        }
    }
}

impl<R: Attributes> From<Page<R>> for Listed {
    fn from(page: Page<R>) -> Self {
        Self {
            objects: page.objects.into_iter().map(Into::into).collect(),
            next_cursor: page.next_cursor,
        }
    }
}
