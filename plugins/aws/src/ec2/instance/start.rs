//! How an instance is started.

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification,
    InstanceType, Placement, RunInstancesMonitoringEnabled, VolumeType,
};

use super::{Instance, MetadataOptions, RootVolume};
use crate::ec2::described::prelude::*;
use crate::ec2::search::filter;

impl Instance {
    /// Starts an instance and returns its identifier.
    pub(super) async fn start(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let profile = |name| IamInstanceProfileSpecification::builder().name(name).build();
        let mut start = client
            .run_instances()
            .min_count(1)
            .max_count(1)
            .image_id(&self.image_id)
            .instance_type(InstanceType::from(self.instance_type.as_str()))
            .set_key_name(self.key_name.clone())
            .set_ebs_optimized(self.ebs_optimized)
            .set_iam_instance_profile(self.iam_instance_profile.as_ref().map(profile))
            .set_user_data(self.user_data.as_ref().map(aws_smithy_types::base64::encode))
            .set_metadata_options(self.metadata_options.as_ref().map(MetadataOptions::request))
            .client_token(new.token)
            .tag_specifications(new.tags);
        let groups = self.security_group_ids.clone().unwrap_or_default();
        let groups = (!groups.is_empty()).then(|| groups.into_iter().collect());
        let (subnet, address) = (self.subnet_id.clone(), self.private_ip.clone());
        start = match self.associate_public_ip_address {
            // Only the description of a network interface can say so, and then it says the rest of it too.
            Some(public) => start.network_interfaces(
                InstanceNetworkInterfaceSpecification::builder()
                    .device_index(0)
                    .associate_public_ip_address(public)
                    .set_subnet_id(subnet)
                    .set_groups(groups)
                    .set_private_ip_address(address)
                    .build(),
            ),
            None => start
                .set_subnet_id(subnet)
                .set_security_group_ids(groups)
                .set_private_ip_address(address),
        };
        if let Some(zone) = &self.availability_zone {
            start = start.placement(Placement::builder().availability_zone(zone).build());
        }
        if self.monitoring {
            start = start.monitoring(RunInstancesMonitoringEnabled::builder().enabled(true).build());
        }
        if let Some(root) = &self.root_volume {
            start = start.block_device_mappings(root.mapping(client, &self.image_id).await?);
        }
        let instances = call(start.send()).await?.instances;
        let instance = instances.into_iter().flatten().next();
        Ok(instance.and_then(|instance| instance.instance_id))
    }
}

impl MetadataOptions {
    fn request(&self) -> InstanceMetadataOptionsRequest {
        InstanceMetadataOptionsRequest::builder()
            .http_tokens(HttpTokensState::from(self.http_tokens.as_str()))
            .http_endpoint(InstanceMetadataEndpointState::from(self.http_endpoint.as_str()))
            .http_put_response_hop_limit(self.http_put_response_hop_limit)
            .build()
    }
}

impl RootVolume {
    /// Returns what changes about the image's own root disk. Its device name is the image's affair.
    async fn mapping(&self, client: &Client, image: &str) -> Result<BlockDeviceMapping, Failure> {
        let answer = call(
            client
                .describe_images()
                .filters(filter("image-id", [image]))
                .send(),
        )
        .await?;
        let device = answer.images().first().and_then(|image| image.root_device_name());
        let Some(device) = device else {
            let missing = format!("there is no machine image `{image}` in this region");
            let mut failure = Failure::new(Disposition::Invalid, missing);
            failure.at = Some(Path::attribute("image_id"));
            return Err(failure);
        };
        let disk = EbsBlockDevice::builder()
            .set_volume_size(self.volume_size)
            .set_volume_type(self.volume_type.as_deref().map(VolumeType::from))
            .set_iops(self.iops)
            .set_throughput(self.throughput)
            .set_encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key_id.clone())
            .delete_on_termination(self.delete_on_termination.unwrap_or(true));
        Ok(BlockDeviceMapping::builder()
            .device_name(device)
            .ebs(disk.build())
            .build())
    }
}
