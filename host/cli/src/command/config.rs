//! `konductor config`.

use std::path::{Path as FilePath, PathBuf};

use konductor_config::inputs::{PROJECT_FILE, stack_file_name};
use konductor_config::{Configuration, Context, Explanation, FileKind, edit, file_schema, generate_identity};
use konductor_model::value_json::{Secrets, to_json};
use konductor_model::{Path, Sealer as _, Value};

use crate::arguments::{ConfigCommand, KeyCommand, SchemaFile};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::plugins::PluginLoader;
use crate::project::Project;
use crate::prompt::read_secret;
use crate::render::value::{block, for_script, one_line};

/// Prints the schema of a file. No project is needed.
pub fn schema(file: SchemaFile, output: &Output) {
    let (kind, name) = match file {
        SchemaFile::Project => (FileKind::Project, "project"),
        SchemaFile::Stack => (FileKind::Stack, "stack"),
        SchemaFile::Organization => (FileKind::Organization, "organization"),
    };
    let schema = file_schema(kind);
    if output.is_json() {
        output.event(
            "file-schema",
            &serde_json::json!({ "file": name, "schema": schema }),
        );
    } else {
        output.raw(&format!("{schema:#}\n"));
    }
}

/// Reads, explains and changes configuration.
pub async fn config(
    command: &ConfigCommand,
    project: &mut Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    match command {
        ConfigCommand::Show => {
            add_plugin_defaults(project, environment, output).await?;
            let effective = project.configuration.effective();
            if output.is_json() {
                output.event(
                    "configuration",
                    &serde_json::json!({ "value": to_json(&effective, Secrets::Masked) }),
                );
            } else {
                output.raw(&block(&effective, 0));
            }
            let diagnostics = project.configuration.check();
            if diagnostics.has_errors() {
                Err(diagnostics.into())
            } else {
                Ok(())
            }
        }
        ConfigCommand::Get { path, show_secrets } => {
            add_plugin_defaults(project, environment, output).await?;
            get(project, path, *show_secrets, output).await
        }
        ConfigCommand::Explain { path } => {
            add_plugin_defaults(project, environment, output).await?;
            let path = parse(path)?;
            let explanation = project
                .configuration
                .explain(&path)
                .map_err(|diagnostic| CommandError::from(*diagnostic))?;
            if output.is_json() {
                output.event("explanation", &explanation);
            } else {
                explanation
                    .leaves()
                    .into_iter()
                    .for_each(|leaf| explain(leaf, output));
            }
            Ok(())
        }
        ConfigCommand::Set {
            path,
            value,
            secret,
            project: in_project,
        } => {
            let path = parse(path)?;
            let value = match (value, secret) {
                (Some(value), false) => edit::read_value(value),
                (Some(value), true) => Value::from(value.as_str()),
                (None, _) => Value::from(read_secret(&format!("value of {path}"))?),
            };
            let value = if *secret {
                let plain = value.as_text().map(str::to_owned).unwrap_or_default();
                edit::sealed_value(&project.sealer.seal(plain.as_bytes()).map_err(|error| {
                    CommandError::message(error.reason)
                        .help("make a key with `konductor config key generate`")
                })?)
            } else {
                value
            };
            let file = change(project, *in_project, &path, |file, text, at| {
                edit::set(file, text, at, &value)
            })?;
            let what = if *secret { "set, encrypted," } else { "set" };
            let members = serde_json::json!({ "path": path, "file": file, "secret": secret });
            output.fact(
                "configuration-set",
                &members,
                &format!("{path} {what} in {}", file.display()),
            );
            Ok(())
        }
        ConfigCommand::Unset {
            path,
            project: in_project,
        } => {
            let path = parse(path)?;
            let file = change(project, *in_project, &path, edit::unset)?;
            let members = serde_json::json!({ "path": path, "file": file });
            output.fact(
                "configuration-unset",
                &members,
                &format!("{path} removed from {}", file.display()),
            );
            Ok(())
        }
        ConfigCommand::Schema { file } => {
            schema(*file, output);
            Ok(())
        }
        ConfigCommand::Key(KeyCommand::Generate) => generate_key(project, environment, output),
        ConfigCommand::Key(KeyCommand::List) => {
            if project.configuration.recipients().is_empty() {
                output.line("no key; make one with `konductor config key generate`");
            }
            for recipient in project.configuration.recipients() {
                let members = serde_json::json!({ "recipient": recipient.text, "origin": recipient.origin });
                output.fact(
                    "recipient",
                    &members,
                    &format!("{}  ({})", recipient.text, recipient.origin),
                );
            }
            Ok(())
        }
    }
}

/// Lays the defaults of the enabled modules' plugins below the files; a plugin that is missing is told and left out,
/// because configuration must be readable without it.
async fn add_plugin_defaults(
    project: &mut Project,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let modules = project.configuration.modules()?;
    let mut loader = PluginLoader::new(
        &project.folder,
        &project.arguments,
        environment,
        Some(&project.configuration),
    )?;
    for module in modules {
        match loader.load(&module.namespace, Some(&project.configuration)).await {
            Ok(loaded) => crate::configure::add_defaults(&mut project.configuration, &loaded).await?,
            Err(error) => {
                let mut diagnostics = error.diagnostics;
                for diagnostic in &mut diagnostics.0 {
                    diagnostic.severity = konductor_model::Severity::Warning;
                }
                output.diagnostics(&diagnostics, &crate::render::diagnostic::NoSources);
            }
        }
    }
    Ok(())
}

fn parse(path: &str) -> Result<Path, CommandError> {
    path.parse().map_err(|error: konductor_model::path::PathError| {
        CommandError::message(error.to_string()).help("write it like aws.vpc.cidr_block or list[0].name")
    })
}

async fn get(project: &Project, path: &str, show_secrets: bool, output: &Output) -> Result<(), CommandError> {
    let path = parse(path)?;
    let stacks = project.other_stacks().await?;
    let context = Context {
        sealer: show_secrets.then_some(project.sealer.as_ref() as &dyn konductor_model::Sealer),
        stacks: Some(&stacks),
    };
    let Some(value) = project.configuration.value(&path, context)? else {
        return Err(match project.configuration.explain(&path) {
            Err(diagnostic) => CommandError::from(*diagnostic),
            Ok(_) => CommandError::message(format!("`{path}` was removed by a null")),
        });
    };
    if value.has_secret() && !show_secrets {
        return Err(
            CommandError::message(format!("`{path}` is secret")).help("pass --show-secrets to print it")
        );
    }
    let value = value.without_secret_marks();
    let members = serde_json::json!({ "path": path, "value": to_json(&value, Secrets::Masked) });
    output.fact("setting", &members, &for_script(&value));
    Ok(())
}

fn explain(leaf: &Explanation, output: &Output) {
    let effective = leaf
        .effective
        .as_ref()
        .map_or_else(|| "(removed)".to_owned(), one_line);
    output.line(&format!("{} = {effective}", console::style(&leaf.path).bold()));
    for (position, setting) in leaf.chain.iter().enumerate() {
        let wins = position + 1 == leaf.chain.len();
        let mark = if wins { "=>" } else { "  " };
        output.line(&format!(
            "  {mark} {:<16} {}  {}",
            setting.layer.to_string(),
            one_line(&setting.value),
            console::style(format!("({})", setting.origin)).dim()
        ));
    }
}

/// Changes one value in the stack's or the project's file, and loads the result before it is written.
fn change(
    project: &Project,
    in_project: bool,
    path: &Path,
    edit: impl Fn(&str, &str, &Path) -> Result<String, konductor_model::Diagnostics>,
) -> Result<PathBuf, CommandError> {
    let name = if in_project {
        PROJECT_FILE.to_owned()
    } else {
        stack_file_name(project.configuration.stack())
    };
    let file = project.folder.join(&name);
    let text = read_or_empty(&file)?;
    let changed = edit(&name, &text, &Path::attribute("config").join(path))?;
    crate::atomic_file::write(&file, changed.as_bytes())?;
    Ok(file)
}

/// Reads a file; one that is not there is empty.
pub fn read_or_empty(file: &FilePath) -> Result<String, CommandError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(CommandError::file("read", file, error)),
    }
}

fn generate_key(project: &Project, environment: &Environment, output: &Output) -> Result<(), CommandError> {
    let identity_file = environment.identity_file();
    let recipient = if project.sealer.has_identity() {
        // The key that is there is used: a second one would only be one more to lose.
        project
            .sealer
            .recipient_of_identity()
            .ok_or_else(|| CommandError::message(format!("{} holds no key", identity_file.display())))?
    } else {
        let generated = generate_identity();
        write_private(&identity_file, generated.identity_file.reveal())?;
        output.line(&format!(
            "wrote your key to {}; keep a copy in a safe place",
            identity_file.display()
        ));
        generated.recipient
    };
    let known: Vec<&str> = project
        .configuration
        .recipients()
        .iter()
        .map(|found| found.text.as_str())
        .collect();
    let file = project.folder.join(PROJECT_FILE);
    if !known.contains(&recipient.as_str()) {
        let text = read_or_empty(&file)?;
        let recipients: Vec<Value> = known
            .iter()
            .map(|text| Value::from(*text))
            .chain([Value::from(recipient.as_str())])
            .collect();
        let at = Path::attribute("secrets").child("recipients");
        let changed = edit::set(PROJECT_FILE, &text, &at, &Value::List(recipients))?;
        crate::atomic_file::write(&file, changed.as_bytes())?;
    }
    let members = serde_json::json!({ "recipient": recipient, "identity_file": identity_file, "file": file });
    output.fact(
        "key-generated",
        &members,
        &format!("{} encrypts to {recipient}", file.display()),
    );
    Ok(())
}

#[cfg(unix)]
fn write_private(file: &FilePath, text: &str) -> Result<(), CommandError> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| CommandError::file("create", folder, error))?;
    }
    // `create_new`: a key that is there is never overwritten.
    let mut handle = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| CommandError::file("create", file, error))?;
    handle
        .write_all(text.as_bytes())
        .map_err(|error| CommandError::file("write", file, error))
}

#[cfg(not(unix))]
fn write_private(file: &FilePath, text: &str) -> Result<(), CommandError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| CommandError::file("create", folder, error))?;
    }
    std::fs::write(file, text).map_err(|error| CommandError::file("write", file, error))
}

/// Returns the digest of the effective configuration, kept in saved plans.
pub fn digest(configuration: &Configuration) -> String {
    use sha2::Digest as _;
    // Sealed values stand as their sealed text, so this shows nothing and changes with them.
    let text = to_json(&configuration.effective(), Secrets::Marked).to_string();
    sha2::Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
