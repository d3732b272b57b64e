//! `aws:config:ConfigurationRecorder`.

use super::named::prelude::*;

/// Types that are recorded more or less often than the others.
#[derive(Clone, PartialEq, Attributes)]
pub struct RecordingOverride {
    /// What it is for.
    #[attribute(range(1..=256))]
    description: Option<String>,
    /// The types, as CloudFormation calls them: `AWS::EC2::Volume`.
    #[attribute(required, range(1..))]
    resource_types: BTreeSet<String>,
    /// `CONTINUOUS`, at every change, or `DAILY`, where something changed within a day.
    #[attribute(one_of("CONTINUOUS", "DAILY"))]
    recording_frequency: String,
}

/// What AWS Config records of an account in a region, and how often. There is one in each region. It is started by an
/// `aws:config:ConfigurationRecorderStatus`, once there is a delivery channel.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:config:ConfigurationRecorder",
    identity = "default: The recorder's name.",
    known_as("terraform", "aws_config_configuration_recorder"),
    known_as("pulumi", "aws:cfg/recorder:Recorder"),
    // A region has one, so a second cannot be made before the first is gone.
    delete_before_replace,
    create("config:PutConfigurationRecorder", "iam:PassRole"),
    update("config:PutConfigurationRecorder", "iam:PassRole"),
    delete("config:DeleteConfigurationRecorder"),
    read("config:DescribeConfigurationRecorders"),
    behaviour = named,
    example = r"# Everything in the account is recorded
recorder:
  type: aws:config:ConfigurationRecorder
  properties:
    role_arn: arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig
    include_global_resource_types: true
"
)]
pub struct ConfigurationRecorder {
    /// The name.
    #[attribute(identity, replaces, default = "default", range(1..=256))]
    name: String,
    /// The role by which AWS Config reads the account, by its Amazon resource name.
    #[attribute(pattern = r"arn:[a-z-]+:iam::\d{12}:role/.+")]
    role_arn: String,
    /// The types that are recorded, as CloudFormation calls them: `AWS::EC2::Volume`. By default all.
    resource_types: BTreeSet<String>,
    /// The types that are not recorded, where all others are.
    excluded_resource_types: BTreeSet<String>,
    /// Whether what is the same in all regions is recorded here: users, groups, roles and policies. One region is enough.
    #[attribute(default = false)]
    include_global_resource_types: bool,
    /// `CONTINUOUS`, at every change, or `DAILY`, where something changed within a day.
    #[attribute(one_of("CONTINUOUS", "DAILY"), default = "CONTINUOUS")]
    recording_frequency: String,
    /// Types that are recorded more or less often than the others.
    recording_overrides: Vec<RecordingOverride>,
}

impl Check for ConfigurationRecorder {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        let has = |name: &str| !inputs.elements(name).is_empty();
        if has("resource_types") && has("excluded_resource_types") {
            diagnostics.push(
                Diagnostic::error("types are given that are recorded, and types that are not")
                    .help("give `resource_types` where only they are recorded, or `excluded_resource_types` where all others are")
                    .at(Path::attribute("excluded_resource_types")),
            );
        }
        if inputs.boolean("include_global_resource_types")
            && (has("resource_types") || has("excluded_resource_types"))
        {
            diagnostics.push(
                Diagnostic::error("`include_global_resource_types` is for a recorder of all types")
                    .help("name the types themselves: `AWS::IAM::Role`")
                    .at(Path::attribute("include_global_resource_types")),
            );
        }
    }
}

impl ConfigurationRecorder {
    fn recording_group(&self) -> Json {
        let (strategy, types) = if !self.resource_types.is_empty() {
            (
                "INCLUSION_BY_RESOURCE_TYPES",
                ("resourceTypes", json!(self.resource_types)),
            )
        } else if !self.excluded_resource_types.is_empty() {
            let excluded = json!({ "resourceTypes": self.excluded_resource_types });
            (
                "EXCLUSION_BY_RESOURCE_TYPES",
                ("exclusionByResourceTypes", excluded),
            )
        } else {
            let global = json!(self.include_global_resource_types);
            (
                "ALL_SUPPORTED_RESOURCE_TYPES",
                ("includeGlobalResourceTypes", global),
            )
        };
        given([
            (
                "allSupported",
                (strategy == "ALL_SUPPORTED_RESOURCE_TYPES").into(),
            ),
            types,
            ("recordingStrategy", json!({ "useOnly": strategy })),
        ])
    }

    fn recording_mode(&self) -> Json {
        let one = |rule: &RecordingOverride| {
            given([
                ("description", json!(rule.description)),
                ("resourceTypes", json!(rule.resource_types)),
                ("recordingFrequency", json!(rule.recording_frequency)),
            ])
        };
        let overrides: Vec<Json> = self.recording_overrides.iter().map(one).collect();
        let overrides = if overrides.is_empty() {
            Json::Null
        } else {
            overrides.into()
        };
        given([
            ("recordingFrequency", json!(self.recording_frequency)),
            ("recordingModeOverrides", overrides),
        ])
    }
}

impl Named for ConfigurationRecorder {
    const NOUN: &'static str = "ConfigurationRecorder";
    const REFUSALS: &'static [(&'static str, &'static str)] = &[
        ("InvalidConfigurationRecorderNameException", "name"),
        ("MaxNumberOfConfigurationRecordersExceededException", "name"),
        ("InvalidRoleException", "role_arn"),
        ("InvalidRecordingGroupException", "resource_types"),
    ];

    async fn put(&self, config: &Api<'_>, _token: Option<&str>) -> Result<(), Failure> {
        let recorder = json!({
            "name": self.name,
            "roleARN": self.role_arn,
            "recordingGroup": self.recording_group(),
            "recordingMode": self.recording_mode(),
        });
        call(
            config,
            "PutConfigurationRecorder",
            &json!({ "ConfigurationRecorder": recorder }),
        )
        .map(drop)
    }

    async fn described(
        _config: &Api<'_>,
        name: String,
        description: &Json,
    ) -> Result<(Object<Self>, Standing), Failure> {
        let group = &description["recordingGroup"];
        let mode = &description["recordingMode"];
        let overrides = elements(mode, "recordingModeOverrides").iter();
        let recorder = Self {
            role_arn: text(description, "roleARN").unwrap_or_default(),
            resource_types: texts(group, "resourceTypes"),
            excluded_resource_types: texts(&group["exclusionByResourceTypes"], "resourceTypes"),
            include_global_resource_types: group["includeGlobalResourceTypes"].as_bool().unwrap_or_default(),
            // A recorder that was made before there were frequencies records continuously.
            recording_frequency: text(mode, "recordingFrequency").unwrap_or_else(|| "CONTINUOUS".to_owned()),
            recording_overrides: overrides
                .map(|rule| RecordingOverride {
                    description: text(rule, "description"),
                    resource_types: texts(rule, "resourceTypes"),
                    recording_frequency: text(rule, "recordingFrequency").unwrap_or_default(),
                })
                .collect(),
            name: name.clone(),
        };
        Ok((Object::new(name, recorder), Standing::There))
    }
}
