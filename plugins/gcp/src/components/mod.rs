//! Components: groups of resources with secure defaults. They are pure.

pub mod kubernetes_cluster;
pub mod secure_baseline;
pub mod secure_bucket;
pub mod secure_network;

use konductor_sdk::prelude::*;

/// The component types.
pub static COMPONENTS: [&dyn Component; 4] = [
    &secure_network::SecureNetwork,
    &secure_bucket::SecureBucket,
    &kubernetes_cluster::KubernetesCluster,
    &secure_baseline::SecureBaseline,
];

#[cfg(test)]
mod tests {
    use konductor_sdk::Plugin as _;
    use konductor_sdk_test::Components;
    use konductor_sdk_test::components::{messages, shown};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::Gcp;

    fn construct(target: &str, inputs: Json) -> ConstructResponse {
        let metadata =
            json!({ "configuration": { "gcp": { "project": "shop-project", "region": "europe-west1" } } });
        Components::new(Gcp::definition()).construct(target, "shop", inputs, metadata)
    }

    fn reference(path: &str) -> Json {
        json!({ "$reference": { "resource": "network", "path": path } })
    }

    #[test]
    fn every_example_works() {
        let metadata =
            json!({ "configuration": { "gcp": { "project": "shop-project", "region": "europe-west1" } } });
        for component in COMPONENTS {
            Components::new(Gcp::definition()).assert_examples_work(component, &metadata);
        }
    }

    #[test]
    fn a_network_is_two_logged_subnetworks_a_closed_door_and_a_way_out() {
        let response = construct(
            "gcp:compute:SecureNetwork",
            json!({ "cidr_block": "10.20.0.0/16" }),
        );
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn a_closed_network_has_no_way_out() {
        let inputs = json!({
            "name": "inner", "cidr_block": "10.20.0.0/24", "public_subnet": false, "nat_gateway": false,
            "flow_logs": false, "region": "europe-north1", "private_subnet_cidr_block": reference("block"),
        });
        insta::assert_json_snapshot!(shown(&construct("gcp:compute:SecureNetwork", inputs)));
    }

    #[test]
    fn a_bucket_keeps_versions_and_is_never_public() {
        insta::assert_json_snapshot!(shown(&construct(
            "gcp:storage:SecureBucket",
            json!({ "name": "shop-files" })
        )));
    }

    #[test]
    fn everything_that_can_be_asked_of_a_bucket_is_declared() {
        let inputs = json!({
            "name": "shop-files", "location": "EU", "storage_class": "NEARLINE", "kms_key_name": reference("key"),
            "log_bucket": "shop-logs", "expire_after_days": 90, "expire_old_versions_after_days": 30,
            "labels": { "team": "a" },
        });
        insta::assert_json_snapshot!(shown(&construct("gcp:storage:SecureBucket", inputs)));
    }

    #[test]
    fn a_cluster_is_private_and_its_workloads_have_identities() {
        let inputs = json!({
            "network": reference("network_id"), "subnetwork": reference("private_subnet_id"), "kubernetes_version": "1.34",
            "authorized_cidr_blocks": ["10.0.0.0/8"], "kms_key_name": reference("key"), "labels": { "team": "a" },
        });
        insta::assert_json_snapshot!(shown(&construct("gcp:container:KubernetesCluster", inputs)));
    }

    #[test]
    fn without_a_project_workloads_have_no_identities_and_a_warning_says_so() {
        let response = Components::new(Gcp::definition()).construct(
            "gcp:container:KubernetesCluster",
            "shop",
            json!({ "network": "n", "subnetwork": "s", "private": false }),
            json!({}),
        );
        assert_eq!(
            messages(&response),
            ["warning [project] workloads of the cluster cannot act as service accounts"]
        );
        let cluster = &shown(&response)["declarations"]["cluster"]["properties"];
        assert_eq!(
            cluster["private_cluster_config"]["enable_private_endpoint"],
            false
        );
        assert_eq!(cluster.get("workload_identity_config"), None);
    }

    #[test]
    fn a_project_has_the_policies_that_are_not_excepted() {
        let baseline = "gcp:orgpolicy:SecureBaseline";
        let inputs =
            json!({ "except": ["compute.requireOsLogin"], "allowed_locations": ["in:europe-locations"] });
        insta::assert_json_snapshot!(shown(&construct(baseline, inputs)));
        let rehearsed = shown(&construct(
            baseline,
            json!({ "rehearse": true, "parent": "folders/1" }),
        ));
        let policy = &rehearsed["declarations"]["public-machines"]["properties"];
        assert_eq!(policy["parent"], "folders/1");
        assert_eq!(policy["dry_run_spec"], json!({ "rules": [{ "deny_all": true }] }));
        assert_eq!(policy.get("spec"), None);
        let nowhere = Components::new(Gcp::definition()).construct(baseline, "shop", json!({}), json!({}));
        assert_eq!(
            messages(&nowhere),
            ["error [parent] nothing says where the policies hold"]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_at_its_place() {
        let refused = |target: &str, inputs: Json| {
            let response = construct(target, inputs);
            assert!(response.diagnostics.has_errors());
            assert!(response.declarations.is_empty());
            messages(&response).join("\n")
        };
        let network = "gcp:compute:SecureNetwork";
        insta::assert_snapshot!(
            [
                refused(network, json!({ "cidr_block": "10.0.0.0/28" })),
                refused(network, json!({ "cidr_block": reference("block") })),
                refused(
                    network,
                    json!({ "cidr_block": "10.0.0.0/16", "nat_gateway": reference("x") })
                ),
                refused(
                    "gcp:storage:SecureBucket",
                    json!({ "name": "f", "expire_after_days": reference("x") })
                ),
                refused(
                    "gcp:container:KubernetesCluster",
                    json!({ "network": "n", "subnetwork": "s", "private": reference("x") })
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
                "gcp:compute:SecureNetwork",
                json!({ "cidr_block": "10.20.0.0/16" }),
            ),
            construct(
                "gcp:storage:SecureBucket",
                json!({ "name": "shop-files", "expire_after_days": 3, "expire_old_versions_after_days": 3, "log_bucket": "l" }),
            ),
            construct(
                "gcp:container:KubernetesCluster",
                json!({ "network": "n", "subnetwork": "s", "kms_key_name": "k", "authorized_cidr_blocks": ["10.0.0.0/8"] }),
            ),
            construct(
                "gcp:orgpolicy:SecureBaseline",
                json!({ "allowed_locations": ["in:europe-locations"] }),
            ),
        ];
        for response in constructed {
            assert_eq!(messages(&response), Vec::<String>::new());
            Components::new(Gcp::definition()).assert_types_take(&response);
        }
    }
}
