//! Every operation with each of its calls going wrong.

use konductor_model::Failure;
use konductor_model::provider::ObjectState;

use crate::case::{Case, Ended, Findings, Made, told};
use crate::catalogue::CheckId;
use crate::fixture::laid_over;
use crate::lifecycle::{broken_promises, listed, remove};
use crate::probe::Fault;

const ANSWERED: [(Fault, CheckId); 2] = [
    (Fault::Throttled, CheckId::Throttling),
    (Fault::ServerError, CheckId::ServerErrors),
];

/// Spoils each call of each operation, with objects made for it. Nothing is tried with fixtures that leave these out.
pub(crate) async fn faults(
    case: &Case<'_>,
    sample: &Made,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    let calls = sample.calls.len();
    let most = case.options.most_faults;
    if calls == 0 {
        for check in [CheckId::Throttling, CheckId::ServerErrors] {
            findings.skip(check, "create makes no call");
        }
        return;
    }
    for (fault, check) in ANSWERED {
        if case.fixture.skip.contains_key(&check) {
            continue;
        }
        findings.judged(check);
        for number in 0..calls.min(most) {
            create(case, (number, fault), check, findings, trouble).await;
        }
        after_creation(case, fault, check, findings, trouble).await;
    }
    if !case.fixture.skip.contains_key(&CheckId::InterruptedCreate)
        && !findings.has(CheckId::InterruptedCreate)
    {
        for number in 0..calls.min(most) {
            create(
                case,
                (number, Fault::LostAnswer),
                CheckId::InterruptedCreate,
                findings,
                trouble,
            )
            .await;
        }
    }
}

/// Says what is wrong with how a spoilt operation failed.
fn judge(failure: &Failure) -> Option<String> {
    (!failure.disposition.is_transient())
        .then(|| format!("it answers `{}`, which nobody tries again", told(failure)))
}

fn ordinal(number: usize) -> usize {
    number + 1
}

async fn create(
    case: &Case<'_>,
    fault: (usize, Fault),
    check: CheckId,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    let token = case.options.token();
    let place = format!("create, call {}", ordinal(fault.0));
    case.probe.begin(None);
    let before = listed(case).await.ok();
    case.probe.end();
    let first = match case.create(&token, Some(fault)).await {
        Ok(ended) => ended,
        Err(problem) => return trouble.push(format!("{}: {problem}", case.name)),
    };
    let object = match first {
        Ended::Done(made) => {
            // It may have gone on without that call, but then everything must be as planned.
            for problem in untrue(case, &made).await {
                findings.fail(
                    check,
                    format!("{place} failed, and create says it is done, but {problem}"),
                );
            }
            made.state
        }
        Ended::Partial(state, failure) => {
            if fault.1 != Fault::LostAnswer
                && let Some(problem) = judge(&failure)
            {
                findings.fail(check, format!("{place}: {problem}"));
            }
            if state.id.is_empty() {
                findings.fail(
                    CheckId::InterruptedCreate,
                    format!("{place}: the partial object has no identifier"),
                );
                return;
            }
            state
        }
        Ended::Failed(failure) => {
            if fault.1 != Fault::LostAnswer
                && let Some(problem) = judge(&failure)
            {
                findings.fail(check, format!("{place}: {problem}"));
            }
            match case.create(&token, None).await.and_then(Ended::done) {
                Ok(made) => made.state,
                Err(problem) => {
                    findings.fail(
                        CheckId::InterruptedCreate,
                        format!("{place} failed; with the same token again: {problem}"),
                    );
                    return;
                }
            }
        }
    };
    case.probe.begin(None);
    let after = listed(case).await.ok();
    case.probe.end();
    remove(case, &object, trouble).await;
    if let (Some(before), Some(after)) = (before, after) {
        let new = after.iter().filter(|id| !before.contains(id)).count();
        if new > 1 {
            findings.fail(
                CheckId::InterruptedCreate,
                format!("{place} failed; with the same token again there are {new} objects"),
            );
        }
    }
}

/// Returns in what an object is not as it was said to be.
async fn untrue(case: &Case<'_>, made: &Made) -> Vec<String> {
    let mut problems = broken_promises(case, &made.planned, &made.state);
    match case.read(&made.state, None).await.0 {
        Ok(Some(read)) => problems.extend(broken_promises(case, &made.planned, &read)),
        Ok(None) => problems.push("there is no object".to_owned()),
        Err(failure) => problems.push(format!("it cannot be read: {}", told(&failure))),
    }
    problems.sort();
    problems.dedup();
    problems
}

async fn after_creation(
    case: &Case<'_>,
    fault: Fault,
    check: CheckId,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    let Some(made) = fresh(case, trouble).await else {
        return;
    };
    read(case, &made.state, fault, check, findings).await;
    list(case, &made.state, fault, check, findings).await;
    remove(case, &made.state, trouble).await;
    update(case, fault, check, findings, trouble).await;
    delete(case, fault, check, findings, trouble).await;
}

async fn fresh(case: &Case<'_>, trouble: &mut Vec<String>) -> Option<Made> {
    match case
        .create(&case.options.token(), None)
        .await
        .and_then(Ended::done)
    {
        Ok(made) => Some(made),
        Err(problem) => {
            trouble.push(format!("{}: no object to spoil calls of: {problem}", case.name));
            None
        }
    }
}

async fn read(case: &Case<'_>, state: &ObjectState, fault: Fault, check: CheckId, findings: &mut Findings) {
    let (whole, calls) = case.read(state, None).await;
    for number in 0..calls.len().min(case.options.most_faults) {
        let place = format!("read, call {}", ordinal(number));
        match case.read(state, Some((number, fault))).await.0 {
            Err(failure) => {
                if let Some(problem) = judge(&failure) {
                    findings.fail(check, format!("{place}: {problem}"));
                }
            }
            Ok(None) => findings.fail(check, format!("{place} failed, and the object is taken for gone")),
            Ok(Some(read)) => {
                let same = whole.as_ref().ok().and_then(Option::as_ref).is_none_or(|whole| {
                    case.differences(&whole.attributes, &read.attributes, false)
                        .is_empty()
                });
                if !same {
                    findings.fail(
                        check,
                        format!("{place} failed, and the answer lacks what it would have told"),
                    );
                }
            }
        }
    }
}

async fn list(case: &Case<'_>, state: &ObjectState, fault: Fault, check: CheckId, findings: &mut Findings) {
    case.probe.begin(None);
    let supported = listed(case).await.is_ok_and(|ids| ids.contains(&state.id));
    let calls = case.probe.end().len();
    if !supported {
        return;
    }
    for number in 0..calls.min(case.options.most_faults) {
        let place = format!("list, call {}", ordinal(number));
        case.probe.begin(Some((number, fault)));
        let answer = listed(case).await;
        case.probe.end();
        match answer {
            Err(failure) => {
                if let Some(problem) = judge(&failure) {
                    findings.fail(check, format!("{place}: {problem}"));
                }
            }
            Ok(ids) if ids.contains(&state.id) => {}
            Ok(_) => findings.fail(check, format!("{place} failed, and the list lacks the object")),
        }
    }
}

async fn update(
    case: &Case<'_>,
    fault: Fault,
    check: CheckId,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    let Some(changed) = &case.update else { return };
    if findings.has(CheckId::UpdateInPlace) {
        return;
    }
    let mut number = 0;
    while number < case.options.most_faults {
        let Some(made) = fresh(case, trouble).await else {
            return;
        };
        let place = format!("update, call {}", ordinal(number));
        let planned = async {
            let inputs = case.checked(&laid_over(&case.inputs, changed)).await?;
            let plan = case.plan(Some((&made.state, &made.inputs)), &inputs).await?;
            Ok::<_, String>((inputs, plan))
        };
        let Ok((inputs, plan)) = planned.await else {
            remove(case, &made.state, trouble).await;
            return;
        };
        let ended = case.update(&made, &inputs, &plan, Some((number, fault))).await;
        let mut reached = true;
        match &ended {
            Ended::Done(after) => {
                reached = after.calls.len() > number;
                if reached {
                    for problem in untrue(case, after).await {
                        findings.fail(
                            check,
                            format!("{place} failed, and update says it is done, but {problem}"),
                        );
                    }
                }
            }
            Ended::Partial(_, failure) | Ended::Failed(failure) => {
                if let Some(problem) = judge(failure) {
                    findings.fail(check, format!("{place}: {problem}"));
                }
            }
        }
        remove(case, &made.state, trouble).await;
        if !reached {
            return;
        }
        number += 1;
    }
}

async fn delete(
    case: &Case<'_>,
    fault: Fault,
    check: CheckId,
    findings: &mut Findings,
    trouble: &mut Vec<String>,
) {
    let mut number = 0;
    while number < case.options.most_faults {
        let Some(made) = fresh(case, trouble).await else {
            return;
        };
        let place = format!("delete, call {}", ordinal(number));
        let (answer, calls) = case.delete(&made.state, Some((number, fault))).await;
        match answer {
            Err(failure) => {
                if let Some(problem) = judge(&failure) {
                    findings.fail(check, format!("{place}: {problem}"));
                }
                remove(case, &made.state, trouble).await;
            }
            Ok(()) => {
                if let (Ok(Some(_)), _) = case.read(&made.state, None).await {
                    findings.fail(
                        check,
                        format!("{place} failed, and delete says it is done, but it is there"),
                    );
                    remove(case, &made.state, trouble).await;
                }
                if calls.len() <= number {
                    return;
                }
            }
        }
        number += 1;
    }
}
