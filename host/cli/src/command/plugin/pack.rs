//! `konductor plugin pack`.

use std::path::Path;

use konductor_model::Manifest;
use konductor_registry::Digest;
use konductor_registry::component::with_manifest;

use super::PluginContext;
use crate::error::CommandError;

/// Asks a plugin for its manifest, in the sandbox and without any cloud, and puts it into its file.
pub async fn pack(
    file: &Path,
    target: Option<&Path>,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let file = context.folder.join(file);
    let target = target.map_or_else(|| file.clone(), |target| context.folder.join(target));
    let bytes = std::fs::read(&file).map_err(|error| CommandError::file("read", &file, error))?;
    let place = file.display().to_string();
    let (manifest, packed) = packed(&bytes, &place, context).await?;
    crate::atomic_file::write(&target, &packed)?;
    let digest = Digest::of(&packed);
    let members = serde_json::json!({
        "name": manifest.name, "version": manifest.version, "file": target, "digest": digest,
        "changed": packed != bytes,
    });
    let text = format!(
        "packed {} {} into {}\n{digest}",
        manifest.name,
        manifest.version,
        target.display()
    );
    context.output.fact("plugin-packed", &members, &text);
    Ok(())
}

/// Asks the component in these bytes for its manifest, and returns that and the bytes with it.
pub async fn packed(
    bytes: &[u8],
    place: &str,
    context: &PluginContext<'_>,
) -> Result<(Manifest, Vec<u8>), CommandError> {
    let manifest = context.loader()?.manifest_of(bytes, place).await?;
    let text = serde_json::to_vec(&manifest).map_err(|error| {
        CommandError::message(format!("the manifest of {place} cannot be written: {error}"))
    })?;
    let packed = with_manifest(bytes, &text).map_err(|error| {
        CommandError::message(format!("{place}: {}", konductor_model::with_causes(&error)))
    })?;
    Ok((manifest, packed))
}
