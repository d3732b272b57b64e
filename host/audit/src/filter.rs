//! Which records are meant.

use std::convert::Infallible;
use std::str::FromStr;

use jiff::Timestamp;
use konductor_model::wildcard::wildcard;

use crate::record::{AuditRecord, Outcome, Subject};

/// Says which records are meant; one that says nothing means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Written then or later.
    pub since: Option<Timestamp>,
    /// Written before then.
    pub until: Option<Timestamp>,
    /// By one of these; empty stands for everybody.
    pub actors: Vec<NamePattern>,
    /// Of one of these kinds; empty stands for all.
    pub kinds: Vec<String>,
    /// About a resource whose name, type or identity is one of these; empty stands for all and for none.
    pub resources: Vec<NamePattern>,
    /// Of this run, by its number or identifier.
    pub deployment: Option<String>,
    /// Only what failed or was refused.
    pub failed: bool,
    /// Only requests to clouds.
    pub cloud_calls: bool,
}

impl Filter {
    /// Tells whether a record is meant.
    pub fn means(&self, record: &AuditRecord) -> bool {
        let one_of = |patterns: &[NamePattern], fits: &dyn Fn(&NamePattern) -> bool| {
            patterns.is_empty() || patterns.iter().any(fits)
        };
        let actor = record.actor.as_deref().unwrap_or_default();
        let is_subject = |pattern: &NamePattern, subject: &Subject| {
            let texts = [
                Some(&subject.name),
                subject.resource_type.as_ref(),
                subject.urn.as_ref(),
            ];
            texts.into_iter().flatten().any(|text| pattern.fits(text))
        };
        let resource = record.resource.as_ref();
        let of_deployment = |wanted: &String| {
            record.run.as_ref() == Some(wanted)
                || record
                    .deployment
                    .is_some_and(|number| number.to_string() == *wanted)
        };
        self.since.is_none_or(|since| record.written >= since)
            && self.until.is_none_or(|until| record.written < until)
            && one_of(&self.actors, &|pattern| pattern.fits(actor))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == record.kind))
            && one_of(&self.resources, &|pattern| {
                resource.is_some_and(|subject| is_subject(pattern, subject))
            })
            && self.deployment.as_ref().is_none_or(of_deployment)
            && (!self.failed || record.outcome == Outcome::Failure)
            && (!self.cloud_calls || record.call.is_some())
    }
}

/// A name in which `*` stands for any text, also for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl FromStr for NamePattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl NamePattern {
    /// Tells whether the whole of a text is meant.
    pub fn fits(&self, text: &str) -> bool {
        wildcard(&self.0, text)
    }
}
