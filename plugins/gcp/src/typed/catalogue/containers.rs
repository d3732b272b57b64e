//! Kubernetes Engine.

use konductor_sdk::prelude::*;

use super::PLAIN;
use crate::typed::{Named, Typed};

pub static CLUSTER: Typed = Typed {
    name: "gcp:container:Cluster",
    rest: "container/v1/projects.locations.clusters",
    about: "A cluster of Kubernetes Engine. It has one pool of nodes of its own, of `initial_node_count` nodes in each zone, \
            unless Google manages its nodes (`autopilot`); further ones are resources of their own.",
    abouts: &[
        (
            "name",
            "The name: lower-case letters, digits and hyphens, at most 40.",
        ),
        (
            "location",
            "The region or zone; `gcp.region` where it is not given.",
        ),
        (
            "initial_node_count",
            "How many nodes the first pool has in each zone.",
        ),
        ("autopilot", "`{ enabled: true }` where Google manages the nodes."),
        ("node_config", "What the nodes of the first pool look like."),
        (
            "private_cluster_config",
            "Whether nodes, and the control plane, have private addresses only.",
        ),
        (
            "workload_identity_config",
            "`{ workload_pool: PROJECT.svc.id.goog }` lets pods act as service accounts.",
        ),
        ("endpoint", "The address of the control plane."),
        (
            "release_channel",
            "Which versions it is upgraded to: `{ channel: REGULAR }`.",
        ),
        ("resource_labels", "Its labels."),
        (
            "master_auth",
            "The certificate of the control plane, and other ways in.",
        ),
    ],
    full_name: Some("projects/{project}/locations/{location}/clusters/{name}"),
    named: Named::Short,
    patterns: &[("name", "[a-z]([-a-z0-9]{0,38}[a-z0-9])?")],
    // Pools are resources of their own, and change without the cluster.
    without: &["node_pools", "etag", "label_fingerprint", "zone", "conditions"],
    labels: "resource_labels",
    simulated: &[("endpoint", "203.0.113.50")],
    rules: Some(cluster),
    link: "https://container.googleapis.com/v1/projects/shop/locations/europe-west1/clusters/shop",
    example: "cluster:\n  type: gcp:container:Cluster\n  properties:\n    name: shop\n    network: shop\n    subnetwork: shop\n    \
              initial_node_count: 1\n    release_channel: { channel: REGULAR }\n    workload_identity_config: { workload_pool: \
              shop.svc.id.goog }\n",
    ..PLAIN
};

/// A cluster has nodes of its own, or Google manages them.
fn cluster(inputs: &Value, diagnostics: &mut Diagnostics) {
    let is_given = |name: &str| inputs.attribute(name).is_some_and(|value| !value.is_null());
    let autopilot = inputs.attribute("autopilot").map(Value::reveal);
    let is_unknown = |value: Option<&Value>| matches!(value, Some(Value::Unknown | Value::Reference(_)));
    let enabled = autopilot
        .and_then(|autopilot| autopilot.attribute("enabled"))
        .map(Value::reveal);
    if is_unknown(autopilot) || is_unknown(enabled) {
        return;
    }
    let is_autopilot = matches!(enabled, Some(Value::Boolean(true)));
    for name in ["initial_node_count", "node_config"] {
        if is_autopilot && is_given(name) {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` is given, and Google manages the nodes"))
                    .help(format!("remove `{name}` or `autopilot`"))
                    .at(Path::attribute(name)),
            );
        }
    }
    if !is_autopilot && !is_given("initial_node_count") {
        diagnostics.push(
            Diagnostic::error("`initial_node_count` is missing")
                .help(
                    "give how many nodes the first pool has in each zone, or `autopilot: { enabled: true }`",
                )
                .at(Path::attribute("initial_node_count")),
        );
    }
}

pub static NODE_POOL: Typed = Typed {
    name: "gcp:container:NodePool",
    rest: "container/v1/projects.locations.clusters.nodePools",
    about: "Nodes of a cluster that look alike.",
    abouts: &[
        ("cluster", "The whole name of the cluster: its `full_name`."),
        ("name", "The name in the cluster."),
        (
            "initial_node_count",
            "How many nodes it begins with in each zone; a change makes a new pool. Use `autoscaling` to let it grow.",
        ),
        ("config", "What the nodes look like."),
        ("autoscaling", "Between how many nodes it grows and shrinks."),
        ("management", "Whether nodes are repaired and upgraded by Google."),
    ],
    full_name: Some("{+cluster}/nodePools/{name}"),
    named: Named::Short,
    patterns: &[
        ("name", "[a-z]([-a-z0-9]{0,38}[a-z0-9])?"),
        ("cluster", "projects/[^/]+/locations/[^/]+/clusters/[^/]+"),
    ],
    without: &["etag"],
    link: "https://container.googleapis.com/v1/projects/shop/locations/europe-west1/clusters/shop/nodePools/large",
    example: "pool:\n  type: gcp:container:NodePool\n  properties:\n    name: large\n    cluster: \"${cluster.full_name}\"\n    \
              initial_node_count: 1\n    config: { machine_type: e2-standard-4 }\n    autoscaling: { enabled: true, \
              min_node_count: 1, max_node_count: 5 }\n",
    ..PLAIN
};
