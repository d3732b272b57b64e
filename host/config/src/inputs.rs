//! The files and settings a configuration is made of, and where they lie.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};

use konductor_model::{Diagnostic, Diagnostics, Origin};

use crate::suggestion;

/// The name of the project's file.
pub const PROJECT_FILE: &str = "konductor.yaml";
/// Where the organization's file lies below the project, unless `ORG_CONFIG` says otherwise.
pub const ORGANIZATION_FILE: &str = "config/organization.yaml";
/// The variable that names the organization's file.
pub const ORGANIZATION_VARIABLE: &str = "ORG_CONFIG";

/// A file as the user would name it, with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The name that places are reported with.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Everything a configuration is made of.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The stack's name.
    pub stack: String,
    /// `konductor.yaml`.
    pub project: Option<SourceFile>,
    /// `konductor.STACK.yaml`, when there is one.
    pub stack_file: Option<SourceFile>,
    /// The organization's file, when there is one.
    pub organization: Option<SourceFile>,
    /// The environment as name and value; what is not configuration is ignored.
    pub environment: Vec<(String, String)>,
    /// The arguments of `--set`, each `path=value`; a later one wins.
    pub set: Vec<String>,
}

impl std::fmt::Debug for Inputs {
    /// Leaves the environment and the arguments out: they may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs")
            .field("stack", &self.stack)
            .field("project", &self.project.as_ref().map(|file| &file.name))
            .field("stack_file", &self.stack_file.as_ref().map(|file| &file.name))
            .field("organization", &self.organization.as_ref().map(|file| &file.name))
            .finish_non_exhaustive()
    }
}

/// Returns the name of a stack's file.
#[must_use]
pub fn stack_file_name(stack: &str) -> String {
    format!("konductor.{stack}.yaml")
}

/// Lists the stacks that have a file in the project's folder, sorted; nothing when the folder cannot be read.
#[must_use]
pub fn stacks(folder: &FilePath) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let stack = name.strip_prefix("konductor.")?.strip_suffix(".yaml")?;
            (!stack.is_empty()).then(|| stack.to_owned())
        })
        .collect();
    found.sort();
    found
}

impl Inputs {
    /// Puts texts in the place of what was read from files, by the names that places give.
    pub fn replace_texts(&mut self, texts: &BTreeMap<String, String>) {
        let files = [&mut self.project, &mut self.stack_file, &mut self.organization];
        for file in files.into_iter().flatten() {
            if let Some(text) = texts.get(&file.name) {
                file.text.clone_from(text);
            }
        }
    }

    /// Reads the files of the project in `folder`.
    ///
    /// The stack's file may be missing only in a project that has no stack files at all: otherwise a slip in
    /// the stack's name would deploy a second copy of everything.
    ///
    /// # Errors
    /// When a file that must be there is not, or one that is there cannot be read; all of them at once.
    pub fn read(
        folder: &FilePath,
        stack: &str,
        environment: Vec<(String, String)>,
        set: Vec<String>,
    ) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let project = read(&folder.join(PROJECT_FILE), PROJECT_FILE, &mut diagnostics);
        if project.is_none() && diagnostics.is_empty() {
            diagnostics.push(
                Diagnostic::error(format!("there is no `{PROJECT_FILE}` in {}", folder.display()))
                    .help("change to the project's folder, or make a project with `konductor init`"),
            );
        }
        let name = stack_file_name(stack);
        let is_word = !stack.is_empty()
            && stack
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let stack_file = if is_word {
            read(&folder.join(&name), &name, &mut diagnostics)
        } else {
            diagnostics.push(
                Diagnostic::error(format!("`{stack}` is not a stack name"))
                    .detail("expected letters, digits, `_` and `-`"),
            );
            None
        };
        let known = stacks(folder);
        if stack_file.is_none() && is_word && !known.is_empty() && !known.iter().any(|other| other == stack) {
            let diagnostic = Diagnostic::error(format!("there is no stack `{stack}`: `{name}` is missing"));
            diagnostics.push(match suggestion::help(stack, known.iter().map(String::as_str)) {
                Some(help) => diagnostic.help(help),
                None => diagnostic.help(format!("make the file `{name}`; an empty one will do")),
            });
        }
        let organization = match environment
            .iter()
            .find(|(name, value)| name == ORGANIZATION_VARIABLE && !value.is_empty())
        {
            Some((_, value)) => {
                let file = read(&folder.join(value), value, &mut diagnostics);
                if file.is_none() && !PathBuf::from(value).is_file() && !folder.join(value).is_file() {
                    diagnostics.push(
                        Diagnostic::error(format!("there is no file `{value}`"))
                            .help(format!("correct or unset {ORGANIZATION_VARIABLE}"))
                            .origin(Some(Origin::described(format!(
                                "environment variable {ORGANIZATION_VARIABLE}"
                            )))),
                    );
                }
                file
            }
            None => read(
                &folder.join(ORGANIZATION_FILE),
                ORGANIZATION_FILE,
                &mut diagnostics,
            ),
        };
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(Self {
            stack: stack.to_owned(),
            project,
            stack_file,
            organization,
            environment,
            set,
        })
    }
}

fn read(path: &FilePath, name: &str, diagnostics: &mut Diagnostics) -> Option<SourceFile> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(SourceFile {
            name: name.to_owned(),
            text,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            let reason = if error.kind() == ErrorKind::InvalidData {
                "it is not UTF-8".to_owned()
            } else {
                error.to_string()
            };
            diagnostics.push(Diagnostic::error(format!("`{name}` cannot be read")).detail(reason));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn errors(folder: &tempfile::TempDir, stack: &str, environment: &[(&str, &str)]) -> String {
        let environment = environment
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        Inputs::read(folder.path(), stack, environment, Vec::new())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_files_of_a_project_are_found() {
        let folder = folder(&[
            ("konductor.yaml", "name: shop"),
            ("konductor.dev.yaml", ""),
            ("config/organization.yaml", "a: {}"),
        ]);
        let inputs = Inputs::read(folder.path(), "dev", Vec::new(), Vec::new()).unwrap();
        assert_eq!(inputs.project.unwrap().name, "konductor.yaml");
        assert_eq!(inputs.organization.unwrap().name, "config/organization.yaml");
        assert_eq!(stacks(folder.path()), ["dev"]);
    }

    #[test]
    fn a_misspelt_stack_is_refused_with_the_one_meant() {
        let folder = folder(&[("konductor.yaml", ""), ("konductor.prod.yaml", "")]);
        let text = errors(&folder, "prdo", &[]);
        assert!(text.contains("did you mean `prod`?"), "{text}");
        assert!(errors(&folder, "../x", &[]).contains("not a stack name"));
    }

    #[test]
    fn a_project_without_stack_files_takes_any_stack() {
        let folder = folder(&[("konductor.yaml", "")]);
        assert!(Inputs::read(folder.path(), "dev", Vec::new(), Vec::new()).is_ok());
    }

    #[test]
    fn everything_that_is_missing_is_reported_at_once() {
        let folder = folder(&[("konductor.prod.yaml", "")]);
        let text = errors(&folder, "dev", &[("ORG_CONFIG", "nowhere.yaml")]);
        assert!(text.contains("konductor init"), "{text}");
        assert!(text.contains("no stack `dev`"), "{text}");
        assert!(text.contains("ORG_CONFIG"), "{text}");
    }

    #[test]
    fn a_file_that_is_not_text_is_refused() {
        let folder = folder(&[]);
        std::fs::write(folder.path().join("konductor.yaml"), [0xff, 0xfe]).unwrap();
        assert!(errors(&folder, "dev", &[]).contains("not UTF-8"));
    }

    #[test]
    fn a_debug_print_shows_no_environment() {
        let inputs = Inputs {
            environment: vec![("KONDUCTOR_A__B".into(), "hunter2".into())],
            set: vec!["a.b=hunter2".into()],
            ..Inputs::default()
        };
        assert!(!format!("{inputs:?}").contains("hunter2"));
    }
}
