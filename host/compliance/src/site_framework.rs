//! Frameworks of a site: a YAML file each, which says which checks serve its controls.

use std::collections::BTreeSet;

use konductor_model::compliance::{Control, Framework};
use konductor_model::suggestion::nearest;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::controls::ControlCatalogue;
use crate::tightening::TIGHTENED;

/// A framework as a site writes it.
#[derive(Debug, Clone)]
pub struct SiteFramework {
    file: String,
    written: WrittenFramework,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFramework {
    /// What configuration calls it.
    framework: Spanned<String>,
    title: String,
    #[serde(default)]
    version: String,
    /// The framework whose checks serve the controls that have the same identifiers.
    #[serde(default)]
    based_on: Option<Spanned<String>>,
    controls: Vec<WrittenControl>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenControl {
    id: Spanned<String>,
    #[serde(default)]
    title: String,
    /// Checks that serve it.
    #[serde(default)]
    checks: Vec<Spanned<String>>,
    /// Topics, every check of which serves it.
    #[serde(default)]
    topics: Vec<Spanned<String>>,
    /// Controls of other frameworks, the checks of which serve it: `nist-800-53:sc-28`.
    #[serde(default)]
    same_as: Vec<Spanned<String>>,
}

/// Says what is wrong with a framework of a site, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SiteFrameworkError {
    /// The place: `compliance/acme.yaml:4:9`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub help: String,
}

impl SiteFramework {
    /// Reads a framework. `file` is how the file is called in messages.
    ///
    /// # Errors
    /// When it has another form.
    pub fn read(file: &str, text: &str) -> Result<Self, SiteFrameworkError> {
        let written = serde_saphyr::from_str(text).map_err(|error| SiteFrameworkError {
            place: match error.location() {
                Some(at) => format!("{file}:{}:{}", at.line(), at.column()),
                None => file.to_owned(),
            },
            problem: error.without_snippet().to_string(),
            help: "a framework has `framework`, `title` and `controls`, each control an `id` and what serves it: `checks`, `topics` or `same_as`".to_owned(),
        })?;
        Ok(Self {
            file: file.to_owned(),
            written,
        })
    }

    /// Returns what configuration calls it.
    pub fn id(&self) -> &str {
        &self.written.framework.value
    }
}

impl ControlCatalogue {
    /// Adds a framework of a site.
    ///
    /// # Errors
    /// Every name in it that is taken, or means nothing.
    pub fn add(&mut self, site: &SiteFramework) -> Result<(), Vec<SiteFrameworkError>> {
        let mut adding = Adding {
            catalogue: self,
            file: &site.file,
            errors: Vec::new(),
        };
        let framework = adding.framework(&site.written);
        if adding.errors.is_empty() {
            self.site.push(framework.id.clone());
            self.frameworks.push(framework);
            Ok(())
        } else {
            Err(adding.errors)
        }
    }
}

struct Adding<'a> {
    catalogue: &'a ControlCatalogue,
    file: &'a str,
    errors: Vec<SiteFrameworkError>,
}

impl Adding<'_> {
    fn wrong(&mut self, at: &Location, problem: String, help: String) {
        self.errors.push(SiteFrameworkError {
            place: format!("{}:{}:{}", self.file, at.line(), at.column()),
            problem,
            help,
        });
    }

    fn framework(&mut self, written: &WrittenFramework) -> Framework {
        let id = &written.framework;
        let is_word = |text: &str| {
            let plain =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
            !text.is_empty() && text.chars().all(plain)
        };
        if !is_word(&id.value) {
            let help =
                "write for example `framework: acme-baseline`: small letters, digits, `-`, `.` and `_`";
            self.wrong(
                &id.referenced,
                format!("`{}` cannot be the name of a framework", id.value),
                help.to_owned(),
            );
        }
        if self.known(&id.value).is_some() || id.value == TIGHTENED {
            let help = "give it a name of its own; configuration names frameworks by it".to_owned();
            self.wrong(
                &id.referenced,
                format!("there is a framework `{}` already", id.value),
                help,
            );
        }
        let base = written.based_on.as_ref().and_then(|named| {
            let found = self.known(&named.value).cloned();
            if found.is_none() {
                let known = self
                    .catalogue
                    .frameworks
                    .iter()
                    .map(|framework| framework.id.as_str());
                let help = suggestion(
                    &named.value,
                    known,
                    "`konductor compliance frameworks` lists them",
                );
                self.wrong(
                    &named.referenced,
                    format!("there is no framework `{}`", named.value),
                    help,
                );
            }
            found
        });
        let mut seen = BTreeSet::new();
        let mut controls = Vec::new();
        for control in &written.controls {
            let id = &control.id;
            if id.value.is_empty() || !seen.insert(id.value.to_ascii_lowercase()) {
                let help = "every control has an `id` of its own".to_owned();
                self.wrong(
                    &id.referenced,
                    format!("the control `{}` stands twice, or has no name", id.value),
                    help,
                );
            }
            controls.push(self.control(control, base.as_ref()));
        }
        Framework {
            id: id.value.clone(),
            title: written.title.clone(),
            version: written.version.clone(),
            baseline_of: base.map(|base| base.id),
            controls,
        }
    }

    fn control(&mut self, written: &WrittenControl, base: Option<&Framework>) -> Control {
        let mut serving: BTreeSet<String> = BTreeSet::new();
        let checks = &self.catalogue.checks;
        for named in &written.checks {
            if checks.iter().any(|check| check.id == named.value) {
                serving.insert(named.value.clone());
            } else {
                let known = checks.iter().map(|check| check.id.as_str());
                let help = suggestion(&named.value, known, "`konductor compliance checks` lists them");
                self.wrong(
                    &named.referenced,
                    format!("there is no check `{}`", named.value),
                    help,
                );
            }
        }
        for named in &written.topics {
            let of: Vec<_> = checks.iter().filter(|check| check.topic == named.value).collect();
            if of.is_empty() {
                let known: BTreeSet<&str> = checks.iter().map(|check| check.topic.as_str()).collect();
                let all = known.iter().copied().collect::<Vec<_>>().join(", ");
                let help = suggestion(&named.value, known.into_iter(), &format!("there are {all}"));
                self.wrong(
                    &named.referenced,
                    format!("no check is about `{}`", named.value),
                    help,
                );
            }
            serving.extend(of.into_iter().map(|check| check.id.clone()));
        }
        for named in &written.same_as {
            match self.same(&named.value) {
                Some(control) => serving.extend(control.checks.iter().cloned()),
                None => {
                    let help = "write FRAMEWORK:CONTROL, for example `nist-800-53:sc-28`; `konductor compliance controls FRAMEWORK` lists them";
                    self.wrong(
                        &named.referenced,
                        format!("there is no control `{}`", named.value),
                        help.to_owned(),
                    );
                }
            }
        }
        let mut title = written.title.clone();
        if let Some(same) = base.and_then(|base| find(base, &written.id.value)) {
            serving.extend(same.checks.iter().cloned());
            if title.is_empty() {
                title.clone_from(&same.title);
            }
        }
        Control {
            id: written.id.value.clone(),
            title,
            // In the order of the checks.
            checks: checks
                .iter()
                .filter(|check| serving.contains(&check.id))
                .map(|check| check.id.clone())
                .collect(),
        }
    }

    fn known(&self, id: &str) -> Option<&Framework> {
        let mut frameworks = self.catalogue.frameworks.iter();
        frameworks.find(|framework| framework.id == id)
    }

    fn same(&self, name: &str) -> Option<&Control> {
        let (framework, id) = name.split_once(':')?;
        find(self.known(framework)?, id)
    }
}

fn find<'f>(framework: &'f Framework, id: &str) -> Option<&'f Control> {
    let mut controls = framework.controls.iter();
    controls.find(|control| control.id.eq_ignore_ascii_case(id))
}

fn suggestion<'k>(name: &str, known: impl Iterator<Item = &'k str>, otherwise: &str) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => otherwise.to_owned(),
    }
}
