//! What can be typed behind `worker` and `queue`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use konductor_queue::{WorkCommand, WorkId};

/// Arguments of `worker`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor worker                         take work until it is stopped
  konductor worker --stacks-at-once 8 --name build-7
  konductor worker --until-empty           end when nothing is left to do

The queue is named in konductor.yaml, under `workers:`. A first Ctrl-C or SIGTERM takes no more work and finishes what is
under way, for at most --grace; a second one interrupts it and gives it back.")]
pub struct WorkerArguments {
    /// How many stacks at the same time.
    #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub stacks_at_once: u32,
    /// What others call this worker; without it user, host and process.
    #[arg(long, value_name = "NAME", env = "KONDUCTOR_WORKER")]
    pub name: Option<String>,
    /// End when no work is left that this worker could take or wait for.
    #[arg(long)]
    pub until_empty: bool,
    /// How long what is under way may take after the worker is told to stop: 30s, 5m, 1h.
    #[arg(long, default_value = "5m", value_name = "TIME", value_parser = time)]
    pub grace: Duration,
}

fn time(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is not a time: expected for example 30s, 5m or 1h");
    let signed: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    Duration::try_from(signed).map_err(|_| expected())
}

/// Commands below `queue`.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// List the workers, and the work that waits, is under way or is dead.
    #[command(after_help = "Example: konductor queue list --all --last 50")]
    List {
        /// What ended, too.
        #[arg(long)]
        all: bool,
        /// How many of the newest.
        #[arg(short = 'n', long, default_value_t = 1_000, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        last: i64,
    },
    /// Show one piece of work, with the last lines that it printed.
    #[command(after_help = "Example: konductor queue show 17")]
    Show {
        /// Its number.
        work: WorkId,
    },
    /// Hand one command over to the workers, for every stack, or for the one that --stack names.
    #[command(after_help = "\
Examples:
  konductor queue submit drift                     look for drift in every stack
  konductor queue submit check --detach            as `konductor watch` does, and do not wait
  konductor queue submit plan --stack shop -- --refresh=none
  konductor run --all --yes --workers              the same as `konductor queue submit run -- --yes`")]
    Submit(SubmitArguments),
    /// Cancel work: what waits is not begun, and what is under way is interrupted.
    #[command(after_help = "Example: konductor queue cancel 17 18")]
    Cancel {
        /// The numbers.
        #[arg(required = true)]
        work: Vec<WorkId>,
    },
    /// Let work that did not succeed be done again, with what comes before it and what was left out because of it.
    #[command(after_help = "Example: konductor queue retry 17")]
    Retry {
        /// The numbers.
        #[arg(required = true)]
        work: Vec<WorkId>,
    },
}

/// Arguments of `queue submit`.
#[derive(Debug, Args)]
pub struct SubmitArguments {
    /// What is done.
    #[arg(value_enum)]
    pub command: SubmittedCommand,
    /// Do not wait for the end.
    #[arg(long)]
    pub detach: bool,
    /// What the command is given, as it would be typed behind it.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
}

/// What workers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SubmittedCommand {
    /// Plan and apply; needs `-- --yes` or `-- --dry-run`.
    Run,
    /// Plan.
    Plan,
    /// Record what the cloud has.
    Refresh,
    /// Look for drift.
    Drift,
    /// Look for drift and tell who is to be told, as `konductor watch` does.
    Check,
    /// Delete everything; needs `-- --yes` or `-- --dry-run`.
    Destroy,
}

impl From<SubmittedCommand> for WorkCommand {
    fn from(command: SubmittedCommand) -> Self {
        match command {
            SubmittedCommand::Run => Self::Run,
            SubmittedCommand::Plan => Self::Plan,
            SubmittedCommand::Refresh => Self::Refresh,
            SubmittedCommand::Drift => Self::Drift,
            SubmittedCommand::Check => Self::Check,
            SubmittedCommand::Destroy => Self::Destroy,
        }
    }
}
