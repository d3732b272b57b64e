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
  konductor drift --remediate                  bring back what was deployed
  konductor drift accept database              take what is there into the configuration

Without --remediate nothing is changed; what was found is written into the stack's log."
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
    pub normalised: bool,
    /// Bring back what was deployed, and nothing else that is edited; the rules under `drift: approval:` in the
    /// configuration say what is repaired without asking, and what never is.
    #[arg(long)]
    pub remediate: bool,
    /// Do not ask; what the rules never allow stays.
    #[arg(short, long, requires = "remediate")]
    pub yes: bool,
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
    /// Take what is there into the configuration, so that the next plan has nothing to do.
    #[command(after_help = "\
Example: konductor drift accept database

The files are edited where the attributes stand, and comments stay. What was deleted outside is taken out.")]
    Accept(AcceptArguments),
    /// Show the checks that were made, the newest last.
    #[command(after_help = "Example: konductor drift history -n 10")]
    History {
        /// How many of the newest.
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        last: usize,
    },
}

/// Arguments of `drift accept`.
#[derive(Debug, Args)]
pub struct AcceptArguments {
    /// The resource; several can be given.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
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
