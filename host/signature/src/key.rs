//! Keys that sign plugins: ECDSA on P-256 with SHA-256, and Ed25519.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use sigstore_crypto::{KeyAlgorithm, KeyPair, VerificationKey};
use sigstore_types::{DerPublicKey, SignatureBytes};
use zeroize::Zeroizing;

/// Keys are a few hundred bytes; what is longer is not a key.
const KEY_FILE_LIMIT: usize = 64 * 1024;

/// The start of a SubjectPublicKeyInfo that holds an Ed25519 key (RFC 8410, section 4).
const ED25519_PUBLIC_KEY_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Says why a text is not a usable key. No variant holds a part of a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not PEM, or is too long for a key.
    #[error("{name}: not a PEM file with one `{expected}` block: {reason}")]
    NotPem {
        /// The key's name, as the caller gave it.
        name: String,
        /// The label that was expected.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The PEM block is of another kind.
    #[error("{name}: expected a `{expected}` block, found `{found}`; {advice}")]
    OtherKind {
        /// The key's name, as the caller gave it.
        name: String,
        /// The label that was expected.
        expected: &'static str,
        /// The label that is there.
        found: String,
        /// How to make the expected kind.
        advice: &'static str,
    },
    /// The key is damaged or of an algorithm that does not sign plugins.
    #[error(
        "{name}: not a key that can sign plugins: {reason}; use ECDSA on P-256 \
         (`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`) or Ed25519 \
         (`openssl genpkey -algorithm ED25519`)"
    )]
    Unsupported {
        /// The key's name, as the caller gave it.
        name: String,
        /// What the key is, or what is wrong with it.
        reason: String,
    },
}

/// A public key that may verify plugins.
#[derive(Debug, Clone)]
pub struct PublicKey {
    name: String,
    der: DerPublicKey,
    algorithm: KeyAlgorithm,
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` block. `name` is what messages call the key, such as its file.
    ///
    /// # Errors
    /// When the text is not one PEM block, or the key is neither P-256 nor Ed25519.
    pub fn from_pem(name: &str, text: &str) -> Result<Self, KeyError> {
        let contents = block(
            name,
            text,
            "PUBLIC KEY",
            "take the public half with `openssl pkey -in KEY -pubout`",
        )?;
        Self::from_der(name, DerPublicKey::new(contents.to_vec()))
    }

    fn from_der(name: &str, der: DerPublicKey) -> Result<Self, KeyError> {
        let unsupported = |reason: String| KeyError::Unsupported {
            name: name.to_owned(),
            reason,
        };
        let algorithm = KeyAlgorithm::from_spki(&der).map_err(|e| unsupported(e.to_string()))?;
        if !matches!(algorithm, KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519) {
            return Err(unsupported(format!("it is {algorithm:?}")));
        }
        // Refuses what is no point on the curve here rather than at the first signature.
        VerificationKey::from_spki(&der).map_err(|e| unsupported(e.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            der,
            algorithm,
        })
    }

    /// Returns what messages call the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the SHA-256 of the key's SubjectPublicKeyInfo in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex::encode(self.digest())
    }

    /// Returns the key as PEM.
    pub fn to_pem(&self) -> String {
        self.der.to_pem()
    }

    /// Returns the hint that a bundle carries for this key: the fingerprint in base64, as cosign writes it.
    pub(crate) fn hint(&self) -> String {
        STANDARD.encode(self.digest())
    }

    pub(crate) fn der(&self) -> &DerPublicKey {
        &self.der
    }

    /// Brings a signature into the form that bundles carry: ECDSA as DER. Security modules often answer with the
    /// two numbers side by side, 64 bytes for P-256.
    pub(crate) fn signature_form(&self, signature: &[u8]) -> SignatureBytes {
        match signature.split_at_checked(32) {
            Some((r, s)) if self.algorithm == KeyAlgorithm::EcdsaP256 && s.len() == 32 => {
                SignatureBytes::new(ecdsa_der(r, s))
            }
            _ => SignatureBytes::from_bytes(signature),
        }
    }

    /// Tells whether a signature was made over `message` with this key's private half.
    pub(crate) fn verifies(&self, message: &[u8], signature: &SignatureBytes) -> bool {
        VerificationKey::from_spki(&self.der).is_ok_and(|key| key.verify(message, signature).is_ok())
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.der.as_bytes()).into()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for PublicKey {}

/// A private key that signs plugins. It is never shown.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    P256(KeyPair),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.fingerprint())
    }
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 `PRIVATE KEY` block. `name` is what messages call the key, such as its file.
    ///
    /// # Errors
    /// When the text is not one PKCS#8 block, or the key is neither P-256 nor Ed25519.
    pub fn from_pem(name: &str, text: &str) -> Result<Self, KeyError> {
        let contents = block(
            name,
            text,
            "PRIVATE KEY",
            "convert it with `openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.p8`, or sign outside and import the signature",
        )?;
        if let Ok(pair) = KeyPair::from_pkcs8_der(&contents) {
            let der = pair.public_key_der().map_err(|e| KeyError::Unsupported {
                name: name.to_owned(),
                reason: e.to_string(),
            })?;
            let public = PublicKey::from_der(name, der)?;
            return Ok(Self {
                pair: Pair::P256(pair),
                public,
            });
        }
        let pair = Ed25519KeyPair::from_pkcs8(&contents).map_err(|e| KeyError::Unsupported {
            name: name.to_owned(),
            reason: format!("neither P-256 nor Ed25519 ({e})"),
        })?;
        let mut der = ED25519_PUBLIC_KEY_PREFIX.to_vec();
        der.extend_from_slice(pair.public_key().as_ref());
        let public = PublicKey::from_der(name, DerPublicKey::new(der))?;
        Ok(Self {
            pair: Pair::Ed25519(Box::new(pair)),
            public,
        })
    }

    /// Returns the public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message; `None` when the cryptographic library refuses.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<SignatureBytes> {
        match &self.pair {
            Pair::P256(pair) => pair.sign(message).ok(),
            Pair::Ed25519(pair) => pair
                .try_sign(message)
                .ok()
                .map(|signature| SignatureBytes::from_bytes(signature.as_ref())),
        }
    }
}

/// Reads the contents of the one PEM block in a text.
fn block(
    name: &str,
    text: &str,
    expected: &'static str,
    advice: &'static str,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let not_pem = |reason: String| KeyError::NotPem {
        name: name.to_owned(),
        expected,
        reason,
    };
    if text.len() > KEY_FILE_LIMIT {
        return Err(not_pem(format!(
            "{} bytes are too long for a key (limit {KEY_FILE_LIMIT})",
            text.len()
        )));
    }
    // OpenSSL writes the curve's parameters in a block of their own in front of some keys.
    let blocks: Vec<pem::Pem> = pem::parse_many(text)
        .map_err(|e| not_pem(e.to_string()))?
        .into_iter()
        .filter(|block| block.tag() != "EC PARAMETERS")
        .collect();
    let count = blocks.len();
    let [block] = <[pem::Pem; 1]>::try_from(blocks).map_err(|_| not_pem(format!("it has {count} blocks")))?;
    if block.tag() != expected {
        return Err(KeyError::OtherKind {
            name: name.to_owned(),
            expected,
            found: block.tag().chars().filter(|c| !c.is_control()).collect(),
            advice,
        });
    }
    Ok(Zeroizing::new(block.into_contents()))
}

/// Encodes the two numbers of an ECDSA signature on P-256 as a DER sequence.
fn ecdsa_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut numbers = Vec::with_capacity(72);
    for number in [r, s] {
        let start = number
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(number.len().saturating_sub(1));
        let digits = number.get(start..).unwrap_or_default();
        // A leading bit would make it negative.
        let padding = digits.first().is_some_and(|byte| byte & 0x80 != 0);
        let length = digits.len() + usize::from(padding);
        numbers.extend([0x02, u8::try_from(length).unwrap_or(u8::MAX)]);
        numbers.extend(padding.then_some(0));
        numbers.extend_from_slice(digits);
    }
    let mut der = vec![0x30, u8::try_from(numbers.len()).unwrap_or(u8::MAX)];
    der.extend(numbers);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_side_by_side_become_der_without_superfluous_zeros() {
        let mut r = [0; 32];
        r[31] = 0x80;
        let mut s = [0; 32];
        s[0] = 0x7f;
        let der = ecdsa_der(&r, &s);
        assert_eq!(&der[..8], [0x30, 38, 0x02, 2, 0x00, 0x80, 0x02, 32]);
        assert_eq!(ecdsa_der(&[0; 32], &[0; 32]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_name_and_what_was_expected() {
        for text in [
            "",
            "no key",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ] {
            let error = PublicKey::from_pem("keys/platform.pem", text)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("keys/platform.pem: "), "{error}");
        }
        let text = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let error = SigningKey::from_pem("key.pem", text).unwrap_err().to_string();
        assert!(error.contains("openssl pkcs8 -topk8"), "{error}");
        let long = "x".repeat(KEY_FILE_LIMIT + 1);
        assert!(PublicKey::from_pem("k", &long).is_err());
    }
}
