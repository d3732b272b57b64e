"""Buckets and collections of Kinto, a JSON store with an HTTP API (https://docs.kinto-storage.org)."""

from collections.abc import Iterator
from typing import Any

from konductor_sdk import (
    Call,
    Endpoint,
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

# Kinto has no idempotency tokens, but keeps what it does not know: an interrupted create is found by this.
TOKEN = "konductor_token"
NAME = r"[a-zA-Z0-9][a-zA-Z0-9_-]*"


def api(call: Call[Any]) -> Endpoint:
    """Returns the client of the API."""
    return call.endpoint("api")


def create(call: Call[Any], path: str, data: dict[str, Any]) -> dict[str, Any]:
    """Makes what is not there yet, or finds what the same create made before it was interrupted."""
    token = call.idempotency_token
    try:
        body = {"data": {**data, TOKEN: token}}
        return api(call).send("PUT", path, body=body, headers={"If-None-Match": "*"}).json()["data"]
    except Failure as failure:
        if failure.http_status != 412:
            raise
    found = api(call).get(path)["data"]
    if found.get(TOKEN) != token:
        raise Failure("already-exists", f"{path} exists already; import it or choose another name")
    return found


def change(call: Call[Any], path: str, data: dict[str, Any]) -> dict[str, Any]:
    """Replaces what is there, and only where it is there."""
    token = call.prior.private.decode() if call.prior else ""
    body = {"data": {**data, **({TOKEN: token} if token else {})}}
    return api(call).send("PUT", path, body=body, headers={"If-Match": last_seen(call, path)}).json()["data"]


def last_seen(call: Call[Any], path: str) -> str:
    """Returns the entity tag as it is now: a put without one would make what somebody else deleted."""
    return api(call).send("GET", path).header("etag") or "*"


def every(call: Call[Any], path: str) -> Iterator[dict[str, Any]]:
    """Lists all pages. Kinto names the next one by a whole URL; only its token is taken."""

    def following(response: Response) -> tuple[str, dict[str, str]] | None:
        _, found, token = (response.header("next-page") or "").partition("_token=")
        return (path, {"_limit": "100", "_token": token.partition("&")[0]}) if found else None

    for page in api(call).pages(path, following=following, query={"_limit": "100"}):
        yield from page["data"]


@shape
class Bucket:
    """A bucket: the outermost folder of a Kinto server."""

    name: str = attribute("Its name.", replaces=True, pattern=NAME, range=(1, 255))
    owner: str | None = attribute("Who answers for it.")
    labels: dict[str, str] | None = attribute("Labels by key.")
    last_modified: int = output("When it was last changed, in milliseconds.", volatile=True)


def bucket_object(found: dict[str, Any]) -> Object:
    made = Bucket(
        name=found["id"],
        owner=found.get("owner"),
        labels=found.get("labels"),
        last_modified=found["last_modified"],
    )
    return Object(found["id"], made, found.get(TOKEN, "").encode())


class Buckets(
    Resource[Bucket],
    type="kinto:store:Bucket",
    identity=Identity("NAME", ("name",)),
    tags="labels",
    examples=(
        Example(
            "A bucket",
            "shelf:\n  type: kinto:store:Bucket\n  properties: { name: shelf, owner: librarian }\n",
        ),
    ),
):
    def create(self, call: Call[Bucket], inputs: Bucket) -> Object:
        data = {"owner": inputs.owner, "labels": inputs.labels or {}}
        return bucket_object(create(call, path_of("v1", "buckets", inputs.name), data))

    def read(self, call: Call[Bucket], id: str) -> Object | None:
        found = api(call).find(path_of("v1", "buckets", id))
        return bucket_object(found["data"]) if found else None

    def update(self, call: Call[Bucket], id: str, inputs: Bucket) -> Object:
        data = {"owner": inputs.owner, "labels": inputs.labels or {}}
        return bucket_object(change(call, path_of("v1", "buckets", id), data))

    def delete(self, call: Call[Bucket], id: str) -> None:
        api(call).send("DELETE", path_of("v1", "buckets", id))

    def list(self, call: Call[Bucket]) -> Iterator[Object]:
        return map(bucket_object, every(call, path_of("v1", "buckets")))


@shape
class Collection:
    """A collection of records in a bucket."""

    bucket: str = attribute("The bucket it is in.", replaces=True)
    name: str = attribute("Its name.", replaces=True, pattern=NAME, range=(1, 255))
    sort: str = attribute("The field that records are sorted by.", default="-last_modified")
    cache_expires: int | None = attribute("For how many seconds answers may be kept.", range=(0, 86_400))
    last_modified: int = output("When it was last changed, in milliseconds.", volatile=True)


def collection_object(bucket: str, found: dict[str, Any]) -> Object:
    made = Collection(
        bucket=bucket,
        name=found["id"],
        sort=found.get("sort"),
        cache_expires=found.get("cache_expires"),
        last_modified=found["last_modified"],
    )
    return Object(f"{bucket}/{found['id']}", made, found.get(TOKEN, "").encode())


def collection_path(id: str) -> tuple[str, str]:
    bucket, slash, name = id.partition("/")
    if not slash:
        raise Failure("invalid", f"`{id}` is no collection; write `BUCKET/NAME`")
    return bucket, path_of("v1", "buckets", bucket, "collections", name)


def collection_data(inputs: Collection) -> dict[str, Any]:
    expires = {} if inputs.cache_expires is None else {"cache_expires": inputs.cache_expires}
    return {"sort": inputs.sort, **expires}


class Collections(
    Resource[Collection],
    type="kinto:store:Collection",
    identity=Identity("BUCKET/NAME", ("bucket", "name")),
    examples=(
        Example(
            "A collection in a bucket",
            'books:\n  type: kinto:store:Collection\n  properties: { bucket: "${shelf.name}", name: books }\n',
        ),
    ),
):
    def create(self, call: Call[Collection], inputs: Collection) -> Object:
        bucket, path = collection_path(f"{inputs.bucket}/{inputs.name}")
        return collection_object(bucket, create(call, path, collection_data(inputs)))

    def read(self, call: Call[Collection], id: str) -> Object | None:
        bucket, path = collection_path(id)
        try:
            found = api(call).find(path)
        except Failure as failure:
            # Kinto answers so for a collection whose bucket is gone.
            if failure.http_status != 403:
                raise
            if api(call).find(path_of("v1", "buckets", bucket)) is not None:
                raise
            found = None
        return collection_object(bucket, found["data"]) if found else None

    def update(self, call: Call[Collection], id: str, inputs: Collection) -> Object:
        bucket, path = collection_path(id)
        return collection_object(bucket, change(call, path, collection_data(inputs)))

    def delete(self, call: Call[Collection], id: str) -> None:
        api(call).send("DELETE", collection_path(id)[1])

    def list(self, call: Call[Collection]) -> Iterator[Object]:
        for bucket in every(call, path_of("v1", "buckets")):
            for found in every(call, path_of("v1", "buckets", bucket["id"], "collections")):
                yield collection_object(bucket["id"], found)


PLUGIN = Plugin(
    "kinto",
    "0.1.0",
    "Buckets and collections of a Kinto server",
    [Buckets(), Collections()],
    [EndpointRequest("api", "creates, reads, changes and deletes buckets and collections", ("GET", "PUT", "DELETE"))],
)
