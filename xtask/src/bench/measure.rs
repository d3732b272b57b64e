//! One command, measured from outside: time, processor time, peak memory.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use wait4::Wait4 as _;

/// What one command took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of all its threads.
    pub cpu: Duration,
    /// The most memory it had resident, in bytes.
    pub peak: u64,
    /// Its exit code; none when it was killed because it took too long.
    pub code: Option<i32>,
}

/// Runs a command and measures it. What it prints goes to a file.
///
/// # Errors
/// When it cannot be started.
pub fn measure(command: &mut Command, output: &Path, limit: Duration) -> Result<Cost> {
    let file = File::create(output).with_context(|| format!("creating {}", output.display()))?;
    let started = Instant::now();
    let child = command
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("`{}` could not be started", command.get_program().display()))?;
    let (ended, wait) = channel::<()>();
    let process = child.id().to_string();
    let watchdog = std::thread::spawn(move || {
        let overdue = matches!(wait.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
        if overdue {
            let _ = Command::new("kill").args(["-KILL", &process]).status();
        }
        overdue
    });
    let usage = child.wait4().context("waiting for the command")?;
    let wall = started.elapsed();
    drop(ended);
    let overdue = watchdog.join().unwrap_or(false);
    Ok(Cost {
        wall,
        cpu: usage.rusage.utime + usage.rusage.stime,
        peak: usage.rusage.maxrss,
        code: if overdue { None } else { usage.status.code() },
    })
}
