//! The Konductor plugin for Amazon Web Services.
//!
//! The AWS SDK crates run in the guest, unsigned; the host signs and sends. Each resource type stands in a file
//! of its own; [`ec2::lookup`] holds what they share in reading, and [`ec2::tags`] what they share in tagging.

pub mod client;
pub mod ec2;

use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Aws;

impl Plugin for Aws {
    fn definition() -> Definition {
        Definition::new("aws", env!("CARGO_PKG_VERSION"))
            .description("Amazon Web Services: EC2 networking and compute, S3 storage")
            .resources(ec2::TYPES)
            .endpoint(
                client::EC2,
                EndpointProtocol::Aws,
                "ec2",
                "networks, instances and volumes (aws:ec2)",
            )
            .endpoint(
                client::S3,
                EndpointProtocol::Aws,
                "s3",
                "buckets and objects (aws:s3)",
            )
    }
}

konductor_sdk::export_provider!(Aws);
