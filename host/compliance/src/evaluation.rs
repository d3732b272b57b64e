//! Asking an evaluator, so that what one package does to it harms no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use konductor_model::Failure;
use konductor_model::policy::{FORMAT, PackageAnswer, PolicyProblem, PolicyTask};
use serde::{Deserialize, Serialize};

use crate::package::LoadedPackage;

/// Evaluates packages, somewhere where they can do no harm: the request and the answer are those of
/// [`konductor_model::policy`].
#[async_trait]
pub trait PolicyEvaluator: Send + Sync {
    /// Evaluates what a request names.
    ///
    /// # Errors
    /// When the evaluator fails, whatever of the request the reason for it is.
    async fn evaluate(&self, request: String) -> Result<serde_json::Value, Failure>;
}

/// Asks an evaluator about packages, and returns an answer for each, in their order.
///
/// Packages are asked about in at most `at_once` groups at the same time. Where a group fails, each of its packages is
/// asked about alone: one that breaks the evaluator, or takes all of its time or memory, has a problem, and the others
/// have their answers.
pub async fn ask(
    evaluator: Arc<dyn PolicyEvaluator>,
    task: PolicyTask,
    packages: &[LoadedPackage],
    input: Option<&str>,
    at_once: usize,
) -> Vec<PackageAnswer> {
    let input: Arc<str> = input.unwrap_or("null").into();
    let groups = packages.len().min(at_once.max(1));
    let mut running = Vec::new();
    for group in 0..groups {
        // Every `groups`-th, so that packages of one kind, which stand together, are spread.
        let members: Vec<LoadedPackage> = packages.iter().skip(group).step_by(groups).cloned().collect();
        let (evaluator, input) = (Arc::clone(&evaluator), Arc::clone(&input));
        running.push(tokio::spawn(async move {
            ask_group(evaluator.as_ref(), task, &members, &input).await
        }));
    }
    let mut answers = BTreeMap::new();
    for group in running {
        // A task that did not come to its end leaves its packages without an answer, which is a problem below.
        for answer in group.await.unwrap_or_default() {
            answers.insert(answer.name.clone(), answer);
        }
    }
    packages
        .iter()
        .map(|package| {
            answers
                .remove(&package.setting.name)
                .unwrap_or_else(|| unanswered(package, "nothing was answered about it"))
        })
        .collect()
}

async fn ask_group(
    evaluator: &dyn PolicyEvaluator,
    task: PolicyTask,
    packages: &[LoadedPackage],
    input: &str,
) -> Vec<PackageAnswer> {
    if let Ok(answers) = ask_about(evaluator, task, packages, input).await {
        return answers;
    }
    let mut answers = Vec::new();
    for package in packages {
        match ask_about(evaluator, task, std::slice::from_ref(package), input).await {
            Ok(found) => answers.extend(found),
            Err(failure) => answers.push(unanswered(package, &failure.message)),
        }
    }
    answers
}

/// The request, but for its input, which is written once for all groups.
#[derive(Serialize)]
struct Request<'r> {
    format: u32,
    task: PolicyTask,
    packages: Vec<&'r konductor_model::policy::PolicyPackage>,
}

#[derive(Deserialize)]
struct Answer {
    packages: Vec<PackageAnswer>,
}

async fn ask_about(
    evaluator: &dyn PolicyEvaluator,
    task: PolicyTask,
    packages: &[LoadedPackage],
    input: &str,
) -> Result<Vec<PackageAnswer>, Failure> {
    let other = |problem: String| Failure::new(konductor_model::Disposition::Plugin, problem);
    let request = Request {
        format: FORMAT,
        task,
        packages: packages.iter().map(|package| &package.package).collect(),
    };
    let answer = evaluator.evaluate(with_input(&request, input)?).await?;
    let answer: Answer = serde_json::from_value(answer)
        .map_err(|error| other(format!("the policy plugin answered with something else: {error}")))?;
    Ok(answer.packages)
}

/// Writes a request, an object with members, with its input, which is JSON already and is not read again.
pub(crate) fn with_input(request: &impl Serialize, input: &str) -> Result<String, Failure> {
    let mut text = serde_json::to_string(request)
        .map_err(|error| Failure::new(konductor_model::Disposition::Plugin, error.to_string()))?;
    // The object is still open at its end, for the input.
    text.pop();
    text.push_str(",\"input\":");
    text.push_str(input);
    text.push('}');
    Ok(text)
}

pub(crate) fn unanswered(package: &LoadedPackage, why: &str) -> PackageAnswer {
    PackageAnswer {
        name: package.setting.name.clone(),
        problems: vec![PolicyProblem {
            message: why.to_owned(),
            ..PolicyProblem::default()
        }],
        ..PackageAnswer::default()
    }
}
