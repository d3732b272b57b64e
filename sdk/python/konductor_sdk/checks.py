"""Checks of plans, states and drift, as a plugin of the world `compliance-plugin`.

    @check("owner")
    def owner(document: Document) -> Iterator[Finding]:
        for bucket in document.of_type("aws:s3:Bucket"):
            if bucket.metadata("owner") is None:
                yield deny(f"nobody owns {bucket.name}", bucket)

    CHECKS = Checks("acme-checks", "0.1.0", "What Acme asks of every stack", [owner])

A package of policies names such a plugin. See docs/policy.md and docs/languages.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .failure import Failure
from .schema import DefinitionError

FORMAT = 1
"""The version of the request and the answer."""

_ACTIONS = {
    ("no-op",): "none",
    ("read",): "none",
    ("create",): "create",
    ("update",): "update",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("delete",): "delete",
    ("forget",): "forget",
}


class Resource:
    """A resource of a document."""

    def __init__(self, entry: dict[str, Any], action: str, before: Any, after: Any) -> None:
        self.entry = entry
        """Its entry in the document."""
        self.action = action
        """What is done with it: `none`, `create`, `update`, `replace`, `delete`, `forget`; `other` for what this SDK does
        not know."""
        self.before: dict[str, Any] | None = before
        """The attributes there are; `None` where there is no object."""
        self.after: dict[str, Any] | None = after
        """The attributes as they will be, without those that are not known yet; `None` where there will be no object."""

    @property
    def address(self) -> str:
        """Type and name: `aws_s3_bucket.logs`."""
        return self.entry.get("address", "")

    @property
    def name(self) -> str:
        """The name in the stack."""
        return self.entry.get("name", "")

    @property
    def type(self) -> str:
        """Konductor's name of the type, `aws:s3:Bucket`; in a document of another tool that tool's."""
        return self._own.get("type") or self.known_as

    @property
    def known_as(self) -> str:
        """Terraform's name of the type where the plugin says it, `aws_s3_bucket`, else Konductor's."""
        return self.entry.get("type", "")

    @property
    def urn(self) -> str | None:
        """The URN; `None` in a document of another tool."""
        return self._own.get("urn")

    @property
    def id(self) -> str | None:
        """The identifier that the cloud gave it, where there is one."""
        return self._own.get("id")

    @property
    def place(self) -> str | None:
        """Where it is declared: `konductor.yaml:12:3`."""
        return self._own.get("place")

    @property
    def remains(self) -> bool:
        """Whether it is there when all is done."""
        return self.action not in ("delete", "forget")

    def is_a(self, name: str) -> bool:
        """Tells whether it is of a type, by Konductor's name or by Terraform's."""
        return name in (self.type, self.known_as)

    def metadata(self, field: str) -> str | None:
        """Returns what is said of it: `owner`, `data_classification`."""
        return (self._own.get("metadata") or {}).get(field)

    def attribute(self, path: str) -> Any:
        """Returns an attribute as it will be: names and positions with dots between, `tags.owner`, `rules.0.port`. `None`
        where it is null, is not there, or is not known yet."""
        found = self.after
        for step in path.split("."):
            found = _step(found, step)
        return found

    def is_unknown(self, path: str) -> bool:
        """Tells whether an attribute is known only after the apply."""
        return _is_marked(self._change.get("after_unknown"), path)

    def is_secret(self, path: str) -> bool:
        """Tells whether an attribute is secret: what is shown of it is the text `(secret)`."""
        own = "sensitive_values" in self.entry
        return _is_marked(self.entry["sensitive_values"] if own else self._change.get("after_sensitive"), path)

    @property
    def _own(self) -> dict[str, Any]:
        return self.entry.get("konductor") or {}

    @property
    def _change(self) -> dict[str, Any]:
        return self.entry.get("change") or {}


def _step(value: Any, step: str) -> Any:
    if isinstance(value, list):
        return value[int(step)] if step.isdecimal() and int(step) < len(value) else None
    return value.get(step) if isinstance(value, dict) else None


def _is_marked(marks: Any, path: str) -> bool:
    """Tells whether marks say `true` of a path, or of something around it."""
    for step in path.split("."):
        if marks is True:
            return True
        marks = _step(marks, step)
    return marks is True


def _changed(entry: dict[str, Any]) -> Resource:
    change = entry.get("change") or {}
    action = _ACTIONS.get(tuple(change.get("actions") or ()), "other")
    return Resource(entry, action, change.get("before"), change.get("after"))


def _managed(entries: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Returns entries, but for those that Terraform only reads."""
    return [entry for entry in entries or () if entry.get("mode") != "data"]


def _recorded(module: dict[str, Any]) -> Iterator[Resource]:
    for entry in _managed(module.get("resources")):
        values = entry.get("values")
        yield Resource(entry, "none", values, values)
    for inner in module.get("child_modules") or ():
        yield from _recorded(inner)


class Document:
    """A plan, a state or drift: one that Konductor shows to policies, or that `terraform show -json` writes.

    Raises a `Failure` for a document that is none of them."""

    def __init__(self, input: dict[str, Any]) -> None:
        self.input = input
        """The whole document."""
        if isinstance(input, dict) and "resource_changes" in input:
            self.changes = [_changed(entry) for entry in _managed(input["resource_changes"])]
            """Every resource of the plan, with those that go."""
        elif isinstance(input, dict) and "values" in input:
            self.changes = list(_recorded((input["values"] or {}).get("root_module") or {}))
        else:
            raise Failure("invalid", "the document is neither a plan with `resource_changes` nor a state with `values`")
        self.drift = [_changed(entry) for entry in _managed(input.get("resource_drift"))]
        """The objects that are not as they were recorded: `before` as recorded, `after` as they are."""

    @property
    def resources(self) -> list[Resource]:
        """The resources that there are when all is done, or that are recorded: most checks are about these."""
        return [resource for resource in self.changes if resource.remains]

    def of_type(self, name: str) -> list[Resource]:
        """Returns those of `resources` that are of a type, by Konductor's name or by Terraform's."""
        return [resource for resource in self.resources if resource.is_a(name)]

    @property
    def operation(self) -> str:
        """What is judged: `apply`, `destroy`, `rollback`, `drift`, `state`; empty for a document of another tool."""
        return self._own.get("operation", "")

    @property
    def project(self) -> str:
        """The project's name."""
        return self._own.get("project", "")

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self._own.get("stack", "")

    @property
    def _own(self) -> dict[str, Any]:
        return self.input.get("konductor") or {}


@dataclass(frozen=True)
class Finding:
    """Something that a check found. `deny` and `warn` make one."""

    message: str
    warning: bool = False
    details: dict[str, Any] = field(default_factory=dict)


def deny(message: str, resource: Resource | None = None, attribute: str | None = None, **details: Any) -> Finding:
    """Says what is wrong, with which resource and attribute: what follows is decided by the level of the package."""
    return Finding(message, False, _details(resource, attribute, details))


def warn(message: str, resource: Resource | None = None, attribute: str | None = None, **details: Any) -> Finding:
    """Says something that is told, and nothing follows."""
    return Finding(message, True, _details(resource, attribute, details))


def _details(resource: Resource | None, attribute: str | None, details: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if resource is not None:
        known = {
            "resource": resource.name,
            "address": resource.address,
            "urn": resource.urn,
            "place": resource.place,
        }
    known["attribute"] = attribute
    return {name: value for name, value in known.items() if value is not None} | details


@dataclass(frozen=True)
class Check:
    """A function that is shown a document and finds something in it, by the rule it is told by. `@check` makes one."""

    rule: str
    function: Callable[[Document], Iterable[Finding] | None]

    def __call__(self, document: Document) -> list[Finding]:
        """Returns what it finds."""
        found = list(self.function(document) or ())
        if not all(isinstance(one, Finding) for one in found):
            raise TypeError(f"the check `{self.rule}` gives something other than findings; make them with `deny` and `warn`")
        return found


def check(rule: str) -> Callable[[Callable[[Document], Iterable[Finding] | None]], Check]:
    """Makes a check of a function."""
    return lambda function: Check(rule, function)


class Checks:
    """A plugin of checks.

    Raises a `DefinitionError` when there is none, or two have one name."""

    def __init__(self, name: str, version: str, description: str, checks: Iterable[Check]) -> None:
        self.name = name
        self.version = version
        self.description = description
        self.checks = list(checks)
        rules = [one.rule for one in self.checks]
        problems = [f"there are two checks `{rule}`" for rule in sorted({r for r in rules if rules.count(r) > 1})]
        if not rules:
            problems = ["it has no check"]
        if problems:
            raise DefinitionError(name, problems)

    def manifest(self) -> dict[str, Any]:
        """Returns what the plugin says about itself."""
        return {"name": self.name, "version": self.version, "description": self.description}

    def judge(self, document: Document | dict[str, Any]) -> dict[str, Any]:
        """Applies all checks to a document: for tests, and what the sandbox calls."""
        shown = document if isinstance(document, Document) else Document(document)
        findings = []
        for one in self.checks:
            for found in one(shown):
                finding: dict[str, Any] = {"rule": one.rule, "message": found.message}
                if found.warning:
                    finding["warning"] = True
                if found.details:
                    finding["details"] = found.details
                findings.append(finding)
        return {"rules": [one.rule for one in self.checks], "findings": findings}

    def messages(self, document: Document | dict[str, Any]) -> list[str]:
        """Returns the messages of what the checks find in a document: for tests."""
        return [finding["message"] for finding in self.judge(document)["findings"]]

    def evaluate(self, request: str) -> str:
        """Applies all checks to the document in a request, and returns the answer: both are JSON.

        Raises a `Failure` where the request is for something else."""
        asked = json.loads(request)
        if not isinstance(asked, dict) or asked.get("task") != "check":
            raise Failure("invalid", "this plugin checks plans, states and drift, and was asked for something else")
        if asked.get("format") != FORMAT:
            told = f"the request has format {asked.get('format')}, and this plugin reads {FORMAT}"
            raise Failure("invalid", f"{told}; build it with the SDK of this konductor")
        return json.dumps(self.judge(asked.get("input")))


class Sample:
    """A document for a test, made resource by resource: each step returns the sample, `document` what it made."""

    def __init__(self) -> None:
        self._changes: list[dict[str, Any]] = []
        self._drift: list[dict[str, Any]] = []
        self._operation = "apply"
        self._last: dict[str, Any] = {}

    def create(self, type: str, name: str, **after: Any) -> Sample:
        """Adds a resource that is created."""
        return self._add(self._changes, type, name, "create", None, after)

    def update(self, type: str, name: str, before: dict[str, Any], after: dict[str, Any]) -> Sample:
        """Adds a resource that is changed."""
        return self._add(self._changes, type, name, "update", before, after)

    def keep(self, type: str, name: str, **attributes: Any) -> Sample:
        """Adds a resource that stays as it is."""
        return self._add(self._changes, type, name, "no-op", attributes, attributes)

    def delete(self, type: str, name: str, **before: Any) -> Sample:
        """Adds a resource that is deleted."""
        return self._add(self._changes, type, name, "delete", before, None)

    def drifted(self, type: str, name: str, before: dict[str, Any], after: dict[str, Any] | None) -> Sample:
        """Adds an object that is not as it was recorded."""
        self._operation = "drift"
        return self._add(self._drift, type, name, "update" if after else "delete", before, after)

    def metadata(self, **fields: str) -> Sample:
        """Says something of the resource that was added last: `owner`."""
        self._last["konductor"]["metadata"].update(fields)
        return self

    def unknown(self, attribute: str) -> Sample:
        """Says that an attribute of the resource that was added last is known only after the apply."""
        self._last["change"]["after_unknown"][attribute] = True
        return self

    def document(self) -> Document:
        """Returns the document."""
        own = {"format": 1, "operation": self._operation, "project": "sample", "stack": "dev"}
        return Document(
            {
                "format_version": "1.2",
                "resource_changes": self._changes,
                "resource_drift": self._drift,
                "konductor": own,
            }
        )

    def _add(
        self, entries: list[dict[str, Any]], type: str, name: str, action: str, before: Any, after: Any
    ) -> Sample:
        change = {"actions": [action], "before": before, "after": after, "after_unknown": {}}
        urn = f"urn:konductor:sample:dev:{type}::{name}"
        own = {"urn": urn, "name": name, "type": type, "metadata": {}, "place": None}
        self._last = {"address": f"{type}.{name}", "type": type, "name": name, "change": change, "konductor": own}
        entries.append(self._last)
        return self
