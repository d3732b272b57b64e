//! The sandbox: one engine, its limits, and how plugins get into it.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::cache::{CacheError, CodeCache};
use crate::engine::{self, EngineError};
use crate::interface;
use crate::limits::Limits;
use crate::outline::Outline;
use crate::plugin::{ManifestError, Plugin};
use crate::store::CallState;
use crate::{v0_1, wasi};

/// How a sandbox is set up.
#[derive(Debug, Clone, Default)]
pub struct SandboxOptions {
    /// What holds for every call.
    pub limits: Limits,
    /// Where compiled code is kept; without it every load compiles. It is made with mode 0700 where it is
    /// missing, and refused where others could write to it.
    pub cache_directory: Option<PathBuf>,
}

/// Says why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine did not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The host's own functions do not fit its interface: a defect of this build.
    #[error("the host functions do not link: {0:#}")]
    Link(wasmtime::Error),
}

/// How one plugin is loaded.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Where the bytes come from, as people know it, for messages: `aws@1.2.0`, a file name.
    pub origin: String,
    /// The SHA-256 that the bytes must have, in hexadecimal, such as a lock file names it.
    pub expected_digest: Option<String>,
    /// Ignores the manifest that was packed into the component, because it is about to be replaced.
    pub repacking: bool,
}

impl LoadOptions {
    /// Names where the bytes come from.
    pub fn from_origin(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            ..Self::default()
        }
    }

    /// Names the SHA-256 that the bytes must have, in hexadecimal.
    #[must_use]
    pub fn expecting(mut self, digest: impl Into<String>) -> Self {
        self.expected_digest = Some(digest.into());
        self
    }
}

/// Says why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are something else.
    #[error("plugin {origin} is not a WebAssembly component: {reason}")]
    NotAComponent {
        /// The plugin.
        origin: String,
        /// What they are, and what to do.
        reason: String,
    },
    /// They are not the bytes that were asked for.
    #[error(
        "plugin {origin} is not the one that was approved: its bytes have sha256:{found}, expected sha256:{expected}; \
         fetch it again, or approve the new one with `konductor plugin lock`"
    )]
    Digest {
        /// The plugin.
        origin: String,
        /// What was approved.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The component speaks of other interfaces than this host.
    #[error("plugin {origin} does not fit this host: {}", problems.join("; "))]
    Interface {
        /// The plugin.
        origin: String,
        /// Everything that does not fit.
        problems: Vec<String>,
    },
    /// It could not be compiled.
    #[error("plugin {origin} could not be compiled: {source:#}")]
    Compile {
        /// The plugin.
        origin: String,
        /// What the compiler said.
        source: wasmtime::Error,
    },
    /// The thread that compiles was stopped.
    #[error("plugin {origin} was not compiled because the host is stopping")]
    Stopped {
        /// The plugin.
        origin: String,
    },
    /// It failed to describe itself.
    #[error("plugin {origin} could not be asked what it is: {source}")]
    Describe {
        /// The plugin.
        origin: String,
        /// Why.
        source: konductor_model::Failure,
    },
    /// What it says of itself cannot be true.
    #[error("plugin {origin} describes itself wrongly: {source}")]
    Manifest {
        /// The plugin.
        origin: String,
        /// Everything that is wrong.
        source: ManifestError,
    },
    /// It describes itself otherwise than its packed manifest, by which it was approved.
    #[error(
        "plugin {origin} is not what its packed manifest says: {}; pack it again with `konductor plugin pack`",
        differences.join("; ")
    )]
    Packed {
        /// The plugin.
        origin: String,
        /// Each member that differs, with both values.
        differences: Vec<String>,
    },
}

/// Runs plugins under one set of limits. Clones share everything.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Shared>);

/// What all plugins of a sandbox share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) limits: Arc<Limits>,
    /// One permit for each instance that may live at once.
    pub(crate) permits: Semaphore,
    linker: Linker<CallState>,
    cache: Option<CodeCache>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts the engine and opens the cache.
    ///
    /// # Errors
    /// When the limits ask for more than the system gives, or the cache directory is not the user's alone.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        let engine = engine::start(&options.limits)?;
        let mut linker = Linker::new(&engine);
        wasi::add_to_linker(&mut linker)
            .and_then(|()| v0_1::add_to_linker(&mut linker))
            .map_err(SandboxError::Link)?;
        let cache = options
            .cache_directory
            .map(|path| CodeCache::open(&path, &engine))
            .transpose()?;
        Ok(Self(Arc::new(Shared {
            permits: Semaphore::new(options.limits.instances as usize),
            limits: Arc::new(options.limits),
            engine,
            linker,
            cache,
        })))
    }

    /// Returns the limits that hold.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Loads a plugin: compiles it unless its code is cached, checks that it fits this host, and asks it what
    /// it is. Nothing is compiled before digest and interfaces are checked, and nothing runs before its types are.
    ///
    /// Needs a tokio runtime with timers.
    ///
    /// # Errors
    /// When the bytes are not the ones expected or no plugin for this host, or the plugin fails, lies when it
    /// describes itself, or says something else than its packed manifest.
    pub async fn load(&self, bytes: &[u8], options: LoadOptions) -> Result<Plugin, LoadError> {
        // A copy of our own: what is hashed is what is compiled, whoever else can change the bytes.
        let bytes: Arc<[u8]> = bytes.into();
        let digest = hex::encode(Sha256::digest(&bytes));
        let origin = if options.origin.is_empty() {
            format!("sha256:{digest}")
        } else {
            options.origin
        };
        if let Some(expected) = options.expected_digest
            && !expected.eq_ignore_ascii_case(&digest)
        {
            return Err(LoadError::Digest {
                origin,
                expected,
                found: digest,
            });
        }
        let not_a_component = |reason| LoadError::NotAComponent {
            origin: origin.clone(),
            reason,
        };
        refuse_other_files(&bytes).map_err(not_a_component)?;
        let outline = Outline::read(&bytes).map_err(not_a_component)?;
        let misfit = |problems| LoadError::Interface {
            origin: origin.clone(),
            problems,
        };
        let parts = interface::check(&outline.imports, &outline.exports).map_err(misfit)?;
        let component = self.component(&bytes, &digest, &origin).await?;
        // The names fit; what can still differ is the form of a function or a type.
        let other_form = |error: wasmtime::Error| {
            misfit(vec![format!(
                "it was built against another form of interface version {} than this host has: {error:#}; \
                 use a release of the plugin built against this host's version, or another konductor",
                parts.version
            )])
        };
        let engine = &self.0.engine;
        let mut linker = self.0.linker.clone();
        wasi::add_refusals(&mut linker, engine, &component).map_err(other_form)?;
        let pre = linker.instantiate_pre(&component).map_err(other_form)?;
        let exports = v0_1::Exports::new(&pre, &parts).map_err(other_form)?;
        let packed = outline.manifest.filter(|_| !options.repacking);
        Plugin::describe(self.clone(), pre, exports, parts, digest, origin, packed).await
    }

    async fn component(&self, bytes: &Arc<[u8]>, digest: &str, origin: &str) -> Result<Component, LoadError> {
        let stopped = || LoadError::Stopped {
            origin: origin.to_owned(),
        };
        if self.0.cache.is_some() {
            let (shared, digest) = (Arc::clone(&self.0), digest.to_owned());
            let look = move || shared.cache.as_ref()?.get(&shared.engine, &digest);
            let cached = tokio::task::spawn_blocking(look).await.map_err(|_| stopped())?;
            if let Some(component) = cached {
                return Ok(component);
            }
        }
        let shared = Arc::clone(&self.0);
        let (bytes, digest) = (Arc::clone(bytes), digest.to_owned());
        let compile = move || {
            let component = Component::new(&shared.engine, &bytes)?;
            if let Some(cache) = &shared.cache {
                let compiled = component.serialize()?;
                // A plugin that is compiled again next time is slow, not wrong.
                if let Err(error) = cache.put(&digest, &compiled) {
                    tracing::warn!("{error}; the plugin will be compiled again next time");
                }
            }
            Ok(component)
        };
        tokio::task::spawn_blocking(compile)
            .await
            .map_err(|_| stopped())?
            .map_err(|source| LoadError::Compile {
                origin: origin.to_owned(),
                source,
            })
    }
}

/// The first eight bytes of a component: the magic number, version 13, layer 1.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// The first eight bytes of a core module.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn refuse_other_files(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(COMPONENT) {
        return Ok(());
    }
    Err(if bytes.starts_with(MODULE) {
        "it is a core module; build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`"
            .to_owned()
    } else if bytes.starts_with(b"\0asm") {
        "it is in another version of the binary format".to_owned()
    } else {
        format!("it has {} bytes and does not start like WebAssembly", bytes.len())
    })
}
