//! Kubernetes.

use crate::typed::description::{Description, Parent, Rule, may, must, output};

const VERSION: &str = "2026-05-01";

/// A cluster.
pub static MANAGED_CLUSTER: Description = Description {
    name: "azure:kubernetes:ManagedCluster",
    about: "A Kubernetes cluster (AKS). It has at least one pool of nodes of its own, in `node_pools`; others are \
            resources of their own, `azure:kubernetes:AgentPool`. Without other words its machines act with an identity \
            that Azure keeps, and workloads can act with identities of theirs.",
    arm_type: "Microsoft.ContainerService/managedClusters",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[
        must(
            "dns_prefix",
            "properties.dnsPrefix",
            "What the name of its API server begins with.",
        ),
        must(
            "node_pools",
            "properties.agentPoolProfiles",
            "The pools that it has from the beginning: each `name`, `mode: System`, `vmSize`, `count` and so on.",
        )
        .shared(),
        may(
            "kubernetes_version",
            "properties.kubernetesVersion",
            "The version of Kubernetes; a minor version such as `1.34` leaves the patch to Azure.",
        ),
        may("sku", "sku", "What is promised: `name: Base`, `tier: Standard`.")
            .default("{\"name\":\"Base\",\"tier\":\"Free\"}"),
        may("identity", "identity", "The identity that it acts with.")
            .default("{\"type\":\"SystemAssigned\"}"),
        may(
            "kubelet_identity",
            "properties.identityProfile",
            "The identity that its machines fetch images with, under `kubeletidentity`.",
        ),
        may("enable_rbac", "properties.enableRBAC", "Whether roles decide in the cluster.")
            .default("true"),
        may(
            "entra",
            "properties.aadProfile",
            "Who of Entra ID may do what: `managed: true`, `enableAzureRBAC`, `adminGroupObjectIDs`.",
        ),
        may(
            "disable_local_accounts",
            "properties.disableLocalAccounts",
            "Whether only Entra ID is answered; it needs `entra`.",
        ),
        may(
            "oidc_issuer",
            "properties.oidcIssuerProfile.enabled",
            "Whether others can trust what it says of its workloads. It cannot be taken back.",
        )
        .default("true"),
        may(
            "workload_identity",
            "properties.securityProfile.workloadIdentity.enabled",
            "Whether workloads act with identities of Azure.",
        )
        .default("true"),
        may(
            "image_cleaner",
            "properties.securityProfile.imageCleaner",
            "Whether and how often images that nothing uses are removed.",
        ),
        may(
            "defender",
            "properties.securityProfile.defender",
            "Whether Microsoft Defender watches it.",
        ),
        may(
            "key_management",
            "properties.securityProfile.azureKeyVaultKms",
            "The key of a vault that the cluster's secrets are encrypted with.",
        ),
        may(
            "network",
            "properties.networkProfile",
            "How its workloads reach each other and the rest.",
        )
        .default("{\"networkPlugin\":\"azure\",\"networkPluginMode\":\"overlay\"}"),
        may(
            "api_server",
            "properties.apiServerAccessProfile",
            "Who reaches its API server: `enablePrivateCluster`, `authorizedIPRanges`, `disableRunCommand`.",
        ),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether it is reached from the internet.",
        ),
        may(
            "automatic_upgrades",
            "properties.autoUpgradeProfile",
            "Which versions it takes by itself: `upgradeChannel`, `nodeOSUpgradeChannel`.",
        )
        .default("{\"nodeOSUpgradeChannel\":\"NodeImage\"}"),
        may(
            "autoscaler",
            "properties.autoScalerProfile",
            "How its pools grow and shrink.",
        ),
        may("add_ons", "properties.addonProfiles", "What it has beside, by name."),
        may(
            "node_resource_group",
            "properties.nodeResourceGroup",
            "The resource group that Azure makes for its machines.",
        )
        .computed(),
        may(
            "disk_encryption_set_id",
            "properties.diskEncryptionSetID",
            "What its disks are encrypted with.",
        ),
        may("storage", "properties.storageProfile", "The drivers of disks and shares."),
        may(
            "support_plan",
            "properties.supportPlan",
            "How long a version is supported.",
        ),
        output("fqdn", "properties.fqdn", "Where its API server is."),
        output(
            "private_fqdn",
            "properties.privateFQDN",
            "Where it is for those in its network.",
        ),
        output(
            "oidc_issuer_url",
            "properties.oidcIssuerProfile.issuerURL",
            "Who says what it says of its workloads.",
        ),
        output(
            "current_kubernetes_version",
            "properties.currentKubernetesVersion",
            "The version that it runs.",
        ).volatile(),
    ],
    rules: &[Rule::Needs("disable_local_accounts", "entra")],
    joins: &["Microsoft.Network/virtualNetworks/subnets/join/action", "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"],
    example: "shop:\n  type: azure:kubernetes:ManagedCluster\n  properties:\n    name: shop\n    resource_group: shop\n    location: westeurope\n    dns_prefix: shop\n    node_pools: [{ name: system, mode: System, vmSize: Standard_D2s_v5, count: 2, osType: Linux }]\n",
    ..Description::BLANK
};

/// A pool of nodes.
pub static AGENT_POOL: Description = Description {
    name: "azure:kubernetes:AgentPool",
    about: "A pool of nodes of a Kubernetes cluster.",
    arm_type: "Microsoft.ContainerService/managedClusters/agentPools",
    api_version: VERSION,
    parent: Parent::Resource("cluster_id", ""),
    attributes: &[
        must(
            "size",
            "properties.vmSize",
            "The size of its machines: `Standard_D4s_v5`.",
        ),
        may(
            "count",
            "properties.count",
            "How many machines it has. Leave it out where it grows by itself.",
        ),
        may(
            "mode",
            "properties.mode",
            "`User`, or `System` for what the cluster itself needs.",
        )
        .default("\"User\""),
        may("os_type", "properties.osType", "`Linux` or `Windows`.").default("\"Linux\""),
        may(
            "os_sku",
            "properties.osSKU",
            "`Ubuntu`, `AzureLinux`, `Windows2022`.",
        ),
        may(
            "os_disk_size_gib",
            "properties.osDiskSizeGB",
            "How large the disk of a machine is.",
        ),
        may(
            "os_disk_type",
            "properties.osDiskType",
            "`Managed`, or `Ephemeral` for a disk in the machine itself.",
        ),
        may(
            "automatic_scaling",
            "properties.enableAutoScaling",
            "Whether it grows and shrinks by itself, between `minimum_count` and `maximum_count`.",
        )
        .default("false"),
        may(
            "minimum_count",
            "properties.minCount",
            "How many machines it has at least.",
        ),
        may(
            "maximum_count",
            "properties.maxCount",
            "How many machines it has at most.",
        ),
        may(
            "maximum_pods",
            "properties.maxPods",
            "How many pods a machine takes.",
        ),
        may("subnet_id", "properties.vnetSubnetID", "Where its machines are."),
        may("pod_subnet_id", "properties.podSubnetID", "Where its pods are."),
        may(
            "zones",
            "properties.availabilityZones",
            "The zones that it stands in.",
        ),
        may(
            "labels",
            "properties.nodeLabels",
            "What its machines are known by in the cluster.",
        ),
        may(
            "taints",
            "properties.nodeTaints",
            "What its machines keep away: `key=value:NoSchedule`.",
        ),
        may("node_tags", "properties.tags", "The tags of its machines."),
        may(
            "kubernetes_version",
            "properties.orchestratorVersion",
            "The version of Kubernetes, not above that of the cluster.",
        ),
        may(
            "encryption_at_host",
            "properties.enableEncryptionAtHost",
            "Whether its machines encrypt their disks at the host.",
        ),
        may(
            "fips",
            "properties.enableFIPS",
            "Whether its machines use FIPS 140-2 modules.",
        ),
        may(
            "node_public_ip",
            "properties.enableNodePublicIP",
            "Whether each machine has a public address.",
        )
        .default("false"),
        may(
            "priority",
            "properties.scaleSetPriority",
            "`Spot` for machines that may be taken away.",
        ),
        may(
            "eviction",
            "properties.scaleSetEvictionPolicy",
            "What becomes of those that are taken away: `Delete` or `Deallocate`.",
        ),
        may(
            "upgrade",
            "properties.upgradeSettings",
            "How machines are exchanged.",
        ),
        may(
            "security",
            "properties.securityProfile",
            "Secure boot, virtual TPM, and whether anybody gets in with SSH.",
        ),
        output(
            "current_kubernetes_version",
            "properties.currentOrchestratorVersion",
            "The version that it runs.",
        )
        .volatile(),
    ],
    rules: &[
        Rule::Needs("minimum_count", "maximum_count"),
        Rule::Needs("maximum_count", "minimum_count"),
        Rule::Needs("eviction", "priority"),
    ],
    joins: &["Microsoft.Network/virtualNetworks/subnets/join/action"],
    example: "workers:\n  type: azure:kubernetes:AgentPool\n  properties:\n    name: workers\n    cluster_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/shop\n    size: Standard_D4s_v5\n    count: 3\n",
    ..Description::BLANK
};
