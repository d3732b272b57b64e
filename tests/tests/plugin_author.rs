//! What the author of a plugin does: `konductor plugin new`, `test`, `build`, `check`, `docs` and `dev`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use konductor_tests::{Kinto, Project, holds, node_programs, python_environment, root, rust_tools};
use serde_json::Value;

const USER: &str = "deploy:change-me-please";

/// Starts a plugin in a folder of its own.
fn started(name: &str, language: &str) -> Project {
    let project = Project::empty().with_rust_tools();
    let new = ["plugin", "new", name, "--folder", ".", "--language", language];
    project.run(new).succeeds().says("README.md says the rest");
    project
}

fn event(text: &str, name: &str) -> Value {
    let mut events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = events.rfind(|event| event["event"] == name);
    found.unwrap_or_else(|| panic!("there should be {name}:\n{text}"))
}

/// Lets the kit make, change and delete objects on a server, and deploys the example there.
fn assert_it_works_on_a_real_server(project: &Project, name: &str) {
    let server = Kinto::of_script(&project.folder().join("example/server.py"));
    let variable = format!("KONDUCTOR_{}__ENDPOINT_URL", name.to_uppercase());
    let place = server.url();
    let environment = [(variable.as_str(), place.as_str())];
    let check = ["plugin", "check", "--conformance", "--json"];
    let checked = project.run_with(check, &environment).succeeds();
    let summary = event(&checked.stdout, "plugin-checked");
    assert!(summary["passed"].as_u64().unwrap() >= 20, "{summary}");
    assert_eq!(server.at("/v1/buckets", USER)["data"], serde_json::json!([]));

    project
        .run_with(["-C", "example", "run", "--yes"], &environment)
        .succeeds();
    assert_eq!(server.at("/v1/buckets/shelf", USER)["data"]["owner"], "librarian");
    project
        .run_with(["-C", "example", "plan", "--detailed-exitcode"], &environment)
        .succeeds();
}

#[test]
fn a_new_plugin_in_rust_is_tested_built_checked_and_documented() {
    let project = started("board", "rust");
    project.run(["plugin", "test"]).succeeds();
    let built = project.run(["plugin", "build", "--json"]).succeeds();
    let built = event(&built.stdout, "plugin-built");
    assert_eq!(
        (&built["name"], &built["version"]),
        (&"board".into(), &"0.1.0".into())
    );
    project.run(["plugin", "check"]).succeeds();

    // Neither where it was built nor by whom stands in what others run.
    let component = fs::read(project.folder().join("build/board.wasm")).unwrap();
    let tools = rust_tools();
    let homes = tools
        .iter()
        .filter(|(name, _)| *name == "CARGO_HOME" || *name == "KONDUCTOR_SDK");
    for place in homes
        .map(|(_, place)| place.as_str())
        .chain([project.folder().to_str().unwrap()])
    {
        assert!(!holds(&component, place), "{place} stands in the component");
    }

    project.run(["plugin", "docs"]).succeeds();
    let page = project.read("docs/board.store.Bucket.md");
    for expected in [
        "# board:store:Bucket",
        "A bucket: the outermost folder",
        "| `owner` | text | Who answers for it. |",
        "A change of `name` means a new object.",
        "konductor import board:store:Bucket NAME shelf",
        "properties: { name: shelf",
    ] {
        assert!(page.contains(expected), "{expected} should stand in\n{page}");
    }
    assert!(
        project
            .read("docs/README.md")
            .contains("[board:store:Bucket](board.store.Bucket.md)")
    );
    assert_it_works_on_a_real_server(&project, "board");
}

#[test]
fn the_same_sources_give_the_same_bytes_wherever_they_lie() {
    let digest = || {
        let project = started("board", "rust");
        let built = project.run(["plugin", "build", "--json"]).succeeds();
        event(&built.stdout, "plugin-built")["digest"].clone()
    };
    assert_eq!(digest(), digest());
}

#[test]
fn a_new_plugin_in_python_is_tested_built_and_checked() {
    let project = started("shelves", "python");
    // The environment that the repository's own Python plugin is built with, and the SDK beside it.
    std::os::unix::fs::symlink(python_environment(), project.folder().join(".venv")).unwrap();
    let sdk = root().join("sdk/python").display().to_string();
    assert!(project.read("requirements.txt").contains(&format!("-e {sdk}")));
    let project = project.with_environment("PYTHONPATH", &sdk);
    project.run(["plugin", "test"]).succeeds();
    project
        .run(["plugin", "build"])
        .succeeds()
        .says("built shelves 0.1.0");
    project.run(["plugin", "check"]).succeeds();
    assert_it_works_on_a_real_server(&project, "shelves");
}

/// Starts a plugin in TypeScript, and installs its packages as its README.md says.
fn started_in_typescript(name: &str) -> Project {
    let project = started(name, "javascript").with_node_tools();
    project.npm(&["install"]);
    project
}

#[test]
fn a_new_plugin_in_typescript_is_tested_built_and_checked() {
    let project = started_in_typescript("crates");
    let sdk = format!("\"file:{}\"", root().join("sdk/javascript").display());
    assert!(project.read("package.json").contains(&sdk));
    // Its format and its types; then what was locked is enough to install it again.
    project.npm(&["run", "check"]);
    project.npm(&["ci"]);
    project.run(["plugin", "test"]).succeeds().says("pass 2");
    let one = ["plugin", "test", "--", "--test-name-pattern=every page"];
    project.run(one).succeeds().says("pass 1");
    project
        .run(["plugin", "build"])
        .succeeds()
        .says("built crates 0.1.0");
    project.run(["plugin", "check"]).succeeds();
    assert_it_works_on_a_real_server(&project, "crates");
}

#[test]
fn dev_builds_a_plugin_in_typescript_again_and_survives_a_mistake() {
    let project = started_in_typescript("crates");
    let mut dev = project.start(["plugin", "dev", "--simulate", "--json"]);
    assert_eq!(dev.wait_for_event("plan")["summary"]["create"], 1);
    dev.wait_for_event("plugin-waiting");

    project.edit("src/api.ts", "import { Failure } from", "import { Failure from");
    assert_eq!(dev.wait_for_event("plugin-changed")["file"], "src/api.ts");
    let told = dev.wait_for_event("diagnostic");
    assert!(
        told["summary"]
            .as_str()
            .unwrap()
            .contains("konductor-componentize failed"),
        "{told}"
    );
    dev.wait_for_event("plugin-waiting");

    project.edit("src/api.ts", "import { Failure from", "import { Failure } from");
    dev.wait_for_event("plugin-changed");
    assert_eq!(dev.wait_for_event("plan")["summary"]["create"], 1);
}

#[test]
fn what_a_plugin_in_typescript_lacks_is_told_with_what_to_run() {
    let without_sdk = Project::empty();
    without_sdk
        .run(["plugin", "new", "crates", "--language", "javascript"])
        .fails_saying("is not published to npm")
        .says("konductor plugin new crates --language javascript --sdk konductor");
    assert!(!without_sdk.folder().join("crates").exists());

    let project = started("crates", "javascript").with_node_tools();
    for command in ["build", "test"] {
        project
            .run(["plugin", command])
            .fails_saying("its packages are not installed")
            .says("npm install");
    }
    project.write("package-lock.json", "{}");
    project.run(["plugin", "build"]).fails_saying("npm ci");
    fs::create_dir_all(project.folder().join("node_modules/@konductor/sdk")).unwrap();
    project
        .run(["plugin", "build"])
        .fails_saying("node_modules/@konductor/sdk is not built")
        .says("npm ci && npm run build");
    project.edit(
        "package.json",
        "\"main\": \"src/plugin.ts\"",
        "\"main\": \"src/plugn.ts\"",
    );
    project
        .run(["plugin", "build"])
        .fails_saying("names src/plugn.ts as \"main\", which is no file");
    project.edit("package.json", "  \"main\": \"src/plugn.ts\",\n", "");
    project
        .run(["plugin", "build"])
        .fails_saying("has no \"main\"")
        .says("\"main\": \"src/plugin.ts\"");

    // Of programs that a plugin in TypeScript needs, some are missing, or too old.
    let programs = project.folder().join("programs");
    fs::create_dir(&programs).unwrap();
    let path = programs.display().to_string();
    let environment = [("PATH", path.as_str())];
    project
        .run_with(["plugin", "build"], &environment)
        .fails_saying("node is not on PATH")
        .says("install Node.js 22.18 or newer, which brings npm: https://nodejs.org");
    std::os::unix::fs::symlink(node_programs().join("node"), programs.join("node")).unwrap();
    project
        .run_with(["plugin", "test"], &environment)
        .fails_saying("npm is not on PATH");
    fs::remove_file(programs.join("node")).unwrap();
    for (name, text) in [("node", "#!/bin/sh\necho v22.17.1\n"), ("npm", "#!/bin/sh\n")] {
        fs::write(programs.join(name), text).unwrap();
        let may_run = fs::Permissions::from_mode(0o755);
        fs::set_permissions(programs.join(name), may_run).unwrap();
    }
    project
        .run_with(["plugin", "build"], &environment)
        .fails_saying("the Node.js on PATH is 22.17.1");
}

#[test]
fn dev_builds_and_plans_again_when_a_source_changes_and_survives_a_mistake() {
    // A name of its own: cargo takes two folders with packages of one name for the same package, and the other tests
    // build into the same place.
    let project = started("journal", "rust");
    let mut dev = project.start(["plugin", "dev", "--simulate", "--json"]);
    let plan = dev.wait_for_event("plan");
    assert_eq!(plan["summary"]["create"], 1, "{plan}");
    dev.wait_for_event("plugin-waiting");

    project.edit(
        "src/bucket.rs",
        "    owner: Option<String>,",
        "    owner: Option<Strin>,",
    );
    assert_eq!(dev.wait_for_event("plugin-changed")["file"], "src/bucket.rs");
    let told = dev.wait_for_event("diagnostic");
    assert!(
        told["summary"].as_str().unwrap().contains("cargo build failed"),
        "{told}"
    );
    dev.wait_for_event("plugin-waiting");

    project.edit("src/bucket.rs", "Option<Strin>", "Option<String>");
    dev.wait_for_event("plugin-changed");
    let steps: Vec<Value> = (0..3).map(|_| dev.wait_for_event("plugin-step")).collect();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["compile", "pack", "plan"]);
    assert!(steps.iter().all(|step| step["seconds"].as_f64().unwrap() > 0.0));
    dev.wait_for_event("plugin-waiting");

    project.edit("example/konductor.yaml", "name: shelf, ", "name: shelf-two, ");
    assert_eq!(
        dev.wait_for_event("plugin-changed")["file"],
        "example/konductor.yaml"
    );
    dev.wait_for_event("plugin-waiting");
}

#[test]
fn what_cannot_be_started_or_built_is_told_with_what_to_do() {
    let project = Project::empty().with_rust_tools();
    project
        .run(["plugin", "new", "My_Plugin"])
        .fails_saying("`My_Plugin` cannot be the name of a plugin")
        .says("small letters");
    project
        .run(["plugin", "new", "board", "--sdk", "nowhere"])
        .fails_saying("nowhere is no checkout of Konductor");
    project.write("board/notes.txt", "mine");
    project
        .run(["plugin", "new", "board"])
        .fails_saying("is there already, and not empty");
    assert!(!Path::new(&project.folder().join("board/Cargo.toml")).exists());
    for command in ["build", "test", "dev"] {
        project
            .run(["plugin", command])
            .fails_saying("it has none of Cargo.toml, src/app.py, package.json")
            .says("konductor plugin new NAME");
    }
    project
        .run(["plugin", "docs"])
        .fails_saying("konductor plugin build");
    project.run(["plugin", "new", "shelf"]).succeeds();
    project.edit("shelf/Cargo.toml", "[\"cdylib\", \"rlib\"]", "[\"rlib\"]");
    project
        .run(["-C", "shelf", "plugin", "build"])
        .fails_saying("makes no component")
        .says("crate-type");
}
