//! A lifecycle rule, between an attribute and what S3 takes.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, NoncurrentVersionTransition,
    Transition, TransitionStorageClass,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use konductor_sdk::prelude::*;
use konductor_sdk::schema_builder::Attribute;
use konductor_sdk::typed::AttributeType;

use super::client::incomplete_request;
use super::tags;

/// A rule, as it is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule(pub(crate) Value);

impl AttributeType for Rule {
    fn schema() -> AttributeSchema {
        rule_schema().into()
    }
    fn from_value(value: &Value, at: &Path, problems: &mut Diagnostics) -> Option<Self> {
        Value::from_value(value, at, problems).map(Self)
    }
    fn to_value(&self) -> Value {
        self.0.clone()
    }
}

/// Returns the schema of a rule.
fn rule_schema() -> Attribute {
    let days = |what: &str| integer(what).at_least(1);
    let date = "At midnight of this day instead, as `2030-01-01T00:00:00Z`.";
    let newer = || integer("How many newer old versions are kept besides.").between(1, 100);
    let class = || {
        text("The storage class.").required().allowed([
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER_IR",
            "GLACIER",
            "DEEP_ARCHIVE",
        ])
    };
    nested(
        [
            (
                "id",
                text("The rule's name, unique in the bucket.")
                    .required()
                    .between(1, 255),
            ),
            ("enabled", boolean("Whether the rule is in force.").default(true)),
            (
                "filter",
                nested(
                    [
                        ("prefix", text("What keys start with.")),
                        ("tags", map(text(""), "Tags that objects have.")),
                        (
                            "object_size_greater_than",
                            integer("Only objects larger than this, in bytes.").at_least(0),
                        ),
                        (
                            "object_size_less_than",
                            integer("Only objects smaller than this, in bytes.").at_least(1),
                        ),
                    ],
                    "Which objects it is about; all without it.",
                ),
            ),
            (
                "expiration",
                nested(
                    [
                        ("days", days("After this many days.")),
                        ("date", text(date)),
                        (
                            "expired_object_delete_marker",
                            boolean("Instead: delete markers with no version behind them are removed."),
                        ),
                    ],
                    "When objects are deleted.",
                ),
            ),
            (
                "transitions",
                list(
                    nested(
                        [
                            ("days", integer("After this many days.").at_least(0)),
                            ("date", text(date)),
                            ("storage_class", class()),
                        ],
                        "A move.",
                    ),
                    "When objects move to another storage class.",
                ),
            ),
            (
                "noncurrent_version_expiration",
                nested(
                    [
                        ("days", days("This many days after they became old.").required()),
                        ("newer_versions", newer()),
                    ],
                    "When old versions are deleted.",
                ),
            ),
            (
                "noncurrent_version_transitions",
                list(
                    nested(
                        [
                            ("days", days("This many days after they became old.").required()),
                            ("newer_versions", newer()),
                            ("storage_class", class()),
                        ],
                        "A move.",
                    ),
                    "When old versions move to another storage class.",
                ),
            ),
            (
                "abort_incomplete_multipart_upload_days",
                days("After this many days an upload in parts that was never finished is deleted."),
            ),
        ],
        "A rule.",
    )
}

/// Returns a rule as S3 takes it.
///
/// # Errors
/// When a date is none.
pub(crate) fn to_cloud(rule: &Value) -> Result<LifecycleRule, Failure> {
    let transitions = rule
        .elements("transitions")
        .iter()
        .map(|transition| {
            Ok(Transition::builder()
                .set_days(transition.optional_small_integer("days"))
                .set_date(date(transition)?)
                .set_storage_class(class(transition))
                .build())
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let old_transitions: Vec<_> = rule
        .elements("noncurrent_version_transitions")
        .iter()
        .map(|transition| {
            NoncurrentVersionTransition::builder()
                .set_noncurrent_days(transition.optional_small_integer("days"))
                .set_newer_noncurrent_versions(transition.optional_small_integer("newer_versions"))
                .set_storage_class(class(transition))
                .build()
        })
        .collect();
    let expiration = match rule.given("expiration") {
        None => None,
        Some(expiration) => Some(
            LifecycleExpiration::builder()
                .set_days(expiration.optional_small_integer("days"))
                .set_date(date(expiration)?)
                .set_expired_object_delete_marker(expiration.optional_boolean("expired_object_delete_marker"))
                .build(),
        ),
    };
    let old_expiration = rule.given("noncurrent_version_expiration").map(|expiration| {
        NoncurrentVersionExpiration::builder()
            .set_noncurrent_days(expiration.optional_small_integer("days"))
            .set_newer_noncurrent_versions(expiration.optional_small_integer("newer_versions"))
            .build()
    });
    let abort = rule
        .optional_small_integer("abort_incomplete_multipart_upload_days")
        .map(|days| {
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(days)
                .build()
        });
    let status = if rule.boolean("enabled") {
        ExpirationStatus::Enabled
    } else {
        ExpirationStatus::Disabled
    };
    LifecycleRule::builder()
        .id(rule.text("id")?)
        .status(status)
        .filter(filter_to_cloud(rule.given("filter").unwrap_or(&Value::Null))?)
        .set_expiration(expiration)
        .set_transitions(Some(transitions).filter(|list| !list.is_empty()))
        .set_noncurrent_version_expiration(old_expiration)
        .set_noncurrent_version_transitions(Some(old_transitions).filter(|list| !list.is_empty()))
        .set_abort_incomplete_multipart_upload(abort)
        .build()
        .map_err(|error| incomplete_request(&error))
}

/// S3 takes one condition as it is, several under `And`, and for all objects an empty prefix.
fn filter_to_cloud(filter: &Value) -> Result<LifecycleRuleFilter, Failure> {
    let prefix = filter.owned_text("prefix").filter(|prefix| !prefix.is_empty());
    let wanted = filter.text_map("tags");
    let mut tags = tags::list(wanted.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
    let greater = filter.optional_integer("object_size_greater_than");
    let less = filter.optional_integer("object_size_less_than");
    let conditions = usize::from(prefix.is_some())
        + tags.len()
        + usize::from(greater.is_some())
        + usize::from(less.is_some());
    let builder = LifecycleRuleFilter::builder();
    Ok(match conditions {
        0 => builder.prefix("").build(),
        1 => builder
            .set_prefix(prefix)
            .set_tag(tags.pop())
            .set_object_size_greater_than(greater)
            .set_object_size_less_than(less)
            .build(),
        _ => builder
            .and(
                LifecycleRuleAndOperator::builder()
                    .set_prefix(prefix)
                    .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
                    .set_object_size_greater_than(greater)
                    .set_object_size_less_than(less)
                    .build(),
            )
            .build(),
    })
}

fn date(value: &Value) -> Result<Option<DateTime>, Failure> {
    let Some(text) = value.optional_text("date") else {
        return Ok(None);
    };
    DateTime::from_str(text, Format::DateTime)
        .map(Some)
        .map_err(|error| {
            let mut failure = incomplete_request(&error);
            failure.message = format!("`{text}` is no date such as `2030-01-01T00:00:00Z`: {error}");
            failure
        })
}

fn class(value: &Value) -> Option<TransitionStorageClass> {
    value
        .optional_text("storage_class")
        .map(TransitionStorageClass::from)
}

/// Returns a rule of S3 as an attribute.
pub(crate) fn from_cloud(rule: &LifecycleRule) -> Value {
    let transitions: Vec<Value> = rule
        .transitions()
        .iter()
        .map(|transition| {
            given([
                ("days", transition.days().map(Into::into)),
                ("date", transition.date().and_then(date_text)),
                (
                    "storage_class",
                    transition.storage_class().map(|class| class.as_str().into()),
                ),
            ])
        })
        .collect();
    let old_transitions: Vec<Value> = rule
        .noncurrent_version_transitions()
        .iter()
        .map(|transition| {
            given([
                ("days", transition.noncurrent_days().map(Into::into)),
                (
                    "newer_versions",
                    transition.newer_noncurrent_versions().map(Into::into),
                ),
                (
                    "storage_class",
                    transition.storage_class().map(|class| class.as_str().into()),
                ),
            ])
        })
        .collect();
    let expiration = rule.expiration().map(|expiration| {
        given([
            ("days", expiration.days().filter(|days| *days > 0).map(Into::into)),
            ("date", expiration.date().and_then(date_text)),
            (
                "expired_object_delete_marker",
                // S3 answers with false where nothing was said.
                expiration
                    .expired_object_delete_marker()
                    .filter(|marker| *marker)
                    .map(Into::into),
            ),
        ])
    });
    let old_expiration = rule.noncurrent_version_expiration().map(|expiration| {
        given([
            ("days", expiration.noncurrent_days().map(Into::into)),
            (
                "newer_versions",
                expiration.newer_noncurrent_versions().map(Into::into),
            ),
        ])
    });
    given([
        ("id", rule.id().map(Into::into)),
        (
            "enabled",
            Some((*rule.status() == ExpirationStatus::Enabled).into()),
        ),
        ("filter", Some(filter_from_cloud(rule)).filter(has_entries)),
        ("expiration", expiration),
        (
            "transitions",
            (!transitions.is_empty()).then_some(Value::List(transitions)),
        ),
        ("noncurrent_version_expiration", old_expiration),
        (
            "noncurrent_version_transitions",
            (!old_transitions.is_empty()).then_some(Value::List(old_transitions)),
        ),
        (
            "abort_incomplete_multipart_upload_days",
            rule.abort_incomplete_multipart_upload()
                .and_then(|abort| abort.days_after_initiation())
                .map(Into::into),
        ),
    ])
}

fn filter_from_cloud(rule: &LifecycleRule) -> Value {
    let filter = rule.filter();
    let and = filter.and_then(LifecycleRuleFilter::and);
    let prefix = and
        .and_then(LifecycleRuleAndOperator::prefix)
        .or_else(|| filter.and_then(LifecycleRuleFilter::prefix))
        .or_else(|| old_prefix(rule))
        .filter(|prefix| !prefix.is_empty());
    let tags: Vec<_> = and
        .map(LifecycleRuleAndOperator::tags)
        .unwrap_or_default()
        .iter()
        .chain(filter.and_then(LifecycleRuleFilter::tag))
        .cloned()
        .collect();
    let greater = and.and_then(LifecycleRuleAndOperator::object_size_greater_than);
    let less = and.and_then(LifecycleRuleAndOperator::object_size_less_than);
    given([
        ("prefix", prefix.map(Into::into)),
        ("tags", Some(tags::own(&tags).to_value()).filter(has_entries)),
        (
            "object_size_greater_than",
            greater
                .or_else(|| filter?.object_size_greater_than())
                .map(Into::into),
        ),
        (
            "object_size_less_than",
            less.or_else(|| filter?.object_size_less_than()).map(Into::into),
        ),
    ])
}

/// Rules made long ago have the prefix outside the filter.
#[allow(deprecated)]
fn old_prefix(rule: &LifecycleRule) -> Option<&str> {
    rule.prefix()
}

fn date_text(date: &DateTime) -> Option<Value> {
    date.fmt(Format::DateTime).ok().map(Into::into)
}

fn has_entries(value: &Value) -> bool {
    value.as_map().is_some_and(|map| !map.is_empty())
}

fn given<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    Value::Map(
        entries
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<BTreeMap<_, _>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_sdk::model::value_json::from_json;

    #[test]
    fn a_rule_comes_back_as_it_was_given() {
        for rule in [
            serde_json::json!({ "id": "a", "enabled": true, "expiration": { "days": 3 } }),
            serde_json::json!({ "id": "a", "enabled": false, "filter": { "prefix": "logs/" },
                "abort_incomplete_multipart_upload_days": 7 }),
            serde_json::json!({ "id": "a", "enabled": true, "filter": { "tags": { "a": "b" } },
                "expiration": { "expired_object_delete_marker": true } }),
            serde_json::json!({ "id": "a", "enabled": true,
                "filter": { "prefix": "x", "tags": { "a": "b" }, "object_size_greater_than": 10 },
                "transitions": [{ "date": "2030-01-01T00:00:00Z", "storage_class": "GLACIER" }],
                "noncurrent_version_expiration": { "days": 9, "newer_versions": 2 },
                "noncurrent_version_transitions": [{ "days": 5, "storage_class": "STANDARD_IA" }] }),
        ] {
            let rule = from_json(rule).unwrap();
            assert_eq!(from_cloud(&to_cloud(&rule).unwrap()), rule);
        }
    }

    #[test]
    fn a_date_that_is_none_is_refused() {
        let rule = serde_json::json!({ "id": "a", "expiration": { "date": "tomorrow" } });
        let failure = to_cloud(&from_json(rule).unwrap()).unwrap_err();
        assert!(failure.message.contains("`tomorrow` is no date"));
    }
}
