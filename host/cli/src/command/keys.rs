//! `konductor state keys` and `konductor state rotate-key`.

use konductor_state::keys::{KeyName, StoredKeys, stored_keys};
use konductor_state::{LockOwner, StateError};

use crate::command::state::as_run;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::Project;
use crate::prompt::confirm;

/// Shows which keys protect the stack's state.
pub async fn show(project: &Project, output: &Output) -> Result<(), CommandError> {
    let (options, file) = project.unopened_log()?;
    let stored = match stored_keys(&file, options).await {
        Err(StateError::NotFound { .. }) => {
            return Err(
                CommandError::message(format!("stack {} was never deployed", project.title()))
                    .help("`konductor run` deploys it"),
            );
        }
        stored => stored?,
    };
    let configured = project.keys.configured();
    let protects: Vec<KeyName> = stored
        .ring
        .iter()
        .flat_map(|ring| ring.wrapped_for().cloned())
        .collect();
    let missing: Vec<&KeyName> = configured.iter().filter(|key| !protects.contains(key)).collect();
    let extra: Vec<&KeyName> = protects.iter().filter(|key| !configured.contains(key)).collect();
    let differs = stored.ring.is_some() && !(missing.is_empty() && extra.is_empty());
    let members = serde_json::json!({
        "whole": stored.whole,
        "data_key": stored.ring.as_ref().map(|ring| ring.current()),
        "generation": stored.ring.as_ref().map(|ring| ring.generation()),
        "older": stored.ring.as_ref().map(|ring| ring.older().collect::<Vec<_>>()).unwrap_or_default(),
        "wrapped_for": protects, "configured": configured, "rotate": differs,
    });
    output.fact("state-keys", &members, &text(&stored, &protects, &configured));
    if differs && !output.is_json() {
        for key in missing {
            output.line(&format!(
                "does not open yet with {key}, which konductor.yaml names"
            ));
        }
        for key in extra {
            output.line(&format!(
                "still opens with {key}, which konductor.yaml does not name"
            ));
        }
        output
            .line("`konductor state rotate-key` makes a new data key for the keys that konductor.yaml names");
    }
    Ok(())
}

fn text(stored: &StoredKeys, protects: &[KeyName], configured: &[KeyName]) -> String {
    let what = if stored.whole {
        "all that is stored is encrypted"
    } else {
        "secrets alone are encrypted"
    };
    let list = |keys: &[KeyName]| {
        let lines: Vec<String> = keys.iter().map(|key| format!("  {key}")).collect();
        lines.join("\n")
    };
    match &stored.ring {
        Some(ring) => {
            let older = match ring.older().count() {
                0 => String::new(),
                count => format!(", before which there were {count}"),
            };
            format!(
                "{what}\ndata key {}{older}; it opens with any of\n{}",
                ring.current(),
                list(protects)
            )
        }
        None if configured.is_empty() => {
            format!("{what}, and konductor.yaml names no key: `konductor config key generate` makes one")
        }
        None => format!("{what}, without a data key, for\n{}", list(configured)),
    }
}

/// Gives the stack a new data key.
pub async fn rotate(
    yes: bool,
    project: &Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    if project.simulated {
        return Err(CommandError::message(
            "the log of a simulated stack is not encrypted: its cloud is a file of this machine",
        )
        .help("leave out --simulate"));
    }
    let configured = project.keys.configured();
    if configured.is_empty() {
        return Err(CommandError::message("konductor.yaml names no key").help(
            "add `recipients`, `passphrase`, `aws_kms` or `vault` under `secrets`; `konductor config key generate` makes a \
             recipient",
        ));
    }
    let log = project.open_log_to_rotate().await?;
    if log.head().await?.0 == 0 {
        return Err(
            CommandError::message(format!("stack {} was never deployed", project.title()))
                .help("its first run makes its first data key"),
        );
    }
    let names: Vec<String> = configured.iter().map(ToString::to_string).collect();
    let question = format!(
        "Give {} a new data key that opens with {}?",
        project.title(),
        names.join(" or ")
    );
    confirm(&question, yes, output)?;
    let guard = log
        .lock(LockOwner::this_process(environment.actor(), "state rotate-key"))
        .await?;
    let made = log
        .rotate_keys(project.state_place.is_encrypted(), |entry| {
            as_run("state rotate-key", project, environment, vec![entry])
        })
        .await?;
    guard.release().await?;
    let rotated = &made.rotated;
    let members = serde_json::json!({
        "data_key": rotated.key, "generation": rotated.generation, "wrapped_for": rotated.wrapped_for,
        "file_encrypted": made.file_encrypted,
    });
    let file = if made.file_encrypted {
        "\nthe file of the log is encrypted now; copies and backups that were made of it before are not"
    } else {
        ""
    };
    let text = format!(
        "data key {} encrypts from here on; it opens with {}{file}",
        rotated.key,
        names.join(" or ")
    );
    output.fact("keys-rotated", &members, &text);
    Ok(())
}
