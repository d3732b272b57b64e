//! One check of one stack: looked, repaired where nobody is asked, told, counted.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use konductor_config::DriftSettings;
use konductor_engine::{DriftOptions, DriftReport};
use konductor_model::policy::PolicySubject;
use konductor_state::compliance::ComplianceTold;
use konductor_state::drift::{DifferenceKind, DriftSeverity, DriftTold};

use super::controls::{self, Looked};
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
    /// What came of the controls; none where the stack is held to nothing.
    pub controls: Option<Looked>,
    /// Who was told.
    pub told: Vec<Told>,
}

/// Somebody who was told, or could not be.
pub struct Told {
    /// Through which alert.
    pub alert: String,
    /// Of what: `drift`, `controls`.
    pub about: &'static str,
    /// The digest of what was told.
    pub digest: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// Checks a stack.
pub async fn check(watch: &Watch<'_>, watched: &Watched) -> Result<Checked, CommandError> {
    let quiet = watch.output.silent();
    let project = Project::open(&watched.global, watch.environment)?;
    let name = project.configuration.project_name().to_owned();
    // What is told after the session belongs to the evidence, too: the watch forwards all of it together.
    let options = SessionOptions {
        forwards: false,
        ..SessionOptions::to_work("watch", watch.execution)
    };
    let session = Session::open(project, watch.environment, &quiet, options).await?;
    let result = async {
        let settings = session.drift_settings()?;
        let (report, due) = look(watch, watched, &session, &settings).await?;
        // What goes wrong with them is told when what is known of drift was.
        let controls = controls::look(watch, watched, &session, &settings, &report).await;
        let done = if settings.remediate {
            remediate(&session, &report, DriftSeverity::Low, Consent::AutoOnly, &quiet).await?
        } else {
            Done::nothing(0)
        };
        Ok::<_, CommandError>((report, due, controls, done))
    }
    .await;
    let (report, due, controls, done) = match result {
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
    let mut told: Vec<Told> = told.into_iter().map(Told::from).collect();
    let controls = match controls? {
        Some(looked) => {
            let of_controls = controls::tell(watch, journal.as_ref(), &looked).await?;
            told.extend(of_controls.into_iter().map(Told::from));
            Some(looked)
        }
        None => None,
    };
    if !repaired {
        return Err(
            CommandError::message("what was to be repaired without asking could not be")
                .help("`konductor log show` says what went wrong"),
        );
    }
    count(watch, &name, watched, &report);
    if let Some(looked) = &controls {
        count_controls(watch, &name, watched, looked);
    }
    for told in &told {
        watch.metrics.told(&told.alert, told.error.is_none());
    }
    Ok(Checked {
        project: name,
        objects: report.objects,
        counts: report.counts(),
        digest: report.digest(),
        milliseconds: report.milliseconds,
        controls,
        told,
    })
}

impl From<DriftTold> for Told {
    fn from(told: DriftTold) -> Self {
        Self {
            alert: told.alert,
            about: "drift",
            digest: told.digest,
            error: told.error,
        }
    }
}

impl From<ComplianceTold> for Told {
    fn from(told: ComplianceTold) -> Self {
        Self {
            alert: told.alert,
            about: "controls",
            digest: told.digest,
            error: told.error,
        }
    }
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
    watch.metrics.found(
        project,
        &watched.stack,
        report.objects,
        Duration::from_millis(report.milliseconds),
        since_1970(),
        all,
    );
}

fn count_controls(watch: &Watch<'_>, project: &str, watched: &Watched, looked: &Looked) {
    let counts = looked.checked.counts.iter().flat_map(|(framework, counts)| {
        [
            (framework.clone(), "mandatory", counts.mandatory),
            (framework.clone(), "advisory", counts.advisory),
            (framework.clone(), "waived", counts.waived),
        ]
    });
    watch
        .metrics
        .assessed(project, &watched.stack, since_1970(), counts);
}

fn since_1970() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}
