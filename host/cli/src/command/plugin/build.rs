//! `konductor plugin build` and `konductor plugin test`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use konductor_model::Manifest;
use konductor_registry::Digest;

use super::PluginContext;
use super::pack::packed;
use super::source::{BUILD, SourceFolder};
use crate::error::CommandError;

/// A plugin that was built.
pub struct Built {
    /// The file.
    pub file: PathBuf,
    /// What it says about itself.
    pub manifest: Manifest,
    digest: Digest,
    size: usize,
}

/// Builds the plugin in the folder, and tells where it is.
pub async fn build(context: &PluginContext<'_>) -> Result<(), CommandError> {
    let source = SourceFolder::open(context.folder, context.environment, context.output)?;
    let started = Instant::now();
    let component = source.component()?;
    let built = pack_into_build(&component, &source, context).await?;
    let seconds = started.elapsed().as_secs_f64();
    let (name, version) = (&built.manifest.name, &built.manifest.version);
    let members = serde_json::json!({
        "name": name, "version": version, "file": built.file, "digest": built.digest,
        "size": built.size, "seconds": seconds,
    });
    let text = format!(
        "built {name} {version} into {}: {} KiB, in {seconds:.1} s\n{}",
        built.file.display(),
        built.size / 1024,
        built.digest
    );
    context.output.fact("plugin-built", &members, &text);
    Ok(())
}

/// Asks a component for its manifest, and writes it with that into the folder `build`.
pub async fn pack_into_build(
    component: &Path,
    source: &SourceFolder<'_>,
    context: &PluginContext<'_>,
) -> Result<Built, CommandError> {
    let bytes = std::fs::read(component).map_err(|error| CommandError::file("read", component, error))?;
    let (manifest, packed) = packed(&bytes, &component.display().to_string(), context).await?;
    let folder = source.folder().join(BUILD);
    std::fs::create_dir_all(&folder).map_err(|error| CommandError::file("create", &folder, error))?;
    let file = folder.join(format!("{}.wasm", manifest.name));
    // What has not changed keeps its time, and whoever watches it is not woken.
    if std::fs::read(&file).ok().as_ref() != Some(&packed) {
        crate::atomic_file::write(&file, &packed)?;
    }
    Ok(Built {
        digest: Digest::of(&packed),
        size: packed.len(),
        file,
        manifest,
    })
}

/// Runs the native tests of the plugin in the folder.
pub fn test(arguments: &[String], context: &PluginContext<'_>) -> Result<(), CommandError> {
    let source = SourceFolder::open(context.folder, context.environment, context.output)?;
    let started = Instant::now();
    source.test(arguments)?;
    let seconds = started.elapsed().as_secs_f64();
    let text = format!("the native tests passed in {seconds:.1} s");
    let members = serde_json::json!({ "seconds": seconds });
    context.output.fact("plugin-tested", &members, &text);
    Ok(())
}
