//! One thing that happened, as it is told outside the log.

use jiff::Timestamp;
use konductor_model::Urn;
use konductor_model::policy::PolicyLevel;
use konductor_state::compliance::{ControlFinding, FindingState};
use konductor_state::entry::{Action, CloudCall};
use serde::Serialize;

/// One thing that happened. It names resources and says what was done with them; it holds none of their values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// When it was written, by the clock of the machine that wrote it.
    pub written: Timestamp,
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// The entry of the log.
    pub serial: u64,
    /// The hash of that entry, which covers all entries before it.
    pub hash: String,
    /// What kind of entry it is, as the log names it.
    pub kind: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, in a line.
    pub message: String,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The number of the run, as `konductor history` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<u64>,
    /// The identifier of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The command that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What an operation does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Subject>,
    /// The plugin that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    /// The request that left the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CloudCallMade>,
    /// The check of a resource that fails, or fails no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingMade>,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should.
    Success,
    /// It failed, or was refused.
    Failure,
    /// It is not over.
    Unknown,
}

impl Outcome {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// A resource that something is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its type; none where the entry has the name alone.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Its identity; none where the entry has the name alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urn: Option<String>,
}

impl Subject {
    /// Names a resource by what the log has of it: an identity, or a name alone.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        match text.parse::<Urn>() {
            Ok(urn) => Some(Self::from(&urn)),
            Err(_) if text.is_empty() => None,
            Err(_) => Some(Self {
                name: text.to_owned(),
                resource_type: None,
                urn: None,
            }),
        }
    }
}

impl From<&Urn> for Subject {
    fn from(urn: &Urn) -> Self {
        Self {
            name: urn.name().to_string(),
            resource_type: Some(urn.resource_type().to_string()),
            urn: Some(urn.to_string()),
        }
    }
}

/// A request that left the machine, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloudCallMade {
    /// The endpoint, as the plugin names it.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// The method.
    pub method: String,
    /// The host it went to.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The operation, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The status; none when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The cloud's identifier of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// The account, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A check of a resource that fails, or fails no more: evidence for the controls that it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingMade {
    /// The check.
    pub check: String,
    /// How much it matters: `low`, `medium`, `high`, `critical`.
    pub severity: &'static str,
    /// How it stands: `open`, `waived`, `gone`.
    pub state: &'static str,
    /// What follows: `advisory`, `mandatory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    /// The controls that the check serves: `nist-800-53:sc-28`.
    pub controls: Vec<String>,
    /// When it was found first.
    pub since: Timestamp,
    /// Who allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Until when that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

impl From<&ControlFinding> for FindingMade {
    fn from(found: &ControlFinding) -> Self {
        let (approver, expires) = match &found.state {
            FindingState::Waived { approver, expires } => (Some(approver.clone()), Some(expires.clone())),
            FindingState::Open { .. } | FindingState::Gone => (None, None),
        };
        let controls = found.controls.iter();
        Self {
            check: found.check.clone(),
            severity: found.severity.word(),
            state: found.state.word(),
            level: found.level().map(PolicyLevel::word),
            controls: controls
                .map(|control| format!("{}:{}", control.framework, control.control))
                .collect(),
            since: found.since,
            approver,
            expires,
        }
    }
}

impl From<&CloudCall> for CloudCallMade {
    fn from(call: &CloudCall) -> Self {
        Self {
            endpoint: call.endpoint.clone(),
            region: call.region.clone(),
            method: call.method.clone(),
            host: call.host.clone(),
            path: call.path.clone(),
            operation: call.operation.clone(),
            status: call.status,
            request_id: call.request_id.clone(),
            attempts: call.attempts,
            account: call.account.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record that has about everything.
    pub(crate) fn record() -> AuditRecord {
        AuditRecord {
            written: "2025-11-22T08:26:40Z".parse().unwrap(),
            project: "shop".to_owned(),
            stack: "dev".to_owned(),
            serial: 42,
            hash: "ab".repeat(32),
            kind: "end",
            outcome: Outcome::Failure,
            message: "end database failed".to_owned(),
            actor: Some("ada@analytical".to_owned()),
            deployment: Some(3),
            run: Some("0193".to_owned()),
            command: Some("run".to_owned()),
            action: Some(Action::CreateReplacement),
            resource: Subject::of_text("urn:konductor:shop:dev:aws:ec2:Vpc::database"),
            plugin: Some("aws".to_owned()),
            error: Some("it did not work".to_owned()),
            milliseconds: Some(7),
            call: None,
            finding: None,
        }
    }
}
