//! Many operations at once, each of which waits for a cloud.
//!
//! *sandbox*: the example plugin for PowerDNS creates zones, each in an instance of its own that is suspended while it
//! waits for a server on this machine, through the broker. *simulated*: the reference plugin plans, and the embedded
//! simulated cloud answers; no instance waits. Both take the same time for every answer.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::measure::{Cost, measure};
use super::slow_cloud::SlowCloud;
use crate::command::{command, step};
use crate::folders;

/// How many operations run at the same time.
const PARALLELISM: [usize; 4] = [100, 1_000, 3_000, 10_000];

/// Who answers the operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Sandbox,
    Simulated,
}

/// What one run took.
struct Measured {
    cost: Cost,
    /// How long each operation took, from its entry in the log to its end, the shortest first.
    milliseconds: Vec<u64>,
    /// How many requests the server had to answer at once at most.
    at_once: Option<usize>,
}

/// What is measured.
pub struct Operations {
    /// The host.
    pub binary: PathBuf,
    /// How many operations.
    pub count: usize,
    /// How long the cloud takes for every answer.
    pub latency: Duration,
    /// The most time that one command may take.
    pub limit: Duration,
}

impl Operations {
    /// Measures with each parallelism and prints a table.
    ///
    /// # Errors
    /// When a run fails, or does not do everything.
    pub fn measure_all(&self) -> Result<()> {
        let count = self.count;
        let mut table = String::from(
            "| answers | at the same time | apply | ideal | ratio | operations a second | p50 | p99 | processor | peak | requests at once |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for answers in [Answers::Sandbox, Answers::Simulated] {
            for parallelism in PARALLELISM
                .into_iter()
                .filter(|parallelism| *parallelism <= count)
            {
                step(&format!(
                    "{count} operations, {answers:?}, {parallelism} at the same time"
                ));
                let measured = self.run(answers, parallelism)?;
                let row = measured.row(answers, count, self.latency, parallelism);
                print!("    {row}");
                table.push_str(&row);
            }
        }
        println!(
            "\n{count} operations, each answered after {} ms. Ideal is the time that only waiting would take; all at once it \
             is {:.1} s.\n\n{table}",
            self.latency.as_millis(),
            self.latency.as_secs_f64(),
        );
        Ok(())
    }

    fn run(&self, answers: Answers, parallelism: usize) -> Result<Measured> {
        let folder = tempfile::Builder::new()
            .prefix("konductor-bench-")
            .tempdir()
            .context("making a folder for the measurement")?;
        let folder = folder.path();
        let cloud = match answers {
            Answers::Sandbox => Some(SlowCloud::start(self.latency)?),
            Answers::Simulated => None,
        };
        fs::write(folder.join("konductor.yaml"), project(answers, self.count))?;
        fs::write(folder.join("konductor.dev.yaml"), stack(cloud.as_ref()))?;
        let output = folder.join("output.jsonl");
        let step = |arguments: &[&str]| self.step(folder, answers, parallelism, arguments, &output);
        step(&["plan", "--out", "plan.bin"])?;
        let cost = step(&["apply", "plan.bin"])?;
        let milliseconds = durations(&fs::read_to_string(&output)?);
        ensure!(
            milliseconds.len() == self.count,
            "{} of {} operations were done",
            milliseconds.len(),
            self.count
        );
        let at_once = match &cloud {
            Some(cloud) => {
                let (all, most) = cloud.counted();
                ensure!(
                    all == self.count,
                    "the server was asked {all} times, not {}",
                    self.count
                );
                Some(most)
            }
            None => None,
        };
        Ok(Measured {
            cost,
            milliseconds,
            at_once,
        })
    }

    fn step(
        &self,
        folder: &Path,
        answers: Answers,
        parallelism: usize,
        arguments: &[&str],
        output: &Path,
    ) -> Result<Cost> {
        let plugins = match answers {
            Answers::Sandbox => "examples/plugins",
            Answers::Simulated => "plugins",
        };
        let mut konductor = command(&self.binary);
        konductor
            .current_dir(folder)
            .env("KONDUCTOR_PLUGIN_PATH", folders::target().join(plugins))
            .args(arguments)
            .args(["--parallelism", &parallelism.to_string(), "--json"]);
        if answers == Answers::Simulated {
            let latency = self.latency.as_millis().to_string();
            konductor.args(["--simulate", "--simulate-latency", &latency]);
        }
        let cost = measure(&mut konductor, output, self.limit)?;
        let tail = || {
            let text = fs::read_to_string(output).unwrap_or_default();
            let tail: Vec<String> = text.lines().rev().take(10).map(str::to_owned).collect();
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        ensure!(
            cost.code == Some(0),
            "`{konductor:?}` ended with {:?}:\n{}",
            cost.code,
            tail()
        );
        Ok(cost)
    }
}

fn project(answers: Answers, count: usize) -> String {
    match answers {
        // A limit that is never reached: what is measured is not the rate limit.
        Answers::Sandbox => format!(
            "name: bench\nplugins:\n  powerdns:\n    source: bundled\n    grant: requested\n    rate_limit: {{ requests_per_second: 1000000 }}\n\
             resources:\n  zone:\n    type: powerdns:dns:Zone\n    count: {count}\n    properties: {{ name: \"zone-${{count.index}}.example.org.\" }}\n"
        ),
        Answers::Simulated => format!(
            "name: bench\nplugins: {{ reference: {{ source: bundled }} }}\n\
             resources:\n  item:\n    type: reference:test:Item\n    count: {count}\n    properties: {{ label: \"item-${{count.index}}\" }}\n"
        ),
    }
}

fn stack(cloud: Option<&SlowCloud>) -> String {
    let mut text = String::from("config:\n  project: { environment: dev }\n");
    if let Some(cloud) = cloud {
        let _ = writeln!(
            text,
            "  powerdns:\n    endpoint_url: {}\n    credentials:\n      header: {{ name: X-API-Key, value: none }}",
            cloud.url()
        );
    }
    text
}

/// Returns how long each operation took that was done, the shortest first.
fn durations(events: &str) -> Vec<u64> {
    let mut found: Vec<u64> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| {
            event
                .get("event")
                .is_some_and(|kind| kind == "operation-finished")
        })
        .filter_map(|event| event.get("milliseconds")?.as_u64())
        .collect();
    found.sort_unstable();
    found
}

impl Measured {
    fn percentile(&self, percent: usize) -> u64 {
        let last = self.milliseconds.len().saturating_sub(1);
        self.milliseconds
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }

    #[allow(clippy::cast_precision_loss, reason = "counts are small")]
    fn row(&self, answers: Answers, count: usize, latency: Duration, parallelism: usize) -> String {
        let wall = self.cost.wall.as_secs_f64();
        let ideal = latency.as_secs_f64() * count.div_ceil(parallelism) as f64;
        format!(
            "| {} | {parallelism} | {wall:.2} s | {ideal:.1} s | {:.1} | {:.0} | {} ms | {} ms | {:.2} s | {} MB | {} |\n",
            match answers {
                Answers::Sandbox => "sandbox",
                Answers::Simulated => "simulated",
            },
            wall / ideal,
            count as f64 / wall,
            self.percentile(50),
            self.percentile(99),
            self.cost.cpu.as_secs_f64(),
            self.cost.peak / 1_000_000,
            self.at_once.map_or("–".to_owned(), |most| most.to_string()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_operations_that_were_done_count_and_percentiles_are_of_them() {
        let events = (1..=200)
            .rev()
            .map(|milliseconds| {
                format!("{{\"event\":\"operation-finished\",\"milliseconds\":{milliseconds}}}\n")
            })
            .collect::<String>()
            + "{\"event\":\"operation-failed\",\"milliseconds\":5000}\nno event\n";
        let measured = Measured {
            cost: Cost {
                wall: Duration::from_secs(2),
                cpu: Duration::from_secs(1),
                peak: 50_000_000,
                code: Some(0),
            },
            milliseconds: durations(&events),
            at_once: Some(7),
        };
        assert_eq!((measured.percentile(50), measured.percentile(99)), (100, 198));
        let row = measured.row(Answers::Sandbox, 200, Duration::from_millis(100), 100);
        assert_eq!(
            row,
            "| sandbox | 100 | 2.00 s | 0.2 s | 10.0 | 100 | 100 ms | 198 ms | 1.00 s | 50 MB | 7 |\n"
        );
    }
}
