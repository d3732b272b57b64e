//! Azure from beginning to end: the built binary against the simulated Resource Manager, and the vendor's own client to
//! look into it.

use std::time::{Duration, Instant};

use konductor_tests::{AzureAccount, Project, Signal, holds};
use serde_json::{Value, json};

const STACK: &str = "config:\n  azure: { enabled: true, location: westeurope }\n";

const SHOP: &str = r#"name: shop
resources:
  group:
    type: azure:resources:ResourceGroup
    properties: { name: shop }
  network:
    type: azure:network:VirtualNetwork
    properties: { name: shop, resource_group: "${group.name}", address_prefixes: [10.20.0.0/16] }
  guard:
    type: azure:network:NetworkSecurityGroup
    properties: { name: web, resource_group: "${group.name}" }
  https:
    type: azure:network:SecurityRule
    properties:
      name: https
      network_security_group_id: ${guard.id}
      priority: 100
      direction: Inbound
      access: Allow
      protocol: Tcp
      destination_port_range: "443"
      source_address_prefix: Internet
      destination_address_prefix: "*"
  web:
    type: azure:network:Subnet
    properties:
      name: web
      virtual_network_id: ${network.id}
      address_prefix: 10.20.1.0/24
      network_security_group_id: ${guard.id}
  identity:
    type: azure:identity:UserAssignedIdentity
    properties: { name: web, resource_group: "${group.name}", location: westeurope }
  zone:
    type: azure:arm:Resource
    properties: { type: Microsoft.Network/dnsZones, name: shop.example.org, resource_group: "${group.name}", location: global }
  record:
    type: azure:arm:Resource
    properties:
      type: Microsoft.Network/dnsZones/A
      name: www
      parent_id: ${zone.id}
      body: { properties: { TTL: 300, ARecords: [{ ipv4Address: 192.0.2.1 }] } }
"#;

fn project(azure: &AzureAccount, text: &str) -> Project {
    Project::from_text(text, STACK).with_azure(azure)
}

fn id(azure: &AzureAccount, rest: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/shop/providers/{rest}",
        azure.text("subscription_id")
    )
}

#[test]
fn a_stack_is_made_changed_replaced_and_removed() {
    let azure = AzureAccount::open();
    let shop = project(&azure, SHOP);
    shop.run(["run", "--yes"]).succeeds();
    assert_eq!(
        azure.names(),
        (
            vec!["shop".to_owned()],
            ["shop", "shop.example.org", "web", "web"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    shop.assert_nothing_to_do();
    shop.run(["refresh"]).succeeds();
    shop.assert_nothing_to_do();

    let network = id(&azure, "Microsoft.Network/virtualNetworks/shop");
    let seen = azure.resource(&network, "2025-09-01");
    assert_eq!(seen["properties"]["subnets"][0]["name"], "web", "{seen}");
    assert_eq!(
        seen["properties"]["subnets"][0]["properties"]["networkSecurityGroup"]["id"],
        id(&azure, "Microsoft.Network/networkSecurityGroups/web")
    );

    // A change in place leaves the subnet of the network alone.
    shop.edit("konductor.yaml", "[10.20.0.0/16]", "[10.20.0.0/16, 10.21.0.0/16]");
    shop.edit("konductor.yaml", "TTL: 300", "TTL: 60");
    shop.assert_planned(&json!({"update": 2}));
    shop.run(["run", "--yes"]).succeeds();
    let seen = azure.resource(&network, "2025-09-01");
    assert_eq!(
        seen["properties"]["addressSpace"]["addressPrefixes"][1],
        "10.21.0.0/16"
    );
    assert_eq!(seen["properties"]["subnets"][0]["name"], "web", "{seen}");
    shop.assert_nothing_to_do();

    // Where a thing is cannot be changed.
    let identity = id(&azure, "Microsoft.ManagedIdentity/userAssignedIdentities/web");
    shop.edit(
        "konductor.yaml",
        "location: westeurope }",
        "location: northeurope }",
    );
    shop.assert_planned(&json!({"replace": 1}));
    shop.run(["run", "--yes"]).succeeds();
    assert_eq!(azure.resource(&identity, "2024-11-30")["location"], "northeurope");
    shop.assert_nothing_to_do();

    // Somebody else's change is drift, and is undone.
    let record = id(&azure, "Microsoft.Network/dnsZones/shop.example.org/A/www");
    azure.ask(&json!({"change": {"id": record, "merge": {"properties": {"TTL": 5}}}}));
    shop.run(["refresh"]).succeeds();
    shop.assert_planned(&json!({"update": 1}));
    shop.run(["run", "--yes"]).succeeds();
    assert_eq!(azure.resource(&record, "2018-05-01")["properties"]["TTL"], 60);

    shop.run(["destroy", "--yes"]).succeeds();
    azure.assert_empty();

    // What authenticates is the host's: no token and no secret is in what the run left behind.
    let tokens: Vec<Value> = azure
        .requests()
        .iter()
        .filter(|request| request["path"].as_str().unwrap().starts_with("/subscriptions"))
        .map(|request| request["headers"]["authorization"].clone())
        .collect();
    assert!(!tokens.is_empty());
    let log = std::fs::read(shop.state_file("dev")).unwrap();
    for token in tokens {
        let token = token
            .as_str()
            .unwrap()
            .strip_prefix("Bearer ")
            .unwrap()
            .to_owned();
        assert!(!holds(&log, &token));
    }
    assert!(!holds(&log, azure.text("client_secret")));
}

#[test]
fn what_azure_does_not_allow_is_told_before_anything_is_sent() {
    let azure = AzureAccount::open();
    let wrong = "name: wrong
resources:
  network:
    type: azure:arm:Resource
    properties:
      type: Microsoft.Network/virtualNetworks
      name: shop
      resource_group: shop
      body: { properties: { adressSpace: {}, resourceGuid: x, enableDdosProtection: \"yes\" } }
";
    let refused = project(&azure, wrong).run(["run", "--yes"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    for said in [
        "there is no property `adressSpace`",
        "did you mean `addressSpace`?",
        "`resourceGuid` is set by Azure",
        "expected boolean",
        "konductor.yaml",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {refused}");
    }
    assert!(azure.requests().is_empty());
}

/// What Azure's own tools for compliance are told: a policy and what is let off it, a plan of Defender, and a finding.
fn governed(subscription: &str) -> String {
    format!(
        r#"name: governed
resources:
  group:
    type: azure:resources:ResourceGroup
    properties: {{ name: shop }}
  tagged:
    type: azure:authorization:PolicyDefinition
    properties:
      name: tagged
      scope: {subscription}
      mode: Indexed
      policy_rule: {{ if: {{ field: "tags['owner']", exists: "false" }}, then: {{ effect: deny }} }}
  baseline:
    type: azure:authorization:PolicySetDefinition
    properties:
      name: baseline
      scope: {subscription}
      policy_definitions: [{{ policyDefinitionReferenceId: tagged, policyDefinitionId: "${{tagged.id}}" }}]
  everywhere:
    type: azure:authorization:PolicyAssignment
    properties:
      name: baseline
      scope: {subscription}
      policy_definition_id: ${{baseline.id}}
      identity: {{ type: SystemAssigned }}
      metadata: {{ ticket: "4711" }}
  corrects:
    type: azure:authorization:RoleAssignment
    properties:
      scope: ${{group.id}}
      role_definition_id: {subscription}/providers/Microsoft.Authorization/roleDefinitions/4a9ae827-6dc8-4573-8ac7-8239d42aa03f
      principal_id: ${{everywhere.principal_id}}
      principal_type: ServicePrincipal
  not-the-shop:
    type: azure:authorization:PolicyExemption
    properties:
      name: shop
      scope: ${{group.id}}
      policy_assignment_id: ${{everywhere.id}}
      category: Waiver
      expires_on: 2027-01-31T00:00:00Z
  machines:
    type: azure:security:Pricing
    properties: {{ name: VirtualMachines, sub_plan: P1 }}
  owners:
    type: azure:security:AssessmentMetadata
    properties: {{ display_name: What has data has an owner, severity: Medium }}
  shop-owner:
    type: azure:security:Assessment
    properties: {{ name: "${{owners.name}}", resource_id: "${{group.id}}", status: Unhealthy, cause: NoOwner }}
"#
    )
}

#[test]
fn the_clouds_own_tools_are_switched_on_fed_and_switched_off_again() {
    let azure = AzureAccount::open();
    let subscription = format!("/subscriptions/{}", azure.text("subscription_id"));
    let project = project(&azure, &governed(&subscription));
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["refresh"]).succeeds();
    project.assert_nothing_to_do();

    let assignment = format!("{subscription}/providers/Microsoft.Authorization/policyAssignments/baseline");
    let plan = format!("{subscription}/providers/Microsoft.Security/pricings/VirtualMachines");
    let group = format!("{subscription}/resourceGroups/shop");
    let properties = |id: &str, version: &str| azure.resource(id, version)["properties"].clone();
    let seen = properties(&assignment, "2026-07-01");
    assert_eq!(seen["enforcementMode"], "Default", "{seen}");
    assert_eq!(
        seen["policyDefinitionId"],
        format!("{subscription}/providers/Microsoft.Authorization/policySetDefinitions/baseline")
    );
    assert_eq!(seen["metadata"]["ticket"], "4711");
    let exemption = format!("{group}/providers/Microsoft.Authorization/policyExemptions/shop");
    assert_eq!(
        properties(&exemption, "2022-07-01-preview")["policyAssignmentId"],
        assignment
    );
    let seen = properties(&plan, "2024-01-01");
    assert_eq!(
        (&seen["pricingTier"], &seen["subPlan"]),
        (&json!("Standard"), &json!("P1"))
    );
    let contents = azure.ask(&json!({"contents": {}}));
    let name = contents
        .as_array()
        .unwrap()
        .iter()
        .find(|resource| resource["type"] == "Microsoft.Security/assessmentMetadata")
        .unwrap()["name"]
        .clone();
    let assessment = format!(
        "{group}/providers/Microsoft.Security/assessments/{}",
        name.as_str().unwrap()
    );
    let seen = properties(&assessment, "2025-05-04");
    assert_eq!(seen["status"]["code"], "Unhealthy", "{seen}");

    // What is done in place, and what is not.
    project.edit(
        "konductor.yaml",
        "status: Unhealthy, cause: NoOwner",
        "status: Healthy",
    );
    project.edit("konductor.yaml", "category: Waiver", "category: Mitigated");
    project.assert_planned(&json!({"update": 2}));
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(properties(&assessment, "2025-05-04")["status"]["code"], "Healthy");

    // Somebody lets everything pass, and switches the plan off.
    azure.ask(
        &json!({"change": {"id": assignment, "merge": {"properties": {"enforcementMode": "DoNotEnforce"}}}}),
    );
    azure.ask(&json!({"remove": {"id": plan}}));
    assert_eq!(properties(&plan, "2024-01-01")["pricingTier"], "Free");
    project.run(["refresh"]).succeeds();
    project.assert_planned(&json!({"update": 1, "create": 1}));
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        properties(&assignment, "2026-07-01")["enforcementMode"],
        "Default"
    );
    assert_eq!(properties(&plan, "2024-01-01")["pricingTier"], "Standard");
    project.assert_nothing_to_do();

    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(properties(&plan, "2024-01-01")["pricingTier"], "Free");
    azure.assert_empty();
}

const NETWORK: &str = "name: network
resources:
  group:
    type: azure:resources:ResourceGroup
    properties: { name: shop }
  network:
    type: azure:network:VirtualNetwork
    properties: { name: shop, resource_group: \"${group.name}\", address_prefixes: [10.20.0.0/16] }
";

#[test]
fn faults_expired_tokens_and_operations_that_fail_late_are_survived() {
    let azure = AzureAccount::open();
    let project = project(&azure, NETWORK);
    for fault in [
        json!({"match": "PUT .*/resourceGroups/shop$", "status": 500, "code": "InternalServerError"}),
        json!({"match": "PUT .*/virtualNetworks/shop$", "status": 429, "code": "TooManyRequests", "headers": {"Retry-After": "0"}}),
        json!({"match": "GET .*/operations/", "status": 503, "code": "ServiceUnavailable"}),
        json!({"match": "PUT .*/virtualNetworks/shop$", "expire": true}),
        json!({"match": "GET .*/operations/", "expire": true}),
    ] {
        azure.ask(&json!({"fail": fault}));
    }
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    let asked = azure.ask(&json!({"tokens": {}}))["asked"].as_u64().unwrap();
    assert!(asked >= 3, "a token that has ended is renewed: {asked}");

    // Late: the change is accepted, and its operation ends badly.
    azure.ask(&json!({"fail": {"match": "PUT .*/virtualNetworks/shop$", "late": true, "code": "InternalServerError", "message": "it ended badly"}}));
    project.edit("konductor.yaml", "[10.20.0.0/16]", "[10.20.0.0/16, 10.21.0.0/16]");
    let failed = project.run(["run", "--yes"]);
    assert_ne!(failed.code, Some(0), "{failed}");
    assert!(failed.stderr.contains("it ended badly"), "{failed}");
    project.run(["run", "--yes"]).succeeds();
    project.assert_nothing_to_do();
    project.run(["destroy", "--yes"]).succeeds();
    azure.assert_empty();
}

#[test]
fn a_run_that_is_killed_while_azure_works_is_finished_by_the_next() {
    let azure = AzureAccount::open();
    let project = project(&azure, NETWORK);
    // The operation goes on for as long as this test wants.
    azure.ask(&json!({"set": {"polls": 1_000_000, "retry_after": "1"}}));
    let run = project.start(["run", "--yes", "--json"]);
    let began = Instant::now();
    while !azure
        .requests()
        .iter()
        .any(|request| request["path"].as_str().unwrap().contains("/operations/"))
    {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the operation should be asked for"
        );
        std::thread::yield_now();
    }
    run.signal(Signal::KILL);
    run.finish();

    azure.ask(&json!({"set": {"polls": 2, "retry_after": "0"}}));
    let puts = |name: &str| {
        let path = format!("/virtualNetworks/{name}?");
        let is_put =
            |request: &Value| request["method"] == "PUT" && request["path"].as_str().unwrap().contains(&path);
        azure.requests().iter().filter(|request| is_put(request)).count()
    };
    assert_eq!(puts("shop"), 1);
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        puts("shop"),
        1,
        "what was begun is gone on with, and not made again"
    );
    project.assert_nothing_to_do();
    assert_eq!(azure.names().1, ["shop"]);
    project.run(["destroy", "--yes"]).succeeds();
    azure.assert_empty();
}

/// What Azure lets a principal read in a subscription.
const RATE: u32 = 25;
const BURST: u32 = 250;
const RESOURCES: usize = 1_000;

#[test]
fn drift_of_a_thousand_resources_is_found_within_the_limits_of_resource_manager() {
    let azure = AzureAccount::open();
    let mut resources: serde_json::Map<String, Value> = (0..RESOURCES - 1)
        .map(|number| {
            let properties = json!({"name": format!("identity-{number}"), "resource_group": "${group.name}", "tags": {"Team": "shop"}});
            let identity = json!({"type": "azure:identity:UserAssignedIdentity", "properties": properties});
            (format!("identity-{number}"), identity)
        })
        .collect();
    let group = json!({"type": "azure:resources:ResourceGroup", "properties": {"name": "shop"}});
    resources.insert("group".to_owned(), group);
    let project = project(
        &azure,
        &json!({"name": "many", "resources": resources}).to_string(),
    );
    project.run(["run", "--yes"]).succeeds();

    let identity = |number: usize| {
        id(
            &azure,
            &format!("Microsoft.ManagedIdentity/userAssignedIdentities/identity-{number}"),
        )
    };
    azure.ask(&json!({"remove": {"id": identity(500)}}));
    azure.ask(&json!({"change": {"id": identity(700), "merge": {"tags": {"Team": "somebody"}}}}));
    // The graph lags behind: what it shows as changed or gone is asked of Resource Manager itself.
    azure.ask(&json!({"lag": {"id": identity(600)}}));
    azure.ask(&json!({"counts": {}}));
    azure.ask(&json!({"limit": {"rate": RATE, "burst": BURST}}));
    let drift = project.run(["drift", "--json"]).succeeds();
    let counted = azure.ask(&json!({"counts": {}}));
    let event = drift
        .events()
        .into_iter()
        .find(|event| event["event"] == "drift")
        .unwrap();
    assert_eq!(event["objects"], RESOURCES);
    assert_eq!(
        event["counts"],
        json!({"changed-outside": 1, "deleted-outside": 1}),
        "{event}"
    );
    assert_eq!(counted["limited"]["refused"], 0, "{counted}");
    // So few that none waits for the limit; one by one, a thousand would take half a minute and more.
    assert!(counted["limited"]["passed"].as_u64().unwrap() < 20, "{counted}");
    assert_eq!(azure.ask(&json!({"faults": {}})), json!([]));
}
