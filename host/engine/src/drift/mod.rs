//! Drift: what was deployed, what is there, and what is asked for, compared three ways; and the repair of it.
//!
//! What was deployed are the inputs of the last deployment and the object as it was recorded; what is there is what a
//! read answers; what is asked for is the configuration as it is now. A difference is drift when the provider, given
//! what is there and the inputs of the last deployment, plans to change it, or when something that nobody gave changed.
//! Thus a `refresh`, which records what is there, hides no drift, and a change of the configuration is none.

mod compare;
mod desired;
mod repair;
mod severity;
mod unmanaged;

pub use repair::{Repair, RepairOptions};
pub use severity::SeverityOverride;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use konductor_model::{Diagnostics, Urn, Value};
use konductor_state::Entry;
use konductor_state::drift::{Difference, DifferenceKind, DriftChecked, DriftSeverity};
use sha2::{Digest, Sha256};

use crate::desired::Desired;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::{Event, Observer};
use crate::plan::Drift;
use crate::records::Records;
use crate::refresh::{Reading, Refresh};
use crate::subject::SchemaCache;

/// What a check for drift covers.
#[derive(Clone, Default)]
pub struct DriftOptions {
    /// Only these, by name; a component stands for its children. Empty means everything.
    pub targets: Vec<String>,
    /// Lists the objects of these types too, and tells those that nothing manages: names of types, or patterns such as
    /// `aws:ec2:*`. An empty list stands for every type that is recorded. None lists nothing.
    pub unmanaged: Option<Vec<String>>,
    /// Objects that are managed elsewhere: type and identifier.
    pub elsewhere: BTreeSet<(String, String)>,
    /// Says how much a difference matters, before the host's own table does.
    pub severity: SeverityOverride,
}

/// What a check for drift found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DriftReport {
    /// How many objects were read.
    pub objects: usize,
    /// What was found, the worst first.
    pub differences: Vec<Difference>,
    /// How many differences stand where the options of a resource say that changes are ignored.
    pub ignored: usize,
    /// What somebody should look at: what could not be compared with the configuration, or not be listed.
    pub warnings: Diagnostics,
    /// How long it took.
    pub milliseconds: u64,
    /// The objects as they are.
    pub(crate) actual: Vec<Drift>,
}

impl DriftReport {
    /// Returns how many differences of each kind there are.
    pub fn counts(&self) -> BTreeMap<DifferenceKind, usize> {
        let mut counts = BTreeMap::new();
        for found in &self.differences {
            *counts.entry(found.kind).or_default() += 1;
        }
        counts
    }

    /// Returns the objects as they are.
    pub fn actual(&self) -> &[Drift] {
        &self.actual
    }

    /// Tells whether anything has drifted that matters at least so much.
    pub fn has_drift(&self, least: DriftSeverity) -> bool {
        self.differences
            .iter()
            .any(|found| found.kind.is_drift() && found.severity >= least)
    }

    /// Returns what tells this state of drift from another; see [`digest_of`].
    pub fn digest(&self) -> String {
        digest_of(&self.differences)
    }

    /// Returns what the log keeps of it. Secrets are masked: the log has them where they belong.
    pub fn entry(&self, run: &str) -> DriftChecked {
        DriftChecked {
            run: run.to_owned(),
            objects: self.objects,
            counts: self.counts(),
            differences: self.differences.iter().map(without_secrets).collect(),
            digest: self.digest(),
            milliseconds: self.milliseconds,
        }
    }
}

/// Returns what tells one state of drift from another, in hexadecimal; empty when nothing has drifted. The values of
/// secrets are left out: a digest of few bits could be guessed.
pub fn digest_of<'d>(differences: impl IntoIterator<Item = &'d Difference>) -> String {
    let mut drifted: Vec<String> = differences
        .into_iter()
        .filter(|found| found.kind.is_drift())
        .map(|found| {
            let at = found.at.as_ref().map(ToString::to_string);
            let actual = masked(&found.actual);
            serde_json::json!([found.urn, found.id, found.kind, at, actual]).to_string()
        })
        .collect();
    if drifted.is_empty() {
        return String::new();
    }
    drifted.sort();
    let mut digest = Sha256::new();
    for line in drifted {
        digest.update((line.len() as u64).to_le_bytes());
        digest.update(line.as_bytes());
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns a difference with `(secret)` in the place of every secret.
pub fn without_secrets(difference: &Difference) -> Difference {
    Difference {
        recorded: masked(&difference.recorded),
        actual: masked(&difference.actual),
        desired: difference.desired.as_ref().map(masked),
        ..difference.clone()
    }
}

fn masked(value: &Value) -> Value {
    match value {
        Value::Secret(_) => Value::from(konductor_model::value_json::MASK),
        Value::List(list) => Value::List(list.iter().map(masked).collect()),
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(name, value)| (name.clone(), masked(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

impl Engine {
    /// Compares what was deployed with what is there and with what is asked for, and writes what it found into the log.
    /// Reads the cloud and changes nothing there.
    ///
    /// # Errors
    /// When something cannot be read, operations are open, a target is not recorded, or the log cannot be written.
    pub async fn check_drift(
        &self,
        desired: Desired,
        options: &DriftOptions,
    ) -> Result<DriftReport, EngineError> {
        let since = Instant::now();
        let recorded = self.settled().await?;
        check_targets(&recorded.records, &options.targets)?;
        let only: Option<HashSet<Urn>> = (!options.targets.is_empty()).then(|| {
            let urns = recorded.records.urns();
            urns.filter(|urn| covers(&options.targets, urn))
                .cloned()
                .collect()
        });
        let refresh = Refresh {
            plugins: self.plugins.as_ref(),
            schemas: &SchemaCache::default(),
            observer: &WithoutFindings(self.observer.as_ref()),
            retry: self.settings.retry,
            parallelism: self.settings.parallelism,
            read_times: &self.read_times,
        };
        let actual = refresh.drift(&recorded, Reading::All, only.as_ref()).await?.drift;
        let mut report = compare::compare_all(
            &recorded.records,
            only.as_ref(),
            &actual,
            self.plugins.clone(),
            self.settings.parallelism,
            &options.severity,
        )
        .await?;
        if let Some(types) = &options.unmanaged {
            unmanaged::find(self, &desired, &recorded.records, types, options, &mut report).await?;
        }
        let moved = report.differences.iter().any(|found| {
            matches!(
                found.kind,
                DifferenceKind::ChangedOutside | DifferenceKind::DeletedOutside
            )
        });
        if moved {
            // The whole state, since what drifted may refer to what was not looked at.
            desired::add(self, desired, recorded, &actual, &mut report).await?;
        }
        report.actual = actual;
        worst_first(&mut report.differences);
        report.milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let entry = Entry::DriftChecked(report.entry(&self.settings.run));
        self.journal.append(vec![entry]).await?;
        Ok(report)
    }
}

/// Hears how far reading is. What differs from the record is judged first, and told then.
struct WithoutFindings<'o>(&'o dyn Observer);

impl Observer for WithoutFindings<'_> {
    fn event(&self, event: Event) {
        if !matches!(event, Event::DriftFound { .. }) {
            self.0.event(event);
        }
    }
}

fn worst_first(differences: &mut [Difference]) {
    differences.sort_by(|a, b| {
        let key = |found: &Difference| {
            (
                !found.kind.is_drift(),
                std::cmp::Reverse(found.severity),
                found.kind,
            )
        };
        key(a)
            .cmp(&key(b))
            .then_with(|| a.urn.cmp(&b.urn))
            .then_with(|| a.at.cmp(&b.at))
    });
}

/// Tells whether a resource or a component it stands in is named.
pub(crate) fn covers(names: &[String], urn: &Urn) -> bool {
    let mut here = Some(urn.name().clone());
    while let Some(name) = here {
        if names.iter().any(|named| named == name.as_str()) {
            return true;
        }
        here = name.parent();
    }
    false
}

fn check_targets(records: &Records, targets: &[String]) -> Result<(), EngineError> {
    let mut diagnostics = Diagnostics::default();
    for target in targets {
        let one = std::slice::from_ref(target);
        if !records.urns().any(|urn| covers(one, urn)) {
            let known = records.urns().map(|urn| urn.name().as_str());
            diagnostics.push(
                konductor_model::Diagnostic::error(format!("`{target}` names nothing that is recorded"))
                    .help(crate::reference::suggestion(
                        target,
                        known,
                        "`konductor state list` shows what is there",
                    )),
            );
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    Ok(())
}
