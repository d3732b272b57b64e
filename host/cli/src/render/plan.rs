//! A plan for a person: a symbol and a word for every step, so that colour is not needed to understand it.

use std::fmt::Write as _;

use console::{Style, style};
use konductor_engine::event::PlanSummary;
use konductor_engine::plan::{Drift, OutputChange, PlanMode, PlannedChange};
use konductor_engine::{Plan, Step, StepAction};
use konductor_model::schema::TypeKind;
use konductor_model::{ChangeKind, Value};

use super::value::one_line;

/// How far the lines below a step are moved to the right.
const INDENT: &str = "      ";
/// About how much text is put together before it is written.
const PIECE: usize = 64 * 1024;

struct Word {
    symbol: &'static str,
    word: &'static str,
    style: Style,
}

fn word(step: &Step) -> Option<Word> {
    let new = |symbol, word, style| Some(Word { symbol, word, style });
    match &step.action {
        StepAction::None => None,
        StepAction::Create => new("+", "create", Style::new().green()),
        StepAction::Update => new("~", "update", Style::new().yellow()),
        StepAction::Replace { delete_before: true } => {
            new("-/+", "replace (delete, then create)", Style::new().magenta())
        }
        StepAction::Replace { delete_before: false } => {
            new("+/-", "replace (create, then delete)", Style::new().magenta())
        }
        StepAction::Import { .. } => new("=", "import", Style::new().cyan()),
        StepAction::Delete => new("-", "delete", Style::new().red()),
        StepAction::DeleteDeposed { .. } => new("-", "delete superseded object", Style::new().red()),
        StepAction::Forget { .. } => new("o", "forget", Style::new().cyan()),
    }
}

/// Writes the plan as text, piece by piece. Steps that change nothing are counted, not shown.
pub fn render(plan: &Plan, write: &mut dyn FnMut(&str)) {
    let mut out = String::new();
    let mut flush = |out: &mut String, least: usize| {
        if out.len() > least {
            write(out);
            out.clear();
        }
    };
    for drift in &plan.drift {
        render_drift(&mut out, drift);
        flush(&mut out, PIECE);
    }
    for (from, to) in &plan.moves {
        let _ = writeln!(
            out,
            "  {} move {} to {}",
            style(">").cyan(),
            from.name(),
            to.name()
        );
    }
    for step in &plan.steps {
        render_step(&mut out, &step, plan.mode);
        flush(&mut out, PIECE);
    }
    render_outputs(&mut out, &plan.output_changes);
    flush(&mut out, 0);
}

/// Writes the outputs that change.
pub fn render_outputs(out: &mut String, changes: &[OutputChange]) {
    if !changes.is_empty() {
        let _ = writeln!(out, "  outputs");
    }
    for change in changes {
        let text = match (&change.old, &change.new) {
            (None, Some(new)) => format!("{} {}: {}", style("+").green(), change.name, one_line(new)),
            (Some(_), None) => format!("{} {}", style("-").red(), change.name),
            (old, new) => {
                let show = |value: &Option<Value>| value.as_ref().map(one_line).unwrap_or_default();
                format!(
                    "{} {}: {} => {}",
                    style("~").yellow(),
                    change.name,
                    show(old),
                    show(new)
                )
            }
        };
        let _ = writeln!(out, "{INDENT}{text}");
    }
}

fn render_step(out: &mut String, step: &Step, mode: PlanMode) {
    // A component has no object of its own: that its record goes with its children says nothing.
    if step.kind == TypeKind::Component && matches!(step.action, StepAction::Forget { .. }) {
        return;
    }
    let Some(Word {
        symbol,
        word,
        style: look,
    }) = word(step)
    else {
        return;
    };
    let mut line = format!(
        "  {} {} {} ({})",
        look.apply_to(symbol),
        look.apply_to(word),
        style(step.urn.name()).bold(),
        step.urn.resource_type()
    );
    if let Some(id) = &step.id {
        let _ = write!(line, " [{id}]");
    }
    let _ = writeln!(out, "{line}");
    if let StepAction::Import { id } = &step.action {
        let _ = writeln!(out, "{INDENT}existing object {id}");
    }
    if let StepAction::Forget { reason } = &step.action {
        let _ = writeln!(out, "{INDENT}{reason}: the object stays");
    }
    // Everybody knows why a destroy deletes.
    let reasons = if mode == PlanMode::Destroy {
        &[][..]
    } else {
        &step.reasons
    };
    for reason in reasons {
        let _ = writeln!(out, "{INDENT}because {reason}");
    }
    let creating = matches!(step.action, StepAction::Create);
    for change in &step.changes {
        // What a new object gets from the cloud is no news.
        if creating && change.new.is_unknown() {
            continue;
        }
        render_change(out, change);
    }
}

/// Writes one attribute that changes.
pub fn render_change(out: &mut String, change: &PlannedChange) {
    let (symbol, text) = match change.kind {
        ChangeKind::Add => (style("+").green(), one_line(&change.new)),
        ChangeKind::Delete => (style("-").red(), one_line(&change.old)),
        ChangeKind::Update => (
            style("~").yellow(),
            format!("{} => {}", one_line(&change.old), one_line(&change.new)),
        ),
    };
    let replaces = if change.requires_replacement {
        format!("  {}", style("(forces replacement)").magenta())
    } else {
        String::new()
    };
    let _ = writeln!(out, "{INDENT}{symbol} {}: {text}{replaces}", change.at);
}

fn render_drift(out: &mut String, drift: &Drift) {
    let mark = style("!").yellow();
    let what = format!("{} ({})", drift.urn.name(), drift.urn.resource_type());
    if drift.object.is_none() {
        let _ = writeln!(out, "  {mark} {what} was deleted outside Konductor");
        return;
    }
    let _ = writeln!(out, "  {mark} {what} was changed outside Konductor");
    for change in &drift.changes {
        render_change(out, change);
    }
}

/// Returns the one line that says what a plan comes to.
pub fn summary(summary: &PlanSummary) -> String {
    if summary.is_empty() {
        return format!("No changes: {} resources are as configured.", summary.unchanged);
    }
    let parts = [
        (summary.create, "to create"),
        (summary.update, "to update"),
        (summary.replace, "to replace"),
        (summary.delete, "to delete"),
        (summary.import, "to import"),
        (summary.forget, "to forget"),
        (summary.moved, "to move"),
        (summary.outputs, "outputs to change"),
        (summary.unchanged, "unchanged"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    format!("Plan: {}.", told.join(", "))
}

/// Returns what a refresh found as text.
pub fn render_drifts(drifts: &[Drift]) -> String {
    let mut out = String::new();
    for drift in drifts {
        render_drift(&mut out, drift);
    }
    out
}
