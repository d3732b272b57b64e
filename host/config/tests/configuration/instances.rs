//! `count` and `for_each`.

use konductor_config::Context;
use konductor_model::module::RepeatedDeclaration;
use konductor_model::{Repetition, Value};

use crate::{Given, lines, load, path, project, refused};

fn repeated(text: &str) -> Vec<RepeatedDeclaration> {
    project(text).declared(Context::default()).unwrap().repeated
}

const STACK: &str = r#"name: shop
config:
  project: {zones: [b, a], replicas: 2}
resources:
  subnet:
    type: aws:ec2:Subnet
    for_each: ${project:zones}
    properties: {name: "net-${each.key}"}
  web:
    type: aws:ec2:Instance
    for_each:
      one: {zone: a, size: 1}
      two: {zone: b, size: 2}
    properties:
      subnet_id: ${subnet[each.value.zone].id}
      size: ${each.value.size}
    options:
      aliases: ["old-${each.key}"]
      protect: true
  worker:
    type: aws:ec2:Instance
    count: ${project:replicas}
    properties: {name: "worker-${count.index}"}
    options: {depends_on: ["${web[\"one\"]}", "${subnet}"]}
"#;

#[test]
fn instances_are_known_without_being_written_out() {
    let found = repeated(&STACK.replace("\\\"", "'").replace('\'', "\\\""));
    let keys: Vec<Vec<String>> = found
        .iter()
        .map(|found| found.repetition.keys().map(Into::into).collect())
        .collect();
    assert_eq!(keys, [vec!["a", "b"], vec!["one", "two"], vec!["0", "1"]]);
    let [subnet, web, worker] = &found[..] else {
        panic!("three resources");
    };
    assert_eq!(
        subnet.repetition.fill(1, subnet.declaration.properties.clone()),
        Value::from([("name", "net-b")])
    );
    let filled = web.repetition.fill(1, web.declaration.properties.clone());
    assert_eq!(filled.at(&path("size")).unwrap().into_owned(), Value::from(2));
    assert_eq!(filled.references()[0].1.to_string(), "subnet.b.id");
    assert_eq!(web.options_of(0).unwrap().aliases, ["old-one"]);
    assert!(web.options_of(0).unwrap().protect);
    assert!(worker.options.is_null());
    assert_eq!(worker.options_of(1).unwrap().depends_on, ["web/one", "subnet"]);
    assert_eq!(worker.repetition, Repetition::Count(2));
}

#[test]
fn what_decides_on_instances_must_be_known_before_the_plan() {
    let text = "name: shop\nresources:\n  net: {type: aws:ec2:Vpc}\n  a:\n    type: aws:ec2:Subnet\n    for_each: ${net.zones}\n  b:\n    type: aws:ec2:Subnet\n    for_each: [x, \"${net.zone}\"]\n  c:\n    type: aws:ec2:Subnet\n    count: ${net.size}\n";
    let found = refused(text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].starts_with("error: konductor.yaml:6:15: "),
        "{}",
        found[0]
    );
    assert!(
        found[0].contains("`for_each` must be known before the plan"),
        "{}",
        found[0]
    );
    assert!(
        found[0].contains("`${net.zones}` is known only after apply"),
        "{}",
        found[0]
    );
    assert!(
        found[1].starts_with("error: konductor.yaml:9:19: "),
        "{}",
        found[1]
    );
    assert!(
        found[2].starts_with("error: konductor.yaml:12:12: "),
        "{}",
        found[2]
    );
}

#[test]
fn a_value_under_a_known_key_may_refer_to_another_resource() {
    let found = repeated(
        "name: shop\nresources:\n  net: {type: aws:ec2:Vpc}\n  a:\n    type: aws:ec2:Subnet\n    for_each: {x: \"${net.main}\"}\n    properties: {id: \"${each.value.id}\"}\n",
    );
    let filled = found[0]
        .repetition
        .fill(0, found[0].declaration.properties.clone());
    assert_eq!(filled.references()[0].1.to_string(), "net.main.id");
}

#[test]
fn every_mistake_has_its_place() {
    for (written, place, said) in [
        ("count: -1", "5:12", "from 0 to 1000000, found -1"),
        ("count: 1000001", "5:12", "found 1000001"),
        ("count: many", "5:12", "found text"),
        (
            "for_each: 3",
            "5:15",
            "a list of texts or a map, found a whole number",
        ),
        ("for_each: [a, b, a]", "5:22", "`a` is in `for_each` twice"),
        (
            "for_each: [a, 10.0.0.0/16]",
            "5:19",
            "`10.0.0.0/16` cannot be a key",
        ),
        (
            "for_each: [a, [b]]",
            "5:19",
            "a key of `for_each` is text, found a list",
        ),
        ("for_each: {\"a b\": 1}", "5:16", "`a b` cannot be a key"),
        ("for_each: {secure: \"v1:x\"}", "5:15", "a secret cannot decide"),
        (
            "count: 1\n    for_each: [a]",
            "6:5",
            "either `count` or `for_each`",
        ),
        (
            "properties: {a: \"${each.key}\"}",
            "5:21",
            "`${each.key}` has a meaning only in a resource with `for_each`",
        ),
        (
            "properties: {a: \"${x[count.index].id}\"}",
            "5:21",
            "only in a resource with `count`",
        ),
        (
            "count: 2\n    properties: {a: \"${each.key}\"}",
            "6:21",
            "nothing that an instance with `count` knows",
        ),
        (
            "for_each: [a]\n    properties: {a: \"x${count.index}\"}",
            "6:21",
            "nothing that an instance with `for_each` knows",
        ),
        (
            "for_each: {a: {z: 1}, b: {}}\n    properties: {a: \"${each.value.z}\"}",
            "6:21",
            "is not there for the key `b`",
        ),
        (
            "count: 1\n    options: {protect: \"${count.index}\"}",
            "6:24",
            "the option `protect` cannot be read",
        ),
        (
            "options: {aliases: [\"${each.key}\"]}",
            "5:25",
            "has a meaning only",
        ),
    ] {
        let text = format!("name: shop\nresources:\n  web:\n    type: aws:ec2:Instance\n    {written}\n");
        let found = refused(&text);
        assert_eq!(found.len(), 1, "{written}: {found:#?}");
        assert!(
            found[0].starts_with(&format!("error: konductor.yaml:{place}: ")),
            "{written}: {}",
            found[0]
        );
        assert!(found[0].contains(said), "{written}: {}", found[0]);
    }
    let found = refused("name: shop\nresources:\n  each: {type: aws:ec2:Vpc}\n");
    assert!(
        found[0].contains("`each` cannot be the name of a resource"),
        "{found:?}"
    );
}

#[test]
fn the_stack_can_say_how_many() {
    let configuration = load(Given {
        project: "name: shop\nresources:\n  web: {type: aws:ec2:Instance, count: 2}\n  one: {type: aws:ec2:Vpc, count: 2}\n",
        stack: "resources: {web: {count: 5}, one: {count: null}}\n",
        ..Given::default()
    })
    .unwrap_or_else(|diagnostics| panic!("{:?}", lines(&diagnostics)));
    let declared = configuration.declared(Context::default()).unwrap();
    assert_eq!(declared.repeated[0].repetition, Repetition::Count(5));
    assert_eq!(declared.single[0].name.as_str(), "one");
}

#[test]
fn a_property_of_an_instance_is_where_its_declaration_is() {
    let configuration = project(&STACK.replace("\\\"", "'").replace('\'', "\\\""));
    let place = |name: &str, at: &str| configuration.locate(name, &path(at)).unwrap().to_string();
    assert_eq!(place("web/one", "size"), "konductor.yaml:16:13");
    assert_eq!(place("worker/1", "name"), "konductor.yaml:23:24");
}
