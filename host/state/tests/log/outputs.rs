//! What other stacks read, and how fresh it is.

use std::collections::BTreeMap;

use konductor_model::Value;
use konductor_state::{Entry, Journal};

use crate::fixture::*;

fn outputs(value: &str) -> Entry {
    Entry::Outputs {
        outputs: BTreeMap::from([("address".to_owned(), Value::from(value))]),
    }
}

#[tokio::test]
async fn outputs_are_as_fresh_as_the_last_deployment_that_succeeded() {
    let folder = Folder::new();
    let log = folder.open().await;
    let never = log.outputs().await.unwrap();
    assert_eq!((never.confirmed, never.unconfirmed), (None, None));

    log.append(vec![
        started("1", "run"),
        outputs("10.0.0.1"),
        finished("1", "succeeded"),
        // A run that finds nothing to change confirms them, and a plan does not.
        started("2", "run"),
        finished("2", "succeeded"),
        started("3", "plan"),
        finished("3", "succeeded"),
    ])
    .await
    .unwrap();
    let fresh = log.outputs().await.unwrap();
    assert_eq!(fresh.values["address"], Value::from("10.0.0.1"));
    assert_eq!(fresh.serial, 7);
    assert_eq!(fresh.confirmed.unwrap().run, "2");
    assert_eq!(fresh.unconfirmed, None);
}

#[tokio::test]
async fn a_deployment_that_failed_or_has_not_ended_leaves_them_unconfirmed() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(vec![
        started("1", "run"),
        outputs("10.0.0.1"),
        finished("1", "succeeded"),
        started("2", "destroy"),
    ])
    .await
    .unwrap();
    let under_way = log.outputs().await.unwrap();
    assert_eq!(under_way.confirmed.unwrap().run, "1");
    let open = under_way.unconfirmed.unwrap();
    assert_eq!(
        (open.run.as_str(), open.command.as_str(), open.result),
        ("2", "destroy", None)
    );

    log.append(vec![finished("2", "failed")]).await.unwrap();
    let failed = log.outputs().await.unwrap().unconfirmed.unwrap();
    assert_eq!(
        (failed.run.as_str(), failed.result.as_deref()),
        ("2", Some("failed"))
    );

    log.append(vec![started("3", "run"), finished("3", "succeeded")])
        .await
        .unwrap();
    let again = log.outputs().await.unwrap();
    assert_eq!(
        (again.confirmed.unwrap().run.as_str(), again.unconfirmed),
        ("3", None)
    );
}

#[tokio::test]
async fn the_deployment_is_found_behind_any_number_of_other_runs() {
    let folder = Folder::new();
    let log = folder.open().await;
    log.append(vec![
        started("first", "run"),
        outputs("10.0.0.1"),
        finished("first", "succeeded"),
    ])
    .await
    .unwrap();
    let looks = (0..700).flat_map(|run| {
        let run = format!("plan-{run}");
        [started(&run, "plan"), finished(&run, "succeeded")]
    });
    log.append(looks.collect()).await.unwrap();
    assert_eq!(log.outputs().await.unwrap().confirmed.unwrap().run, "first");
}
