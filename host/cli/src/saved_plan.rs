//! Plans in files, encrypted like any secret of the project; without a key only plans that hold no secret.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use konductor_engine::Plan;
use konductor_model::Sealer;

use crate::error::CommandError;
use crate::project::Project;

/// What an encrypted plan starts with.
const SEALED: &str = "v1:";

/// Writes a plan for `konductor apply FILE`. One that is not encrypted is written step by step.
pub fn save(plan: &Plan, file: &Path, sealer: &dyn Sealer) -> Result<(), CommandError> {
    let not_written = |error: std::io::Error| CommandError::file("write", file, error);
    let cannot =
        |reason: &dyn std::fmt::Display| CommandError::message(format!("the plan cannot be saved: {reason}"));
    // A project with a key gets every plan encrypted; one without may still save what holds no secret.
    let Err(without_key) = sealer.seal(&[]) else {
        let plain = serde_json::to_vec(plan).map_err(|error| cannot(&error))?;
        let sealed = sealer.seal(&plain).map_err(|error| cannot(&error.reason))?;
        let mut handle = private(file).map_err(not_written)?;
        return handle.write_all(sealed.as_bytes()).map_err(not_written);
    };
    if plan.holds_secret() {
        let text = format!(
            "the plan holds secrets and cannot be saved: {}",
            without_key.reason
        );
        return Err(CommandError::message(text).help("make a key with `konductor config key generate`"));
    }
    let mut handle = BufWriter::new(private(file).map_err(not_written)?);
    serde_json::to_writer(&mut handle, plan).map_err(|error| cannot(&error))?;
    handle.flush().map_err(not_written)
}

/// Reads a plan that `save` wrote. One that is not encrypted is read step by step.
fn load(file: &Path, sealer: &dyn Sealer) -> Result<Plan, CommandError> {
    let not_read = |error: std::io::Error| CommandError::file("read", file, error);
    let not_a_plan = |error: &dyn std::fmt::Display| {
        CommandError::message(format!("{} is not a saved plan: {error}", file.display()))
            .help("make one with `konductor plan --out FILE`")
    };
    let mut handle = File::open(file).map_err(not_read)?;
    let mut start = Vec::new();
    let length = u64::try_from(SEALED.len()).unwrap_or_default();
    std::io::Read::by_ref(&mut handle)
        .take(length)
        .read_to_end(&mut start)
        .map_err(not_read)?;
    handle.seek(SeekFrom::Start(0)).map_err(not_read)?;
    if start == SEALED.as_bytes() {
        let mut text = String::new();
        handle.read_to_string(&mut text).map_err(not_read)?;
        let plain = sealer.open(text.trim_end()).map_err(|error| {
            CommandError::message(format!("{} cannot be opened: {}", file.display(), error.reason))
        })?;
        return serde_json::from_slice(&plain).map_err(|error| not_a_plan(&error));
    }
    serde_json::from_reader(BufReader::new(handle)).map_err(|error| not_a_plan(&error))
}

/// Reads a plan for a stack.
pub fn load_for(file: &Path, project: &Project) -> Result<Plan, CommandError> {
    let plan = load(file, project.sealer.as_ref())?;
    let (planned, stack) = (format!("{}/{}", plan.project, plan.stack), project.title());
    if planned == stack {
        return Ok(plan);
    }
    Err(
        CommandError::message(format!("the plan is for {planned}, not for {stack}"))
            .help("choose the stack with --stack, or make a new plan"),
    )
}

#[cfg(unix)]
fn private(file: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
}

#[cfg(not(unix))]
fn private(file: &Path) -> std::io::Result<File> {
    File::create(file)
}
