"""Services whose objects have whole names (`projects/p/locations/l/services/s`): Cloud Run, functions, Filestore,
Firestore, Bigtable, Secret Manager and Cloud KMS. What they have in common follows from the documents; what is special to
one stands in a class of its own."""

import copy
import re

from project import Refused, fingerprint, now, shown

#: What a patch must not change, beside what the documents call immutable.
FIXED = {
    "file": {"tier", "networks", "kmsKeyName", "replication"},
    "secretmanager": {"replication"},
    "firestore": {"locationId"},
    "cloudkms": {"purpose"},
}


def filled(method, values):
    """Returns the path of a request, with its parameters put in."""
    path = method.template
    for value in values.values():
        path = re.sub(r"\{[^}]*\}", lambda _: value, path, count=1)
    return path


def camel(name):
    return re.sub(r"_([a-z])", lambda found: found.group(1).upper(), name)


class Named:
    """What the services have in common."""

    def __init__(self, objects):
        self.objects = objects

    def answer(self, method, values, query, body):
        last = method.collection.rsplit(".", 1)[-1]
        if last == "operations":
            return self.operation(method, values)
        special = getattr(self, f"{last}_{method.name}", None) or getattr(self, method.name, None)
        if not special:
            raise Refused(501, "notImplemented", f"{method.id} is not simulated")
        return special(method, values, query, body)

    def find(self, path):
        found = self.objects.objects.get(path)
        if not found:
            raise Refused(404, "notFound", f"Resource '{path}' was not found")
        return found[1]

    def properties(self, method):
        """Returns the properties of the objects of a method's collection."""
        get = self.objects.documents.collections[(method.document["id"], method.collection)]["get"]
        return get.document["schemas"][get.schema("response")]["properties"]

    # Operations.

    def scope(self, target):
        """Returns what operations on an object stand under."""
        return "/".join(target.split("/")[:5])

    def answers(self, method, target, effect, result, undo=None):
        """Has an effect: at once where the method answers with the object, else by an operation."""
        response = method.schema("response")
        if not response or not response.endswith("Operation"):
            effect()
            return shown(result()) if result else {}
        path = f"{self.scope(target)}/operations/{next(self.objects.numbers)}"
        operation = self.objects.begin(path, method.verb, method.name, target, effect, {"result": result, "service": method.service}, undo)
        return self.shown(operation)

    def shown(self, operation):
        answer = {"name": self.name(operation["path"]), "metadata": {"@type": "type.googleapis.com/google.protobuf.Struct", "target": operation["target"]}}
        if operation["left"] == 0:
            answer["done"] = True
            if operation.get("failed"):
                answer["error"] = {"code": 8, "message": operation["failed"]["message"]}
            else:
                result = operation["extra"]["result"]
                answer["response"] = {"@type": "type.googleapis.com/google.protobuf.Struct", **(shown(result()) if result else {})}
        return answer

    def operation(self, method, values):
        operation = self.objects.operations.get(filled(method, values))
        if not operation:
            raise Refused(404, "notFound", "The operation was not found")
        self.objects.poll(operation)
        return self.shown(operation)

    # Methods.

    def wrapped(self, method, body):
        """Returns the object of a request that creates, and what stands beside it."""
        return body, {}

    def identifier(self, method, query, body):
        for name, value in query.items():
            if name.endswith("Id") and name != "requestId":
                return value
        raise Refused(400, "invalid", f"{method.id} needs an identifier")

    def make(self, method, path, stored, beside):
        """Puts in what Google sets. Returns the paths of what was made as well."""
        return []

    def create(self, method, values, query, body):
        given, beside = self.wrapped(method, body)
        path = f"{filled(method, values)}/{self.identifier(method, query, body)}"
        parent = "/".join(path.split("/")[:-2])
        if parent.count("/") > 4 and parent not in self.objects.objects:
            raise Refused(404, "notFound", f"Resource '{parent}' was not found")
        if path in self.objects.objects:
            raise Refused(409, "ALREADY_EXISTS", f"Resource '{path}' already exists")
        stored = copy.deepcopy(given)
        properties = self.properties(method)
        stored["name"] = self.name(path)
        for name, value in {"createTime": now(), "updateTime": now(), "state": None, "uid": "u-1"}.items():
            if name in properties and value:
                stored[name] = value
        states = properties.get("state", {}).get("enum", [])
        for state in ("READY", "ACTIVE"):
            if state in states:
                stored["state"] = state
        made = self.make(method, path, stored, beside)
        self.stamp(properties, stored)
        for name, property in properties.items():
            if property.get("description", "").lower().startswith(("input only", "optional. input only")):
                stored.pop(name, None)
        collection = method.collection
        # It is there at once, and not ready.
        early = {**stored, "_hidden": True}
        if "CREATING" in states:
            early["state"] = "CREATING"
        self.objects.objects[path] = (collection, early)

        def effect():
            self.objects.objects[path] = (collection, stored)

        def undo():
            for gone in [path, *made]:
                self.objects.objects.pop(gone, None)

        return self.answers(method, path, effect, lambda: stored, undo)

    def name(self, path):
        return path.split("/", 1)[1]

    def stamp(self, properties, stored):
        if "etag" in properties:
            rest = {name: value for name, value in stored.items() if name != "etag" and not name.startswith("_")}
            stored["etag"] = fingerprint(rest)

    def get(self, method, values, query, body):
        return shown(self.find(filled(method, values)))

    def list(self, method, values, query, body):
        below = filled(method, values) + "/"
        items = [
            shown(found)
            for path, (collection, found) in sorted(self.objects.objects.items())
            if collection == method.collection and path.startswith(below)
        ]
        start = int(query.get("pageToken", 0))
        size = self.objects.page if "pageToken" in method.definition["parameters"] else len(items)
        response = method.document["schemas"][method.schema("response")]["properties"]
        member = next(name for name, property in response.items() if property.get("type") == "array" and "$ref" in property["items"])
        answer = {member: items[start : start + size]}
        if start + size < len(items):
            answer["nextPageToken"] = str(start + size)
        return answer

    def guard(self, before, body):
        if body.get("etag") and body["etag"] != before.get("etag"):
            raise Refused(409, "ABORTED", "There were concurrent changes: the etag does not match.")

    def patch(self, method, values, query, body):
        path = filled(method, values)
        before = self.find(path)
        self.guard(before, body)
        mask = [camel(name) for name in query.get("updateMask", "").split(",") if name]
        properties = self.properties(method)
        if not mask:
            raise Refused(400, "invalid", "updateMask must be given")
        after = copy.deepcopy(before)
        for name in mask:
            property = properties.get(name)
            if property is None:
                raise Refused(400, "invalid", f"updateMask: there is no field '{name}'")
            words = property.get("description", "").lower()[:40]
            if "immutable" in words or property.get("readOnly") or name in FIXED.get(method.service, ()):
                raise Refused(400, "invalid", f"Field '{name}' cannot be changed")
            if name in body:
                after[name] = body[name]
            else:
                after.pop(name, None)
        return self.change(method, path, after)

    def change(self, method, path, after):
        collection = self.objects.objects[path][0]
        properties = self.properties(method)
        if "updateTime" in properties:
            after["updateTime"] = now()
        self.stamp(properties, after)

        def effect():
            self.objects.objects[path] = (collection, after)

        return self.answers(method, path, effect, lambda: after)

    def delete(self, method, values, query, body):
        path = filled(method, values)
        before = self.find(path)
        self.keep(before)

        def effect():
            for gone in [other for other in self.objects.objects if other == path or other.startswith(path + "/")]:
                self.objects.objects.pop(gone)
            self.objects.policies.pop(path, None)

        return self.answers(method, path, effect, None)

    def keep(self, before):
        """Refuses to delete what is protected."""
        if before.get("deleteProtectionState") == "DELETE_PROTECTION_ENABLED" or before.get("deletionProtectionEnabled"):
            raise Refused(400, "FAILED_PRECONDITION", f"{before['name']} is protected against deletion")

    # Policies, which their etags guard.

    def policy(self, path):
        self.find(path)
        policy = self.objects.policies.setdefault(path, {"version": 1, "bindings": []})
        return {**copy.deepcopy(policy), "etag": fingerprint(policy)}

    def getIamPolicy(self, method, values, query, body):
        return self.policy(filled(method, values).rsplit(":", 1)[0])

    def setIamPolicy(self, method, values, query, body):
        path = filled(method, values).rsplit(":", 1)[0]
        wanted, before = body.get("policy", {}), self.policy(path)
        if wanted.get("etag", before["etag"]) != before["etag"]:
            raise Refused(409, "ABORTED", "There were concurrent policy changes. Please retry the whole read-modify-write.")
        bindings = [binding for binding in wanted.get("bindings", []) if binding.get("members")]
        self.objects.policies[path] = {"version": wanted.get("version", 1), "bindings": bindings}
        return self.policy(path)


class Run(Named):
    """`run.v2`."""

    def make(self, method, path, stored, beside):
        if not stored.get("template", {}).get("containers"):
            raise Refused(400, "invalid", "template.containers must be given")
        steps = path.split("/")
        stored |= {"uri": f"https://{steps[-1]}-1.a.run.app", "generation": "1", "observedGeneration": "1", "reconciling": False}
        stored.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
        stored["template"].setdefault("maxInstanceRequestConcurrency", 80)
        stored["template"].setdefault("timeout", "300s")
        return []


class Functions(Named):
    """`cloudfunctions.v2`."""

    def make(self, method, path, stored, beside):
        steps = path.split("/")
        stored["url"] = f"https://{steps[4]}-{steps[2]}.cloudfunctions.net/{steps[-1]}"
        config = stored.setdefault("serviceConfig", {})
        config.setdefault("availableMemory", "256M")
        config["uri"] = stored["url"]
        return []


    def patch(self, method, values, query, body):
        config = body.get("serviceConfig")
        if config is not None:
            config["uri"] = self.find(filled(method, values))["url"]
        return super().patch(method, values, query, body)


class Filestore(Named):
    """`file.v1`."""

    def make(self, method, path, stored, beside):
        if len(stored.get("fileShares", [])) != 1 or len(stored.get("networks", [])) != 1:
            raise Refused(400, "invalid", "exactly one file share and one network must be given")
        for share in stored["fileShares"]:
            share["capacityGb"] = str(share.get("capacityGb", "1024"))
        for network in stored["networks"]:
            network["ipAddresses"] = ["10.0.0.2"]
            network.setdefault("reservedIpRange", "10.0.0.0/29")
            network.setdefault("connectMode", "DIRECT_PEERING")
        stored.setdefault("protocol", "NFS_V3")
        return []

    def patch(self, method, values, query, body):
        for share in body.get("fileShares", []):
            share["capacityGb"] = str(share["capacityGb"])
        return super().patch(method, values, query, body)


class Firestore(Named):
    """`firestore.v1`."""

    def make(self, method, path, stored, beside):
        for name in ("locationId", "type"):
            if not stored.get(name):
                raise Refused(400, "invalid", f"{name} must be given")
        stored.setdefault("concurrencyMode", "PESSIMISTIC")
        stored.setdefault("deleteProtectionState", "DELETE_PROTECTION_DISABLED")
        stored.setdefault("pointInTimeRecoveryEnablement", "POINT_IN_TIME_RECOVERY_DISABLED")
        stored.setdefault("databaseEdition", "STANDARD")
        return []


class Bigtable(Named):
    """`bigtableadmin.v2`: an instance is made with its clusters."""

    def wrapped(self, method, body):
        if method.collection != "projects.instances":
            return body, {}
        if not body.get("clusters"):
            raise Refused(400, "invalid", "clusters must be given")
        return body.get("instance", {}), body["clusters"]

    def identifier(self, method, query, body):
        return body["instanceId"] if method.collection == "projects.instances" else super().identifier(method, query, body)

    def make(self, method, path, stored, beside):
        if method.collection == "projects.instances":
            if not stored.get("displayName"):
                raise Refused(400, "invalid", "display_name must be given")
            stored.setdefault("type", "PRODUCTION")
        made = []
        for name, cluster in beside.items():
            inner = f"{path}/clusters/{name}"
            body = {**cluster, "name": self.name(inner), "state": "READY", "_hidden": True}
            self.objects.objects[inner] = ("projects.instances.clusters", body)
            made.append(inner)
        return made

    def scope(self, target):
        version, name = target.split("/", 1)
        return f"{version}/operations/{name}/locations/europe-west1"

    def partialUpdateInstance(self, method, values, query, body):
        return self.patch(method, values, query, body)

    def partialUpdateCluster(self, method, values, query, body):
        return self.patch(method, values, query, body)

    def update(self, method, values, query, body):
        raise Refused(501, "notImplemented", "this way to update takes the name and the type only")


class Secrets(Named):
    """`secretmanager.v1`: without versions."""

    def make(self, method, path, stored, beside):
        if not stored.get("replication"):
            raise Refused(400, "invalid", "Secret.replication must be provided.")
        return []


class Kms(Named):
    """`cloudkms.v1`: versions of keys are destroyed and never gone, and so neither are keys."""

    def __init__(self, objects):
        super().__init__(objects)
        # One that was there before, for tests of keys: a ring with a key cannot be removed.
        name = "projects/simulated/locations/europe-west1/keyRings/standing"
        self.objects.objects[f"v1/{name}"] = ("projects.locations.keyRings", {"name": name, "createTime": now(), "_hidden": True, "_stands": True})

    def make(self, method, path, stored, beside):
        if method.collection.endswith(".keyRings"):
            return []
        if not stored.get("purpose"):
            raise Refused(400, "invalid", "purpose must be given")
        if ("rotationPeriod" in stored) != ("nextRotationTime" in stored):
            raise Refused(400, "invalid", "rotation_period and next_rotation_time are given together")
        stored.setdefault("destroyScheduledDuration", "2592000s")
        stored.setdefault("versionTemplate", {"protectionLevel": "SOFTWARE", "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION"})
        return [self.add_version(path, stored)]

    def add_version(self, key, stored):
        numbers = [other for other in self.objects.objects if other.startswith(f"{key}/cryptoKeyVersions/")]
        path = f"{key}/cryptoKeyVersions/{len(numbers) + 1}"
        version = {
            "name": self.name(path), "state": "ENABLED", "createTime": now(), "protectionLevel": "SOFTWARE",
            "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION", "_hidden": True,
        }
        self.objects.objects[path] = ("projects.locations.keyRings.cryptoKeys.cryptoKeyVersions", version)
        if stored["purpose"] == "ENCRYPT_DECRYPT" and "primary" not in stored:
            stored["primary"] = shown(version)
        return path

    def cryptoKeyVersions_create(self, method, values, query, body):
        key = filled(method, values).rsplit("/", 1)[0]
        path = self.add_version(key, self.find(key))
        self.show(key)
        return shown(self.find(path))

    def destroy(self, method, values, query, body):
        path = filled(method, values).rsplit(":", 1)[0]
        version = self.find(path)
        if version["state"] not in ("ENABLED", "DISABLED"):
            raise Refused(400, "FAILED_PRECONDITION", f"{version['name']} is {version['state']}")
        version |= {"state": "DESTROY_SCHEDULED", "destroyTime": now()}
        key = path.rsplit("/", 2)[0]
        stored = self.find(key)
        if stored.get("primary", {}).get("name") == version["name"]:
            stored["primary"] = shown(version)
        self.show(key)
        return shown(version)

    def updatePrimaryVersion(self, method, values, query, body):
        key = filled(method, values).rsplit(":", 1)[0]
        stored = self.find(key)
        version = self.find(f"{key}/cryptoKeyVersions/{body['cryptoKeyVersionId']}")
        if version["state"] != "ENABLED":
            raise Refused(400, "FAILED_PRECONDITION", f"{version['name']} is {version['state']}")
        stored["primary"] = shown(version)
        return shown(stored)

    def show(self, key):
        """A key that nothing can be done with does not count as left behind, nor does a ring of such keys."""
        def usable(path):
            return any(
                body.get("state") == "ENABLED"
                for other, (_, body) in self.objects.objects.items() if other.startswith(f"{path}/") and "/cryptoKeyVersions/" in other
            )

        for path in (key, key.rsplit("/", 2)[0]):
            _, body = self.objects.objects[path]
            body["_hidden"] = bool(body.get("_stands")) or not usable(path)

    def patch(self, method, values, query, body):
        path = filled(method, values)
        after = {**self.find(path), **body}
        mask = query.get("updateMask", "").split(",")
        left = {name for name in ("rotationPeriod", "nextRotationTime") if (name in body if name in mask else name in after)}
        if len(left) == 1:
            raise Refused(400, "invalid", "rotation_period and next_rotation_time are given together")
        return super().patch(method, values, query, body)

    def delete(self, method, values, query, body):
        path = filled(method, values)
        if any(other.startswith(path + "/") for other in self.objects.objects):
            raise Refused(400, "FAILED_PRECONDITION", f"{path} has children")
        return super().delete(method, values, query, body)

