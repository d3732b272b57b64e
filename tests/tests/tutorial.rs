//! The tutorial, typed as it stands.

use std::fs;
use std::process::Command;

use konductor_tests::{Project, binary, root, rust_tools};

/// Returns the text of every block that a reader types.
fn typed() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let mut blocks = text.split("\n```sh\n");
    blocks.next();
    blocks
        .map(|rest| rest.split("\n```\n").next().unwrap().to_owned())
        .collect()
}

/// Returns a port that nobody listens on.
#[allow(
    clippy::disallowed_types,
    reason = "the port that a reader has to himself is taken here by chance"
)]
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_tutorial_typed_into_an_empty_folder_gives_a_plugin_that_passes_and_is_published() {
    let blocks = typed();
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    let project = Project::empty();
    let script = format!("set -euo pipefail\n{}\n", blocks.join("\n"));
    project.write("tutorial.sh", &script);
    let port = free_port();
    let tools = rust_tools();
    let path = tools.iter().find(|(name, _)| *name == "PATH").unwrap().1.clone();
    let konductor = binary();
    let output = Command::new("bash")
        .arg("tutorial.sh")
        .current_dir(project.folder())
        .env_clear()
        .envs(tools)
        .env(
            "PATH",
            format!("{}:{path}", konductor.parent().unwrap().display()),
        )
        .env("HOME", project.home())
        .env("XDG_CACHE_HOME", root().join("target/test-cache"))
        // The only thing that differs from what a reader types: a port of this test's own.
        .env("PORT", port.to_string())
        .env(
            "KONDUCTOR_BOARD__ENDPOINT_URL",
            format!("http://127.0.0.1:{port}"),
        )
        .output()
        .unwrap();
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if let Ok(process) = fs::read_to_string(project.folder().join("board/server.pid")) {
        // It is gone already where the script came to its end.
        let _ = Command::new("kill").arg(process).output();
    }
    assert!(output.status.success(), "{}\n{told}\n{errors}", output.status);

    // Three checks, two of them with a server, and the last of both types.
    let checks: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("board 0.1.0: "))
        .collect();
    assert_eq!(checks.len(), 3, "{told}");
    assert!(
        checks.iter().all(|line| line.contains(", 0 failed, ")),
        "{checks:?}"
    );
    let page = project.read("board/docs/board.store.Collection.md");
    assert!(
        page.contains("For how many seconds answers may be kept."),
        "{page}"
    );
    let built = fs::read(project.folder().join("board/build/board.wasm")).unwrap();
    let lock = project.read("board/site/konductor.lock");
    assert!(lock.contains("mirror"), "{lock}");
    let is_published = files_below(&project.folder().join("board/mirror"))
        .iter()
        .any(|file| fs::read(file).unwrap() == built);
    assert!(is_published, "the mirror should hold the component");
    assert!(told.contains("destroy") || told.contains("delete"), "{told}");
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
