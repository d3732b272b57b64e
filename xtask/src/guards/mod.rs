//! `cargo xtask guards`: takes out one guard of the threat table after the other and requires that its tests fail.
//!
//! The list is `tests/threats/guards.toml`. Work is done in a copy of the checkout under `target/guards`, never in the
//! checkout itself. A fast test of `tests/threats/table.rs` keeps the list fitting to the table and to the code.

mod list;
mod scratch;
mod trial;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::command::step;
use list::Removal;
use scratch::Scratch;
use trial::{Build, Outcome};

/// What `cargo xtask guards` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Take out only these guards, by their names in tests/threats/guards.toml.
    names: Vec<String>,
    /// Show the guards and run nothing.
    #[arg(long)]
    list: bool,
}

/// Takes out the guards and sees the tests fail.
///
/// # Errors
/// When the list cannot be read, a test fails with all guards in place, or a removal survives, does not apply or does
/// not compile.
pub fn run_arguments(arguments: &Arguments) -> Result<()> {
    let removals = list::read(&arguments.names)?;
    if arguments.list {
        for removal in &removals {
            println!("{:<40} {}", removal.name, removal.threat);
        }
        return Ok(());
    }
    let started = Instant::now();
    step("guards: a copy of the checkout");
    let scratch = Scratch::prepare()?;
    let build = Build::new(&scratch)?;
    step("guards: every test passes while the guards are in place");
    build.pass(&removals)?;
    step(&format!("guards: {} removals", removals.len()));
    let mut failed = Vec::new();
    for removal in &removals {
        let began = Instant::now();
        let outcome = take_out(&scratch, &build, removal);
        let seconds = began.elapsed().as_secs_f64();
        let said = match outcome {
            Ok(Outcome::Caught(tests)) => format!("caught by {tests}"),
            Ok(Outcome::Survived(tests)) => {
                failed.push(removal.name.as_str());
                format!("SURVIVED: {} passed without the guard", tests.join(", "))
            }
            Err(error) => {
                failed.push(removal.name.as_str());
                format!("NOT TRIED: {error:#}")
            }
        };
        println!("    {:<40} {seconds:>6.1} s  {said}", removal.name);
    }
    let rows: std::collections::BTreeSet<&str> =
        removals.iter().map(|removal| removal.threat.as_str()).collect();
    println!(
        "\n{} removals for {} rows of the threat table, {} caught, in {:.0} s",
        removals.len(),
        rows.len(),
        removals.len() - failed.len(),
        started.elapsed().as_secs_f64()
    );
    if !failed.is_empty() {
        bail!("not caught: {}", failed.join(", "));
    }
    Ok(())
}

/// Takes one guard out, runs its tests, and puts it back whatever came of them.
fn take_out(scratch: &Scratch, build: &Build<'_>, removal: &Removal) -> Result<Outcome> {
    let originals = scratch.apply(&removal.edits)?;
    let result = build.without(removal);
    scratch.restore(&originals)?;
    result
}
