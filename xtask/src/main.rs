//! The developer's tool: `cargo xtask demo`, `cargo xtask test`, and the pieces they are made of.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool talks to the person who runs it"
)]

mod bench;
mod browser;
mod command;
mod debian;
mod demo;
mod dist;
mod documentation;
mod examples;
mod folders;
mod framework_tables;
mod fuzz;
mod guards;
mod languages;
mod plugins;
mod postgresql;
mod python;
mod registry;
mod remapping;
mod schema_tables;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developer's tool of Konductor.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything, then run the quickstart twice against the simulated cloud.
    Demo,
    /// Run all checks and tests, including those against moto.
    Test(test::Arguments),
    /// Build the guests and put them where the host finds them.
    Plugins(plugins::Arguments),
    /// Make the Python environment with moto that the end-to-end tests use.
    Python,
    /// Test the SDKs of other languages and build the example plugins written with them.
    Languages,
    /// Test the example plugin in Rust, build it, and fetch the server that it is for.
    Examples,
    /// Fetch the OCI registry that the tests push plugins to.
    Registry,
    /// Find or fetch the PostgreSQL that the tests keep state in.
    Postgresql,
    /// Find or fetch the browser that pages are looked at with.
    Browser,
    /// Measure the sandbox and the engine, and write docs/performance.md.
    Bench(bench::Arguments),
    /// Feed damaged and hostile input to everything that reads what others wrote.
    Fuzz(fuzz::Arguments),
    /// Take out the guards of the threat table one by one, and see their tests fail.
    Guards(guards::Arguments),
    /// Make the interface reference from `wit`, check the links between pages, and build the book.
    Docs(documentation::Arguments),
    /// Pack the types that a cloud publishes into the table that its plugin carries.
    #[command(subcommand)]
    SchemaTable(schema_tables::Cloud),
    /// Pack frameworks and their controls into the table that the compliance plugin carries.
    FrameworkTable {
        /// The folder with the sources; plugins/compliance/frameworks/README.md says which.
        folder: std::path::PathBuf,
    },
    /// Build the release archive.
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Demo => demo::run_demo(),
        Task::Test(arguments) => test::run_tests(&arguments),
        Task::Plugins(arguments) => plugins::run_arguments(&arguments),
        Task::Python => python::prepare(),
        Task::Languages => languages::prepare(),
        Task::Examples => examples::prepare(),
        Task::Registry => registry::prepare(),
        Task::Postgresql => postgresql::prepare(),
        Task::Browser => browser::prepare(),
        Task::Bench(arguments) => bench::measure_all(&arguments),
        Task::Docs(arguments) => documentation::run_arguments(&arguments),
        Task::SchemaTable(cloud) => schema_tables::run(&cloud),
        Task::FrameworkTable { folder } => framework_tables::run(&folder),
        Task::Dist(arguments) => dist::run_arguments(&arguments),
        Task::Guards(arguments) => guards::run_arguments(&arguments),
        Task::Fuzz(arguments) => fuzz::run_arguments(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
