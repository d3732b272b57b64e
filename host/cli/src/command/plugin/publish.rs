//! `konductor plugin publish`.

use konductor_registry::PluginSource;

use super::PluginContext;
use crate::arguments::PublishArguments;
use crate::error::CommandError;

/// Pushes a packed plugin and its signatures to an OCI registry.
pub async fn publish(arguments: &PublishArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let registry = context.registry()?;
    let mut plugin = registry.fetch_file(&context.folder.join(&arguments.file))?;
    let source = PluginSource::parse(&plugin.name, &arguments.repository, context.folder)?;
    let PluginSource::Oci(repository) = source else {
        return Err(CommandError::message(format!(
            "`{}` is not a repository in a registry",
            arguments.repository
        ))
        .help("write it as oci://HOST/PATH; the tag is the plugin's version"));
    };
    if !arguments.bundle.is_empty() {
        plugin.bundles = context.read_all(&arguments.bundle)?;
    }
    let Some(version) = plugin.version.clone() else {
        return Err(CommandError::message(format!(
            "{} does not carry its manifest, so its version is not known",
            plugin.place
        ))
        .help(format!("run `konductor plugin pack {}` first", plugin.place)));
    };
    if arguments.dry_run {
        let members = serde_json::json!({
            "name": plugin.name, "version": version, "digest": plugin.digest, "repository": arguments.repository,
            "signatures": plugin.bundles.len(), "pushed": false,
        });
        let text = format!(
            "would push {} {version} ({}) with {} signatures to {}",
            plugin.name,
            plugin.digest,
            plugin.bundles.len(),
            arguments.repository
        );
        context.output.fact("plugin-published", &members, &text);
        return Ok(());
    }
    let published = registry.publish(&plugin, &repository).await?;
    let members = serde_json::json!({
        "name": plugin.name, "version": version, "digest": plugin.digest,
        "repository": published.repository.to_string(), "tag": published.tag,
        "manifest_digest": published.manifest_digest, "signatures": published.bundles, "pushed": true,
    });
    let text = format!(
        "pushed {} {version} with {} signatures to {}:{}\n{}  the plugin\n{}  its OCI manifest",
        plugin.name,
        published.bundles,
        published.repository,
        published.tag,
        plugin.digest,
        published.manifest_digest
    );
    context.output.fact("plugin-published", &members, &text);
    Ok(())
}
