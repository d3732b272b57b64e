"""Looks into the simulated project with Google's own client, `google-api-python-client`."""

import functools
import importlib.resources
import json

import google.oauth2.credentials
import googleapiclient.discovery


@functools.cache
def client(url, token, api, version):
    """Returns the client of one API. Making one takes a second where the document is large."""
    documents = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
    document = json.loads((documents / f"{api}.{version}.json").read_text())
    return googleapiclient.discovery.build_from_document(
        document, credentials=google.oauth2.credentials.Credentials(token),
        client_options={"api_endpoint": f"{url}/{document['servicePath']}"},
    )


def call(url, token, api, version, path, arguments):
    """Calls one method, for example `call(…, "compute", "v1", ["networks", "list"], {"project": "p"})`, and returns
    what the client makes of the answer."""
    service = client(url, token, api, version)
    *collections, method = path
    for collection in collections:
        service = getattr(service, collection)()
    request = getattr(service, method)(**arguments)
    return request.execute(num_retries=0)




#: What is looked for: the API, its version, the collections, the method, the member that holds the objects, and the name
#: of the parameter that is the project.
COLLECTIONS = [
    ("compute", "v1", ["networks"], "list", "items", "project"),
    ("compute", "v1", ["subnetworks"], "aggregatedList", "items", "project"),
    ("compute", "v1", ["firewalls"], "list", "items", "project"),
    ("compute", "v1", ["routes"], "list", "items", "project"),
    ("compute", "v1", ["routers"], "aggregatedList", "items", "project"),
    ("compute", "v1", ["addresses"], "aggregatedList", "items", "project"),
    ("compute", "v1", ["globalAddresses"], "list", "items", "project"),
    ("compute", "v1", ["instances"], "aggregatedList", "items", "project"),
    ("compute", "v1", ["disks"], "aggregatedList", "items", "project"),
    ("compute", "v1", ["vpnGateways"], "aggregatedList", "items", "project"),
    ("compute", "v1", ["externalVpnGateways"], "list", "items", "project"),
    ("compute", "v1", ["vpnTunnels"], "aggregatedList", "items", "project"),
    ("storage", "v1", ["buckets"], "list", "items", "project"),
    ("dns", "v1", ["managedZones"], "list", "managedZones", "project"),
    ("pubsub", "v1", ["projects", "topics"], "list", "topics", "project"),
    ("pubsub", "v1", ["projects", "subscriptions"], "list", "subscriptions", "project"),
    ("iam", "v1", ["projects", "serviceAccounts"], "list", "accounts", "name"),
]


def contents(url, token, project):
    """Returns the names of all objects that the client finds in a project, by collection; empty ones are left out."""
    found = {}
    for api, version, collections, method, member, parameter in COLLECTIONS:
        # The newer APIs want the whole name of a project.
        value = f"projects/{project}" if collections[0] == "projects" else project
        names, page = [], {}
        while page is not None:
            answer = call(url, token, api, version, [*collections, method], {parameter: value, **page})
            items = answer.get(member, [])
            if isinstance(items, dict):
                items = [item for scope in items.values() for item in scope.get(collections[-1], [])]
            names += [item["name"].rsplit("/", 1)[-1] for item in items]
            page = {"pageToken": answer["nextPageToken"]} if answer.get("nextPageToken") else None
        if names:
            found[f"{api}.{collections[-1]}"] = sorted(names)
    return found
