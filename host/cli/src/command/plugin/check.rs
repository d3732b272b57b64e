//! `konductor plugin check`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use konductor_broker::Vault;
use konductor_config::inputs::PROJECT_FILE;
use konductor_conformance::{Fixtures, Options, Probe, Report, Scope, run};
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};

use super::inspect::is_file;
use super::source::{BUILD, EXAMPLE};
use super::{PluginContext, conformance, project_configuration};
use crate::arguments::{CheckArguments, GlobalArguments};
use crate::error::CommandError;
use crate::plugins::{LoadedPlugin, requirement};

/// The fixture file of a plugin's folder.
const FIXTURES: &str = "conformance.yaml";

/// Runs the conformance kit over a built plugin, and tells what it found.
pub async fn check(arguments: &CheckArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let fixtures = fixtures(arguments, context)?;
    if let Some(fixtures) = &fixtures {
        require_known(&arguments.only, fixtures)?;
    }
    let plugin = match &arguments.plugin {
        Some(plugin) => plugin.clone(),
        None => the_build(context.folder)?.display().to_string(),
    };
    let stack = stack_folder(arguments, context);
    let global = GlobalArguments {
        directory: Some(stack.clone()),
        ..context.arguments.clone()
    };
    let stack = PluginContext {
        folder: &stack,
        arguments: &global,
        environment: context.environment,
        output: context.output,
        configuration: project_configuration(&stack, &global, context.environment)?,
    };
    if arguments.conformance {
        let Some(fixtures) = fixtures else {
            return Err(CommandError::message(format!(
                "there is no {FIXTURES} in {}, so it is not known what objects to make",
                context.folder.display()
            ))
            .help("write one, or name it: --fixtures FILE"));
        };
        require_stack(&stack)?;
        let loaded = load(&plugin, true, context, &stack).await?;
        let outcome = conformance::conformance(loaded, &stack, &fixtures, arguments, context.folder).await?;
        return tell(&outcome.report, &outcome.note, context);
    }
    let loaded = load(&plugin, false, context, &stack).await?;
    let probe = Probe::new(Arc::new(NoCloud));
    let configuration = fixtures
        .as_ref()
        .map_or_else(konductor_model::Value::empty_map, |fixtures| {
            fixtures.configuration.clone()
        });
    let provider = loaded
        .plugin
        .with_configuration(configuration, probe.clone(), Arc::new(Vault::new()));
    let fixtures = match fixtures {
        Some(fixtures) => fixtures,
        None => Fixtures::of_examples(&provider).await,
    };
    let options = Options {
        scope: Scope::Pure,
        only: arguments.only.clone(),
        ..Options::default()
    };
    let report = run(&provider, &probe, &fixtures, &options).await;
    let note = "no cloud was called; --conformance makes, changes and deletes objects";
    tell(&report, note, context)
}

/// Reads the fixture file that is named, or lies in the folder.
fn fixtures(
    arguments: &CheckArguments,
    context: &PluginContext<'_>,
) -> Result<Option<Fixtures>, CommandError> {
    let named = arguments.fixtures.as_ref().map(|file| context.folder.join(file));
    let file = named.clone().unwrap_or_else(|| context.folder.join(FIXTURES));
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CommandError::file("read", &file, error)),
    };
    Fixtures::parse(&file.display().to_string(), &text)
        .map(Some)
        .map_err(|error| CommandError::message(konductor_model::with_causes(&error)))
}

fn require_known(only: &[String], fixtures: &Fixtures) -> Result<(), CommandError> {
    let known: Vec<&str> = fixtures.resources.keys().map(String::as_str).collect();
    let unknown: Vec<&str> = only
        .iter()
        .map(String::as_str)
        .filter(|name| !known.contains(name))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(CommandError::message(format!(
        "there is no fixture {}; there are {}",
        unknown.join(", "),
        known.join(", ")
    )))
}

/// Returns the one component in the folder that `plugin build` writes into.
pub fn the_build(folder: &Path) -> Result<PathBuf, CommandError> {
    let build = folder.join(BUILD);
    let mut built: Vec<PathBuf> = std::fs::read_dir(&build)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    match (built.pop(), built.is_empty()) {
        // Named with the folder it is found from, like every argument.
        (Some(only), true) => Ok(Path::new(BUILD).join(only.file_name().unwrap_or_default())),
        (None, _) => Err(
            CommandError::message(format!("there is no plugin in {}", build.display()))
                .help("build it with `konductor plugin build`, or name the file"),
        ),
        (Some(_), false) => Err(CommandError::message(format!(
            "there are several plugins in {}; name the file",
            build.display()
        ))),
    }
}

/// Returns the folder of the stack that a check runs as: the one named, this one, or the example in it.
fn stack_folder(arguments: &CheckArguments, context: &PluginContext<'_>) -> PathBuf {
    match &arguments.example {
        Some(folder) => context.folder.join(folder),
        None if context.folder.join(PROJECT_FILE).exists() => context.folder.to_owned(),
        None => context.folder.join(EXAMPLE),
    }
}

fn require_stack(stack: &PluginContext<'_>) -> Result<(), CommandError> {
    if stack.configuration.is_some() {
        return Ok(());
    }
    Err(CommandError::message(format!(
        "there is no {PROJECT_FILE} in {}: --conformance calls the cloud with the configuration, credentials and grant \
         of a stack",
        stack.folder.display()
    ))
    .help("name the folder of a stack whose konductor.yaml grants the plugin what it needs: --example FOLDER"))
}

/// Loads the plugin. A file that the stack's konductor.yaml names by another source is loaded all the same: it is this
/// one that is checked. The policies judge it as they judge any; where they let nothing unlocked run, what calls a
/// cloud is held to the lock file.
async fn load(
    plugin: &str,
    calls_cloud: bool,
    context: &PluginContext<'_>,
    stack: &PluginContext<'_>,
) -> Result<LoadedPlugin, CommandError> {
    let loader = stack.loader()?;
    let keep = calls_cloud && loader.policies().locked_required().is_some();
    let loader = if keep { loader } else { loader.unlocked() };
    // The stack may know it by another name.
    let known_as = |own: &str| {
        stack
            .configuration
            .iter()
            .flat_map(|configuration| configuration.plugins())
            .find(|known| known.plugin == own)
            .map_or_else(|| own.to_owned(), |known| known.name.clone())
    };
    let mut loaded = if is_file(plugin) {
        let fetched = loader.registry().fetch_file(&context.folder.join(plugin))?;
        let name = known_as(&fetched.name);
        loader.admit(&name, fetched, keep).await?
    } else {
        let requirement = requirement(plugin, stack.configuration.as_ref());
        let fetched = loader.fetch(plugin, requirement, true).await?;
        loader.admit(plugin, fetched, keep).await?
    };
    let manifest = loaded.plugin.manifest();
    if !loaded.plugin.is_provider() {
        return Err(CommandError::message(format!(
            "`{}` has no resource types: it is no provider, and the kit knows providers only",
            manifest.name
        ))
        .help("checks are tried with `konductor policy check --input plan.json --plugin PLUGIN`"));
    }
    if is_file(plugin) {
        // A file that was not packed only now says what it is called.
        loaded.name = known_as(&manifest.name);
    }
    Ok(loaded)
}

/// Tells the report, and fails when it is not clean.
fn tell(report: &Report, note: &str, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let output = context.output;
    for result in &report.results {
        output.event("check", result);
    }
    let (passed, failed, skipped) = report.counts();
    let members = serde_json::json!({
        "plugin": report.plugin, "version": report.version, "passed": passed, "failed": failed,
        "skipped": skipped, "trouble": report.trouble, "clean": report.is_clean(),
    });
    // Names and messages in it come from the plugin, and a terminal obeys escape sequences.
    let text: String = report
        .text()
        .chars()
        .filter(|character| *character == '\n' || !character.is_control())
        .collect();
    output.fact("plugin-checked", &members, &format!("{text}{note}"));
    if report.is_clean() {
        Ok(())
    } else {
        Err(CommandError::told())
    }
}

/// Refuses every call: nothing but pure functions is called.
struct NoCloud;

#[async_trait]
impl Cloud for NoCloud {
    async fn send(&self, _: &str, _: CloudRequest) -> Result<CloudResponse, SendError> {
        Err(SendError::Denied(
            "a check without --conformance sends nothing".to_owned(),
        ))
    }
}
