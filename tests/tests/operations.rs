//! Many operations at once: how many, and what one provider's rate limit means for another's.

use std::time::Duration;

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const REGION: &str = "config:\n  aws: { region: us-west-2 }\n";
/// How many volumes the account has that refuses many requests, and how many another one has.
const THROTTLED: usize = 60;
const FREE: usize = 20;
/// How many operations run at the same time.
const PARALLELISM: usize = 6;

/// Declares volumes of one account, and of another where the plugin is listed a second time.
fn declared(plugins: &Value, throttled: usize, free: usize) -> String {
    let volume = |name: String, provider: &str| {
        let properties = json!({"availability_zone": "us-west-2a", "size": 1});
        let volume =
            json!({"type": "aws:ec2:Volume", "properties": properties, "options": {"provider": provider}});
        (name, volume)
    };
    let resources: serde_json::Map<String, Value> = (0..throttled)
        .map(|number| volume(format!("a-volume-{number}"), "aws"))
        .chain((0..free).map(|number| volume(format!("b-volume-{number}"), "other")))
        .collect();
    json!({"name": "many", "plugins": plugins, "resources": resources}).to_string()
}

/// Says where the second account is.
fn stack(other: &AwsAccount) -> String {
    let keys =
        json!({"access_key_id": other.access_key_id(), "secret_access_key": other.secret_access_key()});
    let other = json!({"region": "us-west-2", "endpoint_url": other.url(), "credentials": keys});
    format!("{REGION}  other: {other}\n")
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

/// How many operations on one account's volumes were begun and had not ended, at most.
fn most_open(operations: &[(String, String)], account: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for (_, kind) in operations.iter().filter(|(name, _)| name.starts_with(account)) {
        match kind.as_str() {
            "started" => open += 1,
            "finished" | "failed" => open -= 1,
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// When the requests that create volumes came, in seconds since 1970.
fn creations(account: &AwsAccount) -> Vec<f64> {
    let requests = account.requests_of_konductor().into_iter();
    let creates = |request: &Value| request["body"].as_str().unwrap().contains("Action=CreateVolume");
    requests
        .filter(creates)
        .map(|request| request["time"].as_f64().unwrap())
        .collect()
}

/// How many requests the emulator was answering at once at most.
fn most_at_once(account: &AwsAccount) -> usize {
    let requests = account.requests_of_konductor();
    let at_once = requests
        .iter()
        .map(|request| request["at_once"].as_u64().unwrap());
    usize::try_from(at_once.max().unwrap()).unwrap()
}

fn run(project: &Project) -> Vec<(String, String)> {
    let parallelism = PARALLELISM.to_string();
    let finished = project.run(["run", "--yes", "--json", "--parallelism", &parallelism]);
    operations(&finished.succeeds().events())
}

#[test]
fn an_account_that_refuses_delays_no_other_and_what_waits_for_it_has_not_begun() {
    let (throttled, free) = (AwsAccount::open(), AwsAccount::open());
    throttled.limit(8, 8);
    let plugins = json!({"other": {"source": "bundled", "plugin": "aws"}});
    let text = declared(&plugins, THROTTLED, FREE);
    let project = Project::from_text(&text, &stack(&free)).with_account(&throttled);
    let operations = run(&project);

    // What the emulators say: everything is there, one had to refuse, and neither had more to answer than may run.
    assert_eq!(throttled.counts()["volumes"], THROTTLED);
    assert_eq!(free.counts()["volumes"], FREE);
    let (passed, refused) = throttled.limited();
    assert!(
        refused > 0 && refused < passed,
        "{passed} passed, {refused} refused"
    );
    assert!(most_at_once(&throttled) + most_at_once(&free) <= 2 * PARALLELISM);
    assert!(most_at_once(&throttled) <= PARALLELISM);

    // The other account's volumes, which come later in every order there is, were made long before.
    let (slow, fast) = (creations(&throttled), creations(&free));
    let last = fast.iter().copied().fold(f64::MIN, f64::max);
    let before = slow.iter().filter(|time| **time < last).count();
    assert!(
        before < slow.len() / 2,
        "{before} of {} came before the last of the other",
        slow.len()
    );

    // An operation begins when its first call can be made: of those that wait for the limit the log knows nothing.
    let open = most_open(&operations, "a-volume");
    assert!(open <= PARALLELISM, "{open} operations were open at once");
    project.assert_nothing_to_do();
}

#[test]
fn a_limit_that_is_configured_is_never_exceeded() {
    let account = AwsAccount::open();
    // What is configured, and room for requests that arrive closer together than they were sent.
    account.limit(10, 15);
    let limit = json!({"requests_per_second": 10, "burst": 5});
    let plugins = json!({"aws": {"source": "bundled", "rate_limit": limit}});
    let project = Project::from_text(&declared(&plugins, 20, 0), REGION).with_account(&account);
    let operations = run(&project);
    assert_eq!(account.counts()["volumes"], 20);
    let (passed, refused) = account.limited();
    assert_eq!(refused, 0, "of {}", passed + refused);
    let times: Vec<f64> = account
        .requests_of_konductor()
        .iter()
        .map(|request| request["time"].as_f64().unwrap())
        .collect();
    let took = times.last().unwrap() - times.first().unwrap();
    // Five go at once, and then one each tenth of a second.
    let least = (times.len() - 5) as f64 / 10.0;
    assert!(took > least - 0.5, "{took} s for {passed} requests, not {least}");
    assert!(most_open(&operations, "a-volume") <= PARALLELISM);
}

#[test]
fn as_many_calls_as_asked_for_are_made_at_once_and_no_more() {
    let account = AwsAccount::open();
    account.latency(Duration::from_millis(300));
    let text = declared(&json!({"aws": {"source": "bundled"}}), 18, 0);
    let project = Project::from_text(&text, REGION).with_account(&account);
    run(&project);
    assert_eq!(account.counts()["volumes"], 18);
    assert_eq!(most_at_once(&account), PARALLELISM);
}
