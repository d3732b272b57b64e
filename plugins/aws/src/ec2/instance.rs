//! `aws:ec2:Instance`: the schema and the operations. How an instance is described stands in `description`, how
//! it is changed in `modification`.

mod description;
mod modification;

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, Filter, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification,
    InstanceStateName as State, InstanceType, Placement, ResourceType as Kind, RunInstancesMonitoringEnabled,
    VolumeType,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use self::description::{cloud_instance, describe, state_of};
use super::lookup::{Described, Page, next, reads};
use super::progress::{handle, not_shown};
use super::search::{PAGE, filter};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use super::volume::VOLUME_TYPES;
use super::wait::{in_progress, settled};
use crate::client::{ec2, incomplete};

/// How long an instance usually stays in one state, in seconds.
const WAIT: u64 = 5;

/// A virtual machine.
#[derive(Debug)]
pub struct Instance;

impl ResourceProvider for Instance {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:Instance"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let root_volume = nested(
            [
                (
                    "volume_size",
                    integer("The size in GiB.").between(1, 65_536).computed(),
                ),
                (
                    "volume_type",
                    text("The kind of disk.").allowed(VOLUME_TYPES).computed(),
                ),
                (
                    "iops",
                    integer("Operations per second.")
                        .at_least(100)
                        .computed()
                        .volatile(),
                ),
                (
                    "throughput",
                    integer("MiB per second, for `gp3`.")
                        .at_least(125)
                        .computed()
                        .volatile(),
                ),
                (
                    "encrypted",
                    boolean("Whether it is encrypted.").computed().replaces(),
                ),
                ("kms_key_id", text("The KMS key.").computed().replaces()),
                (
                    "delete_on_termination",
                    boolean("Whether it goes with the instance.")
                        .computed()
                        .replaces(),
                ),
                (
                    "volume_id",
                    text("The volume.").output_only().simulated("vol-{hex17}"),
                ),
            ],
            "The disk it starts from.",
        );
        let metadata_options = nested(
            [
                (
                    "http_tokens",
                    text("Whether a session token is needed (IMDSv2).")
                        .allowed(["required", "optional"])
                        .default("required"),
                ),
                (
                    "http_endpoint",
                    text("Whether the service answers at all.")
                        .allowed(["enabled", "disabled"])
                        .default("enabled"),
                ),
                (
                    "http_put_response_hop_limit",
                    integer("How many network hops an answer may take; containers need 2.")
                        .between(1, 64)
                        .default(1),
                ),
            ],
            "How the instance metadata service may be used.",
        );
        schema(
            self.resource_type(),
            "A virtual machine. A change of its type stops and starts it.",
        )
        .attribute("image_id", text("The machine image (AMI).").required().replaces())
        .attribute(
            "instance_type",
            text("The type, for example `t3.micro`.").required(),
        )
        .attribute(
            "subnet_id",
            text("The subnet; one of the default VPC unless given.")
                .computed()
                .replaces()
                .simulated("subnet-{hex17}"),
        )
        .attribute(
            "availability_zone",
            text("The availability zone; the subnet's.")
                .computed()
                .replaces()
                .simulated("{region}a"),
        )
        .attribute(
            "security_group_ids",
            set(
                text(""),
                "The security groups; the VPC's default group unless given.",
            )
            .computed(),
        )
        .attribute("key_name", text("The key pair for logging in.").replaces())
        .attribute(
            "iam_instance_profile",
            text("The name of the IAM instance profile."),
        )
        .attribute(
            "user_data",
            text(
                "What the instance runs when it first starts. It can be read by everything on the instance.",
            )
            .at_most(16_384)
            .replaces()
            .write_only(),
        )
        .attribute(
            "private_ip",
            text("The address in the subnet.")
                .format(TextFormat::Ipv4Address)
                .computed()
                .replaces()
                .simulated("10.0.0.10"),
        )
        .attribute(
            "associate_public_ip_address",
            boolean("Whether it gets a public address; the subnet decides unless given.")
                .replaces()
                .write_only(),
        )
        .attribute("root_volume", root_volume.computed())
        .attribute(
            "metadata_options",
            metadata_options.default([
                ("http_tokens", Value::from("required")),
                ("http_endpoint", Value::from("enabled")),
                ("http_put_response_hop_limit", Value::from(1)),
            ]),
        )
        .attribute(
            "monitoring",
            boolean("Whether it is monitored every minute.").default(false),
        )
        .attribute(
            "ebs_optimized",
            boolean("Whether it has bandwidth of its own for volumes; its type decides unless given.")
                .computed()
                .replaces(),
        )
        .attribute(
            "source_dest_check",
            boolean("Whether packets that are not its own are dropped; off for a NAT or a firewall.")
                .default(true),
        )
        .tags()
        .output("instance_id", text("The identifier.").simulated("i-{hex17}"))
        .output(
            "arn",
            text("The Amazon resource name.").simulated("arn:aws:ec2:{region}:{digits12}:instance/i-{hex17}"),
        )
        .output("vpc_id", text("The VPC.").simulated("vpc-{hex17}"))
        .output(
            "primary_network_interface_id",
            text("Its first network interface.").simulated("eni-{hex17}"),
        )
        .output(
            "private_dns",
            text("Its name in the VPC.").simulated("ip-10-0-0-10.ec2.internal"),
        )
        .output(
            "public_ip",
            text("Its public address, if it has one.")
                .volatile()
                .simulated("203.0.113.20"),
        )
        .output(
            "public_dns",
            text("Its public name, if it has one.")
                .volatile()
                .simulated("ec2-203-0-113-20.compute.amazonaws.com"),
        )
        .identity(
            "i-0123456789abcdef0",
            "The identifier of the instance.",
            &["instance_id"],
        )
        .batch_read()
        .example(
            "An instance in a private subnet",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
private:
  type: aws:ec2:Subnet
  properties: { vpc_id: '${network.vpc_id}', cidr_block: 10.0.1.0/24 }
server:
  type: aws:ec2:Instance
  properties:
    image_id: ami-12c6146b
    instance_type: t3.micro
    subnet_id: ${private.subnet_id}
    root_volume: { volume_size: 20, encrypted: true }
    tags: { Name: server }
",
        )
        .build()
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        // An address that was asked for can be had once.
        if request.inputs.given("private_ip").is_some() {
            delete_first_unless_changed(plan, &["private_ip", "subnet_id"]);
        }
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec![
                "ec2:RunInstances",
                "ec2:CreateTags",
                "ec2:ModifyInstanceAttribute",
                "ec2:DescribeImages",
                "ec2:DescribeInstances",
                "ec2:DescribeVolumes",
                "iam:PassRole",
            ],
            "update" => vec![
                "ec2:ModifyInstanceAttribute",
                "ec2:ModifyInstanceMetadataOptions",
                "ec2:ModifyVolume",
                "ec2:MonitorInstances",
                "ec2:UnmonitorInstances",
                "ec2:StopInstances",
                "ec2:StartInstances",
                "ec2:DescribeIamInstanceProfileAssociations",
                "ec2:AssociateIamInstanceProfile",
                "ec2:ReplaceIamInstanceProfileAssociation",
                "ec2:DisassociateIamInstanceProfile",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeInstances",
                "ec2:DescribeVolumes",
                "iam:PassRole",
            ],
            "delete" => vec!["ec2:TerminateInstances", "ec2:DescribeInstances"],
            _ => vec!["ec2:DescribeInstances", "ec2:DescribeVolumes"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let id = match self.find_by_token(context, &request.idempotency_token)? {
            Some(found) => found.id,
            None => start(context, request)?,
        };
        Ok(settled(self.settle(context, &id, &request.inputs), &id, request))
    }

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        modification::modify(context, request)?;
        tags::update(&ec2(context), id, request)?;
        if modification::changes(request, "instance_type") {
            run(ec2(context).stop_instances().instance_ids(id).send())?;
            return Ok(in_progress(id, "stopped", WAIT, "stopping, to change the type"));
        }
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        run(ec2(context).terminate_instances().instance_ids(id).send())?;
        terminated(context, id)
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let (stage, id) = handle(&request.handle)?;
        match (request.operation, stage) {
            (OperationKind::Delete, _) => terminated(context, id),
            (_, "stopped") => resized(context, id, &request.planned),
            (OperationKind::Update, _) => running(context, id),
            _ => self.settle(context, id, &request.planned),
        }
    }
}

/// Starts an instance and returns its identifier.
fn start(context: &Context, request: &CreateRequest) -> Result<String, Failure> {
    let inputs = &request.inputs;
    let image = inputs.text("image_id")?;
    let mut call = ec2(context)
        .run_instances()
        .min_count(1)
        .max_count(1)
        .image_id(image)
        .instance_type(InstanceType::from(inputs.text("instance_type")?))
        .set_key_name(inputs.owned_text("key_name"))
        .set_ebs_optimized(inputs.optional_boolean("ebs_optimized"))
        .client_token(&request.idempotency_token)
        .tag_specifications(tags::on_create(Kind::Instance, request));
    let groups = inputs.text_list("security_group_ids");
    let groups = (!groups.is_empty()).then_some(groups);
    let subnet = inputs.owned_text("subnet_id");
    let address = inputs.owned_text("private_ip");
    call = match inputs.optional_boolean("associate_public_ip_address") {
        // Only the description of a network interface can say so, and then it says the rest of it too.
        Some(public) => call.network_interfaces(
            InstanceNetworkInterfaceSpecification::builder()
                .device_index(0)
                .associate_public_ip_address(public)
                .set_subnet_id(subnet)
                .set_groups(groups)
                .set_private_ip_address(address)
                .build(),
        ),
        None => call
            .set_subnet_id(subnet)
            .set_security_group_ids(groups)
            .set_private_ip_address(address),
    };
    if let Some(zone) = inputs.optional_text("availability_zone") {
        call = call.placement(Placement::builder().availability_zone(zone).build());
    }
    if let Some(profile) = inputs.optional_text("iam_instance_profile") {
        call = call.iam_instance_profile(IamInstanceProfileSpecification::builder().name(profile).build());
    }
    if let Some(data) = inputs.optional_text("user_data") {
        call = call.user_data(aws_smithy_types::base64::encode(data));
    }
    if inputs.boolean("monitoring") {
        call = call.monitoring(RunInstancesMonitoringEnabled::builder().enabled(true).build());
    }
    if let Some(options) = inputs.given("metadata_options") {
        call = call.metadata_options(
            InstanceMetadataOptionsRequest::builder()
                .set_http_tokens(options.optional_text("http_tokens").map(HttpTokensState::from))
                .set_http_endpoint(
                    options
                        .optional_text("http_endpoint")
                        .map(InstanceMetadataEndpointState::from),
                )
                .set_http_put_response_hop_limit(
                    options.optional_small_integer("http_put_response_hop_limit"),
                )
                .build(),
        );
    }
    if let Some(root) = inputs.given("root_volume") {
        call = call.block_device_mappings(root_mapping(context, image, root)?);
    }
    run(call.send())?
        .instances()
        .first()
        .and_then(|instance| instance.instance_id())
        .map(str::to_owned)
        .ok_or_else(|| incomplete("the identifier of the new instance"))
}

/// Returns what changes about the image's own root disk. Its device name is the image's affair.
fn root_mapping(context: &Context, image: &str, root: &Value) -> Result<BlockDeviceMapping, Failure> {
    let answer = run(ec2(context)
        .describe_images()
        .filters(filter("image-id", [image]))
        .send())?;
    let device = answer
        .images()
        .first()
        .and_then(|image| image.root_device_name())
        .ok_or_else(|| {
            let mut failure = Failure::new(
                Disposition::Invalid,
                format!("there is no machine image `{image}` in this region"),
            );
            failure.at = Some(Path::attribute("image_id"));
            failure
        })?;
    Ok(BlockDeviceMapping::builder()
        .device_name(device)
        .ebs(
            EbsBlockDevice::builder()
                .set_volume_size(root.optional_small_integer("volume_size"))
                .set_volume_type(root.optional_text("volume_type").map(VolumeType::from))
                .set_iops(root.optional_small_integer("iops"))
                .set_throughput(root.optional_small_integer("throughput"))
                .set_encrypted(root.optional_boolean("encrypted"))
                .set_kms_key_id(root.owned_text("kms_key_id"))
                .delete_on_termination(root.optional_boolean("delete_on_termination").unwrap_or(true))
                .build(),
        )
        .build())
}

/// Tells how a create, or the start after a change of type, stands.
fn running(context: &Context, id: &str) -> Result<Outcome, Failure> {
    let instance = cloud_instance(context, id)?.ok_or_else(|| not_shown(id))?;
    match state_of(&instance) {
        Some(State::Pending) => Ok(in_progress(id, "running", WAIT, "pending")),
        Some(State::Terminated | State::ShuttingDown) => {
            let reason = instance.state_reason();
            Err(Failure::new(
                Disposition::Other,
                format!(
                    "`{id}` ended by itself: {}",
                    reason
                        .and_then(|reason| reason.message())
                        .unwrap_or("the cloud gives no reason")
                ),
            )
            .code(reason.and_then(|reason| reason.code()).unwrap_or_default()))
        }
        _ => Instance.find_made(context, id).map(Outcome::Complete),
    }
}

/// Goes on with a change of type once the instance has stopped.
fn resized(context: &Context, id: &str, planned: &Value) -> Result<Outcome, Failure> {
    let instance = cloud_instance(context, id)?.ok_or_else(|| not_shown(id))?;
    if state_of(&instance) != Some(&State::Stopped) {
        return Ok(in_progress(id, "stopped", WAIT, "stopping, to change the type"));
    }
    modification::set_type(context, id, planned.text("instance_type")?)?;
    run(ec2(context).start_instances().instance_ids(id).send())?;
    Ok(in_progress(id, "running", WAIT, "starting with the new type"))
}

/// Tells how a delete stands. A terminated instance can be seen for about an hour.
fn terminated(context: &Context, id: &str) -> Result<Outcome, Failure> {
    Ok(match cloud_instance(context, id)? {
        Some(instance) if state_of(&instance) != Some(&State::Terminated) => {
            in_progress(id, "terminated", WAIT, "shutting down")
        }
        _ => Outcome::Deleted,
    })
}

impl Described for Instance {
    fn id_filter(&self) -> &'static str {
        "instance-id"
    }

    fn settle(&self, context: &Context, id: &str, wanted: &Value) -> Result<Outcome, Failure> {
        let outcome = running(context, id)?;
        if let Outcome::Complete(object) = &outcome
            && wanted.optional_boolean("source_dest_check") == Some(false)
            && object.attributes.boolean("source_dest_check")
        {
            modification::set_source_check(context, id, false)?;
            return self.find_made(context, id).map(Outcome::Complete);
        }
        Ok(outcome)
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_instances()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        Ok(Page {
            objects: describe(context, answer.reservations())?,
            next: next(answer.next_token()),
        })
    }
}
