//! In-toto statements that Konductor signs for others than plugins: an envelope (DSSE) with one signature of a managed key.

use sigstore_types::{DsseEnvelope, DsseSignature, KeyId, PayloadBytes};

use crate::key::{PublicKey, SigningKey};
use crate::signing::SigningError;
use crate::statement::{PAYLOAD_TYPE, shown};

/// Says why an envelope proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is no envelope.
    #[error("it is no DSSE envelope with one signature: {reason}")]
    NotAnEnvelope {
        /// What the parser says.
        reason: String,
    },
    /// There is something else in it.
    #[error("it holds `{found}`, expected `{PAYLOAD_TYPE}`")]
    OtherPayload {
        /// What it says that it holds.
        found: String,
    },
    /// None of the keys made the signature.
    #[error("none of the given keys signed it, or it was changed since; it names the key {named}")]
    NoKeyFits {
        /// The fingerprint of the key that it names, which nothing vouches for.
        named: String,
    },
}

/// A statement whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedEnvelope {
    /// The statement, as it was signed.
    pub statement: Vec<u8>,
    /// The name of the key that signed it, as the caller gave it.
    pub key: String,
}

/// Signs a statement, and returns the envelope as one line of JSON. It names the key by its fingerprint.
///
/// # Errors
/// When the cryptographic library refuses.
pub fn sign_statement(statement: &[u8], key: &SigningKey) -> Result<String, SigningError> {
    let refused = || SigningError::Refused {
        key: key.public_key().name().to_owned(),
    };
    let signature = key
        .sign(&sigstore_types::pae(PAYLOAD_TYPE, statement))
        .ok_or_else(refused)?;
    let envelope = DsseEnvelope::new(
        PAYLOAD_TYPE,
        PayloadBytes::new(statement.to_vec()),
        DsseSignature::new(signature, KeyId::new(key.public_key().fingerprint())),
    );
    serde_json::to_string(&envelope).map_err(|_| refused())
}

/// Opens an envelope that one of the keys has signed. The statement in it is for the caller to judge.
///
/// # Errors
/// When it is no envelope, holds no statement, or none of the keys signed it.
pub fn open_statement(envelope: &str, keys: &[PublicKey]) -> Result<OpenedEnvelope, EnvelopeError> {
    let read: DsseEnvelope =
        serde_json::from_str(envelope).map_err(|error| EnvelopeError::NotAnEnvelope {
            reason: error.to_string(),
        })?;
    if read.payload_type != PAYLOAD_TYPE {
        return Err(EnvelopeError::OtherPayload {
            found: shown(&read.payload_type),
        });
    }
    let signed = read.pae();
    let key = keys
        .iter()
        .find(|key| key.verifies(&signed, &read.signature.sig))
        .ok_or_else(|| EnvelopeError::NoKeyFits {
            named: shown(read.signature.keyid.as_str()),
        })?;
    Ok(OpenedEnvelope {
        key: key.name().to_owned(),
        statement: read.payload.as_bytes().to_vec(),
    })
}
