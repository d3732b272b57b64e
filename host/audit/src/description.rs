//! What an entry tells, in a line.

use konductor_state::compliance::{ComplianceChecked, ControlFinding, FindingState, FrameworkEdition};
use konductor_state::entry::{Entry, GivenUp};
use konductor_state::policy::{PackageOutcome, PolicyDecision};
use konductor_state::{DriftChecked, PluginUsed};

/// Says in a few words what an entry tells.
pub fn describe(entry: &Entry) -> String {
    match entry {
        Entry::RunStarted(run) => {
            let simulated = if run.simulated { ", simulated" } else { "" };
            let plugins: Vec<String> = run.plugins.iter().map(describe_plugin).collect();
            let plugins = if plugins.is_empty() {
                String::new()
            } else {
                format!(" with {}", plugins.join(", "))
            };
            format!(
                "{} by {} (konductor {}{simulated}){plugins}",
                run.command, run.actor, run.konductor
            )
        }
        Entry::Begin(begin) => format!(
            "begin    {:?} {} ({})",
            begin.action,
            begin.urn.name(),
            begin.urn.resource_type()
        ),
        Entry::Progress(progress) => {
            format!(
                "progress {} {}",
                progress.operation,
                progress.id.as_deref().unwrap_or_default()
            )
        }
        Entry::End(end) => {
            let id = end
                .object()
                .map(|object| object.id.as_str())
                .unwrap_or("no object");
            let result = end
                .failure
                .as_ref()
                .map_or_else(|| id.to_owned(), |failure| format!("failed: {failure}"));
            format!(
                "end      {} ({}) {result}, {} ms",
                end.urn.name(),
                end.urn.resource_type(),
                end.milliseconds
            )
        }
        Entry::Recorded { record, reason } => format!("recorded {} ({reason})", record.urn.name()),
        Entry::Forgotten { urn, reason } => format!("forgot   {} ({reason})", urn.name()),
        Entry::Moved { from, to } => format!("moved    {} to {}", from.name(), to.name()),
        Entry::Outputs { outputs } => format!(
            "outputs  {}",
            outputs.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
        Entry::CloudCall(call) => {
            let what = call
                .operation
                .clone()
                .unwrap_or_else(|| format!("{} {}", call.method, call.path));
            let status = call.status.map(|status| status.to_string());
            let result = call.error.clone().or(status).unwrap_or_default();
            format!(
                "call     {} {what} for {}: {result}, {} ms",
                call.endpoint, call.resource, call.milliseconds
            )
        }
        Entry::SecretRevealed(revealed) => format!(
            "revealed {} of {} to {}",
            revealed.attribute, revealed.resource, revealed.plugin
        ),
        Entry::DriftChecked(checked) => describe_drift(checked),
        Entry::DriftTold(told) => match (&told.error, told.digest.is_empty()) {
            (Some(error), _) => format!("alert    {} failed: {error}", told.alert),
            (None, true) => format!("alert    {}: the drift is gone", told.alert),
            (None, false) => format!("alert    {}: told of drift", told.alert),
        },
        Entry::ControlFinding(found) => describe_finding(found),
        Entry::ComplianceChecked(checked) => describe_compliance(checked),
        Entry::ComplianceTold(told) => match &told.error {
            Some(error) => format!("alert    {} failed: {error}", told.alert),
            None => format!("alert    {}: told of controls", told.alert),
        },
        Entry::PolicyDecided(decision) => describe_decision(decision),
        Entry::RunFinished(run) => run.result.clone(),
        Entry::Restored(restored) => {
            let given_up = match &restored.given_up {
                Some(GivenUp {
                    first: Some(first),
                    last: Some(last),
                    kept,
                }) => format!(", giving up entries {first} to {last}, which are in {kept}"),
                Some(given_up) => format!(", giving up what is in {}", given_up.kept),
                None => String::new(),
            };
            format!(
                "restored to entry {} from {}{given_up}",
                restored.serial, restored.from
            )
        }
        Entry::KeysRotated(rotated) => {
            let wrapped: Vec<String> = rotated.wrapped_for.iter().map(ToString::to_string).collect();
            format!(
                "data key {}, which opens with {}",
                rotated.key,
                wrapped.join(", ")
            )
        }
        Entry::AuditForwarded(forwarded) => {
            format!(
                "forwarded to {} up to entry {}",
                forwarded.target, forwarded.serial
            )
        }
        Entry::LogArchived(made) => format!(
            "archived entries {} to {} at {}, to be kept until {}",
            made.first,
            made.last,
            made.place,
            made.until.strftime("%Y-%m-%d")
        ),
        Entry::RunAttested(_) => "signed a statement about the run".to_owned(),
        Entry::LockTakenAway(taken) => {
            let from = taken
                .from
                .as_ref()
                .map(|owner| format!(" of {owner}"))
                .unwrap_or_default();
            format!(
                "the lock{from} was taken away by {} {}",
                taken.by.who, taken.because
            )
        }
    }
}

fn describe_decision(decision: &PolicyDecision) -> String {
    let packages: Vec<String> = decision
        .packages
        .iter()
        .map(|package| {
            let outcome = match package.outcome {
                PackageOutcome::Passed => "passed",
                PackageOutcome::Advised => "advises",
                PackageOutcome::Overridden => "overridden",
                PackageOutcome::Denied => "refuses",
                PackageOutcome::Unusable => "could not be evaluated",
            };
            match &package.override_reason {
                Some(reason) => format!("{} {outcome} ({reason})", package.name),
                None => format!("{} {outcome}", package.name),
            }
        })
        .collect();
    let result = if decision.allowed { "allowed" } else { "refused" };
    format!(
        "policies {} {result}: {}",
        decision.operation,
        packages.join(", ")
    )
}

fn describe_finding(found: &ControlFinding) -> String {
    let state = match &found.state {
        FindingState::Open { level } => format!("fails ({})", level.word()),
        FindingState::Waived { approver, expires } => format!("is waived by {approver} until {expires}"),
        FindingState::Gone => "fails no more".to_owned(),
    };
    let since = found.since.strftime("%Y-%m-%d %H:%M:%S");
    format!("control  {} {} {state}, since {since}", found.name(), found.check)
}

fn describe_compliance(checked: &ComplianceChecked) -> String {
    let frameworks = checked.counts.iter().map(|(framework, counts)| {
        format!(
            "{framework} {} mandatory, {} advisory, {} waived",
            counts.mandatory, counts.advisory, counts.waived
        )
    });
    let frameworks: Vec<String> = frameworks.collect();
    let mut told = format!("controls {}", frameworks.join("; "));
    for change in &checked.frameworks {
        let edition = |edition: &Option<FrameworkEdition>| match edition {
            Some(edition) => edition.version.clone(),
            None => "none".to_owned(),
        };
        let from_to = format!("{} to {}", edition(&change.from), edition(&change.to));
        told.push_str(&format!("; {}: {from_to}", change.framework));
    }
    for waiver in &checked.waivers {
        told.push_str(&format!(
            "; the waiver of {} for {} ({}): {}",
            waiver.control,
            waiver.resource,
            waiver.expires,
            waiver.state.word()
        ));
    }
    told
}

fn describe_drift(checked: &DriftChecked) -> String {
    let found = differences(checked).unwrap_or_else(|| "none".to_owned());
    format!("drift    {found}, of {} objects", checked.objects)
}

/// Returns how many differences of each kind a check of drift found; none where it found none.
pub fn differences(checked: &DriftChecked) -> Option<String> {
    let counts = checked.counts.iter();
    let counts: Vec<String> = counts.map(|(kind, count)| format!("{count} {kind}")).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

fn describe_plugin(plugin: &PluginUsed) -> String {
    let digest: String = plugin.digest.chars().take(12).collect();
    let signer = match &plugin.signer {
        Some(signer) => format!(", signed by {signer}"),
        None => String::new(),
    };
    format!("{} {} (sha256:{digest}…{signer})", plugin.name, plugin.version)
}
