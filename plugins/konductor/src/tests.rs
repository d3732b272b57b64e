//! Every component in every cloud: what it becomes, what is lost, and that the cloud's plugin takes it.

use konductor_sdk::model::value_json::to_plain_json;
use konductor_sdk_test::Components;
use konductor_sdk_test::components::{messages, shown};
use serde_json::{Value as Json, json};

use super::*;
use crate::cloud::Cloud;

fn construct(target: &str, inputs: Json) -> ConstructResponse {
    let metadata = json!({ "configuration": { "konductor": { "cloud": "aws" } } });
    Components::new(Vocabulary::definition()).construct(target, "shop", inputs, metadata)
}

/// Returns what a component becomes in each cloud, by the word of the cloud.
fn everywhere(target: &str, inputs: &Json) -> Json {
    let in_cloud = |cloud: Cloud| {
        let mut inputs = inputs.clone();
        inputs["cloud"] = cloud.word().into();
        let response = construct(target, inputs);
        assert_taken(cloud, &response);
        (cloud.word().to_owned(), shown(&response))
    };
    Json::Object(Cloud::ALL.into_iter().map(in_cloud).collect())
}

/// What is declared is followed down to the components of the cloud, and from there to its types.
fn assert_taken(cloud: Cloud, response: &ConstructResponse) {
    let definition = match cloud {
        Cloud::Aws => {
            Definition::new("aws", "0.0.0").component(&konductor_plugin_aws_components::secure_vpc::SecureVpc)
        }
        Cloud::Azure => konductor_plugin_azure::Azure::definition(),
        Cloud::Google => konductor_plugin_gcp::Gcp::definition(),
    };
    let definition = match cloud {
        Cloud::Aws => definition.component(&konductor_plugin_aws_components::secure_bucket::SecureBucket),
        _ => definition,
    };
    let components = Components::new(definition);
    let known = |type_name: &str| cloud != Cloud::Aws || type_name.contains(":Secure");
    for declared in &response.declarations {
        let type_name = declared.resource_type.as_str();
        assert_eq!(declared.resource_type.provider(), cloud.word());
        if !known(type_name) {
            continue;
        }
        let mut alone = response.clone();
        alone.declarations.retain(|other| other.name == declared.name);
        components.assert_types_take(&alone);
        if type_name.contains(":Secure") || type_name.ends_with(":KubernetesCluster") {
            let metadata = json!({ "configuration": {
                "aws": { "region": "eu-west-1", "s3": { "logging_bucket": "org-logs" } },
                "gcp": { "project": "shop-project", "region": "europe-west1" },
            } });
            let below =
                components.construct(type_name, "shop", to_plain_json(&declared.properties), metadata);
            assert_eq!(messages(&below), Vec::<String>::new(), "{type_name}");
            if cloud != Cloud::Aws {
                components.assert_types_take(&below);
            }
        }
    }
}

fn said(target: &str, inputs: Json) -> Vec<String> {
    messages(&construct(target, inputs))
}

#[test]
fn every_example_works() {
    for component in COMPONENTS {
        Components::new(Vocabulary::definition()).assert_examples_work(component, &json!({}));
    }
}

#[test]
fn a_network_is_the_same_in_every_cloud() {
    let inputs = json!({ "cidr_block": "10.20.0.0/16", "tags": { "team": "shop" } });
    insta::assert_json_snapshot!(everywhere("konductor:net:Network", &inputs));
}

#[test]
fn what_a_network_loses_is_said() {
    let inputs = json!({
        "name": "inner", "cidr_block": "10.20.0.0/16", "zones": 2, "public_subnets": false, "internet_access": "per_zone",
        "flow_logs": true,
    });
    insta::assert_json_snapshot!(everywhere("konductor:net:Network", &inputs));
}

#[test]
fn a_bucket_is_the_same_in_every_cloud() {
    let inputs = json!({ "name": "shop-files", "tags": { "Team": "Shop", "stage": "dev" } });
    insta::assert_json_snapshot!(everywhere("konductor:storage:Bucket", &inputs));
}

#[test]
fn what_a_bucket_loses_is_said() {
    let inputs = json!({
        "name": "shop-files", "versioning": false, "force_destroy": true, "expire_after_days": 90,
        "expire_old_versions_after_days": 30, "encryption_key": { "$reference": { "resource": "key", "path": "id" } },
    });
    insta::assert_json_snapshot!(everywhere("konductor:storage:Bucket", &inputs));
    let azure = json!({ "cloud": "azure", "name": "shop-files", "versioning": true, "force_destroy": false });
    assert_eq!(
        said("konductor:storage:Bucket", azure),
        [
            "warning [versioning] `versioning` is lost in Azure",
            "warning [force_destroy] `force_destroy` is lost in Azure"
        ]
    );
}

#[test]
fn a_cluster_is_the_same_where_there_is_one() {
    let inputs = json!({ "network_id": "n", "subnet_id": "s", "node_size": "medium", "node_count": 3, "private": false });
    insta::assert_json_snapshot!(everywhere("konductor:kubernetes:Cluster", &inputs));
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl operator@example.com";

#[test]
fn a_machine_is_the_same_in_every_cloud() {
    let inputs = json!({
        "network_id": "n", "subnet_id": "s", "size": "medium", "public_address": true, "ssh_public_key": KEY,
        "user_data": "#cloud-config", "tags": { "team": "shop" },
        "aws": { "image_id": "ami-12c6146b" }, "azure": { "location": "northeurope" }, "gcp": { "zone": "europe-west1-b" },
    });
    insta::assert_json_snapshot!(everywhere("konductor:compute:Instance", &inputs));
}

#[test]
fn a_closed_machine_stands_in_the_group_that_is_given() {
    let inputs = json!({
        "cloud": "azure", "network_id": "n", "subnet_id": "s", "ssh_public_key": KEY, "image": "debian-12",
        "azure": { "resource_group": "given" },
    });
    let response = construct("konductor:compute:Instance", inputs);
    assert_taken(Cloud::Azure, &response);
    let shown = shown(&response);
    let mut names: Vec<&String> = shown["declarations"].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["azure", "azure-guard", "azure-interface"]);
    assert_eq!(shown["outputs"]["public_ip"], Json::Null);
    let interface = &shown["declarations"]["azure-interface"]["properties"];
    assert_eq!(interface["resource_group"], "given");
}

#[test]
fn what_a_machine_needs_of_its_cloud_is_asked_for() {
    let needs = |cloud: &str, user_data: Json| {
        let inputs = json!({
            "cloud": cloud, "network_id": "n", "subnet_id": "s", "image": "debian-12", "user_data": user_data,
            "ssh_public_key": if user_data.is_null() { Json::Null } else { KEY.into() },
        });
        said("konductor:compute:Instance", inputs)
    };
    assert_eq!(
        needs("aws", Json::Null),
        ["error [aws.image_id] a machine in AWS needs `image_id`"]
    );
    assert_eq!(
        needs("azure", Json::Null),
        ["error [ssh_public_key] a machine in Azure needs `ssh_public_key`"]
    );
    let unknown = json!({ "$unknown": true });
    assert_eq!(
        needs("azure", unknown),
        ["error [user_data] `user_data` must be known when the plan is made"]
    );
    assert_eq!(
        needs("gcp", Json::Null),
        ["error [gcp.zone] a machine in Google Cloud needs `zone`"]
    );
    let image = json!({
        "cloud": "aws", "network_id": "n", "subnet_id": "s", "image": "debian-12", "aws": { "image_id": "ami-12c6146b" },
    });
    assert_eq!(
        said("konductor:compute:Instance", image),
        ["warning [image] `image` is lost in AWS"]
    );
}

#[test]
fn a_database_is_the_same_where_there_is_one() {
    let inputs = json!({
        "name": "shop-orders", "network_id": "n", "subnet_id": "s", "password": { "$secret": "a-long-Password-1" },
        "high_availability": true, "tags": { "team": "shop" }, "gcp": { "project": "shop-project" },
    });
    insta::assert_json_snapshot!(everywhere("konductor:database:Postgres", &inputs));
    let without = json!({ "cloud": "gcp", "network_id": "n", "subnet_id": "s", "password": "p" });
    assert_eq!(
        said("konductor:database:Postgres", without),
        ["error [gcp.project] a server in Google Cloud needs `project`"]
    );
}

#[test]
fn properties_of_the_chosen_cloud_are_laid_over_and_those_of_others_are_told() {
    let inputs = json!({
        "cloud": "aws", "cidr_block": "10.20.0.0/16", "tags": { "team": "shop" },
        "aws": { "enable_dns_hostnames": false, "tags": { "kind": "legacy" }, "nat_gateways": "none" },
        "azure": { "resource_group": "shop" },
        "gcp": { "region": "europe-north1", "flow_logs": false },
    });
    let response = construct("konductor:net:Network", inputs);
    let properties = &shown(&response)["declarations"]["aws"]["properties"];
    assert_eq!(properties["enable_dns_hostnames"], false);
    assert_eq!(properties["nat_gateways"], "none");
    assert_eq!(properties["tags"], json!({ "team": "shop", "kind": "legacy" }));
    assert_eq!(
        messages(&response),
        [
            "warning [azure.resource_group] `resource_group` is for Azure and is not used in AWS",
            "warning [gcp.flow_logs] `flow_logs` is for Google Cloud and is not used in AWS",
            "warning [gcp.region] `region` is for Google Cloud and is not used in AWS",
        ]
    );
}

#[test]
fn the_component_decides_before_the_configuration_and_somebody_has_to() {
    let inputs = |cloud: Json| json!({ "cidr_block": "10.20.0.0/16", "cloud": cloud });
    let became = |response: &ConstructResponse| response.declarations[0].resource_type.to_string();
    let configured = construct("konductor:net:Network", inputs(Json::Null));
    assert_eq!(became(&configured), "aws:vpc:SecureVpc");
    let own = construct("konductor:net:Network", inputs("gcp".into()));
    assert_eq!(became(&own), "gcp:compute:SecureNetwork");
    let nobody = Components::new(Vocabulary::definition()).construct(
        "konductor:net:Network",
        "shop",
        inputs(Json::Null),
        json!({}),
    );
    assert_eq!(
        messages(&nobody),
        ["error [cloud] it is not said which cloud this is to be in"]
    );
    assert!(nobody.declarations.is_empty());
}

#[test]
fn what_decides_what_exists_must_be_known() {
    let reference = json!({ "$reference": { "resource": "other", "path": "x" } });
    for (target, name, other) in [
        (
            "konductor:net:Network",
            "cloud",
            json!({ "cidr_block": "10.20.0.0/16" }),
        ),
        (
            "konductor:net:Network",
            "public_subnets",
            json!({ "cidr_block": "10.20.0.0/16" }),
        ),
        (
            "konductor:net:Network",
            "azure",
            json!({ "cloud": "azure", "cidr_block": "10.20.0.0/16" }),
        ),
        ("konductor:storage:Bucket", "name", json!({ "cloud": "azure" })),
        (
            "konductor:storage:Bucket",
            "expire_after_days",
            json!({ "name": "shop-files" }),
        ),
    ] {
        let mut inputs = other;
        inputs[name] = reference.clone();
        let wrong = format!("error [{name}] `{name}` must be known when the plan is made");
        assert_eq!(said(target, inputs), [wrong], "{target}");
    }
}

#[test]
fn a_name_that_no_storage_account_can_have_is_refused_unless_another_is_given() {
    let long = json!({ "cloud": "azure", "name": "the-files-of-the-shop-in-europe", "versioning": false });
    assert_eq!(
        said("konductor:storage:Bucket", long.clone()),
        ["error [name] no storage account of Azure can be called `thefilesoftheshopineurope`"]
    );
    let mut named = long;
    named["azure"] = json!({ "name": "shopfiles" });
    let response = construct("konductor:storage:Bucket", named);
    assert_eq!(messages(&response), Vec::<String>::new());
    let properties = &shown(&response)["declarations"]["azure"]["properties"];
    assert_eq!(properties["name"], "shopfiles");
    assert_eq!(
        properties["containers"],
        json!(["the-files-of-the-shop-in-europe"])
    );
}

#[test]
fn outputs_are_the_same_in_every_cloud() {
    for component in COMPONENTS {
        let target = component.component_type();
        let inputs = json!({
            "cidr_block": "10.20.0.0/16", "name": "shop-files", "network_id": "n", "subnet_id": "s", "password": "p",
            "ssh_public_key": KEY, "aws": { "image_id": "ami-12c6146b" },
            "gcp": { "zone": "europe-west1-b", "project": "shop-project" },
        });
        let schema = component.schema().unwrap();
        // What connects clouds is in more than one.
        if !schema.attributes.contains_key("cloud") {
            continue;
        }
        let taken: Vec<&String> = schema.attributes.keys().collect();
        let mut outputs = Vec::new();
        for cloud in Cloud::ALL {
            let mut inputs = inputs.clone();
            inputs["cloud"] = cloud.word().into();
            inputs
                .as_object_mut()
                .unwrap()
                .retain(|name, _| taken.contains(&name));
            let response = construct(target, inputs);
            if !response.diagnostics.has_errors() {
                let Value::Map(found) = response.outputs else {
                    panic!("{target}")
                };
                outputs.push(found.into_keys().collect::<Vec<_>>());
            }
        }
        assert!(outputs.len() > 1, "{target}");
        assert!(
            outputs.windows(2).all(|two| two[0] == two[1]),
            "{target}: {outputs:?}"
        );
    }
}

#[test]
fn the_section_takes_the_three_words_and_nothing_else() {
    let schema = module::Konductor.config_schema();
    assert_eq!(
        schema["properties"]["cloud"]["enum"],
        json!(["aws", "azure", "gcp"])
    );
    assert_eq!(schema["additionalProperties"], false);
    let response = construct("konductor", json!({ "cloud": "gcp" }));
    assert_eq!(shown(&response)["outputs"], json!({ "cloud": "gcp" }));
}
