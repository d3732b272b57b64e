//! What a plugin says about itself.

use serde::{Deserialize, Serialize};

use crate::name::ResourceType;

/// A plugin's manifest, in the JSON form that `describe` answers with. Unknown members are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The plugin's name, which is the first part of its types: `aws`.
    pub name: String,
    /// The plugin's own version.
    pub version: semver::Version,
    /// What it is, for a person.
    #[serde(default)]
    pub description: String,
    /// The resource types it manages.
    #[serde(default)]
    pub resource_types: Vec<ResourceType>,
    /// The component types it constructs.
    #[serde(default)]
    pub component_types: Vec<ResourceType>,
    /// The configuration namespaces it reads: `aws` for the `aws:` section.
    #[serde(default)]
    pub modules: Vec<String>,
    /// The endpoints it wants to call.
    #[serde(default)]
    pub endpoints: Vec<EndpointRequest>,
    /// Functions `invoke` answers to.
    #[serde(default)]
    pub functions: Vec<String>,
}

/// An endpoint a plugin wants to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRequest {
    /// The identifier used in `cloud.send`: `ec2`.
    pub id: String,
    /// How requests are authenticated and addressed.
    pub protocol: EndpointProtocol,
    /// The cloud's name of the service, which is also the signing name: `ec2`, `s3`.
    pub service: String,
    /// Why it is wanted, for the person who grants it.
    #[serde(default)]
    pub reason: String,
}

/// How requests to an endpoint are authenticated and addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointProtocol {
    /// Amazon Web Services: a regional host name, signed with Signature Version 4.
    Aws,
    /// Microsoft Azure: an OAuth bearer token of Entra ID.
    Azure,
    /// Google Cloud: an OAuth bearer token.
    Google,
}
