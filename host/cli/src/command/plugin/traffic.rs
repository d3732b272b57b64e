//! What carries the requests of a check: the network, the network with a recording of it, or a recording alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use konductor_broker::{AuditSink, Broker, BrokerError, BrokerOptions, NamedSecrets, Recorder, Replay};
use konductor_conformance::{Fixtures, Report};
use konductor_model::provider::Provider;
use konductor_model::{Path as ValuePath, ResourceSchema, Value};
use konductor_recording::{Draws, Recording};
use konductor_sandbox::{Plugin, Repeat};

use crate::arguments::CheckArguments;
use crate::error::CommandError;

/// What carries the requests.
pub enum Traffic {
    /// The network.
    Network,
    /// The network, and what goes over it is written into a file.
    Recorded(Arc<Recorder>, PathBuf),
    /// A file.
    Replayed(Arc<Replay>, PathBuf),
}

impl Traffic {
    /// Begins what the arguments ask for. Files are named from the folder.
    pub async fn begin(
        arguments: &CheckArguments,
        folder: &Path,
        plugin: &Plugin,
        fixtures: &Fixtures,
        configuration: &Value,
    ) -> Result<Self, CommandError> {
        let name = &plugin.manifest().name;
        if let Some(file) = &arguments.record {
            let secrets = secrets(plugin, fixtures, configuration).await;
            let recorder = Recorder::new(name.as_str(), secrets)
                .map_err(|error| CommandError::message(error.to_string()))?;
            return Ok(Self::Recorded(recorder, folder.join(file)));
        }
        let Some(file) = &arguments.replay else {
            return Ok(Self::Network);
        };
        let file = folder.join(file);
        let recording = Recording::read(&file).map_err(|error| CommandError::message(error.to_string()))?;
        if recording.plugin != *name {
            return Err(CommandError::message(format!(
                "{} is a recording of the plugin `{}`, not of `{name}`",
                file.display(),
                recording.plugin.escape_debug()
            )));
        }
        let secrets = secrets(plugin, fixtures, configuration).await;
        Ok(Self::Replayed(Replay::new(recording, secrets), file))
    }

    /// Makes the broker.
    pub fn broker(&self, options: BrokerOptions, audit: Arc<dyn AuditSink>) -> Result<Broker, BrokerError> {
        match self {
            Self::Network => Broker::new(options, audit),
            Self::Recorded(recorder, _) => Broker::recording(options, audit, Arc::clone(recorder)),
            Self::Replayed(replay, _) => Broker::replaying(options, audit, Arc::clone(replay)),
        }
    }

    /// Returns what draws idempotency tokens.
    pub fn tokens(&self) -> Arc<dyn Fn() -> String + Send + Sync> {
        match self {
            Self::Network => Arc::new(|| uuid::Uuid::now_v7().to_string()),
            Self::Recorded(recorder, _) => {
                let recorder = Arc::clone(recorder);
                Arc::new(move || recorder.token())
            }
            Self::Replayed(replay, _) => {
                let replay = Arc::clone(replay);
                Arc::new(move || replay.token())
            }
        }
    }

    /// Returns what the plugin's clock and random bytes come from, where that is not the machine.
    pub fn repeat(&self) -> Option<Arc<Repeat>> {
        let of = |draws: &Draws| Repeat::new(draws.milliseconds(), draws.seed("guest"));
        match self {
            Self::Network => None,
            Self::Recorded(recorder, _) => Some(of(recorder.draws())),
            Self::Replayed(replay, _) => Some(of(replay.draws())),
        }
    }

    /// Writes the recording of a clean run, or adds to the report what did not fit to the one that was replayed. Returns a
    /// line about it.
    pub fn finish(&self, report: &mut Report) -> Result<Option<String>, CommandError> {
        match self {
            Self::Network => Ok(None),
            Self::Recorded(_, file) if !report.is_clean() => Ok(Some(format!(
                "nothing was written into {}: only a check that passes is worth replaying",
                file.display()
            ))),
            Self::Recorded(recorder, file) => {
                let recording = recorder
                    .finish()
                    .map_err(|error| CommandError::message(error.to_string()))?;
                recording
                    .write(file)
                    .map_err(|error| CommandError::message(error.to_string()))?;
                let count = recording.interactions.len();
                Ok(Some(format!(
                    "{count} requests and their answers are in {}; look through it before you share it",
                    file.display()
                )))
            }
            Self::Replayed(replay, file) => Ok(Some(replayed(replay, file, report))),
        }
    }
}

/// Adds what did not fit to the recording to the report.
fn replayed(replay: &Replay, file: &Path, report: &mut Report) -> String {
    let outcome = replay.finish();
    let file = file.display();
    let does_not_fit = !outcome.unrecorded.is_empty() || !outcome.unused.is_empty();
    for problem in outcome.unrecorded {
        report.trouble.push(format!("not in the recording: {problem}"));
    }
    if outcome.more_unrecorded > 0 {
        let more = outcome.more_unrecorded;
        report
            .trouble
            .push(format!("{more} more requests are not in the recording"));
    }
    for unused in outcome.unused {
        report.trouble.push(format!("never made: {unused}"));
    }
    if outcome.more_unused > 0 {
        let more = outcome.more_unused;
        report
            .trouble
            .push(format!("{more} more requests of the recording were never made"));
    }
    if does_not_fit {
        report.trouble.push(format!(
            "the plugin and {file} do not fit together; where it is meant to send what it sends now, record again against \
             a real server: --record in place of --replay"
        ));
    }
    format!(
        "{} requests were answered from {file}; nothing was sent",
        outcome.answered
    )
}

/// Gives every secret that is known before the run a name: where it stands in the fixtures or in the configuration.
async fn secrets(plugin: &Plugin, fixtures: &Fixtures, configuration: &Value) -> NamedSecrets {
    let mut secrets = NamedSecrets::default();
    let root = ValuePath::root();
    add("configuration", configuration, None, &root, &mut secrets);
    for (name, resource) in &fixtures.resources {
        // A schema that cannot be had is told by the checks.
        let schema = plugin.schema(&resource.resource_type).await.ok();
        let parts = [
            ("inputs", Some(&resource.inputs)),
            ("update", resource.update.as_ref()),
            ("replace", resource.replace.as_ref()),
        ];
        for (part, value) in parts {
            if let Some(value) = value {
                add(
                    &format!("{name}.{part}"),
                    value,
                    schema.as_deref(),
                    &root,
                    &mut secrets,
                );
            }
        }
    }
    secrets
}

fn add(
    name: &str,
    value: &Value,
    schema: Option<&ResourceSchema>,
    at: &ValuePath,
    secrets: &mut NamedSecrets,
) {
    let is_sensitive = !at.is_root() && schema.is_some_and(|schema| schema.sensitive_at(at));
    match value {
        // What it refers to is not known yet; the plugin says that it is a secret when it answers with it.
        Value::Text(text) if text.contains("${") => {}
        value if is_sensitive || matches!(value, Value::Secret(_)) => {
            secrets.add(&format!("{name}.{at}"), value);
        }
        Value::Map(items) => {
            for (member, item) in items {
                add(name, item, schema, &at.child(member), secrets);
            }
        }
        Value::List(items) => {
            for (position, item) in items.iter().enumerate() {
                add(name, item, schema, &at.element(position), secrets);
            }
        }
        _ => {}
    }
}
