//! Resource types with attributes of their own: descriptions over what is done to a resource of any type.

pub mod catalogue;
pub mod description;
mod provider;

use konductor_sdk::prelude::ResourceProvider;

/// All types.
pub static TYPES: [&dyn ResourceProvider; 16] = [
    &catalogue::resources::RESOURCE_GROUP,
    &catalogue::network::VIRTUAL_NETWORK,
    &catalogue::network::SUBNET,
    &catalogue::network::NETWORK_SECURITY_GROUP,
    &catalogue::network::SECURITY_RULE,
    &catalogue::network::PUBLIC_IP,
    &catalogue::network::NETWORK_INTERFACE,
    &catalogue::network::ROUTE_TABLE,
    &catalogue::network::ROUTE,
    &catalogue::network::NAT_GATEWAY,
    &catalogue::storage::STORAGE_ACCOUNT,
    &catalogue::storage::BLOB_CONTAINER,
    &catalogue::compute::VIRTUAL_MACHINE,
    &catalogue::identity::KEY_VAULT,
    &catalogue::identity::USER_ASSIGNED_IDENTITY,
    &catalogue::dns::ZONE,
];
