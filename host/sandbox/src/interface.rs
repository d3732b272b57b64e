//! Whether a plugin and this host speak of the same interfaces, found out before it is compiled.
//!
//! The linker's own errors never mention versions, so names and versions are compared here first.

/// The package that defines the interface.
const PACKAGE: &str = "konductor:plugin";
/// The version this host offers. Before 1.0.0 another minor version is another interface.
const OFFERED: semver::Version = semver::Version::new(0, 1, 0);
/// What a plugin may import.
const IMPORTS: [&str; 5] = ["types", "cloud", "log", "clock", "random"];
/// What a plugin may export.
const EXPORTS: [&str; 5] = ["plugin", "provider", "operations", "module", "compliance"];
/// What a plugin with resource types exports beside `plugin`.
const PROVIDER_EXPORTS: [&str; 3] = ["provider", "operations", "module"];

/// The parts of the interface that a plugin has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The version it was built against.
    pub(crate) version: semver::Version,
    pub(crate) provider: bool,
    pub(crate) compliance: bool,
}

/// A name such as `wasi:sockets/tcp@0.2.6`, taken apart.
struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: Option<semver::Version>,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (path, version) = match name.split_once('@') {
            Some((path, version)) => (path, Some(semver::Version::parse(version).ok()?)),
            None => (name, None),
        };
        let (package, interface) = path.split_once('/')?;
        Some(Self {
            package,
            interface,
            version,
        })
    }
}

/// Tells whether a version links to another, by the rules of the component model.
fn links(wanted: &semver::Version, offered: &semver::Version) -> bool {
    if !wanted.pre.is_empty() || !offered.pre.is_empty() {
        return wanted == offered;
    }
    match (wanted.major, wanted.minor) {
        (0, 0) => wanted == offered,
        (0, minor) => offered.major == 0 && offered.minor == minor,
        (major, _) => offered.major == major,
    }
}

/// Says what to do about a version that does not link.
fn advice(wanted: &semver::Version) -> String {
    if *wanted > OFFERED {
        format!("use a newer konductor, or a release of the plugin built against {OFFERED}")
    } else {
        format!("use a release of the plugin built against {OFFERED}")
    }
}

fn check_version(verb: &str, interface: &str, version: Option<&semver::Version>) -> Option<String> {
    match version {
        Some(version) if links(version, &OFFERED) => None,
        Some(version) => Some(format!(
            "it {verb} {PACKAGE}/{interface} in version {version}, and this host offers version {OFFERED}: {}",
            advice(version)
        )),
        None => Some(format!(
            "it {verb} {PACKAGE}/{interface} without a version, and this host offers version {OFFERED}"
        )),
    }
}

fn check_import(import: &str) -> Option<String> {
    let Some(name) = Name::parse(import) else {
        return Some(format!("it imports `{import}`, which this host does not offer"));
    };
    match name.package {
        PACKAGE if IMPORTS.contains(&name.interface) => {
            check_version("imports", name.interface, name.version.as_ref())
        }
        PACKAGE => Some(format!(
            "it imports {import}, and this host offers only {} of {PACKAGE} {OFFERED}: use a newer konductor",
            IMPORTS.join(", ")
        )),
        "wasi:sockets" | "wasi:http" | "wasi:tls" => Some(format!(
            "it imports {import}: plugins have no network; requests to the cloud go through {PACKAGE}/cloud, \
             where the host signs them"
        )),
        "wasi:io" | "wasi:clocks" | "wasi:random" | "wasi:cli" | "wasi:filesystem" => {
            let version = name.version.as_ref()?;
            (!links(version, &semver::Version::new(0, 2, 0)) || (version.major, version.minor) != (0, 2))
                .then(|| {
                    format!(
                        "it imports {import}, and this host offers version 0.2 of {}",
                        name.package
                    )
                })
        }
        _ => Some(format!(
            "it imports {import}, which this host does not offer to plugins"
        )),
    }
}

/// Finds out which parts of the interface a component has, from the names in its bytes, or everything that is wrong
/// with it.
pub(crate) fn check(imports: &[&str], exports: &[&str]) -> Result<Parts, Vec<String>> {
    check_names(imports.iter().copied(), exports.iter().copied())
}

fn check_names<'a>(
    imports: impl Iterator<Item = &'a str>,
    exports: impl Iterator<Item = &'a str>,
) -> Result<Parts, Vec<String>> {
    let mut problems: Vec<String> = imports.filter_map(check_import).collect();
    let mut found = Vec::new();
    let mut version = None;
    for export in exports {
        // Toolchains add exports of their own (`init`, `wasi:cli/run`); they are never called.
        let Some(name) = Name::parse(export).filter(|name| name.package == PACKAGE) else {
            continue;
        };
        if !EXPORTS.contains(&name.interface) {
            continue;
        }
        problems.extend(check_version("exports", name.interface, name.version.as_ref()));
        found.push(name.interface);
        if name.interface == "plugin" {
            version = name.version;
        }
    }
    let has = |part: &str| found.contains(&part);
    if !has("plugin") {
        problems.push(format!(
            "it does not export {PACKAGE}/plugin@{OFFERED}, which every plugin must: is it a Konductor plugin?"
        ));
    }
    let missing: Vec<&str> = PROVIDER_EXPORTS.into_iter().filter(|part| !has(part)).collect();
    let provider = missing.is_empty();
    if !provider && missing.len() < PROVIDER_EXPORTS.len() {
        problems.push(format!(
            "it exports only a part of the world provider-plugin: {} is missing",
            missing.join(", ")
        ));
    } else if !provider && !has("compliance") && has("plugin") {
        problems.push(
            "it exports neither the interfaces of a provider (provider, operations, module) nor compliance"
                .to_owned(),
        );
    }
    match version {
        Some(version) if problems.is_empty() => Ok(Parts {
            version,
            provider,
            compliance: has("compliance"),
        }),
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUGIN: &str = "konductor:plugin/plugin@0.1.0";
    const COMPLIANCE: &str = "konductor:plugin/compliance@0.1.0";

    #[test]
    fn a_patch_version_links_and_another_minor_version_before_one_does_not() {
        let version = |text| semver::Version::parse(text).unwrap();
        assert!(links(&version("0.1.7"), &version("0.1.0")));
        assert!(!links(&version("0.2.0"), &version("0.1.0")));
        assert!(links(&version("1.4.0"), &version("1.1.0")));
        assert!(!links(&version("2.0.0"), &version("1.1.0")));
        assert!(!links(&version("0.0.1"), &version("0.0.2")));
        assert!(!links(&version("0.1.0-rc.1"), &version("0.1.0")));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let problems = check(
            &["konductor:plugin/cloud@0.9.0", "wasi:sockets/tcp@0.2.6", "odd"],
            &[PLUGIN, "konductor:plugin/provider@0.1.0"],
        )
        .unwrap_err();
        assert_eq!(
            problems,
            [
                "it imports konductor:plugin/cloud in version 0.9.0, and this host offers version 0.1.0: use a \
                 newer konductor, or a release of the plugin built against 0.1.0",
                "it imports wasi:sockets/tcp@0.2.6: plugins have no network; requests to the cloud go through \
                 konductor:plugin/cloud, where the host signs them",
                "it imports `odd`, which this host does not offer",
                "it exports only a part of the world provider-plugin: operations, module is missing",
            ]
        );
    }

    #[test]
    fn the_parts_of_a_plugin_are_found_beside_what_toolchains_add() {
        let parts = check(
            &["wasi:io/streams@0.2.6", "wasi:filesystem/types@0.2.6"],
            &["init", "wasi:cli/run@0.2.6", PLUGIN, COMPLIANCE],
        )
        .unwrap();
        assert!(parts.compliance && !parts.provider);
        assert_eq!(parts.version, OFFERED);
    }

    #[test]
    fn a_component_that_is_no_plugin_is_told_so() {
        let problems = check(&[], &["wasi:cli/run@0.2.6"]).unwrap_err();
        assert!(problems[0].contains("is it a Konductor plugin?"), "{problems:?}");
        let problems = check(&[], &[PLUGIN]).unwrap_err();
        assert!(problems[0].contains("neither"), "{problems:?}");
        let problems = check(&["wasi:io/streams@0.3.0"], &[PLUGIN, COMPLIANCE]).unwrap_err();
        assert!(problems[0].contains("offers version 0.2"), "{problems:?}");
    }
}
