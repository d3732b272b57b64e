//! Handing commands over to the workers, and following them to their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use konductor_config::inputs::stacks;
use konductor_queue::{Order, Submission, Work, WorkCommand, WorkState};
use tokio::sync::watch;

use crate::arguments::{
    Arguments, Command, GlobalArguments, StacksArguments, SubmitArguments, SubmittedCommand, Typed, parse,
};
use crate::command::every_stack::{ABOUT_STACKS, Ended, order, tell};
use crate::command::execution::INTERRUPTED;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{self, DEFAULT_STACK};
use crate::queue_place::QueuePlace;

/// The shortest and the longest time between two questions how far the work is. Usually the queue says when to ask.
const ASK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// After such a time without anything under way, somebody is told why.
const SILENT: Duration = Duration::from_secs(5);

/// What is handed over.
pub struct HandedOver {
    command: WorkCommand,
    arguments: Vec<String>,
    /// A stack comes before those whose outputs it reads: for what deletes.
    backwards: bool,
    detach: bool,
}

impl HandedOver {
    /// Returns what is handed over where a command is given `--all --workers`.
    ///
    /// # Errors
    /// When one stack is named, or somebody would have to be asked.
    pub fn of_command(arguments: &Arguments, typed: &Typed) -> Result<Option<Self>, CommandError> {
        let command = &arguments.command;
        let Some((what, stacks)) = about_stacks(command) else {
            return Ok(None);
        };
        if !stacks.workers {
            return Ok(None);
        }
        project::require_no_stack(&arguments.global)?;
        let arguments = text(typed.options_without(&[&ABOUT_STACKS[..], &OF_THE_DESK].concat()))?;
        require_consent(what, &arguments)?;
        Ok(Some(Self {
            command: what,
            arguments,
            backwards: is_backwards(command),
            detach: stacks.detach,
        }))
    }

    /// Returns what `queue submit` hands over.
    ///
    /// # Errors
    /// When the command does not understand its arguments, something was typed that workers have of their own, or
    /// somebody would have to be asked.
    pub fn of_submit(submit: &SubmitArguments) -> Result<Self, CommandError> {
        let command = WorkCommand::from(submit.command);
        let words: &[&str] = match submit.command {
            SubmittedCommand::Check => &["watch", "--once"],
            _ => &[command.word()],
        };
        let line = std::iter::once("konductor")
            .chain(words.iter().copied())
            .chain(submit.arguments.iter().map(String::as_str));
        let (parsed, typed) =
            parse(line).map_err(|error| CommandError::message(error.to_string().trim_end().to_owned()))?;
        refuse(
            &typed,
            &[&OF_THE_WORKER[..], &ABOUT_STACKS, &FILES_AND_FOLDERS].concat(),
        )?;
        if matches!(&parsed.command, Command::Drift(drift) if drift.command.is_some()) {
            return Err(CommandError::message(
                "what changes files of the project cannot be handed over",
            ));
        }
        require_consent(command, &submit.arguments)?;
        Ok(Self {
            command,
            backwards: is_backwards(&parsed.command),
            arguments: submit.arguments.clone(),
            detach: submit.detach,
        })
    }
}

/// Returns the arguments of the checks that `watch` hands over.
///
/// # Errors
/// When something was typed that workers have of their own.
pub fn arguments_of_watch(typed: &Typed, global: &GlobalArguments) -> Result<Vec<String>, CommandError> {
    refuse(typed, &["set", "policy", "simulate"])?;
    let left_out = [&OF_WATCH[..], &OF_THE_DESK, &OF_THE_WORKER].concat();
    Ok(with_global(text(typed.options_without(&left_out))?, global))
}

/// What `watch` itself does with what it hands over.
const OF_WATCH: [&str; 5] = ["folders", "workers", "checks", "metrics", "override_policy"];

/// What workers decide: where and on what they work.
const OF_THE_WORKER: [&str; 4] = ["stack", "set", "policy", "simulate"];

/// What is about this terminal and this machine. `json` is told to the workers apart.
const OF_THE_DESK: [&str; 4] = ["directory", "color", "verbose", "json"];

/// What names files and folders of this machine.
const FILES_AND_FOLDERS: [&str; 5] = ["directory", "out", "folders", "metrics", "report"];

fn about_stacks(command: &Command) -> Option<(WorkCommand, &StacksArguments)> {
    match command {
        Command::Run(run) => Some((WorkCommand::Run, &run.stacks)),
        Command::Plan(plan) => Some((WorkCommand::Plan, &plan.stacks)),
        Command::Refresh(refresh) => Some((WorkCommand::Refresh, &refresh.stacks)),
        Command::Destroy(destroy) => Some((WorkCommand::Destroy, &destroy.stacks)),
        _ => None,
    }
}

fn is_backwards(command: &Command) -> bool {
    matches!(command, Command::Destroy(_)) || matches!(command, Command::Plan(plan) if plan.destroy)
}

fn refuse(typed: &Typed, options: &[&str]) -> Result<(), CommandError> {
    let refused = typed.which(options);
    if refused.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = refused.iter().map(|name| format!("`{name}`")).collect();
    Err(CommandError::message(format!(
        "workers decide where they work and with what: {} cannot be handed over",
        names.join(", ")
    ))
    .help("write values and policies into the configuration, or give them to the workers; one stack is named with `queue submit --stack`"))
}

/// Returns arguments as text, as the queue keeps them.
fn text(arguments: Vec<OsString>) -> Result<Vec<String>, CommandError> {
    let text = arguments.into_iter().map(|argument| {
        argument
            .into_string()
            .map_err(|argument| CommandError::message(format!("`{}` is not text", argument.display())))
    });
    text.collect()
}

fn require_consent(command: WorkCommand, arguments: &[String]) -> Result<(), CommandError> {
    let agreed = |argument: &String| ["--yes", "-y", "--dry-run"].contains(&argument.as_str());
    if matches!(command, WorkCommand::Run | WorkCommand::Destroy) && !arguments.iter().any(agreed) {
        return Err(CommandError::message("workers cannot ask anybody")
            .help("add `--yes`, or `--dry-run` to see what would be done"));
    }
    Ok(())
}

/// Hands a command over for every stack, or for the one that is named, and follows it.
pub async fn hand_over(
    what: HandedOver,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    if !global.set.is_empty() || !global.policy.is_empty() {
        return Err(CommandError::message(
            "`--set` and `--policy` are of this machine, and workers do not see them",
        )
        .help("write values into the configuration, or give them to the workers"));
    }
    let place = QueuePlace::open(global, environment)?;
    let orders = orders(&what, &place.folder, global, environment)?;
    let submission = Submission {
        project: place.project.clone(),
        configuration: place.configuration()?,
        submitter: environment.actor(),
        most_attempts: place.settings.attempts,
        orders,
    };
    let name = place.queue.submit(&submission).await?;
    let names: Vec<&str> = submission
        .orders
        .iter()
        .map(|order| order.stack.as_str())
        .collect();
    let text = format!("Handed {} stacks over to the workers.", names.len());
    let members = serde_json::json!({
        "submission": name, "command": what.command, "stacks": names, "queue": place.queue.title(),
    });
    output.fact("work-submitted", &members, &text);
    if what.detach {
        return Ok(0);
    }
    let following = Following {
        place: &place,
        configuration: &submission.configuration,
        name: &name,
        output,
    };
    following.follow().await
}

/// Returns an order for each stack, which names those that come before it.
fn orders(
    what: &HandedOver,
    folder: &Path,
    global: &GlobalArguments,
    environment: &Environment,
) -> Result<Vec<Order>, CommandError> {
    let arguments = with_global(what.arguments.clone(), global);
    let order_of = |stack: &str, needs: &[usize]| Order {
        stack: stack.to_owned(),
        command: what.command,
        arguments: arguments.clone(),
        needs: needs.to_vec(),
    };
    if let Some(stack) = &global.stack {
        return Ok(vec![order_of(stack, &[])]);
    }
    let names = stacks(folder);
    if names.is_empty() {
        return Ok(vec![order_of(DEFAULT_STACK, &[])]);
    }
    let graph = order(&names, folder, global, environment, what.backwards)?;
    // Looking changes nothing that another stack would read.
    let ordered = matches!(
        what.command,
        WorkCommand::Run | WorkCommand::Plan | WorkCommand::Refresh | WorkCommand::Destroy
    );
    Ok(names
        .iter()
        .enumerate()
        .map(|(node, name)| {
            let needs = if ordered { graph.dependencies(node) } else { &[] };
            order_of(name, needs)
        })
        .collect())
}

/// Adds what is said to every command alike.
fn with_global(mut arguments: Vec<String>, global: &GlobalArguments) -> Vec<String> {
    if global.json && !arguments.iter().any(|argument| argument == "--json") {
        arguments.push("--json".to_owned());
    }
    let overrides = global.override_policy.iter();
    arguments.extend(overrides.map(|given| format!("--override-policy={given}")));
    arguments
}

struct Following<'f> {
    place: &'f QueuePlace,
    configuration: &'f str,
    name: &'f str,
    output: &'f Output,
}

impl Following<'_> {
    async fn follow(&self) -> Result<u8, CommandError> {
        self.place.queue.listen_for_changes(self.name).await?;
        let (sender, interrupts) = watch::channel(0);
        let listener = tokio::spawn(listen(sender));
        let result = self.until_ended(interrupts).await;
        listener.abort();
        result
    }

    async fn until_ended(&self, mut interrupts: watch::Receiver<u8>) -> Result<u8, CommandError> {
        let mut known: BTreeMap<i64, (WorkState, Option<String>, i32)> = BTreeMap::new();
        let mut cancelled = false;
        let mut silent_since = Instant::now();
        let mut told = None;
        loop {
            let progress = self.place.queue.progress(self.name).await?;
            for work in &progress {
                let now = (work.state, work.worker.clone(), work.attempts);
                if known.get(&work.id) != Some(&now) {
                    self.changed(work).await?;
                    known.insert(work.id, now);
                }
            }
            if progress.iter().all(|work| work.state.is_end()) {
                return Ok(self.ended(&progress));
            }
            let interrupted = *interrupts.borrow_and_update();
            match interrupted {
                0 => {}
                1 if !cancelled => {
                    cancelled = true;
                    self.output
                        .event("stopping", &serde_json::json!({ "level": "finish" }));
                    self.output.line(
                        "\nStopping: no other stack is begun, and workers are told to stop. Ctrl-C again leaves at once.",
                    );
                    self.place
                        .queue
                        .cancel_submission(&self.place.project, self.name)
                        .await?;
                }
                1 => {}
                _ => return Ok(INTERRUPTED),
            }
            if progress.iter().any(|work| work.state == WorkState::Running) {
                silent_since = Instant::now();
            }
            if silent_since.elapsed() >= SILENT {
                silent_since = Instant::now();
                self.tell_waiting(&mut told).await?;
            }
            tokio::time::sleep(ASK.0).await;
            tokio::select! {
                () = self.place.queue.heard() => {}
                Ok(()) = interrupts.changed() => {}
                () = tokio::time::sleep(ASK.1) => {}
            }
        }
    }

    /// Tells that work began or ended, with what its process said last.
    async fn changed(&self, work: &Work) -> Result<(), CommandError> {
        match work.state {
            WorkState::Waiting | WorkState::LeftOut => {}
            WorkState::Running => {
                let worker = work.worker.clone().unwrap_or_default();
                let members = serde_json::json!({
                    "stack": work.stack, "worker": worker, "work": work.id, "attempt": work.attempts,
                });
                let again = match work.attempts {
                    ..=1 => String::new(),
                    attempt => format!(", attempt {attempt}"),
                };
                let text = format!("{}: {} has it{again}", work.stack, worker);
                self.output.fact("stack-started", &members, &text);
            }
            _ => {
                for line in self.place.queue.said(work.id).await?.lines() {
                    self.output.said_by_work(&work.stack, line);
                }
            }
        }
        Ok(())
    }

    fn ended(&self, progress: &[Work]) -> u8 {
        let names: Vec<String> = progress.iter().map(|work| work.stack.clone()).collect();
        let ended = progress.iter().map(|work| match work.state {
            WorkState::Succeeded => Ended::With(work.exit.unwrap_or_default()),
            WorkState::Failed => Ended::With(work.exit.unwrap_or(1)),
            WorkState::Cancelled => Ended::With(INTERRUPTED),
            WorkState::Dead => Ended::Dead(format!(
                "{}, {} times",
                work.reason.as_deref().unwrap_or_default(),
                work.attempts
            )),
            WorkState::LeftOut | WorkState::Waiting | WorkState::Running => {
                Ended::Skipped(work.reason.clone().unwrap_or_default())
            }
        });
        let ended = ended.enumerate().collect();
        tell(&names, &ended, self.output)
    }

    /// Tells why nothing is under way, once for every reason.
    async fn tell_waiting(&self, told: &mut Option<String>) -> Result<(), CommandError> {
        let workers = self.place.queue.workers(&self.place.project).await?;
        let alive: BTreeSet<&str> = workers
            .iter()
            .filter(|worker| worker.alive && !worker.stopping)
            .map(|worker| worker.configuration.as_str())
            .collect();
        let reason = if alive.is_empty() {
            "no worker of the project is there; `konductor worker` starts one"
        } else if !alive.contains(self.configuration) {
            "no worker has this configuration; bring their files up to date"
        } else {
            "the workers are busy, or somebody else works on the stacks"
        };
        if told.as_deref() != Some(reason) {
            let members = serde_json::json!({ "submission": self.name, "reason": reason });
            self.output
                .fact("work-waiting", &members, &format!("Waiting: {reason}."));
            *told = Some(reason.to_owned());
        }
        Ok(())
    }
}

async fn listen(interrupts: watch::Sender<u8>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        interrupts.send_modify(|count| *count = count.saturating_add(1));
    }
}
