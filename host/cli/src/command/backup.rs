//! `konductor backup`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use konductor_config::inputs::stacks;
use konductor_state::StackIdentity;
use konductor_state::backup::{Backup, BackupMade, BackupPlace, BackupProgress, BackupSource};

use crate::arguments::{BackupArguments, GlobalArguments};
use crate::backup_place::backup_place;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{self, DEFAULT_STACK, FolderSources, Project};
use crate::stop_requests::StopRequests;

/// Copies what is new of one stack or all of them.
pub async fn backup(
    arguments: &BackupArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let folder = project::folder(global);
    project::require(&folder)?;
    if global.simulate {
        return Err(CommandError::message(
            "a simulated stack is not backed up: its cloud is a file of this machine",
        )
        .help("leave out --simulate"));
    }
    if arguments.all {
        project::require_no_stack(global)?;
    }
    let places = arguments
        .to
        .iter()
        .map(|address| backup_place(address, environment))
        .collect::<Result<Vec<_>, _>>()?;
    let mut backups = Backups {
        arguments,
        global,
        environment,
        output,
        places,
        known: BTreeMap::new(),
    };
    let Some(every) = arguments.every else {
        let all_well = backups.round().await?;
        return Ok(u8::from(!all_well));
    };
    let mut stop = StopRequests::listen()
        .map_err(|error| CommandError::message(format!("a request to stop would not be heard: {error}")))?;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.next() => break,
            _ = ticks.tick() => {}
        }
        // A round that was begun is finished: a part that is half-way through would only be copied again.
        if let Err(error) = backups.round().await {
            output.diagnostics(&error.diagnostics, &FolderSources(folder.clone()));
        }
        output.event(
            "backup-waiting",
            &serde_json::json!({ "milliseconds": milliseconds(every) }),
        );
    }
    Ok(0)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The stacks that are backed up, and what is kept of them from round to round.
struct Backups<'a> {
    arguments: &'a BackupArguments,
    global: &'a GlobalArguments,
    environment: &'a Environment,
    output: &'a Output,
    places: Vec<Arc<dyn BackupPlace>>,
    known: BTreeMap<String, Vec<Backup>>,
}

impl Backups<'_> {
    /// Backs up every stack to every place once. One that fails keeps back no other. Tells whether all went well.
    async fn round(&mut self) -> Result<bool, CommandError> {
        let names = if self.arguments.all {
            every_stack(self.global, self.environment).await?
        } else {
            BTreeSet::from([String::new()])
        };
        let mut all_well = true;
        for name in names {
            if let Err(error) = self.stack(&name).await {
                // A single command fails as any other does.
                if !self.arguments.all && self.arguments.every.is_none() {
                    return Err(error);
                }
                all_well = false;
                let folder = project::folder(self.global);
                self.output
                    .diagnostics(&error.diagnostics, &FolderSources(folder));
            }
        }
        Ok(all_well)
    }

    async fn stack(&mut self, name: &str) -> Result<(), CommandError> {
        if !self.known.contains_key(name) {
            let made = self.open(name)?;
            self.known.insert(name.to_owned(), made);
        }
        let mut failed: Option<CommandError> = None;
        for backup in self.known.get(name).into_iter().flatten() {
            let outcome = if self.arguments.dry_run {
                self.tell_pending(backup).await
            } else {
                self.make(backup).await
            };
            if let Err(error) = outcome {
                match &mut failed {
                    Some(failed) => failed.diagnostics.extend(error.diagnostics),
                    None => failed = Some(error),
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn open(&self, name: &str) -> Result<Vec<Backup>, CommandError> {
        let mut global = self.global.clone();
        let named = stacks(&project::folder(&global));
        if !name.is_empty() {
            // The log of a stack whose file was removed is worth keeping all the same.
            let is_known = named.is_empty() || named.iter().any(|known| known == name);
            global.stack = Some(if is_known { name.to_owned() } else { any(&named) });
        }
        let project = Project::open(&global, self.environment)?;
        let stack = StackIdentity {
            project: project.configuration.project_name().to_owned(),
            stack: if name.is_empty() {
                project.configuration.stack().to_owned()
            } else {
                name.to_owned()
            },
        };
        let source = if self.arguments.from_copy {
            source_of_copy(&project)?
        } else {
            source_of(&project, &stack)?
        };
        let title = source.title().unwrap_or_default().to_owned();
        let encrypt = self.arguments.encrypt || project.state_place.is_encrypted();
        let mut made = Vec::new();
        for place in &self.places {
            if place.title() == title {
                return Err(CommandError::message(format!(
                    "the state is at {title} itself: what loses it loses the backup too"
                ))
                .help("name another place"));
            }
            let mut backup = Backup::new(Arc::clone(place), stack.clone(), source.clone());
            backup.keys = project.keys_of(&stack.stack);
            backup.encrypt = encrypt;
            made.push(backup);
        }
        Ok(made)
    }

    async fn tell_pending(&self, backup: &Backup) -> Result<(), CommandError> {
        let pending = backup.pending().await?;
        let members = serde_json::json!({
            "project": backup.stack.project, "stack": backup.stack.stack, "place": backup.place.title(),
            "entries": pending.copied.entries, "segments": pending.segments, "bytes": pending.copied.bytes,
        });
        let text = format!(
            "{}: {} would be copied to {}",
            backup.stack,
            amount(pending.copied, pending.segments),
            backup.place.title()
        );
        self.output.fact("backup-pending", &members, &text);
        Ok(())
    }

    async fn make(&self, backup: &Backup) -> Result<(), CommandError> {
        let (output, stack, place) = (self.output, &backup.stack, backup.place.title());
        let told = |progress: BackupProgress| {
            let members = serde_json::json!({
                "project": stack.project, "stack": stack.stack, "place": place,
                "entries": progress.entries, "bytes": progress.bytes,
            });
            output.event("backup-progress", &members);
            if output.is_terminal() {
                output.line(&format!("{stack}: {} so far", amount(progress, 0)));
            }
        };
        let made = backup.make(&told).await?;
        if made.serial == Some(0) {
            if self.arguments.all {
                return Ok(());
            }
            return Err(CommandError::message(format!("stack {stack} was never deployed"))
                .help("`konductor run` deploys it"));
        }
        self.tell(backup, &made);
        Ok(())
    }

    fn tell(&self, backup: &Backup, made: &BackupMade) {
        let (stack, place) = (&backup.stack, backup.place.title());
        let members = serde_json::json!({
            "project": stack.project, "stack": stack.stack, "place": place, "serial": made.serial,
            "entries": made.copied.entries, "segments": made.segments, "unopened": made.unopened,
            "bytes": made.copied.bytes, "as_of": made.as_of,
        });
        if made.segments == 0 && self.arguments.every.is_some() {
            // Every few seconds the same line would hide the others.
            return self.output.event("backup-made", &members);
        }
        let until = match made.serial {
            Some(serial) => format!("to entry {serial}"),
            None => "to its end".to_owned(),
        };
        let copied = if made.segments == 0 {
            "nothing new".to_owned()
        } else {
            format!("{} copied", amount(made.copied, made.segments))
        };
        let unopened = if made.unopened > 0 {
            "; they are encrypted and no key is here, so only their order was checked"
        } else {
            ""
        };
        let text = format!("{stack}: backed up {until} at {place}, {copied}{unopened}");
        self.output.fact("backup-made", &members, &text);
    }
}

/// Returns where the log of a stack is.
///
/// # Errors
/// When the stack was never deployed, or the backend cannot be used.
pub fn source_of(project: &Project, stack: &StackIdentity) -> Result<BackupSource, CommandError> {
    if let Some(backend) = project.backend()? {
        return Ok(BackupSource::Backend(backend));
    }
    let file = project.state_folder().join(format!("{}.db", stack.stack));
    if !file.exists() {
        return Err(CommandError::message(format!("stack {stack} was never deployed"))
            .help("`konductor run` deploys it"));
    }
    Ok(BackupSource::File(file))
}

fn source_of_copy(project: &Project) -> Result<BackupSource, CommandError> {
    if project.backend()?.is_none() {
        return Err(
            CommandError::message("the state is no copy: it is kept in a file").help("leave out --from-copy"),
        );
    }
    let copy = project.copy_file(&project.state_place)?;
    let copy = copy
        .filter(|copy| copy.exists())
        .ok_or_else(|| CommandError::message(format!("this machine has no copy of {}", project.title())))?;
    Ok(BackupSource::File(copy))
}

fn amount(copied: BackupProgress, segments: u64) -> String {
    let size = copied.bytes.div_ceil(1_000);
    match (copied.entries, segments) {
        (0, 0) => "nothing".to_owned(),
        (0, segments) => format!("{segments} segments ({size} kB)"),
        (entries, _) => format!("{entries} entries ({size} kB)"),
    }
}

/// Returns the stacks of the project that have a file or a log.
async fn every_stack(
    global: &GlobalArguments,
    environment: &Environment,
) -> Result<BTreeSet<String>, CommandError> {
    let mut arguments = global.clone();
    arguments.stack = Some(any(&stacks(&project::folder(global))));
    let project = Project::open(&arguments, environment)?;
    // What has a file and no log has nothing to lose.
    let with_log = match project.backend()? {
        Some(backend) => {
            konductor_state::backend::stacks(&backend, project.configuration.project_name()).await?
        }
        None => project.stacks_in_files(),
    };
    Ok(with_log.into_iter().collect())
}

/// Returns a stack that the project can be opened with, for what all of them share.
pub fn any(named: &[String]) -> String {
    named.first().cloned().unwrap_or_else(|| DEFAULT_STACK.to_owned())
}
