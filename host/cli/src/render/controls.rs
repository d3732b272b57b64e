//! What is new of the controls of a stack, for people and as data. It holds no value of a resource.

use konductor_compliance::News;
use konductor_model::policy::PolicyLevel;
use konductor_state::compliance::{
    ComplianceChecked, ControlFinding, FrameworkChange, FrameworkEdition, WaiverStanding,
};
use serde_json::{Value as Json, json};

/// At most so many controls are named of a framework that changed.
const MOST_CONTROLS: usize = 20;

/// Writes it, a line for each.
pub fn render(news: &News) -> String {
    let mut text = String::new();
    for change in &news.frameworks {
        text.push_str(&framework(change));
    }
    for waiver in &news.waivers {
        text.push_str(&format!(
            "waiver of {} for {} by {}, until {}: {}\n",
            waiver.control,
            waiver.resource,
            waiver.approver,
            waiver.expires,
            waiver.state.word()
        ));
    }
    for (word, found) in [("new", &news.found), ("gone", &news.gone)] {
        for found in found {
            let level = found.level().map(PolicyLevel::word).unwrap_or_default();
            text.push_str(&format!(
                "{word} {} {level} {}: {} (since {})\n",
                found.weight().word(),
                found.name(),
                found.check,
                found.since.strftime("%Y-%m-%d %H:%M:%S")
            ));
        }
    }
    text
}

fn framework(change: &FrameworkChange) -> String {
    let edition = |edition: Option<&FrameworkEdition>| {
        edition
            .map_or("none", |edition| edition.version.as_str())
            .to_owned()
    };
    let (from, to) = (edition(change.from.as_ref()), edition(change.to.as_ref()));
    let mut text = if from == to {
        format!("framework {}: version {to} has other content", change.framework)
    } else {
        format!("framework {}: version {from} became {to}", change.framework)
    };
    for (word, controls) in [("new", &change.added), ("gone", &change.removed)] {
        if controls.is_empty() {
            continue;
        }
        let shown: Vec<&str> = controls.iter().take(MOST_CONTROLS).map(String::as_str).collect();
        text.push_str(&format!("; {word}: {}", shown.join(", ")));
        if controls.len() > MOST_CONTROLS {
            text.push_str(&format!(" and {} more", controls.len() - MOST_CONTROLS));
        }
    }
    text.push('\n');
    text
}

/// Makes the data of it.
pub fn document(news: &News, checked: &ComplianceChecked) -> Json {
    json!({
        "digest": checked.digest,
        "counts": checked.counts,
        "new": news.found.iter().map(finding).collect::<Vec<_>>(),
        "gone": news.gone.iter().map(finding).collect::<Vec<_>>(),
        "waivers": news.waivers.iter().map(waiver).collect::<Vec<_>>(),
        "frameworks": news.frameworks.iter().map(framework_data).collect::<Vec<_>>(),
    })
}

fn finding(found: &ControlFinding) -> Json {
    let controls = found.controls.iter();
    json!({
        "check": found.check,
        "resource": found.name(),
        "urn": found.urn,
        "severity": found.weight().word(),
        "level": found.level(),
        "controls": controls.map(|control| format!("{}:{}", control.framework, control.control)).collect::<Vec<_>>(),
        "since": found.since,
    })
}

fn waiver(waiver: &WaiverStanding) -> Json {
    json!({
        "control": waiver.control, "resource": waiver.resource, "approver": waiver.approver,
        "expires": waiver.expires, "state": waiver.state,
    })
}

fn framework_data(change: &FrameworkChange) -> Json {
    let version = |edition: &Option<FrameworkEdition>| edition.clone().map(|edition| edition.version);
    json!({
        "framework": change.framework, "from": version(&change.from), "to": version(&change.to),
        "new": change.added, "gone": change.removed,
    })
}
