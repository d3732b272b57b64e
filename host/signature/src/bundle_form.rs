//! Reads a bundle in the one form that is accepted, so that nothing in it can be changed unnoticed.

use serde_json::Value;
use sigstore_types::{Bundle, DsseEnvelope, MediaType, SignatureContent};

use crate::statement::{PAYLOAD_TYPE, shown};

/// The longest bundle that is read, in bytes. Bundles of the public instance are about 15 KiB.
pub const BUNDLE_LIMIT: usize = 512 * 1024;

/// Fields that may be written although they are empty; the specification makes no difference.
const MAY_BE_EMPTY: [&str; 10] = [
    "keyid",
    "hint",
    "tlogEntries",
    "timestampVerificationData",
    "rfc3161Timestamps",
    "inclusionPromise",
    "inclusionProof",
    "integratedTime",
    "logIndex",
    "hashes",
];

/// Says why a file is not an acceptable bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The file is too long.
    #[error("the bundle has {actual} bytes, the limit is {BUNDLE_LIMIT}; this is no signature of a plugin")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// The file is no bundle.
    #[error("not a Sigstore bundle: {reason}; fetch it again or have it signed again")]
    NotABundle {
        /// What the parser says, with line and column where it knows them.
        reason: String,
    },
    /// A field is not as it has to be.
    #[error("{place}: {problem}")]
    Field {
        /// The field: `verificationMaterial.publicKey.hint`.
        place: String,
        /// What was found, what was expected and what to do.
        problem: String,
    },
}

impl BundleError {
    pub(crate) fn field(place: &str, problem: impl Into<String>) -> Self {
        Self::Field {
            place: place.to_owned(),
            problem: problem.into(),
        }
    }
}

/// Reads a bundle and refuses fields that nobody knows and ways of writing that nobody uses: what is not covered by
/// a signature must not vary.
pub(crate) fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let not_a_bundle = |reason: String| BundleError::NotABundle { reason };
    if bytes.len() > BUNDLE_LIMIT {
        return Err(BundleError::TooLong { actual: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| not_a_bundle(e.to_string()))?;
    let bundle = Bundle::from_json(text).map_err(|e| not_a_bundle(shown(&e.to_string())))?;
    if bundle.media_type != MediaType::Bundle0_3 {
        return Err(BundleError::field(
            "mediaType",
            format!(
                "expected `{}`, found `{}`; sign with a tool that writes version 0.3",
                MediaType::Bundle0_3,
                bundle.media_type
            ),
        ));
    }
    let written: Value = serde_json::from_str(text).map_err(|e| not_a_bundle(e.to_string()))?;
    let understood = serde_json::to_value(&bundle).map_err(|e| not_a_bundle(e.to_string()))?;
    if let Some(place) = difference(&written, &understood, "") {
        return Err(BundleError::field(
            &place,
            "a field that bundles of version 0.3 do not have, or an unusual way of writing it; have it signed again",
        ));
    }
    let envelope = envelope(&bundle)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(BundleError::field(
            "dsseEnvelope.payloadType",
            format!(
                "expected `{PAYLOAD_TYPE}`, found `{}`",
                shown(&envelope.payload_type)
            ),
        ));
    }
    if !envelope.signature.keyid.is_empty() {
        return Err(BundleError::field(
            "dsseEnvelope.signatures.keyid",
            "expected none: no signature covers it, and the key is named by the verification material",
        ));
    }
    Ok(bundle)
}

/// Returns the envelope of a bundle.
pub(crate) fn envelope(bundle: &Bundle) -> Result<&DsseEnvelope, BundleError> {
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => Ok(envelope),
        _ => Err(BundleError::field(
            "messageSignature",
            "expected a `dsseEnvelope` with build provenance, found a signature over the file alone; sign with \
             `konductor plugin sign`",
        )),
    }
}

/// Returns the first place where what was written is not what was understood.
fn difference(written: &Value, understood: &Value, place: &str) -> Option<String> {
    match (written, understood) {
        (Value::Object(one), Value::Object(other)) => {
            let below = |name: &str| {
                if place.is_empty() {
                    shown(name)
                } else {
                    format!("{place}.{}", shown(name))
                }
            };
            let unknown = one.iter().find_map(|(name, value)| match other.get(name) {
                Some(known) => difference(value, known, &below(name)),
                None if is_empty(value) && MAY_BE_EMPTY.contains(&name.as_str()) => None,
                None => Some(below(name)),
            });
            unknown.or_else(|| {
                other
                    .iter()
                    .find(|(name, value)| !one.contains_key(*name) && !is_empty(value))
                    .map(|(name, _)| below(name))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(index, (one, other))| difference(one, other, &format!("{place}[{index}]"))),
        // Proto3 JSON writes 64-bit numbers as text; some tools write numbers.
        (Value::Number(one), Value::String(other)) if one.to_string() == *other => None,
        _ if written == understood || (is_empty(written) && is_empty(understood)) => None,
        _ => Some(place.to_owned()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty() || text == "0",
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}
