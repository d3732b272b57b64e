//! How drift is looked for, told and repaired: the section `drift`.

use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use konductor_model::wildcard::wildcard;
use konductor_model::{AlertTarget, Diagnostics, Path, ResourceType, SecretText, Value};

use crate::configuration::Configuration;
use crate::resolve::Context;
use crate::section_reading::Reading;

/// The name of the section.
pub(crate) const DRIFT: &str = "drift";

pub(crate) const KEYS: [&str; 8] = [
    "approval",
    "severity",
    "schedule",
    "time_zone",
    "jitter",
    "unmanaged",
    "remediate",
    "alerts",
];
pub(crate) const APPROVAL_KEYS: [&str; 3] = ["type", "attribute", "mode"];
pub(crate) const SEVERITY_KEYS: [&str; 3] = ["type", "attribute", "level"];
pub(crate) const ALERT_KEYS: [&str; 7] = [
    "name", "severity", "webhook", "headers", "slack", "email", "command",
];
pub(crate) const EMAIL_KEYS: [&str; 5] = ["server", "user", "password", "from", "to"];
pub(crate) const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];
pub(crate) const MODES: [&str; 3] = ["auto", "ask", "never"];
/// An element of one of the lists.
const EXAMPLE: &str = "{ type: \"aws:ec2:*\", … }";

/// How drift is looked for, told and repaired.
#[derive(Debug, Clone, Default)]
pub struct DriftSettings {
    /// Who has to agree to a repair; the first rule that fits decides, and without one somebody is asked.
    pub approval: Vec<ApprovalRule>,
    /// How much a difference matters, where the host's own table is wrong; the first rule that fits decides.
    pub severity: Vec<SeverityRule>,
    /// When `konductor watch` checks; none: it does not.
    pub schedule: Option<Schedule>,
    /// Types whose objects are listed to find what nothing manages; an empty list stands for all that are recorded.
    pub unmanaged: Option<Vec<String>>,
    /// Repairs after a scheduled check what may be repaired without asking.
    pub remediate: bool,
    /// Who is told.
    pub alerts: Vec<AlertSettings>,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// A type; `*` stands for any text.
    pub resource_type: String,
    /// An attribute with all below it; none stands for every attribute and the object itself.
    pub attribute: Option<Path>,
}

impl Scope {
    /// Tells whether a rule is about an attribute, or, without one, about a whole object.
    pub fn fits(&self, resource_type: &ResourceType, at: Option<&Path>) -> bool {
        wildcard(&self.resource_type, resource_type.as_str())
            && match (&self.attribute, at) {
                (None, _) => true,
                (Some(attribute), Some(at)) => at.starts_with(attribute),
                (Some(_), None) => false,
            }
    }
}

/// Who has to agree to a repair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApprovalMode {
    /// Nobody.
    Auto,
    /// A person.
    #[default]
    Ask,
    /// It is not repaired.
    Never,
}

/// A rule for repairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// What it is about.
    pub scope: Scope,
    /// What holds there.
    pub mode: ApprovalMode,
}

/// A rule for severities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeverityRule {
    /// What it is about.
    pub scope: Scope,
    /// `low`, `medium`, `high` or `critical`.
    pub level: String,
}

/// When a stack is checked.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// As it is written: five fields, or six with seconds first.
    pub written: String,
    /// As it is understood.
    pub cron: Cron,
    /// Where the clock stands that it is read by.
    pub time_zone: TimeZone,
    /// At most how much later than that a check begins.
    pub jitter: Duration,
}

/// Somebody who is told of drift.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// Its name, unique in the stack.
    pub name: String,
    /// Only drift that matters at least so much: `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// How.
    pub target: AlertTarget,
}

impl Configuration {
    /// Returns how drift is looked for, told and repaired in this stack.
    ///
    /// # Errors
    /// Everything in the section that is unknown or of another form, each with its place.
    pub fn drift(&self, context: Context<'_>) -> Result<DriftSettings, Diagnostics> {
        let section = Path::attribute(DRIFT);
        let Some(settings) = self.value(&section, context)? else {
            return Ok(DriftSettings::default());
        };
        let mut reading = Reading {
            configuration: self,
            diagnostics: Diagnostics::default(),
        };
        let found = reading.settings(&section, &settings);
        if reading.diagnostics.has_errors() {
            Err(reading.diagnostics)
        } else {
            Ok(found)
        }
    }
}

impl Reading<'_> {
    fn settings(&mut self, at: &Path, settings: &Value) -> DriftSettings {
        self.only(at, settings, &KEYS);
        let member = |name: &str| settings.attribute(name).filter(|value| !value.is_null());
        let mut found = DriftSettings::default();
        for (at, rule) in self.list(&at.child("approval"), member("approval"), EXAMPLE) {
            self.only(&at, &rule, &APPROVAL_KEYS);
            if let (Some(scope), Some(mode)) = (self.scope(&at, &rule), self.mode(&at.child("mode"), &rule)) {
                found.approval.push(ApprovalRule { scope, mode });
            }
        }
        for (at, rule) in self.list(&at.child("severity"), member("severity"), EXAMPLE) {
            self.only(&at, &rule, &SEVERITY_KEYS);
            let level = self.word(&at.child("level"), rule.attribute("level"), &SEVERITIES);
            if let (Some(scope), Some(level)) = (self.scope(&at, &rule), level) {
                found.severity.push(SeverityRule { scope, level });
            }
        }
        found.schedule = self.schedule(at, settings);
        if let Some(value) = member("unmanaged") {
            let at = at.child("unmanaged");
            match value.as_boolean() {
                Some(true) => found.unmanaged = Some(Vec::new()),
                Some(false) => {}
                None => found.unmanaged = self.texts(&at, value, "[\"aws:ec2:*\"]"),
            }
        }
        if let Some(value) = member("remediate") {
            match value.as_boolean() {
                Some(remediate) => found.remediate = remediate,
                None => self.expected(&at.child("remediate"), value, "true or false", "remediate: true"),
            }
        }
        for (at, alert) in self.list(&at.child("alerts"), member("alerts"), EXAMPLE) {
            if let Some(alert) = self.alert(&at, &alert) {
                if found.alerts.iter().any(|other| other.name == alert.name) {
                    let summary = format!("two alerts are called `{}`", alert.name);
                    self.wrong(&at.child("name"), summary, "give each a name of its own");
                }
                found.alerts.push(alert);
            }
        }
        found
    }

    fn scope(&mut self, at: &Path, rule: &Value) -> Option<Scope> {
        let at_type = at.child("type");
        let resource_type = self.text(&at_type, rule.attribute("type"), "type: \"aws:ec2:*\"")?;
        let whole = resource_type.parse::<ResourceType>().is_ok();
        if !whole && !resource_type.ends_with('*') {
            let summary = format!("`{resource_type}` is neither a type nor a pattern");
            self.wrong(
                &at_type,
                summary,
                "write `aws:ec2:Vpc`, or the beginning with `*`: `aws:ec2:*`",
            );
            return None;
        }
        let attribute = match rule.attribute("attribute").filter(|value| !value.is_null()) {
            None => None,
            Some(value) => {
                let at = at.child("attribute");
                let text = self.text(&at, Some(value), "attribute: tags")?;
                match text.parse() {
                    Ok(path) => Some(path),
                    Err(error) => {
                        let error: konductor_model::path::PathError = error;
                        self.wrong(&at, error.to_string(), "write it like tags.Name or rules[0].port");
                        return None;
                    }
                }
            }
        };
        Some(Scope {
            resource_type,
            attribute,
        })
    }

    fn mode(&mut self, at: &Path, rule: &Value) -> Option<ApprovalMode> {
        Some(match self.word(at, rule.attribute("mode"), &MODES)?.as_str() {
            "auto" => ApprovalMode::Auto,
            "never" => ApprovalMode::Never,
            _ => ApprovalMode::Ask,
        })
    }

    fn schedule(&mut self, at: &Path, settings: &Value) -> Option<Schedule> {
        let member = |name: &str| settings.attribute(name).filter(|value| !value.is_null());
        let time_zone = match member("time_zone") {
            None => Some(TimeZone::UTC),
            Some(value) => {
                let at = at.child("time_zone");
                let name = self.text(&at, Some(value), "time_zone: Europe/Berlin");
                name.and_then(|name| match TimeZone::get(&name) {
                    Ok(zone) => Some(zone),
                    Err(_) => {
                        let summary = format!("there is no time zone `{name}`");
                        self.wrong(&at, summary, "write a name of the IANA database: `Europe/Berlin`");
                        None
                    }
                })
            }
        };
        let jitter = match member("jitter") {
            None => Some(Duration::ZERO),
            Some(value) => {
                let found = duration(value);
                if found.is_none() {
                    self.expected(&at.child("jitter"), value, "a time", "jitter: 5m");
                }
                found
            }
        };
        let value = member("schedule")?;
        let at = at.child("schedule");
        let written = self.text(&at, Some(value), "schedule: \"*/15 * * * *\"")?;
        match Cron::from_str(&written) {
            Ok(cron) => Some(Schedule {
                written,
                cron,
                time_zone: time_zone?,
                jitter: jitter?,
            }),
            Err(error) => {
                let summary = format!("`{written}` is no schedule: {error}");
                self.wrong(
                    &at,
                    summary,
                    "write minute, hour, day, month and weekday: `0 */6 * * *` is every six hours",
                );
                None
            }
        }
    }

    fn alert(&mut self, at: &Path, alert: &Value) -> Option<AlertSettings> {
        const TARGETS: [&str; 4] = ["webhook", "slack", "email", "command"];
        self.only(at, alert, &ALERT_KEYS);
        let name = self.text(&at.child("name"), alert.attribute("name"), "name: operations");
        let severity = match alert.attribute("severity").filter(|value| !value.is_null()) {
            None => Some("low".to_owned()),
            value => self.word(&at.child("severity"), value, &SEVERITIES),
        };
        let given: Vec<(&str, &Value)> = TARGETS
            .into_iter()
            .filter_map(|kind| Some((kind, alert.attribute(kind).filter(|value| !value.is_null())?)))
            .collect();
        let [(kind, value)] = given.as_slice() else {
            self.wrong(
                at,
                "an alert has one of `webhook`, `slack`, `email` and `command`",
                "write for example `{ name: operations, slack: https://… }`",
            );
            return None;
        };
        let below = at.child(*kind);
        let target = match *kind {
            "command" => {
                let run = self.texts(&below, value, "command: [notify, drift]")?;
                if run.is_empty() {
                    self.expected(&below, value, "a program", "command: [notify, drift]");
                    return None;
                }
                AlertTarget::Command { run }
            }
            "email" => self.email(&below, value)?,
            "slack" => AlertTarget::Slack {
                url: self.url(&below, value, "https://hooks.example.org/…")?,
            },
            _ => AlertTarget::Webhook {
                url: self.url(&below, value, "https://hooks.example.org/…")?,
                headers: self.headers(&at.child("headers"), alert.attribute("headers"))?,
            },
        };
        Some(AlertSettings {
            name: name?,
            severity: severity?,
            target,
        })
    }

    fn email(&mut self, at: &Path, value: &Value) -> Option<AlertTarget> {
        self.only(at, value, &EMAIL_KEYS);
        let member = |name: &str| value.attribute(name).filter(|value| !value.is_null());
        let server = self.text(
            &at.child("server"),
            member("server"),
            "server: smtps://mail.example.org",
        );
        let from = self.text(&at.child("from"), member("from"), "from: konductor@example.org");
        let to = match member("to") {
            Some(value) => self.texts(&at.child("to"), value, "to: [operations@example.org]"),
            None => {
                self.expected(
                    &at.child("to"),
                    &Value::Null,
                    "a list of texts",
                    "to: [operations@example.org]",
                );
                None
            }
        };
        let password = member("password").and_then(Value::as_text);
        Some(AlertTarget::Email {
            server: server?,
            user: member("user").and_then(Value::as_text).map(str::to_owned),
            password: password.map(|text| SecretText::new(text.to_owned())),
            from: from?,
            to: to?,
        })
    }
}

/// Reads a whole number of seconds, or text such as `90s`, `5m` or `1h 30m`.
fn duration(value: &Value) -> Option<Duration> {
    let found = match value.reveal() {
        Value::Text(text) => text.parse::<jiff::SignedDuration>().ok()?,
        other => jiff::SignedDuration::from_secs(other.as_integer()?),
    };
    Duration::try_from(found).ok()
}
