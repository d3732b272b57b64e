//! What a run does when something goes wrong: the section `safeguards`.

use std::time::Duration;

use jiff::SignedDuration;
use konductor_model::{Diagnostic, Diagnostics, Path, Value};

use crate::configuration::Configuration;
use crate::resolve::Context;

/// The name of the section.
pub(crate) const SAFEGUARDS: &str = "safeguards";

const ROLLBACK_ENABLED: &str = "rollback_enabled";
const VALIDATION_TIMEOUT: &str = "validation_timeout";
const MAX_RETRY_ATTEMPTS: &str = "max_retry_attempts";

pub(crate) const KEYS: [&str; 3] = [ROLLBACK_ENABLED, VALIDATION_TIMEOUT, MAX_RETRY_ATTEMPTS];

/// The most often that a failed call may be made.
pub(crate) const MOST_ATTEMPTS: i64 = 100;

/// What a run does when something goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Safeguards {
    /// After a failed apply, bring back what was there before it.
    pub rollback_enabled: bool,
    /// After an apply, read what it changed until it is as planned, and fail when this time is over. None: not read.
    pub validation_timeout: Option<Duration>,
    /// How often a call that failed for a passing reason is made in all; at least once. None: as often as usual.
    pub max_retry_attempts: Option<u32>,
}

impl Configuration {
    /// Returns the safeguards of the stack.
    ///
    /// # Errors
    /// Everything in the section that is unknown or of another form, each with its place.
    pub fn safeguards(&self, context: Context<'_>) -> Result<Safeguards, Diagnostics> {
        let section = Path::attribute(SAFEGUARDS);
        let mut found = Safeguards::default();
        let mut diagnostics = Diagnostics::default();
        let Some(settings) = self.value(&section, context)? else {
            return Ok(found);
        };
        let wrong = |path: Path, summary: String, help: String| {
            Diagnostic::error(summary)
                .help(help)
                .origin(self.locate_setting(&path))
        };
        // That a section is a map is seen to when it is read.
        for (name, value) in settings.as_map().into_iter().flatten() {
            let path = section.child(name);
            let expected = |what: &str, example: &str| {
                wrong(
                    path.clone(),
                    format!(
                        "`{path}` is {}, expected {what}",
                        konductor_model::value_json::to_plain_json(value)
                    ),
                    format!("write for example `{name}: {example}`"),
                )
            };
            match name.as_str() {
                ROLLBACK_ENABLED => match value.as_boolean() {
                    Some(enabled) => found.rollback_enabled = enabled,
                    None => diagnostics.push(expected("true or false", "true")),
                },
                VALIDATION_TIMEOUT => match duration(value) {
                    Some(timeout) => found.validation_timeout = Some(timeout),
                    None => diagnostics.push(expected("a time longer than zero", "5m")),
                },
                MAX_RETRY_ATTEMPTS => match value.as_integer().filter(|n| (1..=MOST_ATTEMPTS).contains(n)) {
                    Some(attempts) => found.max_retry_attempts = u32::try_from(attempts).ok(),
                    None => diagnostics.push(expected(
                        &format!("a whole number from 1 to {MOST_ATTEMPTS}"),
                        "5",
                    )),
                },
                other => {
                    let help = match konductor_model::suggestion::nearest(other, KEYS) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!("there are {}", KEYS.map(|name| format!("`{name}`")).join(", ")),
                    };
                    diagnostics.push(wrong(
                        path,
                        format!("`{SAFEGUARDS}` has no setting `{other}`"),
                        help,
                    ));
                }
            }
        }
        if diagnostics.has_errors() {
            Err(diagnostics)
        } else {
            Ok(found)
        }
    }
}

/// Reads a whole number of seconds, or text such as `90s`, `5m` or `1h 30m`.
fn duration(value: &Value) -> Option<Duration> {
    let found = match value.reveal() {
        Value::Text(text) => text.parse::<SignedDuration>().ok()?,
        other => SignedDuration::from_secs(other.as_integer()?),
    };
    Duration::try_from(found).ok().filter(|time| !time.is_zero())
}
