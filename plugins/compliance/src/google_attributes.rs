//! Google's types with attributes of their own, and the spelling of those.

use konductor_schema_table::attribute_name;
use serde_json::Value as Json;

/// The types, as Konductor and as Google call them.
const TYPES: [(&str, &str); 48] = [
    ("gcp:compute:Network", "compute/v1/networks"),
    ("gcp:compute:Subnetwork", "compute/v1/subnetworks"),
    ("gcp:compute:Firewall", "compute/v1/firewalls"),
    ("gcp:compute:Router", "compute/v1/routers"),
    ("gcp:compute:Address", "compute/v1/addresses"),
    ("gcp:compute:GlobalAddress", "compute/v1/globalAddresses"),
    ("gcp:compute:Route", "compute/v1/routes"),
    ("gcp:compute:VpnGateway", "compute/v1/vpnGateways"),
    ("gcp:compute:ExternalVpnGateway", "compute/v1/externalVpnGateways"),
    ("gcp:compute:VpnTunnel", "compute/v1/vpnTunnels"),
    ("gcp:compute:Instance", "compute/v1/instances"),
    ("gcp:compute:Disk", "compute/v1/disks"),
    ("gcp:storage:Bucket", "storage/v1/buckets"),
    ("gcp:iam:ServiceAccount", "iam/v1/projects.serviceAccounts"),
    ("gcp:dns:ManagedZone", "dns/v1/managedZones"),
    ("gcp:dns:RecordSet", "dns/v1/resourceRecordSets"),
    ("gcp:pubsub:Topic", "pubsub/v1/projects.topics"),
    ("gcp:pubsub:Subscription", "pubsub/v1/projects.subscriptions"),
    (
        "gcp:container:Cluster",
        "container/v1/projects.locations.clusters",
    ),
    (
        "gcp:container:NodePool",
        "container/v1/projects.locations.clusters.nodePools",
    ),
    ("gcp:sql:Instance", "sqladmin/v1/instances"),
    ("gcp:sql:Database", "sqladmin/v1/databases"),
    ("gcp:sql:User", "sqladmin/v1/users"),
    ("gcp:firestore:Database", "firestore/v1/projects.databases"),
    ("gcp:bigtable:Instance", "bigtableadmin/v2/projects.instances"),
    ("gcp:filestore:Instance", "file/v1/projects.locations.instances"),
    ("gcp:compute:InstanceTemplate", "compute/v1/instanceTemplates"),
    (
        "gcp:compute:InstanceGroupManager",
        "compute/v1/instanceGroupManagers",
    ),
    (
        "gcp:compute:RegionInstanceGroupManager",
        "compute/v1/regionInstanceGroupManagers",
    ),
    ("gcp:compute:HealthCheck", "compute/v1/healthChecks"),
    ("gcp:compute:BackendService", "compute/v1/backendServices"),
    ("gcp:compute:UrlMap", "compute/v1/urlMaps"),
    ("gcp:compute:TargetHttpProxy", "compute/v1/targetHttpProxies"),
    ("gcp:compute:TargetHttpsProxy", "compute/v1/targetHttpsProxies"),
    ("gcp:compute:SslCertificate", "compute/v1/sslCertificates"),
    ("gcp:compute:ForwardingRule", "compute/v1/forwardingRules"),
    (
        "gcp:compute:GlobalForwardingRule",
        "compute/v1/globalForwardingRules",
    ),
    ("gcp:kms:KeyRing", "cloudkms/v1/projects.locations.keyRings"),
    (
        "gcp:kms:CryptoKey",
        "cloudkms/v1/projects.locations.keyRings.cryptoKeys",
    ),
    ("gcp:secretmanager:Secret", "secretmanager/v1/projects.secrets"),
    ("gcp:run:Service", "run/v2/projects.locations.services"),
    (
        "gcp:functions:Function",
        "cloudfunctions/v2/projects.locations.functions",
    ),
    ("gcp:orgpolicy:Policy", "orgpolicy/v2/projects.policies"),
    (
        "gcp:orgpolicy:CustomConstraint",
        "orgpolicy/v2/organizations.customConstraints",
    ),
    (
        "gcp:securitycenter:NotificationConfig",
        "securitycenter/v1/organizations.notificationConfigs",
    ),
    (
        "gcp:securitycenter:MuteConfig",
        "securitycenter/v1/organizations.muteConfigs",
    ),
    (
        "gcp:securitycenter:BigQueryExport",
        "securitycenter/v1/organizations.bigQueryExports",
    ),
    (
        "gcp:securitycenter:Source",
        "securitycenter/v1/organizations.sources",
    ),
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
        let (mut members, mut seen) = (0, 0);
        for provider in typed::types() {
            let schema = provider.schema().unwrap();
            // A part of what others declare is none of the table's types, nor is what the API cannot read.
            let name = schema.resource_type.as_str();
            let others = ["gcp:compute:RouterPeers", "gcp:securitycenter:Finding"];
            if name.ends_with("IamMember") || others.contains(&name) {
                members += 1;
                continue;
            }
            let rest = kind(schema.resource_type.as_str()).unwrap();
            let Kind::Object(object) = table.find(rest).unwrap().body().kind() else {
                panic!("{rest} should have members");
            };
            for property in object.properties() {
                // A description may leave a property out; one that it has is spelled so and not otherwise.
                let plain = property.name().to_lowercase();
                let own = schema
                    .attributes
                    .keys()
                    .find(|name| name.replace('_', "") == plain);
                if let Some(own) = own {
                    assert_eq!(*own, attribute_name(property.name()), "{rest}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 300, "{seen}");
        assert_eq!(typed::types().count(), TYPES.len() + members);
        assert_eq!(attribute_name("IPProtocol"), "ip_protocol");
        let body = json!({ "allowed": [{ "IPProtocol": "tcp" }] });
        assert_eq!(spelled(&body), json!({ "allowed": [{ "ip_protocol": "tcp" }] }));
        assert_eq!(
            property_path("settings.ip_configuration.ssl_mode"),
            "settings.ipConfiguration.sslMode"
        );
    }
}
