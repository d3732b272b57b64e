//! What can be typed behind `drift`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use konductor_state::DriftSeverity;

use super::ExecutionArguments;

/// Arguments of `drift`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  konductor drift                              what was changed or deleted outside since the last deployment
  konductor drift --severity high --detailed-exitcode
  konductor drift --unmanaged aws:ec2:Vpc      list the VPCs that nothing manages too
  konductor drift --report drift.html          write a page with the timeline of all checks

Nothing is changed; what was found is written into the stack's log."
)]
pub struct DriftArguments {
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<DriftCommand>,
    /// Only this resource or component; can be given again.
    #[arg(short, long, value_name = "NAME")]
    pub target: Vec<String>,
    /// List the objects of these types too, and tell which of them nothing manages; without a type, all that the
    /// stack has. Listing asks the cloud for every object of a type.
    #[arg(long, value_name = "TYPE", num_args = 0..)]
    pub unmanaged: Option<Vec<String>>,
    /// Tell, and count for the exit code, only what matters at least so much.
    #[arg(long, value_enum, default_value_t = SeverityLevel::Low, value_name = "LEVEL")]
    pub severity: SeverityLevel,
    /// Show what a provider only writes in another way, too.
    #[arg(long)]
    pub all: bool,
    /// Exit with 2 when there is drift.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Write the report with the history of checks to this file; its ending says how: .html, .json or .txt.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Commands below `drift`.
#[derive(Debug, Subcommand)]
pub enum DriftCommand {
    /// Show the checks that were made, the newest last.
    #[command(after_help = "Example: konductor drift history -n 10")]
    History {
        /// How many of the newest.
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        last: usize,
    },
}

/// How much a difference matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityLevel {
    /// Everything.
    Low,
    /// How objects work.
    Medium,
    /// What protects them, and the objects themselves.
    High,
    /// Who may reach them.
    Critical,
}

impl From<SeverityLevel> for DriftSeverity {
    fn from(level: SeverityLevel) -> Self {
        match level {
            SeverityLevel::Low => Self::Low,
            SeverityLevel::Medium => Self::Medium,
            SeverityLevel::High => Self::High,
            SeverityLevel::Critical => Self::Critical,
        }
    }
}
