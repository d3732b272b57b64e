//! Resource groups.

use crate::typed::description::{Description, Parent, may};

/// A resource group.
pub static RESOURCE_GROUP: Description = Description {
    name: "azure:resources:ResourceGroup",
    about: "A resource group: what stands in it is deleted with it.",
    arm_type: "Microsoft.Resources/resourceGroups",
    api_version: "2025-04-01",
    parent: Parent::Subscription,
    attributes: &[may(
        "managed_by",
        "managedBy",
        "The identifier of the resource that manages the group.",
    )
    .replaces()],
    example: "shop:\n  type: azure:resources:ResourceGroup\n  properties: { name: shop, location: westeurope }\n",
    ..Description::BLANK
};
