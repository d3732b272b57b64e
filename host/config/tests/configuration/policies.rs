use konductor_model::Value;

use crate::{Given, lines, load, path, refused};

#[test]
fn the_organizations_policy_comes_before_the_projects_and_both_keep_their_places() {
    let configuration = load(Given {
        project: "name: shop\npolicy:\n  sources: [bundled]\n  minimum:\n    aws: 2\n",
        organization: "aws: {region: x}\npolicy: {unsigned: refuse, none: }\n",
        ..Given::default()
    })
    .unwrap();
    let policies = configuration.policies();
    let places: Vec<String> = policies.iter().map(|(_, origin)| origin.to_string()).collect();
    assert_eq!(places, ["config/organization.yaml:2:1", "konductor.yaml:2:1"]);
    // A null is kept: to leave it out would be to leave a restriction out.
    assert_eq!(
        policies[0].0,
        Value::from([("unsigned", Value::from("refuse")), ("none", Value::Null)])
    );
    let place = configuration.locate_policy(1, &path("minimum.aws")).unwrap();
    assert_eq!(place.to_string(), "konductor.yaml:5:10");
    let near = configuration.locate_policy(1, &path("minimum.gcp")).unwrap();
    assert_eq!(near.to_string(), "konductor.yaml:4:3");
    assert_eq!(
        configuration
            .modules()
            .unwrap()
            .iter()
            .map(|m| m.namespace.as_str())
            .collect::<Vec<_>>(),
        ["aws"],
        "a policy is no module"
    );
}

#[test]
fn an_organization_file_with_config_takes_a_policy_beside_it() {
    let configuration = load(Given {
        project: "name: shop\n",
        organization: "config: {aws: {}}\npolicy: {a: 1}\n",
        ..Given::default()
    })
    .unwrap();
    assert_eq!(configuration.policies().len(), 1);
}

#[test]
fn a_policy_where_nobody_would_read_it_is_refused() {
    assert_eq!(
        refused("name: shop\nconfig:\n  policy: {a: 1}\npolicy: [a]\n"),
        [
            "error: konductor.yaml:3:3: `policy` is not configuration; put it at the top of konductor.yaml or of the organization's file",
            "error: konductor.yaml:4:9: policy: expected a map, found a list",
        ]
    );
    let stack = load(Given {
        project: "name: shop\n",
        stack: "policy: {a: 1}\n",
        ..Given::default()
    });
    let text = lines(&stack.unwrap_err());
    assert!(
        text[0].starts_with("error: konductor.dev.yaml:1:1: `policy` is not a key of a stack file"),
        "{text:?}"
    );
    let variable = load(Given {
        project: "name: shop\n",
        environment: &[("KONDUCTOR_POLICY__A", "1")],
        ..Given::default()
    });
    assert!(variable.is_err());
}
