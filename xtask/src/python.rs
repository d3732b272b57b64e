//! The Python environments of the end-to-end tests, pinned: moto and boto3, Google's own client, and what the Python plugin
//! is built with.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::command::{command, output, run, step};
use crate::folders;

/// Makes `target/venv` from `tests/python/requirements.txt`, and `target/google-venv`, `target/kubernetes-venv`,
/// `target/openbao-venv`, `target/oscal-venv` and `target/audit-venv`, unless they are there already.
///
/// # Errors
/// When there is no Python 3.11 or newer, or the packages cannot be fetched.
pub fn prepare() -> Result<()> {
    step("python: environment with moto");
    environment("venv", "tests/python/requirements.txt")?;
    environment("google-venv", "tests/python/google.txt")?;
    environment("kubernetes-venv", "tests/python/kubernetes.txt")?;
    environment("openbao-venv", "tests/python/openbao.txt")?;
    environment("oscal-venv", "tests/python/oscal.txt")?;
    environment("audit-venv", "tests/python/audit.txt")
}

/// Makes an environment below `target` from a file of requirements, unless it is there already.
///
/// # Errors
/// When there is no Python 3.11 or newer, or the packages cannot be fetched.
pub fn environment(name: &str, requirements: &str) -> Result<()> {
    let wanted_file = folders::root().join(requirements);
    let wanted =
        fs::read_to_string(&wanted_file).with_context(|| format!("reading {}", wanted_file.display()))?;
    let venv = folders::target().join(name);
    let stamp = venv.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("    target/{name} is up to date");
        return Ok(());
    }
    let version =
        output(command("python3").args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]))
            .context("the end-to-end tests need Python 3.11 or newer as `python3`")?;
    println!("    python {}", version.trim());
    if venv.exists() {
        fs::remove_dir_all(&venv).with_context(|| format!("removing the old {}", venv.display()))?;
    }
    create(&venv)?;
    run(command(venv.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&wanted_file))
    .with_context(|| format!("the packages of {requirements} come from PyPI; is it within reach?"))?;
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))
}

/// Makes an empty environment: with `venv`, or with `virtualenv` where the system's Python comes without `ensurepip`.
fn create(venv: &PathBuf) -> Result<()> {
    if run(command("python3").args(["-m", "venv"]).arg(venv)).is_ok() {
        return Ok(());
    }
    println!("    `python3 -m venv` does not work here; trying virtualenv");
    if run(command("python3").args(["-m", "virtualenv", "--quiet"]).arg(venv)).is_ok() {
        return Ok(());
    }
    let tool = folders::target().join("virtualenv");
    run(command("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ])
        .arg(&tool)
        .arg("virtualenv"))?;
    let made = run(command("python3")
        .args(["-m", "virtualenv", "--quiet"])
        .arg(venv)
        .env("PYTHONPATH", &tool));
    if made.is_err() {
        bail!(
            "no Python environment could be made: install Python's `venv` (Debian: python3-venv) or `virtualenv`"
        );
    }
    Ok(())
}
