"""What Azure adds to a resource by itself: values that only it sets, and defaults of what was not given."""

import uuid

from schema_table import READ_ONLY

TENANT = "11111111-2222-3333-4444-555555555555"

# Properties of children that the answer of their parent shows, by the type of the parent.
INLINE = {
    "microsoft.network/virtualnetworks": ["subnets"],
    "microsoft.network/networksecuritygroups": ["securityRules"],
    "microsoft.network/routetables": ["routes"],
}
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
}


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
    elif low.startswith("microsoft.network/dnszones/"):
        properties["fqdn"] = f"{name}.{id.split('/')[-3]}."
