"""Cloud SQL: instances, their databases and users. Operations are about the instance, whatever they change."""

import copy

from named import filled
from project import Refused, fingerprint, merged, now, shown

HOST = "https://sqladmin.googleapis.com/"


class Sql:
    """Answers for `sqladmin.v1`."""

    def __init__(self, objects):
        self.objects = objects

    def answer(self, method, values, query, body):
        handler = getattr(self, f"{method.collection}_{method.name}", None)
        if not handler:
            raise Refused(501, "notImplemented", f"{method.id} is not simulated")
        return handler(method, values, query, body)

    def find(self, path):
        found = self.objects.objects.get(path)
        if not found:
            raise Refused(404, "notFound", f"{path} does not exist.")
        return found[1]

    def instance(self, values, name=None):
        return f"v1/projects/{values['project']}/instances/{name or values['instance']}"

    # Operations.

    def begin(self, method, values, instance, effect, undo=None):
        number = next(self.objects.numbers)
        path = f"v1/projects/{values['project']}/operations/operation-{number}"
        return self.shown(self.objects.begin(path, method.verb, method.name, instance, effect, {"for": method.id}, undo))

    def shown(self, operation):
        path = operation["path"].split("/")
        answer = {
            "kind": "sql#operation", "name": path[-1], "selfLink": HOST + operation["path"], "targetLink": HOST + operation["target"],
            "targetId": operation["target"].split("/")[-1], "targetProject": path[2], "insertTime": now(),
            "status": "DONE" if operation["left"] == 0 else "RUNNING",
        }
        if operation.get("failed"):
            error = {"kind": "sql#operationError", "code": operation["failed"]["code"], "message": operation["failed"]["message"]}
            answer["error"] = {"kind": "sql#operationErrors", "errors": [error]}
        return answer

    def operations_get(self, method, values, query, body):
        operation = self.objects.operations.get(filled(method, values))
        if not operation:
            raise Refused(404, "notFound", "The operation does not exist.")
        self.objects.poll(operation)
        return self.shown(operation)

    def add(self, method, values, path, collection, stored, instance):
        if path in self.objects.objects:
            raise Refused(409, "alreadyExists", f"{path} already exists.")
        stored["etag"] = fingerprint(stored)
        self.objects.objects[path] = (collection, {**stored, "_hidden": True})

        def effect():
            self.objects.objects[path] = (collection, stored)

        return self.begin(method, values, instance, effect, lambda: self.objects.objects.pop(path, None))

    def change(self, method, values, path, after, instance):
        collection = self.objects.objects[path][0]
        after["etag"] = fingerprint({name: value for name, value in after.items() if name != "etag"})

        def effect():
            self.objects.objects[path] = (collection, after)

        return self.begin(method, values, instance, effect)

    def remove(self, method, values, path, instance):
        self.find(path)

        def effect():
            for gone in [other for other in self.objects.objects if other == path or other.startswith(path + "/")]:
                self.objects.objects.pop(gone)

        return self.begin(method, values, instance, effect)

    def below(self, collection, begin):
        return [
            shown(found) for path, (kind, found) in sorted(self.objects.objects.items())
            if kind == collection and path.startswith(begin)
        ]

    # Instances.

    def instances_insert(self, method, values, query, body):
        for name in ("name", "databaseVersion"):
            if not body.get(name):
                raise Refused(400, "required", f"Missing parameter: {name}.")
        if not body.get("settings", {}).get("tier"):
            raise Refused(400, "required", "Missing parameter: settings.tier.")
        addresses = body["settings"].get("ipConfiguration", {})
        if addresses.get("ipv4Enabled") is False and not addresses.get("privateNetwork"):
            raise Refused(400, "invalid", "At least one of Public IP or Private IP must be enabled.")
        path = self.instance(values, body["name"])
        stored = merged(
            {
                "kind": "sql#instance", "region": "us-central1", "instanceType": "CLOUD_SQL_INSTANCE", "backendType": "SECOND_GEN",
                "settings": {
                    "kind": "sql#settings", "activationPolicy": "ALWAYS", "availabilityType": "ZONAL", "dataDiskSizeGb": "10",
                    "dataDiskType": "PD_SSD", "pricingPlan": "PER_USE", "storageAutoResize": True, "settingsVersion": "1",
                    "ipConfiguration": {"ipv4Enabled": True, "sslMode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"},
                },
            },
            copy.deepcopy(body),
        )
        stored.pop("rootPassword", None)
        project, region = values["project"], stored["region"]
        stored |= {
            "project": project, "state": "RUNNABLE", "selfLink": HOST + path, "connectionName": f"{project}:{region}:{body['name']}",
            "ipAddresses": [{"type": "PRIMARY", "ipAddress": "34.0.0.9"}], "createTime": now(),
            "serviceAccountEmailAddress": "p1234567890@gcp-sa-cloud-sql.iam.gserviceaccount.com",
        }
        return self.add(method, values, path, "instances", stored, path)

    def instances_get(self, method, values, query, body):
        return shown(self.find(self.instance(values)))

    def instances_list(self, method, values, query, body):
        found = self.below("instances", f"v1/projects/{values['project']}/instances/")
        return {"kind": "sql#instancesList", "items": found}

    def instances_patch(self, method, values, query, body):
        path = self.instance(values)
        before = self.find(path)
        for name in ("name", "region", "instanceType", "masterInstanceName"):
            if name in body and body[name] != before.get(name):
                raise Refused(400, "invalid", f"{name} cannot be changed.")
        after = merged(before, body)
        # Whole numbers of 64 bits are taken as numbers and answered as texts.
        for name in ("dataDiskSizeGb", "storageAutoResizeLimit"):
            if name in after["settings"]:
                after["settings"][name] = str(after["settings"][name])
        after["settings"]["settingsVersion"] = str(int(before["settings"]["settingsVersion"]) + 1)
        return self.change(method, values, path, after, path)

    def instances_delete(self, method, values, query, body):
        path = self.instance(values)
        if self.find(path)["settings"].get("deletionProtectionEnabled"):
            raise Refused(400, "invalidRequest", "The instance is protected.")
        return self.remove(method, values, path, path)

    # Databases.

    def databases_insert(self, method, values, query, body):
        instance = self.instance(values)
        self.find(instance)
        if not body.get("name"):
            raise Refused(400, "required", "Missing parameter: name.")
        path = f"{instance}/databases/{body['name']}"
        stored = {
            "kind": "sql#database", "charset": "UTF8", "collation": "en_US.UTF8", **body, "project": values["project"],
            "instance": values["instance"], "selfLink": HOST + path,
        }
        return self.add(method, values, path, "databases", stored, instance)

    def databases_get(self, method, values, query, body):
        return shown(self.find(f"{self.instance(values)}/databases/{values['database']}"))

    def databases_list(self, method, values, query, body):
        return {"kind": "sql#databasesList", "items": self.below("databases", f"{self.instance(values)}/databases/")}

    def databases_patch(self, method, values, query, body):
        path = f"{self.instance(values)}/databases/{values['database']}"
        return self.change(method, values, path, merged(self.find(path), body), self.instance(values))

    def databases_delete(self, method, values, query, body):
        return self.remove(method, values, f"{self.instance(values)}/databases/{values['database']}", self.instance(values))

    # Users.

    def users_insert(self, method, values, query, body):
        instance = self.instance(values)
        self.find(instance)
        if not body.get("name"):
            raise Refused(400, "required", "Missing parameter: name.")
        stored = {"kind": "sql#user", "host": "", **body, "project": values["project"], "instance": values["instance"]}
        if not stored.pop("password", None) and not body.get("type", "").startswith("CLOUD_IAM"):
            raise Refused(400, "required", "Missing parameter: password.")
        return self.add(method, values, f"{instance}/users/{body['name']}", "users", stored, instance)

    def users_get(self, method, values, query, body):
        return shown(self.find(f"{self.instance(values)}/users/{values['name']}"))

    def users_list(self, method, values, query, body):
        return {"kind": "sql#usersList", "items": self.below("users", f"{self.instance(values)}/users/")}

    def user(self, values, query):
        if not query.get("name"):
            raise Refused(400, "required", "Missing parameter: name.")
        path = f"{self.instance(values)}/users/{query['name']}"
        found = self.find(path)
        if query.get("host", "") != found["host"]:
            raise Refused(404, "notFound", f"{path} at {query.get('host')} does not exist.")
        return path

    def users_update(self, method, values, query, body):
        path = self.user(values, query)
        after = {**self.find(path), **{name: value for name, value in body.items() if name != "password"}}
        return self.change(method, values, path, after, self.instance(values))

    def users_delete(self, method, values, query, body):
        return self.remove(method, values, self.user(values, query), self.instance(values))
