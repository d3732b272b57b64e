//! Which modules are switched on, and what each of them is given.

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, Value};

use crate::configuration::{Configuration, RESERVED_NAMESPACES, finish};
use crate::layer::Layer;
use crate::located::{CREDENTIALS, Located, Node, described_kind};
use crate::resolve::{Context, Resolver};

/// A module that is configured and enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnabledModule {
    /// The namespace.
    pub namespace: String,
    /// The place of its section in the highest layer that mentions it.
    pub origin: Origin,
}

/// The configuration of one module, split into what a guest may see and what it may not.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleConfiguration {
    /// The settings without `credentials`.
    pub value: Value,
    /// The module's `credentials`, every leaf secret; for the broker alone.
    pub credentials: Option<Value>,
}

impl Configuration {
    /// Tells whether a file mentions a namespace, or somebody says `enabled` outright. A plugin's defaults or a
    /// stray variable such as `KONDUCTOR_AWS__REGION` do not switch a module on.
    fn is_asked_for(&self, namespace: &str, section: &Located) -> bool {
        let said = section.as_map().and_then(|map| map.get("enabled"));
        said.is_some_and(|said| said.layer > Layer::PluginDefaults)
            || self.layers.iter().any(|layer| {
                layer.layer < Layer::Environment
                    && layer
                        .as_map()
                        .and_then(|map| map.get(namespace))
                        .is_some_and(|section| !section.is_removed())
            })
    }

    /// Returns the enabled modules by namespace. A section in a file without `enabled` is enabled.
    ///
    /// # Errors
    /// When an `enabled` is not true or false.
    pub fn modules(&self) -> Result<Vec<EnabledModule>, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut resolver = self.resolver(Context::default());
        let mut found = Vec::new();
        for (namespace, section) in self.settings.as_map().into_iter().flatten() {
            let path = Path::attribute(namespace.as_str());
            if RESERVED_NAMESPACES.contains(&namespace.as_str()) || !self.is_asked_for(namespace, section) {
                continue;
            }
            if enabled(section, &path, &mut resolver, &mut diagnostics) {
                found.push(EnabledModule {
                    namespace: namespace.clone(),
                    origin: section.key_or_value_origin().clone(),
                });
            }
        }
        diagnostics.extend(resolver.finish());
        finish(diagnostics, found)
    }

    /// Resolves a module's configuration and takes its credentials out. A module that is not configured has an
    /// empty one.
    ///
    /// # Errors
    /// What is wrong with its interpolation or its secrets.
    pub fn module_configuration(
        &self,
        namespace: &str,
        context: Context<'_>,
    ) -> Result<ModuleConfiguration, Diagnostics> {
        let path = Path::attribute(namespace);
        let mut resolver = self.resolver(context);
        let mut value = match self.settings.get(&path).filter(|found| !found.is_removed()) {
            Some(section) => resolver.resolve(section, Some(&path)),
            None => Value::empty_map(),
        };
        let credentials = value.as_map_mut().and_then(|map| map.remove(CREDENTIALS));
        finish(
            resolver.finish(),
            ModuleConfiguration {
                value,
                credentials: credentials.map(secret_leaves),
            },
        )
    }

    /// Resolves a module's configuration without its credentials, which are neither looked up nor decrypted.
    ///
    /// # Errors
    /// What is wrong with the rest of its interpolation or its secrets.
    pub fn module_settings(&self, namespace: &str, context: Context<'_>) -> Result<Value, Diagnostics> {
        let path = Path::attribute(namespace);
        let mut resolver = self.resolver(context);
        let value = match self.settings.get(&path).filter(|found| !found.is_removed()) {
            Some(section) => {
                let mut section = section.clone();
                if let Node::Map(map) = &mut section.node {
                    map.remove(CREDENTIALS);
                }
                resolver.resolve(&section, Some(&path))
            }
            None => Value::empty_map(),
        };
        finish(resolver.finish(), value)
    }
}

pub(crate) fn enabled(
    section: &Located,
    path: &Path,
    resolver: &mut Resolver<'_>,
    diagnostics: &mut Diagnostics,
) -> bool {
    if section.is_removed() {
        return false;
    }
    let Some(written) = section
        .as_map()
        .and_then(|map| map.get("enabled"))
        .filter(|v| !v.is_removed())
    else {
        return true;
    };
    let path = path.child("enabled");
    match resolver.resolve(written, Some(&path)) {
        Value::Boolean(enabled) => enabled,
        // What cannot be resolved was reported by the resolver.
        Value::Unknown => true,
        other => {
            diagnostics.push(
                Diagnostic::error(format!(
                    "expected true or false, found {}",
                    described_kind(&other)
                ))
                .at(path)
                .origin(Some(written.origin.clone())),
            );
            true
        }
    }
}

fn secret_leaves(value: Value) -> Value {
    match value {
        Value::List(list) => Value::List(list.into_iter().map(secret_leaves).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, secret_leaves(v))).collect()),
        leaf => leaf.into_secret(),
    }
}
