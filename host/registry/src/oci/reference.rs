//! Names of repositories in OCI registries: `oci://registry.example:5000/team/aws`.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::digest::Digest;

/// How long a repository's path may be, by the distribution specification together with the host.
const LIMIT: usize = 255;

/// A repository in a registry. Which version of it is meant is said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OciRepository {
    /// The host and, where it is not the usual one, the port.
    authority: String,
    /// The path, without a slash at its start.
    path: String,
}

/// Says why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a repository: {reason}", text.escape_debug())]
pub struct ReferenceError {
    /// The text.
    pub text: String,
    /// What is wrong, and what was expected.
    pub reason: &'static str,
}

impl OciRepository {
    /// Returns the registry as credential files name it: `registry.example` or `registry.example:5000`.
    pub fn registry(&self) -> &str {
        &self.authority
    }

    /// Returns the repository's path in the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns an address of the distribution interface: `https://HOST/v2/PATH/` and `rest`.
    pub(crate) fn endpoint(&self, plain_http: bool, rest: &str) -> Result<Url, ReferenceError> {
        let scheme = if plain_http { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{rest}", self.authority, self.path)
            .parse()
            .map_err(|_| ReferenceError {
                text: self.to_string(),
                reason: "it makes no address",
            })
    }
}

/// A tag or a digest in a repository: `oci://registry.example/policies:1.2.0`, or `…@sha256:…`, or both, where the digest
/// counts and the tag is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference {
    /// The repository.
    pub repository: OciRepository,
    /// The tag; there is one where there is no digest.
    pub tag: Option<String>,
    /// The digest of the manifest.
    pub digest: Option<Digest>,
}

impl FromStr for OciReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ReferenceError {
            text: text.chars().take(LIMIT + 16).collect(),
            reason,
        };
        if !text.starts_with("oci://") {
            return Err(error(
                "expected `oci://HOST/PATH:TAG` or `oci://HOST/PATH@sha256:…`",
            ));
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => {
                let digest = digest.parse();
                let digest =
                    digest.map_err(|_| error("behind `@` a digest is expected: `sha256:` and 64 digits"))?;
                (named, Some(digest))
            }
            None => (text, None),
        };
        // The port stands before the first slash of the path, the tag behind the last.
        let path = named.rfind('/').unwrap_or_default();
        let (repository, tag) = match named.get(path..).and_then(|last| last.rfind(':')) {
            Some(colon) if path > "oci://".len() => {
                let (repository, tag) = named.split_at(path + colon);
                (repository, Some(tag.get(1..).unwrap_or_default().to_owned()))
            }
            _ => (named, None),
        };
        let has_colon = |path: (&str, &str)| path.1.contains(':');
        if repository
            .strip_prefix("oci://")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(has_colon)
        {
            return Err(error(
                "a tag stands behind the last part of the path, and there is one",
            ));
        }
        if !tag.as_deref().is_none_or(is_tag) {
            return Err(error(
                "a tag has letters, digits, `_`, `.` and `-`, at most 128, and does not begin with `.` or `-`",
            ));
        }
        if tag.is_none() && digest.is_none() {
            return Err(error(
                "which of its releases is meant? Expected `oci://HOST/PATH:TAG` or `oci://HOST/PATH@sha256:…`",
            ));
        }
        Ok(Self {
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Tells whether a text is a tag, by the distribution specification.
fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

impl FromStr for OciRepository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ReferenceError {
            text: text.chars().take(LIMIT + 16).collect(),
            reason,
        };
        let rest = text
            .strip_prefix("oci://")
            .ok_or_else(|| error("expected `oci://HOST/PATH`"))?;
        let (authority, path) = rest
            .split_once('/')
            .ok_or_else(|| error("the path is missing; expected `oci://HOST/PATH`"))?;
        if text.len() > LIMIT {
            return Err(error("it is longer than 255 characters"));
        }
        if path.contains('@') {
            return Err(error("write no digest; the lock file keeps it"));
        }
        if path.contains(':') {
            return Err(error(
                "write no tag; the version goes under `version` in konductor.yaml",
            ));
        }
        if authority.contains('@') {
            return Err(error(
                "write no user or password; they come from the Docker credential file",
            ));
        }
        if !path.split('/').all(is_component) {
            return Err(error(
                "a path has parts of lower-case letters and digits with single `.`, `_`, `__` or `-` between them",
            ));
        }
        // What the URL parser would change is not taken: the host that is shown is the host that is asked.
        let url: Url = format!("https://{authority}/")
            .parse()
            .map_err(|_| error("its host or port is not one"))?;
        let host = url.host_str().unwrap_or_default();
        let same = match url.port() {
            Some(port) => authority == format!("{host}:{port}"),
            None => authority == host,
        };
        if !same || host.is_empty() {
            return Err(error(
                "its host is not a plain host name in lower case or an address, with a port if need be",
            ));
        }
        Ok(Self {
            authority: authority.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// Tells whether a text is one part of a repository's path, by the distribution specification.
fn is_component(part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators: Vec<&str> = part
        .split(is_word)
        .filter(|between| !between.is_empty())
        .collect();
    part.starts_with(is_word)
        && part.ends_with(is_word)
        && separators
            .iter()
            .all(|between| matches!(*between, "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

impl fmt::Display for OciRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repositories_are_taken_as_they_are_written() {
        for text in [
            "oci://registry.example/aws",
            "oci://registry.example:5000/team/konductor/aws-components",
            "oci://127.0.0.1:5000/a",
            "oci://[::1]:5000/a/b",
            "oci://localhost/a__b/c.d_e--f",
        ] {
            assert_eq!(text.parse::<OciRepository>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_beside_host_and_path_is_refused_and_the_message_says_where_it_belongs() {
        for (text, part) in [
            ("registry.example/aws", "expected `oci://HOST/PATH`"),
            ("oci://registry.example", "path is missing"),
            ("oci://registry.example/", "parts of lower-case"),
            ("oci://registry.example/aws:1.2.3", "`version`"),
            ("oci://registry.example/aws@sha256:00", "lock file"),
            ("oci://me:pw@registry.example/aws", "credential file"),
            ("oci://registry.example/AWS", "lower-case"),
            ("oci://registry.example/../aws", "lower-case"),
            ("oci://registry.example/a//b", "lower-case"),
            ("oci://registry.example/a/./b", "lower-case"),
            ("oci://registry.example/a?b", "lower-case"),
            ("oci://registry.example/a#b", "lower-case"),
            ("oci://registry.example/a%2e%2e", "lower-case"),
            ("oci://REGISTRY.example/a", "plain host name"),
            ("oci://0x7f.1/a", "plain host name"),
            ("oci://2130706433/a", "plain host name"),
            ("oci://registry.example:443/a", "plain host name"),
            ("oci://registry.example:99999/a", "host or port"),
            ("oci://registry.example\\evil/a", "host"),
            ("oci:///a", "host"),
        ] {
            let error = text.parse::<OciRepository>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_reference_names_a_tag_a_digest_or_both() {
        let digest = Digest::of(b"x");
        for (text, tag, has_digest) in [
            (
                "oci://127.0.0.1:5000/policies:1.2.0".to_owned(),
                Some("1.2.0"),
                false,
            ),
            (
                "oci://registry.example/a/b:v1_x-y".to_owned(),
                Some("v1_x-y"),
                false,
            ),
            (format!("oci://[::1]:5000/policies@{digest}"), None, true),
            (
                format!("oci://registry.example:5000/policies:1@{digest}"),
                Some("1"),
                true,
            ),
        ] {
            let read: OciReference = text.parse().unwrap();
            assert_eq!(
                (read.tag.as_deref(), read.digest.is_some()),
                (tag, has_digest),
                "{text}"
            );
            assert_eq!(read.to_string(), text);
        }
        for (text, part) in [
            ("oci://registry.example/a", "which of its releases"),
            ("oci://registry.example:5000/a", "which of its releases"),
            ("oci://registry.example/a:", "a tag has"),
            ("oci://registry.example/a:.x", "a tag has"),
            ("oci://registry.example/a:x/b", "behind the last part"),
            ("oci://registry.example/a:x/b:1", "behind the last part"),
            ("oci://registry.example/a@sha256:00", "a digest is expected"),
            ("oci://registry.example:5000", "which of its releases"),
            ("registry.example/a:1", "expected `oci://HOST/PATH:TAG`"),
        ] {
            let error = text.parse::<OciReference>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_leads_to_its_own_host(authority in "[a-z0-9.:@\\[\\]%/-]{1,24}", path in "[a-z0-9._/-]{1,24}") {
            if let Ok(repository) = format!("oci://{authority}/{path}").parse::<OciRepository>() {
                let url = repository.endpoint(false, "tags/list").unwrap();
                let shown = format!("https://{}/v2/{}/tags/list", repository.registry(), repository.path());
                prop_assert_eq!(url.as_str(), shown);
                prop_assert!(url.username().is_empty() && url.query().is_none());
            }
        }
    }
}
