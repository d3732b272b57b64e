//! The example plugin in Rust, as its author would test and build it, and the server that it is for.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{cargo, command, output, run, step};
use crate::{debian, folders, plugins};

const EXAMPLE: &str = "examples/plugins/powerdns";
/// Where the example is built, below `target`: it is a workspace of its own.
const BUILDS: &str = "examples";
/// Where the server is unpacked, below `target`.
const SERVER: &str = "powerdns";
const PACKAGES: [&str; 2] = ["pdns-server", "pdns-backend-sqlite3"];

/// Checks, tests and builds the example, and puts it at `target/examples/plugins/powerdns.wasm` and its server below
/// `target/powerdns`.
///
/// # Errors
/// When a check or a test fails, or Debian's archive is out of reach.
pub fn prepare() -> Result<()> {
    step("examples: the plugin for PowerDNS");
    run(in_example("fmt").arg("--check"))?;
    run(in_example("clippy").args(["--locked", "--all-targets", "--", "-D", "warnings"]))?;
    run(in_example("test").arg("--locked"))?;
    plugins::add_target()?;
    run(in_example("build").args(["--locked", "--release", "--target", plugins::TARGET]))?;
    place()?;
    server()
}

/// Makes a call of cargo in the example's folder.
fn in_example(subcommand: &str) -> Command {
    let mut cargo = cargo();
    cargo
        .arg(subcommand)
        .current_dir(folders::root().join(EXAMPLE))
        .env("CARGO_TARGET_DIR", folders::target().join(BUILDS));
    cargo
}

fn place() -> Result<()> {
    let builds = folders::target().join(BUILDS);
    let built = builds
        .join(plugins::TARGET)
        .join("release/konductor_plugin_powerdns.wasm");
    let folder = builds.join("plugins");
    let placed = folder.join("powerdns.wasm");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    fs::copy(&built, &placed).with_context(|| format!("copying {}", built.display()))?;
    Ok(())
}

fn server() -> Result<()> {
    step("examples: PowerDNS");
    let folder = folders::target().join(SERVER);
    if let Ok(version) = version() {
        println!("    target/{SERVER} is up to date: {version}");
        return Ok(());
    }
    let version = debian::unpack(&folder, &PACKAGES)
        .and_then(|()| version())
        .with_context(|| {
            format!(
                "no PowerDNS to test with: let `apt-get` reach a Debian or Ubuntu archive with {}",
                PACKAGES.join(" and ")
            )
        })?;
    println!("    {version}");
    Ok(())
}

/// Asks the server for its version, which also shows that it runs on this machine with its libraries.
fn version() -> Result<String> {
    let folder = folders::target().join(SERVER);
    // It writes its version to standard error, and ends with status 99 after that.
    let script = r#""$0" --version 2>&1 || :"#;
    let answer = output(
        command("sh")
            .args(["-c", script])
            .arg(folder.join("usr/sbin/pdns_server"))
            .env("LD_LIBRARY_PATH", libraries()?),
    )?;
    match answer
        .lines()
        .find(|line| line.contains("PowerDNS Authoritative Server"))
    {
        Some(line) => Ok(line.trim().to_owned()),
        None => bail!("it answered {answer:?}"),
    }
}

/// Returns the folder of the libraries that came with the server.
fn libraries() -> Result<PathBuf> {
    let all = folders::target().join(SERVER).join("usr/lib");
    for entry in fs::read_dir(&all).with_context(|| format!("reading {}", all.display()))? {
        let folder = entry?.path();
        if folder.join("pdns").is_dir() {
            return Ok(folder);
        }
    }
    bail!("{} has no libraries of PowerDNS", all.display())
}
