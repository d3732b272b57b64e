use konductor_sdk::cloud::{from_json, to_json};
use serde_json::{Value as Json, json};

use super::*;

const ROUTER_LINK: &str = "https://compute.googleapis.com/compute/v1/projects/p/regions/r/routers/out";
const TUNNEL_LINK: &str = "https://compute.googleapis.com/compute/v1/projects/p/regions/r/vpnTunnels/site";

fn peer(name: &str, range: &str, other: &str) -> Json {
    json!({"name": name, "vpn_tunnel": TUNNEL_LINK, "ip_range": range, "peer_ip_address": other, "peer_asn": 64512})
}

/// Returns a router with a session to `site`, and one that Google manages.
fn router() -> Value {
    from_json(json!({
        "name": "out", "selfLink": ROUTER_LINK,
        "interfaces": [
            {"name": "managed", "ipRange": "169.254.1.1/29", "managementType": "MANAGED_BY_ATTACHMENT"},
            {"name": "if-site", "linkedVpnTunnel": TUNNEL_LINK, "ipRange": "169.254.44.42/30", "managementType": "MANAGED_BY_USER"},
        ],
        "bgpPeers": [
            {"name": "managed", "interfaceName": "managed", "peerAsn": 16550, "managementType": "MANAGED_BY_ATTACHMENT"},
            {"name": "site", "interfaceName": "if-site", "ipAddress": "169.254.44.42", "peerIpAddress": "169.254.44.41",
             "peerAsn": 64512, "bfd": {"multiplier": 5}, "managementType": "MANAGED_BY_USER"},
        ],
    }))
}

/// Returns what `check` finds wrong: the place, and what it is.
fn complaints(router: &str, peers: &Json) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    let inputs = from_json(json!({"router": router, "peers": peers}));
    ROUTER_PEERS.check(&inputs, &mut diagnostics);
    diagnostics
        .into_iter()
        .map(|told| format!("{}: {}", told.at.unwrap_or_default(), told.summary))
        .collect()
}

#[test]
fn a_peer_becomes_an_interface_and_a_session_and_what_google_manages_stays() {
    let wanted = lists_with(
        &router(),
        &[from_json(peer("office", "169.254.44.46/30", "169.254.44.45"))],
    );
    let wanted = to_json(&wanted);
    assert_eq!(wanted["interfaces"][0]["name"], "managed");
    assert_eq!(
        wanted["interfaces"][1],
        json!({"name": "office", "linkedVpnTunnel": TUNNEL_LINK, "ipRange": "169.254.44.46/30"})
    );
    assert_eq!(wanted["bgpPeers"][0]["name"], "managed");
    assert_eq!(
        wanted["bgpPeers"][1],
        json!({"name": "office", "interfaceName": "office", "ipAddress": "169.254.44.46",
            "peerIpAddress": "169.254.44.45", "peerAsn": 64512})
    );
    assert_eq!(wanted["interfaces"].as_array().map(Vec::len), Some(2));
    assert_eq!(wanted["bgpPeers"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_session_keeps_its_interface_and_what_is_no_attribute() {
    let mut changed = from_json(peer("site", "169.254.44.46/30", "169.254.44.45"));
    if let Some(map) = changed.as_map_mut() {
        map.insert("advertised_route_priority".to_owned(), Value::Unknown);
    }
    let wanted = to_json(&lists_with(&router(), &[changed]));
    let (interface, session) = (&wanted["interfaces"][1], &wanted["bgpPeers"][1]);
    assert_eq!(interface["name"], "if-site");
    assert_eq!(interface["ipRange"], "169.254.44.46/30");
    assert_eq!(session["interfaceName"], "if-site");
    assert_eq!(session["ipAddress"], "169.254.44.46");
    assert_eq!(session["bfd"], json!({"multiplier": 5}));
    assert_eq!(session.get("advertisedRoutePriority"), None);
}

#[test]
fn what_is_there_is_read_in_the_spelling_that_was_asked_for() {
    let asked = from_json(json!({
        "router": "regions/r/routers/out",
        "peers": [{"name": "site", "vpn_tunnel": "regions/r/vpnTunnels/site", "advertised_route_priority": 0}],
    }));
    let found = object_of(ROUTER_LINK, &router(), Some(&asked)).unwrap();
    assert_eq!(found.id, ROUTER_LINK);
    assert_eq!(
        to_json(&found.attributes),
        json!({"router": "regions/r/routers/out", "self_link": ROUTER_LINK, "peers": [{
            "name": "site", "vpn_tunnel": "regions/r/vpnTunnels/site", "ip_range": "169.254.44.42/30",
            "peer_ip_address": "169.254.44.41", "peer_asn": 64512, "advertised_route_priority": 0,
        }]})
    );
    // An import has asked for nothing.
    let found = to_json(&object_of(ROUTER_LINK, &router(), None).unwrap().attributes);
    assert_eq!(found["router"], ROUTER_LINK);
    assert_eq!(found["peers"][0]["vpn_tunnel"], TUNNEL_LINK);
}

#[test]
fn an_interface_without_a_peer_is_seen_and_a_router_with_nothing_of_ones_own_has_no_peers() {
    let alone = from_json(json!({"interfaces": [{"name": "lost", "ipRange": "169.254.44.42/30"}]}));
    assert_eq!(
        to_json(&Value::List(peers_of(&alone, &[]))),
        json!([{"name": "lost", "ip_range": "169.254.44.42/30"}])
    );
    let managed = lists_with(&router(), &[]);
    assert_eq!(list_of(&managed, "interfaces").len(), 1);
    assert!(object_of(ROUTER_LINK, &managed, None).is_none());
    assert!(object_of(ROUTER_LINK, &from_json(json!({"name": "out"})), None).is_none());
}

#[test]
fn peers_that_google_would_refuse_are_told_with_their_place() {
    let good = peer("site", "169.254.44.42/30", "169.254.44.41");
    assert!(complaints(ROUTER_LINK, &json!([good])).is_empty());
    assert!(complaints("out", &json!([good])).is_empty());
    for (range, other, said) in [
        (
            "169.254.44.42",
            "169.254.44.41",
            "peers[0].ip_range: `169.254.44.42` is not an IPv4 address",
        ),
        (
            "fdff:1::1/126",
            "169.254.44.41",
            "peers[0].ip_range: `fdff:1::1/126` is not an IPv4 address",
        ),
        (
            "10.0.0.2/30",
            "10.0.0.1",
            "peers[0].ip_range: `10.0.0.2/30` is not inside 169.254.0.0/16",
        ),
        (
            "169.254.0.1/15",
            "169.254.0.2",
            "peers[0].ip_range: `169.254.0.1/15` is not inside",
        ),
        (
            "169.254.44.40/30",
            "169.254.44.41",
            "peers[0].ip_range: `169.254.44.40/30` is not an address that",
        ),
        (
            "169.254.44.42/32",
            "169.254.44.41",
            "peers[0].ip_range: `169.254.44.42/32` is not an address that",
        ),
        (
            "169.254.44.42/30",
            "169.254.44.42",
            "peers[0].peer_ip_address: `169.254.44.42` is not another",
        ),
        (
            "169.254.44.42/30",
            "169.254.44.45",
            "peers[0].peer_ip_address: `169.254.44.45` is not another",
        ),
        (
            "169.254.44.42/30",
            "169.254.44.43",
            "peers[0].peer_ip_address: `169.254.44.43` is not another",
        ),
    ] {
        let told = complaints(ROUTER_LINK, &json!([peer("site", range, other)]));
        assert!(
            told.len() == 1 && told[0].starts_with(said),
            "{range} {other}: {told:?}"
        );
    }
    let again = peer("site", "169.254.44.46/30", "169.254.44.45");
    assert_eq!(
        complaints(ROUTER_LINK, &json!([good, again])),
        ["peers[1].name: there are two peers `site`"]
    );
    let wider = peer("office", "169.254.44.46/29", "169.254.44.45");
    assert_eq!(
        complaints(ROUTER_LINK, &json!([good, wider])),
        ["peers[1].ip_range: another peer has addresses of 169.254.44.40/29"]
    );
    let elsewhere = ROUTER_LINK.replace("/r/", "/elsewhere/");
    assert_eq!(
        complaints(&elsewhere, &json!([good])),
        ["peers[0].vpn_tunnel: the tunnel is in `r` and the router in `elsewhere`"]
    );
}

#[test]
fn an_operation_that_fails_leaves_what_the_router_has() {
    let failure = || Box::new(Failure::new(Disposition::Quota, "no room"));
    let empty = from_json(json!({"name": "out"}));
    let stand = Stand::Failed(ROUTER_LINK.to_owned(), empty, failure());
    let failed = outcome(stand, &Value::Null).unwrap_err();
    assert_eq!(failed.disposition, Disposition::Quota);
    let stand = Stand::Failed(ROUTER_LINK.to_owned(), router(), failure());
    assert!(matches!(outcome(stand, &Value::Null), Ok(Outcome::Partial(..))));
    let stand = Stand::Failed(ROUTER_LINK.to_owned(), router(), failure());
    assert!(removed(Ok(stand)).is_err());
    let gone = Failure::new(Disposition::NotFound, "gone");
    assert!(matches!(removed(Err(gone)), Ok(Outcome::Deleted)));
}
