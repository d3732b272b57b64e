//! Programs of Debian's packages, unpacked below `target` and not installed, so that it needs no root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{command, output, run};

/// Downloads packages, which apt checks against the archive's signature, with those they need and this machine has
/// not, and unpacks them all into a folder, which is emptied before.
///
/// # Errors
/// When there is no apt, or the archive is out of reach.
pub fn unpack(folder: &Path, packages: &[&str]) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing the old {}", folder.display()))?;
    }
    fs::create_dir_all(folder.join("lists/partial"))
        .and_then(|()| fs::create_dir_all(folder.join("cache/archives/partial")))
        .with_context(|| format!("making {}", folder.display()))?;
    if download(folder, packages, &[]).is_err() {
        println!("    the system's package lists do not help; fetching lists of our own");
        let own = [
            format!("Dir::State::lists={}", folder.join("lists").display()),
            format!("Dir::Cache={}", folder.join("cache").display()),
        ];
        run(apt_get(&own).args(["--quiet", "update"]))?;
        download(folder, packages, &own)?;
    }
    for package in downloaded(folder)? {
        run(command("dpkg").arg("--extract").arg(&package).arg(folder))?;
        fs::remove_file(&package).with_context(|| format!("removing {}", package.display()))?;
    }
    for done in [folder.join("lists"), folder.join("cache")] {
        fs::remove_dir_all(&done).with_context(|| format!("removing {}", done.display()))?;
    }
    Ok(())
}

fn apt_get(options: &[String]) -> Command {
    let mut apt = command("apt-get");
    // The folder of the checkout need not be open to apt's own user.
    apt.args(["-o", "APT::Sandbox::User="]);
    for option in options {
        apt.args(["-o", option]);
    }
    apt
}

fn download(folder: &Path, packages: &[&str], options: &[String]) -> Result<()> {
    let would_install = output(
        apt_get(options)
            .args(["--simulate", "--no-install-recommends", "install"])
            .args(packages),
    )?;
    // `Inst NAME (VERSION …)`, or `Inst NAME [INSTALLED] (VERSION …)` of what would only be upgraded.
    let missing = would_install.lines().filter_map(|line| {
        let (name, more) = line.strip_prefix("Inst ")?.split_once(' ')?;
        (more.starts_with('(') && !packages.contains(&name)).then_some(name)
    });
    run(apt_get(options)
        .args(["--quiet", "download"])
        .args(packages)
        .args(missing)
        .current_dir(folder))
}

fn downloaded(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            found.push(file);
        }
    }
    anyhow::ensure!(
        !found.is_empty(),
        "apt-get downloaded no package into {}",
        folder.display()
    );
    Ok(found)
}
