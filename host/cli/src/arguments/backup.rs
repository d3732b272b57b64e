//! What can be typed behind `backup` and `restore`.

use std::time::Duration;

use clap::Args;

use super::refresh::duration;

/// The shortest time between two backups: each asks the state and every place.
const SHORTEST: Duration = Duration::from_secs(1);

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor backup --to /mnt/backup
  konductor backup --all --to 's3://backups/platform?region=eu-west-1' --to /mnt/backup
  konductor backup --all --every 30s --to postgresql://backup@db2.example.com/backups

What is there already is not copied again. `konductor restore --verify` tells whether a backup can be restored.")]
pub struct BackupArguments {
    /// Where to: a folder, `s3://BUCKET/PREFIX?region=REGION&endpoint=URL` or `postgresql://USER@HOST/DATABASE`; can be
    /// given again.
    #[arg(long, required = true, value_name = "PLACE")]
    pub to: Vec<String>,
    /// Every stack of the project that was ever deployed.
    #[arg(long)]
    pub all: bool,
    /// Go on until Ctrl-C, and copy what is new after each such time: 30s, 5m.
    #[arg(long, value_name = "TIME", value_parser = every)]
    pub every: Option<Duration>,
    /// Encrypt what comes from a file for the project's recipients. What a backend holds encrypted is copied as it is.
    #[arg(long)]
    pub encrypt: bool,
    /// Back up this machine's copy of a log whose backend is lost.
    #[arg(long, conflicts_with_all = ["all", "every"])]
    pub from_copy: bool,
    /// Say what would be copied, and copy nothing.
    #[arg(long, conflicts_with = "every")]
    pub dry_run: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  konductor restore --verify --from /mnt/backup              prove that it can be restored; nothing is written
  konductor restore --verify --all --within 1m --from /mnt/backup
  konductor restore --from /mnt/backup                       to where the project has its state, when nothing is there
  konductor restore --from /mnt/backup --to sqlite

Afterwards `konductor plan` says what happened in the cloud since the backup.")]
pub struct RestoreArguments {
    /// The place of the backup, as with `konductor backup --to`.
    #[arg(long, value_name = "PLACE")]
    pub from: String,
    /// Write nothing: check the whole backup, and compare it with the state there is.
    #[arg(long)]
    pub verify: bool,
    /// With --verify: fail when the first change that the backup lacks is older than this.
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "verify")]
    pub within: Option<Duration>,
    /// Every stack of the project that has a backup there.
    #[arg(long)]
    pub all: bool,
    /// Restore to another place than the project says: `sqlite`, `postgresql://…`, `s3://…`.
    #[arg(long, value_name = "PLACE", conflicts_with = "verify")]
    pub to: Option<String>,
    /// Encrypt whole entries at the place that --to names.
    #[arg(long, requires = "to")]
    pub encrypt: bool,
    /// Restore although there is a state. It is only added to; one that has what the backup has not is left as it is.
    #[arg(long, conflicts_with = "verify")]
    pub replace: bool,
    /// Give up entries that the backup has not. The file they are in is kept beside the new one.
    #[arg(long, requires = "replace")]
    pub discard_newer: bool,
    /// Check the backup and say what would be done.
    #[arg(long, conflicts_with = "verify")]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

fn every(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < SHORTEST {
        return Err("expected at least 1s".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_not_made_without_a_pause() {
        assert_eq!(every("30s"), Ok(Duration::from_secs(30)));
        for wrong in ["0s", "10ms", "-5s", "soon"] {
            assert!(every(wrong).is_err(), "{wrong}");
        }
    }
}
