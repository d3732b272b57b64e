//! `konductor plugin`.

use std::path::Path;

use konductor_config::Configuration;
use konductor_config::inputs::PROJECT_FILE;

use crate::arguments::{GlobalArguments, PluginCommand};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::plugins::{LoadedPlugin, PluginLoader};
use crate::project::Project;

/// Returns the configuration of the project in the folder, if there is a project: these commands work without.
pub fn project_configuration(
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
) -> Result<Option<Configuration>, CommandError> {
    if !folder.join(PROJECT_FILE).exists() {
        return Ok(None);
    }
    Ok(Some(Project::open(arguments, environment)?.configuration))
}

/// Lists plugins, or shows one.
pub async fn plugin(
    command: &PluginCommand,
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let configuration = project_configuration(folder, arguments, environment)?;
    let mut loader = PluginLoader::new(environment)?;
    match command {
        PluginCommand::List => {
            let names = loader.names(configuration.as_ref());
            if names.is_empty() {
                output
                    .line("no plugins; build them with `cargo xtask plugins` or name one in konductor.yaml");
            }
            let mut failed = false;
            for name in names {
                match loader.load(&name, folder, configuration.as_ref()).await {
                    Ok(loaded) => list_line(&loaded, output),
                    // One that cannot be loaded does not hide the others.
                    Err(error) => {
                        failed = true;
                        output.diagnostics(&error.diagnostics, &crate::render::diagnostic::NoSources);
                    }
                }
            }
            if failed { Err(CommandError::told()) } else { Ok(()) }
        }
        PluginCommand::Inspect { plugin } => {
            let is_path =
                plugin.contains(['/', '\\']) || Path::new(plugin).extension().is_some_and(|e| e == "wasm");
            let loaded = if is_path {
                loader.load_file(&folder.join(plugin)).await?
            } else {
                loader.load(plugin, folder, configuration.as_ref()).await?
            };
            inspect(&loaded, output).await
        }
    }
}

fn list_line(loaded: &LoadedPlugin, output: &Output) {
    let manifest = loaded.plugin.manifest();
    let types = manifest.resource_types.len() + manifest.component_types.len();
    let what = match types {
        0 if loaded.plugin.is_compliance() => "compliance, no frameworks yet".to_owned(),
        0 => "no resource types yet".to_owned(),
        1 => "1 type".to_owned(),
        count => format!("{count} types"),
    };
    let digest = loaded.plugin.digest();
    let members = serde_json::json!({
        "name": manifest.name, "version": manifest.version, "types": types, "file": loaded.file,
        "digest": format!("sha256:{digest}"), "interface": loaded.plugin.interface_version(),
    });
    let short: String = digest.chars().take(12).collect();
    let text = format!(
        "{:<12} {:<10} {what:<24} sha256:{short}…  {}",
        manifest.name,
        manifest.version.to_string(),
        loaded.file.display()
    );
    output.fact("plugin", &members, &text);
}

async fn inspect(loaded: &LoadedPlugin, output: &Output) -> Result<(), CommandError> {
    let manifest = loaded.plugin.manifest();
    let frameworks = if loaded.plugin.is_compliance() {
        Some(loaded.plugin.frameworks().await?)
    } else {
        None
    };
    if output.is_json() {
        let members = serde_json::json!({
            "manifest": manifest, "file": loaded.file, "digest": format!("sha256:{}", loaded.plugin.digest()),
            "interface": loaded.plugin.interface_version(), "frameworks": frameworks,
        });
        output.event("plugin", &members);
        return Ok(());
    }
    output.line(&format!(
        "{} {}\n{}\n",
        console::style(&manifest.name).bold(),
        manifest.version,
        manifest.description
    ));
    output.line(&format!("file        {}", loaded.file.display()));
    output.line(&format!("digest      sha256:{}", loaded.plugin.digest()));
    output.line(&format!(
        "interface   konductor:plugin {}",
        loaded.plugin.interface_version()
    ));
    let list = |items: Vec<String>| {
        if items.is_empty() {
            "none".to_owned()
        } else {
            items.join(", ")
        }
    };
    output.line(&format!("modules     {}", list(manifest.modules.clone())));
    output.line(&format!(
        "components  {}",
        list(manifest.component_types.iter().map(ToString::to_string).collect())
    ));
    output.line(&format!(
        "resources   {}",
        list(manifest.resource_types.iter().map(ToString::to_string).collect())
    ));
    if let Some(frameworks) = frameworks {
        output.line(&format!(
            "frameworks  {}",
            list(frameworks.iter().map(ToString::to_string).collect())
        ));
    }
    output.line(if manifest.endpoints.is_empty() {
        "endpoints   none"
    } else {
        "endpoints"
    });
    for endpoint in &manifest.endpoints {
        output.line(&format!(
            "  {:<9} {:?} service `{}`: {}",
            endpoint.id, endpoint.protocol, endpoint.service, endpoint.reason
        ));
    }
    Ok(())
}
