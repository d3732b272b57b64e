//! `cargo xtask fuzz`: the fuzz targets, with the stable toolchain and without `cargo-fuzz`.
//!
//! libFuzzer steers by coverage counters, which the stable compiler puts in when LLVM is asked to. Only the
//! sanitizers need a nightly one; the code fuzzed here has no `unsafe` of its own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{cargo, command, output, run, run_quietly, step};
use crate::folders;

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Run only this target.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, value_name = "N", default_value_t = 60, conflicts_with = "runs")]
    seconds: u32,
    /// How many inputs each target gets, from the committed seeds and always the same ones.
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
}

/// How long a run goes on.
#[derive(Clone, Copy)]
enum Bound {
    /// Seconds, starting from what earlier runs found.
    Seconds(u32),
    /// Inputs, from the seeds alone and with a fixed start of the random numbers, so that every machine tries the same.
    Runs(u32),
}

/// What `cargo-fuzz` passes too, for the compiler to count edges and comparisons.
const COVERAGE: [&str; 9] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-trace-divs",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
];

/// How many inputs each target gets in `cargo xtask test`.
const RUNS_IN_TESTS: u32 = 20_000;

/// Runs what was asked for.
pub fn run_arguments(arguments: &Arguments) -> Result<()> {
    let all = targets()?;
    let chosen = match &arguments.target {
        None => all,
        Some(name) => {
            ensure!(
                all.contains(name),
                "there is no fuzz target `{name}`; there are {}",
                all.join(", ")
            );
            vec![name.clone()]
        }
    };
    let bound = match arguments.runs {
        Some(runs) => Bound::Runs(runs),
        None => Bound::Seconds(arguments.seconds),
    };
    fuzz(&chosen, bound)
}

/// Gives every target a fixed number of inputs, the same on every machine.
///
/// # Errors
/// When one does not build, or an input breaks one.
pub fn run_bounded() -> Result<()> {
    fuzz(&targets()?, Bound::Runs(RUNS_IN_TESTS))
}

/// Returns the names of all targets: the files of `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>> {
    let folder = folders::root().join("fuzz/fuzz_targets");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            path.extension().is_some_and(|end| end == "rs").then_some(name)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn fuzz(names: &[String], bound: Bound) -> Result<()> {
    step("fuzz: build");
    let version = output(command("rustc").arg("-vV"))?;
    // Named, because flags for a named target leave build scripts alone.
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    let folder = folders::target().join("fuzz");
    run(cargo()
        .args(["build", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
        .args(["--target", host, "--target-dir"])
        .arg(&folder)
        .args(names.iter().flat_map(|name| ["--bin", name]))
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\x1f")))?;
    for name in names {
        step(&format!("fuzz: {name}"));
        let artifacts = made(folder.join("artifacts").join(name))?;
        let seeds = folders::root().join("fuzz/seeds").join(name);
        ensure!(
            seeds.is_dir(),
            "{} is missing: every target has seeds",
            seeds.display()
        );
        let scratch = tempfile::tempdir().context("making a folder for inputs")?;
        let mut target = command(folder.join(host).join("debug").join(name));
        target
            .args([
                "-timeout=20",
                "-rss_limit_mb=2048",
                "-max_len=65536",
                "-print_final_stats=1",
                "-verbosity=0",
            ])
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        match bound {
            Bound::Seconds(seconds) => {
                target.arg(format!("-max_total_time={seconds}"));
                target.arg(made(folder.join("corpus").join(name))?);
            }
            Bound::Runs(runs) => {
                target.args([format!("-runs={runs}"), "-seed=1".to_owned()]);
                target.arg(scratch.path());
            }
        }
        target.arg(&seeds);
        // What libFuzzer prints fills pages, and is of use only when an input was found.
        if let Err(error) = run_quietly(&mut target) {
            bail!(
                "{error:#}\nThe input is in {}. When it is mended, put it into fuzz/seeds/{name} so that it is tried for ever after",
                artifacts.display()
            );
        }
    }
    Ok(())
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}
