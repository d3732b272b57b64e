//! Where secrets go.

use konductor_model::{Path, Value};

use crate::case::{Case, Ended, Findings, Made};
use crate::catalogue::CheckId;
use crate::lifecycle::remove;
use crate::probe::Fault;

/// Shorter texts turn up by chance.
const SHORTEST: usize = 4;

/// Looks for the secret inputs of an object in everything that comes back.
pub(crate) async fn secrets(
    case: &Case<'_>,
    made: &Made,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    let mut secrets: Vec<(Path, String)> = Vec::new();
    case.inputs.walk(&mut |path, value| {
        let is_secret = case
            .inputs
            .at(path)
            .is_some_and(|value| matches!(*value, Value::Secret(_)));
        if let (Value::Text(text), true) = (value, is_secret || case.schema.sensitive_at(path))
            && text.len() >= SHORTEST
        {
            secrets.push((path.clone(), text.clone()));
        }
        true
    });
    if secrets.is_empty() {
        return findings.skip(CheckId::SecretsKept, "no input of the fixture is secret");
    }
    findings.judged(CheckId::SecretsKept);
    let mut fail = |what: String| findings.fail(CheckId::SecretsKept, what);
    for (what, value) in [
        ("the plan", &made.planned),
        ("the object", &made.state.attributes),
    ] {
        if let Some(place) = shown(value, &secrets) {
            fail(format!(
                "{what} holds a secret at `{place}` that is not marked as one"
            ));
        }
    }
    for (_, secret) in &secrets {
        if made.state.id.contains(secret) {
            fail("the identifier holds a secret".to_owned());
        }
        if holds(&made.state.private, secret) {
            fail("the private bytes hold a secret".to_owned());
        }
    }
    for number in 0..made.calls.len().min(case.options.most_faults) {
        let token = case.options.token();
        let failure = match case.create(&token, Some((number, Fault::Echoed))).await {
            Err(problem) => return trouble.push(format!("{}: {problem}", case.name)),
            Ok(Ended::Done(made)) => {
                remove(case, &made.state, trouble).await;
                continue;
            }
            Ok(Ended::Partial(state, failure)) => {
                remove(case, &state, trouble).await;
                failure
            }
            Ok(Ended::Failed(failure)) => {
                // The calls before it may have made something; the same token finds it.
                match case.create(&token, None).await.and_then(Ended::done) {
                    Ok(made) => remove(case, &made.state, trouble).await,
                    Err(problem) => trouble.push(format!("{}: something may be left: {problem}", case.name)),
                }
                failure
            }
        };
        let told = serde_json::to_string(&failure).unwrap_or_default();
        if secrets
            .iter()
            .any(|(_, secret)| told.contains(secret) || told.contains(&digits(secret)))
        {
            fail(format!(
                "the cloud repeats what it was sent in its answer to call {} of create, and the message quotes it",
                number + 1
            ));
        }
    }
}

/// Returns a text as a dump of bytes shows it.
fn digits(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

/// Returns where a secret stands without its mark.
fn shown(value: &Value, secrets: &[(Path, String)]) -> Option<Path> {
    let mut found = None;
    value.walk(&mut |path, part| {
        let marked = matches!(part, Value::Secret(_))
            || value
                .at(path)
                .is_some_and(|part| matches!(*part, Value::Secret(_)));
        if let (Value::Text(text), false) = (part, marked)
            && secrets.iter().any(|(_, secret)| text.contains(secret))
        {
            found.get_or_insert_with(|| path.clone());
        }
        true
    });
    found
}
