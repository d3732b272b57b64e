//! `azure:kubernetes:KubernetesCluster`: a private cluster that only Entra ID opens.

use konductor_sdk::component::inputs::{input, own_name, switches};
use konductor_sdk::prelude::*;

use super::{ABOUT_GROUP, ABOUT_LOCATION, resource_group};

/// The component type.
pub struct KubernetesCluster;

const DESCRIPTION: &str = "A Kubernetes cluster (AKS) whose API server is reached from its network alone, unless `private` is \
false. It knows no local accounts: who gets in is in Entra ID, and roles of Azure decide what they may do; the members of \
`admin_group_ids` may do everything. Its nodes have no public addresses, and take new images of their system by themselves, \
as the cluster takes patches of Kubernetes. Workloads can act with identities of Azure. Network policies are enforced, and \
nobody runs commands in it through Azure's own API.";

const EXAMPLE: &str = r"cluster:
  type: azure:kubernetes:KubernetesCluster
  properties:
    name: shop
    location: westeurope
    subnet_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/shop/subnets/private
    admin_group_ids: [22222222-3333-4444-5555-666666666666]
";

impl Component for KubernetesCluster {
    fn component_type(&self) -> &'static str {
        "azure:kubernetes:KubernetesCluster"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("The cluster's name. By default the component's own name.").between(1, 54),
            )
            .attribute("resource_group", text(ABOUT_GROUP).between(1, 90))
            .attribute("location", text(ABOUT_LOCATION).at_least(1))
            .attribute(
                "kubernetes_version",
                text("The version of Kubernetes: `1.34`. By default what Azure takes for new clusters."),
            )
            .attribute(
                "node_count",
                integer("How many nodes it has.").between(1, 1000).default(2),
            )
            .attribute(
                "node_size",
                text("The size of its nodes.").default("Standard_D2s_v5"),
            )
            .attribute("subnet_id", text("The subnet that its nodes are in.").required())
            .attribute(
                "private",
                boolean("Whether its API server is reached from its network alone.").default(true),
            )
            .attribute(
                "authorized_ip_ranges",
                list(
                    text(""),
                    "Who reaches its API server, where that is not private. By default everybody does.",
                ),
            )
            .attribute(
                "admin_group_ids",
                list(text(""), "Groups of Entra ID whose members may do everything."),
            )
            .tags()
            .output("cluster_id", text("The cluster."))
            .output("endpoint", text("The name of its API server."))
            .output("oidc_issuer_url", text("Who says what it says of its workloads."))
            .example("A private cluster", EXAMPLE)
            .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.optional_boolean("private") != Some(false) && inputs.given("authorized_ip_ranges").is_some()
        {
            diagnostics.push(
                Diagnostic::error("`authorized_ip_ranges` is given, and the API server is private")
                    .help("remove it, or set `private: false`")
                    .at(Path::attribute("authorized_ip_ranges")),
            );
        }
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let Some([private]) = switches(request, construction, ["private"]) else {
            return Ok(());
        };
        let name = own_name(request);
        let group = resource_group(request, construction, &name);
        let cluster = construction
            .declare("cluster", "azure:kubernetes:ManagedCluster")
            .set("name", name.as_str())
            .set("resource_group", group.clone())
            .set("location", input(request, "location"))
            .set("dns_prefix", name.as_str())
            .set("kubernetes_version", input(request, "kubernetes_version"))
            .set("node_pools", Value::List(vec![nodes(request)]))
            .set("entra", entra(request))
            .set("disable_local_accounts", true)
            .set("enable_rbac", true)
            .set("api_server", api_server(request, private))
            .set("network", network())
            .set(
                "automatic_upgrades",
                Value::from([("upgradeChannel", "patch"), ("nodeOSUpgradeChannel", "NodeImage")]),
            )
            .set(
                "image_cleaner",
                Value::from([("enabled", Value::from(true)), ("intervalHours", 168.into())]),
            )
            .set("tags", input(request, "tags"))
            .add();
        construction.output("cluster_id", cluster.attribute("id"));
        construction.output("name", cluster.attribute("name"));
        construction.output("resource_group", group);
        construction.output(
            "endpoint",
            cluster.attribute(if private { "private_fqdn" } else { "fqdn" }),
        );
        construction.output("oidc_issuer_url", cluster.attribute("oidc_issuer_url"));
        Ok(())
    }
}

fn nodes(request: &ConstructRequest) -> Value {
    Value::from([
        ("name", Value::from("system")),
        ("mode", "System".into()),
        ("osType", "Linux".into()),
        ("vmSize", input(request, "node_size")),
        ("count", input(request, "node_count")),
        ("vnetSubnetID", input(request, "subnet_id")),
        ("enableNodePublicIP", false.into()),
    ])
}

fn entra(request: &ConstructRequest) -> Value {
    let mut entra = Value::from([("managed", true), ("enableAzureRBAC", true)]);
    let groups = input(request, "admin_group_ids");
    if !groups.is_null() {
        entra.put(&Path::attribute("adminGroupObjectIDs"), groups);
    }
    entra
}

fn api_server(request: &ConstructRequest, private: bool) -> Value {
    let mut server = Value::from([("enablePrivateCluster", private), ("disableRunCommand", true)]);
    let ranges = input(request, "authorized_ip_ranges");
    if !ranges.is_null() {
        server.put(&Path::attribute("authorizedIPRanges"), ranges);
    }
    server
}

fn network() -> Value {
    Value::from([
        ("networkPlugin", "azure"),
        ("networkPluginMode", "overlay"),
        ("networkDataplane", "cilium"),
        ("networkPolicy", "cilium"),
        ("outboundType", "loadBalancer"),
    ])
}
