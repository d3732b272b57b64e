//! The Konductor plugin for Microsoft Azure.
//!
//! Azure's own definitions of its types ([`types`]) drive one resource type for all of them, [`generic`]. What is done to
//! a resource stands in [`lifecycle`], what its body means in [`body`]. Types with attributes of their
//! own are descriptions in [`typed`]. The host authenticates and
//! sends every request; no token enters the plugin.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

pub mod arm_id;
pub mod body;
pub mod client;
pub mod collection;
pub mod components;
pub mod generic;
pub mod lifecycle;
pub mod module;
pub mod resource_graph;
pub mod typed;
pub mod types;

use konductor_sdk::model::TagRules;
use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Azure;

impl Plugin for Azure {
    fn definition() -> Definition {
        let definition = Definition::new("azure", env!("CARGO_PKG_VERSION"))
            .description("Microsoft Azure: every type of Azure Resource Manager")
            .tag_rules(TagRules::azure())
            .resource(&generic::Resource)
            .resources(&typed::TYPES.map(|described| described as &dyn ResourceProvider))
            .module(&module::AzureModule)
            .endpoint(
                client::ENDPOINT,
                EndpointProtocol::Azure,
                "arm",
                "resources of every type, through Azure Resource Manager",
            );
        components::COMPONENTS
            .into_iter()
            .fold(definition, Definition::component)
    }
}

konductor_sdk::export_provider!(Azure);
