//! AWS: an IAM policy document of the actions called, on the buckets and in the regions they were called in.

use std::collections::{BTreeMap, BTreeSet};

use konductor_state::entry::CloudCall;
use serde_json::{Value, json};

use super::aws_s3::{self, Scope};
use super::{Policy, PolicyFormat, told};

/// Services that have one endpoint for all regions: a condition on the region would say nothing about them.
const GLOBAL: [&str; 6] = ["iam", "sts", "route53", "cloudfront", "organizations", "account"];

/// Actions that AWS also asks for where another is called, on which resources, and on what condition they are needed: a role
/// is handed to a service, or a service makes one of its own.
const ASKED_FOR_WITH: [(&str, &str, &str, &str, &str, &str); 2] = [
    (
        "config:PutConfigurationRecorder",
        "iam:PassRole",
        "role/*",
        "iam:PassedToService",
        "config.amazonaws.com",
        "the recorder is given its role",
    ),
    (
        "securityhub:EnableSecurityHub",
        "iam:CreateServiceLinkedRole",
        "role/aws-service-role/securityhub.amazonaws.com/*",
        "iam:AWSServiceName",
        "securityhub.amazonaws.com",
        "Security Hub makes a role of its own when it is first switched on",
    ),
];

/// What one action may be done to: resources, and the regions requests may be sent to (none for any).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Bounds {
    resources: BTreeSet<String>,
    regions: BTreeSet<String>,
}

pub(super) fn policy<'a>(calls: impl Iterator<Item = &'a CloudCall>) -> Policy {
    let mut actions: BTreeMap<String, Bounds> = BTreeMap::new();
    let mut tagging: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut assumed = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for call in calls {
        let Some(operation) = &call.operation else {
            unknown.insert(told(call));
            continue;
        };
        let service = service(call);
        if service != "s3" {
            let bounds = actions.entry(format!("{service}:{operation}")).or_default();
            bounds.resources.insert("*".to_owned());
            if !GLOBAL.contains(&service.as_str()) && !call.region.is_empty() {
                bounds.regions.insert(call.region.clone());
            }
            if service == "ec2" && tags_what_it_creates(operation) {
                tagging
                    .entry(operation.clone())
                    .or_default()
                    .insert(call.region.clone());
            }
            continue;
        }
        let mut allow = |action: &str, scope| {
            let bounds = actions.entry(format!("s3:{action}")).or_default();
            bounds.resources.insert(bucket_resource(call, scope));
        };
        let (action, scope) = aws_s3::action(operation);
        allow(&action, scope);
        for (action, scope, why) in aws_s3::assumed(operation) {
            allow(action, *scope);
            assumed.insert(format!("s3:{action}: {why}"));
        }
    }
    let mut statements = statements(&actions);
    if !tagging.is_empty() && !actions.contains_key("ec2:CreateTags") {
        let regions: BTreeSet<&String> = tagging.values().flatten().collect();
        assumed.insert("ec2:CreateTags: resources are created with tags".to_owned());
        statements.push(json!({
            "Effect": "Allow",
            "Action": ["ec2:CreateTags"],
            "Resource": ["*"],
            "Condition": { "StringEquals": {
                "aws:RequestedRegion": regions,
                "ec2:CreateAction": tagging.keys().collect::<Vec<_>>(),
            } },
        }));
    }
    for (called, action, role, condition, service, why) in ASKED_FOR_WITH {
        let Some(bounds) = actions.get(called) else {
            continue;
        };
        let partition = partition(bounds.regions.first().map_or("", String::as_str));
        assumed.insert(format!("{action}: {why}"));
        statements.push(json!({
            "Effect": "Allow",
            "Action": [action],
            "Resource": [format!("arn:{partition}:iam::*:{role}")],
            "Condition": { "StringEquals": { condition: service } },
        }));
    }
    Policy {
        format: PolicyFormat::Aws,
        policy: json!({ "Version": "2012-10-17", "Statement": statements }),
        assumed,
        unknown,
    }
}

/// Puts the actions of one service that have the same bounds into one statement.
fn statements(actions: &BTreeMap<String, Bounds>) -> Vec<Value> {
    let mut groups: BTreeMap<(&str, &Bounds), Vec<&String>> = BTreeMap::new();
    for (action, bounds) in actions {
        let service = action.split(':').next().unwrap_or_default();
        groups.entry((service, bounds)).or_default().push(action);
    }
    let statement = |((_, bounds), actions): (&(&str, &Bounds), &Vec<&String>)| {
        let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": bounds.resources });
        if let (false, Some(members)) = (bounds.regions.is_empty(), statement.as_object_mut()) {
            let condition = json!({ "StringEquals": { "aws:RequestedRegion": bounds.regions } });
            members.insert("Condition".to_owned(), condition);
        }
        statement
    };
    groups.iter().map(statement).collect()
}

/// Returns the prefix of a service's actions: from the host where it is Amazon's, else from the endpoint.
fn service(call: &CloudCall) -> String {
    let amazon = [
        "amazonaws.com",
        "amazonaws.com.cn",
        "api.aws",
        "amazonaws.eu",
        "sc2s.sgov.gov",
        "c2s.ic.gov",
    ];
    let host = call.host.split(':').next().unwrap_or_default();
    let label = match host.strip_prefix("api.").unwrap_or(host).split_once('.') {
        Some((label, rest)) if amazon.iter().any(|suffix| rest.ends_with(suffix)) => label,
        _ => call.endpoint.as_str(),
    };
    // Where actions have another prefix than the host has.
    match label.strip_suffix("-fips").unwrap_or(label) {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        "cloudcontrolapi" => "cloudformation",
        "email" => "ses",
        other => other,
    }
    .to_owned()
}

fn bucket_resource(call: &CloudCall, scope: Scope) -> String {
    let bucket = call
        .path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let partition = partition(&call.region);
    match scope {
        _ if bucket.is_empty() => "*".to_owned(),
        Scope::Account => "*".to_owned(),
        Scope::Bucket => format!("arn:{partition}:s3:::{bucket}"),
        Scope::Object => format!("arn:{partition}:s3:::{bucket}/*"),
    }
}

fn partition(region: &str) -> &'static str {
    [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ]
    .into_iter()
    .find(|(prefix, _)| region.starts_with(prefix))
    .map_or("aws", |(_, partition)| partition)
}

/// Tells whether an EC2 operation creates something that can be given tags in the same call, for which EC2 also
/// asks for `ec2:CreateTags` ("Grant permission to tag Amazon EC2 resources during creation", EC2 User Guide).
fn tags_what_it_creates(operation: &str) -> bool {
    match operation {
        "CreateTags" | "CreateRoute" | "CreateVpcEndpointConnectionNotification" => false,
        "RunInstances"
        | "AllocateAddress"
        | "AllocateHosts"
        | "ImportKeyPair"
        | "ImportImage"
        | "CopyImage"
        | "CopySnapshot"
        | "RegisterImage"
        | "RequestSpotInstances"
        | "AuthorizeSecurityGroupIngress"
        | "AuthorizeSecurityGroupEgress" => true,
        other => other.starts_with("Create"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{call, policy};
    use super::*;

    fn ec2(operation: &str, region: &str) -> CloudCall {
        call(
            &format!("ec2.{region}.amazonaws.com"),
            region,
            "POST",
            "/",
            Some(operation),
        )
    }

    fn s3(operation: &str, path: &str) -> CloudCall {
        call(
            "s3.us-west-2.amazonaws.com",
            "us-west-2",
            "GET",
            path,
            Some(operation),
        )
    }

    #[test]
    fn a_policy_names_the_actions_with_the_buckets_and_regions_of_the_calls() {
        let calls = [
            ec2("DescribeVpcs", "us-west-2"),
            ec2("CreateVpc", "us-west-2"),
            ec2("DescribeVpcs", "us-west-2"),
            ec2("DescribeVpcs", "eu-west-1"),
            s3("CreateBucket", "/one"),
            s3("HeadBucket", "/one"),
            s3("HeadBucket", "/two"),
            s3("GetBucketEncryption", "/one"),
            s3("PutObject", "/one/a/b"),
            s3("ListBuckets", "/"),
            call("iam.amazonaws.com", "us-east-1", "POST", "/", Some("GetRole")),
            call(
                "monitoring.us-west-2.amazonaws.com",
                "us-west-2",
                "POST",
                "/",
                Some("PutMetricAlarm"),
            ),
        ];
        insta::assert_json_snapshot!(policy(PolicyFormat::Aws, "n", &calls));
    }

    #[test]
    fn tags_on_creation_are_allowed_for_these_creations_alone_unless_tags_were_written_anyway() {
        let created = policy(PolicyFormat::Aws, "n", &[ec2("CreateVpc", "us-west-2")]);
        assert!(
            created
                .policy
                .to_string()
                .contains(r#""ec2:CreateAction":["CreateVpc"]"#)
        );
        let both = [ec2("CreateVpc", "us-west-2"), ec2("CreateTags", "us-west-2")];
        let both = policy(PolicyFormat::Aws, "n", &both);
        assert!(!both.policy.to_string().contains("ec2:CreateAction"));
        assert_eq!(both.assumed, BTreeSet::new());
    }

    #[test]
    fn what_hands_a_role_to_a_service_needs_leave_to_hand_it_to_that_service_alone() {
        let called = |service: &str, operation: &str| {
            let host = format!("{service}.us-gov-west-1.amazonaws.com");
            call(&host, "us-gov-west-1", "POST", "/", Some(operation))
        };
        let calls = [
            called("config", "PutConfigurationRecorder"),
            called("securityhub", "EnableSecurityHub"),
        ];
        let allowed = policy(PolicyFormat::Aws, "n", &calls);
        let statements = &allowed.policy["Statement"];
        for (index, (action, resource, condition)) in [
            (
                "iam:PassRole",
                "arn:aws-us-gov:iam::*:role/*",
                json!({"iam:PassedToService": "config.amazonaws.com"}),
            ),
            (
                "iam:CreateServiceLinkedRole",
                "arn:aws-us-gov:iam::*:role/aws-service-role/securityhub.amazonaws.com/*",
                json!({"iam:AWSServiceName": "securityhub.amazonaws.com"}),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let statement = &statements[index + 2];
            assert_eq!(statement["Action"], json!([action]));
            assert_eq!(statement["Resource"], json!([resource]));
            assert_eq!(statement["Condition"]["StringEquals"], condition);
        }
        assert_eq!(allowed.assumed.len(), 2);
        let others = policy(PolicyFormat::Aws, "n", &[called("config", "PutConfigRule")]);
        assert!(!others.policy.to_string().contains("iam:"));
    }

    #[test]
    fn arns_follow_the_partition() {
        let mut call = s3("HeadBucket", "/logs");
        call.region = "us-gov-west-1".into();
        assert_eq!(
            bucket_resource(&call, Scope::Object),
            "arn:aws-us-gov:s3:::logs/*"
        );
        call.region = "cn-north-1".into();
        assert_eq!(bucket_resource(&call, Scope::Bucket), "arn:aws-cn:s3:::logs");
    }

    #[test]
    fn the_service_of_an_emulator_is_the_endpoint() {
        let mut call = ec2("DescribeVpcs", "us-west-2");
        call.host = "127.0.0.1:5000".into();
        call.endpoint = "ec2".into();
        assert_eq!(service(&call), "ec2");
        call.host = "ec2-fips.us-west-2.amazonaws.com".into();
        call.endpoint = "machines".into();
        assert_eq!(service(&call), "ec2");
        call.host = "api.ecr.us-west-2.amazonaws.com".into();
        assert_eq!(service(&call), "ecr");
    }
}
