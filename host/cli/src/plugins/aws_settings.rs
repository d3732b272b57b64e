//! The settings of a module that are the host's where its plugin calls AWS: where requests go and what they are
//! signed with. No guest sees them.

use std::collections::BTreeMap;

use konductor_broker::{CredentialBase, CredentialSource, EndpointSettings, WebIdentity};
use konductor_model::Value;

use super::places::places;
use crate::environment::Environment;

/// Their names.
pub const HOST_SETTINGS: [&str; 6] = [
    "endpoint_url",
    "endpoints",
    "profile",
    "oidc_provider",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
];

/// Returns the region of requests that name none: the configured one, or that of the AWS tools' environment.
pub fn region(configuration: &Value, environment: &Environment) -> Option<String> {
    match configuration.attribute("region").and_then(Value::as_text) {
        Some(region) => Some(region.to_owned()),
        None => environment
            .variable("AWS_REGION")
            .or_else(|| environment.variable("AWS_DEFAULT_REGION"))
            .map(str::to_owned),
    }
}

/// Returns where requests go, and tells `problem` what is wrong with a setting.
pub fn endpoint_settings(
    host: &BTreeMap<String, Value>,
    region: Option<String>,
    problem: &mut dyn FnMut(&str, String),
) -> EndpointSettings {
    let flag = |name: &str| host.get(name).and_then(Value::as_boolean).unwrap_or(false);
    let mut settings = EndpointSettings {
        region: region.unwrap_or_default(),
        fips: flag("use_fips_endpoint"),
        dual_stack: flag("use_dualstack_endpoint"),
        ..EndpointSettings::default()
    };
    places(host, &mut settings, problem);
    settings
}

/// Lets a profile or a web identity stand in where no `credentials` are configured.
pub fn add_identity(source: &mut CredentialSource, host: &BTreeMap<String, Value>) {
    let text = |map: &Value, name: &str| map.attribute(name).and_then(Value::as_text).map(str::to_owned);
    if let (Some(identity), CredentialBase::StandardChain) = (host.get("oidc_provider"), &source.base)
        && let (Some(role_arn), Some(token_file)) = (text(identity, "role_arn"), text(identity, "token_file"))
    {
        source.base = CredentialBase::WebIdentity(WebIdentity {
            role_arn,
            token_file: token_file.into(),
            session_name: text(identity, "session_name"),
        });
    }
    if let (Some(profile), CredentialBase::StandardChain) =
        (host.get("profile").and_then(Value::as_text), &source.base)
    {
        source.base = CredentialBase::Profile(profile.to_owned());
    }
}
