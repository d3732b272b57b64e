use std::time::Duration;

use konductor_config::Context;
use konductor_config::drift::ApprovalMode;
use konductor_model::AlertTarget;

use crate::{Given, lines, load, project};

#[test]
fn the_section_comes_from_the_layers_alerts_merge_by_name_and_it_is_no_module() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  drift:\n    schedule: 0 */6 * * *\n    jitter: 90\n    alerts:\n    - {name: a, slack: \"https://one.example.org\"}\n",
        stack: "config:\n  drift:\n    time_zone: Europe/Berlin\n    unmanaged: true\n    alerts:\n    - {name: a, severity: high}\n    - {name: b, command: [page, me]}\n",
        ..Given::default()
    })
    .unwrap();
    let found = configuration.drift(Context::default()).unwrap();
    let schedule = found.schedule.unwrap();
    assert_eq!(
        (schedule.written.as_str(), schedule.jitter),
        ("0 */6 * * *", Duration::from_secs(90))
    );
    assert_eq!(schedule.time_zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(found.unmanaged, Some(Vec::new()));
    assert_eq!(
        (found.alerts[0].severity.as_str(), found.alerts.len()),
        ("high", 2)
    );
    assert!(
        matches!(&found.alerts[0].target, AlertTarget::Slack { url } if url.reveal() == "https://one.example.org")
    );
    assert!(matches!(&found.alerts[1].target, AlertTarget::Command { run } if run[..] == ["page", "me"]));
    assert!(configuration.modules().unwrap().is_empty());
}

#[test]
fn a_rule_fits_its_type_and_what_is_below_its_attribute() {
    let configuration = project(
        "name: shop\nconfig:\n  drift:\n    approval:\n    - {type: \"aws:ec2:*\", attribute: tags, mode: auto}\n    - {type: aws:s3:Bucket, mode: never}\n",
    );
    let rules = configuration.drift(Context::default()).unwrap().approval;
    let fits = |index: usize, resource_type: &str, at: Option<&str>| {
        let at = at.map(|at| at.parse().unwrap());
        rules[index]
            .scope
            .fits(&resource_type.parse().unwrap(), at.as_ref())
    };
    assert!(fits(0, "aws:ec2:Vpc", Some("tags")) && fits(0, "aws:ec2:Vpc", Some("tags.Name")));
    assert!(!fits(0, "aws:ec2:Vpc", Some("tags_all")) && !fits(0, "aws:s3:Bucket", Some("tags")));
    assert!(
        !fits(0, "aws:ec2:Vpc", None),
        "a rule for tags says nothing of an object that is gone"
    );
    assert!(fits(1, "aws:s3:Bucket", None) && fits(1, "aws:s3:Bucket", Some("tags")));
    assert!(!fits(1, "aws:s3:BucketPolicy", None));
    assert_eq!(
        (rules[0].mode, rules[1].mode),
        (ApprovalMode::Auto, ApprovalMode::Never)
    );
}

#[test]
fn a_secret_in_a_wrong_place_is_not_repeated() {
    let configuration = project(
        "name: shop\nconfig:\n  drift:\n    jitter: {secure: \"v1:c2VjcmV0LTQ3MTE=\"}\n    alerts: [{name: a, slack: hooks.example.org/4711}]\n",
    );
    let told = lines(&configuration.drift(Context::default()).unwrap_err()).join("\n");
    assert!(
        !told.contains("4711") && told.contains("`drift.jitter` is a secret"),
        "{told}"
    );
}
