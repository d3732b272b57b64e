//! `konductor audit forward`: delivers to receivers of the site what they have not got yet. How far a receiver got is an
//! entry of the log, so that every machine that works on a stack goes on where another one stopped.

use std::collections::BTreeSet;

use konductor_alert::Network;
use konductor_audit::AuditReader;
use konductor_audit::forward::deliver;
use konductor_config::{AuditSettings, Context, ForwardSettings};
use konductor_model::{Diagnostic, Diagnostics, with_causes};
use konductor_state::{AuditForwarded, Entry, Journal as _, StackLog};

use super::projects;
use crate::arguments::{ForwardArguments, GlobalArguments};
use crate::command::drift::history::newest;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{FolderSources, Project};

/// Delivers the events of one stack or of all.
pub async fn forward(
    arguments: &ForwardArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let mut known = BTreeSet::new();
    let mut work = Vec::new();
    for project in projects(arguments.all, global, environment)? {
        let forwarding = Forwarding::of(&project, environment, output)?;
        known.extend(
            forwarding
                .settings
                .forward
                .iter()
                .map(|target| target.name.clone()),
        );
        work.push((project, forwarding));
    }
    if let Some(unknown) = arguments.target.iter().find(|name| !known.contains(*name)) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(CommandError::message(format!("no target is called `{unknown}`"))
            .help(format!("the section `audit` names: {}", known.join(", "))));
    }
    if known.is_empty() {
        return Err(
            CommandError::message("the configuration names no target for events").help(
                "write for example `config: { audit: { forward: [{ name: siem, syslog: \"tcp+tls://logs.example.com\" }] } }`",
            ),
        );
    }
    let mut failed = false;
    for (project, forwarding) in work {
        if arguments.all && project.read_log_if_any().await?.is_none() {
            continue;
        }
        project.read_log().await?;
        let log = project.open_log().await?;
        let (end, _) = log.head().await?;
        for target in &forwarding.settings.forward {
            if arguments.target.is_empty() || arguments.target.contains(&target.name) {
                let forwarded = forwarding.forward(&log, target, end).await;
                failed |= forwarded.error.is_some();
                forwarding.tell(&log, target, &forwarded, true);
            }
        }
    }
    Ok(u8::from(failed))
}

/// What came of forwarding to a target.
struct Forwarded {
    events: usize,
    /// The last entry that the target has.
    serial: u64,
    /// Why it did not get all.
    error: Option<String>,
}

/// Where the events of a stack go, and how they get there.
pub struct Forwarding {
    settings: AuditSettings,
    network: Network,
    output: Output,
    sources: FolderSources,
}

impl Forwarding {
    /// Reads where the events of a stack go.
    ///
    /// # Errors
    /// When the section `audit` is wrong.
    pub fn of(project: &Project, environment: &Environment, output: &Output) -> Result<Self, CommandError> {
        let context = Context {
            sealer: Some(project.sealer.as_ref()),
            stacks: None,
        };
        Ok(Self {
            settings: project.configuration.audit(context)?,
            network: crate::network::Network::of(environment)?.for_alerts(),
            output: output.clone(),
            sources: FolderSources(project.folder.clone()),
        })
    }

    /// Delivers what a run made. When that fails the run has not: it is told, and made up for by the next one. Returns
    /// whether every receiver has all.
    pub async fn after_run(&self, log: &StackLog) -> bool {
        if self.settings.forward.is_empty() {
            return true;
        }
        let end = match log.head().await {
            Ok((end, _)) => end,
            Err(error) => {
                tracing::warn!(%error, "no events are forwarded: the log cannot be read");
                return false;
            }
        };
        let mut is_complete = true;
        for target in &self.settings.forward {
            let forwarded = self.forward(log, target, end).await;
            is_complete &= forwarded.error.is_none();
            self.tell(log, target, &forwarded, false);
        }
        is_complete
    }

    /// Delivers to a target what it has not got up to an entry, page by page, and writes down after each how far it got.
    async fn forward(&self, log: &StackLog, target: &ForwardSettings, end: u64) -> Forwarded {
        let mut forwarded = Forwarded {
            events: 0,
            serial: 0,
            error: None,
        };
        if let Err(error) = self.forward_into(log, target, end, &mut forwarded).await {
            forwarded.error = Some(with_causes(error.as_ref()));
        }
        forwarded
    }

    async fn forward_into(
        &self,
        log: &StackLog,
        target: &ForwardSettings,
        end: u64,
        forwarded: &mut Forwarded,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mine = |entry: &Entry| matches!(entry, Entry::AuditForwarded(told) if told.target == target.name);
        let last = newest(log, 1, mine).await?;
        if let Some(Entry::AuditForwarded(told)) = last.last().map(|logged| &logged.entry) {
            forwarded.serial = told.serial;
        }
        let mut reader = AuditReader::open(log, forwarded.serial + 1).await?;
        while let Some(mut records) = reader.page().await? {
            // What is written meanwhile is for the next time: every target gets the same.
            records.retain(|record| record.serial <= end);
            // That something was forwarded is no reason to forward: it would never end.
            let is_news = records.iter().any(|record| record.kind != "audit-forwarded");
            let Some(last) = records.last().filter(|_| is_news) else {
                continue;
            };
            deliver(&target.target, &records, &self.network).await?;
            let told = AuditForwarded {
                target: target.name.clone(),
                serial: last.serial,
                hash: last.hash.clone(),
            };
            log.append(vec![Entry::AuditForwarded(told)]).await?;
            forwarded.events += records.len();
            forwarded.serial = last.serial;
        }
        Ok(())
    }

    fn tell(&self, log: &StackLog, target: &ForwardSettings, forwarded: &Forwarded, aloud: bool) {
        let stack = log.identity();
        let members = serde_json::json!({
            "project": stack.project, "stack": stack.stack, "target": target.name, "events": forwarded.events,
            "serial": forwarded.serial, "error": forwarded.error,
        });
        self.output.event("audit-forwarded", &members);
        if let Some(error) = &forwarded.error {
            let summary = format!(
                "the events of {}/{} after entry {} did not get to `{}`: {error}",
                stack.project, stack.stack, forwarded.serial, target.name
            );
            let warning = Diagnostic::warning(summary)
                .help("they are delivered by the next run, or by `konductor audit forward`");
            self.output
                .diagnostics(&Diagnostics(vec![warning]), &self.sources);
        } else if aloud {
            self.output.line(&format!(
                "{}: {} events forwarded to {}, up to entry {}.",
                stack.stack, forwarded.events, target.name, forwarded.serial
            ));
        }
    }
}
