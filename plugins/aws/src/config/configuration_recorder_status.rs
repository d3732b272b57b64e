//! `aws:config:ConfigurationRecorderStatus`.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::json;

use super::client::{call, config};
use crate::json_api::{elements, text};

/// Whether a configuration recorder runs. Deleting this resource stops it.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:config:ConfigurationRecorderStatus",
    identity = "default: The recorder's name.",
    known_as("terraform", "aws_config_configuration_recorder_status"),
    known_as("pulumi", "aws:cfg/recorderStatus:RecorderStatus"),
    unique("recorder"),
    create(
        "config:StartConfigurationRecorder",
        "config:StopConfigurationRecorder",
        "config:DescribeConfigurationRecorderStatus",
        "config:DescribeDeliveryChannels"
    ),
    update(
        "config:StartConfigurationRecorder",
        "config:StopConfigurationRecorder",
        "config:DescribeConfigurationRecorderStatus",
        "config:DescribeDeliveryChannels"
    ),
    delete("config:StopConfigurationRecorder"),
    read(
        "config:DescribeConfigurationRecorderStatus",
        "config:DescribeDeliveryChannels"
    ),
    example = r"# A recorder that runs
recorder:
  type: aws:config:ConfigurationRecorder
  properties:
    role_arn: arn:aws:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig
channel:
  type: aws:config:DeliveryChannel
  properties: { name: '${recorder.name}', s3_bucket_name: konductor-example-config }
recording:
  type: aws:config:ConfigurationRecorderStatus
  properties:
    recorder: ${recorder.name}
    delivery_channel: ${channel.name}
"
)]
pub struct ConfigurationRecorderStatus {
    /// The recorder.
    #[attribute(identity, replaces)]
    recorder: String,
    /// The delivery channel. A recorder runs only where there is one, so it is named here: it is made before the recorder
    /// starts, and deleted after it stopped.
    #[attribute(replaces)]
    delivery_channel: String,
    /// Whether it runs.
    #[attribute(default = true)]
    recording: bool,
}

impl ConfigurationRecorderStatus {
    fn set(&self, config: &Api<'_>) -> Result<(), Failure> {
        let operation = if self.recording {
            "StartConfigurationRecorder"
        } else {
            "StopConfigurationRecorder"
        };
        let set = call(
            config,
            operation,
            &json!({ "ConfigurationRecorderName": self.recorder }),
        );
        set.map(drop).map_err(|mut failure| {
            let attribute = match failure.code.as_str() {
                "NoSuchConfigurationRecorderException" => "recorder",
                "NoAvailableDeliveryChannelException" => "delivery_channel",
                _ => return failure,
            };
            failure.at = Some(Path::attribute(attribute));
            failure
        })
    }
}

/// Reads how a recorder stands, or all of them; none where there is no delivery channel, so that it cannot run.
fn find(context: &Context, name: Option<&str>) -> Result<Vec<Object<ConfigurationRecorderStatus>>, Failure> {
    let config = config(context);
    let asked = name.map_or(json!({}), |name| json!({ "ConfigurationRecorderNames": [name] }));
    let answer = match call(&config, "DescribeConfigurationRecorderStatus", &asked) {
        Err(failure) if failure.disposition == Disposition::NotFound => return Ok(Vec::new()),
        answer => answer?,
    };
    let channels = call(&config, "DescribeDeliveryChannels", &json!({}))?;
    let channel = elements(&channels, "DeliveryChannels").first();
    let Some(delivery_channel) = channel.and_then(|channel| text(channel, "name")) else {
        return Ok(Vec::new());
    };
    let status = elements(&answer, "ConfigurationRecordersStatus").iter();
    let found = status.filter_map(|status| {
        Object::identified(ConfigurationRecorderStatus {
            recorder: text(status, "name")?,
            delivery_channel: delivery_channel.clone(),
            recording: status["recording"].as_bool().unwrap_or_default(),
        })
    });
    Ok(found.collect())
}

impl Create for ConfigurationRecorderStatus {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        request.inputs.set(&config(context))?;
        Ok(Object::new(request.inputs.recorder.clone(), request.inputs).into())
    }
}

impl Read for ConfigurationRecorderStatus {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        let found = find(context, Some(request.id()))?;
        Ok(found.into_iter().find(|object| object.id == request.id()))
    }
}

impl Update for ConfigurationRecorderStatus {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        request.inputs.set(&config(context))?;
        Ok(request.expected()?.into())
    }
}

impl Delete for ConfigurationRecorderStatus {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        let asked = json!({ "ConfigurationRecorderName": request.id() });
        call(&config(context), "StopConfigurationRecorder", &asked)?;
        Ok(Deleted::Complete)
    }
}

impl List for ConfigurationRecorderStatus {
    async fn list(context: &Context, _: &ListRequest) -> Result<Page<Self>, Failure> {
        Ok(find(context, None)?.into_iter().collect())
    }
}
