"""A plugin's definition, and the calls of the interface with everything the schema says done around them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

from .check import check_inputs
from .cloud import Endpoint, Sender
from .component import Component, Constructed, construct
from .diagnostics import Diagnostic
from .equality import Schema, mark_sensitive, normalise, without_nulls
from .failure import Failure, failure_of
from .function import Function
from .plan import Plan, inputs_of, plan_object
from .schema import DefinitionError, Example, Identity, from_shape, schema_of, shape_in, to_shape
from .values import reveal

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Object:
    """What exists: its identifier, its attributes (a shape or a map), and bytes only the plugin reads."""

    id: str
    attributes: Any
    private: bytes = b""
    schema_version: int = 0


@dataclass(frozen=True)
class InProgress:
    """A long operation that is under way: the host calls `poll` with the handle."""

    handle: bytes
    message: str
    retry_after_milliseconds: int = 1000
    id: str | None = None


@dataclass(frozen=True)
class Partial:
    """Something exists, but it is not what was asked for."""

    object: Object
    reason: Failure


@dataclass(frozen=True)
class Deleted:
    """The end of a deletion that was polled."""


Outcome = Object | InProgress | Partial


@dataclass
class Call(Generic[Shape]):
    """What an operation is given beside the object's attributes."""

    sender: Sender
    config: Any
    name: str
    idempotency_token: str = ""
    planned: Any = None
    prior: Object | None = None
    private: bytes = b""
    filter: Any = None

    def endpoint(self, id: str) -> Endpoint:
        """Returns a client of an endpoint of the manifest."""
        return Endpoint(self.sender, id)


@dataclass(frozen=True)
class Reading:
    """One of many objects that are read at once."""

    id: str
    name: str = ""
    prior: Object | None = None
    """The object as it was last seen."""


class Resource(Generic[Shape]):
    """A resource type. Subclass it with its shape, `class Books(Resource[Book], type=…, identity=…)`, and write
    `create`, `read`, `update`, `delete` and `list`, and `read_many` where the API reads many objects with few calls.

    A class without `update` says `replace_on_every_change=True`, one without `delete` says `undeletable=True`: nothing
    important is left out silently."""

    schema: ClassVar[Schema]
    shape: ClassVar[type]
    type: ClassVar[str]

    def __init_subclass__(
        cls,
        *,
        type: str,
        identity: Identity | None = None,
        tags: str | None = None,
        version: int = 0,
        undeletable: bool = False,
        replace_on_every_change: bool = False,
        delete_before_replace: bool = False,
        examples: tuple[Example, ...] = (),
    ) -> None:
        super().__init_subclass__()
        problems = []
        for name in ("create", "read"):
            if getattr(cls, name) is getattr(Resource, name):
                problems.append(f"`{name}` is missing")
        for name, instead, said in (
            ("update", "replace_on_every_change", replace_on_every_change),
            ("delete", "undeletable", undeletable),
        ):
            written = getattr(cls, name) is not getattr(Resource, name)
            if not written and not said:
                problems.append(f"`{name}` is missing; write it or say `{instead}=True`")
            if written and said:
                problems.append(f"`{name}` is written beside `{instead}=True`; keep one")
        shape = shape_in(cls)
        if shape is None:
            problems.append("its shape is missing; write `Resource[SHAPE]`")
        if problems or shape is None:
            raise DefinitionError(type, problems)
        cls.type = type
        cls.shape = shape
        cls.schema = schema_of(
            type,
            cls.shape,
            identity,
            tags=tags,
            version=version,
            delete_before_replace=delete_before_replace,
            replace_on_every_change=replace_on_every_change,
            batch_read=cls.read_many is not Resource.read_many,
            examples=examples,
        )

    def check(self, inputs: dict[str, Any]) -> Iterable[Diagnostic]:
        """Finds what a schema cannot say, in checked inputs that may hold unknowns."""
        return ()

    def create(self, call: Call[Shape], inputs: Shape) -> Outcome:
        """Makes the object. Asked again with the same token it finds what it made."""
        raise NotImplementedError

    def read(self, call: Call[Shape], id: str) -> Object | None:
        """Reads the object, none where it is gone."""
        raise NotImplementedError

    def read_many(self, call: Call[Shape], readings: list[Reading]) -> Iterable[Object | Failure | None]:
        """Reads many objects with few calls: the answers stand in the order of the readings, none for what is gone and
        a failure for what alone could not be read. A type without it reads one by one."""
        raise NotImplementedError

    def update(self, call: Call[Shape], id: str, inputs: Shape) -> Outcome:
        """Changes the object in place."""
        raise Failure("unsupported", f"{self.type} cannot be changed in place")

    def delete(self, call: Call[Shape], id: str) -> InProgress | None:
        """Deletes the object. That it is gone already is no error."""
        raise Failure("unsupported", f"{self.type} cannot be deleted; take it out of the state instead")

    def list(self, call: Call[Shape]) -> Iterable[Object]:
        """Returns what exists."""
        raise Failure("unsupported", f"{self.type} cannot be listed")

    def poll(self, call: Call[Shape], handle: bytes) -> Outcome | Deleted:
        """Asks how a long operation stands."""
        raise Failure("unsupported", f"{self.type} has no long operations")

    def upgrade(self, stored: Object) -> Object:
        """Rewrites an object that an older version of the schema stored."""
        raise Failure("unsupported", f"{self.type} cannot read schema version {stored.schema_version}")

    def permissions(self, operation: str) -> list[str]:
        """Returns what an operation needs to be allowed."""
        return []


@dataclass(frozen=True)
class EndpointRequest:
    """An endpoint the plugin wants to call. Where it is and what authenticates requests is the operator's to say."""

    id: str
    reason: str
    methods: tuple[str, ...] = ()
    protocol: str = "http"
    service: str = ""


@dataclass(frozen=True)
class Reveal:
    """A secret attribute the plugin has to see as it is."""

    resource_type: str
    attribute: str
    reason: str


@dataclass
class Plugin:
    """A plugin: what it is, what it wants, and the types and functions it has."""

    name: str
    version: str
    description: str
    resources: list[Resource[Any]]
    endpoints: list[EndpointRequest] = field(default_factory=list)
    reveals: list[Reveal] = field(default_factory=list)
    config_schema: dict[str, Any] | None = None
    components: list[Component[Any]] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    metadata: tuple[str, ...] = ()
    """The fields of the run's metadata that components see: `project`, `stack`, `owner`."""
    declares: tuple[str, ...] = ()
    """The other plugins whose types its components declare."""

    def __post_init__(self) -> None:
        names = [one.type for one in (*self.resources, *self.components)]
        functions = [one.name for one in self.functions]
        prefix = f"{self.name}:"
        problems = [f"the type `{name}` does not begin with `{prefix}`" for name in names if not name.startswith(prefix)]
        for what, every in (("type", names), ("function", functions)):
            problems += [f"the {what} `{name}` is defined twice" for name in sorted({*every}) if every.count(name) > 1]
        if problems:
            raise DefinitionError(self.name, problems)

    def manifest(self) -> dict[str, Any]:
        """Returns what the plugin says about itself."""
        return {
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "resource_types": [resource.type for resource in self.resources],
            "component_types": [component.type for component in self.components],
            "functions": [function.name for function in self.functions],
            "metadata": list(self.metadata),
            "declares": list(self.declares),
            "modules": [self.name] if self.config_schema is not None else [],
            "endpoints": [
                {
                    "id": one.id,
                    "protocol": one.protocol,
                    "service": one.service or self.name,
                    "methods": list(one.methods),
                    "reason": one.reason,
                }
                for one in self.endpoints
            ],
            "reveals": [
                {"resource_type": one.resource_type, "attribute": one.attribute, "reason": one.reason}
                for one in self.reveals
            ],
        }

    def resource(self, resource_type: str) -> Resource[Any]:
        """Returns a type of the plugin.

        Raises a `Failure` where it has none of that name."""
        for resource in self.resources:
            if resource.type == resource_type:
                return resource
        raise Failure("unsupported", f"this plugin has no type `{resource_type}`")

    def component(self, component_type: str) -> Component[Any] | None:
        """Returns a component type of the plugin, none where it has none of that name."""
        return next((one for one in self.components if one.type == component_type), None)

    def check(self, type_name: str, inputs: Any) -> tuple[Any, list[Diagnostic]]:
        """Checks the inputs of a resource or component and applies defaults."""
        checker = self.component(type_name) or self.resource(type_name)
        checked, found = check_inputs(checker.schema, inputs)
        if isinstance(checked, dict):
            found.extend(checker.check(checked))
        return checked, found

    def plan(self, resource_type: str, prior: Object | None, inputs: Any) -> Plan:
        """Plans an object."""
        attributes = None if prior is None else reveal(prior.attributes)
        return plan_object(self.resource(resource_type).schema, attributes, inputs)

    def upgrade_state(self, resource_type: str, stored: Object) -> Object:
        """Rewrites an object that an older version stored."""
        resource = self.resource(resource_type)
        version = resource.schema.get("version", 0)
        if stored.schema_version == version:
            return stored
        if stored.schema_version > version:
            raise Failure(
                "unsupported",
                f"the object was written by a newer plugin (schema version {stored.schema_version}, this one has "
                f"{version}): use that plugin",
            )
        return replace(resource.upgrade(stored), schema_version=version)

    def create(self, resource_type: str, call: Call[Any], inputs: Any) -> Outcome:
        """Creates an object."""
        resource = self.resource(resource_type)
        return _settle_outcome(resource, resource.create(call, to_shape(resource.shape, inputs)), call.planned)

    def read(self, resource_type: str, call: Call[Any], id: str) -> Object | None:
        """Reads an object."""
        resource = self.resource(resource_type)
        try:
            found = resource.read(call, id)
        except Failure as failure:
            if failure.disposition != "not-found":
                raise
            return None
        return None if found is None else _settle_read(resource, found, call.prior)

    def read_many(
        self, resource_type: str, call: Call[Any], readings: list[Reading]
    ) -> list[Object | Failure | None]:
        """Reads many objects of one type, one by one where the type has no better way."""
        resource = self.resource(resource_type)

        def one(reading: Reading) -> Object | Failure | None:
            try:
                return self.read(resource_type, replace(call, name=reading.name, prior=reading.prior), reading.id)
            except Exception as error:
                return failure_of(error)

        if not resource.schema.get("batch_read"):
            return [one(reading) for reading in readings]
        answers = list(resource.read_many(call, readings))
        if len(answers) != len(readings):
            raise Failure("other", f"{resource_type} answered {len(answers)} of {len(readings)} reads")

        def settled(reading: Reading, answer: Object | Failure | None) -> Object | Failure | None:
            if isinstance(answer, Failure):
                return None if answer.disposition == "not-found" else answer
            return None if answer is None else _settle_read(resource, answer, reading.prior)

        return list(map(settled, readings, answers))

    def update(self, resource_type: str, call: Call[Any], id: str, inputs: Any) -> Outcome:
        """Changes an object."""
        resource = self.resource(resource_type)
        return _settle_outcome(resource, resource.update(call, id, to_shape(resource.shape, inputs)), call.planned)

    def delete(self, resource_type: str, call: Call[Any], id: str) -> InProgress | None:
        """Deletes an object; that it is gone already is a success."""
        try:
            return self.resource(resource_type).delete(call, id)
        except Failure as failure:
            if failure.disposition != "not-found":
                raise
            return None

    def list(self, resource_type: str, call: Call[Any]) -> list[Object]:
        """Lists objects."""
        resource = self.resource(resource_type)
        return [_settle(resource, found, None) for found in resource.list(call)]

    def import_(self, resource_type: str, call: Call[Any], id: str) -> tuple[Object, dict[str, Any]]:
        """Takes over an object, with inputs that plan to no change against it."""
        found = self.read(resource_type, call, id)
        if found is None:
            raise Failure("not-found", f"there is no {resource_type} `{id}`")
        return found, inputs_of(self.resource(resource_type).schema, found.attributes)

    def poll(self, resource_type: str, call: Call[Any], handle: bytes) -> Outcome | Deleted:
        """Asks how a long operation stands."""
        resource = self.resource(resource_type)
        outcome = resource.poll(call, handle)
        return outcome if isinstance(outcome, Deleted) else _settle_outcome(resource, outcome, call.planned)

    def schema(self, type_name: str) -> str:
        """Returns the schema of a resource or component type as JSON."""
        return json.dumps((self.component(type_name) or self.resource(type_name)).schema)

    def invoke(self, function: str, call: Call[Any], arguments: Any) -> Any:
        """Calls a function.

        Raises a `Failure` where there is none of that name, or its arguments are wrong."""
        for one in self.functions:
            if one.name == function:
                return one.invoke(call, arguments)
        raise Failure("unsupported", f"this plugin has no function `{function}`")

    def construct(
        self, component_type: str, name: str, inputs: Any, metadata: Mapping[str, Any] | None = None
    ) -> Constructed:
        """Declares what a component stands for; where its inputs are wrong, nothing but what is wrong."""
        component = self.component(component_type)
        if component is None:
            raise Failure("unsupported", f"this plugin has no component type `{component_type}`")
        return construct(component, name, inputs, metadata or {})


def _settle(resource: Resource[Any], found: Object, expected: Any) -> Object:
    """Gives an object the spelling that was expected, its secret marks and its schema version."""
    attributes = normalise(resource.schema, without_nulls(from_shape(found.attributes)), expected)
    return replace(
        found,
        attributes=mark_sensitive(resource.schema["attributes"], attributes),
        schema_version=resource.schema.get("version", 0),
    )


def _settle_read(resource: Resource[Any], found: Object, prior: Object | None) -> Object:
    """Settles what was read against what was last seen; private bytes that it leaves out are kept."""
    if prior is None:
        return _settle(resource, found, None)
    kept = found if found.private else replace(found, private=prior.private)
    return _settle(resource, kept, prior.attributes)


def _settle_outcome(resource: Resource[Any], outcome: Outcome, expected: Any) -> Outcome:
    match outcome:
        case Object():
            return _settle(resource, outcome, expected)
        case Partial(found, reason):
            return Partial(_settle(resource, found, expected), reason)
    return outcome
