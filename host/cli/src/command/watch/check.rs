//! One check of one stack: looked, repaired where nobody is asked, told, counted.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use konductor_config::DriftSettings;
use konductor_engine::{DriftOptions, DriftReport};
use konductor_model::policy::PolicySubject;
use konductor_state::drift::{DifferenceKind, DriftSeverity, DriftTold};

use super::telling::{self, Due};
use super::{Watch, Watched};
use crate::command::drift::remediate::{Consent, remediate};
use crate::command::drift::severities;
use crate::command::execution::{Done, finish};
use crate::error::CommandError;
use crate::policy::{judge_recorded, told_findings};
use crate::project::Project;
use crate::session::{Session, SessionOptions};

/// What a check came to.
pub struct Checked {
    /// The project.
    pub project: String,
    /// How many objects were compared.
    pub objects: usize,
    /// How many differences of each kind there are.
    pub counts: BTreeMap<DifferenceKind, usize>,
    /// Tells this drift from another.
    pub digest: String,
    /// How long it took.
    pub milliseconds: u64,
    /// Who was told.
    pub told: Vec<DriftTold>,
}

/// Checks a stack.
pub async fn check(watch: &Watch<'_>, watched: &Watched) -> Result<Checked, CommandError> {
    let quiet = watch.output.silent();
    let project = Project::open(&watched.global, watch.environment)?;
    let name = project.configuration.project_name().to_owned();
    let options = SessionOptions::to_work("watch", watch.execution);
    let session = Session::open(project, watch.environment, &quiet, options).await?;
    let result = async {
        let settings = session.drift_settings()?;
        let (report, due) = look(watch, watched, &session, &settings).await?;
        let done = if settings.remediate {
            remediate(&session, &report, DriftSeverity::Low, Consent::AutoOnly, &quiet).await?
        } else {
            Done::nothing(0)
        };
        Ok::<_, CommandError>((report, due, done))
    }
    .await;
    let (report, due, done) = match result {
        Ok(looked) => looked,
        Err(error) => {
            finish(session, Err(error)).await?;
            return Err(CommandError::told());
        }
    };
    let repaired = done.exit == 0;
    let journal = session.journal();
    finish(session, Ok(done)).await?;
    let told = telling::tell(watch, watched, journal.as_ref(), due).await?;
    if !repaired {
        return Err(
            CommandError::message("what was to be repaired without asking could not be")
                .help("`konductor log show` says what went wrong"),
        );
    }
    count(watch, &name, watched, &report);
    for told in &told {
        watch.metrics.told(&told.alert, told.error.is_none());
    }
    Ok(Checked {
        project: name,
        objects: report.objects,
        counts: report.counts(),
        digest: report.digest(),
        milliseconds: report.milliseconds,
        told,
    })
}

async fn look(
    watch: &Watch<'_>,
    watched: &Watched,
    session: &Session,
    settings: &DriftSettings,
) -> Result<(DriftReport, Vec<Due>), CommandError> {
    let elsewhere = match &settings.unmanaged {
        Some(_) => session.project().managed_by_other_stacks().await?,
        None => Default::default(),
    };
    let options = DriftOptions {
        targets: Vec::new(),
        unmanaged: settings.unmanaged.clone(),
        elsewhere,
        severity: severities(settings),
    };
    let report = session
        .engine()?
        .check_drift(session.desired().await?, &options)
        .await?;
    let mut findings = Vec::new();
    let quiet = watch.output.silent();
    for subject in [PolicySubject::State, PolicySubject::Drift] {
        let judged = judge_recorded(session, subject, Some(&report), &quiet).await?;
        findings.extend(judged.iter().flat_map(told_findings));
    }
    let due = telling::due(watch, watched, session, settings, &report, &findings).await?;
    Ok((report, due))
}

/// Counts what was found, by every kind and severity, so that what is gone becomes zero.
fn count(watch: &Watch<'_>, project: &str, watched: &Watched, report: &DriftReport) {
    let kinds = [
        (DifferenceKind::ChangedOutside, "changed-outside"),
        (DifferenceKind::DeletedOutside, "deleted-outside"),
        (DifferenceKind::Unmanaged, "unmanaged"),
        (DifferenceKind::Normalised, "normalised"),
    ];
    let all = kinds.into_iter().flat_map(|(kind, word)| {
        DriftSeverity::ALL.map(|severity| {
            let same = |found: &&konductor_state::drift::Difference| {
                found.kind == kind && found.severity == severity
            };
            let count = report.differences.iter().filter(same).count();
            (word.to_owned(), severity.word().to_owned(), count)
        })
    });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    watch.metrics.found(
        project,
        &watched.stack,
        report.objects,
        Duration::from_millis(report.milliseconds),
        now.unwrap_or_default(),
        all,
    );
}
