"""Checks as their author tests them, the documents that all SDKs read alike, and the exports of the component."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from konductor_sdk import DefinitionError, Failure
from konductor_sdk.checks import Checks, Document, Finding, Resource, Sample, check, deny, warn

WIT = Path(__file__).parents[3] / "wit"
SHARED = json.loads((Path(__file__).parents[2] / "conformance-cases" / "checks.json").read_text())


@check("owner")
def owner(document: Document) -> Iterator[Finding]:
    for bucket in document.of_type("aws:s3:Bucket"):
        if bucket.metadata("owner") is None:
            yield deny(f"nobody owns {bucket.name}", bucket)


@check("key")
def key(document: Document) -> Iterator[Finding]:
    for one in document.resources:
        if one.attribute("key") is None and not one.is_unknown("key"):
            yield warn(f"{one.name} has no key")


@check("drift")
def drift(document: Document) -> list[Finding]:
    return [deny(f"{one.name} drifted") for one in document.drift]


CHECKS = Checks("acme-checks", "1.2.3", "What Acme asks of every stack", [owner, key, drift])


def test_a_check_is_tested_with_a_document_made_for_it() -> None:
    plan = (
        Sample()
        .create("aws:s3:Bucket", "logs", key="k")
        .create("aws:s3:Bucket", "owned")
        .metadata(owner="platform")
        .unknown("key")
        .keep("aws:ec2:Vpc", "main")
        .update("aws:s3:Bucket", "changed", {}, {"key": "k"})
        .metadata(owner="platform")
        .delete("aws:s3:Bucket", "old")
    )
    assert CHECKS.messages(plan.document()) == ["nobody owns logs", "main has no key"]
    drifted = Sample().drifted("aws:s3:Bucket", "logs", {}, {"key": "x"}).drifted("aws:s3:Bucket", "gone", {}, None)
    assert drifted.document().operation == "drift"
    assert CHECKS.messages(drifted.document()) == ["logs drifted", "gone drifted"]


def test_definitions_and_findings_that_are_none_are_refused() -> None:
    with pytest.raises(DefinitionError, match="it has no check"):
        Checks("none", "0.1.0", "", [])
    with pytest.raises(DefinitionError, match="there are two checks `owner`"):
        Checks("twice", "0.1.0", "", [owner, owner])

    @check("odd")
    def odd(document: Document) -> Any:
        return ["text"]

    with pytest.raises(TypeError, match="the check `odd` gives something other than findings"):
        Checks("odd", "0.1.0", "", [odd]).judge({"resource_changes": []})


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"format": 1, "task": "evaluate", "packages": [], "input": {}}, "was asked for something else"),
        ({"format": 2, "task": "check", "input": {}}, "the request has format 2, and this plugin reads 1"),
        ({"format": 1, "task": "check", "input": {}}, "neither a plan"),
        ({"format": 1, "task": "check"}, "neither a plan"),
        ([], "was asked for something else"),
    ],
)
def test_a_request_for_something_else_fails(request_: Any, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        CHECKS.evaluate(json.dumps(request_))


def seen(resource: Resource, paths: list[str]) -> dict[str, Any]:
    attributes = {path: resource.attribute(path) for path in paths}
    return {
        "address": resource.address,
        "name": resource.name,
        "type": resource.type,
        "known_as": resource.known_as,
        "urn": resource.urn,
        "id": resource.id,
        "place": resource.place,
        "owner": resource.metadata("owner"),
        "action": resource.action,
        "remains": resource.remains,
        "is_a_bucket": resource.is_a("aws:s3:Bucket") and resource.is_a("aws_s3_bucket"),
        "before": resource.before,
        "attributes": {path: value for path, value in attributes.items() if value is not None},
        "unknown": [path for path in paths if resource.is_unknown(path)],
        "secret": [path for path in paths if resource.is_secret(path)],
    }


def answer(case: dict[str, Any]) -> Any:
    @check("about")
    def about(document: Document) -> list[Finding]:
        return [deny("about it", resource, "a.b") for resource in document.resources]

    @check("plain")
    def plain(document: Document) -> list[Finding]:
        return [warn("plain", control="SC-28")]

    try:
        document = Document(case["input"])
    except Failure as failure:
        return {"error": failure.message}
    return {
        "operation": document.operation,
        "project": document.project,
        "stack": document.stack,
        "changes": [seen(one, case["paths"]) for one in document.changes],
        "drift": [seen(one, case["paths"]) for one in document.drift],
        "resources": [one.name for one in document.resources],
        "buckets": [one.name for one in document.of_type("aws:s3:Bucket")],
        "findings": Checks("cases", "0.1.0", "", [about, plain]).judge(document),
    }


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_a_shared_document_is_read_as_in_rust(case: dict[str, Any]) -> None:
    assert json.dumps(answer(case), sort_keys=True) == json.dumps(case["expected"], sort_keys=True)


# In a process of its own: the bindings of the other world have the same name.
GUEST = """
import json, sys
from konductor_sdk.checks_guest import exports
from componentize_py_types import Err
from test_checks import CHECKS, Sample
plugin, compliance = (one() for one in exports(CHECKS))
assert json.loads(plugin.describe())["name"] == "acme-checks"
assert (compliance.frameworks(), compliance.controls_for("a:b:C")) == ("[]", "[]")
plan = Sample().create("aws:s3:Bucket", "logs", key="k").document().input
asked = {"format": 1, "task": "check", "package": "acme", "input": plan}
answer = json.loads(compliance.evaluate(json.dumps(asked)))
assert answer["rules"] == ["owner", "key", "drift"], answer
assert answer["findings"][0]["message"] == "nobody owns logs", answer
for wrong, told in ((dict(asked, task="evaluate"), "asked for something else"), (dict(asked, input=None), "neither")):
    try:
        compliance.evaluate(json.dumps(wrong))
    except Err as error:
        assert told in error.value.value[0].summary, error.value
    else:
        raise AssertionError(wrong)
"""


def test_the_exports_of_the_component_answer(tmp_path: Path) -> None:
    bindings = tmp_path / "generated"
    builder = Path(sys.executable).parent / "componentize-py"
    subprocess.run([builder, "-d", WIT, "-w", "compliance-plugin", "bindings", bindings], check=True)
    places = [bindings, Path(__file__).parent, Path(__file__).parents[1]]
    subprocess.run(
        [sys.executable, "-B", "-c", GUEST], check=True, env={"PYTHONPATH": ":".join(str(place) for place in places)}
    )
