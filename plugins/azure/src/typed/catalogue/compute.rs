//! Machines.

use crate::typed::description::{Description, Parent, may, must, output};

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
    fixed: &[],
    example: "web:\n  type: azure:compute:VirtualMachine\n  properties:\n    name: web\n    resource_group: shop\n    location: westeurope\n    size: Standard_B2s\n    storage:\n      imageReference: { publisher: Canonical, offer: ubuntu-24_04-lts, sku: server, version: latest }\n      osDisk: { createOption: FromImage }\n    os:\n      computerName: web\n      adminUsername: operator\n      linuxConfiguration: { disablePasswordAuthentication: true }\n    network_interfaces: [{ id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/networkInterfaces/web }]\n",
};
