"""Azure Resource Manager: resources of every type of the table, kept, judged and answered as ARM does."""

import copy
import re
import threading
import time
import uuid

import judgement
import provided
import resource_graph
from bodies import fixed_changes, given, merge, plain, references, without_secrets
from provided import TENANT

GROUP = "microsoft.resources/resourcegroups"
GRAPH = "/providers/microsoft.resourcegraph/resources"
# How long operations are told, by the beginning of a type.
WAYS = {
    "microsoft.keyvault/vaults/secrets": "at once",
    "microsoft.sql/servers/databases": "operation",
    "microsoft.sql/servers/firewallrules": "at once",
    "microsoft.documentdb/": "operation",
    "microsoft.cache/": "operation",
    "microsoft.network/": "operation",
    "microsoft.compute/": "operation",
    "microsoft.storage/storageaccounts": "location",
    "microsoft.keyvault/": "state",
    "microsoft.sql/": "state",
    "microsoft.containerservice/": "state",
}
# What refuses to be deleted while something refers to it, and how.
IN_USE = {
    "microsoft.network/virtualnetworks/subnets": (400, "InUseSubnetCannotBeDeleted"),
    "microsoft.network/virtualnetworks": (400, "InUseSubnetCannotBeDeleted"),
    "microsoft.network/networksecuritygroups": (400, "InUseNetworkSecurityGroupCannotBeDeleted"),
    "microsoft.network/routetables": (400, "InUseRouteTableCannotBeDeleted"),
    "microsoft.network/publicipaddresses": (400, "PublicIPAddressCannotBeDeleted"),
    "microsoft.network/natgateways": (400, "InUseNatGatewayCannotBeDeleted"),
    "microsoft.network/networkinterfaces": (400, "NicInUse"),
}
# Names that are unique in all of Azure.
GLOBAL_NAMES = {
    "microsoft.storage/storageaccounts": "StorageAccountAlreadyTaken",
    "microsoft.keyvault/vaults": "VaultAlreadyExists",
    "microsoft.sql/servers": "NameAlreadyExists",
    "microsoft.documentdb/databaseaccounts": "DatabaseAccountAlreadyExists",
    "microsoft.web/sites": "WebsiteAlreadyExists",
}
# What Azure Resource Manager can make and not delete.
UNDELETABLE = {"microsoft.keyvault/vaults/secrets", "microsoft.keyvault/vaults/keys"}


class Refused(Exception):
    def __init__(self, status, code, message, headers=None, details=None):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers, self.details = headers or {}, details or []

    def answer(self):
        error = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        return self.status, self.headers, {"error": error}


class Bucket:
    """A bucket of tokens: `burst` at first, `rate` more a second."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.last = rate, burst, float(burst), time.monotonic()
        self.passed = self.refused = 0

    def take(self):
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens < 1:
            self.refused += 1
            return False
        self.tokens -= 1
        self.passed += 1
        return True


class Resource:
    def __init__(self, id, kind, body):
        self.id, self.kind, self.body = id, kind, body
        self.etag = uuid.uuid4().hex
        self.operation = None

    @property
    def low(self):
        return self.kind.name.lower()

    @property
    def name(self):
        return self.id.rsplit("/", 1)[1]


class Operation:
    def __init__(self, verb, id, polls, failure):
        self.number = str(uuid.uuid4())
        self.verb, self.id, self.left, self.failure, self.ended = verb, id, polls, failure, False


def split(id):
    """Returns the type and the identifier of what a resource stands in; nothing, for what is no resource."""
    parts = id.strip("/").split("/")
    low = id.lower()
    at = low.rfind("/providers/")
    if at < 0:
        if len(parts) == 4 and parts[0].lower() == "subscriptions" and parts[2].lower() == "resourcegroups":
            return GROUP, "/" + "/".join(parts[:2])
        return None
    namespace, *pairs = id[at + len("/providers/") :].split("/")
    if len(pairs) < 2 or len(pairs) % 2:
        return None
    kind = "/".join([namespace, *pairs[::2]])
    parent = id[:at] if len(pairs) == 2 else "/".join([id[:at], "providers", namespace, *pairs[:-2]])
    return kind.lower(), parent


class Arm:
    def __init__(self, table, subscription, url):
        self.table, self.subscription, self.url = table, subscription, url
        self.resources, self.operations = {}, {}
        self.lock = threading.RLock()
        self.polls, self.retry_after, self.page = 2, "0", 100
        self.faults, self.own_faults, self.counts = [], [], {}
        self.reads, self.graph = None, None
        self.lag = {}

    # ---- requests

    def answer(self, method, path, query, headers, body):
        with self.lock:
            try:
                self.count(method, path)
                self.limit(method, path)
                self.fail(method, path)
                return self.route(method, path.rstrip("/"), query, headers, body)
            except Refused as refused:
                return refused.answer()

    def count(self, method, path):
        name = "graph" if path.lower() == GRAPH else "poll" if "/operations/" in path else method.lower()
        self.counts[name] = self.counts.get(name, 0) + 1

    def limit(self, method, path):
        is_graph = path.lower() == GRAPH
        bucket = self.graph if is_graph else self.reads if method == "GET" else None
        if bucket and not bucket.take():
            code = "RateLimiting" if is_graph else "SubscriptionRequestsThrottled"
            raise Refused(429, code, "Number of requests exceeded the limit. Please try again after '1' seconds.", {"Retry-After": "1"})

    def fail(self, method, path):
        for fault in self.faults:
            if fault.get("late") or fault.get("expire") or fault["times"] <= 0 or not re.search(fault["match"], f"{method} {path}"):
                continue
            fault["times"] -= 1
            raise Refused(fault["status"], fault["code"], fault.get("message", "as asked for"), fault.get("headers"))

    def before(self, method, path, expire):
        """Lets every token end right before a request that a fault names."""
        with self.lock:
            for fault in self.faults:
                if fault.get("expire") and fault["times"] > 0 and re.search(fault["match"], f"{method} {path}"):
                    fault["times"] -= 1
                    expire()

    def late_failure(self, method, path):
        for fault in self.faults:
            if fault.get("late") and fault["times"] > 0 and re.search(fault["match"], f"{method} {path}"):
                fault["times"] -= 1
                return {"code": fault["code"], "message": fault.get("message", "as asked for")}
        return None

    def route(self, method, path, query, headers, body):
        low = path.lower()
        version = query.get("api-version")
        if not version:
            raise Refused(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
        if low == GRAPH:
            return self.query_graph(method, body)
        own = f"/subscriptions/{self.subscription}".lower()
        above = next((group for group in provided.MANAGEMENT_GROUPS if low.startswith(group + "/")), None)
        if low != own and not low.startswith(own + "/") and above is None:
            raise Refused(404, "SubscriptionNotFound", f"The subscription '{path}' could not be found.")
        found = re.fullmatch(rf"{own}/providers/[\w.]+/locations/[^/]+/(operations|results)/([\w-]+)", low)
        if found:
            return self.poll(found[1], found[2])
        if low == own:
            return 200, {}, {"id": own, "subscriptionId": self.subscription, "tenantId": TENANT, "displayName": "simulated", "state": "Enabled"}
        if method == "GET" and (low.endswith("/resources") or low.endswith("/resourcegroups") or split(path) is None):
            return self.collection(path, query)
        if split(path) is None:
            raise Refused(400, "InvalidRequestUri", f"'{path}' is not the path of a resource")
        kind = self.kind(path, version)
        work = {"GET": self.get, "PUT": self.put, "PATCH": self.patch, "DELETE": self.delete, "HEAD": self.get}.get(method)
        if work is None:
            raise Refused(405, "HttpMethodNotSupported", f"'{method}' is not supported")
        return work(path, kind, headers, body)

    def kind(self, id, version):
        name, _ = split(id)
        versions = self.table.versions.get(name)
        if versions is None:
            raise Refused(404, "InvalidResourceType", f"The resource type '{name}' could not be found.")
        if version not in versions:
            supported = ", ".join(sorted(versions))
            raise Refused(400, "NoRegisteredProviderFound", f"No registered resource provider found for API version '{version}' for type '{name}'. The supported api-versions are '{supported}'.")
        return versions[version]

    # ---- single resources

    def get(self, id, kind, _headers, _body):
        standing = provided.standing(kind, id)
        if standing and id.lower() not in self.resources:
            return self.shown(200, Resource(id, kind, standing))
        resource = self.existing(id)
        self.advance_state(resource)
        if id.lower() not in self.resources:
            raise self.not_found(id)
        return self.shown(200, resource)

    def existing(self, id):
        found = self.resources.get(id.lower())
        if found is None:
            raise self.not_found(id)
        return found

    def not_found(self, id):
        name, parent = split(id)
        if name == GROUP:
            return Refused(404, "ResourceGroupNotFound", f"Resource group '{id.rsplit('/', 1)[1]}' could not be found.")
        group = re.match(r"(/subscriptions/[^/]+/resourcegroups/[^/]+)/", id.lower())
        if group and group[1] not in self.resources:
            return Refused(404, "ResourceGroupNotFound", f"Resource group '{group[1].rsplit('/', 1)[1]}' could not be found.")
        return Refused(404, "ResourceNotFound", f"The Resource '{id}' was not found.")

    def precondition(self, id, headers):
        found = self.resources.get(id.lower())
        tag = lambda text: text.strip().removeprefix("W/").strip('"')
        wanted, unwanted = headers.get("if-match"), headers.get("if-none-match")
        if unwanted == "*" and found is not None:
            raise Refused(412, "PreconditionFailed", f"The resource '{id}' exists already.")
        if wanted and (found is None or (wanted != "*" and tag(wanted) != found.etag)):
            raise Refused(412, "PreconditionFailed", f"The etag of '{id}' is another one.")

    def put(self, id, kind, headers, body):
        self.precondition(id, headers)
        self.check_place(id, kind)
        self.check_body(id, kind, body)
        refused = provided.refusal(self.resources, kind, id, body)
        if refused:
            raise Refused(*refused)
        before = self.resources.get(id.lower())
        if before is not None:
            self.check_free(before)
        self.check_change(before, kind, body)
        self.check_references(id, body)
        return self.store(id, kind, body, before, "PUT")

    def patch(self, id, kind, headers, body):
        before = self.existing(id)
        self.precondition(id, headers)
        self.check_free(before)
        merged = merge(self.request_body(before), body)
        self.check_body(id, kind, merged)
        self.check_change(before, kind, merged)
        return self.store(before.id, kind, merged, before, "PATCH")

    def request_body(self, resource):
        """What was given for a resource, without what only Azure sets."""
        return given(resource.kind.body, self.whole(resource))

    def check_place(self, id, kind):
        name, parent = split(id)
        if name == GROUP:
            return
        if int(kind.facts["writable_scopes"]) == 0:
            raise Refused(405, "MethodNotAllowed", f"'{kind.name}' cannot be written")
        group = re.match(r"(/subscriptions/[^/]+/resourcegroups/[^/]+)(/|$)", parent.lower())
        if group and group[1] not in self.resources:
            raise self.not_found(id)
        if group and self.resources[group[1]].operation is not None:
            raise Refused(409, "ResourceGroupBeingDeleted", "The resource group is in deprovisioning state and cannot perform this operation.")
        above = parent.lower()
        # These exist as soon as their account does.
        above = re.sub(r"/(blobservices|fileservices)/default$", "", above)
        if not self.may_stand_in(above, int(kind.facts["writable_scopes"])) and name.count("/") == 1:
            raise Refused(400, "InvalidScope", f"'{kind.name}' cannot be written at the scope '{above}'.")
        if split(above) and above not in self.resources and above not in provided.MANAGEMENT_GROUPS:
            raise Refused(404, "ParentResourceNotFound", f"Can not perform requested operation on nested resource. Parent resource '{above}' not found.")
        code = GLOBAL_NAMES.get(name)
        last = id.rsplit("/", 1)[1].lower()
        if code and any(other.low == name and other.name.lower() == last and key != id.lower() for key, other in self.resources.items()):
            raise Refused(409, code, f"The name '{last}' is already taken.")

    def may_stand_in(self, scope, allowed):
        """Whether the definition of a type allows its objects at a scope."""
        found = split(scope)
        if found is None:
            return bool(allowed & (4 if scope else 1))
        return bool(allowed & (8 if found[0] == GROUP else 2 if scope in provided.MANAGEMENT_GROUPS else 16))

    def check_body(self, id, kind, body):
        if not isinstance(body, dict):
            raise Refused(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
        body = {key: value for key, value in body.items() if key not in ("id", "name", "type")}
        given_name = {"name": id.rsplit("/", 1)[1]}
        wrong = list(judgement.complaints(kind.body, {**given_name, **body}, of_answer=False))
        if wrong:
            details = [{"code": code, "target": place, "message": f"{place}: {what}"} for code, place, what in wrong]
            raise Refused(400, wrong[0][0], f"The request for '{id}' is invalid.", details=details)

    def check_free(self, resource):
        if resource.operation is not None and not resource.operation.ended:
            self.advance_state(resource)
            raise Refused(409, "AnotherOperationInProgress", f"Another operation on '{resource.name}' or one that depends on it is in progress.")

    def check_change(self, before, kind, body):
        if before is None:
            return
        old, new = before.body.get("location"), body.get("location")
        if old and new and plain(old) != plain(new):
            raise Refused(409, "InvalidResourceLocation", f"The resource '{before.name}' already exists in location '{old}'. A resource with the same name cannot be created in location '{new}'.")
        changed = list(fixed_changes(kind.body, before.body, body))
        if changed:
            raise Refused(409, "PropertyChangeNotAllowed", f"Changing property '{changed[0]}' is not allowed.", details=[{"code": "PropertyChangeNotAllowed", "target": at} for at in changed])

    def check_references(self, id, body):
        for at, target in references(body):
            name = (split(target) or ("",))[0]
            if name in self.table.versions and not self.is_there(target) and not target.lower().startswith(id.lower()):
                raise Refused(400, "InvalidResourceReference", f"Resource {target} referenced by resource {id} was not found.", details=[{"code": "NotFound", "target": at}])

    def is_there(self, target):
        """Whether there is a resource, or an element with its name in a list of what it stands in."""
        if target.lower() in self.resources:
            return True
        above, collection, name = target.lower().rsplit("/", 2)
        parent = self.resources.get(above)
        properties = parent.body.get("properties", {}) if parent else {}
        lists = [value for key, value in properties.items() if key.lower() == collection and isinstance(value, list)]
        return any(str(item.get("name")).lower() == name for items in lists for item in items)

    def way(self, resource):
        return next((way for begin, way in WAYS.items() if resource.low.startswith(begin)), "at once")

    def store(self, id, kind, body, before, method):
        body = copy.deepcopy({key: value for key, value in body.items() if key not in ("id", "name", "type")})
        if "location" in body:
            body["location"] = plain(body["location"])
        resource = before or Resource(id, kind, {})
        inline = provided.INLINE.get(kind.name.lower(), {})
        children = {name: body.get("properties", {}).pop(name, None) for name in inline}
        body = provided.without_hidden(kind, without_secrets(kind.body, body))
        resource.kind, resource.body, resource.etag = kind, body, uuid.uuid4().hex
        self.resources[id.lower()] = resource
        provided.complete(kind, resource.id, resource.name, resource.body)
        for name in inline:
            self.store_children(resource, name, children[name])
        way = self.way(resource)
        failure = self.late_failure(method, id)
        self.set_state(resource, "Succeeded")
        if provided.is_as_standing(kind, id, resource.body):
            del self.resources[id.lower()]
        if way == "at once" or self.polls == 0:
            if failure:
                raise Refused(400, failure["code"], failure["message"])
            return self.shown(200 if before else 201, resource)
        operation = Operation("Creating" if before is None else "Updating", resource.id, self.polls, failure)
        resource.operation = operation
        self.operations[operation.number] = operation
        self.set_state(resource, operation.verb)
        if way == "operation":
            status, headers, shown = self.shown(200 if before else 201, resource)
            return status, {**headers, **self.places(operation, resource.kind, "Azure-AsyncOperation")}, shown
        if way == "location":
            return 202, self.places(operation, resource.kind, "Location"), None
        return self.shown(200 if before else 201, resource)

    def store_children(self, parent, name, items):
        collection = provided.INLINE[parent.low][name]
        kind = self.table.versions.get(f"{parent.low}/{collection.lower()}", {}).get(parent.kind.version)
        if kind is None or (items is None and parent.low in provided.KEEPS_CHILDREN):
            return
        prefix = f"{parent.id}/{collection}/"
        wanted = {f"{prefix}{item.get('name')}".lower() for item in items or []}
        for key in [key for key in self.resources if key.startswith(prefix.lower()) and key not in wanted]:
            self.check_unused(self.resources[key])
            del self.resources[key]
        for item in items or []:
            id = f"{prefix}{item.get('name')}"
            child = self.resources.setdefault(id.lower(), Resource(id, kind, {}))
            properties = {key: value for key, value in item.items() if key != "name"} if parent.low in provided.FLAT else item.get("properties", {})
            child.body = without_secrets(kind.body, {"properties": copy.deepcopy(properties)})
            provided.complete(kind, id, child.name, child.body)
            self.set_state(child, "Succeeded")

    def places(self, operation, kind, *names):
        namespace = kind.name.split("/")[0]
        base = f"{self.url}/subscriptions/{self.subscription}/providers/{namespace}/locations/westeurope"
        url = {"Azure-AsyncOperation": "operations", "Location": "results"}
        places = {name: f"{base}/{url[name]}/{operation.number}?api-version={kind.version}&t=1&s=a%2Bb" for name in names}
        return {**places, "Retry-After": self.retry_after}

    def delete(self, id, kind, headers, _body):
        resource = self.resources.get(id.lower())
        if resource is None:
            try:
                raise self.not_found(id)
            except Refused as refused:
                if refused.code == "ResourceGroupNotFound":
                    raise
                return 204, {}, None
        if resource.low in UNDELETABLE:
            raise Refused(405, "MethodNotAllowed", f"The resource type '{kind.name}' does not support 'DELETE'.")
        refused = provided.undeletable(self.resources, kind, id)
        if refused:
            raise Refused(*refused)
        self.precondition(id, headers)
        way = "location" if resource.low == GROUP else self.way(resource)
        names = ["Location"] if way == "location" else ["Azure-AsyncOperation", "Location"]
        running = resource.operation
        if running is not None and not running.ended and running.verb == "Deleting":
            return 202, self.places(running, kind, *names) if way != "state" else {}, None
        self.check_unused(resource)
        if running is not None:  # a delete ends what goes on
            running.ended, running.failure = True, {"code": "OperationPreempted", "message": "The operation has been preempted by a delete."}
        failure = self.late_failure("DELETE", id)
        if way == "at once" or self.polls == 0 or resource.low == "microsoft.storage/storageaccounts":
            if failure:
                raise Refused(409, failure["code"], failure["message"])
            self.remove(resource)
            return 200, {}, None
        operation = Operation("Deleting", resource.id, self.polls, failure)
        resource.operation = operation
        self.operations[operation.number] = operation
        self.set_state(resource, "Deleting")
        places = {} if way == "state" else self.places(operation, kind, *names)
        return 202, {"Retry-After": self.retry_after, **places}, None

    def check_unused(self, resource):
        if resource.low == GROUP:
            return
        inside = resource.id.lower()
        family = inside
        for key, other in self.resources.items():
            if key == inside or key.startswith(inside + "/") or inside.startswith(key + "/"):
                continue
            for _, target in references(other.body):
                target = target.lower()
                if target == inside or target.startswith(inside + "/"):
                    if split(target) and key.startswith(family + "/"):
                        continue
                    status, code = IN_USE.get(resource.low, (409, "ResourceInUse"))
                    raise Refused(status, code, f"Resource '{resource.name}' is in use by {other.id} and cannot be deleted.")

    def remove(self, resource):
        inside = resource.id.lower()
        for key in [key for key in self.resources if key == inside or key.startswith(inside + "/")]:
            del self.resources[key]

    # ---- how operations go on

    def poll(self, way, number):
        operation = self.operations.get(number)
        if operation is None:
            raise Refused(404, "NotFound", "The operation was not found.")
        self.advance(operation)
        wait = {"Retry-After": self.retry_after}
        if way == "operations":
            if not operation.ended:
                return 200, wait, {"status": "InProgress"}
            status = {"status": "Failed", "error": operation.failure} if operation.failure else {"status": "Succeeded"}
            return 200, {}, status
        if not operation.ended:
            return 202, wait, None
        if operation.failure:
            raise Refused(409, operation.failure["code"], operation.failure["message"])
        resource = self.resources.get(operation.id.lower())
        return self.shown(200, resource) if resource else (204, {}, None)

    def advance_state(self, resource):
        """An operation goes on while nobody asks for it as well: whenever its resource is looked at."""
        operation = resource.operation
        if operation is not None and not operation.ended:
            self.advance(operation)

    def advance(self, operation):
        if operation.ended:
            return
        operation.left -= 1
        if operation.left > 0:
            return
        operation.ended = True
        resource = self.resources.get(operation.id.lower())
        if resource is None:
            return
        resource.operation = None
        if operation.failure:
            self.set_state(resource, "Failed" if operation.verb != "Deleting" else "Succeeded")
        elif operation.verb == "Deleting":
            self.remove(resource)
        else:
            self.set_state(resource, "Succeeded")

    def set_state(self, resource, state):
        found = resource.kind.body.properties.get("properties")
        if found and "provisioningState" in found.node.all_properties(resource.body.get("properties", {})):
            node = found.node.all_properties(resource.body.get("properties", {}))["provisioningState"].node
            known = [value.lower() for value in node.values]
            if node.kind == "choice" and not node.open and state.lower() not in known:
                state = next((value for value in node.values if value.lower() in ("updating", "resolvingdns", "creating")), state)
            resource.body.setdefault("properties", {})["provisioningState"] = state

    # ---- answers

    def whole(self, resource):
        body = copy.deepcopy(resource.body)
        for name, collection in provided.INLINE.get(resource.low, {}).items():
            prefix = f"{resource.id}/{collection}/".lower()
            children = [child for key, child in self.resources.items() if key.startswith(prefix) and key.count("/") == prefix.count("/")]
            wholes = [self.whole(child) for child in children]
            if resource.low in provided.FLAT:
                wholes = [{"name": whole["name"], **whole["properties"]} for whole in wholes]
            body.setdefault("properties", {})[name] = wholes
        whole = {"id": resource.id, "name": resource.name, "type": resource.kind.name}
        if "etag" in resource.kind.body.properties:
            whole["etag"] = f'W/"{resource.etag}"'
        return {**whole, **body}

    def shown(self, status, resource):
        whole = self.whole(resource)
        judged = {key: value for key, value in whole.items() if key != "type"}
        for _, at, what in judgement.complaints(resource.kind.body, judged, of_answer=True):
            self.own_faults.append(f"{resource.kind.name}: {at}: {what}")
        return status, {"ETag": f'W/"{resource.etag}"'}, whole

    def collection(self, path, query):
        low = path.lower()
        groups = re.fullmatch(r"/subscriptions/[^/]+/resourcegroups", low)
        plain_list = re.fullmatch(r"(/subscriptions/[^/]+(?:/resourcegroups/[^/]+)?)/resources", low)
        if groups:
            wanted = lambda key, resource: resource.low == GROUP
        elif plain_list:
            kind = re.fullmatch(r"resourceType eq '([^']+)'", query.get("$filter", "")) if query.get("$filter") else None
            if query.get("$filter") and not kind:
                raise Refused(400, "InvalidFilterInQueryString", f"Invalid $filter '{query['$filter']}' specified in the query string.")
            wanted = lambda key, resource: (
                key.startswith(plain_list[1] + "/") and resource.low.count("/") == 1 and resource.low != GROUP and not resource.low.startswith(provided.NOT_IN_RESOURCES) and (not kind or resource.low == kind[1].lower())
            )
        else:
            parent, _, kind = low.rpartition("/providers/")
            if split(path + "/x") is None:
                raise Refused(404, "InvalidResourceType", f"'{path}' is not a collection.")
            one, _ = split(path + "/x")
            if split(parent) and parent not in self.resources:
                raise self.not_found(parent)
            above = low.rsplit("/", 1)[0]
            if one.count("/") > 1:
                account = re.sub(r"/(blobservices|fileservices)/default$", "", above)
                if account not in self.resources:
                    raise Refused(404, "ParentResourceNotFound", f"Parent resource '{above}' not found.")
                wanted = lambda key, resource: resource.low == one and key.startswith(low + "/")
            else:
                wanted = lambda key, resource: resource.low == one and key.startswith(parent + "/")
        found = [resource for key, resource in sorted(self.resources.items()) if wanted(key, resource)]
        if not groups and not plain_list:
            known = {resource.id.lower() for resource in found}
            found += [resource for resource in self.standing_in(path, query) if resource.id.lower() not in known]
        begin = int(query.get("$skiptoken", 0))
        page = found[begin : begin + self.page]
        items = [self.whole(resource) for resource in page]
        if plain_list:
            short = ("id", "name", "type", "location", "tags", "kind", "sku", "identity", "zones")
            items = [{key: item[key] for key in short if key in item} for item in items]
        answer = {"value": items}
        if begin + self.page < len(found):
            answer["nextLink"] = f"{self.url}{path}?api-version={query['api-version']}&$skiptoken={begin + self.page}"
        return 200, {}, answer

    def standing_in(self, path, query):
        """What a collection holds although nobody has made it."""
        kind = self.table.versions.get(split(path + "/x")[0], {}).get(query.get("api-version"))
        for name in provided.PLANS if kind else []:
            body = provided.standing(kind, f"{path}/{name}")
            if body:
                yield Resource(f"{path}/{name}", kind, body)

    def query_graph(self, method, body):
        if method != "POST" or not isinstance(body, dict) or self.subscription not in body.get("subscriptions", []):
            raise Refused(400, "BadRequest", "Please provide a query and at least one subscription.")
        try:
            rows = resource_graph.run(body.get("query", ""), self.rows)
        except resource_graph.BadQuery as problem:
            raise Refused(400, "BadRequest", str(problem)) from problem
        options = body.get("options", {})
        begin, top = int(options.get("$skipToken", 0)), min(int(options.get("$top", 1000)), 1000)
        page = rows[begin : begin + top]
        answer = {"totalRecords": len(rows), "count": len(page), "data": page, "facets": [], "resultTruncated": "false"}
        if begin + top < len(rows):
            answer["$skipToken"] = str(begin + top)
        return 200, {}, answer

    def rows(self, table):
        for key, resource in sorted(self.resources.items()):
            is_group = resource.low == GROUP
            # What stands in another resource has no row of its own.
            if is_group != (table == "resourcecontainers") or resource.low.count("/") != 1 or resource.low.startswith(provided.NOT_IN_RESOURCES):
                continue
            row = copy.deepcopy(self.lag.get(key) or self.whole(resource))
            row.pop("etag", None)
            group = re.search(r"/resourcegroups/([^/]+)", key)
            row.update(
                type="microsoft.resources/subscriptions/resourcegroups" if is_group else resource.low,
                tenantId=TENANT,
                subscriptionId=self.subscription,
                resourceGroup=group[1] if group else "",
            )
            yield row

    def freeze_graph(self, id):
        """Lets the graph show a resource as it is now, whatever becomes of it."""
        self.lag[id.lower()] = copy.deepcopy(self.whole(self.existing(id)))
