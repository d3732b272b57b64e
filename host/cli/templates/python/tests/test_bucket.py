from konductor_sdk.testing import Expected, Lifecycle, ScriptedCloud

from {{module}}_plugin import PLUGIN

PATH = "/v1/buckets/shelf"


def data(owner: str, modified: int) -> dict:
    return {"data": {"id": "shelf", "owner": owner, "last_modified": modified}}


def test_a_bucket_is_made_changed_and_deleted() -> None:
    with ScriptedCloud(
        Expected("PUT", PATH, json=data("me", 1)),
        Expected("PATCH", PATH, json=data("you", 2), body={"data": {"owner": "you"}}),
        Expected("DELETE", PATH),
    ) as cloud:
        bucket = Lifecycle(PLUGIN, "{{name}}:store:Bucket", cloud)
        bucket.apply({"name": "shelf", "owner": "me"})
        assert bucket.object is not None and bucket.object.attributes["last_modified"] == 1
        assert not bucket.apply({"name": "shelf", "owner": "me"}).changes
        bucket.apply({"name": "shelf", "owner": "you"})
        bucket.delete()
    assert dict(cloud.received[0].headers)["If-None-Match"] == "*"
