//! Secrets on their way into a guest: each becomes a token, unless the operator lets the plugin see it.
//!
//! This is the one gate for every version of the interface. Adapters take [`Sealed`] requests, and only
//! [`Access::seal`] makes those. The way back is in `vetting`.

use std::collections::BTreeSet;
use std::sync::Arc;

use konductor_model::cloud::Cloud;
use konductor_model::{Disposition, Failure, ResourceType, SecretVault, Value};

use crate::call::Call;

/// A secret that a guest was given as it is, because a grant says so.
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

/// Is told what guests were given as it is.
pub trait RevealObserver: Send + Sync {
    /// Takes note of a secret before the guest is called: once for each attribute of a resource and each call.
    fn revealed(&self, reveal: Reveal);
}

/// What a plugin was configured with; it is fixed before the first call.
#[derive(Clone, Default)]
pub(crate) struct Access {
    pub(crate) configuration: Option<Arc<Value>>,
    pub(crate) cloud: Option<Arc<dyn Cloud>>,
    pub(crate) vault: Option<Arc<dyn SecretVault>>,
    pub(crate) reveal: Arc<BTreeSet<String>>,
    pub(crate) observer: Option<Arc<dyn RevealObserver>>,
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
    /// Seals every secret of a request.
    ///
    /// Without a vault, as a plugin comes from `load`, a secret is refused: the guest must not see it, and an
    /// unknown in its place would make a plan that looks right and is not.
    pub(crate) fn seal<T: Request>(
        &self,
        plugin: &str,
        call: &Call,
        mut request: T,
    ) -> Result<Sealed<T>, Failure> {
        let mut sealer = Sealer {
            vault: self.vault.as_deref(),
            reveal: &self.reveal,
            subject: None,
            refused: false,
            revealed: BTreeSet::new(),
        };
        request.seal(&mut sealer);
        if sealer.refused {
            return Err(Failure::new(
                Disposition::Denied,
                format!(
                    "plugin {plugin}, {call}: it was given a secret before it was configured, and nothing could \
                     seal it"
                ),
            ));
        }
        if let Some(observer) = &self.observer {
            for (resource, resource_type, attribute) in sealer.revealed {
                observer.revealed(Reveal {
                    plugin: plugin.to_owned(),
                    resource,
                    resource_type,
                    attribute,
                    function: call.function,
                });
            }
        }
        Ok(Sealed(request))
    }
}

/// Seals the values of one request.
pub(crate) struct Sealer<'a> {
    vault: Option<&'a dyn SecretVault>,
    reveal: &'a BTreeSet<String>,
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
        (1..=place.len()).find_map(|length| {
            let attribute = place.get(..length)?.join(".");
            self.reveal
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
