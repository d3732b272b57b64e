//! `aws:ec2:KeyPair`.

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{Filter, ResourceType as Kind};
use konductor_sdk::aws::run;
use konductor_sdk::prelude::*;

use super::lookup::{Described, Page, reads};
use super::tags;
use super::uniqueness::delete_first_unless_changed;
use super::wait::{creates, settled};
use crate::client::ec2;

/// A public key for logging in to instances.
#[derive(Debug)]
pub struct KeyPair;

impl ResourceProvider for KeyPair {
    fn resource_type(&self) -> &'static str {
        "aws:ec2:KeyPair"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "A public key for logging in to instances. The private key never leaves its owner.",
        )
        .attribute(
            "key_name",
            text("The name, unique in the region.")
                .between(1, 255)
                .required()
                .replaces(),
        )
        .attribute(
            "public_key",
            text("The public key in OpenSSH format. A change outside is not seen.")
                .required()
                .replaces()
                .write_only(),
        )
        .tags()
        .output("key_pair_id", text("The identifier.").simulated("key-{hex17}"))
        .output("fingerprint", text("The fingerprint.").simulated("{hex17}"))
        .identity("KEY_NAME", "The name of the key pair.", &["key_name"])
        .batch_read()
        .example(
            "A key pair",
            r"admin:
  type: aws:ec2:KeyPair
  properties:
    key_name: admin
    public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl admin@example.com
",
        )
        .build()
    }

    fn refine_plan(&self, _request: &PlanRequest, plan: &mut PlanResponse) {
        // Two key pairs cannot have one name.
        delete_first_unless_changed(plan, &["key_name"]);
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["ec2:ImportKeyPair", "ec2:CreateTags", "ec2:DescribeKeyPairs"],
            "update" => vec!["ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeKeyPairs"],
            "delete" => vec!["ec2:DeleteKeyPair"],
            _ => vec!["ec2:DescribeKeyPairs"],
        }
    }

    creates!();

    reads!();

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = request.prior.attributes.text("key_pair_id")?;
        tags::update(&ec2(context), id, request)?;
        self.find_made(context, &request.prior.id).map(Outcome::Complete)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        run(ec2(context).delete_key_pair().key_name(&request.prior.id).send())?;
        Ok(Outcome::Deleted)
    }
}

impl Described for KeyPair {
    fn id_filter(&self) -> &'static str {
        "key-name"
    }

    fn make(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let name = request.inputs.text("key_name")?;
        let made = run(ec2(context)
            .import_key_pair()
            .key_name(name)
            .public_key_material(Blob::new(request.inputs.text("public_key")?))
            .tag_specifications(tags::on_create(Kind::KeyPair, request))
            .send());
        match made {
            Ok(_) => Ok(settled(
                self.settle(context, name, &request.inputs),
                name,
                request,
            )),
            // Names are unique, so only an existing one needs a look at its token.
            Err(failure) if failure.disposition == Disposition::AlreadyExists => self
                .find(context, name)?
                .filter(|found| found.private == request.idempotency_token.as_bytes())
                .map(Outcome::Complete)
                .ok_or(failure),
            Err(failure) => Err(failure),
        }
    }

    /// The API has no pages.
    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        _cursor: Option<String>,
    ) -> Result<Page, Failure> {
        let answer = run(ec2(context)
            .describe_key_pairs()
            .include_public_key(true)
            .set_filters(filters)
            .send())?;
        let objects = answer
            .key_pairs()
            .iter()
            .filter_map(|pair| {
                Some(
                    object(pair.key_name()?)
                        .private(tags::token(pair.tags()))
                        .set("key_name", pair.key_name())
                        .set("public_key", pair.public_key())
                        .set("tags", tags::of(pair.tags()))
                        .set("key_pair_id", pair.key_pair_id())
                        .set("fingerprint", pair.key_fingerprint())
                        .build(),
                )
            })
            .collect();
        Ok(Page { objects, next: None })
    }
}
