//! The binary with its plugins as they lie in an unpacked release archive.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::project::reader;
use crate::{Finished, binary, checkout};

/// The plugins that are shipped.
pub const SHIPPED: [&str; 6] = ["aws", "azure", "gcp", "konductor", "compliance", "policy"];

/// A release, unpacked into a folder of its own, and an environment that names nothing.
pub struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    /// Lays the built binary and the shipped plugins out as the release archive does.
    ///
    /// # Panics
    /// When one of them is not built.
    pub fn unpacked() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (binaries, plugins) = (
            folder.path().join("bin"),
            folder.path().join("share/konductor/plugins"),
        );
        fs::create_dir_all(&binaries).unwrap();
        fs::create_dir_all(&plugins).unwrap();
        fs::create_dir_all(folder.path().join("home")).unwrap();
        let installed = binaries.join("konductor");
        // A link, where the file system allows it: a debug binary is large.
        fs::hard_link(binary::konductor(), &installed)
            .or_else(|_| fs::copy(binary::konductor(), &installed).map(drop))
            .unwrap();
        for name in SHIPPED {
            fs::copy(checkout::guest(name), plugins.join(format!("{name}.wasm"))).unwrap();
        }
        Self { folder }
    }

    /// Returns the folder it was unpacked into.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Runs the installed binary in a folder below it, with nothing in the environment but a home and a cache.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<const N: usize>(&self, folder: &str, arguments: [&str; N]) -> Finished {
        let mut command = Command::new(self.folder.path().join("bin/konductor"));
        command
            .args(arguments)
            .current_dir(self.folder.path().join(folder))
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            // Compiled plugins are shared between tests: they are found by digest.
            .env("XDG_CACHE_HOME", checkout::root().join("target/test-cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let line = crate::project::written_out(&command);
        let mut child = command.spawn().expect("the binary can be started");
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = reader(child.stderr.take().unwrap());
        let status = child.wait().unwrap();
        Finished {
            line,
            code: status.code(),
            signal: None,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    }
}
