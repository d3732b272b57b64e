//! Drift for a person and as JSON.

use std::fmt::Write as _;

use console::{Style, style};
use konductor_model::value_json::{Secrets, to_json};
use konductor_model::{ChangeKind, Value};
use konductor_state::drift::{Difference, DifferenceKind, DriftSeverity};
use serde_json::{Value as Json, json};

use super::value::one_line;

/// How far the lines below an object are moved to the right.
const INDENT: &str = "      ";

fn look(severity: DriftSeverity) -> Style {
    match severity {
        DriftSeverity::Critical => Style::new().red().bold(),
        DriftSeverity::High => Style::new().red(),
        DriftSeverity::Medium => Style::new().yellow(),
        DriftSeverity::Low => Style::new().dim(),
    }
}

/// Returns differences as text, those of one object together. What is sorted worst first stays so.
pub fn render<'d>(differences: impl IntoIterator<Item = &'d Difference>) -> String {
    let mut groups: Vec<(&Difference, Vec<&Difference>)> = Vec::new();
    for found in differences {
        match groups
            .iter_mut()
            .find(|(first, _)| first.urn == found.urn && first.kind == found.kind && first.id == found.id)
        {
            Some((_, group)) => group.push(found),
            None => groups.push((found, vec![found])),
        }
    }
    let mut out = String::new();
    for (first, group) in groups {
        let _ = writeln!(
            out,
            "  {} {} ({}) [{}] {}",
            look(first.severity).apply_to(format!("{:<8}", first.severity.word())),
            style(first.urn.name()).bold(),
            first.urn.resource_type(),
            first.id,
            first.kind,
        );
        for found in group {
            attribute(&mut out, found, first.severity);
        }
        if first.kind == DifferenceKind::Unmanaged {
            let _ = writeln!(out, "{INDENT}adopt it: {}", adoption(first));
        }
    }
    out
}

fn attribute(out: &mut String, found: &Difference, told: DriftSeverity) {
    let Some(at) = &found.at else { return };
    let text = match found.change {
        Some(ChangeKind::Add) => format!("{} {at}: {}", style("+").green(), one_line(&found.actual)),
        Some(ChangeKind::Delete) => format!("{} {at}: {}", style("-").red(), one_line(&found.recorded)),
        _ => format!(
            "{} {at}: {} => {}",
            style("~").yellow(),
            one_line(&found.recorded),
            one_line(&found.actual)
        ),
    };
    let mut notes = Vec::new();
    if found.severity != told {
        notes.push(found.severity.word().to_owned());
    }
    if let Some(note) = asked_for(found) {
        notes.push(note);
    }
    if found.requires_replacement {
        notes.push("a repair replaces the object".to_owned());
    }
    if let Some(obstacle) = &found.obstacle {
        notes.push(format!("it cannot be brought back: {obstacle}"));
    } else if found.kind == DifferenceKind::ChangedOutside && !found.repairable {
        notes.push("nobody gave it, so nothing brings it back".to_owned());
    }
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!("  ({})", notes.join("; "))
    };
    let _ = writeln!(out, "{INDENT}{text}{notes}");
}

/// Says what the configuration asks for now, where that is not simply what was deployed.
fn asked_for(found: &Difference) -> Option<String> {
    let desired = found.desired.as_ref()?;
    if desired.same_as(&found.recorded) || found.kind == DifferenceKind::Normalised {
        None
    } else if desired.same_as(&found.actual) {
        found
            .repairable
            .then(|| "the configuration asks for what is there".to_owned())
    } else {
        Some(format!("the configuration now asks for {}", one_line(desired)))
    }
}

/// Returns the command that takes an unmanaged object over.
pub fn adoption(found: &Difference) -> String {
    format!(
        "konductor import {} {} {}",
        found.urn.resource_type(),
        found.urn.name(),
        shell_word(&found.id)
    )
}

/// Returns the declaration that takes an unmanaged object over with the next run.
pub fn import_block(found: &Difference) -> String {
    format!(
        "resources:\n  {}:\n    type: {}\n    options: {{ import: {} }}\n",
        found.urn.name(),
        found.urn.resource_type(),
        json!(found.id)
    )
}

fn shell_word(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+' | '=');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Returns a difference as JSON, with secrets masked.
pub fn difference_json(found: &Difference) -> Json {
    let value = |value: &Value| to_json(value, Secrets::Masked);
    let mut object = json!({
        "urn": found.urn,
        "name": found.urn.name(),
        "type": found.urn.resource_type(),
        "id": found.id,
        "kind": found.kind,
        "severity": found.severity,
        "repairable": found.repairable,
        "requires_replacement": found.requires_replacement,
    });
    let Some(members) = object.as_object_mut() else {
        return object;
    };
    if let Some(at) = &found.at {
        members.insert("path".to_owned(), json!(at));
        members.insert("change".to_owned(), json!(found.change));
        members.insert("recorded".to_owned(), value(&found.recorded));
        members.insert("actual".to_owned(), value(&found.actual));
        members.insert("desired".to_owned(), found.desired.as_ref().map(value).into());
    }
    if let Some(obstacle) = &found.obstacle {
        members.insert("obstacle".to_owned(), obstacle.as_str().into());
    }
    if found.kind == DifferenceKind::Unmanaged {
        members.insert("adopt".to_owned(), adoption(found).into());
        members.insert("declaration".to_owned(), import_block(found).into());
    }
    object
}

/// Returns how many there are of each kind, as people write it: `2 changed outside, 1 deleted outside`.
pub fn counted<'d>(differences: impl IntoIterator<Item = &'d Difference>) -> String {
    let mut counts: std::collections::BTreeMap<DifferenceKind, usize> = std::collections::BTreeMap::new();
    for found in differences {
        *counts.entry(found.kind).or_default() += 1;
    }
    counts
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(kind: DifferenceKind, at: Option<&str>) -> Difference {
        Difference {
            urn: "urn:konductor:shop:dev:aws:ec2:Vpc::network".parse().unwrap(),
            id: "vpc-1".to_owned(),
            kind,
            severity: DriftSeverity::Medium,
            at: at.map(|at| at.parse().unwrap()),
            change: Some(ChangeKind::Update),
            recorded: "a".into(),
            actual: "b".into(),
            desired: Some("a".into()),
            repairable: true,
            obstacle: None,
            requires_replacement: false,
        }
    }

    #[test]
    fn three_sides_are_told_where_they_differ() {
        console::set_colors_enabled(false);
        let changed = difference(DifferenceKind::ChangedOutside, Some("cidr_block"));
        let pending = Difference {
            at: Some("size".parse().unwrap()),
            desired: Some("c".into()),
            severity: DriftSeverity::Low,
            ..changed.clone()
        };
        let accepted = Difference {
            at: Some("mode".parse().unwrap()),
            desired: Some("b".into()),
            ..changed.clone()
        };
        insta::assert_snapshot!(render([&changed, &pending, &accepted]), @r#"
          medium   network (aws:ec2:Vpc) [vpc-1] changed outside
              ~ cidr_block: "a" => "b"
              ~ size: "a" => "b"  (low; the configuration now asks for "c")
              ~ mode: "a" => "b"  (the configuration asks for what is there)
        "#);
    }

    #[test]
    fn a_secret_is_shown_in_no_form() {
        let mut found = difference(DifferenceKind::ChangedOutside, Some("password"));
        found.recorded = Value::from("hunter2").into_secret();
        found.actual = Value::from("hunter3").into_secret();
        found.desired = Some(Value::from("hunter4").into_secret());
        let text = format!("{}{}", render([&found]), difference_json(&found));
        assert!(!text.contains("hunter"), "{text}");
    }

    #[test]
    fn an_unmanaged_object_comes_with_the_line_that_adopts_it() {
        let mut found = difference(DifferenceKind::Unmanaged, None);
        found.id = "it's here".to_owned();
        assert_eq!(
            adoption(&found),
            r"konductor import aws:ec2:Vpc network 'it'\''s here'"
        );
        assert!(import_block(&found).contains("options: { import: \"it's here\" }"));
    }
}
