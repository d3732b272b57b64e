//! Plans in files, encrypted like any secret of the project; without a key only plans that hold no secret.

use std::path::Path;

use konductor_engine::Plan;
use konductor_model::Sealer;

use crate::error::CommandError;

/// What an encrypted plan starts with.
const SEALED: &str = "v1:";

/// Writes a plan for `konductor apply FILE`.
pub fn save(plan: &Plan, file: &Path, sealer: &dyn Sealer) -> Result<(), CommandError> {
    let failed =
        |error: serde_json::Error| CommandError::message(format!("the plan cannot be saved: {error}"));
    let plain = serde_json::to_string(plan).map_err(failed)?;
    // A project with a key gets every plan encrypted; one without may still save what holds no secret.
    let text = match sealer.seal(plain.as_bytes()) {
        Ok(sealed) => sealed,
        Err(error) if plan.holds_secret() => {
            let text = format!("the plan holds secrets and cannot be saved: {}", error.reason);
            return Err(CommandError::message(text).help("make a key with `konductor config key generate`"));
        }
        Err(_) => plain,
    };
    write_private(file, &text).map_err(|error| CommandError::file("write", file, error))
}

/// Reads a plan that `save` wrote.
pub fn load(file: &Path, sealer: &dyn Sealer) -> Result<Plan, CommandError> {
    let text = std::fs::read_to_string(file).map_err(|error| CommandError::file("read", file, error))?;
    let not_a_plan = |error: &dyn std::fmt::Display| {
        CommandError::message(format!("{} is not a saved plan: {error}", file.display()))
            .help("make one with `konductor plan --out FILE`")
    };
    if text.starts_with(SEALED) {
        let plain = sealer.open(text.trim_end()).map_err(|error| {
            CommandError::message(format!("{} cannot be opened: {}", file.display(), error.reason))
        })?;
        return serde_json::from_slice(&plain).map_err(|error| not_a_plan(&error));
    }
    serde_json::from_str(&text).map_err(|error| not_a_plan(&error))
}

#[cfg(unix)]
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut handle = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    handle.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(file, text)
}
