//! `konductor policy`: the packages that judge plans, their tests, a saved plan judged again, and packages on their way
//! from who wrote them to who is judged by them.

mod lock;
mod pack;
mod signatures;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use konductor_compliance::package::add_data_of;
use konductor_compliance::{LoadedPackage, Overrides, PackageError, decide};
use konductor_config::Configuration;
use konductor_model::policy::{
    CheckPlugin, PackageAnswer, PackagePlace, PackageSetting, PolicyLevel, PolicySubject, PolicyTask,
    RegoVersion, TestResult,
};
use konductor_model::{Diagnostic, Diagnostics, with_causes};
use konductor_registry::BundleSource;
use konductor_registry::local::own_name;
use konductor_registry::policy::{RequiredBundle, SitePackage};
use konductor_sandbox::Limits;

use crate::arguments::{
    GlobalArguments, PolicyCheckArguments, PolicyCommand, PolicyTestArguments, RegoChoice,
};
use crate::command::execution::{Done, finish};
use crate::command::plugin::{PluginContext, is_file, project_configuration};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::plugins::{LoadedPlugin, PluginLoader};
use crate::policy::{
    Judges, POLICY_PLUGIN, apply, judge_recorded, not_overridden, plan_document, recorded_document, refusal,
    show_and_judge,
};
use crate::project::Project;
use crate::render::policy::{judgement_event, percentage, render, render_coverage, render_tests};
use crate::saved_plan;
use crate::session::{Session, SessionOptions};

/// Does what is asked.
pub async fn policy(
    command: &PolicyCommand,
    folder: &Path,
    arguments: &GlobalArguments,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    match command {
        PolicyCommand::List => {
            let configuration = project_configuration(folder, arguments, environment)?;
            let loader = PluginLoader::new(folder, arguments, environment, configuration.as_ref())?;
            list(loader, configuration.as_ref(), output).await
        }
        PolicyCommand::Test(test) => {
            let configuration = project_configuration(folder, arguments, environment)?;
            let loader = PluginLoader::new(folder, arguments, environment, configuration.as_ref())?
                .with_limits(environment, test_limits())?;
            run_tests(test, folder, loader, configuration.as_ref(), output).await
        }
        PolicyCommand::Pack(_)
        | PolicyCommand::Publish(_)
        | PolicyCommand::Sign(_)
        | PolicyCommand::Verify(_)
        | PolicyCommand::Lock(_)
        | PolicyCommand::Fetch(_) => {
            let context = PluginContext {
                folder,
                arguments,
                environment,
                output,
                configuration: project_configuration(folder, arguments, environment)?,
            };
            distribute(command, &context).await?;
            Ok(0)
        }
        PolicyCommand::Check(check) => {
            if let Some(input) = &check.input {
                // A package that is named here needs no project; its option is that of the project's folder, too, which it
                // is not.
                let (folder, configuration) = if check.directory.is_empty() {
                    (folder, project_configuration(folder, arguments, environment)?)
                } else {
                    (Path::new("."), None)
                };
                let loader = PluginLoader::new(folder, arguments, environment, configuration.as_ref())?;
                let overridden = &arguments.override_policy;
                return judge_input(
                    check,
                    (input, folder),
                    loader,
                    configuration.as_ref(),
                    overridden,
                    output,
                )
                .await;
            }
            if check.state {
                crate::project::require(folder)?;
                let project = Project::open(arguments, environment)?;
                return judge_state(check, project, environment, output).await;
            }
            let Some(file) = &check.file else {
                return Err(CommandError::message("there is nothing to judge")
                    .help("name a saved plan, or a document with --input"));
            };
            crate::project::require(folder)?;
            let project = Project::open(arguments, environment)?;
            judge_saved(check, file, project, environment, output).await
        }
    }
}

/// What the tests of a package may take: a suite of thousands is one call.
fn test_limits() -> Limits {
    Limits {
        memory_bytes: 2 << 30,
        pure_cpu: Duration::from_mins(10),
        pure_deadline: Duration::from_mins(15),
        transfer_bytes: 512 << 20,
        ..Limits::default()
    }
}

/// Carries out one of the commands about packages on their way.
async fn distribute(command: &PolicyCommand, context: &PluginContext<'_>) -> Result<(), CommandError> {
    match command {
        PolicyCommand::Pack(arguments) => pack::pack(arguments, context),
        PolicyCommand::Publish(arguments) => pack::publish(arguments, context).await,
        PolicyCommand::Sign(arguments) => signatures::sign(arguments, context).await,
        PolicyCommand::Verify(arguments) => signatures::verify(arguments, context).await,
        PolicyCommand::Lock(arguments) => lock::lock(arguments, context).await,
        PolicyCommand::Fetch(arguments) => lock::fetch(arguments, context).await,
        PolicyCommand::List | PolicyCommand::Test(_) | PolicyCommand::Check(_) => Ok(()),
    }
}

async fn list(
    mut loader: PluginLoader,
    configuration: Option<&Configuration>,
    output: &Output,
) -> Result<u8, CommandError> {
    let named: Vec<SitePackage> = loader.policies().packages().cloned().collect();
    let mut digests = BTreeMap::new();
    for package in &named {
        if let (Some(plugin), Some(fetched)) = (
            package.setting.plugin(),
            loader.fetch_checks(&package.setting, configuration).await?,
        ) {
            digests.insert(plugin.name.clone(), fetched.digest.hex());
        }
    }
    let packages = loader.read_packages(named, true, &digests).await?;
    for package in &packages {
        let setting = &package.setting;
        let mut members = serde_json::json!({
            "name": setting.name, "level": setting.level, "place": setting.place, "bundle": package.bundle,
            "digest": package.digest, "rego": setting.rego, "on": setting.on, "namespaces": setting.namespaces,
            "files": package.package.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
        });
        let (key, rules) = match &setting.found {
            PackagePlace::Directory(directory) => (Some("directory"), directory.display().to_string()),
            PackagePlace::Bundle(source) => (None, source.clone()),
            PackagePlace::Plugin(plugin) => (Some("plugin"), plugin.name.clone()),
        };
        if let (Some(key), Some(members)) = (key, members.as_object_mut()) {
            members.insert(key.to_owned(), rules.as_str().into());
        }
        let digest: String = package.digest.chars().take(12).collect();
        let rules = match setting.plugin() {
            Some(_) => format!("plugin {rules}"),
            None => rules,
        };
        let text = format!(
            "{:<20} {:<15} {rules}  sha256:{digest}…  {}",
            setting.name,
            setting.level.word(),
            setting.place
        );
        output.fact("policy-package", &members, &text);
    }
    if packages.is_empty() {
        output.line("There is no package of policies; `policy.packages` in konductor.yaml names them.");
    }
    Ok(0)
}

/// Runs the tests of packages. Tests that fail, and packages that cannot be read, make the command fail.
async fn run_tests(
    arguments: &PolicyTestArguments,
    folder: &Path,
    mut loader: PluginLoader,
    configuration: Option<&Configuration>,
    output: &Output,
) -> Result<u8, CommandError> {
    let named: Vec<SitePackage> = if arguments.folders.is_empty() {
        loader.policies().packages().cloned().collect()
    } else {
        let folders = arguments.folders.iter();
        folders
            .map(|path| named_here(path, folder, arguments.rego, &[]))
            .collect::<Result<_, _>>()?
    };
    if named.is_empty() {
        return Err(CommandError::message("there is no package of policies to test")
            .help("name a folder, or a package under `policy.packages` in konductor.yaml"));
    }
    let (of_plugins, named): (Vec<_>, Vec<_>) = named
        .into_iter()
        .partition(|package| package.setting.plugin().is_some());
    let of_plugins: Vec<String> = of_plugins
        .iter()
        .filter_map(|package| told_untested(&package.setting))
        .collect();
    if named.is_empty() {
        return Err(CommandError::message(of_plugins.join("\n")).help(NATIVE_TESTS));
    }
    for told in of_plugins {
        output.line(&format!("{told}; {NATIVE_TESTS}"));
    }
    let mut packages = loader.read_packages(named, true, &BTreeMap::new()).await?;
    with_data(&mut packages, &arguments.data)?;
    let plugin = loader.load(POLICY_PLUGIN, configuration).await?.plugin;
    let answers = apply(plugin, PolicyTask::Test, &packages, None).await;
    let mut counts = Counts::default();
    let mut coverage = Vec::new();
    for mut answer in answers {
        if let Some(only) = &arguments.only {
            answer.tests.retain(|test| test.name.contains(only.as_str()));
        }
        counts.add(&answer);
        // How much of the tests is reached says nothing about what they test.
        answer.coverage.retain(|file| !file.path.ends_with("_test.rego"));
        tell(&answer, arguments, output);
        coverage.extend(answer.coverage);
    }
    let reached = percentage(&coverage);
    let enough = arguments.least.is_none_or(|least| reached >= f64::from(least));
    let sound = counts.failed == 0 && counts.broken == 0 && counts.passed > 0 && enough;
    let members = serde_json::json!({
        "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped, "broken_packages": counts.broken,
        "coverage": reached, "sound": sound,
    });
    output.fact(
        "policy-tests-finished",
        &members,
        &format!(
            "{} passed, {} failed, {} skipped; {reached:.1} % of the lines were reached",
            counts.passed, counts.failed, counts.skipped
        ),
    );
    if counts.passed + counts.failed == 0 && counts.broken == 0 {
        return Err(CommandError::message("there is no test to run")
            .help("a test is a rule that begins with `test_` in a file whose name ends in `_test.rego`"));
    }
    if let (false, Some(least)) = (enough, arguments.least) {
        return Err(CommandError::message(format!(
            "the tests reach {reached:.1} % of the lines, and {least} % are asked for"
        ))
        .help("--coverage tells which lines are not reached"));
    }
    Ok(u8::from(!sound))
}

/// What to do to test checks that are a plugin.
const NATIVE_TESTS: &str = "where its sources are: `konductor plugin test`; \
    `konductor policy check --plugin NAME --input plan.json` judges one document by it";

/// Says that the tests of a package are not here.
fn told_untested(setting: &PackageSetting) -> Option<String> {
    let plugin = &setting.plugin()?.name;
    let name = &setting.name;
    Some(format!(
        "{}: package `{name}` is the plugin `{plugin}`, whose tests are in its own language",
        setting.place
    ))
}

fn with_data(packages: &mut [LoadedPackage], paths: &[PathBuf]) -> Result<(), CommandError> {
    let wrong = |errors: Vec<PackageError>| {
        let told = errors.iter().map(|error| Diagnostic::error(with_causes(error)));
        CommandError::from(Diagnostics(told.collect()))
    };
    packages
        .iter_mut()
        .try_for_each(|package| add_data_of(package, paths).map_err(wrong))
}

/// Returns a package that is named on the command line: a folder, a packed file, or an address in a registry.
fn named_here(
    path: &Path,
    base: &Path,
    rego: RegoChoice,
    namespaces: &[String],
) -> Result<SitePackage, CommandError> {
    let text = path.display().to_string();
    let bundle = if text.contains("://") || base.join(path).is_file() {
        let source = BundleSource::parse(&text, base)?;
        let own = match &source {
            BundleSource::File(file) => own_name(&file.path),
            BundleSource::Registry(reference) => {
                let path = reference.repository.path();
                path.rsplit('/').next().unwrap_or(path).to_owned()
            }
        };
        Some(RequiredBundle::any(source, own))
    } else {
        None
    };
    let found = match &bundle {
        Some(bundle) => PackagePlace::Bundle(bundle.source.to_string()),
        None => PackagePlace::Directory(path.to_owned()),
    };
    Ok(SitePackage {
        setting: setting_here(text, found, rego, namespaces),
        bundle,
    })
}

fn setting_here(
    name: String,
    found: PackagePlace,
    rego: RegoChoice,
    namespaces: &[String],
) -> PackageSetting {
    PackageSetting {
        rego: match rego {
            RegoChoice::V1 => RegoVersion::V1,
            RegoChoice::V0 => RegoVersion::V0,
        },
        namespaces: (!namespaces.is_empty()).then(|| namespaces.to_vec()),
        ..on_the_command_line(name, found)
    }
}

fn on_the_command_line(name: String, found: PackagePlace) -> PackageSetting {
    PackageSetting {
        name,
        found,
        level: PolicyLevel::default(),
        rego: RegoVersion::default(),
        namespaces: None,
        on: [PolicySubject::Plan].into(),
        place: "the command line".to_owned(),
    }
}

/// Loads a plugin whose checks are a package of the command line: a file, or one that is found by its name.
async fn plugin_package(
    plugin: &str,
    loader: &mut PluginLoader,
    configuration: Option<&Configuration>,
) -> Result<(PackageSetting, LoadedPlugin), CommandError> {
    let loaded = if is_file(plugin) {
        let fetched = loader.registry().fetch_file(Path::new(plugin))?;
        let name = fetched.name.clone();
        // What an author tries is not locked yet; the policies judge it all the same.
        loader.admit(&name, fetched, false).await?
    } else {
        loader.load(plugin, configuration).await?
    };
    let name = loaded.name.clone();
    let found = PackagePlace::Plugin(CheckPlugin {
        name: name.clone(),
        digest: None,
    });
    Ok((on_the_command_line(name, found), loaded))
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
    broken: usize,
}

impl Counts {
    fn add(&mut self, answer: &PackageAnswer) {
        self.broken += usize::from(!answer.problems.is_empty());
        for test in &answer.tests {
            match test.result {
                TestResult::Passed => self.passed += 1,
                TestResult::Failed | TestResult::Error => self.failed += 1,
                TestResult::Skipped => self.skipped += 1,
            }
        }
    }
}

fn tell(answer: &PackageAnswer, arguments: &PolicyTestArguments, output: &Output) {
    let mut told = answer.clone();
    if !arguments.trace {
        for test in &mut told.tests {
            test.reached.clear();
        }
    }
    if !arguments.coverage {
        told.coverage.clear();
    }
    output.event("policy-tests", &told);
    output.text(&render_tests(&told, arguments.trace));
    output.text(&render_coverage(&told));
}

/// Judges a document that was made elsewhere.
async fn judge_input(
    arguments: &PolicyCheckArguments,
    (input, base): (&Path, &Path),
    mut loader: PluginLoader,
    configuration: Option<&Configuration>,
    overridden: &[String],
    output: &Output,
) -> Result<u8, CommandError> {
    let shown = input.display();
    let text = std::fs::read_to_string(input)
        .map_err(|error| CommandError::message(format!("cannot read {shown}: {error}")))?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|error| {
        let place = format!("{shown}:{}:{}", error.line(), error.column());
        CommandError::message(format!("{place}: expected a document in JSON: {error}"))
            .help("`terraform show -json plan.bin` writes one")
    })?;
    let is_named = !arguments.directory.is_empty() || !arguments.plugin.is_empty();
    let mut judges = Judges::default();
    let mut named: Vec<SitePackage> = if is_named {
        let folders = arguments.directory.iter();
        folders
            .map(|path| named_here(path, base, arguments.rego, &arguments.namespace))
            .collect::<Result<_, _>>()?
    } else {
        let packages = loader.policies().packages();
        let judges_plans = |package: &&SitePackage| package.setting.on.contains(&PolicySubject::Plan);
        packages.filter(judges_plans).cloned().collect()
    };
    if named.iter().any(|package| package.setting.plugin().is_none()) {
        judges.evaluate_rego_with(&loader.load(POLICY_PLUGIN, configuration).await?);
    }
    for package in &named {
        if let Some(plugin) = package.setting.plugin() {
            let loaded = loader.load(&plugin.name, configuration).await?;
            judges.add_checks(&package.setting, &loaded)?;
        }
    }
    for plugin in &arguments.plugin {
        let (setting, loaded) = plugin_package(plugin, &mut loader, configuration).await?;
        judges.add_checks(&setting, &loaded)?;
        named.push(SitePackage {
            setting,
            bundle: None,
        });
    }
    let mut packages = loader.read_packages(named, false, judges.digests()).await?;
    if packages.is_empty() {
        return Err(
            CommandError::message("there is no package of policies to judge the document").help(
                "name a folder with --directory, a plugin with --plugin, or a package under `policy.packages` in \
                 konductor.yaml",
            ),
        );
    }
    with_data(&mut packages, &arguments.data)?;
    let answers = judges.answers(&packages, &text).await?;
    let overrides = Overrides::read(overridden, &packages).map_err(not_overridden)?;
    let judgement = decide("", "input", &text, &packages, answers, &overrides);
    output.event("policy-decision", &judgement_event(&judgement));
    output.text(&render(&judgement));
    refusal(&judgement, &shown.to_string()).map_or(Ok(0), Err)
}

/// Judges what is recorded of a stack, and records what policies say.
async fn judge_state(
    arguments: &PolicyCheckArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let options = SessionOptions::to_work("policy check", &arguments.execution);
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        if arguments.print_input {
            let document = recorded_document(&session, PolicySubject::State.word(), None).await?;
            output.raw(&format!("{:#}\n", document.to_state_json()));
            return Ok(Done::nothing(0));
        }
        let judged = judge_recorded(&session, PolicySubject::State, None, output).await?;
        let judgement = judged.ok_or_else(|| {
            CommandError::message("there is no package of policies to judge the state")
                .help("name one under `policy.packages` in konductor.yaml, with `on: [state]`")
        })?;
        refusal(&judgement, "the state").map_or(Ok(Done::nothing(0)), Err)
    }
    .await;
    finish(session, result).await
}

/// Judges a saved plan as `apply` would, and records what policies say.
async fn judge_saved(
    arguments: &PolicyCheckArguments,
    file: &Path,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let plan = saved_plan::load_for(file, &project)?;
    let mut options = SessionOptions::to_work("policy check", &arguments.execution);
    let plugins = plan.steps.plugins().iter();
    options.plugins = plugins.map(|plugin| plugin.name.clone()).collect();
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        if arguments.print_input {
            let document = plan_document(&session, &plan).await?.to_json();
            output.raw(&format!("{document:#}\n"));
            return Ok(Done::nothing(0));
        }
        if session.site_packages().is_empty() {
            return Err(
                CommandError::message("there is no package of policies to judge the plan")
                    .help("name one under `policy.packages` in konductor.yaml"),
            );
        }
        show_and_judge(&session, plan, output).await?.allowed()?;
        Ok(Done::nothing(0))
    }
    .await;
    finish(session, result).await
}
