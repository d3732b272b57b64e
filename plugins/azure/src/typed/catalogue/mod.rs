//! The described types, by service.

pub mod compute;
pub mod dns;
pub mod identity;
pub mod network;
pub mod resources;
pub mod storage;

#[cfg(test)]
mod tests {
    use konductor_sdk::prelude::ResourceProvider as _;

    use super::*;
    use crate::typed::description::Description;
    use crate::types::ArmType;

    const ALL: [&Description; 16] = [
        &resources::RESOURCE_GROUP,
        &network::VIRTUAL_NETWORK,
        &network::SUBNET,
        &network::NETWORK_SECURITY_GROUP,
        &network::SECURITY_RULE,
        &network::PUBLIC_IP,
        &network::NETWORK_INTERFACE,
        &network::ROUTE_TABLE,
        &network::ROUTE,
        &network::NAT_GATEWAY,
        &storage::STORAGE_ACCOUNT,
        &storage::BLOB_CONTAINER,
        &compute::VIRTUAL_MACHINE,
        &identity::KEY_VAULT,
        &identity::USER_ASSIGNED_IDENTITY,
        &dns::ZONE,
    ];

    #[test]
    fn every_attribute_is_a_member_that_azure_defines() {
        for description in ALL {
            let arm_type = ArmType::find(description.arm_type, Some(description.api_version)).unwrap();
            assert!(arm_type.body.is_some(), "{}", description.name);
            for attribute in description.attributes {
                let property = arm_type.property(&attribute.steps());
                let property = property.unwrap_or_else(|| panic!("{}: {}", description.name, attribute.path));
                let read_only = property
                    .flags()
                    .contains(konductor_schema_table::Flags::READ_ONLY);
                assert!(
                    attribute.output || !read_only,
                    "{}: {} is read-only",
                    description.name,
                    attribute.path
                );
            }
            for (_, json) in description.fixed {
                serde_json::from_str::<serde_json::Value>(json).unwrap();
            }
            description.schema().unwrap();
        }
        assert_eq!(ALL.len(), crate::typed::TYPES.len());
    }
}
