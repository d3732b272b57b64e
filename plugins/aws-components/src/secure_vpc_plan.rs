//! What a SecureVpc consists of, worked out from its inputs.

use cidr::Ipv4Cidr;
use konductor_sdk::prelude::*;

use crate::inputs::{known, not_known};
use crate::region;
use crate::subnet_layout::{LONGEST_PREFIX, LayoutError, SHORTEST_PREFIX, lay_out, lies_in, overlap};

/// How private subnets reach the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NatGateways {
    /// Not at all.
    None,
    /// All through one gateway, in the first zone.
    Single,
    /// Each through a gateway in its zone.
    PerZone,
}

/// One zone with its subnets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Zone {
    /// What ends the names of what stands in it: `a`.
    pub(crate) suffix: String,
    /// The zone's name.
    pub(crate) name: Value,
    /// The block of the public subnet; none without public subnets.
    pub(crate) public: Option<Value>,
    /// The block of the private subnet.
    pub(crate) private: Value,
}

/// What a SecureVpc consists of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NetworkPlan {
    /// The zones, in order.
    pub(crate) zones: Vec<Zone>,
    /// How private subnets reach the internet.
    pub(crate) nat_gateways: NatGateways,
}

const PUBLIC: &str = "public_subnet_cidr_blocks";
const PRIVATE: &str = "private_subnet_cidr_blocks";

/// Works out what a SecureVpc consists of. Everything that is wrong is said; then there is no plan.
pub(crate) fn plan(request: &ConstructRequest, diagnostics: &mut Diagnostics) -> Option<NetworkPlan> {
    let inputs = &request.inputs;
    let mut keep = |result: Result<Option<&Value>, Box<Diagnostic>>| match result {
        Ok(value) => (value.cloned(), true),
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            (None, false)
        }
    };
    let (public_subnets, first) = keep(known(inputs, "public_subnets"));
    let (nat_gateways, second) = keep(known(inputs, "nat_gateways"));
    let (count, third) = keep(known(inputs, "zone_count"));
    if !(first && second && third) {
        return None;
    }
    let public_subnets = public_subnets.and_then(|v| v.as_boolean()).unwrap_or(true);
    let nat_gateways = match nat_gateways.as_ref().and_then(Value::as_text) {
        Some("none") => NatGateways::None,
        Some("per_zone") => NatGateways::PerZone,
        Some(_) => NatGateways::Single,
        None if public_subnets => NatGateways::Single,
        None => NatGateways::None,
    };
    if !public_subnets && nat_gateways != NatGateways::None {
        diagnostics.push(
            Diagnostic::error("a NAT gateway needs a public subnet to stand in")
                .help("remove `nat_gateways`, or set `public_subnets: true`")
                .at(Path::attribute("nat_gateways")),
        );
    }
    if !public_subnets && inputs.given(PUBLIC).is_some() {
        diagnostics.push(
            Diagnostic::error("blocks are given for public subnets, but there are none")
                .help(format!("remove `{PUBLIC}`, or set `public_subnets: true`"))
                .at(Path::attribute(PUBLIC)),
        );
    }
    let count = count
        .and_then(|v| v.as_integer())
        .and_then(|v| usize::try_from(v).ok());
    let zones = zones(request, count, diagnostics)?;
    let (public, private) = blocks(inputs, zones.len(), public_subnets, diagnostics)?;
    if diagnostics.has_errors() {
        return None;
    }
    let suffixes = suffixes(&zones);
    let mut public = public.into_iter();
    Some(NetworkPlan {
        zones: zones
            .into_iter()
            .zip(suffixes)
            .zip(private)
            .map(|((name, suffix), private)| Zone {
                suffix,
                name,
                public: public.next(),
                private,
            })
            .collect(),
        nat_gateways,
    })
}

fn zones(
    request: &ConstructRequest,
    count: Option<usize>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Value>> {
    let inputs = &request.inputs;
    match inputs.attribute("availability_zones") {
        None | Some(Value::Null) => {}
        Some(given) => {
            let Some(list) = given.as_list() else {
                diagnostics.push(not_known("availability_zones"));
                return None;
            };
            if count.is_some_and(|count| count != list.len()) {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "`zone_count` does not match the {} zones listed",
                        list.len()
                    ))
                    .help("remove `zone_count`: the list says how many there are")
                    .at(Path::attribute("zone_count")),
                );
            }
            for (index, zone) in list.iter().enumerate() {
                if zone.as_text().is_some() && list.iter().take(index).any(|other| other.same_as(zone)) {
                    diagnostics.push(
                        Diagnostic::error(format!(
                            "the zone `{}` is listed twice",
                            zone.as_text().unwrap_or_default()
                        ))
                        .help("list each zone once: subnets in one zone fail together")
                        .at(Path::attribute("availability_zones").element(index)),
                    );
                }
            }
            return Some(list.to_vec());
        }
    }
    let Some(region) = region::of(inputs, &request.metadata) else {
        diagnostics.push(
            Diagnostic::error("the region is not known, so the names of its zones are not either")
                .help("configure `aws.region`, or give `region` or `availability_zones`")
                .at(Path::attribute("availability_zones")),
        );
        return None;
    };
    match region::zones(&region, count) {
        Ok(names) => Some(names.into_iter().map(Value::from).collect()),
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            None
        }
    }
}

/// Returns what ends the names of what stands in each zone: the zones' own last letters where they tell them apart,
/// else letters by position.
fn suffixes(zones: &[Value]) -> Vec<String> {
    let own: Vec<String> = zones
        .iter()
        .filter_map(|zone| zone.as_text()?.chars().last().filter(char::is_ascii_lowercase))
        .map(String::from)
        .collect();
    let distinct = own
        .iter()
        .enumerate()
        .all(|(index, one)| !own.iter().take(index).any(|other| other == one));
    if own.len() == zones.len() && distinct {
        return own;
    }
    ('a'..='z').take(zones.len()).map(String::from).collect()
}

type Blocks = (Vec<Value>, Vec<Value>);

/// Returns the blocks of the public and of the private subnets.
fn blocks(
    inputs: &Value,
    zones: usize,
    public_subnets: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Blocks> {
    let public = given_blocks(inputs, PUBLIC, zones, diagnostics)?;
    let private = given_blocks(inputs, PRIVATE, zones, diagnostics)?;
    let network = inputs.attribute("cidr_block").and_then(Value::as_text);
    let network: Option<Ipv4Cidr> = network.and_then(|text| text.parse().ok());
    if let Some(network) = network
        && !(SHORTEST_PREFIX..=LONGEST_PREFIX).contains(&network.network_length())
    {
        let error = LayoutError::NetworkSize { block: network };
        diagnostics.push(Diagnostic::error(error.to_string()).at(Path::attribute("cidr_block")));
        return None;
    }
    let all_given = private.is_some() && (public.is_some() || !public_subnets);
    let (public, private) = match (all_given, network) {
        (true, _) => (public.unwrap_or_default(), private.unwrap_or_default()),
        (false, None) => {
            diagnostics.push(
                Diagnostic::error("`cidr_block` must be known when the plan is made")
                    .detail("the blocks of the subnets are computed from it")
                    .help(format!(
                        "write `cidr_block` out, or give `{PUBLIC}` and `{PRIVATE}`"
                    ))
                    .at(Path::attribute("cidr_block")),
            );
            return None;
        }
        (false, Some(network)) => match lay_out(network, zones) {
            Ok(layout) => {
                let texts =
                    |blocks: Vec<Ipv4Cidr>| blocks.iter().map(|block| block.to_string().into()).collect();
                (
                    public.unwrap_or_else(|| texts(layout.public)),
                    private.unwrap_or_else(|| texts(layout.private)),
                )
            }
            Err(error) => {
                let mut diagnostic = Diagnostic::error(error.to_string())
                    .detail(format!("the smallest subnet AWS allows is /{LONGEST_PREFIX}"))
                    .at(Path::attribute("cidr_block"));
                if let LayoutError::TooSmall { needed, .. } = error {
                    diagnostic = diagnostic.help(format!(
                        "give a block of /{needed} or larger, fewer zones, or `{PUBLIC}` and `{PRIVATE}`"
                    ));
                }
                diagnostics.push(diagnostic);
                return None;
            }
        },
    };
    let public = if public_subnets { public } else { Vec::new() };
    check_blocks(network, &[(PUBLIC, &public), (PRIVATE, &private)], diagnostics);
    Some((public, private))
}

/// Returns the blocks that are given, none where they are to be computed; fails when they cannot be used.
fn given_blocks(
    inputs: &Value,
    name: &str,
    zones: usize,
    diagnostics: &mut Diagnostics,
) -> Option<Option<Vec<Value>>> {
    let given = match inputs.attribute(name) {
        None | Some(Value::Null) => return Some(None),
        Some(given) => given,
    };
    let Some(list) = given.as_list() else {
        diagnostics.push(not_known(name));
        return None;
    };
    if list.len() != zones {
        diagnostics.push(
            Diagnostic::error(format!(
                "`{name}` has {} blocks, but there are {zones} zones",
                list.len()
            ))
            .help("give one block for each zone, in the order of the zones")
            .at(Path::attribute(name)),
        );
        return None;
    }
    Some(Some(list.to_vec()))
}

/// Says which blocks lie outside the network, have a size AWS does not allow, or overlap another.
fn check_blocks(network: Option<Ipv4Cidr>, lists: &[(&str, &Vec<Value>)], diagnostics: &mut Diagnostics) {
    let mut seen: Vec<(Path, Ipv4Cidr)> = Vec::new();
    for (name, list) in lists {
        for (index, value) in list.iter().enumerate() {
            let Some(block) = value.as_text().and_then(|text| text.parse::<Ipv4Cidr>().ok()) else {
                continue;
            };
            let at = Path::attribute(*name).element(index);
            if !(SHORTEST_PREFIX..=LONGEST_PREFIX).contains(&block.network_length()) {
                diagnostics.push(
                    Diagnostic::error(format!("`{block}` cannot be the block of a subnet"))
                        .detail(format!("AWS allows /{SHORTEST_PREFIX} to /{LONGEST_PREFIX}"))
                        .at(at.clone()),
                );
            }
            if let Some(network) = network
                && !lies_in(&block, &network)
            {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "`{block}` does not lie in the network's block `{network}`"
                    ))
                    .at(at.clone()),
                );
            }
            if let Some((other_at, other)) = seen.iter().find(|(_, other)| overlap(other, &block)) {
                diagnostics.push(
                    Diagnostic::error(format!("`{block}` overlaps `{other}`"))
                        .detail(format!("`{other}` is given at `{other_at}`"))
                        .at(at.clone()),
                );
            }
            seen.push((at, block));
        }
    }
}
