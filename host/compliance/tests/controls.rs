//! What results of checks come to, by the frameworks, levels and waivers of a site.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the functions of tests"
)]

use konductor_compliance::assessment::{Assessment, ControlStatus, assess};
use konductor_compliance::controls::{ControlCatalogue, ControlError, ControlRules};
use konductor_compliance::report::{Report, ReportFormat};
use konductor_model::compliance::{
    Check, CheckOutcome, CheckResult, ComplianceAnswer, ComplianceSettings, Control, ControlLevel, Framework,
    PlacedText, Waiver,
};
use konductor_model::policy::PolicyLevel;
use konductor_state::policy::PackageOutcome;

const NOW: i64 = 1_000;

fn check(id: &str) -> Check {
    Check {
        id: id.to_owned(),
        title: format!("{id} is wrong."),
        remedy: "Correct it.".to_owned(),
        ..Check::default()
    }
}

fn control(id: &str, checks: &[&str]) -> Control {
    Control {
        id: id.to_owned(),
        title: format!("<{id}>"),
        checks: checks.iter().map(|check| (*check).to_owned()).collect(),
    }
}

fn catalogue() -> ControlCatalogue {
    let framework = |id: &str, controls: Vec<Control>| Framework {
        id: id.to_owned(),
        title: id.to_owned(),
        version: "1".to_owned(),
        baseline_of: None,
        controls,
    };
    ControlCatalogue {
        frameworks: vec![
            framework(
                "one",
                vec![
                    control("a", &["encrypted"]),
                    control("b", &["encrypted", "logged"]),
                    control("c", &["backed-up"]),
                    control("d", &[]),
                ],
            ),
            framework(
                "two",
                vec![control("a", &["logged"]), control("z", &["encrypted"])],
            ),
        ],
        checks: ["encrypted", "logged", "backed-up"].map(check).to_vec(),
        site: Vec::new(),
    }
}

fn text(text: &str) -> PlacedText {
    PlacedText {
        text: text.to_owned(),
        origin: None,
    }
}

fn settings(frameworks: &[&str]) -> ComplianceSettings {
    ComplianceSettings {
        frameworks: frameworks.iter().map(|framework| text(framework)).collect(),
        level: PolicyLevel::Advisory,
        ..ComplianceSettings::default()
    }
}

fn waiver(control: &str, resource: &str, ends: i64) -> Waiver {
    Waiver {
        control: text(control),
        resource: resource.to_owned(),
        reason: "=ticket <b>".to_owned(),
        approver: "Ada".to_owned(),
        expires: "some day".to_owned(),
        ends,
    }
}

fn results(failing: &[(&str, &str)], passing: &[(&str, &str)]) -> ComplianceAnswer {
    let result = |outcome: CheckOutcome| {
        move |(check, name): &(&str, &str)| CheckResult {
            check: (*check).to_owned(),
            urn: format!("urn:{name}"),
            name: (*name).to_owned(),
            resource_type: "cloud:disk:Disk".to_owned(),
            place: Some("konductor.yaml:3:5".to_owned()),
            outcome,
            ..CheckResult::default()
        }
    };
    let failing = failing.iter().map(result(CheckOutcome::Failed));
    ComplianceAnswer {
        checks: catalogue().checks,
        results: failing
            .chain(passing.iter().map(result(CheckOutcome::Passed)))
            .collect(),
    }
}

fn assessed(settings: &ComplianceSettings, answer: ComplianceAnswer) -> Assessment {
    let rules = ControlRules::new(settings, &catalogue()).unwrap();
    assess(answer, &rules, NOW)
}

fn statuses(assessment: &Assessment, framework: &str) -> Vec<(String, ControlStatus)> {
    let found = assessment
        .frameworks
        .iter()
        .find(|found| found.id == framework)
        .unwrap();
    found
        .controls
        .iter()
        .map(|control| (control.id.clone(), control.status))
        .collect()
}

fn outcome(assessment: &Assessment) -> PackageOutcome {
    assessment.judgement(PolicyLevel::Advisory, "", "").0.outcome
}

#[test]
fn a_control_is_satisfied_when_every_check_of_it_passes_and_says_so_when_nobody_can_tell() {
    let assessment = assessed(
        &settings(&["one"]),
        results(&[("encrypted", "disk")], &[("logged", "disk")]),
    );
    let expected = [
        ("a", ControlStatus::NotSatisfied),
        ("b", ControlStatus::NotSatisfied),
        ("c", ControlStatus::NotApplicable),
        ("d", ControlStatus::NotChecked),
    ];
    assert_eq!(
        statuses(&assessment, "one"),
        expected.map(|(id, status)| (id.to_owned(), status))
    );
    assert_eq!(outcome(&assessment), PackageOutcome::Advised);
    let passed = assessed(&settings(&["one"]), results(&[], &[("encrypted", "disk")]));
    assert_eq!(statuses(&passed, "one")[0].1, ControlStatus::Satisfied);
    assert_eq!(outcome(&passed), PackageOutcome::Passed);
}

#[test]
fn the_strictest_level_of_the_controls_of_a_check_holds() {
    let mut settings = settings(&["one"]);
    settings.controls = vec![ControlLevel {
        control: text("one:b"),
        level: PolicyLevel::Mandatory,
    }];
    let assessment = assessed(&settings, results(&[("encrypted", "disk")], &[]));
    assert_eq!(outcome(&assessment), PackageOutcome::Denied);
    let (decision, answer) = assessment.judgement(PolicyLevel::Advisory, "konductor.yaml:1:1", "");
    assert_eq!((decision.denied, decision.warned), (1, 0));
    assert!(!answer.findings[0].warning && !answer.findings[0].excepted);

    // What is said of the check does not weaken what is said of one of its controls.
    settings.controls.push(ControlLevel {
        control: text("encrypted"),
        level: PolicyLevel::Advisory,
    });
    assert_eq!(
        outcome(&assessed(&settings, results(&[("encrypted", "disk")], &[]))),
        PackageOutcome::Denied
    );
    settings.controls.pop();

    settings.controls[0].control = text("backed-up");
    assert_eq!(
        outcome(&assessed(&settings, results(&[("encrypted", "disk")], &[]))),
        PackageOutcome::Advised
    );
    assert_eq!(
        outcome(&assessed(&settings, results(&[("backed-up", "disk")], &[]))),
        PackageOutcome::Denied
    );
}

#[test]
fn a_waiver_is_for_its_controls_and_resources_alone_and_ends() {
    let mut settings = settings(&["one"]);
    settings.level = PolicyLevel::Mandatory;
    settings.waivers = vec![waiver("one:a", "disk", NOW + 1)];
    // The check serves two controls, and one of them is not waived.
    let half = assessed(&settings, results(&[("encrypted", "disk")], &[]));
    assert_eq!(outcome(&half), PackageOutcome::Denied);
    assert_eq!(statuses(&half, "one")[0].1, ControlStatus::Waived);
    assert_eq!(statuses(&half, "one")[1].1, ControlStatus::NotSatisfied);

    settings.waivers = vec![waiver("encrypted", "disk*", NOW + 1)];
    let waived = assessed(&settings, results(&[("encrypted", "disk-1")], &[]));
    assert_eq!(outcome(&waived), PackageOutcome::Passed);
    assert!(waived.judgement(PolicyLevel::Mandatory, "", "").1.findings[0].excepted);
    assert_eq!(
        outcome(&assessed(&settings, results(&[("encrypted", "other")], &[]))),
        PackageOutcome::Denied
    );

    settings.waivers = vec![waiver("encrypted", "disk*", NOW)];
    let expired = assessed(&settings, results(&[("encrypted", "disk-1")], &[]));
    assert_eq!(outcome(&expired), PackageOutcome::Denied);
    assert_eq!(expired.expired.len(), 1);
}

#[test]
fn a_control_without_its_framework_is_meant_in_each_and_one_that_there_is_not_is_an_error() {
    let mut both = settings(&["one", "two"]);
    both.controls = vec![ControlLevel {
        control: text("A"),
        level: PolicyLevel::Mandatory,
    }];
    let rules = ControlRules::new(&both, &catalogue()).unwrap();
    for framework in ["one", "two"] {
        let key = (framework.to_owned(), "a".to_owned());
        assert_eq!(rules.level("encrypted", &key), PolicyLevel::Mandatory);
    }
    both.waivers = vec![waiver("one:q", "disk", NOW + 1)];
    let errors = ControlRules::new(&both, &catalogue()).unwrap_err();
    assert!(
        matches!(&errors[0], ControlError::Control { name, .. } if name == "one:q"),
        "{errors:?}"
    );
    let errors = ControlRules::new(&settings(&["three"]), &catalogue()).unwrap_err();
    assert!(
        matches!(&errors[0], ControlError::Framework { name, .. } if name == "three"),
        "{errors:?}"
    );
}

#[test]
fn no_report_lets_what_somebody_wrote_become_form() {
    let mut settings = settings(&["one"]);
    settings.waivers = vec![waiver("encrypted", "*", NOW + 1)];
    let assessment = assessed(
        &settings,
        results(&[("encrypted", "a<b>|c"), ("logged", "x")], &[]),
    );
    let report = Report {
        project: "p".to_owned(),
        stack: "s".to_owned(),
        time: "2026-11-22T12:00:00Z".to_owned(),
        version: "1.0.0".to_owned(),
        evidence: (7, "abc".to_owned()),
        simulated: false,
        framework: &assessment.frameworks[0],
        assessment: &assessment,
    };
    let html = report.render(ReportFormat::Html);
    assert!(
        html.contains("a&lt;b&gt;|c") && !html.contains("<b>") && html.contains("&lt;a&gt;"),
        "{html}"
    );
    let junit = report.render(ReportFormat::Junit);
    assert!(junit.contains("&lt;b&gt;") && !junit.contains("<b>"), "{junit}");
    assert!(
        report.render(ReportFormat::Csv).contains(",'=ticket <b>"),
        "{}",
        report.render(ReportFormat::Csv)
    );
    assert!(report.render(ReportFormat::Markdown).contains("a\\<b\\>\\|c"));
    let sarif: serde_json::Value = serde_json::from_str(&report.render(ReportFormat::Sarif)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<bool> = results
        .iter()
        .map(|result| result.get("suppressions").is_some())
        .collect();
    assert_eq!(suppressed, [true, false]);
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["region"],
        serde_json::json!({ "startLine": 3, "startColumn": 5 })
    );
}
