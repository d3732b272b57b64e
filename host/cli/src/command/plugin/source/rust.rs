//! Plugins in Rust: cargo builds and tests them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::SourceFolder;
use crate::error::CommandError;

/// The file that tells the language.
pub const MARK: &str = "Cargo.toml";

/// What components are built for.
const TARGET: &str = "wasm32-wasip2";

/// Builds the component. The same sources and tools give the same bytes, wherever they lie: no path of this machine is
/// in it.
pub fn component(source: &SourceFolder<'_>) -> Result<PathBuf, CommandError> {
    let remapping = match source.prepared.get() {
        Some(remapping) => remapping.clone(),
        None => {
            require_target(source)?;
            let remapping = remapping(source, &packages_here(source)?);
            source.prepared.get_or_init(|| remapping).clone()
        }
    };
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--target", TARGET, "--message-format"])
        .arg("json-render-diagnostics")
        .arg("--config")
        .arg(remapping);
    let told = source.read(cargo, "cargo build")?;
    let manifest = source.folder().join(MARK);
    let mut components = told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| {
            message["manifest_path"]
                .as_str()
                .is_some_and(|path| same_file(Path::new(path), &manifest))
        })
        .filter_map(|message| message.get("filenames")?.as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    components.next_back().ok_or_else(|| {
        CommandError::message(format!("{} makes no component", manifest.display()))
            .help("a plugin is a library with `crate-type = [\"cdylib\", \"rlib\"]` below [lib]")
    })
}

/// Returns the command that runs the native tests.
pub fn tests(_: &SourceFolder<'_>) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg("test");
    cargo
}

fn same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

fn require_target(source: &SourceFolder<'_>) -> Result<(), CommandError> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = source.read(rustc, "rustc")?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    Err(
        CommandError::message(format!("the Rust toolchain cannot build for {TARGET}"))
            .help(format!("rustup target add {TARGET}")),
    )
}

/// Returns the packages that lie on this machine, outside of cargo's own folders: name, and folder.
fn packages_here(source: &SourceFolder<'_>) -> Result<Vec<(String, String)>, CommandError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", TARGET]);
    let told = source.read(cargo, "cargo metadata")?;
    let metadata: Value = serde_json::from_str(&told)
        .map_err(|error| CommandError::message(format!("cargo metadata cannot be read: {error}")))?;
    let here = metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|package| package["source"].is_null());
    let places = here.filter_map(|package| {
        let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
        Some((package["name"].as_str()?.to_owned(), folder.to_str()?.to_owned()))
    });
    Ok(places.collect())
}

/// Returns the setting that puts other names in the place of this machine's paths. The plugin's own sources are named
/// from its folder anyway, so that folder needs no name: it may move, and what is built already stays of use.
fn remapping(source: &SourceFolder<'_>, packages: &[(String, String)]) -> String {
    let cargo = source.environment.variable("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(source.environment.home()?.join(".cargo")));
    let flag = |from: &str, to: &str| format!("--remap-path-prefix={from}={to}");
    // Of several that fit the last is taken, so the wider comes first.
    let wide = cargo
        .iter()
        .filter_map(|folder| Some(flag(folder.to_str()?, "/cargo")));
    let others = packages
        .iter()
        .filter(|(_, folder)| !same_file(Path::new(folder), source.folder()));
    let flags = wide.chain(others.map(|(name, folder)| flag(folder, &format!("/{name}"))));
    let flags: Vec<String> = flags.map(|flag| Value::from(flag).to_string()).collect();
    format!("target.{TARGET}.rustflags=[{}]", flags.join(", "))
}
