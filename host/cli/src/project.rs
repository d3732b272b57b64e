//! The project and the stack a command works on: folder, configuration, keys, and where state lies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use konductor_config::inputs::{PROJECT_FILE, stacks};
use konductor_config::{AgeSealer, Configuration, Context, Inputs, StackOutputs};
use konductor_model::{Diagnostic, Diagnostics, SecretText, Value};
use konductor_state::{Backend, OpenOptions, StackLog, StateError};
use sha2::{Digest as _, Sha256};

use crate::arguments::GlobalArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::render::diagnostic::Sources;
use crate::state_place::StatePlace;

/// The stack of a project that has no stack files and was given no name.
pub const DEFAULT_STACK: &str = "dev";

/// A project's folder and one of its stacks, configured.
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// The configuration; plugin defaults are added when the plugins are loaded.
    pub configuration: Configuration,
    /// Opens and seals secrets.
    pub sealer: Arc<AgeSealer>,
    /// The cloud is simulated.
    pub simulated: bool,
    /// Where the state is kept.
    pub state_place: StatePlace,
    /// What every command understands, for whoever loads plugins.
    pub arguments: GlobalArguments,
}

impl Project {
    /// Reads the configuration of the project and the stack that the arguments name.
    pub fn open(arguments: &GlobalArguments, environment: &Environment) -> Result<Self, CommandError> {
        let folder = folder(arguments);
        let stack = stack(&folder, arguments.stack.as_deref())?;
        let inputs = Inputs::read(
            &folder,
            &stack,
            environment.configuration(),
            arguments.set.clone(),
        )?;
        let configuration = Configuration::load(inputs)?;
        let identity = identity(environment)?;
        let sealer = Arc::new(configuration.sealer(identity.as_ref())?);
        let state_place = StatePlace::new(configuration.state().cloned(), environment.clone());
        Ok(Self {
            folder,
            state_place,
            configuration,
            sealer,
            simulated: arguments.simulate,
            arguments: arguments.clone(),
        })
    }

    /// Returns `PROJECT/STACK`.
    pub fn title(&self) -> String {
        format!(
            "{}/{}",
            self.configuration.project_name(),
            self.configuration.stack()
        )
    }

    /// Returns the folder of the stacks' logs.
    pub fn state_folder(&self) -> PathBuf {
        self.folder.join(".konductor")
    }

    /// Returns the file of the stack's log; the simulated cloud has one of its own, so that neither is mistaken
    /// for the other.
    pub fn log_file(&self) -> PathBuf {
        self.state_folder()
            .join(log_name(self.configuration.stack(), self.simulated))
    }

    /// Returns the file the simulated cloud is kept in.
    pub fn simulated_cloud_file(&self) -> PathBuf {
        self.state_folder()
            .join(format!("{}.simulated-cloud.json", self.configuration.stack()))
    }

    /// Gives diagnostics about an attribute the place where that attribute is written, where they only have the
    /// place of the whole resource.
    pub fn locate(&self, diagnostics: &mut Diagnostics) {
        for diagnostic in &mut diagnostics.0 {
            if let (Some(resource), Some(at)) = (&diagnostic.resource, &diagnostic.at)
                && let Some(origin) = self.configuration.locate(resource, at)
            {
                diagnostic.origin = Some(origin);
            }
        }
    }

    /// Returns the backend that a team shares; none when the state is in files. A simulated cloud is a file of this
    /// machine, and so is its log.
    fn backend(&self) -> Result<Option<Arc<dyn Backend>>, CommandError> {
        if self.simulated {
            return Ok(None);
        }
        self.state_place.backend()
    }

    fn options(&self, stack: &str) -> OpenOptions {
        OpenOptions::of_stack(self.configuration.project_name(), stack).sealer(self.sealer.clone())
    }

    /// Returns options for a log in a backend, and the file of its copy.
    fn shared(&self, stack: &str, backend: Arc<dyn Backend>) -> (OpenOptions, PathBuf) {
        let title = backend.title().to_owned();
        let mut options = self.options(stack).backend(backend);
        options.encrypted = self.state_place.is_encrypted();
        // Not where a log of its own would be: that must never be taken for a copy, which may be fetched anew.
        let place: String = hex(&Sha256::digest(title.as_bytes())).chars().take(12).collect();
        let file = format!("{stack}-{place}.db");
        (options, self.state_folder().join("copies").join(file))
    }

    /// Fails when the stack has a log in a file and the project says that it is elsewhere.
    async fn require_no_file(&self, backend: &dyn Backend) -> Result<(), CommandError> {
        let file = self.log_file();
        if !file.exists() {
            return Ok(());
        }
        let stack = self.configuration.stack();
        let log = match StackLog::open(&file, self.options(stack).read_only()).await {
            Err(StateError::Moved { .. }) => return Ok(()),
            opened => opened?,
        };
        if log.head().await?.0 == 0 {
            return Ok(());
        }
        Err(CommandError::message(format!(
            "the state of {} is in {}, and konductor.yaml says that it is at {}",
            self.title(),
            file.display(),
            backend.title()
        ))
        .help("move it: take `state` out of konductor.yaml, run `konductor state migrate --to …`, and put it back in"))
    }

    /// Opens the stack's log, and makes it if there is none.
    pub async fn open_log(&self) -> Result<StackLog, CommandError> {
        let stack = self.configuration.stack();
        let Some(backend) = self.backend()? else {
            return Ok(StackLog::open(&self.log_file(), self.options(stack)).await?);
        };
        let (options, file) = self.shared(stack, Arc::clone(&backend));
        let log = StackLog::open(&file, options).await?;
        self.require_no_file(backend.as_ref()).await?;
        Ok(log)
    }

    /// Opens the stack's log at another place, also when it was moved from there, to move it there.
    pub async fn open_log_at(&self, place: &StatePlace) -> Result<StackLog, CommandError> {
        let stack = self.configuration.stack();
        let (mut options, file) = match place.backend()? {
            Some(backend) => self.shared(stack, backend),
            None => (self.options(stack), self.log_file()),
        };
        options.encrypted = place.is_encrypted();
        options.moved_is_fine = true;
        Ok(StackLog::open(&file, options).await?)
    }

    /// Opens the stack's log to read it.
    pub async fn read_log(&self) -> Result<StackLog, CommandError> {
        let never = || {
            CommandError::message(format!("stack {} was never deployed", self.title()))
                .help("`konductor run` deploys it")
        };
        let stack = self.configuration.stack();
        let Some(backend) = self.backend()? else {
            let file = self.log_file();
            if !file.exists() {
                return Err(never());
            }
            return Ok(StackLog::open(&file, self.options(stack).read_only()).await?);
        };
        let (options, file) = self.shared(stack, Arc::clone(&backend));
        let log = StackLog::open(&file, options.read_only()).await?;
        self.require_no_file(backend.as_ref()).await?;
        if log.head().await?.0 == 0 {
            return Err(never());
        }
        Ok(log)
    }

    /// Opens the logs of the other stacks of the project that were deployed, to read them; by name. Of one that was moved
    /// it is told where to.
    async fn other_logs(&self) -> Result<Vec<(String, Result<StackLog, String>)>, CommandError> {
        let backend = self.backend()?;
        let names = match &backend {
            Some(backend) => {
                konductor_state::backend::stacks(backend, self.configuration.project_name()).await?
            }
            None => self.stacks_in_files(),
        };
        let mut logs = Vec::new();
        for name in names {
            if name == self.configuration.stack() {
                continue;
            }
            let (options, file) = match &backend {
                Some(backend) => self.shared(&name, Arc::clone(backend)),
                None => {
                    let file = self.state_folder().join(log_name(&name, self.simulated));
                    (self.options(&name), file)
                }
            };
            let log = match StackLog::open(&file, options.read_only()).await {
                Err(error @ StateError::Moved { .. }) => Err(error.to_string()),
                // It is being made at this moment.
                Err(StateError::NotFound { .. }) => continue,
                opened => Ok(opened?),
            };
            logs.push((name, log));
        }
        Ok(logs)
    }

    /// Reads the outputs of every other stack of the project that was deployed.
    pub async fn other_stacks(&self) -> Result<OtherStacks, CommandError> {
        let mut found = OtherStacks {
            organization: self.configuration.organization().map(str::to_owned),
            project: self.configuration.project_name().to_owned(),
            outputs: Vec::new(),
        };
        for (name, log) in self.other_logs().await? {
            let outputs = match log {
                Ok(log) => konductor_state::Journal::snapshot(&log)
                    .await
                    .map(|snapshot| Value::Map(snapshot.outputs))
                    .map_err(|error| crate::error::with_sources(&error)),
                Err(moved) => Err(moved),
            };
            found.outputs.push((name, outputs));
        }
        Ok(found)
    }

    /// Returns the objects that the other stacks of the project manage: type and identifier.
    pub async fn managed_by_other_stacks(&self) -> Result<BTreeSet<(String, String)>, CommandError> {
        let mut managed = BTreeSet::new();
        for (_, log) in self.other_logs().await? {
            let snapshot = log.map_err(CommandError::message)?.snapshot_masked().await?;
            for record in snapshot.resources.values() {
                let deposed = record.deposed.iter().map(|deposed| &deposed.object);
                for object in record.object.iter().chain(deposed) {
                    managed.insert((record.urn.resource_type().to_string(), object.id.clone()));
                }
            }
        }
        Ok(managed)
    }

    fn stacks_in_files(&self) -> Vec<String> {
        let suffix = if self.simulated { ".simulated.db" } else { ".db" };
        let mut names: Vec<String> = std::fs::read_dir(self.state_folder())
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
            .filter(|name| !name.contains('.'))
            .collect();
        names.sort();
        names
    }

    /// Returns what turns written values into the ones to use.
    pub fn context<'a>(&'a self, stacks: &'a OtherStacks) -> Context<'a> {
        Context {
            sealer: Some(self.sealer.as_ref()),
            stacks: Some(stacks),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn log_name(stack: &str, simulated: bool) -> String {
    if simulated {
        format!("{stack}.simulated.db")
    } else {
        format!("{stack}.db")
    }
}

/// Returns the folder a command works in.
pub fn folder(arguments: &GlobalArguments) -> PathBuf {
    arguments.directory.clone().unwrap_or_else(|| PathBuf::from("."))
}

/// Returns the stack to work on: the one named, or the only one there is.
fn stack(folder: &Path, named: Option<&str>) -> Result<String, CommandError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let mut known = stacks(folder);
    match (known.pop(), known.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Ok(DEFAULT_STACK.to_owned()),
        (Some(last), _) => {
            known.push(last);
            Err(
                CommandError::message(format!("there are several stacks: {}", known.join(", ")))
                    .help("name one: --stack NAME, or the environment variable KONDUCTOR_STACK"),
            )
        }
    }
}

/// Reads the file with the keys that open secrets, if there is one.
pub fn identity(environment: &Environment) -> Result<Option<SecretText>, CommandError> {
    let path = environment.identity_file();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(SecretText::new(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::file("read", &path, error)),
    }
}

/// The outputs of the project's other stacks.
pub struct OtherStacks {
    organization: Option<String>,
    project: String,
    outputs: Vec<(String, Result<Value, String>)>,
}

impl StackOutputs for OtherStacks {
    fn outputs(&self, organization: &str, project: &str, stack: &str) -> Result<Value, String> {
        let same_organization = self.organization.as_deref().unwrap_or_default() == organization;
        if !same_organization || project != self.project {
            return Err(format!(
                "only stacks of this project can be read: expected `{}`, found `{project}`",
                self.project
            ));
        }
        match self.outputs.iter().find(|(name, _)| name == stack) {
            Some((_, outputs)) => outputs.clone(),
            None => Err(format!("stack `{stack}` was never deployed")),
        }
    }
}

/// The files of a project, read again to underline a place in them.
pub struct FolderSources(pub PathBuf);

impl Sources for FolderSources {
    fn text(&self, file: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.0.join(file)).ok()?;
        Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }
}

/// Fails with a hint when there is no project.
pub fn require(folder: &Path) -> Result<(), CommandError> {
    if folder.join(PROJECT_FILE).exists() {
        Ok(())
    } else {
        Err(CommandError::from(
            Diagnostic::error(format!("there is no {PROJECT_FILE} in {}", folder.display()))
                .help("change to the project's folder, name it with -C, or start one with `konductor init`"),
        ))
    }
}
