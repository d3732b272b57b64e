//! Arguments of the commands that look at, or go back to, what was.

use clap::Args;

use super::{ExecutionArguments, SelectionArguments};
use crate::point::{FORMS, Point};

/// Arguments of `history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor history
  konductor diff 3 5              what changed between what run 3 and run 5 left
  konductor state at 3            what there was after run 3
  konductor rollback --to 3       bring it back")]
pub struct HistoryArguments {
    /// How many of the newest.
    #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
    pub last: usize,
    /// Also runs that changed nothing, plans among them.
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = FORMS)]
pub struct DiffArguments {
    /// One point.
    pub from: Point,
    /// The other; what there is now when it is not given.
    #[arg(default_value = "now")]
    pub to: Point,
    /// Exit with 2 when something differs.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = FORMS)]
pub struct RollbackArguments {
    /// What to go back to.
    #[arg(long, value_name = "POINT")]
    pub to: Point,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Stop after showing the plan.
    #[arg(long)]
    pub dry_run: bool,
    /// Which part.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}
