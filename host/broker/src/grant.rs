//! What a plugin may reach, as the operator decided it.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::manifest::EndpointProtocol;
use url::Url;

use crate::request::METHODS;

/// The endpoints one plugin may call. It is fixed when the session is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// The endpoints.
    pub endpoints: Vec<EndpointGrant>,
}

/// One endpoint a plugin may call, and how the host reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointGrant {
    /// The identifier used in requests: `ec2`.
    pub id: String,
    /// How requests are authenticated and addressed.
    pub protocol: EndpointProtocol,
    /// The service, which is also the signing name: `ec2`.
    pub service: String,
    /// The regions that may be asked for; the default region always may.
    pub regions: BTreeSet<String>,
    /// The region of a request that names none.
    pub default_region: String,
    /// The methods that may be used; none for all that the broker knows.
    pub methods: Option<BTreeSet<String>>,
    /// Where requests go instead of the cloud's own host: a local emulator, a VPC endpoint. It comes from the
    /// operator's configuration only, has no path, and is the one way to reach a private address or plain HTTP.
    pub override_url: Option<Url>,
    /// Use the FIPS variant of the host.
    pub fips: bool,
    /// Use the dual-stack variant of the host.
    pub dual_stack: bool,
    /// The account the credentials belong to, where it is known; it separates rate limits.
    pub account: Option<String>,
}

impl EndpointGrant {
    /// Grants an AWS service in one region, at the cloud's own host.
    pub fn aws(service: impl Into<String>, region: impl Into<String>) -> Self {
        let (service, region) = (service.into(), region.into());
        Self {
            id: service.clone(),
            protocol: EndpointProtocol::Aws,
            service,
            regions: BTreeSet::from([region.clone()]),
            default_region: region,
            methods: None,
            override_url: None,
            fips: false,
            dual_stack: false,
            account: None,
        }
    }
}

impl Grant {
    /// Returns everything that is wrong with the grant, each with what was expected.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut seen = BTreeMap::new();
        for endpoint in &self.endpoints {
            let id = endpoint.id.as_str();
            if !is_label_path(id) {
                problems.push(format!(
                    "endpoint {id:?}: an identifier is lower-case letters, digits and hyphens"
                ));
            }
            if seen.insert(id, ()).is_some() {
                problems.push(format!("endpoint `{id}` is granted twice; keep one"));
            }
            if endpoint.protocol != EndpointProtocol::Aws {
                problems.push(format!(
                    "endpoint `{id}`: this version can sign for AWS only; remove the endpoint or use a newer Konductor"
                ));
            }
            if !is_label_path(&endpoint.service) {
                problems.push(format!(
                    "endpoint `{id}`: service {:?} is not a service name such as `ec2`",
                    endpoint.service
                ));
            }
            for region in endpoint.regions.iter().chain([&endpoint.default_region]) {
                if !is_region(region) {
                    problems.push(format!(
                        "endpoint `{id}`: {region:?} is not a region such as `us-east-1`"
                    ));
                }
            }
            for method in endpoint.methods.iter().flatten() {
                if !METHODS.contains(&method.as_str()) {
                    problems.push(format!(
                        "endpoint `{id}`: method {method:?} is not one of {}",
                        METHODS.join(", ")
                    ));
                }
            }
            if let Some(url) = &endpoint.override_url
                && let Some(problem) = override_problem(url)
            {
                problems.push(format!("endpoint `{id}`: {problem}"));
            }
        }
        problems
    }
}

/// Returns what is wrong with an operator's override, without repeating what stands in it.
pub(crate) fn override_problem(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        Some("an override is `http://HOST:PORT` or `https://HOST:PORT`")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("an override carries no user name or password; credentials stand under `credentials`")
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        Some("an override has no path, query or fragment")
    } else {
        None
    }
}

/// Says whether a text is one or more host labels, so that it can stand in a host name.
fn is_label_path(text: &str) -> bool {
    text.len() <= 63 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_region(text: &str) -> bool {
    text.len() <= 40 && is_label(text)
}
