"""`orgpolicy.v2` and `securitycenter.v1`: what must hold in an organisation, and what was found."""

import re

from named import Named, filled
from project import Refused, now, shown
from tokens import PROJECT

#: What answers call the project, which requests may name by its identifier.
NUMBER = "270027002700"
#: Constraints that there are, and whether they take values.
CONSTRAINTS = {
    "compute.disableSerialPortAccess": False,
    "compute.requireOsLogin": False,
    "compute.skipDefaultNetworkCreation": False,
    "compute.vmExternalIpAccess": True,
    "gcp.resourceLocations": True,
    "iam.allowedPolicyMemberDomains": True,
    "iam.disableServiceAccountKeyCreation": False,
    "iam.disableServiceAccountKeyUpload": False,
    "sql.restrictPublicIp": False,
    "storage.publicAccessPrevention": False,
    "storage.uniformBucketLevelAccess": False,
}
SAYINGS = ("enforce", "allowAll", "denyAll", "values")


class Numbered(Named):
    """Services whose answers have the number of a project."""

    def name(self, path):
        name = path.split("/", 1)[1]
        return re.sub(rf"^projects/{PROJECT}/", f"projects/{NUMBER}/", name)


class OrganisationPolicies(Numbered):
    """`orgpolicy.v2`: policies and constraints of one's own."""

    def identifier(self, method, query, body):
        name = body.get("name", "")
        if not re.fullmatch(r"(projects|folders|organizations)/[^/]+/(policies|customConstraints)/[^/]+", name):
            raise Refused(400, "INVALID_ARGUMENT", f"'{name}' is not the name of a policy or a constraint")
        return name.rsplit("/", 1)[1]

    def make(self, method, path, stored, beside):
        if "/customConstraints/" in path:
            self.judge_constraint(path, stored)
        else:
            self.judge_policy(path, stored)
        return []

    def judge_constraint(self, path, stored):
        if not path.rsplit("/", 1)[1].startswith("custom."):
            raise Refused(400, "INVALID_ARGUMENT", "The name of a custom constraint begins with 'custom.'")
        for name in ("resourceTypes", "methodTypes", "condition", "actionType"):
            if not stored.get(name):
                raise Refused(400, "INVALID_ARGUMENT", f"{name} must be given")

    def judge_policy(self, path, stored):
        constraint = path.rsplit("/", 1)[1]
        is_own = any(other.endswith(f"/customConstraints/{constraint}") for other in self.objects.objects)
        if constraint not in CONSTRAINTS and not is_own:
            raise Refused(404, "NOT_FOUND", f"The constraint 'constraints/{constraint}' was not found")
        takes_values = CONSTRAINTS.get(constraint, False)
        for member in ("spec", "dryRunSpec"):
            spec = stored.get(member)
            if spec is None:
                continue
            rules = spec.get("rules", [])
            if spec.get("reset") and (rules or spec.get("inheritFromParent")):
                raise Refused(400, "INVALID_ARGUMENT", f"{member}: reset excludes rules and inherit_from_parent")
            for rule in rules:
                said = [name for name in SAYINGS if name in rule]
                if len(said) != 1:
                    raise Refused(400, "INVALID_ARGUMENT", f"{member}: a rule says one of {', '.join(SAYINGS)}")
                if (said == ["enforce"]) == takes_values:
                    raise Refused(400, "INVALID_ARGUMENT", f"{member}: '{said[0]}' cannot be said of the constraint '{constraint}'")
            if not takes_values and rules and sum("condition" not in rule for rule in rules) != 1:
                raise Refused(400, "INVALID_ARGUMENT", f"{member}: exactly one rule has no condition")
            # What is false is left out of answers, but for what a rule says.
            for name in ("reset", "inheritFromParent"):
                if spec.get(name) is False:
                    del spec[name]
            spec["updateTime"] = now()

    def patch(self, method, values, query, body):
        path = filled(method, values)
        if method.collection == "organizations.customConstraints":
            before = self.find(path)
            if body.get("resourceTypes") != before.get("resourceTypes"):
                raise Refused(400, "INVALID_ARGUMENT", "resource_types cannot be changed")
            after = {**body, "name": before["name"]}
            self.judge_constraint(path, after)
            return self.change(method, path, after)
        for name in ("spec", "dryRunSpec"):
            if name in body:
                self.judge_policy(path, {name: body[name]})
        return super().patch(method, values, query, body)

    def delete(self, method, values, query, body):
        path = filled(method, values)
        constraint = path.rsplit("/", 1)[1]
        used = any(other.endswith(f"/policies/{constraint}") for other in self.objects.objects)
        if "/customConstraints/" in path and used:
            raise Refused(400, "FAILED_PRECONDITION", f"The constraint '{constraint}' is used by a policy")
        return super().delete(method, values, query, body)


class SecurityCenter(Numbered):
    """`securitycenter.v1`: sources, findings, and who is told of them."""

    def __init__(self, objects):
        super().__init__(objects)
        # A source that is there already: one can never be removed.
        name = "organizations/1234567890/sources/5678"
        body = {"name": name, "canonicalName": name, "displayName": "Standing", "_hidden": True}
        objects.objects[f"v1/{name}"] = ("organizations.sources", body)

    def make(self, method, path, stored, beside):
        if "/notificationConfigs/" in path:
            self.find(f"v1/{stored.get('pubsubTopic')}")
            stored["serviceAccount"] = f"service-org-{path.split('/')[2]}@gcp-sa-scc-notification.iam.gserviceaccount.com"
        if "/bigQueryExports/" in path:
            stored["principal"] = f"service-org-{path.split('/')[2]}@gcp-sa-scc-notification.iam.gserviceaccount.com"
        if "/muteConfigs/" in path and not stored.get("filter"):
            raise Refused(400, "INVALID_ARGUMENT", "filter must be given")
        return []

    def sources_create(self, method, values, query, body):
        below = filled(method, values) + "/"
        if not body.get("displayName") or "name" in body:
            raise Refused(400, "INVALID_ARGUMENT", "display_name must be given, and name must not")
        for other, (collection, found) in self.objects.objects.items():
            if collection == method.collection and other.startswith(below) and found["displayName"] == body["displayName"]:
                raise Refused(409, "ALREADY_EXISTS", f"There is a source '{body['displayName']}' already")
        path = f"{below}{next(self.objects.numbers)}"
        stored = {**body, "name": self.name(path), "canonicalName": self.name(path)}
        self.objects.objects[path] = (method.collection, stored)
        return shown(stored)

    def findings_create(self, method, values, query, body):
        path = f"{filled(method, values)}/{query.get('findingId', '')}"
        self.find(path.rsplit("/", 2)[0])
        if not re.fullmatch(r"[a-zA-Z0-9]{1,32}", query.get("findingId", "")):
            raise Refused(400, "INVALID_ARGUMENT", "finding_id has 1 to 32 letters and digits")
        for name in ("category", "eventTime", "state"):
            if not body.get(name):
                raise Refused(400, "INVALID_ARGUMENT", f"{name} must be given")
        if path in self.objects.objects:
            raise Refused(409, "ALREADY_EXISTS", f"The finding '{path}' already exists")
        filled_in = {"severity": "SEVERITY_UNSPECIFIED", "mute": "UNDEFINED", "findingClass": "FINDING_CLASS_UNSPECIFIED"}
        stored = {**filled_in, **body, "name": self.name(path), "parent": self.name(path).rsplit("/", 2)[0], "canonicalName": self.name(path), "createTime": now()}
        return self.keep_finding(path, stored)

    def keep_finding(self, path, stored):
        # An inactive finding is never gone. Those who look at what is left of a test are not shown it.
        stored.pop("_hidden", None)
        if stored["state"] == "INACTIVE":
            stored["_hidden"] = True
        self.objects.objects[path] = ("organizations.sources.findings", stored)
        return shown(stored)

    def findings_list(self, method, values, query, body):
        wanted = re.fullmatch(r'name="([^"]+)"', query.get("filter", 'name="*"'))
        if not wanted:
            raise Refused(400, "INVALID_ARGUMENT", f"The filter '{query['filter']}' cannot be parsed")
        below = filled(method, values) + "/"
        self.find(below.rsplit("/", 2)[0])
        found = [
            {"finding": shown(finding)}
            for path, (collection, finding) in sorted(self.objects.objects.items())
            if collection == method.collection and path.startswith(below) and wanted[1] in ("*", finding["name"])
        ]
        return {"listFindingsResults": found, "totalSize": len(found), "readTime": now()} if found else {"readTime": now()}

    def findings_patch(self, method, values, query, body):
        path = filled(method, values)
        after = dict(self.find(path))
        if not body.get("eventTime"):
            raise Refused(400, "INVALID_ARGUMENT", "event_time must be given")
        for name in query.get("updateMask", "").split(","):
            if name in ("name", "parent", "category", "resourceName", "createTime"):
                raise Refused(400, "INVALID_ARGUMENT", f"'{name}' cannot be changed")
            if name in body:
                after[name] = body[name]
            else:
                after.pop(name, None)
        return self.keep_finding(path, after)

    def findings_setState(self, method, values, query, body):
        path = filled(method, values).rsplit(":", 1)[0]
        return self.keep_finding(path, {**self.find(path), "state": body["state"]})
