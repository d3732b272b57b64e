//! What a plugin may reach, as the operator decided it.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::grant::PluginGrant;
use konductor_model::manifest::{EndpointProtocol, Manifest};
use url::Url;

use crate::request::METHODS;

/// Stands for every region in [`EndpointGrant::regions`].
pub const EVERY_REGION: &str = "*";

/// The endpoints one plugin may call. It is fixed when the session is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// The endpoints.
    pub endpoints: Vec<EndpointGrant>,
    /// What the plugin's manifest asks for, so that a denial can say whether a grant could allow it.
    pub requested: PluginGrant,
    /// Granted endpoints that may not be called because the credentials that sign them are not granted; by
    /// endpoint, with the name of the credentials.
    pub without_credentials: BTreeMap<String, String>,
}

/// What the operator's configuration says about a plugin's endpoints beside the grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointSettings {
    /// The region of requests that name none.
    pub region: String,
    /// Use the FIPS variants.
    pub fips: bool,
    /// Use the dual-stack variants.
    pub dual_stack: bool,
    /// Where requests to every endpoint go.
    pub override_url: Option<Url>,
    /// Where requests to one endpoint go, by its identifier; before `override_url`.
    pub overrides: BTreeMap<String, Url>,
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
    /// The regions that may be asked for, `*` for every one; the default region always may.
    pub regions: BTreeSet<String>,
    /// The region of a request that names none.
    pub default_region: String,
    /// The methods that may be used; none for all that the broker knows.
    pub methods: Option<BTreeSet<String>>,
    /// The accounts that the credentials may belong to; none for any. The host asks the cloud whose they are.
    pub accounts: BTreeSet<String>,
    /// What the first segment of a request's path must begin with, one of them; none for anything. For S3 that is
    /// the bucket.
    pub resource_prefixes: BTreeSet<String>,
    /// Operations that answer with tokens or keys and may be called all the same.
    pub token_operations: BTreeSet<String>,
    /// The name of the credentials that sign the requests; the plugin's own where it is not said.
    pub credentials: Option<String>,
    /// Where requests go instead of the cloud's own host: a local emulator, a VPC endpoint. It comes from the
    /// operator's configuration only, has no path, and is the one way to reach a private address or plain HTTP.
    pub override_url: Option<Url>,
    /// Use the FIPS variant of the host.
    pub fips: bool,
    /// Use the dual-stack variant of the host.
    pub dual_stack: bool,
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
            accounts: BTreeSet::new(),
            resource_prefixes: BTreeSet::new(),
            token_operations: BTreeSet::new(),
            credentials: None,
            override_url: None,
            fips: false,
            dual_stack: false,
        }
    }

    /// Returns what an endpoint of Google Cloud cannot be granted.
    fn google_problems(&self) -> Vec<String> {
        let id = &self.id;
        let mut problems = Vec::new();
        if !self.regions.is_empty() {
            problems.push(format!(
                "endpoint `{id}`: services of Google Cloud have one host for all regions; remove them"
            ));
        }
        // Taken as granted they would let nothing through.
        if !self.resource_prefixes.is_empty() && self.service != "storage" {
            problems.push(format!(
                "endpoint `{id}`: only the buckets of `storage` can be narrowed by their names; remove \
                 `resource_prefixes`"
            ));
        }
        problems
    }

    /// Returns what an endpoint of Azure cannot be granted.
    fn azure_problems(&self) -> Vec<String> {
        let id = &self.id;
        let mut problems = Vec::new();
        if !self.regions.is_empty() {
            problems.push(format!(
                "endpoint `{id}`: Azure Resource Manager has one host for all regions; remove them"
            ));
        }
        // Taken as granted they would let nothing through.
        if !self.resource_prefixes.is_empty() {
            problems.push(format!(
                "endpoint `{id}`: what is called in Azure cannot be narrowed by the beginning of its name; remove \
                 `resource_prefixes`, and name subscriptions in `accounts`"
            ));
        }
        problems
    }

    /// Returns what an API that is no cloud cannot be granted.
    fn http_problems(&self) -> Vec<String> {
        let id = &self.id;
        let mut problems = Vec::new();
        if !self.regions.is_empty() {
            problems.push(format!(
                "endpoint `{id}`: an `http` endpoint has no regions; remove them"
            ));
        }
        // Taken as granted they would narrow nothing.
        if !self.accounts.is_empty() {
            problems.push(format!(
                "endpoint `{id}`: whose the credentials of an `http` endpoint are cannot be found out; remove `accounts`"
            ));
        }
        problems
    }
}

impl Grant {
    /// Works out what runs: what the manifest asks for and the operator grants, at the configured places. It asks
    /// nobody and reads nothing.
    pub fn resolve(manifest: &Manifest, granted: &PluginGrant, settings: &EndpointSettings) -> Self {
        let requested = PluginGrant::requested_by(manifest);
        let allowed = requested.intersection(granted);
        let mut endpoints = Vec::new();
        let mut without_credentials = BTreeMap::new();
        for request in &manifest.endpoints {
            let Some(allowance) = allowed.endpoints.get(&request.id) else {
                continue;
            };
            let credentials = request.credentials.as_ref().unwrap_or(&manifest.name);
            if !allowed.credentials.contains(credentials) {
                without_credentials.insert(request.id.clone(), credentials.clone());
                continue;
            }
            endpoints.push(EndpointGrant {
                id: request.id.clone(),
                protocol: request.protocol,
                service: request.service.clone(),
                regions: allowance.regions.clone(),
                default_region: match request.protocol {
                    EndpointProtocol::Http | EndpointProtocol::Google | EndpointProtocol::Azure => {
                        String::new()
                    }
                    _ => settings.region.clone(),
                },
                methods: Some(allowance.methods.clone()).filter(|methods| !methods.is_empty()),
                accounts: allowance.accounts.clone(),
                resource_prefixes: allowance.resource_prefixes.clone(),
                token_operations: allowance.token_operations.clone(),
                credentials: Some(credentials.clone()),
                override_url: settings
                    .overrides
                    .get(&request.id)
                    .or(settings.override_url.as_ref())
                    .cloned(),
                fips: settings.fips,
                dual_stack: settings.dual_stack,
            });
        }
        Self {
            endpoints,
            requested,
            without_credentials,
        }
    }

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
            match endpoint.protocol {
                EndpointProtocol::Aws => {}
                EndpointProtocol::Google => problems.extend(endpoint.google_problems()),
                EndpointProtocol::Http => problems.extend(endpoint.http_problems()),
                EndpointProtocol::Azure => problems.extend(endpoint.azure_problems()),
            }
            if !is_label_path(&endpoint.service) {
                problems.push(format!(
                    "endpoint `{id}`: service {:?} is not a service name such as `ec2`",
                    endpoint.service
                ));
            }
            let regions = endpoint.regions.iter().filter(|region| *region != EVERY_REGION);
            let default =
                Some(&endpoint.default_region).filter(|_| endpoint.protocol == EndpointProtocol::Aws);
            for region in regions.chain(default) {
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

/// Says whether a region is named as AWS names them (`us-gov-west-1`). Where every region is granted the name still
/// leaves a plugin no room to write messages into the names that are looked up.
pub(crate) fn is_common_region(text: &str) -> bool {
    const MIDDLE: [&str; 6] = ["gov", "iso", "isob", "isoe", "isof", "de"];
    const PLACE: [&str; 9] = [
        "central",
        "east",
        "north",
        "northeast",
        "northwest",
        "south",
        "southeast",
        "southwest",
        "west",
    ];
    let is_area =
        |area: &str| (2..=4).contains(&area.len()) && area.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |number: &str| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [area, place, number] => is_area(area) && PLACE.contains(place) && is_number(number),
        [area, middle, place, number] => {
            is_area(area) && MIDDLE.contains(middle) && PLACE.contains(place) && is_number(number)
        }
        _ => false,
    }
}

fn is_region(text: &str) -> bool {
    text.len() <= 40 && is_label(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        serde_json::from_value(serde_json::json!({
            "name": "backup",
            "version": "1.0.0",
            "endpoints": [
                {"id": "s3", "protocol": "aws", "service": "s3", "regions": ["eu-west-1", "eu-north-1"],
                 "methods": ["GET", "PUT"]},
                {"id": "sts", "protocol": "aws", "service": "sts", "token_operations": ["AssumeRole"]},
                {"id": "vault", "protocol": "aws", "service": "kms", "credentials": "keys"},
            ],
        }))
        .unwrap()
    }

    fn granted(json: serde_json::Value) -> PluginGrant {
        serde_json::from_value(json).unwrap()
    }

    fn resolve(json: serde_json::Value) -> Grant {
        let settings = EndpointSettings {
            region: "us-west-2".to_owned(),
            override_url: Url::parse("http://127.0.0.1:4566").ok(),
            overrides: [("s3".to_owned(), Url::parse("https://s3.corp.example").unwrap())].into(),
            ..EndpointSettings::default()
        };
        Grant::resolve(&manifest(), &granted(json), &settings)
    }

    #[test]
    fn what_runs_is_what_is_asked_for_and_granted() {
        let grant = resolve(serde_json::json!({
            "endpoints": {
                "s3": {"regions": ["eu-west-1", "us-east-1"], "methods": ["GET", "DELETE"],
                       "accounts": ["123456789012"], "resource_prefixes": ["corp-"]},
                "sts": {},
                "vault": {},
                "iam": {},
            },
            "credentials": ["backup"],
        }));
        let [s3, sts] = grant.endpoints.as_slice() else {
            panic!("{grant:#?}")
        };
        assert_eq!(s3.regions, ["eu-west-1".to_owned()].into());
        assert_eq!(s3.methods, Some(["GET".to_owned()].into()));
        assert_eq!(s3.accounts, ["123456789012".to_owned()].into());
        assert_eq!(s3.resource_prefixes, ["corp-".to_owned()].into());
        assert_eq!(s3.credentials.as_deref(), Some("backup"));
        assert_eq!(
            s3.override_url.as_ref().unwrap().host_str(),
            Some("s3.corp.example")
        );
        assert_eq!(s3.default_region, "us-west-2");
        assert!(sts.token_operations.is_empty(), "not granted");
        assert_eq!(sts.override_url.as_ref().unwrap().port(), Some(4566));
        assert_eq!(
            grant.without_credentials,
            [("vault".to_owned(), "keys".to_owned())].into()
        );
    }

    #[test]
    fn every_region_is_every_name_that_a_region_can_have() {
        for region in [
            "us-east-1",
            "ap-southeast-7",
            "us-gov-west-1",
            "us-isob-east-1",
            "eusc-de-east-1",
            "cn-northwest-1",
        ] {
            assert!(is_common_region(region), "{region}");
        }
        for text in [
            "",
            "us-east",
            "stolen-data-1",
            "us-stolen-east-1",
            "us-east-123456",
            "us-east-1.evil.example",
            "stolendata-east-1",
            "US-EAST-1",
        ] {
            assert!(!is_common_region(text), "{text}");
        }
    }

    #[test]
    fn nothing_granted_is_nothing_allowed() {
        assert!(resolve(serde_json::json!({})).endpoints.is_empty());
        let no_method_left =
            serde_json::json!({"endpoints": {"s3": {"methods": ["DELETE"]}}, "credentials": ["backup"]});
        assert!(resolve(no_method_left).endpoints.is_empty());
    }

    #[test]
    fn all_that_is_requested_can_be_granted() {
        let requested = PluginGrant::requested_by(&manifest());
        let grant = Grant::resolve(&manifest(), &requested, &EndpointSettings::default());
        assert_eq!(grant.endpoints.len(), 3);
        assert!(grant.without_credentials.is_empty());
        assert_eq!(
            grant
                .endpoints
                .iter()
                .find(|endpoint| endpoint.id == "sts")
                .unwrap()
                .token_operations,
            ["AssumeRole".to_owned()].into()
        );
    }
}
