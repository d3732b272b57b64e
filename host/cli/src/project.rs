//! The project and the stack a command works on: folder, configuration, keys, and where state lies.

mod other_stacks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use konductor_config::inputs::{PROJECT_FILE, stacks};
use konductor_config::{AgeSealer, Configuration, Context, Inputs};
use konductor_model::{Diagnostic, Diagnostics, SecretText};
use konductor_state::keys::KeyProvider;
use konductor_state::{Backend, OpenOptions, StackIdentity, StackKeys, StackLog, StateError};
use sha2::{Digest as _, Sha256};

use crate::arguments::GlobalArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::key_management;
use crate::render::diagnostic::Sources;
use crate::state_place::StatePlace;

pub use other_stacks::OtherStacks;

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
    /// The keys that protect the stack's state.
    pub keys: Arc<StackKeys>,
    key_providers: Vec<Arc<dyn KeyProvider>>,
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
        Self::open_edited(arguments, environment, &BTreeMap::new())
    }

    /// Reads the same as if some of its files had other texts, by their names.
    pub fn open_edited(
        arguments: &GlobalArguments,
        environment: &Environment,
        texts: &BTreeMap<String, String>,
    ) -> Result<Self, CommandError> {
        let folder = folder(arguments);
        let stack = stack(&folder, arguments.stack.as_deref())?;
        let mut inputs = Inputs::read(
            &folder,
            &stack,
            environment.configuration(),
            arguments.set.clone(),
        )?;
        inputs.replace_texts(texts);
        let configuration = Configuration::load(inputs)?;
        let identity = identity(environment)?;
        let sealer = Arc::new(configuration.sealer(identity.as_ref())?);
        let state_place = StatePlace::new(configuration.state().cloned(), environment.clone());
        let key_providers = key_management::providers(configuration.keys(), identity.as_ref(), environment)?;
        let of = StackIdentity {
            project: configuration.project_name().to_owned(),
            stack: configuration.stack().to_owned(),
        };
        Ok(Self {
            folder,
            keys: StackKeys::new(of, Some(sealer.clone()), key_providers.clone()),
            key_providers,
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
    pub fn backend(&self) -> Result<Option<Arc<dyn Backend>>, CommandError> {
        if self.simulated {
            return Ok(None);
        }
        self.state_place.backend()
    }

    fn options(&self, stack: &str) -> OpenOptions {
        let mut options = OpenOptions::of_stack(self.configuration.project_name(), stack)
            .sealer(self.sealer.clone())
            .keys(self.keys_of(stack));
        options.encrypted = self.state_place.is_encrypted() && !self.simulated;
        options
    }

    /// Returns the keys that protect a stack of the project.
    pub fn keys_of(&self, stack: &str) -> Arc<StackKeys> {
        // The log of a simulated cloud is another one, with keys of its own.
        if stack == self.configuration.stack() && !self.simulated {
            return Arc::clone(&self.keys);
        }
        let of = StackIdentity {
            project: self.configuration.project_name().to_owned(),
            stack: stack.to_owned(),
        };
        StackKeys::new(of, Some(self.sealer.clone()), self.key_providers.clone())
    }

    /// Returns options for a log in a backend, and the file of its copy.
    fn shared(&self, stack: &str, backend: Arc<dyn Backend>) -> (OpenOptions, PathBuf) {
        let title = backend.title().to_owned();
        let options = self.options(stack).backend(backend);
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

    /// Opens the stack's log to give it other keys, also where a file is plain and is to be encrypted.
    pub async fn open_log_to_rotate(&self) -> Result<StackLog, CommandError> {
        let stack = self.configuration.stack();
        let (mut options, file) = match self.backend()? {
            Some(backend) => self.shared(stack, backend),
            None => (self.options(stack), self.log_file()),
        };
        options.plain_is_fine = true;
        Ok(StackLog::open(&file, options).await?)
    }

    /// Returns how the stack's log is reached by what needs no key, and its file.
    pub fn unopened_log(&self) -> Result<(OpenOptions, PathBuf), CommandError> {
        let stack = self.configuration.stack();
        let (mut options, file) = match self.backend()? {
            Some(backend) => self.shared(stack, backend),
            None => (self.options(stack), self.log_file()),
        };
        // Keys of its own: nothing is opened with them.
        options.keys = None;
        Ok((options, file))
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

    /// Opens the stack's log at another place to restore it there, with a copy of its own: the one that this machine has
    /// may hold more than is there, and is left as it is. Returns the file of the log or of that copy.
    pub async fn open_log_to_restore(&self, place: &StatePlace) -> Result<(StackLog, PathBuf), StateError> {
        let stack = self.configuration.stack();
        let unusable = |error: CommandError| {
            StateError::Backend(konductor_state::BackendError::Settings {
                what: error.to_string(),
                advice: "correct it".to_owned(),
            })
        };
        let (mut options, file) = match place.backend().map_err(unusable)? {
            Some(backend) => {
                let (options, copy) = self.shared(stack, backend);
                let copy = copy.with_extension("restoring.db");
                // One that an earlier restore left knows of a log that may be gone.
                remove_copy(&copy);
                (options, copy)
            }
            None => (self.options(stack), self.log_file()),
        };
        options.encrypted = place.is_encrypted();
        options.moved_is_fine = true;
        Ok((StackLog::open(&file, options).await?, file))
    }

    /// Returns the file of this machine's copy of the stack's log at a place; none where the log is a file itself.
    pub fn copy_file(&self, place: &StatePlace) -> Result<Option<PathBuf>, CommandError> {
        let backend = place.backend()?;
        Ok(backend.map(|backend| self.shared(self.configuration.stack(), backend).1))
    }

    /// Opens a file that holds the stack's log, whatever it is a copy of, to read it.
    pub async fn read_file(&self, file: &Path) -> Result<StackLog, StateError> {
        StackLog::open(file, self.options(self.configuration.stack()).read_only()).await
    }

    /// Opens the stack's log to read it.
    pub async fn read_log(&self) -> Result<StackLog, CommandError> {
        self.read_log_if_any().await?.ok_or_else(|| {
            CommandError::message(format!("stack {} was never deployed", self.title()))
                .help("`konductor run` deploys it")
        })
    }

    /// Opens the stack's log to read it; none where the stack was never deployed.
    pub async fn read_log_if_any(&self) -> Result<Option<StackLog>, CommandError> {
        let stack = self.configuration.stack();
        let Some(backend) = self.backend()? else {
            let file = self.log_file();
            if !file.exists() {
                return Ok(None);
            }
            return Ok(Some(
                StackLog::open(&file, self.options(stack).read_only()).await?,
            ));
        };
        let (options, file) = self.shared(stack, Arc::clone(&backend));
        let log = StackLog::open(&file, options.read_only()).await?;
        self.require_no_file(backend.as_ref()).await?;
        let is_empty = log.head().await?.0 == 0;
        Ok((!is_empty).then_some(log))
    }

    /// Returns what turns written values into the ones to use.
    pub fn context<'a>(&'a self, stacks: &'a OtherStacks) -> Context<'a> {
        Context {
            sealer: Some(self.sealer.as_ref()),
            stacks: Some(stacks),
        }
    }
}

/// Removes a copy of a log that is in a backend; the next command that needs one fetches it.
pub fn remove_copy(file: &Path) {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

/// Writes bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
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

/// Returns the stacks of a project: those that have a file, or the only one there is without.
pub fn stack_names(folder: &Path) -> Vec<String> {
    let names = stacks(folder);
    if names.is_empty() {
        vec![DEFAULT_STACK.to_owned()]
    } else {
        names
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

/// The files of a project, read again to underline a place in them.
pub struct FolderSources(pub PathBuf);

impl Sources for FolderSources {
    fn text(&self, file: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.0.join(file)).ok()?;
        Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }
}

/// Fails when a stack is named beside `--all`.
pub fn require_no_stack(arguments: &GlobalArguments) -> Result<(), CommandError> {
    if arguments.stack.is_none() {
        return Ok(());
    }
    Err(
        CommandError::message("`--all` and `--stack` contradict each other")
            .help("give one of them; KONDUCTOR_STACK counts as `--stack`"),
    )
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
