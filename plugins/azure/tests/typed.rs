//! What typed resources do beside what the conformance kit tries.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

#[path = "../../../tests/clouds/simulator.rs"]
mod simulator;

use std::path::Path;
use std::sync::Arc;

use konductor_plugin_azure::Azure;
use konductor_sdk::Plugin as _;
use konductor_sdk::model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ObjectState, Provider as _, ReadRequest,
};
use konductor_sdk::model::{Disposition, Value, value_json};
use konductor_sdk_test::{NativeProvider, block_on, lifecycle};
use serde_json::{Value as Json, json};

use simulator::Simulator;

/// The simulator's subscription.
const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";

fn value(json: Json) -> Value {
    value_json::from_json(json).unwrap()
}

fn provider(azure: &Arc<Simulator>) -> NativeProvider {
    // Operations end at once, so that a step is one call.
    azure.ask(&json!({"set": {"polls": 0}}));
    let configuration = value(json!({"subscription_id": SUBSCRIPTION, "location": "westeurope"}));
    NativeProvider::new(Azure::definition(), configuration, azure.clone())
}

fn group(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
}

/// Returns what `check` finds wrong with inputs: the place, and what it is.
fn complaints(provider: &NativeProvider, kind: &str, inputs: Json) -> Vec<String> {
    let request = CheckRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        inputs: value(inputs),
        prior_inputs: None,
    };
    let told = block_on(provider.check(request)).unwrap().unwrap();
    told.diagnostics
        .into_iter()
        .map(|told| format!("{}: {}", told.at.unwrap_or_default(), told.summary))
        .collect()
}

#[test]
fn a_secret_is_written_never_shown_and_not_deleted() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let _group = lifecycle(&provider, "azure:resources:ResourceGroup").create(value(json!({"name": "shop"})));
    let vault = json!({
        "name": "konductor-vault", "resource_group": "shop", "tenant_id": "11111111-2222-3333-4444-555555555555",
    });
    let _vault = lifecycle(&provider, "azure:keyvault:Vault").create(value(vault));
    let vault = format!(
        "{}/providers/Microsoft.KeyVault/vaults/konductor-vault",
        group("shop")
    );
    let inputs = |text: &str, enabled: bool| {
        let mut inputs = value(json!({"name": "password", "vault_id": vault, "enabled": enabled}));
        let map = inputs.as_map_mut().unwrap();
        map.insert("value".to_owned(), Value::from(text).into_secret());
        inputs
    };
    let uri = "https://konductor-vault.vault.azure.net/secrets/password";
    let _secret = lifecycle(&provider, "azure:keyvault:Secret")
        .create(inputs("planted-0987", true))
        .expect("secret_uri", uri)
        .update(inputs("planted-6543", true))
        .update(inputs("planted-6543", false))
        .preview(inputs("planted-6543", false), |plan| {
            assert!(plan.changes.is_empty(), "{:?}", plan.changes);
            let shown = format!("{:?}", plan.planned);
            assert!(!shown.contains("planted"), "{shown}");
        });

    let id = format!("{vault}/secrets/password");
    let prior = ObjectState {
        id: id.clone(),
        attributes: inputs("planted-6543", false),
        private: Vec::new(),
        schema_version: 0,
    };
    let request = DeleteRequest {
        resource_type: "azure:keyvault:Secret".parse().unwrap(),
        name: "subject".parse().unwrap(),
        prior,
        idempotency_token: "token".to_owned(),
    };
    let refused = block_on(provider.delete(request)).unwrap().unwrap_err();
    assert_eq!(refused.disposition, Disposition::Unsupported);
    assert!(refused.message.contains("retain_on_delete"), "{refused}");
    let there = azure.ask(&json!({"contents": {}}));
    let there = there
        .as_array()
        .unwrap()
        .iter()
        .any(|resource| resource["id"] == id.as_str());
    assert!(there, "the secret is where it was");
}

#[test]
fn a_cluster_keeps_the_pools_that_are_resources_of_their_own() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let _group = lifecycle(&provider, "azure:resources:ResourceGroup").create(value(json!({"name": "shop"})));
    let cluster = |pools: &[&str], version: &str| {
        let pools: Vec<Json> = pools
            .iter()
            .map(|name| json!({"name": name, "mode": "System", "vmSize": "Standard_D2s_v5", "count": 2}))
            .collect();
        value(json!({
            "name": "shop", "resource_group": "shop", "dns_prefix": "shop", "kubernetes_version": version, "node_pools": pools,
        }))
    };
    let id = format!(
        "{}/providers/Microsoft.ContainerService/managedClusters/shop",
        group("shop")
    );
    let of_cluster =
        lifecycle(&provider, "azure:kubernetes:ManagedCluster").create(cluster(&["system", "other"], "1.34"));
    let pool = json!({"name": "workers", "cluster_id": id, "size": "Standard_D4s_v5", "count": 3});
    let of_pool = lifecycle(&provider, "azure:kubernetes:AgentPool").create(value(pool));
    let pools = || -> Vec<String> {
        let there = azure.ask(&json!({"contents": {}}));
        let mut names: Vec<String> = there
            .as_array()
            .unwrap()
            .iter()
            .filter(|resource| resource["type"] == "Microsoft.ContainerService/managedClusters/agentPools")
            .map(|resource| resource["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(pools(), ["other", "system", "workers"]);
    let of_cluster = of_cluster
        .preview(cluster(&["system", "other"], "1.34"), |plan| {
            assert!(plan.changes.is_empty(), "{:?}", plan.changes);
        })
        .update(cluster(&["system", "other"], "1.35"));
    assert_eq!(pools(), ["other", "system", "workers"]);
    // A look at the cluster does not show them as its own.
    let prior = ObjectState {
        id: id.clone(),
        attributes: cluster(&["system", "other"], "1.35"),
        private: Vec::new(),
        schema_version: 0,
    };
    let request = ReadRequest {
        resource_type: "azure:kubernetes:ManagedCluster".parse().unwrap(),
        name: "subject".parse().unwrap(),
        id: id.clone(),
        prior: Some(prior.clone()),
    };
    let seen = block_on(provider.read(request)).unwrap().unwrap().unwrap();
    assert_eq!(
        seen.attributes.attribute("node_pools"),
        prior.attributes.attribute("node_pools")
    );
    // What was its own and is not wanted any more goes.
    let of_cluster = of_cluster.update(cluster(&["system"], "1.35"));
    assert_eq!(pools(), ["system", "workers"]);
    of_pool.delete();
    assert_eq!(pools(), ["system"]);
    of_cluster.delete();
}

#[test]
fn a_resource_that_is_global_does_not_stand_where_the_others_do() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let _group = lifecycle(&provider, "azure:resources:ResourceGroup").create(value(json!({"name": "shop"})));
    let zone = value(json!({"name": "shop.example.org", "resource_group": "shop"}));
    lifecycle(&provider, "azure:dns:Zone")
        .create(zone)
        .expect("location", "global")
        .delete();
}

#[test]
fn a_role_assignment_without_a_name_gets_one_that_a_second_attempt_gets_as_well() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let _group = lifecycle(&provider, "azure:resources:ResourceGroup").create(value(json!({"name": "shop"})));
    let inputs = value(json!({
        "scope": group("shop"),
        "role_definition_id": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        "principal_id": "33333333-4444-5555-6666-777777777777",
    }));
    let first = lifecycle(&provider, "azure:authorization:RoleAssignment").create(inputs.clone());
    // Its token is the same, as that of an attempt that was cut off is.
    let second = lifecycle(&provider, "azure:authorization:RoleAssignment").create(inputs);
    let there = azure.ask(&json!({"contents": {}}));
    let names: Vec<&str> = there
        .as_array()
        .unwrap()
        .iter()
        .filter(|resource| resource["type"] == "Microsoft.Authorization/roleAssignments")
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["934503e3-c46a-5f04-9df0-acf40d87e7a0"]);
    first.delete();
    drop(second);
}

#[test]
fn what_azure_would_refuse_is_told_before_it_is_asked() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let zone = format!(
        "{}/providers/Microsoft.Network/dnsZones/shop.example.org",
        group("shop")
    );
    for (kind, inputs, expected) in [
        (
            "azure:dns:ARecord",
            json!({"name": "www", "zone_id": zone}),
            vec!["records: none of `records`, `target_resource_id` is given"],
        ),
        (
            "azure:dns:ARecord",
            json!({"name": "www", "zone_id": zone, "records": [{"ipv4Address": "192.0.2.1"}], "target_resource_id": zone}),
            vec!["target_resource_id: `target_resource_id` is given, and so is `records`"],
        ),
        (
            "azure:sql:Server",
            json!({"name": "konductor", "resource_group": "shop", "administrator_login": "operator"}),
            vec!["administrator_login: `administrator_login` is given without `administrator_password`"],
        ),
        (
            "azure:storage:StorageAccount",
            json!({"name": "Konductor_Files", "resource_group": "shop"}),
            vec!["name: `Konductor_Files` does not have the form it must have"],
        ),
        (
            "azure:sql:FirewallRule",
            json!({"name": "office", "server_id": zone, "start_ip_address": "192.0.2", "end_ip_address": "192.0.2.9"}),
            vec!["start_ip_address: `192.0.2` is not a valid IPv4 address"],
        ),
        (
            "azure:web:ServicePlan",
            json!({"name": "my plan", "resource_group": "shop", "sku": "Y1"}),
            vec!["name: `my plan` does not have the form it must have"],
        ),
        (
            "azure:kubernetes:AgentPool",
            json!({"name": "Workers", "cluster_id": zone, "size": "Standard_D2s_v5", "minimum_count": 1, "maximum_count": 3}),
            vec!["name: `Workers` does not have the form it must have"],
        ),
        (
            "azure:keyvault:Secret",
            json!({"name": "password", "vault_id": zone, "value": "planted"}),
            vec![],
        ),
        (
            "azure:authorization:PolicyDefinition",
            json!({"name": "tagged", "scope": group("shop"), "policy_rule": {"if": {}, "then": {}}}),
            vec![
                "scope: `/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop` is a resource group, where \
                 no azure:authorization:PolicyDefinition can stand",
            ],
        ),
        (
            "azure:authorization:PolicyAssignment",
            json!({"name": "tagged", "scope": "shop", "policy_definition_id": "/x"}),
            vec!["scope: `shop` is not the identifier of anything in Azure"],
        ),
        (
            "azure:authorization:PolicyAssignment",
            json!({"name": "tagged", "scope": "/providers/Microsoft.Management/managementGroups/root", "policy_definition_id": "/x"}),
            vec![],
        ),
        (
            "azure:authorization:PolicyExemption",
            json!({"name": "off", "scope": group("shop"), "policy_assignment_id": "/x", "category": "Waiver", "expires_on": "tomorrow"}),
            vec!["expires_on: `tomorrow` does not have the form it must have"],
        ),
        (
            "azure:security:Assessment",
            json!({"name": "owners", "resource_id": zone, "status": "Unhealthy"}),
            vec!["name: `owners` does not have the form it must have"],
        ),
    ] {
        assert_eq!(complaints(&provider, kind, inputs), expected, "{kind}");
    }
}

/// Returns what a create by somebody else answers.
fn create(provider: &NativeProvider, kind: &str, inputs: Json) -> Result<(), (Disposition, String)> {
    let request = CreateRequest {
        resource_type: kind.parse().unwrap(),
        name: "other".parse().unwrap(),
        planned: value(inputs.clone()),
        inputs: value(inputs),
        private: Vec::new(),
        idempotency_token: "of somebody else".to_owned(),
    };
    let answer = block_on(provider.create(request)).unwrap();
    answer
        .map(drop)
        .map_err(|failure| (failure.disposition, failure.message))
}

fn delete(
    provider: &NativeProvider,
    kind: &str,
    id: &str,
    attributes: Json,
) -> Result<(), (Disposition, String)> {
    let prior = ObjectState {
        id: id.to_owned(),
        attributes: value(attributes),
        private: Vec::new(),
        schema_version: 0,
    };
    let request = DeleteRequest {
        resource_type: kind.parse().unwrap(),
        name: "subject".parse().unwrap(),
        prior,
        idempotency_token: "token".to_owned(),
    };
    let answer = block_on(provider.delete(request)).unwrap();
    answer
        .map(drop)
        .map_err(|failure| (failure.disposition, failure.message))
}

#[test]
fn a_plan_of_others_is_not_taken_over_and_one_that_is_switched_off_is_gone() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let kind = "azure:security:Pricing";
    let machines = |plan: &str| json!({"name": "VirtualMachines", "sub_plan": plan});
    let plan = lifecycle(&provider, kind)
        .create(value(machines("P1")))
        .expect("coverage", "FullyCovered");
    let (disposition, message) = create(&provider, kind, machines("P2")).unwrap_err();
    assert_eq!(disposition, Disposition::AlreadyExists);
    assert!(message.contains("konductor import"), "{message}");
    // The same plan again is what an attempt that was cut off has left.
    create(&provider, kind, machines("P1")).unwrap();

    let id = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/pricings/VirtualMachines");
    let read = || {
        let request = ReadRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            id: id.clone(),
            prior: None,
        };
        block_on(provider.read(request)).unwrap().unwrap()
    };
    assert_eq!(
        read().unwrap().attributes.attribute("sub_plan"),
        Some(&Value::from("P1"))
    );
    azure.ask(&json!({"remove": {"id": id}}));
    assert!(read().is_none());
    plan.delete();
    assert_eq!(azure.ask(&json!({"faults": {}})), json!([]));
}

#[test]
fn a_policy_is_not_deleted_while_it_is_assigned() {
    let azure = Simulator::start("azure", Path::new("python3"));
    let provider = provider(&azure);
    let scope = "/providers/Microsoft.Management/managementGroups/root";
    let id = format!("{scope}/providers/Microsoft.Authorization/policyDefinitions/tagged");
    let policy = json!({
        "name": "tagged", "scope": scope,
        "policy_rule": {"if": {"field": "tags['owner']", "exists": "false"}, "then": {"effect": "audit"}},
    });
    let definition = lifecycle(&provider, "azure:authorization:PolicyDefinition")
        .create(value(policy.clone()))
        .expect("id", id.as_str());
    let assignment = json!({
        "name": "tagged", "scope": format!("/subscriptions/{SUBSCRIPTION}"), "policy_definition_id": id,
        "identity": {"type": "SystemAssigned"},
    });
    let assignment = lifecycle(&provider, "azure:authorization:PolicyAssignment").create(value(assignment));
    let (disposition, message) =
        delete(&provider, "azure:authorization:PolicyDefinition", &id, policy).unwrap_err();
    assert_eq!(disposition, Disposition::Conflict, "{message}");
    assert!(message.contains("is referenced by"), "{message}");
    assignment.delete();
    definition.delete();
    assert_eq!(azure.ask(&json!({"contents": {}})), json!([]));
}
