//! The figures as tables, on the terminal and in `docs/performance.md`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};

use super::criterion::Operation;
use super::growth::exponent;
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
    /// For each step how many times as long the tool took as ours, in wall time.
    ratios: [String; STEPS.len()],
}

impl Row {
    /// Makes a line.
    pub fn new(shape: Shape, size: usize, tool: &'static str, run: Run) -> Self {
        Self {
            shape,
            size,
            tool,
            run,
            ratios: Default::default(),
        }
    }

    /// Makes a line that says how many times as long each step took a tool as ours, in wall time.
    pub fn compared(shape: Shape, size: usize, tool: &'static str, run: Run, ours: &Run) -> Self {
        let wall = |run: &Run, step: usize| {
            let cost = run.steps.get(step).copied().flatten()?;
            Some(cost.wall.as_secs_f64())
        };
        let ratios = std::array::from_fn(|step| match (wall(&run, step), wall(ours, step), run.overdue) {
            (Some(theirs), Some(ours), _) => format!(" (×{})", rounded(theirs / ours)),
            (None, Some(ours), Some((overdue, limit))) if overdue == step => {
                format!(" (×{} or more)", rounded(limit.as_secs_f64() / ours))
            }
            _ => String::new(),
        });
        Self {
            shape,
            size,
            tool,
            run,
            ratios,
        }
    }
}

fn rounded(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
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
             apply in KB; × is how many times as long as Konductor, in wall time.\n"
        );
        let _ = writeln!(
            text,
            "| resources | shape | tool | {} | peak | kept |",
            STEPS.join(" | ")
        );
        let _ = writeln!(text, "|{}", "---|".repeat(STEPS.len() + 5));
        for row in rows {
            let steps: Vec<String> = row
                .ratios
                .iter()
                .enumerate()
                .map(|(index, ratio)| format!("{}{ratio}", row.run.step(index)))
                .collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                row.size,
                row.shape,
                row.tool,
                steps.join(" | "),
                megabytes(row.run.peak()),
                row.run.state / 1_000
            );
        }
        growth(&mut text, rows);
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

/// The smallest stack that counts for growth: below it, what every command does anyway is most of the time.
const GROWTH_FROM: usize = 1_000;

/// Writes the exponents: 1 is proportional to the number of resources.
fn growth(text: &mut String, rows: &[Row]) {
    let mut groups: Vec<(Shape, &'static str)> = Vec::new();
    for row in rows {
        if !groups.contains(&(row.shape, row.tool)) {
            groups.push((row.shape, row.tool));
        }
    }
    let mut lines = Vec::new();
    for (shape, tool) in groups {
        let of_group: Vec<&Row> = rows
            .iter()
            .filter(|row| row.shape == shape && row.tool == tool && row.size >= GROWTH_FROM)
            .collect();
        let found = |of: &dyn Fn(&Run) -> Option<f64>| {
            #[allow(clippy::cast_precision_loss, reason = "sizes are small")]
            let points: Vec<(f64, f64)> = of_group
                .iter()
                .filter_map(|row| Some((row.size as f64, of(&row.run)?)))
                .collect();
            exponent(&points).map_or("–".to_owned(), |exponent| format!("{exponent:.2}"))
        };
        let cells: Vec<String> = (0..STEPS.len())
            .map(|step| {
                let cost = move |run: &Run| run.steps.get(step).copied().flatten();
                let wall = found(&|run| cost(run).map(|cost| cost.wall.as_secs_f64()));
                let processor = found(&|run| cost(run).map(|cost| cost.cpu.as_secs_f64()));
                format!("{wall}/{processor}")
            })
            .collect();
        #[allow(clippy::cast_precision_loss, reason = "bytes of memory")]
        let peak = found(&|run| (run.peak() > 0).then(|| run.peak() as f64));
        if cells.iter().any(|cell| cell != "–/–") {
            lines.push(format!("| {shape} | {tool} | {} | {peak} |", cells.join(" | ")));
        }
    }
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nGrowth from {GROWTH_FROM} resources on: the exponent of the number of resources, by least squares in the \
         logarithms, of wall time / processor time and of peak memory. 1 is proportional.\n"
    );
    let _ = writeln!(text, "| shape | tool | {} | peak |", STEPS.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(STEPS.len() + 3));
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
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
