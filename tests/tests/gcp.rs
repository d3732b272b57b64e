//! Google Cloud from beginning to end: the built binary against the simulated services, and the vendor's own client to
//! look into them.

use std::time::{Duration, Instant};

use konductor_tests::{GcpProject, Project, Signal, holds};
use serde_json::{Value, json};

const STACK: &str =
    "config:\n  gcp: { enabled: true, region: europe-west1, zone: europe-west1-b, labels: { team: shop } }\n";

const SHOP: &str = r#"name: shop
resources:
  network:
    type: gcp:compute:Network
    properties: { name: shop, auto_create_subnetworks: false }
  web-range:
    type: gcp:compute:Subnetwork
    properties: { name: web, network: "${network.self_link}", ip_cidr_range: 10.20.0.0/24 }
  https:
    type: gcp:compute:Firewall
    properties:
      name: https
      network: ${network.self_link}
      allowed: [{ ip_protocol: tcp, ports: ["443"] }]
      source_ranges: [10.0.0.0/8]
  front:
    type: gcp:compute:Address
    properties: { name: front }
  data:
    type: gcp:compute:Disk
    properties: { name: data, size_gb: 20 }
  web:
    type: gcp:compute:Instance
    properties:
      name: web
      machine_type: zones/europe-west1-b/machineTypes/e2-micro
      disks:
        - { boot: true, auto_delete: true, initialize_params: { source_image: projects/debian-cloud/global/images/family/debian-12 } }
      network_interfaces: [{ subnetwork: "${web-range.self_link}" }]
  assets:
    type: gcp:storage:Bucket
    properties: { name: shop-assets, location: EUROPE-WEST1 }
  zone:
    type: gcp:dns:ManagedZone
    properties: { name: shop, dns_name: shop.example.com., description: The shop }
  www:
    type: gcp:rest:Resource
    properties:
      type: dns/v1/resourceRecordSets
      parameters: { managedZone: "${zone.name}" }
      body: { name: www.shop.example.com., type: A, ttl: 300, rrdatas: ["${front.address}"] }
  orders:
    type: gcp:pubsub:Topic
    properties: { name: orders }
  billing:
    type: gcp:pubsub:Subscription
    properties: { name: billing, topic: "${orders.full_name}" }
  robot:
    type: gcp:iam:ServiceAccount
    properties: { account_id: shop-robot, display_name: The shop }
"#;

fn project(gcp: &GcpProject, text: &str) -> Project {
    Project::from_text(text, STACK).with_gcp(gcp)
}

/// Returns an object of Compute Engine as the vendor's client sees it.
#[track_caller]
fn compute(gcp: &GcpProject, collection: &str, arguments: Value) -> Value {
    let mut all = json!({"project": gcp.name()});
    all.as_object_mut()
        .unwrap()
        .extend(arguments.as_object().unwrap().clone());
    gcp.call("compute", "v1", &[collection, "get"], all)
}

/// Returns how often a request was made: a method, and what its target holds.
fn requests(gcp: &GcpProject, method: &str, target: &str) -> usize {
    gcp.requests()
        .iter()
        .filter(|request| request["method"] == method && request["target"].as_str().unwrap().contains(target))
        .count()
}

#[test]
fn a_stack_is_made_changed_replaced_and_removed() {
    let gcp = GcpProject::open();
    gcp.ask(&json!({"set": {"polls": 1}}));
    let shop = project(&gcp, SHOP);
    shop.run(["run", "--yes"]).succeeds();
    let expected = [
        ("compute.addresses", "front"),
        ("compute.disks", "data web"),
        ("compute.firewalls", "https"),
        ("compute.instances", "web"),
        ("compute.networks", "shop"),
        ("compute.subnetworks", "web"),
        ("dns.managedZones", "shop"),
        (
            "iam.serviceAccounts",
            "shop-robot@simulated.iam.gserviceaccount.com",
        ),
        ("pubsub.subscriptions", "billing"),
        ("pubsub.topics", "orders"),
        ("storage.buckets", "shop-assets"),
    ];
    let expected = expected
        .map(|(collection, names)| {
            (
                collection.to_owned(),
                names.split(' ').map(str::to_owned).collect(),
            )
        })
        .into();
    assert_eq!(gcp.names(), expected);
    shop.assert_nothing_to_do();
    shop.run(["refresh"]).succeeds();
    shop.assert_nothing_to_do();

    let web = compute(
        &gcp,
        "instances",
        json!({"zone": "europe-west1-b", "instance": "web"}),
    );
    let subnetwork = web["networkInterfaces"][0]["subnetwork"].as_str().unwrap();
    assert!(
        subnetwork.ends_with("/regions/europe-west1/subnetworks/web"),
        "{web}"
    );
    assert_eq!(
        web["labels"],
        json!({"team": "shop"}),
        "configured labels reach every resource"
    );
    let front = compute(
        &gcp,
        "addresses",
        json!({"region": "europe-west1", "address": "front"}),
    );
    let record = |name: &str| {
        let arguments = json!({"project": gcp.name(), "managedZone": "shop", "name": name, "type": "A"});
        gcp.call("dns", "v1", &["resourceRecordSets", "get"], arguments)
    };
    assert_eq!(
        record("www.shop.example.com.")["rrdatas"],
        json!([front["address"]])
    );

    changed_in_place(&gcp, &shop);
    assert_eq!(record("www.shop.example.com.")["ttl"], 60);
    replaced(&gcp, &shop);

    // Somebody else's changes are drift, and are undone.
    gcp.ask(
        &json!({"change": {"path": "compute/v1/projects/simulated/global/firewalls/https", "merge": {"sourceRanges": ["0.0.0.0/0"]}}}),
    );
    gcp.call(
        "pubsub",
        "v1",
        &["projects", "subscriptions", "delete"],
        json!({"subscription": "projects/simulated/subscriptions/billing"}),
    );
    let drift = shop.run(["drift", "--json"]).succeeds();
    let event = drift
        .events()
        .into_iter()
        .find(|event| event["event"] == "drift")
        .unwrap();
    assert_eq!(
        event["counts"],
        json!({"changed-outside": 1, "deleted-outside": 1}),
        "{event}"
    );
    shop.run(["refresh"]).succeeds();
    shop.assert_planned(&json!({"create": 1, "update": 1}));
    shop.run(["run", "--yes"]).succeeds();
    let https = compute(&gcp, "firewalls", json!({"firewall": "https"}));
    assert_eq!(https["sourceRanges"], json!(["10.0.0.0/8"]));
    shop.assert_nothing_to_do();

    shop.run(["destroy", "--yes"]).succeeds();
    gcp.assert_empty();
    nothing_secret_is_left_behind(&gcp, &shop);
}

/// Each of these is sent in another way: a patch, a method of its own, a mask, a patch that answers with an operation of
/// another form, and a generic body.
fn changed_in_place(gcp: &GcpProject, shop: &Project) {
    let objects = shop.objects();
    shop.edit("konductor.yaml", r#"ports: ["443"]"#, r#"ports: ["443", "8443"]"#);
    shop.edit("konductor.yaml", "size_gb: 20", "size_gb: 30");
    shop.edit("konductor.yaml", "display_name: The shop", "display_name: A shop");
    shop.edit("konductor.yaml", "description: The shop", "description: A shop");
    shop.edit("konductor.yaml", "ttl: 300", "ttl: 60");
    shop.assert_planned(&json!({"update": 5}));
    shop.run(["run", "--yes"]).succeeds();
    let https = compute(gcp, "firewalls", json!({"firewall": "https"}));
    assert_eq!(https["allowed"][0]["ports"], json!(["443", "8443"]), "{https}");
    let data = compute(gcp, "disks", json!({"zone": "europe-west1-b", "disk": "data"}));
    assert_eq!(data["sizeGb"], "30");
    let robot = gcp.call(
        "iam",
        "v1",
        &["projects", "serviceAccounts", "get"],
        json!({"name": "projects/simulated/serviceAccounts/shop-robot@simulated.iam.gserviceaccount.com"}),
    );
    assert_eq!(robot["displayName"], "A shop");
    assert_eq!(shop.objects(), objects, "nothing was made anew");
    shop.assert_nothing_to_do();

    // Labels have a method of their own, and every resource that takes them gets them.
    shop.edit(
        "konductor.dev.yaml",
        "labels: { team: shop }",
        "labels: { team: store }",
    );
    shop.run(["run", "--yes"]).succeeds();
    let data = compute(gcp, "disks", json!({"zone": "europe-west1-b", "disk": "data"}));
    assert_eq!(data["labels"], json!({"team": "store"}));
    shop.assert_nothing_to_do();
}

/// Where a bucket is and what a subnetwork belongs to cannot be changed.
fn replaced(gcp: &GcpProject, shop: &Project) {
    shop.edit(
        "konductor.yaml",
        "location: EUROPE-WEST1",
        "location: EUROPE-NORTH1",
    );
    shop.edit("konductor.yaml", "{ name: front }", "{ name: entrance }");
    // The record follows the address that it refers to.
    shop.assert_planned(&json!({"replace": 2, "update": 1}));
    shop.run(["run", "--yes"]).succeeds();
    let bucket = gcp.call(
        "storage",
        "v1",
        &["buckets", "get"],
        json!({"bucket": "shop-assets"}),
    );
    assert_eq!(bucket["location"], "EUROPE-NORTH1");
    assert_eq!(gcp.names()["compute.addresses"], ["entrance"]);
    shop.assert_nothing_to_do();
}

/// What authenticates is the host's: no token and no key is in what the runs left behind.
fn nothing_secret_is_left_behind(gcp: &GcpProject, shop: &Project) {
    let log = std::fs::read(shop.state_file("dev")).unwrap();
    let tokens = gcp.ask(&json!({"tokens": {}}));
    let tokens = tokens.as_array().unwrap();
    assert!(!tokens.is_empty());
    for token in tokens {
        assert!(!holds(&log, token.as_str().unwrap()));
    }
    let key = gcp.private_key().lines().nth(1).unwrap();
    assert!(!holds(&log, key));
}

#[test]
fn what_google_does_not_allow_is_told_before_anything_is_sent() {
    let gcp = GcpProject::open();
    let wrong = "name: wrong
resources:
  network:
    type: gcp:rest:Resource
    properties:
      type: compute/v1/networks
      body: { name: Shop, autoCreateSubnetwork: false, selfLink: x, mtu: large }
";
    let refused = project(&gcp, wrong).run(["run", "--yes"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    for said in [
        "body.autoCreateSubnetwork: there is no property",
        "did you mean `autoCreateSubnetworks`?",
        "`selfLink` is set by Google",
        "expected integer",
        "`Shop` does not have the form it must have",
        "konductor.yaml",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {refused}");
    }
    assert!(gcp.requests().is_empty());
}

const NETWORK: &str = "name: network
resources:
  network:
    type: gcp:compute:Network
    properties: { name: shop, auto_create_subnetworks: false }
  range:
    type: gcp:compute:Subnetwork
    properties: { name: web, network: \"${network.self_link}\", ip_cidr_range: 10.20.0.0/24 }
  topic:
    type: gcp:pubsub:Topic
    properties: { name: orders }
";

#[test]
fn faults_expired_tokens_and_operations_that_fail_late_are_survived() {
    let gcp = GcpProject::open();
    gcp.ask(&json!({"set": {"polls": 1}}));
    let project = project(&gcp, NETWORK);
    for fault in [
        json!({"match": "POST .*/global/networks$", "status": 500, "reason": "backendError"}),
        json!({"match": "POST .*/global/networks$", "status": 429, "reason": "rateLimitExceeded"}),
        json!({"match": "POST .*/subnetworks$", "status": 403, "reason": "rateLimitExceeded"}),
        json!({"match": "GET .*/operations/", "status": 503, "reason": "backendError"}),
        json!({"match": "PUT .*/topics/orders$", "status": 503, "reason": "UNAVAILABLE"}),
        json!({"match": "POST .*/subnetworks$", "expire": true}),
        json!({"match": "GET .*/operations/", "expire": true}),
    ] {
        gcp.ask(&json!({"fail": fault}));
    }
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    let given = gcp.ask(&json!({"tokens": {}})).as_array().unwrap().len();
    assert!(given >= 3, "a token that has ended is renewed: {given}");

    // Late: the change is accepted, and its operation ends badly.
    gcp.ask(&json!({"fail": {"match": "POST .*/subnetworks/web", "late": true, "reason": "QUOTA_EXCEEDED"}}));
    project.edit("konductor.yaml", "10.20.0.0/24", "10.20.0.0/20");
    let failed = project.run(["run", "--yes"]);
    assert_ne!(failed.code, Some(0), "{failed}");
    assert!(
        failed.stderr.contains("QUOTA_EXCEEDED: it failed in the end"),
        "{failed}"
    );
    project.run(["run", "--yes"]).succeeds();
    let range = compute(
        &gcp,
        "subnetworks",
        json!({"region": "europe-west1", "subnetwork": "web"}),
    );
    assert_eq!(range["ipCidrRange"], "10.20.0.0/20");
    project.assert_nothing_to_do();
    project.run(["destroy", "--yes"]).succeeds();
    gcp.assert_empty();
}

#[test]
fn a_create_whose_operation_fails_leaves_nothing_and_is_made_by_the_next_run() {
    let gcp = GcpProject::open();
    gcp.ask(&json!({"set": {"polls": 1}}));
    let project = project(&gcp, NETWORK);
    gcp.ask(
        &json!({"fail": {"match": "POST .*/global/networks/shop", "late": true, "reason": "QUOTA_EXCEEDED"}}),
    );
    let failed = project.run(["run", "--yes"]);
    assert_ne!(failed.code, Some(0), "{failed}");
    assert!(
        failed.stderr.contains("QUOTA_EXCEEDED: it failed in the end"),
        "{failed}"
    );
    assert!(!gcp.names().contains_key("compute.networks"));
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["destroy", "--yes"]).succeeds();
    gcp.assert_empty();
}

#[test]
fn a_run_that_is_killed_while_google_works_is_finished_by_the_next() {
    let gcp = GcpProject::open();
    let project = project(&gcp, NETWORK);
    // The operation goes on for as long as this test wants.
    gcp.ask(&json!({"set": {"polls": 1_000_000}}));
    let run = project.start(["run", "--yes", "--json"]);
    let began = Instant::now();
    while requests(&gcp, "GET", "/global/operations/") == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the operation should be asked for"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    run.signal(Signal::KILL);
    run.finish();

    gcp.ask(&json!({"set": {"polls": 1}}));
    assert_eq!(requests(&gcp, "POST", "/global/networks"), 1);
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        requests(&gcp, "POST", "/global/networks"),
        1,
        "what was begun is gone on with, and not made again"
    );
    project.assert_nothing_to_do();
    assert_eq!(gcp.names()["compute.networks"], ["shop"]);
    project.run(["destroy", "--yes"]).succeeds();
    gcp.assert_empty();
}

#[test]
fn a_run_killed_before_any_entry_is_finished_by_the_next_run() {
    let gcp = GcpProject::open();
    gcp.ask(&json!({"set": {"polls": 0}}));
    let made = ["compute.networks", "compute.subnetworks", "pubsub.topics"];
    for boundary in 1.. {
        let project = project(&gcp, NETWORK);
        let crashed = project.run_with(
            ["run", "--yes"],
            &[("KONDUCTOR_CRASH_BEFORE", &boundary.to_string())],
        );
        let done = crashed.code == Some(0);
        assert!(done || crashed.signal == Some(9), "{boundary}: {crashed}");
        project.run(["run", "--yes"]).succeeds();
        let names = gcp.names();
        assert_eq!(names.keys().map(String::as_str).collect::<Vec<_>>(), made);
        assert!(names.values().all(|names| names.len() == 1), "{names:?}");
        project.assert_nothing_to_do();
        project.run(["destroy", "--yes"]).succeeds();
        gcp.assert_empty();
        if done {
            // Three creates with a begin and an end each.
            assert!(boundary > 6, "{boundary}");
            return;
        }
    }
}

#[test]
fn what_others_made_is_imported_and_then_plans_nothing() {
    let gcp = GcpProject::open();
    gcp.ask(&json!({"set": {"polls": 0}}));
    // Made by the vendor's client.
    let insert = |collection: &str, arguments: Value| {
        gcp.call("compute", "v1", &[collection, "insert"], arguments);
    };
    insert(
        "networks",
        json!({"project": "simulated", "body": {"name": "shop", "autoCreateSubnetworks": false}}),
    );
    insert(
        "subnetworks",
        json!({"project": "simulated", "region": "europe-west1",
            "body": {"name": "web", "network": "global/networks/shop", "ipCidrRange": "10.20.0.0/24"}}),
    );
    gcp.call(
        "pubsub",
        "v1",
        &["projects", "topics", "create"],
        json!({"name": "projects/simulated/topics/orders", "body": {"labels": {"team": "shop"}}}),
    );
    let project = project(&gcp, NETWORK);
    for (kind, name, link) in [
        (
            "gcp:compute:Network",
            "network",
            "https://www.googleapis.com/compute/v1/projects/simulated/global/networks/shop",
        ),
        (
            "gcp:compute:Subnetwork",
            "range",
            "https://compute.googleapis.com/compute/v1/projects/simulated/regions/europe-west1/subnetworks/web",
        ),
        (
            "gcp:pubsub:Topic",
            "topic",
            "https://pubsub.googleapis.com/v1/projects/simulated/topics/orders",
        ),
    ] {
        project.run(["import", kind, name, link]).succeeds();
    }
    project.assert_nothing_to_do();
    let unknown = project.run([
        "import",
        "gcp:rest:Resource",
        "other",
        "https://compute.googleapis.com/compute/v1/projects/simulated/global/networks/nothing",
    ]);
    assert_ne!(unknown.code, Some(0), "{unknown}");
    project.run(["destroy", "--yes"]).succeeds();
    gcp.assert_empty();
}

#[test]
fn many_objects_are_read_page_by_page() {
    let gcp = GcpProject::open();
    gcp.ask(&json!({"set": {"polls": 0}}));
    let count = 60;
    let resources: serde_json::Map<String, Value> = (0..count)
        .map(|number| {
            let properties = json!({"name": format!("address-{number}")});
            (
                format!("address-{number}"),
                json!({"type": "gcp:compute:Address", "properties": properties}),
            )
        })
        .collect();
    let project = project(&gcp, &json!({"name": "many", "resources": resources}).to_string());
    project.run(["run", "--yes"]).succeeds();
    gcp.ask(&json!({"set": {"page": 25}}));
    gcp.ask(&json!({"remove": {"path": "compute/v1/projects/simulated/regions/europe-west1/addresses/address-40"}}));
    gcp.ask(&json!({"calls": {}}));
    let drift = project.run(["drift", "--json"]).succeeds();
    let event = drift
        .events()
        .into_iter()
        .find(|event| event["event"] == "drift")
        .unwrap();
    assert_eq!(event["objects"], count);
    assert_eq!(event["counts"], json!({"deleted-outside": 1}), "{event}");
    // Three pages, and not sixty reads; what is missing in them may be asked for by itself.
    let calls = gcp.ask(&json!({"calls": {}}));
    let total: u64 = calls
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert!(total <= 4, "{calls}");
    project.run(["destroy", "--yes"]).succeeds();
    gcp.assert_empty();
}

const GOVERNED: &str = r#"name: governed
resources:
  uniform:
    type: gcp:orgpolicy:Policy
    properties:
      parent: projects/simulated
      name: storage.uniformBucketLevelAccess
      spec: { rules: [{ enforce: true }] }
  places:
    type: gcp:orgpolicy:Policy
    properties:
      parent: projects/simulated
      name: gcp.resourceLocations
      spec: { rules: [{ values: { allowed_values: ["in:europe-locations"] } }] }
  upgraded:
    type: gcp:orgpolicy:CustomConstraint
    properties:
      parent: organizations/1234567890
      name: custom.nodesUpgraded
      resource_types: [container.googleapis.com/NodePool]
      method_types: [CREATE, UPDATE]
      condition: resource.management.autoUpgrade == false
      action_type: DENY
  upgraded-here:
    type: gcp:orgpolicy:Policy
    properties: { parent: projects/simulated, name: "${upgraded.name}", spec: { rules: [{ enforce: true }] } }
  findings:
    type: gcp:pubsub:Topic
    properties: { name: findings }
  told:
    type: gcp:securitycenter:NotificationConfig
    properties:
      parent: organizations/1234567890
      name: active
      pubsub_topic: ${findings.full_name}
      streaming_config: { filter: 'state = "ACTIVE"' }
  konductor:
    type: gcp:securitycenter:Source
    options: { retain_on_delete: true }
    properties: { parent: organizations/1234567890, display_name: Konductor }
  orders:
    type: gcp:securitycenter:Finding
    properties:
      source: ${konductor.full_name}
      category: NO_OWNER
      resource_name: //storage.googleapis.com/shop-orders
      severity: MEDIUM
      compliances: [{ standard: nist, version: r5, ids: [cm-8] }]
"#;

#[test]
fn the_clouds_own_tools_are_switched_on_fed_and_switched_off_again() {
    let gcp = GcpProject::open();
    let project = project(&gcp, GOVERNED);
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["refresh"]).succeeds();
    project.assert_nothing_to_do();

    let policy = |name: &str| {
        let name = format!("projects/{}/policies/{name}", gcp.name());
        gcp.call(
            "orgpolicy",
            "v2",
            &["projects", "policies", "get"],
            json!({"name": name}),
        )
    };
    assert_eq!(
        policy("storage.uniformBucketLevelAccess")["spec"]["rules"],
        json!([{"enforce": true}])
    );
    assert_eq!(
        policy("custom.nodesUpgraded")["spec"]["rules"],
        json!([{"enforce": true}])
    );
    let sources = gcp.call(
        "securitycenter",
        "v1",
        &["organizations", "sources", "list"],
        json!({"parent": "organizations/1234567890"}),
    );
    let source = sources["sources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|source| source["displayName"] == "Konductor")
        .unwrap()["name"]
        .clone();
    let found = || {
        let all = gcp.call(
            "securitycenter",
            "v1",
            &["organizations", "sources", "findings", "list"],
            json!({"parent": source}),
        );
        let all = all["listFindingsResults"].as_array().unwrap().clone();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0]["finding"].clone()
    };
    assert_eq!(
        (&found()["state"], &found()["compliances"][0]["ids"]),
        (&json!("ACTIVE"), &json!(["cm-8"]))
    );

    project.edit("konductor.yaml", "severity: MEDIUM", "severity: HIGH");
    project.edit(
        "konductor.yaml",
        "[\"in:europe-locations\"]",
        "[\"in:europe-west1-locations\"]",
    );
    project.assert_planned(&json!({"update": 2}));
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(found()["severity"], "HIGH");

    // Somebody lets everything pass, and closes the finding.
    let path = format!(
        "v2/projects/{}/policies/storage.uniformBucketLevelAccess",
        gcp.name()
    );
    gcp.ask(&json!({"change": {"path": path, "merge": {"spec": {"rules": [{"enforce": false}]}}}}));
    let path = format!("v1/{}", found()["name"].as_str().unwrap());
    gcp.ask(&json!({"change": {"path": path, "merge": {"state": "INACTIVE"}}}));
    project.run(["refresh"]).succeeds();
    project.assert_planned(&json!({"update": 1, "create": 1}));
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        policy("storage.uniformBucketLevelAccess")["spec"]["rules"],
        json!([{"enforce": true}])
    );
    assert_eq!(found()["state"], "ACTIVE");
    project.assert_nothing_to_do();

    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(found()["state"], "INACTIVE");
    // The source is all that is left.
    let left = gcp.ask(&json!({"contents": {}}));
    assert_eq!(
        left.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["organizations.sources"]
    );
    assert_eq!(gcp.ask(&json!({"faults": {}})), json!([]));
}
