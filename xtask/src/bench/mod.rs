//! `cargo xtask bench`: figures, not tests.
//!
//! Criterion measures the sandbox; whole runs of the release binary are measured from outside, and Terraform with
//! its built-in no-op resource beside them where it is installed.

mod backup;
mod criterion;
mod growth;
mod measure;
mod operations;
mod report;
mod shapes;
mod slow_cloud;
mod subjects;

use std::time::Duration;

use anyhow::Result;

use crate::command::{cargo, run, step};
use crate::{folders, plugins};
use operations::Operations;
use shapes::Shape;
use subjects::{Konductor, Subject, Terraform};

/// How many resources `--million` measures.
const MILLION: usize = 1_000_000;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many resources; several are separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000,100000")]
    sizes: Vec<usize>,
    /// How they depend on each other; several are separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "wide,layered,chain")]
    shapes: Vec<Shape>,
    /// Also a million resources, declared with `count`, for Konductor alone; needs some gigabytes of disk.
    #[arg(long)]
    million: bool,
    /// Measure only so many operations at once, each of which waits for a cloud, and print that; the page is not written.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    operations: Option<u32>,
    /// How many milliseconds the cloud takes for every answer, with --operations.
    #[arg(long, default_value_t = 100, requires = "operations")]
    latency: u64,
    /// The binary to measure with --operations, in place of the release build's.
    #[arg(long, value_name = "FILE", requires = "operations")]
    binary: Option<std::path::PathBuf>,
    /// The most seconds one command may take.
    #[arg(long, default_value_t = 3600)]
    limit: u64,
    /// The most seconds one command of Terraform may take; 0 leaves Terraform out. Larger stacks of a shape that it did
    /// not do in that time are not tried.
    #[arg(long, default_value_t = 480)]
    terraform_limit: u64,
    /// Measure backups instead: what they lack while each of --sizes is deployed, and how long a restore takes.
    #[arg(long)]
    backup: bool,
    /// How many seconds between two backups, with --backup.
    #[arg(long, default_value_t = 30, requires = "backup")]
    every: u32,
    /// Which build is measured with --backup and --no-build: `release` or `debug`.
    #[arg(long, default_value = "release", requires = "backup")]
    profile: String,
    /// Measure what is built already.
    #[arg(long)]
    no_build: bool,
    /// Leave out the measurements of the sandbox.
    #[arg(long)]
    no_criterion: bool,
}

/// Measures, prints the figures and writes them into `docs/performance.md`.
///
/// # Errors
/// When something does not build, or Konductor does not do what is measured.
pub fn measure_all(arguments: &Arguments) -> Result<()> {
    if !arguments.no_build {
        plugins::build(&["aws", "reference", "hostile"].map(str::to_owned))?;
        step("host: release build");
        run(cargo().args(["build", "--release", "-p", "konductor"]))?;
    }
    if arguments.backup {
        let limit = Duration::from_secs(arguments.limit);
        return backup::measure_backups(&arguments.sizes, arguments.every, &arguments.profile, limit);
    }
    if let Some(count) = arguments.operations {
        let operations = Operations {
            binary: arguments
                .binary
                .clone()
                .unwrap_or_else(|| folders::konductor("release")),
            count: usize::try_from(count)?,
            latency: Duration::from_millis(arguments.latency),
            limit: Duration::from_secs(arguments.limit),
        };
        return operations.measure_all();
    }
    let operations = if arguments.no_criterion {
        Vec::new()
    } else {
        step("sandbox: criterion");
        criterion::measure()?
    };

    let konductor = Konductor::new();
    let terraform = (arguments.terraform_limit > 0).then(Terraform::find).flatten();
    let mut rows = Vec::new();
    let mut given_up = Vec::new();
    for &size in &arguments.sizes {
        for &shape in &arguments.shapes {
            step(&format!("{size} resources, {shape}"));
            let ours = konductor.measure(shape, size, Duration::from_secs(arguments.limit))?;
            println!("    konductor  {}", ours.line());
            rows.push(report::Row::new(shape, size, "konductor", ours.clone()));
            if let Some(terraform) = terraform.as_ref().filter(|_| !given_up.contains(&shape)) {
                let theirs =
                    terraform.measure(shape, size, Duration::from_secs(arguments.terraform_limit))?;
                println!("    terraform  {}", theirs.line());
                if theirs.overdue.is_some() {
                    given_up.push(shape);
                }
                rows.push(report::Row::compared(shape, size, "terraform", theirs, &ours));
            }
        }
    }
    if arguments.million {
        for shape in [Shape::WideCounted, Shape::LayeredCounted] {
            step(&format!("{MILLION} resources, {shape}"));
            let ours = konductor.measure(shape, MILLION, Duration::from_secs(arguments.limit))?;
            println!("    konductor  {}", ours.line());
            rows.push(report::Row::new(shape, MILLION, "konductor", ours));
        }
    }
    let report = report::write(
        &rows,
        &operations,
        terraform.as_ref().map(Terraform::version),
        !arguments.no_build,
    )?;
    println!("\n{report}");
    Ok(())
}
