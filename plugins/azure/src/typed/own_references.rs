//! References of a resource to its own parts: `self/probes/web` stands for the resource's identifier with that behind it.
//!
//! A load balancer's rules name its probes by identifiers that begin with its own, which nobody has before it is there.

use konductor_sdk::prelude::*;

/// How a reference to the resource itself begins.
const OWN: &str = "self/";

/// Returns a value with every identifier that refers to the resource itself spelled out.
pub fn spelled_out(value: &Value, id: &str) -> Value {
    each_id(value, &|reference| {
        reference.strip_prefix(OWN).map(|part| format!("{id}/{part}"))
    })
}

/// Returns a value with every identifier that begins with the resource's own shortened.
pub fn shortened(value: &Value, id: &str) -> Value {
    each_id(value, &|reference| {
        let (begin, part) = (reference.get(..id.len())?, reference.get(id.len()..)?);
        let part = part.strip_prefix('/')?;
        begin.eq_ignore_ascii_case(id).then(|| format!("{OWN}{part}"))
    })
}

/// Tells whether a member holds an identifier: `id`, `probeId`, `ipconfigurationId`.
fn names_an_identifier(name: &str) -> bool {
    name == "id" || name.ends_with("Id")
}

/// Returns a value with the identifiers changed for which there is another.
fn each_id(value: &Value, other: &impl Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(name, value)| {
                    let changed = value
                        .as_text()
                        .filter(|_| names_an_identifier(name))
                        .and_then(other);
                    let changed = changed.map_or_else(|| each_id(value, other), Value::from);
                    (name.clone(), changed)
                })
                .collect(),
        ),
        Value::List(list) => Value::List(list.iter().map(|value| each_id(value, other)).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_the_resource_itself_are_spelled_out_and_shortened_again() {
        let id = "/subscriptions/0/resourceGroups/shop/providers/Microsoft.Network/loadBalancers/web";
        let rule = |probe: &str| {
            let probe = Value::from([("id", Value::from(probe))]);
            Value::from(vec![Value::from([
                ("name", Value::from("self/named")),
                ("probe", probe),
            ])])
        };
        let long = rule(&format!("{id}/probes/web"));
        assert_eq!(spelled_out(&rule("self/probes/web"), id), long);
        assert_eq!(shortened(&long, id), rule("self/probes/web"));
        let upper = rule(&format!("{}/probes/web", id.to_uppercase()));
        assert_eq!(shortened(&upper, id), rule("self/probes/web"));
        let address = |of: &str| Value::from([("ipconfigurationId", Value::from(of))]);
        let spelled = address(&format!("{id}/ipConfigurations/main"));
        assert_eq!(spelled_out(&address("self/ipConfigurations/main"), id), spelled);
        assert_eq!(shortened(&spelled, id), address("self/ipConfigurations/main"));
        let of_others = rule(
            "/subscriptions/0/resourceGroups/shop/providers/Microsoft.Network/loadBalancers/web2/probes/a",
        );
        assert_eq!(shortened(&of_others, id), of_others);
        assert_eq!(spelled_out(&of_others, id), of_others);
    }
}
