//! A built component in the sandbox, with a cloud that answers by script in place of the broker.

use std::path::Path;
use std::sync::Arc;

use konductor_broker::Vault;
use konductor_model::Value;
use konductor_model::provider::{Provider, ReadRequest};
use konductor_sandbox::{LoadOptions, Sandbox, SandboxOptions};
use konductor_sdk_test::ScriptedCloud;

/// Loads a component; what it sends goes to the cloud.
pub async fn loaded(component: &Path, cloud: Arc<ScriptedCloud>) -> impl Provider + use<> {
    let options = SandboxOptions {
        cache_directory: Some(konductor_tests::root().join("target/test-cache/loaded")),
        ..SandboxOptions::default()
    };
    let bytes = std::fs::read(component).unwrap();
    let origin = LoadOptions::from_origin(component.display().to_string());
    let plugin = Sandbox::new(options).unwrap().load(&bytes, origin).await.unwrap();
    plugin.with_configuration(Value::empty_map(), cloud, Arc::new(Vault::new()))
}

/// Asks for objects of a type that were never seen before.
pub fn readings(resource_type: &str, ids: &[&str]) -> Vec<ReadRequest> {
    let reading = |(index, id): (usize, &&str)| ReadRequest {
        resource_type: resource_type.parse().unwrap(),
        name: format!("object-{index}").parse().unwrap(),
        id: (*id).to_owned(),
        prior: None,
    };
    ids.iter().enumerate().map(reading).collect()
}
