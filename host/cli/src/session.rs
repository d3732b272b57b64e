//! One command's work on one stack: the log opened and locked, the plugins loaded and configured, the engine ready.

mod calls;
mod options;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use konductor_compliance::{Judgement, LoadedPackage};
use konductor_config::{DriftSettings, LocatedText, Safeguards};
use konductor_engine::engine::Settings;
use konductor_engine::metadata::RunMetadata;
use konductor_engine::{Desired, Engine, ModuleDeclaration, Name, Observer, ReadTimes};
use konductor_model::{Diagnostic, Diagnostics, Path, ResourceOptions, Urn, Value};
use konductor_registry::Policies;
use konductor_state::entry::{Entry, RunFinished, RunStarted};
use konductor_state::policy::PolicyDecision;
use konductor_state::{Journal, LockGuard, LockOwner, MemoryLog, Past, PluginUsed, StackLog};

use crate::audit::{AuditTask, AuditWriter};
use crate::command::audit::{Forwarding, RunSigning};
use crate::configure;
use crate::environment::Environment;
use crate::error::CommandError;
use crate::metadata::RunDocument;
use crate::output::Output;
use crate::plugins::{self, Configured, Granted, LoadedPlugin, PluginLoader, RunPlugins, WayOut};
use crate::policy::{SitePackages, digests, judges, judging_plugins};
use crate::project::{OtherStacks, Project};
use crate::read_times;
use crate::render::live::LiveView;
use crate::reveals::RevealWriter;
use crate::simulation::Simulation;

use calls::NoCloud;
pub use calls::{broker, broker_options};
pub use options::SessionOptions;

/// One command's work on one stack.
pub struct Session {
    project: Project,
    stacks: OtherStacks,
    modules: Vec<ModuleDeclaration>,
    plugins: Arc<RunPlugins>,
    engine: Option<Engine>,
    view: Arc<LiveView>,
    journal: Arc<dyn Journal>,
    log: Option<StackLog>,
    guard: Option<LockGuard>,
    audit: Option<AuditTask>,
    run: String,
    command: &'static str,
    actor: String,
    site_packages: SitePackages,
    document: RunDocument,
    read_times: Arc<ReadTimes>,
    forwarding: Option<Forwarding>,
    signing: RunSigning,
}

/// What is loaded before anything can be configured.
struct Loaded {
    plugins: Vec<LoadedPlugin>,
    granted: BTreeMap<String, Granted>,
    policies: Policies,
    packages: Vec<LoadedPackage>,
    is_locked: bool,
    modules: Vec<(String, konductor_model::Origin)>,
}

impl Session {
    /// Opens the log, loads the plugins and checks the configuration; everything wrong with it is said at once.
    pub async fn open(
        mut project: Project,
        environment: &Environment,
        output: &Output,
        options: SessionOptions,
    ) -> Result<Self, CommandError> {
        let simulated = project.simulated;
        let opened = open_log(&project, environment, &options).await?;
        let (log, guard) = opened.unzip();
        let journal: Arc<dyn Journal> = match &log {
            Some(log) => Arc::new(log.clone()),
            None => Arc::new(MemoryLog::default()),
        };
        let snapshot_plugins = recorded_plugins(journal.as_ref(), options.locked).await?;
        let run = uuid::Uuid::now_v7().to_string();
        let mut judgements = Vec::new();
        let loading = load(
            &mut project,
            environment,
            output,
            snapshot_plugins.into_iter().chain(options.plugins),
            options.locked,
            &mut judgements,
        );
        let loaded = loading.await;
        if options.locked && !judgements.is_empty() {
            let decisions = judgements.into_iter().map(|judgement| judgement.decision);
            let entries = decisions.map(|decision| {
                let run = run.clone();
                Entry::PolicyDecided(PolicyDecision { run, ..decision })
            });
            journal.append(entries.collect()).await?;
        }
        let mut loaded = loaded?;
        let site_packages = if options.locked {
            let overridden = &project.arguments.override_policy;
            SitePackages::open(
                std::mem::take(&mut loaded.packages),
                overridden,
                &loaded.plugins,
                &project.folder,
                &project.configuration,
            )
            .await?
        } else {
            SitePackages::default()
        };
        let stacks = project.other_stacks().await?;

        let (broker, audit) = if options.locked && !simulated {
            let (writer, task) = AuditWriter::start(journal.clone());
            (Some(broker(&project, environment, writer).await?), Some(task))
        } else {
            (None, None)
        };
        // Where nothing can be recorded nothing is revealed: the plugins get tokens.
        let reveals = options
            .locked
            .then(|| Arc::new(RevealWriter::new(journal.clone())));
        let mut plugins = RunPlugins::default();
        let mut modules = Vec::new();
        let mut diagnostics = Diagnostics::default();
        for plugin in &loaded.plugins {
            if !plugin.plugin.is_provider() {
                continue;
            }
            let Some(granted) = loaded.granted.get(&plugin.name) else {
                continue;
            };
            let name = plugin.name.clone();
            let configuration = project
                .configuration
                .module_configuration(&name, project.context(&stacks))?;
            let configured = Configured {
                name: &name,
                manifest: plugin.plugin.manifest(),
                granted: &granted.grant,
                rate_limit: plugins::requirement(&name, Some(&project.configuration))
                    .and_then(|plugin| plugin.rate_limit),
                policies: &loaded.policies,
                value: configuration.value,
                credentials: configuration.credentials.as_ref(),
                credentials_of: &|module| {
                    let context = project.context(&stacks);
                    project
                        .configuration
                        .module_configuration(module, context)
                        .ok()?
                        .credentials
                },
                locate: &|path: &Path| project.configuration.locate_setting(path),
            };
            let split = match configured.split(environment) {
                Ok(split) => split,
                Err(problems) => {
                    diagnostics.extend(problems);
                    continue;
                }
            };
            if let Some((_, origin)) = loaded.modules.iter().find(|(namespace, _)| *namespace == name)
                && let Some(module) = plugin.module()
            {
                if granted.grant.configuration.contains(module) {
                    modules.push(ModuleDeclaration {
                        namespace: name.clone(),
                        plugin: name,
                        inputs: split.guest.clone(),
                        options: ResourceOptions::default(),
                        origin: Some(origin.clone()),
                    });
                } else {
                    diagnostics.push(
                        Diagnostic::error(format!("plugin `{name}` may not read the section `{name}`"))
                            .help(format!(
                                "add it to konductor.yaml: plugins.{name}.grant.configuration: [{module}]"
                            ))
                            .origin(Some(origin.clone())),
                    );
                }
            }
            let way_out = match &broker {
                Some(broker) => WayOut::Broker(broker),
                None => WayOut::Elsewhere(Arc::new(NoCloud { simulated })),
            };
            plugins.add(
                plugin,
                split,
                granted.clone(),
                way_out,
                reveals.clone().map(|writer| writer as _),
            )?;
        }
        if diagnostics.has_errors() {
            return Err(diagnostics.into());
        }
        if let (Some(execution), true) = (&options.execution, simulated) {
            let region = project
                .configuration
                .value(&Path::attribute("aws").child("region"), project.context(&stacks))?
                .and_then(|region| region.as_text().map(str::to_owned));
            let region = region.as_deref().unwrap_or("us-east-1");
            let simulation = Simulation::open(&project.simulated_cloud_file(), execution, region)?;
            plugins.wrap(|provider| simulation.wrap(provider));
        }

        // Wrong safeguards, and keys that are none, are said before the run begins.
        // What a simulated cloud answered is no evidence: it is neither signed nor forwarded.
        let (forwarding, signing) = if options.locked && !simulated {
            (
                Some(Forwarding::of(&project, environment, output)?).filter(|_| options.forwards),
                RunSigning::of(&project)?,
            )
        } else {
            (None, RunSigning::default())
        };
        let safeguards = project.configuration.safeguards(project.context(&stacks))?;
        let document = RunDocument::collect(&project, project.context(&stacks)).await?;
        if options.locked {
            let started = RunStarted {
                run: run.clone(),
                command: options.command.to_owned(),
                actor: environment.actor(),
                konductor: env!("CARGO_PKG_VERSION").to_owned(),
                plugins: used_plugins(&plugins, &loaded),
                simulated,
                metadata: document.recorded(),
            };
            journal.append(vec![Entry::RunStarted(started)]).await?;
        }
        let plugins = Arc::new(plugins);
        let view = Arc::new(LiveView::new(output));
        let mut settings = Settings::new(run.clone());
        if let Some(execution) = &options.execution {
            settings.parallelism = execution.parallelism as usize;
        }
        if let Some(attempts) = safeguards.max_retry_attempts {
            settings.retry.attempts = attempts;
        }
        let read_times = Arc::new(read_times::load(&project));
        let engine = Engine::new(
            plugins.clone(),
            journal.clone(),
            view.clone() as Arc<dyn Observer>,
            settings,
        )
        .with_read_times(read_times.clone());
        Ok(Self {
            project,
            stacks,
            modules,
            plugins,
            engine: Some(engine),
            view,
            journal,
            log,
            guard,
            audit,
            run,
            command: options.command,
            actor: environment.actor(),
            site_packages,
            document,
            read_times,
            forwarding,
            signing,
        })
    }

    /// Returns the project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Tells how fresh the outputs of other stacks are that were read.
    pub fn tell_stacks_read(&self, output: &Output) {
        self.stacks.tell(&self.project.folder, output);
    }

    /// Returns the plugins.
    pub fn plugins(&self) -> &RunPlugins {
        &self.plugins
    }

    /// Returns the live view.
    pub fn view(&self) -> &LiveView {
        &self.view
    }

    /// Returns the engine.
    ///
    /// # Errors
    /// Never while the session is open.
    pub fn engine(&self) -> Result<&Engine, CommandError> {
        self.engine
            .as_ref()
            .ok_or_else(|| CommandError::message("the session is closed"))
    }

    /// Returns what a run does when something goes wrong.
    ///
    /// # Errors
    /// When the section `safeguards` is wrong.
    pub fn safeguards(&self) -> Result<Safeguards, CommandError> {
        let context = self.project.context(&self.stacks);
        Ok(self.project.configuration.safeguards(context)?)
    }

    /// Returns the identifier of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns the command.
    pub fn command(&self) -> &str {
        self.command
    }

    /// Returns who works: user and host.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Returns what signs the statement about the run.
    pub fn signing(&self) -> &RunSigning {
        &self.signing
    }

    /// Returns the packages of policies that judge plans.
    pub fn site_packages(&self) -> &SitePackages {
        &self.site_packages
    }

    /// Returns the stack's log, for what is written after the session has ended.
    pub fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone()
    }

    /// Returns how drift is looked for, told and repaired.
    ///
    /// # Errors
    /// When the section `drift` is wrong.
    pub fn drift_settings(&self) -> Result<DriftSettings, CommandError> {
        let context = self.project.context(&self.stacks);
        Ok(self.project.configuration.drift(context)?)
    }

    /// Returns the state after an entry of the log.
    ///
    /// # Errors
    /// When the log is not open, ends before that, or holds a secret that cannot be opened.
    pub async fn past(&self, serial: u64) -> Result<Past, CommandError> {
        Ok(self.log()?.past(serial).await?)
    }

    /// Returns the names that changed after an entry of the log.
    ///
    /// # Errors
    /// When the log is not open or cannot be read.
    pub async fn renamed_after(&self, serial: u64) -> Result<Vec<(Urn, Urn)>, CommandError> {
        Ok(self.log()?.renamed_after(serial).await?)
    }

    fn log(&self) -> Result<&StackLog, CommandError> {
        self.log
            .as_ref()
            .ok_or_else(|| CommandError::message("this command opens no log"))
    }

    /// Returns what should exist.
    pub async fn desired(&self) -> Result<Desired, CommandError> {
        let configuration = &self.project.configuration;
        let context = self.project.context(&self.stacks);
        let declared = configuration.declared(context)?;
        let outputs = configuration.outputs(context)?;
        let locate = |name: &String| configuration.locate_output(name);
        let name = |written: &LocatedText| Name {
            name: written.text.clone(),
            origin: Some(written.origin.clone()),
        };
        Ok(Desired {
            project: configuration.project_name().to_owned(),
            stack: configuration.stack().to_owned(),
            declarations: declared.single,
            repeated: declared.repeated,
            modules: self.modules.clone(),
            outputs: outputs
                .into_iter()
                .map(|(name, value)| {
                    let origin = locate(&name);
                    (name, konductor_engine::Output { value, origin })
                })
                .collect(),
            moved: configuration
                .moved()
                .iter()
                .map(|(old, new)| (name(old), name(new)))
                .collect(),
            removed: configuration.removed().iter().map(name).collect(),
            metadata: self.metadata(),
            run_metadata: RunMetadata {
                controls: self.site_packages.control_tags(),
                ..self.document.inherited()
            },
        })
    }

    /// Returns what modules, components and policies are told about the run.
    pub fn metadata(&self) -> Value {
        self.document.value(&self.project)
    }

    /// Writes how the command ended, waits until every cloud call is recorded, gives the lock back, and forwards what
    /// happened.
    pub async fn finish(
        mut self,
        result: &str,
        operations: BTreeMap<String, usize>,
    ) -> Result<(), CommandError> {
        self.view.close();
        self.release().await?;
        if self.guard.is_some() {
            let finished = RunFinished {
                run: self.run.clone(),
                result: result.to_owned(),
                operations,
            };
            self.journal.append(vec![Entry::RunFinished(finished)]).await?;
            if let Some(log) = &self.log {
                self.signing.sign(log, &self.run).await?;
            }
            read_times::keep(&self.project, &self.read_times);
        }
        if let Some(guard) = self.guard.take() {
            guard.release().await?;
        }
        if let (Some(forwarding), Some(log)) = (&self.forwarding, &self.log) {
            forwarding.after_run(log).await;
        }
        Ok(())
    }

    /// Ends a session that recorded nothing.
    pub async fn close(mut self) -> Result<(), CommandError> {
        self.view.close();
        self.release().await
    }

    async fn release(&mut self) -> Result<(), CommandError> {
        // The engine and the plugins hold the senders of the audit; it ends when they are gone.
        self.engine = None;
        self.plugins = Arc::default();
        if let Some(task) = self.audit.take() {
            task.finish().await?;
        }
        Ok(())
    }
}

/// Opens and locks the stack's log, for a command that works on the stack.
async fn open_log(
    project: &Project,
    environment: &Environment,
    options: &SessionOptions,
) -> Result<Option<(StackLog, LockGuard)>, CommandError> {
    if !options.locked {
        return Ok(None);
    }
    let log: StackLog = project.open_log().await?;
    let guard = log
        .lock(LockOwner::this_process(environment.actor(), options.command))
        .await?;
    if let Some(owner) = guard.taken_over_from() {
        tracing::warn!(%owner, "took over the lock of a process that has ended");
    }
    Ok(Some((log, guard)))
}

/// Returns the plugins that manage what is recorded.
async fn recorded_plugins(journal: &dyn Journal, locked: bool) -> Result<BTreeSet<String>, CommandError> {
    if !locked {
        return Ok(BTreeSet::new());
    }
    let mut recorded = BTreeSet::new();
    let rest = journal
        .read_each(&mut |record| {
            if !recorded.contains(&record.plugin.name) {
                recorded.insert(record.plugin.name);
            }
        })
        .await?;
    let interrupted = rest.interrupted.into_iter();
    recorded.extend(interrupted.map(|open| open.begin.record.plugin.name));
    Ok(recorded)
}

/// Returns the plugins of a run for the log: those of its resources, and those that judge them.
fn used_plugins(plugins: &RunPlugins, loaded: &Loaded) -> Vec<PluginUsed> {
    let mut used = plugins.used(loaded.is_locked);
    let judging = loaded
        .plugins
        .iter()
        .filter(|plugin| judges(plugin, &loaded.policies));
    used.extend(judging.filter_map(|plugin| {
        let granted = loaded.granted.get(&plugin.name)?;
        Some(plugins::used(plugin, granted, loaded.is_locked))
    }));
    used
}

/// Loads every plugin that is needed, lays their defaults below the configuration and checks it against their
/// schemas.
async fn load(
    project: &mut Project,
    environment: &Environment,
    output: &Output,
    needed: impl Iterator<Item = String>,
    is_judged: bool,
    judgements: &mut Vec<Judgement>,
) -> Result<Loaded, CommandError> {
    let mut diagnostics = project.configuration.warnings().clone();
    let modules = project.configuration.modules()?;
    let mut names: BTreeSet<String> = needed.collect();
    let declared = project.configuration.declared_types();
    names.extend(declared.iter().map(|declared| declared.provider().to_owned()));
    let mut loader = PluginLoader::new(
        &project.folder,
        &project.arguments,
        environment,
        Some(&project.configuration),
    )?;
    if is_judged {
        let judging = judging_plugins(&loader, &project.configuration)?;
        names.extend(judging);
    }
    let available = loader.names(Some(&project.configuration));
    let mut enabled = Vec::new();
    for module in modules {
        if available.contains(&module.namespace) {
            names.insert(module.namespace.clone());
            enabled.push((module.namespace, module.origin));
            continue;
        }
        // A section that no plugin reads is a place for values that others refer to, unless it says `enabled`.
        let at = Path::attribute(module.namespace.as_str());
        let asked_for = project.configuration.get(&at.child("enabled")).is_some();
        let nearest =
            konductor_model::suggestion::nearest(&module.namespace, available.iter().map(String::as_str));
        let summary = format!("no plugin reads the section `{}`", module.namespace);
        let found = if asked_for || nearest.is_some() {
            Diagnostic::error(summary)
        } else {
            Diagnostic::warning(summary)
        };
        let help = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "name its plugin under plugins in konductor.yaml, or move plain values below `project:`"
                .to_owned(),
        };
        diagnostics.push(found.origin(Some(module.origin)).help(help));
    }
    let mut plugins = Vec::new();
    for name in names {
        match loader.load(&name, Some(&project.configuration)).await {
            Ok(loaded) => plugins.push(loaded),
            Err(error) => diagnostics.extend(error.diagnostics),
        }
    }
    judgements.extend(loader.take_judgements());
    for plugin in &plugins {
        if enabled.iter().any(|(namespace, _)| *namespace == plugin.name) {
            configure::add_defaults(&mut project.configuration, plugin).await?;
        }
    }
    diagnostics.extend(project.configuration.check());
    for plugin in &plugins {
        if enabled.iter().any(|(namespace, _)| *namespace == plugin.name) {
            diagnostics.extend(configure::validate(&project.configuration, plugin).await?);
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    output.diagnostics(
        &diagnostics,
        &crate::project::FolderSources(project.folder.clone()),
    );
    let packages = if is_judged {
        let named = loader.policies().packages().cloned().collect();
        loader.read_packages(named, false, &digests(&plugins)).await?
    } else {
        Vec::new()
    };
    let granted = plugins::grants(&plugins, &loader, &project.folder, &project.configuration, output)?;
    Ok(Loaded {
        plugins,
        granted,
        policies: loader.policies().clone(),
        packages,
        is_locked: loader.is_locked(),
        modules: enabled,
    })
}
