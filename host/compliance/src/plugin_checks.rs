//! Checks that are a plugin: asked one by one, and an answer that cannot be relied on is a problem of their package.

use std::collections::BTreeMap;
use std::sync::Arc;

use konductor_model::checks::{CheckAnswer, CheckRequest, CheckTask, FORMAT};
use konductor_model::policy::{PackageAnswer, PolicyFinding};
use konductor_model::{Disposition, Failure};
use tokio::sync::Semaphore;

use crate::evaluation::{PolicyEvaluator, unanswered, with_input};
use crate::package::LoadedPackage;

/// The plugins that are loaded, each by the name that packages call it.
pub type CheckPlugins = BTreeMap<String, Arc<dyn PolicyEvaluator>>;

/// Asks the plugins of packages, at most `at_once` at the same time, and returns an answer for each, in their order.
///
/// A plugin that fails, that answers with something else, that is not loaded, or that asks nothing at all is a problem of
/// its package, which then counts as one that found something.
pub async fn ask_plugins(
    plugins: &CheckPlugins,
    packages: &[LoadedPackage],
    input: &str,
    at_once: usize,
) -> Vec<PackageAnswer> {
    let input: Arc<str> = input.into();
    let places = Arc::new(Semaphore::new(at_once.max(1)));
    let mut running = Vec::new();
    for package in packages {
        let plugin = package.setting.plugin();
        let plugin = plugin.and_then(|plugin| plugins.get(&plugin.name)).cloned();
        let (input, places) = (Arc::clone(&input), Arc::clone(&places));
        let name = package.setting.name.clone();
        running.push(tokio::spawn(async move {
            // It is never closed.
            let _place = places.acquire_owned().await;
            match plugin {
                Some(plugin) => ask_one(plugin.as_ref(), &name, &input).await,
                None => Err(plugin_failure("its plugin is not loaded".to_owned())),
            }
        }));
    }
    let mut answers = Vec::new();
    for (package, asked) in packages.iter().zip(running) {
        answers.push(match asked.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => unanswered(package, &failure.message),
            Err(_) => unanswered(package, "nothing was answered about it"),
        });
    }
    answers
}

async fn ask_one(plugin: &dyn PolicyEvaluator, package: &str, input: &str) -> Result<PackageAnswer, Failure> {
    let request = CheckRequest {
        format: FORMAT,
        task: CheckTask::Check,
        package: package.to_owned(),
    };
    let answer = plugin.evaluate(with_input(&request, input)?).await?;
    let answer: CheckAnswer = serde_json::from_value(answer)
        .map_err(|error| plugin_failure(format!("its plugin answered with something else: {error}")))?;
    if answer.rules.is_empty() {
        return Err(plugin_failure(
            "its plugin asked nothing: the answer names no check, whether or not it found something"
                .to_owned(),
        ));
    }
    Ok(PackageAnswer {
        name: package.to_owned(),
        rules: answer.rules,
        findings: answer.findings.into_iter().map(PolicyFinding::from).collect(),
        ..PackageAnswer::default()
    })
}

fn plugin_failure(message: String) -> Failure {
    Failure::new(Disposition::Plugin, message)
}
