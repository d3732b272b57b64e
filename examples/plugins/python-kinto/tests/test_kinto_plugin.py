from konductor_sdk import UNKNOWN, Call, Failure, Object, Reading, Reference, plain
from konductor_sdk.testing import Expected, Lifecycle, ScriptedCloud

import pytest
from kinto_plugin import PLUGIN

PATH = "/v1/buckets/shelf"


def data(modified: int, **more: object) -> dict:
    return {"data": {"id": "shelf", "last_modified": modified, "konductor_token": "token", "labels": {}, **more}}


def test_a_bucket_is_made_changed_and_deleted() -> None:
    with ScriptedCloud(
        Expected("PUT", PATH, json=data(1, owner="me"), body={"data": {"owner": "me", "labels": {}, "konductor_token": "token"}}),
        Expected("GET", PATH, json=data(1, owner="me"), headers={"ETag": '"1"'}),
        Expected("PUT", PATH, json=data(2, owner="you")),
        Expected("DELETE", PATH),
    ) as cloud:
        bucket = Lifecycle(PLUGIN, "kinto:store:Bucket", cloud)
        bucket.apply({"name": "shelf", "owner": "me"})
        assert bucket.object is not None and bucket.object.attributes["last_modified"] == 1
        assert not bucket.apply({"name": "shelf", "owner": "me"}).changes
        plan = bucket.apply({"name": "shelf", "owner": "you"})
        assert [(change.at, change.kind) for change in plan.changes] == [(("owner",), "update")]
        bucket.delete()
    assert dict(cloud.received[0].headers)["If-None-Match"] == "*"
    assert dict(cloud.received[2].headers)["If-Match"] == '"1"'


@pytest.mark.parametrize(("token", "found"), [("token", True), ("another", False)])
def test_an_interrupted_create_finds_its_own_bucket_and_nobody_elses(token: str, found: bool) -> None:
    with ScriptedCloud(
        Expected("PUT", PATH, status=412, json={"message": "exists"}),
        Expected("GET", PATH, json=data(1, konductor_token=token)),
    ) as cloud:
        bucket = Lifecycle(PLUGIN, "kinto:store:Bucket", cloud)
        if found:
            bucket.apply({"name": "shelf"})
            assert bucket.object is not None
        else:
            with pytest.raises(Failure) as raised:
                bucket.apply({"name": "shelf"})
            assert raised.value.disposition == "already-exists"


def test_what_is_gone_is_read_as_gone_and_deleted_twice() -> None:
    with ScriptedCloud(
        Expected("PUT", PATH, json=data(1)),
        Expected("GET", PATH, status=404),
        Expected("DELETE", PATH, status=404),
    ) as cloud:
        bucket = Lifecycle(PLUGIN, "kinto:store:Bucket", cloud)
        bucket.apply({"name": "shelf"})
        assert bucket.read() is None
        bucket.delete()


def test_a_bucket_that_exists_is_taken_over_with_nothing_to_change() -> None:
    with ScriptedCloud(Expected("GET", PATH, json=data(1, owner="me"))) as cloud:
        life = Lifecycle(PLUGIN, "kinto:store:Bucket", cloud)
        life.import_("shelf")
    assert life.inputs == {"name": "shelf", "owner": "me"}
    with ScriptedCloud(Expected("GET", PATH, status=404)) as cloud, pytest.raises(Failure) as raised:
        Lifecycle(PLUGIN, "kinto:store:Bucket", cloud).import_("shelf")
    assert raised.value.disposition == "not-found"


def test_pages_are_followed_by_their_token_alone() -> None:
    with ScriptedCloud(
        Expected("GET", "/v1/buckets", json={"data": [data(1)["data"]]}, headers={"Next-Page": "http://elsewhere/?_limit=100&_token=abc"}),
        Expected("GET", "/v1/buckets", json={"data": [{**data(1)["data"], "id": "other"}]}),
    ) as cloud:
        life = Lifecycle(PLUGIN, "kinto:store:Bucket", cloud)
        assert [one.id for one in life.list()] == ["shelf", "other"]
    assert dict(cloud.received[1].query)["_token"] == "abc"


def test_a_bad_name_and_a_missing_one_are_told_with_their_place() -> None:
    _, found = PLUGIN.check("kinto:store:Bucket", {"name": "no name", "ownr": "me"})
    assert [(one.at, one.summary) for one in found] == [
        (("name",), "`no name` has not the form wanted"),
        (("ownr",), "there is no attribute `ownr`"),
    ]
    assert found[1].help == "did you mean `owner`?"
    assert plain({"a": 1}) == {"a": 1}


def listed(*names: str) -> dict:
    return {"data": [{**data(1)["data"], "id": name} for name in names]}


def test_many_buckets_are_read_with_one_call() -> None:
    with ScriptedCloud(Expected("GET", "/v1/buckets", json=listed("7", "shelf"))) as cloud:
        readings = [Reading(id) for id in ("shelf", "gone", "7")]
        found = PLUGIN.read_many("kinto:store:Bucket", Call(cloud, {}, ""), readings)
    assert [one.id if isinstance(one, Object) else one for one in found] == ["shelf", None, "7"]
    assert dict(cloud.received[0].query)["in_id"] == '"shelf","gone","7"'


def test_many_collections_are_read_with_a_call_for_each_bucket_and_what_fails_fails_alone() -> None:
    with ScriptedCloud(
        Expected("GET", "/v1/buckets/a/collections", json=listed("two", "one")),
        Expected("GET", "/v1/buckets/b/collections", status=403, json={"message": "no"}),
        Expected("GET", "/v1/buckets/b/collections/one", status=403, json={"message": "no"}),
        Expected("GET", "/v1/buckets/b", json=data(1)),
        Expected("GET", "/v1/buckets/c/collections", status=403),
        Expected("GET", "/v1/buckets/c/collections/one", status=403),
        Expected("GET", "/v1/buckets/c", status=404),
    ) as cloud:
        readings = [Reading(id) for id in ("a/one", "b/one", "a/two", "c/one")]
        one, denied, two, gone = PLUGIN.read_many("kinto:store:Collection", Call(cloud, {}, ""), readings)
    assert isinstance(one, Object) and isinstance(two, Object) and (one.id, two.id) == ("a/one", "a/two")
    assert isinstance(denied, Failure) and denied.disposition == "denied"
    assert gone is None


def test_a_library_is_a_bucket_and_collections_that_refer_to_it() -> None:
    made = PLUGIN.construct(
        "kinto:store:Library", "team", {"name": "team", "collections": ["books", "maps"], "owner": UNKNOWN}
    )
    bucket = Reference("./bucket", ("name",))
    assert [(one.name, one.type, one.properties) for one in made.declarations] == [
        ("bucket", "kinto:store:Bucket", {"name": "team", "owner": UNKNOWN}),
        ("collection-books", "kinto:store:Collection", {"bucket": bucket, "name": "books"}),
        ("collection-maps", "kinto:store:Collection", {"bucket": bucket, "name": "maps"}),
    ]
    assert made.outputs == {"bucket": bucket}
    wrong = PLUGIN.construct("kinto:store:Library", "team", {"name": "team", "collections": []})
    assert [one.summary for one in wrong.diagnostics] == ["the list has 0 elements"] and not wrong.declarations
    with pytest.raises(Failure) as raised:
        PLUGIN.construct("kinto:store:Library", "team", {"name": "team", "collections": UNKNOWN})
    assert raised.value.diagnostics[0].at == ("collections",)


def test_the_collections_of_a_bucket_are_looked_up() -> None:
    with ScriptedCloud(Expected("GET", PATH + "/collections", json=listed("maps", "books"))) as cloud:
        assert PLUGIN.invoke("collections_of", Call(cloud, {}, ""), {"bucket": "shelf"}) == ["books", "maps"]
    with pytest.raises(Failure) as raised:
        PLUGIN.invoke("collections_of", Call(ScriptedCloud(), {}, ""), {"bukcet": "shelf"})
    assert [one.help for one in raised.value.diagnostics][0] == "did you mean `bucket`?"
