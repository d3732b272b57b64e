//! What check and plan do with the inputs of an object.

use konductor_model::schema::AttributeKind;
use konductor_model::{Path, PathStep, Value};

use crate::case::{Case, Findings, told};
use crate::catalogue::CheckId;

/// Carries out the checks of pure functions.
pub(crate) async fn pure(case: &Case<'_>, findings: &mut Findings) {
    if let Err(problem) = deterministic(case, findings).await {
        findings.fail(CheckId::Deterministic, problem);
        return;
    }
    unknown_inputs(case, findings).await;
}

async fn deterministic(case: &Case<'_>, findings: &mut Findings) -> Result<(), String> {
    findings.judged(CheckId::Deterministic);
    findings.judged(CheckId::UnknownAllowed);
    let checked = case.checked(&case.inputs).await?;
    let again = case.checked(&case.inputs).await?;
    let mut fail = |what: &str| findings.fail(CheckId::Deterministic, what);
    if checked != again {
        fail("the same inputs were checked twice, and the answers differ");
    }
    if case.checked(&checked).await? != checked {
        fail("checked inputs, checked again, come out different");
    }
    let plan = case.plan(None, &checked).await?;
    if case.plan(None, &checked).await? != plan {
        fail("the same plan was asked for twice, and the answers differ");
    }
    plan.planned.walk(&mut |path, value| {
        let was_unknown = || checked.at(path).is_some_and(|input| input.reveal().is_unknown());
        if value.is_unknown() && !may_be_unknown(case, path) && !was_unknown() {
            findings.fail(
                CheckId::UnknownAllowed,
                format!("`{path}` is unknown in the plan of a create, and is not computed"),
            );
        }
        true
    });
    Ok(())
}

/// Tells whether the provider sets what stands at a path.
pub(crate) fn may_be_unknown(case: &Case<'_>, path: &Path) -> bool {
    (1..=path.steps().len()).any(|length| {
        let steps: Vec<PathStep> = path.steps().iter().take(length).cloned().collect();
        case.schema
            .at(&Path::from(steps))
            .is_some_and(|attribute| attribute.computed || attribute.output_only)
    })
}

/// Makes each input unknown, one after the other, and then all.
async fn unknown_inputs(case: &Case<'_>, findings: &mut Findings) {
    findings.judged(CheckId::UnknownInputs);
    let mut places = Vec::new();
    case.inputs.walk(&mut |path, value| {
        let is_json = |path: &Path| {
            path.first_attribute()
                .and_then(|name| case.schema.attributes.get(name))
                .is_some_and(|attribute| attribute.kind == AttributeKind::Json)
        };
        let whole = path.steps().len() == 1;
        let leaf = !matches!(value, Value::Map(_) | Value::List(_));
        if !path.is_root() && (whole || (leaf && !is_json(path))) && !places.contains(path) {
            places.push(path.clone());
        }
        true
    });
    let mut all = case.inputs.clone();
    for place in &places {
        if place.steps().len() == 1 {
            all.put(place, Value::Unknown);
        }
        let mut inputs = case.inputs.clone();
        if inputs.put(place, Value::Unknown) {
            unknown(case, &inputs, std::slice::from_ref(place), findings).await;
        }
    }
    let whole: Vec<Path> = places
        .into_iter()
        .filter(|place| place.steps().len() == 1)
        .collect();
    unknown(case, &all, &whole, findings).await;
}

async fn unknown(case: &Case<'_>, inputs: &Value, places: &[Path], findings: &mut Findings) {
    let names: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
    let names = names.join(", ");
    let mut fail = |what: String| findings.fail(CheckId::UnknownInputs, what);
    let checked = match case.check(inputs).await {
        Err(failure) => return fail(format!("with {names} unknown, check fails: {}", told(&failure))),
        Ok(response) => match crate::case::errors(&response.diagnostics) {
            Some(errors) => return fail(format!("with {names} unknown, check finds errors: {errors}")),
            None => response.inputs,
        },
    };
    let planned = match case.plan(None, &checked).await {
        Err(problem) => return fail(format!("with {names} unknown: {problem}")),
        Ok(plan) => plan.planned,
    };
    for place in places {
        for (what, value) in [("check", &checked), ("plan", &planned)] {
            if !value.at(place).is_some_and(|value| value.reveal().is_unknown()) {
                fail(format!(
                    "`{place}` is unknown, and {what} answers with something else"
                ));
            }
        }
    }
}
