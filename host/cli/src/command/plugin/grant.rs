//! `konductor plugin grant`.

use konductor_config::grant_edit::add_to_grant;
use konductor_config::inputs::PROJECT_FILE;
use konductor_model::Path;

use super::PluginContext;
use crate::error::CommandError;

/// Writes one thing into a plugin's grant in konductor.yaml.
pub fn grant(
    name: &str,
    place: &str,
    item: Option<&str>,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    context.project()?;
    let file = context.folder.join(PROJECT_FILE);
    let at: Path = place
        .parse()
        .map_err(|error| CommandError::message(format!("`{place}` is not a place in a grant: {error}")))?;
    let text = std::fs::read_to_string(&file).map_err(|error| CommandError::file("read", &file, error))?;
    let item = item.unwrap_or_default();
    let changed = add_to_grant(PROJECT_FILE, &text, name, &at, item)?;
    // The file is only written when it can be read again.
    let project = konductor_config::SourceFile {
        name: PROJECT_FILE.to_owned(),
        text: changed.clone(),
    };
    konductor_config::Configuration::load(konductor_config::Inputs {
        project: Some(project),
        ..konductor_config::Inputs::default()
    })?;
    if changed != text {
        crate::atomic_file::write(&file, changed.as_bytes())?;
    }
    let what = if item.is_empty() {
        place.to_owned()
    } else {
        format!("{place}: {item}")
    };
    let members = serde_json::json!({
        "name": name, "place": place, "item": item, "file": file, "changed": changed != text,
    });
    let text = format!("plugins.{name}.grant in {} holds {what}", file.display());
    context.output.fact("plugin-granted", &members, &text);
    Ok(())
}
