//! The examples over three clouds: deployed, run again, repaired, and destroyed, with each vendor's own client to look into its
//! cloud.

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

    fn project(&self, example: &str) -> Project {
        Project::from_example(example)
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
        self.azure_in("multi-cloud", rest)
    }

    #[track_caller]
    fn azure_in(&self, group: &str, rest: &str) -> Value {
        let subscription = self.azure.text("subscription_id");
        let id = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{rest}"
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
    let project = clouds.project("multi-cloud");
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

/// Returns what stands between two marks of a text.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> Vec<&'t str> {
    text.split(begin)
        .skip(1)
        .map(|rest| rest.split(end).next().unwrap())
        .collect()
}

#[test]
fn aws_is_connected_with_both_other_clouds_by_tunnels_whose_keys_it_made() {
    let clouds = Clouds::open();
    let project = clouds.project("site-to-site");
    project.run(["config", "key", "generate"]).succeeds();
    project.run(["run", "--yes"]).succeeds();

    // What AWS tells the other ends: boto3 shows it as the configuration of a device.
    let aws = clouds.aws.contents();
    let connections = aws["vpn_connections"].as_array().unwrap();
    assert_eq!(connections.len(), 3);
    let with = |address: &Value| -> Vec<[String; 3]> {
        let gateways = aws["customer_gateways"].as_array().unwrap();
        let gateway = gateways.iter().find(|gateway| gateway["IpAddress"] == *address);
        let id = &gateway.unwrap()["CustomerGatewayId"];
        let connection = connections
            .iter()
            .find(|connection| connection["CustomerGatewayId"] == *id);
        let told = connection.unwrap()["CustomerGatewayConfiguration"]
            .as_str()
            .unwrap();
        let own = between(told, "<vpn_gateway>", "</vpn_gateway>");
        let keys = between(told, "<pre_shared_key>", "</pre_shared_key>");
        own.iter()
            .zip(keys)
            .map(|(end, key)| {
                let addresses = between(end, "<ip_address>", "</ip_address>");
                [addresses[0].to_owned(), addresses[1].to_owned(), key.to_owned()]
            })
            .collect()
    };

    let azure_address =
        clouds.azure_in("site-to-site", "publicIPAddresses/to-azure")["properties"]["ipAddress"].take();
    let gateway = clouds.azure_in("site-to-site", "virtualNetworkGateways/to-azure");
    let bgp = &gateway["properties"]["bgpSettings"];
    assert_eq!(
        bgp["bgpPeeringAddresses"][0]["customBgpIpAddresses"],
        json!(["169.254.21.2", "169.254.22.2"])
    );
    let own = format!(
        "{}/ipConfigurations/{}",
        gateway["id"].as_str().unwrap(),
        gateway["properties"]["ipConfigurations"][0]["name"]
            .as_str()
            .unwrap()
    );
    assert_eq!(bgp["bgpPeeringAddresses"][0]["ipconfigurationId"], own);
    let mut keys = Vec::new();
    for (tunnel, [outside, inside, key]) in with(&azure_address).into_iter().enumerate() {
        let peer = clouds.azure_in(
            "site-to-site",
            &format!("localNetworkGateways/to-azure-{}", tunnel + 1),
        );
        assert_eq!(peer["properties"]["gatewayIpAddress"], outside);
        assert_eq!(peer["properties"]["bgpSettings"]["bgpPeeringAddress"], inside);
        assert_eq!(peer["properties"]["bgpSettings"]["asn"], 64620);
        assert_eq!(inside, format!("169.254.{}.1", 21 + tunnel));
        keys.push(key);
    }

    let of_region = |name: &str| json!({"region": "europe-west1", name: "to-google"});
    let gateway = clouds.compute("vpnGateways", of_region("vpnGateway"));
    let peer = clouds.compute("externalVpnGateways", json!({"externalVpnGateway": "to-google"}));
    let router = clouds.compute("routers", of_region("router"));
    let tunnels: Vec<[String; 3]> = [0, 1]
        .iter()
        .flat_map(|interface| with(&gateway["vpnInterfaces"][interface]["ipAddress"]))
        .collect();
    assert_eq!(tunnels.len(), 4);
    for (index, [outside, inside, key]) in tunnels.into_iter().enumerate() {
        assert_eq!(peer["interfaces"][index]["ipAddress"], outside);
        let routes = &router["bgpPeers"][index];
        assert_eq!(
            (&routes["peerIpAddress"], &routes["peerAsn"]),
            (&json!(inside), &json!(64620))
        );
        let tunnel = json!({"region": "europe-west1", "vpnTunnel": format!("to-google-{index}")});
        let tunnel = clouds.compute("vpnTunnels", tunnel);
        assert_eq!(router["interfaces"][index]["linkedVpnTunnel"], tunnel["selfLink"]);
        keys.push(key);
    }

    // Each key went to the other end, and nowhere else.
    keys.sort_unstable();
    let sent = clouds.azure.requests().into_iter().chain(clouds.gcp.requests());
    let mut sent: Vec<String> = sent
        .filter_map(|request| {
            let body: Value = serde_json::from_str(request["body"].as_str()?).ok()?;
            let key = body
                .pointer("/properties/sharedKey")
                .or(body.get("sharedSecret"))?;
            Some(key.as_str()?.to_owned())
        })
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, keys);
    let log = std::fs::read(project.state_file("dev")).unwrap();
    for key in &keys {
        assert!(!holds(&log, key));
    }

    project.assert_nothing_to_do();
    let before = writes(&clouds);
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(writes(&clouds), before);
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
