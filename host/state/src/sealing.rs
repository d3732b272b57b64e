//! How entries and records become the text that is stored, and how secrets are sealed on the way.
//!
//! Secrets are found in the JSON and not in the types, so that none can be forgotten: every `{"$secret": …}` becomes
//! `{"$sealed": "v1:…"}` before a byte is stored. Folding and verifying need no key: they work on the *sealed
//! form*, where a secret is a `Secret` that holds its sealed text and is carried verbatim.

use std::sync::Arc;

use konductor_model::Sealer;
use konductor_model::value_json::MASK;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::entry::Entry;
use crate::error::StateError;
use crate::private_bytes;

const SECRET: &str = "$secret";
const SEALED: &str = "$sealed";
/// Guards a map whose only member starts with `$`; see `konductor_model::value_json`.
const GUARDED: &str = "$map";

/// How sealed secrets are read.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'s> {
    /// Opened; without a sealer a secret is an error.
    Opened(Option<&'s dyn Sealer>),
    /// As the text `(secret)`.
    Masked,
    /// As the sealed text: for the fold, never for a caller.
    Sealed,
}

/// What reading can go wrong with; the caller knows the place.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    Json(serde_json::Error),
    NoKey,
    Open(konductor_model::secret::SealError),
}

impl ReadFailure {
    /// Says it with the place: the file for what is damaged, the resource or entry for what cannot be opened.
    pub(crate) fn at(self, path: &std::path::Path, place: impl FnOnce() -> String) -> StateError {
        match self {
            Self::Json(source) => StateError::damaged(path, format!("{} cannot be read: {source}", place())),
            Self::NoKey => StateError::SecretUnreadable { place: place() },
            Self::Open(source) => StateError::Open {
                place: place(),
                source,
            },
        }
    }
}

/// An entry ready to be stored.
pub(crate) struct SealedEntry {
    /// In sealed form.
    pub(crate) entry: Entry,
    /// The text that is stored and hashed.
    pub(crate) body: String,
    /// The text of its record, if it has one; made here because callers are many and the writer is one.
    pub(crate) record: Option<String>,
    /// The data key that its secrets are sealed with, if there are any.
    pub(crate) key: Option<String>,
}

/// Seals the secrets of an entry and writes it as text.
pub(crate) fn seal(entry: Entry, sealer: Option<&Arc<dyn Sealer>>) -> Result<SealedEntry, StateError> {
    let mut json = serde_json::to_value(&entry).map_err(encode)?;
    let sealed = rewrite::<StateError>(&mut json, SECRET, &mut |inner| {
        let sealer = sealer.ok_or(StateError::SecretWithoutKey)?;
        let plain = Zeroizing::new(serde_json::to_vec(&inner).map_err(encode)?);
        let text = sealer.seal(&plain).map_err(StateError::Seal)?;
        Ok((SEALED, Json::String(text)))
    })?;
    let mut private = false;
    private_bytes::seal(&mut json, sealed, |plain| {
        private = true;
        let sealer = sealer.ok_or(StateError::SecretWithoutKey)?;
        sealer.seal(plain).map_err(StateError::Seal)
    })?;
    let body = json.to_string();
    let record = json.get("record").map(Json::to_string);
    let entry = if sealed || private {
        read(&body, Reading::Sealed).map_err(|failure| match failure {
            ReadFailure::Json(source) => encode(source),
            ReadFailure::NoKey | ReadFailure::Open(_) => StateError::SecretWithoutKey,
        })?
    } else {
        entry
    };
    Ok(SealedEntry {
        entry,
        body,
        record,
        key: None,
    })
}

/// Writes something that is in sealed form as the text that is stored.
pub(crate) fn write_sealed<T: Serialize>(sealed: &T) -> Result<String, StateError> {
    let mut json = serde_json::to_value(sealed).map_err(encode)?;
    rewrite::<StateError>(&mut json, SECRET, &mut |inner| Ok((SEALED, inner)))?;
    Ok(json.to_string())
}

/// Tells whether sealed secrets may stand in stored text.
pub(crate) fn holds_secrets(text: &str) -> bool {
    text.contains("\"$sealed\"") || private_bytes::may_be_in(text)
}

/// Reads stored text.
pub(crate) fn read<T: DeserializeOwned>(text: &str, reading: Reading<'_>) -> Result<T, ReadFailure> {
    if !holds_secrets(text) {
        return serde_json::from_str(text).map_err(ReadFailure::Json);
    }
    let mut json: Json = serde_json::from_str(text).map_err(ReadFailure::Json)?;
    rewrite(&mut json, SEALED, &mut |inner| {
        let value = match (reading, &inner) {
            (Reading::Sealed, _) => inner,
            (Reading::Masked, _) => Json::from(MASK),
            (Reading::Opened(None), _) => return Err(ReadFailure::NoKey),
            (Reading::Opened(Some(sealer)), Json::String(text)) => {
                let plain = sealer.open(text).map_err(ReadFailure::Open)?;
                serde_json::from_slice(&plain).map_err(ReadFailure::Json)?
            }
            (Reading::Opened(Some(_)), _) => {
                let error = <serde_json::Error as serde::de::Error>::custom("a sealed secret is not text");
                return Err(ReadFailure::Json(error));
            }
        };
        Ok((SECRET, value))
    })?;
    match reading {
        Reading::Sealed => {}
        Reading::Masked => private_bytes::open(&mut json, None, true)?,
        Reading::Opened(sealer) => private_bytes::open(&mut json, sealer, false)?,
    }
    serde_json::from_value(json).map_err(ReadFailure::Json)
}

/// Reads the bytes of an entry that comes from no log.
pub(crate) fn read_masked(bytes: &[u8]) -> Result<Entry, StateError> {
    let place = std::path::Path::new("bytes");
    let name = || "the entry".to_owned();
    let text = std::str::from_utf8(bytes)
        .map_err(|error| StateError::damaged(place, format!("the entry is not text: {error}")))?;
    read(text, Reading::Masked).map_err(|failure| failure.at(place, name))
}

fn encode(source: serde_json::Error) -> StateError {
    StateError::Encode {
        source: Arc::new(source),
    }
}

/// Replaces every object whose only member is `marker` by an object with the member that `change` gives. Tells
/// whether there was one. What stands below a replaced one is not looked at.
fn rewrite<E>(
    json: &mut Json,
    marker: &str,
    change: &mut dyn FnMut(Json) -> Result<(&'static str, Json), E>,
) -> Result<bool, E> {
    // The outputs of a stack are a plain map of names, not a guarded `Value`: an output may be called `$sealed`.
    if let Json::Object(entry) = &mut *json
        && entry.get("entry").and_then(Json::as_str) == Some("outputs")
        && let Some(Json::Object(outputs)) = entry.get_mut("outputs")
    {
        return rewrite_members(outputs, marker, change);
    }
    rewrite_value(json, marker, change)
}

fn rewrite_value<E>(
    json: &mut Json,
    marker: &str,
    change: &mut dyn FnMut(Json) -> Result<(&'static str, Json), E>,
) -> Result<bool, E> {
    match json {
        Json::Array(elements) => {
            let mut found = false;
            for element in elements {
                found |= rewrite_value(element, marker, change)?;
            }
            Ok(found)
        }
        Json::Object(object) if object.len() == 1 => {
            if let Some(inner) = object.remove(marker) {
                let (name, value) = change(inner)?;
                object.insert(name.to_owned(), value);
                return Ok(true);
            }
            match object.get_mut(GUARDED) {
                Some(Json::Object(guarded)) => rewrite_members(guarded, marker, change),
                _ => rewrite_members(object, marker, change),
            }
        }
        Json::Object(object) => rewrite_members(object, marker, change),
        _ => Ok(false),
    }
}

fn rewrite_members<E>(
    object: &mut serde_json::Map<String, Json>,
    marker: &str,
    change: &mut dyn FnMut(Json) -> Result<(&'static str, Json), E>,
) -> Result<bool, E> {
    let mut found = false;
    for member in object.values_mut() {
        found |= rewrite_value(member, marker, change)?;
    }
    Ok(found)
}
