//! Records as logs of OpenTelemetry, in the JSON of OTLP 1.

use serde_json::{Value as Json, json};

use super::ForwardError;
use crate::record::{AuditRecord, Outcome};

/// Returns a request with records. They are of one stack.
pub(super) fn document(records: &[AuditRecord]) -> Json {
    let resource = records.first().map(|record| {
        let names = [
            ("konductor.project", &record.project),
            ("konductor.stack", &record.stack),
        ];
        let mut attributes = vec![text("service.name", "konductor")];
        attributes.extend(names.map(|(name, value)| text(name, value)));
        attributes
    });
    json!({ "resourceLogs": [{
        "resource": { "attributes": resource.unwrap_or_default() },
        "scopeLogs": [{
            "scope": { "name": "konductor.audit", "version": env!("CARGO_PKG_VERSION") },
            "logRecords": records.iter().map(log_record).collect::<Vec<_>>(),
        }],
    }] })
}

fn log_record(record: &AuditRecord) -> Json {
    let (severity, word) = match record.outcome {
        Outcome::Failure => (13, "WARN"),
        Outcome::Success | Outcome::Unknown => (9, "INFO"),
    };
    let mut attributes = vec![
        number("konductor.serial", record.serial),
        text("konductor.hash", &record.hash),
        text("konductor.kind", record.kind),
        text("konductor.outcome", record.outcome.word()),
    ];
    let resource = record.resource.as_ref();
    let call = record.call.as_ref();
    let texts = [
        ("user.name", record.actor.as_ref()),
        ("konductor.run", record.run.as_ref()),
        ("konductor.command", record.command.as_ref()),
        ("konductor.plugin", record.plugin.as_ref()),
        ("konductor.resource.name", resource.map(|resource| &resource.name)),
        (
            "konductor.resource.type",
            resource.and_then(|resource| resource.resource_type.as_ref()),
        ),
        (
            "konductor.resource.urn",
            resource.and_then(|resource| resource.urn.as_ref()),
        ),
        ("exception.message", record.error.as_ref()),
        ("http.request.method", call.map(|call| &call.method)),
        ("server.address", call.map(|call| &call.host)),
        ("url.path", call.map(|call| &call.path)),
        ("cloud.region", call.map(|call| &call.region)),
        ("cloud.account.id", call.and_then(|call| call.account.as_ref())),
        ("konductor.call.endpoint", call.map(|call| &call.endpoint)),
        (
            "konductor.call.operation",
            call.and_then(|call| call.operation.as_ref()),
        ),
        (
            "konductor.call.request_id",
            call.and_then(|call| call.request_id.as_ref()),
        ),
    ];
    attributes.extend(
        texts
            .into_iter()
            .filter_map(|(name, value)| Some(text(name, value?))),
    );
    if let Some(finding) = &record.finding {
        attributes.extend([
            text("konductor.finding.check", &finding.check),
            text("konductor.finding.state", finding.state),
            text("konductor.finding.severity", finding.severity),
            text("konductor.finding.controls", &finding.controls.join(",")),
        ]);
        attributes.extend(finding.level.map(|level| text("konductor.finding.level", level)));
    }
    if let Some(action) = record.action.and_then(|action| serde_json::to_value(action).ok()) {
        attributes.push(text("konductor.action", action.as_str().unwrap_or_default()));
    }
    let numbers = [
        ("konductor.deployment", record.deployment),
        ("konductor.milliseconds", record.milliseconds),
        (
            "http.response.status_code",
            call.and_then(|call| call.status).map(u64::from),
        ),
    ];
    attributes.extend(
        numbers
            .into_iter()
            .filter_map(|(name, value)| Some(number(name, value?))),
    );
    // Numbers of 64 bits are texts in the JSON of Protocol Buffers.
    let nanoseconds = record.written.as_nanosecond().to_string();
    json!({
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": severity,
        "severityText": word,
        "eventName": format!("konductor.{}", record.kind),
        "body": { "stringValue": record.message },
        "attributes": attributes,
    })
}

fn text(name: &str, value: &str) -> Json {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn number(name: &str, value: u64) -> Json {
    json!({ "key": name, "value": { "intValue": value.to_string() } })
}

/// Reads an answer: a success may say that some were refused. An answer that is empty, or not JSON, says nothing of it.
pub(super) fn accepted(answer: &[u8], sent: usize) -> Result<(), ForwardError> {
    let answer: Json = serde_json::from_slice(answer).unwrap_or_default();
    let partial = answer.get("partialSuccess");
    let refused = match partial.and_then(|partial| partial.get("rejectedLogRecords")) {
        Some(Json::String(text)) => text.parse().unwrap_or(0),
        other => other.and_then(Json::as_u64).unwrap_or(0),
    };
    if refused == 0 {
        return Ok(());
    }
    let reason = partial.and_then(|partial| partial.get("errorMessage")?.as_str());
    let reason = reason.unwrap_or("it does not say why");
    Err(ForwardError::Refused {
        refused,
        sent,
        reason: reason.chars().filter(|c| !c.is_control()).take(500).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_that_refused_something_is_a_failure() {
        for fine in [
            "",
            "{}",
            "not json",
            "{\"partialSuccess\": {}}",
            "{\"partialSuccess\": {\"rejectedLogRecords\": \"0\", \"errorMessage\": \"a warning\"}}",
        ] {
            assert!(accepted(fine.as_bytes(), 3).is_ok(), "{fine}");
        }
        for count in ["\"2\"", "2"] {
            let answer = format!(
                "{{\"partialSuccess\": {{\"rejectedLogRecords\": {count}, \"errorMessage\": \"full\"}}}}"
            );
            let error = accepted(answer.as_bytes(), 3).unwrap_err().to_string();
            assert_eq!(error, "the receiver refused 2 of 3 events: full");
        }
    }
}
