//! `cargo xtask demo`: the main job on a fresh machine, without an account.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::{cargo, command, run, step};
use crate::{folders, plugins};

/// Builds host and guests and runs the quickstart twice.
///
/// # Errors
/// When something does not build, or one of the runs fails, or the second run would change something.
pub fn run_demo() -> Result<()> {
    println!("This builds Konductor and its plugins, then deploys examples/quickstart to a simulated cloud.");
    println!("The first build takes about ten minutes on two cores; later ones take seconds.");
    plugins::build(&["aws", "azure", "gcp", "compliance"].map(str::to_owned))?;
    step("host: build");
    run(cargo().args(["build", "-p", "konductor"]))?;

    let folder = tempfile::Builder::new()
        .prefix("konductor-demo-")
        .tempdir()
        .context("making a folder for the demonstration")?;
    copy(&folders::root().join("examples/quickstart"), folder.path())?;
    let konductor = folders::konductor("debug");
    // Where `CI` is set only locked plugins run; this copy of the example has no lock file.
    let konductor_in = |folder: &Path, arguments: &[&str]| {
        let mut call = command(&konductor);
        call.current_dir(folder).env_remove("CI").args(arguments);
        call
    };

    step("The configuration: examples/quickstart/konductor.dev.yaml");
    for line in fs::read_to_string(folder.path().join("konductor.dev.yaml"))?.lines() {
        println!("    {line}");
    }
    step("First run: the real plugins, the real plan and order; only the cloud is simulated");
    run(&mut konductor_in(folder.path(), &["run", "--simulate", "--yes"]))?;
    step("Second run: everything is there already, so nothing changes");
    run(&mut konductor_in(
        folder.path(),
        &["plan", "--simulate", "--detailed-exitcode"],
    ))
    .context("the second run wants to change something")?;
    run(&mut konductor_in(folder.path(), &["run", "--simulate", "--yes"]))?;
    step("Its log: every entry's hash, and the state the entries add up to");
    run(&mut konductor_in(folder.path(), &["log", "verify", "--simulate"]))?;
    println!(
        "\nThat was all of it. Next: README.md, or `{} --help`.",
        relative(&konductor)
    );
    Ok(())
}

fn relative(path: &Path) -> String {
    path.strip_prefix(folders::root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Copies the files of an example, without state that an earlier run left there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != ".konductor" {
                copy(&entry.path(), &target)?;
            }
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}
