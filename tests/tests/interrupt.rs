//! Ctrl-C: once finishes what is in flight, twice cancels it; the next run goes on from there either way.
//!
//! The latencies of the simulated cloud follow from its seed and the names of the resources: `web` is made at once,
//! `image` and `store` go on for most of a second.

use std::collections::BTreeSet;

use konductor_tests::{Finished, Project, Running, Signal};
use serde_json::Value;

/// Each resource waits for the one before it.
const CHAINS: [[&str; 4]; 3] = [
    ["web", "page", "form", "link"],
    ["image", "icon", "thumbnail", "gallery"],
    ["store", "shelf", "box", "label"],
];

const RUN: [&str; 5] = ["run", "--yes", "--simulate", "--simulate-profile", "realistic"];

fn project() -> Project {
    let mut text = "name: chains\nresources:\n".to_owned();
    for chain in CHAINS {
        let mut before = "none".to_owned();
        for name in chain {
            text.push_str(&format!(
                "  {name}:\n    type: reference:test:Item\n    properties: {{ label: {name}, value: \"{before}\" }}\n"
            ));
            before = format!("${{{name}.serial}}");
        }
    }
    Project::from_text(&text, "config: { project: { environment: dev } }\n")
}

/// What was begun and what was ended, by the log.
struct Operations {
    begun: BTreeSet<String>,
    ended: BTreeSet<String>,
}

fn operations(project: &Project) -> Operations {
    let log = project
        .run(["log", "show", "--all", "--simulate", "--json"])
        .succeeds();
    let of = |kind: &str| {
        let entries = log.events();
        let entries = entries.iter().map(|event| &event["content"]);
        let operations = entries.filter(|content| content["entry"] == kind);
        operations
            .map(|content| content["operation"].as_str().unwrap().to_owned())
            .collect()
    };
    Operations {
        begun: of("begin"),
        ended: of("end"),
    }
}

/// Returns the names in the events of one kind.
fn named(finished: &Finished, kind: &str) -> BTreeSet<String> {
    let events = finished.events();
    let events = events.iter().filter(|event| event["event"] == kind);
    events
        .map(|event| {
            event["urn"]
                .as_str()
                .unwrap()
                .rsplit("::")
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Checks that every resource has one object in the cloud, that none was ever made twice, and that no other is there.
#[track_caller]
fn assert_each_was_made_once(project: &Project) {
    let effects = project.read(".konductor/dev.simulated-cloud.json");
    let mut made: Vec<String> = effects
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|effect| effect["put"]["name"].as_str().unwrap_or("removed").to_owned())
        .collect();
    made.sort();
    let mut declared: Vec<&str> = CHAINS.concat();
    declared.sort_unstable();
    assert_eq!(made, declared, "{effects}");
}

#[track_caller]
fn assert_the_log_is_sound(project: &Project) {
    project
        .run(["log", "verify", "--simulate"])
        .succeeds()
        .says("nothing is wrong");
}

/// Runs on, checks that all is there, and that one more run does nothing.
#[track_caller]
fn goes_on_to_the_end(project: &Project) -> Finished {
    let finished = project.run(RUN.iter().chain(&["--json"])).succeeds();
    assert_each_was_made_once(project);
    let operations_before = operations(project);
    assert_eq!(operations_before.begun, operations_before.ended);

    let effects = project.read(".konductor/dev.simulated-cloud.json");
    let idle = project.run(RUN.iter().chain(&["--json"])).succeeds();
    assert_eq!(named(&idle, "operation-started"), BTreeSet::new(), "{idle}");
    assert_eq!(named(&idle, "recovery-started"), BTreeSet::new(), "{idle}");
    assert_eq!(operations(project).begun, operations_before.begun);
    assert_eq!(project.read(".konductor/dev.simulated-cloud.json"), effects);
    project
        .run(["plan", "--detailed-exitcode", "--simulate"])
        .ends_with(0);
    assert_the_log_is_sound(project);
    finished
}

#[test]
fn one_interrupt_finishes_what_is_in_flight_and_the_next_run_does_the_rest() {
    let project = project();
    let mut running = project.start(RUN.iter().chain(&["--json"]));
    running.wait_for_event("operation-finished");
    running.signal(Signal::INT);
    let stopped = running.finish().ends_with(130);

    let started = named(&stopped, "operation-started");
    let finished = named(&stopped, "operation-finished");
    assert_eq!(started, finished, "what was in flight is finished: {stopped}");
    assert!(finished.contains("image"), "it was in flight: {stopped}");
    assert!(!finished.contains("icon"), "nothing new begins: {stopped}");
    assert!(named(&stopped, "operation-skipped").contains("icon"), "{stopped}");
    let left = operations(&project);
    assert_eq!(left.begun, left.ended, "nothing is left interrupted");
    assert_eq!(left.begun.len(), finished.len());
    assert_the_log_is_sound(&project);

    let rest = goes_on_to_the_end(&project);
    assert_eq!(named(&rest, "recovery-started"), BTreeSet::new(), "{rest}");
    assert_eq!(
        named(&rest, "operation-finished"),
        CHAINS
            .concat()
            .into_iter()
            .map(str::to_owned)
            .filter(|name| !finished.contains(name))
            .collect(),
        "{rest}"
    );
}

/// Interrupts a run once something is done, and again once it says that it is stopping.
fn interrupted_twice(project: &Project) -> Running {
    let mut running = project.start(RUN);
    running.wait_for_text("created web");
    running.signal(Signal::INT);
    running.wait_for_text("Ctrl-C again cancels it");
    running.signal(Signal::INT);
    running
}

#[test]
fn two_interrupts_cancel_what_is_in_flight_and_the_next_run_settles_it() {
    let project = project();
    let cancelled = interrupted_twice(&project)
        .finish()
        .ends_with(130)
        .says("Cancelling: the next run settles what was begun")
        .says("`konductor run` goes on from here");
    assert!(!cancelled.stdout.contains("created image"), "{cancelled}");
    let left = operations(&project);
    let open = left.begun.difference(&left.ended).count();
    assert!(open >= 2, "`image` and `store` should be open: {cancelled}");
    assert!(left.ended.is_subset(&left.begun));
    assert_the_log_is_sound(&project);

    let rest = goes_on_to_the_end(&project);
    let settled = named(&rest, "recovery-finished");
    assert_eq!(settled.len(), open, "{rest}");
    assert!(settled.contains("image") && settled.contains("store"), "{rest}");
}
