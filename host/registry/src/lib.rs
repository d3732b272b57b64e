//! Finds plugins, fetches their bytes, keeps the lock file, and publishes and mirrors releases.
//!
//! A plugin is one `.wasm` file. Its bytes are read once: the digest, the verification of signatures and the
//! compiler all use the buffer in [`FetchedPlugin`].
//!
//! | module | what is there |
//! |---|---|
//! | [`registry`] | [`Registry`]: versions, resolve, fetch, publish, mirror, over every kind of source |
//! | [`source`] | `bundled`, paths, `mirror:PATH`, `oci://HOST/PATH` |
//! | [`fetched`] | a plugin that is here, and what is known of it |
//! | [`component`] | the manifest and the interfaces, read from the bytes without compiling |
//! | [`lock_file`] | `konductor.lock` |
//! | [`oci`] | registries: names, manifests, the protocol, signature bundles as referrers |
//! | [`network`] | proxy, certificate authorities, offline: the settings for everything that leaves the machine |
//! | [`progress`] | what a caller hears meanwhile |

mod atomic_file;
pub mod component;
pub mod digest;
pub mod error;
pub mod fetched;
pub mod local;
pub mod lock_file;
pub mod name;
pub mod network;
pub mod oci;
pub mod progress;
pub mod registry;
pub mod source;

pub use digest::Digest;
pub use error::RegistryError;
pub use fetched::FetchedPlugin;
pub use lock_file::{Approval, LockDifference, LockError, LockFile, LockedPlugin};
pub use network::{NetworkError, NetworkSettings};
pub use progress::{NoProgress, Progress, ProgressEvent};
pub use registry::{FetchRequest, LockedRelease, Registry};
pub use source::{LocalPath, PluginSource, SearchPath};
