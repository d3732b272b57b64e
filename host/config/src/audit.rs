//! Where the events of the log go, and what signs them: the section `audit`.

use konductor_model::{AuditTarget, Diagnostics, Origin, Path, Retention, Value};

use crate::configuration::Configuration;
use crate::resolve::Context;
use crate::section_reading::Reading;

/// The name of the section.
pub(crate) const AUDIT: &str = "audit";

pub(crate) const KEYS: [&str; 4] = ["forward", "signing_key", "public_keys", "retention"];
pub(crate) const RETENTION_KEYS: [&str; 1] = ["log"];
pub(crate) const FORWARD_KEYS: [&str; 4] = ["name", "syslog", "otlp", "headers"];
/// An element of the list of targets.
const EXAMPLE: &str = "{ name: siem, syslog: \"tcp+tls://logs.example.com\" }";

/// Where the events of the log go.
#[derive(Debug, Clone, Default)]
pub struct AuditSettings {
    /// Who gets them.
    pub forward: Vec<ForwardSettings>,
    /// The file with the private key that signs a statement about every run; none: nothing is signed.
    pub signing_key: Option<String>,
    /// The files with the public keys that statements are verified with.
    pub public_keys: Vec<String>,
    /// How long the log is kept in its archives.
    pub retention: Option<RetentionSetting>,
}

/// How long the log is kept, and where that is written.
#[derive(Debug, Clone)]
pub struct RetentionSetting {
    /// How long.
    pub value: Retention,
    /// The place.
    pub origin: Option<Origin>,
}

/// Somebody who gets the events.
#[derive(Debug, Clone)]
pub struct ForwardSettings {
    /// Its name, unique in the stack: how far it got is kept under it.
    pub name: String,
    /// Where it is.
    pub target: AuditTarget,
}

impl Configuration {
    /// Returns where the events of this stack's log go.
    ///
    /// # Errors
    /// Everything in the section that is unknown or of another form, each with its place.
    pub fn audit(&self, context: Context<'_>) -> Result<AuditSettings, Diagnostics> {
        let section = Path::attribute(AUDIT);
        let Some(settings) = self.value(&section, context)? else {
            return Ok(AuditSettings::default());
        };
        let mut reading = Reading {
            configuration: self,
            diagnostics: Diagnostics::default(),
        };
        reading.only(&section, &settings, &KEYS);
        let mut found = AuditSettings::default();
        let forward = settings.attribute("forward").filter(|value| !value.is_null());
        for (at, element) in reading.list(&section.child("forward"), forward, EXAMPLE) {
            let Some(target) = reading.forward(&at, &element) else {
                continue;
            };
            if found.forward.iter().any(|other| other.name == target.name) {
                let summary = format!("two targets are called `{}`", target.name);
                reading.wrong(&at.child("name"), summary, "give each a name of its own");
            }
            found.forward.push(target);
        }
        if let Some(file) = settings.attribute("signing_key").filter(|value| !value.is_null()) {
            let at = section.child("signing_key");
            found.signing_key = reading.text(&at, Some(file), "signing_key: keys/audit.key");
        }
        if let Some(files) = settings.attribute("public_keys").filter(|value| !value.is_null()) {
            let at = section.child("public_keys");
            let files = reading.texts(&at, files, "public_keys: [keys/audit.pem]");
            found.public_keys = files.unwrap_or_default();
        }
        if let Some(retention) = settings.attribute("retention").filter(|value| !value.is_null()) {
            found.retention = reading.retention(&section.child("retention"), retention);
        }
        if reading.diagnostics.has_errors() {
            Err(reading.diagnostics)
        } else {
            Ok(found)
        }
    }
}

impl Reading<'_> {
    fn retention(&mut self, at: &Path, retention: &Value) -> Option<RetentionSetting> {
        self.only(at, retention, &RETENTION_KEYS);
        let at = at.child("log");
        let text = self.text(&at, retention.attribute("log"), "log: 7y")?;
        match text.parse() {
            Ok(value) => Some(RetentionSetting {
                value,
                origin: self.configuration.locate_setting(&at),
            }),
            Err(summary) => {
                let summary: String = summary;
                self.wrong(&at, summary, "write for example `retention: { log: 7y }`");
                None
            }
        }
    }

    fn forward(&mut self, at: &Path, element: &Value) -> Option<ForwardSettings> {
        self.only(at, element, &FORWARD_KEYS);
        let name = self.text(&at.child("name"), element.attribute("name"), "name: siem");
        let member = |name: &str| element.attribute(name).filter(|value| !value.is_null());
        let target = match (member("syslog"), member("otlp")) {
            (Some(address), None) => {
                let at = at.child("syslog");
                let text = self.text(&at, Some(address), "syslog: \"tcp+tls://logs.example.com\"")?;
                match text.parse() {
                    Ok(address) => AuditTarget::Syslog(address),
                    Err(help) => {
                        let help: String = help;
                        self.wrong(&at, format!("`{text}` is no address of a syslog receiver"), help);
                        return None;
                    }
                }
            }
            (None, Some(url)) => AuditTarget::Otlp {
                url: self.url(&at.child("otlp"), url, "https://collector.example.com/v1/logs")?,
                headers: self.headers(&at.child("headers"), element.attribute("headers"))?,
            },
            _ => {
                self.wrong(
                    at,
                    "a target has one of `syslog` and `otlp`",
                    format!("write for example `{EXAMPLE}`"),
                );
                return None;
            }
        };
        Some(ForwardSettings { name: name?, target })
    }
}
