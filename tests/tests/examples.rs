//! Every example against the simulated cloud: it runs, and running it again changes nothing.

use std::path::Path;

use konductor_tests::Project;

#[test]
fn every_example_runs_and_then_plans_nothing() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("examples");
    let mut names: Vec<String> = std::fs::read_dir(&examples)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("konductor.yaml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let project = Project::from_example(&name);
        // Some have secrets, which the state keeps sealed.
        project.run(["config", "key", "generate"]).succeeds();
        project.run(["run", "--simulate", "--yes"]).succeeds();
        project
            .run(["plan", "--simulate", "--detailed-exitcode"])
            .ends_with(0);
        project.run(["run", "--simulate", "--yes"]).succeeds();
        project.run(["destroy", "--simulate", "--yes"]).succeeds();
        project
            .run(["plan", "--simulate", "--detailed-exitcode"])
            .ends_with(2);
    }
}
