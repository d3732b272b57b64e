"""From dataclasses to schemas: type hints say what is taken, field metadata the rest."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .equality import Schema
from .values import reveal, to_json

T = TypeVar("T")
_METADATA = "konductor"
_TYPE_NAME = re.compile(r"[a-z][a-z0-9-]*:[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]*")


class DefinitionError(TypeError):
    """Says what is wrong with a definition, all of it, with the names to change."""

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(f"{name}: " + "; ".join(problems))
        self.problems = problems


class Json:
    """The type hint of a JSON document, given as text or as data and compared by content."""


@dataclass(frozen=True)
class Identity:
    """How an object is named from outside: the form of its identifier, and the attributes it is made of."""

    format: str
    attributes: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Example:
    """A declaration that works, as a `resources:` section in YAML; the catalogue shows it and checks try it."""

    title: str
    yaml: str


def attribute(
    description: str,
    *,
    default: Any = None,
    computed: bool = False,
    output_only: bool = False,
    volatile: bool = False,
    replaces: bool = False,
    sensitive: bool = False,
    write_only: bool = False,
    one_of: tuple[Any, ...] = (),
    pattern: str | None = None,
    range: tuple[int | None, int | None] = (None, None),
    unordered: bool = False,
    format: str = "any",
    deprecated: str | None = None,
    simulated: str | None = None,
) -> Any:
    """Describes an attribute. `range` limits a number, the length of a text or the elements of a list. An attribute
    that may be `None`, has a default or is computed need not be given."""
    flags = {
        "description": description,
        "computed": computed or output_only,
        "output_only": output_only,
        "volatile": volatile,
        "replaces": replaces,
        "sensitive": sensitive,
        "write_only": write_only,
        "default": to_json(default),
        "allowed": [to_json(one) for one in one_of],
        "deprecated": deprecated,
        "simulated": simulated,
    }
    form = {"pattern": pattern, "range": range, "unordered": unordered, "format": format}
    return dataclasses.field(default=None, kw_only=True, metadata={_METADATA: (flags, form)})


def output(description: str, **options: Any) -> Any:
    """Describes an attribute that only the provider sets."""
    return attribute(description, output_only=True, **options)


def schema_of(
    resource_type: str,
    shape: type,
    identity: Identity | None,
    *,
    kind: Literal["resource", "component"] = "resource",
    tags: str | None = None,
    version: int = 0,
    delete_before_replace: bool = False,
    replace_on_every_change: bool = False,
    batch_read: bool = False,
    examples: tuple[Example, ...] = (),
) -> Schema:
    """Returns the JSON schema of a resource or component type; a component has no identity.

    Raises a `DefinitionError` with everything that is wrong."""
    problems: list[str] = []
    if not _TYPE_NAME.fullmatch(resource_type):
        problems.append(f"`{resource_type}` is no type name; write `plugin:group:Name`")
    attributes = attributes_of(shape, problems)
    if identity is None and kind == "resource":
        problems.append("its identity is missing; say `identity=Identity(FORMAT, (ATTRIBUTE, …))`")
    for name in identity.attributes if identity else ():
        if name not in attributes:
            problems.append(f"its identity names `{name}`, which is no attribute")
    if tags is not None and attributes.get(tags, {}).get("kind") != "map":
        problems.append(f"its tags are `{tags}`, which is no attribute of the type dict[str, str]")
    if problems:
        raise DefinitionError(resource_type, problems)
    if replace_on_every_change:
        for one in attributes.values():
            if not one.get("output_only"):
                one["replaces"] = True
    return _kept(
        {
            "type": resource_type,
            "kind": None if kind == "resource" else kind,
            "description": (shape.__doc__ or "").strip(),
            "version": version,
            "attributes": attributes,
            "identity": identity
            and _kept(
                {
                    "format": identity.format,
                    "description": identity.description,
                    "attributes": list(identity.attributes),
                }
            ),
            "tags": tags,
            "delete_before_replace": delete_before_replace,
            "batch_read": batch_read,
            "examples": [dataclasses.asdict(example) for example in examples],
        },
        always=("attributes", "description"),
    )


def _kept(schema: Schema, always: tuple[str, ...] = ()) -> Schema:
    """Leaves out what has its default value."""
    return {
        name: value
        for name, value in schema.items()
        if name in always or not (value is None or value is False or value == [] or value == "" or value == 0)
        or name == "default" and value is not None
    }


def attributes_of(shape: type, problems: list[str]) -> dict[str, Schema]:
    """Returns the schemas of a shape's attributes, and adds what is wrong with them."""
    hints = get_type_hints(shape)
    attributes = {}
    for field in dataclasses.fields(shape):
        if _METADATA not in field.metadata:
            problems.append(f"`{shape.__name__}.{field.name}` is not described; write `= attribute(\"…\")`")
            continue
        flags, form = field.metadata[_METADATA]
        hint, optional = _without_none(hints[field.name])
        try:
            kind = _kind(hint, form, problems)
        except DefinitionError as error:
            problems.extend(f"`{shape.__name__}.{field.name}`: {problem}" for problem in error.problems)
            continue
        required = not (optional or flags["computed"] or flags["default"] is not None)
        if flags["output_only"] and flags["default"] is not None:
            problems.append(f"`{shape.__name__}.{field.name}` is set by the provider and has a default")
        if flags["volatile"] and not flags["computed"]:
            problems.append(f"`{shape.__name__}.{field.name}` is volatile and not computed")
        attributes[field.name] = {"kind": kind.pop("kind"), **_kept({**flags, "required": required}), **kind}
    return attributes


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        left = [one for one in get_args(hint) if one is not type(None)]
        if len(left) == 1:
            return left[0], len(left) < len(get_args(hint))
    return hint, False


def _limits(form: dict[str, Any], what: str) -> Schema:
    low, high = form["range"]
    return {name: limit for name, limit in ((f"minimum{what}", low), (f"maximum{what}", high)) if limit is not None}


def _kind(hint: Any, form: dict[str, Any], problems: list[str]) -> Schema:
    free = {"pattern": None, "range": (None, None), "unordered": False, "format": "any"}
    if hint is bool:
        return {"kind": "boolean"}
    if hint is int:
        return {"kind": "integer", **_limits(form, "")}
    if hint is float:
        return {"kind": "number"}
    if hint is bytes:
        return {"kind": "bytes"}
    if hint is Json:
        return {"kind": "json"}
    if hint is Any:
        return {"kind": "any"}
    if hint is str:
        text: Schema = {"kind": "text", **_limits(form, "_length")}
        if form["format"] != "any":
            text["format"] = form["format"]
        if form["pattern"]:
            re.compile(form["pattern"])
            text["pattern"] = form["pattern"]
        return text
    if get_origin(hint) is Literal:
        kind = _kind(type(get_args(hint)[0]), free, problems)
        return {**kind, "allowed": list(get_args(hint))}
    if get_origin(hint) is list:
        kind = {"kind": "list", "items": _kind(get_args(hint)[0], free, problems), **_limits(form, "_items")}
        return {**kind, "unordered": True} if form["unordered"] else kind
    if get_origin(hint) is dict and get_args(hint)[0] is str:
        return {"kind": "map", "values": _kind(get_args(hint)[1], free, problems)}
    if dataclasses.is_dataclass(hint):
        return {"kind": "object", "attributes": attributes_of(typing.cast(type, hint), problems)}
    name = getattr(hint, "__name__", str(hint))
    known = "bool, int, float, str, bytes, Json, Any, Literal, list, dict[str, …] or a dataclass"
    raise DefinitionError(name, [f"`{name}` cannot be the type of an attribute; use {known}"])


def shape_in(declared: type) -> type | None:
    """Returns the shape that a class names in its bases, `Resource[SHAPE]`; none where it names none."""
    named = (argument for base in getattr(declared, "__orig_bases__", ()) for argument in get_args(base))
    return next((one for one in named if hasattr(one, "__konductor__")), None)


def to_shape(shape: type[T], values: Any) -> T:
    """Makes a dataclass of attributes. What is unknown or secret stays `UNKNOWN` or `Secret`."""
    hints = get_type_hints(shape)
    return shape(**{name: _to_hint(hints[name], value) for name, value in reveal(values).items() if name in hints})


def _to_hint(hint: Any, value: Any) -> Any:
    hint, _ = _without_none(hint)
    if isinstance(value, dict) and dataclasses.is_dataclass(hint):
        return to_shape(typing.cast(type, hint), value)
    if isinstance(value, dict) and get_origin(hint) is dict:
        return {key: _to_hint(get_args(hint)[1], item) for key, item in value.items()}
    if isinstance(value, list) and get_origin(hint) is list:
        return [_to_hint(get_args(hint)[0], item) for item in value]
    return value


def from_shape(value: Any) -> Any:
    """Returns the attributes of a dataclass, without those that are `None`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__konductor__"):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: from_shape(one) for name, one in fields if one is not None}
    if isinstance(value, list):
        return [from_shape(item) for item in value]
    if isinstance(value, dict):
        return {key: from_shape(item) for key, item in value.items()}
    return value


@typing.dataclass_transform(kw_only_default=True, field_specifiers=(attribute, output))
def shape(declared: type[T]) -> type[T]:
    """Makes a class the shape of a resource type, or of an object inside one."""
    made = dataclass(kw_only=True)(declared)
    made.__konductor__ = True  # type: ignore[attr-defined]
    return made


__all__ = ["DefinitionError", "Identity", "Json", "attribute", "output", "shape", "to_shape", "from_shape"]
