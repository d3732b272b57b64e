//! `aws:ec2`: networks, instances and volumes.

mod customer_gateway;
pub mod described;
mod elastic_ip;
mod instance;
mod internet_gateway;
mod key_pair;
mod nat_gateway;
pub mod progress;
mod route;
mod route_table;
mod route_table_association;
pub mod search;
mod security_group;
mod security_group_rule;
pub mod standing;
mod subnet;
pub mod tags;
mod volume;
mod volume_attachment;
mod vpc;
mod vpn_connection;
mod vpn_gateway;
mod vpn_tunnel;

use konductor_sdk::ResourceProvider;
use konductor_sdk::typed::Typed;

pub use customer_gateway::CustomerGateway;
pub use elastic_ip::ElasticIp;
pub use instance::Instance;
pub use internet_gateway::InternetGateway;
pub use key_pair::KeyPair;
pub use nat_gateway::NatGateway;
pub use route::Route;
pub use route_table::RouteTable;
pub use route_table_association::RouteTableAssociation;
pub use security_group::SecurityGroup;
pub use security_group_rule::SecurityGroupRule;
pub use subnet::Subnet;
pub use volume::Volume;
pub use volume_attachment::VolumeAttachment;
pub use vpc::Vpc;
pub use vpn_connection::VpnConnection;
pub use vpn_gateway::VpnGateway;

/// The resource types of the module.
pub const TYPES: &[&dyn ResourceProvider] = &[
    Typed::<CustomerGateway>::PROVIDER,
    Typed::<ElasticIp>::PROVIDER,
    Typed::<Instance>::PROVIDER,
    Typed::<InternetGateway>::PROVIDER,
    Typed::<KeyPair>::PROVIDER,
    Typed::<NatGateway>::PROVIDER,
    Typed::<Route>::PROVIDER,
    Typed::<RouteTable>::PROVIDER,
    Typed::<RouteTableAssociation>::PROVIDER,
    Typed::<SecurityGroup>::PROVIDER,
    Typed::<SecurityGroupRule>::PROVIDER,
    Typed::<Subnet>::PROVIDER,
    Typed::<Volume>::PROVIDER,
    Typed::<VolumeAttachment>::PROVIDER,
    Typed::<Vpc>::PROVIDER,
    Typed::<VpnConnection>::PROVIDER,
    Typed::<VpnGateway>::PROVIDER,
];
