//! `konductor plugin`, one file for each command below it.

mod audit;
mod build;
mod check;
mod conformance;
mod dev;
mod docs;
mod fetch;
mod grant;
mod inspect;
mod list;
mod lock;
mod mirror;
mod new;
mod pack;
mod publish;
mod sign;
mod source;
mod templates;
mod traffic;
mod verify;

pub use sign::{Unsigned, sign_bytes};
pub use verify::{Verifiable, signer, with_keys};

use std::path::{Path, PathBuf};

use konductor_config::Configuration;
use konductor_config::inputs::PROJECT_FILE;
use konductor_registry::{Registry, request_timestamp};

use crate::arguments::{GlobalArguments, PluginCommand};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::network::Network;
use crate::output::Output;
use crate::plugins::{PluginLoader, is_offline, registry};
use crate::project::Project;

pub use inspect::is_file;

/// What these commands work with. Most of them work without a project.
pub struct PluginContext<'a> {
    /// The folder that paths are relative to, and the project's if there is one.
    pub folder: &'a Path,
    /// What every command understands.
    pub arguments: &'a GlobalArguments,
    /// The environment.
    pub environment: &'a Environment,
    /// Where results go.
    pub output: &'a Output,
    /// The project's configuration.
    pub configuration: Option<Configuration>,
}

impl PluginContext<'_> {
    /// Starts the sandbox.
    pub fn loader(&self) -> Result<PluginLoader, CommandError> {
        PluginLoader::new(
            self.folder,
            self.arguments,
            self.environment,
            self.configuration.as_ref(),
        )
    }

    /// Asks a timestamp authority.
    pub async fn timestamp(&self, authority: &url::Url, request: Vec<u8>) -> Result<Vec<u8>, CommandError> {
        let settings =
            Network::of(self.environment)?.for_registries(is_offline(self.arguments, self.environment));
        Ok(request_timestamp(&settings, authority, request).await?)
    }

    /// Returns the client of the plugins' sources.
    pub fn registry(&self) -> Result<Registry, CommandError> {
        registry(self.arguments, self.environment)
    }

    /// Reads files that were named on the command line.
    pub fn read_all(&self, files: &[PathBuf]) -> Result<Vec<Vec<u8>>, CommandError> {
        let read = |file: &PathBuf| {
            let file = self.folder.join(file);
            std::fs::read(&file).map_err(|error| CommandError::file("read", &file, error))
        };
        files.iter().map(read).collect()
    }

    /// Returns the project's configuration.
    pub fn project(&self) -> Result<&Configuration, CommandError> {
        crate::project::require(self.folder)?;
        self.configuration
            .as_ref()
            .ok_or_else(|| CommandError::message("there is no project here"))
    }

    /// Returns the names of the plugins that are meant: those named, or all that the project asks for and its
    /// configuration needs.
    fn wanted(&self, names: &[String], loader: &PluginLoader) -> Result<Vec<String>, CommandError> {
        if names.is_empty() {
            Ok(loader.needed(self.project()?)?.into_iter().collect())
        } else {
            Ok(names.to_vec())
        }
    }
}

/// Returns the configuration of the project in the folder, if there is a project: these commands work without.
pub fn project_configuration(
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
) -> Result<Option<Configuration>, CommandError> {
    if !folder.join(PROJECT_FILE).exists() {
        return Ok(None);
    }
    Ok(Some(Project::open(arguments, environment)?.configuration))
}

/// Carries out one of the commands.
pub async fn plugin(
    command: &PluginCommand,
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let context = PluginContext {
        folder,
        arguments,
        environment,
        output,
        configuration: project_configuration(folder, arguments, environment)?,
    };
    match command {
        PluginCommand::New(arguments) => new::new(arguments, &context),
        PluginCommand::Build => build::build(&context).await,
        PluginCommand::Test { arguments } => build::test(arguments, &context),
        PluginCommand::Dev(arguments) => dev::dev(arguments, &context).await,
        PluginCommand::Docs { plugin, output } => docs::docs(plugin.as_deref(), output, &context).await,
        PluginCommand::List => list::list(&context).await,
        PluginCommand::Inspect { plugin } => inspect::inspect(plugin, &context).await,
        PluginCommand::Pack { file, output } => pack::pack(file, output.as_deref(), &context).await,
        PluginCommand::Check(arguments) => check::check(arguments, &context).await,
        PluginCommand::Lock(arguments) => lock::lock(arguments, &context).await,
        PluginCommand::Fetch { names } => fetch::fetch(names, &context).await,
        PluginCommand::Sign(arguments) => sign::sign(arguments, &context).await,
        PluginCommand::Verify(arguments) => verify::verify(arguments, &context).await,
        PluginCommand::Publish(arguments) => publish::publish(arguments, &context).await,
        PluginCommand::Mirror(arguments) => mirror::mirror(arguments, &context).await,
        PluginCommand::Audit { runs } => audit::audit(*runs, &context).await,
        PluginCommand::Grant { name, place, item } => grant::grant(name, place, item.as_deref(), &context),
    }
}
