//! `aws:config:DeliveryChannel`.

use super::named::prelude::*;

/// Where AWS Config writes what it recorded. There is one in each region. The recorder has to be there first, and the
/// bucket must let AWS Config in: `aws:compliance:Monitoring` puts all of it together.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:config:DeliveryChannel",
    identity = "default: The channel's name.",
    known_as("terraform", "aws_config_delivery_channel"),
    known_as("pulumi", "aws:cfg/deliveryChannel:DeliveryChannel"),
    // A region has one, so a second cannot be made before the first is gone.
    delete_before_replace,
    create("config:PutDeliveryChannel"),
    update("config:PutDeliveryChannel"),
    delete("config:DeleteDeliveryChannel"),
    read("config:DescribeDeliveryChannels"),
    behaviour = named,
    example = r"# A channel to a bucket that is there already
recorder:
  type: aws:config:ConfigurationRecorder
  properties:
    role_arn: arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig
channel:
  type: aws:config:DeliveryChannel
  properties:
    name: ${recorder.name}
    s3_bucket_name: konductor-example-config
    delivery_frequency: TwentyFour_Hours
"
)]
pub struct DeliveryChannel {
    /// The name. Where it is the recorder's, by a reference to it, the recorder is made first.
    #[attribute(identity, replaces, default = "default", range(1..=256))]
    name: String,
    /// The bucket.
    #[attribute(format = S3BucketName)]
    s3_bucket_name: String,
    /// What the keys in the bucket start with, before `AWSLogs`.
    #[attribute(range(1..))]
    s3_key_prefix: Option<String>,
    /// The KMS key that encrypts what is written, by its Amazon resource name. By default the bucket decides.
    #[attribute(pattern = r"arn:[a-z-]+:kms:.+")]
    s3_kms_key_arn: Option<String>,
    /// The SNS topic that is told of every change, by its Amazon resource name.
    #[attribute(pattern = r"arn:[a-z-]+:sns:.+")]
    sns_topic_arn: Option<String>,
    /// How often everything that is recorded is written.
    #[attribute(one_of("One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"))]
    delivery_frequency: Option<String>,
}

impl Named for DeliveryChannel {
    const NOUN: &'static str = "DeliveryChannel";
    const REFUSALS: &'static [(&'static str, &'static str)] = &[
        ("InvalidDeliveryChannelNameException", "name"),
        ("MaxNumberOfDeliveryChannelsExceededException", "name"),
        ("NoSuchBucketException", "s3_bucket_name"),
        ("InsufficientDeliveryPolicyException", "s3_bucket_name"),
        ("InvalidS3KeyPrefixException", "s3_key_prefix"),
        ("InvalidS3KmsKeyArnException", "s3_kms_key_arn"),
        ("InvalidSNSTopicARNException", "sns_topic_arn"),
    ];

    async fn put(&self, config: &Api<'_>, _token: Option<&str>) -> Result<(), Failure> {
        let frequency = self
            .delivery_frequency
            .as_ref()
            .map_or(Json::Null, |often| json!({ "deliveryFrequency": often }));
        let channel = given([
            ("name", json!(self.name)),
            ("s3BucketName", json!(self.s3_bucket_name)),
            ("s3KeyPrefix", json!(self.s3_key_prefix)),
            ("s3KmsKeyArn", json!(self.s3_kms_key_arn)),
            ("snsTopicARN", json!(self.sns_topic_arn)),
            ("configSnapshotDeliveryProperties", frequency),
        ]);
        call(
            config,
            "PutDeliveryChannel",
            &json!({ "DeliveryChannel": channel }),
        )
        .map(drop)
    }

    async fn described(
        _config: &Api<'_>,
        name: String,
        description: &Json,
    ) -> Result<(Object<Self>, Standing), Failure> {
        let channel = Self {
            s3_bucket_name: text(description, "s3BucketName").unwrap_or_default(),
            s3_key_prefix: text(description, "s3KeyPrefix"),
            s3_kms_key_arn: text(description, "s3KmsKeyArn"),
            sns_topic_arn: text(description, "snsTopicARN"),
            delivery_frequency: text(
                &description["configSnapshotDeliveryProperties"],
                "deliveryFrequency",
            ),
            name: name.clone(),
        };
        Ok((Object::new(name, channel), Standing::There))
    }
}
