//! What results of checks come to, by the frameworks, levels and waivers of a site.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the functions of tests"
)]

use konductor_compliance::assessment::{Assessment, ControlStatus, assess};
use konductor_compliance::control_tags::controls_by_type;
use konductor_compliance::controls::{ControlCatalogue, ControlError, ControlRules};
use konductor_compliance::report::{Monitoring, Report, ReportFormat};
use konductor_compliance::tightening::{ResourceMetadata, TIGHTENED, resource_metadata};
use konductor_model::compliance::{
    Check, CheckOutcome, CheckResult, ComplianceAnswer, ComplianceSettings, Control, ControlLevel, Framework,
    PlacedText, Tightening, Waiver,
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
    assess(answer, &rules, &ResourceMetadata::new(), NOW)
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
        monitoring: Monitoring::default(),
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

fn level(control: &str, level: PolicyLevel) -> ControlLevel {
    ControlLevel {
        control: text(control),
        level,
    }
}

/// Says of the resources `urn:NAME` what their data is.
fn classified(names: &[(&str, &str)]) -> ResourceMetadata {
    let entries: Vec<_> = names
        .iter()
        .map(|(name, class)| {
            let metadata = serde_json::json!({ "data": class, "owner": "ada" });
            serde_json::json!({ "konductor": { "urn": format!("urn:{name}"), "metadata": metadata } })
        })
        .collect();
    resource_metadata(&serde_json::json!({ "resource_changes": entries }).to_string()).unwrap()
}

/// Returns the check, the resource and the level of each finding.
fn levels(assessment: &Assessment) -> Vec<(String, String, PolicyLevel)> {
    let findings = assessment.findings.iter();
    findings
        .map(|finding| {
            let result = &finding.result;
            (
                result.check.clone(),
                result.name.clone(),
                finding.level().unwrap(),
            )
        })
        .collect()
}

fn restricted(controls: Vec<ControlLevel>) -> Tightening {
    Tightening {
        metadata: [(
            "data".to_owned(),
            vec!["restricted".to_owned(), "secret".to_owned()],
        )]
        .into(),
        controls,
        ..Tightening::default()
    }
}

#[test]
fn what_is_said_of_a_resource_makes_a_control_stricter_for_it_alone() {
    let mut settings = settings(&["one"]);
    settings.tighten = vec![restricted(vec![level("one:b", PolicyLevel::Mandatory)])];
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    let failing = [
        ("encrypted", "open"),
        ("encrypted", "disk"),
        ("backed-up", "disk"),
    ];
    let metadata = classified(&[("open", "public"), ("disk", "restricted"), ("x", "restricted")]);
    let assessment = assess(results(&failing, &[]), &rules, &metadata, NOW);
    let expected = [
        ("encrypted", "open", PolicyLevel::Advisory),
        ("encrypted", "disk", PolicyLevel::Mandatory),
        ("backed-up", "disk", PolicyLevel::Advisory),
    ];
    assert_eq!(
        levels(&assessment),
        expected.map(|(check, name, level)| (check.to_owned(), name.to_owned(), level))
    );
    // A rule never loosens.
    settings.level = PolicyLevel::Mandatory;
    settings.tighten[0].controls[0].level = PolicyLevel::Advisory;
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    let assessment = assess(results(&failing, &[]), &rules, &metadata, NOW);
    let mut controls = assessment.findings.iter().flat_map(|finding| &finding.controls);
    assert!(controls.all(|control| control.level == PolicyLevel::Mandatory));
}

#[test]
fn a_check_that_no_framework_asks_for_counts_where_a_rule_demands_it_and_nowhere_else() {
    let mut settings = settings(&["two"]);
    let pattern = level("back*", PolicyLevel::Mandatory);
    settings.tighten = vec![restricted(vec![pattern])];
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    assert!(rules.asks_about("backed-up") && rules.names_checks());
    let answer = results(
        &[("backed-up", "open"), ("backed-up", "disk")],
        &[("backed-up", "safe")],
    );
    let metadata = classified(&[("open", "public"), ("disk", "secret"), ("safe", "secret")]);
    let assessment = assess(answer.clone(), &rules, &metadata, NOW);
    let expected = ("backed-up".to_owned(), "disk".to_owned(), PolicyLevel::Mandatory);
    assert_eq!(levels(&assessment), [expected]);
    let tightened = assessment.frameworks.last().unwrap();
    assert_eq!(tightened.id, TIGHTENED);
    assert_eq!(
        statuses(&assessment, TIGHTENED),
        [("backed-up".to_owned(), ControlStatus::NotSatisfied)]
    );
    // What the rule is not about is no result of its control.
    assert_eq!(tightened.controls[0].results, [1, 2]);

    settings.waivers = vec![waiver("backed-up", "disk", NOW + 1)];
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    let waived = assess(answer, &rules, &metadata, NOW);
    assert_eq!(outcome(&waived), PackageOutcome::Passed);
    assert_eq!(statuses(&waived, TIGHTENED)[0].1, ControlStatus::Waived);
}

#[test]
fn a_finding_makes_another_check_of_the_same_resource_stricter_even_where_it_is_waived() {
    let mut settings = settings(&["one"]);
    settings.tighten = vec![Tightening {
        findings: vec![text("one:c")],
        controls: vec![level("logged", PolicyLevel::Mandatory)],
        ..Tightening::default()
    }];
    settings.waivers = vec![waiver("backed-up", "disk", NOW + 1)];
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    let failing = [("backed-up", "disk"), ("logged", "disk"), ("logged", "other")];
    let assessment = assess(results(&failing, &[]), &rules, &ResourceMetadata::new(), NOW);
    let of = |index: usize| assessment.findings[index].level();
    assert_eq!(of(0), None, "it is waived");
    assert_eq!(of(1), Some(PolicyLevel::Mandatory));
    assert_eq!(of(2), Some(PolicyLevel::Advisory));
    // Both conditions have to hold where both are said.
    settings.tighten[0].metadata = [("owner".to_owned(), vec!["ada".to_owned()])].into();
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    let assessment = assess(results(&failing, &[]), &rules, &ResourceMetadata::new(), NOW);
    assert_eq!(assessment.findings[1].level(), Some(PolicyLevel::Advisory));
}

#[test]
fn a_rule_that_names_what_there_is_not_is_an_error_and_the_strictest_level_knows_rules() {
    let mut settings = settings(&["one"]);
    settings.tighten = vec![restricted(vec![level("logged", PolicyLevel::Mandatory)])];
    let rules = ControlRules::new(&settings, &catalogue()).unwrap();
    assert_eq!(rules.strictest_level(), PolicyLevel::Mandatory);
    settings.tighten[0]
        .controls
        .push(level("*-own-key", PolicyLevel::Mandatory));
    settings.tighten[0].findings = vec![text("zzz")];
    let errors = ControlRules::new(&settings, &catalogue()).unwrap_err();
    let names: Vec<&str> = errors.iter().map(|error| error.names().0).collect();
    assert_eq!(names, ["zzz", "*-own-key"]);
}

#[test]
fn the_controls_of_a_type_are_those_that_a_check_of_it_serves_in_the_order_of_the_framework() {
    let mut known = catalogue();
    for (check, types) in known.checks.iter_mut().zip([
        vec![
            "cloud:disk:Disk".to_owned(),
            "cloud:any:Resource Store/Disks".to_owned(),
        ],
        vec!["cloud:disk:Disk".to_owned()],
        vec!["cloud:key:Key".to_owned()],
    ]) {
        check.types = types;
    }
    let found = controls_by_type(&[text("two:Z"), text("one"), text("one:a")], &known).unwrap();
    let of = |resource_type: &str| {
        let of_type = found.get(resource_type).cloned().unwrap_or_default();
        let each = of_type
            .into_iter()
            .map(|(framework, controls)| format!("{framework}: {}", controls.join(" ")));
        each.collect::<Vec<_>>()
    };
    assert_eq!(of("cloud:disk:disk"), ["one: a b", "two: z"]);
    assert_eq!(of("cloud:any:resource store/disks"), ["one: a b", "two: z"]);
    assert_eq!(of("cloud:key:key"), ["one: c"]);
    let errors = controls_by_type(&[text("one:q"), text("three"), text("two")], &known).unwrap_err();
    let names: Vec<&str> = errors.iter().map(|error| error.names().0).collect();
    assert_eq!(names, ["one:q", "three"]);
}
