"""Planning from a schema: what an object will look like, and what has to change for that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .diagnostics import Diagnostic, Path
from .equality import Schema, each_key, mark_sensitive, same
from .values import UNKNOWN, Secret, reveal, secret

Computed = Literal["keep", "change", "create"]


@dataclass(frozen=True)
class Change:
    """What changes at a place."""

    at: Path
    kind: Literal["add", "delete", "update"]
    requires_replacement: bool = False


@dataclass
class Plan:
    """What an object will look like, and why."""

    planned: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    delete_before_replace: bool = False
    private: bytes = b""
    diagnostics: list[Diagnostic] = field(default_factory=list)


def plan_object(schema: Schema, prior: dict[str, Any] | None, inputs: Any) -> Plan:
    """Plans an object. On create every computed attribute is unknown; on update it keeps its value unless it is
    volatile; where a change means replacement it is unknown again. What means the same keeps its spelling."""
    attributes = schema["attributes"]
    given = reveal(inputs) if isinstance(reveal(inputs), dict) else {}
    changes: list[Change] = []
    if prior is None:
        planned = _plan_map(attributes, given, {}, "create")
        changes = [Change((name,), "add") for name in sorted(planned) if name in given]
    else:
        planned = _plan_map(attributes, given, prior, "keep")
        _diff_map(attributes, prior, planned, (), changes)
        changes = [replace(one, requires_replacement=replaces_at(schema, one.at)) for one in changes]
        if any(one.requires_replacement for one in changes):
            planned = _plan_map(attributes, given, prior, "create")
        elif changes:
            planned = _plan_map(attributes, given, prior, "change")
    return Plan(mark_sensitive(attributes, planned), changes, bool(schema.get("delete_before_replace")))


def replaces_at(schema: Schema, path: Path) -> bool:
    """Tells whether a change at a path means replacement: the attribute there or any it stands in says so."""
    here = schema["attributes"].get(path[0]) if path else None
    for step in [*path[1:], None]:
        if here is None:
            return False
        if here.get("replaces"):
            return True
        match here["kind"], step:
            case "list", int():
                here = here["items"]
            case "map", str():
                here = here["values"]
            case "object", str():
                here = here["attributes"].get(step)
            case _:
                return False
    return False


def inputs_of(schema: Schema, attributes: dict[str, Any]) -> dict[str, Any]:
    """Returns the attributes that could have been given: inputs that plan to no change."""
    return _given(schema["attributes"], attributes)


def _given(attributes: dict[str, Schema], values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _given_value(attributes[name], value)
        for name, value in sorted(values.items())
        if name in attributes and not attributes[name].get("output_only") and value is not None
    }


def _given_value(attribute: Schema, value: Any) -> Any:
    match attribute["kind"], value:
        case "object", dict():
            return _given(attribute["attributes"], value)
        case "list", list():
            return [_given_value(attribute["items"], item) for item in value]
        case "map", dict():
            return {key: _given_value(attribute["values"], item) for key, item in value.items()}
    return value


def _plan_map(
    attributes: dict[str, Schema], inputs: dict[str, Any], prior: dict[str, Any], computed: Computed
) -> dict[str, Any]:
    planned = {
        name: _plan_value(attribute, inputs.get(name), prior.get(name), computed)
        for name, attribute in sorted(attributes.items())
    }
    return {name: value for name, value in planned.items() if value is not None}


def _plan_value(attribute: Schema, given: Any, prior: Any, computed: Computed) -> Any:
    output_only = attribute.get("output_only")
    if output_only or reveal(given) is None:
        if not attribute.get("computed") and not output_only:
            return None
        if computed == "create" or (computed == "change" and attribute.get("volatile")):
            return UNKNOWN
        return prior
    if computed != "create" and same(attribute, given, prior):
        return _keep_mark(given, prior)
    match attribute["kind"], reveal(given), reveal(prior):
        case "object", dict() as one, other:
            before = other if isinstance(other, dict) else {}
            planned: Any = _plan_map(attribute["attributes"], one, before, computed)
        case "list", list() as one, other if attribute["items"]["kind"] == "object":
            planned = _plan_elements(attribute, one, other if isinstance(other, list) else [], computed)
        case _, one, _:
            planned = one
    return _keep_mark(given, planned)


def _keep_mark(given: Any, planned: Any) -> Any:
    return secret(planned) if isinstance(given, Secret) else planned


def _plan_elements(attribute: Schema, inputs: list[Any], prior: list[Any], computed: Computed) -> list[Any]:
    items = attribute["items"]
    if not attribute.get("unordered"):
        before = [*prior, *[None] * len(inputs)]
        return [_plan_value(items, one, other, computed) for one, other in zip(inputs, before)]
    # Each takes after the first it can be made of without a change, so that what the provider set in it stays.
    free = list(prior)
    planned = []
    for one in inputs:
        index = next(
            (at for at, other in enumerate(free) if same(items, _plan_value(items, one, other, "keep"), other)),
            None,
        )
        if index is None:
            planned.append(_plan_value(items, one, None, "create"))
        else:
            planned.append(_plan_value(items, one, free.pop(index), computed))
    return planned


def _diff_map(
    attributes: dict[str, Schema],
    prior: dict[str, Any],
    planned: dict[str, Any],
    at: Path,
    changes: list[Change],
) -> None:
    # What only the provider sets has its prior value here, so it never is a reason to change something.
    for name, before, after in each_key(prior, planned):
        if name in attributes:
            _diff_value(attributes[name], before, after, (*at, name), changes)


def _diff_value(attribute: Schema, prior: Any, planned: Any, at: Path, changes: list[Change]) -> None:
    if same(attribute, prior, planned):
        return
    match attribute["kind"], reveal(prior), reveal(planned):
        case _, None, _:
            changes.append(Change(at, "add"))
        case _, _, None:
            changes.append(Change(at, "delete"))
        case "object", dict() as one, dict() as other:
            _diff_map(attribute["attributes"], one, other, at, changes)
        case "map", dict() as one, dict() as other:
            for key, before, after in each_key(one, other):
                _diff_value(attribute["values"], before, after, (*at, key), changes)
        case "list", list() as one, list() as other if not attribute.get("unordered") and len(one) == len(other):
            for index, (before, after) in enumerate(zip(one, other)):
                _diff_value(attribute["items"], before, after, (*at, index), changes)
        case _:
            changes.append(Change(at, "update"))
