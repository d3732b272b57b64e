//! The state of one instance: its limits, its clocks and what it may reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use konductor_model::cloud::Cloud;
use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use sha2::{Digest, Sha256};
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::call::{Class, Record};
use crate::engine::TICK;
use crate::limits::Limits;
use crate::repeat::{Repeat, Ticking};
use crate::wasi::{self, Surroundings};

/// A limit that a guest ran into, as the cause of a trap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    #[error("used more than {} of processor time", seconds(*.0))]
    Cpu(Duration),
    #[error("needs more than {} MiB of memory", .0 >> 20)]
    Memory(usize),
    #[error("needs function tables of more than {0} elements")]
    Tables(usize),
    #[error("asked for {0} random bytes in one call; {max} are allowed", max = crate::host_functions::RANDOM_BYTES)]
    Random(u32),
    #[error("called a capability it does not have: {0}")]
    Capability(String),
}

/// Writes a duration as people say it: `2 s`, `0.3 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Refuses to grow memory beyond the limit, with the reason.
struct Allowance {
    memory_bytes: usize,
    table_elements: usize,
}

impl ResourceLimiter for Allowance {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.memory_bytes {
            return Err(wasmtime::Error::new(Breach::Memory(self.memory_bytes)));
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            return Err(wasmtime::Error::new(Breach::Tables(self.table_elements)));
        }
        Ok(true)
    }
}

/// Counts the time a guest runs, without the time it waits for the cloud or for its turn.
pub(crate) struct CpuMeter {
    started: Instant,
    /// Nanoseconds after `started` at which the guest last went on. Shared with the future that yields.
    resumed: Arc<AtomicU64>,
    used: Duration,
    budget: Duration,
}

impl CpuMeter {
    fn new(budget: Duration) -> Self {
        Self {
            started: Instant::now(),
            resumed: Arc::default(),
            used: Duration::ZERO,
            budget,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Adds the time since the guest went on.
    pub(crate) fn stop(&mut self) {
        let ran = self.now().saturating_sub(self.resumed.load(Ordering::Relaxed));
        // A guest that runs is interrupted every tick: a longer stretch was spent asleep in a host call.
        self.used += Duration::from_nanos(ran).min(TICK * 2);
    }

    /// The guest goes on.
    pub(crate) fn resume(&mut self) {
        self.resumed.store(self.now(), Ordering::Relaxed);
    }

    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.stop();
        if self.used > self.budget {
            return Err(wasmtime::Error::new(Breach::Cpu(self.budget)));
        }
        let (started, resumed) = (self.started, Arc::clone(&self.resumed));
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(async move {
                tokio::task::yield_now().await;
                let now = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                resumed.store(now, Ordering::Relaxed);
            }),
        ))
    }
}

/// What host functions find when a guest calls them.
pub(crate) struct CallState {
    wasi: WasiCtx,
    handles: ResourceTable,
    allowance: Allowance,
    pub(crate) cpu: CpuMeter,
    /// Present in pure calls and in repeated operations: the same call gets the same bytes.
    pub(crate) seeded: Option<ChaCha12Rng>,
    /// The clock of a repeated operation.
    pub(crate) clock: Option<Arc<Ticking>>,
    pub(crate) cloud: Option<Arc<dyn Cloud>>,
    pub(crate) record: Arc<Record>,
    pub(crate) limits: Arc<Limits>,
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.handles,
        }
    }
}

/// Returns a generator that depends on nothing but the plugin's code and the call.
fn seeded(digest: &str, record: &Record, purpose: &str) -> ChaCha12Rng {
    let mut hash = Sha256::new();
    for part in [
        digest,
        record.call.function,
        &record.call.type_name,
        &record.call.subject,
        purpose,
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    ChaCha12Rng::from_seed(hash.finalize().into())
}

/// Makes the store of one call.
pub(crate) fn new(
    engine: &Engine,
    limits: &Arc<Limits>,
    digest: &str,
    record: &Arc<Record>,
    cloud: Option<Arc<dyn Cloud>>,
    repeat: Option<&Repeat>,
) -> Store<CallState> {
    let class = record.call.class;
    let (cpu, cloud) = match class {
        Class::Pure => (limits.pure_cpu, None),
        Class::Operation => (limits.operation_cpu, cloud),
    };
    let (own, surroundings, clock) = match (class, repeat) {
        (Class::Pure, _) => (
            Some(seeded(digest, record, "random")),
            Surroundings::Pure(seeded(digest, record, "wasi")),
            None,
        ),
        (Class::Operation, None) => (None, Surroundings::Real, None),
        (Class::Operation, Some(repeat)) => {
            let repeated = repeat.begin(&record.call);
            let clock = Arc::clone(&repeated.clock);
            let surroundings = Surroundings::Repeated(repeated.wasi, Arc::clone(&clock));
            (Some(repeated.own), surroundings, Some(clock))
        }
    };
    let mut handles = ResourceTable::new();
    handles.set_max_capacity(limits.handles);
    let mut store = Store::new(
        engine,
        CallState {
            wasi: wasi::context(record, surroundings),
            handles,
            allowance: Allowance {
                memory_bytes: limits.memory_bytes,
                table_elements: limits.table_elements,
            },
            cpu: CpuMeter::new(cpu),
            seeded: own,
            clock,
            cloud,
            record: Arc::clone(record),
            limits: Arc::clone(limits),
        },
    );
    store.limiter(|state| &mut state.allowance);
    store.set_hostcall_fuel(limits.transfer_bytes);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| context.data_mut().cpu.tick());
    store
}
