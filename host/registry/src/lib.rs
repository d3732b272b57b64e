//! Finds plugins and reads the bytes that will run.
//!
//! A plugin is one `.wasm` file. Its bytes are read once: the sandbox hashes and compiles the same buffer.

pub mod error;
pub mod plugin_file;
pub mod source;

pub use error::RegistryError;
pub use plugin_file::PluginFile;
pub use source::{PluginSource, SearchPath};
