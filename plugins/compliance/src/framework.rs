//! Frameworks and their controls, from the packed tables in `frameworks/`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use konductor_sdk_compliance::model::compliance::{Control, Framework};

use crate::check;

static TABLE: &str = include_str!("../frameworks/frameworks.txt");
static TOPICS: &str = include_str!("../frameworks/topics.txt");

/// A framework as the table has it.
#[derive(Debug, Default)]
pub(crate) struct FrameworkTable {
    /// What configuration calls it.
    pub(crate) id: &'static str,
    version: &'static str,
    title: &'static str,
    /// The framework that it selects from.
    pub(crate) baseline_of: Option<&'static str>,
    /// Its controls: identifier and title.
    pub(crate) controls: Vec<(&'static str, &'static str)>,
    positions: BTreeMap<&'static str, usize>,
    /// The requirements that the checks of the community serve, by cloud and check.
    serves: BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>>,
}

impl FrameworkTable {
    /// Returns the requirements that a check of the community serves.
    pub(crate) fn served_by(&self, provider: &str, check: &str) -> &[&'static str] {
        let found = self
            .source()
            .serves
            .get(provider)
            .and_then(|checks| checks.get(check));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns those of some controls that this framework has, each once and in its order.
    pub(crate) fn in_order<'c>(&self, controls: impl Iterator<Item = &'c &'static str>) -> Vec<&'static str> {
        let found: BTreeSet<(usize, &'static str)> = controls
            .filter_map(|control| Some((*self.positions.get(control)?, *control)))
            .collect();
        found.into_iter().map(|(_, control)| control).collect()
    }

    fn add(&mut self, id: &'static str, title: &'static str) {
        self.positions.insert(id, self.controls.len());
        self.controls.push((id, title));
    }

    /// Returns the framework that says which checks serve its controls.
    fn source(&self) -> &Self {
        let base = self.baseline_of.and_then(table);
        base.unwrap_or(self)
    }

    /// Returns what is told of it.
    pub(crate) fn description(&self) -> Framework {
        let mut serving: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for check in check::all() {
            for control in check.requirements().get(self.id).into_iter().flatten() {
                serving.entry(control).or_default().push(check.id.clone());
            }
        }
        let controls = self.controls.iter().map(|(id, title)| Control {
            id: (*id).to_owned(),
            title: (*title).to_owned(),
            checks: serving.remove(id).unwrap_or_default(),
        });
        Framework {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            version: self.version.to_owned(),
            baseline_of: self.baseline_of.map(str::to_owned),
            controls: controls.collect(),
        }
    }
}

/// Returns a framework by its identifier.
pub(crate) fn table(id: &str) -> Option<&'static FrameworkTable> {
    tables().iter().find(|framework| framework.id == id)
}

/// Returns all frameworks.
pub(crate) fn tables() -> &'static [FrameworkTable] {
    static TABLES: OnceLock<Vec<FrameworkTable>> = OnceLock::new();
    TABLES.get_or_init(|| read(TABLE))
}

/// Reads a table: a word that says what a line is, and its fields with tabs between.
fn read(text: &'static str) -> Vec<FrameworkTable> {
    let mut all: Vec<FrameworkTable> = Vec::new();
    let mut titles: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        match field() {
            "framework" => all.push(FrameworkTable {
                id: field(),
                version: field(),
                title: field(),
                ..FrameworkTable::default()
            }),
            "baseline" => all.push(FrameworkTable {
                id: field(),
                baseline_of: Some(field()),
                version: field(),
                title: field(),
                ..FrameworkTable::default()
            }),
            "control" => {
                if let Some(framework) = all.last_mut() {
                    let (id, title) = (field(), field());
                    titles.insert((framework.id, id), title);
                    framework.add(id, title);
                }
            }
            "controls" => {
                if let Some(framework) = all.last_mut() {
                    let base = framework.baseline_of.unwrap_or_default();
                    let title = |id| titles.get(&(base, id)).copied().unwrap_or_default();
                    for id in field().split(' ') {
                        framework.add(id, title(id));
                    }
                }
            }
            "serves" => {
                if let Some(framework) = all.last_mut() {
                    let checks = framework.serves.entry(field()).or_default();
                    checks.insert(field(), field().split(' ').collect());
                }
            }
            _ => {}
        }
    }
    all
}

/// The controls that a topic serves in each framework, where no table says it of a check. They are our own judgement.
#[derive(Debug, Default)]
pub(crate) struct Topics(BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>>);

impl Topics {
    /// Returns all topics.
    pub(crate) fn all() -> &'static Self {
        static ALL: OnceLock<Topics> = OnceLock::new();
        ALL.get_or_init(|| {
            let mut topics = Self::default();
            for line in TOPICS.lines().filter(|line| !line.starts_with('#')) {
                let mut fields = line.split('\t');
                let (Some(topic), Some(framework), Some(controls)) =
                    (fields.next(), fields.next(), fields.next())
                else {
                    continue;
                };
                let of = topics.0.entry(topic).or_default();
                of.insert(framework, controls.split(' ').collect());
            }
            topics
        })
    }

    /// Returns the controls that a topic serves in the framework that another selects from, or in that itself.
    pub(crate) fn of(&self, topic: &str, framework: &FrameworkTable) -> &[&'static str] {
        let base = framework.baseline_of.unwrap_or(framework.id);
        let found = self.0.get(topic).and_then(|frameworks| frameworks.get(base));
        found.map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many controls each framework has.
    const COUNTS: [(&str, usize); 18] = [
        ("nist-800-53", 1007),
        ("nist-800-53-low", 149),
        ("nist-800-53-moderate", 287),
        ("nist-800-53-high", 370),
        ("nist-800-53-privacy", 96),
        ("fisma-low", 149),
        ("fisma-moderate", 287),
        ("fisma-high", 370),
        ("fedramp-low", 156),
        ("fedramp-moderate", 323),
        ("fedramp-high", 410),
        ("iso-27001", 93),
        ("cis-aws", 70),
        ("cis-azure", 127),
        ("cis-gcp", 93),
        ("soc2", 28),
        ("hipaa", 36),
        ("pci-dss", 109),
    ];

    fn ids(id: &str) -> BTreeSet<&'static str> {
        table(id)
            .unwrap()
            .controls
            .iter()
            .map(|control| control.0)
            .collect()
    }

    #[test]
    fn the_frameworks_have_as_many_controls_as_their_sources() {
        let counts: Vec<(&str, usize)> = tables()
            .iter()
            .map(|table| (table.id, table.controls.len()))
            .collect();
        assert_eq!(counts, COUNTS);
        for table in tables() {
            assert_eq!(
                ids(table.id).len(),
                table.controls.len(),
                "{}: a control stands twice",
                table.id
            );
        }
    }

    #[test]
    fn a_baseline_selects_from_the_controls_of_its_framework() {
        for table in tables() {
            if let Some(base) = table.baseline_of {
                assert!(ids(table.id).is_subset(&ids(base)), "{}", table.id);
                assert!(table.serves.is_empty(), "{}", table.id);
            }
        }
        assert_eq!(ids("fisma-moderate"), ids("nist-800-53-moderate"));
        assert!(ids("nist-800-53-low").is_subset(&ids("nist-800-53-high")));
        let moderate = table("nist-800-53-moderate").unwrap();
        assert!(
            moderate
                .controls
                .contains(&("sc-28.1", "Cryptographic Protection"))
        );
    }

    #[test]
    fn every_requirement_that_a_check_or_a_topic_serves_is_a_control() {
        for table in tables() {
            let known = ids(table.id);
            for (check, requirements) in table.serves.values().flatten() {
                for requirement in requirements {
                    assert!(
                        known.contains(requirement),
                        "{} {check} serves {requirement}",
                        table.id
                    );
                }
            }
        }
        for (topic, frameworks) in &Topics::all().0 {
            for (framework, controls) in frameworks {
                let known = ids(framework);
                for control in controls {
                    assert!(known.contains(control), "{topic} serves {control} of {framework}");
                }
            }
        }
    }
}
