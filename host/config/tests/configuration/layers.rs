use konductor_config::Layer;
use konductor_model::Value;

use crate::{Given, at, load, path, project};

fn all_layers() -> konductor_config::Configuration {
    let mut configuration = load(Given {
        project: "name: shop\nconfig:\n  aws: {region: project, a: p}\n",
        stack: "config:\n  provider:aws:\n    region: stack\n    b: s\n",
        organization: "aws: {region: organization, c: o}\n",
        environment: &[("KONDUCTOR_AWS__REGION", "environment")],
        set: &["aws.region=command-line"],
    })
    .unwrap();
    let defaults = Value::from([("region", "default"), ("d", "d")]);
    configuration.add_defaults("aws", &defaults, "plugin aws 1.2.0");
    configuration
}

#[test]
fn the_chain_of_a_setting_names_every_layer_and_the_last_wins() {
    let configuration = all_layers();
    let explanation = configuration.explain(&path("aws.region")).unwrap();
    let chain: Vec<_> = explanation
        .chain
        .iter()
        .map(|s| format!("{} {} {:?}", s.layer, s.origin, s.value))
        .collect();
    assert_eq!(
        chain,
        [
            "plugin defaults plugin aws 1.2.0 \"default\"",
            "organization config/organization.yaml:1:15 \"organization\"",
            "project konductor.yaml:3:17 \"project\"",
            "stack konductor.dev.yaml:3:13 \"stack\"",
            "environment environment variable KONDUCTOR_AWS__REGION \"environment\"",
            "command line --set aws.region \"command-line\"",
        ]
    );
    assert_eq!(explanation.winner().unwrap().layer, Layer::CommandLine);
    assert_eq!(explanation.effective, Some("command-line".into()));
    let effective = configuration.effective();
    for (name, value) in [("a", "p"), ("b", "s"), ("c", "o"), ("d", "d")] {
        assert_eq!(at(&effective, &format!("aws.{name}")), Value::from(value));
    }
}

#[test]
fn explaining_a_section_explains_what_stands_below_it() {
    let configuration = all_layers();
    let explanation = configuration.explain(&path("aws")).unwrap();
    let leaves: Vec<_> = explanation.leaves().iter().map(|e| e.path.to_string()).collect();
    assert_eq!(leaves, ["aws.a", "aws.b", "aws.c", "aws.d", "aws.region"]);
    let error = configuration.explain(&path("aws.regoin")).unwrap_err();
    assert_eq!(error.help.as_deref(), Some("did you mean `region`?"));
}

#[test]
fn null_removes_and_the_removal_is_explained() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  aws: {region: x, tags: {a: 1}}\n",
        set: &["aws.region=null"],
        ..Given::default()
    })
    .unwrap();
    assert_eq!(
        configuration
            .value(&path("aws.region"), Default::default())
            .unwrap(),
        None
    );
    let explanation = configuration.explain(&path("aws.region")).unwrap();
    assert_eq!(explanation.effective, None);
    assert_eq!(explanation.chain.len(), 2);
}

#[test]
fn enabled_modules_are_those_asked_for_and_not_switched_off() {
    let mut configuration = project(
        "name: shop\nconfig:\n  project: {clouds: false}\n  aws: {region: x}\n  azure: {enabled: false}\n  gcp: {enabled: \"${project:clouds}\"}\n  dns: {enabled: true}\n",
    );
    configuration.add_defaults("oracle", &Value::from([("region", "x")]), "plugin oracle");
    configuration.add_defaults("ibm", &Value::from([("enabled", true)]), "plugin ibm");
    let modules: Vec<_> = configuration
        .modules()
        .unwrap()
        .into_iter()
        .map(|m| format!("{} {}", m.namespace, m.origin))
        .collect();
    assert_eq!(modules, ["aws konductor.yaml:4:3", "dns konductor.yaml:7:3"]);
    let wrong = project("name: shop\nconfig:\n  aws: {enabled: \"yes\"}\n");
    let text = wrong.modules().unwrap_err().to_string();
    assert_eq!(
        text,
        "error: konductor.yaml:3:18: aws.enabled: expected true or false, found text"
    );
}

#[test]
fn a_namespace_written_both_ways_in_one_file_is_refused() {
    let errors = crate::refused("name: shop\nconfig:\n  aws: {a: 1}\n  provider:aws: {b: 1}\n");
    assert!(errors[0].contains("configured twice"), "{errors:?}");
    assert!(errors[0].contains("konductor.yaml:3:3"), "{errors:?}");
}

#[test]
fn the_built_in_settings_can_be_read_and_overridden() {
    let configuration =
        project("name: shop\norganization: acme\nconfig:\n  project: {environment: staging}\n");
    let effective = configuration.effective();
    assert_eq!(at(&effective, "project.name"), Value::from("shop"));
    assert_eq!(at(&effective, "project.stack"), Value::from("dev"));
    assert_eq!(at(&effective, "project.organization"), Value::from("acme"));
    assert_eq!(at(&effective, "project.environment"), Value::from("staging"));
    let name = configuration.explain(&path("project.name")).unwrap();
    assert_eq!(name.chain[0].origin.to_string(), "konductor.yaml:1:7");
}

#[test]
fn a_variable_alone_does_not_switch_a_module_on_unless_it_says_so() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  dns: {}\n",
        environment: &[
            ("KONDUCTOR_AWS__REGION", "us-west-2"),
            ("KONDUCTOR_GCP__ENABLED", "true"),
        ],
        ..Given::default()
    })
    .unwrap();
    let modules = configuration.modules().unwrap();
    let names: Vec<_> = modules.iter().map(|m| m.namespace.as_str()).collect();
    assert_eq!(names, ["dns", "gcp"]);
}
