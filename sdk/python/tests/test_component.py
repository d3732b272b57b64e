from typing import Any

import pytest
from konductor_sdk import (
    UNKNOWN,
    Call,
    Component,
    Construction,
    DefinitionError,
    Diagnostic,
    Failure,
    Identity,
    Object,
    Options,
    Plugin,
    Reference,
    Resource,
    Secret,
    attribute,
    function,
    output,
    shape,
)
from konductor_sdk.diagnostics import path_from, path_text
from konductor_sdk.testing import ScriptedCloud
from konductor_sdk.values import decode, encode, from_json, to_json


@shape
class Box:
    """A box."""

    name: str = attribute("Its name.", replaces=True)
    inside: str | None = attribute("What it is in.")
    id: str = output("Its number.")


class Boxes(
    Resource[Box],
    type="shelf:store:Box",
    identity=Identity("NAME", ("name",)),
    undeletable=True,
    replace_on_every_change=True,
):
    def create(self, call: Call[Box], inputs: Box) -> Object:
        return Object(inputs.name, inputs)

    def read(self, call: Call[Box], id: str) -> Object | None:
        return None


@shape
class Stack:
    """Boxes in boxes."""

    name: str = attribute("The name of the outer one.")
    inner: list[str] = attribute("The names of the inner ones.")
    key: str | None = attribute("A key.", sensitive=True)
    outer: str = output("The outer one's number.")


class Stacks(Component[Stack], type="shelf:store:Stack"):
    def check(self, inputs: dict[str, Any]) -> list[Diagnostic]:
        itself = inputs.get("inner") == [inputs.get("name")]
        return [Diagnostic("a box cannot be in itself", at=("inner",))] if itself else []

    def construct(self, construction: Construction, inputs: Stack) -> dict[str, Any]:
        options = Options(protect=True, ignore_changes=("inside",))
        outer = construction.declare("outer", Boxes, Box(name=inputs.name), options=options)
        for name in construction.known(inputs.inner, "inner"):
            construction.declare(name, "other:store:Box", {"in": outer["id"], "none": None}, depends_on=[outer])
        construction.declare("label", "other:store:Label", {"text": inputs.key, "owner": construction.metadata.get("owner")})
        construction.diagnose(Diagnostic("boxes are old", severity="warning"))
        return {"outer": outer["id"]}


SHELF = Plugin("shelf", "1.0.0", "", [Boxes()], components=[Stacks()], metadata=("owner",), declares=("other",))
KIND = "shelf:store:Stack"


def test_a_component_declares_resources_with_references_options_and_outputs() -> None:
    elsewhere = Reference("there", ("names", 0))
    inputs = {"name": elsewhere, "inner": ["a", UNKNOWN][:1], "key": Secret("k")}
    made = SHELF.construct(KIND, "boxes", inputs, {"owner": "me"})
    outer = Reference("./outer", ("id",))
    assert [(one.name, one.type, one.properties, one.options) for one in made.declarations] == [
        ("outer", "shelf:store:Box", {"name": elsewhere}, {"protect": True, "ignore_changes": ["inside"]}),
        ("a", "other:store:Box", {"in": outer}, {"depends_on": ["./outer"]}),
        ("label", "other:store:Label", {"text": Secret("k"), "owner": "me"}, {}),
    ]
    assert made.outputs == {"outer": outer}
    assert [one.summary for one in made.diagnostics] == ["boxes are old"]


def test_what_is_wrong_with_the_inputs_is_told_and_nothing_is_declared() -> None:
    made = SHELF.construct(KIND, "boxes", {"name": "a", "inner": ["a"], "outer": "x"})
    assert sorted(one.summary for one in made.diagnostics) == [
        "`outer` is set by the provider and cannot be given",
        "a box cannot be in itself",
    ]
    assert (made.declarations, made.outputs) == ([], {})
    for inputs, at in (({"name": "a", "inner": ["b", UNKNOWN]}, ("inner",)), (UNKNOWN, ())):
        with pytest.raises(Failure) as raised:
            SHELF.construct(KIND, "boxes", inputs)
        assert (raised.value.disposition, raised.value.diagnostics[0].at) == ("invalid", at)
    with pytest.raises(Failure, match="no component type"):
        SHELF.construct("shelf:store:Box", "boxes", {})


def test_the_manifest_and_the_schema_tell_of_components_and_functions() -> None:
    manifest = Plugin("shelf", "1.0.0", "", [], components=[Stacks()], functions=[count], declares=("other",)).manifest()
    assert (manifest["component_types"], manifest["functions"], manifest["declares"]) == ([KIND], ["count"], ["other"])
    assert SHELF.manifest()["metadata"] == ["owner"]
    assert (Stacks.schema["kind"], "identity" in Stacks.schema) == ("component", False)
    assert '"kind": "component"' in SHELF.schema(KIND)
    assert "kind" not in Boxes.schema
    _, found = SHELF.check(KIND, {"nmae": "a", "inner": []})
    assert [one.help for one in found][0] == "did you mean `name`?"


@pytest.mark.parametrize(
    ("construct", "told"),
    [
        (lambda one, _: {"outer": one.declare("a", Boxes, Box(name="a"))["nmae"]}, "has no attribute `nmae`, only id"),
        (lambda one, _: [one.declare("a", Boxes, Box()), one.declare("a", Boxes, Box())], "declares `a` twice"),
        (lambda one, _: {"outer": one.declare("a", Boxes, "a")}, "no shape and no map"),
        (lambda one, _: {"other": 1}, "has to return the outputs outer, and returned other"),
        (lambda one, _: None, "and returned NoneType"),
    ],
)
def test_a_mistake_of_the_author_is_told_as_one(construct: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stacks, "construct", lambda self, construction, inputs: construct(construction, inputs))
    with pytest.raises(Failure, match=told) as raised:
        SHELF.construct(KIND, "boxes", {"name": "a", "inner": []})
    assert raised.value.message.startswith("a mistake in the plugin")


def test_a_component_without_construct_or_shape_is_an_error_where_it_is_defined() -> None:
    with pytest.raises(DefinitionError, match="`construct` is missing; its shape is missing"):

        class Empty(Component, type="shelf:store:Empty"):  # type: ignore[type-arg]
            pass

    with pytest.raises(DefinitionError, match="defined twice"):
        Plugin("shelf", "1.0.0", "", [], components=[Stacks(), Stacks()])
    with pytest.raises(DefinitionError, match="does not begin with `other:`"):
        Plugin("other", "1.0.0", "", [], components=[Stacks()])


@shape
class Counted:
    """What is counted."""

    name: str = attribute("A name.")
    least: int = attribute("From how many.", default=1)


@function
def count(call: Call[Any], arguments: Counted) -> Any:
    """Counts."""
    return {"name": arguments.name, "count": arguments.least + 1, "box": Box(name="a")}


def test_a_function_is_given_checked_arguments_and_answers_with_data_or_a_shape() -> None:
    plugin = Plugin("shelf", "1.0.0", "", [], functions=[count])
    call = Call(ScriptedCloud(), {}, "")
    assert plugin.invoke("count", call, {"name": "a"}) == {"name": "a", "count": 2, "box": {"name": "a"}}
    assert count(call, Counted(name="b", least=5))["count"] == 6
    with pytest.raises(Failure) as raised:
        plugin.invoke("count", call, {"least": "many", "nmae": "a"})
    assert [one.at for one in raised.value.diagnostics] == [("least",), ("nmae",), ("name",)]
    with pytest.raises(Failure, match="not known yet"):
        plugin.invoke("count", call, {"name": UNKNOWN})
    with pytest.raises(Failure, match="no function `cuont`"):
        plugin.invoke("cuont", call, {})


def test_a_function_that_takes_no_shape_is_an_error_where_it_is_defined() -> None:
    with pytest.raises(DefinitionError, match="it takes a call and a shape"):

        @function
        def untyped(call: Call[Any], arguments: dict[str, str]) -> None:
            """Takes a map."""

    with pytest.raises(DefinitionError, match="`id` is an argument, and cannot be set by the provider"):

        @function
        def boxed(call: Call[Any], arguments: Box) -> None:
            """Takes a shape with an output."""

    with pytest.raises(DefinitionError, match="the function `count` is defined twice"):
        Plugin("shelf", "1.0.0", "", [], functions=[count, count])


def test_references_keep_their_places_on_every_way() -> None:
    path = ("rules", 0, "a.b", 'c"d', "port")
    reference = Reference("./outer", path)
    assert path_from(path_text(path)) == path
    assert from_json(to_json(reference)) == decode(encode(reference)) == reference
