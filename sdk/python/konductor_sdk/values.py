"""The values that cross the interface: plain Python data, and four things Python has no word for."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final

from .diagnostics import Path, path_from, path_text

MOST_DEPTH: Final = 64
TOKEN_PREFIX: Final = "ksealed-"


class Unknown:
    """A value that is known only after apply. There is one, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is never shown. `value` is what the plugin was given, usually a token that stands for it."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "(secret)"

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)


@dataclass(frozen=True)
class Number:
    """A decimal number that is not a 64-bit integer, as text, so that nothing is rounded."""

    text: str


@dataclass(frozen=True)
class Reference:
    """A reference to an attribute of another resource, by the name it was declared with."""

    resource: str
    path: Path = ()


class NotAValue(ValueError):
    """Says why data cannot cross the interface."""


def reveal(value: Any) -> Any:
    """Returns a value without its secret mark."""
    while isinstance(value, Secret):
        value = value.value
    return value


def secret(value: Any) -> Any:
    """Returns a value marked secret, once."""
    return value if isinstance(value, Secret) else Secret(value)


def kind_of(value: Any) -> str:
    """Returns the name of a value's kind, as messages say it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float() | Number():
            return "number"
        case str():
            return "text"
        case bytes():
            return "bytes"
        case list():
            return "list"
        case dict():
            return "map"
        case Unknown():
            return "unknown"
        case Secret():
            return "secret"
        case Reference():
            return "reference"
    raise NotAValue(f"{type(value).__name__} is no value; use None, bool, int, float, str, bytes, list or dict")


def is_wholly_known(value: Any) -> bool:
    """Tells whether nothing in a value is unknown or a reference."""
    value = reveal(value)
    if isinstance(value, list):
        return all(map(is_wholly_known, value))
    if isinstance(value, dict):
        return all(map(is_wholly_known, value.values()))
    return not isinstance(value, (Unknown, Reference))


def has_secret(value: Any) -> bool:
    """Tells whether anything in a value is secret."""
    if isinstance(value, list):
        return any(map(has_secret, value))
    if isinstance(value, dict):
        return any(map(has_secret, value.values()))
    return isinstance(value, Secret)


def number(text: str) -> int | Number:
    """Reads a number: an integer where it is one, the text itself otherwise."""
    try:
        found = int(text)
    except ValueError:
        as_float = float(text)
        if as_float.is_integer() and abs(as_float) < 2**53:
            return int(as_float)
        return Number(text)
    return found if -(2**63) <= found < 2**63 else Number(text)


def same_value(left: Any, right: Any) -> bool:
    """Compares two values. `True` is not `1`, and secret marks make no difference."""
    left, right = reveal(left), reveal(right)
    if kind_of(left) != kind_of(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_value(left[key], right[key]) for key in left)
    return left == right


def to_json(value: Any) -> Any:
    """Returns the lossless JSON form, with secrets marked; for test cases, never for showing."""
    match value:
        case Number(text):
            return {"$number": text}
        case float():
            return to_json(number(repr(value)))
        case bytes():
            return {"$bytes": b64encode(value).decode()}
        case list():
            return [to_json(item) for item in value]
        case dict():
            written = {key: to_json(item) for key, item in value.items()}
            return {"$map": written} if len(written) == 1 and next(iter(written)).startswith("$") else written
        case Unknown():
            return {"$unknown": True}
        case Secret(inner):
            return {"$secret": to_json(inner)}
        case Reference(resource, path):
            return {"$reference": {"resource": resource, "path": path_text(path)}}
    return value


def from_json(json: Any) -> Any:
    """Reads the lossless JSON form, or plain JSON."""
    match json:
        case float():
            return number(repr(json))
        case list():
            return [from_json(item) for item in json]
        case {"$number": text}:
            return number(text)
        case {"$bytes": text}:
            return b64decode(text)
        case {"$unknown": _}:
            return UNKNOWN
        case {"$secret": inner}:
            return Secret(from_json(inner))
        case {"$reference": {"resource": resource, "path": path}}:
            return Reference(resource, path_from(path))
        case {"$map": written}:
            return {key: from_json(item) for key, item in written.items()}
        case dict():
            return {key: from_json(item) for key, item in json.items()}
    return json


def encode(value: Any) -> list[tuple[str, Any]]:
    """Writes a value as the interface's table of nodes: pairs of a kind and what it holds, the root first."""
    nodes: list[tuple[str, Any]] = []

    def add(value: Any, depth: int) -> int:
        if depth > MOST_DEPTH:
            raise NotAValue(f"a value is nested deeper than {MOST_DEPTH}")
        index = len(nodes)
        nodes.append(("null", None))
        if isinstance(value, float):
            value = number(repr(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            value = number(str(value))
        kind = kind_of(value)
        match value:
            case None | Unknown():
                held: Any = None
            case list():
                held = [add(item, depth + 1) for item in value]
            case dict():
                held = [(key, add(item, depth + 1)) for key, item in sorted(value.items())]
            case Secret(inner):
                held = add(inner, depth + 1)
            case Number(text):
                held = text
            case _:
                held = value
        nodes[index] = (kind, held)
        return index

    add(value, 1)
    return nodes


def decode(nodes: list[tuple[str, Any]]) -> Any:
    """Reads a table of nodes. Children stand after their parents, so it is read from its end."""
    values: list[Any] = [None] * len(nodes)
    if not nodes:
        raise NotAValue("a table without nodes is no value")
    for index in range(len(nodes) - 1, -1, -1):
        kind, held = nodes[index]

        def child(at: int) -> Any:
            if not index < at < len(nodes):
                raise NotAValue(f"node {index} names node {at}, which does not stand after it")
            return values[at]

        match kind:
            case "null":
                values[index] = None
            case "unknown":
                values[index] = UNKNOWN
            case "number":
                values[index] = number(held)
            case "list":
                values[index] = [child(at) for at in held]
            case "map":
                values[index] = {key: child(at) for key, at in held}
            case "secret":
                values[index] = Secret(child(held))
            case "boolean" | "integer" | "text" | "bytes" | "reference":
                values[index] = held
            case _:
                raise NotAValue(f"there is no node of the kind {kind}")
    return values[0]
