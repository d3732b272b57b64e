//! What `DescribeInstances` says, as objects.

use aws_sdk_ec2::types::{
    EbsInstanceBlockDevice, Instance as CloudInstance, InstanceMetadataOptionsResponse,
    InstanceStateName as State, MonitoringState, Volume,
};

use super::{Instance, MetadataOptions, RootVolume};
use crate::ec2::described::prelude::*;
use crate::ec2::search::{VALUES_PER_FILTER, filter};

/// Returns the state of an instance.
pub(super) fn state_of(instance: &CloudInstance) -> Option<&State> {
    instance.state().and_then(|state| state.name())
}

/// Tells how an instance stands. Some end by themselves before they ever ran, and say why.
pub(super) fn standing(instance: &CloudInstance) -> Standing {
    let why = || {
        let reason = instance.state_reason();
        let code = reason.and_then(|reason| reason.code()).unwrap_or_default();
        let message = format!(
            "`{}` ended by itself: {}",
            instance.instance_id().unwrap_or_default(),
            reason
                .and_then(|reason| reason.message())
                .unwrap_or("the cloud gives no reason")
        );
        Some(Box::new(Failure::new(Disposition::Other, message).code(code)))
    };
    match state_of(instance) {
        Some(State::Pending) => Standing::Coming("pending"),
        Some(State::ShuttingDown) => Standing::Leaving(why()),
        Some(State::Terminated) => Standing::Gone(why()),
        _ => Standing::There,
    }
}

/// Root volumes by their identifiers.
type Volumes = BTreeMap<String, Volume>;

/// Reads the root volumes of instances, with one call for many.
pub(super) async fn root_volumes(
    client: &Client,
    instances: &[(CloudInstance, Option<String>)],
) -> Result<Volumes, Failure> {
    let roots: Vec<&str> = instances
        .iter()
        .filter(|(instance, _)| standing(instance).is_present())
        .filter_map(|(instance, _)| root_disk(instance)?.volume_id())
        .collect();
    let mut volumes = BTreeMap::new();
    for chunk in roots.chunks(VALUES_PER_FILTER) {
        let describe = client
            .describe_volumes()
            .filters(filter("volume-id", chunk.iter().copied()));
        let found = call(describe.send()).await?.volumes.unwrap_or_default();
        volumes.extend(
            found
                .into_iter()
                .filter_map(|volume| Some((volume.volume_id.clone()?, volume))),
        );
    }
    Ok(volumes)
}

fn root_disk(instance: &CloudInstance) -> Option<&EbsInstanceBlockDevice> {
    let device = instance.root_device_name()?;
    let mut mappings = instance.block_device_mappings().iter();
    mappings
        .find(|mapping| mapping.device_name() == Some(device))?
        .ebs()
}

fn root_volume(instance: &CloudInstance, volumes: &Volumes) -> Option<RootVolume> {
    let disk = root_disk(instance)?;
    let id = disk.volume_id()?;
    let root = RootVolume {
        volume_id: Some(id.to_owned()),
        delete_on_termination: disk.delete_on_termination(),
        ..RootVolume::default()
    };
    let Some(volume) = volumes.get(id) else {
        return Some(root);
    };
    Some(RootVolume {
        volume_size: volume.size(),
        volume_type: volume.volume_type().map(|kind| kind.as_str().to_owned()),
        iops: volume.iops(),
        throughput: volume.throughput(),
        encrypted: volume.encrypted(),
        kms_key_id: volume.kms_key_id().map(str::to_owned),
        ..root
    })
}

fn metadata_options(options: InstanceMetadataOptionsResponse) -> MetadataOptions {
    let usual = MetadataOptions::default();
    MetadataOptions {
        http_tokens: options
            .http_tokens
            .map_or(usual.http_tokens, |tokens| tokens.as_str().to_owned()),
        http_endpoint: options
            .http_endpoint
            .map_or(usual.http_endpoint, |endpoint| endpoint.as_str().to_owned()),
        http_put_response_hop_limit: options
            .http_put_response_hop_limit
            .unwrap_or(usual.http_put_response_hop_limit),
    }
}

/// Returns the name of the profile that an Amazon resource name ends with.
fn profile_name(arn: &str) -> Option<String> {
    arn.rsplit('/').next().map(str::to_owned)
}

impl Instance {
    /// Returns the attributes of an instance, given the account that owns it and the root volumes.
    pub(super) fn of(
        client: &Client,
        instance: CloudInstance,
        owner: &Option<String>,
        volumes: &Volumes,
    ) -> Self {
        let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
        let monitoring = instance.monitoring().and_then(|monitoring| monitoring.state());
        let groups = instance
            .security_groups()
            .iter()
            .filter_map(|group| group.group_id());
        let interfaces = instance.network_interfaces();
        let first_interface = interfaces
            .iter()
            .find(|interface| interface.attachment().and_then(|a| a.device_index()) == Some(0))
            .or_else(|| interfaces.first());
        Self {
            monitoring: matches!(
                monitoring,
                Some(MonitoringState::Enabled | MonitoringState::Pending)
            ),
            security_group_ids: Some(groups.map(str::to_owned).collect()),
            primary_network_interface_id: first_interface
                .and_then(|interface| interface.network_interface_id())
                .map(str::to_owned),
            root_volume: root_volume(&instance, volumes),
            arn: arn(client, "instance", &instance.instance_id, owner),
            image_id: instance.image_id.unwrap_or_default(),
            instance_type: instance
                .instance_type
                .map(|kind| kind.as_str().to_owned())
                .unwrap_or_default(),
            subnet_id: not_empty(instance.subnet_id),
            availability_zone: instance
                .placement
                .and_then(|placement| placement.availability_zone),
            key_name: not_empty(instance.key_name),
            iam_instance_profile: instance
                .iam_instance_profile
                .and_then(|profile| profile_name(profile.arn()?)),
            user_data: None,
            private_ip: not_empty(instance.private_ip_address),
            associate_public_ip_address: None,
            metadata_options: instance.metadata_options.map(metadata_options),
            ebs_optimized: instance.ebs_optimized,
            source_dest_check: instance.source_dest_check.unwrap_or(true),
            tags: instance.tags.into(),
            instance_id: instance.instance_id,
            vpc_id: not_empty(instance.vpc_id),
            private_dns: not_empty(instance.private_dns_name),
            public_ip: not_empty(instance.public_ip_address),
            public_dns: not_empty(instance.public_dns_name),
        }
    }
}
