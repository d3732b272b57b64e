//! Stored objects and the schemas of the plugins that read them: a newer plugin rewrites what an older one stored,
//! an older one refuses what a newer one stored.

use konductor_model::provider::{ObjectState, Provider};
use konductor_model::{Diagnostic, Failure, ResourceSchema, Urn};
use konductor_state::record::PluginReference;

use crate::reference::with_marks_of;

/// Refuses a version of a schema that a plugin does not know. `stored_by` is the plugin that wrote it, `instance` the
/// name under which the one that is loaded is asked for.
pub(crate) fn refuse_newer(
    provider: &dyn Provider,
    schema: &ResourceSchema,
    urn: &Urn,
    instance: &str,
    stored_by: &PluginReference,
    version: u32,
) -> Result<(), Failure> {
    if version <= schema.version {
        return Ok(());
    }
    let manifest = provider.manifest();
    Err(Failure::invalid(
        Diagnostic::error(format!(
            "`{}` was stored by {} {} in a form that {} {} does not know",
            urn.name(),
            stored_by.name,
            stored_by.version,
            manifest.name,
            manifest.version
        ))
        .detail(format!(
            "it has version {version} of the schema of `{}`, and this plugin knows versions up to {}",
            urn.resource_type(),
            schema.version
        ))
        .help(format!(
            "use {} {} or later: set `plugins.{instance}.version` to \">={}\"",
            manifest.name, stored_by.version, stored_by.version
        )),
    ))
}

/// Returns a stored object in the form of the plugin's schema; none when it has that form already.
pub(crate) async fn upgraded(
    provider: &dyn Provider,
    schema: &ResourceSchema,
    urn: &Urn,
    instance: &str,
    stored_by: &PluginReference,
    stored: &ObjectState,
) -> Result<Option<ObjectState>, Failure> {
    refuse_newer(provider, schema, urn, instance, stored_by, stored.schema_version)?;
    if stored.schema_version == schema.version {
        return Ok(None);
    }
    let mut object = provider
        .upgrade_state(urn.resource_type(), stored.clone())
        .await?;
    // Another identifier would be another object.
    object.id.clone_from(&stored.id);
    object.schema_version = schema.version;
    object.attributes = with_marks_of(object.attributes, &stored.attributes);
    Ok(Some(object))
}
