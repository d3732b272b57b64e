//! A resource of 50 attributes crossing into a guest and back, as a node table, as CBOR and as JSON.
//!
//! Each way is the whole way: the host encodes, the guest decodes and encodes again, the host decodes and
//! validates. The figures and the choice are in `docs/decisions/0001-value-encoding.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a measurement"
)]

#[path = "../tests/guests/mod.rs"]
mod guests;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use konductor_model::node_table::{self, Limits};
use konductor_model::{Number, Reference, Value};
use konductor_plugin_encoding::{cbor, json};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bindings {
    #![allow(unsafe_code, unused_qualifications, clippy::all, reason = "generated")]
    wasmtime::component::bindgen!({
        path: "../../tests/plugins/encoding/wit",
        world: "encoding",
        exports: { default: async },
    });
}

use bindings::Encoding;
use bindings::exports::konductor::encoding::echo::{MapEntry, Node, PathStep, Reference as WireReference};

/// A resource with 50 attributes, of the kinds and sizes that clouds have.
fn resource() -> Value {
    let mut attributes = std::collections::BTreeMap::new();
    let mut add = |name: String, value: Value| attributes.insert(name, value);
    for at in 0..22 {
        add(
            format!("text_attribute_{at}"),
            format!("arn:aws:ec2:us-west-2:123456789012:thing/{at:08x}").into(),
        );
    }
    for at in 0..8 {
        add(format!("enable_feature_{at}"), (at % 2 == 0).into());
        add(format!("count_of_things_{at}"), (at * 1_000).into());
    }
    let rule = |port: i32| {
        Value::from([
            ("protocol", Value::from("tcp")),
            ("from_port", port.into()),
            ("to_port", port.into()),
            ("cidr_blocks", vec!["10.0.0.0/16", "10.1.0.0/16"].into()),
        ])
    };
    for at in 0..3 {
        add(format!("rules_{at}"), Value::List((0..4).map(rule).collect()));
    }
    let tags = (0..8).map(|at| (format!("tag-{at}"), Value::from(format!("value of tag {at}"))));
    add("tags".to_owned(), Value::Map(tags.collect()));
    add("ratio".to_owned(), Number::parse("0.75").unwrap());
    add("password".to_owned(), Value::from("hunter2").into_secret());
    add("user_data".to_owned(), Value::Bytes(vec![7; 200]));
    add("id".to_owned(), Value::Unknown);
    add("arn".to_owned(), Value::Unknown);
    add("comment".to_owned(), Value::Null);
    let reference = Reference {
        resource: "network/public-a".to_owned(),
        path: "subnets[0].id".parse().unwrap(),
    };
    add("subnet_id".to_owned(), Value::Reference(reference));
    add(
        "zones".to_owned(),
        vec!["us-west-2a", "us-west-2b", "us-west-2c"].into(),
    );
    assert_eq!(attributes.len(), 50);
    Value::Map(attributes)
}

fn node_out(node: node_table::Node) -> Node {
    match node {
        node_table::Node::Null => Node::Null,
        node_table::Node::Boolean(v) => Node::Boolean(v),
        node_table::Node::Integer(v) => Node::Integer(v),
        node_table::Node::Number(v) => Node::Number(v),
        node_table::Node::Text(v) => Node::Text(v),
        node_table::Node::Bytes(v) => Node::Bytes(v),
        node_table::Node::List(v) => Node::List(v),
        node_table::Node::Map(v) => Node::Map(
            v.into_iter()
                .map(|(key, value)| MapEntry { key, value })
                .collect(),
        ),
        node_table::Node::Unknown => Node::Unknown,
        node_table::Node::Secret(v) => Node::Secret(v),
        node_table::Node::Reference(resource, path) => Node::Reference(WireReference {
            resource,
            path: path
                .steps()
                .iter()
                .map(|step| match step {
                    konductor_model::PathStep::Attribute(name) => PathStep::Attribute(name.clone()),
                    konductor_model::PathStep::Index(index) => {
                        PathStep::Index(u32::try_from(*index).unwrap())
                    }
                })
                .collect(),
        }),
    }
}

fn node_in(node: Node) -> node_table::Node {
    match node {
        Node::Null => node_table::Node::Null,
        Node::Boolean(v) => node_table::Node::Boolean(v),
        Node::Integer(v) => node_table::Node::Integer(v),
        Node::Number(v) => node_table::Node::Number(v),
        Node::Text(v) => node_table::Node::Text(v),
        Node::Bytes(v) => node_table::Node::Bytes(v),
        Node::List(v) => node_table::Node::List(v),
        Node::Map(v) => node_table::Node::Map(v.into_iter().map(|e| (e.key, e.value)).collect()),
        Node::Unknown => node_table::Node::Unknown,
        Node::Secret(v) => node_table::Node::Secret(v),
        Node::Reference(v) => {
            let steps = v.path.into_iter().map(|step| match step {
                PathStep::Attribute(name) => konductor_model::PathStep::Attribute(name),
                PathStep::Index(index) => konductor_model::PathStep::Index(index as usize),
            });
            node_table::Node::Reference(v.resource, steps.collect::<Vec<_>>().into())
        }
    }
}

struct State {
    wasi: WasiCtx,
    handles: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.handles,
        }
    }
}

/// A live guest; all measurements use the same one, so that instantiation does not count.
struct Guest {
    store: Store<State>,
    guest: Encoding,
}

impl Guest {
    async fn new() -> Self {
        let engine = Engine::new(&Config::new()).unwrap();
        let component = Component::new(&engine, guests::component("encoding")).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        let state = State {
            wasi: WasiCtx::builder().build(),
            handles: ResourceTable::new(),
        };
        let mut store = Store::new(&engine, state);
        let guest = Encoding::instantiate_async(&mut store, &component, &linker)
            .await
            .unwrap();
        Self { store, guest }
    }

    async fn nothing(&mut self) {
        let echo = self.guest.konductor_encoding_echo();
        echo.call_nothing(&mut self.store).await.unwrap();
    }

    async fn table(&mut self, value: &Value) -> Value {
        let table: Vec<Node> = node_table::encode(value).into_iter().map(node_out).collect();
        let echo = self.guest.konductor_encoding_echo();
        let answer = echo.call_table(&mut self.store, &table).await.unwrap();
        node_table::decode(answer.into_iter().map(node_in).collect(), Limits::default()).unwrap()
    }

    async fn cbor(&mut self, value: &Value) -> Value {
        let echo = self.guest.konductor_encoding_echo();
        cbor::decode(
            &echo
                .call_cbor(&mut self.store, &cbor::encode(value))
                .await
                .unwrap(),
        )
        .unwrap()
    }

    async fn json(&mut self, value: &Value) -> Value {
        let echo = self.guest.konductor_encoding_echo();
        json::decode(
            &echo
                .call_json(&mut self.store, &json::encode(value))
                .await
                .unwrap(),
        )
        .unwrap()
    }
}

fn measure(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let value = resource();
    let mut guest = runtime.block_on(Guest::new());
    for answer in [
        runtime.block_on(guest.table(&value)),
        runtime.block_on(guest.cbor(&value)),
        runtime.block_on(guest.json(&value)),
    ] {
        assert_eq!(answer, value, "nothing is lost on the way");
    }
    eprintln!(
        "50 attributes: {} nodes, {} bytes of CBOR, {} bytes of JSON",
        node_table::encode(&value).len(),
        cbor::encode(&value).len(),
        json::encode(&value).len()
    );
    let mut group = criterion.benchmark_group("50 attributes there and back");
    group.bench_function("no value", |b| b.iter(|| runtime.block_on(guest.nothing())));
    group.bench_function("node table", |b| {
        b.iter(|| black_box(runtime.block_on(guest.table(&value))))
    });
    group.bench_function("CBOR", |b| {
        b.iter(|| black_box(runtime.block_on(guest.cbor(&value))))
    });
    group.bench_function("JSON", |b| {
        b.iter(|| black_box(runtime.block_on(guest.json(&value))))
    });
    group.finish();
    let mut group = criterion.benchmark_group("50 attributes, host alone: encode and decode");
    group.bench_function("node table", |b| {
        b.iter(|| node_table::decode(node_table::encode(black_box(&value)), Limits::default()).unwrap());
    });
    group.bench_function("CBOR", |b| {
        b.iter(|| cbor::decode(&cbor::encode(black_box(&value))).unwrap())
    });
    group.bench_function("JSON", |b| {
        b.iter(|| json::decode(&json::encode(black_box(&value))).unwrap())
    });
    group.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);
