//! Arguments of the commands about policies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ExecutionArguments;

/// Commands below `policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List the packages of policies that judge every plan.
    List,
    /// Run the tests of packages: the rules that begin with `test_`, in files whose names end in `_test.rego`.
    #[command(after_help = "\
Examples:
  konductor policy test                            the packages of the project
  konductor policy test policies/encryption        the package in a folder, also without a project
  konductor policy test --coverage --least 90      fail when less than 90 % of the lines are reached")]
    Test(PolicyTestArguments),
    /// Judge a saved plan, or a document from elsewhere, and change nothing.
    #[command(after_help = "\
Examples:
  konductor policy check --input plan.json --directory policies    a plan of Terraform, without a project
  konductor policy check --input plan.json --plugin build/acme-checks.wasm    by the checks of a plugin
  konductor plan --out plan.bin && konductor policy check plan.bin
  konductor policy check --state                   what is recorded of the stack
  konductor policy check plan.bin --print-input > input.json")]
    Check(PolicyCheckArguments),
}

/// Arguments of `policy test`.
#[derive(Debug, Args)]
pub struct PolicyTestArguments {
    /// Folders with packages; without any the packages that the site and the project name.
    pub folders: Vec<PathBuf>,
    /// Only tests whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Tell which lines the tests reach.
    #[arg(long)]
    pub coverage: bool,
    /// Fail when the tests reach less than this of the lines, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    pub least: Option<u8>,
    /// Tell what each test printed and which lines it reached.
    #[arg(long)]
    pub trace: bool,
    /// The version of the language of packages that are named by their folders.
    #[arg(long, value_enum, default_value_t = RegoChoice::V1, value_name = "VERSION")]
    pub rego: RegoChoice,
    /// A file with data for the tests, in JSON or YAML, or a folder with such files.
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
}

/// A version of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegoChoice {
    /// With `if` and `contains`.
    V1,
    /// As it was before.
    V0,
}

/// Arguments of `policy check`.
#[derive(Debug, Args)]
pub struct PolicyCheckArguments {
    /// A plan saved by `konductor plan --out`.
    #[arg(required_unless_present_any = ["input", "state"])]
    pub file: Option<PathBuf>,
    /// Judge this document in place of a plan: a file in JSON, such as a plan that Terraform shows. Nothing is recorded.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "print_input"])]
    pub input: Option<PathBuf>,
    /// Judge what is recorded of the stack, by the packages that judge states.
    #[arg(long, conflicts_with_all = ["file", "input"])]
    pub state: bool,
    /// Judge the input by the package in this folder, not by those that the site and the project name.
    #[arg(long, value_name = "DIRECTORY", requires = "input")]
    pub directory: Vec<PathBuf>,
    /// Judge the input by the checks of this plugin: its name, or a file that ends in `.wasm`.
    #[arg(long, value_name = "PLUGIN", requires = "input")]
    pub plugin: Vec<String>,
    /// The version of the language of packages that are named by their folders.
    #[arg(long, value_enum, default_value_t = RegoChoice::V1, value_name = "VERSION", requires = "directory")]
    pub rego: RegoChoice,
    /// Ask only the rules of this package of Rego, where packages are named by their folders.
    #[arg(long, value_name = "PACKAGE", requires = "directory")]
    pub namespace: Vec<String>,
    /// A file with data for the rules, in JSON or YAML, or a folder with such files.
    #[arg(long, value_name = "PATH", requires = "directory")]
    pub data: Vec<PathBuf>,
    /// Print the document that policies are shown, and judge nothing.
    #[arg(long)]
    pub print_input: bool,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}
