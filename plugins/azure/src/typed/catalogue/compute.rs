//! Machines and their disks.

use crate::typed::description::{Description, Parent, Rule, may, must, output};

/// A virtual machine.
pub static VIRTUAL_MACHINE: Description = Description {
    name: "azure:compute:VirtualMachine",
    about: "A virtual machine. `storage` says its image and disks, `os` who may sign in, `network_interfaces` where it is \
            reached.",
    arm_type: "Microsoft.Compute/virtualMachines",
    api_version: "2026-04-01",
    parent: Parent::Group,
    attributes: &[
        must(
            "size",
            "properties.hardwareProfile.vmSize",
            "Its size: `Standard_B2s`.",
        ),
        must("storage", "properties.storageProfile", "Its image and disks."),
        may(
            "os",
            "properties.osProfile",
            "Its name in the system, and who may sign in.",
        ),
        must(
            "network_interfaces",
            "properties.networkProfile.networkInterfaces",
            "Its network interfaces, by `id`.",
        ),
        may(
            "security",
            "properties.securityProfile",
            "Trusted launch, and encryption at the host.",
        ),
        may("zones", "zones", "The zone that it stands in."),
        may(
            "availability_set_id",
            "properties.availabilitySet.id",
            "The availability set that it stands in.",
        ),
        may(
            "priority",
            "properties.priority",
            "`Spot` for what may be taken away.",
        ),
        may("identity", "identity", "The identities that it acts with."),
        may("plan", "plan", "What the image is bought by in the marketplace.").replaces(),
        output("vm_id", "properties.vmId", "What the machine knows itself by."),
    ],
    joins: &[
        "Microsoft.Network/networkInterfaces/join/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    example: "web:\n  type: azure:compute:VirtualMachine\n  properties:\n    name: web\n    resource_group: shop\n    location: westeurope\n    size: Standard_B2s\n    storage:\n      imageReference: { publisher: Canonical, offer: ubuntu-24_04-lts, sku: server, version: latest }\n      osDisk: { createOption: FromImage }\n    os:\n      computerName: web\n      adminUsername: operator\n      linuxConfiguration: { disablePasswordAuthentication: true }\n    network_interfaces: [{ id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/networkInterfaces/web }]\n",
    ..Description::BLANK
};

/// A disk.
pub static MANAGED_DISK: Description = Description {
    name: "azure:compute:ManagedDisk",
    about: "A disk, which machines attach. Without other words nobody copies it over the network.",
    arm_type: "Microsoft.Compute/disks",
    api_version: "2026-03-02",
    parent: Parent::Group,
    attributes: &[
        may("sku", "sku.name", "How fast and how safe it is: `StandardSSD_LRS`, `Premium_ZRS`.")
            .default("\"StandardSSD_LRS\""),
        may("size_gib", "properties.diskSizeGB", "How large it is. It can grow and not shrink.").computed(),
        may(
            "creation",
            "properties.creationData",
            "What it begins as: `createOption: Empty`, or `Copy` with `sourceResourceId`, `FromImage`, `Import`.",
        )
        .default("{\"createOption\":\"Empty\"}"),
        may("os_type", "properties.osType", "`Linux` or `Windows`, where a machine starts from it."),
        may(
            "hyper_v_generation",
            "properties.hyperVGeneration",
            "`V1` or `V2`, where a machine starts from it.",
        ),
        may("zones", "zones", "The zone that it stands in."),
        may(
            "network_access",
            "properties.networkAccessPolicy",
            "Who copies it over the network: `AllowAll`, `AllowPrivate` with `disk_access_id`, `DenyAll`.",
        )
        .default("\"DenyAll\""),
        may(
            "public_network_access",
            "properties.publicNetworkAccess",
            "Whether that goes over the internet.",
        )
        .default("\"Disabled\""),
        may(
            "disk_access_id",
            "properties.diskAccessId",
            "The private way in.",
        ),
        may("encryption", "properties.encryption", "The key that it is encrypted with."),
        may("maximum_shares", "properties.maxShares", "How many machines attach it at once."),
        may("performance_tier", "properties.tier", "How fast it is, above what its size gives: `P30`."),
        may("iops", "properties.diskIOPSReadWrite", "Reads and writes a second, where the SKU lets one choose.")
            .computed(),
        may(
            "throughput_mib",
            "properties.diskMBpsReadWrite",
            "MiB a second, where the SKU lets one choose.",
        )
        .computed(),
        may("bursting", "properties.burstingEnabled", "Whether it may be faster for a while, at a price."),
        may("security", "properties.securityProfile", "Trusted launch and confidential machines."),
        output("unique_id", "properties.uniqueId", "What it is known by inside Azure."),
        output("disk_state", "properties.diskState", "Whether a machine has it.").volatile(),
    ],
    rules: &[Rule::Needs("disk_access_id", "network_access")],
    example: "data:\n  type: azure:compute:ManagedDisk\n  properties: { name: data, resource_group: shop, location: westeurope, size_gib: 64 }\n",
    ..Description::BLANK
};
