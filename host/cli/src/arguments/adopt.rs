//! Arguments of the commands that take over what exists.

use std::path::PathBuf;

use clap::Args;

use super::ExecutionArguments;

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(
    override_usage = "konductor import [OPTIONS] <TYPE> <NAME> <ID>\n       konductor import [OPTIONS] --from <FILE>",
    after_help = "\
Examples:
  konductor import aws:ec2:Vpc network vpc-0123456789abcdef0 --generate
  terraform state pull > terraform.tfstate && konductor import --from terraform.tfstate
  pulumi stack export > stack.json && konductor import --from stack.json

The first takes over one object at once. The others write declarations that the next `konductor run` takes over: its
plan shows each as an import, and changes nothing.
`konductor catalog show TYPE` tells the form of the identifier."
)]
pub struct ImportArguments {
    /// The type.
    #[arg(
        value_name = "TYPE",
        required_unless_present = "from",
        conflicts_with = "from"
    )]
    pub resource_type: Option<String>,
    /// The name it gets, or has, in the configuration.
    #[arg(required_unless_present = "from")]
    pub name: Option<String>,
    /// The identifier in the cloud.
    #[arg(required_unless_present = "from")]
    pub id: Option<String>,
    /// Write the declaration into the stack's file.
    #[arg(long, conflicts_with = "from")]
    pub generate: bool,
    /// The state of Terraform, OpenTofu or Pulumi, whose objects are to be declared.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Only objects whose address in that state begins so; can be given again.
    #[arg(long, value_name = "ADDRESS", requires = "from")]
    pub only: Vec<String>,
    /// Show what would be written, and write nothing.
    #[arg(long, requires = "from")]
    pub dry_run: bool,
    /// Write into the project's file instead.
    #[arg(long)]
    pub project: bool,
    /// The plugin that manages it, by its name in konductor.yaml, where several serve the type.
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub provider: Option<String>,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `discover`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor discover aws:ec2:Vpc aws:ec2:Subnet
  konductor discover 'aws:s3:*' --generate && konductor run")]
pub struct DiscoverArguments {
    /// The types; `*` at the end stands for anything.
    #[arg(required = true, value_name = "TYPE")]
    pub types: Vec<String>,
    /// Write declarations that the next `konductor run` takes over.
    #[arg(long)]
    pub generate: bool,
    /// Write into the project's file instead of the stack's.
    #[arg(long, requires = "generate")]
    pub project: bool,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}
