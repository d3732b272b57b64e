"""Kubernetes Engine: clusters and their pools of nodes. Each request changes one property, by an operation whose link has
the number of the project, which no request may have."""

import copy

from named import filled
from project import Refused, fingerprint, merged, now, shown

NUMBER = "1234567890"

#: Where `desiredX` stands in a cluster, if not in `x`.
PLACES = {
    "desiredClusterAutoscaling": ("autoscaling",),
    "desiredDatapathProvider": ("networkConfig", "datapathProvider"),
    "desiredDefaultSnatStatus": ("networkConfig", "defaultSnatStatus"),
    "desiredDnsConfig": ("networkConfig", "dnsConfig"),
    "desiredGatewayApiConfig": ("networkConfig", "gatewayApiConfig"),
    "desiredServiceExternalIpsConfig": ("networkConfig", "serviceExternalIpsConfig"),
}

#: Where what an update of a pool says stands in the pool, if not in its `config`.
OF_POOLS = {
    "locations": ("locations",),
    "upgradeSettings": ("upgradeSettings",),
    "queuedProvisioning": ("queuedProvisioning",),
    "maintenancePolicy": ("maintenancePolicy",),
    "nodeDrainConfig": ("nodeDrainConfig",),
    "nodeVersion": ("version",),
}


class Container:
    """Answers for `container.v1`."""

    def __init__(self, objects):
        self.objects = objects

    def answer(self, method, values, query, body):
        kind = method.collection.rsplit(".", 1)[-1]
        handler = getattr(self, f"{kind}_{method.name}", None)
        if not handler or not method.collection.startswith("projects.locations."):
            raise Refused(501, "notImplemented", f"{method.id} is not simulated")
        if NUMBER in values.values():
            raise Refused(403, "forbidden", "the project is named by its number")
        return handler(method, values, query, body)

    def path(self, method, values):
        return filled(method, values).rsplit(":", 1)[0]

    def find(self, path):
        found = self.objects.objects.get(path)
        if not found:
            raise Refused(404, "notFound", f"Not found: {path}.")
        return found[1]

    # Operations.

    def begin(self, method, path, kind, effect, undo=None):
        steps = path.split("/")
        place = f"projects/{NUMBER}/locations/{steps[4]}"
        name = f"operation-{next(self.objects.numbers)}"
        own = "/".join([*steps[:5], "operations", name])
        extra = {"name": name, "place": place, "location": steps[4], "service": "container"}
        return self.shown(self.objects.begin(own, method.verb, kind, path, effect, extra, undo))

    def shown(self, operation):
        extra = operation["extra"]
        host = "https://container.googleapis.com/v1/"
        target = "/".join(operation["target"].split("/")[5:])
        answer = {
            "name": extra["name"], "operationType": operation["kind"], "location": extra["location"], "startTime": now(),
            "status": "DONE" if operation["left"] == 0 else "RUNNING",
            "selfLink": f"{host}{extra['place']}/operations/{extra['name']}",
            "targetLink": f"{host}{extra['place']}/{target}",
        }
        if operation.get("failed"):
            answer["error"] = {"code": 8, "message": operation["failed"]["message"]}
        return answer

    def operations_get(self, method, values, query, body):
        operation = self.objects.operations.get(filled(method, values))
        if not operation:
            raise Refused(404, "notFound", "Not found: the operation.")
        self.objects.poll(operation)
        return self.shown(operation)

    # Objects.

    def add(self, method, path, collection, stored, kind, made=()):
        if path in self.objects.objects:
            raise Refused(409, "alreadyExists", f"Already exists: {path}.")
        self.stamp(stored)
        self.objects.objects[path] = (collection, {**stored, "status": "PROVISIONING", "_hidden": True})

        def effect():
            self.objects.objects[path] = (collection, stored)

        def undo():
            for gone in [path, *made]:
                self.objects.objects.pop(gone, None)

        return self.begin(method, path, kind, effect, undo)

    def stamp(self, stored):
        stored["etag"] = fingerprint({name: value for name, value in stored.items() if name != "etag" and not name.startswith("_")})
        if "endpoint" in stored:
            stored["labelFingerprint"] = fingerprint(stored.get("resourceLabels", {}))

    def change(self, method, path, steps, value, kind):
        collection, before = self.objects.objects[path]
        after = copy.deepcopy(before)
        at = after
        for step in steps[:-1]:
            at = at.setdefault(step, {})
        at[steps[-1]] = value
        self.stamp(after)

        def effect():
            self.objects.objects[path] = (collection, after)

        return self.begin(method, path, kind, effect)

    def items(self, method, values, collection):
        below = filled(method, values) + "/"
        return [
            shown(found) for path, (kind, found) in sorted(self.objects.objects.items())
            if kind == collection and path.startswith(below)
        ]

    # Clusters.

    def clusters_create(self, method, values, query, body):
        given = copy.deepcopy(body.get("cluster", {}))
        if not given.get("name"):
            raise Refused(400, "badRequest", "Cluster.name must be given.")
        autopilot = given.get("autopilot", {}).get("enabled")
        if not autopilot and not given.get("initialNodeCount") and not given.get("nodePools"):
            raise Refused(400, "badRequest", "Cluster.initial_node_count must be greater than zero.")
        path = f"{filled(method, values)}/{given['name']}"
        location = values["locationsId"]
        stored = merged(
            {
                "network": "default", "subnetwork": "default", "loggingService": "logging.googleapis.com/kubernetes",
                "monitoringService": "monitoring.googleapis.com/kubernetes", "releaseChannel": {"channel": "REGULAR"},
                "shieldedNodes": {"enabled": True}, "locations": [f"{location}-b" if location.count("-") == 1 else location],
                "networkConfig": {"datapathProvider": "LEGACY_DATAPATH"}, "databaseEncryption": {"state": "DECRYPTED"},
            },
            given,
        )
        stored |= {
            "selfLink": f"https://container.googleapis.com/{path}", "location": location, "zone": location, "endpoint": "34.77.0.9",
            "status": "RUNNING", "createTime": now(), "currentMasterVersion": "1.35.1-gke.100", "initialClusterVersion": "1.35.1-gke.100",
            "masterAuth": {"clusterCaCertificate": "LS0tLS1CRUdJTg=="},
        }
        stored["networkConfig"] |= {"network": f"projects/{values['projectsId']}/global/networks/{stored['network']}"}
        return self.add(method, path, "clusters", stored, "CREATE_CLUSTER")

    def clusters_get(self, method, values, query, body):
        path = filled(method, values)
        cluster = shown(self.find(path))
        pools = [shown(body) for other, (kind, body) in self.objects.objects.items() if kind == "nodePools" and other.startswith(path + "/")]
        return {**cluster, "nodePools": pools} if pools else cluster

    def clusters_list(self, method, values, query, body):
        return {"clusters": self.items(method, values, "clusters")}

    def clusters_update(self, method, values, query, body):
        path = filled(method, values)
        before, update = self.find(path), dict(body.get("update", {}))
        etag = update.pop("etag", before["etag"])
        if etag != before["etag"]:
            raise Refused(409, "aborted", "The etag does not match.")
        if len(update) != 1:
            raise Refused(400, "badRequest", "Exactly one update can be applied to a cluster with each request.")
        ((name, value),) = update.items()
        short = name.removeprefix("desired")
        steps = PLACES.get(name, (short[0].lower() + short[1:],))
        return self.change(method, path, steps, value, "UPDATE_CLUSTER")

    def clusters_setResourceLabels(self, method, values, query, body):
        path = self.path(method, values)
        if body.get("labelFingerprint") != self.find(path)["labelFingerprint"]:
            raise Refused(412, "conditionNotMet", "Labels could not be set due to fingerprint mismatch.")
        return self.change(method, path, ("resourceLabels",), body.get("resourceLabels", {}), "UPDATE_CLUSTER")

    def clusters_setMaintenancePolicy(self, method, values, query, body):
        return self.set(method, values, ("maintenancePolicy",), body["maintenancePolicy"])

    def clusters_setNetworkPolicy(self, method, values, query, body):
        return self.set(method, values, ("networkPolicy",), body["networkPolicy"])

    def clusters_setLegacyAbac(self, method, values, query, body):
        return self.set(method, values, ("legacyAbac", "enabled"), body["enabled"])

    def set(self, method, values, steps, value):
        path = self.path(method, values)
        self.find(path)
        return self.change(method, path, steps, value, "UPDATE_CLUSTER")

    def remove(self, method, values, kind):
        path = filled(method, values)
        self.find(path)

        def effect():
            for gone in [other for other in self.objects.objects if other == path or other.startswith(path + "/")]:
                self.objects.objects.pop(gone)

        return self.begin(method, path, kind, effect)

    def clusters_delete(self, method, values, query, body):
        return self.remove(method, values, "DELETE_CLUSTER")

    # Pools.

    def nodePools_create(self, method, values, query, body):
        given = copy.deepcopy(body.get("nodePool", {}))
        if not given.get("name"):
            raise Refused(400, "badRequest", "NodePool.name must be given.")
        parent = filled(method, values).rsplit("/", 1)[0]
        cluster = self.find(parent)
        if cluster.get("autopilot", {}).get("enabled"):
            raise Refused(400, "badRequest", "Node pools cannot be made in a cluster that Google manages.")
        path = f"{parent}/nodePools/{given['name']}"
        stored = merged(
            {
                "config": {"machineType": "e2-medium", "diskSizeGb": 100, "diskType": "pd-balanced", "imageType": "COS_CONTAINERD"},
                "version": cluster["currentMasterVersion"], "locations": cluster["locations"],
                "management": {"autoUpgrade": True, "autoRepair": True}, "upgradeSettings": {"maxSurge": 1, "strategy": "SURGE"},
            },
            given,
        )
        stored |= {"selfLink": f"https://container.googleapis.com/{path}", "status": "RUNNING", "podIpv4CidrSize": 24}
        return self.add(method, path, "nodePools", stored, "CREATE_NODE_POOL")

    def nodePools_get(self, method, values, query, body):
        return shown(self.find(filled(method, values)))

    def nodePools_list(self, method, values, query, body):
        return {"nodePools": self.items(method, values, "nodePools")}

    def nodePools_update(self, method, values, query, body):
        path = filled(method, values)
        before, update = self.find(path), dict(body)
        if update.pop("etag", before["etag"]) != before["etag"]:
            raise Refused(409, "aborted", "The etag does not match.")
        if len(update) != 1:
            raise Refused(400, "badRequest", "One property of a node pool is updated with each request.")
        ((name, value),) = update.items()
        if name in ("labels", "resourceLabels", "tags", "taints"):
            value = value[name.replace("resourceLabels", "labels")]
        if name == "diskSizeGb":
            value = int(value)
        return self.change(method, path, OF_POOLS.get(name, ("config", name)), value, "UPGRADE_NODES")

    def nodePools_setAutoscaling(self, method, values, query, body):
        return self.set(method, values, ("autoscaling",), body["autoscaling"])

    def nodePools_setManagement(self, method, values, query, body):
        return self.set(method, values, ("management",), body["management"])

    def nodePools_delete(self, method, values, query, body):
        return self.remove(method, values, "DELETE_NODE_POOL")
