//! The wasmtime engine: how guests are compiled, where their memory comes from and how they are interrupted.

use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::Limits;

/// How often a running guest is interrupted to be charged for its time and to let others run.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Memory mappings of one live instance, measured: stack, memory and table with their guards.
const MAPPINGS_PER_INSTANCE: u64 = 6;
/// Mappings left for the rest of the process: libraries, threads, compiled code.
const MAPPINGS_RESERVED: u64 = 3_000;

/// What one component may be made of. A component of the Rust toolchain holds three to five core instances, one of
/// Python's 38: its interpreter, the C library and every native module are linked when it starts.
const CORE_INSTANCES_PER_COMPONENT: u32 = 64;
const MEMORIES_PER_COMPONENT: u32 = 2;
const TABLES_PER_COMPONENT: u32 = 8;

/// Says why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The limits ask for more than the kernel allows.
    #[error(
        "{requested} plugin instances need {needed} memory mappings, but vm.max_map_count is {allowed}; \
         lower the limit of instances to {possible} or raise the setting: sysctl -w vm.max_map_count={needed}"
    )]
    TooManyInstances {
        /// The instances in the limits.
        requested: u32,
        /// The mappings they need.
        needed: u64,
        /// The mappings the kernel allows.
        allowed: u64,
        /// The instances those suffice for.
        possible: u64,
    },
    /// wasmtime refused the settings.
    #[error("the WebAssembly engine did not start: {source:#}; is the machine out of address space?")]
    Start {
        /// What it said.
        source: wasmtime::Error,
    },
    /// The thread that interrupts guests did not start.
    #[error("the thread that interrupts plugins did not start")]
    Ticker(#[source] std::io::Error),
}

fn max_map_count() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn check_mappings(instances: u32, allowed: u64) -> Result<(), EngineError> {
    let needed = u64::from(instances) * MAPPINGS_PER_INSTANCE + MAPPINGS_RESERVED;
    if needed > allowed {
        return Err(EngineError::TooManyInstances {
            requested: instances,
            needed,
            allowed,
            possible: allowed.saturating_sub(MAPPINGS_RESERVED) / MAPPINGS_PER_INSTANCE,
        });
    }
    Ok(())
}

/// Makes the engine and the thread that drives its interruptions; the thread ends with the engine.
pub(crate) fn start(limits: &Limits) -> Result<Engine, EngineError> {
    if let Some(allowed) = max_map_count() {
        check_mappings(limits.instances, allowed)?;
    }
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(limits.instances)
        // Every instance that has a permit also has room, however its component is made up: one plugin cannot use up
        // what others were promised. Slots that nobody uses are address space only.
        .total_core_instances(limits.instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(limits.instances.saturating_mul(MEMORIES_PER_COMPONENT))
        .total_tables(limits.instances.saturating_mul(TABLES_PER_COMPONENT))
        .total_stacks(limits.instances)
        .max_memory_size(limits.memory_bytes)
        .max_core_instance_size(1 << 20)
        .max_component_instance_size(1 << 20)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .max_unused_warm_slots(100);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes * 2)
        .memory_init_cow(true)
        .memory_reservation(limits.memory_bytes as u64)
        .memory_guard_size(64 << 10)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).map_err(|source| EngineError::Start { source })?;
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("konductor-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map_err(EngineError::Ticker)?;
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_instances_than_the_kernel_has_mappings_for_are_refused_with_the_number_that_works() {
        assert!(check_mappings(1_000, 65_530).is_ok());
        let error = check_mappings(20_000, 65_530).unwrap_err();
        assert_eq!(
            error.to_string(),
            "20000 plugin instances need 123000 memory mappings, but vm.max_map_count is 65530; lower the \
             limit of instances to 10421 or raise the setting: sysctl -w vm.max_map_count=123000"
        );
    }

    #[tokio::test]
    async fn every_permitted_instance_has_room_for_the_largest_component() {
        let instances = |module: &str, number: u32| {
            format!("(core instance (instantiate ${module}))").repeat(number as usize)
        };
        let rest = CORE_INSTANCES_PER_COMPONENT - MEMORIES_PER_COMPONENT - TABLES_PER_COMPONENT;
        let text = format!(
            "(component
                (core module $memory (memory 1))
                (core module $table (table 1 funcref))
                (core module $nothing)
                {}{}{})",
            instances("memory", MEMORIES_PER_COMPONENT),
            instances("table", TABLES_PER_COMPONENT),
            instances("nothing", rest),
        );
        let limits = Limits {
            instances: 3,
            ..Limits::default()
        };
        let engine = start(&limits).unwrap();
        let component = wasmtime::component::Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let linker = wasmtime::component::Linker::new(&engine);
        let mut living = Vec::new();
        for number in 0..limits.instances {
            let mut store = wasmtime::Store::new(&engine, ());
            store.set_epoch_deadline(u64::MAX >> 1);
            let made = linker.instantiate_async(&mut store, &component).await;
            assert!(made.is_ok(), "instance {number}: {:?}", made.err());
            living.push(store);
        }
        assert_eq!(living.len(), 3);
    }
}
