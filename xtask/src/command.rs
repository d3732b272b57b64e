//! Running other programs, with progress lines and errors that name the command.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::folders;

/// Says what is being done.
pub fn step(text: &str) {
    println!("\n==> {text}");
}

/// Makes a command that runs in the top folder of the checkout and reads no input.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folders::root()).stdin(Stdio::null());
    command
}

/// Makes a call of cargo that builds as if it had been typed in a shell.
///
/// `cargo run` tells the program it starts about its own package. Build scripts watch some of those variables,
/// so an inner cargo that inherits them builds the same crates again and again.
#[allow(
    clippy::disallowed_methods,
    reason = "only the names are looked at, to take cargo's own variables out of the child's environment"
)]
pub fn cargo() -> Command {
    let mut cargo = command("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            || [
                "CARGO_CRATE_NAME",
                "CARGO_PRIMARY_PACKAGE",
                "OUT_DIR",
                "LD_LIBRARY_PATH",
            ]
            .contains(&&*text)
        {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Runs a command to its end, showing what it prints.
///
/// # Errors
/// When it cannot be started or does not end well.
pub fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    println!("    $ {line}");
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    println!("    done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a command to its end, showing nothing of what it prints unless it fails.
///
/// # Errors
/// When it cannot be started or does not end well; with what it wrote to standard error.
pub fn run_quietly(command: &mut Command) -> Result<()> {
    println!("    $ {}", describe(command));
    let started = Instant::now();
    output(command)?;
    println!("    done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a command to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or does not end well; with what it wrote to standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = command
        .output()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !output.status.success() {
        bail!(
            "`{line}` ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Writes a command as a person would type it, with paths below the checkout made relative.
fn describe(command: &Command) -> String {
    let root = format!("{}/", folders::root().display());
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy().replace(&root, "");
            if word.contains(' ') {
                format!("'{word}'")
            } else {
                word
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}
