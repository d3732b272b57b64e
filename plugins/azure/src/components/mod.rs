//! Components: groups of resources with secure defaults. They are pure.

pub mod compliance_initiative;
pub mod kubernetes_cluster;
pub mod secure_network;
pub mod secure_storage;

use konductor_sdk::component::inputs::input;
use konductor_sdk::prelude::*;

/// The component types.
pub static COMPONENTS: [&dyn Component; 4] = [
    &secure_network::SecureNetwork,
    &secure_storage::SecureStorage,
    &kubernetes_cluster::KubernetesCluster,
    &compliance_initiative::ComplianceInitiative,
];

/// What is said of `resource_group` in every component.
const ABOUT_GROUP: &str = "The resource group, by name. By default one is made that is called as this is.";
/// What is said of `location` in every component.
const ABOUT_LOCATION: &str = "Where it is; `azure.location` where it is not given.";

/// Returns the name of the resource group that is given, and declares one where none is.
fn resource_group(request: &ConstructRequest, construction: &mut Construction, name: &str) -> Value {
    let given = input(request, "resource_group");
    if !given.is_null() {
        return given;
    }
    let made = construction
        .declare("group", "azure:resources:ResourceGroup")
        .set("name", name)
        .set("location", input(request, "location"))
        .set("tags", input(request, "tags"))
        .add();
    made.attribute("name")
}

#[cfg(test)]
mod tests {
    use konductor_sdk::Plugin as _;
    use konductor_sdk_test::Components;
    use konductor_sdk_test::components::{messages, shown};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::Azure;

    fn construct(target: &str, inputs: Json) -> ConstructResponse {
        Components::new(Azure::definition()).construct(target, "shop", inputs, json!({}))
    }

    fn key() -> Json {
        json!({ "$reference": { "resource": "subnets", "path": "private" } })
    }

    #[test]
    fn every_example_works() {
        for component in COMPONENTS {
            Components::new(Azure::definition()).assert_examples_work(component, &json!({}));
        }
    }

    #[test]
    fn a_network_is_a_group_two_guarded_subnets_and_a_way_out() {
        let response = construct(
            "azure:network:SecureNetwork",
            json!({ "cidr_block": "10.20.0.0/16" }),
        );
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn a_closed_network_is_logged_and_has_no_way_out() {
        let inputs = json!({
            "name": "inner", "cidr_block": "10.20.0.0/24", "public_subnet": false, "nat_gateway": false,
            "resource_group": "given", "location": "northeurope", "tags": { "Team": "a" },
            "flow_logs": { "network_watcher_id": "/watcher", "storage_account_id": key() },
        });
        insta::assert_json_snapshot!(shown(&construct("azure:network:SecureNetwork", inputs)));
    }

    #[test]
    fn storage_takes_no_keys_and_no_anonymous_reading() {
        let inputs = json!({ "name": "shopfiles", "containers": ["images", "papers"] });
        insta::assert_json_snapshot!(shown(&construct("azure:storage:SecureStorage", inputs)));
    }

    #[test]
    fn storage_can_be_kept_to_networks_and_emptied_by_age() {
        let inputs = json!({
            "name": "shopfiles", "resource_group": "given", "sku": "Standard_ZRS",
            "allowed_subnet_ids": [key()], "allowed_ip_ranges": ["192.0.2.0/24"], "expire_after_days": 30,
        });
        insta::assert_json_snapshot!(shown(&construct("azure:storage:SecureStorage", inputs)));
    }

    #[test]
    fn a_cluster_is_private_and_knows_no_local_accounts() {
        let inputs = json!({ "subnet_id": key(), "kubernetes_version": "1.34", "admin_group_ids": ["g"] });
        insta::assert_json_snapshot!(shown(&construct("azure:kubernetes:KubernetesCluster", inputs)));
        let open = json!({ "subnet_id": key(), "private": false, "authorized_ip_ranges": ["192.0.2.0/24"] });
        let response = construct("azure:kubernetes:KubernetesCluster", open);
        let shown = shown(&response);
        assert_eq!(shown["outputs"]["endpoint"], "${./cluster.fqdn}");
        let api = &shown["declarations"]["cluster"]["properties"]["api_server"];
        assert_eq!(api["authorizedIPRanges"], json!(["192.0.2.0/24"]));
        assert_eq!(api["enablePrivateCluster"], false);
    }

    #[test]
    fn a_subscription_is_held_to_a_framework_and_its_plans_are_switched_on() {
        let initiative = "azure:authorization:ComplianceInitiative";
        let inputs =
            json!({ "initiative": "nist-800-53", "defender_plans": ["StorageAccounts", "KeyVaults"] });
        let metadata = json!({ "configuration": { "azure": { "subscription_id": "0000" } } });
        let response =
            Components::new(Azure::definition()).construct(initiative, "nist", inputs.clone(), metadata);
        insta::assert_json_snapshot!(shown(&response));
        let given = json!({ "initiative": "soc2", "scope": key(), "enforcement": "DoNotEnforce" });
        let shown = shown(&construct(initiative, given));
        let assignment = &shown["declarations"]["assignment"]["properties"];
        assert_eq!(assignment["scope"], "${subnets.private}");
        assert_eq!(assignment["enforcement"], "DoNotEnforce");
        // Nobody says which subscription is meant.
        let response = construct(initiative, inputs);
        assert_eq!(
            messages(&response),
            ["error [scope] nothing says what is held to the framework"]
        );
        assert!(response.declarations.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_at_its_place() {
        let refused = |target: &str, inputs: Json| {
            let response = construct(target, inputs);
            assert!(response.diagnostics.has_errors());
            assert!(response.declarations.is_empty());
            messages(&response).join("\n")
        };
        let network = "azure:network:SecureNetwork";
        insta::assert_snapshot!(
            [
                refused(network, json!({ "cidr_block": "10.0.0.0/28" })),
                refused(network, json!({ "cidr_block": key() })),
                refused(
                    network,
                    json!({ "cidr_block": "10.0.0.0/16", "public_subnet": key() })
                ),
                refused("azure:storage:SecureStorage", json!({ "name": "Shop_Files" })),
                refused(
                    "azure:storage:SecureStorage",
                    json!({ "name": "shopfiles", "containers": key() })
                ),
                refused(
                    "azure:kubernetes:KubernetesCluster",
                    json!({ "subnet_id": "x", "authorized_ip_ranges": ["192.0.2.0/24"] })
                ),
            ]
            .join("\n")
        );
    }

    /// What the components declare is what the types of this plugin take, once references are known.
    #[test]
    fn the_types_take_what_is_declared() {
        let constructed = [
            construct(
                "azure:network:SecureNetwork",
                json!({ "cidr_block": "10.20.0.0/16" }),
            ),
            construct(
                "azure:storage:SecureStorage",
                json!({ "name": "shopfiles", "containers": ["a1b"], "expire_after_days": 3, "allowed_ip_ranges": ["192.0.2.1"] }),
            ),
            construct(
                "azure:kubernetes:KubernetesCluster",
                json!({ "subnet_id": "/subnet" }),
            ),
            construct(
                "azure:authorization:ComplianceInitiative",
                json!({ "initiative": "iso-27001", "scope": "/subscriptions/0", "defender_plans": ["CloudPosture"] }),
            ),
        ];
        for response in constructed {
            assert_eq!(messages(&response), Vec::<String>::new());
            Components::new(Azure::definition()).assert_types_take(&response);
        }
    }
}
