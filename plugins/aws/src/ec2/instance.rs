//! `aws:ec2:Instance`: the schema and what follows from how an instance stands. How it is started stands in `start`,
//! how it is described in `description`, and how it is changed in `modification`.

mod description;
mod modification;
mod start;

use aws_sdk_ec2::types::{InstanceStateName as State, Reservation};
use konductor_sdk::typed::delete_first_unless_changed;

use self::description::{root_volumes, standing, state_of};
use super::described::prelude::*;
use super::progress::{in_progress, not_shown};
use super::search::filter;

/// The disk it starts from.
#[derive(Clone, Default, PartialEq, Attributes)]
pub struct RootVolume {
    /// The size in GiB.
    #[attribute(computed, range(1..=65_536))]
    volume_size: Option<i32>,
    /// The kind of disk.
    #[attribute(computed, one_of("gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"))]
    volume_type: Option<String>,
    /// Operations per second.
    #[attribute(computed, volatile, range(100..))]
    iops: Option<i32>,
    /// MiB per second, for `gp3`.
    #[attribute(computed, volatile, range(125..))]
    throughput: Option<i32>,
    /// Whether it is encrypted.
    #[attribute(computed, replaces)]
    encrypted: Option<bool>,
    /// The KMS key.
    #[attribute(computed, replaces)]
    kms_key_id: Option<String>,
    /// Whether it goes with the instance.
    #[attribute(computed, replaces)]
    delete_on_termination: Option<bool>,
    /// The volume.
    #[attribute(output, simulated = "vol-{hex17}")]
    volume_id: Option<String>,
}

/// How the instance metadata service may be used.
#[derive(Clone, PartialEq, Attributes)]
pub struct MetadataOptions {
    /// Whether a session token is needed (IMDSv2).
    #[attribute(one_of("required", "optional"), default = "required")]
    http_tokens: String,
    /// Whether the service answers at all.
    #[attribute(one_of("enabled", "disabled"), default = "enabled")]
    http_endpoint: String,
    /// How many network hops an answer may take; containers need 2.
    #[attribute(range(1..=64), default = 1)]
    http_put_response_hop_limit: i32,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        Self {
            http_tokens: "required".to_owned(),
            http_endpoint: "enabled".to_owned(),
            http_put_response_hop_limit: 1,
        }
    }
}

/// A virtual machine. A change of its type stops and starts it.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:Instance",
    identity = "i-0123456789abcdef0: The identifier of the instance.",
    known_as("terraform", "aws_instance"),
    known_as("pulumi", "aws:ec2/instance:Instance"),
    create(
        "ec2:RunInstances",
        "ec2:ModifyInstanceAttribute",
        "ec2:DescribeImages",
        "iam:PassRole"
    ),
    update(
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
        "iam:PassRole"
    ),
    delete("ec2:TerminateInstances", "ec2:DescribeInstances", "ec2:DescribeVolumes"),
    read("ec2:DescribeInstances", "ec2:DescribeVolumes"),
    behaviour = described,
    example = r"# An instance in a private subnet
network:
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
"
)]
pub struct Instance {
    /// The machine image (AMI).
    #[attribute(replaces)]
    image_id: String,
    /// The type, for example `t3.micro`.
    instance_type: String,
    /// The subnet; one of the default VPC unless given.
    #[attribute(computed, replaces, simulated = "subnet-{hex17}")]
    subnet_id: Option<String>,
    /// The availability zone; the subnet's.
    #[attribute(computed, replaces, simulated = "{region}a")]
    availability_zone: Option<String>,
    /// The security groups; the VPC's default group unless given.
    #[attribute(computed)]
    security_group_ids: Option<BTreeSet<String>>,
    /// The key pair for logging in.
    #[attribute(replaces)]
    key_name: Option<String>,
    /// The name of the IAM instance profile.
    iam_instance_profile: Option<String>,
    /// What the instance runs when it first starts. It can be read by everything on the instance.
    #[attribute(replaces, write_only, range(..=16_384))]
    user_data: Option<String>,
    /// The address in the subnet.
    #[attribute(computed, replaces, format = Ipv4Address, simulated = "10.0.0.10")]
    private_ip: Option<String>,
    /// Whether it gets a public address; the subnet decides unless given.
    #[attribute(replaces, write_only)]
    associate_public_ip_address: Option<bool>,
    /// The disk it starts from.
    #[attribute(computed)]
    root_volume: Option<RootVolume>,
    /// How the instance metadata service may be used.
    #[attribute(default = Some(MetadataOptions::default()))]
    metadata_options: Option<MetadataOptions>,
    /// Whether it is monitored every minute.
    #[attribute(default = false)]
    monitoring: bool,
    /// Whether it has bandwidth of its own for volumes; its type decides unless given.
    #[attribute(computed, replaces)]
    ebs_optimized: Option<bool>,
    /// Whether packets that are not its own are dropped; off for a NAT or a firewall.
    #[attribute(default = true)]
    source_dest_check: bool,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "i-{hex17}")]
    instance_id: Option<String>,
    /// The Amazon resource name.
    #[attribute(output, simulated = "arn:aws:ec2:{region}:{digits12}:instance/i-{hex17}")]
    arn: Option<String>,
    /// The VPC.
    #[attribute(output, simulated = "vpc-{hex17}")]
    vpc_id: Option<String>,
    /// Its first network interface.
    #[attribute(output, simulated = "eni-{hex17}")]
    primary_network_interface_id: Option<String>,
    /// Its name in the VPC.
    #[attribute(output, simulated = "ip-10-0-0-10.ec2.internal")]
    private_dns: Option<String>,
    /// Its public address, if it has one.
    #[attribute(output, volatile, simulated = "203.0.113.20")]
    public_ip: Option<String>,
    /// Its public name, if it has one.
    #[attribute(output, volatile, simulated = "ec2-203-0-113-20.compute.amazonaws.com")]
    public_dns: Option<String>,
}

impl RefinePlan for Instance {
    fn refine_plan(request: &PlanRequest, plan: &mut PlanResponse) {
        // An address that was asked for can be had once.
        if request.inputs.given("private_ip").is_some() {
            delete_first_unless_changed(plan, &["private_ip", "subnet_id"]);
        }
    }
}

/// The stage of a change of type that waits for the instance to stop.
const STOPPED: &str = "stopped";

impl Described for Instance {
    const WAIT: u64 = 5;

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        self.start(client, new).await
    }

    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        let settled: Made<Self> = made(client, id).await?;
        if let Made::Complete(object) = &settled
            && object.attributes.source_dest_check
            && !self.source_dest_check
        {
            self.set_source_check(client, id).await?;
            return made(client, id).await;
        }
        Ok(settled)
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_instances(), search)).await?;
        let of = |reservation: Reservation| {
            let instances = reservation.instances.unwrap_or_default().into_iter();
            instances.map(move |instance| (instance, reservation.owner_id.clone()))
        };
        let instances: Vec<_> = answer.reservations.into_iter().flatten().flat_map(of).collect();
        let roots = root_volumes(client, &instances).await?;
        Found::standing(answer.next_token, Some(instances), |(instance, owner)| {
            let standing = standing(&instance);
            (Self::of(client, instance, &owner, &roots), standing)
        })
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        self.modify(client, id, prior).await?;
        if self.instance_type == prior.instance_type {
            return Ok(None);
        }
        done(client.stop_instances().instance_ids(id).send()).await?;
        Ok(Some(STOPPED))
    }

    /// Goes on with a change of type once the instance has stopped.
    async fn changed(&self, client: &Client, id: &str, stage: &str) -> Result<Made<Self>, Failure> {
        if stage != STOPPED {
            return made(client, id).await;
        }
        let describe = client.describe_instances().filters(filter("instance-id", [id]));
        let answer = call(describe.send()).await?;
        let mut instances = answer.reservations().iter().flat_map(Reservation::instances);
        let instance = instances.next().ok_or_else(|| not_shown(id))?;
        let (next, doing) = if state_of(instance) == Some(&State::Stopped) {
            self.set_type(client, id).await?;
            done(client.start_instances().instance_ids(id).send()).await?;
            ("running", "starting with the new type")
        } else {
            (STOPPED, "stopping, to change the type")
        };
        Ok(Made::InProgress(in_progress(id, next, Self::WAIT, doing)))
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.terminate_instances().instance_ids(object.id()).send()).await
    }
}
