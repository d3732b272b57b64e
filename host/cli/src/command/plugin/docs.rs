//! `konductor plugin docs`.

use std::path::{Path, PathBuf};

use konductor_model::provider::Provider as _;

use super::PluginContext;
use super::check::the_build;
use super::inspect::is_file;
use crate::error::CommandError;
use crate::plugins::requirement;
use crate::render::reference_page::reference_page;

/// The page that lists the others.
const INDEX: &str = "README.md";

/// Writes a page of documentation for each type of a plugin, and one that lists them.
pub async fn docs(
    plugin: Option<&str>,
    target: &Path,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let plugin = match plugin {
        Some(plugin) => plugin.to_owned(),
        None => the_build(context.folder)?.display().to_string(),
    };
    let loader = context.loader()?.unlocked();
    let fetched = if is_file(&plugin) {
        loader.registry().fetch_file(&context.folder.join(&plugin))?
    } else {
        let requirement = requirement(&plugin, context.configuration.as_ref());
        loader.fetch(&plugin, requirement, true).await?
    };
    let name = fetched.name.clone();
    let loaded = loader.admit(&name, fetched, false).await?;
    let manifest = loaded.plugin.manifest();
    let folder = context.folder.join(target);
    std::fs::create_dir_all(&folder).map_err(|error| CommandError::file("create", &folder, error))?;
    let mut index = format!(
        "# {} {}\n\n{}\n\n| type | |\n|---|---|\n",
        manifest.name, manifest.version, manifest.description
    );
    let mut written: Vec<PathBuf> = Vec::new();
    for kind in manifest.component_types.iter().chain(&manifest.resource_types) {
        let schema = loaded.plugin.schema(kind).await?;
        let page = format!("{}.md", kind.as_str().replace(':', "."));
        let summary = schema.description.lines().next().unwrap_or_default();
        index.push_str(&format!(
            "| [{kind}]({page}) | {} |\n",
            summary.replace('|', "\\|")
        ));
        let path = folder.join(page);
        std::fs::write(&path, reference_page(&schema))
            .map_err(|error| CommandError::file("write", &path, error))?;
        written.push(path);
    }
    let path = folder.join(INDEX);
    std::fs::write(&path, index).map_err(|error| CommandError::file("write", &path, error))?;
    written.push(path);
    let text = format!("wrote {} pages into {}", written.len(), folder.display());
    let members = serde_json::json!({ "name": manifest.name, "version": manifest.version, "files": written });
    context.output.fact("plugin-documented", &members, &text);
    Ok(())
}
