//! The clients of the services, and the names AWS gives to things.

pub use konductor_plugin_aws_components::region::partition;
use konductor_sdk::prelude::*;

/// The endpoint identifier of EC2.
pub const EC2: &str = "ec2";
/// The endpoint identifier of S3.
pub const S3: &str = "s3";
/// The endpoint identifier of AWS Config.
pub const CONFIG: &str = "config";
/// The endpoint identifier of Security Hub.
pub const SECURITY_HUB: &str = "securityhub";

/// Returns a client for EC2.
pub fn ec2(context: &Context) -> aws_sdk_ec2::Client {
    aws_sdk_ec2::Client::from_conf(konductor_sdk::aws_config!(aws_sdk_ec2, context, EC2).build())
}

/// Returns a client for S3 that addresses buckets by path.
pub fn s3(context: &Context) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
    aws_sdk_s3::Client::from_conf(
        konductor_sdk::aws_config!(aws_sdk_s3, context, S3)
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build(),
    )
}

/// Returns the failure of an answer that lacks what the API promises.
pub fn incomplete(what: &str) -> Failure {
    Failure::new(
        Disposition::Other,
        format!("the cloud answered without {what}; look at the account before trying again"),
    )
}

/// Returns the Amazon resource name of an object of EC2; none without an owner.
pub fn arn(
    client: &aws_sdk_ec2::Client,
    kind: &str,
    id: &Option<String>,
    owner: &Option<String>,
) -> Option<String> {
    let (id, owner) = (id.as_ref()?, owner.as_ref()?);
    let region = client.config().region()?.as_ref();
    Some(format!(
        "arn:{}:ec2:{region}:{owner}:{kind}/{id}",
        partition(region)
    ))
}
