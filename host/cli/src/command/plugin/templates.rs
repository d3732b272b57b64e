//! The files of a new plugin. They lie in `templates/` beside this crate's sources and are part of the binary.

use std::path::PathBuf;

use crate::arguments::{Language, Template};

/// Where the sources of this version are.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Where a plugin takes the SDK from.
pub enum Sdk {
    /// The release of this version, from its repository.
    Released,
    /// A checkout on this machine.
    Checkout(PathBuf),
}

macro_rules! template {
    ($($name:literal from $file:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../templates/", $file)))),*]
    };
}

type Files = &'static [(&'static str, &'static str)];

const SHARED: Files = template!(
    ".gitignore" from "shared/gitignore",
    "conformance.yaml" from "shared/conformance.yaml",
    "example/konductor.yaml" from "shared/example/konductor.yaml",
    "example/konductor.dev.yaml" from "shared/example/konductor.dev.yaml",
    // The one that the example in Python is tried on.
    "example/server.py" from "../../../examples/plugins/python-kinto/server.py",
);

const RUST: Files = template!(
    "Cargo.toml" from "rust/Cargo.toml.template",
    "rustfmt.toml" from "rust/rustfmt.toml",
    "README.md" from "rust/README.md",
    "src/lib.rs" from "rust/src/lib.rs",
    "src/api.rs" from "rust/src/api.rs",
    "src/bucket.rs" from "rust/src/bucket.rs",
    "tests/bucket.rs" from "rust/tests/bucket.rs",
);

const PYTHON: Files = template!(
    "pyproject.toml" from "python/pyproject.toml",
    "requirements.txt" from "python/requirements.txt",
    "README.md" from "python/README.md",
    "src/app.py" from "python/src/app.py",
    "src/{{module}}_plugin.py" from "python/src/plugin.py",
    "tests/test_bucket.py" from "python/tests/test_bucket.py",
);

const JAVASCRIPT: Files = template!(
    "package.json" from "javascript/package.json",
    "tsconfig.json" from "javascript/tsconfig.json",
    ".prettierignore" from "javascript/prettierignore",
    "README.md" from "javascript/README.md",
    "src/plugin.ts" from "javascript/src/plugin.ts",
    "src/api.ts" from "javascript/src/api.ts",
    "src/bucket.ts" from "javascript/src/bucket.ts",
    "tests/bucket.test.ts" from "javascript/tests/bucket.test.ts",
);

const CHECKS_SHARED: Files = template!(
    ".gitignore" from "shared/gitignore",
    "example/plan.json" from "checks/shared/example/plan.json",
);

const CHECKS_RUST: Files = template!(
    "Cargo.toml" from "checks/rust/Cargo.toml.template",
    "rustfmt.toml" from "rust/rustfmt.toml",
    "README.md" from "checks/rust/README.md",
    "src/lib.rs" from "checks/rust/src/lib.rs",
    "tests/checks.rs" from "checks/rust/tests/checks.rs",
);

const CHECKS_PYTHON: Files = template!(
    "pyproject.toml" from "checks/python/pyproject.toml",
    "requirements.txt" from "checks/python/requirements.txt",
    "README.md" from "checks/python/README.md",
    "src/app.py" from "checks/python/src/app.py",
    "src/{{module}}_checks.py" from "checks/python/src/checks.py",
    "tests/test_checks.py" from "checks/python/tests/test_checks.py",
);

const CHECKS_JAVASCRIPT: Files = template!(
    "package.json" from "checks/javascript/package.json",
    "tsconfig.json" from "javascript/tsconfig.json",
    ".prettierignore" from "javascript/prettierignore",
    "README.md" from "checks/javascript/README.md",
    "src/plugin.ts" from "checks/javascript/src/plugin.ts",
    "tests/checks.test.ts" from "checks/javascript/tests/checks.test.ts",
);

/// Returns the files of a new plugin: the place in its folder, and the text.
pub fn files(template: Template, language: Language, name: &str, sdk: &Sdk) -> Vec<(String, String)> {
    let (shared, own) = match (template, language) {
        (Template::Provider, Language::Rust) => (SHARED, RUST),
        (Template::Provider, Language::Python) => (SHARED, PYTHON),
        (Template::Provider, Language::Javascript) => (SHARED, JAVASCRIPT),
        (Template::Checks, Language::Rust) => (CHECKS_SHARED, CHECKS_RUST),
        (Template::Checks, Language::Python) => (CHECKS_SHARED, CHECKS_PYTHON),
        (Template::Checks, Language::Javascript) => (CHECKS_SHARED, CHECKS_JAVASCRIPT),
    };
    let module = name.replace('-', "_");
    let places = [
        ("{{name}}", name.to_owned()),
        ("{{crate}}", module.clone()),
        ("{{module}}", module),
        ("{{sdk}}", crate_of(sdk, "konductor-sdk")),
        ("{{sdk_compliance}}", crate_of(sdk, "konductor-sdk-compliance")),
        ("{{sdk_test}}", crate_of(sdk, "konductor-sdk-test")),
        ("{{sdk_python}}", distribution_of(sdk)),
        ("{{sdk_javascript}}", package_of(sdk)),
    ];
    let filled = |text: &str| {
        places
            .iter()
            .fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
    };
    shared
        .iter()
        .chain(own)
        .map(|(file, text)| (filled(file), filled(text)))
        .collect()
}

/// Returns a crate as a dependency in a manifest.
fn crate_of(sdk: &Sdk, name: &str) -> String {
    match sdk {
        Sdk::Released => format!(
            "{{ git = \"{REPOSITORY}\", tag = \"v{}\" }}",
            env!("CARGO_PKG_VERSION")
        ),
        Sdk::Checkout(folder) => {
            let path = folder.join("sdk").join(name).display().to_string();
            format!("{{ path = {} }}", serde_json::Value::from(path))
        }
    }
}

/// Returns the Python SDK as a requirement.
fn distribution_of(sdk: &Sdk) -> String {
    match sdk {
        Sdk::Released => format!(
            "konductor-sdk @ git+{REPOSITORY}@v{}#subdirectory=sdk/python",
            env!("CARGO_PKG_VERSION")
        ),
        Sdk::Checkout(folder) => format!("-e {}", folder.join("sdk/python").display()),
    }
}

/// Returns the JavaScript SDK as a dependency. No registry has it, so without a checkout there is only its version.
fn package_of(sdk: &Sdk) -> String {
    let place = match sdk {
        Sdk::Released => env!("CARGO_PKG_VERSION").to_owned(),
        Sdk::Checkout(folder) => format!("file:{}", folder.join("sdk/javascript").display()),
    };
    serde_json::Value::from(place).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_every_template_is_filled() {
        let checkout = Sdk::Checkout("/somewhere/konductor".into());
        for language in [Language::Rust, Language::Python, Language::Javascript] {
            for sdk in [&Sdk::Released, &checkout] {
                for template in [Template::Provider, Template::Checks] {
                    for (file, text) in files(template, language, "board", sdk) {
                        assert!(!file.contains("{{") && !text.contains("{{"), "{file}:\n{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn without_a_checkout_the_sdk_is_the_release_of_this_version() {
        let manifest = |sdk: &Sdk| {
            let files = files(Template::Provider, Language::Rust, "board", sdk);
            let manifest = files.into_iter().find(|(file, _)| file == "Cargo.toml");
            manifest.unwrap().1
        };
        let version = env!("CARGO_PKG_VERSION");
        let released = format!("konductor-sdk = {{ git = \"{REPOSITORY}\", tag = \"v{version}\" }}");
        assert!(manifest(&Sdk::Released).contains(&released));
        let path = "konductor-sdk = { path = \"/somewhere/sdk/konductor-sdk\" }";
        assert!(manifest(&Sdk::Checkout("/somewhere".into())).contains(path));
    }
}
