//! `aws:securityhub:StandardsSubscription`.

use konductor_sdk::cloud::{Api, Pages, all_pages, handle_of, in_progress};
use konductor_sdk::context::LogLevel;
use konductor_sdk::model::provider::OperationKind;
use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::client::security_hub;
use crate::ec2::progress::not_shown;
use crate::json_api::{about, elements, given, text};

/// How long a subscription usually takes to be ready or gone.
const WAIT: Duration = Duration::from_secs(5);

/// A standard whose controls Security Hub judges the account by. Security Hub must be switched on; most controls need AWS
/// Config to record what they look at.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:securityhub:StandardsSubscription",
    identity = "arn:aws:securityhub:eu-west-1::standards/nist-800-53/v/5.0.0: The Amazon resource name of the standard.",
    known_as("terraform", "aws_securityhub_standards_subscription", "{standards_arn}"),
    known_as(
        "pulumi",
        "aws:securityhub/standardsSubscription:StandardsSubscription",
        "{standardsArn}"
    ),
    unique("standards_arn"),
    replace_on_every_change,
    create("securityhub:BatchEnableStandards", "securityhub:GetEnabledStandards"),
    delete("securityhub:BatchDisableStandards", "securityhub:GetEnabledStandards"),
    read("securityhub:GetEnabledStandards"),
    example = r"# The controls of NIST SP 800-53
hub:
  type: aws:securityhub:Hub
nist:
  type: aws:securityhub:StandardsSubscription
  properties: { standards_arn: 'arn:aws:securityhub:${hub.region}::standards/nist-800-53/v/5.0.0' }
"
)]
pub struct StandardsSubscription {
    /// The standard, by its Amazon resource name, which has the region in it; `aws securityhub describe-standards` lists
    /// them.
    #[attribute(
        identity,
        replaces,
        pattern = r"arn:[a-z-]+:securityhub:[a-z0-9-]*::(standards|ruleset)/.+"
    )]
    standards_arn: String,
    /// The Amazon resource name of the subscription.
    #[attribute(
        output,
        simulated = "arn:aws:securityhub:{region}:{digits12}:subscription/standard"
    )]
    arn: Option<String>,
}

/// What one subscription is, and how it stands: `PENDING`, `READY`, `INCOMPLETE`, `FAILED` or `DELETING`.
struct Seen {
    object: Object<StandardsSubscription>,
    status: String,
    reason: Option<String>,
}

fn seen(subscription: &Json) -> Option<Seen> {
    let attributes = StandardsSubscription {
        standards_arn: text(subscription, "StandardsArn")?,
        arn: text(subscription, "StandardsSubscriptionArn"),
    };
    Some(Seen {
        object: Object::identified(attributes)?,
        status: text(subscription, "StandardsStatus").unwrap_or_default(),
        reason: text(&subscription["StandardsStatusReason"], "StatusReasonCode"),
    })
}

/// Reads all subscriptions; none where Security Hub is switched off.
fn see_all(api: &Api<'_>) -> Result<Vec<Seen>, Failure> {
    let all = all_pages(|cursor| {
        let asked = given([("NextToken", json!(cursor))]);
        let get = api.post(["standards", "get"]).json(&asked).idempotent(true);
        let answer: Json = get.send()?.json()?;
        let items = elements(&answer, "StandardsSubscriptions").iter();
        Ok(Pages {
            items: items.filter_map(seen).collect(),
            next: text(&answer, "NextToken"),
        })
    });
    match all {
        Err(failure) if failure.disposition == Disposition::NotFound => Ok(Vec::new()),
        answer => answer,
    }
}

fn see(api: &Api<'_>, standards_arn: &str) -> Result<Option<Seen>, Failure> {
    let mut all = see_all(api)?.into_iter();
    Ok(all.find(|seen| seen.object.id == standards_arn))
}

fn goes_on(id: &str, doing: &str) -> Result<Progress, Failure> {
    in_progress(&id, Some(id), WAIT, doing)
}

/// Tells how a create stands.
fn made(context: &Context, seen: Seen) -> Result<Made<StandardsSubscription>, Failure> {
    let Seen {
        object,
        status,
        reason,
    } = seen;
    let reason = reason.unwrap_or_default();
    match status.as_str() {
        "PENDING" => {
            let doing = goes_on(&object.id, "its controls are switched on")?;
            return Ok(Made::InProgress(doing));
        }
        "FAILED" => {
            let message = format!("Security Hub could not switch the standard on: {reason}");
            return Ok(Made::Partial(object, Failure::new(Disposition::Other, message)));
        }
        "INCOMPLETE" => {
            let said = "some controls of the standard could not be switched on";
            context.log(
                LogLevel::Warn,
                said,
                &[("standard", object.id.clone()), ("reason", reason)],
            );
        }
        _ => {}
    }
    Ok(object.into())
}

fn gone(api: &Api<'_>, standards_arn: &str) -> Result<Deleted, Failure> {
    Ok(match see(api, standards_arn)? {
        None => Deleted::Complete,
        Some(_) => Deleted::InProgress(goes_on(standards_arn, "its controls are switched off")?),
    })
}

impl Create for StandardsSubscription {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let api = security_hub(context);
        let standards_arn = &request.inputs.standards_arn;
        // A second subscription to a standard is the first.
        let asked = json!({ "StandardsSubscriptionRequests": [{ "StandardsArn": standards_arn }] });
        let register = api.post(["standards", "register"]).json(&asked).idempotent(true);
        let answer = register.send().map_err(|failure| match failure.disposition {
            Disposition::NotFound => Failure {
                disposition: Disposition::Conflict,
                message: "Security Hub is switched off: declare an aws:securityhub:Hub, and name it under \
                          `options.depends_on`"
                    .to_owned(),
                ..failure
            },
            _ => about(failure, &[("InvalidInputException", "standards_arn")]),
        })?;
        let answer: Json = answer.json()?;
        let found = elements(&answer, "StandardsSubscriptions").first().and_then(seen);
        made(context, found.ok_or_else(|| not_shown(standards_arn))?)
    }
}

impl Read for StandardsSubscription {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        let found = see(&security_hub(context), request.id())?;
        Ok(found
            .filter(|seen| seen.status != "DELETING")
            .map(|seen| seen.object))
    }
}

impl Delete for StandardsSubscription {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        let api = security_hub(context);
        let Some(arn) = see(&api, request.id())?.and_then(|seen| seen.object.attributes.arn) else {
            return Ok(Deleted::Complete);
        };
        let asked = json!({ "StandardsSubscriptionArns": [arn] });
        let deregister = api.post(["standards", "deregister"]).json(&asked);
        deregister.idempotent(true).send()?;
        gone(&api, request.id())
    }
}

impl Poll for StandardsSubscription {
    async fn poll(context: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure> {
        let api = security_hub(context);
        let standards_arn: String = handle_of(request.handle())?;
        match request.operation() {
            OperationKind::Delete => gone(&api, &standards_arn).map(Polled::Deleted),
            _ => {
                let found = see(&api, &standards_arn)?.ok_or_else(|| not_shown(&standards_arn))?;
                made(context, found).map(Polled::Made)
            }
        }
    }
}

impl List for StandardsSubscription {
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        let all = see_all(&security_hub(context))?.into_iter();
        let present = all.filter(|seen| seen.status != "DELETING");
        Ok(present.map(|seen| seen.object).collect())
    }
}
