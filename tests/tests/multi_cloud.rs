//! The example with one graph over three clouds: deployed, run again, repaired, and destroyed, with each vendor's own client
//! to look into its cloud.

use konductor_tests::{AwsAccount, AzureAccount, GcpProject, Project, holds};
use serde_json::{Value, json};

/// The key of the tunnel in the example's `konductor.dev.yaml`.
const TUNNEL_KEY: &str = "this-key-is-only-for-tests";

struct Clouds {
    aws: AwsAccount,
    azure: AzureAccount,
    gcp: GcpProject,
}

impl Clouds {
    fn open() -> Self {
        let clouds = Self {
            aws: AwsAccount::open(),
            azure: AzureAccount::open(),
            gcp: GcpProject::open(),
        };
        // Operations go on for a while in both, without keeping this test waiting.
        clouds.gcp.ask(&json!({"set": {"polls": 1}}));
        clouds
    }

    fn project(&self) -> Project {
        Project::from_example("multi-cloud")
            .with_account(&self.aws)
            .with_azure(&self.azure)
            .with_gcp(&self.gcp)
            .with_environment("KONDUCTOR_GCP__PROJECT", self.gcp.name())
    }

    fn assert_empty(&self) {
        self.aws.assert_empty();
        self.azure.assert_empty();
        self.gcp.assert_empty();
    }

    /// Returns an object of Compute Engine as Google's client sees it.
    #[track_caller]
    fn compute(&self, collection: &str, arguments: Value) -> Value {
        let mut all = json!({"project": self.gcp.name()});
        all.as_object_mut()
            .unwrap()
            .extend(arguments.as_object().unwrap().clone());
        self.gcp.call("compute", "v1", &[collection, "get"], all)
    }

    /// Returns a resource as Azure's client sees it.
    #[track_caller]
    fn azure(&self, rest: &str) -> Value {
        let subscription = self.azure.text("subscription_id");
        let id = format!(
            "/subscriptions/{subscription}/resourceGroups/multi-cloud/providers/Microsoft.Network/{rest}"
        );
        self.azure.resource(&id, "2025-09-01")
    }

    /// Returns what a record of the zone says, as Google's client sees it.
    #[track_caller]
    fn record(&self, name: &str) -> Value {
        let arguments =
            json!({"project": self.gcp.name(), "managedZone": "clouds", "name": name, "type": "A"});
        self.gcp
            .call("dns", "v1", &["resourceRecordSets", "get"], arguments)["rrdatas"]
            .take()
    }
}

/// Returns how many requests each cloud got that may have changed something.
fn writes(clouds: &Clouds) -> usize {
    let aws = clouds.aws.requests_of_konductor();
    let aws = aws.iter().filter(|request| {
        let described = request["body"].as_str().unwrap().contains("Action=Describe");
        !(["GET", "HEAD"].contains(&request["method"].as_str().unwrap()) || described)
    });
    let others = clouds.azure.requests().into_iter().chain(clouds.gcp.requests());
    let others = others.filter(|request| {
        // Tokens are asked for, and Resource Graph is queried, with POST.
        let target = request.get("path").or_else(|| request.get("target")).unwrap();
        let target = target.as_str().unwrap();
        let reads = ["/token", "/oauth2/", "Microsoft.ResourceGraph"];
        request["method"] != "GET" && !reads.iter().any(|part| target.contains(part))
    });
    aws.count() + others.count()
}

#[test]
fn one_graph_is_deployed_over_three_clouds_and_leaves_three_empty_accounts() {
    let clouds = Clouds::open();
    let project = clouds.project();
    // The tunnel's key is a secret, which the state keeps sealed.
    project.run(["config", "key", "generate"]).succeeds();
    project.run(["run", "--yes"]).succeeds();

    // What each cloud knows of the others is what the others say of themselves.
    let aws = clouds.aws.contents();
    let aws_address = &aws["elastic_ips"][0]["PublicIp"];
    let azure_address = clouds.azure("publicIPAddresses/gateway")["properties"]["ipAddress"].take();
    let gateway = clouds.compute(
        "vpnGateways",
        json!({"region": "europe-west1", "vpnGateway": "multi-cloud"}),
    );
    let google_address = &gateway["vpnInterfaces"][0]["ipAddress"];
    let range = |address: &Value| format!("{}/32", address.as_str().unwrap());

    let mut allowed: Vec<&str> = aws["security_group_rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["CidrIpv4"].as_str().unwrap())
        .collect();
    allowed.sort_unstable();
    let mut expected = [range(&azure_address), range(google_address)];
    expected.sort_unstable();
    assert_eq!(allowed, expected);
    let rule = clouds.azure("networkSecurityGroups/multi-cloud/securityRules/from-aws");
    assert_eq!(rule["properties"]["sourceAddressPrefix"], range(aws_address));
    let peer = clouds.azure("localNetworkGateways/google");
    assert_eq!(peer["properties"]["gatewayIpAddress"], *google_address);
    let firewall = clouds.compute("firewalls", json!({"firewall": "from-others"}));
    assert_eq!(
        firewall["sourceRanges"],
        json!([range(aws_address), "10.2.0.0/16"])
    );
    let peer = clouds.compute("externalVpnGateways", json!({"externalVpnGateway": "azure"}));
    assert_eq!(peer["interfaces"][0]["ipAddress"], azure_address);
    assert_eq!(clouds.record("aws.clouds.example.com."), json!([aws_address]));
    assert_eq!(clouds.record("azure.clouds.example.com."), json!([azure_address]));

    the_tunnel_has_one_key_that_is_shown_nowhere(&clouds, &project);

    // The second run is empty, and writes nothing anywhere.
    project.assert_nothing_to_do();
    let before = writes(&clouds);
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(writes(&clouds), before);

    what_changes_in_one_cloud_reaches_the_others(&clouds, &project);

    project.run(["destroy", "--yes"]).succeeds();
    clouds.assert_empty();
}

/// Both ends were given the same key, which a reference carried from one cloud to the other.
fn the_tunnel_has_one_key_that_is_shown_nowhere(clouds: &Clouds, project: &Project) {
    let given = |requests: Vec<Value>, member: &str| {
        let of = |request: &Value| -> Option<String> {
            let body: Value = serde_json::from_str(request["body"].as_str()?).ok()?;
            Some(body.pointer(member)?.as_str()?.to_owned())
        };
        requests.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(given(clouds.gcp.requests(), "/sharedSecret"), [TUNNEL_KEY]);
    assert_eq!(
        given(clouds.azure.requests(), "/properties/sharedKey"),
        [TUNNEL_KEY]
    );
    let shown = project.run(["state", "show", "google-to-azure"]).succeeds();
    assert!(!shown.everything().contains(TUNNEL_KEY), "{shown}");
    let shown = project.run(["state", "show", "azure-to-google"]).succeeds();
    assert!(!shown.everything().contains(TUNNEL_KEY), "{shown}");
    let log = std::fs::read(project.state_file("dev")).unwrap();
    assert!(!holds(&log, TUNNEL_KEY));
}

/// An address that is made anew is another one, and whoever refers to it is told in the same run.
fn what_changes_in_one_cloud_reaches_the_others(clouds: &Clouds, project: &Project) {
    let old = clouds.record("azure.clouds.example.com.");
    project.edit(
        "konductor.yaml",
        "{ name: gateway, resource_group: \"${azure-group.name}\" }",
        "{ name: entrance, resource_group: \"${azure-group.name}\" }",
    );
    project.run(["run", "--yes"]).succeeds();
    let address = clouds.azure("publicIPAddresses/entrance")["properties"]["ipAddress"].take();
    assert_ne!(json!([address]), old);
    assert_eq!(clouds.record("azure.clouds.example.com."), json!([address]));
    let peer = clouds.compute("externalVpnGateways", json!({"externalVpnGateway": "azure"}));
    assert_eq!(peer["interfaces"][0]["ipAddress"], address);
    let aws = clouds.aws.contents();
    let rules = aws["security_group_rules"].as_array().unwrap();
    let allowed = format!("{}/32", address.as_str().unwrap());
    assert!(rules.iter().any(|rule| rule["CidrIpv4"] == allowed), "{rules:?}");
    project.assert_nothing_to_do();
}
