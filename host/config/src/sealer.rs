//! Secrets at rest, encrypted with age to X25519 recipients.
//!
//! The text is `v1:` and the base64 of an age file, so that `age --decrypt` opens it without Konductor.

use std::io::{Read as _, Write as _};

use age::secrecy::ExposeSecret as _;
use age::x25519::{Identity, Recipient};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::secret::SealError;
use konductor_model::{Sealer, SecretText};
use zeroize::Zeroizing;

const VERSION: &str = "v1:";

/// Seals to age recipients and opens with age identities.
#[derive(Default)]
pub struct AgeSealer {
    recipients: Vec<Recipient>,
    identities: Vec<Identity>,
}

impl std::fmt::Debug for AgeSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgeSealer")
            .field("recipients", &self.recipients)
            .field("identities", &self.identities.len())
            .finish()
    }
}

/// A new identity and the recipient that belongs to it.
#[derive(Debug, Clone)]
pub struct GeneratedIdentity {
    /// The text of the identity file, to be kept in a file only its owner can read.
    pub identity_file: SecretText,
    /// What goes into `secrets.recipients`: `age1…`.
    pub recipient: String,
}

/// Makes a new identity.
#[must_use]
pub fn generate_identity() -> GeneratedIdentity {
    let identity = Identity::generate();
    let recipient = identity.to_public().to_string();
    let secret = identity.to_string();
    GeneratedIdentity {
        identity_file: SecretText::new(format!("# public key: {recipient}\n{}\n", secret.expose_secret())),
        recipient,
    }
}

fn fail(reason: impl Into<String>) -> SealError {
    SealError {
        reason: reason.into(),
    }
}

/// Tells whether a text is an age recipient.
///
/// # Errors
/// Names the text and what was expected.
pub(crate) fn check_recipient(text: &str) -> Result<(), SealError> {
    parse_recipient(text).map(|_| ())
}

fn parse_recipient(text: &str) -> Result<Recipient, SealError> {
    // A secret key pasted into the wrong place must not be repeated in a message.
    if text.to_ascii_uppercase().contains("AGE-SECRET-KEY") {
        return Err(fail(
            "this is a secret key where its recipient `age1…` belongs; remove it from the file and make a new one",
        ));
    }
    text.parse()
        .map_err(|_| fail(format!("`{text}` is not an age recipient: expected `age1…`")))
}

impl AgeSealer {
    /// Makes a sealer of recipients (`age1…`) and the text of an identity file (lines `AGE-SECRET-KEY-1…`,
    /// comments after `#`). Without recipients it cannot seal, except to its own identities; without
    /// identities it cannot open.
    ///
    /// # Errors
    /// When a recipient or a line of the identity file is not one; the line's content is never repeated.
    pub fn new<'r>(
        recipients: impl IntoIterator<Item = &'r str>,
        identity_file: Option<&SecretText>,
    ) -> Result<Self, SealError> {
        let mut sealer = Self::default();
        for recipient in recipients {
            sealer.recipients.push(parse_recipient(recipient)?);
        }
        let text = identity_file.map_or("", SecretText::reveal);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity = line.parse().map_err(|_| {
                fail(format!(
                    "line {} of the identity file is not an X25519 identity: expected `AGE-SECRET-KEY-1…`",
                    number + 1
                ))
            })?;
            sealer.identities.push(identity);
        }
        if sealer.recipients.is_empty() {
            sealer.recipients = sealer.identities.iter().map(Identity::to_public).collect();
        }
        Ok(sealer)
    }

    /// Tells whether anything can be sealed.
    #[must_use]
    pub fn has_recipient(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Tells whether anything can be opened.
    #[must_use]
    pub fn has_identity(&self) -> bool {
        !self.identities.is_empty()
    }

    /// Returns the recipient (`age1…`) that the first identity opens for; none without an identity.
    #[must_use]
    pub fn recipient_of_identity(&self) -> Option<String> {
        self.identities
            .first()
            .map(|identity| identity.to_public().to_string())
    }
}

impl Sealer for AgeSealer {
    fn seal(&self, plain: &[u8]) -> Result<String, SealError> {
        if self.recipients.is_empty() {
            return Err(fail(
                "there is nobody to encrypt to: add `secrets: { recipients: [age1…] }` to konductor.yaml",
            ));
        }
        let recipients = self.recipients.iter().map(|r| r as &dyn age::Recipient);
        let failed = |error: &dyn std::fmt::Display| fail(format!("encrypting failed: {error}"));
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(|e| failed(&e))?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).map_err(|e| failed(&e))?;
        writer.write_all(plain).map_err(|e| failed(&e))?;
        writer.finish().map_err(|e| failed(&e))?;
        Ok(format!("{VERSION}{}", STANDARD.encode(sealed)))
    }

    fn open(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let Some(encoded) = sealed.strip_prefix(VERSION) else {
            return Err(fail(
                "it was sealed by a newer version: expected a text that starts with `v1:`",
            ));
        };
        if self.identities.is_empty() {
            return Err(fail(
                "there is no identity to open it with: name the file in KONDUCTOR_IDENTITY_FILE",
            ));
        }
        let compact: String = encoded.split_whitespace().collect();
        let bytes = STANDARD
            .decode(compact)
            .map_err(|_| fail("the text was damaged: it is not base64"))?;
        let decryptor = age::Decryptor::new_buffered(bytes.as_slice())
            .map_err(|_| fail("the text was damaged: it is not an age file"))?;
        let identities = self.identities.iter().map(|i| i as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => fail("it was sealed to others: none of the identities fits"),
            _ => fail("the text was damaged"),
        })?;
        let mut plain = Zeroizing::new(Vec::new());
        reader
            .read_to_end(&mut plain)
            .map_err(|_| fail("the text was damaged"))?;
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> AgeSealer {
        let identity = generate_identity();
        AgeSealer::new([identity.recipient.as_str()], Some(&identity.identity_file)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_sealed_opens_again(plain in prop::collection::vec(any::<u8>(), 0..200)) {
            let sealer = pair();
            let sealed = sealer.seal(&plain).unwrap();
            prop_assert!(sealed.starts_with("v1:"));
            prop_assert_eq!(&*sealer.open(&sealed).unwrap(), &plain);
        }
    }

    #[test]
    fn another_identity_a_changed_text_and_no_identity_each_say_so() {
        let sealer = pair();
        let sealed = sealer.seal(b"hunter2").unwrap();
        assert!(
            pair()
                .open(&sealed)
                .unwrap_err()
                .reason
                .contains("none of the identities fits")
        );
        let mut changed = sealed.clone();
        changed.replace_range(sealed.len() - 8..sealed.len() - 6, "AA");
        assert!(sealer.open(&changed).unwrap_err().reason.contains("damaged"));
        assert!(sealer.open("v1:!").unwrap_err().reason.contains("base64"));
        assert!(sealer.open("v2:AA").unwrap_err().reason.contains("newer"));
        let blind = AgeSealer::default();
        assert!(
            blind
                .open(&sealed)
                .unwrap_err()
                .reason
                .contains("KONDUCTOR_IDENTITY_FILE")
        );
        assert!(blind.seal(b"x").unwrap_err().reason.contains("recipients"));
    }

    #[test]
    fn every_recipient_can_open() {
        let (one, two) = (generate_identity(), generate_identity());
        let both = AgeSealer::new([one.recipient.as_str(), two.recipient.as_str()], None).unwrap();
        let sealed = both.seal(b"x").unwrap();
        for identity in [one, two] {
            let sealer = AgeSealer::new([], Some(&identity.identity_file)).unwrap();
            assert_eq!(&*sealer.open(&sealed).unwrap(), b"x");
        }
    }

    #[test]
    fn secret_keys_are_not_repeated() {
        let identity = generate_identity();
        let key = identity.identity_file.reveal().lines().last().unwrap().to_owned();
        let error = AgeSealer::new([key.as_str()], None).unwrap_err();
        assert!(!error.reason.contains(&key), "{error}");
        let broken = SecretText::new(format!("# x\n{key}Q\n"));
        let error = AgeSealer::new([], Some(&broken)).unwrap_err();
        assert!(
            error.reason.contains("line 2") && !error.reason.contains(&key),
            "{error}"
        );
        let sealer = AgeSealer::new([], Some(&identity.identity_file)).unwrap();
        assert!(!format!("{sealer:?}{identity:?}").contains(&key));
    }
}
