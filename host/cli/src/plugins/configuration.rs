//! A plugin's own part of the configuration, split into what the guest sees and what the host keeps.

use std::collections::BTreeMap;

use konductor_broker::{AzureCloud, BearerSource, CredentialSource, EndpointSettings, Grant, HttpCredential};
use konductor_model::manifest::{EndpointProtocol, Manifest};
use konductor_model::{Diagnostic, Diagnostics, Origin, Path, PluginGrant, RateLimit, Value};
use konductor_registry::Policies;

use super::places::{PLACE_SETTINGS, places};
use super::{aws_settings, azure_settings, google_settings};
use crate::environment::Environment;

/// A plugin's configuration, taken apart.
pub struct PluginConfiguration {
    /// What the guest sees.
    pub guest: Value,
    /// Tags for all resources of the provider.
    pub default_tags: BTreeMap<String, Value>,
    /// What the plugin may reach.
    pub grant: Grant,
    /// What its requests are signed with, by the names its manifest uses.
    pub credentials: BTreeMap<String, CredentialSource>,
    /// What its requests to clouds with OAuth tokens are authenticated with, by the same names.
    pub bearer_sources: BTreeMap<String, BearerSource>,
    /// What authenticates its requests to HTTP APIs that are no cloud, by the same names.
    pub http_credentials: BTreeMap<String, HttpCredential>,
    /// How many requests its cloud lets through, where the project says so.
    pub rate_limit: Option<RateLimit>,
}

/// What is configured for one plugin of a project.
pub struct Configured<'a> {
    /// The plugin's name in the project, which is the name of its section.
    pub name: &'a str,
    /// What the plugin says about itself.
    pub manifest: &'a Manifest,
    /// What it may do.
    pub granted: &'a PluginGrant,
    /// How many requests its cloud lets through, where the project says so.
    pub rate_limit: Option<RateLimit>,
    /// What the policies say about endpoints and regions.
    pub policies: &'a Policies,
    /// Its section, without credentials.
    pub value: Value,
    /// The credentials in its section.
    pub credentials: Option<&'a Value>,
    /// Returns the credentials in another module's section.
    pub credentials_of: &'a dyn Fn(&str) -> Option<Value>,
    /// Returns the place of a setting.
    pub locate: &'a dyn Fn(&Path) -> Option<Origin>,
}

impl Configured<'_> {
    /// Splits the configuration. Everything that is wrong is said at once.
    pub fn split(self, environment: &Environment) -> Result<PluginConfiguration, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let (name, locate) = (self.name, self.locate);
        let mut problem = |path: &str, text: String| {
            let at: Path = format!("{name}.{path}").parse().unwrap_or_default();
            diagnostics.push(Diagnostic::error(format!("{at}: {text}")).origin(locate(&at)));
        };
        let mut value = self.value;
        let calls = |protocol: EndpointProtocol| {
            let mut endpoints = self.manifest.endpoints.iter();
            endpoints.any(|endpoint| endpoint.protocol == protocol)
        };
        let (calls_aws, calls_http) = (calls(EndpointProtocol::Aws), calls(EndpointProtocol::Http));
        let mut host = BTreeMap::new();
        let mut settings = EndpointSettings::default();
        if calls_aws {
            if let Some(map) = value.as_map_mut() {
                let taken = aws_settings::HOST_SETTINGS
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), map.remove(name)?)));
                host = taken.collect();
            }
            let region = aws_settings::region(&value, environment);
            match (&region, value.as_map_mut()) {
                (Some(region), Some(map)) => {
                    map.insert("region".to_owned(), region.as_str().into());
                }
                (None, _) => problem(
                    "region",
                    "there is no region; set it in the configuration or in AWS_REGION".to_owned(),
                ),
                _ => {}
            }
            settings = aws_settings::endpoint_settings(&host, region, &mut problem);
            settings.fips |= self.policies.fips_required().is_some();
            let granted = self.manifest.endpoints.iter().filter(|endpoint| {
                endpoint.protocol == EndpointProtocol::Aws
                    && self.granted.endpoints.contains_key(&endpoint.id)
            });
            for endpoint in granted {
                for refusal in self.policies.check_region(&endpoint.service, &settings.region) {
                    problem("region", refusal.to_string());
                }
            }
        }
        let calls_google = calls(EndpointProtocol::Google);
        if calls_google
            && let Some(project) = google_settings::project(&value, environment)
            && let Some(map) = value.as_map_mut()
        {
            map.insert("project".to_owned(), project.into());
        }
        let calls_azure = calls(EndpointProtocol::Azure);
        if calls_azure
            && let Some(subscription) =
                azure_settings::subscription(&value, self.credentials, environment, &mut problem)
            && let Some(map) = value.as_map_mut()
        {
            map.insert("subscription_id".to_owned(), subscription.into());
        }
        if (calls_http || calls_google || calls_azure) && !calls_aws {
            if let Some(map) = value.as_map_mut() {
                let taken = PLACE_SETTINGS
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), map.remove(name)?)));
                host = taken.collect();
            }
            places(&host, &mut settings, &mut problem);
        }
        let cloud = match calls_azure {
            true => azure_settings::cloud(&value, &mut problem),
            false => AzureCloud::default(),
        };
        azure_settings::add_place(&mut settings, cloud);
        let mut credentials = BTreeMap::new();
        let mut bearer_sources = BTreeMap::new();
        let mut http_credentials = BTreeMap::new();
        for module in &self.granted.credentials {
            let is_own = *module == self.manifest.name;
            let (section, written) = if is_own {
                (name, self.credentials.cloned())
            } else {
                (module.as_str(), (self.credentials_of)(module))
            };
            let mut refuse = |problems: Vec<(String, String)>| {
                for (path, text) in problems {
                    let place = format!("{section}.credentials.{path}");
                    let at: Path = place.trim_end_matches('.').parse().unwrap_or_default();
                    diagnostics.push(Diagnostic::error(format!("{at}: {text}")).origin(locate(&at)));
                }
            };
            let protocols = protocols_signed_with(self.manifest, module);
            if protocols.len() > 1 {
                let text = "one section of credentials cannot serve two clouds, or a cloud and another HTTP API; the \
                            plugin's author has to give one of them `credentials` of its own";
                refuse(vec![(String::new(), text.to_owned())]);
                continue;
            }
            if protocols.contains(&EndpointProtocol::Google) {
                let places = google_settings::google_places(&settings, environment);
                match BearerSource::google(&written.unwrap_or(Value::Null), places) {
                    Ok(found) => {
                        bearer_sources.insert(module.clone(), found);
                    }
                    Err(error) => refuse(error.problems),
                }
                continue;
            }
            if protocols.contains(&EndpointProtocol::Azure) {
                let places = azure_settings::entra_places(&settings, environment);
                match BearerSource::entra(&written.unwrap_or(Value::Null), cloud, places) {
                    Ok(found) => {
                        bearer_sources.insert(module.clone(), found);
                    }
                    Err(error) => refuse(error.problems),
                }
                continue;
            }
            if protocols.contains(&EndpointProtocol::Http) {
                match HttpCredential::from_value(&written.unwrap_or(Value::Null)) {
                    Ok(found) => {
                        http_credentials.insert(module.clone(), found);
                    }
                    Err(error) => refuse(error.problems),
                }
                continue;
            }
            let mut source = CredentialSource::default();
            match written.as_ref().map(CredentialSource::from_value) {
                Some(Ok(found)) => source = found,
                Some(Err(error)) => refuse(error.problems),
                None => {}
            }
            if calls_aws && is_own {
                aws_settings::add_identity(&mut source, &host);
            }
            credentials.insert(module.clone(), source);
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let default_tags = value
            .attribute(if calls_google { "labels" } else { "tags" })
            .and_then(Value::as_map)
            .cloned()
            .unwrap_or_default();
        // A section is the plugin's to read when its namespace is granted, and only then.
        let guest = if self.granted.configuration.contains(&self.manifest.name) {
            value
        } else {
            Value::empty_map()
        };
        let mut grant = Grant::resolve(self.manifest, self.granted, &settings);
        azure_settings::bind(&mut grant, self.credentials);
        Ok(PluginConfiguration {
            guest,
            default_tags,
            grant,
            credentials,
            bearer_sources,
            http_credentials,
            rate_limit: self.rate_limit,
        })
    }
}

/// Returns the protocols of the endpoints whose requests a module's credentials authenticate.
fn protocols_signed_with(manifest: &Manifest, module: &str) -> Vec<EndpointProtocol> {
    let mut protocols = Vec::new();
    for endpoint in &manifest.endpoints {
        let name = endpoint.credentials.as_ref().unwrap_or(&manifest.name);
        if name == module && !protocols.contains(&endpoint.protocol) {
            protocols.push(endpoint.protocol);
        }
    }
    protocols
}
