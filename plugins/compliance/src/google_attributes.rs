//! Google's types with attributes of their own, and the spelling of those.

use serde_json::Value as Json;

/// The types, as Konductor and as Google call them.
const TYPES: [(&str, &str); 14] = [
    ("gcp:compute:Network", "compute/v1/networks"),
    ("gcp:compute:Subnetwork", "compute/v1/subnetworks"),
    ("gcp:compute:Firewall", "compute/v1/firewalls"),
    ("gcp:compute:Router", "compute/v1/routers"),
    ("gcp:compute:Address", "compute/v1/addresses"),
    ("gcp:compute:GlobalAddress", "compute/v1/globalAddresses"),
    ("gcp:compute:Instance", "compute/v1/instances"),
    ("gcp:compute:Disk", "compute/v1/disks"),
    ("gcp:storage:Bucket", "storage/v1/buckets"),
    ("gcp:iam:ServiceAccount", "iam/v1/projects.serviceAccounts"),
    ("gcp:dns:ManagedZone", "dns/v1/managedZones"),
    ("gcp:dns:RecordSet", "dns/v1/resourceRecordSets"),
    ("gcp:pubsub:Topic", "pubsub/v1/projects.topics"),
    ("gcp:pubsub:Subscription", "pubsub/v1/projects.subscriptions"),
];

/// Returns what Google calls a type with attributes of its own.
pub(crate) fn kind(resource_type: &str) -> Option<&'static str> {
    let found = TYPES.iter().find(|(own, _)| *own == resource_type)?;
    Some(found.1)
}

/// Returns the type with attributes of its own for one of Google's.
pub(crate) fn type_of(kind: &str) -> Option<&'static str> {
    let found = TYPES.iter().find(|(_, known)| *known == kind)?;
    Some(found.0)
}

/// Returns a body with the names of its members spelled as attributes.
pub(crate) fn spelled(body: &Json) -> Json {
    match body {
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| (attribute_name(name), spelled(value));
            Json::Object(members.iter().map(member).collect())
        }
        Json::Array(elements) => Json::Array(elements.iter().map(spelled).collect()),
        other => other.clone(),
    }
}

/// Returns a property's name in the spelling of attributes: `ipCidrRange` is `ip_cidr_range`.
pub(crate) fn attribute_name(property: &str) -> String {
    // One word, though not in one case.
    let property = property.replace("IPv", "Ipv").replace("IPs", "Ips");
    let characters: Vec<char> = property.chars().collect();
    let mut name = String::new();
    for (index, character) in characters.iter().enumerate() {
        if character.is_ascii_uppercase() {
            let before = index.checked_sub(1).and_then(|before| characters.get(before));
            let after = characters.get(index + 1);
            let begins = before.is_some_and(|before| !before.is_ascii_uppercase())
                || (index > 0 && after.is_some_and(char::is_ascii_lowercase));
            if begins && !name.ends_with('_') {
                name.push('_');
            }
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// Returns a path of attributes in Google's own spelling, where that is the usual one.
pub(crate) fn property_path(path: &str) -> String {
    let mut property = String::new();
    let mut upper = false;
    for character in path.chars() {
        match character {
            '_' => upper = true,
            character if upper => {
                property.push(character.to_ascii_uppercase());
                upper = false;
            }
            character => property.push(character),
        }
    }
    property
}

#[cfg(test)]
mod tests {
    use konductor_plugin_gcp::typed;
    use konductor_schema_table::{Kind, Table};
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_spelled_as_the_plugin_spells_them() {
        let table = Table::open(include_bytes!("../../gcp/types/types.table")).unwrap();
        for provider in typed::TYPES {
            let schema = provider.schema().unwrap();
            let rest = kind(schema.resource_type.as_str()).unwrap();
            let Kind::Object(object) = table.find(rest).unwrap().body().kind() else {
                panic!("{rest} should have members");
            };
            for property in object.properties().filter(|property| property.name() != "kind") {
                let name = attribute_name(property.name());
                assert!(schema.attributes.contains_key(&name), "{rest}: {name}");
            }
        }
        assert_eq!(typed::TYPES.len(), TYPES.len());
        assert_eq!(attribute_name("IPProtocol"), "ip_protocol");
        let body = json!({ "allowed": [{ "IPProtocol": "tcp" }] });
        assert_eq!(spelled(&body), json!({ "allowed": [{ "ip_protocol": "tcp" }] }));
        assert_eq!(
            property_path("settings.ip_configuration.ssl_mode"),
            "settings.ipConfiguration.sslMode"
        );
    }
}
