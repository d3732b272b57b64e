"""What the vendor's own client, azure-mgmt-resource, finds in the simulated Azure."""

import time

from azure.core.credentials import AccessToken
from azure.mgmt.resource.resources import ResourceManagementClient


class Credential:
    """A token of the simulated Entra ID."""

    def __init__(self, entra):
        self.token = entra.issue("https://management.azure.com/")

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, int(time.time()) + 3600)


def ask(url, subscription, entra, arguments):
    # The client sends tokens over TLS only, unless it is told that a test asks.
    client = ResourceManagementClient(
        Credential(entra), subscription, base_url=url, credential_scopes=[f"{url}/.default"], enforce_https=False
    )
    if "id" in arguments:
        found = client.resources.get_by_id(arguments["id"], api_version=arguments["api_version"], enforce_https=False)
        return found.as_dict()
    return {
        "groups": [group.as_dict() for group in client.resource_groups.list(enforce_https=False)],
        "resources": [resource.as_dict() for resource in client.resources.list(enforce_https=False)],
    }
