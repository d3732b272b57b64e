//! `konductor compliance fix`: sets in the configuration what would make checks pass, and proves it by a plan.

use std::collections::{BTreeMap, BTreeSet};

use konductor_compliance::Assessment;
use konductor_compliance::assessment::Finding;
use konductor_engine::{PlanOptions, StepAction};
use konductor_model::compliance::{CheckResult, Waiver};
use konductor_model::path::PathError;
use konductor_model::suggestion::nearest;
use konductor_model::value_json::from_plain_json;
use konductor_model::{Diagnostic, Diagnostics, Path, Value};
use similar::TextDiff;

use crate::arguments::{ComplianceFixArguments, GlobalArguments};
use crate::command::execution::{Done, finish};
use crate::configuration_edit::{ConfigurationEdit, writable};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::policy::plan_document;
use crate::project::{FolderSources, Project};
use crate::prompt::confirm;
use crate::render::value::one_line;
use crate::session::{Session, SessionOptions};

/// Which finding: the resource and the check.
type Key = (String, String);

/// What a plan comes to.
struct Looked {
    assessment: Assessment,
    /// The resources it replaces, with the attributes for which it does.
    replaced: BTreeMap<String, Vec<String>>,
}

/// A finding for which the configuration is changed.
#[derive(Clone)]
struct Correction {
    key: Key,
    /// Nothing where what is set for another finding corrects this one, too.
    places: Vec<CorrectedValue>,
}

/// A value that is set.
#[derive(Clone)]
struct CorrectedValue {
    at: Path,
    file: String,
    path: Path,
    value: Value,
}

/// A finding that stays, and why.
struct Left {
    key: Key,
    reason: String,
}

/// What came of all findings.
struct Corrections {
    edit: ConfigurationEdit,
    fixed: Vec<Correction>,
    left: Vec<Left>,
    replaced: BTreeMap<String, Vec<String>>,
}

/// What every plan needs.
struct Looking<'l> {
    arguments: &'l ComplianceFixArguments,
    global: &'l GlobalArguments,
    environment: &'l Environment,
    output: &'l Output,
}

/// Finds, edits in memory, plans again until nothing more can be corrected, shows, asks, and writes.
pub async fn fix(
    arguments: &ComplianceFixArguments,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let looking = Looking {
        arguments,
        global: &project.arguments,
        environment,
        output,
    };
    let corrections = looking.corrections(project).await?;
    tell(&corrections, project, output);
    let mut written = false;
    if !corrections.fixed.is_empty() && !arguments.dry_run {
        confirm("Write this into the configuration?", arguments.yes, output)?;
        corrections
            .edit
            .write(&project.folder, "run `konductor compliance fix` again")?;
        written = true;
    }
    let files: Vec<_> = corrections
        .edit
        .changed()
        .map(
            |(file, text)| serde_json::json!({ "file": file, "diff": diff(file, &text.before, &text.after) }),
        )
        .collect();
    let members = serde_json::json!({
        "fixed": corrections.fixed.len(), "left": corrections.left.len(), "written": written, "files": files,
        "replaced": corrections.replaced.keys().collect::<Vec<_>>(),
    });
    output.fact("compliance-fixed", &members, &summary(&corrections, written));
    Ok(0)
}

impl Looking<'_> {
    async fn corrections(&self, project: &Project) -> Result<Corrections, CommandError> {
        let before = self.look(&ConfigurationEdit::default(), self.output).await?;
        self.require_known(&before.assessment)?;
        let mut found = Corrections {
            edit: ConfigurationEdit::default(),
            fixed: Vec::new(),
            left: Vec::new(),
            replaced: BTreeMap::new(),
        };
        let mut looked = before;
        let replaced_anyway: BTreeSet<String> = looked.replaced.keys().cloned().collect();
        // A finding is corrected at most once and left at most once: this ends.
        loop {
            let open: BTreeSet<Key> = self.chosen(&looked.assessment).map(key).collect();
            let without_effect = drain(&mut found.fixed, |correction| open.contains(&correction.key));
            let mut changed = !without_effect.is_empty();
            found
                .left
                .extend(without_effect.into_iter().map(|correction| Left {
                    key: correction.key,
                    reason: "what is set in its declaration does not make the check pass".to_owned(),
                }));
            for finding in self.chosen(&looked.assessment) {
                let key = key(finding);
                let is_known = found.left.iter().any(|left| left.key == key);
                if is_known {
                    continue;
                }
                let remedy = looked.assessment.check(&finding.result).remedy;
                match correction(project, &finding.result, &remedy) {
                    Ok(places) => {
                        changed = true;
                        found.fixed.push(Correction { key, places });
                    }
                    Err(reason) => found.left.push(Left { key, reason }),
                }
            }
            if !changed {
                let (left, gone) = std::mem::take(&mut found.left)
                    .into_iter()
                    .partition(|left| open.contains(&left.key));
                found.left = left;
                found.fixed.extend(gone.into_iter().map(|gone| Correction {
                    key: gone.key,
                    places: Vec::new(),
                }));
                found.replaced = looked.replaced;
                found.replaced.retain(|name, _| {
                    !replaced_anyway.contains(name)
                        && found.fixed.iter().any(|correction| correction.key.0 == *name)
                });
                return Ok(found);
            }
            looked = self.look_at_corrections(project, &mut found).await?;
        }
    }

    /// Plans with the corrections. Those for which it cannot be planned are left.
    async fn look_at_corrections(
        &self,
        project: &Project,
        found: &mut Corrections,
    ) -> Result<Looked, CommandError> {
        loop {
            let mut edit = ConfigurationEdit::default();
            let mut applied = Vec::new();
            for correction in std::mem::take(&mut found.fixed) {
                let mut with = edit.clone();
                match apply(project, &mut with, &correction.places) {
                    Ok(()) => {
                        edit = with;
                        applied.push(correction);
                    }
                    Err(problems) => found.left.push(Left {
                        key: correction.key,
                        reason: first(&problems),
                    }),
                }
            }
            found.fixed = applied;
            found.edit = edit;
            let error = match self.look(&found.edit, &self.output.silent()).await {
                Ok(looked) => return Ok(looked),
                Err(error) => error,
            };
            let mut refused = Vec::new();
            for problem in &error.diagnostics.0 {
                let is_about = |correction: &Correction| problem.resource.as_ref() == Some(&correction.key.0);
                let is_at = |correction: &Correction| {
                    let at = problem.at.as_ref();
                    at.is_some_and(|at| {
                        let mut places = correction.places.iter();
                        places.any(|place| at.starts_with(&place.at) || place.at.starts_with(at))
                    })
                };
                // What does not fit a value is that value's fault, and else that of all that was set beside it.
                let named = found
                    .fixed
                    .iter()
                    .any(|correction| is_about(correction) && is_at(correction));
                let dropped = drain(&mut found.fixed, |correction| {
                    is_about(correction) && (!named || is_at(correction))
                });
                let reason = format!("with it the stack cannot be planned: {}", problem.summary);
                refused.extend(dropped.into_iter().map(|correction| Left {
                    key: correction.key,
                    reason: reason.clone(),
                }));
            }
            if refused.is_empty() {
                self.output
                    .diagnostics(&error.diagnostics, &FolderSources(project.folder.clone()));
                return Err(CommandError::message(
                    "the configuration is as it was: with what the checks ask for it could not be planned",
                )
                .help("correct what is named above, or choose with --check and --resource"));
            }
            found.left.extend(refused);
        }
    }

    /// Plans with some texts, and judges.
    async fn look(&self, edit: &ConfigurationEdit, output: &Output) -> Result<Looked, CommandError> {
        let project = Project::open_edited(self.global, self.environment, &edit.texts())?;
        let options = SessionOptions::to_work("compliance fix", &self.arguments.execution);
        let session = Session::open(project, self.environment, output, options).await?;
        match self.look_in(&session).await {
            Ok(looked) => {
                finish(session, Ok(Done::nothing(0))).await?;
                Ok(looked)
            }
            Err(error) => {
                finish(session, Err(error)).await?;
                Err(CommandError::told())
            }
        }
    }

    async fn look_in(&self, session: &Session) -> Result<Looked, CommandError> {
        let site = session.site_packages();
        let compliance = site.compliance().ok_or_else(|| {
            CommandError::message("the configuration names no framework that resources are held to")
                .help("write for example `config.compliance.frameworks: [nist-800-53-moderate]`")
        })?;
        let reading = self.arguments.reading.reading();
        let engine = session.engine()?;
        let plan = engine
            .plan(session.desired().await?, &PlanOptions::default(), reading)
            .await;
        session.view().close();
        let plan = plan.map_err(|error| {
            let mut error = CommandError::from(error);
            session.project().locate(&mut error.diagnostics);
            error
        })?;
        let mut replaced = BTreeMap::new();
        for step in &plan.steps {
            if matches!(step.action, StepAction::Replace { .. }) {
                let changes = step.changes.iter();
                let forcing = changes.filter(|change| change.requires_replacement);
                let attributes: Vec<String> = forcing.map(|change| change.at.to_string()).collect();
                replaced.insert(step.urn.name().to_string(), attributes);
            }
        }
        let document = plan_document(session, &plan).await?.to_json().to_string();
        let assessment = compliance.assess(&document).await?;
        Ok(Looked { assessment, replaced })
    }

    /// Returns the findings that are to be corrected: those that nobody waives, of the checks and resources that were
    /// named.
    fn chosen<'a>(&'a self, assessment: &'a Assessment) -> impl Iterator<Item = &'a Finding> {
        assessment.findings.iter().filter(|finding| {
            let result = &finding.result;
            let checks = &self.arguments.checks;
            let mut resources = self.arguments.resources.iter();
            finding.waiver().is_none()
                && (checks.is_empty() || checks.contains(&result.check))
                && (self.arguments.resources.is_empty()
                    || resources.any(|pattern| is_about(pattern, &result.name)))
        })
    }

    /// Refuses a check or a resource that there is not.
    fn require_known(&self, assessment: &Assessment) -> Result<(), CommandError> {
        let mut diagnostics = Diagnostics::default();
        for name in &self.arguments.checks {
            if !assessment.checks.contains_key(name) {
                let known = assessment.checks.keys().map(String::as_str);
                let problem = Diagnostic::error(format!(
                    "no check `{name}` serves the frameworks that `compliance` names"
                ));
                diagnostics.push(match nearest(name, known) {
                    Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                    None => problem.help("`konductor compliance checks` lists them"),
                });
            }
        }
        for pattern in &self.arguments.resources {
            let mut results = assessment.results.iter();
            if !results.any(|result| is_about(pattern, &result.name)) {
                diagnostics.push(
                    Diagnostic::error(format!("no check looks at a resource `{pattern}`"))
                        .help("give a name, or the beginning of names with `*` behind it"),
                );
            }
        }
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        Ok(())
    }
}

/// Tells whether a pattern, written as a waiver's, is about a resource.
fn is_about(pattern: &str, resource: &str) -> bool {
    let waiver = Waiver {
        resource: pattern.to_owned(),
        ..Waiver::default()
    };
    waiver.is_about(resource)
}

fn key(finding: &Finding) -> Key {
    (finding.result.name.clone(), finding.result.check.clone())
}

/// Takes out of a list what fits.
fn drain(list: &mut Vec<Correction>, fits: impl Fn(&Correction) -> bool) -> Vec<Correction> {
    let (out, kept) = std::mem::take(list).into_iter().partition(|found| fits(found));
    *list = kept;
    out
}

fn first(problems: &Diagnostics) -> String {
    let problem = problems.0.first();
    problem.map(|problem| problem.summary.clone()).unwrap_or_default()
}

/// Returns what is to be set for a finding, or why nothing can be.
fn correction(project: &Project, result: &CheckResult, remedy: &str) -> Result<Vec<CorrectedValue>, String> {
    if result.patch.is_empty() {
        return Err(format!("no value of its own corrects it: {remedy}"));
    }
    let mut places = Vec::new();
    for patch in &result.patch {
        let at: Path = patch.path.parse().map_err(|error: PathError| error.to_string())?;
        let Some(written) = project.configuration.written(&result.name, &at) else {
            return Err("a module or a component constructs it: change the settings of that".to_owned());
        };
        if let Some(expression) = written.expression {
            return Err(format!(
                "`{at}` comes from `{expression}` ({}): change where that comes from",
                written.origin
            ));
        }
        places.push(CorrectedValue {
            path: written.declaration.child("properties").join(&at),
            file: written.origin.file.to_string(),
            at,
            value: from_plain_json(patch.value.clone()),
        });
    }
    // Where it cannot be written is said now.
    let mut edit = ConfigurationEdit::default();
    apply(project, &mut edit, &places).map_err(|problems| first(&problems))?;
    Ok(places)
}

fn apply(
    project: &Project,
    edit: &mut ConfigurationEdit,
    places: &[CorrectedValue],
) -> Result<(), Diagnostics> {
    for place in places {
        let value = writable(project, &place.value)?;
        edit.put(project, &place.file, &place.path, Some(&value))?;
    }
    Ok(())
}

fn diff(file: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut diff = diff.unified_diff();
    diff.context_radius(2).header(file, file).to_string()
}

fn tell(corrections: &Corrections, project: &Project, output: &Output) {
    for fixed in &corrections.fixed {
        let (resource, check) = &fixed.key;
        let values = fixed.places.iter().map(|place| {
            serde_json::json!({
                "at": place.at, "value": konductor_model::value_json::to_plain_json(&place.value), "file": place.file,
            })
        });
        let members = serde_json::json!({
            "resource": resource, "check": check, "fixed": true, "values": values.collect::<Vec<_>>(),
        });
        let set: Vec<String> = fixed
            .places
            .iter()
            .map(|place| format!("{}: {}", place.at, one_line(&place.value)))
            .collect();
        let set = match set.as_slice() {
            [] => "corrected with another".to_owned(),
            set => set.join(", "),
        };
        output.fact(
            "compliance-fix",
            &members,
            &format!("  {resource}: {set} ({check})"),
        );
    }
    if !corrections.left.is_empty() {
        output.line(if corrections.fixed.is_empty() {
            "Left as it is:"
        } else {
            "\nLeft as it is:"
        });
    }
    for left in &corrections.left {
        let (resource, check) = &left.key;
        let members = serde_json::json!({
            "resource": resource, "check": check, "fixed": false, "reason": left.reason,
        });
        let text = format!("  {resource}: {} ({check})", left.reason);
        output.fact("compliance-fix", &members, &text);
    }
    for (file, text) in corrections.edit.changed() {
        output.text(&format!("\n{}", diff(file, &text.before, &text.after)));
    }
    let warnings = corrections.replaced.iter().map(|(name, attributes)| {
        Diagnostic::warning(format!("the next run replaces `{name}`"))
            .resource(name)
            .detail(format!("{} cannot be changed where it is", attributes.join(", ")))
            .help("leave it with --check or --resource, or allow the finding in `compliance.waivers`, where what is in it must stay")
    });
    output.diagnostics(
        &Diagnostics(warnings.collect()),
        &FolderSources(project.folder.clone()),
    );
}

fn summary(corrections: &Corrections, written: bool) -> String {
    let files = corrections.edit.changed().count();
    let (fixed, left) = (corrections.fixed.len(), corrections.left.len());
    match (fixed, written) {
        (0, _) => format!("\nNothing to correct; {left} findings are left."),
        (_, true) => format!(
            "\nCorrected {fixed} findings in {files} files; {left} are left. `konductor run` applies it."
        ),
        (_, false) => format!(
            "\n{fixed} findings would be corrected in {files} files, {left} be left. Nothing was written."
        ),
    }
}
