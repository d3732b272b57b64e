"""What Azure adds to a resource by itself: values that only it sets, and defaults of what was not given.

Also what its services refuse beyond the definitions of their types.
"""

import re
import uuid

from schema_table import READ_ONLY

TENANT = "11111111-2222-3333-4444-555555555555"

# Properties of children that the answer of their parent shows, and what the children stand in, by the type of the parent.
INLINE = {
    "microsoft.network/virtualnetworks": {"subnets": "subnets"},
    "microsoft.network/networksecuritygroups": {"securityRules": "securityRules"},
    "microsoft.network/routetables": {"routes": "routes"},
    "microsoft.containerservice/managedclusters": {"agentPoolProfiles": "agentPools"},
}
# Types that show the properties of children beside their names.
FLAT = {"microsoft.containerservice/managedclusters"}
# Types with lists of parts that are known by identifiers below that of the resource.
WITH_PARTS = {"microsoft.network/loadbalancers", "microsoft.network/applicationgateways"}
# What is never given back, although the definitions do not say so.
HIDDEN = {"microsoft.keyvault/vaults/secrets": ["value"]}
# Types that stand nowhere.
GLOBAL = {"microsoft.network/dnszones", "microsoft.network/privatednszones", "microsoft.network/privatednszones/virtualnetworklinks"}
# Locations as people read them.
SPELLED = {"westeurope": "West Europe", "northeurope": "North Europe"}
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Types whose children in a list stay when a PUT says nothing of them.
KEEPS_CHILDREN = {"microsoft.network/virtualnetworks"}

# What is filled in below `properties` where the request says nothing, so that an answer holds more than was asked for.
DEFAULTS = {
    "microsoft.network/virtualnetworks": {"enableDdosProtection": False, "privateEndpointVNetPolicies": "Disabled"},
    "microsoft.network/virtualnetworks/subnets": {
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
    },
    "microsoft.network/publicipaddresses": {"idleTimeoutInMinutes": 4, "publicIPAddressVersion": "IPv4"},
    "microsoft.network/networkinterfaces": {"enableIPForwarding": False, "enableAcceleratedNetworking": False},
    "microsoft.network/routetables": {"disableBgpRoutePropagation": False},
    "microsoft.network/natgateways": {"idleTimeoutInMinutes": 4},
    "microsoft.storage/storageaccounts": {
        "accessTier": "Hot",
        "supportsHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": False,
    },
    "microsoft.storage/storageaccounts/blobservices/containers": {"publicAccess": "None"},
    "microsoft.keyvault/vaults": {"enableSoftDelete": True, "softDeleteRetentionInDays": 90},
    "microsoft.network/dnszones": {"zoneType": "Public"},
    "microsoft.network/virtualnetworkgateways": {"bgpSettings": {"asn": 65515, "peerWeight": 0}, "vpnGatewayGeneration": "Generation1"},
    "microsoft.network/connections": {"routingWeight": 0, "connectionMode": "Default", "dpdTimeoutSeconds": 45},
    "microsoft.network/applicationgateways": {"enableHttp2": False},
    "microsoft.compute/disks": {"networkAccessPolicy": "AllowAll", "publicNetworkAccess": "Enabled", "diskSizeGB": 4, "diskIOPSReadWrite": 500, "diskMBpsReadWrite": 60},
    "microsoft.storage/storageaccounts/fileservices/shares": {"accessTier": "TransactionOptimized", "enabledProtocols": "SMB", "shareQuota": 5120},
    "microsoft.sql/servers": {"version": "12.0", "publicNetworkAccess": "Enabled", "restrictOutboundNetworkAccess": "Disabled"},
    "microsoft.sql/servers/databases": {"collation": "SQL_Latin1_General_CP1_CI_AS", "maxSizeBytes": 34359738368, "zoneRedundant": False, "readScale": "Disabled", "isLedgerOn": False, "requestedBackupStorageRedundancy": "Geo"},
    "microsoft.documentdb/databaseaccounts": {"publicNetworkAccess": "Enabled", "enableFreeTier": False, "disableLocalAuth": False, "minimalTlsVersion": "Tls12", "backupPolicy": {"type": "Periodic"}},
    "microsoft.cache/redisenterprise": {"minimumTlsVersion": "1.2", "highAvailability": "Enabled"},
    "microsoft.cache/redisenterprise/databases": {"port": 10000, "clientProtocol": "Encrypted", "evictionPolicy": "VolatileLRU", "clusteringPolicy": "OSSCluster", "accessKeysAuthentication": "Disabled"},
    "microsoft.containerservice/managedclusters": {"enableRBAC": True, "supportPlan": "KubernetesOfficial", "disableLocalAccounts": False},
    "microsoft.containerservice/managedclusters/agentpools": {"count": 1, "mode": "User", "osType": "Linux", "osSKU": "Ubuntu", "maxPods": 250, "osDiskSizeGB": 128, "osDiskType": "Managed", "type": "VirtualMachineScaleSets", "enableFIPS": False},
    "microsoft.web/serverfarms": {"reserved": False, "perSiteScaling": False, "zoneRedundant": False},
    "microsoft.web/sites": {"enabled": True, "httpsOnly": False, "reserved": False, "clientCertEnabled": False, "keyVaultReferenceIdentity": "SystemAssigned"},
    "microsoft.authorization/policyassignments": {"enforcementMode": "Default"},
    "microsoft.authorization/policydefinitions": {"mode": "Indexed", "version": "1.0.0"},
    "microsoft.authorization/policysetdefinitions": {"version": "1.0.0"},
    "microsoft.authorization/policyexemptions": {"assignmentScopeValidation": "Default"},
    "microsoft.security/pricings": {"enforce": "False"},
    "microsoft.authorization/roleassignments": {"principalType": "ServicePrincipal"},
}

# Management groups that there are.
MANAGEMENT_GROUPS = {"/providers/microsoft.management/managementgroups/root"}
# What Azure says of every policy, set and assignment that somebody has made.
MADE_BY = {"createdBy": "22222222-3333-4444-5555-666666666666", "createdOn": "2026-01-01T00:00:00.0000000Z", "updatedBy": None, "updatedOn": None}
# The plans of Defender for Cloud, each with the plan that it becomes where none of several is named, and its extensions.
PLANS = {
    "virtualmachines": ("P2", ["MdeDesignatedSubscription", "AgentlessVmScanning"]),
    "storageaccounts": ("DefenderForStorageV2", ["OnUploadMalwareScanning", "SensitiveDataDiscovery"]),
    "keyvaults": (None, []),
    "sqlservers": (None, []),
    "containers": (None, ["ContainerRegistriesVulnerabilityAssessments"]),
    "cloudposture": (None, ["SensitiveDataDiscovery", "AgentlessVmScanning"]),
}
# Resources that a table of their own in the Resource Graph shows.
NOT_IN_RESOURCES = ("microsoft.authorization/", "microsoft.policyinsights/", "microsoft.security/")


def plan_of(kind, id):
    """The plan of Defender for Cloud that an identifier names for a whole subscription, if it is one."""
    name = id.rsplit("/", 1)[1].lower()
    is_whole = re.fullmatch(r"/subscriptions/[^/]+/providers/microsoft.security/pricings/[^/]+", id.lower())
    return PLANS.get(name) if kind.name.lower() == "microsoft.security/pricings" and is_whole else None


def standing(kind, id):
    """What is there although nobody has made it, and nobody can delete it: its body."""
    plan = plan_of(kind, id)
    if plan is None:
        return None
    return {"properties": {"pricingTier": "Free", "freeTrialRemainingTime": "P30D", "extensions": [{"name": name, "isEnabled": "False"} for name in plan[1]]}}


def is_as_standing(kind, id, body):
    return plan_of(kind, id) is not None and body["properties"]["pricingTier"] == "Free"


def used_by(resources, id):
    """The resources that refer to a policy or a set of policies."""
    low = id.lower()
    for other in resources.values():
        properties = other.body.get("properties", {})
        targets = [properties.get("policyDefinitionId"), *[each.get("policyDefinitionId") for each in properties.get("policyDefinitions", [])]]
        if low in [target.lower() for target in targets if target]:
            yield other


def undeletable(resources, kind, id):
    """What a service says to a delete, beyond what every type is asked: a status, a code and a message."""
    low, name = kind.name.lower(), id.rsplit("/", 1)[1]
    if plan_of(kind, id) is not None:
        return 400, "InvalidScope", f"The pricing configuration '{name}' cannot be deleted at the scope of a subscription."
    if low in ("microsoft.authorization/policydefinitions", "microsoft.authorization/policysetdefinitions"):
        users = [other.id for other in used_by(resources, id)]
        if users:
            what, code = ("policy set definition", "InvalidDeletePolicySetDefinitionRequest") if "set" in low else ("policy definition", "InvalidDeletePolicyDefinitionRequest")
            return 400, code, f"The {what} '{name}' cannot be deleted. It is referenced by '{users[0]}'."
    return None


def policy_refusal(resources, low, name, properties):
    """What Azure Policy and Defender for Cloud refuse beyond their definitions."""
    # What is built in stands in no scope, and is not listed here.
    is_there = lambda id: re.fullmatch(rf"/providers/microsoft.authorization/policy(set)?definitions/{UUID}", id.lower()) or id.lower() in resources
    if low == "microsoft.authorization/policydefinitions":
        rule = properties.get("policyRule")
        if not isinstance(rule, dict) or not rule.get("if") or not rule.get("then", {}).get("effect"):
            return 400, "InvalidPolicyRule", f"The policy definition '{name}' has a rule that cannot be parsed: it needs 'if', and 'then' with an 'effect'."
    if low == "microsoft.authorization/policysetdefinitions":
        for each in properties["policyDefinitions"]:
            if not is_there(each["policyDefinitionId"]):
                return 404, "PolicyDefinitionNotFound", f"The policy set definition '{name}' refers to '{each['policyDefinitionId']}', which could not be found."
    if low == "microsoft.authorization/policyassignments":
        target = properties.get("policyDefinitionId")
        if not target or not is_there(target):
            return 404, "PolicyDefinitionNotFound", f"The policy definition specified in policy assignment '{name}' is not found: '{target}'."
    if low == "microsoft.authorization/policyexemptions" and properties["policyAssignmentId"].lower() not in resources:
        return 404, "PolicyAssignmentNotFound", f"The policy assignment '{properties['policyAssignmentId']}' of exemption '{name}' could not be found."
    if low == "microsoft.security/assessments":
        ends = f"/providers/microsoft.security/assessmentmetadata/{name.lower()}"
        if not any(key.endswith(ends) for key in resources):
            return 400, "InvalidAssessmentName", f"There is no assessment metadata '{name}'."
    if low == "microsoft.security/standardassignments":
        target = (properties.get("assignedStandard") or {}).get("id", "")
        if target.lower() not in resources and not target.lower().startswith("/providers/microsoft.security/securitystandards/"):
            return 404, "StandardNotFound", f"There is no standard '{target}'."
    return None


def refusal(resources, kind, id, body):
    """Returns what a service says to a request that its definition allows: a status, a code and a message."""
    low, name, properties = kind.name.lower(), id.rsplit("/", 1)[1], body.get("properties", {})
    if low in GLOBAL and str(body.get("location")).lower() != "global":
        return 400, "LocationNotAvailableForResourceType", f"The provided location '{body.get('location')}' is not available for resource type '{kind.name}'. List of available regions for the resource type is 'global'."
    if low in ("microsoft.authorization/roleassignments", "microsoft.authorization/roledefinitions"):
        if not re.fullmatch(UUID, name.lower()):
            return 400, "InvalidRoleAssignmentId", f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
    if low == "microsoft.authorization/roleassignments":
        said = lambda of: (of.get("roleDefinitionId", "").lower(), of.get("principalId", "").lower())
        scope = id.lower().rsplit("/", 1)[0]
        for key, other in resources.items():
            if other.low == low and key != id.lower() and key.rsplit("/", 1)[0] == scope and said(other.body["properties"]) == said(properties):
                return 409, "RoleAssignmentExists", "The role assignment already exists."
    if low.startswith(("microsoft.authorization/policy", "microsoft.security/")):
        refused = policy_refusal(resources, low, name, properties)
        if refused:
            return refused
    if low == "microsoft.security/pricings" and name.lower() not in PLANS:
        return 400, "InvalidPricingName", f"'{name}' is none of the plans {', '.join(PLANS)}."
    if low == "microsoft.network/virtualnetworkgateways":
        for configuration in properties.get("ipConfigurations", []):
            subnet = configuration.get("properties", {}).get("subnet", {}).get("id", "")
            if not subnet.lower().endswith("/subnets/gatewaysubnet"):
                return 400, "VirtualNetworkGatewaySubnetIsNotValid", f"Virtual network gateway '{name}' must stand in the subnet 'GatewaySubnet'."
    if low == "microsoft.network/connections" and properties.get("connectionType") == "IPsec":
        if not properties.get("localNetworkGateway2"):
            return 400, "VirtualNetworkGatewayConnectionLocalNetworkGatewayMissing", f"Connection '{name}' has no local network gateway."
    if low == "microsoft.containerservice/managedclusters":
        if not properties.get("agentPoolProfiles"):
            return 400, "InvalidParameter", "Required parameter agentPoolProfiles is missing (null)."
        if properties.get("disableLocalAccounts") and not properties.get("aadProfile"):
            return 400, "BadRequest", "disableLocalAccounts needs an aadProfile."
    if low == "microsoft.containerservice/managedclusters/agentpools" and properties.get("enableAutoScaling"):
        if properties.get("minCount") is None or properties.get("maxCount") is None:
            return 400, "InvalidParameter", "minCount and maxCount are required when enableAutoScaling is true."
    return None


def without_hidden(kind, body):
    """What of a body is ever given back."""
    hidden = HIDDEN.get(kind.name.lower(), [])
    if hidden:
        body["properties"] = {key: value for key, value in body["properties"].items() if key not in hidden}
    return body


def complete(kind, id, name, body):
    """Adds to a stored body what Azure adds."""
    low = kind.name.lower()
    properties = body.setdefault("properties", {}) if "properties" in kind.body.properties else {}
    for key, value in DEFAULTS.get(low, {}).items():
        properties.setdefault(key, value)
    found = kind.body.properties.get("properties")
    known = found.node.properties if found else {}
    fixed = uuid.uuid5(uuid.NAMESPACE_URL, id.lower())
    for key in ("resourceGuid", "principalId", "clientId", "vmId"):
        if key in known and known[key].flags & READ_ONLY:
            properties.setdefault(key, str(uuid.uuid5(fixed, key)))
    if "SystemAssigned" in str((body.get("identity") or {}).get("type")):
        body["identity"].update(principalId=str(uuid.uuid5(fixed, "identity")), tenantId=TENANT)
    if low == "microsoft.managedidentity/userassignedidentities":
        properties["tenantId"] = TENANT
    elif low == "microsoft.storage/storageaccounts":
        properties["primaryEndpoints"] = {
            service: f"https://{name}.{service}.core.windows.net/" for service in ("blob", "file", "queue", "table")
        }
        properties["primaryLocation"] = body.get("location")
        properties["creationTime"] = "2026-01-01T00:00:00.0000000Z"
    elif low == "microsoft.keyvault/vaults":
        properties["vaultUri"] = f"https://{name}.vault.azure.net/"
    elif low == "microsoft.network/publicipaddresses" and properties.get("publicIPAllocationMethod") == "Static":
        properties.setdefault("ipAddress", f"20.0.{fixed.int % 256}.{fixed.int // 256 % 256}")
    elif low == "microsoft.network/dnszones":
        properties["nameServers"] = [f"ns{number}-01.azure-dns.com." for number in range(1, 5)]
    elif low == "microsoft.network/networkinterfaces":
        properties["macAddress"] = "00-0D-3A-" + "-".join(f"{byte:02X}" for byte in fixed.bytes[:3])
        for number, configuration in enumerate(properties.get("ipConfigurations", [])):
            configuration["id"] = f"{id}/ipConfigurations/{configuration.get('name')}"
            configuration.setdefault("properties", {}).setdefault("privateIPAddress", f"10.0.0.{4 + number}")
            configuration["properties"].setdefault("privateIPAllocationMethod", "Dynamic")
    elif low.startswith(("microsoft.network/dnszones/", "microsoft.network/privatednszones/")) and "fqdn" in known:
        properties["fqdn"] = f"{name}.{id.split('/')[-3]}."
    elif low == "microsoft.network/privatednszones":
        properties["numberOfRecordSets"] = 1
    elif low == "microsoft.network/connections":
        properties["connectionStatus"] = "Unknown"
    elif low in WITH_PARTS:
        for collection, parts in properties.items():
            for part in parts if isinstance(parts, list) else []:
                part["id"] = f"{id}/{collection}/{part.get('name')}"
        if low == "microsoft.network/applicationgateways":
            properties["operationalState"] = "Running"
    elif low == "microsoft.compute/disks":
        properties.update(diskState="Unattached", uniqueId=str(fixed), timeCreated="2026-01-01T00:00:00.0000000+00:00")
    elif low == "microsoft.keyvault/vaults/secrets":
        version = uuid.uuid4().hex
        vault = id.split("/")[-3]
        properties["secretUri"] = f"https://{vault}.vault.azure.net/secrets/{name}"
        properties["secretUriWithVersion"] = f"https://{vault}.vault.azure.net/secrets/{name}/{version}"
    elif low == "microsoft.sql/servers":
        properties["fullyQualifiedDomainName"] = f"{name}.database.windows.net"
        properties["state"] = "Ready"
    elif low == "microsoft.sql/servers/databases":
        body.setdefault("sku", {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}).setdefault("tier", "Standard")
        properties.update(databaseId=str(fixed), status="Online")
    elif low == "microsoft.documentdb/databaseaccounts":
        properties["documentEndpoint"] = f"https://{name}.documents.azure.com:443/"
        for location in properties["locations"]:
            # Answers spell these as people read them.
            location["locationName"] = SPELLED.get(location["locationName"].replace(" ", "").lower(), location["locationName"])
            location["id"] = f"{name}-{location['locationName']}"
            location["provisioningState"] = "Succeeded"
    elif low == "microsoft.cache/redisenterprise":
        properties.update(hostName=f"{name}.{body.get('location')}.redis.azure.net", redisVersion="7.4")
    elif low == "microsoft.cache/redisenterprise/databases":
        properties["redisVersion"] = "7.4"
    elif low == "microsoft.containerservice/managedclusters":
        group = id.split("/")[4]
        properties.setdefault("nodeResourceGroup", f"MC_{group}_{name}_{body.get('location')}")
        network = properties.setdefault("networkProfile", {})
        for key, value in {"serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10", "outboundType": "loadBalancer"}.items():
            network.setdefault(key, value)
        properties["fqdn"] = f"{properties.get('dnsPrefix')}-{fixed.hex[:8]}.hcp.{body.get('location')}.azmk8s.io"
        properties["currentKubernetesVersion"] = f"{properties.setdefault('kubernetesVersion', '1.34')}.2"
        if properties.get("oidcIssuerProfile", {}).get("enabled"):
            properties["oidcIssuerProfile"]["issuerURL"] = f"https://{body.get('location')}.oic.prod-aks.azure.com/{TENANT}/{fixed}/"
    elif low == "microsoft.containerservice/managedclusters/agentpools":
        properties["currentOrchestratorVersion"] = f"{properties.setdefault('orchestratorVersion', '1.34')}.2"
    elif low == "microsoft.web/serverfarms":
        body.setdefault("kind", "linux" if properties.get("reserved") else "app")
        body.setdefault("sku", {}).setdefault("tier", "Dynamic")
    elif low == "microsoft.web/sites":
        properties.update(defaultHostName=f"{name}.azurewebsites.net", state="Running", outboundIpAddresses="20.1.0.1,20.1.0.2")
    elif low == "microsoft.security/pricings":
        of, extensions = PLANS[name.lower()]
        if of:
            properties.setdefault("subPlan", of)
        said = {extension["name"]: extension for extension in properties.get("extensions", [])}
        properties["extensions"] = [said.get(extension, {"name": extension, "isEnabled": "True"}) for extension in extensions]
        properties.update(enablementTime="2026-01-01T00:00:00Z", freeTrialRemainingTime="PT0S", resourcesCoverageStatus="FullyCovered")
    elif low == "microsoft.security/assessments":
        properties["resourceDetails"] = {"source": "Azure", "id": id[: id.lower().rindex("/providers/")]}
        properties["displayName"] = f"assessment {name}"
        properties["status"].update(firstEvaluationDate="2026-01-01T00:00:00Z", statusChangeDate="2026-01-01T00:00:00Z")
    elif low == "microsoft.security/assessmentmetadata":
        properties.setdefault("preview", False)
    elif low == "microsoft.security/securitystandards":
        properties["standardType"] = "Custom"
    elif low.startswith("microsoft.authorization/"):
        if "scope" in known:
            properties["scope"] = id[: id.lower().rindex("/providers/")]
        if "metadata" in known and low.startswith("microsoft.authorization/policy"):
            properties["metadata"] = {**(properties.get("metadata") or {}), **MADE_BY}
        for number, each in enumerate(properties.get("policyDefinitions", [])):
            each.setdefault("policyDefinitionReferenceId", str(fixed.int % 10**18 + number))
            each.setdefault("definitionVersion", "1.*.*")
            each["effectiveDefinitionVersion"] = "1.0.0"
        if low == "microsoft.authorization/policyassignments":
            properties.setdefault("definitionVersion", "1.*.*")
