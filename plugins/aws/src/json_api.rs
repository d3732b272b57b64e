//! Services whose protocol is JSON, called without a client of their own: Amazon's crates for them describe every kind of
//! finding and of resource there is, and would make the plugin several times as large.

use konductor_sdk::aws::disposition_of;
use konductor_sdk::cloud::{Answer, Explanation};
use konductor_sdk::typed::prelude::*;
use serde_json::{Map, Value as Json};

/// Reads what such a service says about a failure: its code from a header or `__type`, where a namespace or an address may
/// stand around it, and its message from `message` or `Message`.
pub(crate) fn explain(answer: &Answer) -> Option<Explanation> {
    let body: Json = answer.json().unwrap_or_default();
    let said = answer
        .header("x-amzn-errortype")
        .or_else(|| body.get("__type").and_then(Json::as_str))
        .or_else(|| body.get("Code").and_then(Json::as_str))?;
    let code = said.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let message = ["message", "Message"]
        .into_iter()
        .find_map(|member| text(&body, member))
        .unwrap_or_default();
    Some(Explanation {
        disposition: Some(disposition(code, answer.status(), &message)),
        code: code.to_owned(),
        message,
    })
}

fn disposition(code: &str, status: u16, message: &str) -> Disposition {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    match code {
        // What Security Hub says of everything while it is switched off.
        "InvalidAccess" if message.contains("not subscribed") => Disposition::NotFound,
        "InsufficientPermissions" => Disposition::Denied,
        _ if code.starts_with("MaxNumberOf") => Disposition::Quota,
        _ => disposition_of(code, Some(status)),
    }
}

/// Says which attribute a failure is about, by the failure's code.
pub(crate) fn about(mut failure: Failure, attributes: &[(&str, &str)]) -> Failure {
    if failure.at.is_none() {
        let found = attributes.iter().find(|(code, _)| *code == failure.code);
        failure.at = found.map(|(_, attribute)| Path::attribute(*attribute));
    }
    failure
}

/// Returns a text of an answer; none where it is not there or empty.
pub(crate) fn text(json: &Json, member: &str) -> Option<String> {
    let found = json.get(member)?.as_str()?;
    (!found.is_empty()).then(|| found.to_owned())
}

/// Returns the texts of a list of an answer.
pub(crate) fn texts<C: FromIterator<String>>(json: &Json, member: &str) -> C {
    let found = elements(json, member).iter();
    found
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// Returns a list of an answer; empty where there is none.
pub(crate) fn elements<'j>(json: &'j Json, member: &str) -> &'j [Json] {
    let found = json.get(member).and_then(Json::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

/// Returns an object without the members that are null: these services refuse what is given and empty.
pub(crate) fn given<const COUNT: usize>(members: [(&str, Json); COUNT]) -> Json {
    let given = members.into_iter().filter(|(_, value)| !value.is_null());
    Json::Object(Map::from_iter(
        given.map(|(name, value)| (name.to_owned(), value)),
    ))
}

/// Returns what takes the tags of an object from these to those: the ones to set, and the keys to remove.
pub(crate) fn tag_changes<'t>(
    present: &'t BTreeMap<String, String>,
    wanted: &'t BTreeMap<String, String>,
) -> (BTreeMap<&'t str, &'t str>, Vec<&'t str>) {
    let set = wanted
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let removed = present.keys().filter(|key| !wanted.contains_key(*key));
    (set.collect(), removed.map(String::as_str).collect())
}

/// Takes the token of the create and the tags that AWS sets itself from tags that were read.
pub(crate) fn own_tags(mut tags: BTreeMap<String, String>) -> (BTreeMap<String, String>, String) {
    let token = tags.remove(TOKEN).unwrap_or_default();
    tags.retain(|key, _| !key.starts_with("aws:"));
    (tags, token)
}

/// The tag that holds the idempotency token of the create. It never shows among an object's tags.
pub(crate) use crate::ec2::tags::TOKEN;

#[cfg(test)]
mod tests {
    use konductor_sdk::model::cloud::CloudResponse;

    use super::*;

    fn explained(status: u16, headers: &[(&str, &str)], body: &str) -> Explanation {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let response = CloudResponse {
            status,
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        };
        explain(&Answer::new(response)).unwrap()
    }

    #[test]
    fn a_failure_is_read_from_the_header_or_from_the_body() {
        let said = explained(
            400,
            &[(
                "x-amzn-ErrorType",
                "InvalidAccessException:http://internal.amazon.com/",
            )],
            r#"{"Message": "Account 123456789012 is not subscribed to AWS Security Hub"}"#,
        );
        assert_eq!(said.code, "InvalidAccessException");
        assert_eq!(said.disposition, Some(Disposition::NotFound));
        let said = explained(
            400,
            &[],
            r#"{"__type": "com.amazonaws.config#ResourceInUseException", "message": "busy"}"#,
        );
        assert_eq!(
            (said.code.as_str(), said.message.as_str()),
            ("ResourceInUseException", "busy")
        );
        assert_eq!(said.disposition, Some(Disposition::Conflict));
    }

    #[test]
    fn what_a_code_means_does_not_depend_on_its_last_word() {
        for (code, expected) in [
            ("NoSuchConfigRuleException", Disposition::NotFound),
            ("LimitExceededException", Disposition::Quota),
            ("MaxNumberOfDeliveryChannelsExceededException", Disposition::Quota),
            ("ThrottlingException", Disposition::Throttled),
            ("InsufficientPermissionsException", Disposition::Denied),
            ("InvalidAccessException", Disposition::Invalid),
        ] {
            assert_eq!(disposition(code, 400, "no"), expected, "{code}");
        }
    }
}
