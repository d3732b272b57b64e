//! What checks find is corrected in the configuration, where a value of it corrects it, and nothing else is touched.

use std::collections::BTreeSet;

use konductor_tests::Project;
use serde_json::{Value, json};

use super::{STACK, advisory, documented, found, judgement, pairs, project, seeded};

/// What no value corrects.
const LEFT: &str = include_str!("../../compliance/left.txt");

fn pair(event: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&event["resource"]), text(&event["check"]))
}

#[test]
fn what_a_value_corrects_is_corrected_and_exactly_the_rest_is_left() {
    let project = advisory();
    let before = project.read("konductor.yaml");
    let seen = project
        .run(["compliance", "fix", "--simulate", "--dry-run", "--json"])
        .succeeds();
    assert_eq!(project.read("konductor.yaml"), before);
    let (fixed, left): (Vec<Value>, Vec<Value>) = documented(&seen, "compliance-fix")
        .into_iter()
        .partition(|event| event["fixed"] == true);
    let left: BTreeSet<_> = left.iter().map(pair).collect();
    assert_eq!(left, pairs(LEFT));
    // The block that belongs to the bucket is complete now, and the bucket's own finding gone with that.
    let with_others = fixed.iter().filter(|event| event["values"] == json!([]));
    let with_others: BTreeSet<_> = with_others.map(pair).collect();
    assert_eq!(
        with_others,
        pairs("open-bucket aws-s3-bucket-public-access-blocked\n")
    );
    let fixed: BTreeSet<_> = fixed.iter().map(pair).collect();
    let all: BTreeSet<_> = fixed.union(&left).cloned().collect();
    assert_eq!(all, seeded());
    assert!(fixed.len() >= 40, "{}", fixed.len());
    assert_eq!(documented(&seen, "compliance-fixed")[0]["written"], false);

    project
        .run(["compliance", "fix", "--simulate"])
        .fails_saying("pass --yes");
    project
        .run(["compliance", "fix", "--simulate", "--yes"])
        .succeeds()
        .says("-    properties: { availability_zone: us-west-2a, size: 10, encrypted: false")
        .says("+    properties: { availability_zone: us-west-2a, size: 10, encrypted: true");
    let planned = project.run(["plan", "--simulate", "--json"]).succeeds();
    assert_eq!(found(&judgement(&planned)), pairs(LEFT));

    // What a person wrote beside it stands as it did.
    let after = project.read("konductor.yaml");
    for kept in [
        "associate_public_ip_address: false # until the load balancer is there\n",
        "      metadata_options:\n        # Some of our programs are old.\n        http_tokens: required\n",
        "  # Google Cloud: the same.\n",
    ] {
        assert!(after.contains(kept), "{kept} is gone:\n{after}");
    }
    let comments = |text: &str| text.matches(" # ").count();
    assert_eq!(comments(&after), comments(&before));

    // The plugins take what was written, and there is nothing more to correct.
    project.run(["run", "--simulate", "--yes"]).succeeds();
    project
        .run(["compliance", "fix", "--simulate", "--yes"])
        .succeeds()
        .says("Nothing to correct");
    assert_eq!(project.read("konductor.yaml"), after);
}

#[test]
fn only_what_is_named_is_corrected_and_what_a_name_does_not_mean_is_told() {
    let project = advisory();
    let before = project.read("konductor.yaml");
    for (arguments, problem) in [
        (
            ["--check", "aws-ec2-volume-encripted"],
            "did you mean `aws-ec2-volume-encrypted`?",
        ),
        (["--resource", "dusk"], "no check looks at a resource `dusk`"),
    ] {
        project
            .run(
                ["compliance", "fix", "--simulate", "--yes"]
                    .iter()
                    .chain(&arguments),
            )
            .fails_saying(problem);
    }
    assert_eq!(project.read("konductor.yaml"), before);
    let chosen = [
        "compliance",
        "fix",
        "--simulate",
        "--yes",
        "--json",
        "--resource",
        "old-*",
        "--check",
        "azure-web-https-only",
        "--check",
        "azure-storage-https-only",
        "--check",
        "aws-ec2-volume-encrypted",
    ];
    let done = project.run(chosen).succeeds();
    let fixed: BTreeSet<_> = documented(&done, "compliance-fix").iter().map(pair).collect();
    let expected = pairs("old-site azure-web-https-only\nold-account azure-storage-https-only\n");
    assert_eq!(fixed, expected);
    let planned = project.run(["plan", "--simulate", "--json"]).succeeds();
    let open: BTreeSet<_> = seeded().difference(&expected).cloned().collect();
    assert_eq!(found(&judgement(&planned)), open);
}

#[test]
fn what_comes_from_elsewhere_or_somebody_allows_is_left_with_the_reason() {
    let project = Project::from_text(
        "name: shop
resources:
  disk:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, encrypted: \"${project:encrypted}\", tags: { a: b } }
  allowed:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, tags: { a: b } }
  shared:
    type: aws:ec2:Volume
    properties: &volume { availability_zone: us-west-2a, size: 10, encrypted: false, tags: { a: b } }
  sharing:
    type: aws:ec2:Volume
    properties: *volume
  many:
    type: aws:ec2:Volume
    count: 2
    properties: { availability_zone: us-west-2a, size: 10, encrypted: false, tags: { a: b } }
",
        &format!(
            "{STACK}  project: {{ encrypted: false }}
  compliance:
    frameworks: [nist-800-53]
    waivers: [{{ control: aws-ec2-volume-encrypted, resource: allowed, reason: r, approver: a, expires: 2998-06-30 }}]
"
        ),
    );
    let done = project
        .run(["compliance", "fix", "--simulate", "--yes", "--json"])
        .succeeds();
    let told = documented(&done, "compliance-fix");
    let reason = |resource: &str| {
        let event = told.iter().find(|event| event["resource"] == resource);
        event.unwrap_or_else(|| panic!("{told:#?}"))["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        reason("disk").contains("comes from `${project:encrypted}` (konductor.yaml:5:"),
        "{}",
        reason("disk")
    );
    assert!(
        told.iter().all(|event| event["resource"] != "allowed"),
        "{told:#?}"
    );
    assert!(
        reason("sharing").contains("without changing something else"),
        "{}",
        reason("sharing")
    );
    let file = project.read("konductor.yaml");
    let repeated = file.split("  many:").nth(1).unwrap();
    assert!(repeated.contains("encrypted: true"), "{file}");
    assert!(file.contains("encrypted: \"${project:encrypted}\""), "{file}");
}

#[test]
fn a_run_corrects_first_and_says_what_it_replaces() {
    let project = Project::from_text(
        "name: shop
resources:
  disk:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, encrypted: false, tags: { a: b } } # ours
",
        &format!("{STACK}  compliance:\n    frameworks: [nist-800-53]\n"),
    );
    project.run(["run", "--simulate", "--yes"]).succeeds();
    project
        .run(["compliance", "fix", "--simulate", "--dry-run"])
        .succeeds()
        .says("the next run replaces `disk`")
        .says("encrypted cannot be changed where it is");
    let done = project
        .run(["run", "--simulate", "--yes", "--fix", "--json"])
        .succeeds();
    assert_eq!(
        documented(&done, "compliance-fixed")[0]["replaced"],
        json!(["disk"])
    );
    assert!(
        project
            .read("konductor.yaml")
            .contains("encrypted: true, tags: { a: b } } # ours\n")
    );
    let left = project.run(["plan", "--simulate", "--json"]).succeeds();
    assert_eq!(found(&judgement(&left)), BTreeSet::new());
}

#[test]
fn without_the_section_there_is_nothing_to_correct_and_that_is_said() {
    let off = project("    enabled: false\n    frameworks: [soc2]\n");
    off.run(["compliance", "fix", "--simulate", "--yes"])
        .fails_saying("names no framework")
        .says("config.compliance.frameworks");
}
