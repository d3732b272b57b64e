//! What is read before a plan, how, and what follows when a cloud has enough of it.

use std::sync::Arc;
use std::time::Duration;

use konductor_engine::{Plan, PlanOptions, ReadTimes, Reading};
use konductor_model::Disposition;
use konductor_model::module::Declaration;

use crate::cloud::Fault;
use crate::world::*;

const HOUR: Reading = Reading::OlderThan(Duration::from_secs(3_600));

struct Remembering {
    world: World,
    times: Arc<ReadTimes>,
}

impl Remembering {
    fn new() -> Self {
        Self {
            world: World::new(),
            times: Arc::default(),
        }
    }

    async fn plan(&self, declarations: Vec<Declaration>, reading: Reading) -> Plan {
        let engine = self.world.engine().with_read_times(self.times.clone());
        engine
            .plan(desired(declarations), &PlanOptions::default(), reading)
            .await
            .unwrap()
    }

    async fn apply(&self, plan: Plan) {
        let engine = self.world.engine().with_read_times(self.times.clone());
        let report = engine
            .apply(plan, konductor_engine::StopSignal::never())
            .await
            .unwrap();
        assert!(report.succeeded(), "{report:?}");
    }

    /// How many objects each call of the cloud read since the last question.
    fn reads(&self) -> Vec<usize> {
        std::mem::take(&mut self.world.cloud.state.lock().unwrap().reads)
    }

    fn change(&self, id: &str, size: i64) {
        let mut state = self.world.cloud.state.lock().unwrap();
        let object = state.objects.get_mut(id).unwrap();
        object.attributes.insert("size".into(), size.into());
    }
}

fn stack(size: i64) -> Vec<Declaration> {
    vec![thing("a").set("size", 1), thing("b").set("size", size)]
}

#[tokio::test(start_paused = true)]
async fn what_was_just_made_or_read_is_not_read_again_unless_the_plan_touches_it() {
    let world = Remembering::new();
    world.apply(world.plan(stack(1), HOUR).await).await;
    assert_eq!(world.reads(), [] as [usize; 0]);
    // Nothing is touched, so nothing is read, and what somebody changed meanwhile is not seen.
    world.change("obj-1", 7);
    let plan = world.plan(stack(1), HOUR).await;
    assert!(plan.is_empty() && plan.drift.is_empty());
    assert_eq!(world.reads(), [] as [usize; 0]);
    // What the plan touches is read, and it alone.
    let plan = world.plan(stack(2), HOUR).await;
    assert_eq!(actions(&plan), ["b: update"]);
    assert_eq!(world.reads(), [1]);
    // Everything is read when that is asked for, or when it was longer ago.
    let all = world.plan(stack(1), Reading::All).await;
    assert_eq!(actions(&all), ["a: update"]);
    assert_eq!(world.reads(), [2]);
    world.plan(stack(1), Reading::OlderThan(Duration::ZERO)).await;
    assert_eq!(world.reads(), [2]);
    world.plan(stack(2), Reading::Nothing).await;
    assert_eq!(world.reads(), [] as [usize; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_plan_touches_and_differs_is_planned_again_as_it_is() {
    let world = Remembering::new();
    world.apply(world.plan(stack(1), HOUR).await).await;
    let b = world.world.snapshot().await;
    let b = b
        .resources
        .values()
        .find(|record| record.urn.name().as_str() == "b")
        .unwrap();
    let id = b.object.as_ref().unwrap().id.clone();
    world.change(&id, 2);
    // Somebody else made it what it is to be: once it is read nothing is left to do.
    let plan = world.plan(stack(2), HOUR).await;
    assert_eq!(actions(&plan), [] as [&str; 0]);
    assert_eq!(plan.drift.len(), 1);
    world.apply(plan).await;
    world.world.cloud.state.lock().unwrap().objects.remove(&id);
    let plan = world.plan(stack(3), HOUR).await;
    assert_eq!(
        actions(&plan),
        ["b: create"],
        "it is gone, which the plan finds when it touches it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_destroy_reads_what_it_deletes() {
    let world = Remembering::new();
    world.apply(world.plan(stack(1), HOUR).await).await;
    let engine = world.world.engine().with_read_times(world.times.clone());
    let plan = engine
        .plan_destroy("shop", "dev", &PlanOptions::default(), HOUR)
        .await
        .unwrap();
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(world.reads(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_type_that_cannot_read_many_is_read_one_by_one_and_side_by_side() {
    let world = Remembering::new();
    let stack = || {
        (0..20)
            .map(|index| declare(&format!("s{index}"), "fake:test:Single"))
            .chain((0..3).map(|index| thing(&format!("t{index}"))))
            .collect::<Vec<_>>()
    };
    world.apply(world.plan(stack(), Reading::Nothing).await).await;
    world.change("obj-1", 7);
    let plan = world.plan(stack(), Reading::All).await;
    assert_eq!(plan.drift.len(), 1);
    assert_eq!(
        world.reads(),
        [3],
        "only what reads many in one call is asked for many"
    );
}

#[tokio::test(start_paused = true)]
async fn reads_that_are_refused_are_tried_again_and_in_the_end_told() {
    let world = Remembering::new();
    world.apply(world.plan(stack(1), Reading::Nothing).await).await;
    let refuse = |times: usize| {
        let mut state = world.world.cloud.state.lock().unwrap();
        let faults = state.faults.entry("read a".into()).or_default();
        faults.extend((0..times).map(|_| Fault::Fails(Disposition::Throttled)));
    };
    refuse(2);
    let plan = world.plan(stack(1), Reading::All).await;
    assert!(plan.is_empty());
    assert_eq!(
        world.reads(),
        [2, 1, 1],
        "what was answered is not asked for again"
    );
    refuse(3);
    let error = world
        .world
        .engine()
        .plan(desired(stack(1)), &PlanOptions::default(), true)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("scripted"), "{error}");
}
