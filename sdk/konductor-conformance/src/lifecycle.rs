//! One object from its creation to its end, with nothing going wrong.

use std::collections::BTreeMap;

use konductor_model::provider::{ListRequest, ObjectState};
use konductor_model::{Disposition, Failure, Value};

use crate::case::{Case, Findings, Made, told};
use crate::catalogue::CheckId;
use crate::fixture::{laid_over, resolve};
use crate::probe::Call;
use crate::pure::may_be_unknown;

/// The pages of a list that are followed at most.
const MOST_PAGES: usize = 1_000;

/// Makes an object, checks everything about it, and removes it. Returns it as it was, for the checks that follow; none
/// when it could not be made.
pub(crate) async fn lifecycle(
    case: &Case<'_>,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) -> Option<Made> {
    findings.judged(CheckId::CreateHonest);
    let token = case.options.token();
    let made = match case.create(&token, None).await.and_then(crate::case::Ended::done) {
        Ok(made) => made,
        Err(problem) => {
            findings.fail(CheckId::CreateHonest, format!("it cannot be created: {problem}"));
            return None;
        }
    };
    permissions(case, "create", &made.calls, findings).await;
    let read = honest(case, &made, findings).await;
    let read = read.as_ref().unwrap_or(&made.state);
    second_plan(case, &made, read, findings).await;
    read_many(case, read, findings).await;
    import(case, &made, read, findings).await;
    list(case, read, findings).await;
    same_token(case, &token, &made, findings, trouble).await;
    replacement(case, &made, read, findings).await;
    let last = update(case, &made, read, findings).await;
    removal(case, last.as_ref().unwrap_or(read), findings, trouble).await;
    Some(made)
}

/// Compares what was planned, what create answered and what read gives. Returns what read gives.
async fn honest(case: &Case<'_>, made: &Made, findings: &mut Findings) -> Option<ObjectState> {
    let mut fail = |what: String| findings.fail(CheckId::CreateHonest, what);
    if made.state.id.is_empty() {
        fail("create answered with an empty identifier".to_owned());
    }
    for problem in broken_promises(case, &made.planned, &made.state) {
        fail(problem);
    }
    let (read, calls) = case.read(&made.state, None).await;
    let read = match read {
        Ok(Some(read)) => read,
        Ok(None) => {
            fail("read does not find what create made".to_owned());
            return None;
        }
        Err(failure) => {
            fail(format!("read fails: {}", told(&failure)));
            return None;
        }
    };
    if read.id != made.state.id {
        fail(format!(
            "create called it `{}`, read calls it `{}`",
            made.state.id, read.id
        ));
    }
    let different = case.differences(&made.state.attributes, &read.attributes, false);
    if !different.is_empty() {
        fail(format!(
            "read gives other values than create at {}",
            different.join(", ")
        ));
    }
    permissions(case, "read", &calls, findings).await;
    Some(read)
}

/// Returns what an object has other than planned, and what is not known.
pub(crate) fn broken_promises(case: &Case<'_>, planned: &Value, state: &ObjectState) -> Vec<String> {
    let mut problems = Vec::new();
    if !state.attributes.is_wholly_known() {
        problems.push("attributes are still unknown afterwards".to_owned());
    }
    for (name, planned) in planned.as_map().into_iter().flatten() {
        if planned.is_null() || !planned.is_wholly_known() {
            continue;
        }
        let got = state.attributes.attribute(name).unwrap_or(&Value::Null);
        if !case.differences(planned, got, true).is_empty()
            && !case.schema.attributes.get(name).is_some_and(|a| a.write_only)
        {
            problems.push(format!("`{name}` was planned otherwise than it came out"));
        }
    }
    problems
}

async fn second_plan(case: &Case<'_>, made: &Made, read: &ObjectState, findings: &mut Findings) {
    findings.judged(CheckId::SecondPlanEmpty);
    for (what, state) in [("created", &made.state), ("read", read)] {
        match case.changes(state, &made.inputs).await {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => findings.fail(
                CheckId::SecondPlanEmpty,
                format!(
                    "against the object as {what} it would change {}",
                    changes.join(", ")
                ),
            ),
            Err(problem) => findings.fail(CheckId::SecondPlanEmpty, problem),
        }
    }
}

async fn read_many(case: &Case<'_>, read: &ObjectState, findings: &mut Findings) {
    findings.judged(CheckId::ReadManyEqualsRead);
    let mut fail = |what: String| findings.fail(CheckId::ReadManyEqualsRead, what);
    let (alone, _) = case.read(read, None).await;
    case.probe.begin(None);
    let answer = case
        .provider
        .read_many(vec![case.read_request(read), case.read_request(read)])
        .await;
    case.probe.end();
    match answer {
        Err(failure) => fail(format!("it fails: {}", told(&failure))),
        Ok(answers) if answers.len() != 2 => fail(format!("2 were asked for, {} came", answers.len())),
        Ok(answers) => {
            for many in answers {
                let equal = match (&many, &alone) {
                    (Ok(Some(many)), Ok(Some(alone))) => {
                        many.id == alone.id
                            && case
                                .differences(&many.attributes, &alone.attributes, false)
                                .is_empty()
                    }
                    (many, alone) => many == alone,
                };
                if !equal {
                    fail("the answer differs from that of a single read".to_owned());
                }
            }
        }
    }
}

/// Returns what import is given for an object.
fn import_id(case: &Case<'_>, state: &ObjectState) -> Result<String, String> {
    let Some(text) = &case.fixture.import_id else {
        return Ok(state.id.clone());
    };
    let own = BTreeMap::from([("self".to_owned(), state.clone())]);
    let id = resolve(Value::from(text.as_str()), &own)?;
    Ok(id.as_text().unwrap_or_default().to_owned())
}

async fn import(case: &Case<'_>, made: &Made, read: &ObjectState, findings: &mut Findings) {
    findings.judged(CheckId::ImportEqualsState);
    let mut fail = |what: String| findings.fail(CheckId::ImportEqualsState, what);
    let id = match import_id(case, read) {
        Ok(id) => id,
        Err(problem) => return fail(problem),
    };
    case.probe.begin(None);
    let imported = case.provider.import(&case.kind(), &case.name, &id).await;
    case.probe.end();
    let imported = match imported {
        Ok(imported) => imported,
        Err(failure) => return fail(format!("`{id}` cannot be imported: {}", told(&failure))),
    };
    if imported.object.id != read.id {
        fail(format!(
            "it is `{}` in state and `{}` imported",
            read.id, imported.object.id
        ));
    }
    let different = case.differences(&read.attributes, &imported.object.attributes, false);
    if !different.is_empty() {
        fail(format!("it differs from the state at {}", different.join(", ")));
    }
    // What cannot be planned twice without a change cannot be judged here either.
    let Ok(own) = case.changes(read, &made.inputs).await else {
        return;
    };
    let inputs = match case.checked(&imported.inputs).await {
        Ok(inputs) => inputs,
        Err(problem) => return fail(format!("its inputs: {problem}")),
    };
    match case.changes(&imported.object, &inputs).await {
        Err(problem) => fail(problem),
        Ok(changes) if changes.is_empty() || !own.is_empty() => {}
        Ok(changes) => fail(format!("its inputs would change {}", changes.join(", "))),
    }
}

/// Returns the identifiers of all objects of the type, and whether there were pages without end.
pub(crate) async fn listed(case: &Case<'_>) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let request = ListRequest {
            resource_type: case.kind(),
            filter: Value::empty_map(),
            cursor,
        };
        let page = case.provider.list(request).await?;
        ids.extend(page.objects.into_iter().map(|object| object.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(ids);
        }
    }
    Err(Failure::new(
        Disposition::Plugin,
        format!("the list has no end within {MOST_PAGES} pages"),
    ))
}

async fn list(case: &Case<'_>, read: &ObjectState, findings: &mut Findings) {
    findings.judged(CheckId::ListFinds);
    case.probe.begin(None);
    let answer = listed(case).await;
    let calls = case.probe.end();
    match answer {
        Err(failure) if failure.disposition == Disposition::Unsupported => {
            findings.skip(CheckId::ListFinds, "the type cannot be listed");
        }
        Err(failure) => findings.fail(CheckId::ListFinds, told(&failure)),
        Ok(ids) => {
            let times = ids.iter().filter(|id| **id == read.id).count();
            if times != 1 {
                findings.fail(
                    CheckId::ListFinds,
                    format!("`{}` is in the list {times} times", read.id),
                );
            }
            permissions(case, "list", &calls, findings).await;
        }
    }
}

/// The host crashed after the object was made and before it was recorded.
async fn same_token(
    case: &Case<'_>,
    token: &str,
    made: &Made,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    findings.judged(CheckId::InterruptedCreate);
    match case.create(token, None).await.and_then(crate::case::Ended::done) {
        Err(problem) => findings.fail(
            CheckId::InterruptedCreate,
            format!("created again with the same token: {problem}"),
        ),
        Ok(again) if again.state.id == made.state.id => {}
        Ok(again) => {
            findings.fail(
                CheckId::InterruptedCreate,
                "created again with the same token there is a second object",
            );
            remove(case, &again.state, trouble).await;
        }
    }
}

async fn replacement(case: &Case<'_>, made: &Made, read: &ObjectState, findings: &mut Findings) {
    let Some(changed) = &case.replace else {
        return findings.skip(CheckId::ReplacePlanned, "the fixture has no `replace`");
    };
    findings.judged(CheckId::ReplacePlanned);
    let planned = async {
        let inputs = case.checked(&laid_over(&case.inputs, changed)).await?;
        case.plan(Some((read, &made.inputs)), &inputs).await
    };
    match planned.await {
        Err(problem) => findings.fail(CheckId::ReplacePlanned, problem),
        Ok(plan) if plan.changes.iter().any(|change| change.requires_replacement) => {}
        Ok(plan) if plan.changes.is_empty() => {
            findings.fail(CheckId::ReplacePlanned, "no change is planned");
        }
        Ok(_) => findings.fail(CheckId::ReplacePlanned, "an update in place is planned"),
    }
}

async fn update(
    case: &Case<'_>,
    made: &Made,
    read: &ObjectState,
    findings: &mut Findings,
) -> Option<ObjectState> {
    let Some(changed) = &case.update else {
        findings.skip(CheckId::UpdateInPlace, "the fixture has no `update`");
        return None;
    };
    findings.judged(CheckId::UpdateInPlace);
    match updated(case, made, read, changed, findings).await {
        Ok(state) => Some(state),
        Err(problem) => {
            findings.fail(CheckId::UpdateInPlace, problem);
            None
        }
    }
}

async fn updated(
    case: &Case<'_>,
    made: &Made,
    read: &ObjectState,
    changed: &Value,
    findings: &mut Findings,
) -> Result<ObjectState, String> {
    let inputs = case.checked(&laid_over(&case.inputs, changed)).await?;
    let plan = case.plan(Some((read, &made.inputs)), &inputs).await?;
    if plan.changes.is_empty() {
        return Err("no change is planned".to_owned());
    }
    if let Some(change) = plan.changes.iter().find(|change| change.requires_replacement) {
        return Err(format!("`{}` is planned as a replacement", change.at));
    }
    plan.planned.walk(&mut |path, value| {
        let prior = read.attributes.at(path);
        let known = prior.is_some_and(|value| !value.is_null());
        let volatile = path
            .first_attribute()
            .and_then(|name| case.schema.attributes.get(name))
            .is_some_and(|attribute| attribute.volatile);
        if value.is_unknown() && !(may_be_unknown(case, path) && (volatile || !known)) {
            findings.fail(
                CheckId::UnknownAllowed,
                format!("`{path}` is unknown in the plan of an update, and is not volatile"),
            );
        }
        true
    });
    let prior = Made {
        state: read.clone(),
        ..made.clone()
    };
    let after = case.update(&prior, &inputs, &plan, None).await.done()?;
    permissions(case, "update", &after.calls, findings).await;
    if after.state.id != read.id {
        return Err(format!("`{}` became `{}`", read.id, after.state.id));
    }
    if let Some(problem) = broken_promises(case, &plan.planned, &after.state)
        .into_iter()
        .next()
    {
        return Err(problem);
    }
    let (again, _) = case.read(&after.state, None).await;
    let again = match again {
        Ok(Some(again)) => again,
        Ok(None) => return Err("read does not find it afterwards".to_owned()),
        Err(failure) => return Err(told(&failure)),
    };
    let different = case.differences(&after.state.attributes, &again.attributes, false);
    if !different.is_empty() {
        return Err(format!(
            "read gives other values than update at {}",
            different.join(", ")
        ));
    }
    let changes = case.changes(&again, &inputs).await?;
    if !changes.is_empty() && !findings.has(CheckId::SecondPlanEmpty) {
        return Err(format!("the plan after it would change {}", changes.join(", ")));
    }
    Ok(again)
}

async fn removal(case: &Case<'_>, state: &ObjectState, findings: &mut Findings, trouble: &mut Vec<String>) {
    let (deleted, calls) = case.delete(state, None).await;
    findings.judged(CheckId::DeleteTwice);
    permissions(case, "delete", &calls, findings).await;
    if let Err(failure) = deleted {
        findings.fail(
            CheckId::DeleteTwice,
            format!("it cannot be deleted: {}", told(&failure)),
        );
        trouble.push(format!("{}: `{}` is left in the cloud", case.name, state.id));
        return;
    }
    if let (Err(failure), _) = case.delete(state, None).await {
        findings.fail(
            CheckId::DeleteTwice,
            format!("the second time: {}", told(&failure)),
        );
    }
    findings.judged(CheckId::OutsideDelete);
    let mut fail = |what: String| findings.fail(CheckId::OutsideDelete, what);
    match case.read(state, None).await.0 {
        Ok(None) => {}
        Ok(Some(_)) => fail("read still finds it".to_owned()),
        Err(failure) => fail(format!("read fails: {}", told(&failure))),
    }
    case.probe.begin(None);
    match case
        .provider
        .read_many(vec![case.read_request(state)])
        .await
        .as_deref()
    {
        Ok([Ok(None)]) => {}
        Ok(_) => fail("reading many does not answer that it is gone".to_owned()),
        Err(failure) => fail(format!("reading many fails: {}", told(failure))),
    }
    if let Ok(id) = import_id(case, state) {
        match case.provider.import(&case.kind(), &case.name, &id).await {
            Err(failure) if failure.disposition == Disposition::NotFound => {}
            Err(failure) => fail(format!(
                "importing it is not `not found` but `{}`",
                told(&failure)
            )),
            Ok(_) => fail("it can be imported".to_owned()),
        }
    }
    case.probe.end();
}

/// Deletes what a check made.
pub(crate) async fn remove(case: &Case<'_>, state: &ObjectState, trouble: &mut Vec<String>) {
    if let (Err(failure), _) = case.delete(state, None).await {
        trouble.push(format!(
            "{}: `{}` is left in the cloud: {}",
            case.name,
            state.id,
            told(&failure)
        ));
    }
}

async fn permissions(case: &Case<'_>, operation: &str, calls: &[Call], findings: &mut Findings) {
    let needed: Vec<&String> = calls.iter().filter_map(|call| call.permission.as_ref()).collect();
    if needed.is_empty() {
        return findings.skip(
            CheckId::Permissions,
            "the protocol does not name what a call does",
        );
    }
    findings.judged(CheckId::Permissions);
    match case.provider.required_permissions(&case.kind(), operation).await {
        Err(failure) => findings.fail(CheckId::Permissions, told(&failure)),
        Ok(claimed) => {
            for permission in needed.into_iter().filter(|needed| !claimed.contains(needed)) {
                findings.fail(
                    CheckId::Permissions,
                    format!("{operation} calls {permission} and does not claim it"),
                );
            }
        }
    }
}
