"""The client of a granted endpoint: JSON in, JSON out, errors as failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from .failure import Failure, disposition_of
from .values import Unknown, reveal


@dataclass(frozen=True)
class Request:
    """An unsigned request. The host decides where the endpoint is and adds what authenticates it."""

    endpoint: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    idempotent: bool = False
    region: str | None = None


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Returns the first header of a name, in any case of letters."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)

    def json(self) -> Any:
        """Returns the body's JSON document; none where the body is empty.

        Raises a `Failure` where it is not JSON."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Failure("other", f"the answer is not JSON: {error}", http_status=self.status) from None


class SendError(Exception):
    """Says that no complete answer came. `kind` is `denied`, `no-credentials`, `timeout`, `connection`, `too-large`
    or `other`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Sender(Protocol):
    """Whatever sends requests: the host, or a scripted cloud in tests."""

    def send(self, request: Request) -> Response: ...


def path_of(*segments: str) -> str:
    """Builds a path, each segment percent-encoded, so that a name cannot lead elsewhere."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Failure("invalid", f"`{segment}` cannot be a part of a path; give a name")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def plain(value: Any) -> Any:
    """Returns a value as JSON data for a request. A secret's token goes along: the host puts the value in its place."""
    value = reveal(value)
    if isinstance(value, Unknown):
        raise Failure("other", "a value that is not known yet cannot be sent")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@dataclass
class Endpoint:
    """A client of one endpoint of the manifest."""

    sender: Sender
    id: str
    headers: dict[str, str] = field(default_factory=dict)
    disposition: Callable[[Response], str | None] = lambda response: None
    """Says what an error of this API means; none for the common meaning of its status."""

    def send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        idempotent: bool | None = None,
    ) -> Response:
        """Sends JSON and returns the answer. GET, HEAD, PUT and DELETE count as idempotent unless it is said.

        Raises a `Failure` where the status is 400 or more, or no answer came."""
        every = {"accept": "application/json", **self.headers, **(headers or {})}
        if body is not None:
            every.setdefault("content-type", "application/json")
        request = Request(
            self.id,
            method,
            path,
            tuple((query or {}).items()),
            tuple(every.items()),
            b"" if body is None else json.dumps(plain(body)).encode(),
            method in ("GET", "HEAD", "PUT", "DELETE") if idempotent is None else idempotent,
        )
        try:
            response = self.sender.send(request)
        except SendError as error:
            raise _failure_of(error) from None
        if response.status >= 400:
            raise self._failure(request, response)
        return response

    def get(self, path: str, **options: Any) -> Any:
        """Gets a JSON document."""
        return self.send("GET", path, **options).json()

    def find(self, path: str, **options: Any) -> Any:
        """Gets a JSON document, none where there is none."""
        try:
            return self.get(path, **options)
        except Failure as failure:
            if failure.disposition == "not-found":
                return None
            raise

    def pages(
        self, path: str, *, following: Callable[[Response], tuple[str, dict[str, str]] | None], **options: Any
    ) -> Iterator[Any]:
        """Gets one page after another. `following` returns path and query of the next, none after the last."""
        seen = set()
        while True:
            response = self.send("GET", path, **options)
            yield response.json()
            found = following(response)
            if found is None:
                return
            path, options["query"] = found
            place = (path, tuple(sorted(found[1].items())))
            if place in seen:
                raise Failure("other", f"the pages of {path} go round in a circle")
            seen.add(place)

    def _failure(self, request: Request, response: Response) -> Failure:
        try:
            told = response.json()
        except Failure:
            told = None
        told = told if isinstance(told, dict) else {}
        message = next(
            (str(told[name]) for name in ("message", "error", "reason", "detail", "title") if told.get(name)),
            response.body[:200].decode(errors="replace"),
        )
        return Failure(
            self.disposition(response) or disposition_of(response.status),
            f"{request.method} {request.path}: {response.status} {message}".strip(),
            code=str(told.get("code", "")),
            http_status=response.status,
            request_id=response.header("x-request-id"),
        )


def _failure_of(error: SendError) -> Failure:
    disposition = {
        "denied": "denied",
        "no-credentials": "denied",
        "timeout": "unavailable",
        "connection": "unavailable",
    }.get(error.kind, "other")
    return Failure(disposition, error.message)


__all__ = ["Endpoint", "Request", "Response", "SendError", "Sender", "path_of", "plain"]
