//! Frameworks and their controls, and what a site says of them.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::Origin;
use konductor_model::compliance::{Check, ComplianceSettings, Framework, PlacedText, Waiver};
use konductor_model::policy::PolicyLevel;
use konductor_model::wildcard::wildcard;

use crate::tightening::{self, TighteningRule};

/// A control of a framework: both identifiers.
pub type ControlKey = (String, String);

/// What a compliance plugin knows.
#[derive(Debug, Clone, Default)]
pub struct ControlCatalogue {
    /// The frameworks.
    pub frameworks: Vec<Framework>,
    /// The checks.
    pub checks: Vec<Check>,
    /// The frameworks that are the site's own, by their identifiers.
    pub site: Vec<String>,
}

/// Says what is wrong with a name in the section `compliance`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such framework.
    #[error("there is no framework `{name}`")]
    Framework {
        /// The name.
        name: String,
        /// Where it is written.
        origin: Option<Origin>,
        /// The frameworks there are.
        known: Vec<String>,
    },
    /// There is no such control, and no such check.
    #[error(
        "there is no control `{name}` in the frameworks that `compliance` names, and no check of this name"
    )]
    Control {
        /// The name.
        name: String,
        /// Where it is written.
        origin: Option<Origin>,
        /// The controls of the frameworks, and the checks.
        known: Vec<String>,
    },
}

impl ControlError {
    /// Returns where it is written.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Framework { origin, .. } | Self::Control { origin, .. } => origin.as_ref(),
        }
    }

    /// Returns the name, and those that it could have been.
    pub fn names(&self) -> (&str, &[String]) {
        match self {
            Self::Framework { name, known, .. } | Self::Control { name, known, .. } => (name, known),
        }
    }
}

/// What a name in the section stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    /// These controls.
    Controls(Vec<ControlKey>),
    /// These checks, whichever controls they serve.
    Checks(Vec<String>),
}

impl Meant {
    /// Tells whether it says something of a check where that serves a control.
    pub(crate) fn covers(&self, check: &str, control: &ControlKey) -> bool {
        match self {
            Self::Controls(controls) => controls.contains(control),
            Self::Checks(names) => names.iter().any(|name| name == check),
        }
    }

    /// Tells whether it says something of a check, whatever that serves.
    pub(crate) fn includes(&self, check: &str, rules: &ControlRules) -> bool {
        match self {
            Self::Controls(controls) => rules
                .controls_of(check)
                .iter()
                .any(|control| controls.contains(control)),
            Self::Checks(names) => names.iter().any(|name| name == check),
        }
    }

    /// Returns the checks that it names.
    pub(crate) fn checks(&self) -> &[String] {
        match self {
            Self::Controls(_) => &[],
            Self::Checks(names) => names,
        }
    }
}

/// The section `compliance`, held against what there is.
#[derive(Debug, Clone)]
pub struct ControlRules {
    /// The frameworks that resources are held to.
    pub frameworks: Vec<Framework>,
    level: PolicyLevel,
    levels: Vec<(Meant, PolicyLevel)>,
    waivers: Vec<(Meant, Waiver)>,
    pub(crate) tightenings: Vec<TighteningRule>,
    controls_of: BTreeMap<String, Vec<ControlKey>>,
}

impl ControlRules {
    /// Holds the section against what there is.
    ///
    /// # Errors
    /// Every framework and control that there is not.
    pub fn new(
        settings: &ComplianceSettings,
        catalogue: &ControlCatalogue,
    ) -> Result<Self, Vec<ControlError>> {
        let mut errors = Vec::new();
        let mut frameworks: Vec<Framework> = Vec::new();
        for named in &settings.frameworks {
            match catalogue
                .frameworks
                .iter()
                .find(|framework| framework.id == named.text)
            {
                Some(framework) if frameworks.iter().any(|other| other.id == framework.id) => {}
                Some(framework) => frameworks.push(framework.clone()),
                None => errors.push(ControlError::Framework {
                    name: named.text.clone(),
                    origin: named.origin.clone(),
                    known: catalogue
                        .frameworks
                        .iter()
                        .map(|known| known.id.clone())
                        .collect(),
                }),
            }
        }
        if !errors.is_empty() {
            // Without them nothing can be said of controls.
            return Err(errors);
        }
        let mut meant = |named: &PlacedText| {
            let meant = find(named, &frameworks, &catalogue.checks);
            meant.map_err(|error| errors.push(error)).ok()
        };
        let levels: Vec<_> = settings
            .controls
            .iter()
            .filter_map(|control| Some((meant(&control.control)?, control.level)))
            .collect();
        let waivers: Vec<_> = settings
            .waivers
            .iter()
            .filter_map(|waiver| Some((meant(&waiver.control)?, waiver.clone())))
            .collect();
        let tightenings: Vec<_> = settings
            .tighten
            .iter()
            .map(|rule| TighteningRule {
                metadata: rule.metadata.clone(),
                findings: rule.findings.iter().filter_map(&mut meant).collect(),
                levels: rule
                    .controls
                    .iter()
                    .filter_map(|control| Some((meant(&control.control)?, control.level)))
                    .collect(),
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        frameworks.extend(tightening::framework(&tightenings, &catalogue.checks));
        let mut controls_of: BTreeMap<String, Vec<ControlKey>> = BTreeMap::new();
        for framework in &frameworks {
            for control in &framework.controls {
                for check in &control.checks {
                    let of = controls_of.entry(check.clone()).or_default();
                    of.push((framework.id.clone(), control.id.clone()));
                }
            }
        }
        Ok(Self {
            frameworks,
            level: settings.level,
            levels,
            waivers,
            tightenings,
            controls_of,
        })
    }

    /// Returns the controls that a check serves, in the frameworks that resources are held to.
    pub fn controls_of(&self, check: &str) -> &[ControlKey] {
        self.controls_of.get(check).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns what follows when a check fails that serves a control: the strictest of what is said of either.
    pub fn level(&self, check: &str, control: &ControlKey) -> PolicyLevel {
        let said = self
            .levels
            .iter()
            .filter(|(meant, _)| meant.covers(check, control));
        said.map(|(_, level)| *level).max().unwrap_or(self.level)
    }

    /// Returns the level where nothing else is said.
    pub fn default_level(&self) -> PolicyLevel {
        self.level
    }

    /// Returns the strictest level that is said of anything.
    pub fn strictest_level(&self) -> PolicyLevel {
        let tightened = self.tightenings.iter().flat_map(|rule| &rule.levels);
        let said = self.levels.iter().chain(tightened).map(|(_, level)| *level);
        said.chain([self.level]).max().unwrap_or_default()
    }

    /// Tells whether it matters what comes of a check.
    pub fn asks_about(&self, check: &str) -> bool {
        let mut named = self.tightenings.iter().flat_map(TighteningRule::named_checks);
        self.controls_of.contains_key(check) || named.any(|name| name == check)
    }

    /// Tells whether checks are named that perhaps serve none of the frameworks.
    pub fn names_checks(&self) -> bool {
        let mut named = self.tightenings.iter().flat_map(TighteningRule::named_checks);
        named.next().is_some()
    }

    /// Returns a waiver that holds now for a check, a control and a resource.
    pub fn waiver(&self, check: &str, control: &ControlKey, resource: &str, now: i64) -> Option<&Waiver> {
        let mut waivers = self.waivers.iter();
        let found = waivers.find(|(meant, waiver)| {
            waiver.ends > now && waiver.is_about(resource) && meant.covers(check, control)
        });
        found.map(|(_, waiver)| waiver)
    }

    /// Returns the waivers, those that do not hold any more included.
    pub fn waivers(&self) -> impl Iterator<Item = &Waiver> {
        self.waivers.iter().map(|(_, waiver)| waiver)
    }

    /// Returns the waivers that do not hold any more.
    pub fn expired(&self, now: i64) -> Vec<&Waiver> {
        self.waivers().filter(|waiver| waiver.ends <= now).collect()
    }
}

fn find(named: &PlacedText, frameworks: &[Framework], checks: &[Check]) -> Result<Meant, ControlError> {
    let name = named.text.as_str();
    let fitting = checks.iter().filter(|check| wildcard(name, &check.id));
    let fitting: Vec<String> = fitting.map(|check| check.id.clone()).collect();
    if !fitting.is_empty() {
        return Ok(Meant::Checks(fitting));
    }
    let (of, id) = match name.split_once(':') {
        Some((framework, id)) => (Some(framework), id),
        None => (None, name),
    };
    let controls: Vec<ControlKey> = frameworks
        .iter()
        .filter(|framework| of.is_none_or(|of| framework.id == of))
        .flat_map(|framework| {
            let controls = framework
                .controls
                .iter()
                .filter(|control| control.id.eq_ignore_ascii_case(id));
            controls.map(|control| (framework.id.clone(), control.id.clone()))
        })
        .collect();
    if !controls.is_empty() {
        return Ok(Meant::Controls(controls));
    }
    let all = frameworks.iter().flat_map(|framework| {
        let id = framework.id.clone();
        framework
            .controls
            .iter()
            .map(move |control| format!("{id}:{}", control.id))
    });
    let known: BTreeSet<String> = all.chain(checks.iter().map(|check| check.id.clone())).collect();
    Err(ControlError::Control {
        name: name.to_owned(),
        origin: named.origin.clone(),
        known: known.into_iter().collect(),
    })
}
