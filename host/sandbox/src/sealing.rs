//! Secrets on their way into a guest: each becomes a token, unless the operator lets the plugin see it.
//!
//! This is the one gate for every version of the interface. Adapters take [`Sealed`] requests, and only
//! [`Access::seal`] makes those. The way back is in `vetting`.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::cloud::Cloud;
use konductor_model::{Disposition, Failure, ResourceType, SecretVault, Value};

use crate::call::Call;
use crate::repeat::Repeat;

/// A secret that a guest is given as it is, because a grant says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    /// The plugin's name.
    pub plugin: String,
    /// The name of the resource or component.
    pub resource: String,
    /// Its type.
    pub resource_type: ResourceType,
    /// The attribute, as the grant writes it: names with dots between, without positions in lists.
    pub attribute: String,
    /// The function that was called: `create`.
    pub function: &'static str,
}

/// Why reveals cannot be recorded, and so are not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RevealUnrecorded {
    /// What happened and what to do.
    pub reason: String,
}

/// Keeps what guests are given as it is.
#[async_trait]
pub trait RevealRecorder: Send + Sync {
    /// Records what one call is about to be given, once for each attribute of a resource. It is on record when this
    /// returns; the guest is called after that.
    ///
    /// # Errors
    /// When it cannot be recorded. The guest is not called then: what is not on record does not happen.
    async fn record(&self, reveals: Vec<Reveal>) -> Result<(), RevealUnrecorded>;
}

/// What a plugin may see, and where each sight of it is recorded: there is not the one without the other.
pub(crate) struct Reveals {
    pub(crate) attributes: BTreeSet<String>,
    pub(crate) recorder: Arc<dyn RevealRecorder>,
}

/// What a plugin was configured with; it is fixed before the first call.
#[derive(Clone, Default)]
pub(crate) struct Access {
    pub(crate) configuration: Option<Arc<Value>>,
    pub(crate) cloud: Option<Arc<dyn Cloud>>,
    pub(crate) vault: Option<Arc<dyn SecretVault>>,
    pub(crate) reveals: Option<Arc<Reveals>>,
    pub(crate) repeat: Option<Arc<Repeat>>,
}

/// What a guest may be handed. Only [`Access::seal`] makes one.
pub(crate) struct Sealed<T>(T);

impl<T> Sealed<T> {
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// What is sent to a guest and holds values.
pub(crate) trait Request {
    /// Passes every value to the sealer.
    fn seal(&mut self, sealer: &mut Sealer<'_>);
}

impl Access {
    /// Seals every secret of a request, and records those that are revealed.
    ///
    /// Without a vault, as a plugin comes from `load`, a secret is refused: the guest must not see it, and an
    /// unknown in its place would make a plan that looks right and is not.
    pub(crate) async fn seal<T: Request + Send>(
        &self,
        plugin: &str,
        call: &Call,
        mut request: T,
    ) -> Result<Sealed<T>, Failure> {
        let denied =
            |reason: String| Failure::new(Disposition::Denied, format!("plugin {plugin}, {call}: {reason}"));
        let revealed = {
            let mut sealer = Sealer {
                vault: self.vault.as_deref(),
                reveals: self.reveals.as_deref(),
                subject: None,
                refused: false,
                revealed: BTreeSet::new(),
            };
            request.seal(&mut sealer);
            if sealer.refused {
                return Err(denied(
                    "it was given a secret before it was configured, and nothing could seal it".to_owned(),
                ));
            }
            sealer.revealed
        };
        if let Some(reveals) = self.reveals.as_deref().filter(|_| !revealed.is_empty()) {
            let told = revealed
                .into_iter()
                .map(|(resource, resource_type, attribute)| Reveal {
                    plugin: plugin.to_owned(),
                    resource,
                    resource_type,
                    attribute,
                    function: call.function,
                });
            reveals.recorder.record(told.collect()).await.map_err(|error| {
                denied(format!(
                    "what it may see cannot be recorded, so it is not shown: {error}"
                ))
            })?;
        }
        Ok(Sealed(request))
    }
}

/// Seals the values of one request.
pub(crate) struct Sealer<'a> {
    vault: Option<&'a dyn SecretVault>,
    reveals: Option<&'a Reveals>,
    /// The resource whose attributes are sealed, where they are attributes of one.
    subject: Option<(String, ResourceType)>,
    refused: bool,
    revealed: BTreeSet<(String, ResourceType, String)>,
}

impl Sealer<'_> {
    /// Says whose attributes the next values are; a grant can reveal some of them.
    pub(crate) fn attributes_of(&mut self, resource: impl ToString, resource_type: &ResourceType) {
        self.subject = Some((resource.to_string(), resource_type.clone()));
    }

    /// Says that the next values are no attributes of a resource, so that nothing of them can be revealed.
    pub(crate) fn nobodys_attributes(&mut self) {
        self.subject = None;
    }

    /// Seals the secrets in a value.
    pub(crate) fn value(&mut self, value: &mut Value) {
        if value.has_secret() {
            let open = std::mem::take(value);
            *value = self.sealed(open, &mut Vec::new(), false);
        }
    }

    fn sealed(&mut self, value: Value, place: &mut Vec<String>, secret: bool) -> Value {
        match value {
            // The form of a secret list or map stays, so that the guest can work with it; every leaf is sealed.
            Value::List(list) => Value::List(
                list.into_iter()
                    .map(|element| self.sealed(element, place, secret))
                    .collect(),
            ),
            Value::Map(map) => {
                let entries = map.into_iter().map(|(key, entry)| {
                    place.push(key.clone());
                    let entry = self.sealed(entry, place, secret);
                    place.pop();
                    (key, entry)
                });
                Value::Map(entries.collect())
            }
            Value::Secret(inner) => self.sealed(*inner, place, true).into_secret(),
            // There is nothing to hide in these, and the guest must know that they are not known.
            Value::Null | Value::Unknown | Value::Reference(_) => value,
            leaf if secret => self.leaf(leaf, place),
            leaf => leaf,
        }
    }

    fn leaf(&mut self, leaf: Value, place: &[String]) -> Value {
        let Some(vault) = self.vault else {
            self.refused = true;
            return Value::Unknown;
        };
        // Sealing makes the vault know the value, so that it is masked where the guest repeats it.
        let token = vault.seal(&leaf);
        match self.granted(place) {
            Some(entry) => {
                self.revealed.insert(entry);
                leaf
            }
            None => Value::Text(token),
        }
    }

    /// Finds the attribute that a grant names at a place or above it.
    fn granted(&self, place: &[String]) -> Option<(String, ResourceType, String)> {
        let (resource, resource_type) = self.subject.as_ref()?;
        let granted = &self.reveals?.attributes;
        (1..=place.len()).find_map(|length| {
            let attribute = place.get(..length)?.join(".");
            granted
                .contains(&format!("{resource_type}.{attribute}"))
                .then(|| (resource.clone(), resource_type.clone(), attribute))
        })
    }
}

impl Request for Value {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.nobodys_attributes();
        sealer.value(self);
    }
}
