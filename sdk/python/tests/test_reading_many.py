from collections.abc import Iterator

import pytest
from konductor_sdk import Call, Failure, Identity, Object, Plugin, Reading, Resource, Secret, attribute, output, shape
from konductor_sdk.testing import Lifecycle, ScriptedCloud


@shape
class Book:
    """A book."""

    name: str = attribute("Its name.", replaces=True)
    key: str | None = attribute("A key.", sensitive=True)
    id: str = output("Its number.")


class Books(
    Resource[Book],
    type="shelf:store:Book",
    identity=Identity("NAME", ("name",)),
    undeletable=True,
    replace_on_every_change=True,
):
    def create(self, call: Call[Book], inputs: Book) -> Object:
        return Object(inputs.name, inputs)

    def read(self, call: Call[Book], id: str) -> Object | None:
        if id == "broken":
            raise Failure("unavailable", "not now")
        prior = call.prior.id if call.prior else ""
        return None if id == "gone" else Object(id, Book(name=id, id=call.name + prior))


class Batched(
    Books,
    Resource[Book],
    type="shelf:store:Batched",
    identity=Identity("NAME", ("name",)),
    undeletable=True,
    replace_on_every_change=True,
):
    def read_many(self, call: Call[Book], readings: list[Reading]) -> Iterator[Object | Failure | None]:
        for reading in readings:
            if reading.id == "left out":
                continue
            if reading.id == "gone":
                yield Failure("not-found", "404")
            elif reading.id == "broken":
                yield Failure("unavailable", "not now")
            else:
                yield Object(reading.id, Book(name=reading.id, key="k", id="1"))


SHELF = Plugin("shelf", "1.0.0", "", [Books(), Batched()])
CALL = Call(ScriptedCloud(), {}, "")


def test_a_type_without_read_many_is_read_one_by_one_and_does_not_say_otherwise() -> None:
    assert "batch_read" not in Books.schema
    prior = Object("a", {"name": "a", "id": "1"}, b"kept")
    readings = [Reading("a", "first", prior), Reading("gone"), Reading("broken"), Reading("b", "second")]
    a, gone, broken, b = SHELF.read_many("shelf:store:Book", CALL, readings)
    assert isinstance(a, Object) and isinstance(b, Object) and gone is None
    assert (a.attributes["id"], a.private, b.attributes["id"]) == ("firsta", b"kept", "second")
    assert isinstance(broken, Failure) and broken.disposition == "unavailable"


def test_what_is_read_at_once_is_settled_as_what_is_read_alone() -> None:
    assert Batched.schema["batch_read"] is True
    prior = Object("a", {"name": "a", "key": Secret("k"), "id": "1"}, b"kept")
    readings = [Reading("a", "first", prior), Reading("gone"), Reading("broken")]
    a, gone, broken = SHELF.read_many("shelf:store:Batched", CALL, readings)
    assert isinstance(a, Object) and (a.private, a.attributes["key"]) == (b"kept", Secret("k"))
    assert gone is None and isinstance(broken, Failure)


def test_answers_that_do_not_fit_the_readings_are_refused() -> None:
    with pytest.raises(Failure, match="answered 1 of 2 reads"):
        SHELF.read_many("shelf:store:Batched", CALL, [Reading("a"), Reading("left out")])


def test_an_import_that_leaves_something_to_change_fails_its_test() -> None:
    class Odd(
        Books,
        Resource[Book],
        type="shelf:store:Odd",
        identity=Identity("NAME", ("name",)),
        undeletable=True,
        replace_on_every_change=True,
    ):
        def check(self, inputs: dict) -> list:
            inputs["key"] = Secret("another")
            return []

    life = Lifecycle(Plugin("shelf", "1.0.0", "", [Odd()]), "shelf:store:Odd", ScriptedCloud())
    with pytest.raises(AssertionError, match="a plan after the import finds changes"):
        life.import_("a")
