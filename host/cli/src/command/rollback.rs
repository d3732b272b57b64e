//! `konductor rollback`: brings back what was recorded at another time.

use std::collections::BTreeSet;

use konductor_engine::PlanOptions;
use konductor_engine::stop::StopSignal;
use konductor_state::Past;

use crate::arguments::RollbackArguments;
use crate::command::execution::{Done, carry_out, finish};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::policy::show_and_judge;
use crate::project::Project;
use crate::prompt::confirm;
use crate::secret_outputs::{can_be_sealed, warn_of_unsealed};
use crate::session::{Session, SessionOptions};

/// Plans, shows, asks and applies.
pub async fn rollback(
    arguments: &RollbackArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    // The point is found before the run begins: `now` and the numbers of runs are those that a person saw.
    let log = project.read_log().await?;
    let serial = arguments.to.serial(&log).await?;
    let command = if arguments.dry_run {
        "rollback --dry-run"
    } else {
        "rollback"
    };
    let mut options = SessionOptions::to_work(command, &arguments.execution);
    let past = log.past(serial).await?;
    let plugins: BTreeSet<String> = past
        .snapshot
        .resources
        .values()
        .map(|record| record.plugin.name.clone())
        .collect();
    options.plugins = plugins.into_iter().collect();
    drop(log);
    let session = Session::open(project, environment, output, options).await?;
    let result = roll_back_in(&session, arguments, past, output).await;
    finish(session, result).await
}

async fn roll_back_in(
    session: &Session,
    arguments: &RollbackArguments,
    mut past: Past,
    output: &Output,
) -> Result<Done, CommandError> {
    let engine = session.engine()?;
    if !arguments.dry_run {
        engine.recover(StopSignal::never()).await?;
    }
    // Somebody may have renamed resources before this run had the lock; what was then cannot change.
    past.renamed = session.renamed_after(past.snapshot.serial).await?;
    let configuration = &session.project().configuration;
    let options = PlanOptions {
        targets: arguments.selection.target.clone(),
        excludes: arguments.selection.exclude.clone(),
        replace: arguments.selection.replace.clone(),
        verify_determinism: true,
        configuration_digest: String::new(),
    };
    let plan = engine
        .plan_past(
            configuration.project_name(),
            configuration.stack(),
            past,
            &options,
            arguments.selection.reading.reading(),
        )
        .await;
    session.view().close();
    let plan = plan?;
    let judged = show_and_judge(session, plan, output).await?;
    if arguments.dry_run {
        warn_of_unsealed(session, &judged.allowed()?, output).await;
        return Ok(Done::nothing(0));
    }
    if judged.plan().is_empty() {
        output.line("What there was then is there.");
        return carry_out(session, judged, output).await;
    }
    if judged.is_allowed() {
        can_be_sealed(session, judged.plan()).await?;
        let question = format!("Bring this back in {}?", session.project().title());
        confirm(&question, arguments.yes, output)?;
    }
    let done = carry_out(session, judged, output).await?;
    if done.exit == 0 {
        output.line(
            "The configuration is as it was before: the next `konductor run` plans to what it declares. Take the \
             change back there too.",
        );
    }
    Ok(done)
}
