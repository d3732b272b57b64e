use std::time::Duration;

use konductor_config::{Context, Safeguards};

use crate::{Given, lines, load, project, refused};

#[test]
fn safeguards_come_from_the_layers_and_are_no_module() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  safeguards: {rollback_enabled: true, max_retry_attempts: 3}\n",
        stack: "config:\n  safeguards: {validation_timeout: 1h 30s}\n",
        environment: &[("KONDUCTOR_SAFEGUARDS__MAX_RETRY_ATTEMPTS", "7")],
        ..Given::default()
    })
    .unwrap();
    assert_eq!(
        configuration.safeguards(Context::default()).unwrap(),
        Safeguards {
            rollback_enabled: true,
            validation_timeout: Some(Duration::from_secs(3630)),
            max_retry_attempts: Some(7),
        }
    );
    assert!(configuration.modules().unwrap().is_empty());
}

#[test]
fn without_the_section_nothing_is_rolled_back() {
    let found = project("name: shop\n").safeguards(Context::default()).unwrap();
    assert_eq!(found, Safeguards::default());
    assert!(!found.rollback_enabled);
}

#[test]
fn everything_wrong_in_the_section_is_said_at_once_with_its_place() {
    let configuration = project(
        "name: shop\nconfig:\n  safeguards:\n    rollback_enabled: yes please\n    validation_timeout: -5m\n    max_retry_attempts: 0\n    rollback_enable: true\n",
    );
    let told = lines(&configuration.safeguards(Context::default()).unwrap_err());
    assert_eq!(told.len(), 4, "{told:#?}");
    for (what, place) in [
        (
            "`safeguards.rollback_enabled` is \"yes please\", expected true or false",
            "konductor.yaml:4:23",
        ),
        (
            "`safeguards.validation_timeout` is \"-5m\", expected a time longer than zero",
            "konductor.yaml:5:25",
        ),
        (
            "`safeguards.max_retry_attempts` is 0, expected a whole number from 1 to 100",
            "konductor.yaml:6:25",
        ),
        (
            "`safeguards` has no setting `rollback_enable`",
            "konductor.yaml:7:22",
        ),
    ] {
        let found = told.iter().find(|line| line.contains(what));
        assert!(
            found.is_some_and(|line| line.contains(place)),
            "{what} at {place}: {told:#?}"
        );
    }
    let told = refused("name: shop\nconfig:\n  safeguards: true\n");
    assert!(told[0].contains("konductor.yaml:3:15"), "{told:#?}");
}
