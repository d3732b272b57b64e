//! The types of AWS Config and Security Hub, natively and against a script.
#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod account;

use account::{Account, TOKEN, complete, in_progress, partial, stored};
use konductor_sdk::access::AttributeAccess;
use konductor_sdk::model::cloud::CloudResponse;
use konductor_sdk::model::provider::Outcome;
use konductor_sdk::model::{Disposition, Path, Value};
use konductor_sdk_test::{Expectation, ScriptedCloud, get, post, respond};
use serde_json::{Value as Json, json};

const STANDARD: &str = "arn:aws:securityhub:us-west-2::standards/nist-800-53/v/5.0.0";
const HUB: &str = "arn:aws:securityhub:us-west-2:123456789012:hub/default";

fn inputs(json: Json) -> Value {
    konductor_sdk::cloud::from_json(json)
}

fn refuses(status: u16, code: &str) -> CloudResponse {
    respond(status, json!({ "__type": code, "message": "it says so" }))
}

fn nothing() -> ScriptedCloud {
    ScriptedCloud::in_order()
}

#[test]
fn a_recorder_records_all_some_or_all_but_some() {
    let account = Account::new("aws:config:ConfigurationRecorder", nothing());
    let recorder = |rest: Json| {
        let mut all = json!({ "role_arn": "arn:aws:iam::123456789012:role/config" });
        all.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        account.refused(inputs(all))
    };
    let some = json!(["AWS::EC2::Volume"]);
    assert_eq!(recorder(json!({ "resource_types": some })), Vec::<String>::new());
    assert_eq!(
        recorder(json!({ "resource_types": some, "excluded_resource_types": some })),
        ["excluded_resource_types"]
    );
    assert_eq!(
        recorder(json!({ "resource_types": some, "include_global_resource_types": true })),
        ["include_global_resource_types"]
    );
    assert_eq!(recorder(json!({ "role_arn": "config" })), ["role_arn"]);
}

#[test]
fn a_rule_is_one_of_amazons_or_a_policy_and_its_scope_is_types_or_a_tag() {
    let account = Account::new("aws:config:ConfigRule", nothing());
    let refused = |rest: Json| {
        let mut all = json!({ "name": "rule" });
        all.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        account.refused(inputs(all))
    };
    assert_eq!(refused(json!({})), ["source_identifier"]);
    assert_eq!(
        refused(json!({ "source_identifier": "REQUIRED_TAGS", "custom_policy": "rule x {}" })),
        ["custom_policy"]
    );
    let scope = |scope: Json| refused(json!({ "source_identifier": "REQUIRED_TAGS", "scope": scope }));
    assert_eq!(scope(json!({ "tag_value": "x" })), ["scope.tag_key"]);
    assert_eq!(
        scope(json!({ "tag_key": "x", "resource_types": ["AWS::EC2::Volume"] })),
        ["scope.tag_key"]
    );
    assert_eq!(scope(json!({ "resource_id": "vol-1" })), ["scope.resource_types"]);
    let one = json!({ "resource_id": "vol-1", "resource_types": ["AWS::EC2::Volume"] });
    assert_eq!(scope(one), Vec::<String>::new());
}

fn channels(answer: Json) -> (Expectation, CloudResponse) {
    (
        post("/").containing("DeliveryChannelNames"),
        respond(200, json!({ "DeliveryChannels": answer })),
    )
}

#[test]
fn a_channel_waits_for_its_recorder_and_for_a_bucket_that_lets_it_in() {
    for (code, at) in [
        (
            "InsufficientDeliveryPolicyException",
            Some(Path::attribute("s3_bucket_name")),
        ),
        ("NoSuchBucketException", Some(Path::attribute("s3_bucket_name"))),
        ("NoAvailableConfigurationRecorderException", None),
    ] {
        let (asked, none) = channels(json!([]));
        let script = nothing()
            .expect(asked, none)
            .expect(post("/").containing("s3BucketName"), refuses(400, code));
        let account = Account::new("aws:config:DeliveryChannel", script);
        let refused = account
            .create(inputs(json!({ "s3_bucket_name": "shop-config" })), 0)
            .unwrap_err();
        assert_eq!(refused.disposition, Disposition::Conflict, "{code}");
        assert!(refused.disposition.is_transient(), "the host tries again");
        assert_eq!(refused.at, at, "{code}");
        account.finish();
    }
}

#[test]
fn a_channel_of_a_create_that_was_cut_off_is_its_own_and_another_is_not() {
    let there = json!([{ "name": "default", "s3BucketName": "shop-config" }]);
    let (asked, found) = channels(there.clone());
    let (again, same) = channels(there.clone());
    let account = Account::new(
        "aws:config:DeliveryChannel",
        nothing().expect(asked, found).expect(again, same),
    );
    let made = complete(account.create(inputs(json!({ "s3_bucket_name": "shop-config" })), 0));
    assert_eq!(made.id, "default");
    account.finish();

    let (asked, found) = channels(there);
    let account = Account::new("aws:config:DeliveryChannel", nothing().expect(asked, found));
    let refused = account
        .create(inputs(json!({ "s3_bucket_name": "other-config" })), 0)
        .unwrap_err();
    assert_eq!(refused.disposition, Disposition::AlreadyExists);
    assert_eq!(refused.at, Some(Path::attribute("name")));
    account.finish();
}

fn subscription(status: &str) -> CloudResponse {
    respond(
        200,
        json!({ "StandardsSubscriptions": [{
            "StandardsArn": STANDARD,
            "StandardsSubscriptionArn": "arn:aws:securityhub:us-west-2:123456789012:subscription/nist-800-53/v/5.0.0",
            "StandardsStatus": status,
            "StandardsStatusReason": { "StatusReasonCode": "NO_AVAILABLE_CONFIGURATION_RECORDER" },
        }] }),
    )
}

fn standard(script: ScriptedCloud) -> Account {
    Account::new("aws:securityhub:StandardsSubscription", script)
}

#[test]
fn a_standard_is_there_when_its_controls_are_on() {
    let register = || post("/standards/register").containing(STANDARD);
    let wanted = || inputs(json!({ "standards_arn": STANDARD }));
    let account = standard(
        nothing()
            .expect(register(), subscription("PENDING"))
            .expect(post("/standards/get"), subscription("PENDING"))
            .expect(post("/standards/get"), subscription("READY")),
    );
    assert_eq!(complete(account.create(wanted(), 2)).id, STANDARD);
    account.finish();

    // Some controls cannot be on where nothing is recorded: that is said, and no failure.
    let account = standard(nothing().expect(register(), subscription("INCOMPLETE")));
    complete(account.create(wanted(), 0));
    account.finish();

    let account = standard(nothing().expect(register(), subscription("FAILED")));
    let (left, why) = partial(account.create(wanted(), 0));
    assert_eq!(left.id, STANDARD);
    assert!(
        why.message.contains("NO_AVAILABLE_CONFIGURATION_RECORDER"),
        "{why}"
    );
    account.finish();

    let account = standard(nothing().expect(
        register(),
        respond(
            401,
            json!({ "__type": "InvalidAccessException", "message": "Account 1 is not subscribed to AWS Security Hub" }),
        ),
    ));
    let refused = account.create(wanted(), 0).unwrap_err();
    assert_eq!(refused.disposition, Disposition::Conflict);
    assert!(refused.message.contains("aws:securityhub:Hub"), "{refused}");
    account.finish();
}

#[test]
fn a_standard_is_gone_when_it_is_shown_no_more() {
    let account = standard(
        nothing()
            .expect(post("/standards/get"), subscription("READY"))
            .expect(post("/standards/deregister"), subscription("DELETING"))
            .expect(post("/standards/get"), subscription("DELETING"))
            .expect(
                post("/standards/get"),
                respond(200, json!({ "StandardsSubscriptions": [] })),
            ),
    );
    let stored = stored(STANDARD, inputs(json!({ "standards_arn": STANDARD })));
    assert_eq!(account.delete(stored, 1).unwrap(), Outcome::Deleted);
    account.finish();

    let account = standard(nothing().expect(post("/standards/get"), subscription("DELETING")));
    assert_eq!(account.read(STANDARD).unwrap(), None);
    account.finish();
}

fn hub() -> (Expectation, CloudResponse) {
    (get("/accounts"), respond(200, json!({ "HubArn": HUB })))
}

fn finding(state: &str, token: &str) -> CloudResponse {
    respond(
        200,
        json!({ "Findings": [{
            "Id": "audit-1", "Title": "t", "Description": "d", "GeneratorId": "konductor", "RecordState": state,
            "Severity": { "Label": "LOW" },
            "FindingProviderFields": { "Severity": { "Label": "HIGH" }, "Types": ["Effects"] },
            "Resources": [{ "Id": "r", "Type": "Other" }],
            "ProductFields": { "konductor:token": token, "aws/securityhub/FindingId": "x", "own": "y" },
            "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z",
        }] }),
    )
}

fn wanted() -> Value {
    inputs(json!({
        "finding_id": "audit-1", "title": "t", "description": "d", "severity": "HIGH", "resources": [{ "id": "r" }],
    }))
}

#[test]
fn what_people_make_of_a_finding_is_not_read_and_an_archived_one_is_gone() {
    let (asked, found) = hub();
    let account = Account::new(
        "aws:securityhub:Finding",
        nothing()
            .expect(asked, found)
            .expect(post("/findings"), finding("ACTIVE", TOKEN)),
    );
    let read = account.read("audit-1").unwrap().unwrap();
    assert_eq!(read.attributes.optional_text("severity"), Some("HIGH"));
    assert_eq!(
        read.attributes.text_map("product_fields"),
        [("own".to_owned(), "y".to_owned())].into()
    );
    account.finish();

    let (asked, found) = hub();
    let account = Account::new(
        "aws:securityhub:Finding",
        nothing()
            .expect(asked, found)
            .expect(post("/findings"), finding("ARCHIVED", TOKEN)),
    );
    assert_eq!(account.read("audit-1").unwrap(), None);
    account.finish();
}

#[test]
fn a_finding_of_somebody_else_is_not_changed_and_one_that_is_refused_says_why() {
    let (asked, found) = hub();
    let account = Account::new(
        "aws:securityhub:Finding",
        nothing()
            .expect(asked, found)
            .expect(post("/findings"), finding("ACTIVE", "somebody-elses")),
    );
    let refused = account.create(wanted(), 0).unwrap_err();
    assert_eq!(refused.disposition, Disposition::AlreadyExists);
    assert_eq!(refused.at, Some(Path::attribute("finding_id")));
    account.finish();

    let (asked, found) = hub();
    let failed = json!({ "FailedCount": 1, "SuccessCount": 0, "FailedFindings": [
        { "Id": "audit-1", "ErrorCode": "InvalidInput", "ErrorMessage": "finding.Types is too long" }] });
    let account = Account::new(
        "aws:securityhub:Finding",
        nothing()
            .expect(asked, found)
            .expect(post("/findings"), respond(200, json!({ "Findings": [] })))
            .expect(
                post("/findings/import").containing(r#""konductor:token":"token-1""#),
                respond(200, failed),
            ),
    );
    let refused = account.create(wanted(), 0).unwrap_err();
    assert_eq!(refused.disposition, Disposition::Invalid);
    assert!(refused.message.contains("finding.Types is too long"), "{refused}");
    account.finish();
}

#[test]
fn a_rule_that_is_going_is_waited_for() {
    let rule = |state: &str| {
        respond(
            200,
            json!({ "ConfigRules": [{
                "ConfigRuleName": "tags", "ConfigRuleState": state, "ConfigRuleArn": "arn:aws:config:1",
                "Source": { "Owner": "AWS", "SourceIdentifier": "REQUIRED_TAGS" },
            }] }),
        )
    };
    let named = || post("/").containing("ConfigRuleNames");
    let account = Account::new(
        "aws:config:ConfigRule",
        nothing()
            .expect(
                post("/").containing(r#""ConfigRuleName":"tags""#),
                respond(200, json!({})),
            )
            .expect(named(), rule("DELETING"))
            .expect(named(), refuses(400, "NoSuchConfigRuleException")),
    );
    let attributes = inputs(json!({ "name": "tags", "source_identifier": "REQUIRED_TAGS" }));
    assert_eq!(
        account.delete(stored("tags", attributes.clone()), 1).unwrap(),
        Outcome::Deleted
    );
    account.finish();

    // Until it is gone no other of its name is made.
    let account = Account::new(
        "aws:config:ConfigRule",
        nothing().expect(named(), rule("DELETING")),
    );
    let busy = account.create(attributes, 0).unwrap_err();
    assert!(busy.disposition.is_transient(), "{busy}");
    account.finish();
}

#[test]
fn a_hub_that_is_not_shown_yet_is_looked_for_again_by_its_token() {
    let absent = || {
        respond(
            401,
            json!({ "__type": "InvalidAccessException", "message": "Account 1 is not subscribed to AWS Security Hub" }),
        )
    };
    let enable = || post("/accounts").containing(r#""konductor:token":"token-1""#);
    let account = Account::new(
        "aws:securityhub:Hub",
        nothing()
            .expect(get("/accounts"), absent())
            .expect(enable(), respond(200, json!({})))
            .expect(get("/accounts"), absent()),
    );
    let unsure = account.create(inputs(json!({})), 0).unwrap_err();
    assert_eq!(
        unsure.disposition,
        Disposition::Unavailable,
        "the host tries again"
    );
    account.finish();

    let tags = format!("/tags/{}", HUB.replace('/', "%2F"));
    let described = || json!({ "HubArn": HUB, "AutoEnableControls": true, "ControlFindingGenerator": "SECURITY_CONTROL" });
    let account = Account::new(
        "aws:securityhub:Hub",
        nothing()
            .expect(get("/accounts"), respond(200, described()))
            .expect(
                get(&tags),
                respond(200, json!({ "Tags": { "konductor:token": TOKEN } })),
            ),
    );
    let made = complete(account.create(inputs(json!({})), 0));
    assert_eq!(made.id, HUB);
    assert_eq!(made.attributes.optional_text("account_id"), Some("123456789012"));
    account.finish();
}

#[test]
fn what_goes_on_is_polled_by_a_handle_that_names_it() {
    let account = standard(nothing().expect(post("/standards/register"), subscription("PENDING")));
    let progress = in_progress(
        account
            .create(inputs(json!({ "standards_arn": STANDARD })), 0)
            .unwrap(),
    );
    assert_eq!(progress.id.as_deref(), Some(STANDARD));
    account.finish();
}
