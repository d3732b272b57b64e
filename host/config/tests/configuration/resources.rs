use std::collections::BTreeSet;

use konductor_config::Context;
use konductor_model::Value;

use crate::{Given, lines, load, path, project, refused};

const STACK: &str = r#"name: shop
config:
  aws: {region: us}
resources:
  network:
    type: aws:vpc:SecureVpc
    properties:
      cidr_block: 10.0.0.0/16
      tags: {Region: "${aws:region}"}
  web:
    type: aws:ec2:Instance
    properties:
      subnet: "${network.public_subnets[0]}"
      name: "web-${netwrk.id}"
    options:
      depends_on: ["${network}", nowhere]
      protect: true
      ignore_changes: [tags.Owner]
outputs:
  vpc: "${network.vpc_id}"
  url: "http://${aws.dns}/"
"#;

#[test]
fn resources_become_declarations_with_places() {
    let configuration = project(STACK);
    let found = configuration.declared(Context::default()).unwrap().single;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].name.as_str(), "network");
    assert_eq!(
        found[0].origin.as_ref().unwrap().to_string(),
        "konductor.yaml:5:3"
    );
    assert_eq!(
        found[0].properties.at(&path("tags.Region")).unwrap().into_owned(),
        Value::from("us")
    );
    assert_eq!(found[1].options.depends_on, ["network", "nowhere"]);
    assert!(found[1].options.protect);
    assert_eq!(found[1].options.ignore_changes, [path("tags.Owner")]);
    assert_eq!(found[1].properties.references().len(), 2);
    let outputs = configuration.outputs(Context::default()).unwrap();
    assert_eq!(outputs.len(), 2);
    assert_eq!(outputs["url"].references().len(), 1);
}

#[test]
fn a_resource_and_a_path_lead_back_to_a_place() {
    let configuration = project(STACK);
    let place = |name: &str, at: &str| {
        let at = if at.is_empty() {
            konductor_model::Path::root()
        } else {
            path(at)
        };
        configuration.locate(name, &at).map(|o| o.to_string())
    };
    assert_eq!(
        place("network", "cidr_block").as_deref(),
        Some("konductor.yaml:8:19")
    );
    assert_eq!(
        place("network", "tags.Missing").as_deref(),
        Some("konductor.yaml:9:7")
    );
    assert_eq!(place("network", "").as_deref(), Some("konductor.yaml:5:3"));
    assert_eq!(
        place("network/private-a", "x").as_deref(),
        Some("konductor.yaml:5:3")
    );
    assert_eq!(
        place("aws/vpc/public-a", "x").as_deref(),
        Some("konductor.yaml:3:3")
    );
    assert_eq!(place("other", "x"), None);
}

#[test]
fn references_to_unknown_names_are_reported_with_the_name_meant() {
    let configuration = project(STACK);
    let known = BTreeSet::from(["network".to_owned(), "web".to_owned()]);
    let found = lines(&configuration.unresolved_references(&known));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].contains("konductor.yaml:14:13: `${netwrk.id}` refers to `netwrk`, which is not declared"),
        "{found:#?}"
    );
    assert!(found[0].contains("did you mean `network`?"), "{found:#?}");
    assert!(
        found[1].contains("konductor.yaml:16:34: web: `depends_on` names `nowhere`"),
        "{found:#?}"
    );
    assert!(found[2].contains("`${aws:…}`"), "{found:#?}");
}

#[test]
fn every_mistake_in_every_resource_is_reported() {
    let errors = refused(
        "name: shop\nresources:\n  a/b: {type: aws:ec2:Vpc}\n  one: {tpe: x, size: 3}\n  two: {type: aws:Vpc, properties: 3, options: {protct: true, protect: maybe, depends_on: x}}\n  three: text\n",
    );
    assert_eq!(errors.len(), 10, "{errors:#?}");
    let text = errors.join("\n");
    for expected in [
        "konductor.yaml:3:3: `a/b` is not a resource name",
        "konductor.yaml:4:3: one: the resource has no type",
        "konductor.yaml:4:9: one: `tpe` is not a key of a resource; did you mean `type`?",
        "konductor.yaml:4:17: one: `size` is not a key of a resource; put `size` under `properties:`",
        "konductor.yaml:5:15: two: `aws:Vpc` is not a type",
        "konductor.yaml:5:36: two: expected a map of properties, found a whole number",
        "konductor.yaml:5:49: two: `protct` is not an option; did you mean `protect`?",
        "konductor.yaml:5:72: two: the option `protect` cannot be read",
        "konductor.yaml:5:91: two: the option `depends_on` cannot be read",
        "konductor.yaml:6:10: three: expected a map",
    ] {
        assert!(text.contains(expected), "missing: {expected}\n{text}");
    }
}

#[test]
fn a_stack_adds_changes_and_removes_resources() {
    let configuration = load(Given {
        project: "name: shop\nresources:\n  a: {type: x:y:Z, properties: {n: 1, m: 2}}\n  b: {type: x:y:Z}\noutputs: {o: 1}\n",
        stack: "resources:\n  a: {properties: {n: 5}}\n  b: null\n  c: {type: x:y:Z}\noutputs: {p: 2}\n",
        ..Given::default()
    })
    .unwrap();
    let found = configuration.declared(Context::default()).unwrap().single;
    let names: Vec<_> = found.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(found[0].properties, Value::from([("n", 5), ("m", 2)]));
    assert_eq!(configuration.outputs(Context::default()).unwrap().len(), 2);
}
