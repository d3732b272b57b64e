//! One object as it was deployed and as it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use konductor_model::attribute_diff::differences;
use konductor_model::provider::{ObjectState, PlanResponse};
use konductor_model::schema::{AttributeKind, AttributeSchema, ResourceSchema};
use konductor_model::{AttributeChange, ChangeKind, Diagnostics, Path, PathStep, Urn, Value};
use konductor_state::ResourceRecord;
use konductor_state::drift::{Difference, DifferenceKind};
use tokio::task::JoinSet;

use super::DriftReport;
use super::severity::{SeverityOverride, of_attribute, of_object};
use crate::desired::Providers;
use crate::error::EngineError;
use crate::plan::Drift;
use crate::records::Records;
use crate::subject::{SchemaCache, Subject};

/// Compares recorded objects with what is there: all, or those that are named.
pub(crate) async fn compare_all(
    records: &Records,
    only: Option<&HashSet<Urn>>,
    actual: &[Drift],
    plugins: Arc<dyn Providers>,
    parallelism: usize,
    severity: &SeverityOverride,
) -> Result<DriftReport, EngineError> {
    let found: HashMap<&Urn, &Drift> = actual.iter().map(|drift| (&drift.urn, drift)).collect();
    let schemas = Arc::new(SchemaCache::default());
    let mut report = DriftReport::default();
    let mut diagnostics = Diagnostics::default();
    let mut running = JoinSet::new();
    for record in records.iter() {
        if only.is_some_and(|only| !only.contains(&record.urn)) {
            continue;
        }
        let Some(recorded) = &record.object else { continue };
        // Without its plugin it was not read either; a plan that needs the plugin says so.
        let Some(provider) = plugins.provider(&record.plugin.name) else {
            continue;
        };
        report.objects += 1;
        let object = match found.get(&record.urn) {
            Some(drift) => drift.object.clone(),
            None => Some(recorded.clone()),
        };
        while running.len() >= parallelism.max(1)
            && let Some(compared) = running.join_next().await
        {
            take(&mut report, &mut diagnostics, compared?);
        }
        let (schemas, severity) = (schemas.clone(), severity.clone());
        running.spawn(async move {
            let instance = &record.plugin.name;
            let schema = schemas
                .get(instance, provider.as_ref(), record.urn.resource_type())
                .await
                .map_err(|failure| failure.to_diagnostics(record.urn.name()))?;
            let subject = Subject {
                provider: provider.as_ref(),
                schema: &schema,
                urn: &record.urn,
                options: &record.options,
                origin: None,
                verify_determinism: false,
            };
            compare(&subject, &record, object.as_ref(), &severity).await
        });
    }
    while let Some(compared) = running.join_next().await {
        take(&mut report, &mut diagnostics, compared?);
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    Ok(report)
}

/// What was found of one object.
#[derive(Debug, Default)]
struct Compared {
    differences: Vec<Difference>,
    ignored: usize,
}

fn take(report: &mut DriftReport, diagnostics: &mut Diagnostics, compared: Result<Compared, Diagnostics>) {
    match compared {
        Ok(compared) => {
            report.differences.extend(compared.differences);
            report.ignored += compared.ignored;
        }
        Err(found) => diagnostics.extend(found),
    }
}

async fn compare(
    subject: &Subject<'_>,
    record: &ResourceRecord,
    actual: Option<&ObjectState>,
    severity: &SeverityOverride,
) -> Result<Compared, Diagnostics> {
    let Some(recorded) = &record.object else {
        return Ok(Compared::default());
    };
    let whole = Difference {
        urn: record.urn.clone(),
        id: recorded.id.clone(),
        kind: DifferenceKind::DeletedOutside,
        severity: severity
            .of(record.urn.resource_type(), None)
            .unwrap_or_else(|| of_object(record.urn.resource_type())),
        at: None,
        change: None,
        recorded: Value::Null,
        actual: Value::Null,
        desired: None,
        repairable: true,
        obstacle: None,
        requires_replacement: false,
    };
    let Some(actual) = actual else {
        return Ok(Compared {
            differences: vec![whole],
            ignored: 0,
        });
    };
    let mut inputs = record.inputs.clone();
    subject.keep_ignored(&mut inputs, Some((actual, &record.inputs)));
    let raw = differences(&recorded.attributes, &actual.attributes);
    let otherwise = spelled_otherwise(&record.inputs, &actual.attributes, subject.schema);
    // What the provider would do to bring back what was deployed. It may refuse: some changes lead one way only.
    let (back, obstacle) = match subject.plan(Some((actual, &record.inputs)), &inputs).await {
        Ok(back) => (back, None),
        Err(refused) if raw.is_empty() && otherwise.is_empty() => return Err(refused),
        Err(refused) => {
            let reasons: Vec<String> = refused.into_iter().map(|refused| refused.summary).collect();
            (PlanResponse::default(), Some(reasons.join("; ")))
        }
    };
    let restores = |path: &Path| -> Option<&AttributeChange> {
        let known = |change: &&AttributeChange| {
            let there = back.planned.at(&change.at);
            !there.is_some_and(|value| value.is_unknown())
        };
        let covers = |change: &&AttributeChange| change.at.starts_with(path) || path.starts_with(&change.at);
        back.changes.iter().filter(known).find(covers)
    };
    let mut compared = Compared::default();
    let mut add = |at: Path, change: ChangeKind, before: Value, kind, restoring: Option<&AttributeChange>| {
        let now = value_at(&actual.attributes, &at);
        let secret = before.has_secret() || now.has_secret() || subject.schema.sensitive_at(&at);
        let marked = |value: Value| {
            if secret && !value.is_null() {
                value.into_secret()
            } else {
                value
            }
        };
        compared.differences.push(Difference {
            kind,
            severity: severity
                .of(record.urn.resource_type(), Some(&at))
                .unwrap_or_else(|| of_attribute(record.urn.resource_type(), subject.schema, &at)),
            change: Some(change),
            recorded: marked(before),
            actual: marked(now),
            at: Some(at),
            id: actual.id.clone(),
            repairable: restoring.is_some(),
            obstacle: obstacle
                .clone()
                .filter(|_| kind == DifferenceKind::ChangedOutside),
            requires_replacement: restoring.is_some_and(|change| change.requires_replacement),
            ..whole.clone()
        });
    };
    let mut told: Vec<Path> = Vec::new();
    let ignored = |path: &Path| {
        let options = &record.options.ignore_changes;
        options.iter().any(|named| path.starts_with(named))
    };
    let mut left_out = 0;
    for change in raw {
        let at = comparable(subject.schema, change.at);
        if told.contains(&at) {
            continue;
        }
        told.push(at.clone());
        if ignored(&at) {
            left_out += 1;
            continue;
        }
        let before = value_at(&recorded.attributes, &at);
        let restoring = restores(&at);
        let given = !value_at(&record.inputs, &at).is_null();
        let same = same_meaning(
            subject.schema.at(&at),
            &before,
            &value_at(&actual.attributes, &at),
        );
        let kind = match restoring {
            None if same || given && obstacle.is_none() => DifferenceKind::Normalised,
            _ => DifferenceKind::ChangedOutside,
        };
        add(at, change.kind, before, kind, restoring);
    }
    // What a refresh has recorded since is no longer different from the record; it still is from what was deployed.
    for change in &back.changes {
        let planned = value_at(&back.planned, &change.at);
        let overlaps = |path: &Path| change.at.starts_with(path) || path.starts_with(&change.at);
        if planned.is_unknown() || told.iter().any(overlaps) {
            continue;
        }
        told.push(change.at.clone());
        let turned = match change.kind {
            ChangeKind::Add => ChangeKind::Delete,
            ChangeKind::Delete => ChangeKind::Add,
            ChangeKind::Update => ChangeKind::Update,
        };
        add(
            change.at.clone(),
            turned,
            planned,
            DifferenceKind::ChangedOutside,
            Some(change),
        );
    }
    for at in otherwise {
        let overlaps = |path: &Path| at.starts_with(path) || path.starts_with(&at);
        if told.iter().any(overlaps) || ignored(&at) {
            continue;
        }
        let written = value_at(&record.inputs, &at);
        let same = same_meaning(
            subject.schema.at(&at),
            &written,
            &value_at(&actual.attributes, &at),
        );
        // Where the provider refuses to judge, another value is another value.
        let kind = match obstacle {
            Some(_) if !same => DifferenceKind::ChangedOutside,
            _ => DifferenceKind::Normalised,
        };
        add(at, ChangeKind::Update, written, kind, None);
    }
    compared.ignored = left_out;
    Ok(compared)
}

fn value_at(value: &Value, path: &Path) -> Value {
    value
        .at(path)
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}

/// Returns the place at which a difference is told: a list without order and a JSON document are compared whole.
fn comparable(schema: &ResourceSchema, path: Path) -> Path {
    for length in 1..path.steps().len() {
        let steps: Vec<PathStep> = path.steps().iter().take(length).cloned().collect();
        let above = Path::from(steps);
        let whole = schema.at(&above).is_some_and(|attribute| {
            matches!(
                attribute.kind,
                AttributeKind::Json | AttributeKind::List { unordered: true, .. }
            )
        });
        if whole {
            return above;
        }
    }
    path
}

/// Tells whether two values of an attribute that nobody gave mean the same. What was given the provider judges.
fn same_meaning(schema: Option<&AttributeSchema>, before: &Value, now: &Value) -> bool {
    if is_empty(before) && is_empty(now) {
        return true;
    }
    match schema.map(|schema| &schema.kind) {
        Some(AttributeKind::List { unordered: true, .. }) => {
            let (Some(before), Some(now)) = (before.as_list(), now.as_list()) else {
                return false;
            };
            let mut left: Vec<&Value> = now.iter().collect();
            before.len() == now.len()
                && before.iter().all(|value| {
                    let found = left.iter().position(|other| other.same_as(value));
                    found.map(|found| left.swap_remove(found)).is_some()
                })
        }
        Some(AttributeKind::Json) => match (document(before), document(now)) {
            (Some(before), Some(now)) => before == now,
            _ => false,
        },
        _ => before.same_as(now),
    }
}

fn is_empty(value: &Value) -> bool {
    match value.reveal() {
        Value::Null => true,
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// Returns a JSON document that is given as text or as data.
fn document(value: &Value) -> Option<serde_json::Value> {
    match value.reveal() {
        Value::Text(text) => serde_json::from_str(text).ok(),
        other => Some(konductor_model::value_json::to_plain_json(other)),
    }
}

/// Returns where an object has another value than the inputs gave. What was not given is not looked at.
fn spelled_otherwise(inputs: &Value, actual: &Value, schema: &ResourceSchema) -> Vec<Path> {
    let mut found = Vec::new();
    for (name, given) in inputs.as_map().into_iter().flatten() {
        let Some(attribute) = schema.attributes.get(name) else {
            continue;
        };
        if attribute.write_only {
            continue;
        }
        let now = actual.attribute(name).unwrap_or(&Value::Null);
        walk_given(
            &Path::attribute(name.as_str()),
            given,
            now,
            Some(attribute),
            &mut found,
        );
    }
    found
}

fn walk_given(
    path: &Path,
    given: &Value,
    now: &Value,
    schema: Option<&AttributeSchema>,
    found: &mut Vec<Path>,
) {
    let kind = schema.map(|schema| &schema.kind);
    match (given.reveal(), now.reveal()) {
        (given, now) if given.is_null() || given.same_as(now) || (is_empty(given) && is_empty(now)) => {}
        (Value::Map(given), Value::Map(now)) if !matches!(kind, Some(AttributeKind::Json)) => {
            for (name, given) in given {
                let below = match kind {
                    Some(AttributeKind::Object { attributes }) => attributes.get(name),
                    Some(AttributeKind::Map { values }) => Some(values.as_ref()),
                    _ => None,
                };
                if below.is_some_and(|below| below.write_only) {
                    continue;
                }
                let now = now.get(name).unwrap_or(&Value::Null);
                walk_given(&path.child(name), given, now, below, found);
            }
        }
        (Value::List(given), Value::List(now))
            if given.len() == now.len()
                && matches!(kind, Some(AttributeKind::List { unordered: false, .. }) | None) =>
        {
            let items = match kind {
                Some(AttributeKind::List { items, .. }) => Some(items.as_ref()),
                _ => None,
            };
            for (index, (given, now)) in given.iter().zip(now).enumerate() {
                walk_given(&path.element(index), given, now, items, found);
            }
        }
        _ => found.push(path.clone()),
    }
}
