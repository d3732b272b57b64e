//! `aws:config:RetentionConfiguration`.

use super::named::prelude::*;

/// How long AWS Config keeps what it recorded. There is one in each region; without one it is seven years.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:config:RetentionConfiguration",
    identity = "default: Its name, which is always `default`.",
    known_as("terraform", "aws_config_retention_configuration"),
    known_as("pulumi", "aws:cfg/retentionConfiguration:RetentionConfiguration"),
    delete_before_replace,
    create("config:PutRetentionConfiguration"),
    update("config:PutRetentionConfiguration"),
    delete("config:DeleteRetentionConfiguration"),
    read("config:DescribeRetentionConfigurations"),
    behaviour = named,
    example = r"# Records are kept for a year
retention:
  type: aws:config:RetentionConfiguration
  properties: { retention_period_in_days: 365 }
"
)]
pub struct RetentionConfiguration {
    /// The name. AWS Config calls every one so.
    #[attribute(identity, replaces, one_of("default"), default = "default")]
    name: String,
    /// How many days, from 30 to 2,557.
    #[attribute(range(30..=2557))]
    retention_period_in_days: i64,
}

impl Named for RetentionConfiguration {
    const NOUN: &'static str = "RetentionConfiguration";
    const NAME: &'static str = "Name";

    async fn put(&self, config: &Api<'_>, _token: Option<&str>) -> Result<(), Failure> {
        let asked = json!({ "RetentionPeriodInDays": self.retention_period_in_days });
        call(config, "PutRetentionConfiguration", &asked).map(drop)
    }

    async fn described(
        _config: &Api<'_>,
        name: String,
        description: &Json,
    ) -> Result<(Object<Self>, Standing), Failure> {
        let retention = Self {
            retention_period_in_days: description["RetentionPeriodInDays"].as_i64().unwrap_or_default(),
            name: name.clone(),
        };
        Ok((Object::new(name, retention), Standing::There))
    }
}
