"""Components: inputs in, declarations out. Nothing here calls the cloud."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from .check import check_inputs
from .diagnostics import Diagnostic, Path, Step, path_text
from .equality import Schema
from .failure import Failure
from .schema import DefinitionError, Example, from_shape, schema_of, shape_in, to_shape
from .values import Reference, is_wholly_known, reveal

Shape = TypeVar("Shape")
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """How a declaration is treated, beyond its properties. Paths are written as people do: `rules[0].port`."""

    protect: bool = False
    """Never delete or replace it."""
    retain_on_delete: bool = False
    """Forget it instead of deleting it."""
    ignore_changes: tuple[str, ...] = ()
    """Inputs whose changes are not acted on once the object exists."""
    replace_on_changes: tuple[str, ...] = ()
    """Inputs whose changes mean replacement, beyond those the schema names."""
    delete_before_replace: bool | None = None
    """On replacement delete first, or insist on creating first; none leaves it to the schema."""
    aliases: tuple[str, ...] = ()
    """Names this had before."""
    sensitive: tuple[str, ...] = ()
    """Attributes to treat as secret, beyond those the schema names."""


@dataclass(frozen=True)
class Sibling:
    """A declaration of the same answer, for others to refer to: `shelf["name"]`."""

    name: str
    type: str
    attributes: frozenset[str] | None = None
    """What can be referred to; none where the type is another plugin's."""

    def __getitem__(self, attribute: str) -> Any:
        """Returns a reference to one of its attributes or outputs."""
        return self.at(attribute)

    def at(self, attribute: str, *steps: Step) -> Any:
        """Returns a reference to a place in its attributes or outputs.

        Raises a `Failure` where its type has no such attribute."""
        if self.attributes is not None and attribute not in self.attributes:
            known = ", ".join(sorted(self.attributes))
            raise Failure("other", f"a mistake in the plugin: {self.type} has no attribute `{attribute}`, only {known}")
        return Reference(f"./{self.name}", (attribute, *steps))


@dataclass(frozen=True)
class Declaration:
    """A resource or component that should exist."""

    name: str
    type: str
    properties: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Constructed:
    """What a component stands for."""

    declarations: list[Declaration]
    outputs: dict[str, Any]
    diagnostics: list[Diagnostic]


class Construction:
    """What a component declares, and what it knows of the run."""

    def __init__(self, name: str, metadata: Mapping[str, Any]) -> None:
        self.name = name
        """The component's name in the stack."""
        self.metadata = metadata
        """The run's metadata, of which a plugin sees the fields its manifest asks for."""
        self.declarations: list[Declaration] = []
        self.diagnostics: list[Diagnostic] = []

    def declare(
        self,
        name: str,
        type: str | Any,
        properties: Any,
        *,
        depends_on: Iterable[Sibling] = (),
        options: Options = Options(),
    ) -> Sibling:
        """Declares a resource or component. `type` is its class, or the name of another plugin's type; `properties` are
        a shape or a map, and what is `None` in them is left out.

        Returns what others refer to it by."""
        if any(declared.name == name for declared in self.declarations):
            raise Failure("other", f"a mistake in the plugin: it declares `{name}` twice")
        given = from_shape(properties)
        if not isinstance(given, dict):
            raise Failure("other", f"a mistake in the plugin: the properties of `{name}` are no shape and no map")
        chosen = {
            one.name: list(value) if isinstance(value, tuple) else value
            for one in dataclasses.fields(options)
            if (value := getattr(options, one.name)) != one.default
        }
        if siblings := [f"./{sibling.name}" for sibling in depends_on]:
            chosen["depends_on"] = siblings
        schema = None if isinstance(type, str) else type.schema
        type_name = type if isinstance(type, str) else type.type
        properties = {key: value for key, value in given.items() if value is not None}
        self.declarations.append(Declaration(name, type_name, properties, chosen))
        return Sibling(name, type_name, None if schema is None else frozenset(schema["attributes"]))

    def diagnose(self, diagnostic: Diagnostic) -> None:
        """Says what is wrong with the inputs."""
        self.diagnostics.append(diagnostic)

    def known(self, value: T, *at: Step) -> T:
        """Returns an input that decides what exists, and so has to be known before anything is made.

        Raises a `Failure` with its place where it is not."""
        if not is_wholly_known(value):
            raise not_known_yet(at)
        return value


def not_known_yet(at: Path) -> Failure:
    """Says that an input is needed before it can be known."""
    found = Diagnostic(
        f"`{path_text(at)}` is not known yet",
        "it decides what exists",
        "give a value that does not come from something that is still to be made",
        at,
    )
    return Failure("invalid", found.summary, diagnostics=[found])


class Component(Generic[Shape]):
    """A component type: a group of resources with inputs and outputs of its own. Subclass it with its shape,
    `class Libraries(Component[Library], type=…)`, and write `construct`."""

    schema: ClassVar[Schema]
    shape: ClassVar[type]
    type: ClassVar[str]

    def __init_subclass__(cls, *, type: str, examples: tuple[Example, ...] = ()) -> None:
        super().__init_subclass__()
        problems = []
        if cls.construct is Component.construct:
            problems.append("`construct` is missing")
        shape = shape_in(cls)
        if shape is None:
            problems.append("its shape is missing; write `Component[SHAPE]`")
        if problems or shape is None:
            raise DefinitionError(type, problems)
        cls.type = type
        cls.shape = shape
        cls.schema = schema_of(type, cls.shape, None, kind="component", examples=examples)

    def check(self, inputs: dict[str, Any]) -> Iterable[Diagnostic]:
        """Finds what a schema cannot say, in checked inputs that may hold unknowns and references."""
        return ()

    def construct(self, construction: Construction, inputs: Shape) -> dict[str, Any]:
        """Declares the resources, and returns the outputs. Of the inputs any may be `UNKNOWN` or a `Reference`, to be
        passed on; `construction.known` is for those that decide what exists."""
        raise NotImplementedError


def construct(component: Component[Any], name: str, inputs: Any, metadata: Mapping[str, Any]) -> Constructed:
    """Checks the inputs of a component, and declares what it stands for where they are good."""
    checked, found = check_inputs(component.schema, inputs)
    given = reveal(checked)
    if isinstance(given, dict):
        found.extend(component.check(given))
    if any(one.severity == "error" for one in found):
        return Constructed([], {}, found)
    if not isinstance(given, dict):
        raise not_known_yet(())
    construction = Construction(name, metadata)
    outputs = from_shape(component.construct(construction, to_shape(component.shape, given)))
    declared = {name for name, one in component.schema["attributes"].items() if one.get("output_only")}
    if not isinstance(outputs, dict) or outputs.keys() != declared:
        wanted = ", ".join(sorted(declared)) or "nothing"
        given_out = ", ".join(sorted(outputs)) if isinstance(outputs, dict) else type(outputs).__name__
        raise Failure(
            "other",
            f"a mistake in the plugin: `construct` of {component.type} has to return the outputs {wanted}, "
            f"and returned {given_out or 'none'}",
        )
    return Constructed(construction.declarations, outputs, [*found, *construction.diagnostics])


__all__ = ["Component", "Constructed", "Construction", "Declaration", "Options", "Sibling", "construct"]
