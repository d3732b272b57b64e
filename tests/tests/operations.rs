//! Many operations at once: how many, and what one provider's rate limit means for another's.

use std::collections::BTreeMap;
use std::time::Duration;

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const STACK: &str = "config:\n  aws: { region: us-west-2 }\n";
const VOLUMES: usize = 120;
const ITEMS: usize = 60;
/// How many operations run at the same time.
const PARALLELISM: usize = 6;

/// Declares volumes, which are in an account, and items, which have a provider of their own that asks nobody.
fn declared(volumes: usize, items: usize) -> String {
    let volume = |number| {
        let properties = json!({"availability_zone": "us-west-2a", "size": 1});
        let volume = json!({"type": "aws:ec2:Volume", "properties": properties});
        (format!("a-volume-{number}"), volume)
    };
    let item = |number| {
        let item = json!({"type": "reference:test:Item", "properties": {"label": "item"}});
        (format!("b-item-{number}"), item)
    };
    let resources: serde_json::Map<String, Value> =
        (0..volumes).map(volume).chain((0..items).map(item)).collect();
    json!({"name": "many", "plugins": {"reference": {"source": "bundled"}}, "resources": resources})
        .to_string()
}

/// The name and the kind of every event about an operation, in order.
fn operations(events: &[Value]) -> Vec<(String, String)> {
    let of = |event: &Value| {
        let kind = event["event"].as_str()?.strip_prefix("operation-")?.to_owned();
        let urn = event["urn"].as_str()?;
        Some((urn.rsplit(':').next()?.to_owned(), kind))
    };
    events.iter().filter_map(of).collect()
}

/// How many requests the emulator was answering at once at most.
fn most_at_once(account: &AwsAccount) -> u64 {
    let requests = account.requests_of_konductor();
    let at_once = requests
        .iter()
        .map(|request| request["at_once"].as_u64().unwrap());
    at_once.max().unwrap()
}

#[test]
fn a_throttled_account_delays_no_other_provider_and_what_waits_for_it_has_not_begun() {
    let account = AwsAccount::open();
    account.limit(10, 10);
    let project = Project::from_text(&declared(VOLUMES, ITEMS), STACK).with_account(&account);
    let parallelism = PARALLELISM.to_string();
    let finished = project
        .run(["run", "--yes", "--json", "--parallelism", &parallelism])
        .succeeds();
    let operations = operations(&finished.events());

    // What the emulator says: everything is there, it had to refuse, and never had more to answer than may run.
    assert_eq!(account.counts()["volumes"], VOLUMES);
    let (passed, refused) = account.limited();
    assert!(
        passed >= VOLUMES as u64 && refused > 0,
        "{passed} passed, {refused} refused"
    );
    // Refusals end: a limit that is learned is kept.
    assert!(refused < passed / 2, "{passed} passed, {refused} refused");
    assert!(most_at_once(&account) <= PARALLELISM as u64);

    // The items, which come after the volumes in every order there is, are done long before them.
    let is = |name: &str, kind: &str, of: &(String, String)| of.0.starts_with(name) && of.1 == kind;
    let last = operations
        .iter()
        .rposition(|of| is("b-item", "finished", of))
        .unwrap();
    let count = |slice: &[(String, String)], name: &str, kind: &str| {
        slice.iter().filter(|of| is(name, kind, of)).count()
    };
    assert_eq!(count(&operations, "b-item", "finished"), ITEMS);
    assert_eq!(count(&operations, "a-volume", "finished"), VOLUMES);
    let before = count(&operations[..=last], "a-volume", "finished");
    assert!(
        before < VOLUMES / 2,
        "{before} of {VOLUMES} volumes were done before the last item"
    );

    // An operation begins when its first call can be made: of those that wait for the limit the log knows nothing.
    let mut open = BTreeMap::new();
    let mut most_open = 0;
    for (name, kind) in operations.iter().filter(|(name, _)| name.starts_with("a-volume")) {
        match kind.as_str() {
            "started" => {
                open.insert(name, ());
            }
            "finished" => {
                open.remove(name);
            }
            _ => {}
        }
        most_open = most_open.max(open.len());
    }
    assert!(
        most_open <= PARALLELISM,
        "{most_open} operations were open at once"
    );
    project.assert_nothing_to_do();
}

#[test]
fn as_many_calls_as_asked_for_are_made_at_once_and_no_more() {
    let account = AwsAccount::open();
    account.latency(Duration::from_millis(300));
    let project = Project::from_text(&declared(30, 0), STACK).with_account(&account);
    let parallelism = PARALLELISM.to_string();
    project
        .run(["run", "--yes", "--parallelism", &parallelism])
        .succeeds();
    assert_eq!(account.counts()["volumes"], 30);
    assert_eq!(most_at_once(&account), PARALLELISM as u64);
}
