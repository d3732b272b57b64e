//! What can be typed behind `state` and `log`.

use clap::Subcommand;

use crate::point::{FORMS, Point};

/// Commands below `state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List what is recorded.
    List {
        /// Only types of this form, for example `aws:ec2:*` or `aws:s3:Bucket`.
        #[arg(long = "type", value_name = "PATTERN")]
        type_pattern: Option<String>,
    },
    /// Show one resource as it is recorded.
    Show {
        /// The name.
        name: String,
        /// Show secret values too.
        #[arg(long)]
        show_secrets: bool,
    },
    /// List what was recorded at another time, or show one resource as it was.
    #[command(after_help = FORMS)]
    At {
        /// When.
        point: Point,
        /// The name of one resource, to show all of it.
        name: Option<String>,
        /// Show secret values too.
        #[arg(long, requires = "name")]
        show_secrets: bool,
    },
    /// Give a resource another name, or resources to another stack, without touching the cloud.
    #[command(
        override_usage = "konductor state move [OPTIONS] <FROM> <TO>\n       konductor state move [OPTIONS] <NAME>... --to-stack <STACK>"
    )]
    Move {
        /// The name it has and the name it gets; with --to-stack the names of what moves.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Hand them over to this stack of the project.
        #[arg(long, value_name = "STACK")]
        to_stack: Option<String>,
    },
    /// Forget a resource without deleting it.
    Remove {
        /// The name; several can be given.
        #[arg(required = true)]
        names: Vec<String>,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Move the stack's log to another place, compare both, and close the old one.
    #[command(
        after_help = "Examples:\n  konductor state migrate --to postgresql://deploy@db.example.com/konductor\n  \
                            konductor state migrate --to 's3://states/platform?region=eu-west-1'\n  \
                            konductor state migrate --to sqlite"
    )]
    Migrate {
        /// Where to: `sqlite`, `postgresql://USER@HOST/DATABASE`, or `s3://BUCKET/PREFIX?region=REGION&endpoint=URL`.
        #[arg(long, value_name = "PLACE")]
        to: String,
        /// Encrypt whole entries there, as `encrypt: true` does.
        #[arg(long)]
        encrypt: bool,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Show which keys protect the stack's state. It needs none of them.
    #[command(after_help = "Example: konductor state keys --json")]
    Keys,
    /// Give the stack a new data key, wrapped for the keys that konductor.yaml names now. What was written stays as it is,
    /// and opens with the new key; a plain file is encrypted where `encrypt: true` asks for it.
    #[command(
        after_help = "Example, after taking a recipient out of `secrets` in konductor.yaml:\n  konductor state rotate-key --yes"
    )]
    RotateKey {
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Remove a lock that nobody holds any more.
    Unlock {
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
}

/// Commands below `log`.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show entries, the newest last.
    Show {
        /// How many of the newest.
        #[arg(short = 'n', long, default_value_t = 50, value_name = "COUNT")]
        last: u64,
        /// All entries.
        #[arg(long, conflicts_with = "last")]
        all: bool,
        /// Only entries about this resource.
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
    },
    /// Check the whole chain and everything derived from it.
    Verify {
        /// Of an encrypted log, check only that what is stored is in order and unchanged, which needs no key.
        #[arg(long)]
        without_key: bool,
    },
}
