//! What a guest says, made fit for people and free of secrets; what it answers, with every token opened again.
//!
//! What this does not cover: a guest that was let to see a secret can change it into something that is not
//! recognised. That is why seeing one takes a grant and is recorded.

use std::borrow::Cow;
use std::sync::Arc;

use konductor_model::secret::TOKEN_PREFIX;
use konductor_model::{Path, PathStep, SecretVault, Value};

use crate::text;

/// Bytes of a text beyond its limit that are searched as well, so that a secret which the limit would cut in two
/// is found whole. Of a longer secret the first part can be left at the end of a text that was cut.
pub(crate) const MARGIN: usize = 64 << 10;

/// The rules for one call: how long texts may be, and which secrets are known.
#[derive(Clone)]
pub(crate) struct Vetting {
    limit: usize,
    vault: Option<Arc<dyn SecretVault>>,
}

impl Vetting {
    pub(crate) fn new(limit: usize, vault: Option<Arc<dyn SecretVault>>) -> Self {
        Self { limit, vault }
    }

    /// Returns a text for people, without what could steer a terminal and without secrets.
    pub(crate) fn lines(&self, text: &str) -> String {
        self.lines_within(text, self.limit)
    }

    /// Like [`Self::lines`], and on one line.
    pub(crate) fn line(&self, text: &str) -> String {
        text::on_one_line(&self.lines(text))
    }

    /// Like [`Self::lines`], with a limit of its own.
    pub(crate) fn lines_within(&self, text: &str, limit: usize) -> String {
        let Some(vault) = &self.vault else {
            return text::printable(text, limit);
        };
        let searched = text::beginning(text, limit.saturating_add(2 * MARGIN));
        // Once as the guest wrote it and once as it will be shown: a secret may hold characters that are
        // removed, and a guest may put such characters into a secret.
        let masked = text::stripped(&vault.mask(searched));
        let masked = vault.mask(&masked);
        let room = if searched.len() == text.len() {
            limit
        } else {
            limit.min(masked.len().saturating_sub(MARGIN))
        };
        text::cut(&masked, room)
    }

    /// Returns a path for people. Steps that hold a secret or could steer a terminal are changed.
    pub(crate) fn path(&self, path: &Path) -> Path {
        let steps = path.steps().iter().map(|step| match step {
            PathStep::Attribute(name) => PathStep::Attribute(self.line(name)),
            PathStep::Index(index) => PathStep::Index(*index),
        });
        Path::from(steps.collect::<Vec<_>>())
    }

    /// Tells whether a text holds a token or a secret that is known.
    fn holds_secret(&self, text: &str) -> bool {
        self.vault
            .as_ref()
            .is_some_and(|vault| matches!(vault.mask(text), Cow::Owned(masked) if masked != text))
    }

    /// Refuses a secret where everybody can read.
    pub(crate) fn public(&self, what: &str, text: &str) -> Result<(), String> {
        if self.holds_secret(text) {
            return Err(format!("{what} that holds a secret"));
        }
        Ok(())
    }

    /// Refuses a secret in bytes that only the plugin reads. They are kept for later runs, in which a token
    /// stands for nothing, and they are kept as they are, so that they cannot be opened.
    pub(crate) fn opaque(&self, what: &str, bytes: &[u8]) -> Result<(), String> {
        if self.holds_secret(&String::from_utf8_lossy(bytes)) {
            return Err(format!(
                "{what} that hold a secret; what is to be kept of a secret belongs into a sensitive attribute"
            ));
        }
        Ok(())
    }

    /// Opens every token in a value, and marks as secret what holds a secret.
    pub(crate) fn open(&self, value: &mut Value) -> Result<(), String> {
        let Some(vault) = self.vault.clone() else {
            return Ok(());
        };
        let sealed = std::mem::take(value);
        *value = self.opened(sealed, vault.as_ref())?;
        Ok(())
    }

    fn opened(&self, value: Value, vault: &dyn SecretVault) -> Result<Value, String> {
        Ok(match value {
            Value::Text(text) => match vault.open(&text) {
                Some(open) => open.without_secret_marks().into_secret(),
                None if self.holds_secret(&text) => Value::Text(text).into_secret(),
                None => Value::Text(text),
            },
            Value::Bytes(bytes) => self.opened_bytes(bytes, vault)?,
            Value::List(list) => Value::List(
                list.into_iter()
                    .map(|element| self.opened(element, vault))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Map(map) => {
                let entries = map.into_iter().map(|(key, entry)| {
                    self.public("a map with a key", &key)?;
                    Ok((key, self.opened(entry, vault)?))
                });
                Value::Map(entries.collect::<Result<_, String>>()?)
            }
            Value::Secret(inner) => {
                let open = self.opened(*inner, vault)?.without_secret_marks();
                remember(&open, vault);
                open.into_secret()
            }
            Value::Reference(reference) => {
                self.public("a reference", &reference.to_string())?;
                Value::Reference(reference)
            }
            other => other,
        })
    }

    fn opened_bytes(&self, bytes: Vec<u8>, vault: &dyn SecretVault) -> Result<Value, String> {
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Some(open) = vault.open(text)
        {
            return Ok(match open.without_secret_marks() {
                Value::Text(text) => Value::Bytes(text.into_bytes()),
                other => other,
            }
            .into_secret());
        }
        let lossy = String::from_utf8_lossy(&bytes);
        if lossy.contains(TOKEN_PREFIX) {
            return Err(
                "bytes that hold a sealed secret and are no text; a secret can be part of a text".to_owned(),
            );
        }
        let secret = self.holds_secret(&lossy);
        let value = Value::Bytes(bytes);
        Ok(if secret { value.into_secret() } else { value })
    }
}

/// Makes a vault know what a guest says is secret, such as a password that the cloud made.
fn remember(value: &Value, vault: &dyn SecretVault) {
    value.walk(&mut |_, leaf| {
        if matches!(leaf, Value::Text(_) | Value::Bytes(_)) {
            vault.seal(leaf);
        }
        true
    });
}
