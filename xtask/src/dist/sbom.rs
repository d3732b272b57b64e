//! The bill of materials, as CycloneDX 1.5 in JSON: every package that is in the binary or in a plugin.
//!
//! It carries no serial number and no time but the release's, so that the same sources give the same file.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::packages::{Dependencies, Dependency, Key};

/// A file of the release that packages are built into.
pub struct Built {
    /// The package it is built from.
    pub package: String,
    /// Where it stands in the archive.
    pub path: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Writes the bill of materials. `time` is in seconds since 1970.
///
/// # Errors
/// When the time is out of range, or a built file's package is not among the dependencies.
pub fn write(dependencies: &Dependencies, built: &[Built], compiler: &str, time: u64) -> Result<String> {
    let timestamp = jiff::Timestamp::from_second(i64::try_from(time)?).context("the time of the release")?;
    let release = format!("pkg:generic/konductor@{}", dependencies.version);
    let mut components = Vec::new();
    let mut graph = vec![json!({
        "ref": release,
        "dependsOn": built.iter().map(reference_of_file).collect::<Vec<_>>(),
    })];
    for file in built {
        let root = dependencies
            .packages
            .iter()
            .find(|(_, dependency)| dependency.package.name.as_str() == file.package)
            .with_context(|| format!("`{}` is not among the packages", file.package))?;
        components.push(json!({
            "type": "application",
            "bom-ref": reference_of_file(file),
            "name": file.path,
            "version": root.0.1,
            "hashes": [{ "alg": "SHA-256", "content": file.sha256 }],
            "licenses": [{ "expression": "Apache-2.0" }],
        }));
        graph.push(json!({ "ref": reference_of_file(file), "dependsOn": [reference(root)] }));
    }
    for entry in &dependencies.packages {
        components.push(component(entry));
        let needs = entry
            .1
            .needs
            .iter()
            .filter_map(|key| dependencies.packages.get_key_value(key));
        graph.push(json!({ "ref": reference(entry), "dependsOn": needs.map(reference).collect::<Vec<_>>() }));
    }
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": timestamp.to_string(),
            "component": {
                "type": "application",
                "bom-ref": release,
                "name": "konductor",
                "version": dependencies.version,
                "purl": release,
                "licenses": [{ "expression": "Apache-2.0" }],
            },
            "properties": [{ "name": "konductor:compiler", "value": compiler }],
        },
        "components": components,
        "dependencies": graph,
    });
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

fn component(entry: (&Key, &Dependency)) -> Value {
    let ((name, version), dependency) = entry;
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(entry),
        "name": name,
        "version": version,
        "scope": "required",
        "properties": [{
            "name": "konductor:used-in",
            "value": dependency.used_in.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        }],
    });
    let mut set = |member: &str, value| {
        if let Some(object) = component.as_object_mut() {
            object.insert(member.to_owned(), value);
        }
    };
    if let Some(licence) = &dependency.package.license {
        set(
            "licenses",
            json!([{ "expression": licence.replace('/', " OR ") }]),
        );
    }
    if let Some(checksum) = &dependency.checksum {
        set("hashes", json!([{ "alg": "SHA-256", "content": checksum }]));
    }
    // The project's own packages are in no registry.
    if !dependency.is_own() {
        set("purl", Value::String(reference(entry)));
    }
    component
}

fn reference(((name, version), dependency): (&Key, &Dependency)) -> String {
    if dependency.is_own() {
        format!("konductor:{name}@{version}")
    } else {
        format!("pkg:cargo/{name}@{version}")
    }
}

fn reference_of_file(file: &Built) -> String {
    format!("konductor:{}", file.path)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use cyclonedx_bom::models::bom::{Bom, SpecVersion};
    use cyclonedx_bom::validation::Validate as _;

    use super::*;

    fn dependency(name: &str, version: &str, own: bool, needs: &[(&str, &str)]) -> (Key, Dependency) {
        let package = serde_json::from_value(json!({
            "name": name,
            "version": version,
            "id": format!("{name} {version}"),
            "source": (!own).then_some("registry+https://github.com/rust-lang/crates.io-index"),
            "license": "MIT/Apache-2.0",
            "dependencies": [],
            "targets": [],
            "features": {},
            "manifest_path": "/cargo/registry/Cargo.toml",
        }));
        let dependency = Dependency {
            package: package.unwrap(),
            checksum: (!own).then(|| "ab".repeat(32)),
            used_in: BTreeSet::from(["konductor".to_owned()]),
            needs: needs
                .iter()
                .map(|(name, version)| ((*name).into(), (*version).into()))
                .collect(),
        };
        ((name.to_owned(), version.to_owned()), dependency)
    }

    fn bill() -> String {
        let dependencies = Dependencies {
            packages: BTreeMap::from([
                dependency("serde", "1.0.2", false, &[]),
                dependency("konductor-model", "0.1.0", true, &[("serde", "1.0.2")]),
                dependency("konductor", "0.1.0", true, &[("konductor-model", "0.1.0")]),
            ]),
            version: "0.1.0".to_owned(),
        };
        let built = [Built {
            package: "konductor".to_owned(),
            path: "bin/konductor".to_owned(),
            sha256: "cd".repeat(32),
        }];
        write(&dependencies, &built, "1.95.0", 1_750_000_000).unwrap()
    }

    #[test]
    fn the_bill_is_valid_by_a_library_that_did_not_write_it() {
        let bom = Bom::parse_from_json(bill().as_bytes()).unwrap();
        let verdict = bom.validate_version(SpecVersion::V1_5);
        assert!(verdict.passed(), "{verdict:?}");
        let components = bom.components.unwrap().0;
        let names: Vec<&str> = components.iter().map(|component| &*component.name).collect();
        assert_eq!(names, ["bin/konductor", "konductor", "konductor-model", "serde"]);
    }

    #[test]
    fn every_reference_is_to_a_component_and_nothing_is_left_to_chance() {
        let document: Value = serde_json::from_str(&bill()).unwrap();
        let mut known: BTreeSet<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["bom-ref"].as_str().unwrap())
            .collect();
        known.insert(document["metadata"]["component"]["bom-ref"].as_str().unwrap());
        for line in document["dependencies"].as_array().unwrap() {
            assert!(known.contains(line["ref"].as_str().unwrap()), "{line}");
            for reference in line["dependsOn"].as_array().unwrap() {
                assert!(known.contains(reference.as_str().unwrap()), "{line}");
            }
        }
        assert!(document.get("serialNumber").is_none());
        assert_eq!(document["metadata"]["timestamp"], "2025-06-15T15:06:40Z");
        assert_eq!(bill(), bill());
    }
}
