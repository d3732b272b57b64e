//! What is built is read again, and what is no table is refused.
#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::collections::BTreeMap;

use konductor_schema_table::{
    BuildError, Definition, Flags, IntegerRules, Kind, Node, NodeId, PropertyDefinition, Table, TableBuilder,
    TableError, TextRules,
};

fn property(name: &str, flags: Flags, node: NodeId) -> PropertyDefinition {
    PropertyDefinition {
        name: name.to_owned(),
        flags,
        node,
    }
}

fn object(properties: Vec<PropertyDefinition>) -> Definition {
    Definition::Object {
        properties,
        additional: None,
    }
}

fn no_facts() -> [(&'static str, &'static str); 0] {
    []
}

/// Builds a table with one of everything.
fn everything() -> Vec<u8> {
    let mut builder = TableBuilder::default();
    builder.fact("source", "here");
    builder.fact("licence", "MIT");
    let password = builder.define(Definition::Text(TextRules {
        minimum: Some(12),
        maximum: Some(123),
        pattern: Some("^[a-z]+$".to_owned()),
        format: Some("password".to_owned()),
        sensitive: true,
    }));
    let count = builder.define(Definition::Integer(IntegerRules {
        minimum: Some(-5),
        maximum: Some(i64::MAX),
    }));
    let any = builder.define(Definition::Any);
    let boolean = builder.define(Definition::Boolean);
    let number = builder.define(Definition::Number);
    let choice = builder.define(Definition::Choice {
        values: vec!["Basic".to_owned(), "Standard".to_owned()],
        open: true,
    });
    let list = builder.define(Definition::List {
        items: choice,
        minimum: Some(1),
        maximum: None,
    });
    let map = builder.define(Definition::Map { values: boolean });
    let base = builder.define(object(vec![property("kind", Flags::REQUIRED, choice)]));
    let standard = builder.define(object(vec![property("count", Flags::NONE, count)]));
    let variants = builder.define(Definition::Variants {
        discriminator: "kind".to_owned(),
        base,
        variants: BTreeMap::from([("Standard".to_owned(), standard)]),
    });
    let body = builder.define(Definition::Object {
        properties: vec![
            property("variants", Flags::NONE, variants),
            property("password", Flags::REQUIRED | Flags::WRITE_ONLY, password),
            property("list", Flags::CREATE_ONLY, list),
            property("map", Flags::NONE, map),
            property("number", Flags::READ_ONLY, number),
        ],
        additional: Some(any),
    });
    builder.entry("B/second@1", body, [("scope", "group")]);
    builder.entry("b/First@1", any, no_facts());
    builder.entry("b/first@2", boolean, no_facts());
    builder.finish().unwrap()
}

#[test]
fn everything_that_is_built_is_read_again() {
    let bytes = everything();
    let table = Table::open(&bytes).unwrap();
    table.verify().unwrap();
    assert_eq!(table.len(), 3);
    assert_eq!(table.fact("licence"), Some("MIT"));
    let entry = table.find("b/SECOND@1").unwrap();
    assert_eq!(
        (entry.name(), entry.fact("scope"), entry.fact("other")),
        ("B/second@1", Some("group"), None)
    );
    let Kind::Object(body) = entry.body().kind() else {
        panic!("an object was built")
    };
    assert!(matches!(body.additional().map(Node::kind), Some(Kind::Any)));
    let names: Vec<&str> = body.properties().map(|property| property.name()).collect();
    assert_eq!(names, ["list", "map", "number", "password", "variants"]);

    let password = body.property("password").unwrap();
    assert_eq!(password.flags(), Flags::REQUIRED | Flags::WRITE_ONLY);
    let Kind::Text(rules) = password.node().kind() else {
        panic!("a text was built")
    };
    assert_eq!(
        rules,
        TextRules {
            minimum: Some(12),
            maximum: Some(123),
            pattern: Some("^[a-z]+$"),
            format: Some("password"),
            sensitive: true
        }
    );
    let Kind::List(list) = body.property("list").unwrap().node().kind() else {
        panic!("a list was built")
    };
    assert_eq!((list.minimum, list.maximum), (Some(1), None));
    let Kind::Choice(choices) = list.items.kind() else {
        panic!("a choice was built")
    };
    assert!(choices.open);
    assert_eq!(choices.values().collect::<Vec<_>>(), ["Basic", "Standard"]);
    let Kind::Map(values) = body.property("map").unwrap().node().kind() else {
        panic!("a map was built")
    };
    assert!(matches!(values.kind(), Kind::Boolean));
    assert!(matches!(
        body.property("number").unwrap().node().kind(),
        Kind::Number
    ));
    let Kind::Variants(variants) = body.property("variants").unwrap().node().kind() else {
        panic!("variants were built")
    };
    assert_eq!(variants.discriminator(), "kind");
    assert!(matches!(variants.base().kind(), Kind::Object(_)));
    assert!(variants.variant("Basic").is_none());
    let Kind::Object(standard) = variants.variant("Standard").unwrap().kind() else {
        panic!("an object was built")
    };
    let Kind::Integer(rules) = standard.property("count").unwrap().node().kind() else {
        panic!("an integer was built")
    };
    assert_eq!((rules.minimum, rules.maximum), (Some(-5), Some(i64::MAX)));
}

#[test]
fn names_are_found_in_any_case_and_by_their_beginning() {
    let bytes = everything();
    let table = Table::open(&bytes).unwrap();
    let names = |prefix| {
        table
            .starting_with(prefix)
            .map(|entry| entry.name())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("B/FIRST@"), ["b/First@1", "b/first@2"]);
    assert_eq!(names("b/second@1"), ["B/second@1"]);
    assert_eq!(names("b/second@11"), [""; 0]);
    assert_eq!(names("c"), [""; 0]);
    assert!(table.find("b/first@").is_none());
    assert!(table.find("").is_none());
}

/// Adds a tree: an object with a name and a list of the same.
fn tree(builder: &mut TableBuilder, flags: Flags) -> NodeId {
    let text = builder.define(Definition::Text(TextRules::default()));
    let node = builder.reserve();
    let list = builder.define(Definition::List {
        items: node,
        minimum: None,
        maximum: None,
    });
    builder.set(
        node,
        object(vec![
            property("children", Flags::NONE, list),
            property("name", flags, text),
        ]),
    );
    node
}

#[test]
fn equal_definitions_are_written_once_also_when_they_refer_to_themselves() {
    let mut builder = TableBuilder::default();
    let (first, second) = (tree(&mut builder, Flags::NONE), tree(&mut builder, Flags::NONE));
    let other = tree(&mut builder, Flags::REQUIRED);
    let unused = builder.define(Definition::Number);
    builder.define(Definition::Map { values: unused });
    for (name, node) in [("first", first), ("second", second), ("other", other)] {
        builder.entry(name, node, no_facts());
    }
    let bytes = builder.finish().unwrap();
    let table = Table::open(&bytes).unwrap();
    table.verify().unwrap();
    // A text, and an object and a list of each of two kinds of trees.
    assert_eq!(table.node_count(), 5);
    let body = |name| table.find(name).unwrap().body();
    assert_eq!(body("first"), body("second"));
    assert_ne!(body("first"), body("other"));
}

#[test]
fn a_property_is_flagged_for_one_type_and_not_for_others_that_share_it() {
    let mut builder = TableBuilder::default();
    let shared = tree(&mut builder, Flags::NONE);
    let flagged = builder
        .flagged(shared, &["children", "name"], Flags::CREATE_ONLY)
        .unwrap();
    assert_eq!(
        builder.flagged(shared, &["children", "size"], Flags::CREATE_ONLY),
        None
    );
    assert_eq!(
        builder.flagged(shared, &["name", "size"], Flags::CREATE_ONLY),
        None
    );
    builder.entry("shared", shared, no_facts());
    builder.entry("flagged", flagged, no_facts());
    let bytes = builder.finish().unwrap();
    let table = Table::open(&bytes).unwrap();
    let create_only = |name| {
        let Kind::Object(object) = table.find(name).unwrap().body().kind() else {
            panic!("an object was built")
        };
        let Kind::List(children) = object.property("children").unwrap().node().kind() else {
            panic!("a list was built")
        };
        let Kind::Object(child) = children.items.kind() else {
            panic!("an object was built")
        };
        [object, child].map(|object| {
            object
                .property("name")
                .unwrap()
                .flags()
                .contains(Flags::CREATE_ONLY)
        })
    };
    assert_eq!(create_only("flagged"), [false, true]);
    assert_eq!(create_only("shared"), [false, false]);
}

#[test]
fn the_same_definitions_make_the_same_bytes() {
    assert_eq!(everything(), everything());
}

#[test]
fn what_contradicts_itself_is_not_built() {
    let mut builder = TableBuilder::default();
    let any = builder.define(Definition::Any);
    builder.entry("A/b", any, no_facts());
    builder.entry("a/B", any, no_facts());
    assert_eq!(builder.finish(), Err(BuildError::SameName("a/B".to_owned())));

    let mut builder = TableBuilder::default();
    let missing = builder.reserve();
    let list = builder.define(Definition::Map { values: missing });
    builder.entry("a/b", list, no_facts());
    assert_eq!(builder.finish(), Err(BuildError::Undefined("a/b".to_owned())));
}

#[test]
fn what_is_no_table_is_refused() {
    let bytes = everything();
    assert_eq!(Table::open(b"").unwrap_err(), TableError::NotATable(0));
    assert!(Table::open(b"KST0").is_err());
    assert!(Table::open(bytes.get(..27).unwrap()).is_err());
    // A header that points past the end.
    assert!(Table::open(bytes.get(..bytes.len() / 2).unwrap()).is_err());
}

proptest::proptest! {
    #[test]
    fn no_damage_makes_reading_panic_or_run_for_ever(
        at in 0_usize..4096, to: u8, tail in 0_usize..64
    ) {
        let mut bytes = everything();
        let at = at % bytes.len();
        bytes[at] = to;
        bytes.truncate(bytes.len() - tail.min(bytes.len()));
        let Ok(table) = Table::open(&bytes) else { return Ok(()) };
        let _ = table.verify();
        let _ = table.find("b/second@1").map(|entry| entry.facts().count());
        for entry in table.entries() {
            if let Kind::Object(object) = entry.body().kind() {
                for property in object.properties() {
                    let _ = property.node().kind();
                }
            }
        }
    }
}

#[test]
fn damage_inside_is_found_when_all_of_it_is_read() {
    let mut found = 0;
    for at in 28..everything().len() {
        let mut bytes = everything();
        bytes[at] = 0xff;
        if Table::open(&bytes).is_ok_and(|table| table.verify().is_err()) {
            found += 1;
        }
    }
    assert!(found > 100, "only {found} of the damaged tables were noticed");
}
