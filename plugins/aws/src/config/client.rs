//! Calls of AWS Config.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::Value as Json;

use crate::client::CONFIG;
use crate::json_api::explain;

/// Returns AWS Config.
pub(crate) fn config(context: &Context) -> Api<'_> {
    Api::new(context, CONFIG).explain(explain)
}

/// Makes a call. All that are made here can be made twice: they name what they are about and say how it should be.
///
/// # Errors
/// When the cloud refuses.
pub(crate) fn call(config: &Api<'_>, operation: &str, body: &Json) -> Result<Json, Failure> {
    let request = config
        .post::<&str>([])
        .header("x-amz-target", format!("StarlingDoveService.{operation}"))
        .body("application/x-amz-json-1.1", body.to_string())
        .idempotent(true);
    let answer = request.send().map_err(waiting_for)?;
    if answer.bytes().is_empty() {
        return Ok(Json::Null);
    }
    answer.json()
}

/// Makes what is only missing yet a reason to try again, and says what it waits for.
fn waiting_for(failure: Failure) -> Failure {
    let waits = match failure.code.as_str() {
        "NoAvailableConfigurationRecorderException" => {
            "there is no configuration recorder: declare an aws:config:ConfigurationRecorder, and name it under \
             `options.depends_on`"
        }
        "NoAvailableDeliveryChannelException" => {
            "there is no delivery channel: declare an aws:config:DeliveryChannel, and refer to it"
        }
        "LastDeliveryChannelDeleteFailedException" => {
            "the configuration recorder is running, and needs its delivery channel: stop the recorder first"
        }
        // The bucket, or who may write to it, may be so new that S3 does not show it everywhere.
        "NoSuchBucketException" | "InsufficientDeliveryPolicyException" => {
            return Failure {
                disposition: Disposition::Conflict,
                ..failure
            };
        }
        _ => return failure,
    };
    Failure {
        disposition: Disposition::Conflict,
        message: waits.to_owned(),
        ..failure
    }
}
