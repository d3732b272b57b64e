//! The figures of the criterion benchmarks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{cargo, run};
use crate::folders;

/// What one benchmark found.
pub struct Operation {
    /// Its name.
    pub name: String,
    /// The mean, in nanoseconds.
    pub mean: f64,
    /// The bounds of the mean at 95 % confidence, in nanoseconds.
    pub bounds: (f64, f64),
}

/// Runs the benchmarks of the sandbox, with a small plugin and with the AWS plugin, and reads what they found.
///
/// # Errors
/// When they do not build or run, or their results cannot be read.
pub fn measure() -> Result<Vec<Operation>> {
    let results = folders::target().join("criterion");
    if results.exists() {
        fs::remove_dir_all(&results).context("removing the figures of an earlier run")?;
    }
    let small = results.join("small plugin");
    run(cargo()
        .args(["bench", "-p", "konductor-sandbox", "--benches"])
        .env("CRITERION_HOME", &small))?;
    let aws = results.join("AWS plugin");
    run(cargo()
        .args(["bench", "-p", "konductor-sandbox", "--bench", "calls"])
        .env("CRITERION_HOME", &aws)
        .env(
            "KONDUCTOR_BENCH_PLUGIN",
            folders::target().join("plugins/aws.wasm"),
        ))?;
    let mut found = Vec::new();
    collect(&results, &results, &mut found)?;
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn collect(top: &Path, folder: &Path, found: &mut Vec<Operation>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let estimates = path.join("estimates.json");
        if path.ends_with("new") && estimates.is_file() {
            let text = fs::read_to_string(&estimates)?;
            let value: Value =
                serde_json::from_str(&text).with_context(|| format!("reading {}", estimates.display()))?;
            let number = |pointer: &str| {
                value
                    .pointer(pointer)
                    .and_then(Value::as_f64)
                    .with_context(|| format!("{} has no {pointer}", estimates.display()))
            };
            found.push(Operation {
                name: folder.strip_prefix(top).unwrap_or(folder).display().to_string(),
                mean: number("/mean/point_estimate")?,
                bounds: (
                    number("/mean/confidence_interval/lower_bound")?,
                    number("/mean/confidence_interval/upper_bound")?,
                ),
            });
        } else {
            collect(top, &path, found)?;
        }
    }
    Ok(())
}
