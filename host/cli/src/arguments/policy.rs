//! Arguments of the commands about policies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ExecutionArguments, SigningArguments, VerificationArguments};

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
    /// Put the policies of a folder, their tests and their data into one file: a bundle, which OPA reads, too.
    #[command(after_help = "\
The same files make the same bytes. What is no policy, no test and no data is left out.

Example: konductor policy pack policies/encryption --output encryption.tar.gz")]
    Pack(PolicyPackArguments),
    /// Push a package of policies and its signatures to an OCI registry.
    #[command(after_help = "\
The credentials are those of `docker login`, `podman login` and `oras login`. A tag that is taken is not given to others.

Examples:
  konductor policy publish encryption.tar.gz oci://registry.example/policies/encryption:1.2.0
  konductor policy publish policies/encryption oci://registry.example/policies/encryption:1.2.0      without signatures")]
    Publish(PolicyPublishArguments),
    /// Sign a packed package.
    #[command(after_help = "\
The signature is written beside the file, as NAME.sigstore.json. It says the name of the package, which a run compares: by
default that of the file.

With a key in a file:
  konductor policy sign encryption.tar.gz --key key.pem --timestamp-url https://tsa.example/

With a key in a security module, in steps:
  konductor policy sign encryption.tar.gz --export-payload payload.bin
  openssl dgst -sha256 -sign key.pem -out payload.sig payload.bin
  konductor policy sign encryption.tar.gz --signature payload.sig --public-key key.pub.pem \\
      --export-timestamp-request request.tsq
  konductor policy sign encryption.tar.gz --timestamp-response response.tsr")]
    Sign(Box<PolicySignArguments>),
    /// Check who signed a package: as the policies ask, or with keys that are named.
    #[command(after_help = "\
Examples:
  konductor policy verify encryption                                       as a run would
  konductor policy verify encryption.tar.gz --key key.pub.pem --tsa tsa.pem
  konductor policy verify oci://registry.example/policies/encryption:1.2.0 --key key.pub.pem --tsa tsa.pem")]
    Verify(PolicyVerifyArguments),
    /// Write into konductor.lock what the project's packages from registries and files are, and who signed them.
    #[command(after_help = "\
Examples:
  konductor policy lock                          lock what is not locked; what is stays as it is
  konductor policy lock --update encryption      take what its tag leads to now")]
    Lock(PolicyLockArguments),
    /// Fetch packages into the cache, so that a later run needs no network; or into a folder, to carry them over.
    #[command(after_help = "\
Examples:
  konductor policy fetch && konductor run --offline
  konductor policy fetch encryption --output /media/usb/policies
Then, on the other side:  packages: [ { name: encryption, source: /media/usb/policies/encryption.tar.gz } ]")]
    Fetch(PolicyFetchArguments),
}

/// Arguments of `policy pack`.
#[derive(Debug, Args)]
pub struct PolicyPackArguments {
    /// The folder of the package.
    pub folder: PathBuf,
    /// Write here; without it NAME.tar.gz.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `policy publish`.
#[derive(Debug, Args)]
pub struct PolicyPublishArguments {
    /// The packed package, or its folder.
    pub path: PathBuf,
    /// Where to: `oci://HOST/PATH:TAG`.
    pub reference: String,
    /// A signature; without it NAME.sigstore.json beside the file, if it is there; can be given again.
    #[arg(long, value_name = "FILE")]
    pub bundle: Vec<PathBuf>,
    /// Say what would be pushed, and push nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `policy sign`.
#[derive(Debug, Args)]
pub struct PolicySignArguments {
    /// The packed package.
    pub file: PathBuf,
    /// The name of the package in what is signed; without it that of the file.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How.
    #[command(flatten)]
    pub signing: SigningArguments,
}

/// Arguments of `policy verify`.
#[derive(Debug, Args)]
pub struct PolicyVerifyArguments {
    /// The name of a package, a packed file, or `oci://HOST/PATH:TAG`.
    pub package: String,
    /// With what.
    #[command(flatten)]
    pub verification: VerificationArguments,
}

/// Arguments of `policy lock`.
#[derive(Debug, Args)]
pub struct PolicyLockArguments {
    /// The names; without any all that the project names with a source.
    pub names: Vec<String>,
    /// Take what the source of this package leads to now; can be given again.
    #[arg(long, value_name = "NAME")]
    pub update: Vec<String>,
    /// Show what would be written, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `policy fetch`.
#[derive(Debug, Args)]
pub struct PolicyFetchArguments {
    /// The names; without any all that have a source.
    pub names: Vec<String>,
    /// Write the packages and their signatures into this folder, too.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// Arguments of `policy test`.
#[derive(Debug, Args)]
pub struct PolicyTestArguments {
    /// Folders with packages, packed files or `oci://HOST/PATH:TAG`; without any those that the site and the project name.
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
    /// Judge the input by the package in this folder, packed file or `oci://HOST/PATH:TAG`, not by those that the site and
    /// the project name.
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
