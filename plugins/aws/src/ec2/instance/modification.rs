//! Changes to an instance that exists.

use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, HttpTokensState, IamInstanceProfileAssociationState as State,
    IamInstanceProfileSpecification, InstanceMetadataEndpointState,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use crate::client::ec2;
use crate::ec2::search::filter;
use crate::ec2::volume;

/// Tells whether an attribute is given and differs from what the instance has.
pub(super) fn changes(request: &UpdateRequest, name: &str) -> bool {
    let present = request.prior.attributes.given(name);
    match request.inputs.given(name) {
        Some(wanted) => !present.is_some_and(|present| present.same_as(wanted)),
        None => false,
    }
}

/// Changes everything that can be changed while the instance runs, and differs.
pub(super) fn modify(context: &Context, request: &UpdateRequest) -> Result<(), Failure> {
    let client = ec2(context);
    let id = &request.prior.id;
    let inputs = &request.inputs;
    if changes(request, "security_group_ids") {
        run(client
            .modify_instance_attribute()
            .instance_id(id)
            .set_groups(Some(inputs.text_list("security_group_ids")))
            .send())?;
    }
    if changes(request, "source_dest_check") {
        set_source_check(context, id, inputs.boolean("source_dest_check"))?;
    }
    if changes(request, "metadata_options")
        && let Some(options) = inputs.given("metadata_options")
    {
        run(client
            .modify_instance_metadata_options()
            .instance_id(id)
            .set_http_tokens(options.optional_text("http_tokens").map(HttpTokensState::from))
            .set_http_endpoint(
                options
                    .optional_text("http_endpoint")
                    .map(InstanceMetadataEndpointState::from),
            )
            .set_http_put_response_hop_limit(options.optional_small_integer("http_put_response_hop_limit"))
            .send())?;
    }
    if changes(request, "monitoring") {
        if inputs.boolean("monitoring") {
            run(client.monitor_instances().instance_ids(id).send())?;
        } else {
            run(client.unmonitor_instances().instance_ids(id).send())?;
        }
    }
    let profile = inputs.optional_text("iam_instance_profile");
    if profile != request.prior.attributes.optional_text("iam_instance_profile") {
        set_profile(context, id, profile)?;
    }
    modify_root_volume(context, request)
}

fn modify_root_volume(context: &Context, request: &UpdateRequest) -> Result<(), Failure> {
    let (Some(wanted), Some(present)) = (
        request.inputs.given("root_volume"),
        request.prior.attributes.given("root_volume"),
    ) else {
        return Ok(());
    };
    let Some(id) = present.optional_text("volume_id") else {
        return Ok(());
    };
    let as_volume = |root: &Value| {
        let attribute = |name: &str| root.attribute(name).cloned().unwrap_or_default();
        Value::from([
            ("size", attribute("volume_size")),
            ("volume_type", attribute("volume_type")),
            ("iops", attribute("iops")),
            ("throughput", attribute("throughput")),
        ])
    };
    volume::modify(&ec2(context), id, &as_volume(wanted), &as_volume(present)).map(|_| ())
}

/// Sets whether packets that are not the instance's own are dropped.
pub(super) fn set_source_check(context: &Context, id: &str, wanted: bool) -> Result<(), Failure> {
    run(ec2(context)
        .modify_instance_attribute()
        .instance_id(id)
        .source_dest_check(AttributeBooleanValue::builder().value(wanted).build())
        .send())
    .map(|_| ())
}

/// Sets the type of a stopped instance.
pub(super) fn set_type(context: &Context, id: &str, wanted: &str) -> Result<(), Failure> {
    run(ec2(context)
        .modify_instance_attribute()
        .instance_id(id)
        .instance_type(AttributeValue::builder().value(wanted).build())
        .send())
    .map(|_| ())
}

/// Gives the instance an IAM profile, another one, or none.
fn set_profile(context: &Context, id: &str, wanted: Option<&str>) -> Result<(), Failure> {
    let client = ec2(context);
    let answer = run(client
        .describe_iam_instance_profile_associations()
        .filters(filter("instance-id", [id]))
        .send())?;
    let present = answer
        .iam_instance_profile_associations()
        .iter()
        .filter(|association| {
            !matches!(
                association.state(),
                Some(State::Disassociated | State::Disassociating)
            )
        })
        .find_map(|association| association.association_id());
    let profile = |name: &str| IamInstanceProfileSpecification::builder().name(name).build();
    match (present, wanted) {
        (Some(association), Some(name)) => run(client
            .replace_iam_instance_profile_association()
            .association_id(association)
            .iam_instance_profile(profile(name))
            .send())
        .map(|_| ()),
        (Some(association), None) => run(client
            .disassociate_iam_instance_profile()
            .association_id(association)
            .send())
        .map(|_| ()),
        (None, Some(name)) => run(client
            .associate_iam_instance_profile()
            .instance_id(id)
            .iam_instance_profile(profile(name))
            .send())
        .map(|_| ()),
        (None, None) => Ok(()),
    }
}
