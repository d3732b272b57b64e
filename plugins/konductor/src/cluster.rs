//! `konductor:kubernetes:Cluster`: a private Kubernetes cluster.

use konductor_sdk::model::interpolation::{join, resolve_joins};
use konductor_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::expansion::{Expansion, common};

/// The component type.
pub struct Cluster;

const DESCRIPTION: &str = "A Kubernetes cluster with private nodes.

In Azure it becomes an `azure:kubernetes:KubernetesCluster` (AKS), in Google Cloud a `gcp:container:KubernetesCluster` (GKE). \
The plugin of AWS has no type of EKS yet, so there is none in AWS.";

const EXAMPLE: &str = r"network:
  type: konductor:net:Network
  properties: { cloud: azure, cidr_block: 10.20.0.0/16 }
cluster:
  type: konductor:kubernetes:Cluster
  properties:
    cloud: azure
    network_id: ${network.id}
    subnet_id: ${network.private_subnet_ids[0]}
    node_size: large
";

impl Component for Cluster {
    fn component_type(&self) -> &'static str {
        "konductor:kubernetes:Cluster"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let carries = [
            "nothing, since there is no cluster in AWS yet",
            "the `azure:kubernetes:KubernetesCluster`",
            "the `gcp:container:KubernetesCluster`",
        ];
        common(component(self.component_type(), DESCRIPTION), carries)
            .attribute(
                "name",
                text("What it is called. By default the component's own name.").between(1, 40),
            )
            .attribute("network_id", text("The network.").required())
            .attribute("subnet_id", text("The subnet that its nodes are in.").required())
            .attribute(
                "kubernetes_version",
                text("The version of Kubernetes that it begins with: `1.34`."),
            )
            .attribute(
                "node_count",
                integer("How many nodes it has; in Google Cloud in each zone.").between(1, 1000),
            )
            .attribute(
                "node_size",
                text("How large its nodes are: 2, 4 or 8 processors.")
                    .allowed(["small", "medium", "large"])
                    .default("small"),
            )
            .attribute(
                "private",
                boolean("Whether its API server is reached from its network alone.").default(true),
            )
            .output("id", text("The cluster, as the cloud names it."))
            .output("endpoint", text("Where its API server is: `https://…`."))
            .example("A cluster in a network", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        Expansion::run(request, construction, expand);
        Ok(())
    }
}

fn expand(expansion: &mut Expansion<'_>) -> Option<()> {
    let size = expansion.known("node_size")?;
    let size = size.as_text().unwrap_or("small");
    let name = expansion.name();
    let both = [
        ("name", name.as_str().into()),
        ("kubernetes_version", expansion.input("kubernetes_version")),
        ("node_count", expansion.input("node_count")),
        ("private", expansion.input("private")),
    ];
    let [called, version, count, private] = both;
    let (cluster, id) = match expansion.cloud {
        Cloud::Aws => {
            expansion.is_not_there(
                "Kubernetes cluster",
                "choose `azure` or `gcp` for it, or run Kubernetes of your own on `konductor:compute:Instance`",
            );
            return None;
        }
        Cloud::Azure => {
            let nodes = match size {
                "large" => "Standard_D8s_v5",
                "medium" => "Standard_D4s_v5",
                _ => "Standard_D2s_v5",
            };
            let size = ("node_size", nodes.into());
            let subnet = ("subnet_id", expansion.input("subnet_id"));
            let tags = ("tags", expansion.input("tags"));
            let properties = [called, version, count, private, size, subnet, tags];
            (
                expansion.carry("azure:kubernetes:KubernetesCluster", properties),
                "cluster_id",
            )
        }
        Cloud::Google => {
            let nodes = match size {
                "large" => "e2-standard-8",
                "medium" => "e2-standard-4",
                _ => "e2-standard-2",
            };
            let size = ("node_size", nodes.into());
            let network = ("network", expansion.input("network_id"));
            let subnet = ("subnetwork", expansion.input("subnet_id"));
            let labels = ("labels", expansion.labels());
            let properties = [called, version, count, private, size, network, subnet, labels];
            (
                expansion.carry("gcp:container:KubernetesCluster", properties),
                "self_link",
            )
        }
    };
    expansion.output("name", name);
    expansion.output("id", cluster.attribute(id));
    let endpoint = join(vec!["https://".into(), cluster.attribute("endpoint")]);
    expansion.output("endpoint", resolve_joins(endpoint));
    Some(())
}
