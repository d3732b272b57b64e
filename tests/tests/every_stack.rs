//! Several stacks of one project: all of them at once, in the order in which they read each other, and resources that
//! move from one to another.

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const AWS: &str = "config: { aws: { enabled: true, region: us-west-2 } }\n";

/// A network, two stacks that stand in it, and one that has nothing to do with it.
fn project(account: &AwsAccount) -> Project {
    let project = Project::empty().with_account(account);
    project.write("konductor.yaml", "name: shop\n");
    project.write(
        "konductor.zero-network.yaml",
        &format!(
            "{AWS}resources:\n  network:\n    type: aws:ec2:Vpc\n    properties: {{ cidr_block: 10.0.0.0/16 }}\noutputs: {{ vpc_id: \"${{network.id}}\" }}\n"
        ),
    );
    // By name they come before what they read.
    for (stack, block) in [("app", "10.0.1.0/24"), ("data", "10.0.2.0/24")] {
        project.write(
            &format!("konductor.{stack}.yaml"),
            &format!(
                "{AWS}resources:\n  subnet:\n    type: aws:ec2:Subnet\n    properties: {{ vpc_id: \"${{stack:zero-network.vpc_id}}\", cidr_block: {block} }}\n"
            ),
        );
    }
    project.write(
        "konductor.files.yaml",
        &format!(
            "{AWS}resources:\n  files:\n    type: aws:s3:Bucket\n    properties: {{ bucket: shop-files }}\n"
        ),
    );
    project
}

fn stacks(events: &[Value]) -> Value {
    let finished = events
        .iter()
        .find(|event| event["event"] == "stacks-finished")
        .unwrap();
    finished["stacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stack| (stack["stack"].as_str().unwrap().to_owned(), stack["exit"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn stacks_are_deployed_after_what_they_read_and_destroyed_before_it() {
    let account = AwsAccount::open();
    let project = project(&account);
    let finished = project.run(["run", "--all", "--yes", "--json"]).succeeds();
    let events = finished.events();
    assert_eq!(
        stacks(&events),
        json!({ "app": 0, "data": 0, "files": 0, "zero-network": 0 })
    );
    let contents = account.contents();
    let vpc = &contents["vpcs"][0]["VpcId"];
    let subnets = contents["subnets"].as_array().unwrap();
    assert_eq!(subnets.len(), 2);
    assert!(subnets.iter().all(|subnet| subnet["VpcId"] == *vpc));
    assert_eq!(contents["buckets"][0]["Name"], "shop-files");
    // Every line says whose it is.
    let created = events
        .iter()
        .filter(|event| event["event"] == "operation-finished");
    let mut by: Vec<&str> = created.map(|event| event["stack"].as_str().unwrap()).collect();
    by.sort_unstable();
    assert_eq!(by, ["app", "data", "files", "zero-network"]);

    project.run(["plan", "--all", "--detailed-exitcode"]).ends_with(0);
    project.edit("konductor.data.yaml", "10.0.2.0/24", "10.0.3.0/24");
    let pending = project
        .run(["plan", "--all", "--detailed-exitcode", "--json"])
        .ends_with(2);
    assert_eq!(
        stacks(&pending.events()),
        json!({ "app": 0, "data": 2, "files": 0, "zero-network": 0 })
    );

    project.run(["destroy", "--all", "--yes"]).succeeds();
    account.assert_empty();
}

#[test]
fn a_stack_that_fails_keeps_back_those_that_read_it_and_no_others() {
    let account = AwsAccount::open();
    let project = project(&account);
    // A block that AWS refuses, and the plugin too.
    project.edit("konductor.zero-network.yaml", "10.0.0.0/16", "10.0.0.0/8");
    let failed = project.run(["run", "--all", "--yes", "--json"]).ends_with(1);
    let events = failed.events();
    assert_eq!(
        stacks(&events),
        json!({ "app": null, "data": null, "files": 0, "zero-network": 1 })
    );
    let counts = account.counts();
    assert_eq!(counts, json!({ "buckets": 1 }));
}

#[test]
fn how_fresh_the_outputs_of_another_stack_are_is_told() {
    let account = AwsAccount::open();
    let project = project(&account);
    project
        .run(["plan", "--stack", "app"])
        .fails_saying("stack `zero-network` was never deployed");
    project
        .run(["run", "--yes", "--stack", "zero-network"])
        .succeeds();
    project
        .run(["run", "--dry-run", "--stack", "zero-network"])
        .succeeds();
    let read = |arguments: &[&str]| {
        let finished = project.run(arguments).succeeds();
        let events = finished.events();
        let read = events.iter().find(|event| event["event"] == "stack-read");
        read.cloned().unwrap_or_else(|| panic!("{finished}"))
    };
    let history = project
        .run(["history", "--json", "--stack", "zero-network"])
        .succeeds();
    let fresh = read(&["plan", "--json", "--stack", "app"]);
    assert_eq!(fresh["read"], "zero-network");
    // The run that changed something, and not the one that only looked.
    assert_eq!(fresh["confirmed"]["run"], history.events()[0]["run"]);
    assert_eq!(fresh["unconfirmed"], Value::Null);
    // A stack that reads no other opens none and says nothing of any.
    let alone = project.run(["plan", "--json", "--stack", "files"]).succeeds();
    assert!(!alone.stdout.contains("stack-read"), "{alone}");

    // A block that AWS refuses.
    project.edit("konductor.zero-network.yaml", "10.0.0.0/16", "10.0.0.0/8");
    project
        .run(["run", "--yes", "--stack", "zero-network"])
        .ends_with(1);
    let failed = read(&["plan", "--json", "--stack", "app"]);
    assert_eq!(failed["confirmed"], fresh["confirmed"]);
    assert_eq!(failed["unconfirmed"]["result"], "failed");
    let text = project.run(["plan", "--stack", "app"]).succeeds();
    assert!(
        text.stderr
            .contains("the outputs of `zero-network` may be out of date"),
        "{text}"
    );
}

#[test]
fn stacks_that_read_each_other_and_a_stack_beside_all_are_errors() {
    let account = AwsAccount::open();
    let project = project(&account);
    let both = project.run(["run", "--all", "--stack", "app"]).ends_with(1);
    assert!(both.stderr.contains("contradict each other"), "{both}");
    project.edit(
        "konductor.zero-network.yaml",
        "cidr_block: 10.0.0.0/16",
        "cidr_block: \"${stack:data.block}\"",
    );
    let circle = project.run(["run", "--all", "--yes"]).ends_with(1);
    assert!(
        circle
            .stderr
            .contains("stacks read each other: zero-network → data → zero-network"),
        "{circle}"
    );
    account.assert_empty();
}

#[test]
fn resources_move_to_another_stack_without_the_cloud_and_nothing_is_left_to_do() {
    let account = AwsAccount::open();
    let project = Project::empty().with_account(&account);
    project.write("konductor.yaml", "name: shop\n");
    let network = "  network:\n    type: aws:ec2:Vpc\n    properties: { cidr_block: 10.0.0.0/16 }\n";
    let files = "  files:\n    type: aws:s3:Bucket\n    properties: { bucket: shop-files }\n";
    let versions = "  versions:\n    type: aws:s3:BucketVersioning\n    properties: { bucket: \"${files.id}\", status: Enabled }\n";
    let both = format!("{AWS}resources:\n{network}{files}{versions}");
    project.write("konductor.one.yaml", &both);
    project.write("konductor.two.yaml", AWS);
    project.run(["run", "--yes", "--stack", "one"]).succeeds();
    project.run(["run", "--yes", "--stack", "two"]).succeeds();
    let before = account.contents();
    let requests = account.requests_of_konductor().len();

    // What depends on it has to come along.
    let needed = project
        .run(["state", "move", "files", "--to-stack", "two", "--stack", "one"])
        .ends_with(1);
    assert!(needed.stderr.contains("is needed by"), "{needed}");
    let arguments = [
        "state",
        "move",
        "files",
        "versions",
        "--to-stack",
        "two",
        "--stack",
        "one",
    ];
    project.run(arguments).succeeds();
    assert_eq!(
        account.requests_of_konductor().len(),
        requests,
        "the cloud was called"
    );

    project.write("konductor.one.yaml", &format!("{AWS}resources:\n{network}"));
    project.write(
        "konductor.two.yaml",
        &format!("{AWS}resources:\n{files}{versions}"),
    );
    project.run(["plan", "--all", "--detailed-exitcode"]).ends_with(0);
    assert_eq!(account.contents(), before);
    let history = project.run(["history", "--stack", "two"]).succeeds();
    assert!(history.stdout.contains("state move"), "{history}");
    for stack in ["one", "two"] {
        project.run(["log", "verify", "--stack", stack]).succeeds();
    }
    let again = project.run(arguments).ends_with(1);
    assert!(
        again.stderr.contains("nothing is recorded under `files`"),
        "{again}"
    );
    project.run(["destroy", "--all", "--yes"]).succeeds();
    account.assert_empty();
}
