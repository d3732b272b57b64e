//! RFC 3161 timestamps: the request for one, and the one form of response that a bundle may carry.
//!
//! A response has parts that its signature does not cover: the status text, certificates sent along, unsigned
//! attributes. They are cut off when a response is attached and refused when a bundle is verified.

use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{CertificateSet, SignedData, SignerIdentifier};
use sha2::{Digest as _, Sha256};
use sigstore_types::DerCertificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, SetOfVec};
use x509_cert::der::{Any, Decode, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use x509_cert::spki::AlgorithmIdentifierOwned;

/// The longest response that is read, in bytes. They are one to seven KiB.
const RESPONSE_LIMIT: usize = 32 * 1024;

/// `PKIStatusInfo` that says "granted" and nothing else.
const GRANTED: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x00];

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TIMESTAMP_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// The digests a signer may use, SHA-256, SHA-384 and SHA-512, each with the name of ECDSA over it.
const DIGESTS: [(ObjectIdentifier, ObjectIdentifier); 3] = [
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"),
    ),
];

/// Says why a timestamp is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The response is not one.
    #[error("the timestamp response cannot be read: {reason}; ask the authority again")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
    /// The authority said no.
    #[error("the timestamp authority refused the request with status {status}{text}")]
    Refused {
        /// `PKIStatus` of RFC 3161, section 2.4.2; 2 is a rejection.
        status: u8,
        /// What it says, with a colon in front.
        text: String,
    },
    /// The stamp is for something else.
    #[error(
        "the timestamp is for another signature: expected the digest {expected} in it; make the request from this signature"
    )]
    OtherSignature {
        /// The SHA-256 of the signature in hexadecimal.
        expected: String,
    },
    /// Something in it is neither covered by its signature nor as expected.
    #[error(
        "the timestamp's {part} is not as it has to be; attach the authority's response with `konductor plugin sign`"
    )]
    NotCanonical {
        /// The part: `SignedData.version`.
        part: &'static str,
    },
}

fn malformed(error: x509_cert::der::Error) -> TimestampError {
    TimestampError::Malformed {
        reason: error.to_string(),
    }
}

/// Returns the DER of a request to stamp `signature`. It has no nonce, so that the same signature makes the same
/// request; an answer that was recorded earlier is as good as a new one, since the time in it is the earlier one. It
/// asks for no certificates: the policy has them.
pub(crate) fn request(signature: &[u8]) -> Vec<u8> {
    // SEQUENCE { version 1, SEQUENCE { SEQUENCE { sha256, NULL }, OCTET STRING } }
    let mut request = vec![
        0x30, 0x36, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ];
    request.extend(Sha256::digest(signature));
    request
}

/// Brings a response into the form that bundles carry, and checks that it is about `signature`.
pub(crate) fn canonical(response: &[u8], signature: &[u8]) -> Result<Vec<u8>, TimestampError> {
    limited(response)?;
    let outer = AnyRef::from_der(response).map_err(malformed)?;
    outer.tag().assert_eq(Tag::Sequence).map_err(malformed)?;
    let mut reader = SliceReader::new(outer.value()).map_err(malformed)?;
    let status: AnyRef<'_> = reader.decode().map_err(malformed)?;
    granted(status)?;
    let token: ContentInfo = reader.decode().map_err(malformed)?;
    reader.finish(()).map_err(malformed)?;

    let mut signed: SignedData = token.content.decode_as().map_err(malformed)?;
    if !stamps(&signed, signature)? {
        return Err(TimestampError::OtherSignature {
            expected: hex::encode(Sha256::digest(signature)),
        });
    }
    signed.certificates = None;
    signed.crls = None;
    let mut signer = one_signer(&signed)?.clone();
    signer.unsigned_attrs = None;
    let mut digests = SetOfVec::new();
    digests.insert(signer.digest_alg.clone()).map_err(malformed)?;
    signed.digest_algorithms = digests;
    let mut signers = SetOfVec::new();
    signers.insert(signer).map_err(malformed)?;
    signed.signer_infos.0 = signers;

    let token = ContentInfo {
        content_type: token.content_type,
        content: Any::encode_from(&signed).map_err(malformed)?,
    };
    let mut contents = GRANTED.to_vec();
    contents.extend(token.to_der().map_err(malformed)?);
    let response = Any::new(Tag::Sequence, contents)
        .and_then(|response| response.to_der())
        .map_err(malformed)?;
    check(&response, &[])?;
    Ok(response)
}

/// Checks that everything in a response is either covered by its signature or has the one value it can have.
/// Certificates may be sent along when they are, byte for byte, among those that are trusted.
pub(crate) fn check(response: &[u8], trusted: &[&DerCertificate]) -> Result<(), TimestampError> {
    limited(response)?;
    let outer = AnyRef::from_der(response).map_err(malformed)?;
    let token = outer
        .value()
        .strip_prefix(&GRANTED)
        .filter(|_| outer.tag() == Tag::Sequence)
        .ok_or(TimestampError::NotCanonical { part: "status" })?;
    let info = ContentInfo::from_der(token).map_err(malformed)?;
    let signed: SignedData = info.content.decode_as().map_err(malformed)?;
    let signer = one_signer(&signed)?;
    let content = &signed.encap_content_info;
    let signer_version = match signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V1,
        SignerIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V3,
    };
    let parts = [
        ("content type", info.content_type == SIGNED_DATA),
        ("SignedData.version", signed.version == CmsVersion::V3),
        (
            "SignedData.digestAlgorithms",
            signed.digest_algorithms.len() == 1
                && signed.digest_algorithms.get(0) == Some(&signer.digest_alg),
        ),
        ("TSTInfo type", content.econtent_type == TIMESTAMP_INFO),
        (
            "TSTInfo encoding",
            content
                .econtent
                .as_ref()
                .is_some_and(|content| content.tag() == Tag::OctetString),
        ),
        (
            "SignedData.certificates",
            are_trusted(signed.certificates.as_ref(), trusted),
        ),
        ("SignedData.crls", signed.crls.is_none()),
        ("SignerInfo.version", signer.version == signer_version),
        // The verifier goes by the digest alone.
        (
            "SignerInfo.signatureAlgorithm",
            DIGESTS.contains(&(signer.digest_alg.oid, signer.signature_algorithm.oid))
                && is_plain(&signer.digest_alg)
                && is_plain(&signer.signature_algorithm),
        ),
        ("SignerInfo.unsignedAttrs", signer.unsigned_attrs.is_none()),
        // Lengths and orders that the parser lets pass.
        ("encoding", info.to_der().is_ok_and(|again| again == token)),
        (
            "SignedData encoding",
            signed
                .to_der()
                .is_ok_and(|again| info.content.to_der().is_ok_and(|content| content == again)),
        ),
    ];
    match parts.into_iter().find(|(_, holds)| !holds) {
        Some((part, _)) => Err(TimestampError::NotCanonical { part }),
        None => Ok(()),
    }
}

fn limited(response: &[u8]) -> Result<(), TimestampError> {
    if response.len() > RESPONSE_LIMIT {
        return Err(TimestampError::Malformed {
            reason: format!("{} bytes, the limit is {RESPONSE_LIMIT}", response.len()),
        });
    }
    Ok(())
}

/// Refuses a status other than "granted" or "granted with modifications".
fn granted(status: AnyRef<'_>) -> Result<(), TimestampError> {
    status.tag().assert_eq(Tag::Sequence).map_err(malformed)?;
    let mut reader = SliceReader::new(status.value()).map_err(malformed)?;
    let code: u8 = reader.decode().map_err(malformed)?;
    if code <= 1 {
        return Ok(());
    }
    let text = match reader.decode::<Vec<String>>() {
        Ok(lines) => format!(": {}", crate::statement::shown(&lines.join(" "))),
        Err(_) => String::new(),
    };
    Err(TimestampError::Refused { status: code, text })
}

fn one_signer(signed: &SignedData) -> Result<&cms::signed_data::SignerInfo, TimestampError> {
    signed
        .signer_infos
        .0
        .get(0)
        .filter(|_| signed.signer_infos.0.len() == 1)
        .ok_or(TimestampError::NotCanonical { part: "SignerInfo" })
}

/// Tells whether the stamp's imprint is the SHA-256 of the signature.
fn stamps(signed: &SignedData, signature: &[u8]) -> Result<bool, TimestampError> {
    let content = signed.encap_content_info.econtent.as_ref();
    let content = content.ok_or(TimestampError::NotCanonical { part: "TSTInfo" })?;
    let info = AnyRef::from_der(content.value()).map_err(malformed)?;
    let mut reader = SliceReader::new(info.value()).map_err(malformed)?;
    let _version: AnyRef<'_> = reader.decode().map_err(malformed)?;
    let _policy: AnyRef<'_> = reader.decode().map_err(malformed)?;
    let imprint: AnyRef<'_> = reader.decode().map_err(malformed)?;
    Ok(imprint.value().ends_with(&Sha256::digest(signature)))
}

fn are_trusted(sent: Option<&CertificateSet>, trusted: &[&DerCertificate]) -> bool {
    let is_trusted = |choice: &CertificateChoices| {
        choice
            .to_der()
            .is_ok_and(|der| trusted.iter().any(|certificate| certificate.as_bytes() == der))
    };
    sent.is_none_or(|set| !set.0.is_empty() && set.0.iter().all(is_trusted))
}

/// Tells whether an algorithm has no parameters.
fn is_plain(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm
        .parameters
        .as_ref()
        .is_none_or(|parameters| *parameters == Any::null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_refusal_says_the_status_and_the_authoritys_words() {
        // SEQUENCE { SEQUENCE { INTEGER 2, SEQUENCE { UTF8String "no" } } }
        let response = [
            0x30, 0x0b, 0x30, 0x09, 0x02, 0x01, 0x02, 0x30, 0x04, 0x0c, 0x02, b'n', b'o',
        ];
        assert_eq!(
            canonical(&response, b"signature"),
            Err(TimestampError::Refused {
                status: 2,
                text: ": no".to_owned()
            })
        );
    }

    proptest! {
        #[test]
        fn no_response_panics(response in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(canonical(&response, b"signature").is_err());
            prop_assert!(check(&response, &[]).is_err());
        }
    }
}
