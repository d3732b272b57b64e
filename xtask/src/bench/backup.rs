//! How much a backup lacks while a stack is deployed, and how long it takes to bring the state back.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::measure::measure;
use super::shapes::Shape;
use crate::command::{command, step};
use crate::folders;

/// What was measured of one stack.
struct Figures {
    apply: Duration,
    rounds: usize,
    /// The longest time for which a change was in the state alone, while the stack was deployed.
    worst: Duration,
    verify: Duration,
    restore: Duration,
    restore_peak: u64,
    bytes: u64,
}

/// Measures stacks of independent resources, and prints a table.
///
/// # Errors
/// When Konductor does not do what is measured, or the state that was brought back is not the one that was lost.
pub fn measure_backups(sizes: &[usize], every: u32, profile: &str, limit: Duration) -> Result<()> {
    let mut lines = vec![format!(
        "Backups every {every} s, of the {profile} build. Seconds; the log in MB; peak of `restore` in MB.\n\n\
         | resources | log | apply | backups meanwhile | recovery point, worst | `restore --verify` | `restore` | peak |\n\
         |---|---|---|---|---|---|---|---|"
    )];
    for &size in sizes {
        step(&format!("backups of {size} resources"));
        let figures = one(size, every, profile, limit)?;
        lines.push(format!(
            "| {size} | {} | {:.1} | {} | {:.1} | {:.1} | {:.1} | {} |",
            figures.bytes / 1_000_000,
            figures.apply.as_secs_f64(),
            figures.rounds,
            figures.worst.as_secs_f64(),
            figures.verify.as_secs_f64(),
            figures.restore.as_secs_f64(),
            figures.restore_peak / 1_000_000,
        ));
    }
    println!("\n{}", lines.join("\n"));
    Ok(())
}

fn one(size: usize, every: u32, profile: &str, limit: Duration) -> Result<Figures> {
    let folder = tempfile::Builder::new()
        .prefix("konductor-bench-")
        .tempdir()
        .context("making a folder for the measurement")?;
    let folder = folder.path();
    fs::write(folder.join("konductor.yaml"), Shape::WideCounted.konductor(size))?;
    fs::write(
        folder.join("konductor.dev.yaml"),
        "config: { project: { environment: dev } }\n",
    )?;
    fs::create_dir(folder.join("backup"))?;
    let run = |arguments: &[&str]| {
        let mut command = command(folders::konductor(profile));
        command
            .current_dir(folder)
            .env("KONDUCTOR_PLUGIN_PATH", folders::target().join("plugins"))
            .args(arguments);
        command
    };
    let log = folder.join("output.txt");
    let timed = |arguments: &[&str]| {
        let cost = measure(&mut run(arguments), &log, limit)?;
        let text = fs::read_to_string(&log).unwrap_or_default();
        ensure!(cost.code == Some(0), "`{arguments:?}` failed:\n{text}");
        Ok(cost)
    };

    let mut backups = Backups::start(
        run(&[
            "backup",
            "--all",
            "--every",
            &format!("{every}s"),
            "--to",
            "backup",
            "--json",
        ]),
        every,
    )?;
    let apply = timed(&["run", "--yes"])?;
    backups.until_complete()?;
    let bytes = fs::metadata(folder.join(".konductor/dev.db"))?.len();
    let verify = timed(&["restore", "--verify", "--within", "0s", "--from", "backup"])?;
    fs::remove_dir_all(folder.join(".konductor"))?;
    let restore = timed(&["restore", "--yes", "--from", "backup"])?;
    timed(&["plan", "--detailed-exitcode"])?;
    Ok(Figures {
        apply: apply.wall,
        rounds: backups.rounds,
        worst: backups.worst,
        verify: verify.wall,
        restore: restore.wall,
        restore_peak: restore.peak,
        bytes,
    })
}

/// A process that makes backups, and what its lines say.
struct Backups {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
    rounds: usize,
    worst: Duration,
    as_of: Option<Timestamp>,
    every: Duration,
}

impl Backups {
    fn start(mut command: Command, every: u32) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting `konductor backup`")?;
        let output = child.stdout.take().context("reading `konductor backup`")?;
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            lines,
            rounds: 0,
            worst: Duration::ZERO,
            as_of: None,
            every: Duration::from_secs(u64::from(every)),
        })
    }

    /// Takes in what was said so far, and waits for a backup that had nothing to copy any more.
    fn until_complete(&mut self) -> Result<()> {
        let now = Timestamp::now();
        let patience = Instant::now();
        loop {
            let Ok(line) = self.lines.recv_timeout(Duration::from_secs(300)) else {
                bail!("`konductor backup` says nothing any more");
            };
            ensure!(
                patience.elapsed() < Duration::from_secs(1_800),
                "the backup does not come to an end"
            );
            let event: Value = serde_json::from_str(&line).context("reading an event")?;
            if event.get("event").and_then(Value::as_str) != Some("backup-made") {
                continue;
            }
            let time = |name: &str| -> Result<Timestamp> {
                let text = event
                    .get(name)
                    .and_then(Value::as_str)
                    .context("an event has times")?;
                Ok(text.parse()?)
            };
            let (made, as_of) = (time("time")?, time("as_of")?);
            // What was written right after the end of the log was read the last time is in this backup at the earliest.
            // Before the first one there was a look at a stack without a log, one pause earlier.
            let since = match self.as_of {
                Some(as_of) => as_of,
                None => as_of.checked_sub(self.every)?,
            };
            let lacked = Duration::try_from(made.duration_since(since)).unwrap_or_default();
            self.worst = self.worst.max(lacked);
            self.rounds += 1;
            self.as_of = Some(as_of);
            if event.get("segments").and_then(Value::as_u64) == Some(0) && as_of > now {
                return Ok(());
            }
        }
    }
}

impl Drop for Backups {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
