//! Plugins on their way into the sandbox: found or fetched, held against the lock file and the policies, loaded.

mod packages;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use konductor_compliance::Judgement;
use konductor_config::{Configuration, PluginRequirement};
use konductor_model::policy::{PackageSetting, PolicySubject};
use konductor_model::{Diagnostic, Diagnostics, Manifest};
use konductor_registry::admission::{AdmittedPlugin, admit};
use konductor_registry::lock_file::LOCK_FILE;
use konductor_registry::policy::{Policies, SitePackage};
use konductor_registry::{
    AdmittedBundle, FetchRequest, FetchedPlugin, LockFile, LockedPlugin, PluginSource, Registry, SearchPath,
    SignatureLookup,
};
use konductor_sandbox::{Limits, LoadOptions, Plugin, Sandbox, SandboxOptions};

use crate::arguments::GlobalArguments;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::fetch_progress::FetchProgress;
use crate::network::Network;
use crate::plugins::policies;
use crate::policy::{POLICY_PLUGIN, judge_load, plugins_of_packages, refusal, require_checks, told_findings};

/// How long a plugin may take to load before that is told.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(400);

/// A plugin that was loaded.
#[derive(Clone)]
pub struct LoadedPlugin {
    /// The name it has in the project.
    pub name: String,
    /// The plugin, without configuration.
    pub plugin: Plugin,
    admitted: Arc<AdmittedPlugin>,
}

impl LoadedPlugin {
    /// Returns the plugin's own name of the module that reads the section of its name in the project; none when it
    /// reads no section.
    pub fn module(&self) -> Option<&str> {
        let manifest = self.plugin.manifest();
        manifest
            .modules
            .contains(&manifest.name)
            .then_some(manifest.name.as_str())
    }

    /// Returns what is known of its bytes.
    pub fn fetched(&self) -> &FetchedPlugin {
        self.admitted.fetched()
    }

    /// Returns who signed it, where somebody did whom a policy accepts.
    pub fn signer(&self) -> Option<&str> {
        self.admitted.signer()
    }

    /// Tells whether it came with Konductor or lies in a folder that the operator names.
    pub fn is_trusted(&self) -> bool {
        self.fetched().source == PluginSource::Bundled
    }
}

/// Finds and loads plugins.
pub struct PluginLoader {
    sandbox: Sandbox,
    registry: Registry,
    folder: PathBuf,
    lock: Option<LockFile>,
    locked: bool,
    policies: Policies,
    signatures: SignatureLookup,
    asks_for_signatures: bool,
    /// Packages of policies that were admitted, by the place and the source that name them.
    bundles: BTreeMap<(String, String), AdmittedBundle>,
    loaded: BTreeMap<String, LoadedPlugin>,
    overridden: Vec<String>,
    judgements: Vec<Judgement>,
}

impl PluginLoader {
    /// Starts the sandbox and reads the policies and the lock file of the project in `folder`, if there is one.
    pub fn new(
        folder: &Path,
        arguments: &GlobalArguments,
        environment: &Environment,
        configuration: Option<&Configuration>,
    ) -> Result<Self, CommandError> {
        let policies = policies::read(folder, arguments, configuration)?;
        let sandbox = sandbox(environment, Limits::default())?;
        let locked = arguments.locked.unwrap_or_else(|| environment.is_pipeline())
            || policies.locked_required().is_some();
        // A locked run takes what is there, and one without policies does not look at signatures.
        let signatures = if locked || !policies.look_at_signatures() {
            SignatureLookup::Kept
        } else {
            SignatureLookup::AtSource
        };
        Ok(Self {
            sandbox,
            registry: registry(arguments, environment)?,
            folder: folder.to_owned(),
            lock: LockFile::read(&folder.join(LOCK_FILE))?,
            locked,
            policies,
            signatures,
            asks_for_signatures: false,
            bundles: BTreeMap::new(),
            loaded: BTreeMap::new(),
            overridden: arguments.override_policy.clone(),
            judgements: Vec::new(),
        })
    }

    /// Returns the same loader with other limits for what runs: for a command that nobody waits for at a prompt.
    pub fn with_limits(mut self, environment: &Environment, limits: Limits) -> Result<Self, CommandError> {
        self.sandbox = sandbox(environment, limits)?;
        Ok(self)
    }

    /// Returns the names of all plugins that can be found, those the project names included.
    pub fn names(&self, configuration: Option<&Configuration>) -> Vec<String> {
        let mut names = self.registry.search_path().names();
        names.extend(
            configuration
                .into_iter()
                .flat_map(Configuration::plugins)
                .map(|plugin| plugin.name.clone()),
        );
        names.sort();
        names.dedup();
        names
    }

    /// Returns the names of the plugins that a project needs: those it names, those that read its sections, those
    /// of its resources, and those that judge its plans by packages of policies.
    pub fn needed(&self, configuration: &Configuration) -> Result<BTreeSet<String>, CommandError> {
        let available = self.names(Some(configuration));
        let named = configuration.plugins().iter().map(|plugin| plugin.name.clone());
        let modules = configuration
            .modules()?
            .into_iter()
            .map(|module| module.namespace)
            .filter(|namespace| available.contains(namespace));
        // What is wrong with a declaration is told when it is planned.
        let providers = configuration.declared_types();
        let providers = providers.iter().map(|declared| declared.provider().to_owned());
        let judges = plugins_of_packages(&self.policies);
        Ok(named.chain(modules).chain(providers).chain(judges).collect())
    }

    /// Returns what is locked.
    pub fn lock(&self) -> Option<&LockFile> {
        self.lock.as_ref()
    }

    /// Returns what is locked for one plugin.
    pub fn locked_plugin(&self, name: &str) -> Option<&LockedPlugin> {
        self.lock.as_ref()?.plugins.get(name)
    }

    /// Tells whether nothing but what is locked may be loaded.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Returns the same loader without the rule that everything must be locked: for commands that only look, and for
    /// the one that writes the lock file.
    #[must_use]
    pub fn unlocked(mut self) -> Self {
        self.locked = false;
        self
    }

    /// Returns the same loader that asks sources for signatures even where a run would take those it has: for the
    /// commands that fetch, verify and pass on.
    #[must_use]
    pub fn asking_for_signatures(mut self) -> Self {
        self.signatures = SignatureLookup::AtSource;
        self.asks_for_signatures = true;
        self
    }

    /// Asks the component in these bytes for its manifest, whatever manifest was packed into it before.
    pub async fn manifest_of(&self, bytes: &[u8], place: &str) -> Result<Manifest, CommandError> {
        let options = LoadOptions {
            repacking: true,
            ..LoadOptions::from_origin(place)
        };
        let loading = self.sandbox.load(bytes, options);
        Ok(announced(place, loading).await?.manifest().clone())
    }

    /// Returns the policies.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Returns the client of the plugins' sources.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Loads a plugin by its name in the project, unless it is loaded already.
    pub async fn load(
        &mut self,
        name: &str,
        configuration: Option<&Configuration>,
    ) -> Result<LoadedPlugin, CommandError> {
        if let Some(loaded) = self.loaded.get(name) {
            return Ok(loaded.clone());
        }
        let Some(setting) = self.package_of_checks(name) else {
            return self.load_new(name, configuration).await;
        };
        let loaded = self.load_new(name, configuration).await;
        let loaded = loaded.map_err(|error| named_by(&setting, error))?;
        require_checks(&setting, &loaded)?;
        Ok(loaded)
    }

    /// Returns the package whose checks a plugin is.
    fn package_of_checks(&self, name: &str) -> Option<PackageSetting> {
        let mut settings = self.policies.packages().map(|package| &package.setting);
        let is_named = |setting: &&PackageSetting| setting.plugin().is_some_and(|plugin| plugin.name == name);
        settings.find(is_named).cloned()
    }

    async fn load_new(
        &mut self,
        name: &str,
        configuration: Option<&Configuration>,
    ) -> Result<LoadedPlugin, CommandError> {
        let requirement = requirement(name, configuration);
        let fetched = self.fetch(name, requirement, true).await?;
        let loaded = self.admit(name, fetched, true).await?;
        let (manifest, fetched) = (loaded.plugin.manifest(), loaded.fetched());
        if manifest.name != fetched.name {
            return Err(CommandError::message(format!(
                "the plugin in {} is `{}`, not `{}`",
                fetched.place, manifest.name, fetched.name
            ))
            .help("give it its own name under plugins in konductor.yaml, or say `plugin: NAME` below the name it has there"));
        }
        fetched.require_version(&manifest.version, requirement.and_then(|r| r.version.as_ref()))?;
        self.judge_load(&loaded, configuration).await?;
        self.loaded.insert(name.to_owned(), loaded.clone());
        Ok(loaded)
    }

    /// Lets the site's policies on plugins judge one, but for the one that evaluates them.
    async fn judge_load(
        &mut self,
        loaded: &LoadedPlugin,
        configuration: Option<&Configuration>,
    ) -> Result<(), CommandError> {
        let on_load = |package: &&SitePackage| package.setting.on.contains(&PolicySubject::Load);
        let packages: Vec<SitePackage> = self.policies.packages().filter(on_load).cloned().collect();
        if packages.is_empty() || loaded.name == POLICY_PLUGIN {
            return Ok(());
        }
        // Checks that are a plugin do not judge on loading.
        let packages = self.read_packages(packages, false, &BTreeMap::new()).await?;
        let judge = Box::pin(self.load(POLICY_PLUGIN, configuration)).await?.plugin;
        let judgement = judge_load(judge, &packages, &self.overridden, loaded).await?;
        let found = told_findings(&judgement);
        let told = format!("the plugin `{}` ({})", loaded.name, found.join("; "));
        let refused = refusal(&judgement, &told);
        if refused.is_none() && !found.is_empty() {
            tracing::warn!("policies on {told}");
        }
        self.judgements.push(judgement);
        refused.map_or(Ok(()), Err)
    }

    /// Takes what policies said about the plugins that were loaded, and about those that were not.
    pub fn take_judgements(&mut self) -> Vec<Judgement> {
        std::mem::take(&mut self.judgements)
    }

    /// Finds or fetches a plugin. With `keep` the lock file decides which release it is.
    pub async fn fetch(
        &self,
        name: &str,
        requirement: Option<&PluginRequirement>,
        keep: bool,
    ) -> Result<FetchedPlugin, CommandError> {
        let plugin = requirement.map_or(name, |requirement| requirement.plugin.as_str());
        let source = match requirement.and_then(|requirement| requirement.source.as_deref()) {
            Some(text) => PluginSource::parse(name, text, &self.folder)?,
            None => PluginSource::Bundled,
        };
        let version = requirement.and_then(|requirement| requirement.version.clone());
        // What lies on this machine is compared when it is admitted; what travels is fetched by its locked digest.
        let entry = self.locked_plugin(name).filter(|_| {
            keep && (self.locked || matches!(source, PluginSource::Oci(_) | PluginSource::Mirror(_)))
        });
        if let Some(entry) = entry {
            let problems = stale(name, plugin, entry, &source, version.as_ref());
            if !problems.is_empty() {
                return Err(problems.into());
            }
        } else if keep && self.locked && source.is_remote() {
            return Err(self.not_locked(name));
        }
        let request = FetchRequest {
            plugin: plugin.to_owned(),
            source,
            version,
            locked: entry.map(LockedPlugin::release),
            signatures: self.signatures,
        };
        Ok(self.registry.fetch(&request).await?)
    }

    /// Finds or fetches the plugin whose checks are a package; none where its rules are files. Nothing of it runs.
    pub async fn fetch_checks(
        &self,
        setting: &PackageSetting,
        configuration: Option<&Configuration>,
    ) -> Result<Option<FetchedPlugin>, CommandError> {
        let Some(plugin) = setting.plugin() else {
            return Ok(None);
        };
        let requirement = requirement(&plugin.name, configuration);
        let fetched = self.fetch(&plugin.name, requirement, true).await;
        fetched.map(Some).map_err(|error| named_by(setting, error))
    }

    fn not_locked(&self, name: &str) -> CommandError {
        CommandError::message(format!(
            "plugin `{name}` is not in {}, and nothing else may be fetched here",
            self.folder.join(LOCK_FILE).display()
        ))
        .help(
            "run `konductor plugin lock` where the project is developed, and commit konductor.lock; --locked=false goes without",
        )
    }

    /// Lets the lock file and the policies judge a plugin before anything of it runs. Without `keep` it is judged as if
    /// it were locked as it is: for what is about to be locked, or was never meant to be.
    pub fn judge(
        &self,
        name: &str,
        fetched: FetchedPlugin,
        keep: bool,
    ) -> Result<AdmittedPlugin, CommandError> {
        let as_it_is = LockedPlugin::new(
            name,
            &fetched,
            fetched.version.clone().unwrap_or(semver::Version::new(0, 0, 0)),
            None,
        );
        let entry = if keep {
            self.locked_plugin(name)
        } else {
            Some(&as_it_is)
        };
        let admitted = admit(fetched, name, entry, &self.policies, self.locked)?;
        if keep && entry.is_some() {
            for difference in admitted.lock_differences() {
                tracing::warn!("{difference}; `konductor plugin lock --update {name}` takes it over");
            }
        }
        Ok(admitted)
    }

    /// Judges a plugin, and compiles what was judged.
    pub async fn admit(
        &self,
        name: &str,
        fetched: FetchedPlugin,
        keep: bool,
    ) -> Result<LoadedPlugin, CommandError> {
        let admitted = self.judge(name, fetched, keep)?;
        // The sandbox hashes the buffer it compiles: what was judged is what runs, or nothing does.
        let options = LoadOptions::from_origin(name).expecting(admitted.digest().hex());
        let plugin = announced(name, self.sandbox.load(admitted.bytes(), options)).await?;
        Ok(LoadedPlugin {
            name: name.to_owned(),
            plugin,
            admitted: Arc::new(admitted),
        })
    }
}

/// Says which package wants a plugin that cannot be loaded.
fn named_by(setting: &PackageSetting, mut error: CommandError) -> CommandError {
    for diagnostic in &mut error.diagnostics.0 {
        diagnostic.summary = format!(
            "{}: package `{}`: {}",
            setting.place, setting.name, diagnostic.summary
        );
    }
    error
}

fn sandbox(environment: &Environment, limits: Limits) -> Result<Sandbox, CommandError> {
    Ok(Sandbox::new(SandboxOptions {
        cache_directory: Some(environment.cache_folder().join("compiled")),
        limits,
    })?)
}

/// Returns what a project says about a plugin.
pub fn requirement<'a>(
    name: &str,
    configuration: Option<&'a Configuration>,
) -> Option<&'a PluginRequirement> {
    configuration?.plugins().iter().find(|plugin| plugin.name == name)
}

/// Tells whether nothing may be fetched from the network.
pub fn is_offline(arguments: &GlobalArguments, environment: &Environment) -> bool {
    arguments.offline || environment.variable("KONDUCTOR_OFFLINE").is_some()
}

/// Returns the client of the plugins' sources, as arguments and environment say.
pub fn registry(arguments: &GlobalArguments, environment: &Environment) -> Result<Registry, CommandError> {
    Ok(Registry::new(
        SearchPath::new(environment.plugin_folders(), environment.executable()),
        Network::of(environment)?.for_registries(is_offline(arguments, environment)),
        Some(environment.cache_folder().join("downloads")),
    )
    .with_progress(Arc::new(FetchProgress::new(arguments.json))))
}

/// Returns in what an entry of the lock file no longer fits konductor.yaml.
fn stale(
    name: &str,
    plugin: &str,
    entry: &LockedPlugin,
    source: &PluginSource,
    version: Option<&semver::VersionReq>,
) -> Diagnostics {
    let mut problems = Diagnostics::default();
    let mut differs = |what: &str, locked: String, wanted: String| {
        problems.push(
            Diagnostic::error(format!(
                "plugin `{name}`: the {what} {locked} is locked, but konductor.yaml asks for {wanted}"
            ))
            .help(format!(
                "run `konductor plugin lock --update {name}`, or change konductor.yaml back"
            )),
        );
    };
    if entry.own_name(name) != plugin {
        differs("plugin", entry.own_name(name).to_owned(), plugin.to_owned());
    }
    // A mirror carries what was locked elsewhere; what comes from it is held to the locked digest.
    if entry.source != source.to_string() && !matches!(source, PluginSource::Mirror(_)) {
        differs("source", entry.source.clone(), source.to_string());
    }
    if let Some(wanted) = version.filter(|wanted| !wanted.matches(&entry.version)) {
        differs("version", entry.version.to_string(), wanted.to_string());
    }
    problems
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
