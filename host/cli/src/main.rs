//! The konductor command.

mod arguments;
mod atomic_file;
mod audit;
mod backup_place;
mod command;
mod compliance;
mod configuration_edit;
mod configure;
mod environment;
mod error;
mod fetch_progress;
mod graph_picture;
mod key_management;
mod metadata;
mod network;
mod object_requests;
mod output;
mod permissions;
mod plugins;
mod point;
mod policy;
mod project;
mod prompt;
mod queue_place;
mod read_times;
mod render;
mod reveals;
mod saved_plan;
mod secret_outputs;
mod session;
mod shared_limits;
mod simulation;
mod state_place;
mod stop_requests;

use std::process::ExitCode;

use clap::CommandFactory as _;

use arguments::{Arguments, Command, ConfigCommand, Typed};
use command::every_stack::EveryStack;
use command::hand_over::HandedOver;
use environment::Environment;
use error::CommandError;
use output::Output;
use project::{FolderSources, Project};

fn main() -> ExitCode {
    let (arguments, typed) = match arguments::parse(Environment::line()) {
        Ok(read) => read,
        // Not clap's exit code: 2 says that changes are pending.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    let environment = Environment::read();
    let output = Output::new(&arguments.global, environment.variable("NO_COLOR").is_some());
    output::start_tracing(arguments.global.verbose, environment.variable("KONDUCTOR_LOG"));
    let folder = project::folder(&arguments.global);
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::message(format!("the runtime did not start: {error}")))
        .and_then(|runtime| runtime.block_on(execute(&arguments, &typed, &environment, &output)));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output.diagnostics(&error.diagnostics, &FolderSources(folder));
            // A worker tries again later what somebody else works on; nobody else is told by the exit code.
            let is_work = environment.variable(command::worker::WORK_VARIABLE).is_some();
            ExitCode::from(if error.is_locked && is_work {
                command::worker::LOCKED
            } else {
                error.exit
            })
        }
    }
}

async fn execute(
    arguments: &Arguments,
    typed: &Typed,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let global = &arguments.global;
    let folder = project::folder(global);
    let open = || {
        project::require(&folder)?;
        Project::open(global, environment)
    };
    if let Some(what) = HandedOver::of_command(arguments, typed)? {
        return command::hand_over::hand_over(what, global, environment, output).await;
    }
    if let Some(how) = of_every_stack(&arguments.command) {
        return command::every_stack::every_stack(how, typed, global, environment, output).await;
    }
    match &arguments.command {
        Command::Init(init) => command::init::init(init, &folder, output)?,
        Command::Run(run) => return command::deploy::run(run, open()?, environment, output).await,
        Command::Plan(plan) => return command::deploy::plan(plan, open()?, environment, output).await,
        Command::Apply(apply) => return command::deploy::apply(apply, open()?, environment, output).await,
        Command::Refresh(refresh) => {
            return command::deploy::refresh(refresh, open()?, environment, output).await;
        }
        Command::Drift(drift) => return command::drift::drift(drift, open()?, environment, output).await,
        Command::Watch(watch) => {
            return command::watch::watch(watch, typed, global, environment, output).await;
        }
        Command::Worker(worker) => {
            return command::worker::worker(worker, global, environment, output).await;
        }
        Command::Queue(queue) => return command::queue::queue(queue, global, environment, output).await,
        Command::Destroy(destroy) => {
            return command::deploy::destroy(destroy, open()?, environment, output).await;
        }
        Command::Import(import) => {
            return command::adopt::import(import, open()?, environment, output).await;
        }
        Command::Discover(discover) => {
            return command::adopt::discover(discover, open()?, environment, output).await;
        }
        Command::Output(arguments) => command::output::output(arguments, &open()?, output).await?,
        Command::History(arguments) => command::history::history(arguments, &open()?, output).await?,
        Command::Diff(arguments) => return command::history::diff(arguments, &open()?, output).await,
        Command::Rollback(arguments) => {
            return command::rollback::rollback(arguments, open()?, environment, output).await;
        }
        Command::Backup(backup) => {
            return command::backup::backup(backup, global, environment, output).await;
        }
        Command::Restore(restore) => {
            return command::restore::restore(restore, global, environment, output).await;
        }
        Command::State(state) => command::state::state(state, &open()?, environment, output).await?,
        Command::Log(log) => command::log::log(log, &open()?, output).await?,
        Command::Audit(audit) => return command::audit::audit(audit, global, environment, output).await,
        Command::Config(ConfigCommand::Schema { file }) => command::config::schema(*file, output),
        Command::Config(config) => command::config::config(config, &mut open()?, environment, output).await?,
        Command::Catalog(catalog) => {
            command::catalog::catalog(catalog, &folder, global, environment, output).await?;
        }
        Command::Plugin(plugin) => {
            command::plugin::plugin(plugin, &folder, global, environment, output).await?
        }
        Command::Metadata(metadata) => {
            command::metadata::metadata(metadata, &open()?, environment, output).await?
        }
        Command::Policy(policy) => {
            return command::policy::policy(policy, &folder, global, environment, output).await;
        }
        Command::Compliance(compliance) => {
            return command::compliance::compliance(compliance, &folder, global, environment, output).await;
        }
        Command::Permissions(permissions) => {
            command::permissions::permissions(permissions, &open()?, output).await?;
        }
        Command::Graph(graph) => command::graph::graph(graph, open()?, environment, output).await?,
        Command::Version => {
            let version = env!("CARGO_PKG_VERSION");
            output.fact(
                "version",
                &serde_json::json!({ "version": version }),
                &format!("konductor {version}"),
            );
        }
        Command::Manual { folder } => command::manual::manual(folder, output)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "konductor", &mut script);
            output.raw(&String::from_utf8_lossy(&script));
        }
    }
    Ok(0)
}

/// Returns how a command is done on every stack, where `--all` asks for that.
fn of_every_stack(command: &Command) -> Option<EveryStack<'_>> {
    let (arguments, backwards, unattended) = match command {
        Command::Run(run) => (&run.stacks, false, run.yes || run.dry_run),
        Command::Plan(plan) => (&plan.stacks, plan.destroy, true),
        Command::Refresh(refresh) => (&refresh.stacks, false, true),
        Command::Destroy(destroy) => (&destroy.stacks, true, destroy.yes || destroy.dry_run),
        _ => return None,
    };
    arguments.all.then_some(EveryStack {
        arguments,
        backwards,
        unattended,
    })
}
