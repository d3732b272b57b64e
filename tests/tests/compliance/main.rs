//! Resources over three clouds are held to frameworks: what is wrong is reported exactly, what is mandatory is not
//! applied, who allowed what for how long is told, and the report is one that NIST's own tools read.

mod browser;
mod catalogues;
mod fix;
mod tags;
mod tightening;
mod watching;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use konductor_tests::{Finished, Project, oscal_environment, root};
use serde_json::{Value, json};

const STACK: &str = "config:
  aws: { enabled: true, region: us-west-2 }
  azure: { enabled: true, location: westeurope, subscription_id: 00000000-1111-2222-3333-444444444444 }
  gcp: { enabled: true, project: shop-1234, region: europe-west1, zone: europe-west1-b }
";

/// Resources of three clouds. Those called `good-…` are as they should be; what is wrong with the others is in
/// [`SEEDED`].
const RESOURCES: &str = include_str!("../../compliance/resources.yaml");

/// What is wrong: the resource and the check.
const SEEDED: &str = include_str!("../../compliance/seeded.txt");

fn project(section: &str) -> Project {
    Project::from_text(
        &format!("name: shop\n{RESOURCES}"),
        &format!("{STACK}  compliance:\n{section}"),
    )
}

fn advisory() -> Project {
    project("    frameworks: [nist-800-53]\n")
}

fn seeded() -> BTreeSet<(String, String)> {
    pairs(SEEDED)
}

/// Reads resources with checks, one pair a line.
fn pairs(text: &str) -> BTreeSet<(String, String)> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (resource, check) = line.split_once(' ').unwrap();
        (resource.to_owned(), check.trim().to_owned())
    };
    lines.map(pair).collect()
}

/// What is wrong with what was recorded. A plan does not know yet what Google fills in where nothing is said of retention.
fn recorded() -> BTreeSet<(String, String)> {
    let mut found = seeded();
    found.insert((
        "open-objects".to_owned(),
        "gcp-bucket-retention-locked".to_owned(),
    ));
    found
}

/// Returns the events of a name, as their documentation says they are.
fn documented(finished: &Finished, name: &str) -> Vec<Value> {
    let events = finished.events().into_iter();
    let events: Vec<Value> = events.filter(|event| event["event"] == name).collect();
    for event in &events {
        let problems = problems_by_schema("docs/events.schema.json", event);
        assert!(problems.is_empty(), "{event}: {problems:#?}");
    }
    events
}

fn judgement(finished: &Finished) -> Value {
    let events = finished.events();
    let decision = events
        .iter()
        .rev()
        .find(|event| event["event"] == "policy-decision");
    let decision = decision.unwrap_or_else(|| panic!("should have judged: {finished}"));
    let packages = decision["packages"].as_array().unwrap();
    packages
        .iter()
        .find(|package| package["name"] == "compliance")
        .unwrap()
        .clone()
}

fn pair(finding: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&finding["details"]["resource"]), text(&finding["rule"]))
}

fn found(judgement: &Value) -> BTreeSet<(String, String)> {
    judgement["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(pair)
        .collect()
}

fn report(project: &Project, format: &str) -> String {
    let arguments = [
        "compliance",
        "report",
        "--simulate",
        "--framework",
        "nist-800-53",
        "--format",
        format,
    ];
    project.run(arguments).succeeds().stdout.clone()
}

#[test]
fn what_is_wrong_over_three_clouds_is_reported_exactly_before_and_after_it_is_applied() {
    let project = advisory();
    let planned = project.run(["plan", "--simulate", "--json"]).succeeds();
    let judged = judgement(&planned);
    assert_eq!(found(&judged), seeded());
    assert_eq!(judged["outcome"], "advised");
    assert_eq!(judged["warned"], seeded().len());

    project
        .run(["run", "--simulate", "--yes"])
        .succeeds()
        .says("compliance (advisory");
    let text = report(&project, "markdown");
    assert!(
        text.contains("No schedule of checks for drift is configured; no check is in the log."),
        "{text}"
    );
    project.run(["drift", "--simulate"]).succeeds();
    let text = report(&project, "markdown");
    assert!(text.contains("objects compared, no drift."), "{text}");
    let csv = report(&project, "csv");
    let head: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let column = |name: &str| head.iter().position(|field| *field == name).unwrap();
    let (resource, check, outcome) = (column("resource"), column("check"), column("outcome"));
    let failed: BTreeSet<(String, String)> = csv_rows(&csv)
        .into_iter()
        .filter(|row| row[outcome] == "failed")
        .map(|row| (row[resource].clone(), row[check].clone()))
        .collect();
    assert_eq!(failed, recorded());
}

/// Takes a file of values with commas between apart.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        fields
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn a_mandatory_control_refuses_the_plan_through_the_one_gate() {
    let project = project(
        "    frameworks: [nist-800-53, iso-27001]\n    controls: { \"nist-800-53:sc-28\": mandatory }\n",
    );
    let refused = project
        .run(["run", "--simulate", "--yes"])
        .fails_saying("the plan is refused by the policies of compliance");
    refused
        .says("compliance.waivers")
        .says("disk: The disk is not encrypted. Set `encrypted: true`.");
    let state = project.run(["state", "list", "--simulate", "--json"]).succeeds();
    assert!(
        state.events().iter().all(|event| event["event"] != "resource"),
        "{state}"
    );

    let shown = project
        .run(["log", "show", "--all", "--json", "--simulate"])
        .succeeds();
    let recorded = shown.events().into_iter().map(|event| event["content"].clone());
    let recorded = recorded.filter(|content| content["entry"] == "policy-decided");
    let recorded: Vec<Value> = recorded.collect();
    assert_eq!(recorded[0]["allowed"], false);
    assert_eq!(recorded[0]["packages"][0]["name"], "compliance");
    assert_eq!(recorded[0]["packages"][0]["outcome"], "denied");
    assert_eq!(recorded[0]["packages"][0]["place"], "konductor.dev.yaml:6:5");
    assert!(recorded[0]["packages"][0]["denied"].as_u64().unwrap() > 0);
}

const WAIVED: &str = "    frameworks: [nist-800-53]
    controls: { aws-ec2-volume-encrypted: mandatory }
    waivers:
      - { control: aws-ec2-volume-encrypted, resource: disk, reason: ticket 4711, approver: Ada Lovelace, expires: WHEN }
";

#[test]
fn a_waiver_lets_a_finding_through_until_it_expires() {
    let project = project(&WAIVED.replace("WHEN", "2998-06-30"));
    let allowed = project.run(["run", "--simulate", "--yes", "--json"]).succeeds();
    let judged = judgement(&allowed);
    let waived: Vec<&Value> = judged["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["excepted"] == true)
        .collect();
    assert_eq!(waived.len(), 1, "{waived:?}");
    assert_eq!(
        pair(waived[0]),
        ("disk".to_owned(), "aws-ec2-volume-encrypted".to_owned())
    );
    assert!(
        waived[0]["message"]
            .as_str()
            .unwrap()
            .contains("Waived by Ada Lovelace until 2998-06-30: ticket 4711")
    );
    assert!(report(&project, "markdown").contains("Waived by Ada Lovelace until 2998-06-30: ticket 4711"));

    project.edit("konductor.dev.yaml", "2998-06-30", "2020-02-29");
    let refused = project
        .run(["run", "--simulate", "--yes"])
        .fails_saying("refused by the policies of compliance");
    refused
        .says(
            "the waiver of aws-ec2-volume-encrypted for disk expired (2020-02-29): its findings count again",
        )
        .says("Ada Lovelace allowed it: ticket 4711")
        .says("konductor.dev.yaml:9:");
}

#[test]
fn what_the_section_names_and_there_is_not_is_told_with_its_place() {
    for (section, problem, place) in [
        (
            "    frameworks: [nist-800-54]\n",
            "there is no framework `nist-800-54`",
            "konductor.dev.yaml:6:18",
        ),
        (
            "    frameworks: [iso-27001]\n    controls: { \"iso-27001:A.8.99\": mandatory }\n",
            "there is no control `iso-27001:A.8.99`",
            "konductor.dev.yaml:7:",
        ),
        (
            "    frameworks: [soc2]\n    level: strict\n",
            "`compliance.level` is \"strict\"",
            "konductor.dev.yaml:7:12",
        ),
        (
            "    frameworks: [soc2]\n    waivers: [{ control: CC6.1, resource: a, reason: b, approver: c, expires: soon }]\n",
            "`soon` is no date",
            "konductor.dev.yaml:7:79",
        ),
        (
            "    frameworks: [soc2]\n    waivers: [{ control: CC6.1, resource: a, approver: c, expires: 2030-01-01 }]\n",
            "`compliance.waivers[0].reason` is null",
            "konductor.dev.yaml:7:",
        ),
        (
            "    frameworks: [soc2]\n    tighten: [{ controls: { CC6.1: mandatory } }]\n",
            "`compliance.tighten[0]` does not say of which resources it demands something",
            "konductor.dev.yaml:7:15",
        ),
        (
            "    frameworks: [soc2]\n    tighten: [{ metadata: { a: [] }, controls: { CC6.1: mandatory } }]\n",
            "`compliance.tighten[0].metadata.a` is [], expected a value or more",
            "konductor.dev.yaml:7:",
        ),
        (
            "    frameworks: [soc2]\n    tighten: [{ findings: [aws-none], controls: { \"aws-none-*\": mandatory } }]\n",
            "there is no control `aws-none-*`",
            "konductor.dev.yaml:7:",
        ),
        (
            "    tags: [soc2, \"soc2:CC99\"]\n",
            "there is no control `soc2:CC99`",
            "konductor.dev.yaml:6:18",
        ),
        (
            "    tighten: [{ metadata: { a: b } }]\n",
            "`compliance.tighten[0]` demands nothing",
            "konductor.dev.yaml:6:",
        ),
        (
            "    framework: [soc2]\n",
            "`compliance` has no `framework`",
            "konductor.dev.yaml:6:5",
        ),
    ] {
        project(section)
            .run(["plan", "--simulate"])
            .fails_saying(problem)
            .says(place);
    }
    let off = project("    enabled: false\n    frameworks: [soc2]\n");
    let planned = off.run(["plan", "--simulate", "--json"]).succeeds();
    assert!(
        planned
            .events()
            .iter()
            .all(|event| event["event"] != "policy-decision")
    );
}

#[test]
fn the_frameworks_controls_and_checks_are_listed_also_without_a_project() {
    let nowhere = Project::empty();
    let frameworks = nowhere
        .run(["compliance", "frameworks", "--json"])
        .succeeds()
        .events();
    let moderate = frameworks
        .iter()
        .find(|event| event["id"] == "fedramp-moderate")
        .unwrap();
    assert_eq!(
        (&moderate["controls"], &moderate["baseline_of"]),
        (&json!(323), &json!("nist-800-53"))
    );
    let of_type = [
        "compliance",
        "controls",
        "iso-27001",
        "--type",
        "azure:keyvault:Vault",
        "--json",
    ];
    let controls = nowhere.run(of_type).succeeds().events();
    let encryption = controls.iter().find(|event| event["id"] == "A.5.15");
    let checks = encryption.unwrap()["checks"].as_array().unwrap();
    assert!(checks.contains(&json!("azure-key-vault-roles")), "{checks:?}");
    let checks = nowhere
        .run(["compliance", "checks", "--json"])
        .succeeds()
        .events();
    assert!(checks.len() >= 150, "{}", checks.len());
    nowhere
        .run(["compliance", "controls", "nist-800-53-modrate"])
        .fails_saying("did you mean `nist-800-53-moderate`?");
}

/// Returns what is wrong with a document by a schema: the file that holds it, from the top of the checkout.
fn problems_by_schema(schema: &str, document: &Value) -> Vec<String> {
    let file = root().join(schema);
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems = validator.iter_errors(document);
    problems
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

const READ_RESULTS: &str = "import sys
from pathlib import Path
from trestle.oscal.assessment_results import AssessmentResults
results = AssessmentResults.oscal_read(Path(sys.argv[1]))
result = results.results[0]
states = [finding.target.status.state for finding in result.findings]
print(len(result.findings), len(result.observations), sum('not-satisfied' in str(getattr(s, 'value', s)) for s in states))
";

fn read_by_trestle(program: &str, file: &Path) -> String {
    let output = Command::new(oscal_environment().join("bin/python"))
        .args(["-c", program])
        .arg(file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_assessment_results_follow_the_schema_of_nist_and_are_read_by_trestle() {
    let waived = "    frameworks: [nist-800-53]
    waivers: [{ control: aws-ec2-volume-encrypted, resource: disk, reason: ticket, approver: Ada, expires: 2998-06-30 }]
";
    let project = project(waived);
    project.run(["run", "--simulate", "--yes"]).succeeds();
    for framework in ["nist-800-53", "hipaa", "pci-dss", "cis-gcp", "fedramp-moderate"] {
        let file = format!("{framework}.json");
        project
            .run([
                "compliance",
                "report",
                "--simulate",
                "--framework",
                framework,
                "--format",
                "oscal",
                "--output",
                &file,
            ])
            .succeeds()
            .says(&format!("wrote {file}"));
        let document: Value = serde_json::from_str(&project.read(&file)).unwrap();
        let problems = problems_by_schema("tests/compliance/oscal_assessment-results_schema.json", &document);
        assert!(problems.is_empty(), "{framework}: {problems:#?}");
        let result = &document["assessment-results"]["results"][0];
        let findings = result["findings"].as_array().unwrap();
        let open = findings
            .iter()
            .filter(|finding| finding["target"]["status"]["state"] == "not-satisfied");
        let expected = format!(
            "{} {} {}\n",
            findings.len(),
            result["observations"].as_array().unwrap().len(),
            open.count()
        );
        assert_eq!(
            read_by_trestle(READ_RESULTS, &project.folder().join(&file)),
            expected,
            "{framework}"
        );
        if framework == "nist-800-53" {
            assert_eq!(result["risks"][0]["status"], "deviation-approved");
        }
    }
}

const READ_COMPONENTS: &str = "import sys
from pathlib import Path
from trestle.oscal.component import ComponentDefinition
definition = ComponentDefinition.oscal_read(Path(sys.argv[1]))
for component in definition.components:
    for implementation in component.control_implementations or []:
        for requirement in implementation.implemented_requirements:
            states = [prop.value for prop in requirement.props if prop.name == 'implementation-status']
            print(component.title, requirement.control_id, *states)
";

#[test]
fn the_component_definition_claims_what_passes_and_is_read_by_trestle() {
    let project = advisory();
    project.run(["run", "--simulate", "--yes"]).succeeds();
    for framework in ["nist-800-53", "pci-dss"] {
        let file = format!("{framework}.json");
        let command = [
            "compliance",
            "report",
            "--simulate",
            "--format",
            "oscal-component-definition",
        ];
        let more = ["--framework", framework, "--output", file.as_str()];
        project.run(command.iter().chain(&more)).succeeds();
        let document: Value = serde_json::from_str(&project.read(&file)).unwrap();
        let problems = problems_by_schema("tests/compliance/oscal_component_schema.json", &document);
        assert!(problems.is_empty(), "{framework}: {problems:#?}");
    }
    let claimed = read_by_trestle(READ_COMPONENTS, &project.folder().join("nist-800-53.json"));
    let claimed: BTreeSet<&str> = claimed.lines().collect();
    for line in [
        // One of the two disks is encrypted.
        "aws:ec2:Volume sc-28 partial",
        // Nothing of the kind is wrong with any.
        "aws:s3:BucketEncryption sc-12 implemented",
    ] {
        assert!(claimed.contains(line), "{line} is not in {claimed:#?}");
    }
    // Nothing is claimed of what fails whole: the one account takes keys and plain HTTP.
    let account = |line: &&str| line.starts_with("azure:storage:StorageAccount ");
    assert!(claimed.iter().any(account), "{claimed:#?}");
    for control in ["ac-3", "sc-8"] {
        let line = format!("azure:storage:StorageAccount {control} ");
        assert!(
            claimed.iter().all(|known| !known.starts_with(&line)),
            "{claimed:#?}"
        );
    }
}

#[test]
fn the_other_reports_say_the_same_and_stand_alone() {
    let project = advisory();
    project
        .run(["compliance", "report", "--simulate", "--framework", "soc2"])
        .fails_saying("was never deployed");
    project.run(["run", "--simulate", "--yes"]).succeeds();
    let failing = recorded();

    let sarif: Value = serde_json::from_str(&report(&project, "sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let told: BTreeSet<(String, String)> = results
        .iter()
        .map(|result| {
            let name = &result["locations"][0]["logicalLocations"][0]["name"];
            (
                name.as_str().unwrap().to_owned(),
                result["ruleId"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(told, failing);
    let file = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(file, "konductor.yaml");

    let html = report(&project, "html");
    assert!(html.starts_with("<!doctype html>"));
    for outside in ["<script", "src=", "<link", "@import", "url("] {
        assert!(
            !html.contains(outside),
            "the page must need nothing else, and has {outside}"
        );
    }
    let junit = report(&project, "junit");
    let csv = report(&project, "csv");
    let failed: BTreeSet<String> = csv_rows(&csv)
        .into_iter()
        .filter(|row| row[3] == "not satisfied")
        .map(|row| row[1].clone())
        .collect();
    assert_eq!(junit.matches("<failure ").count(), failed.len());
    assert!(junit.contains(&format!("failures=\"{}\"", failed.len())));
    for control in &failed {
        assert!(html.contains(&format!("id=\"control-{control}\"")), "{control}");
    }

    let project_of_two = project;
    project_of_two.edit("konductor.dev.yaml", "[nist-800-53]", "[nist-800-53, soc2]");
    project_of_two
        .run(["compliance", "report", "--simulate"])
        .fails_saying("the configuration names nist-800-53, soc2");
}
