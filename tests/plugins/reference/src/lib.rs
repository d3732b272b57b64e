//! A tiny provider for benchmarks and engine tests: objects that exist in the stack's state alone, and a
//! component that declares many of them. It calls no cloud.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

use konductor_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Reference;

impl Plugin for Reference {
    fn definition() -> Definition {
        Definition::new("reference", env!("CARGO_PKG_VERSION"))
            .description("Objects without a cloud, for tests and benchmarks")
            .resource(&Item)
            .component(&Group)
    }
}

konductor_sdk::export_provider!(Reference);

/// `reference:test:Item`.
#[derive(Debug)]
pub struct Item;

/// Returns what the token makes the object's serial: the same token makes the same object.
fn serial(token: &str) -> String {
    // FNV-1a: short, and enough to tell the tokens of a test apart.
    let hash = token.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

impl ResourceProvider for Item {
    fn resource_type(&self) -> &'static str {
        "reference:test:Item"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(
            self.resource_type(),
            "An object that exists in the stack's state alone.",
        )
        .attribute("label", text("What it is called.").required())
        .attribute(
            "value",
            any("Anything; a reference to another item makes a dependency."),
        )
        .attribute("replace_me", text("A change means replacement.").replaces())
        .tags()
        .output(
            "serial",
            text("Made from the idempotency token.").simulated("{hex17}"),
        )
        .identity("item-0123456789abcdef", "The identifier given at creation.", &[])
        .batch_read()
        .example(
            "An item",
            "item:\n  type: reference:test:Item\n  properties:\n    label: one\n",
        )
        .build()
    }

    fn create(&self, _: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let serial = serial(&request.idempotency_token);
        Ok(Outcome::Complete(
            object(format!("item-{serial}"))
                .extend(&request.inputs)
                .set("serial", serial)
                .build(),
        ))
    }

    fn read(&self, _: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        Ok(request.prior.clone())
    }

    fn update(&self, _: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        Ok(Outcome::Complete(
            object(&request.prior.id)
                .extend(&request.inputs)
                .set("serial", request.prior.attributes.text("serial")?)
                .build(),
        ))
    }

    fn delete(&self, _: &Context, _: &DeleteRequest) -> Result<Outcome, Failure> {
        Ok(Outcome::Deleted)
    }
}

/// `reference:test:Group`.
#[derive(Debug)]
pub struct Group;

impl Component for Group {
    fn component_type(&self) -> &'static str {
        "reference:test:Group"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), "Many items.")
            .attribute("count", integer("How many.").required().between(0, 100_000))
            .output("first_serial", text("The serial of the first item."))
            .example(
                "Three items",
                "group:\n  type: reference:test:Group\n  properties:\n    count: 3\n",
            )
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let Some(count) = request.inputs.optional_integer("count") else {
            construction.diagnose(
                Diagnostic::error("`count` must be known before anything is deployed")
                    .at(Path::attribute("count")),
            );
            return Ok(());
        };
        for index in 0..count {
            let item = construction
                .declare(format!("item-{index}"), Item.resource_type())
                .set("label", format!("{} {index}", request.name))
                .add();
            if index == 0 {
                construction.output("first_serial", item.attribute("serial"));
            }
        }
        Ok(())
    }
}
