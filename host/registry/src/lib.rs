//! Finds plugins and packages of policies, fetches their bytes, keeps the lock file, and publishes and mirrors releases.
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
//! | [`policy`] | what a site demands of plugins and of grants |
//! | [`admission`] | the gate between fetched bytes and the sandbox |
//! | [`policy_bundle`] | packages of policies, and the gate between their bytes and whoever reads them |
//! | [`oci`] | registries: names, manifests, the protocol, signature bundles as referrers |
//! | [`mirror`] | folders that are carried to sites without a network |
//! | [`download_cache`] | what came over the network, by its digest |
//! | [`timestamp`] | RFC 3161 timestamps, for signing |
//! | [`network`] | proxy, certificate authorities, offline: the settings for everything that leaves the machine |
//! | [`progress`] | what a caller hears meanwhile |

pub mod admission;
mod atomic_file;
pub mod component;
pub mod digest;
pub mod download_cache;
pub mod error;
pub mod fetched;
pub mod local;
pub mod lock_file;
pub mod mirror;
pub mod name;
pub mod network;
pub mod oci;
pub mod policy;
pub mod policy_bundle;
pub mod progress;
pub mod registry;
pub mod source;
pub mod timestamp;

pub use admission::{AdmissionErrors, AdmissionProblem, AdmittedPlugin, admit};
pub use digest::Digest;
pub use error::RegistryError;
pub use fetched::FetchedPlugin;
pub use lock_file::{Approval, LockDifference, LockError, LockFile, LockedPackage, LockedPlugin};
pub use mirror::{MirrorError, MirrorForm};
pub use network::{NetworkError, NetworkSettings};
pub use oci::client::OciError;
pub use oci::reference::{OciReference, OciRepository};
pub use policy::{Policies, PolicyErrors, Refusal, SitePolicy};
pub use policy_bundle::{
    AdmittedBundle, BundleContent, BundleRefused, BundleSource, FetchedBundle, admit_bundle,
};
pub use progress::{NoProgress, Progress, ProgressEvent};
pub use registry::{
    BundleRequest, FetchRequest, LockedRelease, PoliciesError, Published, Registry, SignatureLookup,
};
pub use source::{LocalPath, PluginSource, SearchPath};
pub use timestamp::{TimestampError, request_timestamp};
