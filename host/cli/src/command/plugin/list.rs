//! `konductor plugin list`.

use super::PluginContext;
use crate::error::CommandError;
use crate::output::Output;
use crate::plugins::LoadedPlugin;
use crate::render::diagnostic::NoSources;

/// Lists the plugins that can be loaded.
pub async fn list(context: &PluginContext<'_>) -> Result<(), CommandError> {
    let (output, configuration) = (context.output, context.configuration.as_ref());
    let mut loader = context.loader()?;
    let names = loader.names(configuration);
    if names.is_empty() {
        output.line("no plugins; build them with `cargo xtask plugins` or name one in konductor.yaml");
    }
    let mut failed = false;
    for name in names {
        match loader.load(&name, configuration).await {
            Ok(loaded) => line(&loaded, output),
            // One that cannot be loaded does not hide the others.
            Err(error) => {
                failed = true;
                output.diagnostics(&error.diagnostics, &NoSources);
            }
        }
    }
    if failed { Err(CommandError::told()) } else { Ok(()) }
}

fn line(loaded: &LoadedPlugin, output: &Output) {
    let manifest = loaded.plugin.manifest();
    let types = manifest.resource_types.len() + manifest.component_types.len();
    let what = match types {
        0 if loaded.plugin.is_compliance() => "judges resources".to_owned(),
        0 => "no resource types yet".to_owned(),
        1 => "1 type".to_owned(),
        count => format!("{count} types"),
    };
    let digest = loaded.plugin.digest();
    let members = serde_json::json!({
        "name": loaded.name, "version": manifest.version, "types": types, "file": loaded.fetched().place,
        "digest": format!("sha256:{digest}"), "interface": loaded.plugin.interface_version(),
        "source": loaded.fetched().source.to_string(), "signer": loaded.signer(),
    });
    let short: String = digest.chars().take(12).collect();
    let text = format!(
        "{:<12} {:<10} {what:<24} sha256:{short}…  {}",
        loaded.name,
        manifest.version.to_string(),
        loaded.fetched().place
    );
    output.fact("plugin", &members, &text);
}
