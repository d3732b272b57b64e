//! `konductor catalog`.

use std::path::Path;

use konductor_model::ResourceType;
use konductor_model::provider::Provider as _;

use crate::arguments::CatalogCommand;
use crate::command::plugin::project_configuration;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::plugins::PluginLoader;
use crate::render::catalog::describe;

/// Lists types, or explains one.
pub async fn catalog(
    command: &CatalogCommand,
    folder: &Path,
    arguments: &crate::arguments::GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<(), CommandError> {
    let configuration = project_configuration(folder, arguments, environment)?;
    let mut loader = PluginLoader::new(folder, arguments, environment, configuration.as_ref())?;
    match command {
        CatalogCommand::List { provider } => {
            let names = match provider {
                Some(provider) => vec![provider.clone()],
                None => loader.names(configuration.as_ref()),
            };
            let mut count = 0;
            for name in names {
                let loaded = loader.load(&name, configuration.as_ref()).await?;
                let manifest = loaded.plugin.manifest();
                let kinds = [
                    ("component", &manifest.component_types),
                    ("resource", &manifest.resource_types),
                ];
                for (kind, types) in kinds {
                    for resource_type in types {
                        let schema = loaded.plugin.schema(resource_type).await?;
                        let summary = schema.description.lines().next().unwrap_or_default();
                        let members = serde_json::json!({
                            "type": resource_type, "kind": kind, "plugin": name, "description": schema.description,
                        });
                        let text = format!("{:<34} {kind:<10} {summary}", resource_type.as_str());
                        output.fact("type", &members, &text);
                        count += 1;
                    }
                }
            }
            if count == 0 {
                output.line("no resource or component types");
            }
            Ok(())
        }
        CatalogCommand::Show { resource_type } => {
            let resource_type: ResourceType =
                resource_type
                    .parse()
                    .map_err(|error: konductor_model::name::NameError| {
                        CommandError::message(error.to_string())
                            .help("`konductor catalog list` names every type")
                    })?;
            let loaded = loader
                .load(resource_type.provider(), configuration.as_ref())
                .await?;
            let manifest = loaded.plugin.manifest();
            let known: Vec<&str> = manifest
                .resource_types
                .iter()
                .chain(&manifest.component_types)
                .map(ResourceType::as_str)
                .collect();
            if !known.contains(&resource_type.as_str()) {
                let mut error = CommandError::message(format!(
                    "plugin `{}` {} has no type `{resource_type}`",
                    manifest.name, manifest.version
                ));
                let nearest =
                    konductor_model::suggestion::nearest(resource_type.as_str(), known.iter().copied());
                error = match nearest {
                    Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
                    None => error.help(format!(
                        "`konductor catalog list --provider {}` names its types",
                        manifest.name
                    )),
                };
                return Err(error);
            }
            let schema = loaded.plugin.schema(&resource_type).await?;
            if output.is_json() {
                output.event("schema", &*schema);
            } else {
                output.raw(&describe(&schema));
            }
            Ok(())
        }
    }
}
