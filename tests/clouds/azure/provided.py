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
    "microsoft.authorization/roleassignments": {"principalType": "ServicePrincipal"},
}


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
    elif low.startswith("microsoft.authorization/"):
        if "scope" in known:
            properties["scope"] = id[: id.lower().rindex("/providers/")]
