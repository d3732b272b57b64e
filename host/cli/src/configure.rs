//! Plugin defaults and schemas over a project's configuration.

use konductor_config::Configuration;
use konductor_model::module::Module as _;
use konductor_model::{Diagnostics, Value};

use crate::error::CommandError;
use crate::plugins::LoadedPlugin;

/// Lays a plugin's defaults for its module below every file.
pub async fn add_defaults(
    configuration: &mut Configuration,
    loaded: &LoadedPlugin,
) -> Result<(), CommandError> {
    if let Some(module) = loaded.module() {
        let defaults = loaded.plugin.defaults(module).await?;
        if !matches!(&defaults, Value::Null) {
            let manifest = loaded.plugin.manifest();
            configuration.add_defaults(
                &loaded.name,
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
    loaded: &LoadedPlugin,
) -> Result<Diagnostics, CommandError> {
    let Some(module) = loaded.module() else {
        return Ok(Diagnostics::default());
    };
    let schema = loaded.plugin.config_schema(module).await?;
    Ok(configuration.validate_module(&loaded.name, &schema))
}
