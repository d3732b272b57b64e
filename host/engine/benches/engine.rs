//! Plans, applies, plans again and destroys stacks of many small resources, through a native provider and the log
//! on disk: `cargo bench -p konductor-engine`, or with a shape and a number: `-- layered 1000`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::result_large_err
)]

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use konductor_engine::{Desired, Engine, PlanOptions, PluginSet, Settings, Silent, StopSignal};
use konductor_model::attribute_diff::differences;
use konductor_model::manifest::Manifest;
use konductor_model::module::Declaration;
use konductor_model::provider::*;
use konductor_model::{
    Diagnostics, Failure, Path, Reference, ResourceName, ResourceOptions, ResourceSchema, ResourceType, Value,
};
use konductor_state::{OpenOptions, StackLog};

/// Answers at once and remembers nothing.
struct Null {
    manifest: Manifest,
    schema: Arc<ResourceSchema>,
}

impl Null {
    fn new() -> Self {
        Self {
            manifest: serde_json::from_value(serde_json::json!({
                "name": "bench", "version": "1.0.0", "resource_types": ["bench:test:Null"]
            }))
            .unwrap(),
            schema: Arc::new(
                serde_json::from_value(serde_json::json!({
                    "type": "bench:test:Null", "description": "Nothing.", "attributes": {
                        "value": {"kind": "text"}, "links": {"kind": "list", "items": {"kind": "text"}},
                        "token": {"kind": "text", "computed": true, "output_only": true},
                    }
                }))
                .unwrap(),
            ),
        }
    }
}

fn object(id: String, mut attributes: Value, token: &str) -> ObjectState {
    attributes.put(&Path::attribute("token"), token.into());
    ObjectState {
        id,
        attributes,
        private: Vec::new(),
        schema_version: 0,
    }
}

#[async_trait]
impl Provider for Null {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }
    async fn schema(&self, _: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        Ok(self.schema.clone())
    }
    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
        Ok(CheckResponse {
            inputs: request.inputs,
            diagnostics: Diagnostics::default(),
        })
    }
    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        let mut planned = request.inputs;
        let mut changes = Vec::new();
        let token = match &request.prior {
            None => Value::Unknown,
            Some(prior) => {
                planned.put(
                    &Path::attribute("token"),
                    prior.attributes.attribute("token").cloned().unwrap(),
                );
                changes = differences(&prior.attributes, &planned);
                prior.attributes.attribute("token").cloned().unwrap()
            }
        };
        planned.put(&Path::attribute("token"), token);
        Ok(PlanResponse {
            planned,
            changes,
            ..PlanResponse::default()
        })
    }
    async fn upgrade_state(&self, _: &ResourceType, stored: ObjectState) -> ProviderResult<ObjectState> {
        Ok(stored)
    }
    async fn required_permissions(&self, _: &ResourceType, _: &str) -> ProviderResult<Vec<String>> {
        Ok(Vec::new())
    }
    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        let id = format!("null-{}", request.name);
        Ok(Outcome::Complete(object(
            id,
            request.inputs,
            &request.idempotency_token,
        )))
    }
    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        Ok(request.prior)
    }
    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        Ok(requests.into_iter().map(|request| Ok(request.prior)).collect())
    }
    async fn list(&self, _: ListRequest) -> ProviderResult<Listed> {
        Ok(Listed {
            objects: Vec::new(),
            next_cursor: None,
        })
    }
    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        Ok(Outcome::Complete(object(
            request.prior.id,
            request.inputs,
            &request.idempotency_token,
        )))
    }
    async fn delete(&self, _: DeleteRequest) -> ProviderResult<Outcome> {
        Ok(Outcome::Deleted)
    }
    async fn import(&self, _: &ResourceType, _: &ResourceName, id: &str) -> ProviderResult<Imported> {
        Ok(Imported {
            object: object(id.to_owned(), Value::empty_map(), ""),
            inputs: Value::empty_map(),
        })
    }
    async fn poll(&self, _: PollRequest) -> ProviderResult<Outcome> {
        Ok(Outcome::Deleted)
    }
    async fn invoke(&self, _: &str, _: Value) -> ProviderResult<Value> {
        Err(Failure::new(
            konductor_model::Disposition::Unsupported,
            "no functions",
        ))
    }
}

/// `wide`: nothing depends on anything. `chain`: each on the one before. `layered`: ten layers, each resource on
/// ten of the layer below.
fn stack(shape: &str, count: usize) -> Desired {
    let layer = (count / 10).max(1);
    let declarations = (0..count)
        .map(|index| {
            let needs: Vec<usize> = match shape {
                "chain" => index.checked_sub(1).into_iter().collect(),
                "layered" if index >= layer => {
                    let below = (index / layer - 1) * layer;
                    (0..10.min(layer))
                        .map(|step| below + (index + step * 7) % layer)
                        .collect()
                }
                _ => Vec::new(),
            };
            let links: Vec<Value> = needs
                .into_iter()
                .map(|need| {
                    Value::Reference(Reference {
                        resource: format!("n{need}"),
                        path: Path::attribute("token"),
                    })
                })
                .collect();
            Declaration {
                name: format!("n{index}").parse().unwrap(),
                resource_type: "bench:test:Null".parse().unwrap(),
                properties: Value::from([("value", Value::from("x")), ("links", Value::List(links))]),
                options: ResourceOptions::default(),
                origin: None,
            }
        })
        .collect();
    Desired {
        project: "bench".into(),
        stack: "bench".into(),
        declarations,
        ..Desired::default()
    }
}

/// The most memory this process had since the last call, in megabytes; 0 where the system does not tell.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak.unwrap_or_default() / 1024
}

async fn measure(shape: &str, count: usize) {
    peak_megabytes();
    let folder = tempfile::tempdir().unwrap();
    let log = StackLog::open(
        &folder.path().join("log.db"),
        OpenOptions::of_stack("bench", "bench"),
    )
    .await
    .unwrap();
    let plugins = PluginSet::default().with(Arc::new(Null::new()), None);
    let engine = Engine::new(
        Arc::new(plugins),
        Arc::new(log),
        Arc::new(Silent),
        Settings::new("bench"),
    );
    let options = PlanOptions::default();
    let mut times = Vec::new();
    let mut clock = Instant::now();
    let mut lap = |name: &str| {
        times.push(format!("{name} {:.2} s", clock.elapsed().as_secs_f64()));
        clock = Instant::now();
    };
    let plan = engine.plan(stack(shape, count), &options, true).await.unwrap();
    lap("plan");
    let report = engine.apply(plan, StopSignal::never()).await.unwrap();
    assert_eq!(report.summary.created, count);
    lap("apply");
    let plan = engine.plan(stack(shape, count), &options, true).await.unwrap();
    assert!(plan.is_empty());
    lap("second plan");
    drop(plan);
    let plan = engine
        .plan_destroy("bench", "bench", &options, true)
        .await
        .unwrap();
    assert!(engine.apply(plan, StopSignal::never()).await.unwrap().succeeded());
    lap("destroy");
    println!(
        "{shape} {count}: {}, peak {} MB",
        times.join(", "),
        peak_megabytes()
    );
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let [shape, count] = &words[..] {
        return runtime.block_on(measure(shape, count.parse().unwrap()));
    }
    for count in [1_000, 10_000] {
        for shape in ["wide", "chain", "layered"] {
            runtime.block_on(measure(shape, count));
        }
    }
}
