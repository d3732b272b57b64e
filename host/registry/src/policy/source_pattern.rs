//! Which sources a policy lets plugins come from.

use std::path::{Component, Path, PathBuf};

use konductor_model::wildcard::wildcard;

use crate::source::PluginSource;

/// One allowed source, or many with `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourcePattern {
    /// The folders of the search path, also those that an operator names.
    Bundled,
    /// Repositories; `*` stands for any text, also with slashes.
    Oci(String),
    /// A mirror, or with `true` all that lie below a folder.
    Mirror(PathBuf, bool),
    /// A file or folder, or with `true` all that lies below it.
    Path(PathBuf, bool),
}

impl SourcePattern {
    /// Reads a pattern; paths are relative to `base`. The error says what is expected.
    pub(super) fn parse(text: &str, base: &Path) -> Result<Self, &'static str> {
        if text == "bundled" {
            return Ok(Self::Bundled);
        }
        if let Some(repository) = text.strip_prefix("oci://") {
            return match repository.split_once('/') {
                Some((host, path)) if !host.is_empty() && !path.is_empty() && !host.contains('*') => {
                    Ok(Self::Oci(text.to_owned()))
                }
                _ => Err("spell out the host, as in `oci://registry.example.com/konductor/*`"),
            };
        }
        if text.contains("://") {
            return Err("expected `bundled`, `oci://HOST/PATH`, `mirror:PATH` or a path");
        }
        match text.strip_prefix("mirror:") {
            Some(path) => folder(path, base).map(|(path, below)| Self::Mirror(path, below)),
            None => folder(text, base).map(|(path, below)| Self::Path(path, below)),
        }
    }

    /// Tells whether a source is one of those that are meant.
    pub(super) fn fits(&self, source: &PluginSource) -> bool {
        match (self, source) {
            (Self::Bundled, PluginSource::Bundled) => true,
            (Self::Oci(pattern), PluginSource::Oci(repository)) => wildcard(pattern, &repository.to_string()),
            (Self::Mirror(folder, below), PluginSource::Mirror(path))
            | (Self::Path(folder, below), PluginSource::Path(path)) => {
                let (folder, path) = (real(folder), real(&path.path));
                if *below {
                    path != folder && path.starts_with(folder)
                } else {
                    path == folder
                }
            }
            _ => false,
        }
    }
}

fn folder(text: &str, base: &Path) -> Result<(PathBuf, bool), &'static str> {
    let (path, below) = match text.strip_suffix("/*") {
        Some(path) => (if path.is_empty() { "/" } else { path }, true),
        None => (text, false),
    };
    if path.is_empty() || path.contains('*') {
        return Err("expected a path, with `/*` at its end for everything below it");
    }
    Ok((base.join(path), below))
}

/// Follows links and takes `..` out, so that no spelling leads around a rule. What does not exist is taken by its
/// spelling alone.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut plain = PathBuf::new();
        for component in absolute.components() {
            match component {
                Component::ParentDir => {
                    plain.pop();
                }
                Component::CurDir => {}
                other => plain.push(other),
            }
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, source: &str) -> bool {
        let base = Path::new("/etc/konductor");
        let source = PluginSource::parse("aws", source, Path::new("/project")).unwrap();
        SourcePattern::parse(pattern, base).unwrap().fits(&source)
    }

    #[test]
    fn a_source_fits_only_patterns_of_its_own_kind() {
        assert!(fits("bundled", "bundled"));
        assert!(!fits("bundled", "plugins/aws.wasm"));
        assert!(!fits("/srv/konductor", "mirror:/srv/konductor"));
        assert!(fits("mirror:/srv/konductor", "mirror:/srv/konductor"));
        assert!(fits(
            "oci://registry.example.com/konductor/*",
            "oci://registry.example.com/konductor/team/aws"
        ));
        for other in [
            "oci://registry.example.com/other/aws",
            "oci://registry.example.com.evil.example/konductor/aws",
            "oci://evil.example/registry.example.com/konductor/aws",
            "mirror:/srv/konductor",
        ] {
            assert!(!fits("oci://registry.example.com/konductor/*", other), "{other}");
        }
    }

    #[test]
    fn no_spelling_of_a_path_leads_around_a_rule() {
        assert!(fits("mirror:/srv/no-such/*", "mirror:/srv/no-such/a/../b"));
        for other in [
            "mirror:/srv/no-such/../other",
            "mirror:/srv/no-such-but-longer",
            "mirror:../srv/no-such",
        ] {
            assert!(!fits("mirror:/srv/no-such/*", other), "{other}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let pattern = format!("{}/*", inside.display());
        assert!(!fits(&pattern, &inside.join("link").display().to_string()));
    }

    #[test]
    fn a_pattern_that_leaves_the_host_open_is_refused() {
        for pattern in [
            "oci://*/x",
            "oci://regis*/x",
            "oci://host",
            "https://host/x",
            "mirror:",
            "",
            "/a*b",
        ] {
            assert!(
                SourcePattern::parse(pattern, Path::new("/")).is_err(),
                "{pattern}"
            );
        }
    }
}
