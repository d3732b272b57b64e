//! What differs between two states, for a person.

use std::fmt::Write as _;

use console::style;
use konductor_engine::{Became, Difference, ResourceDifference};

use super::plan::{render_change, render_outputs};

/// Returns a difference as text: a symbol and a word for every resource, so that colour is not needed.
pub fn render(difference: &Difference) -> String {
    let mut out = String::new();
    for resource in &difference.resources {
        render_resource(&mut out, resource);
    }
    render_outputs(&mut out, &difference.outputs);
    out
}

fn render_resource(out: &mut String, found: &ResourceDifference) {
    let (symbol, word) = match found.what {
        Became::Added => (style("+").green(), "added"),
        Became::Removed => (style("-").red(), "removed"),
        Became::Replaced => (style("+/-").magenta(), "replaced"),
        Became::Changed => (style("~").yellow(), "changed"),
    };
    let ids = match (&found.old_id, &found.new_id) {
        (Some(old), Some(new)) if old != new => format!(" [{old} => {new}]"),
        (Some(id), _) | (None, Some(id)) => format!(" [{id}]"),
        (None, None) => String::new(),
    };
    let _ = writeln!(
        out,
        "  {symbol} {word} {} ({}){ids}",
        style(found.urn.name()).bold(),
        found.urn.resource_type()
    );
    if let Some(before) = &found.renamed_from {
        let _ = writeln!(out, "      was called {}", before.name());
    }
    for change in &found.changes {
        render_change(out, change);
    }
}

/// Returns the line that counts.
pub fn summary(difference: &Difference) -> String {
    if difference.is_empty() {
        return "Nothing differs.".to_owned();
    }
    let count = |what| {
        difference
            .resources
            .iter()
            .filter(|found| found.what == what)
            .count()
    };
    let told: Vec<String> = [
        (count(Became::Added), "added"),
        (count(Became::Removed), "removed"),
        (count(Became::Replaced), "replaced"),
        (count(Became::Changed), "changed"),
        (difference.outputs.len(), "outputs changed"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    format!("{}.", told.join(", "))
}
