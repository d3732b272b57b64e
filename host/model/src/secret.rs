//! Secrets that cannot be printed, and the trait that keeps them sealed at rest.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::value::Value;

/// Text that must never be shown. It has no `Display`, its `Debug` says only that it is there, and it is
/// wiped from memory when dropped. Copies that other libraries make are not covered.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes over a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text; the caller takes over the duty not to show it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Says why a secret could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SealError {
    /// What happened and what to do; never a part of the secret.
    pub reason: String,
}

/// Seals secrets before they are stored and opens them where they are used.
pub trait Sealer: Send + Sync {
    /// Encrypts bytes into text such as `v1:…`.
    ///
    /// # Errors
    /// When there is no key to encrypt with.
    fn seal(&self, plain: &[u8]) -> Result<String, SealError>;

    /// Decrypts what `seal` made.
    ///
    /// # Errors
    /// When no key fits or the text was changed.
    fn open(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError>;
}

/// Stands between a plugin and the secrets of its configuration: the guest holds tokens, this holds the values.
///
/// Within one run equal values of one plugin have equal tokens, so that a guest can tell whether a secret changed.
/// A token of one plugin means nothing to another's vault.
pub trait SecretVault: Send + Sync {
    /// Returns the token that stands for a value, and remembers it.
    fn seal(&self, value: &Value) -> String;

    /// Returns what a text stands for: the value of a token, or a text with every token in it replaced.
    /// `None` when there is no token in it.
    fn open(&self, text: &str) -> Option<Value>;

    /// Returns a text for people, in which every token and every text that this vault knows to be secret, in any
    /// form in which a cloud or a plugin commonly writes it, is replaced by [`MASK`].
    fn mask<'t>(&self, text: &'t str) -> Cow<'t, str>;
}

/// How every token begins. A token holds nothing but ASCII letters, digits and `-`, so that no encoding changes it;
/// a guest's checks of form must leave a secret text that begins so alone.
pub const TOKEN_PREFIX: &str = "ksealed-";

/// What stands in a text for people where a secret stood.
pub const MASK: &str = "(secret)";
