//! `konductor plugin dev`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use konductor_config::inputs::PROJECT_FILE;

use super::PluginContext;
use super::build::pack_into_build;
use super::source::{EXAMPLE, SourceFolder};
use crate::arguments::{DevArguments, GlobalArguments, PlanArguments, SelectionArguments, StacksArguments};
use crate::error::CommandError;
use crate::project::{FolderSources, Project};

/// How often the sources are looked at. They are few, and this also sees what changes in folders that are shared with
/// a container or over a network, where nothing is notified.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Builds the plugin and plans the example stack, and does so again whenever a source changes.
pub async fn dev(arguments: &DevArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let source = SourceFolder::open(context.folder, context.environment, context.output)?;
    loop {
        // Taken before the build, so that what changes meanwhile is built next.
        let built = source.sources();
        let started = Instant::now();
        if let Err(error) = round(arguments, &source, context).await {
            let sources = FolderSources(source.folder().join(EXAMPLE));
            context.output.diagnostics(&error.diagnostics, &sources);
        }
        let seconds = started.elapsed().as_secs_f64();
        let members = serde_json::json!({ "seconds": seconds });
        let text = format!("waiting for changes in {}", source.folder().display());
        context.output.fact("plugin-waiting", &members, &text);
        let changed = next_change(&source, &built).await;
        let shown = changed.strip_prefix(source.folder()).unwrap_or(&changed);
        let members = serde_json::json!({ "file": shown });
        let text = format!("\n{} changed", shown.display());
        context.output.fact("plugin-changed", &members, &text);
    }
}

/// Waits until a source is another than it was, and then until nothing more changes; returns the first that differs.
async fn next_change(
    source: &SourceFolder<'_>,
    built: &BTreeMap<PathBuf, (Option<SystemTime>, u64)>,
) -> PathBuf {
    let mut seen = source.sources();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = source.sources();
        let is_quiet = now == seen;
        let differs = |(file, state): (&PathBuf, &_)| (built.get(file) != Some(state)).then(|| file.clone());
        let changed = now.iter().find_map(differs);
        let gone = built.keys().find(|file| !now.contains_key(*file)).cloned();
        if let (true, Some(changed)) = (is_quiet, changed.or(gone)) {
            return changed;
        }
        seen = now;
    }
}

/// Builds, and plans; says the time that each took.
async fn round(
    arguments: &DevArguments,
    source: &SourceFolder<'_>,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let started = Instant::now();
    let component = source.component()?;
    step("compile", started, context);
    let started = Instant::now();
    pack_into_build(&component, source, context).await?;
    step("pack", started, context);
    let example = source.folder().join(EXAMPLE);
    if !example.join(PROJECT_FILE).exists() {
        return Ok(());
    }
    let started = Instant::now();
    let global = GlobalArguments {
        directory: Some(example),
        ..context.arguments.clone()
    };
    let project = Project::open(&global, context.environment)?;
    let plan = PlanArguments {
        out: None,
        destroy: false,
        detailed_exitcode: false,
        selection: SelectionArguments::default(),
        stacks: StacksArguments {
            all: false,
            stacks_at_once: 1,
            workers: false,
            detach: false,
        },
        execution: arguments.execution.clone(),
    };
    crate::command::deploy::plan(&plan, project, context.environment, context.output).await?;
    step("plan", started, context);
    Ok(())
}

fn step(name: &str, started: Instant, context: &PluginContext<'_>) {
    let seconds = started.elapsed().as_secs_f64();
    let members = serde_json::json!({ "step": name, "seconds": seconds });
    let text = format!("{name:<8} {seconds:6.2} s");
    context.output.fact("plugin-step", &members, &text);
}
