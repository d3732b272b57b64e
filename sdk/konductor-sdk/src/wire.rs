//! Conversions between the generated bindings and the model's types.

use konductor_model::node_table::{self, Limits, Node};
use konductor_model::provider::{ObjectState, Outcome, Progress};
use konductor_model::{
    ChangeKind, Diagnostic, Diagnostics, Disposition, Failure, Path, PathStep, ResourceName, ResourceType,
    Severity, Value,
};

use crate::bindings::exports::konductor::plugin::{operations, provider};
use crate::bindings::konductor::plugin::types as wit;
use crate::equality::full_detail;

pub(crate) fn value_in(table: wit::Value) -> Result<Value, Failure> {
    let nodes = table
        .into_iter()
        .map(|node| match node {
            wit::Node::Null => Node::Null,
            wit::Node::Boolean(v) => Node::Boolean(v),
            wit::Node::Integer(v) => Node::Integer(v),
            wit::Node::Number(v) => Node::Number(v),
            wit::Node::Text(v) => Node::Text(v),
            wit::Node::Bytes(v) => Node::Bytes(v),
            wit::Node::List(v) => Node::List(v),
            wit::Node::Map(v) => Node::Map(v.into_iter().map(|entry| (entry.key, entry.value)).collect()),
            wit::Node::Unknown => Node::Unknown,
            wit::Node::Secret(v) => Node::Secret(v),
            wit::Node::Reference(v) => Node::Reference(v.resource, path_in(v.path)),
        })
        .collect();
    node_table::decode(nodes, Limits::default()).map_err(|error| {
        Failure::new(
            Disposition::Other,
            format!("the host sent a wrong value: {error}"),
        )
    })
}

pub(crate) fn optional_value_in(table: Option<wit::Value>) -> Result<Option<Value>, Failure> {
    table.map(value_in).transpose()
}

pub(crate) fn value_out(value: &Value) -> wit::Value {
    node_table::encode(value)
        .into_iter()
        .map(|node| match node {
            Node::Null => wit::Node::Null,
            Node::Boolean(v) => wit::Node::Boolean(v),
            Node::Integer(v) => wit::Node::Integer(v),
            Node::Number(v) => wit::Node::Number(v),
            Node::Text(v) => wit::Node::Text(v),
            Node::Bytes(v) => wit::Node::Bytes(v),
            Node::List(v) => wit::Node::List(v),
            Node::Map(v) => wit::Node::Map(
                v.into_iter()
                    .map(|(key, value)| wit::MapEntry { key, value })
                    .collect(),
            ),
            Node::Unknown => wit::Node::Unknown,
            Node::Secret(v) => wit::Node::Secret(v),
            Node::Reference(resource, path) => wit::Node::Reference(wit::Reference {
                resource,
                path: path_out(&path),
            }),
        })
        .collect()
}

fn path_in(path: wit::Path) -> Path {
    Path::from(
        path.into_iter()
            .map(|step| match step {
                wit::PathStep::Attribute(name) => PathStep::Attribute(name),
                wit::PathStep::Index(index) => PathStep::Index(index as usize),
            })
            .collect::<Vec<_>>(),
    )
}

pub(crate) fn path_out(path: &Path) -> wit::Path {
    path.steps()
        .iter()
        .map(|step| match step {
            PathStep::Attribute(name) => wit::PathStep::Attribute(name.clone()),
            PathStep::Index(index) => wit::PathStep::Index(u32::try_from(*index).unwrap_or(u32::MAX)),
        })
        .collect()
}

pub(crate) fn type_in(name: &str) -> Result<ResourceType, Failure> {
    name.parse().map_err(|error: konductor_model::name::NameError| {
        Failure::new(Disposition::Invalid, error.to_string())
    })
}

pub(crate) fn name_in(name: &str) -> Result<ResourceName, Failure> {
    name.parse().map_err(|error: konductor_model::name::NameError| {
        Failure::new(Disposition::Invalid, error.to_string())
    })
}

pub(crate) fn object_in(object: wit::Object) -> Result<ObjectState, Failure> {
    Ok(ObjectState {
        id: object.id,
        attributes: value_in(object.attributes)?,
        private: object.private,
        schema_version: object.schema_version,
    })
}

pub(crate) fn object_out(object: ObjectState) -> wit::Object {
    wit::Object {
        id: object.id,
        attributes: value_out(&object.attributes),
        private: object.private,
        schema_version: object.schema_version,
    }
}

fn diagnostic_out(diagnostic: &Diagnostic) -> wit::Diagnostic {
    wit::Diagnostic {
        severity: match diagnostic.severity {
            Severity::Error => wit::Severity::Error,
            Severity::Warning => wit::Severity::Warning,
            Severity::Info => wit::Severity::Info,
        },
        summary: diagnostic.summary.clone(),
        detail: full_detail(diagnostic),
        at: diagnostic.at.as_ref().map(path_out),
    }
}

pub(crate) fn diagnostics_out(diagnostics: &Diagnostics) -> Vec<wit::Diagnostic> {
    diagnostics.0.iter().map(diagnostic_out).collect()
}

/// Returns a failure as the interface's error.
pub fn failure_out(failure: Failure) -> wit::Error {
    if failure.disposition == Disposition::Invalid {
        let mut diagnostics: Vec<_> = failure.diagnostics.iter().map(diagnostic_out).collect();
        if diagnostics.is_empty() {
            let summary = if failure.code.is_empty() {
                failure.message
            } else {
                format!("{}: {}", failure.code, failure.message)
            };
            diagnostics.push(wit::Diagnostic {
                severity: wit::Severity::Error,
                summary,
                detail: failure
                    .request_id
                    .map(|id| format!("cloud request {id}"))
                    .unwrap_or_default(),
                at: failure.at.as_ref().map(path_out),
            });
        }
        return wit::Error::Invalid(diagnostics);
    }
    let disposition = failure.disposition;
    let failure = wit::Failure {
        code: failure.code,
        message: failure.message,
        http_status: failure.http_status,
        request_id: failure.request_id,
        at: failure.at.as_ref().map(path_out),
        details: failure.details,
    };
    match disposition {
        Disposition::NotFound => wit::Error::NotFound(failure),
        Disposition::AlreadyExists => wit::Error::AlreadyExists(failure),
        Disposition::Conflict => wit::Error::Conflict(failure),
        Disposition::Throttled => wit::Error::Throttled(failure),
        Disposition::Denied => wit::Error::Denied(failure),
        Disposition::Quota => wit::Error::Quota(failure),
        Disposition::Unavailable => wit::Error::Unavailable(failure),
        Disposition::Unsupported => wit::Error::Unsupported(failure),
        Disposition::Invalid | Disposition::Other | Disposition::Plugin | Disposition::Cancelled => {
            wit::Error::Other(failure)
        }
    }
}

pub(crate) fn change_out(change: &konductor_model::AttributeChange) -> provider::AttributeChange {
    provider::AttributeChange {
        at: path_out(&change.at),
        kind: match change.kind {
            ChangeKind::Add => provider::ChangeKind::Add,
            ChangeKind::Delete => provider::ChangeKind::Delete,
            ChangeKind::Update => provider::ChangeKind::Update,
        },
        requires_replacement: change.requires_replacement,
    }
}

fn progress_out(progress: Progress) -> operations::Progress {
    operations::Progress {
        handle: progress.handle,
        retry_after_milliseconds: u32::try_from(progress.retry_after.as_millis()).unwrap_or(u32::MAX),
        id: progress.id,
        message: progress.message,
    }
}

fn partial_out(object: ObjectState, failure: Failure) -> operations::Partial {
    operations::Partial {
        object: object_out(object),
        reason: failure_out(failure),
    }
}

fn wrong_outcome(what: &str) -> wit::Error {
    failure_out(Failure::new(
        Disposition::Other,
        format!("the plugin answered `{what}`, which does not fit the operation"),
    ))
}

pub(crate) fn outcome_out(outcome: Outcome) -> Result<operations::Outcome, wit::Error> {
    Ok(match outcome {
        Outcome::Complete(object) => operations::Outcome::Complete(object_out(object)),
        Outcome::InProgress(progress) => operations::Outcome::InProgress(progress_out(progress)),
        Outcome::Partial(object, failure) => operations::Outcome::Partial(partial_out(object, failure)),
        Outcome::Deleted => return Err(wrong_outcome("deleted")),
    })
}

pub(crate) fn deletion_out(outcome: Outcome) -> Result<operations::Deletion, wit::Error> {
    Ok(match outcome {
        Outcome::Deleted => operations::Deletion::Complete,
        Outcome::InProgress(progress) => operations::Deletion::InProgress(progress_out(progress)),
        Outcome::Partial(_, failure) => return Err(failure_out(failure)),
        Outcome::Complete(_) => return Err(wrong_outcome("complete")),
    })
}

pub(crate) fn poll_out(outcome: Outcome) -> operations::PollOutcome {
    match outcome {
        Outcome::Complete(object) => operations::PollOutcome::Complete(object_out(object)),
        Outcome::Deleted => operations::PollOutcome::Deleted,
        Outcome::InProgress(progress) => operations::PollOutcome::InProgress(progress_out(progress)),
        Outcome::Partial(object, failure) => operations::PollOutcome::Partial(partial_out(object, failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_way_through_the_bindings() {
        let value = Value::from([
            ("list", Value::from(vec![1, 2])),
            ("secret", Value::from("x").into_secret()),
            ("unknown", Value::Unknown),
            ("map", Value::from([("a", Value::Null)])),
        ]);
        assert_eq!(value_in(value_out(&value)).unwrap(), value);
    }

    #[test]
    fn an_invalid_failure_carries_what_is_wrong_and_any_other_its_code() {
        let invalid = failure_out(Failure::new(Disposition::Invalid, "too small").code("InvalidSize"));
        assert!(matches!(&invalid, wit::Error::Invalid(d) if d[0].summary == "InvalidSize: too small"));
        let throttled = failure_out(Failure::new(Disposition::Throttled, "slow down").code("SlowDown"));
        assert!(matches!(&throttled, wit::Error::Throttled(f) if f.code == "SlowDown"));
    }
}
