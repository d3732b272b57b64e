//! `aws:ec2`: networks, instances and volumes.

mod elastic_ip;
mod instance;
mod internet_gateway;
mod key_pair;
pub mod lookup;
mod nat_gateway;
mod route;
mod route_table;
mod route_table_association;
mod security_group;
mod security_group_rule;
mod subnet;
pub mod tags;
pub mod uniqueness;
mod volume;
mod volume_attachment;
mod vpc;
pub mod wait;

use konductor_sdk::ResourceProvider;

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

/// The resource types of the module.
pub const TYPES: &[&dyn ResourceProvider] = &[
    &ElasticIp,
    &Instance,
    &InternetGateway,
    &KeyPair,
    &NatGateway,
    &Route,
    &RouteTable,
    &RouteTableAssociation,
    &SecurityGroup,
    &SecurityGroupRule,
    &Subnet,
    &Volume,
    &VolumeAttachment,
    &Vpc,
];
