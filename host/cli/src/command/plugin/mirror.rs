//! `konductor plugin mirror`.

use konductor_model::Diagnostics;
use konductor_registry::{AdmittedPlugin, MirrorForm, Registry};

use super::PluginContext;
use crate::arguments::{MirrorArguments, MirrorFormat};
use crate::error::CommandError;
use crate::plugins::requirement;

/// Copies plugins and their signatures into a folder that works without a network. What the policies refuse is not
/// copied.
pub async fn mirror(arguments: &MirrorArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let loader = context.loader()?.asking_for_signatures();
    let names = match (loader.lock(), arguments.names.is_empty()) {
        (Some(lock), true) => lock.plugins.keys().cloned().collect(),
        _ => context.wanted(&arguments.names, &loader)?,
    };
    let folder = context.folder.join(&arguments.folder);
    let mut problems = Diagnostics::default();
    let mut admitted = Vec::new();
    for name in &names {
        let requirement = requirement(name, context.configuration.as_ref());
        let judged = match loader.fetch(name, requirement, true).await {
            Ok(fetched) => loader.judge(name, fetched, true),
            Err(error) => Err(error),
        };
        match judged {
            Ok(plugin) => admitted.push(plugin),
            Err(error) => problems.extend(error.diagnostics),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    for plugin in &admitted {
        copy(plugin, &folder, arguments, loader.registry(), context)?;
    }
    Ok(())
}

fn copy(
    plugin: &AdmittedPlugin,
    folder: &std::path::Path,
    arguments: &MirrorArguments,
    registry: &Registry,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let fetched = plugin.fetched();
    let form = match arguments.format {
        MirrorFormat::Directory => MirrorForm::Directory,
        MirrorFormat::Oci => MirrorForm::OciLayout,
    };
    let files = if arguments.dry_run {
        Vec::new()
    } else {
        registry.mirror(fetched, folder, form)?
    };
    let version = fetched.version.as_ref().map(ToString::to_string);
    let members = serde_json::json!({
        "name": fetched.name, "version": version, "digest": fetched.digest, "folder": folder,
        "signatures": fetched.bundles.len(), "files": files, "written": !arguments.dry_run,
    });
    let text = format!(
        "{} {:<12} {:<10} {}  {} signatures",
        if arguments.dry_run { "would copy" } else { "copied" },
        fetched.name,
        version.unwrap_or_default(),
        fetched.digest,
        fetched.bundles.len()
    );
    context.output.fact("plugin-mirrored", &members, &text);
    Ok(())
}
