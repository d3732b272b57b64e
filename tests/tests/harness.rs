//! The harness itself: a test that trusts a blind observer proves nothing.
#![allow(
    clippy::disallowed_types,
    reason = "it knocks at the door of a server of these tests"
)]

use std::process::Command;

use konductor_tests::{AwsAccount, KeyKind, OciRegistry, SiteAuthority};
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

#[test]
fn the_registry_lets_in_only_who_knows_the_password_and_stops_when_told() {
    let mut registry = OciRegistry::open();
    let known = registry.get("/v2/", "*/*");
    assert_eq!(known.status, 200);
    assert_eq!(
        known.headers["docker-distribution-api-version"], "registry/2.0",
        "{}",
        known.headers
    );
    assert_eq!(registry.ask("GET", "guessed", "/v2/", "*/*").status, 401);
    assert_eq!(registry.get("/v2/nothing/manifests/latest", "*/*").status, 404);
    assert!(registry.blobs().is_empty());

    let host = registry.host();
    registry.stop();
    let refused = std::net::TcpStream::connect(&host);
    assert!(refused.is_err(), "{host} should be closed");
}

#[test]
fn the_site_signs_and_stamps_what_openssl_then_accepts() {
    let site = SiteAuthority::create();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file.into_os_string().into_string().unwrap()
    };
    let accepts = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        output.status.success()
    };
    let (signed, other) = (file("signed", b"what is signed"), file("other", b"another"));
    for (name, kind) in [("curve", KeyKind::P256), ("edwards", KeyKind::Ed25519)] {
        let key = site.key(name, kind);
        let signature = file("signature", &key.sign(b"what is signed"));
        let public = key.public().to_str().unwrap();
        let verify = |data: &str| {
            let mut arguments = vec![
                "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", data, "-sigfile",
                &signature,
            ];
            if kind == KeyKind::P256 {
                arguments.extend(["-digest", "sha256"]);
            }
            accepts(&arguments)
        };
        assert!(verify(&signed), "{kind:?}");
        assert!(!verify(&other), "{kind:?}");
    }
    let stamp = file("stamp", &site.timestamp(b"what is signed"));
    let root = site.certificate();
    let verify = |data: &str| {
        let root = root.to_str().unwrap();
        accepts(&["ts", "-verify", "-data", data, "-in", &stamp, "-CAfile", root])
    };
    assert!(verify(&signed));
    assert!(!verify(&other));
}
