//! How a stack stands to the controls of its frameworks, from one assessment to the next.
//!
//! The log has what differed each time; all of that together is how the stack stands. So a process that begins, another
//! one, or one on another machine knows what was told, and tells what is new alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use konductor_model::compliance::{CheckSeverity, Framework};
use konductor_model::policy::PolicyLevel;
use konductor_state::Entry;
use konductor_state::compliance::{
    ComplianceChecked, ControlFinding, FindingCounts, FindingState, FrameworkChange, FrameworkEdition,
    ServedControl, WaiverStanding, WaiverState,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::assessment::{Assessment, Finding};
use crate::controls::ControlRules;

/// How a stack stands: its findings, frameworks and waivers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// By check and resource.
    findings: BTreeMap<(String, String), ControlFinding>,
    frameworks: BTreeMap<String, (FrameworkEdition, BTreeSet<String>)>,
    /// By control, resource and end: as it is written.
    waivers: BTreeMap<(String, String, String), WaiverStanding>,
}

/// What somebody is told who knows how a stack stood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct News {
    /// Findings that count and did not, or follow more strictly than they did.
    pub found: Vec<ControlFinding>,
    /// Findings that counted and do not any more, as they stood.
    pub gone: Vec<ControlFinding>,
    /// Waivers that end soon, or have.
    pub waivers: Vec<WaiverStanding>,
    /// Frameworks that are others than they were.
    pub frameworks: Vec<FrameworkChange>,
}

impl News {
    /// Tells whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.gone.is_empty() && self.waivers.is_empty() && self.frameworks.is_empty()
    }
}

impl Standing {
    /// Returns how a stack stands by an assessment that was made at a time. What is found there counts as found then.
    pub fn of(
        assessment: &Assessment,
        rules: &ControlRules,
        run: &str,
        now: Timestamp,
        notice: std::time::Duration,
    ) -> Self {
        let findings = assessment.findings.iter().map(|finding| {
            let found = found(assessment, finding, run, now);
            ((found.check.clone(), found.urn.clone()), found)
        });
        let frameworks = rules.frameworks.iter().map(|framework| {
            let controls = framework.controls.iter().map(|control| control.id.clone());
            let standing = (edition(framework), controls.collect());
            (framework.id.clone(), standing)
        });
        let waivers = rules.waivers().map(|waiver| {
            let standing = WaiverStanding {
                control: waiver.control.text.clone(),
                resource: waiver.resource.clone(),
                expires: waiver.expires.clone(),
                approver: waiver.approver.clone(),
                state: state(waiver.ends, now, notice),
            };
            (key(&standing), standing)
        });
        Self {
            findings: findings.collect(),
            frameworks: frameworks.collect(),
            waivers: waivers.collect(),
        }
    }

    /// Returns what the log gets so that this standing becomes another one: findings, and at last what the check came to.
    /// Findings that stay keep since when they are there.
    pub fn entries_to(&self, other: &Self, checked: ComplianceChecked) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (key, found) in &other.findings {
            let before = self.findings.get(key);
            if before.is_some_and(|before| is_same(before, found)) {
                continue;
            }
            entries.push(Entry::ControlFinding(ControlFinding {
                since: before.map_or(found.since, |before| before.since),
                ..found.clone()
            }));
        }
        let found = entries.len();
        let went = self.findings.iter();
        let went = went.filter(|(key, _)| !other.findings.contains_key(*key));
        entries.extend(went.map(|(_, before)| {
            Entry::ControlFinding(ControlFinding {
                run: checked.run.clone(),
                state: FindingState::Gone,
                controls: Vec::new(),
                ..before.clone()
            })
        }));
        let gone = entries.len() - found;
        entries.push(Entry::ComplianceChecked(ComplianceChecked {
            frameworks: self.framework_changes(other),
            waivers: self.waiver_changes(other),
            counts: other.counts(),
            found,
            gone,
            digest: other.digest(),
            ..checked
        }));
        entries
    }

    /// Takes what an entry of the log says.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::ControlFinding(found) => {
                let key = (found.check.clone(), found.urn.clone());
                match found.state {
                    FindingState::Gone => self.findings.remove(&key),
                    FindingState::Open { .. } | FindingState::Waived { .. } => {
                        self.findings.insert(key, found.clone())
                    }
                };
            }
            Entry::ComplianceChecked(checked) => {
                for change in &checked.frameworks {
                    match &change.to {
                        None => {
                            self.frameworks.remove(&change.framework);
                        }
                        Some(to) => {
                            let (edition, controls) =
                                self.frameworks.entry(change.framework.clone()).or_default();
                            edition.clone_from(to);
                            controls.retain(|control| !change.removed.contains(control));
                            controls.extend(change.added.iter().cloned());
                        }
                    }
                }
                for waiver in &checked.waivers {
                    match waiver.state {
                        WaiverState::Removed => self.waivers.remove(&key(waiver)),
                        _ => self.waivers.insert(key(waiver), waiver.clone()),
                    };
                }
            }
            _ => {}
        }
    }

    /// Tells whether nothing was ever found, nor asked for.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.frameworks.is_empty() && self.waivers.is_empty()
    }

    /// Returns what somebody is told who knows how the stack stood, and wants to hear of what matters at least so much.
    pub fn news_since(&self, before: &Self, least: CheckSeverity) -> News {
        let level = |standing: &Self, key: &(String, String)| {
            let found = standing.findings.get(key);
            found.filter(|found| found.weight() >= least)?.level()
        };
        let found = self.findings.iter();
        let found = found.filter(|(key, _)| level(self, key) > level(before, key));
        let gone = before.findings.iter();
        let gone = gone.filter(|(key, _)| level(before, key).is_some() && level(self, key).is_none());
        let mut news = News {
            found: found.map(|(_, found)| found.clone()).collect(),
            gone: gone.map(|(_, found)| found.clone()).collect(),
            ..News::default()
        };
        // What follows from the end of a waiver may be grave; that it is near, or that a catalogue changed, is for whoever looks
        // after the stack.
        let matters = |waiver: &WaiverStanding| match waiver.state {
            WaiverState::Expired => least <= CheckSeverity::High,
            WaiverState::Expiring => least <= CheckSeverity::Medium,
            WaiverState::Holds | WaiverState::Removed => false,
        };
        news.waivers = before.waiver_changes(self);
        news.waivers.retain(matters);
        if least <= CheckSeverity::Medium {
            news.frameworks = before.framework_changes(self);
            // To be held to another framework is no news to who wrote so.
            news.frameworks
                .retain(|change| change.from.is_some() && change.to.is_some());
        }
        news
    }

    /// Returns how many findings each framework has.
    pub fn counts(&self) -> BTreeMap<String, FindingCounts> {
        let frameworks = self.frameworks.keys();
        let mut counts: BTreeMap<String, FindingCounts> = frameworks
            .map(|id| (id.clone(), FindingCounts::default()))
            .collect();
        for found in self.findings.values() {
            let mut strictest: BTreeMap<&str, Option<PolicyLevel>> = BTreeMap::new();
            for control in &found.controls {
                let level = (!control.waived).then_some(control.level);
                let known = strictest.entry(&control.framework).or_default();
                *known = level.max(*known);
            }
            for (framework, level) in strictest {
                let counts = counts.entry(framework.to_owned()).or_default();
                match level {
                    None => counts.waived += 1,
                    Some(PolicyLevel::Advisory) => counts.advisory += 1,
                    Some(PolicyLevel::SoftMandatory | PolicyLevel::Mandatory) => counts.mandatory += 1,
                }
            }
        }
        counts
    }

    /// Tells one standing from another. Since when something is there, and which run found it, is left out.
    pub fn digest(&self) -> String {
        let findings: Vec<_> = self
            .findings
            .values()
            .map(|found| {
                json!([
                    found.check,
                    found.urn,
                    found.severity,
                    found.state,
                    found.controls
                ])
            })
            .collect();
        let frameworks: Vec<_> = self.frameworks.iter().collect();
        let waivers: Vec<_> = self.waivers.values().collect();
        let text = json!([findings, frameworks, waivers]).to_string();
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    fn framework_changes(&self, other: &Self) -> Vec<FrameworkChange> {
        let ids: BTreeSet<&String> = self.frameworks.keys().chain(other.frameworks.keys()).collect();
        let none = BTreeSet::new();
        let changes = ids.into_iter().filter_map(|id| {
            let (from, to) = (self.frameworks.get(id), other.frameworks.get(id));
            if from == to {
                return None;
            }
            let had = from.map_or(&none, |(_, controls)| controls);
            let has = to.map_or(&none, |(_, controls)| controls);
            Some(FrameworkChange {
                framework: id.clone(),
                from: from.map(|(edition, _)| edition.clone()),
                to: to.map(|(edition, _)| edition.clone()),
                added: has.difference(had).cloned().collect(),
                // All that it had went with it.
                removed: match to {
                    Some(_) => had.difference(has).cloned().collect(),
                    None => Vec::new(),
                },
            })
        });
        changes.collect()
    }

    fn waiver_changes(&self, other: &Self) -> Vec<WaiverStanding> {
        let changed = other.waivers.iter();
        let changed = changed.filter(|(key, waiver)| self.waivers.get(*key) != Some(*waiver));
        let removed = self.waivers.iter();
        let removed = removed.filter(|(key, _)| !other.waivers.contains_key(*key));
        let removed = removed.map(|(_, waiver)| WaiverStanding {
            state: WaiverState::Removed,
            ..waiver.clone()
        });
        changed.map(|(_, waiver)| waiver.clone()).chain(removed).collect()
    }
}

fn is_same(one: &ControlFinding, other: &ControlFinding) -> bool {
    one.severity == other.severity && one.state == other.state && one.controls == other.controls
}

fn found(assessment: &Assessment, finding: &Finding, run: &str, now: Timestamp) -> ControlFinding {
    let mut controls: Vec<ServedControl> = finding
        .controls
        .iter()
        .map(|control| ServedControl {
            framework: control.key.0.clone(),
            control: control.key.1.clone(),
            level: control.level,
            waived: control.waiver.is_some(),
        })
        .collect();
    controls.sort();
    let waiver = finding.waiver();
    let (approver, expires) = waiver
        .map(|waiver| (waiver.approver.clone(), waiver.expires.clone()))
        .unwrap_or_default();
    ControlFinding {
        run: run.to_owned(),
        check: finding.result.check.clone(),
        urn: finding.result.urn.clone(),
        severity: assessment.check(&finding.result).severity,
        state: match finding.level() {
            Some(level) => FindingState::Open { level },
            None => FindingState::Waived { approver, expires },
        },
        controls,
        since: now,
    }
}

fn edition(framework: &Framework) -> FrameworkEdition {
    let content = json!([framework.title, framework.controls]).to_string();
    FrameworkEdition {
        version: framework.version.clone(),
        digest: hex::encode(Sha256::digest(content.as_bytes())),
    }
}

fn state(ends: i64, now: Timestamp, notice: std::time::Duration) -> WaiverState {
    let left = ends.saturating_sub(now.as_millisecond());
    let notice = i64::try_from(notice.as_millis()).unwrap_or(i64::MAX);
    if left <= 0 {
        WaiverState::Expired
    } else if left <= notice {
        WaiverState::Expiring
    } else {
        WaiverState::Holds
    }
}

fn key(waiver: &WaiverStanding) -> (String, String, String) {
    (
        waiver.control.clone(),
        waiver.resource.clone(),
        waiver.expires.clone(),
    )
}
