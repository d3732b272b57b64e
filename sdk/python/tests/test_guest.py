"""The exports of the component, with the bindings that the builder generates and functions in place of the host's."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from konductor_sdk import (
    Call,
    Component,
    Construction,
    Failure,
    Identity,
    Object,
    Plugin,
    Reading,
    Reference,
    Resource,
    attribute,
    function,
    output,
    shape,
)

WIT = Path(__file__).parents[3] / "wit"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    bindings = tmp_path_factory.mktemp("bindings") / "generated"
    builder = Path(sys.executable).parent / "componentize-py"
    subprocess.run([builder, "-d", WIT, "-w", "provider-plugin", "bindings", bindings], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(bindings)
        import konductor_sdk.guest as guest

        yield guest


@shape
class Box:
    """A box."""

    name: str = attribute("Its name.", replaces=True)
    id: str = output("Its number.")


class Boxes(
    Resource[Box],
    type="shelf:store:Box",
    identity=Identity("NAME", ("name",)),
    undeletable=True,
    replace_on_every_change=True,
):
    def create(self, call: Call[Box], inputs: Box) -> Object:
        if inputs.name == "sent":
            return Object(call.endpoint("api").get("/a")["id"], inputs)
        return Object("1", {"name": inputs.name, "id": {}["mistake"]})  # type: ignore[index]

    def read(self, call: Call[Box], id: str) -> Object | None:
        if id == "mistake":
            raise KeyError("no such thing")
        return None if id == "gone" else Object(id, Box(name=id, id=call.name))


class Batched(
    Boxes,
    Resource[Box],
    type="shelf:store:Batched",
    identity=Identity("NAME", ("name",)),
    undeletable=True,
    replace_on_every_change=True,
):
    def read_many(self, call: Call[Box], readings: list[Reading]) -> list[Object | Failure | None]:
        slowly = Failure("throttled", "slowly")
        return [slowly if one.id == "slow" else Object(one.id, Box(name=one.id, id=one.name)) for one in readings]


@shape
class Stack:
    """Boxes in a box."""

    name: str = attribute("Its name.")
    id: str = output("Its number.")


class Stacks(Component[Stack], type="shelf:store:Stack"):
    def construct(self, construction: Construction, inputs: Stack) -> dict[str, Any]:
        box = construction.declare("outer", Boxes, Box(name=inputs.name), depends_on=())
        construction.declare("label", "other:store:Label", {"owner": construction.metadata["owner"]}, depends_on=[box])
        return {"id": box.at("id", 0)}


PLUGIN = Plugin("shelf", "1.0.0", "", [Boxes(), Batched()], components=[Stacks()], metadata=("owner",))


def reading(kind: str, id: str) -> Any:
    return SimpleNamespace(resource_type=f"shelf:store:{kind}", name="box", id=id, prior=None)


def told(call: Any, *given: Any) -> Any:
    """Returns the error that a call ends with."""
    try:
        answer = call(*given)
    except Exception as error:
        return error.value  # type: ignore[attr-defined]
    raise AssertionError(f"it answered with {answer}")


def test_many_objects_are_read_as_their_type_says_and_each_tells_what_came_of_it(guest: Any) -> None:
    _, _, Operations, _ = guest.exports(PLUGIN)
    read_many = Operations().read_many
    a, slow, b = read_many([reading("Batched", id) for id in ("a", "slow", "b")])
    assert (a.value.id, b.value.id) == ("a", "b")
    assert guest.value_in(a.value.attributes) == {"name": "a", "id": "box"}
    assert type(slow.value).__name__ == "Error_Throttled"
    # One by one, a mistake ends one read, not all; and so it does where the types are several.
    for kinds in (("Box", "Box", "Box"), ("Batched", "Box", "Box")):
        ids = ("a", "gone", "mistake")
        found, gone, mistake = read_many([reading(kind, id) for kind, id in zip(kinds, ids)])
        assert (found.value.id, gone.value) == ("a", None)
        assert mistake.value.value.message == "a mistake in the plugin: KeyError: 'no such thing'"
    assert read_many([]) == []
    _, unknown = read_many([reading("Box", "a"), reading("Nook", "a")])
    assert type(unknown.value).__name__ == "Error_Unsupported"


def test_a_component_is_called_with_tables_and_answers_with_them(guest: Any) -> None:
    _, Provider, _, Module = guest.exports(PLUGIN)
    name = Reference("there", ("names", 0))
    request = SimpleNamespace(
        target="shelf:store:Stack",
        name="boxes",
        inputs=guest.value_out({"name": name}),
        metadata=guest.value_out({"owner": "me"}),
    )
    made = Module().construct(request)
    declared = [
        (one.name, one.type_name, guest.value_in(one.properties), guest.value_in(one.options))
        for one in made.declarations
    ]
    assert declared == [
        ("outer", "shelf:store:Box", {"name": name}, {}),
        ("label", "other:store:Label", {"owner": "me"}, {"depends_on": ["./outer"]}),
    ]
    assert guest.value_in(made.outputs) == {"id": Reference("./outer", ("id", 0))}
    request.inputs = guest.value_out({})
    wrong = Module().construct(request)
    assert ([one.summary for one in wrong.diagnostics], wrong.declarations) == (["`name` is missing"], [])
    request.target = "shelf"
    assert type(told(Module().construct, request)).__name__ == "Error_Unsupported"
    assert '"kind": "component"' in Provider().schema("shelf:store:Stack")


def test_what_is_raised_is_the_interfaces_error_and_a_mistake_has_its_place(
    guest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, Operations, _ = guest.exports(PLUGIN)
    request = SimpleNamespace(
        resource_type="shelf:store:Box",
        name="box",
        idempotency_token="t",
        private=b"",
        inputs=guest.value_out({"name": "a"}),
        planned=guest.value_out({"name": "a"}),
    )
    mistake = told(Operations().create, request)
    assert type(mistake).__name__ == "Error_Other"
    assert mistake.value.message == "a mistake in the plugin: KeyError: 'mistake'"
    assert "test_guest.py" in dict(mistake.value.details)["stack"]

    def refuse(sent: Any) -> Any:
        raise guest.Err(guest.wit_cloud.SendError_Timeout(f"no answer to {sent.method} {sent.path}"))

    monkeypatch.setattr(guest.wit_cloud, "send", refuse)
    request.inputs = guest.value_out({"name": "sent"})
    slow = told(Operations().create, request)
    assert (type(slow).__name__, slow.value.message) == ("Error_Unavailable", "no answer to GET /a")


@shape
class Said:
    """What is said."""

    name: str = attribute("A name.")


@function
def twice(call: Call[Any], arguments: Said) -> dict[str, Any]:
    """Says a name twice."""
    return {"said": arguments.name * 2, "config": call.config}


def test_a_function_is_called_with_a_table_and_the_configuration(guest: Any) -> None:
    _, _, Operations, _ = guest.exports(Plugin("shelf", "1.0.0", "", [], functions=[twice]))
    operations = Operations()
    operations.configure(guest.value_out({"region": "here"}))
    answer = operations.invoke("twice", guest.value_out({"name": "ab"}))
    assert guest.value_in(answer) == {"said": "abab", "config": {"region": "here"}}
    wrong = told(operations.invoke, "twice", guest.value_out({"nmae": "ab"}))
    assert [one.summary for one in wrong.value] == ["there is no attribute `nmae`", "`name` is missing"]
    assert type(told(operations.invoke, "thrice", guest.value_out({}))).__name__ == "Error_Unsupported"
