//! The ring: the data key that encrypts now, wrapped for everybody who may have it, and the older ones sealed under it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::SecretText;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keys::data_key::DataKey;
use crate::keys::provider::KeyName;
use crate::schema::StackIdentity;

/// The newest form of a ring that this version reads, and the one it writes.
pub(crate) const FORMAT: u32 = 1;

/// The data keys of a stack, wrapped. It holds nothing that opens without one of the keys it is wrapped for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRing {
    /// The form.
    pub(crate) ring: u32,
    /// Grows with every rotation, from 1.
    pub(crate) generation: u64,
    /// The name of the data key that encrypts now.
    pub(crate) current: String,
    /// It, wrapped once for every key that opens it.
    pub(crate) wrapped: Vec<Wrapped>,
    /// The data keys that encrypted before, sealed under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) older: Vec<Older>,
}

/// The current data key, wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wrapped {
    /// For what.
    #[serde(flatten)]
    pub(crate) by: KeyName,
    /// As the provider writes it.
    pub(crate) text: String,
}

/// A data key that encrypted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Older {
    /// Its name.
    pub(crate) key: String,
    /// It, sealed under the current one, in base64.
    pub(crate) text: String,
}

/// What a provider wraps: the key with whose it is, so that a ring of another stack is of no use.
#[derive(Serialize, Deserialize)]
struct Content {
    project: String,
    stack: String,
    data_key: String,
}

impl Drop for Content {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.data_key);
    }
}

impl KeyRing {
    /// Returns how often the keys were rotated, from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the name of the data key that encrypts now.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Returns what opens it.
    pub fn wrapped_for(&self) -> impl Iterator<Item = &KeyName> {
        self.wrapped.iter().map(|wrapped| &wrapped.by)
    }

    /// Returns the names of the data keys that encrypted before, the oldest first.
    pub fn older(&self) -> impl Iterator<Item = &str> {
        self.older.iter().map(|older| older.key.as_str())
    }

    /// Tells whether it leads to a data key.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.current == key || self.older.iter().any(|older| older.key == key)
    }
}

fn place(current: &str, older: &str) -> Vec<u8> {
    format!("konductor: data key {older} under {current}").into_bytes()
}

/// Seals an older data key under the current one; none when that fails.
pub(crate) fn seal_older(current: &DataKey, older: &DataKey) -> Option<Older> {
    let sealed = current
        .seal(&place(current.name(), older.name()), older.bytes())
        .ok()?;
    Some(Older {
        key: older.name().to_owned(),
        text: STANDARD.encode(sealed),
    })
}

/// Opens an older data key; none when it is not what its name says.
pub(crate) fn open_older(current: &DataKey, older: &Older) -> Option<DataKey> {
    let sealed = STANDARD.decode(&older.text).ok()?;
    let bytes = current.open(&place(current.name(), &older.key), &sealed).ok()?;
    DataKey::of_bytes(&bytes).filter(|key| key.name() == older.key)
}

/// Returns what providers wrap of a data key.
pub(crate) fn content(stack: &StackIdentity, key: &DataKey) -> Option<SecretText> {
    let content = Content {
        project: stack.project.clone(),
        stack: stack.stack.clone(),
        data_key: STANDARD.encode(key.bytes()),
    };
    serde_json::to_string(&content).ok().map(SecretText::new)
}

/// Reads what a provider unwrapped; or says why it is not the key that is looked for.
pub(crate) fn key_of(stack: &StackIdentity, name: &str, unwrapped: &SecretText) -> Result<DataKey, String> {
    let content: Content =
        serde_json::from_str(unwrapped.reveal()).map_err(|_| "what it unwraps is no data key".to_owned())?;
    if (content.project.as_str(), content.stack.as_str()) != (stack.project.as_str(), stack.stack.as_str()) {
        return Err(format!(
            "the data key is one of {}/{}",
            content.project, content.stack
        ));
    }
    let bytes = STANDARD.decode(&content.data_key).map(Zeroizing::new);
    let key = bytes.ok().and_then(|bytes| DataKey::of_bytes(&bytes));
    key.filter(|key| key.name() == name)
        .ok_or_else(|| "the data key is another one than the ring says".to_owned())
}
