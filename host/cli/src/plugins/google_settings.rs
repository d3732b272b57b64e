//! The settings of a module that are the host's where its plugin calls Google Cloud, and what the environment of
//! Google's own tools says.

use std::path::PathBuf;

use konductor_broker::{EndpointSettings, GooglePlaces};
use konductor_model::Value;

use crate::environment::Environment;

/// The endpoint that acts as a service account is no plugin's: it is asked for tokens only.
const IAM_CREDENTIALS: &str = "iamcredentials";

/// Returns the project of resources that name none: the configured one, or that of the environment.
pub fn project(configuration: &Value, environment: &Environment) -> Option<String> {
    match configuration.attribute("project").and_then(Value::as_text) {
        Some(project) => Some(project.to_owned()),
        None => environment
            .variable("GOOGLE_CLOUD_PROJECT")
            .or_else(|| environment.variable("CLOUDSDK_CORE_PROJECT"))
            .map(str::to_owned),
    }
}

/// Returns where credentials are on this machine.
pub fn google_places(settings: &EndpointSettings, environment: &Environment) -> GooglePlaces {
    let configuration = environment
        .variable("CLOUDSDK_CONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(environment.home()?.join(".config/gcloud")));
    GooglePlaces {
        named_file: environment
            .variable("GOOGLE_APPLICATION_CREDENTIALS")
            .map(PathBuf::from),
        login_file: configuration.map(|folder| folder.join("application_default_credentials.json")),
        metadata_host: environment.variable("GCE_METADATA_HOST").map(str::to_owned),
        iam_credentials: settings
            .overrides
            .get(IAM_CREDENTIALS)
            .or(settings.override_url.as_ref())
            .cloned(),
    }
}
