//! How the network is reached, for the cloud calls of plugins and for plugins themselves alike.

use std::path::PathBuf;

use konductor_broker::BrokerOptions;
use konductor_registry::NetworkSettings;

use crate::environment::Environment;
use crate::error::CommandError;

/// What the environment says about the network.
pub struct Network {
    proxy: Option<url::Url>,
    no_proxy: String,
    certificate_files: Vec<PathBuf>,
    docker_configuration: Option<PathBuf>,
    plain_http_on_loopback: bool,
}

impl Network {
    /// Reads `HTTPS_PROXY`, `NO_PROXY`, `AWS_CA_BUNDLE`, `SSL_CERT_FILE`, `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` and
    /// `KONDUCTOR_PLAIN_HTTP`.
    pub fn of(environment: &Environment) -> Result<Self, CommandError> {
        let first = |names: &[&str]| names.iter().find_map(|name| environment.variable(name));
        let proxy = first(&["HTTPS_PROXY", "https_proxy"])
            .map(str::parse)
            .transpose()
            .map_err(|_| CommandError::message("HTTPS_PROXY is not a URL"))?;
        let certificate_files = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
            .iter()
            .filter_map(|name| environment.variable(name).map(PathBuf::from));
        let docker_folder = match environment.variable("DOCKER_CONFIG") {
            Some(folder) => Some(PathBuf::from(folder)),
            None => environment.home().map(|home| home.join(".docker")),
        };
        let docker_configuration = match environment.variable("REGISTRY_AUTH_FILE") {
            Some(file) => Some(PathBuf::from(file)),
            None => docker_folder
                .map(|folder| folder.join("config.json"))
                .filter(|file| file.is_file()),
        };
        let plain_http_on_loopback = match environment.variable("KONDUCTOR_PLAIN_HTTP") {
            None => false,
            Some("loopback") => true,
            Some(other) => {
                return Err(CommandError::message(format!(
                    "KONDUCTOR_PLAIN_HTTP is `{other}`, and only `loopback` is known: registries on this machine \
                     are then spoken to without TLS"
                )));
            }
        };
        Ok(Self {
            proxy,
            no_proxy: first(&["NO_PROXY", "no_proxy"]).unwrap_or_default().to_owned(),
            certificate_files: certificate_files.collect(),
            docker_configuration,
            plain_http_on_loopback,
        })
    }

    /// Returns the settings for fetching plugins and timestamps.
    pub fn for_registries(&self, offline: bool) -> NetworkSettings {
        NetworkSettings {
            certificate_files: self.certificate_files.clone(),
            proxy: self.proxy.clone(),
            no_proxy: self.no_proxy.clone(),
            offline,
            plain_http_on_loopback: self.plain_http_on_loopback,
            docker_configuration: self.docker_configuration.clone(),
        }
    }

    /// Returns the settings for telling people of drift.
    pub fn for_alerts(&self) -> konductor_alert::Network {
        konductor_alert::Network {
            certificate_files: self.certificate_files.clone(),
            proxy: self.proxy.clone(),
            no_proxy: self.no_proxy.clone(),
        }
    }

    /// Returns the settings for reaching a database that holds state; no proxy leads to one.
    pub fn for_state(&self) -> Result<konductor_state::backend::NetworkSettings, CommandError> {
        Ok(konductor_state::backend::NetworkSettings {
            root_certificates: self.certificates()?,
        })
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, CommandError> {
        let files = self.certificate_files.iter();
        files
            .map(|path| std::fs::read(path).map_err(|error| CommandError::file("read", path, error)))
            .collect()
    }

    /// Puts the settings into those of the broker.
    pub fn for_calls(&self, options: &mut BrokerOptions) -> Result<(), CommandError> {
        options.proxy.clone_from(&self.proxy);
        options.no_proxy.clone_from(&self.no_proxy);
        options.extra_root_certificates.extend(self.certificates()?);
        Ok(())
    }
}
