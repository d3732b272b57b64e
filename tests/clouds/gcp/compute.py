"""Compute Engine: zonal, regional and global objects, each changed by an operation."""

import copy
import ipaddress
import re

from project import Refused, fingerprint, merged, now, shown, texts

HOST = "https://www.googleapis.com/"
BASE = "compute/v1/"

#: What a patch may change, as the documentation of the methods says; elsewhere everything but the name.
PATCHABLE = {
    "networks": {"routingConfig", "networkFirewallPolicyEnforcementOrder"},
    "subnetworks": {
        "secondaryIpRanges", "logConfig", "enableFlowLogs", "role", "purpose", "stackType", "ipv6AccessType",
        "privateIpv6GoogleAccess", "fingerprint", "drainTimeoutSeconds",
    },
    "forwardingRules": {"allowGlobalAccess", "allowPscGlobalAccess", "networkTier", "fingerprint"},
}
FIXED = {
    "firewalls": {"name", "network", "direction"},
    "routers": {"name", "network", "region"},
}

#: What an object has that was given nothing for it.
DEFAULTS = {
    "networks": {
        "autoCreateSubnetworks": True,
        "routingConfig": {"routingMode": "REGIONAL"},
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
    },
    "subnetworks": {
        "purpose": "PRIVATE", "stackType": "IPV4_ONLY", "privateIpGoogleAccess": False,
        "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
    },
    "firewalls": {"priority": 1000, "direction": "INGRESS", "disabled": False, "logConfig": {"enable": False}},
    "routers": {},
    "addresses": {"addressType": "EXTERNAL", "networkTier": "PREMIUM", "ipVersion": "IPV4"},
    "disks": {"sizeGb": "10", "physicalBlockSizeBytes": "4096"},
    "instances": {"deletionProtection": False, "canIpForward": False, "startRestricted": False},
    "routes": {"priority": 1000},
    "vpnGateways": {"gatewayIpVersion": "IPV4", "stackType": "IPV4_ONLY"},
    "externalVpnGateways": {},
    "vpnTunnels": {"ikeVersion": 2, "localTrafficSelector": ["0.0.0.0/0"], "remoteTrafficSelector": ["0.0.0.0/0"]},
    "healthChecks": {"checkIntervalSec": 5, "timeoutSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 2},
    "backendServices": {
        "protocol": "HTTP", "timeoutSec": 30, "loadBalancingScheme": "EXTERNAL", "sessionAffinity": "NONE", "port": 80, "portName": "http",
    },
    "urlMaps": {},
    "targetHttpProxies": {"proxyBind": False},
}
STATUS = {"vpnTunnels": "ESTABLISHED", "addresses": "RESERVED", "disks": "READY", "instances": "RUNNING", "instanceTemplates": None}

#: Properties that are never shown, and what stands in their place.
MASKED = {"vpnTunnels": {"sharedSecret": "*************"}}


class Compute:
    """Answers for `compute.v1`."""

    def __init__(self, objects):
        self.objects = objects

    def answer(self, method, values, query, body):
        if method.collection.endswith("Operations"):
            return self.operation(method, values)
        # A request that comes again is answered as the first time, whatever has become of the object.
        if query.get("requestId") in self.objects.requests:
            return self.shown(self.objects.requests[query["requestId"]])
        name = method.name
        if name in ("insert", "get", "list", "aggregatedList", "patch", "update", "delete"):
            return getattr(self, name)(method, values, query, body)
        if name.startswith("set") or name in ("resize", "expandIpCidrRange"):
            return self.set(method, values, query, body)
        raise Refused(501, "notImplemented", f"{method.id} is not simulated")

    # Paths.

    def kind_of(self, collection):
        """`globalAddresses` are kept apart by their path alone."""
        return "addresses" if collection == "globalAddresses" else collection

    def item(self, method, values, name=None):
        get = self.objects.documents.collections[("compute:v1", method.collection)]["get"]
        values = list(values.values())[: len(get.names) - 1] + ([name] if name is not None else list(values.values())[len(get.names) - 1 :][:1])
        path = get.template
        for value in values:
            path = re.sub(r"\{[^}]*\}", lambda _: value, path, count=1)
        return path

    def find(self, path):
        found = self.objects.objects.get(path)
        if not found:
            resource = path.removeprefix(BASE)
            raise Refused(404, "notFound", f"The resource '{resource}' was not found")
        return found[1]

    def full(self, values, value):
        """Writes references in full, as Compute Engine answers them."""
        if isinstance(value, list):
            return [self.full(values, item) for item in value]
        if isinstance(value, dict):
            return {name: self.full(values, item) for name, item in value.items()}
        if not isinstance(value, str):
            return value
        if value.startswith("https://compute.googleapis.com/"):
            return HOST + value.removeprefix("https://compute.googleapis.com/")
        if re.match(r"projects/[^/]+/(global|regions|zones)/", value):
            return HOST + BASE + value
        if re.match(r"(global/[a-zA-Z]+/|regions/|zones/)", value):
            return f"{HOST}{BASE}projects/{values['project']}/{value}"
        return value

    def check_references(self, values, body):
        """Refuses references to objects that are not there; machine types, images and the like always are."""
        for text in texts(body):
            if not text.startswith(f"{HOST}{BASE}projects/{values['project']}/"):
                continue
            path = text.removeprefix(HOST)
            kind = path.split("/")[-2]
            if kind in DEFAULTS and path not in self.objects.objects:
                raise Refused(404, "notFound", f"The resource '{path.removeprefix(BASE)}' was not found")

    # Operations.

    def begin(self, method, values, query, target, kind, effect, undo=None):
        scope = f"zones/{values['zone']}" if "zone" in values else f"regions/{values['region']}" if "region" in values else "global"
        number = next(self.objects.numbers)
        path = f"{BASE}projects/{values['project']}/{scope}/operations/operation-{number}"
        extra = {"id": str(number), "inserted": now()}
        operation = self.objects.begin(path, method.verb, kind, target, effect, extra, undo)
        if query.get("requestId"):
            self.objects.requests[query["requestId"]] = operation
        return self.shown(operation)

    def shown(self, operation):
        done = operation["left"] == 0
        answer = {
            "kind": "compute#operation",
            "id": operation["extra"]["id"],
            "name": operation["path"].rsplit("/", 1)[1],
            "operationType": operation["kind"],
            "targetLink": HOST + operation["target"],
            "selfLink": HOST + operation["path"],
            "insertTime": operation["extra"]["inserted"],
            "status": "DONE" if done else "RUNNING",
            "progress": 100 if done else 50,
        }
        if operation.get("failed"):
            answer["error"] = {"errors": [operation["failed"]]}
            answer["httpErrorStatusCode"] = 400
        return answer

    def operation(self, method, values):
        path = method.template
        for value in values.values():
            path = re.sub(r"\{[^}]*\}", lambda _: value, path, count=1)
        operation = self.objects.operations.get(path)
        if not operation:
            raise Refused(404, "notFound", "The operation was not found")
        self.objects.poll(operation)
        return self.shown(operation)

    # Methods.

    def insert(self, method, values, query, body):
        kind = self.kind_of(method.collection)
        if not body.get("name"):
            raise Refused(400, "required", "Required field 'resource.name' not specified")
        path = self.item(method, values, body["name"])
        if path in self.objects.objects:
            raise Refused(409, "alreadyExists", f"The resource '{path.removeprefix(BASE)}' already exists")
        stored = merged(copy.deepcopy(DEFAULTS.get(kind, {})), self.full(values, body))
        self.check_references(values, stored)
        stored |= {
            "kind": self.properties(method.collection)["kind"]["default"],
            "id": str(next(self.objects.numbers)),
            "creationTimestamp": now(),
            "selfLink": HOST + path,
        }
        for scope in ("zone", "region"):
            if scope in values:
                stored[scope] = f"{HOST}{BASE}projects/{values['project']}/{scope}s/{values[scope]}"
        if STATUS.get(kind):
            stored["status"] = STATUS[kind]
        made = getattr(self, f"make_{kind}", lambda values, path, stored: [])(values, path, stored)
        self.stamp(method.collection, stored)
        for name, mask in MASKED.get(kind, {}).items():
            if name in stored:
                stored[name] = mask
        # The name is taken at once; the object is there when the operation is done.
        self.objects.objects[path] = (method.collection, {**stored, "_hidden": True})

        def effect():
            self.objects.objects[path] = (method.collection, stored)

        def undo():
            for gone in [path, *made]:
                self.objects.objects.pop(gone, None)

        return self.begin(method, values, query, path, "insert", effect, undo)

    def make_subnetworks(self, values, path, stored):
        address, _, size = stored["ipCidrRange"].partition("/")
        parts = address.split(".")
        if len(parts) != 4 or not size.isdigit():
            raise Refused(400, "invalid", f"Invalid value for field 'resource.ipCidrRange': '{stored['ipCidrRange']}'")
        stored["gatewayAddress"] = ".".join([*parts[:3], str(int(parts[3]) + 1)])
        return []

    def make_firewalls(self, values, path, stored):
        if not stored.get("allowed") and not stored.get("denied"):
            raise Refused(400, "required", "Required field 'resource.allowed' not specified")
        given = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
        if stored["direction"] == "INGRESS" and not any(stored.get(name) for name in given):
            stored["sourceRanges"] = ["0.0.0.0/0"]
        stored.setdefault("network", f"{HOST}{BASE}projects/{values['project']}/global/networks/default")
        return []

    def make_vpnGateways(self, values, path, stored):
        stored["vpnInterfaces"] = [
            {"id": number, **given, "ipAddress": f"35.{220 + number}.{int(stored['id']) % 250}.9"}
            for number, given in enumerate(stored.get("vpnInterfaces") or [{}, {}])
        ]
        return []

    def make_instanceGroupManagers(self, values, path, stored):
        if not stored.get("instanceTemplate"):
            raise Refused(400, "required", "Required field 'resource.instanceTemplate' not specified")
        stored["instanceGroup"] = HOST + path.replace("/instanceGroupManagers/", "/instanceGroups/")
        stored.setdefault("updatePolicy", {"type": "OPPORTUNISTIC", "minimalAction": "REPLACE"})
        stored["status"] = {"isStable": True}
        return []

    make_regionInstanceGroupManagers = make_instanceGroupManagers

    def make_forwardingRules(self, values, path, stored):
        stored.setdefault("IPAddress", f"34.1.{int(stored['id']) % 250}.7")
        for name, default in {"IPProtocol": "TCP", "loadBalancingScheme": "EXTERNAL", "networkTier": "PREMIUM"}.items():
            stored.setdefault(name, default)
        return []

    make_globalForwardingRules = make_forwardingRules

    def make_sslCertificates(self, values, path, stored):
        if stored.get("type") != "MANAGED" and not stored.get("privateKey"):
            raise Refused(400, "required", "Required field 'resource.privateKey' not specified")
        stored.pop("privateKey", None)
        return []

    def make_routers(self, values, path, stored):
        self.complete_router(values, stored)
        return []

    def complete_router(self, values, stored):
        """Judges the interfaces and peers of a router by what the document says of them, and fills in what is left out."""
        for index, interface in enumerate(stored.get("interfaces", [])):
            tunnel = interface.get("linkedVpnTunnel")
            here = f"{HOST}{BASE}projects/{values['project']}/regions/{values['region']}/vpnTunnels/"
            if tunnel and not tunnel.startswith(here):
                at = f"resource.interfaces[{index}].linkedVpnTunnel"
                raise Refused(400, "invalid", f"Invalid value for field '{at}': '{tunnel}'. It must be in the region of the router.")
            network = ipaddress.ip_interface(interface["ipRange"]) if "ipRange" in interface else None
            if network and network.version == 4 and not network.is_link_local:
                at = f"resource.interfaces[{index}].ipRange"
                raise Refused(400, "invalid", f"Invalid value for field '{at}': '{network}'. It must be link-local.")
            interface.setdefault("managementType", "MANAGED_BY_USER")
        names = [interface.get("name") for interface in stored.get("interfaces", [])]
        for index, peer in enumerate(stored.get("bgpPeers", [])):
            if peer.get("interfaceName") not in names:
                at = f"resource.bgpPeers[{index}].interfaceName"
                raise Refused(400, "invalid", f"Invalid value for field '{at}': the router has no interface '{peer.get('interfaceName')}'.")
            for name, default in {"managementType": "MANAGED_BY_USER", "advertisedRoutePriority": 100, "enable": "TRUE"}.items():
                peer.setdefault(name, default)

    def make_addresses(self, values, path, stored):
        stored.setdefault("address", f"34.0.{int(stored['id']) % 250}.7")
        return []

    def make_disks(self, values, path, stored):
        stored.setdefault("type", f"{HOST}{BASE}projects/{values['project']}/zones/{values['zone']}/diskTypes/pd-standard")
        stored["sizeGb"] = str(stored["sizeGb"])
        return []

    def make_instances(self, values, path, stored):
        made = []
        for index, disk in enumerate(stored.get("disks", [])):
            disk |= {"index": index, "kind": "compute#attachedDisk", "type": disk.get("type", "PERSISTENT"), "mode": disk.get("mode", "READ_WRITE")}
            parameters = disk.pop("initializeParams", None)
            if parameters is not None:
                name = parameters.get("diskName", stored["name"])
                disk_path = f"{BASE}projects/{values['project']}/zones/{values['zone']}/disks/{name}"
                body = {
                    "name": name, "sizeGb": str(parameters.get("diskSizeGb", "10")), "selfLink": HOST + disk_path, "kind": "compute#disk",
                    "id": str(next(self.objects.numbers)), "status": "READY", "creationTimestamp": now(),
                    "users": [HOST + path], "_of": path,
                }
                self.stamp("disks", body)
                self.objects.objects[disk_path] = ("disks", body)
                disk["source"] = HOST + disk_path
                made.append(disk_path)
        for index, interface in enumerate(stored.get("networkInterfaces", [])):
            interface |= {"name": f"nic{index}", "kind": "compute#networkInterface", "networkIP": f"10.0.0.{index + 2}"}
            interface["fingerprint"] = fingerprint(interface)
        stored.setdefault("scheduling", {"onHostMaintenance": "MIGRATE", "automaticRestart": True, "preemptible": False})
        stored["tags"] = stored.get("tags", {})
        stored["metadata"] = {"kind": "compute#metadata", **stored.get("metadata", {})}
        stored["cpuPlatform"] = "Intel Broadwell"
        return made

    def properties(self, collection):
        """Returns the properties that the document gives to the objects of a collection."""
        get = self.objects.documents.collections[("compute:v1", collection)]["get"]
        return get.document["schemas"][get.schema("response")]["properties"]

    def stamp(self, collection, stored):
        """Sets the fingerprints anew."""
        properties = self.properties(collection)
        for name in ("tags", "metadata"):
            if collection == "instances" and isinstance(stored.get(name), dict):
                rest = {key: value for key, value in stored[name].items() if key != "fingerprint"}
                stored[name]["fingerprint"] = fingerprint(rest)
        if "labelFingerprint" in properties:
            stored["labelFingerprint"] = fingerprint(stored.get("labels", {}))
        if "fingerprint" in properties:
            rest = {key: value for key, value in stored.items() if not key.endswith("ingerprint") and not key.startswith("_")}
            stored["fingerprint"] = fingerprint(rest)

    def get(self, method, values, query, body):
        found = self.find(self.item(method, values))
        if found.get("_hidden"):
            raise Refused(404, "notFound", f"The resource '{self.item(method, values).removeprefix(BASE)}' was not found")
        return shown(found)

    def all(self, collection, below):
        for path, (found, body) in sorted(self.objects.objects.items()):
            if found == collection and path.startswith(below) and not body.get("_hidden"):
                yield path, shown(body)

    def list(self, method, values, query, body):
        path = method.template
        for value in values.values():
            path = re.sub(r"\{[^}]*\}", lambda _: value, path, count=1)
        items = [body for _, body in self.all(method.collection, path + "/")]
        start, size = int(query.get("pageToken", 0)), int(query.get("maxResults", self.objects.page))
        answer = {"kind": f"compute#{method.collection}List", "items": items[start : start + size], "selfLink": HOST + path}
        if start + size < len(items):
            answer["nextPageToken"] = str(start + size)
        return answer

    def aggregatedList(self, method, values, query, body):
        """Lists over all places, so global objects as well as those of regions, whatever collection they are of."""
        scopes = {}
        below = f"{BASE}projects/{values['project']}/"
        for path, (_, found) in sorted(self.objects.objects.items()):
            if not path.startswith(below) or path.split("/")[-2] != method.collection or found.get("_hidden"):
                continue
            found = shown(found)
            scope = "/".join(path.removeprefix(f"{BASE}projects/{values['project']}/").split("/")[:-2])
            scopes.setdefault(scope, {method.collection: []})[method.collection].append(found)
        return {"kind": f"compute#{method.collection}AggregatedList", "items": scopes}

    def changed(self, method, values, query, path, after):
        collection, before = self.objects.objects[path]
        self.check_references(values, after)
        if collection == "routers":
            self.complete_router(values, after)
        self.stamp(collection, after)

        def effect():
            self.objects.objects[path] = (collection, after)

        return self.begin(method, values, query, path, method.name, effect)

    def guard(self, collection, before, body):
        if "fingerprint" in self.properties(collection) and body.get("fingerprint") != before.get("fingerprint"):
            raise Refused(412, "conditionNotMet", "Invalid fingerprint.")

    def patch(self, method, values, query, body):
        path, kind = self.item(method, values), self.kind_of(method.collection)
        before = self.find(path)
        body = self.full(values, body)
        self.guard(method.collection, before, body)
        for name in body:
            fixed = name in FIXED.get(kind, {"name"}) or (kind in PATCHABLE and name not in PATCHABLE[kind])
            if fixed and body[name] != before.get(name):
                raise Refused(400, "invalid", f"Invalid value for field 'resource.{name}': cannot be changed")
        return self.changed(method, values, query, path, merged(before, body))

    def update(self, method, values, query, body):
        path = self.item(method, values)
        before = self.find(path)
        if method.collection == "disks":
            mask = query.get("updateMask", query.get("paths", ""))
            body = {name: body.get(name) for name in mask.split(",") if name}
            return self.changed(method, values, query, path, merged(before, self.full(values, body)))
        self.guard(method.collection, before, body)
        kept = {name: before[name] for name in ("id", "kind", "selfLink", "creationTimestamp", "region", "zone", "status") if name in before}
        return self.changed(method, values, query, path, {**self.full(values, body), **kept})

    def set(self, method, values, query, body):
        path = self.item(method, values)
        before = self.find(path)
        after = copy.deepcopy(before)
        if method.name == "setLabels":
            if body.get("labelFingerprint") != before["labelFingerprint"]:
                raise Refused(412, "conditionNotMet", "Labels fingerprint either invalid or resource labels have changed")
            after["labels"] = body.get("labels", {})
        elif method.name in ("setTags", "setMetadata"):
            name = method.name.removeprefix("set").lower()
            if body.get("fingerprint") != before[name]["fingerprint"]:
                raise Refused(412, "conditionNotMet", f"Supplied fingerprint does not match current {name} fingerprint.")
            after[name] = body
        elif method.name == "setScheduling":
            after["scheduling"] = body
        elif method.name == "resize":
            if int(body["sizeGb"]) <= int(before["sizeGb"]):
                raise Refused(400, "invalid", f"New disk size '{body['sizeGb']}' GiB must be larger than existing size '{before['sizeGb']}' GiB.")
            after["sizeGb"] = str(body["sizeGb"])
        else:
            after |= self.full(values, body)
        return self.changed(method, values, query, path, after)

    def delete(self, method, values, query, body):
        path = self.item(method, values)
        before = self.find(path)
        users = [user for user in self.objects.users(HOST + path) if self.objects.objects[user][1].get("_of") != path]
        if users:
            raise Refused(
                400, "resourceInUseByAnotherResource",
                f"The {method.collection} resource '{path.removeprefix(BASE)}' is already being used by '{users[0].removeprefix(BASE)}'",
            )
        if before.get("deletionProtection"):
            raise Refused(400, "resourceInUse", f"Resource cannot be deleted if it's protected against deletion: '{path.removeprefix(BASE)}'")

        def effect():
            self.objects.objects.pop(path, None)
            of = [other for other, (_, found) in self.objects.objects.items() if found.get("_of") == path]
            for other in of:
                self.objects.objects.pop(other)

        return self.begin(method, values, query, path, "delete", effect)
