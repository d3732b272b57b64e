//! The conformance kit over the AWS plugin, as its author runs it, against an emulated account.

use konductor_tests::{AwsAccount, Project};

#[test]
fn the_aws_plugin_keeps_the_promises_that_its_fixtures_do_not_leave_out() {
    let account = AwsAccount::open();
    let project =
        Project::from_text("name: check\n", "config:\n  aws: { region: us-west-2 }\n").with_account(&account);
    project.write("conformance.yaml", include_str!("aws_conformance.yaml"));
    let checked = project.run(["plugin", "check", "aws", "--conformance", "--no-wait", "--json"]);
    assert_eq!(checked.code, Some(0), "{}\n{}", checked.stdout, checked.stderr);
    let events = checked.events();
    let summary = events
        .iter()
        .rfind(|event| event["event"] == "plugin-checked")
        .unwrap();
    assert!(summary["passed"].as_u64().unwrap() > 60, "{summary}");
    account.assert_empty();
}
