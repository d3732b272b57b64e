//! Editing what is declared, in the files that declare it: seen before it is written, and written only over what was read.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use konductor_config::{edit, template};
use konductor_model::{Diagnostic, Diagnostics, Path, Sealer as _, Value};

use crate::atomic_file;
use crate::error::CommandError;
use crate::project::Project;

/// The texts of files of a project, with what is edited in them.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationEdit {
    texts: BTreeMap<String, EditedText>,
}

/// A text of a file before and after.
#[derive(Debug, Clone)]
pub struct EditedText {
    /// As it was read.
    pub before: String,
    /// As it is to be.
    pub after: String,
}

impl ConfigurationEdit {
    /// Puts a value at a path of a file, or takes out what is there.
    ///
    /// # Errors
    /// When the place cannot be changed without changing something else, or the file is none of the project's.
    pub fn put(
        &mut self,
        project: &Project,
        file: &str,
        path: &Path,
        value: Option<&Value>,
    ) -> Result<(), Diagnostics> {
        let Some(source) = project.configuration.source(file) else {
            return Err(
                Diagnostic::error(format!("`{path}` is not written in a file of the project")).into(),
            );
        };
        let known = self.texts.get(file);
        let before = known.map_or(source, |known| known.before.as_str()).to_owned();
        let text = known.map_or(source, |known| known.after.as_str());
        let after = match value {
            Some(value) => edit::set(file, text, path, value),
            None => edit::unset(file, text, path),
        }?;
        self.texts.insert(file.to_owned(), EditedText { before, after });
        Ok(())
    }

    /// Returns the files that are changed, by name.
    pub fn changed(&self) -> impl Iterator<Item = (&String, &EditedText)> {
        self.texts.iter().filter(|(_, text)| text.before != text.after)
    }

    /// Returns the texts as they are to be, by the names of their files.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let texts = self.changed();
        texts
            .map(|(file, text)| (file.clone(), text.after.clone()))
            .collect()
    }

    /// Writes the files.
    ///
    /// # Errors
    /// When one was edited since it was read, or cannot be written. `again` says what to do then.
    pub fn write(&self, folder: &FilePath, again: &str) -> Result<(), CommandError> {
        for (name, text) in self.changed() {
            let file = folder.join(name);
            let now =
                std::fs::read_to_string(&file).map_err(|error| CommandError::file("read", &file, error))?;
            if now.trim_start_matches('\u{feff}') != text.before {
                return Err(CommandError::message(format!("{name} was edited meanwhile")).help(again));
            }
        }
        for (name, text) in self.changed() {
            atomic_file::write(&folder.join(name), text.after.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the files as they were.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn take_back(&self, folder: &FilePath) -> Result<(), CommandError> {
        for (name, text) in self.changed() {
            atomic_file::write(&folder.join(name), text.before.as_bytes())?;
        }
        Ok(())
    }
}

/// Returns a value as it is written: a secret is sealed, and no `$` begins a reference.
///
/// # Errors
/// When there is no key to seal with.
pub fn writable(project: &Project, value: &Value) -> Result<Value, Diagnostics> {
    match value {
        Value::Secret(inner) => {
            let plain = match inner.as_ref() {
                Value::Text(text) => text.clone(),
                other => konductor_model::value_json::to_plain_json(other).to_string(),
            };
            let sealed = project.sealer.seal(plain.as_bytes()).map_err(|error| {
                Diagnostics::from(
                    Diagnostic::error(error.reason).help("make a key with `konductor config key generate`"),
                )
            })?;
            Ok(edit::sealed_value(&sealed))
        }
        Value::List(list) => {
            let list: Result<Vec<Value>, Diagnostics> =
                list.iter().map(|value| writable(project, value)).collect();
            list.map(Value::List)
        }
        Value::Map(map) => {
            let map: Result<BTreeMap<String, Value>, Diagnostics> = map
                .iter()
                .map(|(name, value)| Ok((name.clone(), writable(project, value)?)))
                .collect();
            map.map(Value::Map)
        }
        Value::Text(text) => Ok(Value::from(template::escape(text))),
        other => Ok(other.clone()),
    }
}
