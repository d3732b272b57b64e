//! The gate that every plan passes: shown, judged, recorded, and carried out only when no policy refuses it.

use std::time::Instant;

use konductor_compliance::assessment::JUDGE;
use konductor_compliance::decision::placed;
use konductor_compliance::{Judgement, decide};
use konductor_engine::{DriftReport, Plan};
use konductor_model::Diagnostic;
use konductor_model::policy::{PolicyLevel, PolicySubject};
use konductor_state::entry::Entry;
use konductor_state::policy::PackageOutcome;

use super::document::{operation, plan_document, recorded_document};
use crate::command::execution::show_plan;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::FolderSources;
use crate::render::policy::{judgement_event, render};
use crate::session::Session;

/// A plan that was shown and judged. Nothing else can be carried out.
pub struct JudgedPlan {
    plan: Plan,
    refusal: Option<CommandError>,
}

impl JudgedPlan {
    /// Returns the plan, to look at.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the plan to carry it out.
    ///
    /// # Errors
    /// When a policy refuses it.
    pub fn allowed(self) -> Result<Plan, CommandError> {
        match self.refusal {
            None => Ok(self.plan),
            Some(refusal) => Err(refusal),
        }
    }

    /// Tells whether it may be carried out.
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }
}

/// Shows a plan and lets the packages of the site judge it. What they say is shown, too, and recorded.
pub async fn show_and_judge(
    session: &Session,
    plan: Plan,
    output: &Output,
) -> Result<JudgedPlan, CommandError> {
    show_plan(&plan, &session.project().folder, output);
    let site = session.site_packages();
    if site.is_empty() {
        return Ok(JudgedPlan { plan, refusal: None });
    }
    let document = plan_document(session, &plan).await?.to_json().to_string();
    let since = Instant::now();
    let packages = site.packages_on(PolicySubject::Plan);
    let answers = site.answers(&packages, &document).await?;
    let mut judgement = decide(
        session.run(),
        operation(plan.mode),
        &document,
        &packages,
        answers,
        site.overrides(),
    );
    if let Some(compliance) = site.compliance() {
        output.diagnostics(
            &compliance.expired(),
            &FolderSources(session.project().folder.clone()),
        );
        let (decision, answer) = compliance.judge(&document).await;
        judgement.add(decision, answer);
    }
    tell_and_record(session, &mut judgement, since, output).await?;
    Ok(JudgedPlan {
        plan,
        refusal: refusal(&judgement, "the plan"),
    })
}

async fn tell_and_record(
    session: &Session,
    judgement: &mut Judgement,
    since: Instant,
    output: &Output,
) -> Result<(), CommandError> {
    judgement.decision.milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let entry = Entry::PolicyDecided(judgement.decision.clone());
    session.journal().append(vec![entry]).await?;
    output.event("policy-decision", &judgement_event(judgement));
    output.text(&render(judgement));
    Ok(())
}

/// Lets the packages that judge the state or the drift of a stack judge it. What they say is shown and recorded; none
/// where there is no such package.
pub async fn judge_recorded(
    session: &Session,
    subject: PolicySubject,
    report: Option<&DriftReport>,
    output: &Output,
) -> Result<Option<Judgement>, CommandError> {
    let site = session.site_packages();
    let packages = site.packages_on(subject);
    if packages.is_empty() {
        return Ok(None);
    }
    let document = recorded_document(session, subject.word(), report).await?;
    let document = match subject {
        PolicySubject::State => document.to_state_json(),
        _ => document.to_json(),
    };
    let document = document.to_string();
    let since = Instant::now();
    let answers = site.answers(&packages, &document).await?;
    let mut judgement = decide(
        session.run(),
        subject.word(),
        &document,
        &packages,
        answers,
        site.overrides(),
    );
    tell_and_record(session, &mut judgement, since, output).await?;
    Ok(Some(judgement))
}

/// Returns what packages found, each with the name of its package.
pub fn told_findings(judgement: &Judgement) -> Vec<String> {
    let packages = judgement.decision.packages.iter().zip(&judgement.answers);
    packages
        .flat_map(|(package, answer)| {
            let findings = answer.findings.iter().filter(|finding| !finding.excepted);
            let findings = findings.map(|finding| finding.message.clone());
            let problems = answer.problems.iter().map(placed);
            findings
                .chain(problems)
                .map(|told| format!("{}: {told}", package.name))
        })
        .collect()
}

/// Says which packages refuse what was judged, if one does.
pub fn refusal(judgement: &Judgement, what: &str) -> Option<CommandError> {
    if judgement.decision.allowed {
        return None;
    }
    let refusing: Vec<_> = judgement
        .decision
        .packages
        .iter()
        .filter(|package| {
            package.outcome == PackageOutcome::Denied
                || package.outcome == PackageOutcome::Unusable && package.level != PolicyLevel::Advisory
        })
        .collect();
    let names: Vec<&str> = refusing.iter().map(|package| package.name.as_str()).collect();
    let soft: Vec<&str> = refusing
        .iter()
        .filter(|package| package.level == PolicyLevel::SoftMandatory)
        .map(|package| package.name.as_str())
        .collect();
    let error = Diagnostic::error(format!(
        "{what} is refused by the policies of {}",
        names.join(", ")
    ));
    Some(if soft.len() == refusing.len() {
        let overrides: Vec<String> = soft
            .iter()
            .map(|name| format!("--override-policy '{name}=REASON'"))
            .collect();
        error
            .help(format!(
                "change what it names, or go on with {}; the reason is recorded",
                overrides.join(" ")
            ))
            .into()
    } else if names.contains(&JUDGE) {
        error
            .help("change what is named above, or have it allowed for a while in `compliance.waivers`; a mandatory package cannot be overridden")
            .into()
    } else {
        error
            .help("change what is named above; a mandatory package cannot be overridden")
            .into()
    })
}
