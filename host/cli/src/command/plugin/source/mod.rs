//! The folder of a plugin's sources: its language, and the tools that build and test it.

mod javascript;
mod python;
mod rust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::arguments::Language;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;

/// The folder that builds are written into.
pub const BUILD: &str = "build";

/// The folder of the stack that uses the plugin.
pub const EXAMPLE: &str = "example";

/// The interface, as this version of Konductor speaks it.
const INTERFACE: [(&str, &str); 3] = [
    ("host.wit", include_str!("../../../../../../wit/host.wit")),
    ("plugin.wit", include_str!("../../../../../../wit/plugin.wit")),
    ("types.wit", include_str!("../../../../../../wit/types.wit")),
];

/// The file that tells each language. Whichever comes first counts: a plugin in Rust may have a `package.json` for
/// something else.
const MARKS: [(&str, Language); 3] = [
    (rust::MARK, Language::Rust),
    (python::MARK, Language::Python),
    (javascript::MARK, Language::Javascript),
];

/// The world that a plugin is built for where its folder names none.
const WORLD: &str = "provider-plugin";

/// The worlds there are.
const WORLDS: [&str; 2] = [WORLD, "compliance-plugin"];

/// The folder of a plugin's sources.
pub struct SourceFolder<'a> {
    folder: PathBuf,
    language: Language,
    environment: &'a Environment,
    output: &'a Output,
    /// What was found out about the tools when the first build began.
    prepared: OnceLock<String>,
}

impl<'a> SourceFolder<'a> {
    /// Finds out in which language the plugin in a folder is written.
    ///
    /// # Errors
    /// When there is no plugin.
    pub fn open(
        folder: &Path,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Result<Self, CommandError> {
        // Other programs are started in it.
        let folder =
            std::path::absolute(folder).map_err(|error| CommandError::file("find", folder, error))?;
        let language = MARKS.iter().find(|(mark, _)| folder.join(mark).is_file());
        let Some((_, language)) = language else {
            let marks = MARKS.map(|(mark, _)| mark).join(", ");
            return Err(CommandError::message(format!(
                "there is no plugin in {}: it has none of {marks}",
                folder.display()
            ))
            .help(
                "change to a plugin's folder, name it with -C, or start one with `konductor plugin new NAME`",
            ));
        };
        Ok(Self {
            language: *language,
            folder,
            environment,
            output,
            prepared: OnceLock::new(),
        })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Builds the component, without a manifest in it yet.
    ///
    /// # Errors
    /// When a tool is missing, or does not succeed; what it says is on standard error.
    pub fn component(&self) -> Result<PathBuf, CommandError> {
        match self.language {
            Language::Rust => rust::component(self),
            Language::Python => python::component(self),
            Language::Javascript => javascript::component(self),
        }
    }

    /// Runs the native tests.
    ///
    /// # Errors
    /// When a tool is missing, or a test fails.
    pub fn test(&self, arguments: &[String]) -> Result<(), CommandError> {
        let mut command = match self.language {
            Language::Rust => rust::tests(self),
            Language::Python => python::tests(self),
            Language::Javascript => javascript::tests(self)?,
        };
        command.args(arguments);
        self.run(command, "the native tests")
    }

    /// Returns the files that a build or a plan is made of, each with when it was last written and its size.
    pub fn sources(&self) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.join("src"), self.folder.join(EXAMPLE)];
        let mut files = vec![
            self.folder.join(rust::MARK),
            self.folder.join("build.rs"),
            self.folder.join(javascript::MARK),
        ];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten();
            for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
                if !is_source(&path) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        for file in files {
            if let Ok(metadata) = file.metadata() {
                found.insert(file, (metadata.modified().ok(), metadata.len()));
            }
        }
        found
    }

    /// Writes the interface below what is built, and returns its folder.
    fn interface(&self) -> Result<PathBuf, CommandError> {
        let interface = self.folder.join(BUILD).join("wit");
        std::fs::create_dir_all(&interface)
            .map_err(|error| CommandError::file("create", &interface, error))?;
        for (name, text) in INTERFACE {
            let file = interface.join(name);
            std::fs::write(&file, text).map_err(|error| CommandError::file("write", &file, error))?;
        }
        Ok(interface)
    }

    /// Returns where a component without a manifest is put. The ending keeps it apart from what is built: `plugin check`
    /// takes the one `.wasm` that is there.
    fn unpacked(&self) -> PathBuf {
        self.folder.join(BUILD).join("component.unpacked")
    }

    /// Runs a tool. Its output is for a person, so with `--json` all of it goes to standard error.
    fn run(&self, mut command: Command, what: &str) -> Result<(), CommandError> {
        if self.output.is_json() {
            command.stdout(Stdio::from(std::io::stderr()));
        }
        let status = command
            .current_dir(&self.folder)
            .status()
            .map_err(|error| missing(&command, &error))?;
        if status.success() {
            return Ok(());
        }
        Err(CommandError::message(format!("{what} failed, with {status}")))
    }

    /// Runs a tool, and returns what it prints to standard output.
    fn read(&self, mut command: Command, what: &str) -> Result<String, CommandError> {
        let output = command
            .current_dir(&self.folder)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| missing(&command, &error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(CommandError::message(format!(
            "{what} failed, with {}",
            output.status
        )))
    }
}

/// Takes the world that a file of the folder names.
fn world(named: Option<&str>, file: &str) -> Result<&'static str, CommandError> {
    let Some(named) = named else {
        return Ok(WORLD);
    };
    let known = WORLDS.into_iter().find(|world| *world == named);
    known.ok_or_else(|| {
        CommandError::message(format!("{file} names the world `{named}`, and there is none"))
            .help(format!("there are {}", WORLDS.join(", ")))
    })
}

/// Tells what editors and tools keep beside the sources from the sources.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !name.ends_with('~') && name != "__pycache__" && name != "server.pid"
}

fn missing(command: &Command, error: &std::io::Error) -> CommandError {
    let program = command.get_program().to_string_lossy();
    let told = CommandError::message(format!("{program} cannot be started: {error}"));
    if error.kind() == std::io::ErrorKind::NotFound {
        told.help(format!("install it, or put it on PATH: {program}"))
    } else {
        told
    }
}
