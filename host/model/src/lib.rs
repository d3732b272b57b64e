//! The vocabulary of Konductor: values, paths, names, diagnostics, schemas and the traits a plugin is seen
//! through. No I/O, no async runtime, no WebAssembly: guests and the host share it.

pub mod alert;
pub mod attribute_diff;
mod audit_target;
pub mod causes;
pub mod cloud;
pub mod compliance;
pub mod diagnostic;
pub mod failure;
pub mod grant;
pub mod interpolation;
pub mod manifest;
pub mod module;
pub mod name;
pub mod node_table;
pub mod options;
pub mod path;
pub mod policy;
pub mod provider;
pub mod rate_limit;
pub mod repetition;
mod retention;
pub mod schema;
pub mod secret;
pub mod suggestion;
pub mod tag_rules;
pub mod value;
pub mod value_json;

pub use alert::AlertTarget;
pub use attribute_diff::{AttributeChange, ChangeKind};
pub use audit_target::{AuditTarget, SyslogAddress, SyslogTransport};
pub use causes::with_causes;
pub use diagnostic::{Diagnostic, Diagnostics, Origin, Severity};
pub use failure::{Disposition, Failure};
pub use grant::PluginGrant;
pub use manifest::Manifest;
pub use name::{ResourceName, ResourceType, Urn};
pub use options::ResourceOptions;
pub use path::{Path, PathStep};
pub use rate_limit::RateLimit;
pub use repetition::Repetition;
pub use retention::Retention;
pub use schema::ResourceSchema;
pub use secret::{MASK, SealError, Sealer, SecretText, SecretVault, TOKEN_PREFIX};
pub use tag_rules::TagRules;
pub use value::{Number, Reference, Value};
