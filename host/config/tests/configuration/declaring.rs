use konductor_config::{NewDeclaration, declare};
use konductor_model::interpolation::join;
use konductor_model::{Path, Reference, Value};

use crate::{lines, project};

fn new(name: &str, properties: Value) -> NewDeclaration {
    NewDeclaration {
        name: name.parse().unwrap(),
        resource_type: "aws:ec2:Vpc".parse().unwrap(),
        properties,
        import: None,
        provider: None,
    }
}

fn network_id() -> Value {
    Value::Reference(Reference {
        resource: "network".into(),
        path: Path::attribute("id"),
    })
}

#[test]
fn declarations_are_written_as_lines_and_everything_else_stays() {
    let text = "name: shop\nresources:\n  old:\n    type: aws:ec2:Vpc\n    # why\n    properties: { a: 1 }\n\noutputs: {x: 1}  # end\n";
    let mut network = new(
        "network",
        Value::from([
            ("cidr_block", Value::from("10.0.0.0/16")),
            ("tags", Value::from([("Name", "costs ${5}"), ("on", "true")])),
            ("nothing", Value::Null),
            ("password", Value::from("hunter2").into_secret()),
        ]),
    );
    network.import = Some("vpc-1".into());
    let subnet = new(
        "subnet",
        Value::from([
            ("vpc_id", network_id()),
            ("note", join(vec!["in ".into(), network_id(), " for $1".into()])),
        ]),
    );
    let changed = declare("konductor.yaml", text, &[network, subnet]).unwrap();
    assert_eq!(
        changed,
        "name: shop\nresources:\n  old:\n    type: aws:ec2:Vpc\n    # why\n    properties: { a: 1 }\n  network:\n    type: aws:ec2:Vpc\n    properties:\n      cidr_block: 10.0.0.0/16\n      tags: {Name: \"costs $${5}\", on: \"true\"}\n    options:\n      import: vpc-1\n  subnet:\n    type: aws:ec2:Vpc\n    properties:\n      note: \"in ${network.id} for $$1\"\n      vpc_id: \"${network.id}\"\n\noutputs: {x: 1}  # end\n"
    );
    // The values that are read are those that were given.
    let declared = project(&changed).declared(Default::default()).unwrap().single;
    let properties = |name: &str| {
        let found = declared.iter().find(|d| d.name.as_str() == name).unwrap();
        found.properties.clone()
    };
    assert_eq!(
        properties("network")
            .at(&"tags.Name".parse().unwrap())
            .unwrap()
            .as_text(),
        Some("costs ${5}")
    );
    assert_eq!(properties("subnet").attribute("vpc_id"), Some(&network_id()));
}

#[test]
fn a_file_without_resources_gets_them() {
    for text in [
        "name: shop\n",
        "name: shop\nresources: {}\n",
        "name: shop\nresources:\n",
    ] {
        let changed = declare("f", text, &[new("a", Value::empty_map())]).unwrap();
        assert_eq!(
            changed, "name: shop\nresources:\n  a:\n    type: aws:ec2:Vpc\n",
            "{text:?}"
        );
    }
}

#[test]
fn a_name_that_is_taken_and_resources_on_one_line_are_errors_with_their_places() {
    let declared = "name: shop\nresources:\n  a: {type: x:y:Z}\n  b: {type: x:y:Z}\n";
    let news = [
        new("b", Value::Null),
        new("a", Value::Null),
        new("c", Value::Null),
    ];
    let told = lines(&declare("f", declared, &news).unwrap_err());
    assert_eq!(told.len(), 2);
    assert!(
        told[0].contains("f:4:3") && told[0].contains("`b` is declared already"),
        "{told:?}"
    );
    let flow = "name: shop\nresources: {a: {type: x:y:Z}}\n";
    let told = lines(&declare("f", flow, &[new("c", Value::Null)]).unwrap_err());
    assert!(told[0].contains("on one line"), "{told:?}");
}
