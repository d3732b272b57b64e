//! Checks that their authors start from the template, in each language: tested, built, tried on a document, and then the
//! same in front of a plan.

use std::fs;
use std::time::Instant;

use konductor_tests::{Finished, Project, python_environment, root};
use serde_json::{Value, json};

const RESOURCES: &str = "resources:
  one:
    type: reference:test:Item
    properties: { label: fine }
  owned:
    type: reference:test:Item
    properties: { label: fine }
    options: { metadata: { owner: platform } }
";

/// Starts checks in a folder of their own.
fn started(name: &str, language: &str) -> Project {
    let project = Project::empty().with_rust_tools();
    let new = [
        "plugin",
        "new",
        name,
        "--template",
        "checks",
        "--folder",
        ".",
        "--language",
        language,
    ];
    project
        .run(new)
        .succeeds()
        .says("konductor policy check --input example/plan.json --plugin build/");
    project
}

/// Tests and builds them, tries them on the plan that comes with them, and lets them judge one of Konductor.
fn assert_they_judge(author: &Project, name: &str) {
    let since = Instant::now();
    author.run(["plugin", "test"]).succeeds();
    author
        .run(["plugin", "build"])
        .succeeds()
        .says(&format!("built {name} 0.1.0"));
    println!("{name}: tested and built in {:.1?}", since.elapsed());
    author
        .run(["plugin", "check"])
        .fails_saying("has no resource types")
        .says("konductor policy check --input plan.json --plugin PLUGIN");
    let component = format!("build/{name}.wasm");
    let since = Instant::now();
    author
        .run([
            "policy",
            "check",
            "--input",
            "example/plan.json",
            "--plugin",
            &component,
        ])
        .fails_saying(&format!("example/plan.json is refused by the policies of {name}"))
        .says("nobody owns logs");
    println!("{name}: compiled and asked in {:.1?}", since.elapsed());

    let project = Project::from_text(
        &format!(
            "name: items\nplugins: {{ {name}: {{ source: ./{name}.wasm }} }}\npolicy:\n  packages:\n    - {{ name: acme, \
             plugin: {name}, level: mandatory }}\n{RESOURCES}"
        ),
        "config: {}\n",
    );
    fs::copy(
        author.folder().join(&component),
        project.folder().join(format!("{name}.wasm")),
    )
    .unwrap();
    assert_levels_hold(&project);
}

/// The first package of the decision.
fn package(finished: &Finished) -> Value {
    let events = finished.events();
    let decision = events.iter().find(|event| event["event"] == "policy-decision");
    decision.unwrap_or_else(|| panic!("should have judged: {finished}"))["packages"][0].clone()
}

fn assert_levels_hold(project: &Project) {
    let since = Instant::now();
    let refused = package(&project.run(["run", "--yes", "--json"]).ends_with(1));
    println!("refused in {:.1?}", since.elapsed());
    // In every language the same.
    assert_eq!(
        (&refused["outcome"], &refused["rules"], &refused["findings"]),
        (
            &json!("denied"),
            &json!(["owner", "deletion"]),
            &json!([{
                "rule": "owner", "message": "nobody owns one",
                "details": {
                    "resource": "one", "address": "reference:test:Item.one", "place": "konductor.yaml:7:3",
                    "urn": "urn:konductor:items:dev:reference:test:Item::one",
                },
            }])
        )
    );
    assert!(project.objects().is_empty());

    project.edit("konductor.yaml", "level: mandatory", "level: soft-mandatory");
    project
        .run(["run", "--yes"])
        .fails_saying("--override-policy 'acme=REASON'");
    let overridden = ["run", "--yes", "--json", "--override-policy", "acme=ticket 4711"];
    let overridden = package(&project.run(overridden).succeeds());
    assert_eq!(
        (
            &overridden["outcome"],
            &overridden["override_reason"],
            &overridden["findings"]
        ),
        (&json!("overridden"), &json!("ticket 4711"), &refused["findings"])
    );
    assert_eq!(project.objects().len(), 2);

    project.edit("konductor.yaml", "level: soft-mandatory", "level: advisory");
    let owned = project.read("konductor.yaml").find("  owned:").unwrap();
    let without = project.read("konductor.yaml")[..owned].to_owned();
    project.write("konductor.yaml", &without);
    let advised = package(&project.run(["run", "--yes", "--json"]).succeeds());
    assert_eq!(advised["outcome"], "advised");
    let messages: Vec<&Value> = advised["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["message"])
        .collect();
    assert_eq!(messages, ["nobody owns one", "owned is deleted"]);
    assert_eq!(advised["findings"][1]["warning"], true);
}

#[test]
fn checks_in_rust_are_tested_built_and_judge() {
    assert_they_judge(&started("rust-checks", "rust"), "rust-checks");
}

#[test]
fn checks_in_python_are_tested_built_and_judge() {
    let author = started("python-checks", "python");
    // The environment that the repository's own Python plugin is built with, and the SDK beside it.
    std::os::unix::fs::symlink(python_environment(), author.folder().join(".venv")).unwrap();
    let sdk = root().join("sdk/python").display().to_string();
    let author = author.with_environment("PYTHONPATH", &sdk);
    assert_they_judge(&author, "python-checks");
    author.edit("pyproject.toml", "compliance-plugin", "complaince-plugin");
    author
        .run(["plugin", "build"])
        .fails_saying("pyproject.toml names the world `complaince-plugin`, and there is none")
        .says("there are provider-plugin, compliance-plugin");
}

#[test]
fn checks_in_typescript_are_tested_built_and_judge() {
    let author = started("typescript-checks", "javascript").with_node_tools();
    author.npm(&["install"]);
    // Its format and its types.
    author.npm(&["run", "check"]);
    assert_they_judge(&author, "typescript-checks");
}
