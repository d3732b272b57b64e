//! `konductor worker`: takes work from the project's queue, each stack a process, and keeps its leases alive.

mod process;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use konductor_queue::{Beat, Claim, Ending, Taken, WorkCommand, Worker as Announced};
use tokio::sync::{mpsc, watch};

use crate::arguments::{GlobalArguments, WorkerArguments};
use crate::command::deploy::PENDING;
use crate::command::execution::INTERRUPTED;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::queue_place::QueuePlace;
use crate::stop_requests::StopRequests;
use process::{Exit, StackProcess};

/// The exit code of a process of a worker that found its stack locked by somebody else.
pub const LOCKED: u8 = 75;
/// Tells a process that a worker waits for how it ends.
pub const WORK_VARIABLE: &str = "KONDUCTOR_WORK";
/// The longest time between two looks for work. Usually the queue says when there is some.
const LOOK: Duration = Duration::from_secs(5);
/// The pause before a queue that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// All idle workers hear of work at the same time: each looks a little later than that, by chance.
const APART: Duration = Duration::from_millis(20);

/// Work that this worker has.
struct Running {
    taken: Taken,
    /// None until it has started.
    process: Option<Arc<StackProcess>>,
    renewed: Instant,
    interrupted: bool,
    lost: bool,
}

/// How far a worker is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stopping {
    No,
    /// Takes no more.
    Finish,
    /// Interrupts what is under way.
    GiveBack,
    /// Has ended everything.
    Gone,
}

struct Worker<'w> {
    name: String,
    place: QueuePlace,
    places: u32,
    global: &'w GlobalArguments,
    environment: &'w Environment,
    output: &'w Output,
    running: Mutex<BTreeMap<Claim, Running>>,
    stopping: watch::Sender<Stopping>,
}

/// Takes work until it is stopped, or until nothing is left.
pub async fn worker(
    arguments: &WorkerArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    if global.stack.is_some() {
        return Err(
            CommandError::message("a worker takes work on every stack of the project")
                .help("leave `--stack` out; KONDUCTOR_STACK counts as `--stack`"),
        );
    }
    let place = QueuePlace::open(global, environment)?;
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| format!("{}#{}", environment.actor(), std::process::id()));
    let (stopping, _) = watch::channel(Stopping::No);
    let worker = Worker {
        name,
        place,
        places: arguments.stacks_at_once,
        global,
        environment,
        output,
        running: Mutex::default(),
        stopping,
    };
    // Wrong credentials and a database that is not there are told now, and not tried for ever.
    worker.announce().await?;
    worker.place.queue.listen_for_work(&worker.place.project).await?;
    let members = serde_json::json!({
        "worker": worker.name, "project": worker.place.project, "places": worker.places,
        "queue": worker.place.queue.title(), "configuration": worker.place.configuration()?,
    });
    let text = format!("{} takes work from {}.", worker.name, worker.place.queue.title());
    output.fact("worker-started", &members, &text);
    let listener = tokio::spawn(listen(worker.stopping.clone(), output.clone()));
    tokio::join!(
        async {
            worker.take_work(arguments.until_empty, arguments.grace).await;
            worker.stopping.send_replace(Stopping::Gone);
        },
        worker.keep_leases(),
    );
    listener.abort();
    if let Err(error) = worker.place.queue.leave(&worker.name).await {
        tracing::warn!(%error, "the queue could not be told that the worker has gone");
    }
    output.fact(
        "worker-ended",
        &serde_json::json!({ "worker": worker.name }),
        "The worker has ended.",
    );
    Ok(0)
}

impl Worker<'_> {
    fn running(&self) -> MutexGuard<'_, BTreeMap<Claim, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn announce(&self) -> Result<(), CommandError> {
        let announced = Announced {
            id: self.name.clone(),
            project: self.place.project.clone(),
            configuration: self.place.configuration()?,
            places: self.places,
            running: self.running().len(),
            stopping: *self.stopping.borrow() > Stopping::No,
        };
        let lease = self.place.settings.lease;
        Ok(self.place.queue.announce(&announced, lease).await?)
    }

    /// Takes work while there are places for it, and ends what has ended.
    async fn take_work(&self, until_empty: bool, grace: Duration) {
        let (sender, mut ended) = mpsc::unbounded_channel();
        let mut stopping = self.stopping.subscribe();
        let mut claim = Claim::new();
        loop {
            let mut look = LOOK;
            let now = *stopping.borrow_and_update();
            if now > Stopping::No {
                break;
            }
            let has_room = self.running().len() < self.places as usize;
            if has_room {
                match self.take(&claim).await {
                    Ok(Some(taken)) => {
                        claim = Claim::new();
                        self.start(taken, &sender);
                        continue;
                    }
                    Ok(None) => {
                        if until_empty && self.running().is_empty() && self.is_empty().await {
                            return;
                        }
                        look = self.next_look().await;
                    }
                    // The same claim is asked for again: it may have been given.
                    Err(error) => {
                        tracing::warn!(%error, "no work could be taken");
                        look = AGAIN;
                    }
                }
            }
            tokio::select! {
                biased;
                _ = stopping.changed() => {}
                Some((claim, exit)) = ended.recv() => {
                    self.end(&claim, exit).await;
                }
                () = self.place.queue.heard(), if has_room => {
                    tokio::time::sleep(APART.mul_f64(rand::random_range(0.0..1.0))).await;
                }
                () = tokio::time::sleep(look.mul_f64(rand::random_range(1.0..1.25))) => {}
            }
        }
        let leave_at = tokio::time::Instant::now() + grace;
        while !self.running().is_empty() {
            tokio::select! {
                biased;
                Some((claim, exit)) = ended.recv() => self.end(&claim, exit).await,
                Ok(()) = stopping.changed() => {
                    if *stopping.borrow_and_update() >= Stopping::GiveBack {
                        self.interrupt_all();
                    }
                }
                () = tokio::time::sleep_until(leave_at), if *stopping.borrow() < Stopping::GiveBack => {
                    self.stopping.send_replace(Stopping::GiveBack);
                }
            }
        }
    }

    async fn take(&self, claim: &Claim) -> Result<Option<Taken>, CommandError> {
        let (project, lease) = (&self.place.project, self.place.settings.lease);
        let configuration = self.place.configuration()?;
        let taken = self
            .place
            .queue
            .take(project, &configuration, &self.name, claim, lease);
        Ok(taken.await?)
    }

    /// Returns when to look again if nothing is heard: what was put back comes back by itself, and a lease ends by itself.
    async fn next_look(&self) -> Duration {
        match self.place.queue.next_by_itself(&self.place.project).await {
            Ok(next) => next.map_or(LOOK, |next| next.min(LOOK)),
            Err(error) => {
                tracing::warn!(%error, "the queue could not be looked into");
                AGAIN
            }
        }
    }

    /// Tells whether nothing is left that this worker could ever take.
    async fn is_empty(&self) -> bool {
        match self.place.queue.open(&self.place.project).await {
            Ok(open) => open == 0,
            Err(error) => {
                tracing::warn!(%error, "the queue could not be looked into");
                false
            }
        }
    }

    fn start(&self, taken: Taken, sender: &mpsc::UnboundedSender<(Claim, Exit)>) {
        let members = serde_json::json!({
            "id": taken.id, "stack": taken.stack, "command": taken.command, "attempt": taken.attempt,
        });
        let text = format!(
            "{}: {} (work {}, attempt {})",
            taken.stack, taken.command, taken.id, taken.attempt
        );
        self.output.fact("work-taken", &members, &text);
        let claim = taken.claim.clone();
        let running = Running {
            taken: taken.clone(),
            process: None,
            renewed: Instant::now(),
            interrupted: false,
            lost: false,
        };
        self.running().insert(claim.clone(), running);
        let ended = {
            let (sender, claim) = (sender.clone(), claim.clone());
            move |exit| {
                let _ = sender.send((claim, exit));
            }
        };
        let Some(command) = self.command(&taken) else {
            return ended(Exit::Killed("the running program cannot be found".to_owned()));
        };
        match StackProcess::start(command, &taken.stack, self.output, ended.clone()) {
            Ok(process) => {
                if let Some(running) = self.running().get_mut(&claim) {
                    running.process = Some(process);
                }
            }
            Err(error) => ended(Exit::Killed(format!("its process could not be started: {error}"))),
        }
    }

    /// Returns the command line of some work, with what this worker was given for all of them.
    fn command(&self, taken: &Taken) -> Option<Command> {
        let mut command = Command::new(self.environment.executable()?);
        match taken.command {
            WorkCommand::Check => command.args(["watch", "--once"]),
            other => command.arg(other.word()),
        };
        command.args(&taken.arguments).args(["--stack", &taken.stack]);
        command.arg("--directory").arg(&self.place.folder);
        for set in &self.global.set {
            command.arg("--set").arg(set);
        }
        for policy in &self.global.policy {
            command.arg("--policy").arg(policy);
        }
        if let Some(locked) = self.global.locked {
            command.arg(format!("--locked={locked}"));
        }
        if self.global.offline {
            command.arg("--offline");
        }
        command.env(WORK_VARIABLE, taken.id.to_string());
        Some(command)
    }

    /// Says how some work ended.
    async fn end(&self, claim: &Claim, exit: Exit) {
        // It stays among the running until the queue knows: its lease is kept alive meanwhile.
        let found = self.running().get(claim).map(|running| {
            let said = running.process.as_ref().map(|process| process.said());
            let stopped = running.interrupted;
            (
                running.taken.clone(),
                stopped,
                running.lost,
                said.unwrap_or_default(),
            )
        });
        let Some((taken, stopped, lost, said)) = found else {
            return;
        };
        let ending = ending(exit, stopped);
        let counted = if lost {
            Ok(false)
        } else {
            self.place.queue.end(claim, &ending, &said).await
        };
        self.running().remove(claim);
        let counted = counted.unwrap_or_else(|error| {
            tracing::error!(%error, stack = taken.stack, "the queue could not be told how work ended; it will be taken again");
            false
        });
        let (word, exit) = match &ending {
            Ending::Succeeded(exit) => ("succeeded", Some(*exit)),
            Ending::Failed(exit) => ("failed", Some(*exit)),
            Ending::Broken(_) => ("broken", None),
            Ending::Postponed(_) => ("postponed", None),
            Ending::GivenBack => ("given-back", None),
        };
        let reason = match &ending {
            Ending::Broken(why) | Ending::Postponed(why) => Some(why),
            _ => None,
        };
        let members = serde_json::json!({
            "id": taken.id, "stack": taken.stack, "command": taken.command, "ending": word, "exit": exit,
            "reason": reason, "counted": counted,
        });
        let mut text = format!("{}: {word}", taken.stack);
        if let Some(reason) = reason {
            text.push_str(&format!(": {reason}"));
        }
        if !counted {
            text.push_str("; another worker has it by now, or will");
        }
        self.output.fact("work-ended", &members, &text);
    }

    /// Renews the leases, well before they end, and interrupts work whose lease was lost or that nobody wants any more.
    async fn keep_leases(&self) {
        let lease = self.place.settings.lease;
        let mut stopping = self.stopping.subscribe();
        loop {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping == Stopping::Gone) => return,
                () = tokio::time::sleep(lease / 4) => {}
            }
            if let Err(error) = self.announce().await {
                tracing::warn!(%error, "the queue could not be told that the worker is there");
            }
            let claims: Vec<Claim> = self.running().keys().cloned().collect();
            if claims.is_empty() {
                continue;
            }
            let asked = Instant::now();
            let beats = match self.place.queue.renew(&claims, lease).await {
                Ok(beats) => beats,
                Err(error) => {
                    tracing::warn!(%error, "leases could not be renewed");
                    // Nothing is known. What was not renewed for the time of a lease may be another's by now.
                    let mut running = self.running();
                    for claim in &claims {
                        if let Some(running) = running.get_mut(claim)
                            && running.renewed.elapsed() > lease
                        {
                            interrupt(running);
                        }
                    }
                    continue;
                }
            };
            let mut running = self.running();
            for (claim, beat) in claims.iter().zip(beats) {
                let Some(running) = running.get_mut(claim) else {
                    continue;
                };
                match beat {
                    Beat::Kept => running.renewed = asked,
                    Beat::Cancelled => {
                        running.renewed = asked;
                        interrupt(running);
                    }
                    Beat::Lost => {
                        if !std::mem::replace(&mut running.lost, true) {
                            tracing::warn!(stack = running.taken.stack, "the lease was lost");
                        }
                        interrupt(running);
                    }
                }
            }
        }
    }

    fn interrupt_all(&self) {
        for running in self.running().values_mut() {
            interrupt(running);
        }
    }
}

/// Interrupts work once: a second time would cancel what is in flight.
fn interrupt(running: &mut Running) {
    if let Some(process) = &running.process
        && !std::mem::replace(&mut running.interrupted, true)
    {
        process.interrupt();
    }
}

/// Returns what the end of a process means for its work.
fn ending(exit: Exit, interrupted: bool) -> Ending {
    match exit {
        Exit::Code(code @ (0 | PENDING)) => Ending::Succeeded(code),
        Exit::Code(LOCKED) => Ending::Postponed("somebody else works on the stack".to_owned()),
        // Before a plan is applied an interrupt ends a process at once.
        Exit::Code(INTERRUPTED) | Exit::Killed(_) if interrupted => Ending::GivenBack,
        Exit::Code(INTERRUPTED) => Ending::Broken("its process was interrupted".to_owned()),
        Exit::Code(code) => Ending::Failed(code),
        Exit::Killed(why) => Ending::Broken(why),
    }
}

/// Turns Ctrl-C, or a request to end, into: take no more; and a second one into: interrupt and give back.
async fn listen(stopping: watch::Sender<Stopping>, output: Output) {
    let heard = || {
        let next = match *stopping.borrow() {
            Stopping::No => Stopping::Finish,
            _ => Stopping::GiveBack,
        };
        if next == Stopping::Finish {
            output.event("stopping", &serde_json::json!({ "level": "finish" }));
            output.line(
                "\nStopping: no more work is taken. Again interrupts what is under way and gives it back.",
            );
        } else {
            output.event("stopping", &serde_json::json!({ "level": "cancel" }));
        }
        stopping.send_if_modified(|now| {
            let changes = *now < next;
            *now = (*now).max(next);
            changes
        });
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

    #[test]
    fn how_a_process_ended_says_what_becomes_of_its_work() {
        let killed = || Exit::Killed("its process was killed by signal 9".to_owned());
        assert_eq!(ending(Exit::Code(0), true), Ending::Succeeded(0));
        assert_eq!(ending(Exit::Code(2), false), Ending::Succeeded(2));
        assert_eq!(ending(Exit::Code(1), true), Ending::Failed(1));
        assert_eq!(ending(killed(), true), Ending::GivenBack);
        assert!(matches!(ending(killed(), false), Ending::Broken(_)));
        assert_eq!(ending(Exit::Code(130), true), Ending::GivenBack);
        assert!(matches!(ending(Exit::Code(130), false), Ending::Broken(_)));
        assert!(matches!(ending(Exit::Code(75), false), Ending::Postponed(_)));
    }
}
