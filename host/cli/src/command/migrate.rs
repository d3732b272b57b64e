//! `konductor state migrate`.

use konductor_config::StateBackend;
use konductor_state::LockOwner;

use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;
use crate::prompt::confirm;
use crate::state_place::StatePlace;

/// Moves the stack's log to another place.
pub async fn migrate(
    to: &str,
    encrypt: bool,
    yes: bool,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    if project.simulated {
        return Err(CommandError::message(
            "a simulated stack cannot be moved: its cloud is a file of this machine",
        )
        .help("leave out --simulate"));
    }
    let place = StatePlace::of_address(to, encrypt, environment)?;
    let source = project.open_log().await?;
    if source.head().await?.0 == 0 {
        return Err(
            CommandError::message(format!("stack {} was never deployed", project.title())).help(
                "say where its state is to be under `state` in konductor.yaml, and run `konductor run`",
            ),
        );
    }
    let target = project.open_log_at(&place).await?;
    if source.title() == target.title() {
        return Err(CommandError::message(format!(
            "the state of {} is at {} already",
            project.title(),
            target.title()
        )));
    }
    let question = format!(
        "Move the state of {} from {} to {}?",
        project.title(),
        source.title(),
        target.title()
    );
    confirm(&question, yes, output)?;
    let owner = || LockOwner::this_process(environment.actor(), "state migrate");
    let guard = source.lock(owner()).await?;
    let target_guard = target.lock(owner()).await?;
    let migrated = source.migrate_to(&target).await?;
    target_guard.release().await?;
    guard.release().await?;
    let section = section(&place);
    output.fact(
        "state-migrated",
        &serde_json::json!({
            "from": source.title(), "to": target.title(), "entries": migrated.entries, "copied": migrated.copied,
            "head": migrated.head, "section": section,
        }),
        &format!(
            "{} entries are at {}, with the same head {}; {} is closed\nwrite into konductor.yaml, and move every other stack \
             of the project too:\n\n{section}",
            migrated.entries,
            target.title(),
            migrated.head,
            source.title()
        ),
    );
    Ok(())
}

/// Returns what has to stand in `konductor.yaml`.
fn section(place: &StatePlace) -> String {
    let mut lines = vec!["state:".to_owned()];
    let mut line = |key: &str, value: &str| lines.push(format!("  {key}: {value}"));
    match place.written() {
        None | Some(StateBackend::Sqlite) => line("backend", "sqlite"),
        Some(StateBackend::PostgreSql { url }) => {
            line("backend", "postgresql");
            if let Some(url) = url {
                line("url", &url.text);
            }
        }
        Some(StateBackend::S3(s3)) => {
            line("backend", "s3");
            line("bucket", &s3.bucket.text);
            for (key, value) in [
                ("prefix", &s3.prefix),
                ("region", &s3.region),
                ("endpoint", &s3.endpoint),
            ] {
                if let Some(value) = value {
                    line(key, &value.text);
                }
            }
        }
    }
    if place.is_encrypted() {
        line("encrypt", "true");
    }
    lines.join("\n")
}
