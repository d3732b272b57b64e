//! Changes that are none.

use konductor_schema_body::Cloud as _;
use konductor_sdk::prelude::*;

use crate::body::{Google, Place};

/// Takes out changes that are none: the same link in another spelling, the same number as a text.
pub fn forget(prior: &Value, plan: &mut PlanResponse) {
    let was = plan.changes.len();
    let mut planned = plan.planned.clone();
    plan.changes.retain(|change| {
        let (Some(old), Some(new)) = (prior.at(&change.at), planned.at(&change.at)) else {
            return true;
        };
        let (old, new) = (old.into_owned(), new.into_owned());
        let differs = !Google::same(Place::default(), "", old.reveal(), new.reveal());
        if !differs {
            planned.put(&change.at, old);
        }
        differs
    });
    if plan.changes.is_empty() && was > 0 {
        // Nothing is to be done, so nothing becomes unknown either.
        planned = prior.clone();
        plan.delete_before_replace = false;
    }
    plan.planned = planned;
}

#[cfg(test)]
mod tests {
    use konductor_sdk::model::{AttributeChange, ChangeKind};

    use super::*;

    fn planned(network: &str) -> PlanResponse {
        PlanResponse {
            planned: Value::from([("network", Value::from(network)), ("self_link", Value::Unknown)]),
            changes: vec![AttributeChange {
                at: Path::attribute("network"),
                kind: ChangeKind::Update,
                requires_replacement: true,
            }],
            ..PlanResponse::default()
        }
    }

    #[test]
    fn the_same_link_in_another_spelling_is_no_change_and_another_one_is() {
        let link = "https://compute.googleapis.com/compute/v1/projects/p/global/networks/a";
        let prior = Value::from([("network", link), ("self_link", "x")]);
        let mut plan = planned("https://www.googleapis.com/compute/v1/projects/p/global/networks/a");
        forget(&prior, &mut plan);
        assert!(plan.changes.is_empty());
        assert_eq!(plan.planned, prior);
        let mut plan = planned("https://www.googleapis.com/compute/v1/projects/p/global/networks/b");
        forget(&prior, &mut plan);
        assert_eq!(plan.changes.len(), 1);
        assert_eq!(plan.planned.attribute("self_link"), Some(&Value::Unknown));
    }
}
