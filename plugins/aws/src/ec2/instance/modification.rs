//! Changes to an instance that exists.

use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, HttpTokensState, IamInstanceProfileAssociationState as State,
    IamInstanceProfileSpecification, InstanceMetadataEndpointState,
};

use super::{Instance, RootVolume};
use crate::ec2::described::prelude::*;
use crate::ec2::search::filter;
use crate::ec2::volume::Disk;

/// Tells whether something is given, and is not what the instance has.
fn differs<T: PartialEq>(wanted: &Option<T>, present: &Option<T>) -> bool {
    wanted.is_some() && wanted != present
}

impl Instance {
    /// Changes everything that can be changed while the instance runs, and differs.
    pub(super) async fn modify(&self, client: &Client, id: &str, prior: &Self) -> Result<(), Failure> {
        if differs(&self.security_group_ids, &prior.security_group_ids) {
            let groups = self.security_group_ids.iter().flatten().cloned().collect();
            let modify = client.modify_instance_attribute().instance_id(id);
            done(modify.set_groups(Some(groups)).send()).await?;
        }
        if self.source_dest_check != prior.source_dest_check {
            self.set_source_check(client, id).await?;
        }
        if let Some(options) = &self.metadata_options
            && differs(&self.metadata_options, &prior.metadata_options)
        {
            let modify = client
                .modify_instance_metadata_options()
                .instance_id(id)
                .http_tokens(HttpTokensState::from(options.http_tokens.as_str()))
                .http_endpoint(InstanceMetadataEndpointState::from(
                    options.http_endpoint.as_str(),
                ))
                .http_put_response_hop_limit(options.http_put_response_hop_limit);
            done(modify.send()).await?;
        }
        match (self.monitoring, prior.monitoring) {
            (true, false) => done(client.monitor_instances().instance_ids(id).send()).await?,
            (false, true) => done(client.unmonitor_instances().instance_ids(id).send()).await?,
            _ => {}
        }
        if self.iam_instance_profile != prior.iam_instance_profile {
            self.set_profile(client, id).await?;
        }
        let (Some(wanted), Some(present)) = (&self.root_volume, &prior.root_volume) else {
            return Ok(());
        };
        let Some(root) = &present.volume_id else {
            return Ok(());
        };
        wanted
            .disk()
            .replace(client, root, &present.disk())
            .await
            .map(drop)
    }

    /// Sets whether packets that are not the instance's own are dropped.
    pub(super) async fn set_source_check(&self, client: &Client, id: &str) -> Result<(), Failure> {
        let wanted = AttributeBooleanValue::builder()
            .value(self.source_dest_check)
            .build();
        let modify = client.modify_instance_attribute().instance_id(id);
        done(modify.source_dest_check(wanted).send()).await
    }

    /// Sets the type of a stopped instance.
    pub(super) async fn set_type(&self, client: &Client, id: &str) -> Result<(), Failure> {
        let wanted = AttributeValue::builder().value(&self.instance_type).build();
        let modify = client.modify_instance_attribute().instance_id(id);
        done(modify.instance_type(wanted).send()).await
    }

    /// Gives the instance an IAM profile, another one, or none.
    async fn set_profile(&self, client: &Client, id: &str) -> Result<(), Failure> {
        let describe = client.describe_iam_instance_profile_associations();
        let answer = call(describe.filters(filter("instance-id", [id])).send()).await?;
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
        let wanted = self.iam_instance_profile.as_ref();
        let wanted = wanted.map(|name| IamInstanceProfileSpecification::builder().name(name).build());
        match (present, wanted) {
            (Some(association), Some(profile)) => {
                let replace = client.replace_iam_instance_profile_association();
                let replace = replace.association_id(association);
                done(replace.iam_instance_profile(profile).send()).await
            }
            (Some(association), None) => {
                let disassociate = client.disassociate_iam_instance_profile();
                done(disassociate.association_id(association).send()).await
            }
            (None, Some(profile)) => {
                let associate = client.associate_iam_instance_profile().instance_id(id);
                done(associate.iam_instance_profile(profile).send()).await
            }
            (None, None) => Ok(()),
        }
    }
}

impl RootVolume {
    fn disk(&self) -> Disk<'_> {
        Disk {
            size: self.volume_size,
            volume_type: self.volume_type.as_deref(),
            iops: self.iops,
            throughput: self.throughput,
        }
    }
}
