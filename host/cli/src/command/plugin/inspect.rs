//! `konductor plugin inspect`.

use std::path::Path;

use konductor_model::Manifest;
use konductor_registry::FetchedPlugin;

use super::PluginContext;
use crate::error::CommandError;
use crate::plugins::requirement;
use crate::render::plugin::{printable, wants};

/// Shows a plugin. What carries its manifest is read and not run; the rest is loaded to ask it.
pub async fn inspect(plugin: &str, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let loader = context.loader()?.unlocked();
    let fetched = if is_file(plugin) {
        loader.registry().fetch_file(&context.folder.join(plugin))?
    } else {
        let requirement = requirement(plugin, context.configuration.as_ref());
        loader.fetch(plugin, requirement, true).await?
    };
    let is_packed = fetched.manifest.is_some();
    let manifest = match fetched.manifest.clone() {
        Some(manifest) => manifest,
        None => loader.manifest_of(&fetched.bytes, &fetched.place).await?,
    };
    let manifest = printable(&manifest)
        .map_err(|error| CommandError::message(format!("the manifest cannot be shown: {error}")))?;
    show(&manifest, &fetched, is_packed, context);
    Ok(())
}

/// Tells whether a plugin is named by its file.
pub fn is_file(plugin: &str) -> bool {
    plugin.contains(['/', '\\'])
        || Path::new(plugin)
            .extension()
            .is_some_and(|extension| extension == "wasm")
}

fn show(manifest: &Manifest, fetched: &FetchedPlugin, is_packed: bool, context: &PluginContext<'_>) {
    let output = context.output;
    let members = serde_json::json!({
        "manifest": manifest, "file": fetched.place, "digest": fetched.digest, "packed": is_packed,
        "interface": fetched.interface_version, "imports": fetched.imports, "exports": fetched.exports,
        "source": fetched.source.to_string(), "manifest_digest": fetched.manifest_digest,
        "signatures": fetched.bundles.len(),
    });
    output.event("plugin", &members);
    output.line(&format!(
        "{} {}\n{}\n",
        console::style(&manifest.name).bold(),
        manifest.version,
        manifest.description
    ));
    let line = |name: &str, text: String| output.line(&format!("{name:<12}{text}"));
    line("file", fetched.place.clone());
    line("digest", fetched.digest.to_string());
    if let Some(digest) = &fetched.manifest_digest {
        line("oci", digest.to_string());
    }
    let interface = fetched.interface_version.as_ref();
    line(
        "interface",
        interface.map_or_else(
            || "none".to_owned(),
            |version| format!("konductor:plugin {version}"),
        ),
    );
    line(
        "manifest",
        if is_packed {
            "in the file; the plugin was not run".to_owned()
        } else {
            "not in the file, so the plugin was asked; `konductor plugin pack` puts it there".to_owned()
        },
    );
    line(
        "signatures",
        match fetched.bundles.len() {
            0 => "none beside it".to_owned(),
            count => format!("{count} beside it, not checked here; `konductor plugin verify` does"),
        },
    );
    let list = |items: Vec<String>| {
        if items.is_empty() {
            "none".to_owned()
        } else {
            items.join(", ")
        }
    };
    line("modules", list(manifest.modules.clone()));
    line(
        "components",
        list(manifest.component_types.iter().map(ToString::to_string).collect()),
    );
    line(
        "resources",
        list(manifest.resource_types.iter().map(ToString::to_string).collect()),
    );
    output.text(&wants(manifest));
}
