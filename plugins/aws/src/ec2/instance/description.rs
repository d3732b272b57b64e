//! What `DescribeInstances` says, as objects.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Instance as CloudInstance, InstanceStateName as State, MonitoringState, Reservation, Volume,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use crate::client::{ec2, ec2_arn};
use crate::ec2::search::filter;
use crate::ec2::tags;

/// Returns the state of an instance.
pub(super) fn state_of(instance: &CloudInstance) -> Option<&State> {
    instance.state().and_then(|state| state.name())
}

/// Reads one instance in whatever state it is.
pub(super) fn cloud_instance(context: &Context, id: &str) -> Result<Option<CloudInstance>, Failure> {
    let answer = run(ec2(context)
        .describe_instances()
        .filters(filter("instance-id", [id]))
        .send())?;
    Ok(answer
        .reservations()
        .iter()
        .flat_map(|reservation| reservation.instances())
        .find(|instance| instance.instance_id() == Some(id))
        .cloned())
}

/// Returns the instances that are not on their way out. The root volumes are read with one call for all.
pub(super) fn describe(context: &Context, reservations: &[Reservation]) -> Result<Vec<ObjectState>, Failure> {
    let present: Vec<(&CloudInstance, Option<&str>)> = reservations
        .iter()
        .flat_map(|reservation| {
            reservation
                .instances()
                .iter()
                .map(|instance| (instance, reservation.owner_id()))
        })
        .filter(|(instance, _)| !matches!(state_of(instance), Some(State::Terminated | State::ShuttingDown)))
        .collect();
    let roots: Vec<&str> = present
        .iter()
        .filter_map(|(instance, _)| root_volume_id(instance))
        .collect();
    let mut volumes = BTreeMap::new();
    for chunk in roots.chunks(200) {
        let answer = run(ec2(context)
            .describe_volumes()
            .filters(filter("volume-id", chunk.iter().copied()))
            .send())?;
        for volume in answer.volumes() {
            if let Some(id) = volume.volume_id() {
                volumes.insert(id.to_owned(), volume.clone());
            }
        }
    }
    Ok(present
        .into_iter()
        .filter_map(|(instance, owner)| describe_one(context, instance, owner, &volumes))
        .collect())
}

fn root_volume_id(instance: &CloudInstance) -> Option<&str> {
    let device = instance.root_device_name()?;
    instance
        .block_device_mappings()
        .iter()
        .find(|mapping| mapping.device_name() == Some(device))?
        .ebs()?
        .volume_id()
}

fn root_volume(instance: &CloudInstance, volumes: &BTreeMap<String, Volume>) -> Value {
    let Some(id) = root_volume_id(instance) else {
        return Value::Null;
    };
    let kept = instance
        .block_device_mappings()
        .iter()
        .filter_map(|mapping| mapping.ebs())
        .find(|ebs| ebs.volume_id() == Some(id))
        .and_then(|ebs| ebs.delete_on_termination());
    let volume = volumes.get(id);
    Value::from([
        ("volume_id", Value::from(id)),
        ("delete_on_termination", kept.into()),
        ("volume_size", volume.and_then(Volume::size).into()),
        (
            "volume_type",
            volume
                .and_then(Volume::volume_type)
                .map(|kind| kind.as_str())
                .into(),
        ),
        ("iops", volume.and_then(Volume::iops).into()),
        ("throughput", volume.and_then(Volume::throughput).into()),
        ("encrypted", volume.and_then(Volume::encrypted).into()),
        ("kms_key_id", volume.and_then(Volume::kms_key_id).into()),
    ])
}

fn describe_one(
    context: &Context,
    instance: &CloudInstance,
    owner: Option<&str>,
    volumes: &BTreeMap<String, Volume>,
) -> Option<ObjectState> {
    let id = instance.instance_id()?;
    let not_empty = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let groups: Vec<String> = instance
        .security_groups()
        .iter()
        .filter_map(|group| group.group_id().map(str::to_owned))
        .collect();
    let metadata = instance.metadata_options().map(|options| {
        Value::from([
            (
                "http_tokens",
                Value::from(options.http_tokens().map(|tokens| tokens.as_str())),
            ),
            (
                "http_endpoint",
                options.http_endpoint().map(|endpoint| endpoint.as_str()).into(),
            ),
            (
                "http_put_response_hop_limit",
                options.http_put_response_hop_limit().into(),
            ),
        ])
    });
    let monitored = instance
        .monitoring()
        .and_then(|monitoring| monitoring.state())
        .is_some_and(|state| matches!(state, MonitoringState::Enabled | MonitoringState::Pending));
    let profile = instance
        .iam_instance_profile()
        .and_then(|profile| profile.arn())
        .and_then(|arn| arn.rsplit('/').next());
    let first_interface = instance
        .network_interfaces()
        .iter()
        .find(|interface| interface.attachment().and_then(|a| a.device_index()) == Some(0))
        .or_else(|| instance.network_interfaces().first());
    Some(
        object(id)
            .private(tags::token(instance.tags()))
            .set("image_id", instance.image_id())
            .set(
                "instance_type",
                instance.instance_type().map(|kind| kind.as_str()),
            )
            .set("subnet_id", not_empty(instance.subnet_id()))
            .set(
                "availability_zone",
                instance
                    .placement()
                    .and_then(|placement| placement.availability_zone()),
            )
            .set("security_group_ids", groups)
            .set("key_name", not_empty(instance.key_name()))
            .set("iam_instance_profile", profile)
            .set("private_ip", not_empty(instance.private_ip_address()))
            .set("root_volume", root_volume(instance, volumes))
            .set("metadata_options", metadata)
            .set("monitoring", monitored)
            .set("ebs_optimized", instance.ebs_optimized())
            .set("source_dest_check", instance.source_dest_check())
            .set("tags", tags::of(instance.tags()))
            .set("instance_id", id)
            .set("arn", ec2_arn(context, owner, &format!("instance/{id}")))
            .set("vpc_id", not_empty(instance.vpc_id()))
            .set(
                "primary_network_interface_id",
                first_interface.and_then(|interface| interface.network_interface_id()),
            )
            .set("private_dns", not_empty(instance.private_dns_name()))
            .set("public_ip", not_empty(instance.public_ip_address()))
            .set("public_dns", not_empty(instance.public_dns_name()))
            .build(),
    )
}
