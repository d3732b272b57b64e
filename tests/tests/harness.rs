//! The harness itself: a test that trusts a blind observer proves nothing.

use konductor_tests::AwsAccount;
use serde_json::json;

#[test]
fn the_account_is_empty_until_something_is_made_and_shows_all_of_it() {
    let account = AwsAccount::open();
    account.assert_empty();
    let vpc = account.call("ec2", "create_vpc", json!({"CidrBlock": "10.9.0.0/16"}))["Vpc"]["VpcId"].clone();
    account.call(
        "ec2",
        "create_subnet",
        json!({"VpcId": vpc, "CidrBlock": "10.9.1.0/24"}),
    );
    account.call(
        "ec2",
        "create_security_group",
        json!({"VpcId": vpc, "GroupName": "g", "Description": "d"}),
    );
    account.call(
        "ec2",
        "create_volume",
        json!({"AvailabilityZone": "us-west-2a", "Size": 1}),
    );
    account.call(
        "s3",
        "create_bucket",
        json!({"Bucket": "seen", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}),
    );
    account.call(
        "s3",
        "put_object",
        json!({"Bucket": "seen", "Key": "a b", "Body": "text"}),
    );
    assert_eq!(
        account.counts(),
        json!({"vpcs": 1, "subnets": 1, "security_groups": 1, "volumes": 1, "buckets": 1})
    );
    assert_eq!(account.contents()["buckets"][0]["Objects"][0]["Body"], "text");
}

#[test]
fn the_account_checks_signatures() {
    let account = AwsAccount::open();
    let other = AwsAccount::open();
    assert_ne!(account.access_key_id(), other.access_key_id());
    let unknown = account.try_call(
        "iam",
        "delete_access_key",
        json!({
            "UserName": "konductor", "AccessKeyId": account.access_key_id(),
        }),
    );
    assert!(unknown.is_ok(), "{unknown:?}");
    let refused = account.try_call("ec2", "describe_vpcs", json!({})).unwrap_err();
    assert!(refused.contains("AuthFailure"), "{refused}");
}
