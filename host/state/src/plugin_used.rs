//! What the log keeps of a plugin that a run used.

use konductor_model::PluginGrant;
use serde::{Deserialize, Serialize};

use crate::record::PluginReference;

/// A plugin of a run: what it was, where it came from and what it was allowed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct PluginUsed {
    /// The name it had in the project, as records name it.
    pub name: String,
    /// The name its manifest gives, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The version.
    pub version: String,
    /// The digest of its bytes.
    pub digest: String,
    /// Who signed it; none when nobody did or it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Where its bytes came from: `bundled`, a path, `mirror:PATH`, `oci://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The version of the interface it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// What it was granted, as JSON: a later version's grant may hold more than this one can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<serde_json::Value>,
    /// It was held against `konductor.lock`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
}

impl PluginUsed {
    /// Returns the name and version.
    pub fn reference(&self) -> PluginReference {
        PluginReference {
            name: self.name.clone(),
            version: self.version.clone(),
        }
    }

    /// Sets what it was granted.
    #[must_use]
    pub fn granting(mut self, grant: &PluginGrant) -> Self {
        self.granted = serde_json::to_value(grant).ok();
        self
    }

    /// Returns what it was granted; none when the log does not say, or says it in a way that this version cannot
    /// read.
    pub fn grant(&self) -> Option<PluginGrant> {
        serde_json::from_value(self.granted.clone()?).ok()
    }
}

/// The forms in which logs hold it: konductor 0.1.0 wrote the reference and the digest as a pair.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Pair(PluginReference, String),
    Described {
        name: String,
        #[serde(default)]
        plugin: Option<String>,
        version: String,
        digest: String,
        #[serde(default)]
        signer: Option<String>,
        #[serde(default)]
        source: Option<String>,
        #[serde(default)]
        interface: Option<String>,
        #[serde(default)]
        granted: Option<serde_json::Value>,
        #[serde(default)]
        locked: bool,
    },
}

impl From<Stored> for PluginUsed {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Pair(reference, digest) => Self {
                name: reference.name,
                version: reference.version,
                digest,
                ..Self::default()
            },
            Stored::Described {
                name,
                plugin,
                version,
                digest,
                signer,
                source,
                interface,
                granted,
                locked,
            } => Self {
                name,
                plugin,
                version,
                digest,
                signer,
                source,
                interface,
                granted,
                locked,
            },
        }
    }
}
