"""Tests of a plugin without a sandbox: a cloud that answers by script, and the steps of an object's life."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .cloud import Request, Response, SendError
from .plan import Plan
from .plugin import Call, Object, Plugin


@dataclass
class Expected:
    """A request that should come, and its answer."""

    method: str
    path: str
    status: int = 200
    json: Any = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    error: SendError | None = None


class ScriptedCloud:
    """Answers requests in the order of a script, and fails on any other."""

    def __init__(self, *script: Expected) -> None:
        self.script = list(script)
        self.received: list[Request] = []

    def send(self, request: Request) -> Response:
        """Answers a request."""
        self.received.append(request)
        told = f"{request.method} {request.path}"
        if not self.script:
            raise AssertionError(f"{told} came after the end of the script")
        expected = self.script.pop(0)
        if (expected.method, expected.path) != (request.method, request.path):
            raise AssertionError(f"{told} came, {expected.method} {expected.path} was expected")
        if expected.body is not None and json.loads(request.body or b"null") != expected.body:
            raise AssertionError(f"{told} carries {request.body.decode()}, {expected.body} was expected")
        if expected.error is not None:
            raise expected.error
        body = b"" if expected.json is None else json.dumps(expected.json).encode()
        return Response(expected.status, tuple(expected.headers.items()), body)

    def __enter__(self) -> ScriptedCloud:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None and self.script:
            left = ", ".join(f"{one.method} {one.path}" for one in self.script)
            raise AssertionError(f"these requests did not come: {left}")


class Lifecycle:
    """One object's life: each step checks, plans and does what the host would."""

    def __init__(self, plugin: Plugin, resource_type: str, sender: Any) -> None:
        self.plugin = plugin
        self.resource_type = resource_type
        self.sender = sender
        self.object: Object | None = None
        self.inputs: Any = None

    def call(self, **options: Any) -> Call[Any]:
        """Returns what an operation is given."""
        return Call(self.sender, {}, "test", prior=self.object, **options)

    def plan(self, inputs: dict[str, Any]) -> Plan:
        """Checks and plans, and fails where the inputs are not good."""
        checked, found = self.plugin.check(self.resource_type, inputs)
        errors = [one for one in found if one.severity == "error"]
        assert not errors, errors
        self.inputs = checked
        return self.plugin.plan(self.resource_type, self.object, checked)

    def apply(self, inputs: dict[str, Any], token: str = "token") -> Plan:
        """Creates, updates or replaces, as the plan says, and checks that what was planned is what came."""
        plan = self.plan(inputs)
        replaced = any(change.requires_replacement for change in plan.changes)
        if self.object is not None and replaced:
            self.delete()
        call = self.call(planned=plan.planned, idempotency_token=token)
        if self.object is None:
            outcome = self.plugin.create(self.resource_type, call, self.inputs)
        elif plan.changes:
            outcome = self.plugin.update(self.resource_type, call, self.object.id, self.inputs)
        else:
            return plan
        assert isinstance(outcome, Object), outcome
        self.object = outcome
        again = self.plugin.plan(self.resource_type, self.object, self.inputs)
        assert not again.changes, f"a second plan finds changes: {again.changes}"
        return plan

    def read(self) -> Object | None:
        """Reads the object as a refresh does."""
        assert self.object is not None
        return self.plugin.read(self.resource_type, self.call(), self.object.id)

    def list(self, filter: Any = None) -> list[Object]:
        """Lists what exists."""
        return self.plugin.list(self.resource_type, self.call(filter=filter))

    def import_(self, id: str) -> None:
        """Takes over an object that exists already, and checks that nothing is left to change."""
        self.object, inputs = self.plugin.import_(self.resource_type, self.call(), id)
        again = self.plan(inputs)
        assert not again.changes, f"a plan after the import finds changes: {again.changes}"

    def delete(self) -> None:
        """Deletes the object."""
        assert self.object is not None
        assert self.plugin.delete(self.resource_type, self.call(), self.object.id) is None
        self.object = None
