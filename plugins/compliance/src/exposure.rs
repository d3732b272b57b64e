//! What rules of security groups and firewalls let in from the internet.

use serde_json::Value as Json;

use crate::attributes::{Found, find};
use crate::rule::Truth;
use crate::subject::Subject;

/// Blocks of addresses, and words for them, that mean everybody.
const EVERYBODY: [&str; 6] = ["0.0.0.0/0", "::/0", "*", "internet", "any", "0.0.0.0"];
/// The last port.
const LAST: u16 = u16::MAX;

/// What a rule lets in.
#[derive(Debug, Default)]
struct Opening {
    /// Ranges of ports, both ends included.
    ports: Vec<(u16, u16)>,
    /// Part of it is not known yet.
    is_unknown: bool,
}

/// Tells whether the internet reaches none of some ports by TCP.
pub(crate) fn closed(subject: &Subject, ports: &[u16]) -> Truth {
    judge(subject, |(first, last)| {
        ports.iter().any(|port| (first..=last).contains(port))
    })
}

/// Tells whether the internet does not reach every port.
pub(crate) fn not_wide_open(subject: &Subject) -> Truth {
    judge(subject, |(first, last)| first <= 1 && last == LAST)
}

fn judge(subject: &Subject, is_wrong: impl Fn((u16, u16)) -> bool) -> Truth {
    let openings = openings(subject);
    if openings
        .iter()
        .any(|opening| opening.ports.iter().any(|range| is_wrong(*range)))
    {
        Truth::No
    } else if openings.iter().any(|opening| opening.is_unknown) {
        Truth::Unknown
    } else {
        Truth::Yes
    }
}

fn openings(subject: &Subject) -> Vec<Opening> {
    let attributes = &subject.attributes;
    match subject.kind.to_ascii_lowercase().as_str() {
        "aws:ec2:securitygrouprule" => vec![aws(attributes)],
        "microsoft.network/networksecuritygroups/securityrules" => vec![azure(attributes)],
        "microsoft.network/networksecuritygroups" => {
            let rules = list(attributes, "properties.securityRules");
            rules.into_iter().map(azure).collect()
        }
        "compute/v1/firewalls" => vec![google(attributes)],
        _ => Vec::new(),
    }
}

fn aws(rule: &Json) -> Opening {
    let mut opening = Opening::default();
    if !is(rule, "direction", &["ingress"]) {
        return opening;
    }
    opening.is_unknown = unknown(
        rule,
        &["cidr_ipv4", "cidr_ipv6", "protocol", "from_port", "to_port"],
    );
    let everybody = is(rule, "cidr_ipv4", &EVERYBODY) || is(rule, "cidr_ipv6", &EVERYBODY);
    if everybody && is(rule, "protocol", &["-1", "all"]) {
        opening.ports.push((0, LAST));
    } else if everybody && is(rule, "protocol", &["tcp", "6"]) {
        let first = port(rule, "from_port").unwrap_or(0);
        opening.ports.push((first, port(rule, "to_port").unwrap_or(LAST)));
    }
    opening
}

fn azure(rule: &Json) -> Opening {
    let mut opening = Opening::default();
    let inbound = is(rule, "properties.direction", &["inbound"]) && is(rule, "properties.access", &["allow"]);
    if !inbound || !is(rule, "properties.protocol", &["tcp", "*"]) {
        return opening;
    }
    opening.is_unknown = unknown(
        rule,
        &[
            "properties.sourceAddressPrefix",
            "properties.sourceAddressPrefixes",
            "properties.destinationPortRange",
            "properties.destinationPortRanges",
        ],
    );
    let everybody = is(rule, "properties.sourceAddressPrefix", &EVERYBODY)
        || has(rule, "properties.sourceAddressPrefixes", &EVERYBODY);
    if everybody {
        let one = text(rule, "properties.destinationPortRange");
        let several = list(rule, "properties.destinationPortRanges");
        let several = several.into_iter().filter_map(Json::as_str);
        opening
            .ports
            .extend(one.into_iter().chain(several).filter_map(range));
    }
    opening
}

fn google(rule: &Json) -> Opening {
    let mut opening = Opening::default();
    if is(rule, "direction", &["egress"]) || is(rule, "disabled", &["true"]) {
        return opening;
    }
    opening.is_unknown = unknown(rule, &["source_ranges", "allowed"]);
    // Without any source a rule is for everybody.
    let unsaid = ["source_ranges", "source_tags", "source_service_accounts"];
    let unsaid = unsaid
        .iter()
        .all(|name| matches!(find(rule, name), Found::Nothing));
    if unsaid || has(rule, "source_ranges", &EVERYBODY) {
        for allowed in list(rule, "allowed") {
            if !is(allowed, "ip_protocol", &["tcp", "all", "6"]) {
                continue;
            }
            match list(allowed, "ports") {
                ports if ports.is_empty() => opening.ports.push((0, LAST)),
                ports => opening
                    .ports
                    .extend(ports.into_iter().filter_map(Json::as_str).filter_map(range)),
            }
        }
    }
    opening
}

/// Reads `22`, `8000-8999` or `*`.
fn range(text: &str) -> Option<(u16, u16)> {
    if text == "*" {
        return Some((0, LAST));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

fn text<'v>(rule: &'v Json, path: &str) -> Option<&'v str> {
    match find(rule, path) {
        Found::Value(value) => value.as_str(),
        Found::Nothing | Found::Unknown => None,
    }
}

fn port(rule: &Json, path: &str) -> Option<u16> {
    match find(rule, path) {
        Found::Value(value) => u16::try_from(value.as_u64()?).ok(),
        Found::Nothing | Found::Unknown => None,
    }
}

fn is(rule: &Json, path: &str, words: &[&str]) -> bool {
    match find(rule, path) {
        Found::Value(Json::String(text)) => words.iter().any(|word| text.eq_ignore_ascii_case(word)),
        Found::Value(Json::Bool(truth)) => words.contains(&truth.to_string().as_str()),
        Found::Value(_) | Found::Nothing | Found::Unknown => false,
    }
}

fn has(rule: &Json, path: &str, words: &[&str]) -> bool {
    let elements = list(rule, path).into_iter().filter_map(Json::as_str);
    elements
        .into_iter()
        .any(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

fn list<'v>(rule: &'v Json, path: &str) -> Vec<&'v Json> {
    match find(rule, path) {
        Found::Value(Json::Array(elements)) => elements.iter().collect(),
        Found::Value(_) | Found::Nothing | Found::Unknown => Vec::new(),
    }
}

fn unknown(rule: &Json, paths: &[&str]) -> bool {
    paths
        .iter()
        .any(|path| matches!(find(rule, path), Found::Unknown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subject(resource_type: &str, after: &Json, unknown: &Json) -> Subject {
        let document = json!({ "resource_changes": [{
            "change": { "after": after, "after_unknown": unknown },
            "konductor": { "urn": "urn", "name": "r", "type": resource_type },
        }] });
        Subject::all(&document).pop().unwrap()
    }

    #[test]
    fn rules_that_stand_in_their_group_are_looked_at_too() {
        let rule = |ports: &str, from: &str| {
            json!({ "name": "a", "properties": {
                "direction": "inbound", "access": "Allow", "protocol": "*", "sourceAddressPrefixes": ["10.0.0.0/8", from],
                "destinationPortRanges": [ports],
            } })
        };
        let group = |rules: Json| {
            let body = json!({ "properties": { "securityRules": rules } });
            let after = json!({ "type": "microsoft.network/networksecuritygroups", "body": body });
            subject("azure:arm:Resource", &after, &Json::Bool(false))
        };
        assert_eq!(
            closed(&group(json!([rule("20-30", "0.0.0.0/0")])), &[22]),
            Truth::No
        );
        assert_eq!(
            closed(&group(json!([rule("20-30", "192.0.2.0/24")])), &[22]),
            Truth::Yes
        );
        assert_eq!(
            closed(&group(json!([rule("30-40", "0.0.0.0/0")])), &[22]),
            Truth::Yes
        );
        assert_eq!(not_wide_open(&group(json!([rule("0-65535", "*")]))), Truth::No);
    }

    #[test]
    fn a_firewall_of_google_without_a_source_is_for_everybody() {
        let open = json!({ "allowed": [{ "ip_protocol": "tcp", "ports": ["22"] }] });
        let firewall = |after: &Json| subject("gcp:compute:Firewall", after, &Json::Bool(false));
        assert_eq!(closed(&firewall(&open), &[22]), Truth::No);
        for (name, value) in [
            ("source_tags", json!(["bastion"])),
            ("direction", json!("EGRESS")),
            ("disabled", json!(true)),
        ] {
            let mut closed_one = open.clone();
            closed_one[name] = value;
            assert_eq!(closed(&firewall(&closed_one), &[22]), Truth::Yes, "{name}");
        }
    }

    #[test]
    fn what_is_not_known_yet_is_left_open() {
        let after = json!({ "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22 });
        let rule = subject("aws:ec2:SecurityGroupRule", &after, &json!({ "cidr_ipv4": true }));
        assert_eq!(closed(&rule, &[22]), Truth::Unknown);
        let egress = json!({ "direction": "egress", "protocol": "-1", "cidr_ipv4": "0.0.0.0/0" });
        let rule = subject("aws:ec2:SecurityGroupRule", &egress, &Json::Bool(false));
        assert_eq!(closed(&rule, &[22]), Truth::Yes);
    }
}
