//! What is measured: Konductor, and Terraform beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::measure::{Cost, measure};
use super::shapes::Shape;
use crate::command::{command, output};
use crate::folders;

/// What a tool took for one stack; a step is missing when it or one before it was not done in time.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// In the order of [`STEPS`].
    pub steps: [Option<Cost>; STEPS.len()],
    /// The step that took longer than the limit, with the limit.
    pub overdue: Option<(usize, Duration)>,
    /// The size of what is kept after apply, in bytes.
    pub state: u64,
}

/// The names of the steps: a drift check reads everything and compares it with what is recorded.
pub const STEPS: [&str; 5] = ["plan", "apply", "no-op plan", "drift check", "destroy"];

impl Run {
    /// Returns the most memory any step had resident, in bytes.
    pub fn peak(&self) -> u64 {
        self.steps
            .iter()
            .flatten()
            .map(|cost| cost.peak)
            .max()
            .unwrap_or(0)
    }

    /// Returns a step as text: seconds of wall and processor time.
    pub fn step(&self, index: usize) -> String {
        match (self.steps.get(index).copied().flatten(), self.overdue) {
            (Some(cost), _) => format!("{:.2}/{:.2}", cost.wall.as_secs_f64(), cost.cpu.as_secs_f64()),
            (None, Some((overdue, limit))) if overdue == index => format!("> {}", limit.as_secs()),
            _ => "–".to_owned(),
        }
    }

    /// Returns everything on one line.
    pub fn line(&self) -> String {
        let steps: Vec<String> = STEPS
            .iter()
            .enumerate()
            .map(|(index, name)| format!("{name} {} s", self.step(index)))
            .collect();
        format!("{}, peak {} MB", steps.join(", "), self.peak() / 1_000_000)
    }
}

/// A tool that deploys a stack.
pub trait Subject {
    /// Prepares a folder with the stack and returns the commands of the steps.
    ///
    /// # Errors
    /// When the folder cannot be written.
    fn prepare(&self, folder: &Path, shape: Shape, size: usize) -> Result<[Command; STEPS.len()]>;

    /// Returns the file that holds what is kept after apply.
    fn state(&self, folder: &Path) -> PathBuf;

    /// Measures the steps on a stack in a folder of its own.
    ///
    /// # Errors
    /// When a step fails; not when it is too slow.
    fn measure(&self, shape: Shape, size: usize, limit: Duration) -> Result<Run> {
        let folder = tempfile::Builder::new()
            .prefix("konductor-bench-")
            .tempdir()
            .context("making a folder for the measurement")?;
        let mut run = Run::default();
        let log = folder.path().join("output.txt");
        let commands = self.prepare(folder.path(), shape, size)?;
        for (index, (mut command, slot)) in commands.into_iter().zip(&mut run.steps).enumerate() {
            let cost = measure(&mut command, &log, limit)?;
            if cost.code.is_none() && cost.wall >= limit {
                run.overdue = Some((index, limit));
                break;
            }
            let text = fs::read_to_string(&log).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(20).collect();
            ensure!(
                cost.code == Some(0),
                "`{command:?}` ended with {:?}:\n{}",
                cost.code,
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
            *slot = Some(cost);
            if index == 1 {
                run.state = fs::metadata(self.state(folder.path())).map_or(0, |found| found.len());
            }
        }
        Ok(run)
    }
}

/// The release binary with the reference plugin.
pub struct Konductor {
    binary: PathBuf,
}

impl Konductor {
    /// Takes the binary that was built.
    pub fn new() -> Self {
        Self {
            binary: folders::konductor("release"),
        }
    }
}

impl Subject for Konductor {
    fn prepare(&self, folder: &Path, shape: Shape, size: usize) -> Result<[Command; STEPS.len()]> {
        fs::write(folder.join("konductor.yaml"), shape.konductor(size))?;
        fs::write(
            folder.join("konductor.dev.yaml"),
            "config: { project: { environment: dev } }\n",
        )?;
        let step = |arguments: &[&str]| {
            let mut command = command(&self.binary);
            command
                .current_dir(folder)
                .env("KONDUCTOR_PLUGIN_PATH", folders::target().join("plugins"))
                .args(arguments);
            command
        };
        Ok([
            step(&["plan", "--out", "plan.bin"]),
            step(&["apply", "plan.bin"]),
            step(&["plan", "--detailed-exitcode"]),
            step(&["drift", "--detailed-exitcode"]),
            step(&["destroy", "--yes"]),
        ])
    }

    fn state(&self, folder: &Path) -> PathBuf {
        folder.join(".konductor/dev.db")
    }
}

/// Terraform from `PATH`.
pub struct Terraform {
    version: String,
}

impl Terraform {
    /// Looks for it.
    pub fn find() -> Option<Self> {
        let text = output(command("terraform").arg("version").env("CHECKPOINT_DISABLE", "1")).ok()?;
        let version = text
            .lines()
            .find(|line| line.starts_with("Terraform v"))?
            .trim()
            .to_owned();
        Some(Self { version })
    }

    /// Returns its name and version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl Subject for Terraform {
    fn prepare(&self, folder: &Path, shape: Shape, size: usize) -> Result<[Command; STEPS.len()]> {
        fs::write(folder.join("main.tf"), shape.terraform(size))?;
        fs::write(folder.join("terraformrc"), "")?;
        let step = |arguments: &[&str]| {
            let mut command = command("terraform");
            command
                .current_dir(folder)
                .env("CHECKPOINT_DISABLE", "1")
                .env("TF_IN_AUTOMATION", "1")
                .env("TF_CLI_CONFIG_FILE", folder.join("terraformrc"))
                .args(arguments)
                .arg("-no-color");
            command
        };
        output(&mut step(&["init", "-backend=false"]))?;
        let mut apply = step(&["apply", "-input=false"]);
        apply.arg("plan.bin");
        Ok([
            step(&["plan", "-input=false", "-out=plan.bin"]),
            apply,
            step(&["plan", "-input=false", "-detailed-exitcode"]),
            step(&["plan", "-refresh-only", "-input=false", "-detailed-exitcode"]),
            step(&["destroy", "-input=false", "-auto-approve"]),
        ])
    }

    fn state(&self, folder: &Path) -> PathBuf {
        folder.join("terraform.tfstate")
    }
}
