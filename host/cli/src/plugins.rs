//! The plugins of a run: found, loaded into the sandbox, and given their configuration and their way out.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use konductor_broker::{
    Broker, CredentialBase, CredentialSource, EndpointGrant, Grant, SessionOptions, Vault, WebIdentity,
};
use konductor_config::Configuration;
use konductor_model::cloud::Cloud;
use konductor_model::grant::PluginGrant;
use konductor_model::manifest::EndpointProtocol;
use konductor_model::module::Module;
use konductor_model::provider::Provider;
use konductor_model::{Diagnostic, Diagnostics, Path, Value};
use konductor_registry::{FetchRequest, FetchedPlugin, NetworkSettings, PluginSource, Registry, SearchPath};
use konductor_sandbox::{LoadOptions, Plugin, Reveal, RevealObserver, Sandbox, SandboxOptions};

use crate::environment::Environment;
use crate::error::CommandError;

/// How long a plugin may take to load before that is told.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(400);

/// Settings of a module that are the host's: they say where requests go and with what they are signed, so no
/// guest sees them.
const HOST_SETTINGS: [&str; 6] = [
    "endpoint_url",
    "endpoints",
    "profile",
    "oidc_provider",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
];

/// A plugin that was loaded.
#[derive(Clone)]
pub struct LoadedPlugin {
    /// The plugin, without configuration.
    pub plugin: Plugin,
    /// Where its bytes came from.
    pub file: Arc<FilePath>,
}

/// Finds and loads plugins.
pub struct PluginLoader {
    sandbox: Sandbox,
    registry: Registry,
    loaded: BTreeMap<String, LoadedPlugin>,
}

impl PluginLoader {
    /// Starts the sandbox.
    pub fn new(environment: &Environment) -> Result<Self, CommandError> {
        let options = SandboxOptions {
            cache_directory: Some(environment.cache_folder().join("compiled")),
            ..SandboxOptions::default()
        };
        Ok(Self {
            sandbox: Sandbox::new(options)?,
            registry: Registry::new(
                SearchPath::new(environment.plugin_folders(), environment.executable()),
                NetworkSettings::default(),
                Some(environment.cache_folder().join("downloads")),
            ),
            loaded: BTreeMap::new(),
        })
    }

    /// Returns the names of all plugins that can be found, those the project names included.
    pub fn names(&self, configuration: Option<&Configuration>) -> Vec<String> {
        let mut names = self.registry.search_path().names();
        names.extend(
            configuration
                .into_iter()
                .flat_map(|c| c.plugins())
                .map(|plugin| plugin.name.clone()),
        );
        names.sort();
        names.dedup();
        names
    }

    /// Loads a plugin by name, unless it is loaded already.
    pub async fn load(
        &mut self,
        name: &str,
        folder: &FilePath,
        configuration: Option<&Configuration>,
    ) -> Result<LoadedPlugin, CommandError> {
        if let Some(loaded) = self.loaded.get(name) {
            return Ok(loaded.clone());
        }
        let requirement = configuration
            .and_then(|configuration| configuration.plugins().iter().find(|plugin| plugin.name == name));
        let source = match requirement.and_then(|requirement| requirement.source.as_deref()) {
            Some(text) => PluginSource::parse(name, text, folder)?,
            None => PluginSource::Bundled,
        };
        let fetched = self
            .registry
            .fetch(&FetchRequest {
                plugin: name.to_owned(),
                source,
                version: requirement.and_then(|requirement| requirement.version.clone()),
                locked: None,
            })
            .await?;
        let loaded = self.load_fetched(&fetched).await?;
        let found = &loaded.plugin.manifest().name;
        if found != name {
            return Err(CommandError::message(format!(
                "the plugin in {} is `{found}`, not `{name}`",
                fetched.place
            ))
            .help("give it its own name under plugins in konductor.yaml"));
        }
        fetched.require_version(
            &loaded.plugin.manifest().version,
            requirement.and_then(|r| r.version.as_ref()),
        )?;
        self.loaded.insert(name.to_owned(), loaded.clone());
        Ok(loaded)
    }

    /// Loads the plugin in a file.
    pub async fn load_file(&self, path: &FilePath) -> Result<LoadedPlugin, CommandError> {
        let fetched = self.registry.fetch_file(path)?;
        self.load_fetched(&fetched).await
    }

    async fn load_fetched(&self, fetched: &FetchedPlugin) -> Result<LoadedPlugin, CommandError> {
        let loading = self
            .sandbox
            .load(&fetched.bytes, LoadOptions::from_origin(&fetched.name));
        let plugin = announced(&fetched.name, loading).await?;
        Ok(LoadedPlugin {
            plugin,
            file: FilePath::new(&fetched.place).into(),
        })
    }
}

/// Waits for a plugin, and says so when that takes long: compiling one for the first time takes seconds.
async fn announced<T>(name: &str, loading: impl Future<Output = T>) -> T {
    tokio::pin!(loading);
    tokio::select! {
        biased;
        loaded = &mut loading => loaded,
        () = tokio::time::sleep(ANNOUNCE_AFTER) => {
            crate::output::notice(&format!("compiling plugin {name} for the first time; later runs take it from the cache"));
            loading.await
        }
    }
}

/// A plugin's own part of the configuration, split into what the guest sees and what the host keeps.
pub struct PluginConfiguration {
    /// What the guest sees.
    pub guest: Value,
    /// Tags for all resources of the provider.
    pub default_tags: BTreeMap<String, Value>,
    /// What the plugin may reach.
    pub grant: Grant,
    /// What its requests are signed with.
    pub credentials: CredentialSource,
}

/// Splits a module's configuration. Everything that is wrong is said at once.
pub fn plugin_configuration(
    loaded: &Plugin,
    mut value: Value,
    credentials: Option<&Value>,
    environment: &Environment,
    locate: &dyn Fn(&Path) -> Option<konductor_model::Origin>,
) -> Result<PluginConfiguration, Diagnostics> {
    let manifest = loaded.manifest();
    let namespace = &manifest.name;
    let mut diagnostics = Diagnostics::default();
    let mut problem = |path: &str, text: String| {
        let at: Path = format!("{namespace}.{path}").parse().unwrap_or_default();
        diagnostics.push(Diagnostic::error(format!("{at}: {text}")).origin(locate(&at)));
    };
    let mut host = BTreeMap::new();
    if let Some(map) = value.as_map_mut() {
        for name in HOST_SETTINGS {
            if let Some(setting) = map.remove(name) {
                host.insert(name, setting);
            }
        }
    }
    let needs_region = manifest
        .endpoints
        .iter()
        .any(|endpoint| endpoint.protocol == EndpointProtocol::Aws);
    let region = match value.attribute("region").and_then(Value::as_text) {
        Some(region) => Some(region.to_owned()),
        None => environment
            .variable("AWS_REGION")
            .or_else(|| environment.variable("AWS_DEFAULT_REGION"))
            .map(str::to_owned),
    };
    if let (Some(region), Some(map), true) = (&region, value.as_map_mut(), needs_region) {
        map.insert("region".to_owned(), region.as_str().into());
    }
    let mut grant = Grant::default();
    for endpoint in &manifest.endpoints {
        let Some(region) = &region else { break };
        let mut granted = EndpointGrant::aws(endpoint.service.clone(), region.clone());
        granted.id.clone_from(&endpoint.id);
        granted.protocol = endpoint.protocol;
        granted.fips = host
            .get("use_fips_endpoint")
            .and_then(Value::as_boolean)
            .unwrap_or(false);
        granted.dual_stack = host
            .get("use_dualstack_endpoint")
            .and_then(Value::as_boolean)
            .unwrap_or(false);
        let one = host
            .get("endpoints")
            .and_then(|map| map.attribute(&endpoint.id))
            .and_then(Value::as_text);
        if let Some(text) = one.or_else(|| host.get("endpoint_url").and_then(Value::as_text)) {
            match text.parse() {
                Ok(url) => granted.override_url = Some(url),
                Err(error) => problem("endpoint_url", format!("`{text}` is not a URL: {error}")),
            }
        }
        grant.endpoints.push(granted);
    }
    if needs_region && region.is_none() {
        problem(
            "region",
            "there is no region; set it in the configuration or in AWS_REGION".to_owned(),
        );
    }
    let mut source = CredentialSource::default();
    match credentials.map(CredentialSource::from_value) {
        Some(Ok(found)) => source = found,
        Some(Err(error)) => {
            for (path, text) in error.problems {
                problem(&format!("credentials.{path}"), text);
            }
        }
        None => {}
    }
    if let (Some(identity), CredentialBase::StandardChain) = (host.get("oidc_provider"), &source.base)
        && let (Some(role_arn), Some(token_file)) =
            (text_of(identity, "role_arn"), text_of(identity, "token_file"))
    {
        let session_name = text_of(identity, "session_name");
        source.base = CredentialBase::WebIdentity(WebIdentity {
            role_arn,
            token_file: token_file.into(),
            session_name,
        });
    }
    if let (Some(profile), CredentialBase::StandardChain) =
        (host.get("profile").and_then(Value::as_text), &source.base)
    {
        source.base = CredentialBase::Profile(profile.to_owned());
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let default_tags = value
        .attribute("tags")
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default();
    Ok(PluginConfiguration {
        guest: value,
        default_tags,
        grant,
        credentials: source,
    })
}

fn text_of(map: &Value, name: &str) -> Option<String> {
    map.attribute(name).and_then(Value::as_text).map(str::to_owned)
}

/// Tells the program's log what plugins were let to see.
struct RevealLog;

impl RevealObserver for RevealLog {
    fn revealed(&self, reveal: Reveal) {
        tracing::info!(
            plugin = reveal.plugin,
            resource = reveal.resource,
            function = reveal.function,
            "the secret {}.{} is shown to the plugin",
            reveal.resource_type,
            reveal.attribute
        );
    }
}

/// The configured plugins of a run, as the engine asks for them.
#[derive(Clone, Default)]
pub struct RunPlugins {
    plugins: BTreeMap<String, RunPlugin>,
}

#[derive(Clone)]
struct RunPlugin {
    provider: Arc<dyn Provider>,
    module: Arc<dyn Module>,
    version: String,
    digest: String,
}

impl RunPlugins {
    /// Adds a plugin, with the way out that its grant allows.
    pub fn add(
        &mut self,
        loaded: &LoadedPlugin,
        configuration: PluginConfiguration,
        broker: &Broker,
    ) -> Result<(), CommandError> {
        let name = loaded.plugin.manifest().name.clone();
        let vault = Arc::new(Vault::new());
        let cloud = broker.session(SessionOptions {
            grant: configuration.grant,
            credentials: [(name.clone(), configuration.credentials)].into(),
            plugin: name,
            vault: Some(Arc::clone(&vault)),
        })?;
        self.insert(
            loaded,
            configuration.guest,
            configuration.default_tags,
            cloud,
            vault,
        );
        Ok(())
    }

    /// Adds a plugin whose cloud calls are all answered by `cloud`.
    pub fn add_offline(
        &mut self,
        loaded: &LoadedPlugin,
        configuration: PluginConfiguration,
        cloud: Arc<dyn Cloud>,
    ) {
        self.insert(
            loaded,
            configuration.guest,
            configuration.default_tags,
            cloud,
            Arc::new(Vault::new()),
        );
    }

    fn insert(
        &mut self,
        loaded: &LoadedPlugin,
        guest: Value,
        tags: BTreeMap<String, Value>,
        cloud: Arc<dyn Cloud>,
        vault: Arc<Vault>,
    ) {
        let reveal = PluginGrant::requested_by(loaded.plugin.manifest()).reveal;
        let plugin = loaded.plugin.with_configuration(guest, cloud, vault);
        let plugin = Arc::new(plugin.with_reveals(reveal, Arc::new(RevealLog)));
        let run_plugin = RunPlugin {
            provider: konductor_engine::default_tags::DefaultTags::wrap(plugin.clone(), tags),
            module: plugin,
            version: loaded.plugin.manifest().version.to_string(),
            digest: loaded.plugin.digest().to_owned(),
        };
        self.plugins
            .insert(loaded.plugin.manifest().name.clone(), run_plugin);
    }

    /// Puts something around the provider of every plugin, such as the simulated cloud.
    pub fn wrap(&mut self, wrap: impl Fn(Arc<dyn Provider>) -> Arc<dyn Provider>) {
        for plugin in self.plugins.values_mut() {
            plugin.provider = wrap(plugin.provider.clone());
        }
    }

    /// Returns the plugins for the log.
    pub fn used(&self) -> Vec<konductor_state::PluginUsed> {
        self.plugins
            .iter()
            .map(|(name, plugin)| konductor_state::PluginUsed {
                name: name.clone(),
                version: plugin.version.clone(),
                digest: plugin.digest.clone(),
                ..konductor_state::PluginUsed::default()
            })
            .collect()
    }
}

impl konductor_engine::Providers for RunPlugins {
    fn provider(&self, plugin: &str) -> Option<Arc<dyn Provider>> {
        self.plugins.get(plugin).map(|plugin| plugin.provider.clone())
    }

    fn module(&self, plugin: &str) -> Option<Arc<dyn Module>> {
        self.plugins.get(plugin).map(|plugin| plugin.module.clone())
    }

    fn plugin_reference(&self, plugin: &str) -> Option<konductor_state::record::PluginReference> {
        self.plugins
            .get(plugin)
            .map(|found| konductor_state::record::PluginReference {
                name: plugin.to_owned(),
                version: found.version.clone(),
            })
    }

    fn names(&self) -> Vec<String> {
        self.plugins.keys().cloned().collect()
    }
}
