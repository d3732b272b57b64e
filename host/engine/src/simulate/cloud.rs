//! The objects of the simulated cloud.
//!
//! Secrets are not kept: what an object is read with comes from what the reader has seen before. So neither
//! memory nor file of a rehearsal holds them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use konductor_model::Value;
use konductor_model::provider::ObjectState;
use serde::{Deserialize, Serialize};

use crate::simulate::profile::{Profile, chance};
use crate::simulate::store::{Effect, Store, StoreError};

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimulatedObject {
    /// Its type.
    pub resource_type: String,
    /// The name of the resource it was made for.
    pub name: String,
    /// Its identifier.
    pub id: String,
    /// The token it was made with.
    pub idempotency_token: String,
    /// Its attributes, without secrets.
    pub attributes: Value,
    /// Counts its changes.
    pub changes: u32,
    /// The schema version it was made with.
    pub schema_version: u32,
}

impl SimulatedObject {
    /// Returns the object as a provider answers with it. Secrets come from what was seen before.
    pub(crate) fn state(&self, seen: Option<&Value>) -> ObjectState {
        ObjectState {
            id: self.id.clone(),
            attributes: match seen {
                Some(seen) => with_secrets_of(self.attributes.clone(), seen),
                None => self.attributes.clone(),
            },
            private: Vec::new(),
            schema_version: self.schema_version,
        }
    }
}

/// Takes secrets out.
pub(crate) fn without_secrets(value: Value) -> Value {
    match value {
        Value::Secret(_) => Value::Null,
        Value::List(list) => Value::List(list.into_iter().map(without_secrets).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, without_secrets(v))).collect()),
        other => other,
    }
}

fn with_secrets_of(value: Value, seen: &Value) -> Value {
    match (value, seen) {
        (Value::Null, seen @ Value::Secret(_)) => seen.clone(),
        (Value::Map(mut map), Value::Map(seen)) => {
            for (name, seen) in seen {
                if let Some(place) = map.get_mut(name) {
                    let inner = std::mem::take(place);
                    *place = with_secrets_of(inner, seen);
                }
            }
            Value::Map(map)
        }
        (Value::List(list), Value::List(seen)) if list.len() == seen.len() => Value::List(
            list.into_iter()
                .zip(seen)
                .map(|(value, seen)| with_secrets_of(value, seen))
                .collect(),
        ),
        (value, _) => value,
    }
}

/// The objects of all simulated providers of a run.
pub struct SimulatedCloud {
    contents: Mutex<Contents>,
    pub(crate) profile: Profile,
    /// How long every answer takes, in place of what the profile says.
    latency: Option<Duration>,
    pub(crate) seed: u64,
    pub(crate) region: String,
}

type Key = (String, String);

#[derive(Default)]
struct Contents {
    objects: BTreeMap<Key, SimulatedObject>,
    by_token: HashMap<String, Key>,
    /// How many objects were ever made for a type and name.
    made: HashMap<Key, u32>,
    /// How often a call was made, so that the next attempt meets other luck.
    attempts: HashMap<String, u64>,
    store: Option<Store>,
}

impl Contents {
    fn replay(&mut self, effect: Effect) {
        match effect {
            Effect::Put(object) => {
                let key = (object.resource_type.clone(), object.id.clone());
                if !self.objects.contains_key(&key) {
                    let of = (object.resource_type.clone(), object.name.clone());
                    *self.made.entry(of).or_default() += 1;
                }
                self.by_token
                    .insert(object.idempotency_token.clone(), key.clone());
                self.objects.insert(key, object);
            }
            Effect::Remove { resource_type, id } => {
                if let Some(object) = self.objects.remove(&(resource_type, id)) {
                    self.by_token.remove(&object.idempotency_token);
                }
            }
        }
    }

    fn take_effect(&mut self, effect: Effect) -> std::io::Result<()> {
        if let Some(store) = &mut self.store {
            store.append(&effect)?;
        }
        self.replay(effect);
        Ok(())
    }
}

impl SimulatedCloud {
    /// Makes an empty cloud in memory. `region` stands in made-up names.
    pub fn new(profile: Profile, seed: u64, region: impl Into<String>) -> Self {
        Self {
            contents: Mutex::default(),
            profile,
            latency: None,
            seed,
            region: region.into(),
        }
    }

    /// Lets every answer take the same time, whatever the profile says.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Returns how long an answer takes.
    pub(crate) fn latency(&self, luck: u64) -> Duration {
        self.latency.unwrap_or_else(|| self.profile.latency(luck))
    }

    /// Opens the cloud in a file, which is made when it is not there. Every effect is in the file before the
    /// provider answers.
    ///
    /// # Errors
    /// When the file cannot be used or holds something else.
    pub fn open(
        path: &Path,
        profile: Profile,
        seed: u64,
        region: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let cloud = Self::new(profile, seed, region);
        {
            let mut contents = cloud.contents();
            let store = Store::open(path, |effect| contents.replay(effect))?;
            contents.store = Some(store);
        }
        Ok(cloud)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all objects, ordered by type and identifier.
    pub fn objects(&self) -> Vec<SimulatedObject> {
        self.contents().objects.values().cloned().collect()
    }

    pub(crate) fn get(&self, resource_type: &str, id: &str) -> Option<SimulatedObject> {
        self.contents()
            .objects
            .get(&(resource_type.to_owned(), id.to_owned()))
            .cloned()
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<SimulatedObject> {
        let contents = self.contents();
        contents
            .by_token
            .get(token)
            .and_then(|key| contents.objects.get(key))
            .cloned()
    }

    pub(crate) fn made(&self, resource_type: &str, name: &str) -> u32 {
        let of = (resource_type.to_owned(), name.to_owned());
        self.contents().made.get(&of).copied().unwrap_or_default()
    }

    pub(crate) fn put(&self, object: SimulatedObject) -> std::io::Result<()> {
        self.contents().take_effect(Effect::Put(object))
    }

    pub(crate) fn remove(&self, resource_type: &str, id: &str) -> std::io::Result<()> {
        self.contents().take_effect(Effect::Remove {
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
        })
    }

    /// Returns the objects of a type that come after `after`, at most `limit`.
    pub(crate) fn page(&self, resource_type: &str, after: &str, limit: usize) -> Vec<SimulatedObject> {
        let from = (resource_type.to_owned(), after.to_owned());
        self.contents()
            .objects
            .range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded))
            .take_while(|((found, _), _)| found == resource_type)
            .take(limit)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Returns the luck of the next attempt at a call.
    pub(crate) fn luck(&self, call: &str, resource_type: &str, name: &str) -> u64 {
        let attempt = {
            let mut contents = self.contents();
            let attempts = contents
                .attempts
                .entry(format!("{call} {resource_type} {name}"))
                .or_default();
            *attempts += 1;
            *attempts
        };
        chance(self.seed, &[call, resource_type, name, &attempt.to_string()])
    }
}
