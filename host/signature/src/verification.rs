//! Says who signed a plugin, and when; offline.

use jiff::Timestamp;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{Bundle, DerCertificate};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier};

use crate::bundle_form::{self, BundleError};
use crate::key::PublicKey;
use crate::statement::{self, StatementError, StatementFacts};
use crate::timestamp::{self, TimestampError};
use crate::trust::{self, KeylessSigner, ManagedSigner, Signer};

/// More timestamps than these say nothing new.
const TIMESTAMPS_LIMIT: usize = 4;
/// More log entries than these say nothing new.
const LOG_ENTRIES_LIMIT: usize = 4;

/// Says why a bundle does not prove that a signer signed a plugin.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// The file is not an acceptable bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The statement is of another kind or about other bytes.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The bundle was signed in another way than the signer signs.
    #[error(
        "verificationMaterial: signer `{signer}` signs with {expected}, the bundle was signed with {found}"
    )]
    OtherMaterial {
        /// The signer's name in the policy.
        signer: String,
        /// What the policy says.
        expected: &'static str,
        /// What the bundle has.
        found: &'static str,
    },
    /// None of the signer's keys is the one that the bundle names.
    #[error(
        "verificationMaterial.publicKey.hint: none of the keys of signer `{signer}` ({}) signed it: the bundle names the \
         key `{hint}`; add that key to the signer in the policy if you trust it, or have it signed again",
        .keys.join(", ")
    )]
    OtherKey {
        /// The signer's name in the policy.
        signer: String,
        /// The keys the policy names, with their fingerprints.
        keys: Vec<String>,
        /// The hint in the bundle.
        hint: String,
    },
    /// Nobody whom the site trusts says when it was signed.
    #[error(
        "verificationMaterial.timestampVerificationData: the bundle has no timestamp; ask one of the authorities ({}) \
         for one and attach it with `konductor plugin sign`",
        .authorities.join(", ")
    )]
    NoTimestamp {
        /// The authorities that the policy names.
        authorities: Vec<String>,
    },
    /// A timestamp in the bundle is not in order.
    #[error("verificationMaterial.timestampVerificationData.rfc3161Timestamps[{index}]: {source}")]
    Timestamp {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        source: TimestampError,
    },
    /// The certificate is for somebody else.
    #[error(
        "verificationMaterial.certificate: signer `{signer}` is `{expected}` of `{expected_issuer}`, the certificate is \
         for `{found}` of `{found_issuer}`; correct the signer in the policy if you trust that one"
    )]
    OtherIdentity {
        /// The signer's name in the policy.
        signer: String,
        /// The identity the policy names.
        expected: String,
        /// The issuer the policy names.
        expected_issuer: String,
        /// The identity in the certificate.
        found: String,
        /// The issuer in the certificate.
        found_issuer: String,
    },
    /// A signature, a certificate, a timestamp or a log entry does not hold.
    #[error("the bundle does not hold against signer `{signer}` ({against}): {source}")]
    Refused {
        /// The signer's name in the policy.
        signer: String,
        /// The keys, authorities or trust root it was held against.
        against: String,
        /// What the verifier says.
        source: Box<sigstore_verify::Error>,
    },
}

/// Who signed a plugin, and what was signed. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    signer: String,
    identity: String,
    signed_at: Timestamp,
    facts: StatementFacts,
}

impl VerifiedSignature {
    /// Returns the signer's name in the site's policy.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// Returns who that was: `key sha256:…` or `https://… (issuer https://…)`.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Returns the earliest trusted time at which the signature was there.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// Returns what the signer says about the plugin.
    pub fn facts(&self) -> &StatementFacts {
        &self.facts
    }
}

/// Verifies that `signer` signed exactly these bytes, with SLSA provenance, at a time somebody trusted vouches for.
///
/// Nothing is fetched. Revocation is not checked: who is no longer trusted is taken out of the policy. `bundle` may
/// come from anybody; it is at most [`BUNDLE_LIMIT`](crate::BUNDLE_LIMIT) bytes long.
///
/// # Errors
/// When anything in the bundle does not hold, is unknown or could be changed without changing the verdict.
pub fn verify(plugin: &[u8], bundle: &[u8], signer: &Signer) -> Result<VerifiedSignature, VerificationError> {
    let bundle = bundle_form::read(bundle)?;
    let (identity, result) = match signer {
        Signer::Managed(signer) => managed(plugin, &bundle, signer)?,
        Signer::Keyless(signer) => keyless(plugin, &bundle, signer)?,
    };
    let facts = statement::read(bundle_form::envelope(&bundle)?.payload.as_bytes(), plugin)?;
    // The verifier asks for a timestamp only where a certificate has to be judged by it.
    let Some(signed_at) = result.verified_timestamps().iter().min().copied() else {
        return Err(VerificationError::NoTimestamp {
            authorities: authorities_of(signer),
        });
    };
    Ok(VerifiedSignature {
        signer: signer.name().to_owned(),
        identity,
        signed_at,
        facts,
    })
}

fn managed(
    plugin: &[u8],
    bundle: &Bundle,
    signer: &ManagedSigner,
) -> Result<(String, VerificationResult), VerificationError> {
    let VerificationMaterialContent::PublicKey(material) = &bundle.verification_material.content else {
        return Err(VerificationError::OtherMaterial {
            signer: signer.name.clone(),
            expected: "a managed key",
            found: "a certificate",
        });
    };
    // Nothing would say whether they are true.
    if !bundle.verification_material.tlog_entries.is_empty() {
        return Err(BundleError::field(
            "verificationMaterial.tlogEntries",
            "expected none: the time of a signature with a managed key comes from a timestamp authority; sign without \
             a transparency log",
        )
        .into());
    }
    let certificates: Vec<&DerCertificate> = signer
        .timestamp_authorities
        .iter()
        .flat_map(|authority| authority.certificates())
        .collect();
    timestamps(bundle, &certificates, || {
        authorities_of(&Signer::Managed(signer.clone()))
    })?;
    let Some(key) = signer.keys.iter().find(|key| key.hint() == material.hint) else {
        return Err(VerificationError::OtherKey {
            signer: signer.name.clone(),
            keys: signer.keys.iter().map(described).collect(),
            hint: statement::shown(&material.hint),
        });
    };
    let root = trust::root_of(&signer.timestamp_authorities)
        .map_err(|reason| BundleError::field("timestamp authorities", reason))?;
    let policy = PublicKeyVerificationPolicy::new(key.der().clone()).skip_tlog_unsafe();
    let names: Vec<String> = signer
        .timestamp_authorities
        .iter()
        .map(|authority| authority.name().to_owned())
        .collect();
    let against = format!(
        "key {}, timestamp authorities {}",
        described(key),
        names.join(", ")
    );
    let result = verifier(&root)
        .and_then(|verifier| verifier.verify(plugin, bundle, &policy))
        .map_err(|e| refused(e, bundle, plugin, &signer.name, against))?;
    Ok((format!("key sha256:{}", key.fingerprint()), result))
}

fn keyless(
    plugin: &[u8],
    bundle: &Bundle,
    signer: &KeylessSigner,
) -> Result<(String, VerificationResult), VerificationError> {
    if !matches!(
        bundle.verification_material.content,
        VerificationMaterialContent::Certificate(_)
    ) {
        return Err(VerificationError::OtherMaterial {
            signer: signer.name.clone(),
            expected: "a workload's certificate",
            found: "a managed key",
        });
    }
    let entries = bundle.verification_material.tlog_entries.len();
    if entries > LOG_ENTRIES_LIMIT {
        return Err(BundleError::field(
            "verificationMaterial.tlogEntries",
            format!("{entries} entries, the limit is {LOG_ENTRIES_LIMIT}"),
        )
        .into());
    }
    let root = signer.root.root();
    let certificates: Vec<&DerCertificate> = root
        .timestamp_authorities
        .iter()
        .flat_map(|authority| &authority.cert_chain.certificates)
        .map(|certificate| &certificate.raw_bytes)
        .collect();
    let stamps = &bundle
        .verification_material
        .timestamp_verification_data
        .rfc3161_timestamps;
    if !stamps.is_empty() {
        timestamps(bundle, &certificates, Vec::new)?;
    }
    // Identity and issuer are compared below: the verifier knows no patterns.
    let mut policy = VerificationPolicy::any_identity();
    if root.tlogs.is_empty() {
        if entries > 0 {
            return Err(BundleError::field(
                "verificationMaterial.tlogEntries",
                format!(
                    "expected none: the trust root {} lists no log that could vouch for them",
                    signer.root.name()
                ),
            )
            .into());
        }
        policy = policy.skip_tlog_unsafe();
    }
    if root.ctlogs.is_empty() {
        policy = policy.skip_sct();
    }
    let against = format!("trust root {}", signer.root.name());
    let result = verifier(root)
        .and_then(|verifier| verifier.verify(plugin, bundle, &policy))
        .map_err(|e| refused(e, bundle, plugin, &signer.name, against))?;
    let found = result.identity().filter(|_| result.certificate_verified());
    match found {
        Some(identity)
            if signer.identity.fits(identity) && result.issuer() == Some(signer.issuer.as_str()) =>
        {
            let identity = format!(
                "{} (issuer {})",
                statement::shown(identity.as_str()),
                signer.issuer
            );
            Ok((identity, result))
        }
        _ => Err(VerificationError::OtherIdentity {
            signer: signer.name.clone(),
            expected: signer.identity.to_string(),
            expected_issuer: signer.issuer.clone(),
            found: found.map_or_else(|| "nobody".to_owned(), |found| statement::shown(found.as_str())),
            found_issuer: result
                .issuer()
                .map_or_else(|| "nobody".to_owned(), statement::shown),
        }),
    }
}

/// Checks the form of every timestamp; what they say is verified later.
fn timestamps(
    bundle: &Bundle,
    certificates: &[&DerCertificate],
    authorities: impl Fn() -> Vec<String>,
) -> Result<(), VerificationError> {
    let stamps = &bundle
        .verification_material
        .timestamp_verification_data
        .rfc3161_timestamps;
    if stamps.is_empty() {
        return Err(VerificationError::NoTimestamp {
            authorities: authorities(),
        });
    }
    if stamps.len() > TIMESTAMPS_LIMIT {
        return Err(BundleError::field(
            "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
            format!("{} timestamps, the limit is {TIMESTAMPS_LIMIT}", stamps.len()),
        )
        .into());
    }
    for (index, stamp) in stamps.iter().enumerate() {
        timestamp::check(stamp.signed_timestamp.as_bytes(), certificates)
            .map_err(|source| VerificationError::Timestamp { index, source })?;
    }
    Ok(())
}

fn verifier(root: &TrustedRoot) -> Result<Verifier, sigstore_verify::Error> {
    Verifier::new(root)
}

/// Says more than the verifier where the signature holds and the statement is about other bytes.
fn refused(
    error: sigstore_verify::Error,
    bundle: &Bundle,
    plugin: &[u8],
    signer: &str,
    against: String,
) -> VerificationError {
    if let sigstore_verify::Error::ArtifactMismatch(_) = error
        && let Ok(envelope) = bundle_form::envelope(bundle)
        && let Err(statement) = statement::read(envelope.payload.as_bytes(), plugin)
    {
        return statement.into();
    }
    VerificationError::Refused {
        signer: signer.to_owned(),
        against,
        source: Box::new(error),
    }
}

fn described(key: &PublicKey) -> String {
    format!("{} (sha256:{})", key.name(), key.fingerprint())
}

fn authorities_of(signer: &Signer) -> Vec<String> {
    match signer {
        Signer::Managed(signer) => signer
            .timestamp_authorities
            .iter()
            .map(|authority| authority.name().to_owned())
            .collect(),
        Signer::Keyless(signer) => vec![signer.root.name().to_owned()],
    }
}
