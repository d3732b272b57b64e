import types

import pytest
from konductor_sdk import (
    Call,
    DefinitionError,
    Failure,
    Identity,
    Object,
    Plugin,
    Resource,
    Secret,
    SendError,
    attribute,
    disposition_of,
    output,
    path_of,
    shape,
)
from konductor_sdk.cloud import Endpoint, Response
from konductor_sdk.testing import Expected, ScriptedCloud
from konductor_sdk.values import NotAValue, decode, encode


@shape
class Book:
    """A book."""

    name: str = attribute("Its name.", replaces=True, pattern="[a-z]+")
    pages: int | None = attribute("How many.", range=(1, None))
    key: str | None = attribute("A key.", sensitive=True)
    id: str = output("Its number.")


def read(self: object, call: Call[Book], id: str) -> Object | None:
    return None


def create(self: object, call: Call[Book], inputs: Book) -> Object:
    return Object("1", inputs)


def test_what_an_author_left_out_is_an_error_where_the_type_is_defined() -> None:
    with pytest.raises(DefinitionError) as raised:

        class Books(Resource[Book], type="shelf:store:Book", identity=Identity("NAME", ("name",))):
            pass

    assert [problem.split(";")[0] for problem in raised.value.problems] == [
        "`create` is missing",
        "`read` is missing",
        "`update` is missing",
        "`delete` is missing",
    ]
    with pytest.raises(DefinitionError, match="its shape is missing"):

        class Shapeless(Resource, type="shelf:store:Book"):  # type: ignore[type-arg]
            pass

    with pytest.raises(DefinitionError, match="identity is missing"):
        _define(identity=None)
    with pytest.raises(DefinitionError, match="`nmae`, which is no attribute"):
        _define(identity=Identity("NAME", ("nmae",)))
    with pytest.raises(DefinitionError, match="no type name"):
        _define(type="shelf.book")
    with pytest.raises(DefinitionError, match="its tags are `name`"):
        _define(tags="name")


def _define(**options: object) -> type[Resource[Book]]:
    given = {
        "type": "shelf:store:Book",
        "identity": Identity("NAME", ("name",)),
        "undeletable": True,
        "replace_on_every_change": True,
        **options,
    }

    def body(namespace: dict[str, object]) -> None:
        namespace.update(create=create, read=read)

    return types.new_class("Books", (Resource[Book],), given, body)


def test_a_type_that_is_replaced_on_every_change_says_so_of_every_input() -> None:
    attributes = _define().schema["attributes"]
    assert {name for name, one in attributes.items() if one.get("replaces")} == {"name", "pages", "key"}
    assert attributes["name"]["required"] and "required" not in attributes["pages"]
    with pytest.raises(Failure, match="cannot be deleted"):
        _define()().delete(None, "1")  # type: ignore[arg-type]


def test_two_types_of_one_name_or_of_another_plugin_are_refused() -> None:
    books = _define()()
    with pytest.raises(DefinitionError, match="defined twice"):
        Plugin("shelf", "1.0.0", "", [books, books])
    with pytest.raises(DefinitionError, match="does not begin with `other:`"):
        Plugin("other", "1.0.0", "", [books])


def test_a_secret_prints_masked_however_it_is_printed() -> None:
    secret = Secret("planted")
    plugin = Plugin("shelf", "1.0.0", "", [_define()()])
    checked, _ = plugin.check("shelf:store:Book", {"name": "a", "key": "planted"})
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>5}", repr(checked), repr([secret])):
        assert "planted" not in text


@pytest.mark.parametrize(
    ("status", "disposition"),
    [(404, "not-found"), (401, "denied"), (409, "conflict"), (429, "throttled"), (503, "unavailable"), (422, "invalid")],
)
def test_an_error_says_what_to_do_and_what_the_api_said(status: int, disposition: str) -> None:
    with ScriptedCloud(Expected("GET", "/a", status=status, json={"message": "told", "code": 7})) as cloud:
        with pytest.raises(Failure, match="GET /a: .* told") as raised:
            Endpoint(cloud, "api").get("/a")
    assert (raised.value.disposition, raised.value.code) == (disposition, "7")
    assert disposition_of(status) == disposition


def test_no_answer_is_a_failure_by_its_kind() -> None:
    for kind, disposition in (("timeout", "unavailable"), ("denied", "denied"), ("too-large", "other")):
        with ScriptedCloud(Expected("GET", "/a", error=SendError(kind, "why"))) as cloud:
            with pytest.raises(Failure) as raised:
                Endpoint(cloud, "api").get("/a")
        assert raised.value.disposition == disposition


def test_pages_that_go_round_end() -> None:
    def following(_: Response) -> tuple[str, dict[str, str]]:
        return "/a", {"page": "2"}

    with ScriptedCloud(Expected("GET", "/a", json=1), Expected("GET", "/a", json=2)) as cloud:
        with pytest.raises(Failure, match="circle"):
            list(Endpoint(cloud, "api").pages("/a", following=following))


def test_a_name_cannot_lead_out_of_its_path() -> None:
    assert path_of("v1", "a/b c") == "/v1/a%2Fb%20c"
    for name in ("..", ".", ""):
        with pytest.raises(Failure):
            path_of("v1", name)


def test_a_script_fails_on_what_it_does_not_expect() -> None:
    with pytest.raises(AssertionError, match="did not come"):
        with ScriptedCloud(Expected("GET", "/a")):
            pass
    with pytest.raises(AssertionError, match="was expected"):
        Endpoint(ScriptedCloud(Expected("GET", "/b")), "api").get("/a")


def test_a_table_that_points_back_is_refused() -> None:
    for nodes in ([("list", [0])], [("secret", 0)], [("list", [5])], []):
        with pytest.raises(NotAValue):
            decode(nodes)
    deep: list = []
    for _ in range(70):
        deep = [deep]
    with pytest.raises(NotAValue, match="deeper"):
        encode(deep)
