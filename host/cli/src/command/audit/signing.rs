//! Signs a statement about every run, where the configuration names a key.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use konductor_audit::attestation::attest;
use konductor_config::Context;
use konductor_model::with_causes;
use konductor_signature::{PublicKey, SigningKey};
use konductor_state::{Entry, Journal as _, StackLog};
use sha2::{Digest as _, Sha256};

use crate::error::CommandError;
use crate::project::{Project, hex};

/// What signs the statement about a run; without a key nothing is signed.
#[derive(Default)]
pub struct RunSigning {
    key: Option<SigningKey>,
    /// The digest of the plan that was carried out.
    plan: Mutex<Option<String>>,
}

impl RunSigning {
    /// Reads the key that the configuration names.
    ///
    /// # Errors
    /// When the section `audit` is wrong or the key cannot be used.
    pub fn of(project: &Project) -> Result<Self, CommandError> {
        let context = Context {
            sealer: Some(project.sealer.as_ref()),
            stacks: None,
        };
        let Some(file) = project.configuration.audit(context)?.signing_key else {
            return Ok(Self::default());
        };
        let text = zeroize::Zeroizing::new(read(&project.folder.join(&file))?);
        let key =
            SigningKey::from_pem(&file, &text).map_err(|error| CommandError::message(error.to_string()))?;
        Ok(Self {
            key: Some(key),
            plan: Mutex::default(),
        })
    }

    /// Keeps the digest of the plan that is carried out; `plan` is only asked where something is signed.
    pub fn carries_out(&self, plan: impl FnOnce() -> serde_json::Value) {
        if self.key.is_some() {
            let digest = hex(&Sha256::digest(plan().to_string()));
            *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        }
    }

    /// Signs the statement about a run that has ended, and writes it into the log.
    ///
    /// # Errors
    /// When the log cannot be read or written, or the key does not sign.
    pub async fn sign(&self, log: &StackLog, run: &str) -> Result<(), CommandError> {
        let Some(key) = &self.key else { return Ok(()) };
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner).take();
        let attested = attest(log, run, plan.as_deref(), key).await.map_err(|error| {
            CommandError::message(format!(
                "the statement about the run was not signed: {}",
                with_causes(&error)
            ))
        })?;
        log.append(vec![Entry::RunAttested(attested)]).await?;
        Ok(())
    }
}

/// Reads the public keys in files; `folder` is where their names begin.
pub fn public_keys<'f>(
    folder: &Path,
    files: impl Iterator<Item = &'f Path>,
) -> Result<Vec<PublicKey>, CommandError> {
    files
        .map(|file| {
            let text = read(&folder.join(file))?;
            PublicKey::from_pem(&file.display().to_string(), &text)
                .map_err(|error| CommandError::message(error.to_string()))
        })
        .collect()
}

fn read(file: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(file).map_err(|error| CommandError::file("read", file, error))
}
