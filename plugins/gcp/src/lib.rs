//! The Konductor plugin for Google Cloud.
//!
//! Google's own definitions of its APIs ([`types`]) drive one resource type for all of them, [`generic`]. What is done
//! to a resource stands in [`lifecycle`] and [`change`], what its body means in [`body`]. Types with
//! attributes of their own are descriptions in [`typed`]. The host authenticates and sends every request; no token
//! enters the plugin.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

pub mod body;
pub mod change;
pub mod client;
pub mod collection;
pub mod components;
pub mod generic;
pub mod lifecycle;
pub mod link;
pub mod module;
pub mod own_methods;
pub mod parameters;
pub mod typed;
pub mod types;
pub mod versions;

use konductor_sdk::model::TagRules;
use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Gcp;

/// The services of the table, and what for. Each is an endpoint of its own, so that a grant can leave any out.
pub const SERVICES: &[&str] = &[
    "alloydb",
    "artifactregistry",
    "bigquery",
    "bigtableadmin",
    "certificatemanager",
    "cloudbuild",
    "cloudfunctions",
    "cloudkms",
    "cloudresourcemanager",
    "cloudscheduler",
    "cloudtasks",
    "compute",
    "container",
    "dns",
    "eventarc",
    "file",
    "firestore",
    "iam",
    "logging",
    "monitoring",
    "networkconnectivity",
    "networksecurity",
    "networkservices",
    "orgpolicy",
    "pubsub",
    "redis",
    "run",
    "secretmanager",
    "securitycenter",
    "servicedirectory",
    "spanner",
    "sqladmin",
    "storage",
    "vpcaccess",
    "workflows",
];

impl Plugin for Gcp {
    fn definition() -> Definition {
        let definition = Definition::new("gcp", env!("CARGO_PKG_VERSION"))
            .description("Google Cloud: every resource of the APIs in its table")
            .tag_rules(TagRules::google())
            .resource(&generic::Resource)
            .resources(&typed::types().collect::<Vec<_>>())
            .module(&module::GcpModule);
        let definition = components::COMPONENTS
            .into_iter()
            .fold(definition, Definition::component);
        SERVICES.iter().fold(definition, |definition, service| {
            let reason = format!("resources of {service}.googleapis.com");
            definition.endpoint(service, EndpointProtocol::Google, service, &reason)
        })
    }
}

konductor_sdk::export_provider!(Gcp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_of_the_table_is_an_endpoint_and_no_other() {
        let mut services: Vec<&str> = types::table()
            .unwrap()
            .entries()
            .filter_map(|entry| entry.fact("service"))
            .collect();
        services.sort_unstable();
        services.dedup();
        assert_eq!(services, SERVICES);
    }
}
