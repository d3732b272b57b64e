//! Resource types with attributes of their own: descriptions over what is done to a resource of any type.

pub mod catalogue;
pub mod description;
mod own_references;
mod permissions;
mod provider;
mod rules;

use description::Description;

/// All types.
pub static TYPES: [&Description; 52] = [
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
    &catalogue::balancing::LOAD_BALANCER,
    &catalogue::balancing::APPLICATION_GATEWAY,
    &catalogue::vpn::VIRTUAL_NETWORK_GATEWAY,
    &catalogue::vpn::LOCAL_NETWORK_GATEWAY,
    &catalogue::vpn::CONNECTION,
    &catalogue::dns::ZONE,
    &catalogue::dns::PRIVATE_ZONE,
    &catalogue::dns::PRIVATE_ZONE_LINK,
    &catalogue::dns::A_RECORD,
    &catalogue::dns::AAAA_RECORD,
    &catalogue::dns::CNAME_RECORD,
    &catalogue::dns::MX_RECORD,
    &catalogue::dns::TXT_RECORD,
    &catalogue::dns::SRV_RECORD,
    &catalogue::dns::NS_RECORD,
    &catalogue::dns::PTR_RECORD,
    &catalogue::dns::CAA_RECORD,
    &catalogue::dns::PRIVATE_A_RECORD,
    &catalogue::dns::PRIVATE_AAAA_RECORD,
    &catalogue::dns::PRIVATE_CNAME_RECORD,
    &catalogue::dns::PRIVATE_TXT_RECORD,
    &catalogue::storage::STORAGE_ACCOUNT,
    &catalogue::storage::BLOB_CONTAINER,
    &catalogue::storage::FILE_SHARE,
    &catalogue::compute::VIRTUAL_MACHINE,
    &catalogue::compute::MANAGED_DISK,
    &catalogue::kubernetes::MANAGED_CLUSTER,
    &catalogue::kubernetes::AGENT_POOL,
    &catalogue::web::SERVICE_PLAN,
    &catalogue::web::FUNCTION_APP,
    &catalogue::sql::SERVER,
    &catalogue::sql::DATABASE,
    &catalogue::sql::FIREWALL_RULE,
    &catalogue::cosmos::ACCOUNT,
    &catalogue::redis::CACHE,
    &catalogue::redis::DATABASE,
    &catalogue::keyvault::KEY_VAULT,
    &catalogue::keyvault::SECRET,
    &catalogue::identity::USER_ASSIGNED_IDENTITY,
    &catalogue::authorization::POLICY_ASSIGNMENT,
    &catalogue::authorization::ROLE_ASSIGNMENT,
    &catalogue::authorization::ROLE_DEFINITION,
];
