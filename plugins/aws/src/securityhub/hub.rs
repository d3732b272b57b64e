//! `aws:securityhub:Hub`.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};

use super::client::{Description, security_hub};
use crate::ec2::progress::not_shown;
use crate::json_api::{TOKEN, own_tags, tag_changes, text};

/// Security Hub, switched on for an account in a region. Deleting it switches it off, with all standards and findings.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:securityhub:Hub",
    identity = "arn:aws:securityhub:eu-west-1:123456789012:hub/default: The Amazon resource name of the hub.",
    known_as("terraform", "aws_securityhub_account", "{arn}"),
    known_as("pulumi", "aws:securityhub/account:Account", "{arn}"),
    // A region has one.
    delete_before_replace,
    create(
        "securityhub:EnableSecurityHub",
        "securityhub:UpdateSecurityHubConfiguration",
        "securityhub:TagResource",
        "securityhub:DescribeHub",
        "securityhub:ListTagsForResource",
        "iam:CreateServiceLinkedRole"
    ),
    update(
        "securityhub:UpdateSecurityHubConfiguration",
        "securityhub:TagResource",
        "securityhub:UntagResource",
        "securityhub:DescribeHub",
        "securityhub:ListTagsForResource"
    ),
    delete("securityhub:DisableSecurityHub"),
    read("securityhub:DescribeHub", "securityhub:ListTagsForResource"),
    example = r"# Security Hub with a standard
hub:
  type: aws:securityhub:Hub
best-practices:
  type: aws:securityhub:StandardsSubscription
  properties:
    standards_arn: 'arn:aws:securityhub:${hub.region}::standards/aws-foundational-security-best-practices/v/1.0.0'
"
)]
pub struct Hub {
    /// Whether the standards that AWS recommends are subscribed to when it is switched on. They are then no resources of
    /// the stack; declare an `aws:securityhub:StandardsSubscription` for those that should be. A change means nothing.
    #[attribute(write_only, default = false)]
    enable_default_standards: Option<bool>,
    /// Whether controls that AWS adds to a standard are switched on by themselves.
    #[attribute(default = true)]
    auto_enable_controls: bool,
    /// `SECURITY_CONTROL` for one finding of a control whichever standards have it, `STANDARD_CONTROL` for one in each.
    #[attribute(one_of("SECURITY_CONTROL", "STANDARD_CONTROL"), default = "SECURITY_CONTROL")]
    control_finding_generator: String,
    #[attribute(tags)]
    tags: BTreeMap<String, String>,
    /// The Amazon resource name.
    #[attribute(
        output,
        identity,
        simulated = "arn:aws:securityhub:{region}:{digits12}:hub/default"
    )]
    arn: Option<String>,
    /// The region, which the names of standards have in them.
    #[attribute(output, simulated = "{region}")]
    region: Option<String>,
    /// The account.
    #[attribute(output, simulated = "{digits12}")]
    account_id: Option<String>,
    /// When it was switched on.
    #[attribute(output, simulated = "2026-01-01T00:00:00.000Z")]
    subscribed_at: Option<String>,
}

/// Reads the hub; none where Security Hub is switched off.
fn find(api: &Api<'_>) -> Result<Option<Object<Hub>>, Failure> {
    let Some(Description { arn, members }) = Description::read(api)? else {
        return Ok(None);
    };
    let tags: Json = api.get(["tags", &arn]).send()?.json()?;
    let tags = tags.get("Tags").cloned().unwrap_or_default();
    let tags = serde_json::from_value(tags).unwrap_or_default();
    let (tags, token) = own_tags(tags);
    let part = |place| arn.split(':').nth(place).map(str::to_owned);
    let hub = Hub {
        region: part(3),
        account_id: part(4),
        enable_default_standards: Some(false),
        auto_enable_controls: members
            .get("AutoEnableControls")
            .and_then(Json::as_bool)
            .unwrap_or_default(),
        control_finding_generator: text(&members, "ControlFindingGenerator").unwrap_or_default(),
        tags,
        arn: Some(arn.clone()),
        subscribed_at: text(&members, "SubscribedAt"),
    };
    Ok(Some(Object::new(arn, hub).private(token)))
}

impl Hub {
    /// Switches Security Hub on.
    fn enable(&self, api: &Api<'_>, token: &str) -> Result<(), Failure> {
        let mut tags = self.tags.clone();
        tags.insert(TOKEN.to_owned(), token.to_owned());
        let hub = json!({
            "EnableDefaultStandards": self.enable_default_standards.unwrap_or_default(),
            "ControlFindingGenerator": self.control_finding_generator,
            "Tags": tags,
        });
        match api.post(["accounts"]).json(&hub).idempotent(true).send() {
            // Another attempt of ours may have been quicker than the look before.
            Err(failure) if failure.code == "ResourceConflictException" => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Sets what differs from what it is.
    fn configure(&self, api: &Api<'_>, present: &Self) -> Result<(), Failure> {
        let wanted = (self.auto_enable_controls, &self.control_finding_generator);
        if wanted == (present.auto_enable_controls, &present.control_finding_generator) {
            return Ok(());
        }
        let configuration = json!({ "AutoEnableControls": wanted.0, "ControlFindingGenerator": wanted.1 });
        let patch = api.patch(["accounts"]).json(&configuration);
        patch.idempotent(true).send().map(drop)
    }

    fn set_tags(&self, api: &Api<'_>, arn: &str, present: &Self) -> Result<(), Failure> {
        let (set, removed) = tag_changes(&present.tags, &self.tags);
        if !set.is_empty() {
            let tags = api.post(["tags", arn]).json(&json!({ "Tags": set }));
            tags.idempotent(true).send()?;
        }
        if !removed.is_empty() {
            let keys = removed.into_iter();
            let delete = keys.fold(api.delete(["tags", arn]), |delete, key| {
                delete.query("tagKeys", key)
            });
            delete.send()?;
        }
        Ok(())
    }
}

impl Create for Hub {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let (api, token, wanted) = (
            security_hub(context),
            request.idempotency_token(),
            &request.inputs,
        );
        let found = match find(&api)? {
            None => {
                wanted.enable(&api, token)?;
                // Until it is shown the create is tried again, and finds its token.
                find(&api)?.ok_or_else(|| not_shown("Security Hub"))?
            }
            Some(found) => found,
        };
        if found.private != token.as_bytes() {
            return Err(request.exists_already(&found.id));
        }
        if let Err(failure) = wanted.configure(&api, &found.attributes) {
            return Ok(Made::Partial(found, failure));
        }
        let attributes = Self {
            enable_default_standards: wanted.enable_default_standards,
            auto_enable_controls: wanted.auto_enable_controls,
            control_finding_generator: wanted.control_finding_generator.clone(),
            ..found.attributes
        };
        Ok(Object::new(found.id, attributes).private(token).into())
    }
}

impl Read for Hub {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        let found = find(&security_hub(context))?;
        Ok(found.filter(|hub| hub.id == request.id()))
    }
}

impl Update for Hub {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let (api, wanted) = (security_hub(context), &request.inputs);
        let prior = request.prior()?;
        wanted.configure(&api, &prior)?;
        let expected = request.expected()?;
        Ok(match wanted.set_tags(&api, request.id(), &prior) {
            Ok(()) => expected.into(),
            Err(failure) => Made::Partial(expected, failure),
        })
    }
}

impl Delete for Hub {
    async fn delete(context: &Context, _: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        security_hub(context).delete(["accounts"]).send()?;
        Ok(Deleted::Complete)
    }
}

impl List for Hub {
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        Ok(find(&security_hub(context))?.into_iter().collect())
    }
}
