//! What a plugin costs: loading it from compiled code, and one pure call in an instance of its own.
//!
//! `KONDUCTOR_BENCH_PLUGIN=PATH cargo bench -p konductor-sandbox --bench calls` measures another plugin than
//! the small one of the tests, for example `target/plugins/wasm32-wasip2/plugin/konductor_plugin_aws.wasm`.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement"
)]

#[path = "../tests/guests/mod.rs"]
mod guests;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use konductor_model::provider::{PlanRequest, Provider};
use konductor_model::{Disposition, Value};
use konductor_sandbox::{LoadOptions, Sandbox, SandboxOptions};

#[allow(
    clippy::disallowed_methods,
    reason = "the plugin to measure is named by the person who measures"
)]
fn plugin_bytes() -> Vec<u8> {
    match std::env::var("KONDUCTOR_BENCH_PLUGIN") {
        Ok(path) => std::fs::read(path).unwrap(),
        Err(_) => guests::hostile().to_vec(),
    }
}

fn measure(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let bytes = plugin_bytes();
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(SandboxOptions {
        cache_directory: Some(directory.path().join("code")),
        ..SandboxOptions::default()
    })
    .unwrap();
    let load = || async { sandbox.load(&bytes, LoadOptions::default()).await.unwrap() };
    let plugin = runtime.block_on(load());
    let resource_type = plugin
        .manifest()
        .resource_types
        .first()
        .expect("a provider plugin")
        .clone();
    let request = PlanRequest {
        resource_type: resource_type.clone(),
        name: "web".parse().unwrap(),
        prior: None,
        prior_inputs: None,
        inputs: Value::from([("cidr_block", "10.0.0.0/16")]),
    };

    criterion.bench_function("load from compiled code, with digest, check and describe", |b| {
        b.to_async(&runtime).iter(load);
    });
    criterion.bench_function("pure call: required-permissions", |b| {
        b.to_async(&runtime).iter(|| async {
            black_box(
                plugin
                    .required_permissions(&resource_type, "create")
                    .await
                    .unwrap(),
            )
        });
    });
    criterion.bench_function("pure call: plan", |b| {
        b.to_async(&runtime).iter(|| async {
            // Another plugin may find these inputs invalid; that too is an answer.
            if let Err(failure) = black_box(plugin.plan(request.clone()).await) {
                assert_ne!(failure.disposition, Disposition::Plugin, "{failure}");
            }
        });
    });
}

criterion_group!(benches, measure);
criterion_main!(benches);
