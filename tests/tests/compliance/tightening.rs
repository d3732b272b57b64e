//! What is said of resources, and what is found on them, makes checks stricter for them alone.

use konductor_tests::Project;

use super::{STACK, judgement, pair};

/// Two disks with Google's keys, one of them with restricted data.
const DISKS: &str = "name: shop
resources:
  ledger:
    type: gcp:rest:Resource
    properties: { type: compute/v1/disks, parameters: { zone: europe-west1-b }, body: { name: ledger, sizeGb: '10' } }
    options: { metadata: { data_classification: restricted } }
  scratch:
    type: gcp:rest:Resource
    properties: { type: compute/v1/disks, parameters: { zone: europe-west1-b }, body: { name: scratch, sizeGb: '10' } }
";

/// The benchmark of another cloud asks nothing of these disks.
const SECTION: &str = "  metadata: { data_classification: internal, owner: shop }
  compliance:
    frameworks: [cis-aws]
    tighten:
      - metadata: { data_classification: [restricted, secret] }
        controls: { \"*-own-key\": mandatory }
";

#[test]
fn restricted_data_demands_a_key_of_ones_own_and_other_data_does_not() {
    let project = Project::from_text(DISKS, &format!("{STACK}{SECTION}"));
    let refused = project
        .run(["run", "--simulate", "--yes", "--json"])
        .fails_saying("refused by the policies of compliance");
    let judged = judgement(&refused);
    let found: Vec<_> = judged["findings"].as_array().unwrap().iter().map(pair).collect();
    assert_eq!(found, [("ledger".to_owned(), "gcp-disk-own-key".to_owned())]);
    assert_eq!(
        judged["findings"][0]["details"]["controls"][0]["framework"],
        "tightened"
    );

    project.edit("konductor.yaml", "restricted", "public");
    project.run(["run", "--simulate", "--yes"]).succeeds();
    // What is recorded is asked the same, and the stack's own word counts where a resource says nothing else.
    project.edit(
        "konductor.dev.yaml",
        "data_classification: internal",
        "data_classification: secret",
    );
    let refused = project
        .run(["plan", "--simulate", "--json"])
        .fails_saying("refused by the policies of compliance");
    let judged = judgement(&refused);
    let found: Vec<_> = judged["findings"].as_array().unwrap().iter().map(pair).collect();
    assert_eq!(found, [("scratch".to_owned(), "gcp-disk-own-key".to_owned())]);

    project.edit("konductor.dev.yaml", "mandatory", "advisory");
    project
        .run(["run", "--simulate", "--yes"])
        .succeeds()
        .says("scratch: ");
    let report = [
        "compliance",
        "report",
        "--simulate",
        "--framework",
        "tightened",
        "--format",
        "csv",
    ];
    let report = project.run(report).succeeds();
    let report = report.says("scratch,").says("gcp-disk-own-key");
    assert!(!report.stdout.contains("ledger"), "{report}");
}

#[test]
fn a_report_on_what_is_demanded_of_some_resources_needs_a_rule_that_demands_it() {
    let section = SECTION.split("    tighten:").next().unwrap_or_default();
    let project = Project::from_text(DISKS, &format!("{STACK}{section}"));
    project.run(["run", "--simulate", "--yes"]).succeeds();
    project
        .run(["compliance", "report", "--simulate", "--framework", "tightened"])
        .fails_saying("the configuration demands no check of some resources only");
}
