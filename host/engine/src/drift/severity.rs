//! How much a difference matters, from what the schema says and from what attributes are called.
//!
//! Schemas have no marker for it, and need none: the words below mean the same in every cloud. Where they are wrong
//! for a type, the configuration says so (`drift.severity`).

use std::fmt;
use std::sync::Arc;

use konductor_model::wildcard::wildcard;
use konductor_model::{Path, PathStep, ResourceSchema, ResourceType};
use konductor_state::drift::DriftSeverity;

/// The function behind [`SeverityOverride`].
type Judge = dyn Fn(&ResourceType, Option<&Path>) -> Option<DriftSeverity> + Send + Sync;

/// Says how much a difference matters, before the host's own table does.
#[derive(Clone, Default)]
pub struct SeverityOverride(Option<Arc<Judge>>);

impl SeverityOverride {
    /// Makes one of a function, which is asked with the type and the attribute; no attribute stands for the whole
    /// object.
    pub fn new(
        judge: impl Fn(&ResourceType, Option<&Path>) -> Option<DriftSeverity> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(judge)))
    }

    pub(crate) fn of(&self, resource_type: &ResourceType, at: Option<&Path>) -> Option<DriftSeverity> {
        self.0.as_ref()?(resource_type, at)
    }
}

impl fmt::Debug for SeverityOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeverityOverride")
    }
}

/// Who may reach it and who may do what with it. A text that ends in `*` fits what begins so.
const CRITICAL: &[&str] = &[
    "access_control*",
    "access_policy",
    "acl",
    "allow*",
    "anonymous*",
    "assume_role_policy*",
    "authorized*",
    "block_public_*",
    "cidr_ip*",
    "cidr_ipv4",
    "cidr_ipv6",
    "egress",
    "firewall*",
    "grant*",
    "http_tokens",
    "iam_*",
    "ignore_public_acls",
    "ingress",
    "inbound*",
    "ip_whitelist*",
    "members",
    "network_acl*",
    "outbound*",
    "permission*",
    "policies",
    "policy",
    "policy_document",
    "principal*",
    "privileged",
    "public",
    "public_access*",
    "publicly_accessible",
    "resource_policy",
    "restrict_public_buckets",
    "role*",
    "security_group*",
    "security_rules",
    "source_ranges",
    "source_security_group*",
    "trust*",
    "vpc_security_group_ids",
];

/// What protects it, what records what is done with it, and what opens it.
const HIGH: &[&str] = &[
    "audit*",
    "authentication*",
    "backup*",
    "bucket_key_enabled",
    "certificate*",
    "credential*",
    "customer_managed_key*",
    "deletion_protection*",
    "encrypt*",
    "kms_*",
    "log_*",
    "logging*",
    "mfa*",
    "minimum_tls_version",
    "object_lock*",
    "password*",
    "private_key*",
    "public_key",
    "retention*",
    "secret*",
    "server_side_encryption*",
    "soft_delete*",
    "sse_*",
    "ssl*",
    "tls*",
    "token*",
    "user_data*",
    "versioning*",
];

/// What only describes it.
const LOW: &[&str] = &[
    "annotations",
    "description",
    "display_name",
    "labels",
    "tags",
    "tags_all",
];

/// Types that are about access as a whole: every attribute of them that does more than describe is critical.
const CRITICAL_TYPES: &[&str] = &[
    "AccessKey",
    "Acl",
    "Firewall",
    "NetworkAcl",
    "Permission",
    "Policy",
    "PublicAccessBlock",
    "Role",
    "RoleAssignment",
    "SecurityGroup",
    "SecurityGroupRule",
    "User",
];

/// Types that protect: every attribute of them that does more than describe is high.
const HIGH_TYPES: &[&str] = &[
    "Certificate",
    "Encryption",
    "Key",
    "KeyPair",
    "Logging",
    "Secret",
    "Trail",
    "Vault",
    "Versioning",
];

fn fits(word: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| wildcard(pattern, word))
}

/// Tells whether the last part of a type is one of the words or ends in one: `BucketPolicy` is a `Policy`.
fn is_of(resource_type: &ResourceType, words: &[&str]) -> bool {
    let last = resource_type.as_str().rsplit(':').next().unwrap_or_default();
    words.iter().any(|word| last.ends_with(word))
}

/// Returns what the whole type is worth.
fn of_type(resource_type: &ResourceType) -> DriftSeverity {
    if is_of(resource_type, CRITICAL_TYPES) {
        DriftSeverity::Critical
    } else if is_of(resource_type, HIGH_TYPES) {
        DriftSeverity::High
    } else {
        DriftSeverity::Medium
    }
}

/// Returns how much it matters that an object is gone: at least high.
pub(crate) fn of_object(resource_type: &ResourceType) -> DriftSeverity {
    of_type(resource_type).max(DriftSeverity::High)
}

/// Returns how much it matters that an object is there which nobody manages.
pub(crate) fn of_unmanaged(resource_type: &ResourceType) -> DriftSeverity {
    if of_type(resource_type) == DriftSeverity::Critical {
        DriftSeverity::Medium
    } else {
        DriftSeverity::Low
    }
}

/// Returns how much a difference at an attribute matters.
pub(crate) fn of_attribute(
    resource_type: &ResourceType,
    schema: &ResourceSchema,
    at: &Path,
) -> DriftSeverity {
    let words: Vec<&str> = at
        .steps()
        .iter()
        .filter_map(|step| match step {
            PathStep::Attribute(name) => Some(name.as_str()),
            PathStep::Index(_) => None,
        })
        .collect();
    let Some(first) = words.first() else {
        return of_type(resource_type);
    };
    // The keys below tags are the user's own words.
    if schema.tags.as_deref() == Some(first) || fits(first, LOW) {
        return DriftSeverity::Low;
    }
    if words.iter().any(|word| fits(word, CRITICAL)) {
        return DriftSeverity::Critical;
    }
    let attribute = schema.attributes.get(*first);
    if attribute.is_some_and(|attribute| attribute.output_only) {
        return DriftSeverity::Low;
    }
    let hinted = schema.sensitive_at(at) || attribute.is_some_and(|attribute| attribute.write_only);
    if hinted || words.iter().any(|word| fits(word, HIGH)) {
        return of_type(resource_type).max(DriftSeverity::High);
    }
    of_type(resource_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(resource_type: &str, at: &str) -> DriftSeverity {
        let schema = serde_json::from_value(serde_json::json!({
            "type": resource_type, "description": "A thing.", "tags": "marks",
            "attributes": {
                "pin": {"kind": "text", "sensitive": true},
                "arn": {"kind": "text", "computed": true, "output_only": true},
            }
        }))
        .unwrap();
        of_attribute(&resource_type.parse().unwrap(), &schema, &at.parse().unwrap())
    }

    #[test]
    fn access_comes_before_protection_and_protection_before_the_rest() {
        for (resource_type, at, expected) in [
            (
                "aws:ec2:Instance",
                "vpc_security_group_ids",
                DriftSeverity::Critical,
            ),
            ("aws:s3:BucketPolicy", "policy", DriftSeverity::Critical),
            (
                "aws:s3:BucketPublicAccessBlock",
                "block_public_acls",
                DriftSeverity::Critical,
            ),
            ("aws:ec2:SecurityGroupRule", "to_port", DriftSeverity::Critical),
            (
                "azure:network:Thing",
                "rules[0].source_ranges",
                DriftSeverity::Critical,
            ),
            ("aws:ec2:Volume", "encrypted", DriftSeverity::High),
            ("aws:s3:BucketVersioning", "status", DriftSeverity::High),
            ("aws:ec2:Volume", "pin", DriftSeverity::High),
            ("aws:ec2:Volume", "size", DriftSeverity::Medium),
            ("aws:ec2:Volume", "arn", DriftSeverity::Low),
            ("aws:ec2:SecurityGroup", "tags.policy", DriftSeverity::Low),
            ("aws:ec2:Volume", "marks.owner", DriftSeverity::Low),
            ("aws:ec2:SecurityGroup", "description", DriftSeverity::Low),
        ] {
            assert_eq!(judged(resource_type, at), expected, "{resource_type} {at}");
        }
    }

    #[test]
    fn a_deleted_object_is_high_and_one_about_access_critical() {
        assert_eq!(of_object(&"aws:ec2:Volume".parse().unwrap()), DriftSeverity::High);
        assert_eq!(
            of_object(&"aws:s3:BucketPolicy".parse().unwrap()),
            DriftSeverity::Critical
        );
        assert_eq!(
            of_unmanaged(&"aws:ec2:Volume".parse().unwrap()),
            DriftSeverity::Low
        );
        assert_eq!(
            of_unmanaged(&"aws:ec2:SecurityGroup".parse().unwrap()),
            DriftSeverity::Medium
        );
    }
}
