//! Operations whose provider has a rate limit: they wait before they begin, hold nothing, and delay nobody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use konductor_engine::{
    ApplyReport, Engine, Event, Observer, PlanOptions, PluginSet, Settings, Stop, StopHandle, StopSignal,
};
use konductor_model::manifest::Manifest;
use konductor_model::module::Declaration;
use konductor_model::provider::*;
use konductor_model::{Disposition, Failure, ResourceName, ResourceSchema, ResourceType, Value};
use konductor_state::{Journal as _, MemoryLog};
use proptest::prelude::*;
use tokio::time::Instant;

use crate::cloud::Cloud;
use crate::world::*;

/// What happened at one provider.
#[derive(Debug, Default)]
struct Seen {
    /// Operations that the log says have begun; those that have not ended, and the most there ever were of them.
    begun: usize,
    open: usize,
    most_open: usize,
    /// Rights to send a request that were given out.
    granted: usize,
    /// Calls that were made without such a right, although there is a limit.
    unadmitted: usize,
    /// Calls under way now, and the most there ever were.
    live: usize,
    most_live: usize,
    /// When each call ended.
    ended: Vec<Duration>,
}

/// A provider in front of a cloud that takes its time and may have a rate limit.
#[derive(Clone)]
struct Paced {
    inner: Cloud,
    name: String,
    latency: Duration,
    /// The time from one request to the next; none without a limit.
    between: Option<Duration>,
    next: Arc<tokio::sync::Mutex<Instant>>,
    seen: Arc<Mutex<Seen>>,
    since: Instant,
    admitted: bool,
}

impl Paced {
    fn new(name: &str, latency: Duration, between: Option<Duration>) -> Self {
        Self {
            inner: Cloud::new(),
            name: name.to_owned(),
            latency,
            between,
            next: Arc::new(tokio::sync::Mutex::new(Instant::now())),
            seen: Arc::default(),
            since: Instant::now(),
            admitted: false,
        }
    }

    fn reading_one_by_one(mut self) -> Self {
        Arc::make_mut(&mut self.inner.schema).batch_read = false;
        self
    }

    async fn call<T>(&self, call: impl Future<Output = ProviderResult<T>>) -> ProviderResult<T> {
        {
            let mut seen = self.seen.lock().unwrap();
            seen.unadmitted += usize::from(self.between.is_some() && !self.admitted);
            seen.live += 1;
            seen.most_live = seen.most_live.max(seen.live);
        }
        tokio::time::sleep(self.latency).await;
        let answer = call.await;
        let mut seen = self.seen.lock().unwrap();
        seen.live -= 1;
        seen.ended.push(self.since.elapsed());
        answer
    }
}

#[async_trait]
impl Provider for Paced {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    async fn schema(&self, resource_type: &ResourceType) -> ProviderResult<Arc<ResourceSchema>> {
        self.inner.schema(resource_type).await
    }

    async fn check(&self, request: CheckRequest) -> ProviderResult<CheckResponse> {
        self.inner.check(request).await
    }

    async fn plan(&self, request: PlanRequest) -> ProviderResult<PlanResponse> {
        self.inner.plan(request).await
    }

    async fn upgrade_state(&self, kind: &ResourceType, stored: ObjectState) -> ProviderResult<ObjectState> {
        self.inner.upgrade_state(kind, stored).await
    }

    async fn required_permissions(
        &self,
        kind: &ResourceType,
        operation: &str,
    ) -> ProviderResult<Vec<String>> {
        self.inner.required_permissions(kind, operation).await
    }

    async fn admit(&self, _: &ResourceType) -> Option<Arc<dyn Provider>> {
        let between = self.between?;
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        *next = Instant::now() + between;
        drop(next);
        self.seen.lock().unwrap().granted += 1;
        let mut admitted = self.clone();
        admitted.admitted = true;
        Some(Arc::new(admitted))
    }

    async fn create(&self, request: CreateRequest) -> ProviderResult<Outcome> {
        self.call(self.inner.create(request)).await
    }

    async fn read(&self, request: ReadRequest) -> ProviderResult<Option<ObjectState>> {
        self.call(self.inner.read(request)).await
    }

    async fn read_many(
        &self,
        requests: Vec<ReadRequest>,
    ) -> ProviderResult<Vec<ProviderResult<Option<ObjectState>>>> {
        self.call(self.inner.read_many(requests)).await
    }

    async fn list(&self, request: ListRequest) -> ProviderResult<Listed> {
        self.inner.list(request).await
    }

    async fn update(&self, request: UpdateRequest) -> ProviderResult<Outcome> {
        self.call(self.inner.update(request)).await
    }

    async fn delete(&self, request: DeleteRequest) -> ProviderResult<Outcome> {
        self.call(self.inner.delete(request)).await
    }

    async fn import(&self, kind: &ResourceType, name: &ResourceName, id: &str) -> ProviderResult<Imported> {
        self.call(self.inner.import(kind, name, id)).await
    }

    async fn poll(&self, request: PollRequest) -> ProviderResult<Outcome> {
        self.call(self.inner.poll(request)).await
    }

    async fn invoke(&self, _: &str, _: Value) -> ProviderResult<Value> {
        Err(Failure::new(Disposition::Unsupported, "no functions"))
    }
}

/// Counts what begins and ends, by the first letters of the resources' names: those of their provider.
struct Beginnings(BTreeMap<String, Arc<Mutex<Seen>>>);

impl Observer for Beginnings {
    fn event(&self, event: Event) {
        let (urn, begins) = match event {
            Event::OperationStarted { urn, .. } => (urn, true),
            Event::OperationFinished { urn, .. } => (urn, false),
            _ => return,
        };
        let name = urn.name().to_string();
        let (provider, _) = name.split_once('-').unwrap();
        let mut seen = self.0[provider].lock().unwrap();
        if begins {
            seen.begun += 1;
            seen.open += 1;
            seen.most_open = seen.most_open.max(seen.open);
            assert!(seen.begun <= seen.granted || seen.granted == 0, "{seen:?}");
        } else {
            seen.open -= 1;
        }
    }
}

/// A run with several providers.
struct Runs {
    providers: Vec<Paced>,
    parallelism: usize,
    log: Arc<MemoryLog>,
}

impl Runs {
    fn engine(&self) -> Engine {
        let mut plugins = PluginSet::default();
        for provider in &self.providers {
            plugins = plugins.with_instance(&provider.name, Arc::new(provider.clone()), None);
        }
        let seen = self.providers.iter().map(|of| (of.name.clone(), of.seen.clone()));
        let settings = Settings {
            parallelism: self.parallelism,
            ..Settings::new("run-1")
        };
        let observer = Arc::new(Beginnings(seen.collect()));
        Engine::new(Arc::new(plugins), self.log.clone(), observer, settings)
    }

    async fn apply(&self, counts: &[usize], stop: StopSignal) -> ApplyReport {
        let declarations: Vec<Declaration> = self
            .providers
            .iter()
            .zip(counts)
            .flat_map(|(provider, count)| {
                (0..*count).map(|number| {
                    thing(&format!("{}-{number}", provider.name))
                        .option(|options| options.provider = Some(provider.name.clone()))
                })
            })
            .collect();
        let plan = self
            .engine()
            .plan(desired(declarations), &PlanOptions::default(), false)
            .await
            .unwrap();
        self.engine().apply(plan, stop).await.unwrap()
    }

    fn seen(&self, provider: usize) -> std::sync::MutexGuard<'_, Seen> {
        self.providers[provider].seen.lock().unwrap()
    }
}

const LATENCY: Duration = Duration::from_millis(100);

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_rate_limit_has_not_begun_and_makes_no_call() {
    let runs = Runs {
        providers: vec![Paced::new("slow", LATENCY, Some(Duration::from_secs(1)))],
        parallelism: 8,
        log: Arc::default(),
    };
    let (_handle, stop) = StopHandle::new();
    let report = runs.apply(&[20], stop).await;
    assert!(report.succeeded(), "{report:?}");
    let seen = runs.seen(0);
    assert_eq!((seen.unadmitted, seen.granted, seen.begun), (0, 20, 20));
    assert_eq!(seen.most_live, 1, "one a second, and each takes a tenth");
    assert_eq!(seen.most_open, 1);
}

#[tokio::test(start_paused = true)]
async fn a_limited_provider_with_much_to_do_delays_nobody_else() {
    let runs = Runs {
        providers: vec![
            Paced::new("slow", LATENCY, Some(Duration::from_secs(10))),
            Paced::new("fast", LATENCY, None),
        ],
        parallelism: 4,
        log: Arc::default(),
    };
    let report = runs.apply(&[400, 40], StopSignal::never()).await;
    assert!(report.succeeded(), "{report:?}");
    let last = *runs.seen(1).ended.last().unwrap();
    assert!(
        last <= LATENCY * 14,
        "40 calls, at least three at a time: {last:?}"
    );
    assert!(*runs.seen(0).ended.last().unwrap() > Duration::from_secs(3_900));
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_calls_take_hours_leaves_places_for_another() {
    let runs = Runs {
        providers: vec![
            Paced::new("slow", Duration::from_secs(3_600), None),
            Paced::new("fast", LATENCY, None),
        ],
        parallelism: 4,
        log: Arc::default(),
    };
    let report = runs.apply(&[300, 30], StopSignal::never()).await;
    assert!(report.succeeded(), "{report:?}");
    let last = *runs.seen(1).ended.last().unwrap();
    assert!(
        last <= LATENCY * 31,
        "30 calls, one place is kept for them: {last:?}"
    );
    assert!(runs.seen(0).most_live >= 3, "the slow one has the others");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_does_not_wait_for_the_rate_limit() {
    let runs = Runs {
        providers: vec![Paced::new("slow", LATENCY, Some(Duration::from_secs(3_600)))],
        parallelism: 8,
        log: Arc::default(),
    };
    let (handle, stop) = StopHandle::new();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3_601)).await;
        assert_eq!(handle.escalate(), Stop::Finish);
        std::future::pending::<()>().await;
    });
    let since = Instant::now();
    let report = runs.apply(&[10], stop).await;
    assert!(report.stopped);
    assert!(
        since.elapsed() < Duration::from_secs(3_700),
        "{:?}",
        since.elapsed()
    );
    assert_eq!((report.summary.created, report.skipped.len()), (2, 8));
    assert!(runs.log.snapshot().await.unwrap().interrupted.is_empty());
}

#[tokio::test(start_paused = true)]
async fn reads_wait_for_the_rate_limit_before_they_are_made_and_delay_nobody_else() {
    let runs = Runs {
        providers: vec![
            Paced::new("slow", LATENCY, Some(Duration::from_secs(10))).reading_one_by_one(),
            Paced::new("fast", LATENCY, None).reading_one_by_one(),
        ],
        parallelism: 8,
        log: Arc::default(),
    };
    assert!(runs.apply(&[60, 60], StopSignal::never()).await.succeeded());
    let since = Instant::now();
    for provider in 0..2 {
        *runs.seen(provider) = Seen::default();
    }
    let drift = runs.engine().refresh(false).await.unwrap();
    assert_eq!(drift, []);
    let began = since.duration_since(runs.providers[0].since);
    let (slow, fast) = (runs.seen(0), runs.seen(1));
    assert_eq!((slow.unadmitted, slow.granted, slow.most_live), (0, 60, 1));
    let last = *fast.ended.last().unwrap() - began;
    assert!(last <= LATENCY * 31, "60 reads, at least two at a time: {last:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_begins_while_there_is_a_backlog_all_begins_in_the_end_and_nobody_is_starved(
        limited in prop::collection::vec((1_usize..40, 1_u64..3_000, 1_u64..500), 1..3),
        free in 1_usize..60,
        parallelism in 6_usize..16,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut providers: Vec<Paced> = limited
                .iter()
                .enumerate()
                .map(|(number, (_, between, latency))| {
                    let between = Some(Duration::from_millis(*between));
                    Paced::new(&format!("slow{number}"), Duration::from_millis(*latency), between)
                })
                .collect();
            providers.push(Paced::new("fast", LATENCY, None));
            let counts: Vec<usize> = limited.iter().map(|(count, ..)| *count).chain([free]).collect();
            let runs = Runs { providers, parallelism, log: Arc::default() };
            let since = Instant::now();
            let report = runs.apply(&counts, StopSignal::never()).await;
            prop_assert!(report.succeeded(), "{:?}", report);
            let fast = runs.providers.len() - 1;
            for (number, (count, between, latency)) in limited.iter().enumerate() {
                let seen = runs.seen(number);
                prop_assert_eq!((seen.unadmitted, seen.begun), (0, *count));
                // A right is given back, and asked for again, where there was no place for the call.
                prop_assert!(seen.granted >= *count);
                prop_assert!(seen.most_live <= parallelism && seen.most_open <= parallelism);
                // It is as fast as its limit and its share let it be.
                let kept = parallelism / (2 * runs.providers.len());
                let turns = u64::try_from(count.div_ceil(kept)).unwrap();
                let bound = (*between * *count as u64).max(*latency * turns) + between + latency;
                let last = *seen.ended.last().unwrap();
                prop_assert!(last <= Duration::from_millis(bound * 2), "{:?} > 2 × {} ms", last, bound);
            }
            let last = *runs.seen(fast).ended.last().unwrap();
            let kept = parallelism / (2 * runs.providers.len());
            let turns = u32::try_from(free.div_ceil(kept)).unwrap();
            prop_assert!(last <= LATENCY * (turns + 1), "{:?} for {} with {} kept", last, free, kept);
            prop_assert!(since.elapsed() >= last);
            Ok(())
        })?;
    }
}
