//! Building the guests once, in a folder and profile of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{cargo, command, output, run, step};
use crate::folders;
use crate::remapping::Remapping;

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// Guests that belong to the product: the host finds them next to its binary.
pub const PRODUCT: [&str; 6] = ["aws", "azure", "gcp", "konductor", "compliance", "policy"];

/// Guests that are a workspace of their own, with dependencies that would change how the host is built.
pub const APART: [&str; 1] = ["policy"];

/// Guests that only tests and benchmarks load. `encoding` is there when its measurement is.
const FOR_TESTS: [&str; 5] = ["reference", "hostile", "mutants", "checks", "encoding"];

/// What `cargo xtask plugins` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Build only these, for example `reference`.
    names: Vec<String>,
}

/// Builds all guests, or those named.
pub fn build(names: &[String]) -> Result<()> {
    step("guests: build for the sandbox");
    add_target()?;
    let wanted: Vec<&str> = all()
        .into_iter()
        .filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name))
        .collect();
    for name in names {
        anyhow::ensure!(
            wanted.contains(&name.as_str()),
            "there is no guest `{name}`; there are {}",
            all().join(", ")
        );
    }
    let together = packages(&wanted);
    if !together.is_empty() {
        run(guest_cargo("build")?.args(together))?;
    }
    for name in wanted.iter().filter(|name| APART.contains(name)) {
        run(guest_cargo("build")?.arg("--locked").args(apart(name)))?;
    }
    for name in wanted {
        place(name)?;
    }
    Ok(())
}

/// Does what `cargo xtask plugins` is for.
pub fn run_arguments(arguments: &Arguments) -> Result<()> {
    build(&arguments.names)
}

/// Returns the guests this checkout has.
pub fn all() -> Vec<&'static str> {
    let optional = |name: &&str| {
        *name != "encoding"
            || folders::root()
                .join("tests/plugins")
                .join(name)
                .join("Cargo.toml")
                .is_file()
    };
    PRODUCT
        .into_iter()
        .chain(FOR_TESTS.into_iter().filter(optional))
        .collect()
}

/// Returns the arguments that name a guest to cargo that is a workspace of its own.
pub fn apart(name: &str) -> [String; 2] {
    ["--manifest-path".to_owned(), format!("plugins/{name}/Cargo.toml")]
}

/// Returns the `-p` arguments that name guests to cargo, but for those that are a workspace of their own.
pub fn packages(names: &[&str]) -> Vec<String> {
    names
        .iter()
        .filter(|name| !APART.contains(name))
        .flat_map(|name| ["-p".to_owned(), format!("konductor-plugin-{name}")])
        .collect()
}

/// Makes a call of cargo for guests. All share flags and a folder, so that their dependencies are built once, and no
/// folder of this machine is in what they make.
///
/// # Errors
/// When cargo or the compiler does not say where its files are.
pub fn guest_cargo(subcommand: &str) -> Result<Command> {
    let mut cargo = cargo();
    cargo
        .args([
            subcommand,
            "--profile",
            "plugin",
            "--target",
            TARGET,
            "--target-dir",
            "target/plugins",
        ])
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            Remapping::of(folders::root())?.rust_flags(),
        );
    Ok(cargo)
}

/// Adds the guests' target to the toolchain if it is not there.
///
/// # Errors
/// When it is not there and rustup is not either, or has no network.
pub fn add_target() -> Result<()> {
    let libraries = output(command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir()) {
        return Ok(());
    }
    run(command("rustup").args(["target", "add", TARGET])).with_context(|| {
        format!(
            "the toolchain lacks the target {TARGET}; add it, for example with `rustup target add {TARGET}`"
        )
    })
}

/// Puts a built guest where tests and the host look for it.
fn place(name: &str) -> Result<()> {
    let built = folders::target()
        .join("plugins")
        .join(TARGET)
        .join("plugin")
        .join(format!("konductor_plugin_{name}.wasm"));
    let bytes = fs::read(&built)
        .with_context(|| format!("{} was not built; is the crate a `cdylib`?", built.display()))?;
    let mut folders = vec![folders::target().join("plugins")];
    if PRODUCT.contains(&name) {
        folders.extend(["debug", "release"].map(|profile| folders::target().join(profile).join("plugins")));
    }
    for folder in folders {
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let place = folder.join(format!("{name}.wasm"));
        if fs::read(&place).is_ok_and(|old| old == bytes) {
            continue;
        }
        // Under another name first: a host that runs meanwhile must never see half a file.
        let half = folder.join(format!(".{name}.wasm.{}", std::process::id()));
        fs::write(&half, &bytes)
            .and_then(|()| fs::rename(&half, &place))
            .with_context(|| format!("writing {}", place.display()))?;
    }
    println!("    target/plugins/{name}.wasm  {} KiB", bytes.len() / 1024);
    Ok(())
}
