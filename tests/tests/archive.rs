//! Every archived plugin of every released version of the interface loads and runs, for ever after.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_broker::Vault;
use konductor_model::cloud::{Cloud, CloudRequest, CloudResponse, SendError};
use konductor_model::module::{ConstructRequest, Module};
use konductor_model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ObjectState, Outcome, PlanRequest, Provider, ReadRequest,
    UpdateRequest,
};
use konductor_model::{ResourceType, Value};
use konductor_sandbox::{LoadOptions, Plugin, Sandbox, SandboxOptions};
use konductor_tests::{archive, archived};

/// Returns the archived plugins by version: the names of the files, without their endings.
fn archives() -> BTreeMap<String, Vec<String>> {
    let folders = fs::read_dir(archive())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let versions = folders.filter(|path| path.is_dir()).map(|folder| {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let version = name
            .strip_prefix("konductor-plugin-")
            .expect("a folder is named by its version");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = files
            .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        (version.to_owned(), names)
    });
    versions.collect()
}

async fn load(version: &str, name: &str) -> Plugin {
    let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
    let bytes = fs::read(archived(version, name)).unwrap();
    let options = LoadOptions::from_origin(format!("{name} of {version}"));
    sandbox.load(&bytes, options).await.unwrap()
}

/// The reference plugin calls no cloud.
struct NoCloud;

#[async_trait]
impl Cloud for NoCloud {
    async fn send(&self, _: &str, _: CloudRequest) -> Result<CloudResponse, SendError> {
        Err(SendError::Denied("there is no cloud".to_owned()))
    }
}

#[tokio::test]
async fn every_archived_plugin_loads_as_what_it_is() {
    let archives = archives();
    assert!(archives.contains_key("0.1.0"), "{archives:?}");
    for (version, names) in archives {
        assert_eq!(names, ["hostile", "reference"], "{version}");
        for name in names {
            let plugin = load(&version, &name).await;
            assert_eq!(plugin.manifest().name, name);
            assert_eq!(plugin.interface_version().to_string(), version);
            assert!(plugin.is_provider());
        }
    }
}

#[test]
fn no_archived_plugin_names_a_folder_of_the_machine_that_built_it() {
    for (version, names) in archives() {
        for name in names {
            let bytes = fs::read(archived(&version, &name)).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            for folder in ["/.cargo/", "/.rustup/", "/home/", "/Users/"] {
                assert!(
                    !text.contains(folder),
                    "{name} of {version} should not name {folder}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_archived_reference_plugin_runs() {
    for version in archives().into_keys() {
        let plugin = load(&version, "reference").await.with_configuration(
            Value::empty_map(),
            Arc::new(NoCloud),
            Arc::new(Vault::new()),
        );
        life_of_an_item(&plugin).await;
        a_group_of_three(&plugin).await;
    }
}

fn item() -> ResourceType {
    "reference:test:Item".parse().unwrap()
}

fn complete(outcome: Outcome) -> ObjectState {
    match outcome {
        Outcome::Complete(object) => object,
        other => panic!("{other:?}"),
    }
}

async fn life_of_an_item(plugin: &Plugin) {
    assert_eq!(plugin.schema(&item()).await.unwrap().resource_type, item());
    let secret = Value::from("planted-in-an-archived-plugin").into_secret();
    let declared = Value::from([("label", Value::from("one")), ("value", secret.clone())]);
    let check = CheckRequest {
        resource_type: item(),
        name: "one".parse().unwrap(),
        inputs: declared.clone(),
        prior_inputs: None,
    };
    let checked = plugin.check(check).await.unwrap();
    assert!(checked.diagnostics.is_empty(), "{}", checked.diagnostics);
    let inputs = checked.inputs;
    assert_eq!(inputs.attribute("value"), Some(&secret));
    let plan = |prior: Option<ObjectState>, inputs: Value| PlanRequest {
        resource_type: item(),
        name: "one".parse().unwrap(),
        prior_inputs: prior.is_some().then(|| inputs.clone()),
        prior,
        inputs,
    };
    let planned = plugin.plan(plan(None, inputs.clone())).await.unwrap();
    let create = CreateRequest {
        resource_type: item(),
        name: "one".parse().unwrap(),
        inputs: inputs.clone(),
        planned: planned.planned,
        private: planned.private,
        idempotency_token: "token".to_owned(),
    };
    let object = complete(plugin.create(create).await.unwrap());
    assert!(object.id.starts_with("item-"), "{object:?}");
    assert_eq!(object.attributes.attribute("value"), Some(&secret));

    let read = ReadRequest {
        resource_type: item(),
        name: "one".parse().unwrap(),
        id: object.id.clone(),
        prior: Some(object.clone()),
    };
    let found = plugin.read(read.clone()).await.unwrap().unwrap();
    assert_eq!(found.attributes, object.attributes);
    assert_eq!(plugin.read_many(vec![read.clone(), read]).await.unwrap().len(), 2);
    let unchanged = plugin
        .plan(plan(Some(object.clone()), inputs.clone()))
        .await
        .unwrap();
    assert_eq!(unchanged.changes, []);

    let wanted = Value::from([("label", "two")]);
    let changed = plugin
        .plan(plan(Some(object.clone()), wanted.clone()))
        .await
        .unwrap();
    assert!(!changed.changes.is_empty());
    let update = UpdateRequest {
        resource_type: item(),
        name: "one".parse().unwrap(),
        prior: object.clone(),
        prior_inputs: inputs,
        inputs: wanted,
        planned: changed.planned,
        private: changed.private,
        idempotency_token: "token".to_owned(),
    };
    let updated = complete(plugin.update(update).await.unwrap());
    assert_eq!(
        updated.attributes.attribute("label").unwrap().as_text(),
        Some("two")
    );
    let delete = DeleteRequest {
        resource_type: item(),
        name: "one".parse().unwrap(),
        prior: updated,
        idempotency_token: "token".to_owned(),
    };
    assert_eq!(plugin.delete(delete).await.unwrap(), Outcome::Deleted);
}

async fn a_group_of_three(plugin: &Plugin) {
    let construct = ConstructRequest {
        target: "reference:test:Group".to_owned(),
        name: "group".parse().unwrap(),
        inputs: Value::from([("count", 3)]),
        metadata: Value::empty_map(),
    };
    let constructed = plugin.construct(construct).await.unwrap();
    let names: Vec<&str> = constructed.declarations.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["item-0", "item-1", "item-2"]);
}
