//! `konductor plugin new`.

use std::path::{Path, PathBuf};

use super::PluginContext;
use super::templates::{Sdk, files};
use crate::arguments::{Language, NewArguments, Template};
use crate::error::CommandError;

/// Writes the sources of a new plugin into a folder of its own.
pub fn new(arguments: &NewArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let name = &arguments.name;
    require_name(name)?;
    let folder = context
        .folder
        .join(arguments.folder.as_deref().unwrap_or(Path::new(name)));
    if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(
            CommandError::message(format!("{} is there already, and not empty", folder.display()))
                .help("name another folder: --folder FOLDER"),
        );
    }
    let sdk = match &arguments.sdk {
        Some(checkout) => Sdk::Checkout(checkout_of(&context.folder.join(checkout), arguments.language)?),
        None if arguments.language == Language::Javascript => return Err(unpublished(name)),
        None => Sdk::Released,
    };
    for (file, text) in files(arguments.template, arguments.language, name, &sdk) {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent).map_err(|error| CommandError::file("create", parent, error))?;
        std::fs::write(&path, text).map_err(|error| CommandError::file("write", &path, error))?;
        context.output.fact(
            "created",
            &serde_json::json!({ "file": path }),
            &format!("created {}", path.display()),
        );
    }
    let prepare = match arguments.language {
        Language::Rust => "",
        Language::Python => "       python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n",
        Language::Javascript => "       npm install\n",
    };
    let check = match arguments.template {
        Template::Provider => "konductor plugin check".to_owned(),
        Template::Checks => {
            format!("konductor policy check --input example/plan.json --plugin build/{name}.wasm")
        }
    };
    context.output.line(&format!(
        "\nIn {}:\n{prepare}       konductor plugin test\n       konductor plugin build\n       {check}\n\
         README.md says the rest.",
        folder.display()
    ));
    Ok(())
}

/// npm takes a package from its registry or from a folder, and the SDK is in no registry.
fn unpublished(name: &str) -> CommandError {
    CommandError::message(
        "the SDK for JavaScript is not published to npm, so it is taken from a checkout of Konductor",
    )
    .help(format!(
        "git clone --branch v{} {} konductor && (cd konductor/sdk/javascript && npm ci && npm run build)\n\
             then: konductor plugin new {name} --language javascript --sdk konductor",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY"),
    ))
}

/// The name is the first part of the types' names, a package's name, and a file's.
fn require_name(name: &str) -> Result<(), CommandError> {
    let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits && name.len() <= 40 {
        return Ok(());
    }
    Err(CommandError::message(format!("`{name}` cannot be the name of a plugin"))
        .help("use at most 40 small letters, digits and `-`, starting with a letter: it is the first part of its types' names"))
}

/// Returns the folder of a checkout of Konductor, which has the SDK of the language.
fn checkout_of(folder: &Path, language: Language) -> Result<PathBuf, CommandError> {
    let needed = match language {
        Language::Rust => "sdk/konductor-sdk/Cargo.toml",
        Language::Python => "sdk/python/pyproject.toml",
        Language::Javascript => "sdk/javascript/package.json",
    };
    if !folder.join(needed).is_file() {
        return Err(CommandError::message(format!(
            "{} is no checkout of Konductor: it has no {needed}",
            folder.display()
        ))
        .help("name the folder that holds `sdk`, or leave --sdk out to take the released SDK"));
    }
    std::path::absolute(folder)
        .and_then(|folder| folder.canonicalize())
        .map_err(|error| CommandError::file("find", folder, error))
}
