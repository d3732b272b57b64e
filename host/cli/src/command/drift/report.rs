//! The report in a file.

use std::path::Path;

use konductor_engine::DriftReport;
use konductor_state::drift::Difference;

use crate::atomic_file;
use crate::command::drift::history;
use crate::error::CommandError;
use crate::project::Project;
use crate::render::drift::{difference_json, render};
use crate::render::drift_page::{Check, page};

/// How many checks of the history a report shows.
const CHECKS: usize = 200;

/// The forms of a report.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A page.
    Html,
    /// A document.
    Json,
    /// Text.
    Text,
}

impl Form {
    /// Returns the form that the ending of a file says.
    ///
    /// # Errors
    /// When it says none.
    pub fn of(file: &Path) -> Result<Self, CommandError> {
        let ending = file
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("json") => Ok(Self::Json),
            Some("txt" | "text") => Ok(Self::Text),
            _ => Err(CommandError::message(format!(
                "the form of the report cannot be told from `{}`",
                file.display()
            ))
            .help("end its name with .html, .json or .txt")),
        }
    }
}

/// Writes the report.
pub async fn write(
    file: &Path,
    form: Form,
    project: &Project,
    report: &DriftReport,
    shown: &[&Difference],
) -> Result<(), CommandError> {
    let logged = history::checks(project, CHECKS).await?;
    let checks: Vec<Check<'_>> = logged.iter().filter_map(Check::of).collect();
    let text = match form {
        Form::Html => page(&project.title(), shown, report.objects, &checks),
        Form::Text => {
            let plain = render(shown.iter().copied());
            console::strip_ansi_codes(&plain).into_owned()
        }
        Form::Json => {
            let history: Vec<_> = logged
                .iter()
                .filter_map(|logged| match &logged.entry {
                    konductor_state::Entry::DriftChecked(checked) => Some(serde_json::json!({
                        "serial": logged.serial, "time": logged.time, "run": checked.run,
                        "objects": checked.objects, "counts": checked.counts, "digest": checked.digest,
                        "differences": checked.differences.iter().map(difference_json).collect::<Vec<_>>(),
                    })),
                    _ => None,
                })
                .collect();
            let configuration = &project.configuration;
            let document = serde_json::json!({
                "project": configuration.project_name(), "stack": configuration.stack(),
                "objects": report.objects, "counts": report.counts(), "ignored": report.ignored,
                "digest": report.digest(),
                "differences": shown.iter().map(|found| difference_json(found)).collect::<Vec<_>>(),
                "history": history,
            });
            format!("{document:#}\n")
        }
    };
    atomic_file::write(file, text.as_bytes())
}
