//! What wraps the data keys of a stack: what the project names under `secrets`, with what the environment adds to it.

mod aws_kms;
mod passphrase;
mod service;
mod vault;

use std::sync::Arc;

use async_trait::async_trait;
use konductor_config::{AgeSealer, KeySettings};
use konductor_model::{Diagnostic, Diagnostics, Sealer, SecretText};
use konductor_state::StackIdentity;
use konductor_state::keys::{KeyName, KeyProvider, KeyProviderError};

use self::aws_kms::AwsKms;
use self::passphrase::Passphrase;
use self::vault::Vault;
use crate::environment::Environment;

/// Makes what wraps data keys. Nothing is asked of anybody yet.
///
/// # Errors
/// Everything that is missing or wrong, all at once.
pub fn providers(
    settings: &KeySettings,
    identity: Option<&SecretText>,
    environment: &Environment,
) -> Result<Vec<Arc<dyn KeyProvider>>, Diagnostics> {
    let mut providers: Vec<Arc<dyn KeyProvider>> = Vec::new();
    let mut diagnostics = Diagnostics::default();
    for recipient in &settings.recipients {
        match AgeSealer::new([recipient.text.as_str()], identity) {
            Ok(sealer) => providers.push(Arc::new(Sealed {
                name: KeyName::new("age", &recipient.text),
                sealer: Arc::new(sealer),
            })),
            Err(error) => {
                let place = Some(recipient.origin.clone());
                diagnostics.push(Diagnostic::error(error.reason).origin(place));
            }
        }
    }
    if let Some(origin) = &settings.passphrase {
        providers.push(Arc::new(Passphrase::new(environment.clone(), origin.clone())));
    }
    for key in &settings.aws_kms {
        match AwsKms::new(key, environment) {
            Ok(key) => providers.push(Arc::new(key)),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    for key in &settings.vault {
        providers.push(Arc::new(Vault::new(key, environment)));
    }
    if diagnostics.0.is_empty() {
        Ok(providers)
    } else {
        Err(diagnostics)
    }
}

/// Wraps with a sealer of this machine.
struct Sealed {
    name: KeyName,
    sealer: Arc<dyn Sealer>,
}

#[async_trait]
impl KeyProvider for Sealed {
    fn name(&self) -> &KeyName {
        &self.name
    }

    async fn wrap(&self, _: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError> {
        wrap(&self.sealer, plain).await
    }

    async fn unwrap(&self, _: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError> {
        unwrap(&self.sealer, wrapped).await
    }
}

fn failed(reason: impl Into<String>) -> KeyProviderError {
    KeyProviderError {
        reason: reason.into(),
    }
}

/// Seals where that may take long: a passphrase takes a good part of a second on purpose.
async fn wrap(sealer: &Arc<dyn Sealer>, plain: &SecretText) -> Result<String, KeyProviderError> {
    let (sealer, plain) = (Arc::clone(sealer), plain.clone());
    tokio::task::spawn_blocking(move || sealer.seal(plain.reveal().as_bytes()))
        .await
        .map_err(|_| failed("it was interrupted"))?
        .map_err(|error| failed(error.reason))
}

async fn unwrap(sealer: &Arc<dyn Sealer>, wrapped: &str) -> Result<SecretText, KeyProviderError> {
    let (sealer, wrapped) = (Arc::clone(sealer), wrapped.to_owned());
    let plain = tokio::task::spawn_blocking(move || sealer.open(&wrapped))
        .await
        .map_err(|_| failed("it was interrupted"))?
        .map_err(|error| failed(error.reason))?;
    text(&plain)
}

fn text(plain: &[u8]) -> Result<SecretText, KeyProviderError> {
    std::str::from_utf8(plain)
        .map(SecretText::new)
        .map_err(|_| failed("what it unwraps is no data key"))
}
