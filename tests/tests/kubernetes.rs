//! The manifests for Kubernetes: held strictly against its schemas by a tool of its own, and against what the binary
//! understands.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use konductor_tests::{Project, kubernetes_environment, root};
use serde_json::Value;

/// Prints, for each container of a manifest, the time that its pod has to end and its arguments, as JSON.
const CONTAINERS: &str = r#"
import json, sys, yaml
def pods(node):
    if isinstance(node, dict):
        if "containers" in node:
            yield node
        for value in node.values():
            yield from pods(value)
for document in yaml.safe_load_all(open(sys.argv[1])):
    for pod in pods(document):
        for container in pod["containers"]:
            print(json.dumps([pod.get("terminationGracePeriodSeconds"), container["args"]]))
"#;

fn manifests() -> Vec<PathBuf> {
    let folder = root().join("deploy/kubernetes");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

fn validated(file: &Path) -> Output {
    Command::new(kubernetes_environment().join("bin/kubernetes-validate"))
        .args(["--strict", "--kubernetes-version", "1.37"])
        .arg(file)
        .env_clear()
        .output()
        .expect("kubernetes-validate can be started")
}

#[test]
fn every_manifest_follows_the_schemas_of_kubernetes() {
    for file in manifests() {
        let checked = validated(&file);
        let said = String::from_utf8_lossy(&checked.stderr) + String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{}: {said}", file.display());
    }
}

#[test]
fn a_slip_in_a_manifest_is_noticed() {
    let text = std::fs::read_to_string(root().join("deploy/kubernetes/workers.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("terminationGracePeriodSeconds:", "terminationGracePeriod:"),
        ("replicas: 4", "replicas: four"),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let file = folder.path().join("slip.yaml");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        assert!(!validated(&file).status.success(), "{to}");
    }
}

#[test]
fn the_command_lines_in_the_manifests_are_ones_that_konductor_takes() {
    let project = Project::empty();
    let mut commands = Vec::new();
    for file in manifests() {
        let printed = Command::new(kubernetes_environment().join("bin/python"))
            .args(["-c", CONTAINERS])
            .arg(&file)
            .env_clear()
            .output()
            .unwrap();
        assert!(
            printed.status.success(),
            "{}",
            String::from_utf8_lossy(&printed.stderr)
        );
        for line in String::from_utf8(printed.stdout).unwrap().lines() {
            let container: Value = serde_json::from_str(line).unwrap();
            let arguments: Vec<&str> = container[1]
                .as_array()
                .unwrap()
                .iter()
                .map(|argument| argument.as_str().unwrap())
                .collect();
            project.run([&arguments[..], &["--help"]].concat()).succeeds();
            commands.push(arguments[0].to_owned());
            if arguments[0] == "worker" {
                let grace = arguments
                    .iter()
                    .find_map(|argument| argument.strip_prefix("--grace="));
                assert_eq!(grace, Some("5m"));
                // Five minutes to finish, and one to give back.
                assert_eq!(container[0], 360);
            }
        }
    }
    commands.sort();
    assert_eq!(commands, ["queue", "worker"]);
}
