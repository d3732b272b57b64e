use konductor_config::template::escape;
use konductor_config::{Configuration, Context, StackOutputs};
use konductor_model::interpolation::{join, join_parts};
use konductor_model::{Reference, Value};
use proptest::prelude::*;

use crate::{Given, at, lines, load, path, project};

/// The stack of the issue that asks for all this, as it stands there.
const EXAMPLE: &str = r#"config:
  project: { name: example-project, environment: dev }
  aws:
    enabled: true
    region: us-west-2
    tags: { Environment: "${project:environment}", Project: "${project:name}", ManagedBy: konductor }
    vpc: { enabled: true, cidr_block: 10.0.0.0/16, enable_dns_support: true, enable_dns_hostnames: true }
"#;

#[test]
fn the_example_stack_loads_and_interpolates_its_tags() {
    let configuration = load(Given {
        project: "name: quickstart\n",
        stack: EXAMPLE,
        ..Given::default()
    })
    .unwrap();
    assert!(configuration.check().is_empty());
    let aws = configuration
        .module_configuration("aws", Context::default())
        .unwrap();
    assert_eq!(aws.credentials, None);
    assert_eq!(
        format!("{:?}", at(&aws.value, "tags")),
        r#"{"Environment": "dev", "ManagedBy": "konductor", "Project": "example-project"}"#
    );
    assert_eq!(at(&aws.value, "vpc.enable_dns_support"), Value::Boolean(true));
    assert_eq!(configuration.modules().unwrap().len(), 1);
}

fn resolved(text: &str, setting: &str) -> Value {
    let configuration = project(text);
    let value = configuration.value(&path(setting), Context::default());
    value.unwrap_or_else(|d| panic!("{d}")).unwrap()
}

#[test]
fn a_whole_reference_keeps_its_type_and_reads_across_layers() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  a: {n: \"${b:n}\", t: \"n=${b:n}, ${b:on}\", m: \"${b:m}\", x: \"${a:m.x}\", y: \"${provider:b:l[1]}\"}\n",
        organization: "b: {n: 1, on: true, m: {x: \"${b:n}\"}, l: [1, 2.5]}\n",
        set: &["b.n=7"],
        ..Given::default()
    })
    .unwrap();
    assert!(configuration.check().is_empty(), "{}", configuration.check());
    let effective = configuration.effective();
    assert_eq!(at(&effective, "a.n"), Value::Integer(7));
    assert_eq!(at(&effective, "a.t"), Value::from("n=7, true"));
    assert_eq!(at(&effective, "a.m"), Value::from([("x", 7)]));
    assert_eq!(at(&effective, "a.x"), Value::Integer(7));
    assert_eq!(at(&effective, "a.y").kind(), "number");
}

#[test]
fn a_resource_reference_stays_one_alone_and_becomes_a_join_in_text() {
    let text =
        "name: shop\nconfig:\n  a: {id: \"${network.vpc.id}\", text: \"x-${network.id}-${a:n}\", n: 3}\n";
    let reference = |p: &str| {
        Value::Reference(Reference {
            resource: "network".into(),
            path: path(p),
        })
    };
    assert_eq!(resolved(text, "a.id"), reference("vpc.id"));
    let expected = join(vec!["x-".into(), reference("id"), "-".into(), 3.into()]);
    assert_eq!(resolved(text, "a.text"), expected);
    assert!(join_parts(&expected).is_some());
    let nested = "name: shop\nconfig:\n  a: {v: \"${network.vpc}\", id: \"${a:v.id}\"}\n";
    assert_eq!(resolved(nested, "a.id"), reference("vpc.id"));
}

#[test]
fn unresolved_references_name_their_place_and_the_setting_meant() {
    let configuration = project(
        "name: shop\nconfig:\n  aws:\n    region: x\n    a: \"in ${aws:regoin} and ${aws:vpc.cidr}\"\n    b: |\n      first\n      ${project:nme}\n    c: ${aws:region.deep}\n    d: \"é ${oops\"\n",
    );
    let found = lines(&configuration.check());
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(
        found[0].contains("konductor.yaml:5:12: `${aws:regoin}` refers to a setting that is not there"),
        "{found:#?}"
    );
    assert!(found[0].contains("did you mean `region`?"), "{found:#?}");
    assert!(found[1].contains("konductor.yaml:5:30"), "{found:#?}");
    assert!(found[2].contains("konductor.yaml:8:7"), "{found:#?}");
    assert!(found[2].contains("did you mean `name`?"), "{found:#?}");
    assert!(found[3].contains("konductor.yaml:9:8"), "{found:#?}");
    assert!(
        found[4].contains("konductor.yaml:10:11: `${` is not closed"),
        "{found:#?}"
    );
}

#[test]
fn a_disabled_module_is_not_judged() {
    let configuration = project("name: shop\nconfig:\n  aws: {enabled: false, a: \"${aws:nothing}\"}\n");
    assert!(configuration.check().is_empty());
}

#[test]
fn circles_are_reported_once_with_their_members() {
    let configuration = project(
        "name: shop\nconfig:\n  a: {x: \"${b:y}\", self: \"${a:self}\"}\n  b: {y: \"${c:z}\"}\n  c: {z: \"-${a:x}\"}\n",
    );
    let found = lines(&configuration.check());
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found.iter().any(|l| l.contains("`a.x` → `b.y` → `c.z` → `a.x`")),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|l| l.contains("`a.self` refers to itself")),
        "{found:#?}"
    );
    // A map that holds a reference to itself is a circle too.
    let configuration = project("name: shop\nconfig:\n  a: {m: {x: \"${a:m}\"}}\n");
    assert!(configuration.check().to_string().contains("refers to itself"));
}

#[test]
fn texts_that_double_each_other_are_stopped() {
    let mut text = "name: shop\nconfig:\n  a:\n    t0: xxxxxxxxxx\n".to_owned();
    for n in 1..50 {
        text.push_str(&format!("    t{n}: \"${{a:t{0}}}${{a:t{0}}}\"\n", n - 1));
    }
    let found = lines(&project(&text).check());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("too much text"));
    let mut text = "name: shop\nconfig:\n  a:\n    t0: x\n".to_owned();
    for n in 1..200 {
        text.push_str(&format!("    t{n}: \"${{a:t{}}}\"\n", n - 1));
    }
    text.push_str("    a: \"${a:t199}\"\n");
    assert!(
        project(&text)
            .check()
            .to_string()
            .contains("more than 64 references")
    );
}

#[test]
fn a_map_does_not_fit_into_a_text() {
    let configuration = project("name: shop\nconfig:\n  a: {m: {x: 1}, t: \"m=${a:m}\"}\n");
    let text = configuration.check().to_string();
    assert!(
        text.contains("konductor.yaml:3:24: `${a:m}` is a map and cannot stand inside a text"),
        "{text}"
    );
}

struct Stacks;

impl StackOutputs for Stacks {
    fn outputs(&self, organization: &str, project: &str, stack: &str) -> Result<Value, String> {
        match (organization, project, stack) {
            ("acme", "net", "prod") => Ok(Value::from([("vpc", Value::from([("id", "vpc-1")]))])),
            ("own", "shop", "other") => Ok(Value::from([("key", Value::from("k").into_secret())])),
            _ => Err(format!("there is no stack {organization}/{project}/{stack}")),
        }
    }
}

fn stacks(
    configuration: &Configuration,
    setting: &str,
) -> Result<Option<Value>, konductor_model::Diagnostics> {
    let context = Context {
        stacks: Some(&Stacks),
        ..Context::default()
    };
    configuration.value(&path(setting), context)
}

#[test]
fn other_stacks_are_read_through_the_caller_and_unknown_without() {
    let configuration = project(
        "name: shop\norganization: own\nconfig:\n  a: {id: \"${stack:acme/net/prod.vpc.id}\", key: \"k=${stack:other.key}\", no: \"${stack:acme/net/prod.vcp}\", none: \"${stack:x/y/z.a}\"}\n",
    );
    assert!(configuration.check().is_empty());
    assert_eq!(at(&configuration.effective(), "a.id"), Value::Unknown);
    assert_eq!(stacks(&configuration, "a.id").unwrap(), Some("vpc-1".into()));
    assert_eq!(
        stacks(&configuration, "a.key").unwrap(),
        Some(Value::from("k=k").into_secret())
    );
    let text = stacks(&configuration, "a.no").unwrap_err().to_string();
    assert!(text.contains("did you mean `vpc`?"), "{text}");
    let text = stacks(&configuration, "a.none").unwrap_err().to_string();
    assert!(text.contains("there is no stack x/y/z"), "{text}");
}

#[test]
fn defaults_of_plugins_can_be_referred_to_once_they_are_added() {
    let mut configuration = project("name: shop\nconfig:\n  a: {r: \"${aws:region}\"}\n  aws: {}\n");
    assert!(configuration.check().has_errors());
    configuration.add_defaults("aws", &Value::from([("region", "us")]), "plugin aws");
    assert!(configuration.check().is_empty());
    assert_eq!(at(&configuration.effective(), "a.r"), Value::from("us"));
}

proptest! {
    #[test]
    fn an_escaped_text_is_read_as_itself(text in "[a-z${}:. ]{0,20}") {
        let json = serde_json::Value::from(escape(&text)).to_string();
        let value = resolved(&format!("name: shop\nconfig:\n  a: {{t: {json}}}\n"), "a.t");
        prop_assert_eq!(value, Value::from(text));
    }

    #[test]
    fn a_reference_reads_what_is_written_whatever_it_is(number in any::<i64>(), on in any::<bool>()) {
        let text = format!("name: shop\nconfig:\n  a: {{n: {number}, b: {on}, c: \"${{a:n}}\", d: \"${{a:b}}\", e: \"${{a:n}}/${{a:b}}\"}}\n");
        prop_assert_eq!(resolved(&text, "a.c"), Value::Integer(number));
        prop_assert_eq!(resolved(&text, "a.d"), Value::Boolean(on));
        prop_assert_eq!(resolved(&text, "a.e"), Value::from(format!("{number}/{on}")));
    }
}

#[test]
fn the_stacks_that_are_read_are_those_of_this_project_wherever_they_are_named() {
    let configuration = load(Given {
        project: "name: shop\norganization: acme\nconfig:\n  aws: {vpc: \"${stack:network.vpc_id}\"}\nresources:\n  a:\n    type: x:y:Z\n    properties: {list: [\"at ${stack:acme/shop/data.url}/${stack:dev.own}\", \"$${stack:not.one}\"]}\noutputs: {other: \"${stack:elsewhere/data.url}\"}\n",
        ..Given::default()
    })
    .unwrap();
    assert_eq!(
        configuration.stacks_read().into_iter().collect::<Vec<_>>(),
        ["data", "network"]
    );
}
