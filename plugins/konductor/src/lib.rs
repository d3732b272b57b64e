//! The Konductor plugin with one vocabulary for several clouds.
//!
//! Its components pick a cloud by one word and become resources, or components, of that cloud's plugin; their outputs are
//! the same whatever the cloud. The module `expansion` holds what they share: how the cloud is chosen, what is said of inputs that it
//! has no equivalent for, and how properties of one cloud alone get through. The plugin calls no cloud itself.

mod azure_place;
pub mod bucket;
pub mod cloud;
pub mod cluster;
mod expansion;
pub mod instance;
pub mod module;
pub mod network;
pub mod postgres;
pub mod site_to_site;

use konductor_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Vocabulary;

/// The component types.
pub static COMPONENTS: [&dyn Component; 6] = [
    &network::Network,
    &bucket::Bucket,
    &instance::Instance,
    &cluster::Cluster,
    &postgres::Postgres,
    &site_to_site::SiteToSiteConnection,
];

impl Plugin for Vocabulary {
    fn definition() -> Definition {
        let definition = Definition::new("konductor", env!("CARGO_PKG_VERSION"))
            .description("One vocabulary across clouds: networks, buckets, instances, clusters and databases")
            .declares(&cloud::Cloud::ALL.map(cloud::Cloud::word))
            .module(&module::Konductor);
        COMPONENTS.into_iter().fold(definition, Definition::component)
    }
}

konductor_sdk::export_provider!(Vocabulary);

#[cfg(test)]
mod tests;
