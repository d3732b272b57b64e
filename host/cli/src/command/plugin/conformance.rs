//! A plugin under the conformance kit as a stack would run it: its configuration, its credentials, its grant, the
//! broker, and a log of every call. Over a recording it is the same without credentials and without a log: nothing is sent.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use konductor_broker::{SessionOptions, Vault};
use konductor_conformance::{Fixtures, Options, Pause, Probe, Report, run};
use konductor_model::{Path, Value};
use konductor_state::entry::{Entry, RunFinished, RunStarted};
use konductor_state::{Journal, LockOwner, MemoryLog, OpenOptions, StackLog};

use super::PluginContext;
use super::traffic::Traffic;
use crate::arguments::CheckArguments;
use crate::audit::AuditWriter;
use crate::configure;
use crate::error::CommandError;
use crate::plugins::{self, Configured, Granted, LoadedPlugin, PluginConfiguration};
use crate::project::Project;
use crate::reveals::RevealWriter;

/// The command, for the log and the lock.
const COMMAND: &str = "plugin check";

/// What came of it.
pub struct Outcome {
    /// What was found.
    pub report: Report,
    /// Where the calls are to be found, for a person.
    pub note: String,
}

struct RealTime {
    waits: bool,
}

#[async_trait]
impl Pause for RealTime {
    async fn pause(&self, time: Duration) {
        if self.waits {
            tokio::time::sleep(time).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

/// Runs the whole kit.
pub async fn conformance(
    loaded: LoadedPlugin,
    stack: &PluginContext<'_>,
    fixtures: &Fixtures,
    arguments: &CheckArguments,
    folder: &FilePath,
) -> Result<Outcome, CommandError> {
    let mut project = Project::open(stack.arguments, stack.environment)?;
    let loader = stack.loader()?;
    let granted = plugins::grants(
        std::slice::from_ref(&loaded),
        &loader,
        stack.folder,
        &project.configuration,
        stack.output,
    )?;
    let Some(granted) = granted.into_values().next() else {
        return Err(CommandError::message("the plugin was granted nothing"));
    };
    configure::add_defaults(&mut project.configuration, &loaded).await?;
    let is_replay = arguments.replay.is_some();
    let split = configured(&project, &loaded, &granted, fixtures, stack, is_replay).await?;
    let traffic = Traffic::begin(arguments, folder, &loaded.plugin, fixtures, &split.guest).await?;

    let (journal, guard): (Arc<dyn Journal>, _) = if is_replay {
        // A log says what was sent.
        (Arc::new(MemoryLog::default()), None)
    } else {
        let (log, owner) = open_log(&project, &loaded, stack).await?;
        let guard = log.lock(owner).await?;
        (Arc::new(log), Some(guard))
    };
    let run_identifier = uuid::Uuid::now_v7().to_string();
    let started = RunStarted {
        run: run_identifier.clone(),
        command: COMMAND.to_owned(),
        actor: stack.environment.actor(),
        konductor: env!("CARGO_PKG_VERSION").to_owned(),
        plugins: vec![plugins::used(&loaded, &granted, false)],
        simulated: is_replay,
        metadata: Default::default(),
    };
    journal.append(vec![Entry::RunStarted(started)]).await?;
    let (audit, audit_task) = AuditWriter::start(journal.clone());
    let reveals = Arc::new(RevealWriter::new(journal.clone()));
    let mut report = {
        let options = crate::session::broker_options(&project, stack.environment)?;
        let broker = traffic.broker(options, audit)?;
        let vault = Arc::new(Vault::new());
        let cloud = broker.session(SessionOptions {
            plugin: loaded.name.clone(),
            grant: split.grant,
            credentials: split.credentials,
            bearer_sources: split.bearer_sources,
            http_credentials: split.http_credentials,
            rate_limit: split.rate_limit,
            vault: Some(Arc::clone(&vault)),
        })?;
        let probe = Probe::new(cloud);
        let mut provider = loaded
            .plugin
            .with_configuration(split.guest, probe.clone(), vault)
            .with_reveals(granted.grant.reveal.clone(), reveals);
        if let Some(repeat) = traffic.repeat() {
            provider = provider.with_repeat(repeat);
        }
        let options = Options {
            pause: Arc::new(RealTime {
                waits: !arguments.no_wait && !is_replay,
            }),
            tokens: traffic.tokens(),
            progress: Arc::new(|fixture| {
                crate::output::notice(&format!("checking {fixture}"));
            }),
            only: arguments.only.clone(),
            ..Options::default()
        };
        run(&provider, &probe, fixtures, &options).await
    };
    // The broker holds the senders; it is gone by now.
    audit_task.finish().await?;
    let taken = traffic.finish(&mut report);
    let (passed, failed, skipped) = report.counts();
    let finished = RunFinished {
        run: run_identifier,
        result: if report.is_clean() { "succeeded" } else { "failed" }.to_owned(),
        operations: BTreeMap::from([
            ("passed".to_owned(), passed),
            ("failed".to_owned(), failed),
            ("skipped".to_owned(), skipped),
        ]),
    };
    journal.append(vec![Entry::RunFinished(finished)]).await?;
    let mut note = String::new();
    if let Some(guard) = guard {
        guard.release().await?;
        let file = log_file(&project, &loaded);
        note = format!("every call is in the log {}", file.display());
    }
    // What cannot be recorded fails the command, after the log is closed.
    if let Some(taken) = taken? {
        let separator = if note.is_empty() { "" } else { "\n" };
        note = format!("{note}{separator}{taken}");
    }
    Ok(Outcome { report, note })
}

/// Splits the plugin's section as a run does, with the fixtures' configuration laid over it.
async fn configured(
    project: &Project,
    loaded: &LoadedPlugin,
    granted: &Granted,
    fixtures: &Fixtures,
    stack: &PluginContext<'_>,
    is_replay: bool,
) -> Result<PluginConfiguration, CommandError> {
    let stacks = project.other_stacks().await?;
    let configuration = &project.configuration;
    let context = project.context(&stacks);
    // A replay signs nothing: there may be no key to decrypt the credentials with.
    let (mut value, credentials) = if is_replay {
        (configuration.module_settings(&loaded.name, context)?, None)
    } else {
        let own = configuration.module_configuration(&loaded.name, context)?;
        (own.value, own.credentials)
    };
    if let Some(map) = value.as_map_mut() {
        let given = fixtures.configuration.as_map().into_iter().flatten();
        map.extend(given.map(|(name, value)| (name.clone(), value.clone())));
        if let Some(endpoint) = &fixtures.endpoint {
            map.insert("endpoint_url".to_owned(), Value::from(endpoint.as_str()));
        }
    }
    let loader = stack.loader()?;
    let configured = Configured {
        name: &loaded.name,
        manifest: loaded.plugin.manifest(),
        granted: &granted.grant,
        rate_limit: plugins::requirement(&loaded.name, Some(configuration))
            .and_then(|plugin| plugin.rate_limit),
        policies: loader.policies(),
        value,
        credentials: credentials.as_ref(),
        credentials_of: &|module| {
            if is_replay {
                return None;
            }
            let context = project.context(&stacks);
            configuration
                .module_configuration(module, context)
                .ok()?
                .credentials
        },
        locate: &|path: &Path| configuration.locate_setting(path),
    };
    Ok(configured.split(stack.environment)?)
}

/// Returns the file of the log that checks of a plugin have to themselves: they make nothing that the stack owns.
fn log_file(project: &Project, loaded: &LoadedPlugin) -> std::path::PathBuf {
    project
        .state_folder()
        .join(format!("plugin-check.{}.db", loaded.name))
}

async fn open_log(
    project: &Project,
    loaded: &LoadedPlugin,
    stack: &PluginContext<'_>,
) -> Result<(StackLog, LockOwner), CommandError> {
    let name = format!("plugin-check.{}", loaded.name);
    let options =
        OpenOptions::of_stack(project.configuration.project_name(), &name).sealer(project.sealer.clone());
    let log = StackLog::open(&log_file(project, loaded), options).await?;
    let owner = LockOwner::this_process(stack.environment.actor(), COMMAND);
    Ok((log, owner))
}
