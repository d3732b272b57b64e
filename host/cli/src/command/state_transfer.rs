//! `konductor state move NAME… --to-stack STACK`: hands resources from one stack's state to another's.

use konductor_model::schema::TypeKind;
use konductor_model::{Diagnostic, Diagnostics, Urn};
use konductor_state::entry::Entry;
use konductor_state::record::{ResourceRecord, Snapshot};
use konductor_state::{Journal as _, LockOwner};

use crate::arguments::GlobalArguments;
use crate::command::state::{as_run, find, still_against};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;

/// Records resources in the other stack, then forgets them here. The cloud is not called.
///
/// A process that dies between the two leaves the resources in both states; the same command again goes on from there.
pub async fn transfer(
    names: &[String],
    to_stack: &str,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    if to_stack == project.configuration.stack() {
        return Err(
            CommandError::message(format!("`{to_stack}` is the stack they are in"))
                .help("`konductor state move FROM TO` gives a resource another name"),
        );
    }
    let other = GlobalArguments {
        stack: Some(to_stack.to_owned()),
        ..project.arguments.clone()
    };
    let other = Project::open(&other, environment)?;
    let (here, there) = (project.open_log().await?, other.open_log().await?);
    let owner = || LockOwner::this_process(environment.actor(), "state move");
    let guard_here = here.lock(owner()).await?;
    let guard_there = there.lock(owner()).await?;
    let (from, into) = (here.snapshot().await?, there.snapshot().await?);

    let mut urns = Vec::new();
    for name in names {
        urns.push(find(&from, name)?.urn.clone());
    }
    for urn in &urns {
        from.check_remove(urn)
            .or_else(|problems| still_against(problems, &urns))?;
    }
    let mut problems = Diagnostics::default();
    let mut arriving = Vec::new();
    let mut left_behind = Vec::new();
    for urn in &urns {
        let Some(record) = from.resources.get(urn) else {
            continue;
        };
        match renamed(record, &urns, &other, &mut left_behind) {
            Ok(record) if already_there(&record, &into) => {}
            Ok(record) if into.resources.contains_key(&record.urn) => {
                problems.push(Diagnostic::error(format!(
                    "`{}` is in the state of `{to_stack}` already, with another object",
                    record.urn.name()
                )));
            }
            Ok(record) => arriving.push(record),
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.has_errors() {
        return Err(problems.into());
    }
    let entries: Vec<Entry> = arriving
        .into_iter()
        .map(|record| Entry::Recorded {
            record: Box::new(record),
            reason: format!("moved from stack {}", project.configuration.stack()),
        })
        .collect();
    if !entries.is_empty() {
        there
            .append(as_run("state move", &other, environment, entries))
            .await?;
    }
    let gone = urns.iter().map(|urn| Entry::Forgotten {
        urn: urn.clone(),
        reason: format!("moved to stack {to_stack}"),
    });
    here.append(as_run("state move", project, environment, gone.collect()))
        .await?;
    guard_there.release().await?;
    guard_here.release().await?;

    let told: Vec<&str> = urns.iter().map(|urn| urn.name().as_str()).collect();
    let members = serde_json::json!({ "urns": urns, "to_stack": to_stack });
    let text = format!(
        "{} now belong to {to_stack}; move their declarations there too",
        told.join(", ")
    );
    output.fact("moved-to-stack", &members, &text);
    for (urn, needs) in left_behind {
        output.line(&format!(
            "{} depends on {needs}, which stays: export what it needs and read it with ${{stack:{}.OUTPUT}}",
            urn.name(),
            project.configuration.stack()
        ));
    }
    Ok(())
}

/// Tells whether an earlier, interrupted move has recorded it.
fn already_there(record: &ResourceRecord, into: &Snapshot) -> bool {
    into.resources.get(&record.urn).is_some_and(|found| {
        let id = |record: &ResourceRecord| record.object.as_ref().map(|object| object.id.clone());
        found.urn == record.urn && id(found) == id(record)
    })
}

/// Returns a record by the names of the other stack. What it depends on and does not come along is left behind.
fn renamed(
    record: &ResourceRecord,
    together: &[Urn],
    other: &Project,
    left_behind: &mut Vec<(Urn, String)>,
) -> Result<ResourceRecord, Box<Diagnostic>> {
    let name_there = |urn: &Urn| {
        Urn::new(
            other.configuration.project_name(),
            other.configuration.stack(),
            urn.resource_type().clone(),
            urn.name().clone(),
        )
    };
    let wrong = |summary: String| Box::new(Diagnostic::error(summary).resource(record.urn.name()));
    if let Some(parent) = record.parent.as_ref().filter(|parent| !together.contains(parent)) {
        return Err(Box::new(
            wrong(format!(
                "`{}` belongs to the component `{}`",
                record.urn.name(),
                parent.name()
            ))
            .help("move the component and all that belongs to it together"),
        ));
    }
    if record.kind == TypeKind::Component && record.urn.resource_type().as_str().ends_with(":module:Module") {
        return Err(wrong(format!(
            "`{}` is the section of a plugin's configuration, which a stack has for itself",
            record.urn.name()
        )));
    }
    let mut moved = record.clone();
    let failed = |error: konductor_model::name::NameError| wrong(error.to_string());
    moved.urn = name_there(&record.urn).map_err(failed)?;
    moved.parent = record
        .parent
        .as_ref()
        .map(name_there)
        .transpose()
        .map_err(failed)?;
    moved.dependencies = Vec::new();
    for needed in &record.dependencies {
        if together.contains(needed) {
            moved.dependencies.push(name_there(needed).map_err(failed)?);
        } else {
            left_behind.push((record.urn.clone(), needed.name().to_string()));
        }
    }
    Ok(moved)
}

/// Refuses a state move that is spelled in a way that could mean two things.
pub fn two_names(names: &[String]) -> Result<(&str, &str), CommandError> {
    match names {
        [from, to] => Ok((from, to)),
        _ => Err(CommandError::message(format!(
            "expected the name it has and the name it gets, found {} names",
            names.len()
        ))
        .help("`konductor state move FROM TO`, or `konductor state move NAME… --to-stack STACK`")),
    }
}
