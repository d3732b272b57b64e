//! `konductor log`.

use konductor_model::Diagnostic;
use konductor_state::entry::{Entry, GivenUp};
use konductor_state::keys::verify_order;
use konductor_state::policy::{PackageOutcome, PolicyDecision};
use konductor_state::{DriftChecked, EntryQuery, LoggedEntry, PluginUsed, StateError};

use crate::arguments::LogCommand;
use crate::command::state::find;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Shows or checks the log.
pub async fn log(command: &LogCommand, project: &Project, output: &Output) -> Result<(), CommandError> {
    if let LogCommand::Verify { without_key: true } = command {
        return verify_without_key(project, output).await;
    }
    let log = project.read_log().await?;
    match command {
        LogCommand::Show { last, all, resource } => {
            let urn = match resource {
                Some(name) => Some(find(&log.snapshot_masked().await?, name)?.urn.clone()),
                None => None,
            };
            let from = if *all || urn.is_some() {
                1
            } else {
                let (head, _) = log.head().await?;
                head.saturating_sub(*last) + 1
            };
            let mut query = EntryQuery {
                from,
                limit: PAGE,
                urn,
                ..EntryQuery::default()
            };
            loop {
                let entries = log.entries(query.clone()).await?;
                for entry in &entries {
                    show(entry, output);
                }
                match entries.last() {
                    Some(last) if entries.len() == PAGE => query.from = last.serial + 1,
                    _ => return Ok(()),
                }
            }
        }
        LogCommand::Verify { .. } => {
            let verification = log.verify().await?;
            let problems: Vec<String> = verification.problems.iter().map(ToString::to_string).collect();
            if problems.is_empty() {
                let members = serde_json::json!({
                    "sound": true, "entries": verification.entries, "head": verification.head,
                });
                let text = format!(
                    "{} entries, nothing is wrong; head {}",
                    verification.entries, verification.head
                );
                output.fact("log-verified", &members, &text);
                return Ok(());
            }
            let members = serde_json::json!({
                "sound": false, "entries": verification.entries, "first_bad_serial": verification.first_bad_serial(),
                "problems": problems,
            });
            output.event("log-verified", &members);
            Err(was_changed(project, problems))
        }
    }
}

fn was_changed(project: &Project, problems: Vec<String>) -> CommandError {
    let mut diagnostics = konductor_model::Diagnostics::default();
    diagnostics.extend(
        problems.into_iter().map(|problem| {
            Diagnostic::error(format!("the log of {} was changed: {problem}", project.title()))
        }),
    );
    if let Some(last) = diagnostics.0.last_mut() {
        last.help =
            Some("keep this file as it is, and restore the log from a backup taken before".to_owned());
    }
    diagnostics.into()
}

/// Checks what can be checked by a machine that has none of the keys.
async fn verify_without_key(project: &Project, output: &Output) -> Result<(), CommandError> {
    let (options, file) = project.unopened_log()?;
    let found = match verify_order(&file, options).await {
        Err(StateError::NotEncrypted { path }) => {
            return Err(
                CommandError::message(format!("{} is not encrypted", path.display()))
                    .help("leave out --without-key: checking it needs no key"),
            );
        }
        found => found?,
    };
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let members = serde_json::json!({
        "sound": problems.is_empty(), "parts": found.parts, "linked": found.linked, "head": found.head,
        "problems": problems,
    });
    if problems.is_empty() {
        let text = format!(
            "{} stored parts, {} of them encrypted and linked, nothing is wrong; head {}\n\
             what is in them was not checked: that needs a key",
            found.parts, found.linked, found.head
        );
        output.fact("log-order-verified", &members, &text);
        return Ok(());
    }
    output.event("log-order-verified", &members);
    Err(was_changed(project, problems))
}

fn show(logged: &LoggedEntry, output: &Output) {
    if output.is_json() {
        output.event(
            "log-entry",
            &serde_json::json!({
                "serial": logged.serial, "written": logged.time, "hash": logged.hash, "content": logged.entry,
            }),
        );
        return;
    }
    let time = logged.time.strftime("%Y-%m-%d %H:%M:%S");
    output.line(&format!(
        "{:>6}  {time}  {}",
        logged.serial,
        describe(&logged.entry)
    ));
}

/// Says in a few words what an entry tells.
pub fn describe(entry: &Entry) -> String {
    match entry {
        Entry::RunStarted(run) => {
            let simulated = if run.simulated { ", simulated" } else { "" };
            let plugins: Vec<String> = run.plugins.iter().map(describe_plugin).collect();
            let plugins = if plugins.is_empty() {
                String::new()
            } else {
                format!(" with {}", plugins.join(", "))
            };
            format!(
                "{} by {} (konductor {}{simulated}){plugins}",
                run.command, run.actor, run.konductor
            )
        }
        Entry::Begin(begin) => format!(
            "begin    {:?} {} ({})",
            begin.action,
            begin.urn.name(),
            begin.urn.resource_type()
        ),
        Entry::Progress(progress) => {
            format!(
                "progress {} {}",
                progress.operation,
                progress.id.as_deref().unwrap_or_default()
            )
        }
        Entry::End(end) => {
            let id = end
                .object()
                .map(|object| object.id.as_str())
                .unwrap_or("no object");
            let result = end
                .failure
                .as_ref()
                .map_or_else(|| id.to_owned(), |failure| format!("failed: {failure}"));
            format!(
                "end      {} ({}) {result}, {} ms",
                end.urn.name(),
                end.urn.resource_type(),
                end.milliseconds
            )
        }
        Entry::Recorded { record, reason } => format!("recorded {} ({reason})", record.urn.name()),
        Entry::Forgotten { urn, reason } => format!("forgot   {} ({reason})", urn.name()),
        Entry::Moved { from, to } => format!("moved    {} to {}", from.name(), to.name()),
        Entry::Outputs { outputs } => format!(
            "outputs  {}",
            outputs.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
        Entry::CloudCall(call) => {
            let what = call
                .operation
                .clone()
                .unwrap_or_else(|| format!("{} {}", call.method, call.path));
            let status = call.status.map(|status| status.to_string());
            let result = call.error.clone().or(status).unwrap_or_default();
            format!(
                "call     {} {what} for {}: {result}, {} ms",
                call.endpoint, call.resource, call.milliseconds
            )
        }
        Entry::SecretRevealed(revealed) => format!(
            "revealed {} of {} to {}",
            revealed.attribute, revealed.resource, revealed.plugin
        ),
        Entry::DriftChecked(checked) => describe_drift(checked),
        Entry::DriftTold(told) => match (&told.error, told.digest.is_empty()) {
            (Some(error), _) => format!("alert    {} failed: {error}", told.alert),
            (None, true) => format!("alert    {}: the drift is gone", told.alert),
            (None, false) => format!("alert    {}: told of drift", told.alert),
        },
        Entry::PolicyDecided(decision) => describe_decision(decision),
        Entry::RunFinished(run) => run.result.clone(),
        Entry::Restored(restored) => {
            let given_up = match &restored.given_up {
                Some(GivenUp {
                    first: Some(first),
                    last: Some(last),
                    kept,
                }) => format!(", giving up entries {first} to {last}, which are in {kept}"),
                Some(given_up) => format!(", giving up what is in {}", given_up.kept),
                None => String::new(),
            };
            format!(
                "restored to entry {} from {}{given_up}",
                restored.serial, restored.from
            )
        }
        Entry::KeysRotated(rotated) => {
            let wrapped: Vec<String> = rotated.wrapped_for.iter().map(ToString::to_string).collect();
            format!(
                "data key {}, which opens with {}",
                rotated.key,
                wrapped.join(", ")
            )
        }
        Entry::LockTakenAway(taken) => {
            let from = taken
                .from
                .as_ref()
                .map(|owner| format!(" of {owner}"))
                .unwrap_or_default();
            format!(
                "the lock{from} was taken away by {} {}",
                taken.by.who, taken.because
            )
        }
    }
}

fn describe_decision(decision: &PolicyDecision) -> String {
    let packages: Vec<String> = decision
        .packages
        .iter()
        .map(|package| {
            let outcome = match package.outcome {
                PackageOutcome::Passed => "passed",
                PackageOutcome::Advised => "advises",
                PackageOutcome::Overridden => "overridden",
                PackageOutcome::Denied => "refuses",
                PackageOutcome::Unusable => "could not be evaluated",
            };
            match &package.override_reason {
                Some(reason) => format!("{} {outcome} ({reason})", package.name),
                None => format!("{} {outcome}", package.name),
            }
        })
        .collect();
    let result = if decision.allowed { "allowed" } else { "refused" };
    format!(
        "policies {} {result}: {}",
        decision.operation,
        packages.join(", ")
    )
}

fn describe_drift(checked: &DriftChecked) -> String {
    let counts: Vec<String> = checked
        .counts
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let found = if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    };
    format!("drift    {found}, of {} objects", checked.objects)
}

fn describe_plugin(plugin: &PluginUsed) -> String {
    let digest: String = plugin.digest.chars().take(12).collect();
    let signer = match &plugin.signer {
        Some(signer) => format!(", signed by {signer}"),
        None => String::new(),
    };
    format!("{} {} (sha256:{digest}…{signer})", plugin.name, plugin.version)
}
