use crate::{Given, load, path, project, refused};

#[test]
fn every_error_of_every_file_is_reported_at_once_in_order() {
    let errors = load(Given {
        project: "name: 1shop\nresorces: {}\nplugins:\n  aws: {sorce: x, version: one}\nconfig:\n  aws: 3\n",
        stack: "config:\n  a: {b: 1, b: 2}\nname: x\n",
        organization: "config: {}\nother: 1\n",
        environment: &[("KONDUCTOR_A____B", "1")],
        set: &["nothing"],
    })
    .unwrap_err();
    let text = errors.to_string();
    for expected in [
        "konductor.yaml:1:7: name: `1shop` is not a project name",
        "konductor.yaml:2:1: `resorces` is not a key of a project file; did you mean `resources`?",
        "konductor.yaml:4:9: plugins.aws.sorce: `sorce` is not a key of a plugin; did you mean `source`?",
        "konductor.yaml:4:28: plugins.aws.version: `one` is not a version requirement",
        "konductor.yaml:6:8: aws: expected a map of the settings of `aws`, found a whole number",
        "konductor.dev.yaml:2:13: the key `b` is here for the second time (the first is at konductor.dev.yaml:2:7)",
        "konductor.dev.yaml:3:1: `name` is not a key of a stack file",
        "config/organization.yaml:2:1: `other` is not a key of an organization file that has `config`",
        "environment variable KONDUCTOR_A____B",
        "--set: `--set` names no setting",
    ] {
        assert!(text.contains(expected), "missing: {expected}\n{text}");
    }
    assert_eq!(errors.0.len(), 10, "{text}");
}

#[test]
fn a_syntax_error_has_its_place() {
    let errors = refused("name: shop\n  count: [1, 2\n");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("error: konductor.yaml:2:"), "{errors:?}");
    assert!(errors[0].contains("this is not YAML"), "{errors:?}");
}

#[test]
fn a_syntax_error_at_a_character_of_several_bytes_takes_in_all_of_them() {
    let text = "name: shop\nresource\u{feff}s: {}\n";
    let errors = load(Given {
        project: text,
        ..Given::default()
    })
    .unwrap_err();
    let origin = errors.0[0].origin.clone().unwrap();
    assert_eq!(
        text.get(origin.offset..origin.offset + origin.length),
        Some("\u{feff}")
    );
}

#[test]
fn places_count_bytes_after_text_that_is_not_ascii() {
    let text = "name: shop\ndescription: \"größe ✓\"\nconfig:\n  aws: {größe: ärger, region: 'us'}\n";
    let configuration = project(text);
    let origin = configuration.get(&path("aws.region")).unwrap().origin.clone();
    assert_eq!(&text[origin.offset..origin.offset + origin.length], "'us'");
    assert_eq!((origin.line, origin.column), (4, 31));
    let key = configuration
        .get(&path("aws.größe"))
        .unwrap()
        .key
        .clone()
        .unwrap();
    assert_eq!(&text[key.offset..key.offset + key.length], "größe");
}

#[test]
fn every_kind_of_value_has_a_span_that_covers_it() {
    let text = "name: shop\nconfig:\n  a:\n    block: |\n      one\n      two\n    folded: >-\n      x\n    quoted: \"a\\nb\"\n    flow: [1, {x: 2}]\n    nested:\n      - 1\n      - p: q\n    none:\n    last: 1.5 # end\n";
    let configuration = project(text);
    let span = |at: &str| {
        let origin = configuration.get(&path(at)).unwrap().origin.clone();
        text[origin.offset..origin.offset + origin.length].to_owned()
    };
    assert_eq!(span("a.quoted"), "\"a\\nb\"");
    assert_eq!(span("a.flow"), "[1, {x: 2}]");
    assert_eq!(span("a.flow[1]"), "{x: 2}");
    assert_eq!(span("a.nested"), "- 1\n      - p: q");
    assert_eq!(span("a.none"), "none");
    assert_eq!(span("a.last"), "1.5");
    assert!(span("a.block").ends_with("two"), "{:?}", span("a.block"));
    assert!(span("a.folded").ends_with('x'), "{:?}", span("a.folded"));
    assert!(span("a").ends_with("1.5"), "{:?}", span("a"));
}

#[test]
fn a_comment_behind_a_value_is_not_part_of_it() {
    let text = "name: shop\nconfig:\n  a:\n    double: \"a \\\" # b\"  # c\n    single: 'it''s # b'  # c\n    plain: x y  # c\n    flow: [1, 2]  # c\n    map: {a: 'x'}  # c\n    \"quoted key\" : 1  # c\n    empty: \"\"  # c\n";
    let configuration = project(text);
    for (at, expected) in [
        ("a.double", "\"a \\\" # b\""),
        ("a.single", "'it''s # b'"),
        ("a.plain", "x y"),
        ("a.flow", "[1, 2]"),
        ("a.map", "{a: 'x'}"),
        ("a[\"quoted key\"]", "1"),
        ("a.empty", "\"\""),
    ] {
        let origin = configuration.get(&path(at)).unwrap().origin.clone();
        assert_eq!(
            &text[origin.offset..origin.offset + origin.length],
            expected,
            "{at}"
        );
    }
}

#[test]
fn keys_must_be_text_and_documents_single() {
    let errors =
        refused("name: shop\nconfig:\n  a: {1: x, true: y, [z]: 1}\n  b: {<<: {c: 1}, $join: [x]}\n");
    assert_eq!(errors.len(), 5, "{errors:?}");
    assert!(
        errors[0].contains("konductor.yaml:3:7: this key is a whole number, expected text"),
        "{errors:?}"
    );
    assert!(errors[3].contains("`<<`"), "{errors:?}");
    assert!(errors[4].contains("`$join` is reserved"), "{errors:?}");
    let errors = refused("name: shop\n---\nname: other\n");
    assert!(
        errors[0].contains("konductor.yaml:2:1: a second YAML document"),
        "{errors:?}"
    );
    assert!(refused("- a\n")[0].contains("expected a map, found a list"));
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut text = "name: shop\nconfig:\n  a0: &a0 {x: [1,1,1,1,1,1,1,1,1]}\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("  a{level}: &a{level} {{x: [{below}]}}\n"));
    }
    let errors = refused(&text);
    assert!(errors[0].contains("too many values"), "{errors:?}");
    let errors = refused("name: shop\nconfig: &a\n  b: *a\n");
    assert!(errors[0].contains("inside the value it names"), "{errors:?}");
}

#[test]
fn deep_nesting_and_large_files_are_refused() {
    let hopeless = format!("name: shop\nconfig: {{a: {}}}\n", "[".repeat(5000));
    assert_eq!(refused(&hopeless).len(), 1);
    let deep = format!(
        "name: shop\nconfig: {{a: {}1{}}}\n",
        "[".repeat(70),
        "]".repeat(70)
    );
    assert!(refused(&deep)[0].contains("more than 64 deep"));
    let alias = format!(
        "name: shop\nconfig:\n  a: {{x: &a {}1{}}}\n  b: {{x: {}*a{}}}\n",
        "[".repeat(40),
        "]".repeat(40),
        "[".repeat(40),
        "]".repeat(40)
    );
    assert!(refused(&alias)[0].contains("more than 64 deep"));
    let large = format!("name: shop\n#{}\n", " ".repeat(konductor_config::yaml::MAX_BYTES));
    assert!(refused(&large)[0].contains("too large"));
}

#[test]
fn aliases_tags_and_numbers_mean_what_yaml_says() {
    let configuration = project(
        "name: shop\nconfig:\n  a:\n    base: &base {x: 1}\n    again: *base\n    text: !!str 12\n    bytes: !!binary aGk=\n    hex: 0x10\n    whole: 2.0\n    half: .5\n    yes: yes\n    date: 2026-11-20\n",
    );
    assert_eq!(
        format!(
            "{:?}",
            konductor_model::Value::from([("a", configuration.effective().attribute("a").cloned().unwrap())])
        ),
        r#"{"a": {"again": {"x": 1}, "base": {"x": 1}, "bytes": <2 bytes>, "date": "2026-11-20", "half": 0.5, "hex": 16, "text": "12", "whole": 2, "yes": "yes"}}"#
    );
    let errors = refused("name: shop\nconfig:\n  a: {x: !mine 1, y: !!int z, z: .inf, w: !!seq {}}\n");
    assert_eq!(errors.len(), 4, "{errors:?}");
}

#[test]
fn lost_leading_zeros_are_a_warning() {
    let configuration = project("name: shop\nconfig:\n  aws: {account: 012345678901}\n");
    let text = configuration.warnings().to_string();
    assert!(text.contains("konductor.yaml:3:18"), "{text}");
    assert!(text.contains("leading zeros"), "{text}");
}

#[test]
fn the_project_file_is_taken_apart() {
    let configuration = project(
        "name: shop\ndescription: A shop\norganization: acme\nplugins:\n  aws: ^1.2\n  azure: ./azure.wasm\n  gcp: {source: \"oci://r/gcp\", version: 1.4}\n  null_plugin:\n",
    );
    assert_eq!(configuration.project_name(), "shop");
    assert_eq!(configuration.organization(), Some("acme"));
    let plugins: Vec<_> = configuration
        .plugins()
        .iter()
        .map(|p| {
            (
                p.name.as_str(),
                p.source.as_deref(),
                p.version.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    assert_eq!(
        plugins,
        [
            ("aws", None, Some("^1.2".to_owned())),
            ("azure", Some("./azure.wasm"), None),
            ("gcp", Some("oci://r/gcp"), Some("^1.4".to_owned())),
            ("null_plugin", None, None),
        ]
    );
    assert_eq!(
        configuration.plugins()[1].origin.to_string(),
        "konductor.yaml:6:3"
    );
    assert!(
        configuration
            .source("konductor.yaml")
            .unwrap()
            .starts_with("name")
    );
    assert!(refused("description: x\n")[0].contains("the project has no name"));
}

#[test]
fn a_byte_order_mark_and_carriage_returns_do_not_shift_places() {
    let configuration = project("\u{feff}name: shop\r\nconfig:\r\n  aws: {region: x}\r\n");
    let origin = configuration.get(&path("aws.region")).unwrap().origin.clone();
    let source = configuration.source("konductor.yaml").unwrap();
    assert_eq!(&source[origin.offset..origin.offset + origin.length], "x");
    assert_eq!((origin.line, origin.column), (3, 17));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "([a-z{}\\[\\]:,&*!|>#'\"\\-? \n\té$]){0,60}") {
        let _ = load(Given { project: &text, stack: &text, ..Given::default() });
    }
}
