//! A passphrase as a key: text sealed with age's scrypt, which `age --decrypt` opens and asks for the passphrase.

use std::io::{Read as _, Write as _};

use age::secrecy::SecretString;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::secret::SealError;
use konductor_model::{Sealer, SecretText};
use zeroize::Zeroizing;

const VERSION: &str = "v1:";

/// The cost of trying a passphrase: 2 to this power, with 128 MiB of memory.
const WORK_FACTOR: u8 = 17;

/// The largest cost that is accepted, so that a changed text cannot keep this machine busy for hours.
const LARGEST_WORK_FACTOR: u8 = 22;

/// The fewest characters of a passphrase. Whoever has the state can try as many as they like.
const SHORTEST: usize = 12;

/// Seals to a passphrase, and opens with it or with the one before.
pub struct PassphraseSealer {
    passphrase: SecretText,
    previous: Option<SecretText>,
}

impl std::fmt::Debug for PassphraseSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassphraseSealer(…)")
    }
}

fn fail(reason: impl Into<String>) -> SealError {
    SealError {
        reason: reason.into(),
    }
}

impl PassphraseSealer {
    /// Takes over a passphrase, and the one that was used before it was changed.
    ///
    /// # Errors
    /// When it is shorter than 12 characters.
    pub fn new(passphrase: SecretText, previous: Option<SecretText>) -> Result<Self, SealError> {
        let length = passphrase.reveal().chars().count();
        if length < SHORTEST {
            return Err(fail(format!(
                "the passphrase has {length} characters, and at least {SHORTEST} are needed: whoever has the state can \
                 try as many as they like"
            )));
        }
        Ok(Self { passphrase, previous })
    }
}

impl Sealer for PassphraseSealer {
    fn seal(&self, plain: &[u8]) -> Result<String, SealError> {
        let failed = |error: &dyn std::fmt::Display| fail(format!("encrypting failed: {error}"));
        let passphrase = SecretString::from(self.passphrase.reveal().to_owned());
        let mut recipient = age::scrypt::Recipient::new(passphrase);
        recipient.set_work_factor(WORK_FACTOR);
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(|e| failed(&e))?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).map_err(|e| failed(&e))?;
        writer.write_all(plain).map_err(|e| failed(&e))?;
        writer.finish().map_err(|e| failed(&e))?;
        Ok(format!("{VERSION}{}", STANDARD.encode(sealed)))
    }

    fn open(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = sealed
            .strip_prefix(VERSION)
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .ok_or_else(|| fail("the text was damaged"))?;
        let mut reason = None;
        for passphrase in std::iter::once(&self.passphrase).chain(&self.previous) {
            let decryptor =
                age::Decryptor::new_buffered(bytes.as_slice()).map_err(|_| fail("the text was damaged"))?;
            let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.reveal().to_owned()));
            identity.set_max_work_factor(LARGEST_WORK_FACTOR);
            match decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)) {
                Ok(mut reader) => {
                    let mut plain = Zeroizing::new(Vec::new());
                    reader
                        .read_to_end(&mut plain)
                        .map_err(|_| fail("the text was damaged"))?;
                    return Ok(plain);
                }
                Err(age::DecryptError::ExcessiveWork { .. }) => {
                    reason =
                        Some("the text was damaged: it asks for more work than any that was ever written");
                }
                Err(_) => reason = reason.or(Some("the passphrase is another one")),
            }
        }
        Err(fail(reason.unwrap_or("the passphrase is another one")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(passphrase: &str, previous: Option<&str>) -> PassphraseSealer {
        PassphraseSealer::new(SecretText::new(passphrase), previous.map(SecretText::new)).unwrap()
    }

    #[test]
    fn a_passphrase_opens_what_it_sealed_and_so_does_the_next_one_beside_it() {
        let sealed = sealer("correct horse battery", None).seal(b"a key").unwrap();
        let opened = |with: &PassphraseSealer| with.open(&sealed).map(|plain| plain.to_vec());
        assert_eq!(
            opened(&sealer("correct horse battery", None)),
            Ok(b"a key".to_vec())
        );
        assert_eq!(
            opened(&sealer("another one entirely", Some("correct horse battery"))),
            Ok(b"a key".to_vec())
        );
        let refused = opened(&sealer("another one entirely", None)).unwrap_err();
        assert_eq!(refused.reason, "the passphrase is another one");
    }

    #[test]
    fn a_changed_text_a_short_passphrase_and_too_much_work_are_refused_and_nothing_is_shown() {
        let with = sealer("correct horse battery", None);
        let sealed = with.seal(b"a key").unwrap();
        let bytes = STANDARD.decode(&sealed[3..]).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(" 17\n"), "the cost is written: {text}");
        let harder = [
            &bytes[..text.find(" 17\n").unwrap()],
            b" 40\n",
            &bytes[text.find(" 17\n").unwrap() + 4..],
        ]
        .concat();
        let refused = with.open(&format!("v1:{}", STANDARD.encode(harder))).unwrap_err();
        assert!(refused.reason.contains("more work"), "{refused}");
        let mut changed = bytes.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(with.open(&format!("v1:{}", STANDARD.encode(changed))).is_err());
        assert!(with.open("v9:AA").is_err());
        let short = PassphraseSealer::new(SecretText::new("short one"), None).unwrap_err();
        assert!(
            short.reason.contains("at least 12") && !short.reason.contains("short one"),
            "{short}"
        );
        assert_eq!(format!("{with:?}"), "PassphraseSealer(…)");
    }
}
