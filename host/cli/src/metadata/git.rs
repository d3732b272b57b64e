//! What git says of the folder that is deployed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the commit, its author, the branch, whether there are changes that no commit has, and the remote without
/// credentials; nothing where there is no git, or no repository.
///
/// Settings of the repository that name programs are not followed.
pub fn facts(folder: &Path) -> BTreeMap<&'static str, String> {
    let ask = |arguments: &[&str]| ask(folder, arguments);
    let mut found = BTreeMap::new();
    let Some(commit) = ask(&["rev-parse", "--verify", "HEAD"]) else {
        return found;
    };
    found.insert("git_commit", commit);
    if let Some(author) = ask(&["show", "--no-patch", "--format=%an <%ae>", "HEAD"]) {
        found.insert("git_author", author);
    }
    // A detached HEAD has none.
    if let Some(branch) = ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]) {
        found.insert("git_branch", branch);
    }
    if let Some(changes) = ask(&["status", "--porcelain", "--ignore-submodules=all"]) {
        found.insert("git_dirty", (!changes.is_empty()).to_string());
    }
    let remote = ask(&["remote", "get-url", "origin"]);
    if let Some(remote) = remote.map(|remote| without_credentials(&remote)) {
        found.insert("git_remote", remote);
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
    fn where_there_is_no_repository_there_is_nothing_to_tell() {
        let folder = tempfile::tempdir().unwrap();
        assert!(facts(&folder.path().join("nothing")).is_empty());
    }
}
