//! The digest that names bytes: sha256, written `sha256:` and 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// The sha256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// Says that a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a digest: expected `sha256:` and 64 hexadecimal digits in lower case")]
pub struct DigestParseError {
    /// The start of the text.
    pub text: String,
}

impl Digest {
    /// Takes the digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Returns the 64 hexadecimal digits alone.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 hexadecimal digits in lower case.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, DigestParseError> {
        let error = || DigestParseError {
            text: text.chars().take(80).collect(),
        };
        // One spelling for one digest: what is compared as text elsewhere is then the same, too.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(error());
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| error())?;
        Ok(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("sha256:").ok_or_else(|| DigestParseError {
            text: text.chars().take(80).collect(),
        })?;
        Self::from_hex(hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_digest_of_nothing_is_the_published_one() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn another_algorithm_a_wrong_length_and_upper_case_are_refused() {
        let good = Digest::of(b"abc").to_string();
        for text in [
            good.replace("sha256", "sha512"),
            good.to_uppercase(),
            good.to_uppercase().replace("SHA", "sha"),
            good[..good.len() - 1].to_owned(),
            format!("{good}0"),
            format!(" {good}"),
            good.replace("sha256:", ""),
            String::new(),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_digest_is_read_back_from_its_text(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
            prop_assert_eq!(Digest::from_hex(&digest.hex()).unwrap(), digest);
        }

        #[test]
        fn no_text_makes_parsing_panic_and_what_parses_is_written_the_same(text in "\\PC{0,80}|sha256:[0-9a-fA-F]{63,65}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
