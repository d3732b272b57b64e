//! A passphrase that the environment gives: itself, in a file, or as what a command prints.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use konductor_config::PassphraseSealer;
use konductor_model::{Origin, Sealer, SecretText};
use konductor_state::StackIdentity;
use konductor_state::keys::{KeyName, KeyProvider, KeyProviderError};
use zeroize::Zeroizing;

use super::{failed, unwrap, wrap};
use crate::environment::Environment;
use crate::state_place::check_private;

const VARIABLE: &str = "KONDUCTOR_PASSPHRASE";

/// Wraps with a passphrase. It is asked for when it is needed and not before.
pub struct Passphrase {
    name: KeyName,
    environment: Environment,
    origin: Origin,
    sealer: OnceLock<Arc<dyn Sealer>>,
}

impl Passphrase {
    pub fn new(environment: Environment, origin: Origin) -> Self {
        Self {
            name: KeyName::new("passphrase", ""),
            environment,
            origin,
            sealer: OnceLock::new(),
        }
    }

    fn sealer(&self) -> Result<&Arc<dyn Sealer>, KeyProviderError> {
        if let Some(sealer) = self.sealer.get() {
            return Ok(sealer);
        }
        let passphrase = self.given(VARIABLE)?.ok_or_else(|| {
            failed(format!(
                "it is not given, and {} says that there is one: set {VARIABLE}, {VARIABLE}_FILE or {VARIABLE}_COMMAND",
                self.origin
            ))
        })?;
        let previous = self.given("KONDUCTOR_PREVIOUS_PASSPHRASE")?;
        let sealer = PassphraseSealer::new(passphrase, previous).map_err(|error| failed(error.reason))?;
        Ok(self.sealer.get_or_init(|| Arc::new(sealer)))
    }

    /// Returns what a variable gives, or the file or the command that a variable names. The end of its last line does not
    /// count.
    fn given(&self, variable: &str) -> Result<Option<SecretText>, KeyProviderError> {
        if let Some(passphrase) = self.environment.variable(variable) {
            return Ok(Some(SecretText::new(passphrase)));
        }
        if let Some(file) = self.environment.variable(&format!("{variable}_FILE")) {
            return self.of_file(&PathBuf::from(file)).map(Some);
        }
        if let Some(command) = self.environment.variable(&format!("{variable}_COMMAND")) {
            return of_command(command).map(Some);
        }
        Ok(None)
    }

    fn of_file(&self, file: &Path) -> Result<SecretText, KeyProviderError> {
        let unreadable =
            |error: std::io::Error| failed(format!("{} cannot be read: {error}", file.display()));
        // A pipe or a descriptor has no permissions to speak of.
        if std::fs::metadata(file).map_err(unreadable)?.is_file() {
            check_private(file).map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
        }
        let text = std::fs::read_to_string(file)
            .map(Zeroizing::new)
            .map_err(unreadable)?;
        Ok(without_end(&text))
    }
}

fn without_end(text: &str) -> SecretText {
    let line = text.strip_suffix('\n').unwrap_or(text);
    SecretText::new(line.strip_suffix('\r').unwrap_or(line))
}

/// Runs a command: words separated by spaces, without a shell.
fn of_command(command: &str) -> Result<SecretText, KeyProviderError> {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let told = |what: String| failed(format!("the command `{program}` of {VARIABLE}_COMMAND {what}"));
    let output = Command::new(program)
        .args(words)
        .stdin(std::process::Stdio::inherit())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| told(format!("could not be started: {error}")))?;
    let text = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(told(format!("failed: {}", output.status)));
    }
    let text = std::str::from_utf8(&text).map_err(|_| told("printed no text".to_owned()))?;
    Ok(without_end(text))
}

#[async_trait]
impl KeyProvider for Passphrase {
    fn name(&self) -> &KeyName {
        &self.name
    }

    async fn wrap(&self, _: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError> {
        wrap(self.sealer()?, plain).await
    }

    async fn unwrap(&self, _: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError> {
        unwrap(self.sealer()?, wrapped).await
    }
}
