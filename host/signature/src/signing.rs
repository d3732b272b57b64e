//! Makes a bundle, in one go with a key at hand or step by step with a signature and a timestamp made elsewhere.

use sigstore_types::bundle::{PublicKeyIdentifier, Rfc3161Timestamp, TimestampVerificationData};
use sigstore_types::{
    Bundle, DsseEnvelope, DsseSignature, KeyId, MediaType, PayloadBytes, SignatureBytes, SignatureContent,
    TimestampToken, VerificationMaterial, VerificationMaterialContent,
};

use crate::bundle_form::{self, BundleError};
use crate::key::{PublicKey, SigningKey};
use crate::statement::{self, PAYLOAD_TYPE, Provenance, StatementError};
use crate::timestamp::{self, TimestampError};

/// Says why a plugin could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The statement could not be made.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The cryptographic library refused to sign.
    #[error("{key}: the key cannot sign")]
    Refused {
        /// The key's name.
        key: String,
    },
    /// A signature that was made elsewhere does not fit.
    #[error(
        "{key}: the signature was not made over this statement with the private half of this key (fingerprint \
         sha256:{fingerprint}); sign exactly the bytes that were exported, ECDSA with SHA-256 and Ed25519 without a digest"
    )]
    OtherSignature {
        /// The key's name.
        key: String,
        /// The SHA-256 of the key.
        fingerprint: String,
    },
    /// The bundle that a timestamp should go into is none.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The timestamp does not fit.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
}

/// A statement about a plugin that nobody has signed yet. Equal input makes equal bytes to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    payload: Vec<u8>,
}

impl Attestation {
    /// States how a plugin's bytes came to be.
    ///
    /// # Errors
    /// When a field of the provenance is empty, too long or has control characters.
    pub fn new(plugin: &[u8], provenance: &Provenance) -> Result<Self, StatementError> {
        let payload = statement::write(plugin, provenance)?;
        Ok(Self { payload })
    }

    /// Returns exactly the bytes to sign (the pre-authentication encoding of DSSE), for a security module or OpenSSL.
    pub fn bytes_to_sign(&self) -> Vec<u8> {
        sigstore_types::pae(PAYLOAD_TYPE, &self.payload)
    }

    /// Signs with a key at hand.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn sign(self, key: &SigningKey) -> Result<SignedAttestation, SigningError> {
        let signature = key
            .sign(&self.bytes_to_sign())
            .ok_or_else(|| SigningError::Refused {
                key: key.public_key().name().to_owned(),
            })?;
        Ok(self.signed(signature, key.public_key()))
    }

    /// Takes over a signature that was made elsewhere: ECDSA as DER or as 64 bytes, Ed25519 as 64 bytes.
    ///
    /// # Errors
    /// When it was made over other bytes or with another key.
    pub fn with_signature(
        self,
        signature: &[u8],
        key: &PublicKey,
    ) -> Result<SignedAttestation, SigningError> {
        let signature = key.signature_form(signature);
        if !key.verifies(&self.bytes_to_sign(), &signature) {
            return Err(SigningError::OtherSignature {
                key: key.name().to_owned(),
                fingerprint: key.fingerprint(),
            });
        }
        Ok(self.signed(signature, key))
    }

    fn signed(self, signature: SignatureBytes, key: &PublicKey) -> SignedAttestation {
        let material = VerificationMaterial::new(VerificationMaterialContent::PublicKey(
            PublicKeyIdentifier::new(key.hint()),
        ));
        let envelope = DsseEnvelope::new(
            PAYLOAD_TYPE,
            PayloadBytes::new(self.payload),
            DsseSignature::new(signature.clone(), KeyId::default()),
        );
        SignedAttestation {
            bundle: Bundle::new(
                MediaType::Bundle0_3,
                material,
                SignatureContent::DsseEnvelope(envelope),
            ),
            signature,
        }
    }
}

/// A signed statement. Without a timestamp nobody accepts it.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedAttestation {
    bundle: Bundle,
    signature: SignatureBytes,
}

impl SignedAttestation {
    /// Reads a bundle again that still needs its timestamp. Signatures are not verified here.
    ///
    /// # Errors
    /// When it is not a bundle with an envelope.
    pub fn from_json(bundle: &[u8]) -> Result<Self, BundleError> {
        let bundle = bundle_form::read(bundle)?;
        let signature = bundle_form::envelope(&bundle)?.signature.sig.clone();
        Ok(Self { bundle, signature })
    }

    /// Returns the bundle as it stands, in one line of JSON.
    ///
    /// # Errors
    /// Never in practice: everything in it can be written.
    pub fn to_json(&self) -> Result<String, BundleError> {
        self.bundle.to_json().map_err(|e| BundleError::NotABundle {
            reason: e.to_string(),
        })
    }

    /// Returns the DER of the RFC 3161 request to send to a timestamp authority as `application/timestamp-query`.
    pub fn timestamp_request(&self) -> Vec<u8> {
        timestamp::request(self.signature.as_bytes())
    }

    /// Puts an authority's response into the bundle, instead of one that may be there. Certificates sent along are
    /// cut off: verifiers have them. Whether the authority is trusted is for verification to say.
    ///
    /// # Errors
    /// When the authority refused, or stamped something else.
    pub fn with_timestamp(mut self, response: &[u8]) -> Result<Self, SigningError> {
        let response = timestamp::canonical(response, self.signature.as_bytes())?;
        let stamp = Rfc3161Timestamp::new(TimestampToken::new(response));
        self.bundle.verification_material.timestamp_verification_data =
            TimestampVerificationData::new(vec![stamp]);
        Ok(self)
    }
}
