//! How fast a log is written and read: `cargo bench -p konductor-state`.
//!
//! The log stands in the folder for temporary files; the disk behind it decides the figures for one appender.
//! On two loaded cores with 6 ms for a synchronous write of 8 KiB: 420 appends/s with one appender, 13,000 with 64;
//! 10,000 resources are read in 105 ms and verified (20,000 entries) in 320 ms.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use konductor_model::provider::ObjectState;
use konductor_model::schema::TypeKind;
use konductor_model::{ResourceOptions, Value};
use konductor_state::entry::{Action, Begin, End, Entry};
use konductor_state::record::{PluginReference, ResourceRecord};
use konductor_state::{Journal, OpenOptions, StackLog};
use tokio::runtime::Runtime;

/// A resource with as many attributes as a cloud's have.
fn record(number: usize) -> ResourceRecord {
    let attributes = |count: usize| {
        let named = |i| (format!("attribute_{i}"), Value::from(format!("value {i}")));
        Value::Map((0..count).map(named).collect())
    };
    ResourceRecord {
        urn: format!("urn:konductor:shop:dev:test:null:Resource::r{number}")
            .parse()
            .unwrap(),
        kind: TypeKind::Resource,
        plugin: PluginReference {
            name: "test".to_owned(),
            version: "0.1.0".to_owned(),
        },
        parent: None,
        dependencies: Vec::new(),
        inputs: attributes(5),
        object: Some(ObjectState {
            id: format!("id-{number}"),
            attributes: attributes(10),
            private: Vec::new(),
            schema_version: 1,
        }),
        outputs: Value::Null,
        options: ResourceOptions::default(),
        tainted: None,
        deposed: Vec::new(),
    }
}

fn pair(number: usize) -> [Entry; 2] {
    let record = record(number);
    let begin = Entry::Begin(Begin {
        operation: format!("operation-{number}"),
        run: "run".to_owned(),
        urn: record.urn.clone(),
        action: Action::Create,
        idempotency_token: format!("token-{number}"),
        planned: record.inputs.clone(),
        record: Box::new(ResourceRecord {
            object: None,
            ..record.clone()
        }),
        private: String::new(),
        schema_version: None,
        deposed: None,
    });
    let end = Entry::End(End {
        operation: format!("operation-{number}"),
        urn: record.urn.clone(),
        record: Some(Box::new(record)),
        failure: None,
        milliseconds: 1,
    });
    [begin, end]
}

async fn open(folder: &tempfile::TempDir) -> StackLog {
    let path = folder.path().join("bench.log");
    StackLog::open(&path, OpenOptions::of_stack("shop", "dev"))
        .await
        .unwrap()
}

/// Begins and ends `resources` resources, each begin and each end an append of its own, `appenders` at a time.
async fn apply(log: &StackLog, resources: usize, appenders: usize) {
    let tasks = (0..appenders).map(|appender| {
        let log = log.clone();
        tokio::spawn(async move {
            for number in (appender..resources).step_by(appenders) {
                for entry in pair(number) {
                    log.append(vec![entry]).await.unwrap();
                }
            }
        })
    });
    futures::future::try_join_all(tasks).await.unwrap();
}

fn appends(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("append");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    for (appenders, resources) in [(1, 1_000), (64, 10_000)] {
        group.throughput(Throughput::Elements(2 * resources as u64));
        let name = format!("{resources} resources, {appenders} at a time");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let folder = tempfile::tempdir().unwrap();
                    let log = runtime.block_on(open(&folder));
                    (folder, log)
                },
                |(folder, log)| {
                    runtime.block_on(apply(&log, resources, appenders));
                    (folder, log)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = runtime.block_on(open(&folder));
    runtime.block_on(apply(&log, 10_000, 64));
    let mut group = criterion.benchmark_group("10000 resources");
    group.sample_size(10);
    group.bench_function("snapshot", |bencher| {
        bencher.iter(|| runtime.block_on(log.snapshot()).unwrap());
    });
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert!(runtime.block_on(log.verify()).unwrap().is_sound()));
    });
    group.finish();
}

criterion_group!(benches, appends, reads);
criterion_main!(benches);
