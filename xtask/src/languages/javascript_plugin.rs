//! The JavaScript SDK and the plugin for devpi. Node.js and npm come from PyPI, as devpi does, so none has to be there.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Stamp, text};
use crate::command::{command, run, step};
use crate::{folders, python};

/// The environment, and where the component stands, below `target`.
const ENVIRONMENT: &str = "javascript-plugin/venv";
const COMPONENT: &str = "javascript-plugin/plugins/devpi.wasm";
const EXAMPLE: &str = "examples/plugins/javascript-devpi";
const SDK: &str = "sdk/javascript";

/// Runs the tests and builds the plugin unless nothing changed.
pub(super) fn prepare() -> Result<()> {
    step("javascript: environment with Node.js and devpi");
    python::environment(ENVIRONMENT, &format!("{EXAMPLE}/requirements.txt"))?;
    // The plugin is checked against the types that the build of the SDK writes, so the SDK comes first.
    for (folder, scripts) in [
        (SDK, ["check", "build", "test"].as_slice()),
        (EXAMPLE, &["check", "test"]),
    ] {
        install(folder)?;
        for script in scripts {
            step(&format!("{script}: {folder}"));
            run(npm(folder)?.args(["run", "--silent", script]))?;
        }
    }
    step("javascript: component of the example");
    let component = folders::target().join(COMPONENT);
    let stamp = Stamp::of(&component, &["wit", SDK, "sdk/javascript/source", EXAMPLE])?;
    if stamp.holds(&component) {
        println!("    target/{COMPONENT} is up to date");
        return Ok(());
    }
    run(npm(EXAMPLE)?.args(["run", "--silent", "build"]))?;
    stamp.write()
}

/// Fetches the packages of a folder as they are locked, unless they are there already.
fn install(folder: &str) -> Result<()> {
    step(&format!("javascript: packages of {folder}"));
    let folder_path = folders::root().join(folder);
    let locked = text(&folder_path.join("package-lock.json"))?;
    let modules = folder_path.join("node_modules");
    let stamp = modules.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == locked) {
        println!("    {folder}/node_modules is up to date");
        return Ok(());
    }
    // No package's own scripts run: what is needed at build time comes built.
    run(npm(folder)?.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
        .with_context(|| format!("the packages of {folder} come from npm; is it within reach?"))?;
    fs::write(&stamp, locked).with_context(|| format!("writing {}", stamp.display()))
}

/// Makes a call of npm in a folder.
fn npm(folder: &str) -> Result<Command> {
    let programs = folders::target().join(ENVIRONMENT).join("bin");
    let mut npm = command(programs.join("npm"));
    npm.current_dir(folders::root().join(folder))
        .env("PATH", path_with(&programs)?);
    Ok(npm)
}

/// Puts a folder before all others that programs are found in: npm and what it runs start `node` by its name.
#[allow(
    clippy::disallowed_methods,
    reason = "the child needs the same programs as this one, and Node.js before another one"
)]
fn path_with(folder: &Path) -> Result<OsString> {
    let present = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&present));
    std::env::join_paths(folders).context("the folders of PATH cannot be joined")
}
