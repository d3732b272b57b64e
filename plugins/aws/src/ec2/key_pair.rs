use super::described::prelude::*;
use aws_sdk_ec2::primitives::Blob;

/// A public key for logging in to instances. The private key never leaves its owner.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:ec2:KeyPair",
    identity = "KEY_NAME: The name of the key pair.",
    known_as("terraform", "aws_key_pair"),
    known_as("pulumi", "aws:ec2/keyPair:KeyPair"),
    unique("key_name"),
    create("ec2:ImportKeyPair"),
    delete("ec2:DeleteKeyPair"),
    read("ec2:DescribeKeyPairs"),
    behaviour = described,
    example = r"# A key pair
admin:
  type: aws:ec2:KeyPair
  properties:
    key_name: admin
    public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl admin@example.com
"
)]
pub struct KeyPair {
    /// The name, unique in the region.
    #[attribute(identity, replaces, range(1..=255))]
    key_name: String,
    /// The public key in OpenSSH format. A change outside is not seen.
    #[attribute(required, replaces, write_only)]
    public_key: Option<String>,
    #[attribute(tags)]
    tags: Tags,
    /// The identifier.
    #[attribute(output, simulated = "key-{hex17}")]
    key_pair_id: Option<String>,
    /// The fingerprint.
    #[attribute(output, simulated = "{hex17}")]
    fingerprint: Option<String>,
}

impl Described for KeyPair {
    const TAGGED_AS: &'static str = "key_pair_id";

    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure> {
        let key = Blob::new(self.public_key.as_deref().unwrap_or_default());
        let import = client.import_key_pair().key_name(&self.key_name);
        let import = import.tag_specifications(new.tags);
        Ok(call(import.public_key_material(key).send()).await?.key_name)
    }

    /// The API has no pages.
    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure> {
        let describe = client.describe_key_pairs().include_public_key(true);
        let answer = call(describe.set_filters(search.filters).send()).await?;
        Found::page(None, answer.key_pairs, |pair| Self {
            key_name: pair.key_name.unwrap_or_default(),
            public_key: pair.public_key,
            tags: pair.tags.into(),
            key_pair_id: pair.key_pair_id,
            fingerprint: pair.key_fingerprint,
        })
    }

    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure> {
        done(client.delete_key_pair().key_name(object.id()).send()).await
    }
}
