//! What can be typed behind `audit`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use konductor_audit::{Filter, KINDS, NamePattern};

use crate::point::Point;

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  konductor audit --since 7d --failed          what went wrong within a week
  konductor audit --all --actor 'ada@*'        what somebody did, in every stack
  konductor audit --resource 'aws:iam:*' --kind end
  konductor audit --deployment 12 --cloud-calls
  konductor audit export --format ecs --since 2026-11-01 --output audit.jsonl"
)]
pub struct AuditArguments {
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Which events.
    #[command(flatten)]
    pub selection: EventSelection,
}

/// Commands below `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write events in a form that other systems read.
    #[command(after_help = "\
Example: konductor audit export --format cef --since 1d --output events.cef

jsonl is one JSON object a line. ecs is that with the names of the Elastic Common Schema 9.4. cef is ArcSight's Common
Event Format, version 0. Every event has the number and the hash of its entry in the log.")]
    Export(ExportArguments),
    /// Deliver to the targets of the section `audit` what they have not got yet.
    #[command(after_help = "\
Example: konductor audit forward --all

How far a target got stands in the log, so that whoever forwards next goes on there. Every run does it, too.")]
    Forward(ForwardArguments),
    /// Put the log where it is kept as long as the section `audit` and the policies of the site demand.
    #[command(after_help = "\
Examples:
  konductor audit archive --to /mnt/archive --dry-run
  konductor audit archive --all --to 's3://archive/platform?region=eu-west-1'

The archive is read back, and the log says which entries are where and until when. Nothing is taken out of the log.")]
    Archive(ArchiveLogArguments),
    /// Prove that no entry of the log is missing, moved or changed, and check the signed statements about its runs.
    #[command(after_help = "\
Examples:
  konductor audit verify --public-key keys/audit.pem --require-signed
  konductor audit verify --file copy.db --without-key
  konductor audit verify --head 42:5cf97d75…   the entry that was the last one when you looked")]
    Verify(VerifyLogArguments),
}

/// Arguments of `audit archive`.
#[derive(Debug, Args)]
pub struct ArchiveLogArguments {
    /// Where to: a place as with `konductor backup --to`, and another one than that of backups.
    #[arg(long, value_name = "PLACE")]
    pub to: String,
    /// The logs of every stack of the project.
    #[arg(long)]
    pub all: bool,
    /// Say what would be archived and until when it would be kept, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyLogArguments {
    /// Every stack of the project.
    #[arg(long, conflicts_with_all = ["file", "head"])]
    pub all: bool,
    /// This file, a copy of a log, in place of the stack's own.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Of an encrypted log, check only that what is stored is in order and unchanged, which needs no key.
    #[arg(long, conflicts_with_all = ["public_key", "require_signed", "head"])]
    pub without_key: bool,
    /// Check signed statements with this public key (PEM); can be given again. Without it those of the configuration.
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
    /// Fail where a run has ended that no signed statement is about.
    #[arg(long)]
    pub require_signed: bool,
    /// An entry that is known from before, and its hash: the log must still have it, and so all before it.
    #[arg(long, value_name = "ENTRY:HASH", value_parser = known_head)]
    pub head: Option<(u64, String)>,
}

/// Reads the number of an entry and its hash.
fn known_head(text: &str) -> Result<(u64, String), String> {
    let read = || {
        let (serial, hash) = text.split_once(':')?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let serial = serial.parse().ok().filter(|serial| *serial > 0)?;
        is_hash.then(|| (serial, hash.to_ascii_lowercase()))
    };
    read().ok_or_else(|| "expected the number of an entry and its hash of 64 digits: `42:5cf9…`".to_owned())
}

/// Arguments of `audit forward`.
#[derive(Debug, Args)]
pub struct ForwardArguments {
    /// The events of every stack of the project.
    #[arg(long)]
    pub all: bool,
    /// Only to this target; can be given again.
    #[arg(long, value_name = "NAME")]
    pub target: Vec<String>,
}

/// Arguments of `audit export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The form.
    #[arg(long, value_enum, default_value_t = EventFormat::Jsonl, value_name = "FORMAT")]
    pub format: EventFormat,
    /// The file to write to; without it, the events are printed.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which events.
    #[command(flatten)]
    pub selection: EventSelection,
}

/// The form of exported events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// One JSON object a line.
    Jsonl,
    /// ArcSight's Common Event Format.
    Cef,
    /// The Elastic Common Schema, one JSON object a line.
    Ecs,
}

/// Which events of which stacks.
#[derive(Debug, Clone, Args)]
pub struct EventSelection {
    /// Of every stack of the project, one stack after the other.
    #[arg(long)]
    pub all: bool,
    /// Written then or later: a time, a date, or a span back from now such as `7d` or `2h`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Timestamp>,
    /// Written before then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
    /// By this user, as `USER@HOST`; `*` stands for any text. Can be given again.
    #[arg(long, value_name = "PATTERN")]
    pub actor: Vec<NamePattern>,
    /// Of this kind; can be given again.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS))]
    pub kind: Vec<String>,
    /// About a resource with this name, type or identity; `*` stands for any text. Can be given again.
    #[arg(long, value_name = "PATTERN")]
    pub resource: Vec<NamePattern>,
    /// Of this run: its number, as `konductor history` shows it, or its identifier.
    #[arg(long, value_name = "RUN")]
    pub deployment: Option<String>,
    /// Only what failed or was refused.
    #[arg(long)]
    pub failed: bool,
    /// Only requests to clouds.
    #[arg(long)]
    pub cloud_calls: bool,
}

impl EventSelection {
    /// Returns which events are meant.
    pub fn filter(&self) -> Filter {
        Filter {
            since: self.since,
            until: self.until,
            actors: self.actor.clone(),
            kinds: self.kind.clone(),
            resources: self.resource.clone(),
            deployment: self.deployment.clone(),
            failed: self.failed,
            cloud_calls: self.cloud_calls,
        }
    }
}

/// Reads a time. Other points of the history are no time.
fn time(text: &str) -> Result<Timestamp, String> {
    match text.parse() {
        Ok(Point::Time(time)) => Ok(time),
        Ok(Point::Now) => Ok(Timestamp::now()),
        Ok(Point::Run(_) | Point::Entry(_)) | Err(_) => {
            Err("expected a time such as 2026-11-21T10:00:00Z or 2026-11-21, or a span such as 7d".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_time_and_no_number_of_a_run() {
        assert!(time("2026-11-21T10:00:00Z").is_ok());
        assert!(time("7d").unwrap() < Timestamp::now());
        for wrong in ["7", "entry:3", "yesterday"] {
            assert!(time(wrong).unwrap_err().contains("expected a time"), "{wrong}");
        }
    }
}
