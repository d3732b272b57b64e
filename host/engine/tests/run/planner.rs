//! Properties of every plan and every apply, over random stacks.

use konductor_engine::{Desired, PlanOptions, StopSignal};
use konductor_model::module::Declaration;
use proptest::prelude::*;

use crate::cloud::reference;
use crate::world::*;

/// How the resources of a stack are replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flavour {
    /// All create first; a dependency may be changed in place.
    CreateFirst,
    /// Some delete first. A dependency that is changed in place would stand on the deleted object meanwhile, which
    /// this cloud, like most, refuses; so all dependencies replace.
    DeleteFirst,
}

#[derive(Debug, Clone)]
struct Node {
    present: bool,
    label: u8,
    size: i64,
    anchor: Option<usize>,
    link: Option<usize>,
    depends: Option<usize>,
    order: Option<bool>,
}

fn node(index: usize) -> impl Strategy<Value = Node> {
    let earlier = || prop::option::weighted(0.4, 0..index.max(1));
    (
        prop::bool::weighted(0.85),
        0..2_u8,
        1..3_i64,
        earlier(),
        earlier(),
        earlier(),
        prop::option::weighted(0.2, Just(true)),
    )
        .prop_map(move |(present, label, size, anchor, link, depends, order)| Node {
            present,
            label,
            size,
            anchor: anchor.filter(|_| index > 0),
            link: link.filter(|_| index > 0),
            depends: depends.filter(|_| index > 0),
            order,
        })
}

/// A stack of up to ten resources, whose names are dealt out anew, so that dependencies turn round between stacks.
fn stack() -> impl Strategy<Value = Vec<Node>> {
    (1..10_usize).prop_flat_map(|length| (0..length).map(node).collect::<Vec<_>>())
}

fn declarations(nodes: &[Node], flavour: Flavour, turned: bool) -> Vec<Declaration> {
    let name = |index: usize| {
        // Turning round exchanges names of one type.
        let index = if turned && index % 4 < 3 {
            index / 4 * 4 + (2 - index % 4)
        } else {
            index
        };
        format!("n{index}")
    };
    let there =
        |index: &Option<usize>| index.filter(|index| nodes.get(*index).is_some_and(|node| node.present));
    nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.present)
        .map(|(index, node)| {
            let delete_first = flavour == Flavour::DeleteFirst;
            // The type of a name stays the same from stack to stack.
            let kind = if delete_first && index % 4 == 3 {
                "fake:test:Single"
            } else {
                "fake:test:Thing"
            };
            let mut declaration = declare(&name(index), kind)
                .set("label", format!("l{}", node.label))
                .set("size", node.size)
                .option(|o| o.delete_before_replace = node.order.filter(|_| delete_first));
            if let Some(anchor) = there(&node.anchor) {
                declaration = declaration.set("anchor", reference(&format!("{}.arn", name(anchor))));
            }
            if let Some(link) = there(&node.link).filter(|_| !delete_first) {
                declaration = declaration.set("link", reference(&format!("{}.arn", name(link))));
            }
            if let Some(depends) = there(&node.depends) {
                declaration = declaration.option(|o| o.depends_on = vec![name(depends)]);
            }
            declaration
        })
        .collect()
}

fn flavour() -> impl Strategy<Value = Flavour> {
    prop_oneof![Just(Flavour::CreateFirst), Just(Flavour::DeleteFirst)]
}

fn edges(declarations: &[Declaration]) -> Vec<(String, String)> {
    let mut edges = Vec::new();
    for declaration in declarations {
        let name = declaration.name.to_string();
        for (_, reference) in declaration.properties.references() {
            edges.push((reference.resource.clone(), name.clone()));
        }
        for need in &declaration.options.depends_on {
            edges.push((need.clone(), name.clone()));
        }
    }
    edges
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

async fn converge(world: &World, desired: Desired) {
    // Deletes can wait for objects that are detached in the same run when orders contradict each other; then one
    // run does not do it, but a few must.
    for _ in 0..4 {
        world.engine().recover(StopSignal::never()).await.unwrap();
        let plan = world
            .try_plan(desired.clone(), &PlanOptions::default())
            .await
            .unwrap();
        if world.apply(plan).await.succeeded() {
            break;
        }
    }
    world.settled(desired).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_applied_stack_has_nothing_to_plan_and_was_made_in_order(nodes in stack(), flavour in flavour()) {
        block_on(async {
            let world = World::new();
            let declared = declarations(&nodes, flavour, false);
            world.run(declared.clone()).await;
            let effects = world.cloud.effects();
            let at = |name: &str| effects.iter().position(|effect| effect == &format!("create {name}")).unwrap();
            for (need, dependent) in edges(&declared) {
                assert!(at(&need) < at(&dependent), "{dependent} was made before {need}");
            }
        });
    }

    #[test]
    fn any_stack_follows_any_other_at_the_first_attempt_and_destroy_leaves_nothing(
        first in stack(), second in stack(), flavour in flavour()
    ) {
        block_on(async {
            // Without a second attempt, an object that goes too early is seen.
            let world = World { attempts: 1, ..World::new() };
            world.run(declarations(&first, flavour, false)).await;
            world.run(declarations(&second, flavour, false)).await;
            let plan = world.engine().plan_destroy("shop", "dev", &PlanOptions::default(), true).await.unwrap();
            assert!(world.apply(plan).await.succeeded());
            assert_eq!(world.cloud.objects(), [] as [&str; 0]);
            assert!(world.snapshot().await.resources.is_empty());
        });
    }

    #[test]
    fn dependencies_that_turn_round_converge(first in stack(), second in stack(), flavour in flavour()) {
        block_on(async {
            let world = World::new();
            converge(&world, desired(declarations(&first, flavour, false))).await;
            converge(&world, desired(declarations(&second, flavour, true))).await;
        });
    }
}
