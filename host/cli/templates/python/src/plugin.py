"""Buckets of Kinto, a JSON store with an HTTP API (https://docs.kinto-storage.org)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from konductor_sdk import (
    Call,
    EndpointRequest,
    Example,
    Failure,
    Identity,
    Object,
    Plugin,
    Resource,
    Response,
    attribute,
    output,
    path_of,
    shape,
)

# Kinto has no idempotency tokens, but keeps members that it does not know: by this one a create that was interrupted
# finds what it made.
TOKEN = "konductor_token"


@shape
class Bucket:
    """A bucket: the outermost folder of a Kinto server."""

    name: str = attribute(
        "Its name. A bucket cannot be renamed.",
        replaces=True,
        pattern="[a-zA-Z0-9][a-zA-Z0-9_-]*",
        range=(1, 255),
    )
    owner: str | None = attribute("Who answers for it.")
    last_modified: int = output("When it was last changed, in milliseconds.", volatile=True)


EXAMPLE = Example(
    "A bucket", "shelf:\n  type: {{name}}:store:Bucket\n  properties: { name: shelf, owner: librarian }\n"
)


def bucket(found: dict[str, Any]) -> Object:
    made = Bucket(name=found["id"], owner=found.get("owner"), last_modified=found["last_modified"])
    return Object(found["id"], made)


class Buckets(
    Resource[Bucket],
    type="{{name}}:store:Bucket",
    identity=Identity("shelf", ("name",), "The name of the bucket."),
    examples=(EXAMPLE,),
):
    def create(self, call: Call[Bucket], inputs: Bucket) -> Object:
        kinto, path, token = call.endpoint("kinto"), path_of("v1", "buckets", inputs.name), call.idempotency_token
        body = {"data": {"owner": inputs.owner, TOKEN: token}}
        try:
            return bucket(kinto.send("PUT", path, body=body, headers={"If-None-Match": "*"}).json()["data"])
        except Failure as failure:
            if failure.http_status != 412:
                raise
        found = kinto.get(path)["data"]
        if found.get(TOKEN) != token:
            raise Failure("already-exists", f"{path} exists already; import it, or choose another name")
        return bucket(found)

    def read(self, call: Call[Bucket], id: str) -> Object | None:
        found = call.endpoint("kinto").find(path_of("v1", "buckets", id))
        return bucket(found["data"]) if found else None

    def update(self, call: Call[Bucket], id: str, inputs: Bucket) -> Object:
        body = {"data": {"owner": inputs.owner}}
        return bucket(call.endpoint("kinto").send("PATCH", path_of("v1", "buckets", id), body=body).json()["data"])

    def delete(self, call: Call[Bucket], id: str) -> None:
        call.endpoint("kinto").send("DELETE", path_of("v1", "buckets", id))

    def list(self, call: Call[Bucket]) -> Iterator[Object]:
        path = path_of("v1", "buckets")

        def following(response: Response) -> tuple[str, dict[str, str]] | None:
            token = parse_qs(urlsplit(response.header("next-page") or "").query).get("_token")
            return (path, {"_limit": "100", "_token": token[0]}) if token else None

        for page in call.endpoint("kinto").pages(path, following=following, query={"_limit": "100"}):
            yield from map(bucket, page["data"])


PLUGIN = Plugin(
    "{{name}}",
    "0.1.0",
    "Buckets of a Kinto server",
    [Buckets()],
    [
        EndpointRequest(
            "kinto", "creates, reads, changes and deletes buckets", ("GET", "PUT", "PATCH", "DELETE")
        )
    ],
)
