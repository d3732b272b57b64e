//! `aws:ec2:VolumeAttachment`. An attachment is named by its volume and its instance.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Volume as CloudVolume, VolumeAttachment as CloudAttachment, VolumeAttachmentState as State,
};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;

use super::lookup::next;
use super::progress::{handle, not_shown};
use super::search::{PAGE, filter};
use super::wait::in_progress;
use crate::client::ec2;

/// How long an attachment usually stays in one state, in seconds.
const WAIT: u64 = 3;

/// Which instance uses a disk.
#[derive(Debug)]
pub struct VolumeAttachment;

impl ResourceProvider for VolumeAttachment {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:VolumeAttachment"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "Lets an instance use a volume of its availability zone.",
        )
        .attribute("volume_id", text("The volume.").required().replaces())
        .attribute("instance_id", text("The instance.").required().replaces())
        .attribute(
            "device",
            text("The name the instance sees, for example `/dev/sdf`.")
                .required()
                .replaces(),
        )
        .attribute(
            "force_detach",
            boolean("Whether detaching does not wait for the instance; data can be lost.")
                .default(false)
                .write_only(),
        )
        .identity(
            "vol-0123456789abcdef0/i-0123456789abcdef0",
            "The identifiers of the volume and the instance, joined by `/`.",
            &["volume_id", "instance_id"],
        )
        .delete_before_replace()
        .batch_read()
        .example(
            "A disk of an instance",
            r"network:
  type: aws:ec2:Vpc
  properties: { cidr_block: 10.0.0.0/16 }
private:
  type: aws:ec2:Subnet
  properties: { vpc_id: '${network.vpc_id}', cidr_block: 10.0.1.0/24, availability_zone: us-west-2a }
server:
  type: aws:ec2:Instance
  properties: { image_id: ami-12c6146b, instance_type: t3.micro, subnet_id: '${private.subnet_id}' }
data:
  type: aws:ec2:Volume
  properties: { availability_zone: us-west-2a, size: 10 }
attachment:
  type: aws:ec2:VolumeAttachment
  properties:
    volume_id: ${data.volume_id}
    instance_id: ${server.instance_id}
    device: /dev/sdf
",
        )
        .build()
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["ec2:AttachVolume", "ec2:DescribeVolumes"],
            "delete" => vec!["ec2:DetachVolume", "ec2:DescribeVolumes"],
            _ => vec!["ec2:DescribeVolumes"],
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let inputs = &request.inputs;
        let (volume, instance) = (inputs.text("volume_id")?, inputs.text("instance_id")?);
        let device = inputs.text("device")?;
        let made = run(ec2(context)
            .attach_volume()
            .volume_id(volume)
            .instance_id(instance)
            .device(device)
            .send());
        if let Err(failure) = made {
            // The attachment that an interrupted create made is the one wanted.
            let wanted = attachment_of(context, volume, instance)?
                .is_some_and(|attachment| attachment.device() == Some(device));
            if !wanted {
                return Err(failure);
            }
        }
        made_of(context, volume, instance)
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let (volume, instance) = parts(&request.id)?;
        Ok(attachment_of(context, volume, instance)?.and_then(|attachment| describe(&attachment)))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let mut ids: Vec<&str> = requests
            .iter()
            .filter_map(|request| Some(parts(&request.id).ok()?.0))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let mut found = BTreeMap::new();
        for chunk in ids.chunks(200) {
            for volume in volumes(context, chunk)? {
                for object in attachments(&volume).filter_map(describe) {
                    found.insert(object.id.clone(), object);
                }
            }
        }
        Ok(requests
            .iter()
            .map(|request| Ok(found.get(&request.id).cloned()))
            .collect())
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let answer = run(ec2(context)
            .describe_volumes()
            .filters(filter("attachment.status", ["attached", "attaching"]))
            .set_next_token(request.cursor.clone())
            .max_results(PAGE)
            .send())?;
        Ok(Listed {
            objects: answer
                .volumes()
                .iter()
                .flat_map(attachments)
                .filter_map(describe)
                .collect(),
            next_cursor: next(answer.next_token()),
        })
    }

    /// Only `force_detach` can change, and it matters when detaching alone.
    fn update(&self, _context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        Ok(Outcome::Complete(
            object(&request.prior.id)
                .extend(&request.prior.attributes)
                .extend(&request.inputs)
                .build(),
        ))
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let (volume, instance) = parts(&request.prior.id)?;
        let detached = run(ec2(context)
            .detach_volume()
            .volume_id(volume)
            .instance_id(instance)
            .force(request.prior.attributes.boolean("force_detach"))
            .send());
        if let Err(failure) = detached {
            // What is not attached, or is on its way off, needs no detaching.
            return match (failure.disposition, attachment_of(context, volume, instance)?) {
                (Disposition::NotFound | Disposition::Conflict | Disposition::Invalid, None) => {
                    Ok(Outcome::Deleted)
                }
                _ => Err(failure),
            };
        }
        gone(context, volume, instance)
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        let (volume, instance) = parts(handle(&request.handle)?.1)?;
        match request.operation {
            OperationKind::Delete => gone(context, volume, instance),
            _ => made_of(context, volume, instance),
        }
    }
}

fn parts(id: &str) -> Result<(&str, &str), Failure> {
    id.split_once('/').ok_or_else(|| {
        Failure::new(
            Disposition::Invalid,
            format!("`{id}` is not an attachment: expected `VOLUME/INSTANCE`"),
        )
    })
}

fn volumes(context: &Context, ids: &[&str]) -> Result<Vec<CloudVolume>, Failure> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let answer = run(ec2(context)
            .describe_volumes()
            .filters(filter("volume-id", ids.iter().copied()))
            .set_next_token(cursor)
            .max_results(PAGE)
            .send())?;
        found.extend_from_slice(answer.volumes());
        cursor = next(answer.next_token());
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

fn attachments(volume: &CloudVolume) -> impl Iterator<Item = &CloudAttachment> {
    volume
        .attachments()
        .iter()
        .filter(|attachment| attachment.state() != Some(&State::Detached))
}

fn attachment_of(
    context: &Context,
    volume: &str,
    instance: &str,
) -> Result<Option<CloudAttachment>, Failure> {
    Ok(volumes(context, &[volume])?
        .iter()
        .flat_map(attachments)
        .find(|attachment| attachment.instance_id() == Some(instance))
        .cloned())
}

/// Tells how a create stands.
fn made_of(context: &Context, volume: &str, instance: &str) -> Result<Outcome, Failure> {
    let id = format!("{volume}/{instance}");
    let attachment = attachment_of(context, volume, instance)?.ok_or_else(|| not_shown(&id))?;
    if attachment.state() == Some(&State::Attaching) {
        return Ok(in_progress(&id, "attached", WAIT, "attaching"));
    }
    describe(&attachment)
        .map(Outcome::Complete)
        .ok_or_else(|| not_shown(&id))
}

/// Tells how a delete stands.
fn gone(context: &Context, volume: &str, instance: &str) -> Result<Outcome, Failure> {
    Ok(match attachment_of(context, volume, instance)? {
        Some(_) => in_progress(&format!("{volume}/{instance}"), "detached", WAIT, "detaching"),
        None => Outcome::Deleted,
    })
}

fn describe(attachment: &CloudAttachment) -> Option<ObjectState> {
    let (volume, instance) = (attachment.volume_id()?, attachment.instance_id()?);
    Some(
        object(format!("{volume}/{instance}"))
            .set("volume_id", volume)
            .set("instance_id", instance)
            .set("device", attachment.device())
            .set("force_detach", false)
            .build(),
    )
}
