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
    let runs: Vec<(String, String)> = names
        .iter()
        .flat_map(|name| {
            stacks(&examples.join(name))
                .into_iter()
                .map(|stack| (name.clone(), stack))
        })
        .collect();
    assert!(
        runs.len() > names.len(),
        "one example has several stacks: {runs:?}"
    );
    for (name, stack) in runs {
        let project = Project::from_example(&name).with_environment("KONDUCTOR_STACK", &stack);
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

/// Returns the names of an example's stacks.
fn stacks(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let stack = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stack = name.strip_prefix("konductor.")?.strip_suffix(".yaml")?;
        Some(stack.to_owned())
    };
    files.filter_map(stack).collect()
}
