//! What can be typed.

mod adopt;
mod audit;
mod author;
mod backup;
mod compliance;
mod drift;
mod metadata;
mod past;
mod plugin;
mod policy;
mod queue;
mod refresh;
mod state;
mod typed;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::permissions::PolicyFormat;

pub use adopt::{DiscoverArguments, ImportArguments};
pub use audit::{
    ArchiveLogArguments, AuditArguments, AuditCommand, EventFormat, EventSelection, ExportArguments,
    ForwardArguments, VerifyLogArguments,
};
pub use author::{DevArguments, Language, NewArguments, Template};
pub use backup::{BackupArguments, RestoreArguments};
pub use compliance::{
    ComplianceCommand, ComplianceControlsArguments, ComplianceFixArguments, ComplianceImportArguments,
    ComplianceReportArguments,
};
pub use drift::{AcceptArguments, DriftArguments, DriftCommand};
pub use metadata::{MetadataCommand, MetadataQueryArguments};
pub use past::{DiffArguments, HistoryArguments, RollbackArguments};
pub use plugin::{
    CheckArguments, LockArguments, MirrorArguments, MirrorFormat, PluginCommand, PublishArguments,
    SignArguments, SigningArguments, VerificationArguments, VerifyArguments,
};
pub use policy::{
    PolicyCheckArguments, PolicyCommand, PolicyFetchArguments, PolicyLockArguments, PolicyPackArguments,
    PolicyPublishArguments, PolicySignArguments, PolicyTestArguments, PolicyVerifyArguments, RegoChoice,
};
pub use queue::{QueueCommand, SubmitArguments, SubmittedCommand, WorkerArguments};
pub use refresh::RefreshChoice;
pub use state::{LogCommand, StateCommand};
pub use typed::{Typed, parse};
pub use watch::WatchArguments;

/// Deploys infrastructure through sandboxed plugins that never see a credential.
#[derive(Debug, Parser)]
#[command(
    name = "konductor",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
#[command(after_help = "\
Exit codes: 0 ok, 1 failed, 2 changes are pending (only with --detailed-exitcode), 130 interrupted.

Examples:
  konductor init shop             start a project
  konductor run                   plan, ask, apply
  konductor run --simulate        the same against a simulated cloud, without an account
  konductor plan --out plan.bin   save a plan; `konductor apply plan.bin` does exactly that plan
  konductor config explain aws.region")]
pub struct Arguments {
    /// What every command understands.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArguments {
    /// Work on the project in this folder.
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "FOLDER",
        env = "KONDUCTOR_DIRECTORY"
    )]
    pub directory: Option<PathBuf>,
    /// The stack; without it the only one there is.
    #[arg(short, long, global = true, env = "KONDUCTOR_STACK")]
    pub stack: Option<String>,
    /// Set a configuration value, above every file and the environment; JSON, else text.
    #[arg(long, global = true, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Work on a simulated cloud, with a state of its own; needs no account and no network.
    #[arg(long, global = true)]
    pub simulate: bool,
    /// Take plugins from konductor.lock alone and refuse any difference; the default where CI is set or a policy
    /// says so.
    #[arg(long, global = true, value_name = "BOOLEAN", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub locked: Option<bool>,
    /// Fetch no plugin from the network; what is cached or mirrored is used.
    #[arg(long, global = true)]
    pub offline: bool,
    /// Hold plugins to this policy too, beside /etc/konductor/policy.yaml; can be given again.
    #[arg(long, global = true, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Go on although this soft-mandatory package of policies refuses; the reason is recorded. Can be given again.
    #[arg(long, global = true, value_name = "NAME=REASON")]
    pub override_policy: Vec<String>,
    /// Print one JSON object a line instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
    /// Say what happens inside, on standard error; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// When the output is a terminal and NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a project in a folder.
    Init(InitArguments),
    /// Plan, show, ask and apply.
    Run(RunArguments),
    /// Show what `run` would do, or save it.
    Plan(PlanArguments),
    /// Apply a saved plan, or plan and apply.
    Apply(ApplyArguments),
    /// Record what the cloud has now, and change nothing there.
    Refresh(RefreshArguments),
    /// Tell what was changed or deleted outside since the last deployment, and change nothing.
    Drift(DriftArguments),
    /// Check stacks for drift by their schedules, and tell who is to be told.
    Watch(WatchArguments),
    /// Take work on stacks from the project's queue, beside workers on other machines.
    Worker(WorkerArguments),
    /// See and manage the work of the workers.
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Delete everything the stack manages.
    Destroy(DestroyArguments),
    /// Take over an existing object, or what Terraform, OpenTofu or Pulumi manages, into the stack.
    Import(ImportArguments),
    /// List objects that the stack does not manage, and declare them.
    Discover(DiscoverArguments),
    /// Print the stack's outputs.
    Output(OutputArguments),
    /// List the runs that changed the stack.
    History(HistoryArguments),
    /// Show what differs between two points in the stack's history.
    Diff(DiffArguments),
    /// Bring back what was recorded at another time: plan, show, ask, apply.
    Rollback(RollbackArguments),
    /// Copy what is new of the stack's log to another place.
    Backup(BackupArguments),
    /// Bring the stack's log back from a backup, or prove that it can be.
    Restore(RestoreArguments),
    /// Look at and repair what is recorded.
    #[command(subcommand)]
    State(StateCommand),
    /// Read and check the stack's log.
    #[command(subcommand)]
    Log(LogCommand),
    /// Show what happened and who did it, from the log, and export it.
    Audit(AuditArguments),
    /// Read, explain and change configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The resource and component types of the plugins.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// The plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// What is said of resources: owner, classification, commit.
    #[command(subcommand)]
    Metadata(MetadataCommand),
    /// The policies that judge every plan.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Frameworks, their controls, and reports on what is recorded.
    #[command(subcommand)]
    Compliance(ComplianceCommand),
    /// Print the cloud policy that allows what the runs called, and nothing else.
    Permissions(PermissionsArguments),
    /// Draw the stack's resources and their dependencies.
    Graph(GraphArguments),
    /// Print the version.
    Version,
    /// Write the manual pages into a folder, for whoever packages Konductor.
    #[command(hide = true)]
    Manual {
        /// The folder; it is made where there is none.
        folder: PathBuf,
    },
    /// Print a completion script for a shell.
    #[command(after_help = "Example: konductor completions bash > /etc/bash_completion.d/konductor")]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The folder; it may exist when it has no konductor.yaml.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The project's name; without it the folder's.
    #[arg(long)]
    pub name: Option<String>,
    /// The first stack.
    #[arg(long = "first-stack", default_value = "dev", value_name = "STACK")]
    pub first_stack: String,
    /// The region written into the stack.
    #[arg(long, default_value = "us-west-2")]
    pub region: String,
}

/// Which part of the stack, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectionArguments {
    /// Only this resource or component and what it depends on; can be given again.
    #[arg(short, long, value_name = "NAME")]
    pub target: Vec<String>,
    /// All but this resource or component and what depends on it; can be given again.
    #[arg(short = 'x', long, value_name = "NAME")]
    pub exclude: Vec<String>,
    /// Replace this resource even if nothing about it changed; can be given again.
    #[arg(long, value_name = "NAME")]
    pub replace: Vec<String>,
    /// What is read from the cloud before the plan is made.
    #[command(flatten)]
    pub reading: RefreshChoice,
}

/// One stack or all of them.
#[derive(Debug, Clone, Args)]
pub struct StacksArguments {
    /// Do it on every stack of the project, a stack after those whose outputs it reads.
    #[arg(long)]
    pub all: bool,
    /// How many stacks at the same time, with --all, where nobody has to be asked.
    #[arg(long, default_value_t = 4, value_name = "COUNT", requires = "all", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub stacks_at_once: u32,
    /// Hand the stacks over to the workers of the project, with --all, and follow them.
    #[arg(long, requires = "all", conflicts_with = "stacks_at_once")]
    pub workers: bool,
    /// Do not follow what is handed over.
    #[arg(long, requires = "workers")]
    pub detach: bool,
}

/// How much at once, and against what.
#[derive(Debug, Clone, Args)]
pub struct ExecutionArguments {
    /// How many operations run at the same time.
    #[arg(short, long, default_value_t = 32, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub parallelism: u32,
    /// How the simulated cloud behaves, with --simulate.
    #[arg(long, value_enum, default_value_t = SimulationProfile::Instant, value_name = "PROFILE")]
    pub simulate_profile: SimulationProfile,
    /// How long every answer of the simulated cloud takes, in place of what its profile says.
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(..=3_600_000))]
    pub simulate_latency: Option<u64>,
    /// What the simulated cloud's luck comes from: the same number gives the same faults.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub simulate_seed: u64,
}

/// How the simulated cloud behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimulationProfile {
    /// Every answer at once.
    Instant,
    /// Latencies like a real cloud's.
    Realistic,
    /// Latencies, throttling and passing faults.
    Flaky,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Stop after showing the plan.
    #[arg(long)]
    pub dry_run: bool,
    /// First write into the configuration what makes checks pass, as `konductor compliance fix` does.
    #[arg(long, conflicts_with_all = ["all", "dry_run"])]
    pub fix: bool,
    /// Exit with 2 when --dry-run finds changes.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Which part.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// Which stacks.
    #[command(flatten)]
    pub stacks: StacksArguments,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Save the plan; `konductor apply FILE` does exactly this plan or nothing.
    #[arg(short, long, value_name = "FILE", conflicts_with = "all")]
    pub out: Option<PathBuf>,
    /// Plan to delete everything.
    #[arg(long)]
    pub destroy: bool,
    /// Exit with 2 when there are changes.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Which part.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// Which stacks.
    #[command(flatten)]
    pub stacks: StacksArguments,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// A plan saved by `konductor plan --out`; refused when the state has moved since.
    pub file: Option<PathBuf>,
    /// Do not ask. A saved plan is never asked about.
    #[arg(short, long)]
    pub yes: bool,
    /// Which part; not with a saved plan.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `refresh`.
#[derive(Debug, Args)]
pub struct RefreshArguments {
    /// Show what is different and record nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Exit with 2 when the cloud differs from what is recorded.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Which stacks.
    #[command(flatten)]
    pub stacks: StacksArguments,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArguments {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Stop after showing the plan.
    #[arg(long)]
    pub dry_run: bool,
    /// Which part.
    #[command(flatten)]
    pub selection: SelectionArguments,
    /// Which stacks.
    #[command(flatten)]
    pub stacks: StacksArguments,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `output`.
#[derive(Debug, Args)]
pub struct OutputArguments {
    /// Only this one, as plain text that a script can use.
    pub name: Option<String>,
    /// Show secret outputs too.
    #[arg(long)]
    pub show_secrets: bool,
}

/// Commands below `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the effective configuration.
    Show,
    /// Print one value.
    Get {
        /// The path, for example `aws.region`.
        path: String,
        /// Show it even if it is secret.
        #[arg(long)]
        show_secrets: bool,
    },
    /// Write a value into the stack's file.
    Set {
        /// The path, for example `aws.region`.
        path: String,
        /// The value: JSON, else text. Without it, it is read from standard input.
        value: Option<String>,
        /// Encrypt it.
        #[arg(long)]
        secret: bool,
        /// Write into the project's file instead.
        #[arg(long)]
        project: bool,
    },
    /// Remove a value from the stack's file.
    Unset {
        /// The path.
        path: String,
        /// From the project's file instead.
        #[arg(long)]
        project: bool,
    },
    /// Show where a value comes from, layer by layer.
    Explain {
        /// The path, for example `aws.region`.
        path: String,
    },
    /// Print the JSON Schema of a file, for editors.
    Schema {
        /// Which file.
        #[arg(default_value = "project")]
        file: SchemaFile,
    },
    /// The key that secrets are encrypted with.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// A file that has a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SchemaFile {
    /// `konductor.yaml`.
    Project,
    /// `konductor.STACK.yaml`.
    Stack,
    /// `config/organization.yaml`.
    Organization,
}

/// Commands below `config key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key of your own and add its public half to the project.
    Generate,
    /// Show the public keys that can read the project's secrets.
    List,
}

/// Commands below `catalog`.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// List resource and component types.
    List {
        /// Only those of this plugin.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Show everything about a type.
    Show {
        /// The type, for example `aws:ec2:Vpc`.
        #[arg(value_name = "TYPE")]
        resource_type: String,
    },
}

/// Arguments of `permissions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor permissions > policy.json         from every run that the stack's log knows
  konductor permissions --runs 1              from the newest run alone
  konductor permissions --format azure        where the runs called several clouds")]
pub struct PermissionsArguments {
    /// Look at this many of the newest runs; without it at all.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// The form; without it that of the cloud that was called.
    #[arg(short, long, value_enum)]
    pub format: Option<PolicyFormat>,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `graph`.
#[derive(Debug, Args)]
pub struct GraphArguments {
    /// The form.
    #[arg(short, long, value_enum, default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Draw what is recorded instead of what is declared.
    #[arg(long)]
    pub recorded: bool,
}

/// The forms a graph can be drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown viewers show it.
    Mermaid,
    /// A picture.
    Svg,
    /// A page with the picture; needs nothing else.
    Html,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
