//! The process's environment, read once and handed down: no other part of the host reads it.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// What the environment says.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: Vec<(String, String)>,
    folders: Option<ProjectDirs>,
    executable: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn read() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let executable = std::env::current_exe().ok();
        Self {
            variables,
            folders: ProjectDirs::from("", "", "konductor"),
            executable,
        }
    }

    /// Returns a variable; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Returns the variables that carry configuration or name the organisation's file.
    pub fn configuration(&self) -> Vec<(String, String)> {
        self.variables
            .iter()
            .filter(|(name, _)| name.starts_with("KONDUCTOR_") || name == "ORG_CONFIG")
            .cloned()
            .collect()
    }

    /// Returns the words of the command line, the program first.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn line() -> impl Iterator<Item = std::ffi::OsString> {
        std::env::args_os()
    }

    /// Returns the running binary.
    pub fn executable(&self) -> Option<&Path> {
        self.executable.as_deref()
    }

    /// Returns the user's own folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// Tells whether this runs where nobody can be asked and nothing should change by itself.
    pub fn is_pipeline(&self) -> bool {
        !matches!(self.variable("CI"), None | Some("false" | "0"))
    }

    /// Returns the folder for compiled plugins.
    pub fn cache_folder(&self) -> PathBuf {
        match (self.variable("KONDUCTOR_CACHE"), &self.folders) {
            (Some(folder), _) => PathBuf::from(folder),
            (None, Some(folders)) => folders.cache_dir().to_owned(),
            (None, None) => std::env::temp_dir().join("konductor-cache"),
        }
    }

    /// Returns the file with the keys that open secrets.
    pub fn identity_file(&self) -> PathBuf {
        match (self.variable("KONDUCTOR_IDENTITY_FILE"), &self.folders) {
            (Some(file), _) => PathBuf::from(file),
            (None, Some(folders)) => folders.config_dir().join("identity.txt"),
            (None, None) => PathBuf::from("konductor-identity.txt"),
        }
    }

    /// Returns the folders to look for plugins in that the operator names, separated as in `PATH`.
    pub fn plugin_folders(&self) -> Vec<PathBuf> {
        self.variable("KONDUCTOR_PLUGIN_PATH")
            .map(|text| std::env::split_paths(text).collect())
            .unwrap_or_default()
    }

    /// Returns who runs this: user and host, for the log and the lock.
    pub fn actor(&self) -> String {
        let user = self
            .variable("USER")
            .or_else(|| self.variable("LOGNAME"))
            .unwrap_or("unknown");
        let host = self
            .variable("HOSTNAME")
            .map(str::to_owned)
            .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
            .unwrap_or_else(|| "unknown".to_owned());
        format!("{user}@{}", host.trim())
    }
}
