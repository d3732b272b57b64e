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


