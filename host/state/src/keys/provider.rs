//! What wraps a data key: a recipient of age, a passphrase, a key in a key management service.

use async_trait::async_trait;
use konductor_model::SecretText;
use serde::{Deserialize, Serialize};

use crate::schema::StackIdentity;

/// Names what a data key is wrapped for. It stands in clear beside what is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyName {
    /// What kind: `age`, `passphrase`, `aws-kms`, `vault`.
    pub provider: String,
    /// Which: the recipient, the key with its place; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl KeyName {
    /// Makes a name.
    pub fn new(provider: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            name: name.into(),
        }
    }

    /// Says what to provide so that it can be used.
    pub fn advice(&self) -> &'static str {
        match self.provider.as_str() {
            "age" => "name the file with its identity in KONDUCTOR_IDENTITY_FILE",
            "passphrase" => {
                "give it in KONDUCTOR_PASSPHRASE, with `secrets.passphrase: true` in konductor.yaml"
            }
            "aws-kms" => {
                "name the key under `secrets.aws_kms` in konductor.yaml, and give credentials of AWS that may decrypt with it"
            }
            "vault" => {
                "name the key under `secrets.vault` in konductor.yaml, and give a token in VAULT_TOKEN that may decrypt with it"
            }
            _ => "use the newer version of Konductor that knows it",
        }
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.provider.as_str() {
            "age" => "age recipient",
            "passphrase" => "passphrase",
            "aws-kms" => "AWS KMS key",
            "vault" => "Vault key",
            other => other,
        };
        f.write_str(kind)?;
        if self.name.is_empty() {
            return Ok(());
        }
        write!(f, " {}", self.name)
    }
}

/// Why a data key could not be wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct KeyProviderError {
    /// What happened and what to do; never a part of a key.
    pub reason: String,
}

/// Wraps data keys. What it wraps is text of a few hundred bytes.
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// Returns its name.
    fn name(&self) -> &KeyName;

    /// Wraps a text for a stack.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or lacks what it needs.
    async fn wrap(&self, stack: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError>;

    /// Opens what it wrapped for the stack.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or the text is not what it wrapped.
    async fn unwrap(&self, stack: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError>;
}
