//! What a caller hears while plugins are fetched, pushed and mirrored. The command line prints it.

use std::path::PathBuf;

use crate::digest::Digest;

/// Hears what is going on. It is called from whatever thread does the work and should return at once.
pub trait Progress: Send + Sync {
    /// Tells one thing.
    fn report(&self, event: ProgressEvent);
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgressEvent {
    /// A source is asked which versions it has.
    Resolving {
        /// The plugin.
        plugin: String,
        /// The source, as written.
        source: String,
    },
    /// A plugin is being transferred; told at the start, after every chunk and at the end.
    Downloading {
        /// The plugin.
        plugin: String,
        /// The bytes that are here.
        bytes: u64,
        /// The bytes there are altogether.
        total: u64,
    },
    /// The bytes were in the cache of downloads.
    FoundInCache {
        /// The plugin.
        plugin: String,
        /// Its digest.
        digest: Digest,
    },
    /// A source could not be asked for signatures, and those it listed last are used.
    SignaturesNotLookedUp {
        /// The plugin.
        plugin: String,
        /// The source, as written.
        source: String,
        /// Why it could not be asked.
        reason: String,
    },
    /// A damaged entry of the cache was thrown away.
    CacheEntryDropped {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// Bytes are sent to a registry.
    Uploading {
        /// What they are: `plugin`, `configuration`, `bundle`, `manifest`.
        what: &'static str,
        /// How many.
        bytes: u64,
    },
    /// The registry had the bytes already.
    AlreadyThere {
        /// What they are.
        what: &'static str,
    },
    /// A file of a mirror was written.
    Written {
        /// The file.
        path: PathBuf,
    },
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _: ProgressEvent) {}
}
