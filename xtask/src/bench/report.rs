//! The figures as tables, on the terminal and in `docs/performance.md`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::criterion::Operation;
use super::shapes::Shape;
use super::subjects::{Run, STEPS};
use crate::command::{command, output};
use crate::folders;

const BEGIN: &str = "<!-- figures: written by `cargo xtask bench` -->";
const END: &str = "<!-- end of figures -->";

/// One line of the table.
pub struct Row {
    shape: Shape,
    size: usize,
    tool: &'static str,
    run: Run,
    ratio: String,
}

impl Row {
    /// Makes a line.
    pub fn new(shape: Shape, size: usize, tool: &'static str, run: Run) -> Self {
        Self {
            shape,
            size,
            tool,
            run,
            ratio: String::new(),
        }
    }

    /// Makes a line that says how many times as long a tool's apply took as ours, in wall time.
    pub fn compared(shape: Shape, size: usize, tool: &'static str, run: Run, ours: &Run) -> Self {
        let apply = |run: &Run| {
            run.steps
                .get(1)
                .copied()
                .flatten()
                .map(|cost| cost.wall.as_secs_f64())
        };
        let ratio = match (apply(&run), apply(ours), run.overdue) {
            (Some(theirs), Some(ours), _) => format!("{:.0}", theirs / ours),
            (None, Some(ours), Some((1, limit))) => format!("> {:.0}", limit.as_secs_f64() / ours),
            _ => "–".to_owned(),
        };
        Self {
            shape,
            size,
            tool,
            run,
            ratio,
        }
    }
}

/// Writes the figures into the documentation and returns them.
///
/// # Errors
/// When the page is missing, cannot be written, or has lost its marks.
pub fn write(rows: &[Row], operations: &[Operation], rival: Option<&str>, built: bool) -> Result<String> {
    let figures = figures(rows, operations, rival, built);
    let page = folders::root().join("docs/performance.md");
    let text = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let (before, rest) = text
        .split_once(BEGIN)
        .with_context(|| format!("{} has no line `{BEGIN}`", page.display()))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{} has no line `{END}`", page.display()))?;
    fs::write(&page, format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))
        .with_context(|| format!("writing {}", page.display()))?;
    Ok(figures)
}

fn figures(rows: &[Row], operations: &[Operation], rival: Option<&str>, built: bool) -> String {
    let mut text = machine(rival, built);
    if !rows.is_empty() {
        let _ = writeln!(
            text,
            "\nSeconds of wall time / processor time. Peak is resident memory in MB; kept is the log or state after \
             apply in KB; ratio is the tool's apply over Konductor's, in wall time.\n"
        );
        let _ = writeln!(
            text,
            "| resources | shape | tool | {} | peak | kept | ratio |",
            STEPS.join(" | ")
        );
        let _ = writeln!(text, "|---|---|---|---|---|---|---|---|---|---|");
        for row in rows {
            let steps: Vec<String> = (0..STEPS.len()).map(|index| row.run.step(index)).collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} |",
                row.size,
                row.shape,
                row.tool,
                steps.join(" | "),
                megabytes(row.run.peak()),
                row.run.state / 1_000,
                row.ratio
            );
        }
    }
    if !operations.is_empty() {
        let _ = writeln!(text, "\n| operation | mean | 95 % bounds |");
        let _ = writeln!(text, "|---|---|---|");
        for operation in operations {
            let (low, high) = operation.bounds;
            let _ = writeln!(
                text,
                "| {} | {} | {} – {} |",
                operation.name,
                time(operation.mean),
                time(low),
                time(high)
            );
        }
    }
    text
}

fn machine(rival: Option<&str>, built: bool) -> String {
    let date = output(command("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default();
    let commit = output(command("git").args(["rev-parse", "--short", "HEAD"])).unwrap_or_default();
    let rust = output(command("rustc").arg("--version")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "Measured on {} at commit {}{}, {}, {cores} cores, release build",
        date.trim(),
        commit.trim(),
        // Nobody knows what a binary that was there already was built from.
        if built { "" } else { " or earlier" },
        rust.trim()
    );
    if let Some(rival) = rival {
        let _ = write!(text, ", beside {rival}");
    }
    text.push_str(".\n");
    text
}

/// Writes a peak; a command that was stopped before its end has none.
fn megabytes(bytes: u64) -> String {
    if bytes == 0 {
        "–".to_owned()
    } else {
        (bytes / 1_000_000).to_string()
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        value if value < 1e3 => format!("{value:.0} ns"),
        value if value < 1e6 => format!("{:.1} µs", value / 1e3),
        value if value < 1e9 => format!("{:.2} ms", value / 1e6),
        value => format!("{:.2} s", value / 1e9),
    }
}
