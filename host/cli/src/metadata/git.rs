//! What git says of the folder that is deployed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the commit, its author, the branch, whether there are changes that no commit has, and the remote without
/// credentials; nothing where there is no git, or no commit.
///
/// No hook and no file monitor of the repository is run.
pub fn facts(folder: &Path) -> BTreeMap<&'static str, String> {
    let status = ask(
        folder,
        &["status", "--porcelain=v2", "--branch", "--ignore-submodules=all"],
    );
    let mut found = status.as_deref().map(of_status).unwrap_or_default();
    if found.is_empty() {
        return found;
    }
    if let Some(author) = ask(folder, &["show", "--no-patch", "--format=%an <%ae>", "HEAD"]) {
        found.insert("git_author", author);
    }
    if let Some(remote) = ask(folder, &["remote", "get-url", "origin"]) {
        found.insert("git_remote", without_credentials(&remote));
    }
    found
}

/// Reads the status in its second form; nothing where there is no commit yet.
fn of_status(status: &str) -> BTreeMap<&'static str, String> {
    let head = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("# branch.")?.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    };
    let Some(commit) = head("oid ").filter(|commit| !commit.starts_with('(')) else {
        return BTreeMap::new();
    };
    let dirty = status.lines().any(|line| !line.starts_with('#'));
    let mut found = BTreeMap::from([("git_commit", commit), ("git_dirty", dirty.to_string())]);
    // A detached HEAD has no branch.
    if let Some(branch) = head("head ").filter(|branch| !branch.starts_with('(')) {
        found.insert("git_branch", branch);
    }
    found
}

fn ask(folder: &Path, arguments: &[&str]) -> Option<String> {
    let answer = Command::new("git")
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false"])
        .args(["-c", "core.hooksPath=/dev/null", "-C"])
        .arg::<&OsStr>(folder.as_ref())
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|answer| answer.status.success())?;
    let text = String::from_utf8(answer.stdout).ok()?;
    Some(text.trim().to_owned())
}

/// Returns a remote without the user and the password that its address may hold.
fn without_credentials(remote: &str) -> String {
    if let Ok(mut url) = url::Url::parse(remote) {
        // An address without a host has neither.
        if url.set_username("").is_ok() {
            let _ = url.set_password(None);
        }
        url.set_query(None);
        return url.to_string();
    }
    // `git@github.com:shop/infrastructure.git`
    match remote.split_once('@') {
        Some((_, place)) => place.to_owned(),
        None => remote.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_told_without_credentials() {
        for (remote, told) in [
            (
                "https://robot:planted@git.example.com/shop.git?token=planted",
                "https://git.example.com/shop.git",
            ),
            (
                "git@github.com:shop/infrastructure.git",
                "github.com:shop/infrastructure.git",
            ),
            ("ssh://git@example.com:2222/shop", "ssh://example.com:2222/shop"),
            ("/srv/git/shop", "/srv/git/shop"),
        ] {
            assert_eq!(without_credentials(remote), told);
        }
    }

    #[test]
    fn a_status_says_commit_branch_and_whether_something_changed() {
        let clean = of_status("# branch.oid 1a2b\n# branch.head main\n# branch.ab +0 -0\n");
        assert_eq!(
            (clean["git_commit"].as_str(), clean["git_branch"].as_str()),
            ("1a2b", "main")
        );
        assert_eq!(clean["git_dirty"], "false");
        let dirty = of_status("# branch.oid 1a2b\n# branch.head (detached)\n? konductor.dev.yaml\n");
        assert_eq!(dirty["git_dirty"], "true");
        assert!(!dirty.contains_key("git_branch"));
        assert!(of_status("# branch.oid (initial)\n# branch.head main\n").is_empty());
    }

    #[test]
    fn where_there_is_no_repository_there_is_nothing_to_tell() {
        let folder = tempfile::tempdir().unwrap();
        assert!(facts(&folder.path().join("nothing")).is_empty());
    }
}
