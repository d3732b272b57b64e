//! The Konductor plugin for Amazon Web Services.
//!
//! The AWS SDK crates run in the guest, unsigned; the host signs and sends. Each resource type stands in a file
//! of its own; [`ec2::described`] holds what those of EC2 share, [`ec2::tags`] what they share in tagging,
//! [`s3::bucket_setting`] what the settings of a bucket share, and [`config::named`] what the types of AWS Config share.
//! Components and the module need no cloud and stand in the crate `konductor-plugin-aws-components`.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

pub mod client;
pub mod config;
pub mod ec2;
mod json_api;
pub mod s3;
pub mod securityhub;

use konductor_plugin_aws_components::{COMPONENTS, MODULES};
use konductor_sdk::model::TagRules;
use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Aws;

impl Plugin for Aws {
    fn definition() -> Definition {
        let definition = Definition::new("aws", env!("CARGO_PKG_VERSION"))
            .description(
                "Amazon Web Services: EC2 networking and compute, S3 storage, AWS Config and Security Hub",
            )
            .tag_rules(TagRules::aws())
            .resources(ec2::TYPES)
            .resources(s3::TYPES)
            .resources(config::TYPES)
            .resources(securityhub::TYPES)
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
            .endpoint(
                client::CONFIG,
                EndpointProtocol::Aws,
                "config",
                "what is recorded of the account and the rules it is judged by (aws:config)",
            )
            .endpoint(
                client::SECURITY_HUB,
                EndpointProtocol::Aws,
                "securityhub",
                "standards and findings (aws:securityhub)",
            )
            .reveal(
                "aws:ec2:Instance",
                "user_data",
                "EC2 takes user data as base64, which has to be made of the text itself",
            )
            .reveal(
                "aws:s3:Object",
                "content_base64",
                "S3 takes the bytes, which have to be decoded from the text itself",
            );
        let definition = COMPONENTS.into_iter().fold(definition, Definition::component);
        MODULES.into_iter().fold(definition, Definition::module)
    }
}

konductor_sdk::export_provider!(Aws);
