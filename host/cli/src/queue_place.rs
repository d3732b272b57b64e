//! Where the project's queue is, and which configuration this machine has.

use std::path::{Path, PathBuf};

use konductor_config::inputs::{PROJECT_FILE, stack_file_name, stacks};
use konductor_config::{Configuration, Inputs, StateBackend, WorkersSettings};
use konductor_model::{Diagnostic, SecretText};
use konductor_queue::Queue;
use konductor_state::backend::PostgreSqlSettings;
use sha2::{Digest as _, Sha256};

use crate::arguments::GlobalArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::project::{self, DEFAULT_STACK};
use crate::state_place;

/// Gives the whole URL of the queue's database, with a password.
const URL_VARIABLE: &str = "KONDUCTOR_WORKERS_URL";

/// A project's queue.
pub struct QueuePlace {
    /// The project.
    pub project: String,
    /// The folder of the project.
    pub folder: PathBuf,
    /// What the project says about workers.
    pub settings: WorkersSettings,
    /// The queue.
    pub queue: Queue,
    environment: Environment,
}

impl QueuePlace {
    /// Reads where the queue is. Nothing is connected.
    ///
    /// # Errors
    /// When the project names no queue, or keeps its state where other machines do not reach it.
    pub fn open(global: &GlobalArguments, environment: &Environment) -> Result<Self, CommandError> {
        if global.simulate {
            return Err(CommandError::message(
                "a simulated cloud is a file of this machine, which workers do not see",
            )
            .help("leave `--simulate` out, or leave the workers out"));
        }
        let folder = project::folder(global);
        project::require(&folder)?;
        // What is looked at here is said by the project for all its stacks.
        let named = global
            .stack
            .clone()
            .or_else(|| stacks(&folder).into_iter().next());
        let stack = named.unwrap_or_else(|| DEFAULT_STACK.to_owned());
        let inputs = Inputs::read(&folder, &stack, environment.configuration(), global.set.clone())?;
        let configuration = Configuration::load(inputs)?;
        let Some(settings) = configuration.workers().cloned() else {
            return Err(CommandError::message("the project has no workers").help(
                "add `workers: {}` to konductor.yaml where `state:` is in PostgreSQL, else `workers: { url: postgresql://USER@HOST/DATABASE }`",
            ));
        };
        let state = configuration.state().map(|state| &state.backend);
        if matches!(state, None | Some(StateBackend::Sqlite)) {
            return Err(CommandError::message(
                "the state is in files of this machine, which workers do not see",
            )
            .help(
                "move it with `konductor state migrate` to PostgreSQL or S3, and name that under `state:`",
            ));
        }
        let queue = Queue::new(database(&settings, state, environment)?)
            .map_err(|error| unusable(&settings, &error.to_string()))?;
        Ok(Self {
            project: configuration.project_name().to_owned(),
            folder,
            settings,
            queue,
            environment: environment.clone(),
        })
    }

    /// Returns what tells the files of the configuration here from others: `konductor.yaml`, every stack's, the
    /// organization's and `konductor.lock`. A worker takes work only for the configuration that it has.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn configuration(&self) -> Result<String, CommandError> {
        let names = stacks(&self.folder);
        let mut files: Vec<PathBuf> = [PROJECT_FILE, "konductor.lock"].map(PathBuf::from).to_vec();
        files.extend(names.iter().map(|stack| PathBuf::from(stack_file_name(stack))));
        let organization = self
            .environment
            .variable(konductor_config::inputs::ORGANIZATION_VARIABLE)
            .unwrap_or(konductor_config::inputs::ORGANIZATION_FILE);
        files.push(PathBuf::from(organization));
        let mut digest = Sha256::new();
        for (index, file) in files.iter().enumerate() {
            let path = self.folder.join(file);
            let Some(text) = read(&path)? else { continue };
            // The organization's file lies elsewhere on another machine; the others are named alike.
            let name = if index + 1 == files.len() {
                "organization".into()
            } else {
                file.to_string_lossy()
            };
            for part in [name.as_bytes(), text.as_slice()] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        let digest: String = digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(format!("sha256:{digest}"))
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, CommandError> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::file("read", path, error)),
    }
}

/// Returns the database that the environment, the section `workers` or the section `state` names.
///
/// # Errors
/// When none does.
pub fn database(
    settings: &WorkersSettings,
    state: Option<&StateBackend>,
    environment: &Environment,
) -> Result<PostgreSqlSettings, CommandError> {
    let written = settings.url.as_ref().map(|url| url.text.as_str());
    let of_state = || match state {
        Some(StateBackend::PostgreSql { url }) => environment
            .variable(state_place::URL_VARIABLE)
            .or_else(|| url.as_ref().map(|url| url.text.as_str())),
        _ => None,
    };
    let url = environment
        .variable(URL_VARIABLE)
        .or(written)
        .or_else(of_state)
        .ok_or_else(|| {
            unusable(settings, "the queue of the workers has no URL").help(format!(
                "add `url: postgresql://user@host:5432/database`, or set {URL_VARIABLE}"
            ))
        })?;
    state_place::postgresql_settings(environment, &SecretText::new(url))
}

fn unusable(settings: &WorkersSettings, summary: &str) -> Diagnostic {
    Diagnostic::error(summary)
        .at(konductor_model::Path::attribute("workers"))
        .origin(Some(settings.origin.clone()))
}
