//! Plugins that are not written in Rust: the SDK's own tests, and the example as a component.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{command, run, step};
use crate::{folders, python};

/// The environment, and where the component and its stamp stand, below `target`.
const ENVIRONMENT: &str = "python-plugin/venv";
const COMPONENT: &str = "python-plugin/plugins/kinto.wasm";
const EXAMPLE: &str = "examples/plugins/python-kinto";
const SDK: &str = "sdk/python";

/// Runs the tests of the Python SDK and of the plugin made with it, and builds the plugin unless nothing changed.
///
/// # Errors
/// When the packages cannot be fetched, a test fails or the component cannot be built.
pub fn prepare() -> Result<()> {
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
    let stamp = component.with_extension("sources");
    let sources = sources()?;
    if component.is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == sources) {
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
    fs::write(&stamp, sources).with_context(|| format!("writing {}", stamp.display()))
}

/// Returns the text of everything that the component is made of.
fn sources() -> Result<String> {
    let root = folders::root();
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in [
        root.join("wit"),
        root.join(SDK).join("konductor_sdk"),
        root.join(EXAMPLE),
    ] {
        let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry
                .with_context(|| format!("reading {}", folder.display()))?
                .path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|file| text(file)).collect()
}

fn text(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}
