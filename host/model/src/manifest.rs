//! What a plugin says about itself.

use serde::{Deserialize, Serialize};

use crate::name::ResourceType;
use crate::tag_rules::TagRules;

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
    /// Secret inputs it must see as they are; all others reach it as tokens.
    #[serde(default)]
    pub reveals: Vec<RevealRequest>,
    /// Fields of the run's metadata it wants to see: `project`, `stack`, `owner`.
    #[serde(default)]
    pub metadata: Vec<String>,
    /// The other plugins whose types its modules and components declare.
    #[serde(default)]
    pub declares: Vec<String>,
    /// What its cloud allows in tags or labels. Without it nothing of the run is written onto its resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_rules: Option<TagRules>,
}

/// A secret input that a plugin wants to see as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealRequest {
    /// The resource type: `aws:ec2:Instance`.
    pub resource_type: ResourceType,
    /// The attribute, as names with dots between; positions in lists are left out: `user_data`, `users.password`.
    pub attribute: String,
    /// Why it is wanted, for the person who grants it.
    #[serde(default)]
    pub reason: String,
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
    /// The regions it wants beyond the configured one; `*` is every region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The methods it uses; none stands for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Operations it wants that answer with tokens or keys, such as `AssumeRole`; without a grant they are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_operations: Vec<String>,
    /// The module whose credentials sign the requests; the plugin's own where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
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
    /// Any other HTTP API: the operator says where it is and what authenticates requests.
    Http,
}
