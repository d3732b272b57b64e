//! `konductor graph`.

use std::collections::HashMap;

use konductor_engine::expand::expand;
use konductor_model::Urn;
use konductor_model::schema::TypeKind;

use crate::arguments::{GraphArguments, GraphFormat};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::graph_picture::{Node, Picture, to_dot, to_html, to_mermaid, to_svg};
use crate::output::Output;
use crate::project::Project;
use crate::session::{Session, SessionOptions};

/// Draws the stack.
pub async fn graph(
    arguments: &GraphArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let picture = if arguments.recorded {
        recorded(&project).await?
    } else {
        declared(project, environment, output).await?
    };
    let text = match arguments.format {
        GraphFormat::Dot => to_dot(&picture),
        GraphFormat::Mermaid => to_mermaid(&picture),
        GraphFormat::Svg => to_svg(&picture)?,
        GraphFormat::Html => to_html(&picture)?,
    };
    match &arguments.out {
        Some(file) => {
            std::fs::write(file, &text).map_err(|error| CommandError::file("write", file, error))?;
            let members = serde_json::json!({ "file": file, "nodes": picture.nodes.len() });
            output.fact("graph-written", &members, &format!("wrote {}", file.display()));
        }
        None if output.is_json() => output.event("graph", &serde_json::json!({ "text": text })),
        None => output.raw(&text),
    }
    Ok(())
}

async fn recorded(project: &Project) -> Result<Picture, CommandError> {
    let snapshot = project.read_log().await?.snapshot_masked().await?;
    let positions: HashMap<&Urn, usize> = snapshot
        .resources
        .keys()
        .enumerate()
        .map(|(i, urn)| (urn, i))
        .collect();
    let position = |urn: &Urn| positions.get(urn).copied();
    let nodes = snapshot.resources.values().map(|record| Node {
        name: record.urn.name().to_string(),
        resource_type: record.urn.resource_type().to_string(),
        parent: record.parent.as_ref().and_then(position),
        component: record.kind == TypeKind::Component,
    });
    let edges = snapshot
        .resources
        .values()
        .enumerate()
        .flat_map(|(from, record)| {
            record
                .dependencies
                .iter()
                .filter_map(position)
                .map(move |to| (from, to))
                .collect::<Vec<_>>()
        });
    Ok(Picture::new(project.title(), nodes.collect(), edges.collect()))
}

async fn declared(
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<Picture, CommandError> {
    let title = project.title();
    let session = Session::open(project, environment, output, SessionOptions::to_look("graph")).await?;
    let desired = session.desired().await?;
    let (expanded, diagnostics) = expand(desired, session.plugins()).await;
    session.close().await?;
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    let nodes = expanded.nodes.iter().map(|node| Node {
        name: node.urn.name().to_string(),
        resource_type: node.urn.resource_type().to_string(),
        parent: node.parent,
        component: node.kind == TypeKind::Component,
    });
    let edges = (0..expanded.nodes.len()).flat_map(|from| {
        expanded
            .graph
            .dependencies(from)
            .iter()
            .map(move |to| (from, *to))
            .collect::<Vec<_>>()
    });
    Ok(Picture::new(title, nodes.collect(), edges.collect()))
}
