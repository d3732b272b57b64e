//! Whom a site trusts: signers with managed keys, signers with a workload identity, timestamp authorities.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::wildcard::wildcard;
use serde_json::json;
use sigstore_crypto::{KeyAlgorithm, SubjectAltName};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::{DerCertificate, DerPublicKey};
use sigstore_verify::Verifier;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::key::PublicKey;
use crate::statement::shown;

/// A chain is a handful of certificates of some kilobytes.
const CERTIFICATE_FILE_LIMIT: usize = 256 * 1024;
/// The public instance's trust root is 10 KiB.
const TRUST_ROOT_LIMIT: usize = 4 * 1024 * 1024;

/// Says why something cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The certificates of a timestamp authority are unusable.
    #[error(
        "{name}: not a timestamp authority: {reason}; expected PEM certificates, the one that signs timestamps first, \
         then each issuer, the root last"
    )]
    TimestampAuthority {
        /// The authority's name, as the caller gave it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The trust root is unusable.
    #[error(
        "{name}: not a Sigstore trust root: {reason}; expected the `trusted_root.json` of the instance that issued the \
         signer's certificates"
    )]
    TrustRoot {
        /// The trust root's name, as the caller gave it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An identity pattern would fit too much.
    #[error("identity `{pattern}`: {reason}")]
    Identity {
        /// The pattern.
        pattern: String,
        /// What is wrong with it and what is expected.
        reason: &'static str,
    },
    /// A signer has nothing to verify with.
    #[error("signer `{signer}`: {missing}")]
    Incomplete {
        /// The signer's name.
        signer: String,
        /// What is missing and what it is for.
        missing: &'static str,
    },
}

/// An authority that says when a signature was there (RFC 3161).
///
/// Certificates need not be valid today: they are judged at the time that the stamp names. Revocation is not checked;
/// an authority is withdrawn by taking it out of the policy.
#[derive(Debug, Clone)]
pub struct TimestampAuthority {
    name: String,
    certificates: Vec<DerCertificate>,
}

impl TimestampAuthority {
    /// Reads an authority's certificates from PEM: the one that signs timestamps, its issuers, the root last. One
    /// self-signed certificate is a chain too. `name` is what messages call the authority, such as its file.
    ///
    /// # Errors
    /// When the chain is not in order, or the first certificate's key is not ECDSA on P-256 or P-384: timestamps of
    /// RSA authorities cannot be verified.
    pub fn from_pem(name: &str, text: &str) -> Result<Self, TrustError> {
        let refused = |reason: String| TrustError::TimestampAuthority {
            name: name.to_owned(),
            reason,
        };
        if text.len() > CERTIFICATE_FILE_LIMIT {
            return Err(refused(format!(
                "{} bytes are too long (limit {CERTIFICATE_FILE_LIMIT})",
                text.len()
            )));
        }
        let blocks = pem::parse_many(text).map_err(|e| refused(e.to_string()))?;
        let mut parsed = Vec::new();
        let mut certificates = Vec::new();
        for block in &blocks {
            if block.tag() != "CERTIFICATE" {
                return Err(refused(format!("it has a `{}` block", shown(block.tag()))));
            }
            let certificate = Certificate::from_der(block.contents())
                .map_err(|e| refused(format!("a certificate is damaged: {e}")))?;
            parsed.push(certificate);
            certificates.push(DerCertificate::from_bytes(block.contents()));
        }
        let first = parsed
            .first()
            .ok_or_else(|| refused("it has no certificate".to_owned()))?;
        let key = first
            .tbs_certificate
            .subject_public_key_info
            .to_der()
            .map_err(|e| refused(e.to_string()))?;
        let algorithm =
            KeyAlgorithm::from_spki(&DerPublicKey::new(key)).map_err(|e| refused(e.to_string()))?;
        if !matches!(algorithm, KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384) {
            return Err(refused(format!(
                "its key is {algorithm:?}, and only timestamps signed with ECDSA on P-256 or P-384 can be verified"
            )));
        }
        for pair in parsed.windows(2) {
            if let [one, issuer] = pair
                && one.tbs_certificate.issuer != issuer.tbs_certificate.subject
            {
                return Err(refused(format!(
                    "`{}` was issued by `{}`, and the next certificate is `{}`",
                    one.tbs_certificate.subject, one.tbs_certificate.issuer, issuer.tbs_certificate.subject
                )));
            }
        }
        let authority = Self {
            name: name.to_owned(),
            certificates,
        };
        root_of(std::slice::from_ref(&authority))
            .and_then(|root| Verifier::new(&root).map_err(|e| e.to_string()))
            .map_err(refused)?;
        Ok(authority)
    }

    /// Returns what messages call the authority.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn certificates(&self) -> &[DerCertificate] {
        &self.certificates
    }
}

/// Makes a trust root of timestamp authorities alone: nothing keyless can be accepted with it.
pub(crate) fn root_of(authorities: &[TimestampAuthority]) -> Result<TrustedRoot, String> {
    let authorities: Vec<serde_json::Value> = authorities
        .iter()
        .map(|authority| {
            let certificates: Vec<serde_json::Value> = authority
                .certificates
                .iter()
                .map(|certificate| json!({ "rawBytes": STANDARD.encode(certificate.as_bytes()) }))
                .collect();
            json!({ "certChain": { "certificates": certificates } })
        })
        .collect();
    // The type cannot be built by hand outside its crate.
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "timestampAuthorities": authorities,
    });
    TrustedRoot::from_json(&root.to_string()).map_err(|e| e.to_string())
}

/// The certificate authorities, logs and timestamp authorities of one Sigstore instance, from a file that the site
/// keeps.
///
/// The root decides what is asked of a bundle: a root that lists a transparency log wants an entry in it, one that
/// lists a certificate transparency log wants a signed certificate timestamp. GitHub's private instance lists neither.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    name: String,
    root: TrustedRoot,
}

impl TrustRoot {
    /// Reads a `trusted_root.json`. `name` is what messages call it, such as its file.
    ///
    /// # Errors
    /// When it is not a trust root or lists no certificate authority.
    pub fn from_json(name: &str, text: &str) -> Result<Self, TrustError> {
        let refused = |reason: String| TrustError::TrustRoot {
            name: name.to_owned(),
            reason,
        };
        if text.len() > TRUST_ROOT_LIMIT {
            return Err(refused(format!(
                "{} bytes are too long (limit {TRUST_ROOT_LIMIT})",
                text.len()
            )));
        }
        let root = TrustedRoot::from_json(text).map_err(|e| refused(e.to_string()))?;
        if root.certificate_authorities.is_empty() {
            return Err(refused("it lists no certificate authority".to_owned()));
        }
        Verifier::new(&root).map_err(|e| refused(e.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            root,
        })
    }

    /// Returns what messages call the root.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn root(&self) -> &TrustedRoot {
        &self.root
    }
}

/// An identity as certificates name it, exactly or with `*` for any text.
///
/// In a URI the host has to be spelled out; in a mail address the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityPattern(String);

impl IdentityPattern {
    /// Takes over a pattern such as `https://github.com/acme/plugins/.github/workflows/release.yml@refs/tags/*`.
    ///
    /// # Errors
    /// When it is empty or leaves the host or domain open.
    pub fn new(pattern: &str) -> Result<Self, TrustError> {
        let refused = |reason| TrustError::Identity {
            pattern: shown(pattern),
            reason,
        };
        let is_open = match (pattern.split_once("://"), pattern.split_once('@')) {
            _ if pattern.is_empty() => {
                return Err(refused("it is empty; expected a URI or a mail address"));
            }
            (Some((scheme, rest)), _) => {
                let host = rest.split_once('/').map(|(host, _)| host);
                scheme.contains('*') || host.unwrap_or(rest).contains('*')
            }
            (None, Some((_, domain))) => domain.contains('*'),
            (None, None) => pattern.contains('*'),
        };
        if is_open {
            return Err(refused(
                "`*` leaves open whose identity it is; spell out the scheme and host of a URI, or the domain of an address",
            ));
        }
        Ok(Self(pattern.to_owned()))
    }

    /// Tells whether the identity of a certificate fits. A URI only fits a pattern with a scheme.
    pub(crate) fn fits(&self, identity: &SubjectAltName) -> bool {
        let is_uri = self.0.contains("://");
        match identity {
            SubjectAltName::Uri(text) => is_uri && wildcard(&self.0, text),
            SubjectAltName::Email(text) => !is_uri && wildcard(&self.0, text),
            _ => false,
        }
    }
}

impl fmt::Display for IdentityPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A signer with keys of its own, whose signatures a timestamp authority has stamped.
#[derive(Debug, Clone)]
pub struct ManagedSigner {
    pub(crate) name: String,
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) timestamp_authorities: Vec<TimestampAuthority>,
}

/// A signer that a certificate authority knows by a workload's identity.
#[derive(Debug, Clone)]
pub struct KeylessSigner {
    pub(crate) name: String,
    pub(crate) identity: IdentityPattern,
    pub(crate) issuer: String,
    pub(crate) root: TrustRoot,
}

/// Someone whose signature a site accepts.
#[derive(Debug, Clone)]
pub enum Signer {
    /// With keys of its own.
    Managed(ManagedSigner),
    /// With a workload's identity.
    Keyless(Box<KeylessSigner>),
}

impl Signer {
    /// Makes a signer with managed keys. Any of the keys and any of the authorities will do.
    ///
    /// # Errors
    /// When there is no key or no authority: a signature that nobody stamped has no time, and its key's theft could
    /// not be told from its use.
    pub fn managed(
        name: &str,
        keys: Vec<PublicKey>,
        timestamp_authorities: Vec<TimestampAuthority>,
    ) -> Result<Self, TrustError> {
        let incomplete = |missing| TrustError::Incomplete {
            signer: shown(name),
            missing,
        };
        if keys.is_empty() {
            return Err(incomplete("it has no key; add at least one public key as PEM"));
        }
        if timestamp_authorities.is_empty() {
            return Err(incomplete(
                "it has no timestamp authority; a signature without a trusted time is not accepted",
            ));
        }
        Ok(Self::Managed(ManagedSigner {
            name: name.to_owned(),
            keys,
            timestamp_authorities,
        }))
    }

    /// Makes a signer with a workload's identity and the URL of who issued that identity.
    ///
    /// # Errors
    /// When the issuer is empty.
    pub fn keyless(
        name: &str,
        identity: IdentityPattern,
        issuer: &str,
        root: TrustRoot,
    ) -> Result<Self, TrustError> {
        if issuer.is_empty() {
            return Err(TrustError::Incomplete {
                signer: shown(name),
                missing: "it has no issuer; identities are only worth what their issuer is",
            });
        }
        Ok(Self::Keyless(Box::new(KeylessSigner {
            name: name.to_owned(),
            identity,
            issuer: issuer.to_owned(),
            root,
        })))
    }

    /// Returns the signer's name in the site's policy.
    pub fn name(&self) -> &str {
        match self {
            Self::Managed(signer) => &signer.name,
            Self::Keyless(signer) => &signer.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_that_leaves_the_host_open_is_refused() {
        for pattern in [
            "",
            "*",
            "https://*",
            "https://*.example.com/x",
            "https*://github.com/acme/x",
            "me@*",
            "*@exa*.com",
        ] {
            assert!(IdentityPattern::new(pattern).is_err(), "{pattern}");
        }
        for pattern in ["https://github.com/acme/*", "*@example.com", "ci@example.com"] {
            assert!(IdentityPattern::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn an_identity_fits_only_as_a_whole_and_in_its_own_kind() {
        let pattern = IdentityPattern::new("https://github.com/acme/*@refs/tags/*").unwrap();
        let uri = |text: &str| SubjectAltName::Uri(text.to_owned());
        assert!(pattern.fits(&uri("https://github.com/acme/x.yml@refs/tags/v1")));
        assert!(!pattern.fits(&uri("https://github.com/acme/x.yml@refs/heads/main")));
        assert!(!pattern.fits(&uri("xhttps://github.com/acme/x.yml@refs/tags/v1")));
        assert!(!pattern.fits(&SubjectAltName::Email(
            "https://github.com/acme/x@refs/tags/v1".to_owned()
        )));
        let exact = IdentityPattern::new("ci@example.com").unwrap();
        assert!(exact.fits(&SubjectAltName::Email("ci@example.com".to_owned())));
        assert!(!exact.fits(&SubjectAltName::Email("ci@example.com.evil".to_owned())));
    }

    proptest! {
        #[test]
        fn nothing_read_as_trust_panics(text in ".{0,200}") {
            let _ = TrustRoot::from_json("root", &text);
            let _ = TimestampAuthority::from_pem("tsa", &text);
            let _ = IdentityPattern::new(&text);
        }
    }
}
