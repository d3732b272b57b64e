from konductor_sdk.checks import Sample

from {{module}}_checks import CHECKS


def test_what_nobody_owns_is_found_and_what_is_owned_is_not() -> None:
    plan = (
        Sample()
        .create("aws:s3:Bucket", "logs", bucket="logs")
        .create("aws:s3:Bucket", "owned", bucket="owned")
        .metadata(owner="platform")
        .document()
    )
    assert CHECKS.messages(plan) == ["nobody owns logs"]


def test_what_is_deleted_is_told() -> None:
    plan = Sample().delete("aws:s3:Bucket", "logs").document()
    [found] = CHECKS.judge(plan)["findings"]
    assert found["warning"] and found["message"] == "logs is deleted"
