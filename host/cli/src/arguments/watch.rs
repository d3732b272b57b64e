//! What can be typed behind `watch`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::ExecutionArguments;

/// Arguments of `watch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor watch                              check every stack of the project as its schedule says
  konductor watch shop billing --metrics 127.0.0.1:9464
  konductor watch --once                       check every stack now, tell who is to be told, and end
  konductor watch --workers                    at each time, hand the check over to the workers of the project

The schedule and the alerts stand in the configuration:
  config:
    drift:
      schedule: \"*/15 * * * *\"
      alerts: [{ name: operations, slack: { secure: \"v1:…\" } }]")]
pub struct WatchArguments {
    /// The folders of the projects; without one that of -C. All their stacks are watched unless one is named.
    pub folders: Vec<PathBuf>,
    /// Check every stack once, whatever its schedule, and end.
    #[arg(long)]
    pub once: bool,
    /// Hand the checks over to the workers of the project, each time of a schedule once, however many processes watch.
    #[arg(long, conflicts_with_all = ["once", "checks"])]
    pub workers: bool,
    /// Offer figures for Prometheus at this address of this machine, under /metrics.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// How many stacks are checked at the same time.
    #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub checks: u32,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}
