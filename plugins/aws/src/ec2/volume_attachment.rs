//! `aws:ec2:VolumeAttachment`. An attachment is named by its volume and its instance, and read with its volume.

use aws_sdk_ec2::types::{VolumeAttachment as CloudAttachment, VolumeAttachmentState as State};

use super::described::find;
use super::described::prelude::*;
use super::search::filter;
use konductor_sdk::typed::parts_of;

/// Lets an instance use a volume of its availability zone.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:VolumeAttachment",
    identity = "vol-0123456789abcdef0/i-0123456789abcdef0: The identifiers of the volume and the instance, joined by `/`.",
    known_as("terraform", "aws_volume_attachment", "{volume_id}/{instance_id}"),
    known_as(
        "pulumi",
        "aws:ec2/volumeAttachment:VolumeAttachment",
        "{volume_id}/{instance_id}"
    ),
    delete_before_replace,
    create("ec2:AttachVolume"),
    delete("ec2:DetachVolume", "ec2:DescribeVolumes"),
    read("ec2:DescribeVolumes"),
    example = r"# A disk of an instance
network:
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
"
)]
pub struct VolumeAttachment {
    /// The volume.
    #[attribute(identity, replaces)]
    volume_id: String,
    /// The instance.
    #[attribute(identity, replaces)]
    instance_id: String,
    /// The name the instance sees, for example `/dev/sdf`.
    #[attribute(replaces)]
    device: String,
    /// Whether detaching does not wait for the instance; data can be lost.
    #[attribute(write_only, default = false)]
    force_detach: Option<bool>,
}

described!(untagged VolumeAttachment: Create, Read, Delete, List, Poll);

impl Import for VolumeAttachment {
    fn import_id(id: &str) -> Result<String, Failure> {
        parts_of::<2>(id, '/', "VOLUME/INSTANCE").map(|_| id.to_owned())
    }
}

/// Only `force_detach` can change, and it matters when detaching alone.
impl Update for VolumeAttachment {
    async fn update(_: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        Ok(request.expected()?.into())
    }
}

fn standing(attachment: &CloudAttachment) -> Standing {
    match attachment.state() {
        Some(State::Attaching) => Standing::Coming("attaching"),
        Some(State::Detaching) => Standing::Leaving(None),
        Some(State::Detached) => Standing::Gone(None),
        _ => Standing::There,
    }
}

impl Described for VolumeAttachment {
    const WAIT: u64 = 3;

    fn id_filter() -> String {
        "volume-id".to_owned()
    }

    fn filter_value(id: &str) -> &str {
        id.split_once('/').map_or(id, |(volume, _)| volume)
    }

    async fn make(&self, client: &Client, _: New<'_>) -> Result<Option<String>, Failure> {
        let id = format!("{}/{}", self.volume_id, self.instance_id);
        let attach = client.attach_volume().volume_id(&self.volume_id);
        let attach = attach.instance_id(&self.instance_id).device(&self.device);
        if let Err(failure) = done(attach.send()).await {
            // The attachment that an interrupted create made is the one wanted.
            let there: Option<Object<Self>> = find(client, &id).await?;
            if there.is_none_or(|there| there.attributes.device != self.device) {
                return Err(failure);
            }
        }
        Ok(Some(id))
    }

    async fn describe(client: &Client, mut search: Search) -> Result<Found<Self>, Failure> {
        search
            .filters
            .get_or_insert_with(|| vec![filter("attachment.status", ["attached", "attaching"])]);
        let answer = call(pages!(client.describe_volumes(), search)).await?;
        let volumes = answer.volumes.unwrap_or_default();
        let attachments = volumes
            .into_iter()
            .flat_map(|volume| volume.attachments.unwrap_or_default());
        Found::standing(answer.next_token, Some(attachments.collect()), |attachment| {
            let standing = standing(&attachment);
            let attachment = Self {
                volume_id: attachment.volume_id.unwrap_or_default(),
                instance_id: attachment.instance_id.unwrap_or_default(),
                device: attachment.device.unwrap_or_default(),
                force_detach: Some(false),
            };
            (attachment, standing)
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        let attachment = object.prior()?;
        let detach = client.detach_volume().volume_id(&attachment.volume_id);
        let detach = detach
            .instance_id(&attachment.instance_id)
            .set_force(attachment.force_detach);
        match done(detach.send()).await {
            // What is not attached, or is on its way off, needs no detaching.
            Err(failure)
                if matches!(
                    failure.disposition,
                    Disposition::NotFound | Disposition::Conflict | Disposition::Invalid
                ) =>
            {
                let there: Option<Object<Self>> = find(client, object.id()).await?;
                if there.is_none() { Ok(()) } else { Err(failure) }
            }
            answer => answer,
        }
    }
}
