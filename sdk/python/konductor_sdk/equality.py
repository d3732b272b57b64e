"""Whether two values mean the same by the schema, and keeping the spelling of one where they do."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

from .values import (
    Number,
    Secret,
    Unknown,
    has_secret,
    is_wholly_known,
    reveal,
    same_value,
    secret,
    to_json,
)

Schema = dict[str, Any]


def is_empty(value: Any) -> bool:
    value = reveal(value)
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    return value is None or value == []


def each_key(left: dict[str, Any], right: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Returns every key of two maps with the value in each: those of the left first, each in order."""
    for key in [*sorted(left), *sorted(right.keys() - left.keys())]:
        yield key, left.get(key), right.get(key)


def document(value: Any) -> tuple[Any] | None:
    """Returns a JSON document given as text or as data, in a tuple; none where it is not JSON or not known."""
    value = reveal(value)
    if isinstance(value, str):
        try:
            return (json.loads(value),)
        except ValueError:
            return None
    return (to_json(without_marks(value)),) if is_wholly_known(value) else None


def without_marks(value: Any) -> Any:
    value = reveal(value)
    if isinstance(value, list):
        return [without_marks(item) for item in value]
    if isinstance(value, dict):
        return {key: without_marks(item) for key, item in value.items()}
    return value


def same(attribute: Schema, left: Any, right: Any) -> bool:
    """Tells whether two values mean the same for an attribute: null, absent and empty do, unordered lists are
    compared as multisets and JSON by content; unknown equals only unknown."""
    left, right = reveal(left), reveal(right)
    if (is_empty(left) and is_empty(right)) or same_value(left, right):
        return True
    match attribute["kind"], left, right:
        case "list", list(), list():
            if len(left) != len(right):
                return False
            items = attribute["items"]
            if attribute.get("unordered"):
                return None not in pairs(items, left, right)
            return all(same(items, one, other) for one, other in zip(left, right))
        case "map", dict(), dict():
            return all(
                same(attribute["values"], one, other) and (one is None) == (other is None)
                for _, one, other in each_key(left, right)
            )
        case "object", dict(), dict():
            attributes = attribute["attributes"]
            return all(
                same(attributes[name], one, other) if name in attributes else same_value(one, other)
                for name, one, other in each_key(left, right)
            )
        case "json", _, _:
            one, other = document(left), document(right)
            return one is not None and other is not None and same_value(one[0], other[0])
        case "text", str(), str():
            return same_text(attribute.get("format", "any"), left, right)
    return False


def same_text(form: str, left: str, right: str) -> bool:
    """Compares two texts of a form: blocks of addresses by what they contain."""
    if form in ("ipv6-cidr", "cidr"):
        try:
            return ip_network(left) == ip_network(right)
        except ValueError:
            return False
    if form == "base64":
        try:
            return b64decode(left, validate=True) == b64decode(right, validate=True)
        except ValueError:
            return False
    return False


def pairs(items: Schema, left: list[Any], right: list[Any]) -> list[int | None]:
    """For each element of `left` returns the index of an equal element of `right`, each used once."""
    free = list(range(len(right)))
    found: list[int | None] = []
    for one in left:
        index = next((at for at in free if same(items, one, right[at])), None)
        if index is not None:
            free.remove(index)
        found.append(index)
    return found


def normalise(schema: Schema, actual: Any, expected: Any) -> Any:
    """Returns what the cloud answered in the spelling that was expected, where both mean the same.

    Where nothing is expected, as in an import, an attribute that says nothing is left out.
    """
    actual_map, expected_map = reveal(actual), {} if expected is None else reveal(expected)
    if not isinstance(actual_map, dict) or not isinstance(expected_map, dict):
        return actual
    return _normalise_map(actual_map, expected_map, schema["attributes"].get)


def _normalise_map(
    actual: dict[str, Any], expected: dict[str, Any], attribute: Callable[[str], Schema | None]
) -> dict[str, Any]:
    result = {}
    for name, one, other in each_key(actual, expected):
        known = attribute(name)
        value = one if known is None else _normalise_value(known, one, other)
        if value is not None:
            result[name] = value
    return result


def _normalise_value(attribute: Schema, actual: Any, expected: Any) -> Any:
    if isinstance(reveal(expected), Unknown) or (expected is None and not is_empty(actual)):
        return actual
    if attribute.get("write_only") or same(attribute, actual, expected):
        return expected if is_wholly_known(expected) else actual
    match attribute["kind"], reveal(actual), reveal(expected):
        case "object", dict() as one, dict() as other:
            result: Any = _normalise_map(one, other, attribute["attributes"].get)
        case "map", dict() as one, dict() as other:
            result = _normalise_map(one, other, lambda _: attribute["values"])
        case "list", list() as one, list() as other:
            result = _normalise_list(attribute, one, other)
        case _, one, _:
            result = one
    if isinstance(expected, Secret) or (has_secret(expected) and not has_secret(result)):
        return secret(result)
    return result


def _normalise_list(attribute: Schema, actual: list[Any], expected: list[Any]) -> list[Any]:
    items = attribute["items"]
    if not attribute.get("unordered"):
        return [
            _normalise_value(items, one, expected[index]) if index < len(expected) else one
            for index, one in enumerate(actual)
        ]
    found = pairs(items, expected, actual)
    kept = [other for other, index in zip(expected, found) if index is not None]
    return kept + [one for index, one in enumerate(actual) if index not in found]


def mark_sensitive(attributes: dict[str, Schema], value: Any) -> Any:
    """Marks what the schema calls sensitive as secret."""
    if not isinstance(value, dict):
        return value
    return {
        name: _mark(attributes[name], item) if name in attributes else item for name, item in value.items()
    }


def _mark(attribute: Schema, value: Any) -> Any:
    if attribute.get("sensitive") and value is not None:
        return secret(value)
    match attribute["kind"], value:
        case "object", dict():
            return mark_sensitive(attribute["attributes"], value)
        case "map", dict():
            return {key: _mark(attribute["values"], item) for key, item in value.items()}
        case "list", list():
            return [_mark(attribute["items"], item) for item in value]
    return value


def without_nulls(value: Any) -> Any:
    """Removes the null entries of maps: null and absent are the same."""
    if isinstance(value, Secret):
        return secret(without_nulls(value.value))
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if reveal(item) is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def shown_number(value: Any) -> str:
    """Returns a scalar as messages write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, Number) else str(value)


def describe(attribute: Schema) -> str:
    """Returns the name of an attribute's kind as people write it: `list of text`."""
    formats = {
        "ipv4-cidr": "IPv4 CIDR block",
        "ipv6-cidr": "IPv6 CIDR block",
        "cidr": "CIDR block",
        "ipv4-address": "IPv4 address",
        "base64": "base64 text",
    }
    match attribute["kind"]:
        case "any":
            return "any value"
        case "text":
            return formats.get(attribute.get("format", "any"), "text")
        case "list":
            return f"list of {describe(attribute['items'])}"
        case "map":
            return f"map of {describe(attribute['values'])}"
        case "json":
            return "JSON document"
        case other:
            return other

