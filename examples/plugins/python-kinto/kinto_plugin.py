"""Buckets and collections of Kinto, a JSON store with an HTTP API (https://docs.kinto-storage.org)."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from konductor_sdk import (
    Call,
    Component,
    Construction,
    Endpoint,
    EndpointRequest,
    Example,
    Failure,
    Identity,
    Object,
    Plugin,
    Reading,
    Resource,
    Response,
    attribute,
    function,
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


def every(call: Call[Any], path: str, **filters: str) -> Iterator[dict[str, Any]]:
    """Lists all pages. Kinto names the next one by a whole URL; only its token is taken."""
    query = {"_limit": "100", **filters}

    def following(response: Response) -> tuple[str, dict[str, str]] | None:
        _, found, token = (response.header("next-page") or "").partition("_token=")
        return (path, {**query, "_token": token.partition("&")[0]}) if found else None

    for page in api(call).pages(path, following=following, query=query):
        yield from page["data"]


def named(call: Call[Any], path: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """Reads what has one of some names with one call, by name. What is not there is left out."""
    # Kinto reads each name as JSON where it is some: without quotes `7` would be a number.
    listed = every(call, path, in_id=",".join(map(json.dumps, names)))
    return {found["id"]: found for found in listed}


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

    def read_many(self, call: Call[Bucket], readings: list[Reading]) -> Iterator[Object | None]:
        found = named(call, path_of("v1", "buckets"), [reading.id for reading in readings])
        for reading in readings:
            yield bucket_object(found[reading.id]) if reading.id in found else None

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

    def read_many(self, call: Call[Collection], readings: list[Reading]) -> Iterator[Object | Failure | None]:
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for reading in readings:
            bucket, _, name = reading.id.partition("/")
            wanted[bucket].append(name)
        found: dict[str, Object | Failure | None] = {}
        for bucket, names in wanted.items():
            for id, answer in self.read_bucket(call, bucket, names):
                found[id] = answer
        return (found.get(reading.id) for reading in readings)

    def read_bucket(
        self, call: Call[Collection], bucket: str, names: list[str]
    ) -> Iterator[tuple[str, Object | Failure | None]]:
        """Reads collections of one bucket; where the bucket cannot be looked into, each by itself, to tell why."""
        try:
            for one in named(call, path_of("v1", "buckets", bucket, "collections"), names).values():
                made = collection_object(bucket, one)
                yield made.id, made
        except Failure as failure:
            if failure.http_status not in (403, 404):
                raise
            for id in (f"{bucket}/{name}" for name in names):
                try:
                    yield id, self.read(call, id)
                except Failure as alone:
                    yield id, alone

    def update(self, call: Call[Collection], id: str, inputs: Collection) -> Object:
        bucket, path = collection_path(id)
        return collection_object(bucket, change(call, path, collection_data(inputs)))

    def delete(self, call: Call[Collection], id: str) -> None:
        api(call).send("DELETE", collection_path(id)[1])

    def list(self, call: Call[Collection]) -> Iterator[Object]:
        for bucket in every(call, path_of("v1", "buckets")):
            for found in every(call, path_of("v1", "buckets", bucket["id"], "collections")):
                yield collection_object(bucket["id"], found)


@shape
class Library:
    """A bucket with collections that are all kept alike."""

    name: str = attribute("The name of the bucket.", pattern=NAME, range=(1, 255))
    owner: str | None = attribute("Who answers for it.")
    collections: list[str] = attribute("The names of the collections.", range=(1, None))
    cache_expires: int | None = attribute("For how many seconds answers may be kept.", range=(0, 86_400))
    bucket: str = output("The name of the bucket, once it is there.")


class Libraries(
    Component[Library],
    type="kinto:store:Library",
    examples=(
        Example(
            "A bucket with two collections",
            "library:\n  type: kinto:store:Library\n  properties: { name: library, collections: [books, maps] }\n",
        ),
    ),
):
    def construct(self, construction: Construction, inputs: Library) -> dict[str, Any]:
        bucket = construction.declare("bucket", Buckets, Bucket(name=inputs.name, owner=inputs.owner))
        for name in construction.known(inputs.collections, "collections"):
            kept = Collection(bucket=bucket["name"], name=name, cache_expires=inputs.cache_expires)
            construction.declare(f"collection-{name}", Collections, kept)
        return {"bucket": bucket["name"]}


@shape
class CollectionsOf:
    """Which collections are looked up."""

    bucket: str = attribute("The bucket they are in.")


@function
def collections_of(call: Call[Any], arguments: CollectionsOf) -> list[str]:
    """Returns the names of the collections in a bucket."""
    path = path_of("v1", "buckets", arguments.bucket, "collections")
    return sorted(found["id"] for found in every(call, path))


PLUGIN = Plugin(
    "kinto",
    "0.1.0",
    "Buckets and collections of a Kinto server",
    [Buckets(), Collections()],
    [EndpointRequest("api", "creates, reads, changes and deletes buckets and collections", ("GET", "PUT", "DELETE"))],
    components=[Libraries()],
    functions=[collections_of],
)
