//! AWS Config and Security Hub: switched on by one component, refused with the attribute that is wrong, and told what an
//! assessment found. Each is looked at through boto3.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions of tests"
)]

use konductor_tests::{AwsAccount, Project};
use serde_json::{Value, json};

const HUB: &str = "arn:aws:securityhub:us-west-2:123456789012:hub/default";

fn project(resources: &str) -> Project {
    let stack = "config:\n  aws: { enabled: true, region: us-west-2 }\n";
    Project::from_text(&format!("name: shop\nresources:\n{resources}"), stack)
}

fn standards(contents: &Value) -> Vec<String> {
    let all = contents["standards"].as_array().unwrap().iter();
    let mut names: Vec<String> = all
        .map(|standard| {
            let arn = standard["StandardsArn"].as_str().unwrap();
            arn.split_once('/').unwrap().1.to_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn one_component_switches_on_config_and_security_hub_and_off_again() {
    let account = AwsAccount::open();
    let project = Project::from_example("aws-monitoring").with_account(&account);
    project.run(["run", "--yes"]).succeeds();
    let contents = account.contents();
    assert_eq!(
        account.counts(),
        json!({
            "buckets": 1, "configuration_recorders": 1, "running_recorders": 1, "delivery_channels": 1,
            "retention_configurations": 1, "config_rules": 1, "hubs": 1, "standards": 2, "findings": 1,
        })
    );
    let recorder = &contents["configuration_recorders"][0];
    assert_eq!(
        recorder["roleARN"],
        "arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    );
    assert_eq!(recorder["recordingGroup"]["allSupported"], true);
    assert_eq!(recorder["recordingGroup"]["includeGlobalResourceTypes"], true);
    let bucket = &contents["buckets"][0];
    assert_eq!(contents["delivery_channels"][0]["s3BucketName"], bucket["Name"]);
    assert_eq!(bucket["PublicAccessBlock"]["RestrictPublicBuckets"], true);
    let statements = bucket["Policy"]["Statement"].as_array().unwrap();
    let writes = statements
        .iter()
        .find(|statement| statement["Sid"] == "ConfigWrites")
        .unwrap();
    assert_eq!(writes["Principal"]["Service"], "config.amazonaws.com");
    assert_eq!(
        writes["Resource"],
        format!(
            "arn:aws:s3:::{}/AWSLogs/123456789012/Config/*",
            bucket["Name"].as_str().unwrap()
        )
    );
    assert_eq!(
        writes["Condition"]["StringEquals"],
        json!({"AWS:SourceAccount": "123456789012", "s3:x-amz-acl": "bucket-owner-full-control"})
    );
    assert_eq!(
        standards(&contents),
        [
            "aws-foundational-security-best-practices/v/1.0.0",
            "nist-800-53/v/5.0.0"
        ]
    );
    assert_eq!(contents["hubs"][0]["HubArn"], HUB);
    project.assert_nothing_to_do();

    project.edit("konductor.yaml", "nist-800-53/v/5.0.0", "pci-dss/v/4.0.1");
    project.assert_planned(&json!({"create": 1, "delete": 1}));
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(
        standards(&account.contents()),
        [
            "aws-foundational-security-best-practices/v/1.0.0",
            "pci-dss/v/4.0.1"
        ]
    );
    assert_permissions(&project);

    project.run(["destroy", "--yes"]).succeeds();
    account.assert_empty();
}

/// What was called has a name in the log, so that the policy made of it is whole.
fn assert_permissions(project: &Project) {
    let shown = project.run(["permissions", "--json"]).succeeds();
    let text = shown.stdout;
    for action in [
        "config:PutConfigurationRecorder",
        "config:StartConfigurationRecorder",
        "config:PutDeliveryChannel",
        "config:PutConfigRule",
        "securityhub:EnableSecurityHub",
        "securityhub:BatchEnableStandards",
        "securityhub:BatchDisableStandards",
        "securityhub:BatchImportFindings",
        "securityhub:ListTagsForResource",
        "iam:PassRole",
        "iam:CreateServiceLinkedRole",
    ] {
        assert!(text.contains(action), "{action} should be allowed: {text}");
    }
}

#[test]
fn what_is_refused_is_told_with_the_attribute_that_is_wrong() {
    let account = AwsAccount::open();
    let recorder = "  recorder:
    type: aws:config:ConfigurationRecorder
    properties: { role_arn: 'arn:aws:iam::123456789012:role/config' }
";
    let hub = "  hub: { type: 'aws:securityhub:Hub' }\n";
    let rule = format!(
        "{recorder}  rule:
    type: aws:config:ConfigRule
    properties: {{ name: no-such-rule, source_identifier: NO_SUCH_RULE }}
    options: {{ depends_on: [recorder] }}
"
    );
    let standard = format!(
        "{hub}  standard:
    type: aws:securityhub:StandardsSubscription
    properties: {{ standards_arn: 'arn:aws:securityhub:${{hub.region}}::standards/no-such-standard/v/1.0.0' }}
"
    );
    for (resources, said) in [
        (rule.as_str(), "source_identifier"),
        (standard.as_str(), "standards_arn"),
    ] {
        let project = project(resources).with_account(&account);
        let refused = project.run(["run", "--yes", "--json"]);
        assert_ne!(refused.code, Some(0));
        let events = refused.events();
        let told = events
            .iter()
            .any(|event| event["event"] == "diagnostic" && event["at"] == said);
        assert!(told, "{said} should be named: {refused}");
        project.run(["destroy", "--yes"]).succeeds();
        account.assert_empty();
    }

    // What somebody else made is not taken over.
    account.call(
        "config",
        "put_configuration_recorder",
        json!({"ConfigurationRecorder": {
            "name": "default", "roleARN": "arn:aws:iam::123456789012:role/somebody-elses",
        }}),
    );
    account.call("securityhub", "enable_security_hub", json!({}));
    let project = project(&format!("{recorder}{hub}")).with_account(&account);
    project
        .run(["run", "--yes"])
        .fails_saying("there is a aws:config:ConfigurationRecorder `default` already");
    project
        .run(["run", "--yes"])
        .fails_saying(&format!("there is a aws:securityhub:Hub `{HUB}` already"));
    let contents = account.contents();
    assert_eq!(
        contents["configuration_recorders"][0]["roleARN"],
        "arn:aws:iam::123456789012:role/somebody-elses"
    );
    project.run(["destroy", "--yes"]).succeeds();
    assert_eq!(account.contents()["hubs"].as_array().unwrap().len(), 1);
}

#[test]
fn security_hub_takes_what_an_assessment_found_and_shows_it() {
    let account = AwsAccount::open();
    let project = Project::from_example("aws-monitoring").with_account(&account);
    project.edit(
        "konductor.dev.yaml",
        "    frameworks: [nist-800-53-moderate]\n",
        "    frameworks: [nist-800-53, soc2]
    waivers:
      - control: aws-config-delivery-own-key
        resource: monitoring/channel
        reason: the bucket decides
        approver: Ada
        expires: 2099-12-31
",
    );
    project.run(["run", "--yes"]).succeeds();
    let report = [
        "compliance",
        "report",
        "--framework",
        "nist-800-53",
        "--format",
        "asff",
    ];
    let written = project.run(report).succeeds();
    let findings: Value = serde_json::from_str(&written.stdout).unwrap();
    let findings = findings.as_array().unwrap();
    assert!(findings.len() > 10, "{}", findings.len());

    // boto3 checks them against AWS's own description before it sends them.
    for part in findings.chunks(100) {
        let taken = account.call(
            "securityhub",
            "batch_import_findings",
            json!({ "Findings": part }),
        );
        assert_eq!(taken["FailedCount"], 0, "{taken:#}");
        assert_eq!(taken["SuccessCount"], part.len());
    }
    let shown = account.contents();
    let shown = shown["findings"].as_array().unwrap();
    assert_eq!(shown.len(), findings.len() + 1, "and the one that is declared");
    let of = |name: &str, check: &str| {
        let mut all = shown.iter();
        all.find(|finding| {
            let fields = &finding["ProductFields"];
            fields["konductor/resource"] == name && fields["konductor/check"] == check
        })
        .unwrap_or_else(|| panic!("{check} of {name} should be there"))
    };
    let versioned = of("monitoring/bucket/bucket", "aws-s3-bucket-versioned");
    assert_eq!(versioned["Compliance"]["Status"], "PASSED");
    assert_eq!(versioned["Severity"]["Label"], "INFORMATIONAL");
    assert_eq!(versioned["Resources"][0]["Type"], "AwsS3Bucket");
    assert_eq!(
        versioned["Resources"][0]["Id"],
        "arn:aws:s3:::monitoring-dev-123456789012-config"
    );
    let requirements = versioned["Compliance"]["RelatedRequirements"].as_array().unwrap();
    for served in ["nist-800-53:cp-9", "soc2:CC7.5"] {
        assert!(requirements.contains(&json!(served)), "{requirements:?}");
    }
    let kms = of("monitoring/bucket/bucket", "aws-s3-bucket-encrypted-with-kms");
    assert_eq!(kms["Compliance"]["Status"], "FAILED");
    assert_eq!(kms["Severity"], json!({"Label": "MEDIUM", "Original": "medium"}));
    let waived = of("monitoring/channel", "aws-config-delivery-own-key");
    assert_eq!(waived["Compliance"]["Status"], "WARNING");
    assert!(waived["Description"].as_str().unwrap().contains("Waived by Ada"));
    assert_eq!(
        of("monitoring/recorder", "aws-config-recorder-runs")["Compliance"]["Status"],
        "PASSED"
    );

    // Told again, they are the same findings.
    let again: Value = serde_json::from_str(&project.run(report).succeeds().stdout).unwrap();
    account.call(
        "securityhub",
        "batch_import_findings",
        json!({ "Findings": again }),
    );
    let after = account.contents();
    assert_eq!(after["findings"].as_array().unwrap().len(), shown.len());
    project.assert_nothing_to_do();
}
