//! `konductor manual`.

use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::error::CommandError;
use crate::output::Output;

/// Writes a manual page for every command into a folder.
pub fn manual(folder: &Path, output: &Output) -> Result<(), CommandError> {
    std::fs::create_dir_all(folder).map_err(|error| CommandError::file("create", folder, error))?;
    // Without a date: the same Konductor writes the same pages.
    clap_mangen::generate_to(Arguments::command(), folder)
        .map_err(|error| CommandError::file("write the manual into", folder, error))?;
    let text = format!("the manual pages are in {}", folder.display());
    output.fact("manual", &serde_json::json!({ "folder": folder }), &text);
    Ok(())
}
