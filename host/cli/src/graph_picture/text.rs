//! The forms that other tools draw.

use std::fmt::Write as _;

use super::{Node, Picture};

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns the picture for Graphviz: arrows point from a resource to what it depends on.
pub fn to_dot(picture: &Picture) -> String {
    let mut out = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n",
        quoted(&picture.title)
    );
    dot_level(picture, None, 1, &mut out);
    for (from, to) in &picture.edges {
        // Arrows cannot end at a cluster, so a component has a node of its own.
        let _ = writeln!(out, "  n{from} -> n{to};");
    }
    out.push_str("}\n");
    out
}

fn dot_level(picture: &Picture, parent: Option<usize>, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for (position, node) in picture.children(parent) {
        if node.component {
            let _ = writeln!(
                out,
                "{indent}subgraph cluster_{position} {{\n{indent}  label={};",
                quoted(&node.name)
            );
            let _ = writeln!(
                out,
                "{indent}  n{position} [label={} shape=component];",
                quoted(&node.resource_type)
            );
            dot_level(picture, Some(position), depth + 1, out);
            let _ = writeln!(out, "{indent}}}");
        } else {
            let label = quoted(&format!("{}\n{}", node.name, node.resource_type)).replace('\n', "\\n");
            let _ = writeln!(out, "{indent}n{position} [label={label}];");
        }
    }
}

/// Returns the picture for Mermaid.
pub fn to_mermaid(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    mermaid_level(picture, None, 1, &mut out);
    for (from, to) in &picture.edges {
        let _ = writeln!(out, "  n{from} --> n{to}");
    }
    out
}

fn mermaid_level(picture: &Picture, parent: Option<usize>, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let label = |node: &Node| format!("{}<br/>{}", node.name, node.resource_type).replace('"', "#quot;");
    for (position, node) in picture.children(parent) {
        if node.component {
            let _ = writeln!(out, "{indent}subgraph n{position} [\"{}\"]", label(node));
            mermaid_level(picture, Some(position), depth + 1, out);
            let _ = writeln!(out, "{indent}end");
        } else {
            let _ = writeln!(out, "{indent}n{position}[\"{}\"]", label(node));
        }
    }
}
