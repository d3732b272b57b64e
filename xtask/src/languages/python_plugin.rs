//! The Python SDK and the plugin for Kinto.

use std::fs;

use anyhow::{Context, Result};

use super::Stamp;
use crate::command::{command, run, step};
use crate::{folders, python};

/// The environment, and where the component stands, below `target`.
const ENVIRONMENT: &str = "python-plugin/venv";
const COMPONENT: &str = "python-plugin/plugins/kinto.wasm";
const EXAMPLE: &str = "examples/plugins/python-kinto";
const SDK: &str = "sdk/python";

/// Runs the tests and builds the plugin unless nothing changed.
pub(super) fn prepare() -> Result<()> {
    step("python: environment of the Python SDK and of Kinto");
    python::environment(ENVIRONMENT, &format!("{EXAMPLE}/requirements.txt"))?;
    let root = folders::root();
    let program = |name: &str| folders::target().join(ENVIRONMENT).join("bin").join(name);
    for (folder, path) in [(SDK, SDK.to_owned()), (EXAMPLE, format!("{SDK}:{EXAMPLE}"))] {
        step(&format!("tests: {folder}"));
        let places: Vec<String> = path
            .split(':')
            .map(|place| root.join(place).display().to_string())
            .collect();
        run(command(program("python"))
            .args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"])
            .env("PYTHONPATH", places.join(":"))
            .current_dir(root.join(folder)))?;
    }
    step("python: component of the example");
    let component = folders::target().join(COMPONENT);
    let stamp = Stamp::of(&component, &["wit", "sdk/python/konductor_sdk", EXAMPLE])?;
    if stamp.holds(&component) {
        println!("    target/{COMPONENT} is up to date");
        return Ok(());
    }
    let folder = component.parent().unwrap_or(&component);
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    run(command(program("componentize-py"))
        .arg("-d")
        .arg(root.join("wit"))
        .args([
            "-w",
            "provider-plugin",
            "componentize",
            "--stub-wasi",
            "app",
            "-p",
            ".",
            "-p",
        ])
        .arg(root.join(SDK))
        .arg("-o")
        .arg(&component)
        .current_dir(root.join(EXAMPLE)))?;
    stamp.write()
}
