//! Compiled code on disk.
//!
//! Loading compiled code runs it: whoever can write an entry can run native code in the host. The directory
//! therefore belongs to the user alone, and every entry carries an authentication code under a key that lies
//! beside it. This does not protect from the user's own processes, which could read that key.

use std::fs::File;
use std::hash::Hasher;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The first bytes of an entry, with the version of its form.
const MAGIC: &[u8; 8] = b"kdcode01";
/// Bytes of the authentication code.
const CODE_LENGTH: usize = 32;
const KEY_NAME: &str = "key";
const KEY_LENGTH: usize = 32;

/// Says why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It could not be made, opened, read or written.
    #[error("the cache of compiled plugins {path}: {action} failed")]
    Io {
        /// The path.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else could have written to it.
    #[error(
        "the cache of compiled plugins {path} is not safe to run code from: {reason}; \
         remove it, or make it yours alone: chmod 700 {path}"
    )]
    NotPrivate {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There are no random bytes for a key.
    #[error("the system has no random bytes for the key of the plugin cache: {0}")]
    Random(String),
}

/// A directory with compiled code, opened and checked.
pub(crate) struct CodeCache {
    path: PathBuf,
    directory: OwnedFd,
    key: [u8; KEY_LENGTH],
    engine_hash: String,
}

/// Collects what the engine writes about itself.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// Returns what tells apart engines that cannot run each other's code.
fn engine_hash(engine: &Engine) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hasher);
    hex::encode(hasher.0.finalize()).chars().take(16).collect()
}

/// Says what is wrong with the owner or the mode of something, if anything is.
fn not_private(stat: &rustix::fs::Stat, kind: FileType) -> Option<String> {
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Some("it is not of the expected kind".to_owned());
    }
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        return Some(format!("it belongs to user {}, not to user {user}", stat.st_uid));
    }
    let mode = stat.st_mode & 0o7777;
    (mode & 0o077 != 0).then(|| format!("its mode is {mode:o}, open to others"))
}

impl CodeCache {
    /// Opens a directory, making it where it is missing.
    pub(crate) fn open(path: &Path, engine: &Engine) -> Result<Self, CacheError> {
        let failed = |action| {
            move |source: std::io::Error| CacheError::Io {
                path: path.to_owned(),
                action,
                source,
            }
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("making the directory"))?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let directory = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|e| failed("opening the directory")(e.into()))?;
        let stat = rustix::fs::fstat(&directory).map_err(|e| failed("looking at the directory")(e.into()))?;
        if let Some(reason) = not_private(&stat, FileType::Directory) {
            return Err(CacheError::NotPrivate {
                path: path.to_owned(),
                reason,
            });
        }
        let mut cache = Self {
            path: path.to_owned(),
            directory,
            key: [0; KEY_LENGTH],
            engine_hash: engine_hash(engine),
        };
        cache.key = match cache.read_key() {
            Some(key) => key,
            None => cache.make_key()?,
        };
        Ok(cache)
    }

    fn read_key(&self) -> Option<[u8; KEY_LENGTH]> {
        self.read_private(KEY_NAME)?.try_into().ok()
    }

    /// Makes a key. Entries under an older one are not trusted any more and are built again.
    fn make_key(&self) -> Result<[u8; KEY_LENGTH], CacheError> {
        let mut key = [0; KEY_LENGTH];
        getrandom::fill(&mut key).map_err(|e| CacheError::Random(e.to_string()))?;
        self.write(KEY_NAME, &[&key])?;
        // Another process may have put its key in place after ours: the one that lies there counts.
        Ok(self.read_key().unwrap_or(key))
    }

    /// Reads a file that belongs to the user alone; what others could have written is not there.
    fn read_private(&self, name: &str) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, name, flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        if let Some(reason) = not_private(&stat, FileType::RegularFile) {
            tracing::warn!("{}/{name} is not used: {reason}", self.path.display());
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0));
        File::from(file).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes a file so that others see all of it or nothing.
    fn write(&self, name: &str, parts: &[&[u8]]) -> Result<(), CacheError> {
        let failed = |action| {
            move |source: std::io::Error| CacheError::Io {
                path: self.path.join(name),
                action,
                source,
            }
        };
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|e| CacheError::Random(e.to_string()))?;
        let temporary = format!(".{}", hex::encode(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, &temporary, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| failed("making a file")(e.into()))?;
        let mut file = File::from(file);
        let written = parts
            .iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| file.set_permissions(std::fs::Permissions::from_mode(0o600)))
            .and_then(|()| file.sync_all())
            .map_err(failed("writing"))
            .and_then(|()| {
                rustix::fs::renameat(&self.directory, &temporary, &self.directory, name)
                    .map_err(|e| failed("renaming")(e.into()))
            });
        if written.is_err() {
            // What is left over is harmless, and the first error says more.
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        written
    }

    fn name(&self, digest: &str) -> String {
        format!("{digest}-{}", self.engine_hash)
    }

    /// Returns the authentication code of an entry. BLAKE3, because this is done at every start over twenty
    /// megabytes of code.
    fn code(&self, digest: &str, compiled: &[u8]) -> blake3::Hash {
        blake3::Hasher::new_keyed(&self.key)
            .update(MAGIC)
            .update(self.name(digest).as_bytes())
            .update(compiled)
            .finalize()
    }

    /// Returns the code of a plugin, if there is an entry that this user's host wrote.
    pub(crate) fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let entry = self.read_private(&self.name(digest))?;
        let code = self.authenticate(digest, &entry).or_else(|| {
            tracing::warn!("the compiled code of plugin {digest} was damaged or foreign: it is built again");
            None
        })?;
        match load_compiled(engine, code) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(
                    "the compiled code of plugin {digest} does not load: {error:#}; it is built again"
                );
                None
            }
        }
    }

    fn authenticate<'e>(&self, digest: &str, entry: &'e [u8]) -> Option<Authenticated<'e>> {
        let rest = entry.strip_prefix(MAGIC)?;
        let (code, compiled) = rest.split_at_checked(CODE_LENGTH)?;
        let code = blake3::Hash::from_bytes(code.try_into().ok()?);
        // Comparing hashes of this type takes the same time wherever they differ.
        if self.code(digest, compiled) != code {
            return None;
        }
        Some(Authenticated(compiled))
    }

    /// Keeps the code of a plugin; what other engines made of it goes.
    pub(crate) fn put(&self, digest: &str, compiled: &[u8]) -> Result<(), CacheError> {
        let code = self.code(digest, compiled);
        self.write(&self.name(digest), &[MAGIC, code.as_bytes(), compiled])?;
        self.remove_older(digest);
        Ok(())
    }

    fn remove_older(&self, digest: &str) {
        let keep = self.name(digest);
        let Ok(entries) = rustix::fs::Dir::read_from(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy();
            if name.starts_with(digest) && name != keep {
                // An entry that stays costs space, nothing else.
                let _ = rustix::fs::unlinkat(&self.directory, entry.file_name(), AtFlags::empty());
            }
        }
    }
}

/// Bytes whose authentication code was right: this user's host wrote them.
struct Authenticated<'e>(&'e [u8]);

#[allow(
    unsafe_code,
    reason = "loading compiled code is unsafe by nature; this is the only place where it happens"
)]
fn load_compiled(engine: &Engine, code: Authenticated<'_>) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must come from `Component::serialize` unchanged. An `Authenticated` exists only after
    // its code was verified under the key of this user, and only `put` writes such codes, over the output of
    // `Component::serialize`. The bytes are in our own memory: nobody changes them after the check.
    unsafe { Component::deserialize(engine, code.0) }
}
