//! `aws:ec2:Volume`.

use aws_sdk_ec2::types::{
    Filter, ResourceType as Kind, Volume as CloudVolume, VolumeModificationState, VolumeState, VolumeType,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, Page, next, reads};
use super::progress::{handle, not_shown};
use super::search::{PAGE, filter};
use super::tags;
use super::wait::{in_progress, settled};
use crate::client::{ec2, incomplete};

/// The kinds of volume.
pub(super) const VOLUME_TYPES: [&str; 7] = ["gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"];
/// How long a volume usually stays in one state, in seconds.
const WAIT: u64 = 3;

/// A disk that instances can use.
#[derive(Debug)]
pub struct Volume;

impl ResourceProvider for Volume {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:Volume"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A disk that instances of its availability zone can use. It grows in place, and never shrinks.",
        )
        .attribute(
            "availability_zone",
            text("The availability zone, for example `us-west-2a`.")
                .required()
                .replaces(),
        )
        .attribute(
            "size",
            integer("The size in GiB; of a snapshot, its size unless given.")
                .between(1, 65_536)
                .computed(),
        )
        .attribute(
            "volume_type",
            text("The kind of disk.").allowed(VOLUME_TYPES).default("gp3"),
        )
        .attribute(
            "iops",
            integer("Operations per second, for `gp3`, `io1` and `io2`.")
                .at_least(100)
                .computed()
                .volatile(),
        )
        .attribute(
            "throughput",
            integer("MiB per second, for `gp3`.")
                .at_least(125)
                .computed()
                .volatile(),
        )
        .attribute(
            "encrypted",
            boolean("Whether it is encrypted.").default(true).replaces(),
        )
        .attribute(
            "kms_key_id",
            text("The KMS key; the account's default key unless given.")
                .computed()
                .replaces(),
        )
        .attribute("snapshot_id", text("The snapshot it is made from.").replaces())
        .tags()
        .output("volume_id", text("The identifier.").simulated("vol-{hex17}"))
        .identity(
            "vol-0123456789abcdef0",
            "The identifier of the volume.",
            &["volume_id"],
        )
        .batch_read()
        .example(
            "An encrypted disk",
            r"data:
  type: aws:ec2:Volume
  properties:
    availability_zone: us-west-2a
    size: 10
",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
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

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
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

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["ec2:CreateVolume", "ec2:CreateTags", "ec2:DescribeVolumes"],
            "update" => vec![
                "ec2:ModifyVolume",
                "ec2:DescribeVolumesModifications",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeVolumes",
            ],
            "delete" => vec!["ec2:DeleteVolume", "ec2:DescribeVolumes"],
            _ => vec!["ec2:DescribeVolumes"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let id = match self.find_by_token(context, &request.idempotency_token)? {
            Some(found) => found.id,
            None => run(ec2(context)
                .create_volume()
                .availability_zone(inputs.text("availability_zone")?)
                .set_size(inputs.optional_small_integer("size"))
                .set_volume_type(inputs.optional_text("volume_type").map(VolumeType::from))
                .set_iops(inputs.optional_small_integer("iops"))
                .set_throughput(inputs.optional_small_integer("throughput"))
                .set_encrypted(inputs.optional_boolean("encrypted"))
                .set_kms_key_id(inputs.owned_text("kms_key_id"))
                .set_snapshot_id(inputs.owned_text("snapshot_id"))
                .client_token(&request.idempotency_token)
                .tag_specifications(tags::on_create(Kind::Volume, request))
                .send())?
            .volume_id()
            .ok_or_else(|| incomplete("the identifier of the new volume"))?
            .to_owned(),
        };
        Ok(settled(made(context, &id), &id, request))
    }

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        let client = ec2(context);
        tags::update(&client, id, request)?;
        if modify(&client, id, &request.inputs, &request.prior.attributes)? {
            return modified(context, id);
        }
        self.find_made(context, id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context).delete_volume().volume_id(&request.prior.id).send())?;
        gone(context, &request.prior.id)
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let (_, id) = handle(&request.handle)?;
        match request.operation {
            OperationKind::Create => made(context, id),
            OperationKind::Update => modified(context, id),
            OperationKind::Delete => gone(context, id),
        }
    }
}

/// Changes size, type and performance where they differ. Tells whether it did. A root volume has its attributes
/// under `volume_size` and so on; the caller passes them under the names used here.
pub(super) fn modify(
    client: &aws_sdk_ec2::Client,
    id: &str,
    wanted: &Value,
    present: &Value,
) -> Result<bool, Failure> {
    let number = |name: &str| {
        wanted
            .optional_small_integer(name)
            .filter(|number| present.optional_small_integer(name) != Some(*number))
    };
    let kind = wanted
        .optional_text("volume_type")
        .filter(|kind| present.optional_text("volume_type") != Some(*kind));
    let (size, iops, throughput) = (number("size"), number("iops"), number("throughput"));
    if kind.is_none() && size.is_none() && iops.is_none() && throughput.is_none() {
        return Ok(false);
    }
    run(client
        .modify_volume()
        .volume_id(id)
        .set_size(size)
        .set_volume_type(kind.map(VolumeType::from))
        .set_iops(iops)
        .set_throughput(throughput)
        .send())?;
    Ok(true)
}

fn state_of(context: &Context, id: &str) -> Result<Option<CloudVolume>, Failure> {
    let answer = run(ec2(context)
        .describe_volumes()
        .filters(filter("volume-id", [id]))
        .send())?;
    Ok(answer
        .volumes()
        .iter()
        .find(|volume| volume.volume_id() == Some(id))
        .cloned())
}

/// Tells how a create stands.
fn made(context: &Context, id: &str) -> Result<Outcome, Failure> {
    let volume = state_of(context, id)?.ok_or_else(|| not_shown(id))?;
    let found = describe(&volume).ok_or_else(|| not_shown(id))?;
    Ok(match volume.state() {
        Some(VolumeState::Creating) => in_progress(id, "available", WAIT, "creating"),
        Some(VolumeState::Error) => Outcome::Partial(
            found,
            Failure::new(
                Disposition::Other,
                "the volume failed; look whether its key and its snapshot may be used",
            ),
        ),
        _ => Outcome::Complete(found),
    })
}

/// Tells how a change stands. It has its effect as soon as the volume is being optimised.
fn modified(context: &Context, id: &str) -> Result<Outcome, Failure> {
    let answer = run(ec2(context)
        .describe_volumes_modifications()
        .volume_ids(id)
        .send());
    let newest = match answer {
        Ok(answer) => answer
            .volumes_modifications()
            .iter()
            .max_by_key(|modification| modification.start_time().map(|time| time.secs()))
            .cloned(),
        Err(failure) if failure.disposition == Disposition::NotFound => None,
        Err(failure) => return Err(failure),
    };
    match newest
        .as_ref()
        .and_then(|modification| modification.modification_state())
    {
        Some(VolumeModificationState::Modifying) => {
            return Ok(in_progress(id, "modified", WAIT, "modifying"));
        }
        Some(VolumeModificationState::Failed) => {
            let why = newest
                .as_ref()
                .and_then(|modification| modification.status_message())
                .unwrap_or("the volume could not be changed");
            return Err(Failure::new(Disposition::Other, why));
        }
        _ => {}
    }
    Volume.find_made(context, id).map(Outcome::Complete)
}

/// Tells how a delete stands.
fn gone(context: &Context, id: &str) -> Result<Outcome, Failure> {
    Ok(match state_of(context, id)? {
        Some(volume) if volume.state() != Some(&VolumeState::Deleted) => {
            in_progress(id, "deleted", WAIT, "deleting")
        }
        _ => Outcome::Deleted,
    })
}

fn describe(volume: &CloudVolume) -> Option<ObjectState> {
    let id = volume.volume_id()?;
    Some(
        object(id)
            .private(tags::token(volume.tags()))
            .set("availability_zone", volume.availability_zone())
            .set("size", volume.size())
            .set("volume_type", volume.volume_type().map(VolumeType::as_str))
            .set("iops", volume.iops())
            .set("throughput", volume.throughput())
            .set("encrypted", volume.encrypted())
            .set("kms_key_id", volume.kms_key_id())
            .set("snapshot_id", volume.snapshot_id().filter(|id| !id.is_empty()))
            .set("tags", tags::of(volume.tags()))
            .set("volume_id", id)
            .build(),
    )
}

impl Described for Volume {
    fn id_filter(&self) -> &'static str {
        "volume-id"
    }

    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_volumes()
            .set_filters(filters)
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        let objects = answer
            .volumes()
            .iter()
            .filter(|volume| !matches!(volume.state(), Some(VolumeState::Deleted | VolumeState::Deleting)))
            .filter_map(describe)
            .collect();
        Ok(Page {
            objects,
            next: next(answer.next_token()),
        })
    }
}
