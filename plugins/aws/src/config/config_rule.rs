//! `aws:config:ConfigRule`.

use super::named::prelude::*;
use super::tags;

/// What a rule looks at; without it everything that it is for.
#[derive(Clone, PartialEq, Attributes)]
pub struct Scope {
    /// Resources of these types, as CloudFormation calls them: `AWS::EC2::Volume`.
    resource_types: BTreeSet<String>,
    /// This one resource, of the one type that is given.
    resource_id: Option<String>,
    /// Resources with a tag of this key.
    #[attribute(range(1..=128))]
    tag_key: Option<String>,
    /// The value of the tag.
    #[attribute(range(1..=256))]
    tag_value: Option<String>,
}

/// A rule by which AWS Config judges resources: one of Amazon's, or a policy in the language of Guard.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:config:ConfigRule",
    identity = "encrypted-volumes: The rule's name.",
    known_as("terraform", "aws_config_config_rule"),
    known_as("pulumi", "aws:cfg/rule:Rule"),
    unique("name"),
    create("config:PutConfigRule", "config:TagResource"),
    update("config:PutConfigRule", "config:TagResource", "config:UntagResource"),
    delete("config:DeleteConfigRule"),
    read(
        "config:DescribeConfigRules",
        "config:ListTagsForResource",
        "config:GetCustomRulePolicy"
    ),
    behaviour = named,
    example = r"# One of Amazon's rules
recorder:
  type: aws:config:ConfigurationRecorder
  properties:
    role_arn: arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig
encrypted-volumes:
  type: aws:config:ConfigRule
  properties:
    name: encrypted-volumes
    source_identifier: ENCRYPTED_VOLUMES
    scope: { resource_types: ['AWS::EC2::Volume'] }
  options: { depends_on: [recorder] }
"
)]
pub struct ConfigRule {
    /// The name.
    #[attribute(identity, replaces, range(1..=128))]
    name: String,
    /// What it is for.
    #[attribute(range(1..=256))]
    description: Option<String>,
    /// The identifier of one of Amazon's rules: `ENCRYPTED_VOLUMES`.
    #[attribute(replaces, pattern = "[A-Z][A-Z0-9_]*")]
    source_identifier: Option<String>,
    /// A policy in the language of Guard instead, judged whenever a resource in the scope changes.
    #[attribute(range(1..=10_000))]
    custom_policy: Option<String>,
    /// The parameters of the rule. All of them are texts.
    input_parameters: BTreeMap<String, String>,
    /// What it looks at; by default everything that it is for.
    scope: Option<Scope>,
    /// How often it judges, where it does not do so at every change.
    #[attribute(
        computed,
        one_of("One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours")
    )]
    maximum_execution_frequency: Option<String>,
    #[attribute(tags)]
    tags: BTreeMap<String, String>,
    /// The Amazon resource name.
    #[attribute(
        output,
        simulated = "arn:aws:config:{region}:{digits12}:config-rule/config-rule-{hex8}"
    )]
    arn: Option<String>,
    /// The identifier that AWS Config gave it.
    #[attribute(output, simulated = "config-rule-{hex8}")]
    rule_id: Option<String>,
}

impl Check for ConfigRule {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        let is_said = |name: &str| {
            inputs
                .attribute(name)
                .is_some_and(|value| !value.reveal().is_null())
        };
        match ["source_identifier", "custom_policy"].map(is_said) {
            [true, true] => diagnostics.push(
                Diagnostic::error("a rule is one of Amazon's or a policy, not both")
                    .help("remove `source_identifier` or `custom_policy`")
                    .at(Path::attribute("custom_policy")),
            ),
            [false, false] => diagnostics.push(
                Diagnostic::error("it is not said what the rule is")
                    .help("give the `source_identifier` of one of Amazon's rules, or a `custom_policy`")
                    .at(Path::attribute("source_identifier")),
            ),
            _ => {}
        }
        let Some(scope) = inputs.given("scope") else {
            return;
        };
        let at = |name: &str| Path::attribute("scope").child(name);
        let types = scope.given("resource_types").and_then(Value::as_list);
        if is_in(scope, "tag_value") && !is_in(scope, "tag_key") {
            diagnostics
                .push(Diagnostic::error("a value of a tag is given without its key").at(at("tag_key")));
        }
        if is_in(scope, "tag_key")
            && (types.is_some_and(|types| !types.is_empty()) || is_in(scope, "resource_id"))
        {
            diagnostics.push(
                Diagnostic::error("a scope is a tag or types of resources, not both")
                    .help("remove `tag_key`, or `resource_types` and `resource_id`")
                    .at(at("tag_key")),
            );
        }
        let is_known = scope
            .attribute("resource_types")
            .is_none_or(Value::is_wholly_known);
        if is_in(scope, "resource_id") && is_known && types.map_or(0, <[Value]>::len) != 1 {
            diagnostics.push(
                Diagnostic::error("a resource is given without its type")
                    .help("give exactly one of `resource_types` with it")
                    .at(at("resource_types")),
            );
        }
    }
}

fn is_in(scope: &Value, name: &str) -> bool {
    scope
        .attribute(name)
        .is_some_and(|value| !value.reveal().is_null())
}

impl ConfigRule {
    fn source(&self) -> Json {
        let Some(policy) = &self.custom_policy else {
            return json!({ "Owner": "AWS", "SourceIdentifier": self.source_identifier });
        };
        let at_change = |message: &str| json!({ "EventSource": "aws.config", "MessageType": message });
        json!({
            "Owner": "CUSTOM_POLICY",
            "SourceDetails": [
                at_change("ConfigurationItemChangeNotification"),
                at_change("OversizedConfigurationItemChangeNotification"),
            ],
            "CustomPolicyDetails": { "PolicyRuntime": "guard-2.x.x", "PolicyText": policy },
        })
    }
}

fn cloud_scope(scope: &Scope) -> Json {
    let types = match scope.resource_types.is_empty() {
        true => Json::Null,
        false => json!(scope.resource_types),
    };
    given([
        ("ComplianceResourceTypes", types),
        ("ComplianceResourceId", json!(scope.resource_id)),
        ("TagKey", json!(scope.tag_key)),
        ("TagValue", json!(scope.tag_value)),
    ])
}

/// Reads parameters, which AWS Config keeps as the text of a JSON object.
fn parameters(description: &Json) -> BTreeMap<String, String> {
    let written = text(description, "InputParameters").unwrap_or_default();
    let read: BTreeMap<String, Json> = serde_json::from_str(&written).unwrap_or_default();
    let plain = |value: Json| match value {
        Json::String(text) => text,
        other => other.to_string(),
    };
    read.into_iter()
        .map(|(name, value)| (name, plain(value)))
        .collect()
}

impl Named for ConfigRule {
    const NOUN: &'static str = "ConfigRule";
    const NAME: &'static str = "ConfigRuleName";
    const WAIT: u64 = 3;

    async fn put(&self, config: &Api<'_>, token: Option<&str>) -> Result<(), Failure> {
        let parameters = match self.input_parameters.is_empty() {
            true => Json::Null,
            false => json!(self.input_parameters).to_string().into(),
        };
        let rule = given([
            ("ConfigRuleName", json!(self.name)),
            ("Description", json!(self.description)),
            ("Source", self.source()),
            ("InputParameters", parameters),
            ("Scope", self.scope.as_ref().map_or(Json::Null, cloud_scope)),
            (
                "MaximumExecutionFrequency",
                json!(self.maximum_execution_frequency),
            ),
        ]);
        let asked = given([("ConfigRule", rule), ("Tags", tags::of_create(&self.tags, token))]);
        call(config, "PutConfigRule", &asked)
            .map(drop)
            .map_err(|failure| self.placed(failure))
    }

    async fn described(
        config: &Api<'_>,
        name: String,
        description: &Json,
    ) -> Result<(Object<Self>, Standing), Failure> {
        let arn = text(description, "ConfigRuleArn");
        let standing = match description["ConfigRuleState"].as_str() {
            Some("DELETING" | "DELETING_RESULTS") => Standing::Leaving(None),
            _ => Standing::There,
        };
        let (tags, token) = match &arn {
            Some(arn) if standing.is_present() => tags::read(config, arn)?,
            _ => Default::default(),
        };
        let source = &description["Source"];
        let custom_policy = if source["Owner"] == "CUSTOM_POLICY" && standing.is_present() {
            // A description shows everything but the policy.
            let policy = call(config, "GetCustomRulePolicy", &json!({ "ConfigRuleName": name }))?;
            text(&policy, "PolicyText")
        } else {
            None
        };
        let scope = description.get("Scope").map(|scope| Scope {
            resource_types: texts(scope, "ComplianceResourceTypes"),
            resource_id: text(scope, "ComplianceResourceId"),
            tag_key: text(scope, "TagKey"),
            tag_value: text(scope, "TagValue"),
        });
        let rule = Self {
            description: text(description, "Description"),
            source_identifier: text(source, "SourceIdentifier"),
            custom_policy,
            input_parameters: parameters(description),
            scope,
            maximum_execution_frequency: text(description, "MaximumExecutionFrequency"),
            tags,
            arn,
            rule_id: text(description, "ConfigRuleId"),
            name: name.clone(),
        };
        Ok((Object::new(name, rule).private(token), standing))
    }

    fn is_made_by(&self, found: &Object<Self>, token: &str) -> bool {
        found.private == token.as_bytes()
    }

    async fn change_besides(&self, config: &Api<'_>, prior: &Self) -> Result<(), Failure> {
        match &prior.arn {
            Some(arn) => tags::change(config, arn, &prior.tags, &self.tags),
            None => Ok(()),
        }
    }
}

impl ConfigRule {
    /// Says which attribute a refusal is about, which AWS Config tells in words alone.
    fn placed(&self, mut failure: Failure) -> Failure {
        if failure.code != "InvalidParameterValueException" {
            return failure;
        }
        let attribute = if failure.message.contains("sourceIdentifier") {
            "source_identifier"
        } else if failure.message.contains("inputParameters") || failure.message.contains("arameter") {
            "input_parameters"
        } else {
            return failure;
        };
        failure.at = Some(Path::attribute(attribute));
        failure
    }
}
