//! Methods that the table does not hold: those of Kubernetes Engine, whose requests to change something are no objects,
//! and those of Bigtable, which have names of their own.
//!
//! Of a cluster and a node pool one property is changed by each request. What stands in no list here cannot be changed.

use konductor_schema_body::property;
use konductor_schema_table::{Flags, Kind, Node, Property, attribute_name};
use konductor_sdk::model::schema::AttributeKind;
use konductor_sdk::prelude::*;
use serde_json::{Map, Value as Json};

use crate::body::{Place, body_to_json};
use crate::change::changed;
use crate::types::Method;

const CLUSTERS: &str = "container/v1/projects.locations.clusters";
const NODE_POOLS: &str = "container/v1/projects.locations.clusters.nodePools";

/// What updates a cluster or a node pool.
const UPDATE: (&str, &str) = ("PUT", "v1/{+name}");

/// A method that sets one property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnMethod {
    /// The property, with dots between the names that lead to it.
    pub property: &'static str,
    /// Where it stands in the request, in the same way.
    pub member: &'static str,
    /// `PUT` or `POST`.
    pub verb: &'static str,
    /// The path.
    pub path: &'static str,
    /// A property of the object that guards against changes in between, and where it stands in the request.
    guard: Option<(&'static str, &'static str)>,
}

const fn desired(property: &'static str, member: &'static str) -> OwnMethod {
    OwnMethod {
        property,
        member,
        verb: UPDATE.0,
        path: UPDATE.1,
        guard: Some(("etag", "update.etag")),
    }
}

const fn of_pool(property: &'static str, member: &'static str) -> OwnMethod {
    OwnMethod {
        guard: Some(("etag", "etag")),
        ..desired(property, member)
    }
}

const fn posted(property: &'static str, path: &'static str) -> OwnMethod {
    OwnMethod {
        property,
        member: property,
        verb: "POST",
        path,
        guard: None,
    }
}

static OF_CLUSTERS: [OwnMethod; 41] = [
    desired("addonsConfig", "update.desiredAddonsConfig"),
    desired(
        "anonymousAuthenticationConfig",
        "update.desiredAnonymousAuthenticationConfig",
    ),
    desired(
        "authenticatorGroupsConfig",
        "update.desiredAuthenticatorGroupsConfig",
    ),
    desired("autoscaling", "update.desiredClusterAutoscaling"),
    desired("binaryAuthorization", "update.desiredBinaryAuthorization"),
    desired("controlPlaneEgress", "update.desiredControlPlaneEgress"),
    desired(
        "controlPlaneEndpointsConfig",
        "update.desiredControlPlaneEndpointsConfig",
    ),
    desired("costManagementConfig", "update.desiredCostManagementConfig"),
    desired("databaseEncryption", "update.desiredDatabaseEncryption"),
    desired("enableK8sBetaApis", "update.enableK8sBetaApis"),
    desired("fleet", "update.desiredFleet"),
    desired("gkeAutoUpgradeConfig", "update.gkeAutoUpgradeConfig"),
    desired("identityServiceConfig", "update.desiredIdentityServiceConfig"),
    desired("locations", "update.desiredLocations"),
    desired("loggingConfig", "update.desiredLoggingConfig"),
    desired("loggingService", "update.desiredLoggingService"),
    desired(
        "masterAuthorizedNetworksConfig",
        "update.desiredMasterAuthorizedNetworksConfig",
    ),
    desired("meshCertificates", "update.desiredMeshCertificates"),
    desired("monitoringConfig", "update.desiredMonitoringConfig"),
    desired("monitoringService", "update.desiredMonitoringService"),
    desired("networkConfig.datapathProvider", "update.desiredDatapathProvider"),
    desired(
        "networkConfig.defaultSnatStatus",
        "update.desiredDefaultSnatStatus",
    ),
    desired("networkConfig.dnsConfig", "update.desiredDnsConfig"),
    desired("networkConfig.gatewayApiConfig", "update.desiredGatewayApiConfig"),
    desired(
        "networkConfig.serviceExternalIpsConfig",
        "update.desiredServiceExternalIpsConfig",
    ),
    desired("notificationConfig", "update.desiredNotificationConfig"),
    desired("podAutoscaling", "update.desiredPodAutoscaling"),
    desired("privateClusterConfig", "update.desiredPrivateClusterConfig"),
    desired("rbacBindingConfig", "update.desiredRbacBindingConfig"),
    desired("releaseChannel", "update.desiredReleaseChannel"),
    desired(
        "resourceUsageExportConfig",
        "update.desiredResourceUsageExportConfig",
    ),
    desired("secretManagerConfig", "update.desiredSecretManagerConfig"),
    desired("secretSyncConfig", "update.desiredSecretSyncConfig"),
    desired("securityPostureConfig", "update.desiredSecurityPostureConfig"),
    desired("shieldedNodes", "update.desiredShieldedNodes"),
    desired("verticalPodAutoscaling", "update.desiredVerticalPodAutoscaling"),
    desired("workloadIdentityConfig", "update.desiredWorkloadIdentityConfig"),
    OwnMethod {
        guard: Some(("labelFingerprint", "labelFingerprint")),
        ..posted("resourceLabels", "v1/{+name}:setResourceLabels")
    },
    posted("maintenancePolicy", "v1/{+name}:setMaintenancePolicy"),
    posted("networkPolicy", "v1/{+name}:setNetworkPolicy"),
    OwnMethod {
        property: "legacyAbac.enabled",
        member: "enabled",
        ..posted("", "v1/{+name}:setLegacyAbac")
    },
];

static OF_NODE_POOLS: [OwnMethod; 32] = [
    of_pool("config.accelerators", "accelerators"),
    of_pool("config.bootDisk", "bootDisk"),
    of_pool("config.confidentialNodes", "confidentialNodes"),
    of_pool("config.containerdConfig", "containerdConfig"),
    of_pool("config.diskSizeGb", "diskSizeGb"),
    of_pool("config.diskType", "diskType"),
    of_pool("config.fastSocket", "fastSocket"),
    of_pool("config.flexStart", "flexStart"),
    of_pool("config.gcfsConfig", "gcfsConfig"),
    of_pool("config.gvnic", "gvnic"),
    of_pool("config.imageType", "imageType"),
    of_pool("config.kubeletConfig", "kubeletConfig"),
    of_pool("config.labels", "labels.labels"),
    of_pool("config.linuxNodeConfig", "linuxNodeConfig"),
    of_pool("config.loggingConfig", "loggingConfig"),
    of_pool("config.machineType", "machineType"),
    of_pool("config.maxRunDuration", "maxRunDuration"),
    of_pool("config.resourceLabels", "resourceLabels.labels"),
    of_pool("config.resourceManagerTags", "resourceManagerTags"),
    of_pool("config.storagePools", "storagePools"),
    of_pool("config.tags", "tags.tags"),
    of_pool("config.taints", "taints.taints"),
    of_pool("config.windowsNodeConfig", "windowsNodeConfig"),
    of_pool("config.workloadMetadataConfig", "workloadMetadataConfig"),
    of_pool("locations", "locations"),
    of_pool("maintenancePolicy", "maintenancePolicy"),
    of_pool("nodeDrainConfig", "nodeDrainConfig"),
    of_pool("queuedProvisioning", "queuedProvisioning"),
    of_pool("upgradeSettings", "upgradeSettings"),
    of_pool("version", "nodeVersion"),
    posted("autoscaling", "v1/{+name}:setAutoscaling"),
    posted("management", "v1/{+name}:setManagement"),
];

fn all(rest: &str) -> &'static [OwnMethod] {
    match rest {
        CLUSTERS => &OF_CLUSTERS,
        NODE_POOLS => &OF_NODE_POOLS,
        _ => &[],
    }
}

/// Tells whether a type is changed by these methods only.
pub fn are_all(rest: &str) -> bool {
    !all(rest).is_empty()
}

/// Returns the method that sets a property of a type.
pub fn of(rest: &str, property: &str) -> Option<OwnMethod> {
    all(rest)
        .iter()
        .find(|method| method.property == property)
        .copied()
}

/// Returns the method that changes an object, where the table knows none that changes all that can be.
pub fn patch(rest: &str) -> Option<Method> {
    [
        "bigtableadmin/v2/projects.instances",
        "bigtableadmin/v2/projects.instances.clusters",
    ]
    .contains(&rest)
    .then(|| Method {
        verb: "PATCH",
        path: "v2/{+name}",
        query: vec!["updateMask"],
    })
}

/// Returns the properties that are to be set: where those below have methods of their own, these.
pub fn split(rest: &str, names: Vec<String>, old: &Value, new: &Value) -> Vec<String> {
    let mut split = Vec::new();
    for name in names {
        if !is_split(rest, &name) {
            split.push(name);
            continue;
        }
        let nothing = Value::empty_map();
        let below = changed(
            old.attribute(&name).unwrap_or(&nothing),
            new.attribute(&name).unwrap_or(&nothing),
        );
        split.extend(below.into_iter().map(|inner| format!("{name}.{inner}")));
    }
    split
}

fn is_split(rest: &str, property: &str) -> bool {
    all(rest).iter().any(|method| {
        method
            .property
            .strip_prefix(property)
            .is_some_and(|after| after.starts_with('.'))
    })
}

/// Marks in the schema of a property what cannot be changed, where only these methods change a type.
pub fn mark(rest: &str, marked: Property<'static>, attribute: &mut AttributeSchema) {
    let is_output = marked.flags().contains(Flags::READ_ONLY);
    if !are_all(rest) || is_output || of(rest, marked.name()).is_some() {
        return;
    }
    let Kind::Object(object) = marked.node().kind() else {
        attribute.replaces = true;
        return;
    };
    let AttributeKind::Object { attributes } = &mut attribute.kind else {
        return;
    };
    if !is_split(rest, marked.name()) {
        attribute.replaces = true;
        return;
    }
    for inner in object.properties() {
        let method = of(rest, &format!("{}.{}", marked.name(), inner.name()));
        if let (None, Some(attribute)) = (method, attributes.get_mut(&attribute_name(inner.name()))) {
            attribute.replaces = !attribute.output_only;
        }
    }
}

impl OwnMethod {
    /// Returns how it is called.
    pub fn method(self) -> Method {
        Method {
            verb: self.verb,
            path: self.path,
            query: Vec::new(),
        }
    }

    /// Returns its request, which makes the property what it is in `new`.
    pub fn payload(self, body: Node<'static>, current: &Value, new: &Value) -> Json {
        let mut steps = self.property.split('.');
        let node = steps
            .clone()
            .try_fold(body, |node, step| Some(property(node, step)?.node()));
        let wanted = steps.try_fold(new, |value, step| value.attribute(step));
        let wanted = wanted.unwrap_or(&Value::Null);
        let value = match node {
            // What is taken away is set to nothing.
            Some(node) if wanted.is_null() => nothing(node),
            Some(node) => body_to_json(Place::of(node), wanted),
            None => Json::Null,
        };
        let mut payload = Json::Object(Map::new());
        put(&mut payload, self.member, value);
        if let Some((property, member)) = self.guard
            && let Some(known) = current.attribute(property).and_then(Value::as_text)
        {
            put(&mut payload, member, known.into());
        }
        payload
    }
}

fn nothing(node: Node<'static>) -> Json {
    match node.kind() {
        Kind::List(_) => Json::Array(Vec::new()),
        Kind::Map(_) | Kind::Object(_) => Json::Object(Map::new()),
        Kind::Boolean => Json::Bool(false),
        _ => Json::Null,
    }
}

/// Puts a member into an object, and the objects around it.
fn put(object: &mut Json, path: &str, value: Json) {
    let mut at = object;
    for step in path.split('.') {
        if !at.is_object() {
            *at = Json::Object(Map::new());
        }
        let Some(members) = at.as_object_mut() else { return };
        at = members.entry(step).or_insert(Json::Null);
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::RestType;
    use konductor_sdk::cloud::from_json;

    fn body(rest: &str) -> Node<'static> {
        RestType::find(rest).unwrap().body()
    }

    #[test]
    fn every_property_with_a_method_is_one_of_the_table() {
        for rest in [CLUSTERS, NODE_POOLS] {
            for method in all(rest) {
                let mut node = body(rest);
                for step in method.property.split('.') {
                    let found = property(node, step);
                    node = found
                        .unwrap_or_else(|| panic!("{rest}: {}", method.property))
                        .node();
                }
            }
        }
    }

    #[test]
    fn a_request_holds_the_property_and_what_guards_it() {
        let current = from_json(json!({"etag": "e", "labelFingerprint": "f"}));
        let new = from_json(json!({
            "releaseChannel": {"channel": "STABLE"}, "resourceLabels": {"a": "1"},
            "networkConfig": {"dnsConfig": {"clusterDns": "CLOUD_DNS"}},
        }));
        let payload = |property: &str| {
            of(CLUSTERS, property)
                .unwrap()
                .payload(body(CLUSTERS), &current, &new)
        };
        assert_eq!(
            payload("releaseChannel"),
            json!({"update": {"desiredReleaseChannel": {"channel": "STABLE"}, "etag": "e"}})
        );
        assert_eq!(
            payload("networkConfig.dnsConfig"),
            json!({"update": {"desiredDnsConfig": {"clusterDns": "CLOUD_DNS"}, "etag": "e"}})
        );
        assert_eq!(
            payload("resourceLabels"),
            json!({"resourceLabels": {"a": "1"}, "labelFingerprint": "f"})
        );
        let new = from_json(json!({"config": {"labels": {"a": "1"}}}));
        let labels = of(NODE_POOLS, "config.labels").unwrap();
        assert_eq!(
            labels.payload(body(NODE_POOLS), &current, &new),
            json!({"labels": {"labels": {"a": "1"}}, "etag": "e"})
        );
        // Taints that are taken away.
        let taints = of(NODE_POOLS, "config.taints").unwrap();
        assert_eq!(
            taints.payload(body(NODE_POOLS), &current, &new),
            json!({"taints": {"taints": []}, "etag": "e"})
        );
    }

    #[test]
    fn what_has_methods_below_is_set_piece_by_piece() {
        let old = from_json(json!({"config": {"labels": {"a": "1"}, "tags": ["x"]}, "version": "1"}));
        let new = from_json(json!({"config": {"labels": {"a": "2"}, "tags": ["y"]}, "version": "2"}));
        let names = changed(&old, &new);
        assert_eq!(
            split(NODE_POOLS, names.clone(), &old, &new),
            ["config.labels", "config.tags", "version"]
        );
        assert_eq!(
            split("run/v2/projects.locations.services", names.clone(), &old, &new),
            names
        );
    }
}
