//! What can be typed below `konductor plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{DevArguments, NewArguments};

/// Commands below `plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Start a plugin of your own: sources that build, with tests, fixtures and an example stack.
    #[command(after_help = "\
What is written works: a resource type of Kinto, a small JSON store to be had with `pip install kinto`. Make it yours.
The SDK is the release of this version; --sdk, or KONDUCTOR_SDK, takes a checkout instead. The SDK for JavaScript is not
published to npm, so that language needs a checkout.

Examples:
  konductor plugin new board
  konductor plugin new board --language python --sdk ../konductor
  konductor plugin new board --language javascript --sdk ../konductor      in TypeScript")]
    New(NewArguments),
    /// Build the plugin in this folder into build/NAME.wasm, with its manifest.
    #[command(after_help = "\
Rust needs the target wasm32-wasip2, Python componentize-py (in .venv or on PATH), TypeScript and JavaScript Node.js and
the packages that `npm install` puts into node_modules; the module they start from is the \"main\" of package.json. No path
of this machine gets into a component built from Rust.

Example: konductor -C board plugin build")]
    Build,
    /// Run the native tests of the plugin in this folder, without WebAssembly.
    #[command(after_help = "\
What stands after `--` goes to `cargo test`, `pytest` or `npm test`.

Examples:
  konductor plugin test
  konductor plugin test -- a_bucket_is_made")]
    Test {
        /// Arguments for the tool that runs the tests.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the plugin in this folder and plan its example stack, again whenever a source changes.
    #[command(after_help = "\
It says how long each step took, and goes on until it is interrupted. Nothing is applied.

Examples:
  konductor plugin dev
  konductor plugin dev --simulate      plan against a simulated cloud")]
    Dev(DevArguments),
    /// Write a page of documentation for each type of a plugin, from its schemas.
    #[command(after_help = "\
Examples:
  konductor plugin docs                            the build of the plugin in this folder, into docs
  konductor plugin docs acme.wasm --output site/acme")]
    Docs {
        /// The path of a `.wasm` file, or a name in konductor.yaml; without it the build of the plugin in this folder.
        plugin: Option<String>,
        /// The folder that the pages are written into.
        #[arg(short, long, value_name = "FOLDER", default_value = "docs")]
        output: PathBuf,
    },
    /// List the plugins that can be loaded.
    List,
    /// Show what a plugin is, offers and wants, without running it.
    #[command(after_help = "\
A file that carries its manifest is read, not run. One that was not packed is loaded to ask it.

Examples:
  konductor plugin inspect aws
  konductor plugin inspect build/acme.wasm --json")]
    Inspect {
        /// The name, or the path of a `.wasm` file.
        plugin: String,
    },
    /// Put a plugin's manifest into its file, so that it can be read without running it.
    #[command(after_help = "\
The plugin is asked once, in the sandbox and without any cloud; signing and publishing want a packed file.

Example: konductor plugin pack target/wasm32-wasip2/release/acme.wasm --output acme.wasm")]
    Pack {
        /// The component.
        file: PathBuf,
        /// Write here instead of over the file.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check that a plugin keeps the promises of the interface.
    #[command(after_help = "\
Without --conformance nothing is sent: the manifest, the schemas, their examples, and what check and plan answer.
With it objects of the fixture file are made, changed and deleted where the stack's konductor.yaml says, with the
credentials and the grant that a run of that stack would have. Use an account or a server that is there for tests.

With --record what is sent and answered is written into a file, without credentials, signatures and secrets. With --replay
the answers come from such a file: nothing is sent and no credentials are needed. A request that is not in it fails with
the nearest one that is. A recording is of the whole kit, so that neither goes with --only.

In the folder of a plugin, FILE is its build, the fixtures are its conformance.yaml, and the stack is its example.

Exit codes: 0 every check passed or was skipped with a reason, 1 something failed or was left behind.

Examples:
  konductor plugin check acme.wasm                                   what needs no cloud
  konductor plugin check --conformance                               in a plugin's folder: everything
  konductor plugin check acme.wasm --conformance --fixtures conformance.yaml --example stacks/test
  konductor plugin check --conformance --only network --json         two fixtures' worth, for a machine
  konductor plugin check --conformance --record recording.json       the same, and keep what was sent and answered
  konductor plugin check --conformance --replay recording.json       without a server: every answer is the recorded one")]
    Check(CheckArguments),
    /// Write konductor.lock: exact versions, digests, signers and approved grants.
    #[command(after_help = "\
Examples:
  konductor plugin lock                     lock what is not locked; what is keeps its version
  konductor plugin lock --update acme       take the newest version that konductor.yaml allows
  konductor plugin lock --approve           show what each plugin asks for beyond what was approved, and ask
  konductor plugin lock --approve --yes     approve it unseen, in a pipeline that reviews the lock file")]
    Lock(LockArguments),
    /// Fetch plugins into the cache, so that a later run needs no network.
    #[command(after_help = "Example: konductor plugin fetch && konductor run --offline")]
    Fetch {
        /// The names; without any all that the project needs.
        names: Vec<String>,
    },
    /// Sign a packed plugin.
    #[command(after_help = "\
The bundle is written beside the file, as NAME.sigstore.json.

With a key in a file:
  konductor plugin sign acme.wasm --key key.pem --timestamp-url https://tsa.example/

With a key in a security module, in steps:
  konductor plugin sign acme.wasm --export-payload payload.bin
  openssl dgst -sha256 -sign key.pem -out payload.sig payload.bin
  konductor plugin sign acme.wasm --signature payload.sig --public-key key.pub.pem \\
      --export-timestamp-request request.tsq
  konductor plugin sign acme.wasm --timestamp-response response.tsr")]
    Sign(Box<SignArguments>),
    /// Check a plugin's signature: against the policies, or against keys that are named.
    #[command(after_help = "\
Examples:
  konductor plugin verify acme                                        as a run would
  konductor plugin verify acme.wasm --key key.pub.pem --tsa tsa.pem   with these keys alone")]
    Verify(VerifyArguments),
    /// Push a packed plugin and its signatures to an OCI registry.
    #[command(after_help = "\
The credentials are those of `docker login`, `podman login` and `oras login`.

Example: konductor plugin publish acme.wasm oci://registry.example/konductor/acme")]
    Publish(PublishArguments),
    /// Copy plugins and their signatures into a folder that works without a network.
    #[command(after_help = "\
Examples:
  konductor plugin mirror /media/usb/plugins         what konductor.lock names
  konductor plugin mirror layout --format oci        in OCI image layout, for skopeo and oras
Then, on the other side:  plugins: { acme: { source: mirror:/media/usb/plugins } }")]
    Mirror(MirrorArguments),
    /// Show what each plugin was granted, what it used, and what could be taken away.
    #[command(after_help = "Example: konductor plugin audit --runs 20")]
    Audit {
        /// Look at this many of the newest runs.
        #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
        runs: u64,
    },
    /// Write one thing into a plugin's grant in konductor.yaml.
    #[command(after_help = "\
Examples:
  konductor plugin grant acme endpoints.ec2
  konductor plugin grant acme endpoints.ec2.regions eu-west-1
  konductor plugin grant acme reveal acme:db:User.password")]
    Grant {
        /// The plugin's name in konductor.yaml.
        name: String,
        /// The place below `grant`: `endpoints.ID`, `endpoints.ID.regions`, `credentials`, `reveal`, `metadata`.
        place: String,
        /// What is granted there; nothing for an endpoint as such.
        item: Option<String>,
    },
}

/// Arguments of `plugin check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The path of a `.wasm` file, or a name in konductor.yaml; without it the build of the plugin in this folder.
    #[arg(value_name = "FILE")]
    pub plugin: Option<String>,
    /// The fixture file: what objects are made; without it conformance.yaml, where there is one.
    #[arg(long, value_name = "FILE")]
    pub fixtures: Option<PathBuf>,
    /// Make, change and delete the objects of the fixture file in the cloud.
    #[arg(long)]
    pub conformance: bool,
    /// The folder of the stack whose configuration, credentials and grants are used; without it this folder, or the
    /// one named `example` in it.
    #[arg(long, value_name = "FOLDER")]
    pub example: Option<PathBuf>,
    /// Only this fixture and those it needs; can be given again.
    #[arg(long, value_name = "FIXTURE")]
    pub only: Vec<String>,
    /// Do not wait between polls of a long operation: for emulators, which are done as soon as they are asked.
    #[arg(long, requires = "conformance")]
    pub no_wait: bool,
    /// Write every request and its answer into this file, without credentials and secrets; only when all passes.
    #[arg(long, value_name = "FILE", requires = "conformance", conflicts_with_all = ["replay", "only"])]
    pub record: Option<PathBuf>,
    /// Answer every request from this recording: no server is called, and no credentials are needed.
    #[arg(long, value_name = "FILE", requires = "conformance", conflicts_with = "only")]
    pub replay: Option<PathBuf>,
}

/// Arguments of `plugin lock`.
#[derive(Debug, Args)]
pub struct LockArguments {
    /// The names; without any all that the project needs.
    pub names: Vec<String>,
    /// Ask about what plugins want beyond what was approved, and record the answer.
    #[arg(long)]
    pub approve: bool,
    /// With --approve: do not ask.
    #[arg(short, long, requires = "approve")]
    pub yes: bool,
    /// Take the newest version that will do for this plugin; can be given again.
    #[arg(long, value_name = "NAME")]
    pub update: Vec<String>,
    /// Show what would be written, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `plugin sign`.
#[derive(Debug, Args)]
pub struct SignArguments {
    /// The packed plugin.
    pub file: PathBuf,
    /// How.
    #[command(flatten)]
    pub signing: SigningArguments,
}

/// How something is signed.
#[derive(Debug, Args)]
pub struct SigningArguments {
    /// The private key, PKCS#8 in PEM form: P-256 or Ed25519.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "export_payload"])]
    pub key: Option<PathBuf>,
    /// Who builds: a URI that names the pipeline. It stands in the statement that is signed.
    #[arg(
        long,
        value_name = "URI",
        default_value = "https://konductor.dev/builders/by-hand"
    )]
    pub builder: String,
    /// What identifies the build, such as the URL of its log.
    #[arg(long, value_name = "TEXT")]
    pub invocation: Option<String>,
    /// The repository it was built from; with --commit.
    #[arg(long, value_name = "URL", requires = "commit")]
    pub repository: Option<String>,
    /// The commit it was built from; with --repository.
    #[arg(long, value_name = "COMMIT", requires = "repository")]
    pub commit: Option<String>,
    /// Ask this RFC 3161 authority for a timestamp.
    #[arg(long, value_name = "URL", conflicts_with = "timestamp_response")]
    pub timestamp_url: Option<url::Url>,
    /// Write the bytes to sign here, for a security module, and stop.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "timestamp_url", "timestamp_response"])]
    pub export_payload: Option<PathBuf>,
    /// The signature that was made over them elsewhere.
    #[arg(long, value_name = "FILE", requires = "public_key")]
    pub signature: Option<PathBuf>,
    /// The public key of that signature, in PEM form.
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Write the request for a timestamp here, to be sent by other means.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["timestamp_url", "timestamp_response"])]
    pub export_timestamp_request: Option<PathBuf>,
    /// The authority's answer to that request.
    #[arg(long, value_name = "FILE")]
    pub timestamp_response: Option<PathBuf>,
    /// The bundle; without it NAME.sigstore.json beside the file.
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
}

/// Arguments of `plugin verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The name, or the path of a `.wasm` file.
    pub plugin: String,
    /// With what.
    #[command(flatten)]
    pub verification: VerificationArguments,
}

/// With what a signature is verified, where not by the policies.
#[derive(Debug, Args)]
pub struct VerificationArguments {
    /// Accept this public key; can be given again.
    #[arg(long, value_name = "FILE", requires = "tsa")]
    pub key: Vec<PathBuf>,
    /// Accept timestamps of this authority: its certificates in PEM form; can be given again.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub tsa: Vec<PathBuf>,
    /// The bundle; without it those beside the file or in the registry.
    #[arg(long, value_name = "FILE")]
    pub bundle: Vec<PathBuf>,
}

/// Arguments of `plugin publish`.
#[derive(Debug, Args)]
pub struct PublishArguments {
    /// The packed plugin.
    pub file: PathBuf,
    /// Where to: `oci://HOST/PATH`; the tag is the plugin's version.
    pub repository: String,
    /// A signature bundle; without it NAME.sigstore.json beside the plugin, if it is there; can be given again.
    #[arg(long, value_name = "FILE")]
    pub bundle: Vec<PathBuf>,
    /// Say what would be pushed, and push nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `plugin mirror`.
#[derive(Debug, Args)]
pub struct MirrorArguments {
    /// The folder; what is in it already stays.
    pub folder: PathBuf,
    /// The names; without any all of konductor.lock.
    pub names: Vec<String>,
    /// The form.
    #[arg(short, long, value_enum, default_value_t = MirrorFormat::Directory)]
    pub format: MirrorFormat,
    /// Say what would be copied, and copy nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// The forms of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MirrorFormat {
    /// Folders and files that a person can read.
    Directory,
    /// An OCI image layout.
    Oci,
}
