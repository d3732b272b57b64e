"""What the models of Microsoft's own Python packages say of resource types.

    python vendor_models.py definitions > vendor-models/types.json      the types that the pinned definitions do not have
    python vendor_models.py create-only > published-create-only.txt     what may be given in a create and never again

It needs the packages `azure-mgmt-…` that PACKAGES names, at any version that has the classes.
"""

import datetime
import enum
import importlib
import json
import sys
import typing

# Types that are packed from here: the type with the version of its API, the module and the class.
DEFINED = {
    "Microsoft.Compute/disks@2026-03-02": ("azure.mgmt.compute.models", "Disk"),
    "Microsoft.Authorization/roleAssignments@2022-04-01": ("azure.mgmt.authorization.v2022_04_01.models", "RoleAssignment"),
    "Microsoft.Authorization/roleDefinitions@2022-04-01": ("azure.mgmt.authorization.v2022_04_01.models", "RoleDefinition"),
}
# What those models do not say, by type: what a request must have, and the scopes that a type can be at.
REQUIRED = {
    "Microsoft.Authorization/roleAssignments@2022-04-01": ["roleDefinitionId", "principalId"],
}
EVERYWHERE, IN_GROUPS = 31, 8
SCOPES = {"Microsoft.Compute/disks@2026-03-02": IN_GROUPS}
# Types whose immutable properties are told: the type, the package and the class.
PUBLISHED = {
    "Microsoft.Compute/disks": ("compute", "Disk"),
    "Microsoft.Compute/virtualMachines": ("compute", "VirtualMachine"),
    "Microsoft.ContainerService/managedClusters": ("containerservice", "ManagedCluster"),
    "Microsoft.ContainerService/managedClusters/agentPools": ("containerservice", "AgentPool"),
    "Microsoft.DocumentDB/databaseAccounts": ("cosmosdb", "DatabaseAccountCreateUpdateParameters"),
    "Microsoft.KeyVault/vaults": ("keyvault", "VaultCreateOrUpdateParameters"),
    "Microsoft.KeyVault/vaults/secrets": ("keyvault", "SecretCreateOrUpdateParameters"),
    "Microsoft.Network/applicationGateways": ("network", "ApplicationGateway"),
    "Microsoft.Network/connections": ("network", "VirtualNetworkGatewayConnection"),
    "Microsoft.Network/loadBalancers": ("network", "LoadBalancer"),
    "Microsoft.Network/localNetworkGateways": ("network", "LocalNetworkGateway"),
    "Microsoft.Network/natGateways": ("network", "NatGateway"),
    "Microsoft.Network/networkInterfaces": ("network", "NetworkInterface"),
    "Microsoft.Network/networkSecurityGroups": ("network", "NetworkSecurityGroup"),
    "Microsoft.Network/networkSecurityGroups/securityRules": ("network", "SecurityRule"),
    "Microsoft.Network/privateDnsZones": ("privatedns", "PrivateZone"),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": ("privatedns", "VirtualNetworkLink"),
    "Microsoft.Network/publicIPAddresses": ("network", "PublicIPAddress"),
    "Microsoft.Network/routeTables": ("network", "RouteTable"),
    "Microsoft.Network/routeTables/routes": ("network", "Route"),
    "Microsoft.Network/virtualNetworkGateways": ("network", "VirtualNetworkGateway"),
    "Microsoft.Network/virtualNetworks": ("network", "VirtualNetwork"),
    "Microsoft.Network/virtualNetworks/subnets": ("network", "Subnet"),
    "Microsoft.Sql/servers": ("sql", "Server"),
    "Microsoft.Sql/servers/databases": ("sql", "Database"),
    "Microsoft.Sql/servers/firewallRules": ("sql", "FirewallRule"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("storage", "BlobContainer"),
    "Microsoft.Storage/storageAccounts/fileServices/shares": ("storage", "FileShare"),
    "Microsoft.Web/serverfarms": ("web", "AppServicePlan"),
    "Microsoft.Web/sites": ("web", "Site"),
}
# What the pinned definitions do not have yet.
NEWER = {("Microsoft.Storage/storageAccounts/blobServices/containers", "properties.blobAccessPointConfiguration")}
PACKAGES = sorted({package for package, _ in PUBLISHED.values()} | {"authorization"})

FLAG_REQUIRED, FLAG_READ_ONLY, FLAG_WRITE_ONLY = 1, 2, 4


def fields(model):
    """The members of a model: name on the wire, type, flags, whether it is for creates alone."""
    if hasattr(model, "_attribute_map"):
        return old_fields(model)
    package = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    found = []
    for owner in reversed(model.__mro__):
        names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
        for name, hint in vars(owner).get("__annotations__", {}).items():
            field = vars(owner).get(name)
            if not hasattr(field, "_visibility"):
                continue
            if isinstance(hint, str):
                hint = typing.ForwardRef(hint)
            holder = type("Holder", (), {"__annotations__": {"x": hint}})
            hint = typing.get_type_hints(holder, names, {"_models": package})["x"]
            given = set(field._visibility or ["read", "create", "update"])
            optional = type(None) in typing.get_args(hint)
            flags = 0 if optional else FLAG_REQUIRED
            if given == {"read"}:
                flags = FLAG_READ_ONLY
            elif "read" not in given:
                flags |= FLAG_WRITE_ONLY
            fixed = "create" in given and "update" not in given
            found.append(([field._rest_name_input or name], hint, flags, fixed))
    return found


def old_fields(model):
    """The same for models of the older kind, whose members may stand deeper than the model says."""
    found = []
    for name, said in model._attribute_map.items():
        rules = model._validation.get(name, {})
        flags = FLAG_REQUIRED if rules.get("required") else 0
        flags = FLAG_READ_ONLY if rules.get("readonly") else flags
        found.append((said["key"].split("."), (model.__module__.rsplit(".", 1)[0], said["type"]), flags, False))
    return found


def plain(hint):
    """A type without `Optional`, as a word and what it is of."""
    if isinstance(hint, tuple):  # of an older model
        module, text = hint
        if text.startswith("["):
            return "list", (module, text[1:-1])
        if text.startswith("{"):
            return "map", (module, text[1:-1])
        known = {"str": "text", "iso-8601": "text", "bool": "boolean", "int": "integer", "object": "any", "float": "any"}
        return (known[text], None) if text in known else ("model", getattr(importlib.import_module(module), text))
    parts = [part for part in typing.get_args(hint) if part is not type(None)]
    origin = typing.get_origin(hint)
    if origin is typing.Union:
        enums = [part for part in parts if isinstance(part, type) and issubclass(part, enum.Enum)]
        if enums:
            return "choice", enums[0]
        return plain(parts[0]) if len(parts) == 1 else ("any", None)
    if origin in (list, typing.List):
        return "list", parts[0]
    if origin is dict:
        return "map", parts[1]
    if hint is str or hint in (datetime.datetime, datetime.date, datetime.timedelta):
        return "text", None
    if hint in (bool, int):
        return {bool: "boolean", int: "integer"}[hint], None
    if isinstance(hint, type) and hasattr(hint, "_deserialize"):
        return "model", hint
    return "any", None


class Definitions:
    """A file of definitions as Azure/bicep-types-az has them."""

    def __init__(self):
        self.types, self.models = [], {}

    def add(self, definition):
        self.types.append(definition)
        return {"$ref": f"#/{len(self.types) - 1}"}

    def of(self, hint):
        word, inner = plain(hint)
        if word == "list":
            return self.add({"$type": "ArrayType", "itemType": self.of(inner)})
        if word == "map":
            return self.add({"$type": "ObjectType", "name": "Map", "properties": {}, "additionalProperties": self.of(inner)})
        if word == "choice":
            values = [self.add({"$type": "StringLiteralType", "value": choice.value}) for choice in inner]
            return self.add({"$type": "UnionType", "elements": [*values, self.add({"$type": "StringType"})]})
        if word == "model":
            return self.model(inner)
        kinds = {"text": "StringType", "boolean": "BooleanType", "integer": "IntegerType", "any": "AnyType"}
        return self.add({"$type": kinds[word]})

    def model(self, model):
        if model not in self.models:
            definition = {"$type": "ObjectType", "name": model.__name__, "properties": {}}
            self.models[model] = self.add(definition)
            for path, hint, flags, _ in fields(model):
                here = definition["properties"]
                for name in path[:-1]:
                    inner = here.get(name) or {"type": self.add({"$type": "ObjectType", "name": name, "properties": {}}), "flags": 0}
                    here[name] = inner
                    here = self.types[int(inner["type"]["$ref"][2:])]["properties"]
                here[path[-1]] = {"type": self.of(hint), "flags": flags}
        return self.models[model]

    def resource(self, name, module, model):
        body = self.model(getattr(importlib.import_module(module), model))
        properties = self.types[int(body["$ref"][2:])]["properties"]
        properties["name"] = {"type": self.add({"$type": "StringType"}), "flags": FLAG_REQUIRED | 8}
        inside = properties["properties"]
        inside["flags"] |= FLAG_REQUIRED
        for needed in REQUIRED.get(name, []):
            self.types[int(inside["type"]["$ref"][2:])]["properties"][needed]["flags"] |= FLAG_REQUIRED
        scopes = SCOPES.get(name, EVERYWHERE)
        self.add({"$type": "ResourceType", "name": name, "body": body, "readableScopes": scopes, "writableScopes": scopes})


def fixed(model, at=(), above=()):
    """The paths of what is for creates alone."""
    if model in above:
        return
    for path, hint, flags, is_fixed in fields(model):
        if flags & FLAG_READ_ONLY:
            continue
        here = (*at, *path)
        if is_fixed:
            yield ".".join(here)
            continue
        word, inner = plain(hint)
        while word in ("list", "map"):
            word, inner = plain(inner)
        if word == "model":
            yield from fixed(inner, here, (*above, model))


def main():
    if sys.argv[1:] == ["definitions"]:
        definitions = Definitions()
        for name, (module, model) in DEFINED.items():
            definitions.resource(name, module, model)
        rows = ",\n".join(json.dumps(row) for row in definitions.types)
        print(f"[\n{rows}\n]")
    elif sys.argv[1:] == ["create-only"]:
        versions = []
        for package in PACKAGES:
            versions.append(f"azure-mgmt-{package} {importlib.import_module(f'azure.mgmt.{package}').__version__}")
        print("# What Microsoft's own packages say may be given in a create and never again: `vendor_models.py` wrote it.")
        print("#")
        for version in versions:
            print(f"# {version}")
        print()
        for name, (package, model) in PUBLISHED.items():
            model = getattr(importlib.import_module(f"azure.mgmt.{package}.models"), model)
            for path in sorted(set(fixed(model))):
                if (name, path) not in NEWER:
                    print(name, path)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
