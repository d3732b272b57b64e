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
    let file = root().join("target/plugins").join(format!("{name}.wasm"));
    assert!(
        file.is_file(),
        "{} is missing: run `cargo xtask plugins` first",
        file.display()
    );
    file
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
pub(crate) fn python() -> PathBuf {
    let python = root().join("target/venv/bin/python");
    assert!(
        python.is_file(),
        "{} is missing: run `cargo xtask python` first",
        python.display()
    );
    python
}

/// Returns the program of the OCI registry.
pub(crate) fn registry() -> PathBuf {
    let program = root().join("target/registry/usr/bin/docker-registry");
    assert!(
        program.is_file(),
        "{} is missing: run `cargo xtask registry` first",
        program.display()
    );
    program
}
