//! Plugins in Python: componentize-py builds them, pytest tests them.

use std::path::PathBuf;
use std::process::Command;

use super::SourceFolder;
use crate::error::CommandError;

/// The file that tells the language.
pub const MARK: &str = "src/app.py";

/// The virtual environment that is looked at first.
const ENVIRONMENT: &str = ".venv";

/// Prints the folder that holds the SDK.
const SDK: &str = "import os, konductor_sdk; print(os.path.dirname(os.path.dirname(os.path.abspath(konductor_sdk.__file__))))";

/// Builds the component.
pub fn component(source: &SourceFolder<'_>) -> Result<PathBuf, CommandError> {
    let interface = source.interface()?;
    let mut python = tool(source, "python");
    python.args(["-c", SDK]);
    let sdk = source
        .read(python, "looking for konductor_sdk")
        .map_err(|error| {
            error.help(format!(
                "python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install -r requirements.txt"
            ))
        })?;
    let component = source.unpacked();
    let mut build = tool(source, "componentize-py");
    build
        .arg("-d")
        .arg(&interface)
        .args([
            "-w",
            "provider-plugin",
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
