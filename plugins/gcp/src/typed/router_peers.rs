//! `gcp:compute:RouterPeers`: what a cloud router has for VPN tunnels, as a resource beside the router.
//!
//! A tunnel names its router and an interface of the router names the tunnel, so a router cannot be declared together with
//! its interfaces. Both lists, interfaces and peers, are written with one patch of the router.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use cidr::Ipv4Inet;
use konductor_schema_body::writable;
use konductor_sdk::cloud::left_nothing;
use konductor_sdk::prelude::*;
use konductor_sdk::schema_builder::{Attribute, SchemaError};

use super::catalogue::ROUTER;
use super::spelling;
use crate::lifecycle::{Stand, Target, type_of_handle};
use crate::link::{expand, link, matched, refers};

/// The two lists of a router.
const LISTS: [&str; 2] = ["interfaces", "bgpPeers"];

/// Who manages what Google made for an attachment of a partner. Google makes, changes and deletes it by itself.
const BY_ATTACHMENT: &str = "MANAGED_BY_ATTACHMENT";

/// The names that a router can be given by, beside its self link.
const NAMES: [&str; 3] = [
    "projects/{project}/regions/{region}/routers/{router}",
    "regions/{region}/routers/{router}",
    "{router}",
];

/// The largest number of an autonomous system. The API takes 32 bits, for private and public numbers
/// (<https://cloud.google.com/compute/docs/reference/rest/v1/routers>, `bgpPeers[].peerAsn`); 0 and the last one are reserved
/// by RFC 7607 and RFC 7300.
const LARGEST_NUMBER: i64 = 4_294_967_294;

/// The names of interfaces and peers.
const NAME: &str = "[a-z]([-a-z0-9]{0,61}[a-z0-9])?";

/// A VPN tunnel: its self link, or the end of it from `regions` or `projects` on.
const TUNNEL: &str = "(https://[^/ ]+/compute/[^/ ]+/)?(projects/[^/ ]+/)?regions/[^/ ]+/vpnTunnels/[^/ ]+";

/// The interfaces and the peers of one router.
#[derive(Debug)]
pub struct RouterPeers;

pub static ROUTER_PEERS: RouterPeers = RouterPeers;

fn text_of<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.attribute(name).and_then(Value::as_text)
}

fn list_of<'v>(object: &'v Value, name: &str) -> &'v [Value] {
    object
        .attribute(name)
        .and_then(Value::as_list)
        .unwrap_or_default()
}

/// Returns the entries of a list of a router that somebody declared, without those that Google manages.
fn declared<'v>(router: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    list_of(router, list)
        .iter()
        .filter(|entry| text_of(entry, "managementType") != Some(BY_ATTACHMENT))
}

fn named<'v>(router: &'v Value, list: &str, name: &str) -> Option<&'v Value> {
    declared(router, list).find(|entry| text_of(entry, "name") == Some(name))
}

/// Returns an entry with members set; what it has beside them stays.
fn with<const N: usize>(entry: Option<&Value>, members: [(&str, Option<Value>); N]) -> Value {
    let mut map = entry.and_then(Value::as_map).cloned().unwrap_or_default();
    for (name, value) in members {
        if let Some(value) = value.filter(|value| !value.is_null() && !value.is_unknown()) {
            map.insert(name.to_owned(), value);
        }
    }
    Value::Map(map)
}

/// Returns both lists as a router has them.
fn lists(router: &Value) -> Value {
    Value::from(LISTS.map(|list| (list, Value::List(list_of(router, list).to_vec()))))
}

/// Returns both lists with these peers in them and no others. What Google manages stays, and so does what a peer of the same
/// name has that is no attribute here.
fn lists_with(router: &Value, peers: &[Value]) -> Value {
    let [mut interfaces, mut sessions] = LISTS.map(|list| {
        let managed = list_of(router, list)
            .iter()
            .filter(|entry| text_of(entry, "managementType") == Some(BY_ATTACHMENT));
        managed.cloned().collect::<Vec<Value>>()
    });
    for peer in peers {
        let given = |name: &str| peer.attribute(name).cloned();
        let name = text_of(peer, "name").unwrap_or_default();
        let session = named(router, "bgpPeers", name);
        // Another name would be another interface, and end the session.
        let interface = session
            .and_then(|session| text_of(session, "interfaceName"))
            .unwrap_or(name);
        let address = text_of(peer, "ip_range").and_then(|range| range.split('/').next());
        interfaces.push(with(
            named(router, "interfaces", interface),
            [
                ("name", Some(interface.into())),
                ("linkedVpnTunnel", given("vpn_tunnel")),
                ("ipRange", given("ip_range")),
            ],
        ));
        sessions.push(with(
            session,
            [
                ("name", Some(name.into())),
                ("interfaceName", Some(interface.into())),
                ("ipAddress", address.map(Value::from)),
                ("peerIpAddress", given("peer_ip_address")),
                ("peerAsn", given("peer_asn")),
                ("advertisedRoutePriority", given("advertised_route_priority")),
            ],
        ));
    }
    let [first, second] = LISTS;
    Value::from([(first, Value::List(interfaces)), (second, Value::List(sessions))])
}

/// Returns the peers that a router has, in the spelling that was expected. An interface without a peer is one of which less
/// is known.
fn peers_of(router: &Value, expected: &[Value]) -> Vec<Value> {
    let mut alone: BTreeSet<&str> = declared(router, "interfaces")
        .filter_map(|interface| text_of(interface, "name"))
        .collect();
    let mut peers = Vec::new();
    for session in declared(router, "bgpPeers") {
        let interface = text_of(session, "interfaceName").unwrap_or_default();
        alone.remove(interface);
        peers.push(peer_of(
            Some(session),
            named(router, "interfaces", interface),
            expected,
        ));
    }
    peers.extend(
        alone
            .into_iter()
            .map(|name| peer_of(None, named(router, "interfaces", name), expected)),
    );
    peers
}

fn peer_of(session: Option<&Value>, interface: Option<&Value>, expected: &[Value]) -> Value {
    let of = |entry: Option<&Value>, name: &str| entry.and_then(|entry| entry.attribute(name)).cloned();
    let name = of(session, "name").or_else(|| of(interface, "name"));
    let expected = expected
        .iter()
        .find(|expected| expected.attribute("name") == name.as_ref());
    let tunnel = of(interface, "linkedVpnTunnel").map(|found| {
        let asked = expected.and_then(|expected| text_of(expected, "vpn_tunnel"));
        match (found.as_text(), asked) {
            (Some(found), Some(asked)) if refers(found, asked) => asked.into(),
            _ => found,
        }
    });
    // Google leaves out a zero.
    let priority = of(session, "advertisedRoutePriority").or_else(|| {
        let asked = expected.and_then(|expected| expected.attribute("advertised_route_priority"));
        asked.filter(|asked| asked.as_integer() == Some(0)).cloned()
    });
    with(
        None,
        [
            ("name", name),
            ("vpn_tunnel", tunnel),
            ("ip_range", of(interface, "ipRange")),
            ("peer_ip_address", of(session, "peerIpAddress")),
            ("peer_asn", of(session, "peerAsn")),
            ("advertised_route_priority", priority),
        ],
    )
}

/// Returns what is there for a router; none when it has neither interfaces nor peers.
fn object_of(link: &str, router: &Value, expected: Option<&Value>) -> Option<ObjectState> {
    let peers = peers_of(
        router,
        expected.map_or(&[], |expected| list_of(expected, "peers")),
    );
    if peers.is_empty() {
        return None;
    }
    let asked = expected.and_then(|expected| text_of(expected, "router"));
    let router = asked.filter(|asked| refers(link, asked)).unwrap_or(link);
    let attributes = Value::from([
        ("router", Value::from(router)),
        ("peers", Value::List(peers)),
        ("self_link", Value::from(link)),
    ]);
    Some(object(link).extend(&attributes).build())
}

/// Returns the region that a name of a router or a tunnel says.
fn region_of(name: &str) -> Option<&str> {
    name.split('/').skip_while(|step| *step != "regions").nth(1)
}

fn target() -> Result<Target, Failure> {
    Ok(Target {
        rest: ROUTER.rest()?,
        given: BTreeMap::new(),
    })
}

fn gone(link: &str) -> Failure {
    let mut failure = Failure::new(Disposition::NotFound, format!("there is no router {link}"));
    failure.at = Some(Path::attribute("router"));
    failure
}

/// Returns the self link of the router that attributes name.
fn link_of(context: &Context, attributes: &Value) -> Result<String, Failure> {
    let name = text_of(attributes, "router").unwrap_or_default();
    let mut target = target()?;
    let refused = |message: String| {
        let mut failure = Failure::new(Disposition::Invalid, message);
        failure.at = Some(Path::attribute("router"));
        failure
    };
    if name.contains("://") {
        return target.canonical(name).map_err(|failure| refused(failure.message));
    }
    let steps: Vec<String> = name.split('/').map(str::to_owned).collect();
    target.given = NAMES
        .iter()
        .find_map(|form| matched(form, &steps))
        .ok_or_else(|| {
            refused(format!(
                "`{name}` names no router; expected its self link or its name"
            ))
        })?;
    let path = target.rest.method("get").map(|get| get.path).unwrap_or_default();
    let found = expand(path, |name| target.parameter_of(context, name)).map_err(|missing| {
        refused(format!(
            "`{name}` does not say the {missing} of the router; give its self link, or set `{missing}` in the module's \
             configuration"
        ))
    })?;
    Ok(link(target.rest.service(), &found))
}

/// Writes the lists of a router.
fn write(
    context: &Context,
    link: &str,
    router: &Value,
    lists_wanted: &Value,
    token: &str,
) -> Result<Stand, Failure> {
    let target = target()?;
    // A list with nothing in it is sent as such.
    let whole = |lists: &Value| {
        let mut body = writable(target.place(), lists);
        if let Some(map) = body.as_map_mut() {
            for list in LISTS {
                map.entry(list.to_owned())
                    .or_insert_with(|| Value::List(Vec::new()));
            }
        }
        body
    };
    let (old, new) = (whole(&lists(router)), whole(lists_wanted));
    target.update(context, link, &old, &new, token)
}

/// Returns what an object is after a write that was to give a router these peers.
fn outcome(stand: Stand, planned: &Value) -> Result<Outcome, Failure> {
    match stand {
        Stand::Going(progress) => Ok(Outcome::InProgress(progress)),
        Stand::Gone => Ok(Outcome::Deleted),
        Stand::Done(link, router) => match object_of(&link, &router, Some(planned)) {
            Some(object) => Ok(Outcome::Complete(object)),
            None => Err(left_nothing(Failure::new(
                Disposition::Conflict,
                format!("{link} has no peers although they were written: somebody else took them away"),
            ))),
        },
        Stand::Failed(link, router, failure) => match object_of(&link, &router, Some(planned)) {
            Some(object) => Ok(Outcome::Partial(object, *failure)),
            None => Err(left_nothing(*failure)),
        },
    }
}

/// Returns the same for a write that was to take all peers away.
fn removed(stand: Result<Stand, Failure>) -> Result<Outcome, Failure> {
    match stand {
        Ok(Stand::Going(progress)) => Ok(Outcome::InProgress(progress)),
        Ok(Stand::Done(..) | Stand::Gone) => Ok(Outcome::Deleted),
        Ok(Stand::Failed(_, _, failure)) => Err(*failure),
        Err(failure) if failure.disposition == Disposition::NotFound => Ok(Outcome::Deleted),
        Err(failure) => Err(failure),
    }
}

/// Reads the router's own address in a tunnel. Of the fourth version of IP it must be link-local, as the API says of
/// `interfaces[].ipRange` (<https://cloud.google.com/compute/docs/reference/rest/v1/routers>).
fn own_address(range: &str) -> Result<Ipv4Inet, String> {
    let inet = range
        .parse::<Ipv4Inet>()
        .ok()
        .filter(|_| range.contains('/'))
        .ok_or_else(|| format!("`{range}` is not an IPv4 address with the length of its network"))?;
    if !inet.address().is_link_local() || inet.network_length() < 16 {
        return Err(format!(
            "`{range}` is not inside 169.254.0.0/16, where Google wants the addresses of tunnels"
        ));
    }
    if inet.network_length() > 30 || !is_host(&inet, inet.address()) {
        return Err(format!(
            "`{range}` is not an address that a router can have in a network"
        ));
    }
    Ok(inet)
}

/// Tells whether an address of a network is neither the network's nor that of all in it.
fn is_host(network: &Ipv4Inet, address: Ipv4Addr) -> bool {
    network.contains(&address) && address != network.first_address() && address != network.last_address()
}

fn peer() -> Attribute {
    nested(
        [
            (
                "name",
                text("The name of the peer, and of its interface.")
                    .required()
                    .pattern(NAME),
            ),
            (
                "vpn_tunnel",
                text("The VPN tunnel: its self link. It is in the region of the router.")
                    .required()
                    .pattern(TUNNEL),
            ),
            (
                "ip_range",
                text("The router's own address in the tunnel, with the length of the network: `169.254.44.42/30`.")
                    .required(),
            ),
            (
                "peer_ip_address",
                text("The address of the other end in the tunnel, of the same network.")
                    .required()
                    .format(TextFormat::Ipv4Address),
            ),
            (
                "peer_asn",
                integer("The number of the other end's autonomous system.")
                    .required()
                    .between(1, LARGEST_NUMBER),
            ),
            (
                "advertised_route_priority",
                integer("How much the other end prefers this tunnel: of several the one with the lowest number is taken. Google's choice where it is not given.")
                    .computed()
                    .volatile()
                    .between(0, 65_535),
            ),
        ],
        "An interface of the router and the peer that it talks to.",
    )
}

impl ResourceProvider for RouterPeers {
    fn resource_type(&self) -> &'static str {
        "gcp:compute:RouterPeers"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let simulated = super::own_link(ROUTER.link);
        schema(
            self.resource_type(),
            "The interfaces and BGP peers of a cloud router for VPN tunnels. It owns all of them: those that are not declared \
             here are taken off the router. Only what Google manages for an attachment of a partner is left alone.",
        )
        .attribute(
            "router",
            text("The router: its self link, or its name in the module's project and region.")
                .required()
                .replaces(),
        )
        .attribute(
            "peers",
            set(peer(), "All that the router talks to through VPN tunnels.")
                .required()
                .at_least(1),
        )
        .output(
            "self_link",
            text("The self link of the router, which is the identity.").simulated(&simulated),
        )
        .identity(ROUTER.link, "The self link of the router.", &["self_link"])
        .delete_before_replace()
        .example(
            "One that works",
            "peers:\n  type: gcp:compute:RouterPeers\n  properties:\n    router: ${router.self_link}\n    peers:\n      - name: \
             site\n        vpn_tunnel: ${tunnel.self_link}\n        ip_range: 169.254.44.42/30\n        peer_ip_address: \
             169.254.44.41\n        peer_asn: 64512\n",
        )
        .build()
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        let region = text_of(inputs, "router").and_then(region_of);
        let mut names = BTreeSet::new();
        let mut networks: Vec<Ipv4Inet> = Vec::new();
        for (index, peer) in list_of(inputs, "peers").iter().enumerate() {
            let at = |name: &str| Path::attribute("peers").element(index).child(name);
            if let Some(name) = text_of(peer, "name")
                && !names.insert(name)
            {
                diagnostics.push(
                    Diagnostic::error(format!("there are two peers `{name}`"))
                        .at(at("name"))
                        .help("give each peer a name of its own"),
                );
            }
            let elsewhere = text_of(peer, "vpn_tunnel").and_then(region_of);
            if let (Some(region), Some(elsewhere)) = (region, elsewhere)
                && region != elsewhere
            {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "the tunnel is in `{elsewhere}` and the router in `{region}`"
                    ))
                    .at(at("vpn_tunnel"))
                    .help("a router talks through tunnels of its own region only"),
                );
            }
            let own = match text_of(peer, "ip_range").map(own_address) {
                None => continue,
                Some(Ok(own)) => own,
                Some(Err(message)) => {
                    diagnostics.push(
                        Diagnostic::error(message)
                            .at(at("ip_range"))
                            .help("give the router's own address, such as `169.254.44.42/30`"),
                    );
                    continue;
                }
            };
            let overlaps = |other: &Ipv4Inet| {
                other.contains(&own.first_address()) || own.contains(&other.first_address())
            };
            if networks.iter().any(overlaps) {
                diagnostics.push(
                    Diagnostic::error(format!("another peer has addresses of {}", own.network()))
                        .at(at("ip_range"))
                        .help("give each tunnel a network of its own"),
                );
            }
            networks.push(own);
            let other = text_of(peer, "peer_ip_address").and_then(|address| address.parse::<Ipv4Addr>().ok());
            if let Some(other) = other
                && (other == own.address() || !is_host(&own, other))
            {
                diagnostics.push(
                    Diagnostic::error(format!("`{other}` is not another address of {}", own.network()))
                        .at(at("peer_ip_address"))
                        .help("both ends of a tunnel have addresses of one network"),
                );
            }
        }
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        if let Some(prior) = &request.prior {
            let prior_of = |name: &str| prior.attributes.attribute(name).cloned();
            let link = text_of(&prior.attributes, "self_link").unwrap_or_default();
            // The same router by another name is the same router.
            if text_of(&plan.planned, "router").is_some_and(|router| refers(link, router)) {
                for name in ["router", "self_link"] {
                    let _ = plan
                        .planned
                        .put(&Path::attribute(name), prior_of(name).unwrap_or_default());
                }
            }
            spelling::forget(&prior.attributes, plan);
        }
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" | "update" | "delete" => vec![
                "compute.routers.get",
                "compute.routers.update",
                "compute.regionOperations.get",
            ],
            "read" => vec!["compute.routers.get"],
            _ => Vec::new(),
        }
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let link = link_of(context, &request.inputs)?;
        let router = target()?.read(context, &link)?.ok_or_else(|| gone(&link))?;
        let wanted = lists_with(&router, list_of(&request.inputs, "peers"));
        // What is there may be what a run that was cut off wrote; anything else is somebody's.
        let strange: BTreeSet<&str> = LISTS
            .iter()
            .flat_map(|list| declared(&router, list).map(move |entry| (list, entry)))
            .filter(|(list, entry)| !list_of(&wanted, list).iter().any(|wanted| wanted.same_as(entry)))
            .filter_map(|(_, entry)| text_of(entry, "name"))
            .collect();
        if !strange.is_empty() {
            let names: Vec<&str> = strange.into_iter().collect();
            return Err(Failure::new(
                Disposition::AlreadyExists,
                format!(
                    "{link} has interfaces or peers already: {}; import them by the self link of the router, or take them off it",
                    names.join(", ")
                ),
            ));
        }
        let stand = write(context, &link, &router, &wanted, &request.idempotency_token)?;
        outcome(stand, &request.inputs)
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let target = target()?;
        let link = target.canonical(&request.id)?;
        let expected = request.prior.as_ref().map(|prior| &prior.attributes);
        let router = target.read(context, &link)?;
        Ok(router.and_then(|router| object_of(&link, &router, expected)))
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let link = &request.prior.id;
        let router = target()?.read(context, link)?.ok_or_else(|| gone(link))?;
        let wanted = lists_with(&router, list_of(&request.planned, "peers"));
        let stand = write(context, link, &router, &wanted, &request.idempotency_token)?;
        outcome(stand, &request.planned)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let link = &request.prior.id;
        let Some(router) = target()?.read(context, link)? else {
            return Ok(Outcome::Deleted);
        };
        let wanted = lists_with(&router, &[]);
        removed(write(context, link, &router, &wanted, &request.idempotency_token))
    }

    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        type_of_handle(&request.handle)?;
        let stand = target()?.poll(context, &request.handle, &Value::Null);
        if request.operation == OperationKind::Delete {
            return removed(stand);
        }
        outcome(stand?, &request.planned)
    }
}

#[cfg(test)]
mod tests;
