use konductor_config::edit::{read_value, set, unset};
use konductor_model::Value;
use proptest::prelude::*;

use crate::path;

const TEXT: &str = "# head\nname: shop\n\nconfig:\n  # where\n  aws:\n    region: us-east-1  # for now\n    tags: {a: 1, b: \"two\"}\n    vpc:\n      cidr: 10.0.0.0/16\n      # tail of vpc\n    none:\n    text: |\n      one\n      two\n  other: {}\n# end\n";

fn changed(at: &str, value: &str) -> String {
    set("f.yaml", TEXT, &path(at), &read_value(value)).unwrap_or_else(|d| panic!("{at}: {d}"))
}

fn replaced(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "{from}");
    TEXT.replacen(from, to, 1)
}

#[test]
fn setting_changes_one_value_and_keeps_everything_else() {
    assert_eq!(
        changed("config.aws.region", "us-west-2"),
        replaced("us-east-1", "us-west-2")
    );
    assert_eq!(
        changed("config.aws.tags.b", "x y"),
        replaced("\"two\"", "\"x y\"")
    );
    assert_eq!(
        changed("config.aws.tags.c", "3"),
        replaced("\"two\"", "\"two\", c: 3")
    );
    assert_eq!(
        changed("config.aws.tags.c.d", "3"),
        replaced("\"two\"", "\"two\", c: {d: 3}")
    );
    assert_eq!(
        changed("config.aws.none", "[1,\"a\"]"),
        replaced("none:", "none: [1, a]")
    );
    assert_eq!(
        changed("config.aws.none.x", "1"),
        replaced("none:", "none:\n      x: 1")
    );
    assert_eq!(
        changed("config.aws.vpc.dns", "true"),
        replaced("10.0.0.0/16", "10.0.0.0/16\n      dns: true")
    );
    assert_eq!(
        changed("config.aws.text", "short"),
        replaced("text: |\n      one\n      two", "text: short")
    );
    assert_eq!(
        changed("config.other.a", "\"1\""),
        replaced("other: {}", "other: {a: \"1\"}")
    );
    assert_eq!(
        changed("config.new.deep", "1"),
        replaced("other: {}", "other: {}\n  new:\n    deep: 1")
    );
    assert_eq!(
        changed("config.aws.added", "null"),
        replaced("      two\n", "      two\n    added: null\n")
    );
    assert_eq!(
        changed("config.aws.vpc", "x"),
        replaced("vpc:\n      cidr: 10.0.0.0/16", "vpc: x")
    );
}

#[test]
fn an_empty_file_takes_its_first_setting() {
    let value = read_value("us-west-2");
    let at = path("config.aws.region");
    let expected = "config:\n  aws:\n    region: us-west-2\n";
    assert_eq!(set("f", "", &at, &value).unwrap(), expected);
    assert_eq!(
        set("f", "# note", &at, &value).unwrap(),
        format!("# note\n{expected}")
    );
    assert_eq!(
        set("f", "a: 1\r\nb: 2\r\n", &path("c"), &value).unwrap(),
        "a: 1\r\nb: 2\r\nc: us-west-2\r\n"
    );
    assert_eq!(
        set("f", "a: 1", &path("c"), &value).unwrap(),
        "a: 1\nc: us-west-2"
    );
}

#[test]
fn the_long_spelling_of_a_namespace_is_kept() {
    let text = "config:\n  provider:aws:\n    region: a\n";
    assert_eq!(
        set("f", text, &path("config.aws.region"), &"b".into()).unwrap(),
        "config:\n  provider:aws:\n    region: b\n"
    );
}

#[test]
fn unsetting_removes_the_entry_alone() {
    let removed = |at: &str| unset("f.yaml", TEXT, &path(at)).unwrap_or_else(|d| panic!("{at}: {d}"));
    assert_eq!(
        removed("config.aws.region"),
        replaced("    region: us-east-1  # for now\n", "")
    );
    assert_eq!(removed("config.aws.tags.a"), replaced("a: 1, ", ""));
    assert_eq!(removed("config.aws.tags.b"), replaced(", b: \"two\"", ""));
    assert_eq!(
        removed("config.aws.text"),
        replaced("    text: |\n      one\n      two\n", "")
    );
    assert_eq!(removed("config.aws.none"), replaced("    none:\n", ""));
    assert_eq!(
        removed("config.aws.vpc.cidr"),
        replaced("vpc:\n      cidr: 10.0.0.0/16", "vpc: {}")
    );
    let error = unset("f.yaml", TEXT, &path("config.aws.nothing")).unwrap_err();
    assert!(error.to_string().contains("does not set `config.aws.nothing`"));
}

#[test]
fn what_cannot_be_changed_alone_is_refused() {
    let text = "base: &b {x: 1}\nuse: *b\nscalar: 1\nlist:\n  - name: a\n    v: 1\n";
    for at in ["use.x", "use.y", "scalar.x", "base.x"] {
        let error = set("f", text, &path(at), &"SECRET".into()).unwrap_err();
        assert!(error.0[0].origin.is_some(), "{error}");
        assert!(!error.to_string().contains("SECRET"));
    }
    assert!(set("f", "a: [", &path("b"), &1.into()).is_err());
    assert_eq!(
        set("f", text, &path("list[0].v"), &2.into()).unwrap(),
        text.replace("v: 1", "v: 2")
    );
}

proptest! {
    #[test]
    fn any_text_is_set_and_read_back(text in "\\PC{0,12}|[ -~]{0,12}") {
        let new = set("f", TEXT, &path("config.aws.region"), &Value::Text(text.clone())).unwrap();
        prop_assert!(new.ends_with("# end\n") && new.contains("  # for now\n"));
        let again = set("f", &new, &path("config.aws.region"), &"us-east-1".into()).unwrap();
        prop_assert_eq!(again, TEXT);
    }
}
