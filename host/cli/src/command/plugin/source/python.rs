//! Plugins in Python: componentize-py builds them, pytest tests them.

use std::path::PathBuf;
use std::process::Command;

use super::{SourceFolder, world};
use crate::error::CommandError;

/// The file that tells the language.
pub const MARK: &str = "src/app.py";

/// The virtual environment that is looked at first.
const ENVIRONMENT: &str = ".venv";

/// The file that may name the world, below `tool.konductor`.
const PROJECT: &str = "pyproject.toml";

/// Prints the folder that holds the SDK, and the world that is named.
const SDK: &str = "\
import os, pathlib, tomllib, konductor_sdk
print(os.path.dirname(os.path.dirname(os.path.abspath(konductor_sdk.__file__))))
file = pathlib.Path('pyproject.toml')
project = tomllib.loads(file.read_text()) if file.is_file() else {}
print(project.get('tool', {}).get('konductor', {}).get('world', ''))
";

/// Builds the component.
pub fn component(source: &SourceFolder<'_>) -> Result<PathBuf, CommandError> {
    let interface = source.interface()?;
    let mut python = tool(source, "python");
    python.args(["-c", SDK]);
    let told = source
        .read(python, "looking for konductor_sdk")
        .map_err(|error| {
            error.help(format!(
                "python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install -r requirements.txt"
            ))
        })?;
    let mut lines = told.lines();
    let sdk = lines.next().unwrap_or_default();
    let world = world(lines.next().filter(|world| !world.is_empty()), PROJECT)?;
    let component = source.unpacked();
    let mut build = tool(source, "componentize-py");
    build
        .arg("-d")
        .arg(&interface)
        .args([
            "-w",
            world,
            "componentize",
            "--stub-wasi",
            "app",
            "-p",
            "src",
            "-p",
        ])
        .arg(sdk.trim())
        .arg("-o")
        .arg(&component);
    source.run(build, "componentize-py")?;
    Ok(component)
}

/// Returns the command that runs the native tests.
pub fn tests(source: &SourceFolder<'_>) -> Command {
    let mut python = tool(source, "python");
    python.args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    python
}

/// Returns a program of the virtual environment of the plugin, or else of PATH.
fn tool(source: &SourceFolder<'_>, name: &str) -> Command {
    let own = source.folder().join(ENVIRONMENT).join("bin").join(name);
    if own.is_file() {
        Command::new(own)
    } else if name == "python" {
        Command::new("python3")
    } else {
        Command::new(name)
    }
}
