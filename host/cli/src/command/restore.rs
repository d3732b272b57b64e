//! `konductor restore`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use konductor_audit::describe;
use konductor_model::{Diagnostic, with_causes};
use konductor_state::backup::{
    BackupPlace, BackupProgress, CheckedBackup, RestoreMade, Standing, StoredBackup, keep_copy, set_aside,
};
use konductor_state::entry::{Entry, GivenUp, Restored};
use konductor_state::{EntryQuery, LockOwner, StackIdentity, StackLog, StateError};

use crate::arguments::{GlobalArguments, RestoreArguments};
use crate::backup_place::backup_place;
use crate::command::backup::any;
use crate::command::state::as_run;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{self, FolderSources, Project};
use crate::prompt::confirm;
use crate::state_place::StatePlace;

/// How many entries are named that would be given up.
const NAMED: usize = 10;

/// Restores one stack or all of them, or proves that they can be.
pub async fn restore(
    arguments: &RestoreArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let folder = project::folder(global);
    project::require(&folder)?;
    if global.simulate {
        return Err(CommandError::message(
            "a simulated stack has no backup: its cloud is a file of this machine",
        )
        .help("leave out --simulate"));
    }
    let place = backup_place(&arguments.from, environment)?;
    if !arguments.all {
        let project = Project::open(global, environment)?;
        return of_stack(arguments, &place, &project, environment, output).await;
    }
    project::require_no_stack(global)?;
    let mut global = global.clone();
    global.stack = Some(any(&konductor_config::inputs::stacks(&folder)));
    let project_name = Project::open(&global, environment)?
        .configuration
        .project_name()
        .to_owned();
    let names = konductor_state::backup::stacks(&place, &project_name).await?;
    if names.is_empty() {
        return Err(CommandError::message(format!(
            "there is no backup of {project_name} at {}",
            place.title()
        )));
    }
    let mut exit = 0;
    for name in names {
        global.stack = Some(name);
        let outcome = match Project::open(&global, environment) {
            Ok(project) => of_stack(arguments, &place, &project, environment, output).await,
            Err(error) => Err(error),
        };
        // One stack keeps back no other.
        match outcome {
            Ok(code) => exit = exit.max(code),
            Err(error) => {
                output.diagnostics(&error.diagnostics, &FolderSources(folder.clone()));
                exit = 1;
            }
        }
    }
    Ok(exit)
}

async fn of_stack(
    arguments: &RestoreArguments,
    place: &Arc<dyn BackupPlace>,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let stored = StoredBackup {
        place: Arc::clone(place),
        stack: StackIdentity {
            project: project.configuration.project_name().to_owned(),
            stack: project.configuration.stack().to_owned(),
        },
        keys: Arc::clone(&project.keys),
    };
    let told = |progress: BackupProgress| {
        let members = serde_json::json!({
            "project": stored.stack.project, "stack": stored.stack.stack, "place": place.title(),
            "entries": progress.entries, "bytes": progress.bytes,
        });
        output.event("restore-progress", &members);
    };
    let checked = stored.check(&told).await?;
    if arguments.verify {
        return verify(arguments, &stored, &checked, project, output).await;
    }
    let named;
    let to = match &arguments.to {
        Some(address) => {
            named = StatePlace::of_address(address, arguments.encrypt, environment)?;
            &named
        }
        None => &project.state_place,
    };
    let work = Work {
        arguments,
        stored: &stored,
        checked: &checked,
        project,
        environment,
        output,
        to,
    };
    work.restore(&told).await?;
    Ok(0)
}

/// Says what the backup holds and how far behind the state it is.
async fn verify(
    arguments: &RestoreArguments,
    stored: &StoredBackup,
    checked: &CheckedBackup,
    project: &Project,
    output: &Output,
) -> Result<u8, CommandError> {
    let compared = match project.read_log().await {
        Err(error) => Err(error.to_string().trim_end().to_owned()),
        Ok(_) if checked.serial.is_none() => Err("the backup is encrypted and no key is here".to_owned()),
        Ok(log) => stored
            .standing(checked, &log)
            .await
            .map_err(|error| with_causes(&error)),
    };
    let now = Timestamp::now();
    let (word, entries, age, problem) = match &compared {
        Err(why) => ("not-compared", None, None, Some(why.clone())),
        Ok(Standing::Same) => ("same", Some(0), Some(Duration::ZERO), None),
        Ok(Standing::Newer { first, last, since }) => {
            let age = Duration::try_from(now.duration_since(*since)).unwrap_or_default();
            ("newer", Some(last - first + 1), Some(age), None)
        }
        Ok(Standing::Empty) => (
            "empty",
            None,
            None,
            Some("the state has no entries: it was lost".to_owned()),
        ),
        Ok(Standing::Behind { last }) => (
            "behind",
            None,
            None,
            Some(format!(
                "the state ends with entry {last}, before the backup does: entries were lost there"
            )),
        ),
        Ok(Standing::Different { first, last }) => (
            "different",
            None,
            None,
            Some(format!(
                "the state is another one from entry {first} on, to its last, {last}"
            )),
        ),
    };
    let members = serde_json::json!({
        "project": stored.stack.project, "stack": stored.stack.stack, "place": stored.place.title(),
        "serial": checked.serial, "head": checked.head, "written": checked.written, "made": checked.made,
        "parts": checked.parts, "segments": checked.segments, "unopened": checked.unopened, "bytes": checked.bytes,
        "resources": checked.resources, "interrupted": checked.interrupted, "secrets": checked.secrets,
        "secrets_opened": checked.secrets_opened, "state": word, "entries_behind": entries,
        "recovery_point_milliseconds": age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        "problem": problem,
    });
    output.fact(
        "backup-verified",
        &members,
        &verified_text(stored, checked, entries, age),
    );
    let mut wrong = konductor_model::Diagnostics::default();
    if checked.secrets_opened < checked.secrets {
        wrong.push(Diagnostic::warning(format!(
            "the secrets of {} of {} resources cannot be opened with the key at hand",
            checked.secrets - checked.secrets_opened,
            checked.secrets
        )));
    }
    match (compared, problem) {
        (Err(why), _) => wrong.push(Diagnostic::warning(format!(
            "the backup was not compared with the state: {why}"
        ))),
        (Ok(_), Some(problem)) => wrong.push(Diagnostic::error(problem)),
        (Ok(_), None) => {}
    }
    if let Some(within) = arguments.within {
        match age {
            Some(age) if age <= within => {}
            Some(age) => wrong.push(Diagnostic::error(format!(
                "the backup lacks changes of the last {}; at most {} are allowed",
                seconds(age),
                seconds(within)
            ))),
            None => wrong.push(Diagnostic::error("how much the backup lacks is not known")),
        }
    }
    if wrong.has_errors() {
        return Err(wrong.into());
    }
    output.diagnostics(&wrong, &FolderSources(project.folder.clone()));
    Ok(0)
}

fn verified_text(
    stored: &StoredBackup,
    checked: &CheckedBackup,
    entries: Option<u64>,
    age: Option<Duration>,
) -> String {
    let holds = match (checked.serial, checked.resources) {
        (Some(serial), Some(resources)) => {
            let s = if resources == 1 { "" } else { "s" };
            format!(
                "entries to {serial}, which add up to {resources} resource{s}; head {}",
                checked.head
            )
        }
        _ => format!(
            "{} segments in order, {} of which are encrypted for others: what is in them was not checked",
            checked.segments, checked.unopened
        ),
    };
    let behind = match (entries, age) {
        (Some(0), _) => "\nnothing is missing: the state ends with the same entry".to_owned(),
        (Some(entries), Some(age)) => format!(
            "\n{entries} entries are missing, the first of which is {} old",
            seconds(age)
        ),
        _ => String::new(),
    };
    format!(
        "{}: the backup at {} is whole: {holds}{behind}",
        stored.stack,
        stored.place.title()
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// What a backup is restored to.
enum Destination {
    /// There is no file yet.
    NoFile(PathBuf),
    /// It can be read.
    Log(StackLog, PathBuf, Standing),
    /// A file that is no sound log.
    Broken(PathBuf, String),
}

struct Work<'a> {
    arguments: &'a RestoreArguments,
    stored: &'a StoredBackup,
    checked: &'a CheckedBackup,
    project: &'a Project,
    environment: &'a Environment,
    output: &'a Output,
    to: &'a StatePlace,
}

impl Work<'_> {
    async fn restore(&self, told: &(dyn Fn(BackupProgress) + Send + Sync)) -> Result<(), CommandError> {
        let is_file = self.to.backend()?.is_none();
        let copy_given_up = self.look_at_copy().await?;
        let destination = self.destination(is_file).await?;
        let (title, given_up) = self.decide(&destination, is_file).await?;
        let Some(given_up) = given_up else {
            return Ok(());
        };
        let end = self.checked.serial.unwrap_or_default();
        let title_of_backup = self.stored.place.title();
        if self.arguments.dry_run {
            let members = serde_json::json!({
                "project": self.stored.stack.project, "stack": self.stored.stack.stack, "from": title_of_backup,
                "to": title, "serial": end, "head": self.checked.head,
            });
            let text = format!(
                "{} would be restored from {title_of_backup} to {title}, to entry {end}",
                self.stored.stack
            );
            self.output.fact("restore-pending", &members, &text);
            return Ok(());
        }
        let question = format!(
            "Restore {} at {title} from {title_of_backup}, to entry {end}?",
            self.stored.stack
        );
        confirm(&question, self.arguments.yes, self.output)?;
        let started = Timestamp::now();
        let mut kept = None;
        let (log, file) = match destination {
            Destination::Log(log, file, _) if !given_up => (log, file),
            Destination::Log(log, file, standing) => {
                drop(log);
                kept = Some(self.put_aside(&file, Some(&standing))?);
                self.project.open_log_to_restore(self.to).await?
            }
            Destination::NoFile(_) => self.project.open_log_to_restore(self.to).await?,
            Destination::Broken(file, _) => {
                kept = Some(self.put_aside(&file, None)?);
                self.project.open_log_to_restore(self.to).await?
            }
        };
        if kept.is_none()
            && let Some((copy, mut given_up)) = copy_given_up
        {
            given_up.kept = keep_copy(&copy)?.display().to_string();
            kept = Some(given_up);
        }
        let owner = LockOwner::this_process(self.environment.actor(), "restore");
        let guard = log.lock(owner).await?;
        let record = Entry::Restored(Restored {
            from: title_of_backup.to_owned(),
            serial: end,
            head: self.checked.head.clone(),
            given_up: kept.clone(),
        });
        let record = as_run("restore", self.project, self.environment, vec![record]);
        let made = self.stored.restore_into(&log, self.checked, record, told).await?;
        guard.release().await?;
        drop(log);
        if !is_file {
            project::remove_copy(&file);
        }
        let kept = kept.map(|given_up| given_up.kept);
        let also = kept.as_ref().map_or_else(String::new, |kept| {
            format!("\nwhat was there before is in {kept}")
        });
        let text = format!(
            "{}: restored to entry {} at {title}, {} of them written and all checked{also}\n`konductor plan` says what \
             happened in the cloud since",
            self.stored.stack, made.entries, made.written
        );
        self.tell_restored(&title, &made, kept.as_deref(), started, &text);
        Ok(())
    }

    fn tell_restored(
        &self,
        to: &str,
        made: &RestoreMade,
        kept: Option<&str>,
        started: Timestamp,
        text: &str,
    ) {
        let took = Timestamp::now().duration_since(started);
        let members = serde_json::json!({
            "project": self.stored.stack.project, "stack": self.stored.stack.stack,
            "from": self.stored.place.title(), "to": to, "serial": made.entries, "head": made.head,
            "written": made.written, "resources": self.checked.resources, "kept": kept,
            "milliseconds": i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
        });
        self.output.fact("restored", &members, text);
    }

    /// Looks for what only this machine's copy of a log in a backend still has. Returns the copy and what is given up.
    async fn look_at_copy(&self) -> Result<Option<(PathBuf, GivenUp)>, CommandError> {
        let Some(copy) = self.project.copy_file(self.to)?.filter(|copy| copy.exists()) else {
            return Ok(None);
        };
        // One that cannot be read holds nothing that could be lost.
        let Ok(log) = self.project.read_file(&copy).await else {
            return Ok(None);
        };
        let (first, last) = match self.stored.standing(self.checked, &log).await? {
            Standing::Newer { first, last, .. } | Standing::Different { first, last } => (first, last),
            _ => return Ok(None),
        };
        // Where the backend has them too, it is the one that is told about.
        let there = match self.project.open_log_to_restore(self.to).await {
            Ok((there, _)) => there.head().await?.0,
            Err(_) => 0,
        };
        if there >= last {
            return Ok(None);
        }
        if !self.arguments.discard_newer {
            let refused = StateError::NotInBackup {
                stack: self.stored.stack.to_string(),
                place: format!("{}, this machine's copy,", copy.display()),
                first,
                last,
            };
            return Err(self
                .refusal(refused, &log, first)
                .await?
                .help("to keep them, run `konductor backup --from-copy --to …` first; to lose them, give --replace --discard-newer"));
        }
        let given_up = GivenUp {
            first: Some(first),
            last: Some(last),
            kept: copy.display().to_string(),
        };
        Ok(Some((copy, given_up)))
    }

    async fn destination(&self, is_file: bool) -> Result<Destination, CommandError> {
        let file = self.project.log_file();
        let existed = is_file && file.exists();
        if is_file && !existed {
            return Ok(Destination::NoFile(file));
        }
        let (log, file) = match self.project.open_log_to_restore(self.to).await {
            Ok(opened) => opened,
            Err(error @ (StateError::NotALog { .. } | StateError::Damaged { .. })) if existed => {
                return Ok(Destination::Broken(file, with_causes(&error)));
            }
            Err(error) => return Err(error.into()),
        };
        if existed {
            let found = log.verify().await;
            let problem = match &found {
                Ok(found) => found.problems.first().map(ToString::to_string),
                Err(error) => Some(with_causes(error)),
            };
            if let Some(problem) = problem {
                return Ok(Destination::Broken(file, problem));
            }
        }
        let standing = self.stored.standing(self.checked, &log).await?;
        Ok(Destination::Log(log, file, standing))
    }

    /// Returns the title of the destination and whether what is there is put aside; none when nothing has to be done.
    async fn decide(
        &self,
        destination: &Destination,
        is_file: bool,
    ) -> Result<(String, Option<bool>), CommandError> {
        let (replace, discard) = (self.arguments.replace, self.arguments.discard_newer);
        let (log, standing) = match destination {
            Destination::Log(log, _, standing) => (log, standing),
            Destination::NoFile(file) => return Ok((file.display().to_string(), Some(false))),
            Destination::Broken(file, problem) => {
                if replace && discard {
                    return Ok((file.display().to_string(), Some(true)));
                }
                return Err(CommandError::message(format!(
                    "{} cannot be read, so what it has that the backup has not is not known: {problem}",
                    file.display()
                ))
                .help("give --replace --discard-newer to put it aside and restore the backup in its place"));
            }
        };
        let title = log.title();
        let unfinished = log.is_being_restored().await?;
        match standing {
            Standing::Empty => Ok((title, Some(false))),
            _ if unfinished => Ok((title, Some(false))),
            Standing::Same => {
                let text = format!(
                    "{}: nothing to restore, {title} has all of the backup already",
                    self.stored.stack
                );
                let made = RestoreMade {
                    entries: self.checked.serial.unwrap_or_default(),
                    head: self.checked.head.clone(),
                    written: 0,
                };
                self.tell_restored(&title, &made, None, Timestamp::now(), &text);
                Ok((title, None))
            }
            Standing::Behind { .. } if replace => Ok((title, Some(false))),
            Standing::Behind { last } => Err(CommandError::message(format!(
                "there is a state of {} at {title} already: its {last} entries are a beginning of the backup",
                self.stored.stack
            ))
            .help("give --replace to add what is missing; nothing that is there is lost")),
            Standing::Newer { first, last, .. } | Standing::Different { first, last } => {
                if replace && discard && is_file {
                    return Ok((title, Some(true)));
                }
                let refused = StateError::NotInBackup {
                    stack: self.stored.stack.to_string(),
                    place: title,
                    first: *first,
                    last: *last,
                };
                let help = if !is_file {
                    "nothing is ever deleted from a backend: to go back to the backup, restore it to another place with \
                     --to, and say so in konductor.yaml; to undo changes, `konductor rollback`"
                } else if matches!(standing, Standing::Newer { .. }) {
                    "the state has all that the backup has; to undo changes, `konductor rollback`; to give these entries \
                     up, --replace --discard-newer"
                } else {
                    "to give these entries up, and restore the backup in their place, --replace --discard-newer"
                };
                Err(self.refusal(refused, log, *first).await?.help(help))
            }
        }
    }

    /// Says which entries the backup has not.
    async fn refusal(
        &self,
        refused: StateError,
        log: &StackLog,
        first: u64,
    ) -> Result<CommandError, CommandError> {
        let query = EntryQuery {
            from: first,
            limit: NAMED,
            ..EntryQuery::default()
        };
        let entries = log.entries(query).await?;
        let lines: Vec<String> = entries
            .iter()
            .map(|logged| {
                format!(
                    "{}  {:.0}  {}",
                    logged.serial,
                    logged.time,
                    describe(&logged.entry)
                )
            })
            .collect();
        Ok(Diagnostic::error(refused.to_string())
            .detail(lines.join("\n"))
            .into())
    }

    fn put_aside(&self, file: &Path, standing: Option<&Standing>) -> Result<GivenUp, CommandError> {
        let kept = set_aside(
            file,
            &self.stored.stack,
            self.stored.place.title(),
            &self.stored.keys,
            self.to.is_encrypted(),
        )?;
        let (first, last) = match standing {
            Some(Standing::Newer { first, last, .. } | Standing::Different { first, last }) => {
                (Some(*first), Some(*last))
            }
            _ => (None, None),
        };
        Ok(GivenUp {
            first,
            last,
            kept: kept.display().to_string(),
        })
    }
}
