//! Frameworks of a site and documents of OSCAL are taken into the project, and resources are held to them as to any other.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use konductor_tests::{Project, oscal_environment};
use serde_json::{Value, json};

use super::{RESOURCES, STACK, csv_rows, documented, found, judgement, pairs};

const ACME: &str = "# What our auditors ask for.
framework: acme
title: Acme's baseline
version: \"3\"
based_on: nist-800-53
controls:
  - id: ENC-1
    title: Disks are encrypted
    checks: [aws-ec2-volume-encrypted, aws-ec2-instance-root-volume-encrypted]
  - id: ENC-2
    title: Old TLS is not answered
    same_as: [\"cis-azure:9.3.6\"]
  - id: sc-12
  - id: TAG-1
    title: A person looks
";

fn project() -> Project {
    Project::from_text(
        &format!("name: shop\n# Ours.\n{RESOURCES}"),
        &format!("{STACK}  compliance:\n    frameworks: [acme]\n"),
    )
}

fn write(project: &Project, name: &str, text: &str) {
    std::fs::write(project.folder().join(name), text).unwrap();
}

#[test]
fn a_site_holds_its_resources_to_a_framework_of_its_own() {
    let project = project();
    let topic = ACME.replace(
        "    same_as: [\"cis-azure:9.3.6\"]\n",
        "    topics: [key-management]\n",
    );
    write(&project, "ours.yaml", &topic);
    project
        .run(["plan", "--simulate"])
        .fails_saying("there is no framework `acme`");
    project
        .run(["compliance", "import", "ours.yaml"])
        .succeeds()
        .says("acme: 4 controls, 3 with checks, in compliance/acme.yaml");
    assert_eq!(project.read("compliance/acme.yaml"), topic);
    let configured = project.read("konductor.yaml");
    assert!(configured.contains("# Ours.\n"), "{configured}");
    assert!(
        configured.contains("catalogues: [compliance/acme.yaml]"),
        "{configured}"
    );
    // Once more it changes nothing.
    project
        .run(["compliance", "import", "ours.yaml"])
        .fails_saying("there is a framework `acme` already");
    assert_eq!(project.read("konductor.yaml"), configured);

    let listed = project
        .run(["compliance", "controls", "acme", "--json"])
        .succeeds()
        .events();
    assert_eq!(
        listed[0]["checks"],
        json!([
            "aws-ec2-instance-root-volume-encrypted",
            "aws-ec2-volume-encrypted"
        ])
    );
    let same = listed.iter().find(|event| event["id"] == "sc-12").unwrap();
    assert_eq!(same["title"], "Cryptographic Key Establishment and Management");
    let of_type = [
        "compliance",
        "controls",
        "acme",
        "--type",
        "aws:ec2:Volume",
        "--json",
    ];
    let of_type = project.run(of_type).succeeds().events();
    assert_eq!(of_type[0]["checks"], json!(["aws-ec2-volume-encrypted"]));

    let planned = project.run(["plan", "--simulate", "--json"]).succeeds();
    let judged = judgement(&planned);
    let found = found(&judged);
    for pair in pairs(
        "disk aws-ec2-volume-encrypted\nold-machine aws-ec2-instance-root-volume-encrypted\nkey gcp-key-rotated\n",
    ) {
        assert!(found.contains(&pair), "{found:?}");
    }
    // Only what serves its controls is judged.
    assert!(
        found.iter().all(|(_, check)| check != "aws-ec2-ssh-closed"),
        "{found:?}"
    );
    assert!(
        judged["rules"].as_array().unwrap().len() < 100,
        "{}",
        judged["rules"]
    );

    project.run(["run", "--simulate", "--yes"]).succeeds();
    let csv = project
        .run(["compliance", "report", "--simulate", "--format", "csv"])
        .succeeds()
        .stdout
        .clone();
    let statuses: BTreeSet<(String, String)> = csv_rows(&csv)
        .into_iter()
        .map(|row| (row[1].clone(), row[3].clone()))
        .collect();
    for (control, status) in [("ENC-1", "not satisfied"), ("TAG-1", "not checked")] {
        assert!(
            statuses.contains(&(control.to_owned(), status.to_owned())),
            "{statuses:?}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_framework_is_told_with_its_place() {
    let project = project();
    for (wrong, right, place, problem) in [
        (
            "framework: nist-800-53",
            "framework: acme",
            "ours.yaml:2:12",
            "there is a framework `nist-800-53` already",
        ),
        (
            "framework: A b",
            "framework: acme",
            "ours.yaml:2:12",
            "cannot be the name of a framework",
        ),
        (
            "based_on: nist-800-54",
            "based_on: nist-800-53",
            "ours.yaml:5:11",
            "did you mean `nist-800-53`?",
        ),
        (
            "[aws-ec2-volume-encripted,",
            "[aws-ec2-volume-encrypted,",
            "ours.yaml:9:14",
            "did you mean `aws-ec2-volume-encrypted`?",
        ),
        (
            "cis-azure:999",
            "cis-azure:9.3.6",
            "ours.yaml:12:15",
            "there is no control `cis-azure:999`",
        ),
        ("id: ENC-1", "id: ENC-2", "ours.yaml:10:9", "stands twice"),
        ("control: []", "controls:", "ours.yaml:6:1", "control"),
    ] {
        let text = ACME.replace(right, wrong);
        assert_ne!(text, ACME, "{right}");
        write(&project, "ours.yaml", &text);
        project
            .run(["compliance", "import", "ours.yaml"])
            .fails_saying(place)
            .says(problem);
        assert!(!project.folder().join("compliance").exists());
    }
    for (text, place, expected) in [
        ("{\"catalog\": 1}", "catalog", "expected an object"),
        (
            "{\"catalog\": {\"metadata\": {\"title\": \"t\"}}}",
            "catalog.metadata.version",
            "expected text",
        ),
        (
            "{\"system-security-plan\": {}}",
            "holds `system-security-plan`",
            "expected a `catalog` or a `profile`",
        ),
        ("{\"profile\": ", "1:", "not JSON"),
        (
            "{\"profile\": {\"metadata\": {\"title\": \"t\", \"version\": \"1\"}, \"imports\": [{\"href\": \"a.json\"}]}}",
            "a.json, which is not here",
            "--based-on",
        ),
        (
            "{\"profile\": {\"metadata\": {\"title\": \"t\", \"version\": \"1\"}, \"imports\": [{\"href\": \"a.json\", \"include-controls\": [{\"with-ids\": [1]}]}]}}",
            "profile.imports[0].include-controls[0].with-ids[0]",
            "expected the identifier of a control",
        ),
    ] {
        write(&project, "ours.json", text);
        project
            .run(["compliance", "import", "ours.json"])
            .fails_saying(place)
            .says(expected);
    }
    write(&project, "ours.yaml", ACME);
    let outside = ["compliance", "import", "ours.yaml", "--output", "../acme.yaml"];
    project
        .run(outside)
        .fails_saying("../acme.yaml is no file of the project");
    project.edit(
        "konductor.dev.yaml",
        "frameworks: [acme]",
        "frameworks: [acme]\n    catalogues: [gone.yaml]",
    );
    project
        .run(["plan", "--simulate"])
        .fails_saying("the catalogue gone.yaml cannot be read")
        .says("konductor.dev.yaml:7:");
}

/// Makes a catalogue and a profile with NIST's own models.
fn made_by_trestle(folder: &Path) {
    const MAKE: &str = "import sys
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4
from trestle.oscal import OSCAL_VERSION
from trestle.oscal.catalog import Catalog
from trestle.oscal.common import Metadata
from trestle.oscal.profile import Profile
folder = Path(sys.argv[1])
def metadata(title):
    return Metadata(title=title, version='7', oscal_version=OSCAL_VERSION, last_modified=datetime.now(timezone.utc))
enhanced = {'id': 'enc-1.1', 'title': 'Keys of our own'}
gone = {'id': 'enc-9', 'title': 'Gone', 'props': [{'name': 'status', 'value': 'withdrawn'}]}
group = {'id': 'enc', 'title': 'Encryption', 'controls': [{'id': 'enc-1', 'title': 'Data is encrypted', 'controls': [enhanced]}, gone]}
catalogue = {'uuid': str(uuid4()), 'metadata': metadata('Our catalogue'), 'groups': [group]}
Catalog.model_validate(catalogue).oscal_write(folder / 'our-catalogue.json')
chosen = {'href': 'NIST_SP-800-53_rev5_catalog.json', 'include-controls': [{'with-ids': ['sc-28', 'sc-28.1', 'au-2']}]}
profile = {'uuid': str(uuid4()), 'metadata': metadata('Our selection'), 'imports': [chosen]}
Profile.model_validate(profile).oscal_write(folder / 'our-profile.json')
";
    let output = Command::new(oscal_environment().join("bin/python"))
        .args(["-c", MAKE])
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn imported(project: &Project, arguments: &[&str]) -> Value {
    let command = ["compliance", "import"]
        .iter()
        .chain(arguments)
        .chain(&["--json"]);
    let done = project.run(command).succeeds();
    documented(&done, "compliance-imported").remove(0)
}

#[test]
fn a_catalogue_and_a_profile_of_oscal_become_frameworks() {
    let project = project();
    made_by_trestle(project.folder());
    let catalogue = imported(&project, &["our-catalogue.json"]);
    assert_eq!(
        (&catalogue["controls"], &catalogue["checked"]),
        (&json!(2), &json!(0))
    );
    let profile = imported(&project, &["our-profile.json", "--id", "acme"]);
    assert_eq!(
        (&profile["controls"], &profile["checked"]),
        (&json!(3), &json!(3))
    );
    assert!(
        project
            .read("compliance/acme.yaml")
            .contains("based_on: nist-800-53\n")
    );
    let configured = project.read("konductor.yaml");
    assert!(
        configured.contains("catalogues: [compliance/our-catalogue.yaml, compliance/acme.yaml]"),
        "{configured}"
    );
    let controls = project
        .run(["compliance", "controls", "acme", "--json"])
        .succeeds()
        .events();
    assert_eq!(controls[1]["id"], "sc-28.1");
    assert_eq!(controls[1]["title"], "Cryptographic Protection");
    // A person says what serves the controls of a catalogue that Konductor does not know.
    project.edit(
        "compliance/our-catalogue.yaml",
        "id: \"enc-1.1\"",
        "id: \"enc-1.1\"\n    topics: [key-management]",
    );
    let frameworks = project
        .run(["compliance", "frameworks", "--json"])
        .succeeds()
        .events();
    let ours = frameworks
        .iter()
        .find(|event| event["id"] == "our-catalogue")
        .unwrap();
    assert_eq!(
        (&ours["title"], &ours["checked"]),
        (&json!("Our catalogue"), &json!(1))
    );
    let planned = project.run(["plan", "--simulate", "--json"]).succeeds();
    let disk = ("disk".to_owned(), "aws-ec2-volume-encrypted".to_owned());
    assert!(found(&judgement(&planned)).contains(&disk));

    let whole = "{\"profile\": {\"metadata\": {\"title\": \"All\", \"version\": \"1\"}, \"imports\": [{\"href\": \"x.json\", \"include-all\": {}, \"exclude-controls\": [{\"with-ids\": [\"A.5.1\"]}]}]}}";
    write(&project, "whole.json", whole);
    let whole = imported(&project, &["whole.json", "--based-on", "iso-27001"]);
    assert_eq!((&whole["controls"], &whole["checked"]), (&json!(92), &json!(26)));
}
