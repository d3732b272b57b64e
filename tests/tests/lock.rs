//! The lock of a stack: one run at a time, told clearly, and taken over from a process that has died.

use std::collections::BTreeSet;

use konductor_tests::{Finished, Project, Running, Signal};
use serde_json::Value;

/// `image` goes on for most of a second in the simulated cloud, and `last` waits for it.
const PROJECT: &str = "name: locked
resources:
  first:
    type: reference:test:Item
    properties: { label: first }
  image:
    type: reference:test:Item
    properties: { label: image }
  last:
    type: reference:test:Item
    properties: { label: last, value: \"${image.serial}\" }
";

const RUN: [&str; 5] = ["run", "--yes", "--simulate", "--simulate-profile", "realistic"];

fn project() -> Project {
    Project::from_text(PROJECT, "config: { project: { environment: dev } }\n").with_environment("USER", "ada")
}

/// Starts a run and holds it still while `image` is being made.
fn held_in_flight(project: &Project) -> Running {
    let mut running = project.start(RUN.iter().chain(&["--json"]));
    running.wait_for_event("operation-finished");
    running.signal(Signal::STOP);
    running
}

/// Returns the names of the objects that the simulated cloud was asked to make, each as often as it was.
fn made(project: &Project) -> Vec<String> {
    let effects = project.read(".konductor/dev.simulated-cloud.json");
    let mut made: Vec<String> = effects
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|effect| effect["put"]["name"].as_str().unwrap_or("removed").to_owned())
        .collect();
    made.sort();
    made
}

fn started(finished: &Finished) -> BTreeSet<String> {
    let events = finished.events();
    let events = events
        .iter()
        .filter(|event| event["event"] == "operation-started");
    events
        .map(|event| event["urn"].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn converges(project: &Project) {
    assert_eq!(made(project), ["first", "image", "last"]);
    let idle = project.run(RUN.iter().chain(&["--json"])).succeeds();
    assert_eq!(started(&idle), BTreeSet::new(), "{idle}");
    project
        .run(["plan", "--detailed-exitcode", "--simulate"])
        .ends_with(0);
    project.run(["log", "verify", "--simulate"]).succeeds();
}

#[test]
fn a_run_beside_another_fails_and_says_who_holds_the_lock_and_what_to_do() {
    let project = project();
    let first = held_in_flight(&project);
    let log_before = project
        .run(["log", "show", "--all", "--simulate"])
        .succeeds()
        .stdout;
    for command in [&RUN[..], &["destroy", "--yes", "--simulate"]] {
        project
            .run(command)
            .fails_saying("the stack is locked by `konductor run` of ada")
            .says(&format!("(process {})", first.process()))
            .says(
                "wait for it to end, or, when you are sure that it has ended, run `konductor state unlock`",
            );
    }
    // Who only looks is not held up, and sees that the others have left nothing.
    let log_after = project
        .run(["log", "show", "--all", "--simulate"])
        .succeeds()
        .stdout;
    assert_eq!(log_before, log_after);

    first.signal(Signal::CONT);
    first.finish().succeeds();
    converges(&project);
}

#[test]
fn the_run_after_one_that_was_killed_takes_the_lock_over_and_converges() {
    let project = project();
    let first = held_in_flight(&project);
    let process = first.process();
    first.signal(Signal::KILL);
    assert_eq!(first.finish().signal, Some(9));
    assert!(made(&project).len() < 3, "it was killed before its end");

    project
        .run(RUN)
        .succeeds()
        .says("took over the lock of a process that has ended")
        .says(&format!("(process {process})"));
    converges(&project);
}

#[test]
fn a_killed_process_that_nobody_has_asked_about_holds_no_lock() {
    let project = project();
    let first = held_in_flight(&project);
    first.signal(Signal::KILL);
    first.wait_without_asking();

    project
        .run(RUN)
        .succeeds()
        .says("took over the lock of a process that has ended");
    converges(&project);
    assert_eq!(first.finish().signal, Some(9));
}
