//! The settings of a module that are the host's where its plugin calls Azure, and what the environment of Microsoft's own
//! tools says.

use konductor_broker::{AzureCloud, EndpointSettings, EntraApplication, EntraPlaces, EntraProof, Grant};
use konductor_model::manifest::EndpointProtocol;
use konductor_model::{SecretText, Value};

use crate::environment::Environment;

/// The endpoint of Resource Manager in the plugin's manifest.
const ARM: &str = "arm";
/// Endpoints that are no plugin's: they are asked for tokens only.
const ENTRA: &str = "entra";
const METADATA: &str = "metadata";

/// The member of the section and of its credentials that names the subscription.
const SUBSCRIPTION: &str = "subscription_id";

/// Returns the cloud that the section names, and tells `problem` when it names none that is known.
pub fn cloud(configuration: &Value, problem: &mut dyn FnMut(&str, String)) -> AzureCloud {
    let Some(name) = configuration.attribute("cloud").and_then(Value::as_text) else {
        return AzureCloud::default();
    };
    AzureCloud::named(name).unwrap_or_else(|| {
        let text = format!("`{name}` is not one of Microsoft's clouds: `public`, `china`, `us-government`");
        problem("cloud", text);
        AzureCloud::default()
    })
}

/// Sends requests to the cloud that is configured, where nothing else says where they go.
pub fn add_place(settings: &mut EndpointSettings, cloud: AzureCloud) {
    if cloud == AzureCloud::Public || settings.override_url.is_some() {
        return;
    }
    if let Ok(url) = cloud.manager().parse() {
        settings.overrides.entry(ARM.to_owned()).or_insert(url);
    }
}

/// Returns where credentials are on this machine, and what the environment says of them.
pub fn entra_places(settings: &EndpointSettings, environment: &Environment) -> EntraPlaces {
    let variable = |name: &str| environment.variable(name).map(str::to_owned);
    let proof = variable("AZURE_CLIENT_SECRET")
        .map(|secret| EntraProof::Secret(SecretText::new(secret)))
        .or_else(|| {
            variable("AZURE_CLIENT_CERTIFICATE_PATH").map(|file| EntraProof::Certificate(file.into()))
        })
        .or_else(|| variable("AZURE_FEDERATED_TOKEN_FILE").map(|file| EntraProof::Federated(file.into())));
    let application = proof.and_then(|proof| {
        Some(EntraApplication {
            client_id: variable("AZURE_CLIENT_ID")?,
            proof,
        })
    });
    let place = |id: &str| {
        settings
            .overrides
            .get(id)
            .or(settings.override_url.as_ref())
            .cloned()
    };
    let identity_secret = variable("IDENTITY_HEADER").map(SecretText::new);
    EntraPlaces {
        application,
        tenant_id: variable("AZURE_TENANT_ID"),
        identity_endpoint: variable("IDENTITY_ENDPOINT").zip(identity_secret),
        authority: place(ENTRA),
        metadata: place(METADATA),
    }
}

/// Returns the subscription of resources that name none: the configured one, that of the credentials, or that of the
/// environment. Tells `problem` when the first two differ.
pub fn subscription(
    configuration: &Value,
    credentials: Option<&Value>,
    environment: &Environment,
    problem: &mut dyn FnMut(&str, String),
) -> Option<String> {
    let configured = configuration.attribute(SUBSCRIPTION).and_then(Value::as_text);
    let bound = bound_subscription(credentials);
    if let (Some(configured), Some(bound)) = (configured, &bound)
        && !configured.eq_ignore_ascii_case(bound)
    {
        let text = "is not the subscription that `credentials.subscription_id` binds to; keep one of them";
        problem(SUBSCRIPTION, text.to_owned());
    }
    configured
        .map(str::to_owned)
        .or(bound)
        .or_else(|| environment.variable("AZURE_SUBSCRIPTION_ID").map(str::to_owned))
}

fn bound_subscription(credentials: Option<&Value>) -> Option<String> {
    credentials?
        .attribute(SUBSCRIPTION)
        .and_then(Value::as_text)
        .map(str::to_owned)
}

/// Binds what may be called to the subscription of the credentials, where no grant binds it already.
pub fn bind(grant: &mut Grant, credentials: Option<&Value>) {
    let Some(subscription) = bound_subscription(credentials) else {
        return;
    };
    for endpoint in &mut grant.endpoints {
        if endpoint.protocol == EndpointProtocol::Azure && endpoint.accounts.is_empty() {
            endpoint.accounts.insert(subscription.clone());
        }
    }
}
