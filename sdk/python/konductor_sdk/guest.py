"""The exports of a plugin inside the sandbox. A plugin's main module says `from konductor_sdk.guest import exports` and
`Plugin, Provider, Operations, Module = exports(plugin)`; outside a sandbox this module cannot be imported."""

from __future__ import annotations

import json
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.exports import module as wit_module
from wit_world.exports import operations as wit_operations
from wit_world.exports import provider as wit_provider
from wit_world.imports import cloud as wit_cloud
from wit_world.imports import types as wit

from . import plugin as sdk
from .cloud import Request, Response, SendError
from .failure import Failure
from .guest_answers import answers, diagnostics_out, error_out, steps_out
from .values import Reference, decode, encode

_NODES = {
    "null": wit.Node_Null,
    "boolean": wit.Node_Boolean,
    "integer": wit.Node_Integer,
    "number": wit.Node_Number,
    "text": wit.Node_Text,
    "bytes": wit.Node_Bytes,
    "list": wit.Node_List,
    "map": wit.Node_Map,
    "unknown": wit.Node_Unknown,
    "secret": wit.Node_Secret,
    "reference": wit.Node_Reference,
}
_KINDS = {node: kind for kind, node in _NODES.items()}
_SEND_ERRORS = {
    wit_cloud.SendError_Denied: "denied",
    wit_cloud.SendError_NoCredentials: "no-credentials",
    wit_cloud.SendError_Timeout: "timeout",
    wit_cloud.SendError_Connection: "connection",
    wit_cloud.SendError_TooLarge: "too-large",
    wit_cloud.SendError_Other: "other",
}
# Each operation has an instance of its own, which is configured first.
_config: Any = None


class Sandbox:
    """The host."""

    def send(self, request: Request) -> Response:
        """Sends a request through the host."""
        out = wit_cloud.Request(
            request.endpoint,
            request.region,
            request.method,
            request.path,
            list(request.query),
            list(request.headers),
            request.body,
            request.idempotent,
        )
        try:
            answer = wit_cloud.send(out)
        except Err as error:
            raise SendError(_SEND_ERRORS[type(error.value)], error.value.value) from None
        return Response(answer.status, tuple(answer.headers), answer.body)


def _node_out(kind: str, held: Any) -> Any:
    if kind in ("null", "unknown"):
        return _NODES[kind]()
    if kind == "map":
        return wit.Node_Map([wit.MapEntry(key, at) for key, at in held])
    if kind == "reference":
        return wit.Node_Reference(wit.Reference(held.resource, steps_out(held.path)))
    return _NODES[kind](held)


def value_out(value: Any) -> list[Any]:
    return [_node_out(kind, held) for kind, held in encode(value)]


def value_in(nodes: list[Any]) -> Any:
    def held(node: Any) -> Any:
        if isinstance(node, wit.Node_Map):
            return [(entry.key, entry.value) for entry in node.value]
        if isinstance(node, wit.Node_Reference):
            return Reference(node.value.resource, tuple(step.value for step in node.value.path))
        return getattr(node, "value", None)

    return decode([(_KINDS[type(node)], held(node)) for node in nodes])


def _object_in(found: Any) -> sdk.Object | None:
    if found is None:
        return None
    return sdk.Object(found.id, value_in(found.attributes), bytes(found.private), found.schema_version)


def _object_out(found: sdk.Object) -> Any:
    return wit.Object(found.id, value_out(found.attributes), found.private, found.schema_version)


def _progress_out(found: sdk.InProgress) -> Any:
    return wit_operations.Progress(found.handle, found.retry_after_milliseconds, found.id, found.message)


def _outcome_out(outcome: Any, prefix: str) -> Any:
    made = lambda case: getattr(wit_operations, f"{prefix}_{case}")  # noqa: E731
    match outcome:
        case sdk.Object():
            return made("Complete")(_object_out(outcome))
        case sdk.InProgress():
            return made("InProgress")(_progress_out(outcome))
        case sdk.Partial(found, reason):
            return made("Partial")(wit_operations.Partial(_object_out(found), error_out(reason)))
        case sdk.Deleted():
            return made("Deleted")()
    raise Failure("other", f"an operation answered with {type(outcome).__name__}; give an Object")


def exports(plugin: sdk.Plugin) -> tuple[type, type, type, type]:
    """Returns the classes that the component exports."""

    def call(request: Any, **options: Any) -> sdk.Call[Any]:
        prior = getattr(request, "prior", None)
        return sdk.Call(Sandbox(), _config, getattr(request, "name", ""), prior=_object_in(prior), **options)

    def working(request: Any) -> sdk.Call[Any]:
        token, private = request.idempotency_token, bytes(request.private)
        return call(request, planned=value_in(request.planned), idempotency_token=token, private=private)

    class Plugin:
        def describe(self) -> str:
            return json.dumps(plugin.manifest())

    class Provider:
        @answers
        def check(self, request: Any) -> Any:
            checked, found = plugin.check(request.resource_type, value_in(request.inputs))
            return wit_provider.CheckResponse(value_out(checked), diagnostics_out(found))

        @answers
        def plan(self, request: Any) -> Any:
            plan = plugin.plan(request.resource_type, _object_in(request.prior), value_in(request.inputs))
            changes = [
                wit_provider.AttributeChange(
                    steps_out(one.at), wit_provider.ChangeKind[one.kind.upper()], one.requires_replacement
                )
                for one in plan.changes
            ]
            return wit_provider.PlanResponse(
                value_out(plan.planned),
                changes,
                plan.delete_before_replace,
                plan.private,
                diagnostics_out(plan.diagnostics),
            )

        @answers
        def upgrade_state(self, resource_type: str, stored: Any) -> Any:
            return _object_out(plugin.upgrade_state(resource_type, _object_in(stored) or sdk.Object("", {})))

        def required_permissions(self, resource_type: str, operation: str) -> list[str]:
            try:
                return plugin.resource(resource_type).permissions(operation)
            except Failure:
                return []

        @answers
        def schema(self, resource_type: str) -> str:
            return plugin.schema(resource_type)

    class Operations:
        @answers
        def configure(self, config: list[Any]) -> None:
            global _config
            _config = value_in(config)

        @answers
        def create(self, request: Any) -> Any:
            outcome = plugin.create(request.resource_type, working(request), value_in(request.inputs))
            return _outcome_out(outcome, "Outcome")

        @answers
        def read(self, request: Any) -> Any:
            found = plugin.read(request.resource_type, call(request), request.id)
            return None if found is None else _object_out(found)

        @answers
        def read_many(self, requests: list[Any]) -> list[Any]:
            def alone(request: Any) -> Any:
                try:
                    return self.read_many([request])[0]
                except Err as error:
                    return error

            if len({request.resource_type for request in requests}) != 1:
                return [alone(request) for request in requests]
            readings = [sdk.Reading(request.id, request.name, _object_in(request.prior)) for request in requests]
            answers = plugin.read_many(requests[0].resource_type, sdk.Call(Sandbox(), _config, ""), readings)

            def told(answer: Any) -> Any:
                if isinstance(answer, Failure):
                    return Err(error_out(answer))
                return Ok(None if answer is None else _object_out(answer))

            return [told(answer) for answer in answers]

        @answers
        def list(self, request: Any) -> Any:
            found = plugin.list(request.resource_type, call(request, filter=value_in(request.filter)))
            return wit_operations.Listed([_object_out(one) for one in found], None)

        @answers
        def update(self, request: Any) -> Any:
            inputs = value_in(request.inputs)
            outcome = plugin.update(request.resource_type, working(request), request.prior.id, inputs)
            return _outcome_out(outcome, "Outcome")

        @answers
        def delete(self, request: Any) -> Any:
            token = request.idempotency_token
            outcome = plugin.delete(request.resource_type, call(request, idempotency_token=token), request.prior.id)
            if outcome is None:
                return wit_operations.Deletion_Complete()
            return wit_operations.Deletion_InProgress(_progress_out(outcome))

        @answers
        def import_(self, resource_type: str, name: str, id: str) -> Any:
            found, inputs = plugin.import_(resource_type, sdk.Call(Sandbox(), _config, name), id)
            return wit_operations.Imported(_object_out(found), value_out(inputs))

        @answers
        def poll(self, request: Any) -> Any:
            asked = call(request, planned=value_in(request.planned))
            outcome = plugin.poll(request.resource_type, asked, bytes(request.handle))
            return _outcome_out(outcome, "PollOutcome")

        @answers
        def invoke(self, function: str, arguments: Any) -> Any:
            return value_out(plugin.invoke(function, sdk.Call(Sandbox(), _config, ""), value_in(arguments)))

    def module(name: str) -> dict[str, Any]:
        if plugin.config_schema is None or name != plugin.name:
            raise Failure("unsupported", f"this plugin has no module `{name}`")
        return plugin.config_schema

    class Module:
        @answers
        def config_schema(self, name: str) -> str:
            return json.dumps(module(name))

        @answers
        def defaults(self, name: str) -> Any:
            module(name)
            return value_out(None)

        def dependencies(self, name: str) -> list[str]:
            return []

        @answers
        def construct(self, request: Any) -> Any:
            if plugin.component(request.target) is None:
                module(request.target)
                return wit_module.ConstructResponse([], value_out({}), [])
            inputs, metadata = value_in(request.inputs), value_in(request.metadata)
            made = plugin.construct(request.target, request.name, inputs, metadata)
            declarations = [
                wit_module.Declaration(one.name, one.type, value_out(one.properties), value_out(one.options))
                for one in made.declarations
            ]
            return wit_module.ConstructResponse(
                declarations, value_out(made.outputs), diagnostics_out(made.diagnostics)
            )

    return Plugin, Provider, Operations, Module
