"""The cases that the SDKs of all languages must answer alike. The Rust SDK's own test checks the same file."""

import json
from pathlib import Path
from typing import Any

import pytest
from konductor_sdk.check import check_inputs
from konductor_sdk.diagnostics import path_text
from konductor_sdk.equality import normalise
from konductor_sdk.plan import plan_object
from konductor_sdk.values import decode, encode, from_json, reveal, to_json

FILE = Path(__file__).parents[2] / "conformance-cases" / "plan-and-check.json"
SHARED = json.loads(FILE.read_text())


def answer(schema: dict[str, Any], case: dict[str, Any]) -> Any:
    if "check" in case:
        checked, found = check_inputs(schema, from_json(case["check"]))
        diagnostics = [
            {
                "severity": one.severity,
                "summary": one.summary,
                "help": one.help or None,
                "at": path_text(one.at) or None,
            }
            for one in found
        ]
        return {"inputs": to_json(checked), "diagnostics": diagnostics}
    if "normalise" in case:
        actual, expected = (from_json(case["normalise"][name]) for name in ("actual", "expected"))
        return to_json(normalise(schema, actual, expected))
    prior = from_json(case["plan"]["prior"])
    plan = plan_object(schema, None if prior is None else reveal(prior), from_json(case["plan"]["inputs"]))
    changes = [
        {"at": path_text(one.at), "kind": one.kind, "requires_replacement": one.requires_replacement}
        for one in plan.changes
    ]
    return {"planned": to_json(plan.planned), "changes": changes}


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_a_shared_case_is_answered_as_in_rust(case: dict[str, Any]) -> None:
    # Text, so that `1`, `1.0` and `true` are three things.
    assert json.dumps(answer(SHARED["schema"], case), sort_keys=True) == json.dumps(case["expected"], sort_keys=True)


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_values_survive_the_table_of_nodes(case: dict[str, Any]) -> None:
    value = from_json({name: case[name] for name in ("check", "plan", "normalise") if name in case})
    nodes = encode(value)
    assert to_json(decode(nodes)) == to_json(value)
    for index, (kind, held) in enumerate(nodes):
        children = held if kind == "list" else [at for _, at in held] if kind == "map" else []
        assert all(at > index for at in children)
