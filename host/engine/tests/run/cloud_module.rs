//! The components of the cloud in memory.

use async_trait::async_trait;
use konductor_model::module::{ConstructRequest, ConstructResponse, ConstructedDeclaration, Module};
use konductor_model::{Diagnostics, Failure, Path, Reference, ResourceOptions, Value};

use crate::cloud::Cloud;

#[async_trait]
impl Module for Cloud {
    async fn config_schema(&self, _: &str) -> Result<serde_json::Value, Failure> {
        Ok(serde_json::json!({}))
    }

    async fn defaults(&self, _: &str) -> Result<Value, Failure> {
        Ok(Value::Null)
    }

    async fn dependencies(&self, module: &str) -> Result<Vec<String>, Failure> {
        Ok(if module == "second" {
            vec!["first".into()]
        } else {
            Vec::new()
        })
    }

    async fn construct(&self, request: ConstructRequest) -> Result<ConstructResponse, Failure> {
        let configuration = request.metadata.attribute("configuration").cloned();
        self.state
            .lock()
            .unwrap()
            .constructed
            .push((request.target.clone(), configuration.unwrap_or_default()));
        let child = |name: &str, kind: &str, properties: Value| ConstructedDeclaration {
            name: name.into(),
            resource_type: kind.parse().unwrap(),
            properties,
            options: ResourceOptions::default(),
        };
        let sibling = |name: &str| {
            Value::Reference(Reference {
                resource: format!("./{name}"),
                path: Path::attribute("arn"),
            })
        };
        if request.target == "fake:test:Endless" {
            return Ok(ConstructResponse {
                declarations: vec![child("again", "fake:test:Endless", Value::Null)],
                ..ConstructResponse::default()
            });
        }
        let label = request.inputs.attribute("label").cloned().unwrap_or_default();
        if request.target == "fake:test:Pair" {
            let link = request.inputs.attribute("link").cloned().unwrap_or_default();
            return Ok(ConstructResponse {
                declarations: vec![
                    child(
                        "front",
                        "fake:test:Thing",
                        Value::from([("label", label.clone()), ("link", link)]),
                    ),
                    child(
                        "back",
                        "fake:test:Thing",
                        Value::from([("link", sibling("front"))]),
                    ),
                ],
                outputs: Value::from([
                    ("arn", sibling("back")),
                    ("label", label),
                    ("all", Value::List(vec![sibling("front"), sibling("back")])),
                ]),
                diagnostics: Diagnostics::default(),
            });
        }
        Ok(ConstructResponse {
            declarations: vec![child("pair", "fake:test:Pair", request.inputs)],
            outputs: Value::from([("arn", sibling("pair"))]),
            diagnostics: Diagnostics::default(),
        })
    }
}
