//! `konductor watch`: checks many stacks for drift by their schedules, in one process, and tells who is to be told; or
//! hands the checks over to workers.

mod check;
mod controls;
mod forwarding;
mod submitting;
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use jiff::{Timestamp, Zoned};
use konductor_alert::{CheckResult, Metrics, MetricsServer};
use konductor_config::drift::Schedule;
use konductor_model::with_causes;
use konductor_queue::Due;
use tokio::sync::{Semaphore, watch};

use crate::arguments::{ExecutionArguments, GlobalArguments, Typed, WatchArguments};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{self, FolderSources, Project};
use crate::render::controls::{document, render};
use crate::stop_requests::StopRequests;
use check::Checked;
use controls::{Known, Looked};
use forwarding::{Behind, forward, forward_the_rest};
use submitting::Submitting;

/// How long a stack whose configuration cannot be read waits until it is read again.
const AGAIN: Duration = Duration::from_secs(60);
/// The longest sleep at once: a machine that was suspended must not sleep on.
const NAP: Duration = Duration::from_secs(30);

/// One stack that is watched.
struct Watched {
    /// The arguments that open it.
    global: GlobalArguments,
    folder: PathBuf,
    stack: String,
}

/// What all stacks share.
struct Watch<'w> {
    environment: &'w Environment,
    output: &'w Output,
    execution: &'w ExecutionArguments,
    metrics: Metrics,
    network: konductor_alert::Network,
    /// How many may be checked at the same time.
    permits: Semaphore,
    /// The digest that each alert of each stack told last.
    told: Mutex<BTreeMap<(PathBuf, String, String), String>>,
    /// What the logs say of controls.
    controls: Known,
    /// Who has receivers that have not got all.
    behind: Behind,
    /// Workers do the checks.
    submitting: Option<Submitting>,
    stop: watch::Receiver<bool>,
}

/// Watches until it is stopped, or checks once.
pub async fn watch(
    arguments: &WatchArguments,
    typed: &Typed,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let watched = watched(arguments, global)?;
    let submitting = if arguments.workers {
        Some(Submitting::open(&watched, typed, global, environment)?)
    } else {
        None
    };
    let (stopper, stop) = watch::channel(false);
    let watch = Watch {
        environment,
        output,
        execution: &arguments.execution,
        metrics: Metrics::default(),
        network: crate::network::Network::of(environment)?.for_alerts(),
        permits: Semaphore::new(arguments.checks as usize),
        told: Mutex::default(),
        controls: Known::default(),
        behind: Behind::default(),
        submitting,
        stop,
    };
    let server = match arguments.metrics {
        Some(address) => {
            let server = MetricsServer::listen(address)
                .await
                .map_err(|error| CommandError::message(with_causes(&error)))?;
            Some((
                server.address(),
                tokio::spawn(server.serve(watch.metrics.clone())),
            ))
        }
        None => None,
    };
    let address = server.as_ref().map(|(address, _)| address.to_string());
    let text = match &address {
        Some(address) => format!(
            "Watching {} stacks; figures at http://{address}/metrics.",
            watched.len()
        ),
        None => format!("Watching {} stacks.", watched.len()),
    };
    output.fact(
        "watch-started",
        &serde_json::json!({ "stacks": watched.len(), "metrics": address }),
        &text,
    );
    let listener = tokio::spawn(listen(stopper, output.clone()));
    let failed: Vec<bool> = if arguments.once {
        join_all(watched.iter().map(|one| async {
            let result = watch.check(one).await;
            result == CheckResult::Failed
        }))
        .await
    } else {
        join_all(watched.iter().map(|one| async {
            watch.keep(one).await;
            false
        }))
        .await
    };
    if !arguments.once {
        forward_the_rest(&watch, &watched).await;
    }
    listener.abort();
    if let Some((_, server)) = server {
        server.abort();
    }
    output.fact("watch-ended", &serde_json::json!({}), "Stopped watching.");
    Ok(u8::from(failed.contains(&true)))
}

/// Returns every stack once, however often it is named.
fn watched(arguments: &WatchArguments, global: &GlobalArguments) -> Result<Vec<Watched>, CommandError> {
    let folders = if arguments.folders.is_empty() {
        vec![project::folder(global)]
    } else {
        arguments.folders.clone()
    };
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in folders {
        project::require(&folder)?;
        let folder =
            std::fs::canonicalize(&folder).map_err(|error| CommandError::file("open", &folder, error))?;
        let names = match &global.stack {
            Some(named) => vec![named.clone()],
            None => project::stack_names(&folder),
        };
        for stack in names {
            if !seen.insert((folder.clone(), stack.clone())) {
                continue;
            }
            found.push(Watched {
                global: GlobalArguments {
                    directory: Some(folder.clone()),
                    stack: Some(stack.clone()),
                    ..global.clone()
                },
                folder: folder.clone(),
                stack,
            });
        }
    }
    Ok(found)
}

impl Watch<'_> {
    /// Checks a stack by its schedule until the watch is stopped. One check follows the other, so there are never two.
    async fn keep(&self, watched: &Watched) {
        let mut stop = self.stop.clone();
        let mut told_without = false;
        loop {
            let wait = match self.schedule(watched) {
                Ok(Some(schedule)) => {
                    told_without = false;
                    let next = next(&schedule);
                    if let Some((_, next)) = &next {
                        let members = serde_json::json!({
                            "folder": watched.folder, "stack": watched.stack, "next": next.timestamp(),
                        });
                        let text = format!(
                            "{}: next check {}",
                            watched.stack,
                            next.strftime("%Y-%m-%d %H:%M:%S %Z")
                        );
                        self.output.fact("watch-waiting", &members, &text);
                    }
                    next.map(|(due, next)| (due.timestamp(), next.timestamp()))
                }
                Ok(None) => {
                    if !std::mem::replace(&mut told_without, true) {
                        let text = format!(
                            "{} has no schedule (config: drift: schedule:) and is not checked.",
                            watched.stack
                        );
                        let members = serde_json::json!({
                            "folder": watched.folder, "stack": watched.stack, "next": null,
                        });
                        self.output.fact("watch-waiting", &members, &text);
                    }
                    None
                }
                Err(error) => {
                    self.metrics.checked("", &watched.stack, CheckResult::Failed);
                    self.tell_failed(watched, &error);
                    None
                }
            };
            let due = wait.map(|(due, _)| due);
            let until = wait.map_or_else(|| Timestamp::now() + AGAIN, |(_, until)| until);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = sleep_until(until) => {}
            }
            match (due, &self.submitting) {
                (Some(due), Some(submitting)) => self.submit(submitting, watched, due).await,
                (Some(_), None) => {
                    self.check(watched).await;
                }
                (None, _) => {}
            }
        }
    }

    /// Hands the check of a time of a schedule over.
    async fn submit(&self, submitting: &Submitting, watched: &Watched, due: Timestamp) {
        let (came, project) = match submitting.submit(watched, due).await {
            Ok(submitted) => submitted,
            Err(error) => {
                self.metrics.checked("", &watched.stack, CheckResult::Failed);
                return self.tell_failed(watched, &error);
            }
        };
        let (word, work, text, counted) = match came {
            Due::Submitted(work) => (
                "submitted",
                Some(work),
                format!("the check is handed over as work {work}"),
                Some(CheckResult::Submitted),
            ),
            Due::Known => (
                "known",
                None,
                "the check was handed over already".to_owned(),
                None,
            ),
            Due::Behind => (
                "behind",
                None,
                "the check before has not ended; none is handed over".to_owned(),
                Some(CheckResult::Skipped),
            ),
        };
        if let Some(counted) = counted {
            self.metrics.checked(project, &watched.stack, counted);
        }
        let members = serde_json::json!({
            "folder": watched.folder, "project": project, "stack": watched.stack, "due": due, "result": word,
            "work": work,
        });
        self.output
            .fact("watch-submitted", &members, &format!("{}: {text}", watched.stack));
    }

    /// Reads the schedule anew: a configuration that is edited holds from the next check on.
    fn schedule(&self, watched: &Watched) -> Result<Option<Schedule>, CommandError> {
        let project = Project::open(&watched.global, self.environment)?;
        let context = konductor_config::Context {
            sealer: Some(project.sealer.as_ref()),
            stacks: None,
        };
        Ok(project.configuration.drift(context)?.schedule)
    }

    /// Checks a stack. Whatever goes wrong is told and counted, and stops nothing else.
    async fn check(&self, watched: &Watched) -> CheckResult {
        let mut stop = self.stop.clone();
        let permit = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return CheckResult::Skipped,
            permit = self.permits.acquire() => permit,
        };
        let checked = AssertUnwindSafe(check::check(self, watched)).catch_unwind().await;
        let is_skipped = matches!(&checked, Ok(Err(error)) if error.is_locked);
        if !is_skipped {
            forward(self, watched).await;
        }
        drop(permit);
        let (result, project) = match checked {
            Ok(Ok(checked)) => {
                self.tell_checked(watched, &checked);
                (CheckResult::Succeeded, checked.project)
            }
            Ok(Err(error)) if error.is_locked => {
                let members = serde_json::json!({
                    "folder": watched.folder, "stack": watched.stack, "result": CheckResult::Skipped.word(),
                });
                let text = format!("{}: somebody works on it; not checked", watched.stack);
                self.output.fact("watch-checked", &members, &text);
                (CheckResult::Skipped, self.project_name(watched))
            }
            Ok(Err(error)) => {
                self.tell_failed(watched, &error);
                (CheckResult::Failed, self.project_name(watched))
            }
            Err(_) => {
                self.tell_failed(watched, &CommandError::message("the check ended with a panic"));
                (CheckResult::Failed, self.project_name(watched))
            }
        };
        self.metrics.checked(&project, &watched.stack, result);
        result
    }

    fn project_name(&self, watched: &Watched) -> String {
        Project::open(&watched.global, self.environment)
            .map(|project| project.configuration.project_name().to_owned())
            .unwrap_or_default()
    }

    fn tell_checked(&self, watched: &Watched, checked: &Checked) {
        let members = serde_json::json!({
            "folder": watched.folder,
            "project": checked.project,
            "stack": watched.stack,
            "result": CheckResult::Succeeded.word(),
            "objects": checked.objects,
            "counts": checked.counts,
            "digest": checked.digest,
            "milliseconds": checked.milliseconds,
        });
        let counts: Vec<String> = checked
            .counts
            .iter()
            .filter(|(kind, _)| kind.is_drift())
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let found = if counts.is_empty() {
            "no drift".to_owned()
        } else {
            counts.join(", ")
        };
        let text = format!("{}: {found}; {} objects", watched.stack, checked.objects);
        self.output.fact("watch-checked", &members, &text);
        if let Some(looked) = &checked.controls {
            self.tell_controls(watched, &checked.project, looked);
        }
        for told in &checked.told {
            let members = serde_json::json!({
                "alert": told.alert, "project": checked.project, "stack": watched.stack,
                "about": told.about, "digest": told.digest, "error": told.error,
            });
            let text = match &told.error {
                Some(error) => format!("{}: alert {} failed: {error}", watched.stack, told.alert),
                None => format!("{}: alert {} told", watched.stack, told.alert),
            };
            self.output.fact("alert-told", &members, &text);
        }
    }

    fn tell_controls(&self, watched: &Watched, project: &str, looked: &Looked) {
        let mut members = document(&looked.news, &looked.checked);
        if let Some(members) = members.as_object_mut() {
            members.insert("project".to_owned(), project.into());
            members.insert("stack".to_owned(), watched.stack.clone().into());
            members.insert("milliseconds".to_owned(), looked.checked.milliseconds.into());
        }
        let counts = looked.checked.counts.iter().map(|(framework, counts)| {
            format!(
                "{framework} {} mandatory, {} advisory, {} waived",
                counts.mandatory, counts.advisory, counts.waived
            )
        });
        let counts: Vec<String> = counts.collect();
        let mut text = format!("{}: controls: {}", watched.stack, counts.join("; "));
        for line in render(&looked.news).lines() {
            text.push_str(&format!("\n  {line}"));
        }
        self.output.fact("compliance-checked", &members, &text);
    }

    fn tell_failed(&self, watched: &Watched, error: &CommandError) {
        let members = serde_json::json!({
            "folder": watched.folder, "stack": watched.stack, "result": CheckResult::Failed.word(),
            "error": error.to_string(),
        });
        self.output.fact(
            "watch-checked",
            &members,
            &format!("{}: the check failed", watched.stack),
        );
        if !self.output.is_json() {
            self.output
                .diagnostics(&error.diagnostics, &FolderSources(watched.folder.clone()));
        }
    }
}

/// Returns the next time of the schedule, and when the check for it begins: by chance a little later, so that not all stacks
/// of the world ask at the full hour.
fn next(schedule: &Schedule) -> Option<(Zoned, Zoned)> {
    let now = Zoned::now().with_time_zone(schedule.time_zone.clone());
    let due = schedule.cron.find_next_occurrence(&now, false).ok()?;
    let jitter = u64::try_from(schedule.jitter.as_millis()).unwrap_or(u64::MAX);
    let later = match jitter {
        0 => Duration::ZERO,
        most => Duration::from_millis(rand::random_range(0..=most)),
    };
    let begin = &due + later;
    Some((due, begin))
}

async fn sleep_until(until: Timestamp) {
    loop {
        let left = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP)).await;
    }
}

/// Turns Ctrl-C, or a request to end, into: begin no check, and end when those under way have ended. A second one leaves
/// at once.
async fn listen(stopper: watch::Sender<bool>, output: Output) {
    let heard = || {
        if *stopper.borrow() {
            std::process::exit(130);
        }
        output.event("stopping", &serde_json::json!({ "level": "finish" }));
        output.line("\nStopping: checks that are under way are finished. Ctrl-C again leaves at once.");
        stopper.send_replace(true);
    };
    let Ok(mut requests) = StopRequests::listen() else {
        return;
    };
    loop {
        requests.next().await;
        heard();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn schedule(written: &str, jitter: Duration) -> Schedule {
        Schedule {
            written: written.to_owned(),
            cron: written.parse().unwrap(),
            time_zone: TimeZone::UTC,
            jitter,
        }
    }

    #[test]
    fn a_check_is_never_early_and_late_by_no_more_than_the_jitter() {
        let (due, exact) = next(&schedule("0 * * * *", Duration::ZERO)).unwrap();
        assert_eq!(due, exact);
        assert_eq!((exact.minute(), exact.second()), (0, 0));
        assert!(exact > Zoned::now());
        for _ in 0..100 {
            let (due, jittered) = next(&schedule("0 0 1 1 *", Duration::from_secs(60))).unwrap();
            assert_eq!((due.minute(), due.second()), (0, 0));
            assert!(jittered.minute() == 0 || (jittered.minute(), jittered.second()) == (1, 0));
        }
    }
}
