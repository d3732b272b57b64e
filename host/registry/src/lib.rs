//! Finds plugins and says exactly which bytes will run.
//!
//! A plugin is one `.wasm` file. Its bytes are read once: what is hashed here is what the sandbox compiles.

pub mod error;
pub mod plugin_file;
pub mod source;

pub use error::RegistryError;
pub use plugin_file::PluginFile;
pub use source::{PluginSource, SearchPath};
