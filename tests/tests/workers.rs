//! Stacks that are handed over to workers: each worker a process with a folder of its own, the queue and the state in a
//! PostgreSQL server. What came of it is read by boto3 and psql.

use std::collections::BTreeMap;

use konductor_tests::{AwsAccount, PostgreSqlServer, Project, Running, Signal};
use serde_json::{Value, json};

const AWS: &str = "config: { aws: { enabled: true, region: us-west-2 } }\n";

struct Team {
    server: PostgreSqlServer,
    account: AwsAccount,
    workers: &'static str,
}

impl Team {
    fn open(workers: &'static str) -> Self {
        Self {
            server: PostgreSqlServer::open(),
            account: AwsAccount::open(),
            workers,
        }
    }

    /// A machine with the project on it: a network, two stacks that stand in it, and one by itself.
    fn machine(&self) -> Project {
        let machine = Project::empty().with_account(&self.account);
        machine.write(
            "konductor.yaml",
            &format!(
                "name: shop\nstate: {{ backend: postgresql, url: \"{}\" }}\nworkers: {}\n",
                self.server.url(),
                self.workers
            ),
        );
        machine.write(
            "konductor.zero-network.yaml",
            &format!(
                "{AWS}resources:\n  network:\n    type: aws:ec2:Vpc\n    properties: {{ cidr_block: 10.0.0.0/16 }}\noutputs: {{ vpc_id: \"${{network.id}}\" }}\n"
            ),
        );
        for (stack, block) in [("app", "10.0.1.0/24"), ("data", "10.0.2.0/24")] {
            machine.write(
                &format!("konductor.{stack}.yaml"),
                &format!(
                    "{AWS}resources:\n  subnet:\n    type: aws:ec2:Subnet\n    properties: {{ vpc_id: \"${{stack:zero-network.vpc_id}}\", cidr_block: {block} }}\n"
                ),
            );
        }
        machine.write(
            "konductor.files.yaml",
            &format!(
                "{AWS}resources:\n  files:\n    type: aws:s3:Bucket\n    properties: {{ bucket: shop-files }}\n  versions:\n    type: aws:s3:BucketVersioning\n    properties: {{ bucket: \"${{files.id}}\", status: Enabled }}\n"
            ),
        );
        machine
    }

    fn work(&self) -> String {
        self.server
            .query("SELECT stack, state, coalesce(exit::text, '-') FROM konductor_work ORDER BY id")
    }
}

fn joined(machine: &Project, arguments: &[&str]) -> Running {
    let mut worker = machine.start([&["worker", "--json"], arguments].concat());
    worker.wait_for_event("worker-started");
    worker
}

fn stacks(events: &[Value]) -> Value {
    let finished = events
        .iter()
        .find(|event| event["event"] == "stacks-finished")
        .unwrap_or_else(|| panic!("should end with how the stacks ended: {events:#?}"));
    finished["stacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stack| (stack["stack"].as_str().unwrap().to_owned(), stack["exit"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Waits until the process that works on `files` has heard that it is to stop.
fn told_to_stop(worker: &mut Running) {
    worker.wait_for_line("that the stack is to stop", |line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["event"] == "stopping" && event["stack"] == "files"
    });
}

/// Checks that every line follows the documented schema.
fn documented(events: &[Value]) {
    let path = konductor_tests::root().join("docs/events.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for event in events {
        let problems: Vec<String> = validator
            .iter_errors(event)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{problems:?}\n{event}");
    }
}

#[test]
fn stacks_are_handed_over_and_done_by_workers_in_the_order_in_which_they_read_each_other() {
    let team = Team::open("{}");
    let (desk, first, second) = (team.machine(), team.machine(), team.machine());
    let workers = [
        joined(&first, &["--name", "first", "--stacks-at-once", "2"]),
        joined(&second, &["--name", "second", "--stacks-at-once", "2"]),
    ];
    let finished = desk
        .run(["run", "--all", "--yes", "--workers", "--json"])
        .succeeds();
    let events = finished.events();
    assert_eq!(
        stacks(&events),
        json!({ "app": 0, "data": 0, "files": 0, "zero-network": 0 })
    );
    let contents = team.account.contents();
    let vpc = &contents["vpcs"][0]["VpcId"];
    let subnets = contents["subnets"].as_array().unwrap();
    assert_eq!(subnets.len(), 2);
    assert!(subnets.iter().all(|subnet| subnet["VpcId"] == *vpc));
    assert_eq!(contents["buckets"][0]["Name"], "shop-files");
    // What the processes said came back, with their stacks.
    let created = events
        .iter()
        .filter(|event| event["event"] == "operation-finished");
    let mut by: Vec<&str> = created.map(|event| event["stack"].as_str().unwrap()).collect();
    by.sort_unstable();
    assert_eq!(by, ["app", "data", "files", "files", "zero-network"]);
    // The log says who did it: not the desk.
    let runs = team
        .server
        .query("SELECT DISTINCT worker FROM konductor_work ORDER BY worker");
    assert!(
        ["first", "second", "first\nsecond"].contains(&runs.as_str()),
        "{runs}"
    );

    desk.run(["plan", "--all", "--workers", "--detailed-exitcode"])
        .ends_with(0);
    for machine in [&desk, &first, &second] {
        machine.edit("konductor.data.yaml", "10.0.2.0/24", "10.0.3.0/24");
    }
    let pending = desk
        .run(["plan", "--all", "--workers", "--detailed-exitcode", "--json"])
        .ends_with(2);
    assert_eq!(
        stacks(&pending.events()),
        json!({ "app": 0, "data": 2, "files": 0, "zero-network": 0 })
    );
    let drift = desk
        .run(["queue", "submit", "drift", "--stack", "files"])
        .succeeds();
    assert!(drift.stdout.contains("[files]"), "{drift}");
    let listed = desk.run(["queue", "list", "--json"]).succeeds().events();
    documented(&events);
    documented(&listed);
    let shown = desk.run(["queue", "show", "1", "--json"]).succeeds().events();
    assert_eq!((&shown[0]["event"], &shown[0]["id"]), (&json!("work"), &json!(1)));
    documented(&shown);
    let known: Vec<&Value> = listed
        .iter()
        .filter(|event| event["event"] == "worker")
        .map(|event| &event["worker"])
        .collect();
    assert_eq!(known, ["first", "second"]);

    desk.run(["destroy", "--all", "--yes", "--workers"]).succeeds();
    team.account.assert_empty();
    for worker in workers {
        worker.signal(Signal::TERM);
        let ended = worker.finish().succeeds();
        assert_eq!(ended.events().last().unwrap()["event"], "worker-ended");
        documented(&ended.events());
    }
    assert_eq!(team.server.query("SELECT count(*) FROM konductor_worker"), "0");
}

#[test]
fn a_stack_that_fails_keeps_back_what_reads_it_until_it_is_retried() {
    let team = Team::open("{}");
    let (desk, machine) = (team.machine(), team.machine());
    for project in [&desk, &machine] {
        project.edit("konductor.zero-network.yaml", "10.0.0.0/16", "10.0.0.0/8");
    }
    desk.run(["run", "--all", "--yes", "--workers", "--detach"])
        .succeeds();
    machine.run(["worker", "--until-empty"]).succeeds();
    assert_eq!(
        team.work(),
        "app|left-out|-\ndata|left-out|-\nfiles|succeeded|0\nzero-network|failed|1"
    );
    assert_eq!(team.account.counts(), json!({ "buckets": 1 }));
    let shown = desk.run(["queue", "show", "4"]).succeeds();
    assert!(
        shown.stdout.contains("10.0.0.0/8"),
        "what went wrong is told: {shown}"
    );
    for project in [&desk, &machine] {
        project.edit("konductor.zero-network.yaml", "10.0.0.0/8", "10.0.0.0/16");
    }
    let retried = desk.run(["queue", "retry", "1", "--json"]).succeeds();
    assert_eq!(
        retried.events()[0]["work"],
        json!([1, 2, 4]),
        "with what it needs, and what that had kept back"
    );
    // Whoever has other files takes nothing of it.
    let behind = team.machine();
    behind.edit("konductor.files.yaml", "shop-files", "other-files");
    let mut idle = joined(&behind, &["--name", "behind"]);
    machine.run(["worker", "--until-empty"]).succeeds();
    assert_eq!(
        team.work(),
        "app|succeeded|0\ndata|succeeded|0\nfiles|succeeded|0\nzero-network|succeeded|0"
    );
    idle.signal(Signal::TERM);
    idle.wait_for_event("worker-ended");
    let told = idle.finish().succeeds().stdout;
    assert!(!told.contains("work-taken"), "{told}");
    assert_eq!(
        team.account.counts(),
        json!({ "vpcs": 1, "subnets": 2, "buckets": 1 })
    );
    desk.run(["queue", "retry", "3"]).ends_with(1);
    desk.run(["queue", "show", "99"]).ends_with(1);
}

#[test]
fn a_worker_that_is_stopped_gives_its_work_back_and_another_finishes_it() {
    let team = Team::open("{ lease: 1h }");
    let (desk, first, second) = (team.machine(), team.machine(), team.machine());
    // Nothing is let through, so what is begun is tried again and again.
    team.account.limit(0, 0);
    desk.run([
        "queue", "submit", "run", "--stack", "files", "--detach", "--json", "--", "--yes",
    ])
    .succeeds();
    let mut worker = joined(&first, &["--grace", "0s"]);
    worker.wait_for_event("work-taken");
    worker.wait_for_event("operation-started");
    worker.signal(Signal::TERM);
    told_to_stop(&mut worker);
    // What is in flight is finished, and nothing else begun.
    team.account.limit(1_000, 1_000);
    let ended = worker.wait_for_event("work-ended");
    assert_eq!(
        (&ended["ending"], &ended["counted"]),
        (&json!("given-back"), &json!(true))
    );
    worker.finish().succeeds();
    assert_eq!(
        team.server.query("SELECT state, attempts FROM konductor_work"),
        "waiting|0",
        "the lease of an hour is not waited for"
    );
    assert_eq!(team.account.counts(), json!({ "buckets": 1 }));
    second.run(["worker", "--until-empty"]).succeeds();
    assert_eq!(team.work(), "files|succeeded|0");
    let bucket = json!({ "Bucket": "shop-files" });
    let versions = team.account.call("s3", "get_bucket_versioning", bucket);
    assert_eq!(versions["Status"], "Enabled");
}

#[test]
fn an_interrupt_of_the_one_who_waits_cancels_the_work() {
    let team = Team::open("{ lease: 2s }");
    let (desk, machine) = (team.machine(), team.machine());
    team.account.limit(0, 0);
    let mut waiting = desk.start(["run", "--all", "--yes", "--workers", "--json"]);
    waiting.wait_for_event("work-submitted");
    let mut worker = joined(&machine, &["--stacks-at-once", "1"]);
    worker.wait_for_event("work-taken");
    worker.wait_for_event("operation-started");
    waiting.wait_for_event("stack-started");
    waiting.signal(Signal::INT);
    told_to_stop(&mut worker);
    team.account.limit(1_000, 1_000);
    let finished = waiting.finish().ends_with(130);
    assert_eq!(
        team.server
            .query("SELECT state, count(*) FROM konductor_work GROUP BY state"),
        "cancelled|4"
    );
    assert_eq!(stacks(&finished.events())["files"], 130);
    worker.signal(Signal::TERM);
    worker.finish().succeeds();
}

/// What came of each time of the schedule.
fn by_time(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["event"] == "watch-submitted") {
        let text = |member: &str| event[member].as_str().unwrap().to_owned();
        found.entry(text("due")).or_default().push(text("result"));
    }
    found
}

#[test]
fn a_time_of_a_schedule_is_handed_over_once_however_many_watch_and_workers_tell_of_drift() {
    let team = Team::open("{}");
    let machines = [0; 3].map(|_| {
        let machine = team.machine();
        machine.edit(
            "konductor.files.yaml",
            AWS,
            "config:\n  aws: { enabled: true, region: us-west-2 }\n  drift:\n    schedule: \"* * * * * *\"\n    jitter: 0\n    alerts: [{ name: here, command: [sh, -c, \"cat >> told\"] }]\n",
        );
        machine
    });
    let watch = |machine: &Project| machine.start(["watch", "--workers", "--json"]);
    machines[0].run(["run", "--yes", "--stack", "files"]).succeeds();

    // While nobody takes a check there is no other.
    let mut alone = watch(&machines[0]);
    for expected in ["submitted", "behind", "behind"] {
        assert_eq!(alone.wait_for_event("watch-submitted")["result"], expected);
    }
    alone.signal(Signal::INT);
    documented(&alone.finish().succeeds().events());
    assert_eq!(team.work(), "files|waiting|-");

    let mut worker = joined(&machines[2], &["--name", "third"]);
    let mut watching = [watch(&machines[0]), watch(&machines[1])];
    for _ in 0..3 {
        assert_eq!(worker.wait_for_event("work-ended")["ending"], "succeeded");
    }
    assert!(!machines[2].folder().join("told").exists());
    team.account
        .call("s3", "delete_bucket", json!({ "Bucket": "shop-files" }));
    for _ in 0..3 {
        assert_eq!(worker.wait_for_event("work-ended")["ending"], "succeeded");
    }
    for watching in &mut watching {
        watching.wait_for_event("watch-submitted");
        watching.signal(Signal::INT);
    }
    let ended = watching.map(|watching| watching.finish().succeeds().events());
    worker.signal(Signal::TERM);
    let told = worker.finish().succeeds().events();

    let [one, two] = [by_time(&ended[0]), by_time(&ended[1])];
    let both: Vec<&String> = one.keys().filter(|due| two.contains_key(*due)).collect();
    assert!(both.len() >= 5, "{one:?} {two:?}");
    for due in both {
        let results: Vec<&String> = one[due].iter().chain(&two[due]).collect();
        let known = results.iter().filter(|result| **result == "known").count();
        assert_eq!((results.len(), known), (2, 1), "{due}: {results:?}");
    }
    let submitted = one
        .values()
        .chain(two.values())
        .flatten()
        .filter(|result| *result == "submitted")
        .count();
    assert_eq!(
        team.server
            .query("SELECT count(*) FROM konductor_work WHERE command = 'check'"),
        (submitted + 1).to_string()
    );
    // The history is where it is without workers, and who is to be told was told once.
    let log = machines[1]
        .run(["log", "show", "--all", "--stack", "files", "--json"])
        .succeeds();
    let entries: Vec<Value> = log
        .events()
        .into_iter()
        .map(|mut event| event["content"]["entry"].take())
        .collect();
    let count = |kind: &str| entries.iter().filter(|entry| **entry == kind).count();
    let checked = told.iter().filter(|event| event["event"] == "work-ended").count();
    assert_eq!(count("drift-checked"), checked);
    assert_eq!(count("drift-told"), 1);
    let alert = machines[2].read("told");
    assert!(alert.contains("deleted outside"), "{alert}");
    documented(&ended.concat());

    let refused = machines[0]
        .run(["watch", "--workers", "--set", "a.b=1"])
        .ends_with(1);
    refused.says("`--set` cannot be handed over");
}

#[test]
fn what_cannot_be_handed_over_is_refused_with_what_to_do() {
    let account = AwsAccount::open();
    let team = Team {
        server: PostgreSqlServer::open(),
        account,
        workers: "{}",
    };
    let desk = team.machine();
    let refused = |arguments: &[&str], text: &str| {
        let refused = desk.run(arguments).ends_with(1);
        assert!(refused.stderr.contains(text), "{refused}\nshould say {text}");
    };
    refused(&["run", "--all", "--workers"], "workers cannot ask anybody");
    refused(&["run", "--workers", "--yes"], "--all");
    refused(
        &["run", "--all", "--workers", "--yes", "--set", "a.b=1"],
        "`--set` and `--policy` are of this machine",
    );
    refused(
        &["run", "--all", "--workers", "--yes", "--simulate"],
        "a simulated cloud is a file of this machine",
    );
    refused(&["worker", "--stack", "app"], "takes work on every stack");
    refused(&["queue", "submit", "run", "--", "--sett"], "--sett");
    refused(
        &[
            "queue", "submit", "plan", "--", "--out", "plan.bin", "--set", "a=1",
        ],
        "`--set`, `--out` cannot be handed over",
    );
    refused(
        &["run", "--all", "--workers", "--yes", "--stack", "app"],
        "`--all` and `--stack` contradict each other",
    );
    assert_eq!(
        team.server.query("SELECT to_regclass('konductor_work') IS NULL"),
        "t",
        "nothing was handed over"
    );
    desk.edit("konductor.yaml", "workers: {}\n", "");
    refused(&["worker"], "the project has no workers");
    desk.write(
        "konductor.yaml",
        "name: shop\nworkers: { url: \"postgresql://db.example/work\" }\n",
    );
    refused(&["worker"], "the state is in files of this machine");
}
