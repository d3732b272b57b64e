//! Plugins in TypeScript and JavaScript: the SDK builds them, npm runs their tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{SourceFolder, world};
use crate::error::CommandError;

/// The file that tells the language.
pub const MARK: &str = "package.json";

/// Where the SDK is in a folder that has it installed.
const SDK: &str = "node_modules/@konductor/sdk";

/// The oldest Node.js that runs TypeScript as it is.
const OLDEST_NODE: (u64, u64) = (22, 18);

/// Builds the component.
pub fn component(source: &SourceFolder<'_>) -> Result<PathBuf, CommandError> {
    require_node(source)?;
    let package = package(source)?;
    let module = module(source, &package)?;
    let named = package.pointer("/konductor/world").and_then(Value::as_str);
    let world = world(named, MARK)?;
    let sdk = sdk(source)?;
    let interface = source.interface()?;
    let component = source.unpacked();
    let mut node = Command::new("node");
    node.arg(sdk.join("componentize.js"))
        .arg(&module)
        .arg("--wit")
        .arg(&interface)
        .args(["--world", world])
        .arg("--output")
        .arg(&component);
    source.run(node, "konductor-componentize")?;
    Ok(component)
}

/// Returns the command that runs the native tests: those that the plugin's own script `test` names.
pub fn tests(source: &SourceFolder<'_>) -> Result<Command, CommandError> {
    require_node(source)?;
    sdk(source)?;
    let mut npm = Command::new("npm");
    // A word about a newer npm is of no use here, and asking for it takes a network.
    npm.env("npm_config_update_notifier", "false")
        .args(["test", "--silent", "--"]);
    Ok(npm)
}

/// Reads what the package says about itself.
fn package(source: &SourceFolder<'_>) -> Result<Value, CommandError> {
    let file = source.folder().join(MARK);
    let text = std::fs::read_to_string(&file).map_err(|error| CommandError::file("read", &file, error))?;
    serde_json::from_str(&text)
        .map_err(|error| CommandError::message(format!("{} cannot be read: {error}", file.display())))
}

/// Returns the module whose default export is the plugin.
fn module(source: &SourceFolder<'_>, package: &Value) -> Result<PathBuf, CommandError> {
    let file = source.folder().join(MARK);
    let named = |told: String| {
        Err(CommandError::message(told)
            .help("name the module whose default export is the plugin: \"main\": \"src/plugin.ts\""))
    };
    let Some(main) = package.get("main").and_then(Value::as_str) else {
        return named(format!("{} has no \"main\"", file.display()));
    };
    let module = source.folder().join(main);
    if !module.is_file() {
        return named(format!(
            "{} names {main} as \"main\", which is no file",
            file.display()
        ));
    }
    Ok(module)
}

/// Returns the folder of the SDK, in the plugin's packages or in those of a folder around it, as Node.js looks for it.
fn sdk(source: &SourceFolder<'_>) -> Result<PathBuf, CommandError> {
    let around = source.folder().ancestors().map(|folder| folder.join(SDK));
    let Some(sdk) = around.into_iter().find(|sdk| sdk.is_dir()) else {
        let lock = source.folder().join("package-lock.json");
        let install = if lock.is_file() { "npm ci" } else { "npm install" };
        return Err(CommandError::message(format!(
            "{} has no {SDK}: its packages are not installed",
            source.folder().display()
        ))
        .help(format!("in {}: {install}", source.folder().display())));
    };
    if !sdk.join("build/guest.js").is_file() {
        let sdk = sdk.canonicalize().unwrap_or(sdk);
        return Err(
            CommandError::message(format!("the SDK in {} is not built", sdk.display()))
                .help(format!("in {}: npm ci && npm run build", sdk.display())),
        );
    }
    Ok(sdk)
}

/// Looks at Node.js once; npm comes with it, and cannot start without it.
fn require_node(source: &SourceFolder<'_>) -> Result<(), CommandError> {
    if source.prepared.get().is_some() {
        return Ok(());
    }
    let (major, minor) = OLDEST_NODE;
    let wanted = format!("install Node.js {major}.{minor} or newer, which brings npm: https://nodejs.org");
    let on_path = |name: &str| {
        let folders = source.environment.variable("PATH").unwrap_or_default();
        std::env::split_paths(folders).any(|folder| is_program(&folder.join(name)))
    };
    for program in ["node", "npm"] {
        if !on_path(program) {
            return Err(CommandError::message(format!("{program} is not on PATH"))
                .help(format!("put it there, or {wanted}")));
        }
    }
    let mut node = Command::new("node");
    node.arg("--version");
    let told = source.read(node, "node --version")?;
    let version = told.trim().trim_start_matches('v');
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < OLDEST_NODE {
        return Err(CommandError::message(format!(
            "the Node.js on PATH is {version}, which does not run TypeScript as it is"
        ))
        .help(wanted));
    }
    source.prepared.get_or_init(|| version.to_owned());
    Ok(())
}

fn is_program(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}
