//! `gcp:container:KubernetesCluster`: a private cluster of Kubernetes Engine.

use konductor_sdk::component::inputs::{configured, input, own_name, switches};
use konductor_sdk::prelude::*;

/// The component type.
pub struct KubernetesCluster;

const DESCRIPTION: &str = "A Kubernetes cluster (GKE) whose nodes have private addresses alone and whose control plane is \
reached from its network alone, unless `private` is false; even then only those in `authorized_cidr_blocks` reach it. Its \
nodes are shielded and start nothing that is not signed, workloads act as service accounts and do not see those of their \
nodes, network policies are enforced (Dataplane V2), and Google upgrades it from the channel `REGULAR`.

With `kms_key_name` the cluster's secrets are encrypted once more, with that key.";

const EXAMPLE: &str = r"network:
  type: gcp:compute:SecureNetwork
  properties: { cidr_block: 10.20.0.0/16 }
cluster:
  type: gcp:container:KubernetesCluster
  properties:
    name: shop
    network: ${network.network_id}
    subnetwork: ${network.private_subnet_id}
";

impl Component for KubernetesCluster {
    fn component_type(&self) -> &'static str {
        "gcp:container:KubernetesCluster"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("The cluster's name. By default the component's own name.")
                    .pattern("[a-z]([-a-z0-9]{0,38}[a-z0-9])?"),
            )
            .attribute(
                "project",
                text("The project; `gcp.project` where it is not given."),
            )
            .attribute(
                "location",
                text("The region or zone; `gcp.region` where it is not given."),
            )
            .attribute(
                "kubernetes_version",
                text(
                    "The version of Kubernetes that it begins with: `1.34`. By default that of its channel.",
                ),
            )
            .attribute(
                "node_count",
                integer("How many nodes it has in each zone of its location.")
                    .between(1, 1000)
                    .default(1),
            )
            .attribute(
                "node_size",
                text("The machine type of its nodes.").default("e2-standard-2"),
            )
            .attribute("network", text("The network.").required())
            .attribute(
                "subnetwork",
                text("The subnetwork that its nodes are in.").required(),
            )
            .attribute(
                "private",
                boolean("Whether its control plane is reached from its network alone.").default(true),
            )
            .attribute(
                "control_plane_cidr_block",
                text("The block of the control plane, /28, which nothing else in the network uses.")
                    .format(TextFormat::Ipv4Cidr)
                    .default("172.16.0.0/28"),
            )
            .attribute(
                "authorized_cidr_blocks",
                list(
                    text("").format(TextFormat::Ipv4Cidr),
                    "Who reaches the control plane, beside its own subnetwork.",
                ),
            )
            .attribute(
                "kms_key_name",
                text("The whole name of the key that encrypts the cluster's secrets once more."),
            )
            .attribute("labels", map(text(""), "Labels by key."))
            .tags_in("labels")
            .output("cluster_id", text("The cluster's whole name."))
            .output("endpoint", text("The address of its control plane."))
            .output("self_link", text("Where it is found."))
            .example("A private cluster in a network", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let Some([private]) = switches(request, construction, ["private"]) else {
            return Ok(());
        };
        let pool = workload_pool(request);
        if pool.is_null() {
            construction.diagnose(
                Diagnostic::warning("workloads of the cluster cannot act as service accounts")
                    .detail(
                        "the project is not known when the plan is made, and their pool is called after it",
                    )
                    .help("give `project`, or set `gcp.project`")
                    .at(Path::attribute("project")),
            );
        }
        let cluster = construction
            .declare("cluster", "gcp:container:Cluster")
            .set("name", own_name(request))
            .set("project", input(request, "project"))
            .set("location", input(request, "location"))
            .set("initial_cluster_version", input(request, "kubernetes_version"))
            .set("initial_node_count", input(request, "node_count"))
            .set("network", input(request, "network"))
            .set("subnetwork", input(request, "subnetwork"))
            .set("node_config", nodes(request, !pool.is_null()))
            .set("private_cluster_config", private_addresses(request, private))
            .set("master_authorized_networks_config", authorized(request))
            .set("ip_allocation_policy", Value::from([("use_ip_aliases", true)]))
            .set(
                "network_config",
                Value::from([("datapath_provider", "ADVANCED_DATAPATH")]),
            )
            .set("shielded_nodes", Value::from([("enabled", true)]))
            .set("release_channel", Value::from([("channel", "REGULAR")]))
            .set("database_encryption", encryption(request))
            .set("workload_identity_config", pool)
            .set("resource_labels", input(request, "labels"))
            .add();
        for (output, attribute) in [
            ("cluster_id", "full_name"),
            ("name", "name"),
            ("endpoint", "endpoint"),
            ("self_link", "self_link"),
        ] {
            construction.output(output, cluster.attribute(attribute));
        }
        Ok(())
    }
}

/// Returns the pool of the identities of workloads; nothing, where the project is not known.
fn workload_pool(request: &ConstructRequest) -> Value {
    let project = request
        .inputs
        .optional_text("project")
        .or_else(|| configured(&request.metadata, "gcp", &["project"]).and_then(Value::as_text));
    project
        .map(|project| Value::from([("workload_pool", format!("{project}.svc.id.goog"))]))
        .unwrap_or_default()
}

fn nodes(request: &ConstructRequest, has_identities: bool) -> Value {
    let mut nodes = Value::from([
        ("machine_type", input(request, "node_size")),
        (
            "shielded_instance_config",
            Value::from([
                ("enable_secure_boot", true),
                ("enable_integrity_monitoring", true),
            ]),
        ),
    ]);
    if has_identities {
        let seen = Value::from([("mode", "GKE_METADATA")]);
        nodes.put(&Path::attribute("workload_metadata_config"), seen);
    }
    nodes
}

fn private_addresses(request: &ConstructRequest, private: bool) -> Value {
    Value::from([
        ("enable_private_nodes", Value::from(true)),
        ("enable_private_endpoint", private.into()),
        (
            "master_ipv4_cidr_block",
            input(request, "control_plane_cidr_block"),
        ),
    ])
}

fn authorized(request: &ConstructRequest) -> Value {
    let mut authorized = Value::from([("enabled", true)]);
    if let Value::List(blocks) = input(request, "authorized_cidr_blocks") {
        let block = |block: Value| Value::from([("cidr_block", block)]);
        authorized.put(
            &Path::attribute("cidr_blocks"),
            Value::List(blocks.into_iter().map(block).collect()),
        );
    }
    authorized
}

fn encryption(request: &ConstructRequest) -> Value {
    match input(request, "kms_key_name") {
        Value::Null => Value::Null,
        key => Value::from([("state", Value::from("ENCRYPTED")), ("key_name", key)]),
    }
}
