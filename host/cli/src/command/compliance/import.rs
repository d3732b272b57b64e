//! `konductor compliance import`: takes a catalogue or profile of OSCAL, or a site's own framework, into the project.

use std::path::{Component, Path as FilePath};

use konductor_compliance::oscal_catalogue::{self, OscalControls};
use konductor_compliance::{ControlCatalogue, SiteFramework};
use konductor_config::inputs::PROJECT_FILE;
use konductor_config::{Context, edit};
use konductor_model::{Path, Value};

use super::{find, open_plugin};
use crate::arguments::ComplianceImportArguments;
use crate::atomic_file;
use crate::compliance::site_errors;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;

/// The framework that controls of OSCAL are looked up in where nothing else is said.
const NIST: &str = "nist-800-53";

/// Reads, checks against what there is, and writes the framework and its name into the project.
pub async fn import(
    arguments: &ComplianceImportArguments,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let file = &arguments.file;
    let text = std::fs::read_to_string(file).map_err(|error| CommandError::file("read", file, error))?;
    let configuration = &project.configuration;
    let (_, mut catalogue) = open_plugin(project, environment).await?;

    let shown = file.display().to_string();
    let (site, text) = if text.trim_start().starts_with('{') {
        let found = oscal_catalogue::read(&text).map_err(|error| {
            CommandError::message(format!("{shown}: {error}"))
                .help("give a catalogue or a profile of OSCAL 1 as JSON, or a framework as YAML")
        })?;
        let text = from_oscal(arguments, found, &catalogue, &shown)?;
        (SiteFramework::read(&shown, &text), text)
    } else {
        if arguments.id.is_some() || arguments.based_on.is_some() {
            return Err(CommandError::message(
                "--id and --based-on are for documents of OSCAL: a framework in YAML says `framework` and `based_on` itself",
            ));
        }
        (SiteFramework::read(&shown, &text), text)
    };
    let site = site.map_err(|error| site_errors(&[error]))?;
    catalogue.add(&site).map_err(|errors| site_errors(&errors))?;
    let name = match &arguments.output {
        Some(name) => inside(name)?,
        None => format!("compliance/{}.yaml", site.id()),
    };
    let target = project.folder.join(&name);
    let there = crate::command::config::read_or_empty(&target)?;
    if !there.is_empty() && there != text {
        return Err(CommandError::message(format!("{name} is there already"))
            .help("name another file with --output, or take that one away"));
    }
    let named = configuration.compliance_catalogues(Context::default())?;
    let project_file = project.folder.join(PROJECT_FILE);
    let before = configuration.source(PROJECT_FILE).unwrap_or_default();
    let at = Path::attribute("config").child("compliance").child("catalogues");
    // What cannot be named is not written either.
    let after = if named.iter().any(|file| file.text == name) {
        None
    } else {
        Some(edit::append(
            PROJECT_FILE,
            before,
            &at,
            &Value::from(name.as_str()),
        )?)
    };
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(|error| CommandError::file("make", folder, error))?;
    }
    atomic_file::write(&target, text.as_bytes())?;
    if let Some(after) = after {
        atomic_file::write(&project_file, after.as_bytes())?;
    }
    let framework = find(&catalogue, site.id())?;
    let checked = framework
        .controls
        .iter()
        .filter(|control| !control.checks.is_empty());
    let checked = checked.count();
    let members = serde_json::json!({
        "id": framework.id, "file": name, "controls": framework.controls.len(), "checked": checked,
    });
    let text = format!(
        "{}: {} controls, {checked} with checks, in {name}. Name it in `config.compliance.frameworks` to hold resources to it.",
        framework.id,
        framework.controls.len()
    );
    output.fact("compliance-imported", &members, &text);
    Ok(0)
}

/// Returns a path as the configuration names it.
fn inside(path: &FilePath) -> Result<String, CommandError> {
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let text = path.to_str().filter(|text| is_plain && !text.contains('\\'));
    text.map(str::to_owned).ok_or_else(|| {
        CommandError::message(format!("{} is no file of the project", path.display()))
            .help("give a path below the project's folder, such as compliance/acme.yaml")
    })
}

/// Returns a document of OSCAL as a framework of a site.
fn from_oscal(
    arguments: &ComplianceImportArguments,
    mut found: OscalControls,
    catalogue: &ControlCatalogue,
    source: &str,
) -> Result<String, CommandError> {
    let base = match &arguments.based_on {
        Some(named) => Some(find(catalogue, named)?),
        // A selection from NIST's own catalogue is known by its identifiers; others may mean something else by them.
        None => find(catalogue, NIST).ok().filter(|nist| {
            let mut ids = found.controls.iter().map(|(id, _)| id);
            let names_it = found.imports.iter().any(|href| href.contains("800-53"));
            let is_its = |id: &String| nist.controls.iter().any(|control| control.id == *id);
            (names_it || !found.controls.is_empty()) && ids.all(is_its)
        }),
    };
    if found.selects_all {
        let Some(base) = base else {
            return Err(CommandError::message(format!(
                "{source} selects all controls of {}, which is not here",
                found.imports.join(", ")
            ))
            .help("say with --based-on which framework that is, or resolve the profile first, for example with `trestle author profile-resolve`"));
        };
        found.controls = base
            .controls
            .iter()
            .filter(|control| !found.excluded.contains(&control.id))
            .map(|control| (control.id.clone(), String::new()))
            .collect();
    }
    if let Some(base) = base {
        let unknown: Vec<&str> = found
            .controls
            .iter()
            .filter(|(id, title)| title.is_empty() && !base.controls.iter().any(|control| control.id == *id))
            .map(|(id, _)| id.as_str())
            .collect();
        if !unknown.is_empty() {
            return Err(CommandError::message(format!(
                "{} has no controls {}, which {source} selects",
                base.id,
                unknown.join(", ")
            ))
            .help("correct the profile, or name another framework with --based-on"));
        }
    }
    let id = match &arguments.id {
        Some(id) => id.clone(),
        None => {
            let stem = arguments.file.file_stem().unwrap_or_default().to_string_lossy();
            let word = |c: char| {
                if c.is_ascii_alphanumeric() || c == '.' {
                    c
                } else {
                    '-'
                }
            };
            stem.to_ascii_lowercase().chars().map(word).collect()
        }
    };
    let name = arguments.file.file_name().unwrap_or_default().to_string_lossy();
    Ok(found.site_framework(&id, &name, base.map(|base| base.id.as_str())))
}
