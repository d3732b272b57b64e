//! One vocabulary across clouds: a stack is deployed, and moves from cloud to cloud by one word, with each vendor's own
//! client to look into its cloud.

use konductor_tests::{AwsAccount, AzureAccount, Finished, GcpProject, Project};
use serde_json::{Value, json};

const SHOP: &str = r#"name: vocabulary
resources:
  network:
    type: konductor:net:Network
    properties:
      name: shop-network
      cidr_block: 10.20.0.0/16
      zones: 2
      tags: { stage: test }
      aws: { enable_dns_hostnames: false }
      azure: { location: northeurope }

  files:
    type: konductor:storage:Bucket
    properties:
      name: konductor-shop-files
      versioning: true
      expire_after_days: 90
      tags: { stage: test }
      aws: { logging: { enabled: false, reason: a test } }

outputs:
  cloud: ${network.cloud}
  network: ${network.id}
  subnet: ${network.private_subnet_ids[0]}
  address: ${network.egress_ips[0]}
  files: ${files.url}
"#;

const STACK: &str = "config:
  konductor: { cloud: aws }
  aws: { enabled: true, region: us-west-2 }
  azure: { enabled: true, location: westeurope }
  gcp: { enabled: true, region: europe-west1, zone: europe-west1-b }
";

struct Clouds {
    aws: AwsAccount,
    azure: AzureAccount,
    gcp: GcpProject,
}

impl Clouds {
    fn open() -> Self {
        Self {
            aws: AwsAccount::open(),
            azure: AzureAccount::open(),
            gcp: GcpProject::open(),
        }
    }

    fn project_of(&self, text: &str) -> Project {
        Project::from_text(text, STACK)
            .with_account(&self.aws)
            .with_azure(&self.azure)
            .with_gcp(&self.gcp)
            .with_environment("KONDUCTOR_GCP__PROJECT", self.gcp.name())
    }

    fn azure(&self, group: &str, rest: &str, version: &str) -> Value {
        let subscription = self.azure.text("subscription_id");
        let id = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{rest}");
        self.azure.resource(&id, version)
    }
}

/// Returns the outputs of the stack.
fn outputs(project: &Project) -> Value {
    let events = project.run(["output", "--json"]).succeeds().events();
    let output = |event: &Value| Some((event["name"].as_str()?.to_owned(), event["value"].clone()));
    let outputs = Value::Object(events.iter().filter_map(output).collect());
    assert!(outputs["address"].is_string(), "{outputs}");
    outputs
}

/// Moves the stack by one word, and returns its plan.
fn moved(project: &Project, from: &str, to: &str) -> Finished {
    project.edit(
        "konductor.dev.yaml",
        &format!("cloud: {from} }}"),
        &format!("cloud: {to} }}"),
    );
    let plan = project.run(["plan"]).succeeds();
    let planned = project.planned();
    let kinds: Vec<&String> = planned.as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["create", "delete", "outputs"], "{planned}");
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    plan
}

/// Checks what a plan tells, and that it tells nothing else of what would be lost.
#[track_caller]
fn assert_told(mut plan: Finished, lost: &[&str], other: &[&str]) {
    assert_eq!(
        plan.everything().matches("is lost in").count(),
        lost.len(),
        "{plan}"
    );
    for text in lost.iter().chain(other) {
        plan = plan.says(text);
    }
}

#[test]
fn a_stack_moves_from_cloud_to_cloud_by_one_word_and_the_plan_says_what_is_lost() {
    let clouds = Clouds::open();
    let project = clouds.project_of(SHOP);
    let first = project.run(["run", "--yes"]).succeeds();
    let not_used = "`location` is for Azure and is not used in AWS";
    assert_told(first, &[], &[not_used]);
    project.assert_nothing_to_do();
    what_is_in_aws(&clouds, &outputs(&project));

    let plan = moved(&project, "aws", "azure");
    let lost = ["`zones` is lost in Azure", "`versioning` is lost in Azure"];
    let not_used = [
        "`enable_dns_hostnames` is for AWS and is not used in Azure",
        "`logging` is for AWS and is not used in Azure",
        // The place is that of the attribute itself.
        "konductor.yaml:8:",
    ];
    assert_told(plan, &lost, &not_used);
    clouds.aws.assert_empty();
    what_is_in_azure(&clouds, &outputs(&project));

    let plan = moved(&project, "azure", "gcp");
    let lost = [
        "`zones` is lost in Google Cloud",
        "`tags` is lost in Google Cloud",
    ];
    let not_used = ["`location` is for Azure and is not used in Google Cloud"];
    assert_told(plan, &lost, &not_used);
    clouds.azure.assert_empty();
    what_is_in_google(&clouds, &outputs(&project));

    moved(&project, "gcp", "aws");
    clouds.gcp.assert_empty();
    what_is_in_aws(&clouds, &outputs(&project));

    project.run(["destroy", "--yes"]).succeeds();
    clouds.aws.assert_empty();
    clouds.azure.assert_empty();
    clouds.gcp.assert_empty();
}

fn what_is_in_aws(clouds: &Clouds, outputs: &Value) {
    let contents = clouds.aws.contents();
    let network = &contents["vpcs"][0];
    assert_eq!(network["CidrBlock"], "10.20.0.0/16");
    assert_eq!(outputs["cloud"], "aws");
    assert_eq!(outputs["network"], network["VpcId"]);
    let subnets = contents["subnets"].as_array().unwrap();
    assert_eq!(subnets.len(), 4, "two zones with two subnets each");
    assert!(
        subnets
            .iter()
            .any(|subnet| subnet["SubnetId"] == outputs["subnet"])
    );
    assert_eq!(outputs["address"], contents["elastic_ips"][0]["PublicIp"]);
    assert_eq!(contents["buckets"][0]["Name"], "konductor-shop-files");
    let url = "https://konductor-shop-files.s3.us-west-2.amazonaws.com";
    assert_eq!(outputs["files"], url);
    assert_eq!(clouds.azure.names(), (Vec::new(), Vec::new()));
}

fn what_is_in_azure(clouds: &Clouds, outputs: &Value) {
    let network = clouds.azure(
        "shop-network",
        "Microsoft.Network/virtualNetworks/shop-network",
        "2025-09-01",
    );
    assert_eq!(
        network["properties"]["addressSpace"]["addressPrefixes"],
        json!(["10.20.0.0/16"])
    );
    assert_eq!(network["location"], "northeurope");
    assert_eq!(network["tags"]["stage"], "test");
    assert_eq!(outputs["cloud"], "azure");
    assert_eq!(outputs["network"], network["id"]);
    let subnets = network["properties"]["subnets"].as_array().unwrap();
    let private = subnets.iter().find(|subnet| subnet["name"] == "private").unwrap();
    assert_eq!(outputs["subnet"], private["id"]);
    assert_eq!(private["properties"]["defaultOutboundAccess"], false);
    assert!(private["properties"]["natGateway"]["id"].is_string(), "{private}");
    let address = clouds.azure(
        "shop-network",
        "Microsoft.Network/publicIPAddresses/shop-network-nat",
        "2025-09-01",
    );
    assert_eq!(outputs["address"], address["properties"]["ipAddress"]);
    let account = "Microsoft.Storage/storageAccounts/konductorshopfiles";
    let found = clouds.azure("konductorshopfiles", account, "2026-04-01");
    assert_eq!(found["properties"]["allowSharedKeyAccess"], false);
    assert_eq!(found["properties"]["allowBlobPublicAccess"], false);
    let policy = clouds.azure(
        "konductorshopfiles",
        &format!("{account}/managementPolicies/default"),
        "2026-04-01",
    );
    let delete = &policy["properties"]["policy"]["rules"][0]["definition"]["actions"]["baseBlob"]["delete"];
    assert_eq!(delete["daysAfterModificationGreaterThan"], 90);
    let url = "https://konductorshopfiles.blob.core.windows.net/konductor-shop-files";
    assert_eq!(outputs["files"], url);
}

/// Returns what two spellings of a link have in common.
fn path_of(link: &Value) -> &str {
    let (_, path) = link.as_str().unwrap().split_once("/compute/v1/").unwrap();
    path
}

fn what_is_in_google(clouds: &Clouds, outputs: &Value) {
    let compute = |collection: &str, name: &str, value: &str| {
        let mut arguments = json!({ "project": clouds.gcp.name() });
        arguments[name] = value.into();
        if collection != "networks" {
            arguments["region"] = "europe-west1".into();
        }
        clouds.gcp.call("compute", "v1", &[collection, "get"], arguments)
    };
    let network = compute("networks", "network", "shop-network");
    assert_eq!(network["autoCreateSubnetworks"], false);
    assert_eq!(outputs["cloud"], "gcp");
    assert_eq!(path_of(&outputs["network"]), path_of(&network["selfLink"]));
    let private = compute("subnetworks", "subnetwork", "shop-network-private");
    assert_eq!(private["ipCidrRange"], "10.20.128.0/18");
    assert_eq!(private["logConfig"]["enable"], true);
    assert_eq!(path_of(&outputs["subnet"]), path_of(&private["selfLink"]));
    let address = compute("addresses", "address", "shop-network-nat");
    assert_eq!(outputs["address"], address["address"]);
    let router = compute("routers", "router", "shop-network-nat");
    let let_out = &router["nats"][0]["subnetworks"][0]["name"];
    assert_eq!(path_of(let_out), path_of(&private["selfLink"]));
    let bucket = json!({ "bucket": "konductor-shop-files" });
    let bucket = clouds.gcp.call("storage", "v1", &["buckets", "get"], bucket);
    assert_eq!(bucket["versioning"]["enabled"], true);
    assert_eq!(bucket["iamConfiguration"]["publicAccessPrevention"], "enforced");
    assert_eq!(bucket["lifecycle"]["rule"][0]["condition"]["age"], 90);
    assert_eq!(bucket["labels"]["stage"], "test");
    assert_eq!(
        outputs["files"],
        "https://storage.googleapis.com/konductor-shop-files"
    );
}

const MACHINES: &str = r#"name: machines
resources:
  network:
    type: konductor:net:Network
    properties: { name: shop-network, cidr_block: 10.20.0.0/16 }

  web:
    type: konductor:compute:Instance
    properties:
      name: shop-web
      network_id: ${network.id}
      subnet_id: ${network.public_subnet_ids[0]}
      public_address: true
      ssh_public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl operator@example.com
      gcp: { zone: europe-west1-b }

  cluster:
    type: konductor:kubernetes:Cluster
    properties:
      name: shop-cluster
      network_id: ${network.id}
      subnet_id: ${network.private_subnet_ids[0]}
      node_size: medium

outputs:
  cloud: ${network.cloud}
  address: ${web.private_ip}
  web: ${web.id}
  cluster: ${cluster.id}
"#;

#[test]
fn a_machine_and_a_cluster_move_and_aws_says_that_it_has_no_cluster() {
    let clouds = Clouds::open();
    let project = clouds.project_of(MACHINES);
    project
        .run(["plan"])
        .fails_saying("there is no Kubernetes cluster in AWS yet");
    project.edit("konductor.dev.yaml", "cloud: aws }", "cloud: azure }");
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    let outputs_there = outputs(&project);
    let machine = "Microsoft.Compute/virtualMachines/shop-web";
    let machine = clouds.azure("shop-web", machine, "2026-04-01");
    assert_eq!(outputs_there["web"], machine["id"]);
    assert_eq!(
        machine["properties"]["securityProfile"]["securityType"],
        "TrustedLaunch"
    );
    let interface = "Microsoft.Network/networkInterfaces/shop-web";
    let interface = clouds.azure("shop-web", interface, "2025-09-01");
    let configuration = &interface["properties"]["ipConfigurations"][0]["properties"];
    assert_eq!(outputs_there["address"], configuration["privateIPAddress"]);
    let cluster = "Microsoft.ContainerService/managedClusters/shop-cluster";
    let cluster = clouds.azure("shop-cluster", cluster, "2026-05-01");
    assert_eq!(
        cluster["properties"]["apiServerAccessProfile"]["enablePrivateCluster"],
        true
    );
    assert_eq!(
        cluster["properties"]["agentPoolProfiles"][0]["vmSize"],
        "Standard_D4s_v5"
    );

    moved(&project, "azure", "gcp");
    clouds.azure.assert_empty();
    let outputs_there = outputs(&project);
    let arguments = json!({ "project": clouds.gcp.name(), "zone": "europe-west1-b", "instance": "shop-web" });
    let machine = clouds.gcp.call("compute", "v1", &["instances", "get"], arguments);
    assert_eq!(path_of(&outputs_there["web"]), path_of(&machine["selfLink"]));
    assert_eq!(machine["shieldedInstanceConfig"]["enableSecureBoot"], true);
    assert_eq!(
        outputs_there["address"],
        machine["networkInterfaces"][0]["networkIP"]
    );
    let name = format!(
        "projects/{}/locations/europe-west1/clusters/shop-cluster",
        clouds.gcp.name()
    );
    let cluster = clouds.gcp.call(
        "container",
        "v1",
        &["projects", "locations", "clusters", "get"],
        json!({ "name": name }),
    );
    assert_eq!(cluster["privateClusterConfig"]["enablePrivateEndpoint"], true);
    assert_eq!(cluster["nodeConfig"]["machineType"], "e2-standard-4");

    project.run(["destroy", "--yes"]).succeeds();
    clouds.gcp.assert_empty();
}

#[test]
fn a_machine_of_aws_has_a_key_and_a_group_that_lets_nobody_in_and_moves() {
    let clouds = Clouds::open();
    let cluster = MACHINES.find("  cluster:").unwrap()..MACHINES.find("outputs:").unwrap();
    let own = "      aws: { image_id: ami-12c6146b }\n      gcp: {";
    let mut text = MACHINES.replace("      gcp: {", own);
    // The emulator does not show the groups of an interface as those of its machine.
    text = text.replace("      public_address: true\n", "");
    text = text
        .replace(&MACHINES[cluster], "")
        .replace("  cluster: ${cluster.id}\n", "");
    let project = clouds.project_of(&text);
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    let contents = clouds.aws.contents();
    let machine = &contents["instances"][0];
    let outputs_there = outputs(&project);
    assert_eq!(outputs_there["web"], machine["InstanceId"]);
    assert_eq!(outputs_there["address"], machine["PrivateIpAddress"]);
    assert_eq!(machine["KeyName"], "shop-web");
    assert_eq!(machine["SecurityGroups"][0]["GroupName"], "shop-web");
    let group = &machine["SecurityGroups"][0]["GroupId"];
    let rules = contents["security_group_rules"].as_array().unwrap();
    let lets_in = |rule: &&Value| rule["GroupId"] == *group && rule["IsEgress"] == false;
    assert_eq!(rules.iter().filter(lets_in).count(), 0, "{rules:?}");

    moved(&project, "aws", "gcp");
    clouds.aws.assert_empty();
    project.run(["destroy", "--yes"]).succeeds();
    clouds.gcp.assert_empty();
}
