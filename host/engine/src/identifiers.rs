//! Which record manages which object: no object may be managed twice, whatever a plugin answers.
//!
//! Two records that name one object would delete it under each other's feet. Objects are told apart by plugin
//! instance, type, `region` attribute and identifier: what a cloud calls the same in two accounts are two objects.

use std::borrow::Borrow;
use std::collections::HashMap;

use konductor_model::provider::ObjectState;
use konductor_model::{Disposition, Failure, ResourceType, Urn};
use konductor_state::record::ResourceRecord;
use sha2::{Digest, Sha256};

/// The objects that are managed, each with the record that does.
#[derive(Debug, Default)]
pub(crate) struct Identifiers(HashMap<Key, Urn>);

/// What tells objects apart, as a digest: it is as long for a short identifier as for a long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key([u8; 16]);

impl Key {
    fn new(instance: &str, resource_type: &ResourceType, object: &ObjectState) -> Self {
        let region = object.attributes.attribute("region");
        let region = region.and_then(|region| region.as_text());
        let mut digest = Sha256::new();
        for part in [
            Some(instance),
            Some(resource_type.as_str()),
            region,
            Some(object.id.as_str()),
        ] {
            // With their lengths no two ways to divide a text give the same digest; no region is not the empty one.
            digest.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            digest.update(part.unwrap_or_default());
        }
        let mut key = [0; 16];
        for (place, byte) in key.iter_mut().zip(digest.finalize()) {
            *place = byte;
        }
        Self(key)
    }
}

impl Identifiers {
    /// Collects the objects of records, superseded ones included.
    pub(crate) fn of<R: Borrow<ResourceRecord>>(records: impl IntoIterator<Item = R>) -> Self {
        let mut found = HashMap::new();
        for record in records {
            let record = record.borrow();
            let deposed = record.deposed.iter().map(|deposed| &deposed.object);
            for object in record.object.iter().chain(deposed) {
                found.insert(
                    Key::new(&record.plugin.name, record.urn.resource_type(), object),
                    record.urn.clone(),
                );
            }
        }
        Self(found)
    }

    /// Returns the record that manages an object of a type.
    pub(crate) fn owner(
        &self,
        instance: &str,
        resource_type: &ResourceType,
        object: &ObjectState,
    ) -> Option<&Urn> {
        self.0.get(&Key::new(instance, resource_type, object))
    }

    /// Returns the other record that manages an object.
    pub(crate) fn other_owner(&self, instance: &str, urn: &Urn, object: &ObjectState) -> Option<&Urn> {
        self.owner(instance, urn.resource_type(), object)
            .filter(|owner| *owner != urn)
    }

    /// Takes an object for a record, unless another one that `manages` it still has it.
    pub(crate) fn claim(
        &mut self,
        instance: &str,
        urn: &Urn,
        object: &ObjectState,
        manages: impl Fn(&Urn, &str) -> bool,
    ) -> Result<(), Urn> {
        let key = Key::new(instance, urn.resource_type(), object);
        if let Some(owner) = self.0.get(&key)
            && owner != urn
            && manages(owner, &object.id)
        {
            return Err(owner.clone());
        }
        self.0.insert(key, urn.clone());
        Ok(())
    }
}

/// Tells whether a record manages an object of an identifier.
pub(crate) fn manages(record: &ResourceRecord, id: &str) -> bool {
    record.object.as_ref().is_some_and(|object| object.id == id)
        || record.deposed.iter().any(|deposed| deposed.object.id == id)
}

/// Makes the failure for an object that another record manages.
pub(crate) fn managed_twice(plugin: &str, urn: &Urn, id: &str, owner: &Urn) -> Failure {
    Failure::new(
        Disposition::AlreadyExists,
        format!(
            "the plugin `{plugin}` answered for `{}` with the object `{id}`, which `{}` manages; it stays there, and nothing is recorded for `{}`: if both declare the same object, remove one of them, else report this to the plugin's author",
            urn.name(),
            owner.name(),
            urn.name()
        ),
    )
}

/// Makes the failure for a new object that is the one it was to supersede.
pub(crate) fn supersedes_itself(plugin: &str, urn: &Urn, id: &str) -> Failure {
    Failure::new(
        Disposition::AlreadyExists,
        format!(
            "the plugin `{plugin}` answered the create of a new object for `{}` with the old one, `{id}`, which would then be deleted; the record stays as it was: set the option `delete_before_replace`, or report this to the plugin's author",
            urn.name()
        ),
    )
}
