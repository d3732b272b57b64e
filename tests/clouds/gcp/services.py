"""Cloud Storage, Cloud DNS, Pub/Sub, IAM service accounts and the policy of a project: services that answer at once."""

import copy

from project import Refused, fingerprint, merged, now, shown


class Service:
    """What the services have in common: an object is kept under the path that gets it."""

    def __init__(self, objects):
        self.objects = objects

    def answer(self, method, values, query, body):
        name = f"{method.collection.replace('.', '_')}_{method.name}"
        handler = getattr(self, name, None)
        if not handler:
            raise Refused(501, "notImplemented", f"{method.id} is not simulated")
        return handler(method, values, query, body)

    def find(self, path, status=404):
        found = self.objects.objects.get(path)
        if not found:
            raise Refused(status, "notFound", f"{path} was not found")
        return found[1]

    def add(self, path, collection, body):
        if path in self.objects.objects:
            raise Refused(409, "alreadyExists", f"{path} already exists")
        self.objects.objects[path] = (collection, body)
        return shown(body)

    def below(self, collection, begin):
        return [
            shown(body)
            for path, (found, body) in sorted(self.objects.objects.items())
            if found == collection and path.startswith(begin)
        ]


class Storage(Service):
    """`storage.v1`: buckets. Their metageneration guards them."""

    def buckets_insert(self, method, values, query, body):
        if not body.get("name"):
            raise Refused(400, "required", "Required")
        path = f"storage/v1/b/{body['name']}"
        stored = {
            "kind": "storage#bucket", "id": body["name"], "selfLink": f"https://www.googleapis.com/{path}",
            "projectNumber": "1234567890", "timeCreated": now(), "updated": now(), "metageneration": "1", "generation": "1",
            "storageClass": "STANDARD", "locationType": "region", "_project": query["project"],
            "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": False}, "publicAccessPrevention": "inherited"},
        }
        stored = merged(stored, body)
        stored["location"] = stored.get("location", "US").upper()
        stored["locationType"] = "multi-region" if stored["location"] in ("US", "EU", "ASIA") else "region"
        stored["etag"] = "CAE="
        return self.add(path, "buckets", stored)

    def path(self, values):
        return f"storage/v1/b/{values['bucket']}"

    def buckets_get(self, method, values, query, body):
        return shown(self.find(self.path(values)))

    def buckets_list(self, method, values, query, body):
        items = [
            shown(found)
            for _, (collection, found) in sorted(self.objects.objects.items())
            if collection == "buckets" and found["_project"] == query["project"]
        ]
        return {"kind": "storage#buckets", "items": items}

    def buckets_patch(self, method, values, query, body):
        before = self.find(self.path(values))
        wanted = query.get("ifMetagenerationMatch")
        if wanted is not None and wanted != before["metageneration"]:
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        for name in ("name", "location"):
            if name in body and body[name] != before[name]:
                raise Refused(400, "invalid", f"Invalid argument: {name} cannot be changed")
        after = merged(before, body)
        after["metageneration"] = str(int(before["metageneration"]) + 1)
        after["updated"] = now()
        self.objects.objects[self.path(values)] = ("buckets", after)
        return shown(after)

    def buckets_delete(self, method, values, query, body):
        self.find(self.path(values))
        del self.objects.objects[self.path(values)]
        self.objects.policies.pop(self.path(values), None)
        return None

    def buckets_getIamPolicy(self, method, values, query, body):
        path = self.path(values)
        self.find(path)
        policy = self.objects.policies.setdefault(path, {"version": 1, "bindings": []})
        return {"kind": "storage#policy", **copy.deepcopy(policy), "etag": fingerprint(policy)}

    def buckets_setIamPolicy(self, method, values, query, body):
        before = self.buckets_getIamPolicy(method, values, query, body)
        if body.get("etag", before["etag"]) != before["etag"]:
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        bindings = [binding for binding in body.get("bindings", []) if binding.get("members")]
        self.objects.policies[self.path(values)] = {"version": body.get("version", 1), "bindings": bindings}
        return self.buckets_getIamPolicy(method, values, query, body)


class Dns(Service):
    """`dns.v1`: managed zones and their record sets."""

    def zone(self, values, name=None):
        return f"dns/v1/projects/{values['project']}/managedZones/{name or values['managedZone']}"

    def managedZones_create(self, method, values, query, body):
        for name in ("name", "dnsName", "description"):
            if not body.get(name):
                raise Refused(400, "required", f"The 'entity.managedZone.{name}' parameter is required but was missing.")
        if not body["dnsName"].endswith("."):
            raise Refused(400, "invalid", f"Invalid value for 'entity.managedZone.dnsName': '{body['dnsName']}'")
        path = self.zone(values, body["name"])
        stored = {
            "kind": "dns#managedZone", "id": str(next(self.objects.numbers)), "creationTime": now(), "visibility": "public",
            "nameServers": [f"ns-cloud-a{number}.googledomains.com." for number in range(1, 5)],
            "cloudLoggingConfig": {"kind": "dns#managedZoneCloudLoggingConfig"}, **body,
        }
        answer = self.add(path, "managedZones", stored)
        records = [("NS", stored["nameServers"]), ("SOA", ["ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"])]
        for kind, data in records:
            body = {"kind": "dns#resourceRecordSet", "name": stored["dnsName"], "type": kind, "ttl": 21600, "rrdatas": data, "_hidden": True}
            self.objects.objects[f"{path}/rrsets/{stored['dnsName']}/{kind}"] = ("resourceRecordSets", body)
        return answer

    def managedZones_get(self, method, values, query, body):
        return shown(self.find(self.zone(values)))

    def managedZones_list(self, method, values, query, body):
        zones = self.below("managedZones", f"dns/v1/projects/{values['project']}/managedZones/")
        return {"kind": "dns#managedZonesListResponse", "managedZones": zones}

    def managedZones_patch(self, method, values, query, body):
        before = self.find(self.zone(values))
        for name in ("name", "dnsName", "visibility"):
            if name in body and body[name] != before.get(name):
                raise Refused(400, "invalid", f"The '{name}' of a managed zone cannot be changed")
        after = merged(before, body)
        self.objects.objects[self.zone(values)] = ("managedZones", after)
        operation = {"kind": "dns#operation", "id": str(next(self.objects.numbers)), "status": "done", "type": "update", "startTime": now()}
        return operation

    def managedZones_delete(self, method, values, query, body):
        path = self.zone(values)
        self.find(path)
        records = [name for name in self.objects.objects if name.startswith(f"{path}/rrsets/")]
        if any(not self.objects.objects[name][1].get("_hidden") for name in records):
            raise Refused(400, "containerNotEmpty", f"The resource named '{values['managedZone']}' cannot be deleted because it contains one or more 'resource records'.")
        for name in [path, *records]:
            del self.objects.objects[name]
        return None

    def record(self, values, name=None, kind=None):
        return f"{self.zone(values)}/rrsets/{name or values['name']}/{kind or values['type']}"

    def resourceRecordSets_create(self, method, values, query, body):
        zone = self.find(self.zone(values))
        for name in ("name", "type", "rrdatas"):
            if not body.get(name):
                raise Refused(400, "required", f"The 'entity.rrset.{name}' parameter is required but was missing.")
        if not body["name"].endswith(zone["dnsName"]):
            raise Refused(400, "invalid", f"'{body['name']}' is not in zone '{zone['dnsName']}'")
        stored = {"kind": "dns#resourceRecordSet", "ttl": 300, **body}
        return self.add(self.record(values, body["name"], body["type"]), "resourceRecordSets", stored)

    def resourceRecordSets_get(self, method, values, query, body):
        return shown(self.find(self.record(values)))

    def resourceRecordSets_list(self, method, values, query, body):
        return {"kind": "dns#resourceRecordSetsListResponse", "rrsets": self.below("resourceRecordSets", f"{self.zone(values)}/rrsets/")}

    def resourceRecordSets_patch(self, method, values, query, body):
        path = self.record(values)
        after = merged(self.find(path), body)
        self.objects.objects[path] = ("resourceRecordSets", after)
        return shown(after)

    def resourceRecordSets_delete(self, method, values, query, body):
        self.find(self.record(values))
        del self.objects.objects[self.record(values)]
        return {}


class PubSub(Service):
    """`pubsub.v1`: topics and subscriptions."""

    def create(self, kind, values, body):
        project = values["projectsId"]
        name = f"projects/{project}/{kind}/{values[f'{kind}Id']}"
        if body.get("name", name) != name:
            raise Refused(400, "badRequest", f"The name in the body is not {name}")
        return self.add(f"v1/{name}", kind, {**body, "name": name})

    def path(self, kind, values):
        return f"v1/projects/{values['projectsId']}/{kind}/{values[f'{kind}Id']}"

    def projects_topics_create(self, method, values, query, body):
        return self.create("topics", values, body)

    def projects_subscriptions_create(self, method, values, query, body):
        if not body.get("topic"):
            raise Refused(400, "badRequest", "The topic is missing")
        self.find(f"v1/{body['topic']}")
        defaults = {"ackDeadlineSeconds": 10, "messageRetentionDuration": "604800s", "pushConfig": {}, "expirationPolicy": {"ttl": "2678400s"}, "state": "ACTIVE"}
        return self.create("subscriptions", values, {**defaults, **body})

    def projects_topics_get(self, method, values, query, body):
        return shown(self.find(self.path("topics", values)))

    def projects_subscriptions_get(self, method, values, query, body):
        return shown(self.find(self.path("subscriptions", values)))

    def projects_topics_list(self, method, values, query, body):
        return {"topics": self.below("topics", f"v1/projects/{values['projectsId']}/")}

    def projects_subscriptions_list(self, method, values, query, body):
        return {"subscriptions": self.below("subscriptions", f"v1/projects/{values['projectsId']}/")}

    def patch(self, kind, values, body, fixed):
        path = self.path(kind, values)
        before = self.find(path)
        wanted = body.get(kind.removesuffix("s"), {})
        if not body.get("updateMask"):
            raise Refused(400, "badRequest", "The update_mask is missing")
        after = copy.deepcopy(before)
        for name in body["updateMask"].split(","):
            if name in fixed:
                raise Refused(400, "badRequest", f"{name} is not a mutable field")
            if name in wanted:
                after[name] = wanted[name]
            else:
                after.pop(name, None)
        self.objects.objects[path] = (kind, after)
        return shown(after)

    def projects_topics_patch(self, method, values, query, body):
        return self.patch("topics", values, body, {"name", "kmsKeyName"})

    def projects_subscriptions_patch(self, method, values, query, body):
        return self.patch("subscriptions", values, body, {"name", "topic", "filter", "enableMessageOrdering"})

    def projects_topics_delete(self, method, values, query, body):
        path = self.path("topics", values)
        self.find(path)
        del self.objects.objects[path]
        for _, (collection, found) in self.objects.objects.items():
            if collection == "subscriptions" and f"v1/{found['topic']}" == path:
                found["topic"] = "_deleted-topic_"
        return {}

    def projects_subscriptions_delete(self, method, values, query, body):
        path = self.path("subscriptions", values)
        self.find(path)
        del self.objects.objects[path]
        return {}


class Iam(Service):
    """`iam.v1`: service accounts."""

    def path(self, values):
        return f"v1/projects/{values['projectsId']}/serviceAccounts/{values['serviceAccountsId']}"

    def projects_serviceAccounts_create(self, method, values, query, body):
        project, account = values["projectsId"], body.get("accountId", "")
        if not 6 <= len(account) <= 30:
            raise Refused(400, "badRequest", f'"{account}" is not an account id of 6 to 30 characters')
        email = f"{account}@{project}.iam.gserviceaccount.com"
        number = str(next(self.objects.numbers))
        stored = {
            "name": f"projects/{project}/serviceAccounts/{email}", "projectId": project, "email": email, "uniqueId": number,
            "oauth2ClientId": number, **body.get("serviceAccount", {}),
        }
        stored["etag"] = fingerprint(stored)
        return self.add(f"v1/{stored['name']}", "serviceAccounts", stored)

    def projects_serviceAccounts_get(self, method, values, query, body):
        return shown(self.find(self.path(values)))

    def projects_serviceAccounts_list(self, method, values, query, body):
        return {"accounts": self.below("serviceAccounts", f"v1/projects/{values['projectsId']}/")}

    def projects_serviceAccounts_patch(self, method, values, query, body):
        before = self.find(self.path(values))
        wanted = body.get("serviceAccount", {})
        if wanted.get("etag", before["etag"]) != before["etag"]:
            raise Refused(409, "aborted", "There were concurrent policy changes.")
        after = dict(before)
        for name in body.get("updateMask", "").split(","):
            if name not in ("displayName", "description"):
                raise Refused(400, "badRequest", f"{name} cannot be changed")
            after[name] = wanted.get(name, "")
        after["etag"] = fingerprint({name: value for name, value in after.items() if name != "etag"})
        self.objects.objects[self.path(values)] = ("serviceAccounts", after)
        return shown(after)

    def projects_serviceAccounts_delete(self, method, values, query, body):
        self.find(self.path(values))
        del self.objects.objects[self.path(values)]
        return {}


class ResourceManager(Service):
    """`cloudresourcemanager`: the policy of a project, which its etag guards."""

    def project(self, values):
        return values.get("projectsId") or values.get("resource")

    def policy(self, values):
        policy = self.objects.policies.setdefault(self.project(values), {"version": 1, "bindings": []})
        return {**copy.deepcopy(policy), "etag": fingerprint(policy)}

    def projects_getIamPolicy(self, method, values, query, body):
        return self.policy(values)

    def projects_setIamPolicy(self, method, values, query, body):
        wanted = body.get("policy", {})
        if wanted.get("etag", self.policy(values)["etag"]) != self.policy(values)["etag"]:
            raise Refused(409, "aborted", "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
        bindings = [binding for binding in wanted.get("bindings", []) if binding.get("members")]
        self.objects.policies[self.project(values)] = {"version": wanted.get("version", 1), "bindings": bindings}
        return self.policy(values)
