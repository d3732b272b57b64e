//! How what a report is about is watched over.

use std::fmt;

/// How the resources of a stack are watched over between runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Monitoring {
    /// When it is looked for drift, as the configuration says it.
    pub schedule: Option<String>,
    /// The newest look that is in the log.
    pub newest: Option<DriftCheck>,
}

/// A look for drift.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriftCheck {
    /// When, in RFC 3339.
    pub time: String,
    /// Which entry of the log it is.
    pub entry: u64,
    /// How many objects were compared.
    pub objects: usize,
    /// What was found; none where everything was as it was deployed.
    pub found: Option<String>,
}

impl fmt::Display for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schedule {
            Some(schedule) => write!(f, "Checked for drift at the times `{schedule}`; ")?,
            None => f.write_str("No schedule of checks for drift is configured; ")?,
        }
        match &self.newest {
            Some(check) => write!(
                f,
                "the newest check was at {} (entry {} of the log): {} objects compared, {}. ",
                check.time,
                check.entry,
                check.objects,
                check.found.as_deref().unwrap_or("no drift")
            )?,
            None => f.write_str("no check is in the log. ")?,
        }
        f.write_str("Every run, decision and request to a cloud is an entry of the log.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_when_nobody_looks_and_when_somebody_did() {
        let nobody = Monitoring::default().to_string();
        assert!(nobody.starts_with("No schedule of checks for drift is configured; no check is in the log."));
        let watched = Monitoring {
            schedule: Some("*/15 * * * *".to_owned()),
            newest: Some(DriftCheck {
                time: "2026-11-22T12:00:00Z".to_owned(),
                entry: 12,
                objects: 7,
                found: Some("1 changed outside".to_owned()),
            }),
        };
        assert_eq!(
            watched.to_string(),
            "Checked for drift at the times `*/15 * * * *`; the newest check was at 2026-11-22T12:00:00Z (entry 12 of \
             the log): 7 objects compared, 1 changed outside. Every run, decision and request to a cloud is an entry \
             of the log."
        );
    }
}
