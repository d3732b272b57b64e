use std::collections::BTreeSet;

use konductor_config::grant_edit::{add_to_grant, set_grant};
use konductor_config::{GrantSetting, PluginRequirement};
use konductor_model::grant::EndpointAllowance;
use konductor_model::{PluginGrant, RateLimit};
use proptest::prelude::*;

use crate::{path, project, refused};

fn only(text: &str) -> PluginRequirement {
    let configuration = project(text);
    let [plugin] = configuration.plugins() else {
        panic!("one plugin expected");
    };
    plugin.clone()
}

fn granted(text: &str) -> PluginGrant {
    match only(text).grant.unwrap().grant {
        GrantSetting::Limited(grant) => grant,
        GrantSetting::Requested => panic!("requested"),
    }
}

fn items(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

const GRANTED: &str = "name: shop
plugins:
  aws:  # the big one
    version: ^2
    grant:
      endpoints:
        ec2:
        s3: {regions: [\"*\"], methods: [GET, PUT], accounts: [\"012345678901\"], resource_prefixes: [corp-]}
        sts: {token_operations: [AssumeRole]}
      credentials: [aws]
      # asked for by the web team
      reveal:
        - aws:ec2:Instance.user_data
      metadata: [owner]
      configuration: [aws]
      declares: [kit]
";

fn full_grant() -> PluginGrant {
    PluginGrant {
        endpoints: [
            ("ec2".to_owned(), EndpointAllowance::default()),
            (
                "s3".to_owned(),
                EndpointAllowance {
                    regions: items(&["*"]),
                    methods: items(&["GET", "PUT"]),
                    accounts: items(&["012345678901"]),
                    resource_prefixes: items(&["corp-"]),
                    ..EndpointAllowance::default()
                },
            ),
            (
                "sts".to_owned(),
                EndpointAllowance {
                    token_operations: items(&["AssumeRole"]),
                    ..EndpointAllowance::default()
                },
            ),
        ]
        .into(),
        credentials: items(&["aws"]),
        reveal: items(&["aws:ec2:Instance.user_data"]),
        metadata: items(&["owner"]),
        configuration: items(&["aws"]),
        declares: items(&["kit"]),
    }
}

#[test]
fn a_grant_is_read_whole_and_keeps_its_place() {
    assert_eq!(granted(GRANTED), full_grant());
    let plugin = only(GRANTED);
    assert_eq!(plugin.grant.unwrap().origin.to_string(), "konductor.yaml:6:7");
    let requested = only("name: shop\nplugins: {aws: {grant: requested}}\n");
    assert_eq!(requested.grant.unwrap().grant, GrantSetting::Requested);
    assert_eq!(only("name: shop\nplugins: {aws: ^1}\n").grant, None);
}

#[test]
fn an_empty_grant_is_a_grant_of_nothing() {
    assert_eq!(
        granted("name: shop\nplugins: {aws: {grant: {}}}\n"),
        PluginGrant::default()
    );
}

#[test]
fn a_plugin_can_be_asked_for_under_another_name() {
    let configuration = project(
        "name: shop\nplugins:\n  aws: ^2\n  aws-legacy: {plugin: aws, version: ^1, source: ./old.wasm}\n",
    );
    let names: Vec<_> = configuration
        .plugins()
        .iter()
        .map(|plugin| (plugin.name.as_str(), plugin.plugin.as_str()))
        .collect();
    assert_eq!(names, [("aws", "aws"), ("aws-legacy", "aws")]);
    assert_eq!(configuration.plugin_of("aws-legacy"), "aws");
    assert_eq!(configuration.plugin_of("gcp"), "gcp");
}

#[test]
fn everything_wrong_with_grants_is_said_at_once_and_at_its_place() {
    let text = "name: shop
plugins:
  aws:
    plugin: \"a/b\"
    grant:
      endpoint: {}
      endpoints:
        \"e c\": {}
        ec2: [GET]
        s3:
          region: [x]
          methods: [get, TRACE]
          accounts: [123456789012, \"${aws.account}\"]
          resource_prefixes: []
          regions: eu-west-1
      credentials: {a: 1}
      reveal: [user_data, aws:ec2:Instance, a:b:C.d e]
      metadata: [\"\"]
      configuration:
  gcp: {grant: all}
  ../up: ^1
  project: ^1
";
    assert_eq!(
        refused(text),
        [
            "error: konductor.yaml:4:13: plugins.aws.plugin: `a/b` is not the plugin's own name: expected letters, digits, `_` and `-`, starting with a letter",
            "error: konductor.yaml:6:7: plugins.aws.grant.endpoint: `endpoint` is not a key of a grant; did you mean `endpoints`?",
            "error: konductor.yaml:8:9: plugins.aws.grant.endpoints[\"e c\"]: `e c` is not the identifier of an endpoint: it contains ' '",
            "error: konductor.yaml:9:14: plugins.aws.grant.endpoints.ec2: expected a map such as `{regions: [eu-west-1]}`, found a list",
            "error: konductor.yaml:11:11: plugins.aws.grant.endpoints.s3.region: `region` is not a key of an endpoint's grant; did you mean `regions`?",
            "error: konductor.yaml:12:21: plugins.aws.grant.endpoints.s3.methods[0]: `get` is not a method: did you mean `GET`?",
            "error: konductor.yaml:12:26: plugins.aws.grant.endpoints.s3.methods[1]: `TRACE` is not a method: known here: `GET`, `HEAD`, `OPTIONS`, `POST`, `PUT`, `PATCH`, `DELETE`",
            "error: konductor.yaml:13:22: plugins.aws.grant.endpoints.s3.accounts[0]: expected an account in quotes, found a whole number; write it in quotes",
            "error: konductor.yaml:13:36: plugins.aws.grant.endpoints.s3.accounts[1]: `${aws.account}` is not an account in quotes: it contains '$'",
            "error: konductor.yaml:14:30: plugins.aws.grant.endpoints.s3.resource_prefixes: an empty list would restrict nothing; leave the key out to allow all, or leave the endpoint out to allow none",
            "error: konductor.yaml:15:20: plugins.aws.grant.endpoints.s3.regions: expected a list, each element a region or \"*\", found text",
            "error: konductor.yaml:16:20: plugins.aws.grant.credentials: expected a list, each element the name of a module, found a map",
            "error: konductor.yaml:17:16: plugins.aws.grant.reveal[0]: `user_data` is not a type and an attribute such as `aws:ec2:Instance.user_data`: there is no `.` between type and attribute",
            "error: konductor.yaml:17:27: plugins.aws.grant.reveal[1]: `aws:ec2:Instance` is not a type and an attribute such as `aws:ec2:Instance.user_data`: there is no `.` between type and attribute",
            "error: konductor.yaml:17:45: plugins.aws.grant.reveal[2]: `a:b:C.d e` is not a type and an attribute such as `aws:ec2:Instance.user_data`: `d e` is not an attribute",
            "error: konductor.yaml:18:18: plugins.aws.grant.metadata[0]: `` is not the name of a metadata field: expected letters, digits, `_` and `-`, starting with a letter",
            "error: konductor.yaml:19:7: plugins.aws.grant.configuration: expected a list, each element the name of a module, found null",
            "error: konductor.yaml:20:16: plugins.gcp.grant: expected `requested` or a map of what is granted, found text; `konductor plugin inspect` shows what the plugin asks for",
            "error: konductor.yaml:21:3: `../up` cannot be the name of a plugin (expected letters, digits, `_` and `-`, starting with a letter, and no namespace of Konductor's own)",
            "error: konductor.yaml:22:3: `project` cannot be the name of a plugin (expected letters, digits, `_` and `-`, starting with a letter, and no namespace of Konductor's own)",
        ]
    );
}

#[test]
fn a_grant_is_written_as_lines_and_the_comments_stay() {
    let text = "name: shop\nplugins:\n  # why\n  aws: ^2  # the big one\n  gcp: {version: ^1}\nconfig: {}\n";
    let written = set_grant("f", text, "aws", &full_grant()).unwrap();
    assert_eq!(
        written,
        "name: shop
plugins:
  # why
  aws:  # the big one
    version: \"^2\"
    grant:
      endpoints:
        ec2: {}
        s3: {accounts: [\"012345678901\"], methods: [GET, PUT], regions: [\"*\"], resource_prefixes: [\"corp-\"]}
        sts: {token_operations: [AssumeRole]}
      credentials: [aws]
      reveal: [\"aws:ec2:Instance.user_data\"]
      metadata: [owner]
      configuration: [aws]
      declares: [kit]
  gcp: {version: ^1}
config: {}
"
        .replace("\"corp-\"", "corp-")
    );
    let narrower = PluginGrant {
        credentials: items(&["aws"]),
        ..PluginGrant::default()
    };
    let again = set_grant("f", &written, "aws", &narrower).unwrap();
    assert_eq!(
        again,
        "name: shop\nplugins:\n  # why\n  aws:  # the big one\n    version: \"^2\"\n    grant:\n      credentials: [aws]\n  gcp: {version: ^1}\nconfig: {}\n"
    );
}

#[test]
fn one_thing_is_added_to_a_grant_and_a_second_time_changes_nothing() {
    let add = |text: &str, place: &str, item: &str| {
        add_to_grant("f", text, "aws", &path(place), item).unwrap_or_else(|d| panic!("{d}"))
    };
    let region = add(GRANTED, "endpoints.ec2.regions", "eu-west-1");
    assert_eq!(
        region,
        GRANTED.replace("ec2:\n", "ec2:\n          regions: [eu-west-1]\n")
    );
    let revealed = add(GRANTED, "reveal", "aws:rds:Instance.password");
    assert_eq!(
        revealed,
        GRANTED.replace(
            "user_data\n",
            "user_data\n        - \"aws:rds:Instance.password\"\n"
        )
    );
    let method = add(GRANTED, "endpoints.s3.methods", "HEAD");
    assert_eq!(method, GRANTED.replace("[GET, PUT]", "[GET, PUT, HEAD]"));
    assert_eq!(add(&method, "endpoints.s3.methods", "HEAD"), method);
    let endpoint = add(GRANTED, "endpoints.iam", "");
    assert_eq!(
        endpoint,
        GRANTED.replace("AssumeRole]}\n", "AssumeRole]}\n        iam: {}\n")
    );
    assert_eq!(add(GRANTED, "endpoints.ec2", ""), GRANTED);
    assert_eq!(
        add("name: shop\n", "credentials", "aws"),
        "name: shop\nplugins:\n  aws:\n    grant:\n      credentials: [aws]\n"
    );
}

#[test]
fn nothing_is_added_to_the_word_requested() {
    let text = "plugins:\n  aws:\n    grant: requested\n";
    let error = add_to_grant("f", text, "aws", &path("reveal"), "a:b:C.d").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("error: f:3:12: the grant of `aws` is no map"),
        "{error}"
    );
}

fn some_items() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set("[a-z][a-z0-9-]{0,5}", 0..3)
}

proptest! {
    #[test]
    fn what_is_written_as_a_grant_is_read_as_the_same_grant(
        ids in proptest::collection::btree_set("[a-z][a-z0-9]{0,5}", 0..3),
        regions in some_items(),
        accounts in proptest::collection::btree_set("[0-9]{1,12}", 0..3),
        credentials in some_items(),
        before in prop_oneof![
            Just("name: shop\n"),
            Just("name: shop\nplugins:\n  aws: ./x.wasm\n"),
            Just("name: shop\nplugins: {aws: {grant: requested}}\n"),
            Just(GRANTED),
        ],
    ) {
        let allowance = EndpointAllowance { regions, accounts, ..EndpointAllowance::default() };
        let grant = PluginGrant {
            endpoints: ids.into_iter().map(|id| (id, allowance.clone())).collect(),
            credentials,
            ..PluginGrant::default()
        };
        let written = set_grant("f", before, "aws", &grant).unwrap();
        prop_assert_eq!(granted(&written), grant);
    }
}

#[test]
fn a_rate_limit_is_read_and_a_burst_is_a_second_s_requests_unless_it_is_said() {
    let limit =
        |text: &str| only(&format!("name: shop\nplugins:\n  aws: {{rate_limit: {text}}}\n")).rate_limit;
    let of = |requests_per_second, burst| {
        Some(RateLimit {
            requests_per_second,
            burst,
        })
    };
    assert_eq!(limit("{requests_per_second: 20, burst: 100}"), of(20, 100));
    assert_eq!(limit("{requests_per_second: 20}"), of(20, 20));
    assert_eq!(only("name: shop\nplugins:\n  aws: ^1\n").rate_limit, None);
}

#[test]
fn everything_wrong_with_rate_limits_is_said_at_once() {
    let text = "name: shop
plugins:
  aws: {rate_limit: 20}
  gcp: {rate_limit: {burst: 0, per_second: 3}}
  azure: {rate_limit: {requests_per_second: 2.5}}
";
    assert_eq!(
        refused(text),
        [
            "error: konductor.yaml:3:21: plugins.aws.rate_limit: expected a map such as `{requests_per_second: 20, burst: 100}`, found a whole number",
            "error: konductor.yaml:4:21: plugins.gcp.rate_limit: a rate limit needs `requests_per_second`",
            "error: konductor.yaml:4:29: plugins.gcp.rate_limit.burst: expected a whole number from 1 to 1000000, found 0",
            "error: konductor.yaml:4:32: plugins.gcp.rate_limit.per_second: `per_second` is not a key of a rate limit; known here: `requests_per_second`, `burst`",
            "error: konductor.yaml:5:45: plugins.azure.rate_limit.requests_per_second: expected a whole number from 1 to 1000000, found a number",
        ]
    );
}
