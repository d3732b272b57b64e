//! A module that sees of the run's metadata what its plugin was granted, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::module::{ConstructRequest, ConstructResponse, Module};
use konductor_model::{Failure, PluginGrant, Value};

/// The field that holds the configuration of the plugin's own modules, which is granted by namespace.
const CONFIGURATION: &str = "configuration";

/// Stands in front of a plugin's module half.
pub struct GrantedModule {
    inner: Arc<dyn Module>,
    metadata: BTreeSet<String>,
    configuration: BTreeSet<String>,
}

impl GrantedModule {
    /// Puts a grant in front of a module.
    pub fn wrap(inner: Arc<dyn Module>, grant: &PluginGrant) -> Arc<dyn Module> {
        Arc::new(Self {
            inner,
            metadata: grant.metadata.clone(),
            configuration: grant.configuration.clone(),
        })
    }

    fn visible(&self, metadata: Value) -> Value {
        let Value::Map(fields) = metadata else {
            return Value::empty_map();
        };
        let seen = fields.into_iter().filter_map(|(name, value)| match value {
            Value::Map(modules) if name == CONFIGURATION => {
                let modules = modules
                    .into_iter()
                    .filter(|(module, _)| self.configuration.contains(module));
                Some((name, Value::Map(modules.collect())))
            }
            value => self.metadata.contains(&name).then_some((name, value)),
        });
        Value::Map(seen.collect())
    }
}

#[async_trait]
impl Module for GrantedModule {
    async fn config_schema(&self, module: &str) -> Result<serde_json::Value, Failure> {
        self.inner.config_schema(module).await
    }

    async fn defaults(&self, module: &str) -> Result<Value, Failure> {
        self.inner.defaults(module).await
    }

    async fn dependencies(&self, module: &str) -> Result<Vec<String>, Failure> {
        self.inner.dependencies(module).await
    }

    async fn construct(&self, mut request: ConstructRequest) -> Result<ConstructResponse, Failure> {
        request.metadata = self.visible(request.metadata);
        self.inner.construct(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    #[async_trait]
    impl Module for Nothing {
        async fn config_schema(&self, _: &str) -> Result<serde_json::Value, Failure> {
            Ok(serde_json::Value::Null)
        }
        async fn defaults(&self, _: &str) -> Result<Value, Failure> {
            Ok(Value::Null)
        }
        async fn dependencies(&self, _: &str) -> Result<Vec<String>, Failure> {
            Ok(Vec::new())
        }
        /// Gives back what it was shown.
        async fn construct(&self, request: ConstructRequest) -> Result<ConstructResponse, Failure> {
            Ok(ConstructResponse {
                outputs: request.metadata,
                ..ConstructResponse::default()
            })
        }
    }

    fn seen(grant: PluginGrant) -> Value {
        let request = ConstructRequest {
            target: "x".into(),
            name: "x".parse().unwrap(),
            inputs: Value::Null,
            metadata: Value::from([
                ("project", Value::from("shop")),
                ("stack", Value::from("prod")),
                (
                    "configuration",
                    Value::from([("x", Value::from("mine")), ("y", Value::from("theirs"))]),
                ),
            ]),
        };
        let module = GrantedModule::wrap(Arc::new(Nothing), &grant);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(module.construct(request)).unwrap().outputs
    }

    #[test]
    fn a_plugin_sees_the_granted_fields_alone() {
        let grant = PluginGrant {
            metadata: ["stack".to_owned()].into(),
            configuration: ["x".to_owned()].into(),
            ..PluginGrant::default()
        };
        let expected = Value::from([
            ("stack", Value::from("prod")),
            ("configuration", Value::from([("x", Value::from("mine"))])),
        ]);
        assert_eq!(seen(grant), expected);
        assert_eq!(
            seen(PluginGrant::default()),
            Value::from([("configuration", Value::empty_map())])
        );
    }

    #[test]
    fn the_field_configuration_cannot_be_granted_as_metadata() {
        let grant = PluginGrant {
            metadata: ["configuration".to_owned()].into(),
            ..PluginGrant::default()
        };
        assert_eq!(seen(grant), Value::from([("configuration", Value::empty_map())]));
    }
}
