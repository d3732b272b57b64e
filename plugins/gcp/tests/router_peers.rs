//! A router, a tunnel that names it, and the router's interfaces that name the tunnel.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

#[path = "../../../tests/clouds/simulator.rs"]
mod simulator;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use konductor_plugin_gcp::Gcp;
use konductor_sdk::Plugin as _;
use konductor_sdk::model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ObjectState, Outcome, PlanRequest, PlanResponse,
    Provider as _, ReadRequest, UpdateRequest,
};
use konductor_sdk::model::{Disposition, Failure, Value, value_json};
use konductor_sdk_test::{NativeProvider, block_on};
use serde_json::{Value as Json, json};

use simulator::Simulator;

const PEERS: &str = "gcp:compute:RouterPeers";
const ROUTER: &str = "gcp:compute:Router";
const TUNNEL: &str = "gcp:compute:VpnTunnel";

/// Where the simulator has objects of the region.
const HERE: &str = "https://compute.googleapis.com/compute/v1/projects/simulated/regions/europe-west1";

fn value(json: Json) -> Value {
    value_json::from_json(json).unwrap()
}

/// The simulated cloud with a network, a router `out`, and a tunnel `site` that names the router.
struct Site {
    google: Arc<Simulator>,
    provider: NativeProvider,
    /// Requests with the same token are one request.
    tokens: AtomicUsize,
    router: ObjectState,
}

impl Site {
    fn start() -> Self {
        let python = simulator::root().join("target/google-venv/bin/python");
        let google = Simulator::start("gcp", &python);
        // Operations end at once, so that a step is one call.
        google.ask(&json!({"set": {"polls": 0}}));
        let configuration = value(json!({"project": "simulated", "region": "europe-west1"}));
        let mut site = Self {
            provider: NativeProvider::new(Gcp::definition(), configuration, google.clone()),
            google,
            tokens: AtomicUsize::new(0),
            router: ObjectState {
                id: String::new(),
                attributes: Value::Null,
                private: Vec::new(),
                schema_version: 0,
            },
        };
        let network = "global/networks/shop";
        site.make(
            "gcp:compute:Network",
            json!({"name": "shop", "auto_create_subnetworks": false}),
        );
        site.router = site.make(
            ROUTER,
            json!({"name": "out", "network": network, "bgp": {"asn": 64514}}),
        );
        site.make(
            "gcp:compute:VpnGateway",
            json!({"name": "site", "network": network}),
        );
        let interfaces = json!([{"id": 0, "ip_address": "192.0.2.1"}]);
        site.make(
            "gcp:compute:ExternalVpnGateway",
            json!({"name": "site", "redundancy_type": "SINGLE_IP_INTERNALLY_REDUNDANT", "interfaces": interfaces}),
        );
        site.make(TUNNEL, site.tunnel("out", "europe-west1"));
        site
    }

    fn tunnel(&self, router: &str, region: &str) -> Json {
        json!({
            "name": "site", "region": region, "router": format!("regions/{region}/routers/{router}"),
            "vpn_gateway": format!("{HERE}/vpnGateways/site"), "vpn_gateway_interface": 0,
            "peer_external_gateway": "global/externalVpnGateways/site", "peer_external_gateway_interface": 0,
            "shared_secret": {"$secret": "planted-0987"},
        })
    }

    fn token(&self) -> String {
        format!("token-{}", self.tokens.fetch_add(1, Ordering::Relaxed))
    }

    fn plan(&self, kind: &str, prior: Option<&ObjectState>, inputs: Json) -> (Value, PlanResponse) {
        let request = CheckRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            inputs: value(inputs),
            prior_inputs: None,
        };
        let checked = block_on(self.provider.check(request)).unwrap().unwrap();
        assert!(!checked.diagnostics.has_errors(), "{}", checked.diagnostics);
        let request = PlanRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            prior: prior.cloned(),
            prior_inputs: prior.map(|_| checked.inputs.clone()),
            inputs: checked.inputs.clone(),
        };
        let plan = block_on(self.provider.plan(request)).unwrap().unwrap();
        (checked.inputs, plan)
    }

    fn create(&self, kind: &str, inputs: Json) -> Result<Outcome, Failure> {
        let (inputs, plan) = self.plan(kind, None, inputs);
        let request = CreateRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            inputs,
            planned: plan.planned,
            private: plan.private,
            idempotency_token: self.token(),
        };
        block_on(self.provider.create(request)).unwrap()
    }

    fn make(&self, kind: &str, inputs: Json) -> ObjectState {
        match self.create(kind, inputs) {
            Ok(Outcome::Complete(object)) => object,
            other => panic!("{kind}: {other:?}"),
        }
    }

    fn update(&self, kind: &str, prior: &ObjectState, inputs: Json) -> ObjectState {
        let (inputs, plan) = self.plan(kind, Some(prior), inputs);
        assert!(!plan.changes.is_empty(), "no change is planned");
        let request = UpdateRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            prior: prior.clone(),
            prior_inputs: inputs.clone(),
            inputs,
            planned: plan.planned,
            private: plan.private,
            idempotency_token: self.token(),
        };
        match block_on(self.provider.update(request)).unwrap() {
            Ok(Outcome::Complete(object)) => object,
            other => panic!("{kind}: {other:?}"),
        }
    }

    fn delete(&self, kind: &str, prior: &ObjectState) -> Result<Outcome, Failure> {
        let request = DeleteRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            prior: prior.clone(),
            idempotency_token: self.token(),
        };
        block_on(self.provider.delete(request)).unwrap()
    }

    fn read(&self, kind: &str, id: &str, prior: Option<&ObjectState>) -> Option<ObjectState> {
        let request = ReadRequest {
            resource_type: kind.parse().unwrap(),
            name: "subject".parse().unwrap(),
            id: id.to_owned(),
            prior: prior.cloned(),
        };
        block_on(self.provider.read(request)).unwrap().unwrap()
    }

    /// Returns a router as the simulator has it.
    fn there(&self, name: &str) -> Json {
        let contents = self.google.ask(&json!({"contents": {}}));
        let routers = contents["routers"].as_array().unwrap();
        routers
            .iter()
            .find(|router| router["name"] == name)
            .unwrap()
            .clone()
    }

    fn calls(&self, method: &str) -> Json {
        self.google.ask(&json!({"calls": {}}))[method].clone()
    }
}

fn router_inputs() -> Json {
    json!({"name": "out", "network": "global/networks/shop", "bgp": {"asn": 64514}})
}

fn peer(name: &str, range: &str, other: &str) -> Json {
    json!({
        "name": name, "vpn_tunnel": format!("{HERE}/vpnTunnels/site"), "ip_range": range, "peer_ip_address": other,
        "peer_asn": 64512,
    })
}

fn peers(router: &str) -> Json {
    json!({"router": router, "peers": [peer("site", "169.254.44.42/30", "169.254.44.41")]})
}

fn inputs_with(router: &str, more: Json) -> Json {
    let mut inputs = peers(router);
    inputs["peers"].as_array_mut().unwrap().push(more);
    inputs
}

#[test]
fn a_router_that_does_not_name_its_interfaces_has_no_drift_when_they_are_set_beside_it() {
    let site = Site::start();
    site.calls("compute.routers.patch");
    let made = site.make(PEERS, peers("out"));
    assert_eq!(site.calls("compute.routers.patch"), 1, "both lists are one patch");
    assert_eq!(made.id, format!("{HERE}/routers/out"));
    assert_eq!(site.there("out")["interfaces"][0]["name"], "site");
    assert_eq!(site.there("out")["bgpPeers"][0]["interfaceName"], "site");

    let read = site.read(ROUTER, &site.router.id, Some(&site.router)).unwrap();
    assert_eq!(read.attributes, site.router.attributes);
    let (_, plan) = site.plan(ROUTER, Some(&read), router_inputs());
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    let imported = site.read(ROUTER, &site.router.id, None).unwrap();
    assert_eq!(imported.attributes.attribute("interfaces"), None);
    assert_eq!(imported.attributes.attribute("bgp_peers"), None);

    // A change of the router leaves them where they are.
    let mut changed = router_inputs();
    changed["description"] = "Out of the shop".into();
    let router = site.update(ROUTER, &read, changed);
    assert_eq!(router.attributes.attribute("interfaces"), None);
    assert_eq!(site.there("out")["interfaces"][0]["name"], "site");
    assert_eq!(site.there("out")["bgpPeers"][0]["name"], "site");
}

#[test]
fn interfaces_that_a_router_names_itself_are_compared() {
    let site = Site::start();
    let named = json!({
        "name": "named", "network": "global/networks/shop", "bgp": {"asn": 64514},
        "interfaces": [{"name": "site", "ip_range": "169.254.44.42/30", "linked_vpn_tunnel": format!("{HERE}/vpnTunnels/site")}],
    });
    let router = site.make(ROUTER, named.clone());
    let path = "compute/v1/projects/simulated/regions/europe-west1/routers/named";
    site.google
        .ask(&json!({"change": {"path": path, "merge": {"interfaces": []}}}));
    let read = site.read(ROUTER, &router.id, Some(&router)).unwrap();
    assert_ne!(read.attributes, router.attributes);
    let (_, plan) = site.plan(ROUTER, Some(&read), named);
    let at: Vec<_> = plan
        .changes
        .iter()
        .map(|change| change.at.first_attribute())
        .collect();
    assert_eq!(at, [Some("interfaces")], "{:?}", plan.changes);
}

#[test]
fn peers_are_changed_as_a_whole_and_found_again_by_the_name_of_the_router() {
    let site = Site::start();
    let made = site.make(PEERS, peers("out"));
    let read = site.read(PEERS, &made.id, Some(&made)).unwrap();
    assert_eq!(read.attributes, made.attributes);
    // The same router in another spelling, and the same list.
    for same in [
        &made.id,
        "regions/europe-west1/routers/out",
        "projects/simulated/regions/europe-west1/routers/out",
    ] {
        let (_, plan) = site.plan(PEERS, Some(&made), peers(same));
        assert!(plan.changes.is_empty(), "{same}: {:?}", plan.changes);
    }
    let wider = inputs_with("out", peer("second", "169.254.44.46/30", "169.254.44.45"));
    let two = site.update(PEERS, &made, wider.clone());
    let mut turned = wider;
    turned["peers"].as_array_mut().unwrap().reverse();
    let (_, plan) = site.plan(PEERS, Some(&two), turned);
    assert!(
        plan.changes.is_empty(),
        "the order of peers means nothing: {:?}",
        plan.changes
    );
    assert_eq!(site.there("out")["bgpPeers"].as_array().unwrap().len(), 2);
    let one = site.update(PEERS, &two, peers("out"));
    assert_eq!(site.there("out")["interfaces"].as_array().unwrap().len(), 1);

    // Somebody changes a peer behind everybody's back, and it is changed back.
    let mut session = site.there("out")["bgpPeers"][0].clone();
    session["peerAsn"] = 64999.into();
    let path = "compute/v1/projects/simulated/regions/europe-west1/routers/out";
    site.google
        .ask(&json!({"change": {"path": path, "merge": {"bgpPeers": [session]}}}));
    let drifted = site.read(PEERS, &one.id, Some(&one)).unwrap();
    assert_ne!(drifted.attributes, one.attributes);
    let _back = site.update(PEERS, &drifted, peers("out"));
    assert_eq!(site.there("out")["bgpPeers"][0]["peerAsn"], 64512);
}

#[test]
fn a_router_with_peers_of_somebody_is_not_taken_over_and_the_same_ones_are() {
    let site = Site::start();
    let made = site.make(PEERS, peers("out"));
    let again = site.make(PEERS, peers("out"));
    assert_eq!(again.id, made.id, "what a run that was cut off wrote is its own");
    let other = json!({"router": "out", "peers": [peer("other", "169.254.44.46/30", "169.254.44.45")]});
    let refused = site.create(PEERS, other).unwrap_err();
    assert_eq!(refused.disposition, Disposition::AlreadyExists);
    assert!(refused.message.contains("site"), "{refused}");
    assert_eq!(site.there("out")["bgpPeers"][0]["name"], "site");
    let missing = site.create(PEERS, peers("nowhere")).unwrap_err();
    assert_eq!(missing.disposition, Disposition::NotFound);
    let unnamed = site.create(PEERS, peers("some/where")).unwrap_err();
    assert_eq!(unnamed.disposition, Disposition::Invalid);
}

#[test]
fn a_tunnel_is_in_use_until_the_peers_are_gone_and_a_router_that_is_gone_has_none() {
    let site = Site::start();
    let made = site.make(PEERS, peers("out"));
    let tunnel = site
        .read(TUNNEL, &format!("{HERE}/vpnTunnels/site"), None)
        .unwrap();
    let refused = site.delete(TUNNEL, &tunnel).unwrap_err();
    assert_eq!(refused.disposition, Disposition::Conflict, "{refused}");
    assert_eq!(site.delete(PEERS, &made).unwrap(), Outcome::Deleted);
    assert_eq!(site.there("out")["interfaces"], json!([]));
    assert_eq!(site.there("out")["bgpPeers"], json!([]));
    assert!(site.read(PEERS, &made.id, Some(&made)).is_none());
    assert_eq!(site.delete(PEERS, &made).unwrap(), Outcome::Deleted, "once more");
    assert_eq!(site.delete(TUNNEL, &tunnel).unwrap(), Outcome::Deleted);
    assert_eq!(site.delete(ROUTER, &site.router).unwrap(), Outcome::Deleted);
    assert!(site.read(PEERS, &made.id, Some(&made)).is_none());
    assert_eq!(
        site.delete(PEERS, &made).unwrap(),
        Outcome::Deleted,
        "with its router"
    );
}

#[test]
fn numbers_and_names_that_google_does_not_take_are_refused_and_no_peers_at_all() {
    let site = Site::start();
    let complaints = |inputs: Json| -> Vec<String> {
        let request = CheckRequest {
            resource_type: PEERS.parse().unwrap(),
            name: "subject".parse().unwrap(),
            inputs: value(inputs),
            prior_inputs: None,
        };
        let told = block_on(site.provider.check(request)).unwrap().unwrap();
        let told = told.diagnostics.into_iter();
        told.map(|told| told.at.unwrap_or_default().to_string()).collect()
    };
    assert!(complaints(peers("out")).is_empty());
    assert_eq!(complaints(json!({"router": "out", "peers": []})), ["peers"]);
    for (name, wrong) in [
        ("peer_asn", json!(0)),
        ("peer_asn", json!(4_294_967_295_i64)),
        ("advertised_route_priority", json!(65_536)),
        ("name", json!("Site")),
        ("vpn_tunnel", json!("site")),
    ] {
        let mut inputs = peers("out");
        inputs["peers"][0][name] = wrong;
        assert_eq!(complaints(inputs), [format!("peers[0].{name}")]);
    }
    let needed = |operation| {
        block_on(
            site.provider
                .required_permissions(&PEERS.parse().unwrap(), operation),
        )
        .unwrap()
        .unwrap()
    };
    assert_eq!(needed("read"), ["compute.routers.get"]);
    assert!(needed("delete").contains(&"compute.routers.update".to_owned()));
}

#[test]
fn the_simulator_refuses_a_tunnel_of_another_region_and_a_session_without_an_interface() {
    let site = Site::start();
    let north = "https://compute.googleapis.com/compute/v1/projects/simulated/regions/europe-north1";
    let router = json!({"name": "north", "network": "global/networks/shop", "region": "europe-north1"});
    site.make(ROUTER, router);
    // The name alone says no region, so that the check cannot see it.
    let mut elsewhere = peers("out");
    let mut tunnel = site.tunnel("north", "europe-north1");
    tunnel["name"] = "north".into();
    site.make(TUNNEL, tunnel);
    elsewhere["peers"][0]["vpn_tunnel"] = format!("{north}/vpnTunnels/north").into();
    let refused = site.create(PEERS, elsewhere).unwrap_err();
    assert!(
        refused.message.contains("in the region of the router"),
        "{refused}"
    );
    let mut missing = peers("out");
    missing["peers"][0]["vpn_tunnel"] = format!("{HERE}/vpnTunnels/nowhere").into();
    let refused = site.create(PEERS, missing).unwrap_err();
    assert!(refused.message.contains("was not found"), "{refused}");
    let router = json!({
        "name": "loose", "network": "global/networks/shop",
        "bgp_peers": [{"name": "site", "interface_name": "site", "peer_asn": 64512}],
    });
    let refused = site.create(ROUTER, router).unwrap_err();
    assert!(refused.message.contains("has no interface 'site'"), "{refused}");
    let router = json!({
        "name": "wide", "network": "global/networks/shop", "interfaces": [{"name": "site", "ip_range": "10.0.0.1/30"}],
    });
    let refused = site.create(ROUTER, router).unwrap_err();
    assert!(refused.message.contains("link-local"), "{refused}");
    assert!(site.there("out").get("interfaces").is_none());
}
