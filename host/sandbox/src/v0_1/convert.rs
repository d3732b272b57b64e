//! Objects, outcomes, failures and declarations, between the model and the bindings.

use std::time::Duration;

use konductor_model::module::ConstructedDeclaration;
use konductor_model::provider as model;
use konductor_model::{
    AttributeChange, ChangeKind, Diagnostic, Diagnostics, Disposition, Failure, ResourceOptions, Severity,
    Value,
    value_json::{self, Secrets},
};

use super::bindings::exports::konductor::plugin::{module, operations, provider};
use super::bindings::konductor::plugin::types;
use super::values::{path_in, value_in, value_out};
use crate::guest::{Answered, GuestError, Session};

impl From<types::Error> for GuestError {
    fn from(error: types::Error) -> Self {
        Self::Failed(failure_in(error))
    }
}

pub(super) fn diagnostics_in(diagnostics: Vec<types::Diagnostic>) -> Diagnostics {
    let diagnostics = diagnostics.into_iter().map(|diagnostic| Diagnostic {
        detail: diagnostic.detail,
        at: diagnostic.at.map(path_in),
        ..Diagnostic::new(
            match diagnostic.severity {
                types::Severity::Error => Severity::Error,
                types::Severity::Warning => Severity::Warning,
                types::Severity::Info => Severity::Info,
            },
            diagnostic.summary,
        )
    });
    Diagnostics(diagnostics.collect())
}

pub(super) fn failure_in(error: types::Error) -> Failure {
    let (disposition, failure) = match error {
        types::Error::Invalid(diagnostics) => return Failure::invalid(diagnostics_in(diagnostics)),
        types::Error::NotFound(failure) => (Disposition::NotFound, failure),
        types::Error::AlreadyExists(failure) => (Disposition::AlreadyExists, failure),
        types::Error::Conflict(failure) => (Disposition::Conflict, failure),
        types::Error::Throttled(failure) => (Disposition::Throttled, failure),
        types::Error::Denied(failure) => (Disposition::Denied, failure),
        types::Error::Quota(failure) => (Disposition::Quota, failure),
        types::Error::Unavailable(failure) => (Disposition::Unavailable, failure),
        types::Error::Unsupported(failure) => (Disposition::Unsupported, failure),
        types::Error::Other(failure) => (Disposition::Other, failure),
    };
    Failure {
        code: failure.code,
        http_status: failure.http_status,
        request_id: failure.request_id,
        at: failure.at.map(path_in),
        details: failure.details,
        ..Failure::new(disposition, failure.message)
    }
}

pub(super) fn object_out(object: model::ObjectState) -> types::Object {
    types::Object {
        id: object.id,
        attributes: value_out(&object.attributes),
        private: object.private,
        schema_version: object.schema_version,
    }
}

pub(super) fn object_in(object: types::Object, session: &Session) -> Answered<model::ObjectState> {
    Ok(model::ObjectState {
        id: object.id,
        attributes: value_in("attributes", object.attributes, session)?,
        private: object.private,
        schema_version: object.schema_version,
    })
}

pub(super) fn change_in(change: provider::AttributeChange) -> AttributeChange {
    AttributeChange {
        at: path_in(change.at),
        kind: match change.kind {
            provider::ChangeKind::Add => ChangeKind::Add,
            provider::ChangeKind::Delete => ChangeKind::Delete,
            provider::ChangeKind::Update => ChangeKind::Update,
        },
        requires_replacement: change.requires_replacement,
    }
}

pub(super) fn read_out(request: model::ReadRequest) -> operations::ReadRequest {
    operations::ReadRequest {
        resource_type: request.resource_type.to_string(),
        name: request.name.to_string(),
        id: request.id,
        prior: request.prior.map(object_out),
    }
}

pub(super) fn progress_in(progress: operations::Progress) -> model::Progress {
    model::Progress {
        handle: progress.handle,
        retry_after: Duration::from_millis(progress.retry_after_milliseconds.into()),
        id: progress.id,
        message: progress.message,
    }
}

pub(super) fn partial_in(partial: operations::Partial, session: &Session) -> Answered<model::Outcome> {
    Ok(model::Outcome::Partial(
        object_in(partial.object, session)?,
        failure_in(partial.reason),
    ))
}

pub(super) fn outcome_in(outcome: operations::Outcome, session: &Session) -> Answered<model::Outcome> {
    match outcome {
        operations::Outcome::Complete(object) => Ok(model::Outcome::Complete(object_in(object, session)?)),
        operations::Outcome::InProgress(progress) => Ok(model::Outcome::InProgress(progress_in(progress))),
        operations::Outcome::Partial(partial) => partial_in(partial, session),
    }
}

pub(super) fn declaration_in(
    declaration: module::Declaration,
    session: &Session,
) -> Answered<ConstructedDeclaration> {
    let malformed = |what: String| {
        let name: String = declaration
            .name
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        GuestError::Malformed(format!("in declaration `{name}`: {what}"))
    };
    let resource_type = declaration
        .type_name
        .parse()
        .map_err(|error| malformed(format!("{error}")))?;
    let options = match value_in("options", declaration.options, session)? {
        Value::Null => ResourceOptions::default(),
        options => serde_json::from_value(value_json::to_json(&options, Secrets::Masked))
            .map_err(|error| malformed(format!("the options are none: {error}")))?,
    };
    Ok(ConstructedDeclaration {
        properties: value_in("properties", declaration.properties, session)?,
        name: declaration.name,
        resource_type,
        options,
    })
}
