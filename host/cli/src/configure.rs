//! Plugin defaults and schemas over a project's configuration.

use konductor_config::Configuration;
use konductor_model::module::Module as _;
use konductor_model::{Diagnostics, Value};
use konductor_sandbox::Plugin;

use crate::error::CommandError;

/// Lays a plugin's defaults for its module below every file.
pub async fn add_defaults(
    configuration: &mut Configuration,
    plugin: &Plugin,
    namespace: &str,
) -> Result<(), CommandError> {
    if reads(plugin, namespace) {
        let defaults = plugin.defaults(namespace).await?;
        if !matches!(&defaults, Value::Null) {
            let manifest = plugin.manifest();
            configuration.add_defaults(
                namespace,
                &defaults,
                format!("plugin {} {}", manifest.name, manifest.version),
            );
        }
    }
    Ok(())
}

/// Checks a module's configuration against its plugin's schema.
pub async fn validate(
    configuration: &Configuration,
    plugin: &Plugin,
    namespace: &str,
) -> Result<Diagnostics, CommandError> {
    if !reads(plugin, namespace) {
        return Ok(Diagnostics::default());
    }
    let schema = plugin.config_schema(namespace).await?;
    Ok(configuration.validate_module(namespace, &schema))
}

/// Tells whether a plugin reads a namespace of the configuration.
pub fn reads(plugin: &Plugin, namespace: &str) -> bool {
    plugin.manifest().modules.iter().any(|module| module == namespace)
}
