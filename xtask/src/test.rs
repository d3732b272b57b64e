//! `cargo xtask test`: every check and every test.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::command::{cargo, run, step};
use crate::{
    browser, documentation, examples, folders, fuzz, languages, plugins, postgresql, python, registry,
};

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave out what takes minutes: the AWS guest, the documentation and the end-to-end tests.
    #[arg(long)]
    quick: bool,
    /// Passed on to the test programs: `cargo xtask test -- name_of_a_test`.
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Guests that build in seconds.
const SMALL: [&str; 7] = [
    "azure",
    "gcp",
    "konductor",
    "compliance",
    "policy",
    "reference",
    "hostile",
];

/// Guests with code of their own that is there in the sandbox alone.
const ONLY_IN_THE_SANDBOX: [&str; 4] = ["compliance", "reference", "hostile", "encoding"];

/// Runs all checks and tests.
///
/// # Errors
/// At the first step that fails.
pub fn run_tests(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    step("format");
    run(cargo().args(["fmt", "--all", "--check"]))?;
    // One crate of the AWS guest keeps a single core busy for minutes; the host is checked on the others meanwhile.
    std::thread::scope(|scope| {
        let guests = scope.spawn(|| prepare_guests(arguments));
        if arguments.quick {
            step("clippy: host");
            run(cargo().args(["clippy", "--all-targets", "--", "-D", "warnings"]))?;
        } else {
            // Everything from here on is built for the whole workspace: another choice of packages has other features,
            // and builds most dependencies a second time.
            step("clippy: host, SDK and guests");
            run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
        }
        if !arguments.quick {
            fuzz::run_bounded()?;
        }
        guests
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the build of the guests ended in a panic")))
    })?;
    if !arguments.quick {
        // What is only there in a guest is in the SDK; the guests themselves were checked above.
        step("clippy: what is built for the sandbox alone");
        run(plugins::guest_cargo("clippy")?
            .args(plugins::packages(&ONLY_IN_THE_SANDBOX))
            .args(["--", "-D", "warnings"]))?;
        for name in plugins::APART {
            step(&format!("guest {name}: format, clippy, tests"));
            run(cargo().args(["fmt", "--check"]).args(plugins::apart(name)))?;
            let mut clippy = cargo();
            clippy
                .args(["clippy", "--all-targets"])
                .args(plugins::apart(name));
            run(in_folder_of_guests(&mut clippy).args(["--", "-D", "warnings"]))?;
            let mut test = cargo();
            test.arg("test").args(plugins::apart(name));
            run(in_folder_of_guests(&mut test))?;
        }
        documentation::check()?;
        step("documentation of the crates");
        // With the examples, of which there are none, cargo takes the features that the tests need too.
        run(cargo()
            .args(["doc", "--workspace", "--no-deps", "--lib", "--bins", "--examples"])
            .env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    if arguments.quick {
        step("unit tests: host and SDK");
        run(filtered(
            cargo()
                .args(["test", "--exclude", "konductor-tests"])
                .args(host()),
            arguments,
        ))?;
    } else {
        step("build");
        // Together with the tests, because the same choice of targets is what makes cargo build every dependency once.
        run(cargo().args(["build", "--workspace", "--bins", "--tests"]))?;
        step("tests: guests, host, SDK, and end to end against moto");
        run(filtered(
            cargo()
                .args(["test", "--workspace", "--no-fail-fast"])
                .env("KONDUCTOR_TEST_BINARY", folders::konductor("debug")),
            arguments,
        ))?;
    }
    println!("\nall passed in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Builds the guests, and the environment in which they meet an emulator.
fn prepare_guests(arguments: &Arguments) -> Result<()> {
    // The tests of the state want servers, also the quick ones.
    python::prepare()?;
    postgresql::prepare()?;
    if arguments.quick {
        return plugins::build(&SMALL.map(str::to_owned));
    }
    plugins::build(&[])?;
    languages::prepare()?;
    examples::prepare()?;
    registry::prepare()?;
    browser::prepare()
}

/// Keeps what is built natively of a guest beside the guests, where its own lock file decides.
fn in_folder_of_guests(command: &mut Command) -> &mut Command {
    command.args(["--locked", "--target-dir", "target/plugins"])
}

/// Names the workspace without guests: cargo's `--exclude` wants `--workspace`.
fn host() -> Vec<String> {
    let mut flags = vec!["--workspace".to_owned()];
    for guest in plugins::all()
        .iter()
        .filter(|guest| !plugins::APART.contains(guest))
    {
        flags.extend(["--exclude".to_owned(), format!("konductor-plugin-{guest}")]);
    }
    flags
}

fn filtered<'a>(command: &'a mut Command, arguments: &Arguments) -> &'a mut Command {
    if arguments.filter.is_empty() {
        command
    } else {
        command.arg("--").args(&arguments.filter)
    }
}
