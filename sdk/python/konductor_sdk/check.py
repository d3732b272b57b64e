"""Checking inputs against a schema: everything that is wrong, at once, each with its place."""

from __future__ import annotations

import re
from base64 import b64decode
from ipaddress import IPv4Address, ip_interface, ip_network
from typing import Any

from .diagnostics import Diagnostic, Path
from .equality import Schema, describe, document, same_value, shown_number, without_nulls
from .values import (
    TOKEN_PREFIX,
    Number,
    Reference,
    Secret,
    Unknown,
    from_json,
    kind_of,
    reveal,
    secret,
)


def check_inputs(schema: Schema, inputs: Any) -> tuple[Any, list[Diagnostic]]:
    """Checks inputs and applies defaults. Unknown values and references are allowed everywhere; numbers and booleans
    given for a text become text; null counts as not given."""
    found: list[Diagnostic] = []
    inputs = without_nulls(inputs)
    match reveal(inputs):
        case dict() as given:
            return _check_map(schema["attributes"], given, (), False, found), found
        case None:
            return _check_map(schema["attributes"], {}, (), False, found), found
        case Unknown() | Reference():
            return inputs, found
        case other:
            found.append(Diagnostic(f"expected a map of attributes, found {kind_of(other)}"))
            return inputs, found


def _check_map(
    attributes: dict[str, Schema], given: dict[str, Any], at: Path, hidden: bool, found: list[Diagnostic]
) -> dict[str, Any]:
    checked = {}
    for name, value in sorted(given.items()):
        here = (*at, name)
        attribute = attributes.get(name)
        if attribute is None:
            found.append(_unknown_attribute(attributes, name, here))
        elif attribute.get("output_only"):
            summary = f"`{name}` is set by the provider and cannot be given"
            found.append(Diagnostic(summary, help=f"remove `{name}`", at=here))
        else:
            checked[name] = _check_value(attribute, value, here, hidden, found)
    for name, attribute in sorted(attributes.items()):
        if name in given or attribute.get("output_only"):
            continue
        if attribute.get("default") is not None:
            default = from_json(attribute["default"])
            checked[name] = secret(default) if attribute.get("sensitive") else default
        elif attribute.get("required"):
            description = attribute.get("description")
            found.append(
                Diagnostic(
                    f"`{name}` is missing",
                    f"expected {describe(attribute)}",
                    f"give `{name}`: {description}" if description else f"give `{name}`",
                    (*at, name),
                )
            )
    return checked


def _unknown_attribute(attributes: dict[str, Schema], name: str, at: Path) -> Diagnostic:
    summary = f"there is no attribute `{name}`"
    known = sorted(known for known, attribute in attributes.items() if not attribute.get("output_only"))
    near = []
    for one in known:
        # The beginning of a name is as good as a slip of the finger.
        distance = 0 if len(name) >= 3 and one.startswith(name) else _distance(name, one)
        if distance <= 1 + len(one.encode()) // 4:
            near.append((distance, one))
    if near:
        return Diagnostic(summary, help=f"did you mean `{min(near)[1]}`?", at=at)
    expected = ", ".join(f"`{one}`" for one in known)
    return Diagnostic(summary, f"expected one of {expected}" if known else "nothing can be given here", at=at)


def _distance(left: str, right: str) -> int:
    """Counts the slips between two names: letters inserted, left out, changed, or two neighbours swapped."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def _shown(value: Any, hidden: bool) -> str:
    """Returns a value as a message may show it."""
    if hidden:
        return f"the secret {kind_of(value)} given"
    match value:
        case str():
            return f"`{value[:80]}…`" if len(value) > 80 else f"`{value}`"
        case bool() | int() | float() | Number():
            return f"`{shown_number(value)}`"
    return f"the {kind_of(value)} given"


def _check_value(attribute: Schema, value: Any, at: Path, hidden: bool, found: list[Diagnostic]) -> Any:
    is_secret = bool(attribute.get("sensitive")) or isinstance(value, Secret)
    hidden = hidden or is_secret
    value = reveal(value)
    if isinstance(value, (Unknown, Reference)):
        checked = value
    elif hidden and isinstance(value, str) and value.startswith(TOKEN_PREFIX):
        # What the token stands for is not to be seen here, so neither form nor length can be checked.
        if attribute["kind"] not in ("text", "json", "any"):
            found.append(
                Diagnostic(
                    f"a secret is given where {describe(attribute)} is expected",
                    "the plugin does not see what is secret, and only texts can be passed on unseen",
                    "give a value that is not secret, or grant the plugin to see it with `reveal`",
                    at,
                )
            )
        checked = value
    else:
        checked = _check_known(attribute, value, at, hidden, found)
    if attribute.get("deprecated"):
        summary = "this attribute is deprecated"
        found.append(Diagnostic(summary, attribute["deprecated"], at=at, severity="warning"))
    return secret(checked) if is_secret else checked


def _check_known(attribute: Schema, value: Any, at: Path, hidden: bool, found: list[Diagnostic]) -> Any:
    kind = attribute["kind"]
    # YAML reads `1` and `true` as numbers and booleans where people mean text, in tags above all.
    if kind == "text" and isinstance(value, (bool, int, float, Number)):
        value = shown_number(value)

    def error(summary: str, detail: str = "", help: str = "") -> None:
        found.append(Diagnostic(summary, detail, help, at))

    allowed = [from_json(one) for one in attribute.get("allowed", [])]
    if allowed and not any(same_value(one, value) for one in allowed):
        expected = ", ".join(_shown(one, False) for one in allowed)
        error(f"{_shown(value, hidden)} is not allowed", f"expected one of {expected}")
        return value
    is_number = isinstance(value, (int, float, Number)) and not isinstance(value, bool)
    match kind, value:
        case ("any", _) | ("boolean", bool()) | ("bytes", bytes()):
            pass
        case "number", _ if is_number:
            pass
        case "integer", int() if not isinstance(value, bool):
            if expected := _outside(value, attribute.get("minimum"), attribute.get("maximum")):
                error(f"{_shown(value, hidden)} is out of range", f"expected {expected}")
        case "text", str():
            form = attribute.get("format", "any")
            if complaint := _complaint(form, value):
                error(f"{_shown(value, hidden)} is not a valid {describe(attribute)}", complaint)
            pattern = attribute.get("pattern")
            if pattern and not re.fullmatch(pattern, value):
                error(f"{_shown(value, hidden)} has not the form wanted", f"expected text that fits `{pattern}`")
            limits = attribute.get("minimum_length"), attribute.get("maximum_length")
            if expected := _outside(len(value), *limits):
                error(f"the text has {len(value)} characters", f"expected {expected} characters")
        case "list", list():
            limits = attribute.get("minimum_items"), attribute.get("maximum_items")
            if expected := _outside(len(value), *limits):
                error(f"the list has {len(value)} elements", f"expected {expected} elements")
            items = attribute["items"]
            return [
                _check_value(items, item, (*at, index), hidden, found) for index, item in enumerate(value)
            ]
        case "map", dict():
            return {
                key: _check_value(attribute["values"], item, (*at, key), hidden, found)
                for key, item in sorted(value.items())
            }
        case "object", dict():
            return _check_map(attribute["attributes"], value, at, hidden, found)
        case "json", str():
            if document(value) is None:
                error("the text is not a JSON document", help="give JSON, or write the document as YAML")
        case "json", dict() | list():
            pass
        case _:
            error(f"expected {describe(attribute)}, found {kind_of(value)}")
    return value


def _outside(number: int, minimum: int | None, maximum: int | None) -> str:
    """Returns what was expected when a number is outside its limits."""
    if (minimum is None or number >= minimum) and (maximum is None or number <= maximum):
        return ""
    if minimum is None:
        return f"at most {maximum}"
    return f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"


def _complaint(form: str, text: str) -> str:
    """Says what is wrong with the form of a text. Forms of one cloud's names are that cloud's plugin's to check."""
    try:
        match form:
            case "ipv4-cidr" | "ipv6-cidr" | "cidr":
                if "/" not in text:
                    return "expected an address and a prefix length, such as `10.0.0.0/16`"
                version = {"ipv4-cidr": 4, "ipv6-cidr": 6}.get(form, ip_interface(text).version)
                if ip_interface(text).version != version:
                    return f"expected an IPv{version} block"
                if ip_interface(text).network != ip_network(text, strict=False):
                    return ""
                try:
                    ip_network(text)
                except ValueError:
                    return f"it has host bits set; use `{ip_interface(text).network}`"
            case "ipv4-address":
                IPv4Address(text)
            case "base64":
                b64decode(text, validate=True)
    except ValueError:
        return {
            "ipv4-address": "expected four numbers from 0 to 255, such as `10.0.0.1`",
            "base64": "expected base64 with padding",
        }.get(form, "expected an address and a prefix length, such as `10.0.0.0/16`")
    return ""
