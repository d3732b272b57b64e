//! What operations are asked.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use konductor_model::provider as wire;
use konductor_model::schema::{AttributeKind, AttributeSchema};
use konductor_model::{Disposition, Failure, ResourceName, Value};

use super::{Attributes, Object, Resource};

/// Asks for an object to be created.
#[derive(Debug)]
pub struct Creation<'r, R> {
    /// The checked inputs.
    pub inputs: R,
    request: &'r wire::CreateRequest,
}

impl<'r, R: Resource> Creation<'r, R> {
    pub(super) fn new(request: &'r wire::CreateRequest) -> Result<Self, Failure> {
        Ok(Self {
            inputs: R::from_attributes(&request.inputs)?,
            request,
        })
    }

    /// Returns the name in the stack.
    pub fn name(&self) -> &'r ResourceName {
        &self.request.name
    }

    /// Returns what is the same for every attempt at this create, and for no other: the object made with it is
    /// found again by it.
    pub fn idempotency_token(&self) -> &'r str {
        &self.request.idempotency_token
    }

    /// Returns what was planned; what is not known yet is unknown.
    pub fn planned(&self) -> &'r Value {
        &self.request.planned
    }

    /// Returns the failure of a create that found an object which it did not make.
    pub fn exists_already(&self, id: &str) -> Failure {
        Failure::new(
            Disposition::AlreadyExists,
            format!(
                "there is a {} `{id}` already, which `{}` did not make: import it, or give this one another name",
                R::TYPE,
                self.request.name
            ),
        )
    }
}

/// Asks for an object as it is.
#[derive(Debug)]
pub struct Reading<'r, R> {
    request: &'r wire::ReadRequest,
    resource: PhantomData<R>,
}

impl<'r, R: Resource> Reading<'r, R> {
    pub(super) fn new(request: &'r wire::ReadRequest) -> Self {
        Self {
            request,
            resource: PhantomData,
        }
    }

    /// Returns the identifier.
    pub fn id(&self) -> &'r str {
        &self.request.id
    }

    /// Returns the attributes as last seen, if the object was.
    ///
    /// # Errors
    /// When they are not complete: the object may have been left half made.
    pub fn prior(&self) -> Result<Option<R>, Failure> {
        let prior = self.request.prior.as_ref();
        prior
            .map(|prior| R::from_attributes(&prior.attributes))
            .transpose()
    }
}

/// Asks for an object to be changed.
#[derive(Debug)]
pub struct Change<'r, R> {
    /// The checked inputs wanted now.
    pub inputs: R,
    request: &'r wire::UpdateRequest,
}

impl<'r, R: Resource> Change<'r, R> {
    pub(super) fn new(request: &'r wire::UpdateRequest) -> Result<Self, Failure> {
        Ok(Self {
            inputs: R::from_attributes(&request.inputs)?,
            request,
        })
    }

    /// Returns the identifier.
    pub fn id(&self) -> &'r str {
        &self.request.prior.id
    }

    /// Returns the attributes as last seen.
    ///
    /// # Errors
    /// When they are not complete: the object may have been left half made.
    pub fn prior(&self) -> Result<R, Failure> {
        R::from_attributes(&self.request.prior.attributes)
    }

    /// Returns the object as it should be afterwards: what is wanted now, and what only the provider sets as last seen.
    ///
    /// # Errors
    /// When the attributes as last seen are not complete.
    pub fn expected(&self) -> Result<Object<R>, Failure> {
        let mut attributes = self.request.prior.attributes.clone();
        if let Some(map) = attributes.as_map_mut() {
            let schemas = R::attributes();
            let provided = |name: &String| {
                let schema = schemas.get(name);
                schema.is_some_and(|attribute| attribute.output_only || attribute.computed)
            };
            map.retain(|name, _| provided(name));
            map.extend(R::from_attributes(&self.request.inputs)?.to_map());
        }
        Ok(Object {
            id: self.request.prior.id.clone(),
            attributes: R::from_attributes(&attributes)?,
            private: self.request.prior.private.clone(),
        })
    }

    /// Returns the provider's own bytes of the object.
    pub fn private(&self) -> &'r [u8] {
        &self.request.prior.private
    }

    /// Returns what is the same for every attempt at this update.
    pub fn idempotency_token(&self) -> &'r str {
        &self.request.idempotency_token
    }
}

/// Asks for an object to be deleted.
#[derive(Debug)]
pub struct Deletion<'r, R> {
    request: &'r wire::DeleteRequest,
    resource: PhantomData<R>,
}

impl<'r, R: Resource> Deletion<'r, R> {
    pub(super) fn new(request: &'r wire::DeleteRequest) -> Self {
        Self {
            request,
            resource: PhantomData,
        }
    }

    /// Returns the identifier.
    pub fn id(&self) -> &'r str {
        &self.request.prior.id
    }

    /// Returns the attributes as last seen.
    ///
    /// # Errors
    /// When they are not complete: the object may have been left half made.
    pub fn prior(&self) -> Result<R, Failure> {
        R::from_attributes(&self.request.prior.attributes)
    }
}

/// Asks how an operation stands.
#[derive(Debug)]
pub struct Polling<'r, R> {
    request: &'r wire::PollRequest,
    resource: PhantomData<R>,
}

impl<'r, R: Attributes> Polling<'r, R> {
    pub(super) fn new(request: &'r wire::PollRequest) -> Self {
        Self {
            request,
            resource: PhantomData,
        }
    }

    /// Returns which operation it is.
    pub fn operation(&self) -> wire::OperationKind {
        self.request.operation
    }

    /// Returns the handle that the operation answered with.
    pub fn handle(&self) -> &'r [u8] {
        &self.request.handle
    }

    /// Returns the attributes the operation works towards, or those that a delete removes; what only the provider
    /// sets is left out while it is unknown.
    ///
    /// # Errors
    /// When something else is missing.
    pub fn planned(&self) -> Result<R, Failure> {
        R::from_attributes(&without_unknown(&R::attributes(), &self.request.planned))
    }
}

/// Returns values without those that only the provider knows and has not said yet, also inside of objects.
fn without_unknown(attributes: &BTreeMap<String, AttributeSchema>, values: &Value) -> Value {
    let Some(values) = values.as_map() else {
        return values.clone();
    };
    let known = values.iter().filter_map(|(name, value)| {
        let attribute = attributes.get(name);
        let provided = attribute.is_some_and(|attribute| attribute.computed);
        if provided && value.is_unknown() {
            return None;
        }
        let value = attribute.map_or_else(|| value.clone(), |attribute| known_inside(attribute, value));
        Some((name.clone(), value))
    });
    Value::Map(known.collect())
}

fn known_inside(attribute: &AttributeSchema, value: &Value) -> Value {
    match (&attribute.kind, value.reveal()) {
        (AttributeKind::Object { attributes }, Value::Map(_)) => without_unknown(attributes, value),
        (AttributeKind::List { items, .. }, Value::List(list)) => {
            Value::List(list.iter().map(|element| known_inside(items, element)).collect())
        }
        (AttributeKind::Map { values }, Value::Map(map)) => {
            let inside = |(key, value): (&String, &Value)| (key.clone(), known_inside(values, value));
            Value::Map(map.iter().map(inside).collect())
        }
        _ => value.clone(),
    }
}
