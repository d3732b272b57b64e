//! What operations on a type's objects may do in Azure, as its roles name it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::TYPES;
use super::description::Description;
use crate::arm_id::RESOURCE_GROUP;

/// The actions on the objects of a type.
struct Actions {
    read: String,
    write: String,
    delete: String,
}

static ACTIONS: LazyLock<BTreeMap<&'static str, Actions>> = LazyLock::new(|| {
    TYPES
        .iter()
        .map(|description| {
            // Roles name groups by the subscription that they stand in.
            let kind = if description.arm_type == RESOURCE_GROUP {
                "Microsoft.Resources/subscriptions/resourceGroups"
            } else {
                description.arm_type
            };
            let actions = Actions {
                read: format!("{kind}/read"),
                write: format!("{kind}/write"),
                delete: format!("{kind}/delete"),
            };
            (description.name, actions)
        })
        .collect()
});

/// Returns the actions that an operation may need.
pub fn of(description: &Description, operation: &str) -> Vec<&'static str> {
    let Some(actions) = ACTIONS.get(description.name) else {
        return Vec::new();
    };
    let own: &[&'static str] = match operation {
        "create" | "update" => &[&actions.read, &actions.write],
        // To switch off is to change.
        "delete" if description.off.is_some() => &[&actions.read, &actions.write],
        "delete" if description.undeletable.is_empty() => &[&actions.read, &actions.delete],
        "read" | "list" => &[&actions.read],
        _ => &[],
    };
    let joined: &[&'static str] = match operation {
        "create" | "update" => description.joins,
        _ => &[],
    };
    own.iter().chain(joined).copied().collect()
}

#[cfg(test)]
mod tests {
    use konductor_sdk::prelude::ResourceProvider as _;

    use crate::typed::catalogue;

    #[test]
    fn an_operation_needs_what_it_does_to_the_object_and_to_what_it_uses() {
        let subnet = &catalogue::network::SUBNET;
        assert_eq!(
            subnet.permissions("create"),
            [
                "Microsoft.Network/virtualNetworks/subnets/read",
                "Microsoft.Network/virtualNetworks/subnets/write",
                "Microsoft.Network/networkSecurityGroups/join/action",
                "Microsoft.Network/routeTables/join/action",
                "Microsoft.Network/natGateways/join/action",
            ]
        );
        assert_eq!(
            subnet.permissions("delete"),
            [
                "Microsoft.Network/virtualNetworks/subnets/read",
                "Microsoft.Network/virtualNetworks/subnets/delete",
            ]
        );
        assert_eq!(
            catalogue::resources::RESOURCE_GROUP.permissions("list"),
            ["Microsoft.Resources/subscriptions/resourceGroups/read"]
        );
        assert_eq!(catalogue::keyvault::SECRET.permissions("delete"), [""; 0]);
        assert_eq!(
            catalogue::security::PRICING.permissions("delete"),
            [
                "Microsoft.Security/pricings/read",
                "Microsoft.Security/pricings/write"
            ]
        );
    }
}
