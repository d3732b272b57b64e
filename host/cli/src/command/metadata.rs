//! `konductor metadata`: what is said of a run, and the resources that something was said of.

use std::collections::BTreeMap;

use konductor_state::Snapshot;
use serde_json::json;

use crate::arguments::{MetadataCommand, MetadataQueryArguments};
use crate::command::compliance::control_results;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::metadata::RunDocument;
use crate::output::Output;
use crate::project::Project;

/// Does what is asked.
pub async fn metadata(
    command: &MetadataCommand,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    match command {
        MetadataCommand::Show => show(project, output).await,
        MetadataCommand::Query(arguments) => query(arguments, project, environment, output).await,
    }
}

async fn show(project: &Project, output: &Output) -> Result<(), CommandError> {
    let stacks = project.other_stacks().await?;
    let document = RunDocument::collect(project, project.context(&stacks)).await?;
    let fields = document.fields();
    let inherited = document.inherited().fields;
    let longest = fields.keys().map(String::len).max().unwrap_or_default();
    for (field, value) in &fields {
        let tag = document.tags().get(field);
        let members = json!({
            "field": field, "value": value, "tag": tag, "inherited": inherited.contains_key(field),
        });
        let mut line = format!("{field:longest$}  {value}");
        if let Some(tag) = tag {
            line.push_str(&format!("  (tag {tag})"));
        }
        output.fact("metadata", &members, &line);
    }
    Ok(())
}

async fn query(
    arguments: &MetadataQueryArguments,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let control = match &arguments.without_control {
        Some(named) => Some(control_results(named, project, environment).await?),
        None => None,
    };
    let own = project.configuration.stack().to_owned();
    let mut found = 0;
    let mut tell = |stack: &str, snapshot: &Snapshot| {
        for record in snapshot.resources.values() {
            let fields: BTreeMap<&str, &str> = record.options.metadata_fields().collect();
            let name = record.urn.name().as_str();
            let resource_type = record.urn.resource_type().as_str();
            let fits_type = arguments
                .resource_type
                .as_deref()
                .is_none_or(|wanted| wanted == resource_type);
            if record.object.is_none() || !fits_type || !fits(&fields, arguments) {
                continue;
            }
            let missing = control.as_ref().map(|control| control.missing(&record.urn));
            if missing == Some(None) {
                continue;
            }
            found += 1;
            let mut said: Vec<String> = fields
                .iter()
                .map(|(field, value)| format!("{field}={value}"))
                .collect();
            let missing = missing.flatten();
            said.extend(missing.map(str::to_owned));
            let place = match arguments.all {
                true => format!("{stack}: {name}"),
                false => name.to_owned(),
            };
            let members = json!({
                "stack": stack, "resource": name, "type": resource_type, "metadata": fields,
                "control": missing,
            });
            output.fact(
                "described",
                &members,
                &format!("{place} ({resource_type})  {}", said.join(", ")),
            );
        }
    };
    if arguments.all {
        for (stack, snapshot) in project.other_snapshots().await? {
            tell(&stack, &snapshot);
        }
        // This stack may be one that was never deployed.
        if let Ok(log) = project.read_log().await {
            tell(&own, &log.snapshot_masked().await?);
        }
    } else {
        tell(&own, &project.read_log().await?.snapshot_masked().await?);
    }
    if found == 0 {
        output.line("no resource fits");
    }
    Ok(())
}

fn fits(fields: &BTreeMap<&str, &str>, arguments: &MetadataQueryArguments) -> bool {
    let without = arguments
        .without
        .iter()
        .all(|field| !fields.contains_key(field.as_str()));
    let conditions = arguments.conditions.iter().all(|condition| {
        let is = fields.get(condition.field.as_str()) == Some(&condition.value.as_str());
        is == condition.equal
    });
    without && conditions
}
