//! What the plugin finds, by the conventions that policies elsewhere are written to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that tests share"
)]

use konductor_plugin_policy::Policy;
use konductor_sdk_compliance::CompliancePlugin as _;
use serde_json::{Value, json};

fn ask(task: &str, package: Value, input: Value) -> Value {
    let request = json!({ "format": 1, "task": task, "packages": [package], "input": input });
    let mut answer = Policy::evaluate(request).unwrap();
    answer["packages"][0].take()
}

fn package(text: &str) -> Value {
    json!({ "name": "p", "files": [{ "path": "p.rego", "text": text }] })
}

fn evaluate(text: &str, input: Value) -> Value {
    ask("evaluate", package(text), input)
}

fn messages(answer: &Value) -> Vec<String> {
    assert!(answer.get("problems").is_none(), "{answer:#}");
    let found = answer["findings"].as_array().cloned().unwrap_or_default();
    let message = |finding: &Value| {
        let kind = match (finding["excepted"].as_bool(), finding["warning"].as_bool()) {
            (Some(true), _) => "excepted ",
            (_, Some(true)) => "warning ",
            _ => "",
        };
        format!("{kind}{}", finding["message"].as_str().unwrap())
    };
    found.iter().map(message).collect()
}

fn problems(answer: &Value) -> Vec<String> {
    let found = answer["problems"].as_array().cloned().unwrap_or_default();
    found
        .iter()
        .map(|problem| {
            format!(
                "{}:{}:{}: {}",
                problem["path"].as_str().unwrap_or_default(),
                problem["line"].as_u64().unwrap_or_default(),
                problem["column"].as_u64().unwrap_or_default(),
                problem["message"].as_str().unwrap()
            )
        })
        .collect()
}

fn buckets() -> Value {
    json!({ "resource_changes": [
        { "address": "aws_s3_bucket.a", "type": "aws_s3_bucket", "change": { "actions": ["create"], "after": { "bucket": "a" } } },
        { "address": "aws_s3_bucket.b", "type": "aws_s3_bucket", "change": { "actions": ["create"], "after": { "bucket": "b", "tags": { "owner": "x" } } } },
        { "address": "aws_vpc.c", "type": "aws_vpc", "change": { "actions": ["delete"], "after": null } },
    ]})
}

#[test]
fn rules_in_rego_v1_find_what_is_wrong_with_a_plan() {
    let answer = evaluate(
        r#"package main

import rego.v1

buckets contains change if {
    some change in input.resource_changes
    change.type == "aws_s3_bucket"
    not "delete" in change.change.actions
}

deny contains msg if {
    some bucket in buckets
    not bucket.change.after.tags.owner
    msg := sprintf("%s has no owner", [bucket.address])
}

warn contains "something is deleted" if {
    some change in input.resource_changes
    "delete" in change.change.actions
}
"#,
        buckets(),
    );
    assert_eq!(
        messages(&answer),
        ["aws_s3_bucket.a has no owner", "warning something is deleted"]
    );
    assert_eq!(answer["rules"], json!(["data.main.deny", "data.main.warn"]));
}

#[test]
fn rules_in_rego_v0_do_the_same_where_the_package_says_v0() {
    let text = r#"package main

deny[msg] {
    bucket := input.resource_changes[_]
    bucket.type == "aws_s3_bucket"
    not bucket.change.after.tags.owner
    msg := sprintf("%s has no owner", [bucket.address])
}
"#;
    let mut v0 = package(text);
    v0["rego"] = json!("v0");
    assert_eq!(
        messages(&ask("evaluate", v0, buckets())),
        ["aws_s3_bucket.a has no owner"]
    );
    let refused = problems(&evaluate(text, buckets()));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with("p.rego:3:"), "{refused:?}");
}

#[test]
fn a_finding_may_be_an_object_and_keeps_its_other_members() {
    let answer = evaluate(
        "package main\n\nviolation contains {\"msg\": \"m\", \"control\": \"AC-2\", \"n\": 1} if input.a\n",
        json!({ "a": true }),
    );
    assert_eq!(messages(&answer), ["m"]);
    assert_eq!(
        answer["findings"][0]["details"],
        json!({ "control": "AC-2", "n": 1 })
    );
}

#[test]
fn a_rule_that_is_one_value_is_one_finding_and_false_is_none() {
    let answer = evaluate(
        "package main\n\ndeny := \"no\" if input.a\n\ndeny_flag if input.a\n\ndeny_off := false\n\ndenylist := [\"x\"]\n",
        json!({ "a": true }),
    );
    assert_eq!(messages(&answer), ["no", "`deny_flag` holds"]);
}

#[test]
fn an_exception_names_the_rules_that_do_not_count() {
    let answer = evaluate(
        r#"package main

deny_size contains "too large" if input.size > 1

deny_name contains "wrong name" if input.size > 1

exception contains rules if {
    input.size > 1
    rules := ["size"]
}
"#,
        json!({ "size": 2 }),
    );
    assert_eq!(messages(&answer), ["wrong name", "excepted too large"]);
}

#[test]
fn namespaces_choose_the_packages_of_rego_that_count() {
    let mut chosen = json!({ "name": "p", "namespaces": ["b"], "files": [
        { "path": "a.rego", "text": "package a\n\ndeny contains \"a\"\n" },
        { "path": "b.rego", "text": "package b\n\ndeny contains \"b\"\n" },
    ]});
    assert_eq!(messages(&ask("evaluate", chosen.clone(), Value::Null)), ["b"]);
    chosen["namespaces"].take();
    assert_eq!(messages(&ask("evaluate", chosen, Value::Null)), ["a", "b"]);
}

#[test]
fn data_of_a_package_is_below_data() {
    let mut with_data = package(
        "package main\n\ndeny contains region if {\n\tsome region in input.regions\n\tnot region in data.allowed.regions\n}\n",
    );
    with_data["data"] = json!({ "allowed": { "regions": ["eu-west-1"] } });
    let answer = ask(
        "evaluate",
        with_data,
        json!({ "regions": ["eu-west-1", "us-east-1"] }),
    );
    assert_eq!(messages(&answer), ["us-east-1"]);
}

#[test]
fn everything_that_is_wrong_with_the_files_is_said_at_once_with_its_place() {
    let answer = ask(
        "evaluate",
        json!({ "name": "p", "files": [
            { "path": "a.rego", "text": "package a\n\ndeny contains x if {\n" },
            { "path": "b.rego", "text": "package b\n\nx := ]\n" },
        ]}),
        Value::Null,
    );
    let found = problems(&answer);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("a.rego:"), "{found:?}");
    assert!(found[1].starts_with("b.rego:3:6: "), "{found:?}");
}

#[test]
fn what_is_used_and_not_there_is_a_problem_with_its_place() {
    let found = problems(&evaluate(
        "package main\n\ndeny contains msg if {\n\tmsg := http.send({\"url\": \"https://example.com\"})\n}\n",
        Value::Null,
    ));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("p.rego:4:"), "{found:?}");
}

#[test]
fn a_function_with_arguments_it_cannot_take_is_undefined_as_in_opa() {
    let answer = evaluate(
        "package main\n\ndeny contains \"number\" if to_number(input.a) > 1\n\ndeny contains \"other\" if not to_number(input.a)\n",
        json!({ "a": "no number" }),
    );
    assert_eq!(messages(&answer), ["other"]);
}

#[test]
fn regular_expressions_know_their_classes() {
    let answer = evaluate(
        "package main\n\ndeny contains \"match\" if regex.match(`^\\w+\\s\\d+$`, input.a)\n",
        json!({ "a": "abc 12" }),
    );
    assert_eq!(messages(&answer), ["match"]);
}

#[test]
fn a_package_with_many_instructions_comes_to_its_end() {
    let answer = evaluate(
        "package main\n\ndeny contains sprintf(\"%d\", [n]) if {\n\tn := count([x | some x in numbers.range(1, 100000); x % 2 == 0])\n}\n",
        Value::Null,
    );
    assert_eq!(messages(&answer), ["50000"]);
}

#[test]
fn a_request_of_another_format_is_refused() {
    let refused = Policy::evaluate(json!({ "format": 2, "task": "evaluate", "packages": [] })).unwrap_err();
    assert!(
        refused.message.contains("format 2, and this plugin reads 1"),
        "{refused}"
    );
}

const TESTED: &str = r#"package main

deny contains "open" if {
    input.acl == "public-read"
}

deny contains "large" if {
    input.size > 10
}
"#;

const TESTS: &str = r#"package main_test

import data.main

test_open_is_denied if {
    "open" in main.deny with input as {"acl": "public-read"}
}

test_that_fails if {
    print("looking at", input)
    "closed" in main.deny with input as {"acl": "private"}
}

todo_test_later if {
    false
}
"#;

fn tested() -> Value {
    json!({ "name": "p", "files": [
        { "path": "main.rego", "text": TESTED },
        { "path": "main_test.rego", "text": TESTS },
    ]})
}

#[test]
fn tests_are_run_and_told_with_their_places() {
    let answer = ask("test", tested(), Value::Null);
    let found: Vec<String> = answer["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| {
            let text = |member: &str| test[member].as_str().unwrap().to_owned();
            format!(
                "{} {}:{} {}",
                text("name"),
                text("path"),
                test["line"],
                text("result")
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "data.main_test.test_open_is_denied main_test.rego:5 passed",
            "data.main_test.test_that_fails main_test.rego:9 failed",
            "data.main_test.todo_test_later main_test.rego:14 skipped",
        ],
        "{answer:#}"
    );
    assert_eq!(
        answer["tests"][1]["prints"],
        json!(["main_test.rego:10: looking at <undefined>"]),
        "{answer:#}"
    );
}

#[test]
fn coverage_names_the_lines_that_no_test_reaches() {
    let answer = ask("test", tested(), Value::Null);
    let paths: Vec<&Value> = answer["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["path"])
        .collect();
    assert_eq!(paths, ["main.rego", "main_test.rego"]);
    let main = answer["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["path"] == "main.rego")
        .unwrap();
    assert!(main["covered"].as_array().unwrap().contains(&json!(4)), "{main}");
    // The second rule is looked at, and its head never reached.
    assert!(
        main["not_covered"].as_array().unwrap().contains(&json!(7)),
        "{main}"
    );
    let reached = answer["tests"][0]["reached"].as_array().unwrap();
    assert!(
        reached.iter().any(|file| file["path"] == "main.rego"),
        "{answer:#}"
    );
}

#[test]
fn a_file_that_no_test_touches_counts_as_not_reached() {
    let mut more = tested();
    more["files"].as_array_mut().unwrap().push(json!({
        "path": "other.rego", "text": "package other\n\ndeny contains \"x\" if {\n\tinput.never\n}\n"
    }));
    let answer = ask("test", more, Value::Null);
    let coverage = answer["coverage"].as_array().unwrap();
    let other = coverage.iter().find(|file| file["path"] == "other.rego").unwrap();
    assert_eq!(other["covered"], json!([]), "{other}");
    assert!(!other["not_covered"].as_array().unwrap().is_empty(), "{other}");
}

#[test]
fn functions_that_the_engine_lacks_answer_as_those_of_opa() {
    let answer = evaluate(
        r#"package main

import rego.v1

token := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.AQID"

deny contains crypto.sha256("a")
deny contains crypto.md5("a")
deny contains crypto.sha1("a")
deny contains crypto.hmac.sha256("a", "k")
deny contains sprintf("%v", [io.jwt.decode(token)])
deny contains sprintf("%v", [net.cidr_intersects("10.0.0.0/8", "10.1.0.0/16")])
deny contains sprintf("%v", [net.cidr_intersects("10.0.0.0/8", "11.1.0.0/16")])
deny contains sprintf("%v", [net.cidr_merge(["10.0.0.0/25", "10.0.0.128/25"])])
deny contains sprintf("%v", [object.subset(["a"], [])])
deny contains "never" if crypto.sha256(1)
deny contains "never" if net.cidr_intersects("ten", "11.1.0.0/16")
"#,
        json!({}),
    );
    assert_eq!(
        messages(&answer),
        [
            "0cc175b9c0f1b6a831c399e269772661",
            "78da91511e675587f5b9df78bedebaf5560da2abb88162ee875dcdf744951d9e",
            "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
            "[{\"alg\": \"HS256\"}, {\"sub\": \"me\"}, \"010203\"]",
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
            "false",
            "true",
            "{\"10.0.0.0/24\"}",
        ]
    );
}

#[test]
fn functions_of_the_older_language_are_there_in_it_alone() {
    let text = "package main\n\ndeny[x] { re_match(\"a+\", \"caat\"); any([false, true]); all([true]); x := \"old\" }\n";
    let mut old = package(text);
    old["rego"] = json!("v0");
    assert_eq!(messages(&ask("evaluate", old, json!({}))), ["old"]);
    let new = text.replace("deny[x] {", "deny contains x if {");
    assert!(!problems(&evaluate(&new, json!({}))).is_empty());
}

#[test]
fn what_would_need_the_network_is_told() {
    let rule =
        "package main\n\nimport rego.v1\n\ndeny contains x if {\n x := http.send({\"url\": \"u\"}).body\n}\n";
    let told = problems(&evaluate(rule, json!({})));
    assert!(
        told.iter().any(|told| told.contains("has no network")),
        "{told:?}"
    );
}

#[test]
fn what_opa_reads_in_another_way_is_read_as_there() {
    let mut old = package(
        "package main\n\nall_of[x] { x = input.l[_] }\n\nimport data.main as own\n\npicked[x] {\n  x = all_of[x]\n} {\n  x := \"more\"\n}\n\ndeny[m] {\n  own.named(input, n)\n  input.yes\n  (1 + 1) == 2\n  m := sprintf(\"%s %v\", [n, picked])\n}\n\nnamed(i) = i.name\n",
    );
    old["rego"] = json!("v0");
    let answer = ask("evaluate", old, json!({ "l": ["a"], "yes": true, "name": "n" }));
    assert_eq!(messages(&answer), ["n {\"a\", \"more\"}"]);
}

#[test]
fn what_is_undefined_ends_a_body_also_where_nothing_asks_for_it() {
    let text = "package main\n\ndeny contains \"none\" if { x := input.none }\ndeny contains \"not\" if { x := input.none; not x.on }\ndeny contains \"there\" if { x := input.l; not x.on }\n";
    assert_eq!(messages(&evaluate(text, json!({ "l": false }))), ["there"]);
}

#[test]
fn a_condition_that_fails_behind_an_empty_comprehension_ends() {
    let text = "package main\n\ndeny contains \"never\" if { count([1 | input.none]) == 1 }\ndeny contains \"never\" if { x := {y | y := input.none; y > 1}; count(x) > 0 }\ndeny contains \"empty\" if { count([1 | input.none]) == 0 }\n";
    assert_eq!(messages(&evaluate(text, json!({}))), ["empty"]);
}

#[test]
fn a_message_says_which_values_it_has_no_place_for() {
    let text = "package main\n\ndeny contains sprintf(\"no place\", [input.name, 1, 1.5, [true]])\n";
    assert_eq!(
        messages(&evaluate(text, json!({ "name": "n" }))),
        ["no place%!(EXTRA string=n, int64=1, float64=1.5, string=[true])"]
    );
}
