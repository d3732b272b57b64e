//! `konductor state`.

use konductor_engine::unmanaged::is_meant;
use konductor_model::schema::TypeKind;
use konductor_model::{ResourceName, Urn};
use konductor_state::entry::{Entry, RunFinished, RunStarted};
use konductor_state::record::{ResourceRecord, Snapshot};
use konductor_state::validation::NotAllowed;
use konductor_state::{Journal as _, LockOwner};

use crate::arguments::StateCommand;
use crate::command::history::state_at;
use crate::command::state_transfer::{transfer, two_names};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;
use crate::prompt::confirm;
use crate::render::value::block;

/// Looks at and repairs what is recorded.
pub async fn state(
    command: &StateCommand,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    match command {
        StateCommand::List { type_pattern } => {
            let snapshot = project.read_log().await?.snapshot_masked().await?;
            let matches = |record: &&ResourceRecord| match type_pattern {
                Some(pattern) => is_meant(record.urn.resource_type(), pattern),
                None => true,
            };
            for record in snapshot.resources.values().filter(matches) {
                list_line(record, output);
            }
            Ok(())
        }
        StateCommand::Show { name, show_secrets } => {
            let log = project.read_log().await?;
            let snapshot = if *show_secrets {
                log.snapshot().await?
            } else {
                log.snapshot_masked().await?
            };
            let record = find(&snapshot, name)?;
            show(record, *show_secrets, output);
            Ok(())
        }
        StateCommand::At {
            point,
            name,
            show_secrets,
        } => state_at(point, name.as_deref(), *show_secrets, project, output).await,
        StateCommand::Move {
            names,
            to_stack: Some(stack),
        } => transfer(names, stack, project, environment, output).await,
        StateCommand::Move {
            names,
            to_stack: None,
        } => {
            let (from, to) = two_names(names)?;
            let log = project.open_log().await?;
            let guard = log
                .lock(LockOwner::this_process(environment.actor(), "state move"))
                .await?;
            let snapshot = log.snapshot_masked().await?;
            let from = find(&snapshot, from)?.urn.clone();
            let name: ResourceName = to.parse().map_err(|error: konductor_model::name::NameError| {
                CommandError::message(error.to_string())
            })?;
            let to = from.with_name(name);
            snapshot.check_move(&from, &to).map_err(not_allowed)?;
            let entries = vec![Entry::Moved {
                from: from.clone(),
                to: to.clone(),
            }];
            log.append(as_run("state move", project, environment, entries))
                .await?;
            guard.release().await?;
            let text = format!(
                "{} is now {}; give the declaration the same name",
                from.name(),
                to.name()
            );
            output.fact("moved", &serde_json::json!({ "from": from, "to": to }), &text);
            Ok(())
        }
        StateCommand::Remove { names, yes } => {
            let log = project.open_log().await?;
            let guard = log
                .lock(LockOwner::this_process(environment.actor(), "state remove"))
                .await?;
            let snapshot = log.snapshot_masked().await?;
            let mut urns = Vec::new();
            for name in names {
                urns.push(find_or_open(&snapshot, name)?);
            }
            for urn in &urns {
                snapshot
                    .check_remove(urn)
                    .or_else(|problems| still_against(problems, &urns))?;
            }
            let list: Vec<String> = urns.iter().map(|urn| urn.name().to_string()).collect();
            let question = format!(
                "Forget {}? The objects stay in the cloud, and Konductor will not know them.",
                list.join(", ")
            );
            confirm(&question, *yes, output)?;
            let entries = urns.iter().map(|urn| Entry::Forgotten {
                urn: urn.clone(),
                reason: "state remove".to_owned(),
            });
            log.append(as_run("state remove", project, environment, entries.collect()))
                .await?;
            guard.release().await?;
            output.fact(
                "removed",
                &serde_json::json!({ "urns": urns }),
                &format!("forgot {}", list.join(", ")),
            );
            Ok(())
        }
        StateCommand::Migrate { to, encrypt, yes } => {
            crate::command::migrate::migrate(to, *encrypt, *yes, project, environment, output).await
        }
        StateCommand::Keys => crate::command::keys::show(project, output).await,
        StateCommand::RotateKey { yes } => {
            crate::command::keys::rotate(*yes, project, environment, output).await
        }
        StateCommand::Unlock { yes } => {
            let log = project.open_log().await?;
            let Some(owner) = log.lock_owner().await? else {
                output.fact(
                    "unlocked",
                    &serde_json::json!({ "owner": null }),
                    "the stack is not locked",
                );
                return Ok(());
            };
            confirm(
                &format!("The stack is locked by {owner}. Remove the lock?"),
                *yes,
                output,
            )?;
            let removed = log
                .force_unlock(LockOwner::this_process(environment.actor(), "state unlock"))
                .await?;
            output.fact(
                "unlocked",
                &serde_json::json!({ "owner": removed }),
                "the lock is removed",
            );
            Ok(())
        }
    }
}

/// Puts entries into a run of their own, so that the history names who changed the state by hand.
pub fn as_run(
    command: &str,
    project: &Project,
    environment: &Environment,
    entries: Vec<Entry>,
) -> Vec<Entry> {
    let run = uuid::Uuid::now_v7().to_string();
    let started = Entry::RunStarted(RunStarted {
        run: run.clone(),
        command: command.to_owned(),
        actor: environment.actor(),
        konductor: env!("CARGO_PKG_VERSION").to_owned(),
        plugins: Vec::new(),
        simulated: project.simulated,
        metadata: Default::default(),
    });
    let operations = std::collections::BTreeMap::from([("recorded".to_owned(), entries.len())]);
    let finished = Entry::RunFinished(RunFinished {
        run,
        result: "succeeded".to_owned(),
        operations,
    });
    std::iter::once(started)
        .chain(entries)
        .chain([finished])
        .collect()
}

/// Finds a record by name or identity, or says which name may be meant.
pub fn find<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s ResourceRecord, CommandError> {
    if let Some(record) = name
        .parse::<Urn>()
        .ok()
        .and_then(|urn| snapshot.resources.get(&urn))
    {
        return Ok(record);
    }
    if let Some(record) = snapshot
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == name)
    {
        return Ok(record);
    }
    let known = snapshot.resources.keys().map(|urn| urn.name().as_str());
    let error = CommandError::message(format!("nothing is recorded under `{name}`"));
    Err(match konductor_model::suggestion::nearest(name, known) {
        Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
        None => error.help("`konductor state list` names what is recorded"),
    })
}

/// Finds what is recorded, or what a run began and nobody settled: that can be forgotten too.
fn find_or_open(snapshot: &Snapshot, name: &str) -> Result<Urn, CommandError> {
    match find(snapshot, name) {
        Ok(record) => Ok(record.urn.clone()),
        Err(error) => {
            let open = snapshot.interrupted.iter().map(|open| &open.begin.urn);
            open.into_iter()
                .find(|urn| urn.name().as_str() == name)
                .cloned()
                .ok_or(error)
        }
    }
}

/// Fails unless all that speaks against it are dependents that are forgotten together with it.
pub fn still_against(problems: Vec<NotAllowed>, together: &[Urn]) -> Result<(), CommandError> {
    let remaining: Vec<NotAllowed> = problems
        .into_iter()
        .filter(|problem| match problem {
            NotAllowed::HasDependents { dependents, .. } => {
                !dependents.iter().all(|urn| together.contains(urn))
            }
            _ => true,
        })
        .collect();
    if remaining.is_empty() {
        Ok(())
    } else {
        Err(not_allowed(remaining))
    }
}

fn not_allowed(problems: Vec<NotAllowed>) -> CommandError {
    let diagnostics = problems
        .iter()
        .map(|problem| konductor_model::Diagnostic::error(problem.to_string()));
    konductor_model::Diagnostics(diagnostics.collect()).into()
}

/// Prints one line about a record.
pub fn list_line(record: &ResourceRecord, output: &Output) {
    let id = record.object.as_ref().map(|object| object.id.as_str());
    let kind = if record.kind == TypeKind::Component {
        "component"
    } else {
        "resource"
    };
    let mut notes = Vec::new();
    if record.tainted.is_some() {
        notes.push("tainted".to_owned());
    }
    if !record.deposed.is_empty() {
        notes.push(format!("{} superseded", record.deposed.len()));
    }
    let members = serde_json::json!({
        "name": record.urn.name(), "type": record.urn.resource_type(), "urn": record.urn, "id": id, "kind": kind,
        "tainted": record.tainted, "deposed": record.deposed.len(), "plugin": record.plugin,
    });
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!("  ({})", notes.join(", "))
    };
    let text = format!(
        "{:<36} {:<30} {}{notes}",
        record.urn.name().as_str(),
        record.urn.resource_type().as_str(),
        id.unwrap_or(if kind == "component" {
            "(component)"
        } else {
            "(no object)"
        })
    );
    output.fact("resource", &members, &text);
}

/// Prints all of a record.
pub fn show(record: &ResourceRecord, show_secrets: bool, output: &Output) {
    use konductor_model::value_json::{Secrets, to_json};
    let visible = |value: &konductor_model::Value| {
        if show_secrets {
            value.clone().without_secret_marks()
        } else {
            value.clone()
        }
    };
    let attributes = record.object.as_ref().map(|object| visible(&object.attributes));
    let inputs = visible(&record.inputs);
    if output.is_json() {
        let members = serde_json::json!({
            "urn": record.urn, "name": record.urn.name(), "type": record.urn.resource_type(),
            "plugin": record.plugin, "parent": record.parent, "dependencies": record.dependencies,
            "id": record.object.as_ref().map(|object| &object.id),
            "inputs": to_json(&inputs, Secrets::Masked),
            "attributes": attributes.as_ref().map(|value| to_json(value, Secrets::Masked)),
            "outputs": to_json(&visible(&record.outputs), Secrets::Masked),
            "options": record.options, "tainted": record.tainted, "deposed": record.deposed.len(),
        });
        output.event("resource", &members);
        return;
    }
    output.line(&format!(
        "{} ({})",
        console::style(record.urn.name()).bold(),
        record.urn.resource_type()
    ));
    output.line(&format!("identity      {}", record.urn));
    if let Some(object) = &record.object {
        output.line(&format!("id            {}", object.id));
    }
    output.line(&format!(
        "plugin        {} {}",
        record.plugin.name, record.plugin.version
    ));
    if let Some(parent) = &record.parent {
        output.line(&format!("component     {}", parent.name()));
    }
    for dependency in &record.dependencies {
        output.line(&format!("depends on    {}", dependency.name()));
    }
    if let Some(reason) = &record.tainted {
        output.line(&format!("tainted       {reason}"));
    }
    for deposed in &record.deposed {
        output.line(&format!("superseded    {} ({})", deposed.object.id, deposed.key));
    }
    match (&attributes, record.kind) {
        (Some(attributes), _) => output.line(&format!("attributes\n{}", block(attributes, 2).trim_end())),
        (None, TypeKind::Component) => {
            output.line(&format!("inputs\n{}", block(&inputs, 2).trim_end()));
            output.line(&format!(
                "outputs\n{}",
                block(&visible(&record.outputs), 2).trim_end()
            ));
        }
        (None, TypeKind::Resource) => output.line("no object"),
    }
}
