//! Where workers find their work: the section `workers` of `konductor.yaml`.

use std::time::Duration;

use jiff::SignedDuration;
use konductor_model::{Diagnostic, Diagnostics, Origin, Path, Value};

use crate::located::{Located, Node};
use crate::project::{LocatedText, expected};
use crate::state::{credential, holds_password};
use crate::suggestion;

pub(crate) const KEYS: [&str; 3] = ["url", "lease", "attempts"];
/// A shorter lease ends while a busy database answers; a longer one keeps work from others for too long.
const LEASE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3_600));
pub(crate) const MOST_ATTEMPTS: i64 = 100;

/// Where workers find their work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkersSettings {
    /// `postgresql://user@host:port/database`, without a password; none: the database of the state, or the environment
    /// gives it.
    pub url: Option<LocatedText>,
    /// How long work is a worker's after it was last heard of.
    pub lease: Duration,
    /// How often work is begun before it is dead.
    pub attempts: u32,
    /// Where the section stands.
    pub origin: Origin,
}

/// Reads the section. What is wrong is told, and then there are no settings.
pub(crate) fn read(section: &Located, diagnostics: &mut Diagnostics) -> Option<WorkersSettings> {
    let at = Path::attribute("workers");
    if section.as_map().is_none() {
        diagnostics.push(expected("a map, such as `workers: { lease: 60s }`", section, &at));
        return None;
    }
    let errors = diagnostics.0.len();
    let mut reading = Reading { diagnostics };
    reading.only(section, &at);
    let mut found = WorkersSettings {
        url: reading.url(section, &at),
        lease: Duration::from_secs(60),
        attempts: 5,
        origin: section.key_or_value_origin().clone(),
    };
    if let Some(value) = get(section, "lease") {
        match duration(value).filter(|time| (LEASE.0..=LEASE.1).contains(time)) {
            Some(lease) => found.lease = lease,
            None => reading.push(expected(
                "a time from 2s to 1h, such as `60s`",
                value,
                &at.child("lease"),
            )),
        }
    }
    if let Some(value) = get(section, "attempts") {
        let attempts = leaf(value).and_then(Value::as_integer);
        match attempts
            .filter(|attempts| (1..=MOST_ATTEMPTS).contains(attempts))
            .and_then(|attempts| u32::try_from(attempts).ok())
        {
            Some(attempts) => found.attempts = attempts,
            None => reading.push(expected(
                &format!("a whole number from 1 to {MOST_ATTEMPTS}"),
                value,
                &at.child("attempts"),
            )),
        }
    }
    (diagnostics.0.len() == errors).then_some(found)
}

fn get<'l>(map: &'l Located, key: &str) -> Option<&'l Located> {
    let value = map.as_map()?.get(key).map(Box::as_ref);
    value.filter(|value| !value.is_removed())
}

fn leaf(value: &Located) -> Option<&Value> {
    match &value.node {
        Node::Leaf(value) => Some(value),
        _ => None,
    }
}

/// Reads a whole number of seconds, or text such as `90s` or `5m`.
fn duration(value: &Located) -> Option<Duration> {
    let found = match leaf(value)? {
        Value::Text(text) => text.parse::<SignedDuration>().ok()?,
        other => SignedDuration::from_secs(other.as_integer()?),
    };
    Duration::try_from(found).ok()
}

struct Reading<'a> {
    diagnostics: &'a mut Diagnostics,
}

impl Reading<'_> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn only(&mut self, section: &Located, at: &Path) {
        for (key, value) in section.as_map().into_iter().flatten() {
            if KEYS.contains(&key.as_str()) {
                continue;
            }
            let diagnostic = Diagnostic::error(format!("`{key}` is not a key of `workers`"))
                .at(at.child(key))
                .origin(Some(value.key_or_value_origin().clone()));
            self.push(match suggestion::help(key, KEYS) {
                Some(help) => diagnostic.help(help),
                None => diagnostic.help(format!("there are `{}`", KEYS.join("`, `"))),
            });
        }
    }

    fn url(&mut self, section: &Located, at: &Path) -> Option<LocatedText> {
        let at = at.child("url");
        let url = crate::project::text(get(section, "url")?, at.clone(), self.diagnostics)?;
        if holds_password(&url.text) {
            self.push(credential(
                "the URL of the queue holds a password".to_owned(),
                &url.origin,
            ));
        } else if !["postgresql://", "postgres://"]
            .iter()
            .any(|scheme| url.text.starts_with(scheme))
        {
            self.push(
                Diagnostic::error("`workers.url` cannot be used")
                    .detail("expected postgresql://user@host:5432/database")
                    .at(at)
                    .origin(Some(url.origin.clone())),
            );
        }
        Some(url)
    }
}
