//! `konductor compliance`: frameworks, controls and checks, and reports on what is recorded.

mod control_results;
mod fix;
mod import;
mod security_hub;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use konductor_audit::differences;
use konductor_compliance::assessment::ControlStatus;
use konductor_compliance::report::{DriftCheck, Monitoring};
use konductor_compliance::tightening::TIGHTENED;
use konductor_compliance::{ControlCatalogue, Report};
use konductor_config::{Configuration, Context};
use konductor_model::ResourceType;
use konductor_model::compliance::{ApplicableControl, ComplianceSettings, Framework, PlacedText};
use konductor_model::suggestion::nearest;
use konductor_sandbox::Plugin;
use konductor_state::{Entry, StackLog};

use crate::arguments::{
    ComplianceCommand, ComplianceControlsArguments, ComplianceReportArguments, GlobalArguments,
};
use crate::command::drift::history::newest;
use crate::command::plugin::project_configuration;
use crate::compliance::{COMPLIANCE_PLUGIN, StackCompliance, known, recorded_document};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::plugins::{LoadedPlugin, PluginLoader};
use crate::project::{FolderSources, Project};

pub use control_results::control_results;
pub use fix::fix;

/// Does what is asked.
pub async fn compliance(
    command: &ComplianceCommand,
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    if let ComplianceCommand::Report(report) = command {
        crate::project::require(folder)?;
        let project = Project::open(arguments, environment)?;
        return write_report(report, &project, environment, output).await;
    }
    if let ComplianceCommand::Fix(correct) = command {
        crate::project::require(folder)?;
        let project = Project::open(arguments, environment)?;
        return fix(correct, &project, environment, output).await;
    }
    if let ComplianceCommand::Import(import) = command {
        crate::project::require(folder)?;
        let project = Project::open(arguments, environment)?;
        return import::import(import, &project, environment, output).await;
    }
    let configuration = project_configuration(folder, arguments, environment)?;
    let loaded = load(folder, arguments, environment, configuration.as_ref()).await?;
    let known = known(&loaded.plugin, folder, configuration.as_ref()).await?;
    match command {
        ComplianceCommand::Report(_) | ComplianceCommand::Fix(_) | ComplianceCommand::Import(_) => {}
        ComplianceCommand::Frameworks => list_frameworks(&known, output),
        ComplianceCommand::Controls(controls) => {
            list_controls(controls, &known, &loaded.plugin, output).await?;
        }
        ComplianceCommand::Checks { framework } => list_checks(framework.as_deref(), &known, output)?,
    }
    Ok(0)
}

async fn load(
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
    configuration: Option<&Configuration>,
) -> Result<LoadedPlugin, CommandError> {
    let mut loader = PluginLoader::new(folder, arguments, environment, configuration)?;
    loader.load(COMPLIANCE_PLUGIN, configuration).await
}

/// Loads the plugin as a project has it, with what it and the project know of frameworks.
async fn open_plugin(
    project: &Project,
    environment: &Environment,
) -> Result<(LoadedPlugin, ControlCatalogue), CommandError> {
    let configuration = Some(&project.configuration);
    let loaded = load(&project.folder, &project.arguments, environment, configuration).await?;
    let catalogue = known(&loaded.plugin, &project.folder, configuration).await?;
    Ok((loaded, catalogue))
}

fn list_frameworks(known: &ControlCatalogue, output: &Output) {
    for framework in &known.frameworks {
        let checked = framework
            .controls
            .iter()
            .filter(|control| !control.checks.is_empty())
            .count();
        let members = serde_json::json!({
            "id": framework.id, "title": framework.title, "edition": framework.version,
            "baseline_of": framework.baseline_of, "controls": framework.controls.len(), "checked": checked,
        });
        let text = format!(
            "{:<22} {:>5} controls, {checked:>4} with checks  {}, {}",
            framework.id,
            framework.controls.len(),
            framework.title,
            framework.version
        );
        output.fact("compliance-framework", &members, &text);
    }
}

async fn list_controls(
    arguments: &ComplianceControlsArguments,
    known: &ControlCatalogue,
    plugin: &Plugin,
    output: &Output,
) -> Result<(), CommandError> {
    let framework = find(known, &arguments.framework)?;
    let applicable = match &arguments.resource_type {
        None => None,
        Some(name) => {
            let resource_type: ResourceType = name.parse().map_err(|_| {
                CommandError::message(format!("`{name}` is not a type, such as `aws:s3:Bucket`"))
            })?;
            Some(applicable(plugin, &resource_type).await?)
        }
    };
    let mut count = 0;
    for control in &framework.controls {
        let checks: Vec<&String> = match &applicable {
            None => control.checks.iter().collect(),
            Some(of_type) => {
                let serving = control.checks.iter();
                serving.filter(|check| of_type.contains(*check)).collect()
            }
        };
        if checks.is_empty() && (arguments.checked || applicable.is_some()) {
            continue;
        }
        let members = serde_json::json!({
            "framework": framework.id, "id": control.id, "title": control.title, "checks": checks,
        });
        let text = format!("{:<22} {:>3} checks  {}", control.id, checks.len(), control.title);
        output.fact("compliance-control", &members, text.trim_end());
        count += 1;
    }
    if count == 0 {
        output.line("no controls");
    }
    Ok(())
}

/// Returns how a stack is watched over: by its configuration, and by what is in its log.
async fn monitoring(configuration: &Configuration, log: &StackLog) -> Result<Monitoring, CommandError> {
    let settings = configuration.drift(Context::default())?;
    let is_check = |entry: &Entry| matches!(entry, Entry::DriftChecked(_));
    let newest = newest(log, 1, is_check).await?.pop();
    Ok(Monitoring {
        schedule: settings.schedule.map(|schedule| schedule.written),
        newest: newest.and_then(|logged| match logged.entry {
            Entry::DriftChecked(checked) => Some(DriftCheck {
                time: logged.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                entry: logged.serial,
                objects: checked.objects,
                found: differences(&checked),
            }),
            _ => None,
        }),
    })
}

/// Returns the checks of resources of a type that serve a control.
async fn applicable(plugin: &Plugin, resource_type: &ResourceType) -> Result<BTreeSet<String>, CommandError> {
    let told = serde_json::Value::Array(plugin.controls_for(resource_type).await?);
    let controls: Vec<ApplicableControl> = serde_json::from_value(told).map_err(|error| {
        CommandError::message(format!(
            "the compliance plugin answered with something else: {error}"
        ))
    })?;
    Ok(controls.into_iter().flat_map(|control| control.checks).collect())
}

fn list_checks(
    framework: Option<&str>,
    known: &ControlCatalogue,
    output: &Output,
) -> Result<(), CommandError> {
    let wanted = framework.map(|id| find(known, id)).transpose()?;
    for check in &known.checks {
        let mut controls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for framework in &known.frameworks {
            let serving = framework
                .controls
                .iter()
                .filter(|control| control.checks.contains(&check.id));
            let serving: Vec<&str> = serving.map(|control| control.id.as_str()).collect();
            if !serving.is_empty() {
                controls.insert(&framework.id, serving);
            }
        }
        if wanted.is_some_and(|framework| !controls.contains_key(framework.id.as_str())) {
            continue;
        }
        let members = serde_json::json!({
            "id": check.id, "title": check.title, "remedy": check.remedy, "severity": check.severity,
            "topic": check.topic, "types": check.types, "controls": controls,
        });
        let text = format!("{:<42} {:<9} {}", check.id, check.severity.word(), check.title);
        output.fact("compliance-check", &members, &text);
    }
    Ok(())
}

fn find<'k>(known: &'k ControlCatalogue, id: &str) -> Result<&'k Framework, CommandError> {
    if let Some(framework) = known.frameworks.iter().find(|framework| framework.id == id) {
        return Ok(framework);
    }
    let ids: Vec<&str> = known
        .frameworks
        .iter()
        .map(|framework| framework.id.as_str())
        .collect();
    let help = match nearest(id, ids.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are {}", ids.join(", ")),
    };
    Err(CommandError::message(format!("there is no framework `{id}`")).help(help))
}

/// Judges what is recorded and writes the report. Nothing is written to the log, and no cloud is called.
async fn write_report(
    arguments: &ComplianceReportArguments,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let configuration = &project.configuration;
    let mut settings = configuration
        .compliance(Context::default())?
        .unwrap_or_else(|| ComplianceSettings {
            level: konductor_model::policy::PolicyLevel::Advisory,
            ..ComplianceSettings::default()
        });
    let wanted = match (&arguments.framework, settings.frameworks.as_slice()) {
        (Some(named), _) => named.clone(),
        (None, [only]) => only.text.clone(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|framework| framework.text.as_str()).collect();
            let what = match names.as_slice() {
                [] => "the configuration names no framework".to_owned(),
                names => format!("the configuration names {}", names.join(", ")),
            };
            return Err(CommandError::message(what).help("say which: --framework NAME"));
        }
    };
    let (loaded, catalogue) = open_plugin(project, environment).await?;
    let is_named = settings
        .frameworks
        .iter()
        .any(|framework| framework.text == wanted);
    if !is_named && wanted != TIGHTENED {
        find(&catalogue, &wanted)?;
        settings.frameworks.push(PlacedText {
            text: wanted.clone(),
            origin: None,
        });
    }
    let compliance = StackCompliance::open(&settings, String::new(), &loaded, &catalogue)?;
    let expired = compliance.expired();
    output.diagnostics(&expired, &FolderSources(project.folder.clone()));
    let log = project.read_log().await?;
    let evidence = log.head().await?;
    let snapshot = log.snapshot_masked().await?;
    let document = recorded_document(project, snapshot.resources.values(), environment.actor());
    let assessment = compliance.assess(&document.to_json().to_string()).await?;
    let framework = assessment
        .frameworks
        .iter()
        .find(|framework| framework.id == wanted);
    let framework = framework.ok_or_else(|| {
        CommandError::message("the configuration demands no check of some resources only")
            .help("`compliance.tighten` does: see the documentation of compliance")
    })?;
    let report = Report {
        project: configuration.project_name().to_owned(),
        stack: configuration.stack().to_owned(),
        time: document.time.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        evidence,
        simulated: project.simulated,
        monitoring: monitoring(configuration, &log).await?,
        framework,
        assessment: &assessment,
    };
    let format = arguments
        .format
        .format(|| security_hub::account(arguments, configuration, snapshot.resources.values()))?;
    let text = report.render(format);
    let statuses: BTreeMap<&str, usize> = ControlStatus::ALL
        .iter()
        .map(|status| (status.words(), framework.count(*status)))
        .collect();
    let mut members = serde_json::json!({
        "framework": wanted, "format": arguments.format.word(), "controls": statuses,
        "findings": assessment.findings.len(), "expired_waivers": expired.0.len(),
    });
    match &arguments.output {
        Some(file) => {
            crate::atomic_file::write(file, text.as_bytes())?;
            add(&mut members, "file", serde_json::json!(file));
            output.fact(
                "compliance-report",
                &members,
                &format!("wrote {}", file.display()),
            );
        }
        None if output.is_json() => {
            add(&mut members, "text", text.into());
            output.event("compliance-report", &members);
        }
        None => output.raw(&text),
    }
    Ok(0)
}

fn add(members: &mut serde_json::Value, name: &str, value: serde_json::Value) {
    if let Some(members) = members.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
