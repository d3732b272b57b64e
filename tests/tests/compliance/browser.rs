//! The page for an auditor, looked at with a browser: it asks for nothing, says nothing is wrong with itself, and shows
//! what the other forms of the report say.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use konductor_tests::{Project, browser, oscal_environment, root};
use serde_json::{Value, json};

use super::{STACK, csv_rows, project};

/// Opens a page and returns what the browser tells of it.
fn look(page: &Path) -> Value {
    let output = Command::new(oscal_environment().join("bin/python"))
        .arg(root().join("tests/compliance/look.py"))
        .arg(browser())
        .arg(page)
        .arg(page.parent().unwrap())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn report(project: &Project, framework: &str, format: &str, file: &str) -> Value {
    let command = [
        "compliance",
        "report",
        "--simulate",
        "--json",
        "--framework",
        framework,
    ];
    let more = ["--format", format, "--output", file];
    let events = project.run(command.iter().chain(&more)).succeeds().events();
    let made = events
        .into_iter()
        .find(|event| event["event"] == "compliance-report");
    made.unwrap()
}

#[test]
fn the_page_shows_every_control_in_a_browser_and_asks_for_nothing() {
    let project = project(
        "    frameworks: [nist-800-53]
    waivers: [{ control: aws-ec2-volume-encrypted, resource: disk, reason: \"<b>ticket</b>\", approver: Ada, expires: 2998-06-30 }]
",
    );
    project.run(["run", "--simulate", "--yes"]).succeeds();
    for framework in ["nist-800-53", "hipaa"] {
        let page = format!("{framework}.html");
        let made = report(&project, framework, "html", &page);
        report(&project, framework, "csv", "report.csv");
        let statuses: BTreeMap<String, String> = csv_rows(&project.read("report.csv"))
            .into_iter()
            .map(|row| (row[1].clone(), row[3].clone()))
            .collect();
        let seen = look(&project.folder().join(&page));

        assert_eq!(seen["opened"], true);
        assert_eq!(seen["requests"], json!([]));
        assert_eq!(seen["said"], json!([]));
        assert_eq!(seen["dead"], json!([]));
        assert_eq!(seen["counts"], made["controls"]);
        assert_eq!(seen["controls"], json!(statuses), "{framework}");
        assert!(seen["findings"].as_u64().unwrap() > 0);
        let layouts = seen["layouts"].as_object().unwrap();
        for (name, layout) in layouts {
            // What WCAG asks of text for everybody.
            assert!(layout["contrast"].as_f64().unwrap() >= 4.5, "{name}: {layout}");
            assert_eq!(layout["overflow"], 0, "{name}: {layout}");
            assert_eq!(layout["squashed"], json!([]), "{name}: {layout}");
        }
        let paper = std::fs::read(project.folder().join("report.pdf")).unwrap();
        assert!(paper.starts_with(b"%PDF-"));
    }
}

#[test]
fn what_is_closed_on_the_screen_is_open_on_paper() {
    let project = Project::from_text(
        "name: shop
resources:
  disk:
    type: aws:ec2:Volume
    properties: { availability_zone: us-west-2a, size: 10, kms_key_id: alias/shop, tags: { owner: shop } }
",
        &format!("{STACK}  compliance:\n    frameworks: [hipaa]\n"),
    );
    project.run(["run", "--simulate", "--yes"]).succeeds();
    let made = report(&project, "hipaa", "html", "hipaa.html");
    assert!(made["controls"]["satisfied"].as_u64().unwrap() > 0, "{made}");
    assert_eq!(made["findings"], 0);
    let seen = look(&project.folder().join("hipaa.html"));
    let [screen, paper] = ["light", "print"].map(|name| &seen["layouts"][name]);
    assert_eq!(screen["tables"], made["controls"]["satisfied"]);
    assert_eq!(screen["tables_shown"], 0);
    assert_eq!(paper["tables_shown"], paper["tables"]);
}
