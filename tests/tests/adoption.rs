//! Taking over what exists: by hand, by discovery, and from the state of other tools. The cloud is not changed.

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const PROJECT: &str = "name: shop\n";
const STACK: &str = "# the stack\nconfig: { aws: { enabled: true, region: us-west-2 } }\n";

/// What another tool made: through boto3, so that Konductor knows nothing of it.
struct Made {
    vpc: Value,
    subnet: Value,
    table: Value,
    gateway: Value,
    bucket: Value,
}

fn make(account: &AwsAccount) -> Made {
    let tags = |kind: &str| json!([{ "ResourceType": kind, "Tags": [{ "Key": "Name", "Value": "made elsewhere" }] }]);
    let vpc = account.call(
        "ec2",
        "create_vpc",
        json!({ "CidrBlock": "10.0.0.0/16", "TagSpecifications": tags("vpc") }),
    )["Vpc"]["VpcId"]
        .clone();
    let subnet = account.call(
        "ec2",
        "create_subnet",
        json!({ "VpcId": vpc, "CidrBlock": "10.0.1.0/24" }),
    )["Subnet"]["SubnetId"]
        .clone();
    let gateway =
        account.call("ec2", "create_internet_gateway", json!({}))["InternetGateway"]["InternetGatewayId"]
            .clone();
    account.call(
        "ec2",
        "attach_internet_gateway",
        json!({ "InternetGatewayId": gateway, "VpcId": vpc }),
    );
    let table =
        account.call("ec2", "create_route_table", json!({ "VpcId": vpc }))["RouteTable"]["RouteTableId"]
            .clone();
    let route = json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway });
    account.call("ec2", "create_route", route);
    let bucket = json!("shop-made-elsewhere");
    account.call(
        "s3",
        "create_bucket",
        json!({ "Bucket": bucket, "CreateBucketConfiguration": { "LocationConstraint": "us-west-2" } }),
    );
    Made {
        vpc,
        subnet,
        table,
        gateway,
        bucket,
    }
}

/// The requests that could have changed something.
fn changes(account: &AwsAccount) -> Vec<Value> {
    let mut requests = account.requests_of_konductor();
    requests.retain(|request| {
        let body = request["body"].as_str().unwrap_or_default();
        let reads = matches!(request["method"].as_str(), Some("GET" | "HEAD"))
            || (request["method"] == "POST" && body.contains("Action=Describe"));
        !reads
    });
    requests
}

fn terraform_state(made: &Made) -> String {
    let resource = |kind: &str, name: &str, attributes: Value| {
        json!({ "mode": "managed", "type": kind, "name": name, "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
                "instances": [{ "schema_version": 0, "attributes": attributes }] })
    };
    let state = json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "0b6f", "outputs": {},
        "resources": [
            resource("aws_vpc", "main", json!({ "id": made.vpc, "cidr_block": "10.0.0.0/16" })),
            resource("aws_subnet", "private", json!({ "id": made.subnet, "vpc_id": made.vpc })),
            resource("aws_internet_gateway", "main", json!({ "id": made.gateway })),
            resource("aws_route_table", "main", json!({ "id": made.table })),
            resource("aws_route", "out", json!({ "id": "r-rtb-1080289494", "route_table_id": made.table,
                                                 "destination_cidr_block": "0.0.0.0/0" })),
            resource("aws_s3_bucket", "files", json!({ "id": made.bucket })),
            resource("random_pet", "name", json!({ "id": "happy-horse" })),
        ]
    });
    state.to_string()
}

fn pulumi_state(made: &Made) -> String {
    let resource = |kind: &str, name: &str, id: &Value, outputs: Value| json!({ "urn": format!("urn:pulumi:dev::shop::{kind}::{name}"), "type": kind, "custom": true, "id": id, "outputs": outputs });
    let resources = [
        json!({ "urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "type": "pulumi:pulumi:Stack", "custom": false }),
        resource("aws:ec2/vpc:Vpc", "main", &made.vpc, json!({})),
        resource("aws:ec2/subnet:Subnet", "private", &made.subnet, json!({})),
        resource(
            "aws:ec2/internetGateway:InternetGateway",
            "main",
            &made.gateway,
            json!({}),
        ),
        resource("aws:ec2/routeTable:RouteTable", "main", &made.table, json!({})),
        resource(
            "aws:ec2/route:Route",
            "out",
            &json!("r-rtb-1080289494"),
            json!({ "routeTableId": made.table, "destinationCidrBlock": "0.0.0.0/0" }),
        ),
        resource("aws:s3/bucket:Bucket", "files", &made.bucket, json!({})),
    ];
    json!({ "version": 3, "deployment": { "resources": resources } }).to_string()
}

/// Takes everything over and sees that nothing was changed and that the second plan is empty.
fn takes_over(account: &AwsAccount, project: &Project, count: u64) {
    let before = account.contents();
    project.assert_planned(&json!({ "import": count }));
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    assert_eq!(account.contents(), before, "the cloud is as it was");
    assert_eq!(changes(account), Vec::<Value>::new());
    project.run(["log", "verify"]).succeeds();
}

#[test]
fn what_terraform_manages_is_declared_with_references_and_taken_over_unchanged() {
    let account = AwsAccount::open();
    let made = make(&account);
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project.write("terraform.tfstate", &terraform_state(&made));

    let shown = project
        .run(["import", "--from", "terraform.tfstate", "--dry-run"])
        .succeeds();
    assert!(shown.stdout.contains("Nothing was written"), "{shown}");
    assert_eq!(project.read("konductor.dev.yaml"), STACK);

    let written = project.run(["import", "--from", "terraform.tfstate"]).succeeds();
    assert!(
        written
            .stderr
            .contains("`random_pet.name` is left out: no plugin of the project knows the type `random_pet`"),
        "{written}"
    );
    let text = project.read("konductor.dev.yaml");
    assert!(text.starts_with(STACK), "{text}");
    assert!(
        text.contains("vpc_id: \"${main."),
        "the subnet refers to the network: {text}"
    );
    takes_over(&account, &project, 6);
    let counts = account.counts();

    // Once more: everything is managed already.
    let again = project.run(["import", "--from", "terraform.tfstate"]).succeeds();
    assert!(again.stdout.contains("There is nothing to declare"), "{again}");
    assert_eq!(account.counts(), counts);

    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
}

#[test]
fn what_pulumi_manages_is_declared_and_taken_over_unchanged() {
    let account = AwsAccount::open();
    let made = make(&account);
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project.write("stack.json", &pulumi_state(&made));
    project
        .run(["import", "--from", "stack.json", "--project"])
        .succeeds();
    assert!(
        project
            .read("konductor.yaml")
            .contains("type: aws:ec2:RouteTable")
    );
    takes_over(&account, &project, 6);
}

#[test]
fn what_nobody_manages_is_found_declared_and_taken_over() {
    let account = AwsAccount::open();
    let made = make(&account);
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    let found = project
        .run(["discover", "aws:s3:Bucket", "aws:ec2:InternetG*", "--json"])
        .succeeds();
    let ids: Vec<Value> = found
        .events()
        .into_iter()
        .filter(|event| event["event"] == "unmanaged")
        .map(|event| event["id"].clone())
        .collect();
    assert!(
        ids.contains(&made.bucket) && ids.contains(&made.gateway),
        "{ids:?}"
    );

    project
        .run(["discover", "aws:s3:Bucket", "--generate"])
        .succeeds();
    takes_over(&account, &project, 1);
    let found = project.run(["discover", "aws:s3:Bucket"]).succeeds();
    assert!(found.stdout.contains("is managed by this stack"), "{found}");
    let wrong = project.run(["discover", "aws:s3:Buckett"]).ends_with(1);
    assert!(
        wrong.stderr.contains("there is no type `aws:s3:Buckett`"),
        "{wrong}"
    );
}

#[test]
fn what_another_stack_manages_is_not_taken_over_a_second_time() {
    let account = AwsAccount::open();
    let made = make(&account);
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project
        .run(["discover", "aws:s3:Bucket", "--generate"])
        .succeeds();
    project.run(["run", "--yes"]).succeeds();
    project.write("konductor.second.yaml", STACK);
    let found = project
        .run(["discover", "aws:s3:Bucket", "--stack", "second"])
        .succeeds();
    assert!(found.stdout.contains("another of the project"), "{found}");
    project.write("stack.json", &pulumi_state(&made));
    let imported = project
        .run(["import", "--from", "stack.json", "--stack", "second", "--json"])
        .succeeds();
    let events = imported.events();
    let managed: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "managed-already")
        .map(|event| &event["id"])
        .collect();
    assert_eq!(managed, [&made.bucket]);
    let written = project.read("konductor.second.yaml");
    assert!(!written.contains("aws:s3:Bucket\n"), "{written}");
    assert!(written.contains("aws:ec2:Vpc"), "{written}");
}

#[test]
fn one_object_is_imported_and_its_declaration_written() {
    let account = AwsAccount::open();
    let made = make(&account);
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    let id = made.vpc.as_str().unwrap();
    project
        .run(["import", "aws:ec2:Vpc", "network", id, "--generate"])
        .succeeds();
    assert!(
        project
            .read("konductor.dev.yaml")
            .contains("  network:\n    type: aws:ec2:Vpc\n")
    );
    project.assert_nothing_to_do();
    assert_eq!(changes(&account), Vec::<Value>::new());
}

#[test]
fn a_file_that_is_no_state_is_an_error_and_nothing_is_written() {
    let account = AwsAccount::open();
    let project = Project::from_text(PROJECT, STACK).with_account(&account);
    project.write("state.json", "{}");
    let wrong = project.run(["import", "--from", "state.json"]).ends_with(1);
    assert!(
        wrong
            .stderr
            .contains("state.json: it is neither a Terraform state"),
        "{wrong}"
    );
    // An object that is gone is said, and the others are not declared without it.
    let made = make(&account);
    project.write(
        "terraform.tfstate",
        &terraform_state(&made).replace(made.subnet.as_str().unwrap(), "subnet-0123456789abcdef0"),
    );
    let gone = project
        .run(["import", "--from", "terraform.tfstate"])
        .ends_with(1);
    assert!(gone.stderr.contains("private"), "{gone}");
    assert_eq!(project.read("konductor.dev.yaml"), STACK);
}

#[test]
fn names_move_and_resources_are_forgotten_as_the_configuration_says() {
    let account = AwsAccount::open();
    let resources = "resources:\n  network:\n    type: aws:ec2:Vpc\n    properties: { cidr_block: 10.0.0.0/16 }\n  files:\n    type: aws:s3:Bucket\n    properties: { bucket: shop-files }\n";
    let project = Project::from_text(&format!("{PROJECT}{resources}"), STACK).with_account(&account);
    project.run(["run", "--yes"]).succeeds();
    let before = account.contents();
    project.write(
        "konductor.yaml",
        &format!(
            "{PROJECT}resources:\n  vpc:\n    type: aws:ec2:Vpc\n    properties: {{ cidr_block: 10.0.0.0/16 }}\nmoved: {{ network: vpc }}\nremoved: [files]\n"
        ),
    );
    project.assert_planned(&json!({ "moved": 1, "forget": 1 }));
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(account.contents(), before);
    assert_eq!(project.objects().keys().collect::<Vec<_>>(), ["vpc"]);
    // What was done stays written down and does nothing more.
    project.assert_nothing_to_do();
    project.edit("konductor.yaml", "removed: [files]", "removed: [vpc]");
    let both = project.run(["plan"]).ends_with(1);
    assert!(
        both.stderr.contains("konductor.yaml:7:11") && both.stderr.contains("is removed and declared"),
        "{both}"
    );
}
