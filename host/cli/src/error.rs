//! What a command fails with: what to tell, and how to exit.

use std::fmt;
use std::path::Path;

use konductor_model::{Diagnostic, Diagnostics, Failure, with_causes};

/// The failure of a command. Every error of a library becomes diagnostics here, in one place.
#[derive(Debug)]
pub struct CommandError {
    /// What to tell. Empty when it was told already.
    pub diagnostics: Diagnostics,
    /// The exit code.
    pub exit: u8,
    /// Somebody else works on the stack.
    pub is_locked: bool,
}

impl CommandError {
    /// Makes an error of one message.
    pub fn message(summary: impl Into<String>) -> Self {
        Diagnostic::error(summary).into()
    }

    /// Makes an error about a file.
    pub fn file(verb: &str, path: &Path, error: std::io::Error) -> Self {
        Self::message(format!("cannot {verb} {}: {error}", path.display()))
    }

    /// Makes an error that was told already.
    pub fn told() -> Self {
        Self {
            diagnostics: Diagnostics::default(),
            exit: 1,
            is_locked: false,
        }
    }

    /// Adds what to do to the last message.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.0.last_mut() {
            last.help = Some(help.into());
        }
        self
    }
}

impl From<Diagnostic> for CommandError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: diagnostic.into(),
            exit: 1,
            is_locked: false,
        }
    }
}

impl From<Diagnostics> for CommandError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self {
            diagnostics,
            exit: 1,
            is_locked: false,
        }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        if failure.diagnostics.is_empty() {
            Self::message(failure.to_string())
        } else {
            Diagnostics(failure.diagnostics).into()
        }
    }
}

impl From<konductor_registry::RegistryError> for CommandError {
    fn from(error: konductor_registry::RegistryError) -> Self {
        use konductor_registry::RegistryError as E;
        let help = match &error {
            E::UnknownSource { .. } | E::Reference { .. } => {
                "change the source under plugins in konductor.yaml"
            }
            E::NotFound { .. } => {
                "build the plugins with `cargo xtask plugins`, put the file into one of these folders, or name it in konductor.yaml: plugins: { NAME: { source: PATH } }"
            }
            E::Unreadable { .. } => "check the file's permissions",
            E::TooLarge { .. } | E::Component { .. } => "this is not a plugin",
            E::NoManifest { .. } => "put its manifest into it with `konductor plugin pack FILE`",
            E::WrongName { .. } => "give it its own name under plugins in konductor.yaml",
            E::WrongVersion { .. } | E::NoVersion { .. } => {
                "change the version under plugins in konductor.yaml, or install the plugin that fits"
            }
            E::WrongDigest { .. } | E::MislabelledVersion { .. } => {
                "find out who changed the plugin; if the change is wanted, run `konductor plugin lock`"
            }
            _ => return Self::message(with_causes(&error)),
        };
        Self::message(with_causes(&error)).help(help)
    }
}

impl From<konductor_registry::BundleRefused> for CommandError {
    fn from(refused: konductor_registry::BundleRefused) -> Self {
        let told = refused.problems.iter().map(|problem| {
            Diagnostic::error(format!(
                "{}: package `{}` from {} is not accepted: {problem}",
                refused.place, refused.name, refused.source_text
            ))
        });
        Diagnostics(told.collect()).into()
    }
}

impl From<konductor_registry::AdmissionErrors> for CommandError {
    fn from(errors: konductor_registry::AdmissionErrors) -> Self {
        let told = errors.problems.iter().map(|problem| {
            Diagnostic::error(format!(
                "plugin `{}` from {} may not run: {problem}",
                errors.plugin, errors.place
            ))
        });
        Diagnostics(told.collect()).into()
    }
}

/// Errors whose message says what to do already.
macro_rules! message_errors {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self::message(with_causes(&error))
            }
        })*
    };
}

impl From<konductor_state::StateError> for CommandError {
    fn from(error: konductor_state::StateError) -> Self {
        Self {
            is_locked: matches!(error, konductor_state::StateError::Locked(_)),
            ..Self::message(with_causes(&error))
        }
    }
}

message_errors!(
    konductor_registry::oci::reference::ReferenceError,
    konductor_sandbox::SandboxError,
    konductor_sandbox::LoadError,
    konductor_broker::BrokerError,
    konductor_registry::LockError,
    konductor_queue::QueueError,
    konductor_registry::TimestampError,
    konductor_signature::KeyError,
    konductor_signature::TrustError,
    crate::graph_picture::TooLarge,
);

impl From<konductor_engine::EngineError> for CommandError {
    fn from(error: konductor_engine::EngineError) -> Self {
        use konductor_engine::EngineError as E;
        match &error {
            E::Interrupted(_) => Self::message(error.to_string())
                .help("`konductor run` or `konductor refresh` settles them; then plan again"),
            E::State(_) | E::Task(_) => Self::message(with_causes(&error)),
            _ => error.diagnostics().into(),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostics.fmt(f)
    }
}
