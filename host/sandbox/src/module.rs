//! A plugin as the maker of declarations.

use async_trait::async_trait;
use konductor_model::module::{ConstructRequest, ConstructResponse, Module};
use konductor_model::{Failure, Value};

use crate::call::{Call, Class};
use crate::plugin::Plugin;
use crate::provider::call;

#[async_trait]
impl Module for Plugin {
    async fn config_schema(&self, module: &str) -> Result<serde_json::Value, Failure> {
        let call = Call::new(Class::Pure, "config-schema", module, "");
        let module = module.to_owned();
        let answer = call!(self, call.clone(), config_schema(&module))?;
        self.document(&call, &answer)
    }

    async fn defaults(&self, module: &str) -> Result<Value, Failure> {
        let call = Call::new(Class::Pure, "defaults", module, "");
        let module = module.to_owned();
        call!(self, call, defaults(&module))
    }

    async fn dependencies(&self, module: &str) -> Result<Vec<String>, Failure> {
        let call = Call::new(Class::Pure, "dependencies", module, "");
        let module = module.to_owned();
        call!(self, call, dependencies(&module))
    }

    async fn construct(&self, request: ConstructRequest) -> Result<ConstructResponse, Failure> {
        let call = Call::new(Class::Pure, "construct", &request.name, &request.target);
        let answer = call!(self, call.clone(), construct() sealing request)?;
        // Types of other plugins are theirs to know; of its own it has those that it was approved with.
        let manifest = self.manifest();
        let invented = answer.declarations.iter().map(|d| &d.resource_type).find(|kind| {
            kind.provider() == manifest.name
                && !manifest.resource_types.contains(kind)
                && !manifest.component_types.contains(kind)
        });
        match invented {
            Some(kind) => Err(self.misbehaved(
                &call,
                &format!("answered with a declaration of {kind}, which its manifest does not name"),
            )),
            None => Ok(answer),
        }
    }
}
