//! What resources are held to: the section `compliance`.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, ToSpan as _};
use konductor_model::compliance::{ComplianceSettings, ControlLevel, PlacedText, Tightening, Waiver};
use konductor_model::policy::PolicyLevel;
use konductor_model::{Diagnostics, Path, Value};

use crate::configuration::Configuration;
use crate::resolve::Context;
use crate::section_reading::Reading;

/// The name of the section.
pub(crate) const COMPLIANCE: &str = "compliance";

const KEYS: [&str; 9] = [
    "enabled",
    "frameworks",
    "catalogues",
    "level",
    "controls",
    "waivers",
    "tighten",
    "tags",
    "notice",
];
/// How long before the end of a waiver `konductor watch` tells of it, where nothing is said.
const NOTICE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const LEVELS: [&str; 2] = ["advisory", "mandatory"];
const WAIVER_KEYS: [&str; 5] = ["control", "resource", "reason", "approver", "expires"];
const TIGHTENING_KEYS: [&str; 3] = ["metadata", "findings", "controls"];
const TIGHTENING: &str =
    "{ metadata: { data_classification: restricted }, controls: { \"*-own-key\": mandatory } }";
const WAIVER: &str =
    "{ control: \"nist-800-53:sc-28\", resource: logs, reason: …, approver: …, expires: 2027-01-31 }";

impl Configuration {
    /// Returns what the resources of the stack are held to; none where it is not said, or switched off.
    ///
    /// # Errors
    /// Everything in the section that is unknown or of another form, each with its place.
    pub fn compliance(&self, context: Context<'_>) -> Result<Option<ComplianceSettings>, Diagnostics> {
        let section = Path::attribute(COMPLIANCE);
        let Some(settings) = self.value(&section, context)? else {
            return Ok(None);
        };
        let mut reading = Reading {
            configuration: self,
            diagnostics: Diagnostics::default(),
        };
        let found = reading.compliance(&section, &settings);
        if reading.diagnostics.has_errors() {
            Err(reading.diagnostics)
        } else {
            Ok(found)
        }
    }
}

impl Configuration {
    /// Returns the files of the frameworks of the site, as they are written.
    ///
    /// # Errors
    /// When they are no list of texts.
    pub fn compliance_catalogues(&self, context: Context<'_>) -> Result<Vec<PlacedText>, Diagnostics> {
        let at = Path::attribute(COMPLIANCE).child("catalogues");
        let Some(value) = self.value(&at, context)?.filter(|value| !value.is_null()) else {
            return Ok(Vec::new());
        };
        let mut reading = Reading {
            configuration: self,
            diagnostics: Diagnostics::default(),
        };
        let files = reading.placed_texts(&at, &value, "[compliance/acme.yaml]");
        if reading.diagnostics.has_errors() {
            Err(reading.diagnostics)
        } else {
            Ok(files)
        }
    }
}

impl Reading<'_> {
    fn compliance(&mut self, at: &Path, settings: &Value) -> Option<ComplianceSettings> {
        self.only(at, settings, &KEYS);
        let member = |name: &str| settings.attribute(name).filter(|value| !value.is_null());
        let enabled = match member("enabled") {
            None => true,
            Some(value) => value.as_boolean().unwrap_or_else(|| {
                self.expected(&at.child("enabled"), value, "true or false", "enabled: true");
                false
            }),
        };
        let mut found = ComplianceSettings {
            level: PolicyLevel::Advisory,
            notice: NOTICE,
            ..ComplianceSettings::default()
        };
        if let Some(value) = member("frameworks") {
            found.frameworks = self.placed_texts(&at.child("frameworks"), value, "[nist-800-53-moderate]");
        }
        if let Some(value) = member("tags") {
            found.tags = self.placed_texts(&at.child("tags"), value, "[\"nist-800-53:ac-3\"]");
        }
        let says_more = ["frameworks", "level", "controls", "waivers", "tighten", "tags"];
        let says_more = says_more.into_iter().any(|name| member(name).is_some());
        if member("catalogues").is_some() && !says_more {
            // That a site has frameworks holds nothing to them.
            return None;
        }
        if let Some(value) = member("level")
            && let Some(level) = self.level(&at.child("level"), Some(value))
        {
            found.level = level;
        }
        if let Some(value) = member("notice") {
            match days(value) {
                Some(notice) => found.notice = notice,
                None => self.expected(&at.child("notice"), value, "a time in days", "notice: 14d"),
            }
        }
        if let Some(value) = member("controls") {
            found.controls = self.controls(&at.child("controls"), value);
        }
        for (at, waiver) in self.list(&at.child("waivers"), member("waivers"), WAIVER) {
            if let Some(waiver) = self.waiver(&at, &waiver) {
                found.waivers.push(waiver);
            }
        }
        for (at, rule) in self.list(&at.child("tighten"), member("tighten"), TIGHTENING) {
            let rule = self.tightening(&at, &rule);
            found.tighten.push(rule);
        }
        if enabled && found.frameworks.is_empty() && found.tighten.is_empty() && found.tags.is_empty() {
            self.wrong(
                at,
                "`compliance` names no framework",
                "write for example `frameworks: [nist-800-53-moderate]`; `konductor compliance frameworks` lists them",
            );
        }
        enabled.then_some(found)
    }

    /// Reads what follows for some controls.
    fn controls(&mut self, at: &Path, value: &Value) -> Vec<ControlLevel> {
        let Some(controls) = value.as_map() else {
            self.expected(
                at,
                value,
                "a map of levels",
                "controls: { \"nist-800-53:sc-28\": mandatory }",
            );
            return Vec::new();
        };
        let mut found = Vec::new();
        for (control, level) in controls {
            let at = at.child(control.as_str());
            if let Some(level) = self.level(&at, Some(level)) {
                let control = self.placed(control.clone(), &at);
                found.push(ControlLevel { control, level });
            }
        }
        found
    }

    /// Reads what is demanded of some resources.
    fn tightening(&mut self, at: &Path, rule: &Value) -> Tightening {
        self.only(at, rule, &TIGHTENING_KEYS);
        let member = |name: &str| rule.attribute(name).filter(|value| !value.is_null());
        let mut found = Tightening::default();
        let told = self.diagnostics.0.len();
        let below = at.child("metadata");
        match member("metadata").map(|value| (value, value.as_map())) {
            None => {}
            Some((value, None)) => {
                self.expected(
                    &below,
                    value,
                    "a map of fields",
                    "metadata: { data_classification: [restricted, secret] }",
                );
            }
            Some((_, Some(fields))) => {
                for (field, value) in fields {
                    let at = below.child(field.as_str());
                    let values = match value.as_text() {
                        Some(text) => Some(vec![text.to_owned()]),
                        None => self.texts(&at, value, "[restricted, secret]"),
                    };
                    if values.as_ref().is_some_and(Vec::is_empty) {
                        self.expected(&at, value, "a value or more", "[restricted, secret]");
                    }
                    found
                        .metadata
                        .extend(values.map(|values| (field.clone(), values)));
                }
            }
        }
        if let Some(value) = member("findings") {
            let example = "[aws-s3-bucket-public-access-blocked]";
            found.findings = self.placed_texts(&at.child("findings"), value, example);
        }
        let says_wrong = self.diagnostics.0.len() > told;
        if found.metadata.is_empty() && found.findings.is_empty() && !says_wrong {
            let help = format!(
                "write for example `{TIGHTENING}`; what holds for all resources stands in `controls`"
            );
            self.wrong(
                at,
                format!("`{at}` does not say of which resources it demands something"),
                help,
            );
        }
        match member("controls") {
            Some(value) => found.controls = self.controls(&at.child("controls"), value),
            None => {
                let help = format!("write for example `{TIGHTENING}`");
                self.wrong(at, format!("`{at}` demands nothing"), help);
            }
        }
        found
    }

    fn level(&mut self, at: &Path, value: Option<&Value>) -> Option<PolicyLevel> {
        PolicyLevel::of_word(&self.word(at, value, &LEVELS)?)
    }

    /// Reads a list of texts, each with its place.
    fn placed_texts(&mut self, at: &Path, value: &Value, example: &str) -> Vec<PlacedText> {
        let texts = self.texts(at, value, example).unwrap_or_default();
        let texts = texts.into_iter().enumerate();
        texts
            .map(|(index, text)| self.placed(text, &at.element(index)))
            .collect()
    }

    fn placed(&self, text: String, at: &Path) -> PlacedText {
        PlacedText {
            text,
            origin: self.configuration.locate_setting(at),
        }
    }

    fn waiver(&mut self, at: &Path, waiver: &Value) -> Option<Waiver> {
        self.only(at, waiver, &WAIVER_KEYS);
        let mut text = |name: &str, example: &str| {
            let value = waiver.attribute(name).filter(|value| !value.is_null());
            self.text(&at.child(name), value, &format!("{name}: {example}"))
        };
        let control = text("control", "\"nist-800-53:sc-28\"");
        let resource = text("resource", "logs");
        let reason = text("reason", "ticket 4711");
        let approver = text("approver", "Ada Lovelace");
        let expires = text("expires", "2027-01-31");
        let ends = expires.as_deref().and_then(|expires| {
            let ends = ends(expires);
            if ends.is_none() {
                self.wrong(
                    &at.child("expires"),
                    format!("`{expires}` is no date"),
                    "write `2027-01-31`, the last day on which the waiver holds (UTC), or a time such as `2027-01-31T12:00:00Z`",
                );
            }
            ends
        });
        Some(Waiver {
            control: self.placed(control?, &at.child("control")),
            resource: resource?,
            reason: reason?,
            approver: approver?,
            expires: expires?,
            ends: ends?,
        })
    }
}

/// Reads a time such as `14d`, `2w` or `36h`; a day has 24 hours.
fn days(value: &Value) -> Option<Duration> {
    let span: Span = value.as_text()?.parse().ok()?;
    let found = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(found).ok()
}

/// Returns the first millisecond at which a waiver does not hold any more.
fn ends(expires: &str) -> Option<i64> {
    if let Ok(time) = expires.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let day: Date = expires.parse().ok()?;
    let next = day.checked_add(1.day()).ok()?;
    let midnight = next.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_to_its_end_and_a_time_to_itself() {
        assert_eq!(ends("1970-01-01"), Some(24 * 60 * 60 * 1000));
        assert_eq!(ends("1970-01-01T00:00:01Z"), Some(1000));
        assert_eq!(ends("soon"), None);
    }

    #[test]
    fn a_time_in_days_is_read_and_nothing_else() {
        let day = 24 * 60 * 60;
        for (written, seconds) in [("14d", 14 * day), ("2w", 14 * day), ("1d 12h", day + day / 2)] {
            let found = days(&Value::Text(written.to_owned()));
            assert_eq!(found, Some(Duration::from_secs(seconds)), "{written}");
        }
        for written in ["soon", "-1d", "1 year", ""] {
            assert_eq!(days(&Value::Text(written.to_owned())), None, "{written}");
        }
    }
}
