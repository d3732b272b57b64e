//! `konductor audit archive`: puts the log of a stack where it is kept as long as the site demands, reads it back, and says so
//! in the log. Nothing is taken out of the log itself: it is the state.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use konductor_config::Context;
use konductor_model::{Diagnostic, Retention};
use konductor_state::backup::{Backup, BackupPlace, StoredBackup};
use konductor_state::{Entry, EntryQuery, Journal as _, LogArchived, StackIdentity, StackLog};

use super::projects;
use crate::arguments::{ArchiveLogArguments, GlobalArguments};
use crate::backup_place::backup_place;
use crate::command::backup::source_of;
use crate::command::drift::history::newest;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;

/// Archives the log of one stack or of all.
pub async fn archive(
    arguments: &ArchiveLogArguments,
    global: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    if global.simulate {
        return Err(
            CommandError::message("the log of a simulated stack is no evidence and is not archived")
                .help("leave out --simulate"),
        );
    }
    let place = backup_place(&arguments.to, environment)?;
    for project in projects(arguments.all, global, environment)? {
        if arguments.all && project.read_log_if_any().await?.is_none() {
            continue;
        }
        of_stack(arguments, &project, &place, output).await?;
    }
    Ok(())
}

/// Returns how long the log is kept: as the project says, and at least as long as every policy of the site demands.
///
/// # Errors
/// When the project says less than a policy demands, or nobody says anything.
fn retention(project: &Project) -> Result<Retention, CommandError> {
    let context = Context {
        sealer: Some(project.sealer.as_ref()),
        stacks: None,
    };
    let settings = project.configuration.audit(context)?;
    let policies = crate::plugins::site_policies(project)?;
    match (settings.retention, policies.least_retention()) {
        (Some(said), Some((least, refusal))) if said.value < least => Err(Diagnostic::error(format!(
            "the log is kept for {}, and at least {least} is demanded",
            said.value
        ))
        .detail(refusal.to_string())
        .help(format!(
            "write `audit: {{ retention: {{ log: {least} }} }}`, or more"
        ))
        .origin(said.origin)
        .into()),
        (Some(said), _) => Ok(said.value),
        (None, Some((least, _))) => Ok(least),
        (None, None) => Err(CommandError::message("nothing says how long the log is kept")
            .help("write for example `config: { audit: { retention: { log: 7y } } }`")),
    }
}

async fn of_stack(
    arguments: &ArchiveLogArguments,
    project: &Project,
    place: &Arc<dyn BackupPlace>,
    output: &Output,
) -> Result<(), CommandError> {
    let keep = retention(project)?;
    project.read_log().await?;
    let log = project.open_log().await?;
    let stack = log.identity().clone();
    let title = place.title().to_owned();
    let mine = |entry: &Entry| matches!(entry, Entry::LogArchived(made) if made.place == title);
    let before = match newest(&log, 1, mine).await?.pop().map(|logged| logged.entry) {
        Some(Entry::LogArchived(made)) => made.last,
        _ => 0,
    };
    let source = source_of(project, &stack)?;
    if source.title() == Some(place.title()) {
        return Err(CommandError::message(format!(
            "the state is at {title} itself: what loses it loses the archive too"
        ))
        .help("name another place"));
    }
    let (last, hash) = if arguments.dry_run {
        log.head().await?
    } else {
        let mut backup = Backup::new(Arc::clone(place), stack.clone(), source);
        backup.keys = project.keys_of(&stack.stack);
        backup.encrypt = project.state_place.is_encrypted();
        backup.make(&|_| ()).await?;
        read_back(project, place, &stack, &log).await?
    };
    let Some((oldest, newest)) = times(&log, before + 1, last).await? else {
        let members = serde_json::json!({
            "project": stack.project, "stack": stack.stack, "place": title, "entries": 0, "dry_run": arguments.dry_run,
        });
        output.fact(
            "log-archived",
            &members,
            &format!("{stack}: nothing is new since the last archive at {title}"),
        );
        return Ok(());
    };
    let made = LogArchived {
        place: title,
        first: before + 1,
        last,
        hash,
        oldest,
        newest,
        keep: keep.to_string(),
        until: until(newest, keep),
    };
    if !arguments.dry_run {
        log.append(vec![Entry::LogArchived(made.clone())]).await?;
    }
    tell(&stack, &made, arguments.dry_run, output);
    Ok(())
}

/// Reads the whole archive, and returns the last entry in it, which the log has, too.
async fn read_back(
    project: &Project,
    place: &Arc<dyn BackupPlace>,
    stack: &StackIdentity,
    log: &StackLog,
) -> Result<(u64, String), CommandError> {
    let stored = StoredBackup {
        place: Arc::clone(place),
        stack: stack.clone(),
        keys: Arc::clone(&project.keys),
    };
    let checked = stored.check(&|_| ()).await?;
    let Some(last) = checked.serial else {
        return Err(CommandError::message(format!(
            "the archive at {} is encrypted, and no key here opens it: nothing shows what is in it",
            place.title()
        ))
        .help("archive where a key of the project is"));
    };
    match entry(log, last).await? {
        Some(found) if found.1 == checked.head => Ok((last, checked.head)),
        _ => Err(CommandError::message(format!(
            "what is archived at {} is not this log: entry {last} differs",
            place.title()
        ))
        .help("name a place of its own; `konductor audit verify` says whether the log was changed")),
    }
}

async fn entry(log: &StackLog, serial: u64) -> Result<Option<(Timestamp, String)>, CommandError> {
    let query = EntryQuery {
        from: serial,
        to: Some(serial),
        ..EntryQuery::default()
    };
    let found = log.entries(query).await?;
    Ok(found.into_iter().next().map(|logged| (logged.time, logged.hash)))
}

/// Returns when the first and the last of some entries were written; none where only archives were recorded since.
async fn times(
    log: &StackLog,
    first: u64,
    last: u64,
) -> Result<Option<(Timestamp, Timestamp)>, CommandError> {
    if first > last {
        return Ok(None);
    }
    let query = EntryQuery {
        from: first,
        to: Some(last),
        limit: 2,
        ..EntryQuery::default()
    };
    let begin = log.entries(query).await?;
    if begin.len() == 1
        && matches!(
            begin.first().map(|logged| &logged.entry),
            Some(Entry::LogArchived(_))
        )
    {
        return Ok(None);
    }
    let oldest = begin.first().map(|logged| logged.time);
    let newest = entry(log, last).await?.map(|(time, _)| time);
    Ok(oldest.zip(newest))
}

fn until(newest: Timestamp, keep: Retention) -> Timestamp {
    let newest = newest.to_zoned(TimeZone::UTC);
    let until = newest.checked_add(i64::from(keep.days()).days());
    // Where the calendar ends, it is kept until then.
    until.map_or(Timestamp::MAX, |until| until.timestamp())
}

fn tell(stack: &StackIdentity, made: &LogArchived, dry_run: bool, output: &Output) {
    let entries = made.last + 1 - made.first;
    let members = serde_json::json!({
        "project": stack.project, "stack": stack.stack, "place": made.place, "entries": entries, "dry_run": dry_run,
        "first": made.first, "last": made.last, "hash": made.hash, "oldest": made.oldest, "newest": made.newest,
        "keep": made.keep, "until": made.until,
    });
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let text = format!(
        "{stack}: entries {} to {}, of {} to {}, {} at {}, to be kept until {}",
        made.first,
        made.last,
        day(made.oldest),
        day(made.newest),
        if dry_run {
            "would be archived"
        } else {
            "are archived"
        },
        made.place,
        day(made.until)
    );
    output.fact("log-archived", &members, &text);
}
