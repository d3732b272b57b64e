//! Layered configuration with a source place for every value.
//!
//! Files, variables and arguments become [layers](Layer); the layers are [merged](merge) into one tree in which
//! every value keeps its place and what it overrides; texts with `${…}` are [resolved](template) when a value is
//! asked for. Nothing here prints or reads the environment: what is needed is handed in as [`Inputs`], and what is
//! wrong comes back as diagnostics with places, all at once.

pub mod audit;
mod compliance;
mod configuration;
mod declaration;
mod declare_edit;
pub mod drift;
pub mod edit;
mod explanation;
mod file_schema;
pub mod grant_edit;
pub mod inputs;
mod instances;
mod keys;
mod layer;
mod located;
mod merge;
mod metadata;
mod modules;
mod passphrase;
mod plugin_requirement;
mod policy;
mod project;
mod refactoring;
mod resolve;
mod safeguards;
mod scalar;
mod sealer;
mod section_reading;
mod stack_references;
mod state;
mod suggestion;
pub mod template;
mod validate;
mod workers;
pub mod yaml;

pub use audit::{AuditSettings, ForwardSettings, RetentionSetting};
pub use configuration::{Configuration, RESERVED_NAMESPACES, Written};
pub use declaration::Declared;
pub use declare_edit::{NewDeclaration, declare};
pub use drift::DriftSettings;
pub use explanation::Explanation;
pub use file_schema::{FileKind, file_schema};
pub use inputs::{Inputs, SourceFile};
pub use keys::{AwsKmsKey, KeySettings, VaultKey};
pub use layer::{ENVIRONMENT_PREFIX, Layer};
pub use located::{Entries, Located, Node, Setting};
pub use merge::{LIST_KEYS, merge};
pub use metadata::MetadataSettings;
pub use modules::{EnabledModule, ModuleConfiguration};
pub use passphrase::PassphraseSealer;
pub use plugin_requirement::{GrantSetting, PluginRequirement, WrittenGrant};
pub use project::LocatedText;
pub use resolve::{Context, StackOutputs};
pub use safeguards::Safeguards;
pub use sealer::{AgeSealer, GeneratedIdentity, generate_identity};
pub use state::{S3Bucket, StateBackend, StateSettings};
pub use workers::WorkersSettings;
