//! `aws:ec2:Volume`.

use aws_sdk_ec2::types::{
    Volume as CloudVolume, VolumeModificationState as Modification, VolumeState as State, VolumeType,
};

use super::described::prelude::*;
use super::progress::in_progress;

/// A disk that instances of its availability zone can use. It grows in place, and never shrinks.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:Volume",
    identity = "vol-0123456789abcdef0: The identifier of the volume.",
    known_as("terraform", "aws_ebs_volume"),
    known_as("pulumi", "aws:ebs/volume:Volume"),
    create("ec2:CreateVolume"),
    update("ec2:ModifyVolume", "ec2:DescribeVolumesModifications"),
    delete("ec2:DeleteVolume", "ec2:DescribeVolumes"),
    read("ec2:DescribeVolumes"),
    behaviour = described,
    example = r"# An encrypted disk
data:
  type: aws:ec2:Volume
  properties:
    availability_zone: us-west-2a
    size: 10
"
)]
pub struct Volume {
    /// The availability zone, for example `us-west-2a`.
    #[attribute(replaces)]
    availability_zone: String,
    /// The size in GiB; of a snapshot, its size unless given.
    #[attribute(computed, range(1..=65_536))]
    size: Option<i32>,
    /// The kind of disk.
    #[attribute(one_of("gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"), default = "gp3")]
    volume_type: String,
    /// Operations per second, for `gp3`, `io1` and `io2`.
    #[attribute(computed, volatile, range(100..))]
    iops: Option<i32>,
    /// MiB per second, for `gp3`.
    #[attribute(computed, volatile, range(125..))]
    throughput: Option<i32>,
    /// Whether it is encrypted.
    #[attribute(replaces, default = true)]
    encrypted: bool,
    /// The KMS key; the account's default key unless given.
    #[attribute(computed, replaces)]
    kms_key_id: Option<String>,
    /// The snapshot it is made from.
    #[attribute(replaces)]
    snapshot_id: Option<String>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, identity, simulated = "vol-{hex17}")]
    volume_id: Option<String>,
}

impl Check for Volume {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.attribute("size").is_none() && inputs.attribute("snapshot_id").is_none() {
            diagnostics.push(
                Diagnostic::error("a volume needs `size` or `snapshot_id`").at(Path::attribute("size")),
            );
        }
        if inputs.optional_boolean("encrypted") == Some(false) && inputs.attribute("kms_key_id").is_some() {
            diagnostics.push(
                Diagnostic::error("`kms_key_id` needs `encrypted: true`").at(Path::attribute("kms_key_id")),
            );
        }
    }
}

impl RefinePlan for Volume {
    fn refine_plan(request: &PlanRequest, plan: &mut PlanResponse) {
        let prior = request
            .prior
            .as_ref()
            .and_then(|prior| prior.attributes.optional_integer("size"));
        let wanted = request.inputs.optional_integer("size");
        let replaced = plan.changes.iter().any(|change| change.requires_replacement);
        if !replaced && matches!((prior, wanted), (Some(prior), Some(wanted)) if wanted < prior) {
            plan.diagnostics.push(
                Diagnostic::error("a volume cannot shrink")
                    .help("declare a new volume, copy the data, and remove this one")
                    .at(Path::attribute("size")),
            );
        }
    }
}

/// What can be changed about a volume, also about the one that an instance starts from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disk<'d> {
    pub(super) size: Option<i32>,
    pub(super) volume_type: Option<&'d str>,
    pub(super) iops: Option<i32>,
    pub(super) throughput: Option<i32>,
}

/// Returns what is wanted, where it is not what is there.
fn other<T: PartialEq + Copy>(wanted: Option<T>, present: Option<T>) -> Option<T> {
    wanted.filter(|_| wanted != present)
}

impl Disk<'_> {
    /// Makes a volume that was as `present` what this one says, where it says something. Tells whether that takes a
    /// change.
    pub(super) async fn replace(&self, client: &Client, id: &str, present: &Self) -> Result<bool, Failure> {
        let changes = Self {
            size: other(self.size, present.size),
            volume_type: other(self.volume_type, present.volume_type),
            iops: other(self.iops, present.iops),
            throughput: other(self.throughput, present.throughput),
        };
        let nothing = Self {
            size: None,
            volume_type: None,
            iops: None,
            throughput: None,
        };
        if changes == nothing {
            return Ok(false);
        }
        let modify = client
            .modify_volume()
            .volume_id(id)
            .set_size(changes.size)
            .set_volume_type(changes.volume_type.map(VolumeType::from))
            .set_iops(changes.iops)
            .set_throughput(changes.throughput);
        done(modify.send()).await?;
        Ok(true)
    }
}

impl Volume {
    fn disk(&self) -> Disk<'_> {
        Disk {
            size: self.size,
            volume_type: Some(&self.volume_type),
            iops: self.iops,
            throughput: self.throughput,
        }
    }
}

fn standing(volume: &CloudVolume) -> Standing {
    match volume.state() {
        Some(State::Creating) => Standing::Coming("creating"),
        Some(State::Error) => Standing::Failed(Box::new(Failure::new(
            Disposition::Other,
            "the volume failed; look whether its key and its snapshot may be used",
        ))),
        Some(State::Deleting) => Standing::Leaving(None),
        Some(State::Deleted) => Standing::Gone(None),
        _ => Standing::There,
    }
}

impl Described for Volume {
    const WAIT: u64 = 3;

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let create = client
            .create_volume()
            .availability_zone(&self.availability_zone)
            .set_size(self.size)
            .volume_type(VolumeType::from(self.volume_type.as_str()))
            .set_iops(self.iops)
            .set_throughput(self.throughput)
            .encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key_id.clone())
            .set_snapshot_id(self.snapshot_id.clone());
        let answer = call(create.client_token(new.token).tag_specifications(new.tags).send()).await?;
        Ok(answer.volume_id)
    }

    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let answer = call(pages!(client.describe_volumes(), search)).await?;
        Found::standing(answer.next_token, answer.volumes, |volume| {
            let standing = standing(&volume);
            let volume = Self {
                availability_zone: volume.availability_zone.unwrap_or_default(),
                size: volume.size,
                volume_type: volume
                    .volume_type
                    .map(|kind| kind.as_str().to_owned())
                    .unwrap_or_default(),
                iops: volume.iops,
                throughput: volume.throughput,
                encrypted: volume.encrypted.unwrap_or_default(),
                kms_key_id: volume.kms_key_id,
                snapshot_id: volume.snapshot_id.filter(|id| !id.is_empty()),
                tags: volume.tags.into(),
                volume_id: volume.volume_id,
            };
            (volume, standing)
        })
    }

    async fn change(&self, client: &Client, id: &str, prior: &Self) -> Result<Option<&'static str>, Failure> {
        let changes = self.disk().replace(client, id, &prior.disk()).await?;
        Ok(changes.then_some("modified"))
    }

    /// A change has its effect as soon as the volume is being optimised.
    async fn changed(&self, client: &Client, id: &str, stage: &str) -> Result<Made<Self>, Failure> {
        let modifications = match call(client.describe_volumes_modifications().volume_ids(id).send()).await {
            Err(failure) if failure.disposition == Disposition::NotFound => None,
            answer => answer?.volumes_modifications,
        };
        let newest = modifications
            .into_iter()
            .flatten()
            .max_by_key(|modification| modification.start_time().map(|time| time.secs()));
        match newest.as_ref().and_then(|newest| newest.modification_state()) {
            Some(Modification::Modifying) => {
                Ok(Made::InProgress(in_progress(id, stage, Self::WAIT, "modifying")))
            }
            Some(Modification::Failed) => {
                let why = newest.as_ref().and_then(|newest| newest.status_message());
                Err(Failure::new(
                    Disposition::Other,
                    why.unwrap_or("the volume could not be changed"),
                ))
            }
            _ => made(client, id).await,
        }
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_volume().volume_id(object.id()).send()).await
    }
}
