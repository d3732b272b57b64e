//! What an operation that goes on is told: everything that was planned, and nothing that is unknown.
#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod no_cloud;

use std::sync::Arc;

use konductor_sdk::Dispatcher;
use konductor_sdk::model::provider as wire;
use konductor_sdk::typed::prelude::*;
use no_cloud::NoCloud;

/// A wheel.
#[derive(Clone, Default, Attributes)]
struct Wheel {
    /// Its size.
    #[attribute(computed)]
    size: Option<i64>,
    /// Its number.
    #[attribute(output)]
    number: Option<String>,
}

/// A cart.
#[derive(Clone, Resource)]
#[resource(
    type = "example:yard:Cart",
    identity = "blue: The name.",
    undeletable = "carts stay",
    replace_on_every_change
)]
struct Cart {
    /// The name.
    #[attribute(identity)]
    name: String,
    /// The wheel that steers.
    #[attribute(computed)]
    front: Option<Wheel>,
    /// The other wheels.
    others: Vec<Wheel>,
    /// The spare wheels by where they hang.
    spare: BTreeMap<String, Wheel>,
    /// Where it stands.
    #[attribute(output)]
    place: Option<String>,
}

impl Create for Cart {
    async fn create(_: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        Ok(Object::new("c", request.inputs).into())
    }
}

impl Read for Cart {
    async fn read(_: &Context, _: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        Ok(None)
    }
}

impl Poll for Cart {
    async fn poll(_: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure> {
        Ok(Polled::Made(Object::new("c", request.planned()?).into()))
    }
}

fn poll(planned: Value) -> Result<wire::Outcome, Failure> {
    let dispatcher =
        Dispatcher::new(Definition::new("example", "1.0.0").resources(&[Typed::<Cart>::PROVIDER]));
    let context = Context::new(Value::empty_map(), Arc::new(NoCloud));
    dispatcher.poll(
        &context,
        &wire::PollRequest {
            resource_type: Cart::TYPE.parse().unwrap(),
            name: "x".parse().unwrap(),
            operation: wire::OperationKind::Create,
            handle: b"c".to_vec(),
            planned,
        },
    )
}

fn wheel(size: Value) -> Value {
    Value::from([("size", size), ("number", Value::Unknown)])
}

#[test]
fn what_only_the_provider_sets_is_left_out_wherever_it_is_unknown() {
    let planned = Value::from([
        ("name", Value::from("blue")),
        ("front", wheel(Value::from(3_i64))),
        ("others", Value::from(vec![wheel(Value::Unknown)])),
        ("spare", Value::from([("back", wheel(Value::from(5_i64)))])),
        ("place", Value::Unknown),
    ]);
    let wire::Outcome::Complete(object) = poll(planned).unwrap() else {
        panic!("expected an object");
    };
    let cart = Cart::from_attributes(&object.attributes).unwrap();
    let sizes: Vec<Option<i64>> = cart
        .front
        .iter()
        .chain(&cart.others)
        .chain(cart.spare.values())
        .map(|wheel| wheel.size)
        .collect();
    assert_eq!(sizes, [Some(3), None, Some(5)]);
}

#[test]
fn an_input_that_is_unknown_is_said_with_its_place() {
    let failure = poll(Value::from([("name", Value::Unknown)])).unwrap_err();
    let told = format!("{failure:?}");
    assert!(told.contains("`name` is not known yet"), "{told}");
}
