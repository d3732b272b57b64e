//! What resources are held to: the compliance plugin, and what the configuration says of its controls.

mod document;

use std::path::Path;
use std::time::Duration;

use konductor_compliance::control_tags::{ControlsByType, controls_by_type};
use konductor_compliance::controls::ControlError;
use konductor_compliance::tightening::resource_metadata;
use konductor_compliance::{
    Assessment, ControlCatalogue, ControlRules, SiteFramework, SiteFrameworkError, Standing, assess,
};
use konductor_config::{Configuration, Context};
use konductor_model::compliance::{
    Check, ComplianceAnswer, ComplianceRequest, ComplianceSettings, ComplianceTask, FORMAT, Framework,
};
use konductor_model::policy::PackageAnswer;
use konductor_model::suggestion::nearest;
use konductor_model::{Diagnostic, Diagnostics, Disposition, Failure};
use konductor_sandbox::Plugin;
use konductor_state::policy::{PackageDecision, PackageOutcome};

use crate::error::CommandError;
use crate::plugins::LoadedPlugin;

pub use document::recorded_document;

/// The plugin that knows frameworks and checks.
pub const COMPLIANCE_PLUGIN: &str = "compliance";

/// The plugin with the section of the configuration.
pub struct StackCompliance {
    plugin: Plugin,
    digest: String,
    rules: ControlRules,
    notice: Duration,
    /// A framework of the site is among them, which the plugin does not know, or a rule names checks.
    asks_all: bool,
    place: String,
    tags: ControlsByType,
}

impl StackCompliance {
    /// Holds the section against what the plugin knows; everything that is wrong with it is said at once.
    ///
    /// # Errors
    /// When the section names what there is not.
    pub fn open(
        settings: &ComplianceSettings,
        place: String,
        loaded: &LoadedPlugin,
        catalogue: &ControlCatalogue,
    ) -> Result<Self, CommandError> {
        let refused = |errors: Vec<ControlError>| {
            let told = errors.iter().map(diagnostic);
            CommandError::from(Diagnostics(told.collect()))
        };
        let rules = ControlRules::new(settings, catalogue).map_err(refused)?;
        let tags = controls_by_type(&settings.tags, catalogue).map_err(refused)?;
        let mut frameworks = rules.frameworks.iter();
        Ok(Self {
            asks_all: rules.names_checks()
                || frameworks.any(|framework| catalogue.site.contains(&framework.id)),
            plugin: loaded.plugin.clone(),
            digest: loaded.fetched().digest.hex(),
            rules,
            notice: settings.notice,
            place,
            tags,
        })
    }

    /// Tells whether anything is demanded of resources. Where controls are only written onto them, nothing is.
    pub fn judges(&self) -> bool {
        !self.rules.frameworks.is_empty()
    }

    /// Returns the controls that are written onto resources, by their types.
    pub fn tags(&self) -> &ControlsByType {
        &self.tags
    }

    /// Returns the SHA-256 of the plugin, in hexadecimal.
    pub fn plugin_digest(&self) -> &str {
        &self.digest
    }

    /// Returns how a stack stands by the resources of a document.
    ///
    /// # Errors
    /// When the plugin fails.
    pub async fn standing(&self, document: &str, run: &str) -> Result<Standing, Failure> {
        let assessment = self.assess(document).await?;
        let now = jiff::Timestamp::now();
        Ok(Standing::of(&assessment, &self.rules, run, now, self.notice))
    }

    /// Returns a warning for every waiver that does not hold any more.
    pub fn expired(&self) -> Diagnostics {
        let now = jiff::Timestamp::now().as_millisecond();
        let told = self.rules.expired(now).into_iter().map(|waiver| {
            Diagnostic::warning(format!(
                "the waiver of {} for {} expired ({}): its findings count again",
                waiver.control.text, waiver.resource, waiver.expires
            ))
            .detail(format!("{} allowed it: {}", waiver.approver, waiver.reason))
            .help("correct the resource, or have it allowed anew; take the waiver out when it is not needed any more")
            .origin(waiver.control.origin.clone())
        });
        Diagnostics(told.collect())
    }

    /// Applies the checks to the resources of a document.
    ///
    /// # Errors
    /// When the plugin fails.
    pub async fn assess(&self, document: &str) -> Result<Assessment, Failure> {
        let frameworks = self.rules.frameworks.iter();
        let frameworks: Vec<String> = if self.asks_all {
            Vec::new()
        } else {
            frameworks.map(|framework| framework.id.clone()).collect()
        };
        let request = ComplianceRequest {
            format: FORMAT,
            task: ComplianceTask::Evaluate,
            frameworks,
            input: serde_json::Value::Null,
        };
        let mut answer = ask(&self.plugin, &request, Some(document)).await?;
        if self.asks_all {
            let matters = |check: &str| self.rules.asks_about(check);
            answer.checks.retain(|check| matters(&check.id));
            answer.results.retain(|result| matters(&result.check));
        }
        let metadata = resource_metadata(document)
            .map_err(|error| Failure::new(Disposition::Invalid, format!("the document: {error}")))?;
        Ok(assess(
            answer,
            &self.rules,
            &metadata,
            jiff::Timestamp::now().as_millisecond(),
        ))
    }

    /// Judges a plan. A plugin that fails counts as one that found something.
    pub async fn judge(&self, document: &str) -> (PackageDecision, PackageAnswer) {
        match self.assess(document).await {
            Ok(assessment) => assessment.judgement(self.rules.default_level(), &self.place, &self.digest),
            Err(failure) => {
                let (mut decision, answer) =
                    Assessment::default().judgement(self.rules.strictest_level(), &self.place, &self.digest);
                decision.outcome = PackageOutcome::Unusable;
                decision.problems = vec![failure.message.clone()];
                let problem = konductor_model::policy::PolicyProblem {
                    message: failure.message,
                    ..konductor_model::policy::PolicyProblem::default()
                };
                (
                    decision,
                    PackageAnswer {
                        problems: vec![problem],
                        ..answer
                    },
                )
            }
        }
    }
}

/// Asks the plugin for what it knows.
///
/// # Errors
/// When it fails, or answers with something else.
async fn catalogue(plugin: &Plugin) -> Result<ControlCatalogue, CommandError> {
    let described = serde_json::Value::Array(plugin.frameworks().await?);
    let frameworks: Vec<Framework> = serde_json::from_value(described).map_err(|error| {
        CommandError::message(format!(
            "the compliance plugin answered with something else: {error}"
        ))
    })?;
    let request = ComplianceRequest {
        format: FORMAT,
        task: ComplianceTask::Checks,
        ..ComplianceRequest::default()
    };
    let checks: Vec<Check> = ask(plugin, &request, None).await?.checks;
    Ok(ControlCatalogue {
        frameworks,
        checks,
        site: Vec::new(),
    })
}

/// Asks the plugin for what it knows, and adds the frameworks of the site: the files that the configuration names.
///
/// # Errors
/// When the plugin fails, or something is wrong with a file.
pub async fn known(
    plugin: &Plugin,
    folder: &Path,
    configuration: Option<&Configuration>,
) -> Result<ControlCatalogue, CommandError> {
    let mut catalogue = catalogue(plugin).await?;
    let files = match configuration {
        Some(configuration) => configuration.compliance_catalogues(Context::default())?,
        None => Vec::new(),
    };
    for named in files {
        let file = folder.join(&named.text);
        let text = std::fs::read_to_string(&file).map_err(|error| {
            Diagnostic::error(format!("the catalogue {} cannot be read: {error}", named.text))
                .help("name a file by its path from the project's folder; `konductor compliance import` writes one")
                .origin(named.origin.clone())
        })?;
        let site = SiteFramework::read(&named.text, &text).map_err(|error| site_errors(&[error]))?;
        catalogue.add(&site).map_err(|errors| site_errors(&errors))?;
    }
    Ok(catalogue)
}

/// Tells what is wrong with a framework of the site.
pub fn site_errors(errors: &[SiteFrameworkError]) -> CommandError {
    let told = errors
        .iter()
        .map(|error| Diagnostic::error(error.to_string()).help(error.help.clone()));
    Diagnostics(told.collect()).into()
}

async fn ask(
    plugin: &Plugin,
    request: &ComplianceRequest,
    document: Option<&str>,
) -> Result<ComplianceAnswer, Failure> {
    let other = |problem: String| Failure::new(Disposition::Plugin, problem);
    let mut text = serde_json::to_string(request).map_err(|error| other(error.to_string()))?;
    if let Some(document) = document {
        // The object is still open at its end, for a document that is text already.
        text.pop();
        text.push_str(",\"input\":");
        text.push_str(document);
        text.push('}');
    }
    let instant = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
    let answer = plugin.evaluate(text, instant).await?;
    serde_json::from_value(answer).map_err(|error| {
        other(format!(
            "the compliance plugin answered with something else: {error}"
        ))
    })
}

fn diagnostic(error: &ControlError) -> Diagnostic {
    let (name, known) = error.names();
    let help = match (nearest(name, known.iter().map(String::as_str)), error) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, ControlError::Framework { known, .. }) => format!("there are {}", known.join(", ")),
        (None, ControlError::Control { .. }) => {
            "write FRAMEWORK:CONTROL or the name of a check; `konductor compliance controls FRAMEWORK` lists them".to_owned()
        }
    };
    Diagnostic::error(error.to_string())
        .help(help)
        .origin(error.origin().cloned())
}
