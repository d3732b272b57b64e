//! The clouds, and how one is chosen.

use konductor_sdk::component::inputs::{configured, known};
use konductor_sdk::prelude::*;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Google,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aws, Self::Azure, Self::Google];

    /// Returns the word that chooses it, which is the name of its plugin.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Google => "gcp",
        }
    }

    /// Returns its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Google => "Google Cloud",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.word() == word)
    }
}

/// Returns the cloud that a component is to be in: its own input, else what the section `konductor` says.
///
/// # Errors
/// When it is not known, or nobody says it.
pub fn chosen(request: &ConstructRequest) -> Result<Cloud, Box<Diagnostic>> {
    let own = known(&request.inputs, "cloud")?;
    let word = own.or_else(|| configured(&request.metadata, "konductor", &["cloud"]));
    let cloud = word.and_then(Value::as_text).and_then(Cloud::of_word);
    cloud.ok_or_else(|| {
        Box::new(
            Diagnostic::error("it is not said which cloud this is to be in")
                .help(
                    "set `konductor.cloud` in the configuration, or `cloud` here, to `aws`, `azure` or `gcp`",
                )
                .at(Path::attribute("cloud")),
        )
    })
}
