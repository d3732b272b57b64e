//! Which plugin manages a declaration. One plugin can be there under several names, each with its own version,
//! configuration and grant: such a name is an *instance*, and records name it.

use konductor_model::module::Declaration;
use konductor_model::{Diagnostic, ResourceType};

use crate::desired::Providers;
use crate::reference::suggestion;

/// Returns the name that the manifest of an instance gives, which is the first part of its types.
pub(crate) fn own_name(plugins: &dyn Providers, instance: &str) -> Option<String> {
    Some(plugins.provider(instance)?.manifest().name.clone())
}

/// Tells whether an instance is of the plugin that a type belongs to.
pub(crate) fn serves(plugins: &dyn Providers, instance: &str, resource_type: &ResourceType) -> bool {
    plugins
        .provider(instance)
        .is_some_and(|provider| provider.manifest().name == resource_type.provider())
}

/// Returns the name a plugin knows its module by: its own name where the namespace is that of the instance.
pub(crate) fn module_of(plugins: &dyn Providers, instance: &str, namespace: &str) -> String {
    if namespace == instance {
        own_name(plugins, instance).unwrap_or_else(|| namespace.to_owned())
    } else {
        namespace.to_owned()
    }
}

/// Chooses the instance that manages a declaration: the one that its option names, else the nearest of those that
/// manage what it stands in, else the one that has the name of the type's plugin.
///
/// `around` are the instances of the components it stands in, the nearest first.
pub(crate) fn choose<'a>(
    plugins: &dyn Providers,
    declaration: &Declaration,
    around: impl IntoIterator<Item = &'a str>,
) -> Result<String, Box<Diagnostic>> {
    let wanted = &declaration.resource_type;
    let wrong = |summary: String| {
        Diagnostic::error(summary)
            .resource(&declaration.name)
            .origin(declaration.origin.clone())
    };
    if let Some(chosen) = &declaration.options.provider {
        let Some(name) = own_name(plugins, chosen) else {
            let names = plugins.names();
            let help = suggestion(
                chosen,
                names.iter().map(String::as_str),
                "name it under `plugins`",
            );
            return Err(Box::new(
                wrong(format!(
                    "the option `provider` names the plugin `{chosen}`, which is not there"
                ))
                .help(help),
            ));
        };
        if name != wanted.provider() {
            return Err(Box::new(
                wrong(format!(
                    "the option `provider` names `{chosen}`, which has no type `{wanted}`"
                ))
                .detail(format!("`{chosen}` is the plugin `{name}`"))
                .help(format!("choose one that is the plugin `{}`", wanted.provider())),
            ));
        }
        return Ok(chosen.clone());
    }
    Ok(around
        .into_iter()
        .find(|instance| serves(plugins, instance, wanted))
        .unwrap_or_else(|| wanted.provider())
        .to_owned())
}
