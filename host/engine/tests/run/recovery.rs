//! A run that dies at any boundary of its log loses nothing and makes nothing twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use konductor_engine::{Desired, PlanOptions, StopSignal};
use konductor_state::{Entry, Journal, MemoryLog, Snapshot, StateError};

use crate::cloud::{Fault, reference};
use crate::world::*;

/// A log that dies after a number of entries, in the middle of an append if need be.
struct Mortal {
    log: Arc<MemoryLog>,
    left: AtomicUsize,
}

#[async_trait]
impl Journal for Mortal {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        for entry in entries {
            if self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_err()
            {
                return Err(StateError::Refused);
            }
            self.log.append_now(vec![entry])?;
        }
        Ok(())
    }

    async fn snapshot(&self) -> Result<Snapshot, StateError> {
        self.log.snapshot().await
    }
}

/// Lets a run from `before` to `after` die after every number of entries, and the next one finish.
async fn dies_everywhere(before: fn() -> Desired, after: fn() -> Desired, faults: &[(&str, Fault)]) {
    for entries in 0.. {
        let world = World::new();
        world.run_desired(before()).await;
        let started = world.log.entries().len();
        for (call, fault) in faults {
            world.cloud.fault(call, fault.clone());
        }
        let plan = world.try_plan(after(), &PlanOptions::default()).await.unwrap();
        let mortal = Arc::new(Mortal {
            log: world.log.clone(),
            left: AtomicUsize::new(entries),
        });
        let died = world.engine_on(mortal).0.apply(plan, StopSignal::never()).await;
        assert_eq!(
            world.log.entries().len() - started,
            entries.min(world.log.entries().len() - started)
        );
        let finished = died.is_ok();
        // The next run knows nothing of the first but its log; it may die as well, just before its end.
        let mortal = Arc::new(Mortal {
            log: world.log.clone(),
            left: AtomicUsize::new(1),
        });
        let _ = world.engine_on(mortal).0.recover(StopSignal::never()).await;
        world.run_desired(after()).await;
        let mut names = world.cloud.objects();
        names.dedup();
        assert_eq!(
            names,
            world.cloud.objects(),
            "after {entries} entries something exists twice"
        );
        if finished {
            assert!(entries > 0);
            break;
        }
    }
}

fn nothing() -> Desired {
    desired(vec![])
}

fn stack() -> Desired {
    let mut stack = desired(vec![
        thing("a").set("label", "x"),
        thing("b").set("anchor", reference("a.arn")),
        declare("pair", "fake:test:Pair").set("link", reference("b.arn")),
        declare("s", "fake:test:Single").set("label", "x"),
    ]);
    stack.outputs.insert("arn".into(), reference("pair.arn").into());
    stack
}

fn changed() -> Desired {
    desired(vec![
        thing("a").set("label", "y"),
        thing("b").set("anchor", reference("a.arn")).set("size", 3),
        thing("c").set("link", reference("b.arn")),
        declare("s", "fake:test:Single").set("label", "y"),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_first_run_that_dies_anywhere_is_finished_by_the_next() {
    dies_everywhere(nothing, stack, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_with_changes_replacements_and_deletes_that_dies_anywhere_is_finished_by_the_next() {
    dies_everywhere(stack, changed, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_dies_anywhere_is_finished_by_the_next() {
    dies_everywhere(stack, nothing, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_with_long_operations_that_dies_anywhere_is_finished_by_the_next() {
    dies_everywhere(
        nothing,
        stack,
        &[
            ("create a", Fault::Slow(3)),
            ("create pair/front", Fault::Slow(2)),
        ],
    )
    .await;
    dies_everywhere(
        stack,
        changed,
        &[
            ("delete a", Fault::Slow(3)),
            ("create s", Fault::Slow(2)),
            ("update b", Fault::Slow(2)),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_create_is_finished_with_the_token_it_was_begun_with() {
    let world = World::new();
    for _ in 0..3 {
        world.cloud.fault(
            "create a",
            Fault::FailsAfterwards(konductor_model::Disposition::Unavailable),
        );
    }
    let plan = world.plan(vec![thing("a")]).await;
    world.apply(plan).await;
    let token = world.snapshot().await.interrupted[0]
        .begin
        .idempotency_token
        .clone();
    let (engine, mut events) = world.engine_on(world.log.clone());
    assert_eq!(engine.recover(StopSignal::never()).await.unwrap(), 1);
    drop(engine);
    assert_eq!(world.cloud.state.lock().unwrap().objects["obj-1"].token, token);
    world.settled(desired(vec![thing("a")])).await;
    let mut seen = Vec::new();
    while let Some(event) = events.recv().await {
        seen.push(serde_json::to_value(&event).unwrap()["event"].clone());
    }
    assert_eq!(seen, ["recovery-started", "recovery-finished"]);
}
