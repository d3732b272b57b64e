use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use konductor_model::PluginGrant;
use konductor_model::Value;
use konductor_model::grant::EndpointAllowance;
use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::source::PluginSource;

fn policy(text: &str) -> SitePolicy {
    SitePolicy::parse(
        &format!("version: 1\n{text}"),
        "policy.yaml",
        Path::new("/etc/konductor"),
    )
    .unwrap()
}

fn problems(text: &str) -> Vec<String> {
    SitePolicy::parse(text, "policy.yaml", Path::new("/etc/konductor"))
        .unwrap_err()
        .to_string()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn source(text: &str) -> PluginSource {
    PluginSource::parse("aws", text, Path::new("/project")).unwrap()
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn what_is_wrong_with_a_package_from_elsewhere_is_said_with_its_place() {
    let found = problems(
        "version: 1
bundles: { unsigned: deny, signer: x }
packages:
  - { name: a, source: no/such/file.tar.gz }
  - { name: b, source: \"oci://registry.example/b\" }
  - { name: c, source: \"oci://registry.example/c:1\", directory: policies }
  - { name: d, directory: /, digest: \"sha256:00\" }
  - { name: e, source: \"oci://registry.example/e:1\", digest: \"sha256:00\" }
  - { name: f, source: \"oci://registry.example/f:1\", signers: [] }
  - { name: g }
  - { name: h, source: / }
  - { name: i, source: \"https://registry.example/i\" }
",
    );
    for expected in [
        "policy.yaml:2:22: `unsigned: deny` needs `signers`",
        "policy.yaml:2:28: `signer` is not known in `bundles`; there are sources, signers, unsigned",
        "policy.yaml:4:24: there is no file /etc/konductor/no/such/file.tar.gz",
        "policy.yaml:5:24: `oci://registry.example/b` is not a repository: which of its releases is meant?",
        "policy.yaml:6:24: a package has one of `directory`, `source` and `plugin`",
        "policy.yaml:7:38: `digest` says nothing of a package with `directory`",
        "policy.yaml:8:62: `00` is not a digest",
        "policy.yaml:9:63: `signers` names nobody",
        "policy.yaml:10:5: a package needs `directory`, such as `directory: policies/encryption`, `source`",
        "policy.yaml:11:24: there is no file /; it is a folder, which goes under `directory`",
        "policy.yaml:12:24: `https://registry.example/i` is not a repository: expected `oci://HOST/PATH:TAG`",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{expected}\nin {found:#?}"
        );
    }
    assert_eq!(found.len(), 11, "{found:#?}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_line_and_column() {
    let found = problems(
        "version: 2
plugins:
  source: [bundled]
  sources: bundled
  unlocked: no-way
  unsigned: deny
  minimum_versions: { aws: 1.4 }
  yanked: [ { plugin: aws } ]
grants:
  accounts: [123456789012]
  endpoints: [ { regions: [eu-west-1] } ]
cloud: { fips: yes-please }
audit: { retention: for-ever }
",
    );
    for expected in [
        "policy.yaml:1:10: this konductor reads policies of version 1, found `2`",
        "policy.yaml:3:3: `source` is not known in `plugins`; there are sources,",
        "policy.yaml:4:12: expected a list for `sources`, found `bundled`",
        "policy.yaml:5:13: expected `allow` or `deny` for `unlocked`, found `no-way`",
        "policy.yaml:6:13: `unsigned: deny` needs `signers`",
        "policy.yaml:7:28: expected a version such as 1.4.0 for plugin `aws`, found `1.4`",
        "policy.yaml:8:13: a yanked release needs `version` or `digest`",
        "policy.yaml:10:14: expected text for `accounts`, found `123456789012`; put it in quotes",
        "policy.yaml:11:16: an endpoint needs a `service`",
        "policy.yaml:13:21: `for-ever` is no time to keep something",
        "policy.yaml:12:16: expected `required` or `optional` for `fips`, found `yes-please`",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{expected} in {found:#?}"
        );
    }
    assert_eq!(found.len(), 11, "{found:#?}");
}

#[test]
fn text_that_is_no_policy_is_refused_with_its_place() {
    for text in [
        "version: [",
        "version: 1\nversion: 1\n",
        "- 1",
        "just text",
        "",
        "a: &a [*a]",
        "version: 1\nplugins: 5",
    ] {
        let found = problems(text);
        assert!(
            found.iter().all(|line| line.starts_with("policy.yaml:")),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_missing_file_and_missing_keys_are_refused_with_their_names() {
    let error = SitePolicy::read(Path::new("/no/such/policy.yaml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/no/such/policy.yaml"), "{error}");
    let found = problems(
        "version: 1
plugins:
  signers:
    - { name: one, keys: [none.pem], timestamp_authorities: [none.pem] }
    - { name: two, identity: \"https://*\", issuer: \"https://issuer.example\", trust_root: none.json }
    - { name: three, keys: [none.pem], issuer: x }
    - { name: four }
    - { keys: [] }
",
    )
    .join("\n");
    for expected in [
        "policy.yaml:4:27: cannot read /etc/konductor/none.pem",
        "policy.yaml:5:30: identity `https://*`",
        "policy.yaml:6:48: `issuer` does not go with signer `three`",
        "policy.yaml:7:7: signer `four` needs either `keys`",
        "policy.yaml:8:7: a signer needs a `name`",
    ] {
        assert!(found.contains(expected), "{expected} in {found}");
    }
    assert!(!found.contains("it has no key"), "{found}");
}

#[test]
fn a_policy_in_configuration_reads_as_one_in_a_file() {
    let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
    let map = |fields: &[(&str, Value)]| {
        Value::Map(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    };
    let value = map(&[
        (
            "plugins",
            map(&[("sources", list(&["bundled"])), ("local", "deny".into())]),
        ),
        ("grants", map(&[("acounts", list(&["1"]))])),
    ]);
    let place = |path: &konductor_model::Path| format!("konductor.yaml: policy.{path}");
    let error = SitePolicy::from_value(&value, Path::new("/project"), &place)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("konductor.yaml: policy.grants.acounts: `acounts` is not known"),
        "{error}"
    );

    let value = map(&[(
        "plugins",
        map(&[("sources", list(&["bundled"])), ("local", "deny".into())]),
    )]);
    let policies = Policies(vec![
        SitePolicy::from_value(&value, Path::new("/project"), &place).unwrap(),
    ]);
    let refusals = policies.check_source("aws", &source("aws.wasm"));
    let shown: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert!(
        shown[0].contains("konductor.yaml: policy.plugins.sources"),
        "{shown:?}"
    );
    assert!(
        shown[1].contains("konductor.yaml: policy.plugins.local"),
        "{shown:?}"
    );
}

#[test]
fn a_refusal_names_the_rule_its_place_and_what_to_do() {
    let policies = Policies(vec![policy("plugins:\n  sources: [bundled]\n")]);
    let refusals = policies.check_source("aws", &source("oci://registry.example.com/aws"));
    assert_eq!(
        refusals[0].to_string(),
        "plugin `aws` may not come from `oci://registry.example.com/aws`; take it from an allowed source, or have \
         this one added to the policy (policy.yaml:3:12: `plugins.sources`)"
    );
}

#[test]
fn old_and_yanked_releases_are_refused_by_version_and_by_digest() {
    let digest = Digest::of(b"bad");
    let policies = Policies(vec![policy(&format!(
        "plugins:
  minimum_versions: {{ aws: 1.4.0 }}
  yanked:
    - {{ plugin: aws, version: 1.5.0, digest: \"{digest}\", reason: leaks tags }}
"
    ))]);
    let refused = |name: &str, version: Option<&str>, bytes: &[u8]| {
        let version = version.map(|version| semver::Version::parse(version).unwrap());
        policies
            .check_release(name, version.as_ref(), &Digest::of(bytes))
            .len()
    };
    assert_eq!(refused("aws", Some("1.4.0"), b"good"), 0);
    assert_eq!(refused("aws", Some("1.3.9"), b"good"), 1);
    assert_eq!(refused("aws", Some("1.4.0-rc.1"), b"good"), 1);
    assert_eq!(refused("aws", None, b"good"), 1);
    assert_eq!(refused("aws", Some("1.5.0"), b"good"), 1);
    assert_eq!(refused("aws", Some("1.6.0"), b"bad"), 1);
    assert_eq!(refused("aws", Some("1.3.0"), b"bad"), 2);
    assert_eq!(refused("azure", Some("1.0.0"), b"bad"), 0);
}

#[test]
fn words_of_several_policies_add_up_to_the_strictest() {
    let open = policy("");
    let strict = policy(
        "plugins: { unlocked: deny }\ngrants: { requested: deny, accounts: [a, b] }\ncloud: { fips: required }\naudit: { retention: 7y }",
    );
    let other = policy(
        "grants: { accounts: [b, c] }\ncloud: { fips: optional }\nplugins: { unlocked: allow }\naudit: { retention: 90d }",
    );
    let none = Policies(vec![open.clone()]);
    assert!(
        none.locked_required().is_none()
            && none.requested_denied().is_none()
            && none.fips_required().is_none()
    );
    assert_eq!(none.allowed_accounts(), None);
    for policies in [
        vec![open.clone(), strict.clone(), other.clone()],
        vec![other, strict, open],
    ] {
        let policies = Policies(policies);
        assert!(policies.locked_required().is_some() && policies.requested_denied().is_some());
        assert!(policies.fips_required().is_some());
        let (least, _) = policies.least_retention().unwrap();
        assert_eq!(least.to_string(), "7y");
        assert_eq!(policies.allowed_accounts(), Some(set(&["b"])));
    }
}

#[test]
fn a_grant_is_narrowed_and_every_piece_taken_away_is_told() {
    let policies = Policies(vec![policy(
        "grants:
  endpoints: [ { service: ec2, regions: [\"eu-*\"], methods: [GET] }, { service: \"s3*\" } ]
  accounts: [\"1\", \"2\"]
  reveal: deny
  token_operations: deny
",
    )]);
    let allowance = EndpointAllowance {
        regions: set(&["*", "eu-west-1", "us-east-1"]),
        methods: set(&["GET", "POST"]),
        accounts: set(&["2", "3"]),
        token_operations: set(&["AssumeRole"]),
        ..EndpointAllowance::default()
    };
    let grant = PluginGrant {
        endpoints: BTreeMap::from([
            ("compute".to_owned(), allowance),
            ("s3".to_owned(), EndpointAllowance::default()),
            ("iam".to_owned(), EndpointAllowance::default()),
        ]),
        reveal: set(&["aws:ec2:Instance.user_data"]),
        ..PluginGrant::default()
    };
    let services = BTreeMap::from([("compute".to_owned(), "ec2".to_owned())]);
    let (limited, refusals) = policies.limit_grant("aws", &grant, &services);
    let compute = &limited.endpoints["compute"];
    assert_eq!(compute.regions, set(&["eu-west-1"]));
    assert_eq!(compute.methods, set(&["GET"]));
    assert_eq!(compute.accounts, set(&["2"]));
    assert!(compute.token_operations.is_empty() && limited.reveal.is_empty());
    assert_eq!(limited.endpoints["s3"].accounts, set(&["1", "2"]));
    assert!(!limited.endpoints.contains_key("iam"));
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    for expected in [
        "`*`, `us-east-1`",
        "`POST`",
        "`3`",
        "`AssumeRole`",
        "user_data",
        "endpoint `iam`",
    ] {
        assert!(
            told.iter().any(|line| line.contains(expected)),
            "{expected} in {told:#?}"
        );
    }
    assert!(told.iter().all(|line| line.contains("policy.yaml:")), "{told:#?}");
}

#[test]
fn nothing_in_common_leaves_no_endpoint_rather_than_everything() {
    let policies = Policies(vec![
        policy("grants: { endpoints: [ { service: ec2, methods: [GET] } ], accounts: [\"1\"] }"),
        policy("grants: { endpoints: [ { service: ec2, methods: [POST] } ] }"),
    ]);
    let grant = PluginGrant {
        endpoints: BTreeMap::from([("ec2".to_owned(), EndpointAllowance::default())]),
        ..PluginGrant::default()
    };
    assert!(
        policies
            .limit_grant("aws", &grant, &BTreeMap::new())
            .0
            .endpoints
            .is_empty()
    );
}

#[test]
fn the_configured_region_is_checked_as_well() {
    let policies = Policies(vec![policy(
        "grants: { endpoints: [ { service: ec2, regions: [\"eu-*\"] } ] }",
    )]);
    assert!(policies.check_region("ec2", "eu-west-1").is_empty());
    assert_eq!(policies.check_region("ec2", "us-east-1").len(), 1);
    assert_eq!(policies.check_region("s3", "eu-west-1").len(), 1);
    assert!(Policies::default().check_region("ec2", "us-east-1").is_empty());
}

/// Some policy without signers, as text.
fn some_policy() -> impl Strategy<Value = String> {
    let word = || prop::sample::select(vec!["", "allow", "deny"]);
    let line = |name: &'static str, word: &str| {
        if word.is_empty() {
            String::new()
        } else {
            format!("  {name}: {word}\n")
        }
    };
    let sources = prop::sample::select(vec![
        "",
        "[]",
        "[bundled]",
        "[\"oci://registry.example.com/*\"]",
        "[bundled, \"mirror:/srv/no-such/*\", /opt/no-such]",
    ]);
    let minimum = prop::sample::select(vec!["", "{ aws: 1.0.0 }", "{ aws: 2.0.0, azure: 9.9.9 }"]);
    let yanked = prop::sample::select(vec!["", "[ { plugin: aws, version: 1.2.0 } ]"]);
    let endpoints = prop::sample::select(vec![
        "",
        "[]",
        "[ { service: a, regions: [\"r*\"] } ]",
        "[ { service: \"*\", regions: [r1, r2], methods: [GET] } ]",
        "[ { service: b, methods: [POST] }, { service: \"*\", regions: [\"*\"] } ]",
    ]);
    let accounts = prop::sample::select(vec!["", "[]", "[x]", "[x, z]"]);
    let plugins = (sources, word(), word(), minimum, yanked);
    let grants = (endpoints, accounts, word(), word(), word());
    (
        plugins,
        grants,
        prop::sample::select(vec!["", "required", "optional"]),
    )
        .prop_map(move |(plugins, grants, fips)| {
            format!(
                "plugins:\n{}{}{}{}{}grants:\n{}{}{}{}{}cloud:\n{}",
                line("sources", plugins.0),
                line("unlocked", plugins.1),
                line("local", plugins.2),
                line("minimum_versions", plugins.3),
                line("yanked", plugins.4),
                line("endpoints", grants.0),
                line("accounts", grants.1),
                line("reveal", grants.2),
                line("token_operations", grants.3),
                line("requested", grants.4),
                line("fips", fips),
            )
        })
}

fn some_policies() -> impl Strategy<Value = Vec<SitePolicy>> {
    proptest::collection::vec(some_policy().prop_map(|text| policy(&text)), 0..3)
}

fn some_grant() -> impl Strategy<Value = PluginGrant> {
    let subset = |items: &'static [&'static str]| {
        prop::sample::subsequence(items.to_vec(), 0..=items.len()).prop_map(|items| set(&items))
    };
    let regions = prop_oneof![Just(set(&["*"])), subset(&["r1", "r2", "q1"])];
    let allowance = (
        regions,
        subset(&["GET", "POST"]),
        subset(&["x", "z", "w"]),
        subset(&["T"]),
    )
        .prop_map(
            |(regions, methods, accounts, token_operations)| EndpointAllowance {
                regions,
                methods,
                accounts,
                token_operations,
                ..EndpointAllowance::default()
            },
        );
    let endpoints = proptest::collection::btree_map("[abc]", allowance, 0..3);
    (endpoints, subset(&["s"])).prop_map(|(endpoints, reveal)| PluginGrant {
        endpoints,
        reveal,
        ..PluginGrant::default()
    })
}

proptest! {
    #[test]
    fn adding_a_policy_never_allows_more(
        some in some_policies(),
        more in some_policy(),
        grant in some_grant(),
        at in 0_usize..3,
    ) {
        let before = Policies(some.clone());
        let mut after = some;
        after.insert(at.min(after.len()), policy(&more));
        let after = Policies(after);

        let services = BTreeMap::new();
        let (wide, _) = before.limit_grant("aws", &grant, &services);
        let (narrow, _) = after.limit_grant("aws", &grant, &services);
        prop_assert_eq!(&narrow.intersection(&wide), &narrow);
        prop_assert_eq!(&wide.intersection(&grant), &wide);

        for text in ["bundled", "oci://registry.example.com/aws", "mirror:/srv/no-such/a", "/opt/no-such", "x.wasm"] {
            let source = source(text);
            prop_assert!(before.check_source("aws", &source).is_empty() || !after.check_source("aws", &source).is_empty());
        }
        for version in ["0.9.0", "1.2.0", "2.0.0"] {
            let version = semver::Version::parse(version).unwrap();
            let refused = |policies: &Policies| !policies.check_release("aws", Some(&version), &Digest::of(b"")).is_empty();
            prop_assert!(!refused(&before) || refused(&after));
        }
        for region in ["r1", "q1"] {
            prop_assert!(before.check_region("a", region).is_empty() || !after.check_region("a", region).is_empty());
        }
        prop_assert!(before.locked_required().is_none() || after.locked_required().is_some());
        prop_assert!(before.requested_denied().is_none() || after.requested_denied().is_some());
        prop_assert!(before.fips_required().is_none() || after.fips_required().is_some());
        if let Some(wide) = before.allowed_accounts() {
            prop_assert!(after.allowed_accounts().unwrap().is_subset(&wide));
        }
    }

    #[test]
    fn the_order_of_policies_makes_no_difference(mut policies in some_policies(), grant in some_grant()) {
        let (forward, _) = Policies(policies.clone()).limit_grant("aws", &grant, &BTreeMap::new());
        policies.reverse();
        let (backward, _) = Policies(policies).limit_grant("aws", &grant, &BTreeMap::new());
        prop_assert_eq!(forward, backward);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "(version: 1\n)?([a-z*&!:\\-\\[\\]{}\"' \n]|plugins:|grants:|  ){0,40}") {
        let _ = SitePolicy::parse(&text, "policy.yaml", Path::new("/"));
    }
}

#[test]
fn a_package_has_a_folder_or_a_plugin_and_keys_of_the_other_are_refused() {
    let digest = "1".repeat(64);
    let policy = policy(&format!(
        "packages:\n  - {{ name: acme, plugin: acme-checks, digest: 'sha256:{digest}', on: [plan, drift] }}\n"
    ));
    let package = &policy.packages[0];
    let plugin = package.setting.plugin().unwrap();
    assert_eq!(
        (plugin.name.as_str(), plugin.digest.as_ref()),
        ("acme-checks", Some(&digest))
    );
    assert_eq!(
        (package.setting.place.as_str(), package.setting.on.len()),
        ("policy.yaml:3:5", 2)
    );

    let found = problems(
        "version: 1
packages:
  - { name: a }
  - { name: b, plugin: x, directory: . }
  - { name: c, plugin: x, rego: v1, namespaces: [main] }
  - { name: d, directory: /, digest: 'sha256:11' }
  - { name: e, plugin: compliance }
  - { name: f, plugin: x, digest: 11 }
  - { name: g, plugin: x, on: [load] }
  - { name: h, plugin: ../x }
",
    );
    for expected in [
        "policy.yaml:3:5: a package needs `directory`, such as `directory: policies/encryption`, `source`",
        "policy.yaml:4:24: a package has one of `directory`, `source` and `plugin`",
        "policy.yaml:5:33: `rego` says nothing of a package with `plugin`",
        "policy.yaml:5:49: `namespaces` says nothing of a package with `plugin`",
        "policy.yaml:6:38: `digest` says nothing of a package with `directory`",
        "policy.yaml:7:24: the plugin `compliance` has no checks of its own",
        "policy.yaml:8:35: expected text for `digest`",
        "policy.yaml:9:31: checks that are a plugin judge `plan`, `state` and `drift`",
        "policy.yaml:10:24: expected the name of a plugin, found `../x`",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{expected} in {found:#?}"
        );
    }
}
