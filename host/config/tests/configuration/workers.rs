//! Where workers find their work: what can be said, and what must not stand in a file.

use std::time::Duration;

use crate::{Given, load, project};

#[track_caller]
fn refused(section: &str, expected: &[&str]) {
    let given = Given {
        project: &format!("name: shop\nworkers:{section}"),
        ..Given::default()
    };
    let Err(diagnostics) = load(given) else {
        panic!("should be refused:\n{section}");
    };
    let errors: Vec<String> = diagnostics.0.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error}\nshould hold\n{expected}");
    }
}

#[test]
fn a_project_says_where_its_workers_find_work() {
    assert_eq!(project("name: shop\n").workers(), None);
    let settings = project("name: shop\nworkers: {}\n");
    let settings = settings.workers().unwrap();
    assert_eq!((settings.lease, settings.attempts), (Duration::from_secs(60), 5));
    assert_eq!(settings.url, None);
    let settings = project(
        "name: shop
workers:
  url: postgresql://ada@db.example/work
  lease: 2m
  attempts: 3
",
    );
    let settings = settings.workers().unwrap();
    assert_eq!(
        settings.url.as_ref().unwrap().text,
        "postgresql://ada@db.example/work"
    );
    assert_eq!((settings.lease, settings.attempts), (Duration::from_secs(120), 3));
}

#[test]
fn everything_that_is_wrong_with_it_is_told_with_its_place() {
    refused(" yes\n", &["konductor.yaml:2:10: workers: expected a map"]);
    refused(
        "
  url: mysql://db/work
  laese: 5s
  lease: 1s
  attempts: 0
",
        &[
            "konductor.yaml:3:8: workers.url: `workers.url` cannot be used",
            "konductor.yaml:4:3: workers.laese: `laese` is not a key of `workers`; did you mean `lease`?",
            "konductor.yaml:5:10: workers.lease: expected a time from 2s to 1h",
            "konductor.yaml:6:13: workers.attempts: expected a whole number from 1 to 100",
        ],
    );
}

#[test]
fn a_password_does_not_belong_into_the_file() {
    let given = Given {
        project: "name: shop\nworkers: { url: \"postgresql://ada:hunter2@db/work\" }\n",
        ..Given::default()
    };
    let told = load(given).unwrap_err().to_string();
    assert!(told.contains("the URL of the queue holds a password"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
