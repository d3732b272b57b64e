//! The OCI registry that the tests push plugins to: Debian's `docker-registry`, unpacked and not installed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::{command, output, step};
use crate::{debian, folders};

/// The name of Debian's package and of the program in it.
const PROGRAM: &str = "docker-registry";

/// Puts a registry at `target/registry/usr/bin/docker-registry` unless one that answers is there already.
///
/// # Errors
/// When Debian's archive is out of reach and no `docker-registry` is on the `PATH`.
pub fn prepare() -> Result<()> {
    step("registry: the server that plugins are pushed to");
    let folder = folders::target().join("registry");
    let program = folder.join("usr/bin").join(PROGRAM);
    if let Ok(version) = version_of(&program) {
        println!("    target/registry is up to date: {version}");
        return Ok(());
    }
    let version = match debian::unpack(&folder, &[PROGRAM]).and_then(|()| version_of(&program)) {
        Ok(version) => version,
        Err(error) => {
            println!("    Debian's package could not be used ({error:#}); looking on the PATH");
            link_installed(&program).with_context(|| {
                format!(
                    "no {PROGRAM} to test with: let `apt-get` reach a Debian or Ubuntu archive, or install one \
                     (Debian: `apt-get install {PROGRAM}`; elsewhere `distribution` 2.8 under the name {PROGRAM})"
                )
            })?
        }
    };
    println!("    {version}");
    Ok(())
}

/// Asks a registry for its version, which also shows that it runs on this machine.
fn version_of(program: &Path) -> Result<String> {
    let answer = output(command(program).arg("--version"))?;
    if !answer.contains("distribution") {
        bail!("`{} --version` answered {answer:?}", program.display());
    }
    Ok(answer.trim().to_owned())
}

/// Makes an installed registry stand where the tests look for it.
fn link_installed(program: &Path) -> Result<String> {
    let found = output(command("sh").args(["-c", &format!("command -v {PROGRAM}")]))
        .with_context(|| format!("{PROGRAM} is not on the PATH"))?;
    let found = found.trim();
    let version = version_of(Path::new(found))?;
    let folder = program.parent().unwrap_or(program);
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    if program.symlink_metadata().is_ok() {
        fs::remove_file(program).with_context(|| format!("removing {}", program.display()))?;
    }
    link(found, program).with_context(|| format!("linking {} to {found}", program.display()))?;
    Ok(version)
}

#[cfg(unix)]
fn link(from: &str, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &str, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to).map(drop)
}
