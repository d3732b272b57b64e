//! The types with attributes of their own.

mod containers;
mod databases;
mod files;
mod governance;
mod groups;
mod load_balancing;
pub(super) mod security;
mod serverless;

use konductor_sdk::prelude::*;

use super::findings;
use super::policy;
use super::router_peers::ROUTER_PEERS;
use super::{Deletion, Named, Typed};

/// What every description has where nothing else is said.
const PLAIN: Typed = Typed {
    name: "",
    rest: "",
    about: "",
    abouts: &[],
    parameters: &[],
    full_name: None,
    named: Named::Whole,
    required: &[],
    defaults: &[],
    patterns: &[],
    outputs: &[],
    fixed: &[],
    own: &[],
    without: &[],
    configured: &[],
    beside: None,
    shared: &[],
    labels: "labels",
    stands_beside: false,
    deletion: Deletion::Method,
    completion: None,
    rules: None,
    simulated: &[],
    link: "",
    example: "",
};

static NETWORK: Typed = Typed {
    name: "gcp:compute:Network",
    rest: "compute/v1/networks",
    about: "A network (VPC) of a project.",
    abouts: &[
        ("name", "The name: lower-case letters, digits and hyphens."),
        (
            "auto_create_subnetworks",
            "Whether a subnetwork is made in every region.",
        ),
        (
            "routing_config",
            "Whether routes are learned in one region or in all.",
        ),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/networks/net",
    example: "network:\n  type: gcp:compute:Network\n  properties: { name: shop, auto_create_subnetworks: false }\n",
    ..PLAIN
};

static SUBNETWORK: Typed = Typed {
    name: "gcp:compute:Subnetwork",
    rest: "compute/v1/subnetworks",
    about: "A range of addresses of a network in one region.",
    abouts: &[
        ("network", "The network: its self link or a part of it."),
        (
            "ip_cidr_range",
            "The addresses. The range can grow in place, and not shrink.",
        ),
        ("region", "The region; `gcp.region` where it is not given."),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/subnetworks/net",
    example: "subnetwork:\n  type: gcp:compute:Subnetwork\n  properties: { name: shop, network: global/networks/shop, \
              ip_cidr_range: 10.20.0.0/24 }\n",
    ..PLAIN
};

static FIREWALL: Typed = Typed {
    name: "gcp:compute:Firewall",
    rest: "compute/v1/firewalls",
    about: "A rule that lets traffic through a network, or keeps it out.",
    abouts: &[
        ("allowed", "What is let through: protocols and ports."),
        ("denied", "What is kept out: protocols and ports."),
        ("source_ranges", "Where it may come from."),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/firewalls/https",
    example: "https:\n  type: gcp:compute:Firewall\n  properties:\n    name: https\n    network: global/networks/shop\n    \
              allowed: [{ ip_protocol: tcp, ports: [\"443\"] }]\n    source_ranges: [10.0.0.0/8]\n",
    ..PLAIN
};

pub(super) static ROUTER: Typed = Typed {
    name: "gcp:compute:Router",
    rest: "compute/v1/routers",
    about: "A cloud router, with the gateways (`nats`) through which a network reaches the internet.",
    abouts: &[
        ("nats", "Gateways for addresses that are not public."),
        (
            "interfaces",
            "Its interfaces. For VPN tunnels, which name the router themselves, use `gcp:compute:RouterPeers`. Looked at \
             only where they are given.",
        ),
        (
            "bgp_peers",
            "Who it talks to through its interfaces. Looked at only where they are given.",
        ),
    ],
    shared: &["interfaces", "bgp_peers"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/routers/out",
    example: "router:\n  type: gcp:compute:Router\n  properties:\n    name: out\n    network: global/networks/shop\n    \
              nats: [{ name: out, nat_ip_allocate_option: AUTO_ONLY, source_subnetwork_ip_ranges_to_nat: \
              ALL_SUBNETWORKS_ALL_IP_RANGES }]\n",
    ..PLAIN
};

static ADDRESS: Typed = Typed {
    name: "gcp:compute:Address",
    rest: "compute/v1/addresses",
    about: "A reserved address in a region.",
    simulated: &[("address", "203.0.113.30")],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/addresses/front",
    example: "address:\n  type: gcp:compute:Address\n  properties: { name: front }\n",
    ..PLAIN
};

static GLOBAL_ADDRESS: Typed = Typed {
    name: "gcp:compute:GlobalAddress",
    rest: "compute/v1/globalAddresses",
    about: "A reserved address that all regions share.",
    simulated: &[("address", "203.0.113.31")],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/addresses/front",
    example: "address:\n  type: gcp:compute:GlobalAddress\n  properties: { name: front }\n",
    ..PLAIN
};

static ROUTE: Typed = Typed {
    name: "gcp:compute:Route",
    rest: "compute/v1/routes",
    about: "Where packets for a range of addresses go. A route is never changed.",
    abouts: &[
        ("dest_range", "The addresses that it is for."),
        ("network", "The network: its self link or a part of it."),
        ("next_hop_ip", "An address in the network that packets go to."),
        ("next_hop_vpn_tunnel", "The link of a tunnel that packets go to."),
        (
            "priority",
            "Of several routes the one with the lowest number is taken.",
        ),
    ],
    rules: Some(next_hop),
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/routes/site",
    example: "route:\n  type: gcp:compute:Route\n  properties: { name: site, network: global/networks/shop, dest_range: \
              10.99.0.0/16, priority: 1000, next_hop_vpn_tunnel: \"${tunnel.self_link}\" }\n",
    ..PLAIN
};

/// A route leads to exactly one thing.
fn next_hop(inputs: &Value, diagnostics: &mut Diagnostics) {
    const HOPS: [&str; 5] = [
        "next_hop_gateway",
        "next_hop_instance",
        "next_hop_ip",
        "next_hop_vpn_tunnel",
        "next_hop_ilb",
    ];
    let given = HOPS
        .iter()
        .filter(|name| inputs.attribute(name).is_some_and(|hop| !hop.is_null()))
        .count();
    if given != 1 {
        let found = if given == 0 {
            "nothing"
        } else {
            "more than one thing"
        };
        diagnostics.push(
            Diagnostic::error(format!("the route leads to {found}"))
                .help(format!("give one of `{}`", HOPS.join("`, `"))),
        );
    }
}

static VPN_GATEWAY: Typed = Typed {
    name: "gcp:compute:VpnGateway",
    rest: "compute/v1/vpnGateways",
    about: "A gateway (HA VPN) at which tunnels to other networks end.",
    abouts: &[(
        "vpn_interfaces",
        "Its interfaces: two, each with an address of its own.",
    )],
    simulated: &[(
        "vpn_interfaces",
        r#"[{"id": 0, "ip_address": "203.0.113.32"}, {"id": 1, "ip_address": "203.0.113.33"}]"#,
    )],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/vpnGateways/site",
    example: "gateway:\n  type: gcp:compute:VpnGateway\n  properties: { name: site, network: global/networks/shop }\n",
    ..PLAIN
};

static EXTERNAL_VPN_GATEWAY: Typed = Typed {
    name: "gcp:compute:ExternalVpnGateway",
    rest: "compute/v1/externalVpnGateways",
    about: "The gateway of somebody else, as Google Cloud sees it: the other end of tunnels.",
    abouts: &[
        ("interfaces", "Its interfaces and their addresses."),
        (
            "redundancy_type",
            "How many addresses it has, and what happens when one fails.",
        ),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/externalVpnGateways/site",
    example: "peer:\n  type: gcp:compute:ExternalVpnGateway\n  properties:\n    name: site\n    redundancy_type: \
              SINGLE_IP_INTERNALLY_REDUNDANT\n    interfaces: [{ id: 0, ip_address: 192.0.2.1 }]\n",
    ..PLAIN
};

static VPN_TUNNEL: Typed = Typed {
    name: "gcp:compute:VpnTunnel",
    rest: "compute/v1/vpnTunnels",
    about: "A tunnel between a gateway and somebody else's.",
    abouts: &[
        ("shared_secret", "What both ends know. It is never given back."),
        ("router", "The router that tells routes to the other end."),
        ("ike_version", "The version of the key exchange: 1 or 2."),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/vpnTunnels/site",
    example: "tunnel:\n  type: gcp:compute:VpnTunnel\n  properties:\n    name: site\n    vpn_gateway: \
              ${gateway.self_link}\n    vpn_gateway_interface: 0\n    peer_external_gateway: ${peer.self_link}\n    \
              peer_external_gateway_interface: 0\n    router: ${router.self_link}\n    shared_secret: ${project:tunnel_key}\n",
    ..PLAIN
};

static INSTANCE: Typed = Typed {
    name: "gcp:compute:Instance",
    rest: "compute/v1/instances",
    about: "A virtual machine.",
    abouts: &[
        (
            "machine_type",
            "The machine type: `zones/europe-west1-b/machineTypes/e2-micro`.",
        ),
        ("zone", "The zone; `gcp.zone` where it is not given."),
        (
            "metadata",
            "What the machine reads of itself, such as its startup script.",
        ),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/zones/europe-west1-b/instances/web",
    example: "web:\n  type: gcp:compute:Instance\n  properties:\n    name: web\n    machine_type: \
              zones/europe-west1-b/machineTypes/e2-micro\n    disks: [{ boot: true, auto_delete: true, initialize_params: { \
              source_image: projects/debian-cloud/global/images/family/debian-12 } }]\n    network_interfaces: [{ network: \
              global/networks/default }]\n",
    ..PLAIN
};

static DISK: Typed = Typed {
    name: "gcp:compute:Disk",
    rest: "compute/v1/disks",
    about: "A disk in a zone.",
    abouts: &[("size_gb", "Its size. It can grow in place, and not shrink.")],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/zones/europe-west1-b/disks/data",
    example: "data:\n  type: gcp:compute:Disk\n  properties: { name: data, size_gb: 20 }\n",
    ..PLAIN
};

static BUCKET: Typed = Typed {
    name: "gcp:storage:Bucket",
    rest: "storage/v1/buckets",
    about: "A bucket of Cloud Storage.",
    abouts: &[
        ("name", "The name, which no other bucket of anybody may have."),
        (
            "location",
            "Where its objects are: a region or `US`, `EU`, `ASIA`, in upper case.",
        ),
        (
            "iam_configuration",
            "Access is decided by IAM alone, and never public, where nothing else is given.",
        ),
    ],
    defaults: &[
        ("iam_configuration.uniform_bucket_level_access.enabled", "true"),
        ("iam_configuration.public_access_prevention", "\"enforced\""),
    ],
    link: "https://storage.googleapis.com/storage/v1/b/shop-assets",
    example: "assets:\n  type: gcp:storage:Bucket\n  properties: { name: shop-assets, location: EUROPE-WEST1, versioning: { \
              enabled: true } }\n",
    ..PLAIN
};

static SERVICE_ACCOUNT: Typed = Typed {
    name: "gcp:iam:ServiceAccount",
    rest: "iam/v1/projects.serviceAccounts",
    about: "A service account.",
    abouts: &[(
        "account_id",
        "What its e-mail address begins with: 6 to 30 characters.",
    )],
    parameters: &[("account_id", "accountId", "email", '@')],
    link: "https://iam.googleapis.com/v1/projects/shop/serviceAccounts/robot@shop.iam.gserviceaccount.com",
    example: "robot:\n  type: gcp:iam:ServiceAccount\n  properties: { account_id: shop-robot, display_name: The shop }\n",
    ..PLAIN
};

static MANAGED_ZONE: Typed = Typed {
    name: "gcp:dns:ManagedZone",
    rest: "dns/v1/managedZones",
    about: "A zone of Cloud DNS.",
    abouts: &[("dns_name", "The domain, with a dot at its end.")],
    link: "https://dns.googleapis.com/dns/v1/projects/shop/managedZones/shop",
    example: "zone:\n  type: gcp:dns:ManagedZone\n  properties: { name: shop, dns_name: shop.example.com., description: \
              The shop }\n",
    ..PLAIN
};

static RECORD_SET: Typed = Typed {
    name: "gcp:dns:RecordSet",
    rest: "dns/v1/resourceRecordSets",
    about: "The records of one name and type in a zone.",
    abouts: &[
        ("managed_zone", "The name of the zone."),
        ("name", "The name of the records, with a dot at its end."),
        ("rrdatas", "The data of each record, as in a zone file."),
    ],
    link: "https://dns.googleapis.com/dns/v1/projects/shop/managedZones/shop/rrsets/www.shop.example.com./A",
    example: "www:\n  type: gcp:dns:RecordSet\n  properties: { managed_zone: shop, name: www.shop.example.com., type: A, \
              ttl: 300, rrdatas: [10.20.0.2] }\n",
    ..PLAIN
};

static TOPIC: Typed = Typed {
    name: "gcp:pubsub:Topic",
    rest: "pubsub/v1/projects.topics",
    about: "A topic of Pub/Sub.",
    abouts: &[("name", "Its name in the project.")],
    full_name: Some("projects/{project}/topics/{name}"),
    link: "https://pubsub.googleapis.com/v1/projects/shop/topics/orders",
    example: "orders:\n  type: gcp:pubsub:Topic\n  properties: { name: orders }\n",
    ..PLAIN
};

static SUBSCRIPTION: Typed = Typed {
    name: "gcp:pubsub:Subscription",
    rest: "pubsub/v1/projects.subscriptions",
    about: "A subscription to a topic of Pub/Sub.",
    abouts: &[
        ("name", "Its name in the project."),
        ("topic", "The whole name of the topic: its `full_name`."),
    ],
    full_name: Some("projects/{project}/subscriptions/{name}"),
    link: "https://pubsub.googleapis.com/v1/projects/shop/subscriptions/orders",
    example: "orders:\n  type: gcp:pubsub:Subscription\n  properties: { name: orders, topic: projects/shop/topics/orders }\n",
    ..PLAIN
};

/// All types.
pub fn types() -> impl Iterator<Item = &'static dyn ResourceProvider> {
    let described = DESCRIBED.into_iter().map(|typed| typed as &dyn ResourceProvider);
    described.chain(PARTS)
}

/// Parts of what others declare, which are no objects of their own, and what the API has no usual methods for.
static PARTS: [&'static dyn ResourceProvider; 6] = [
    &policy::OF_PROJECT,
    &policy::OF_BUCKET,
    &policy::OF_RUN_SERVICE,
    &ROUTER_PEERS,
    &findings::SOURCE,
    &findings::FINDING,
];

/// Those that are descriptions.
pub static DESCRIBED: [&Typed; 47] = [
    &NETWORK,
    &SUBNETWORK,
    &FIREWALL,
    &ROUTER,
    &ADDRESS,
    &GLOBAL_ADDRESS,
    &VPN_GATEWAY,
    &EXTERNAL_VPN_GATEWAY,
    &VPN_TUNNEL,
    &INSTANCE,
    &DISK,
    &BUCKET,
    &SERVICE_ACCOUNT,
    &MANAGED_ZONE,
    &RECORD_SET,
    &TOPIC,
    &SUBSCRIPTION,
    &ROUTE,
    &groups::INSTANCE_TEMPLATE,
    &groups::INSTANCE_GROUP_MANAGER,
    &groups::REGION_INSTANCE_GROUP_MANAGER,
    &load_balancing::HEALTH_CHECK,
    &load_balancing::BACKEND_SERVICE,
    &load_balancing::URL_MAP,
    &load_balancing::TARGET_HTTP_PROXY,
    &load_balancing::TARGET_HTTPS_PROXY,
    &load_balancing::SSL_CERTIFICATE,
    &load_balancing::FORWARDING_RULE,
    &load_balancing::GLOBAL_FORWARDING_RULE,
    &files::FILESTORE_INSTANCE,
    &containers::CLUSTER,
    &containers::NODE_POOL,
    &databases::SQL_INSTANCE,
    &databases::SQL_DATABASE,
    &databases::SQL_USER,
    &databases::FIRESTORE_DATABASE,
    &databases::BIGTABLE_INSTANCE,
    &serverless::RUN_SERVICE,
    &serverless::FUNCTION,
    &security::KEY_RING,
    &security::CRYPTO_KEY,
    &security::SECRET,
    &governance::POLICY,
    &governance::CUSTOM_CONSTRAINT,
    &governance::NOTIFICATION_CONFIG,
    &governance::MUTE_CONFIG,
    &governance::BIG_QUERY_EXPORT,
];
