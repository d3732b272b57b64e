"""Google's discovery documents, out of the package `google-api-python-client`: which method a request calls, and
whether a body is what the document says. Requests and the simulator's own answers are judged alike."""

import importlib.resources
import json
import re
import urllib.parse

#: The documents that the simulator answers for.
DOCUMENTS = [
    "compute.v1",
    "storage.v1",
    "dns.v1",
    "pubsub.v1",
    "iam.v1",
    "cloudresourcemanager.v1",
    "cloudresourcemanager.v3",
    "container.v1",
    "sqladmin.v1",
    "run.v2",
    "cloudfunctions.v2",
    "file.v1",
    "firestore.v1",
    "bigtableadmin.v2",
    "secretmanager.v1",
    "cloudkms.v1",
    "orgpolicy.v2",
    "securitycenter.v1",
]

#: The kinds of JSON values by the types of the documents. Whole numbers of 64 bits are texts.
KINDS = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


class Invalid(Exception):
    """A body is not what the document says."""


class Method:
    """A method of a document."""

    def __init__(self, document, collection, name, definition):
        self.document = document
        self.collection = collection
        self.name = name
        self.definition = definition
        self.verb = definition["httpMethod"]
        base = document["servicePath"]
        self.template = base + (definition.get("flatPath") or definition["path"])
        # What names may be of any length cannot be told from the flat path.
        patterns = {name: given.get("pattern", "") for name, given in definition.get("parameters", {}).items()}
        long = next((name for name, pattern in patterns.items() if pattern.endswith("/.*$")), None)
        if long:
            self.template = base + definition["path"]
        parts = re.split(r"\{[^}]*\}", self.template)
        # `{project}` is one segment; what names an object may hold encoded slashes, which are decoded later.
        inner = f"({patterns[long].strip('^$')})" if long else r"([^/:]+)"
        self.pattern = re.compile("^/" + inner.join(re.escape(part) for part in parts) + "$")
        self.names = re.findall(r"\{\+?([^}]*)\}", self.template)
        self.literals = sum(len(part) for part in parts)

    @property
    def id(self):
        return self.definition["id"]

    @property
    def service(self):
        return self.document["rootUrl"].removeprefix("https://").split(".googleapis.com")[0]

    def schema(self, side):
        """Returns the name of the schema of the request or the response; none when there is none."""
        return self.definition.get(side, {}).get("$ref")


class Documents:
    """All documents, and their methods."""

    def __init__(self):
        folder = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
        self.methods = []
        self.collections = {}
        for name in DOCUMENTS:
            document = json.loads((folder / f"{name}.json").read_text())
            self._walk(document, document, "")
        self.methods.sort(key=lambda method: -method.literals)

    def _walk(self, document, resource, before):
        for name, inner in resource.get("resources", {}).items():
            path = f"{before}.{name}" if before else name
            for method_name, definition in inner.get("methods", {}).items():
                method = Method(document, path, method_name, definition)
                self.methods.append(method)
                self.collections.setdefault((document["id"], path), {})[method_name] = method
            self._walk(document, inner, path)

    def find(self, verb, path, service=None):
        """Returns the method that a request calls and its parameters; none when there is no such method. Operations of
        several services have the same paths, so the service of an operation must be told."""
        for method in self.methods:
            if method.verb != verb or (service and method.service != service):
                continue
            match = method.pattern.match(path)
            if match:
                values = [urllib.parse.unquote(value) for value in match.groups()]
                return method, dict(zip(method.names, values))
        return None

    def check_query(self, method, query):
        """Refuses query parameters that the method does not have, and misses those that it needs."""
        known = {**method.document.get("parameters", {}), **method.definition.get("parameters", {})}
        for name in query:
            if name not in known:
                raise Invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
        for name, parameter in method.definition.get("parameters", {}).items():
            if parameter["location"] == "query" and parameter.get("required") and name not in query:
                raise Invalid(f"Required parameter: {name}")

    def check(self, method, schema, value, sending):
        """Raises `Invalid` where a body is not what a schema says. What is sent must not hold what only Google sets."""
        self._check(method, method.document["schemas"][schema], value, "", sending)

    def _check(self, method, schema, value, at, sending):
        while "$ref" in schema:
            schema = method.document["schemas"][schema["$ref"]]
        kind = schema.get("type", "any")
        if value is None or kind == "any":
            return
        expected = KINDS[kind]
        is_number_as_boolean = isinstance(value, bool) and kind != "boolean"
        is_long = kind == "string" and schema.get("format") in ("int64", "uint64") and isinstance(value, int)
        if (not isinstance(value, expected) or is_number_as_boolean) and not (is_long and sending):
            raise Invalid(f"Invalid value at '{at}' ({kind}), {json.dumps(value)}")
        if kind == "string" and isinstance(value, str):
            if "enum" in schema and value not in schema["enum"]:
                raise Invalid(f"Invalid value for field '{at}': '{value}'. Expected one of {schema['enum']}")
            if "pattern" in schema and sending and not re.fullmatch(schema["pattern"], value):
                raise Invalid(f"Invalid value for field '{at}': '{value}'. Must be a match of regex '{schema['pattern']}'")
        if kind == "array":
            for index, item in enumerate(value):
                self._check(method, schema["items"], item, f"{at}[{index}]", sending)
        if kind == "object":
            properties = schema.get("properties", {})
            for name, item in value.items():
                place = f"{at}.{name}" if at else name
                if name in properties:
                    if sending and properties[name].get("readOnly") and method.name in ("insert", "create"):
                        raise Invalid(f"Field '{place}' is output only and cannot be given")
                    self._check(method, properties[name], item, place, sending)
                elif "additionalProperties" in schema:
                    self._check(method, schema["additionalProperties"], item, place, sending)
                else:
                    raise Invalid(f'Invalid JSON payload received. Unknown name "{name}" at \'{at}\': Cannot find field.')
            if sending and not at:
                for name, item in properties.items():
                    required = item.get("annotations", {}).get("required", [])
                    if method.id in required and value.get(name) in (None, ""):
                        raise Invalid(f"Required field '{name}' not specified")
