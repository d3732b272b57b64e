//! The whole run, in the order of the fixtures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use konductor_model::provider::{ObjectState, Provider};
use konductor_model::{ResourceType, Value};

use crate::case::{Case, Findings, Made, told};
use crate::catalogue::{CATALOGUE, CheckId};
use crate::declared::with_unknown_references;
use crate::fixture::{FixtureResource, Fixtures, resolve};
use crate::probe::Probe;
use crate::report::{CheckResult, Report, Verdict};
use crate::{declared, faults, lifecycle, pure, secrets};

/// Waits between two polls of a long operation.
#[async_trait]
pub trait Pause: Send + Sync {
    /// Waits.
    async fn pause(&self, time: Duration);
}

/// Waits for nothing: for scripted clouds.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPause;

#[async_trait]
impl Pause for NoPause {
    async fn pause(&self, _: Duration) {}
}

/// How much of the kit is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// What a plugin declares, checks and plans; no operation is called, so no cloud is needed.
    Pure,
    /// All of it: objects are made, changed and deleted.
    #[default]
    Everything,
}

/// How a run is made.
#[derive(Clone)]
pub struct Options {
    /// How much is run.
    pub scope: Scope,
    /// Is told the name of each fixture when its turn comes.
    pub progress: Arc<dyn Fn(&str) + Send + Sync>,
    /// Waits between polls.
    pub pause: Arc<dyn Pause>,
    /// Makes an idempotency token that was never used, in the form of a UUID of version 7.
    pub tokens: Arc<dyn Fn() -> String + Send + Sync>,
    /// Only these fixtures and their types, with those they need; empty stands for all.
    pub only: Vec<String>,
    /// The calls of one operation that are spoilt, at most.
    pub most_faults: usize,
}

impl Default for Options {
    fn default() -> Self {
        let count = std::sync::atomic::AtomicU64::new(1);
        Self {
            scope: Scope::default(),
            progress: Arc::new(|_| ()),
            pause: Arc::new(NoPause),
            tokens: Arc::new(move || {
                let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                format!("019a0000-0000-7000-8000-{number:012x}")
            }),
            only: Vec::new(),
            most_faults: 25,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("scope", &self.scope)
            .field("only", &self.only)
            .field("most_faults", &self.most_faults)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub(crate) fn token(&self) -> String {
        (self.tokens)()
    }
}

/// The checks that need no object.
const OF_TYPES: [CheckId; 4] = [
    CheckId::SchemaValid,
    CheckId::ExamplesValid,
    CheckId::HasFixture,
    CheckId::UpgradeArchived,
];

/// The checks of an object that call no operation.
const PURE: [CheckId; 4] = [
    CheckId::PureWithoutCloud,
    CheckId::Deterministic,
    CheckId::UnknownInputs,
    CheckId::UnknownAllowed,
];

/// Runs the checks of the options' scope. The provider must have been made with the probe as its cloud, and the fixtures' configuration.
pub async fn run(provider: &dyn Provider, probe: &Probe, fixtures: &Fixtures, options: &Options) -> Report {
    let manifest = provider.manifest();
    probe.learn(manifest);
    let mut report = Report {
        plugin: manifest.name.clone(),
        version: manifest.version.to_string(),
        ..Report::default()
    };
    let wanted = wanted(fixtures, &options.only);
    let is_wanted = |kind: &ResourceType| {
        let mut of_type = fixtures
            .resources
            .iter()
            .filter(|(_, of)| of.resource_type == *kind);
        options.only.is_empty() || of_type.any(|(name, _)| wanted.contains(name))
    };
    let types: Vec<ResourceType> = manifest.resource_types.clone();
    for kind in types.iter().filter(|kind| is_wanted(kind)) {
        let findings = declared::declared(provider, probe, kind, fixtures).await;
        for check in OF_TYPES {
            report
                .results
                .push(result(check, kind, None, findings.verdict(check)));
        }
        let sent: Vec<String> = probe.take_pure_calls().iter().map(ToString::to_string).collect();
        report
            .results
            .push(result(CheckId::PureWithoutCloud, kind, None, Verdict::of(sent)));
    }
    let mut kept: Vec<(&str, Case<'_>, Made)> = Vec::new();
    let mut objects: BTreeMap<String, ObjectState> = BTreeMap::new();
    let names: Vec<&str> = match options.scope {
        // Nothing is made, so nothing has to be there first.
        Scope::Pure => fixtures.resources.keys().map(String::as_str).collect(),
        Scope::Everything => fixtures.ordered(),
    };
    for name in names {
        let Some(fixture) = fixtures
            .resources
            .get(name)
            .filter(|_| wanted.contains(&name.to_owned()))
        else {
            continue;
        };
        (options.progress)(name);
        let case = match case(provider, probe, options, name, fixture, &objects).await {
            Ok(case) => case,
            Err(problem) => {
                report
                    .trouble
                    .push(format!("{name}: nothing was checked: {problem}"));
                continue;
            }
        };
        let mut findings = Findings::default();
        pure::pure(&case, &mut findings).await;
        let is_pure = options.scope == Scope::Pure;
        if is_pure {
            // Nothing is made.
        } else if let Some(made) = lifecycle::lifecycle(&case, &mut findings, &mut report.trouble).await {
            faults::faults(&case, &made, &mut findings, &mut report.trouble).await;
            secrets::secrets(&case, &made, &mut findings, &mut report.trouble).await;
        }
        findings.judged(CheckId::PureWithoutCloud);
        for call in probe.take_pure_calls() {
            findings.fail(CheckId::PureWithoutCloud, call.to_string());
        }
        let is_asked = |check: &&CheckId| {
            if is_pure {
                PURE.contains(check)
            } else {
                !OF_TYPES.contains(check)
            }
        };
        for check in CATALOGUE.iter().filter(is_asked) {
            let verdict = match fixture.skip.get(check) {
                Some(reason) => Verdict::skipped(reason),
                None => findings.verdict(*check),
            };
            report
                .results
                .push(result(*check, &fixture.resource_type, Some(name), verdict));
        }
        // Others refer to it, so one is kept to the end.
        let is_needed = !is_pure
            && fixtures
                .resources
                .values()
                .any(|other| Fixtures::needed(other).contains(name));
        if is_needed {
            match case
                .create(&options.token(), None)
                .await
                .and_then(crate::case::Ended::done)
            {
                Ok(made) => {
                    objects.insert(name.to_owned(), made.state.clone());
                    kept.push((name, case, made));
                }
                Err(problem) => report.trouble.push(format!("{name}: {problem}")),
            }
        }
    }
    for (name, case, made) in kept.iter().rev() {
        if let (Err(failure), _) = case.delete(&made.state, None).await {
            report.trouble.push(format!(
                "{name}: `{}` is left in the cloud: {}",
                made.state.id,
                told(&failure)
            ));
        }
    }
    report
}

fn result(check: CheckId, kind: &ResourceType, fixture: Option<&str>, verdict: Verdict) -> CheckResult {
    CheckResult {
        check,
        resource_type: kind.to_string(),
        fixture: fixture.map(str::to_owned),
        verdict,
    }
}

/// Returns the fixtures that were asked for, with those they need.
fn wanted(fixtures: &Fixtures, only: &[String]) -> Vec<String> {
    if only.is_empty() {
        return fixtures.resources.keys().cloned().collect();
    }
    let mut wanted = only.to_vec();
    let mut position = 0;
    while let Some(name) = wanted.get(position) {
        let needed = fixtures
            .resources
            .get(name)
            .map(Fixtures::needed)
            .unwrap_or_default();
        for name in needed {
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        position += 1;
    }
    wanted
}

async fn case<'a>(
    provider: &'a dyn Provider,
    probe: &'a Probe,
    options: &'a Options,
    name: &str,
    fixture: &'a FixtureResource,
    objects: &BTreeMap<String, ObjectState>,
) -> Result<Case<'a>, String> {
    probe.begin_pure();
    let schema = provider
        .schema(&fixture.resource_type)
        .await
        .map_err(|failure| told(&failure))?;
    let resolved = |value: &Value| match options.scope {
        Scope::Pure => Ok(with_unknown_references(value.clone())),
        Scope::Everything => resolve(value.clone(), objects),
    };
    Ok(Case {
        provider,
        probe,
        options,
        fixture,
        name: name.parse().map_err(|error| format!("{error}"))?,
        schema,
        inputs: resolved(&fixture.inputs)?,
        update: fixture.update.as_ref().map(resolved).transpose()?,
        replace: fixture.replace.as_ref().map(resolved).transpose()?,
    })
}
