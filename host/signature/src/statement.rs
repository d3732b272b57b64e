//! The in-toto statement that is signed: which bytes, which plugin version or package of policies, who built it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The kind of statement (in-toto attestation framework, version 1).
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The kind of predicate: SLSA provenance, version 1.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// Names the meaning of the external parameters that Konductor writes for a plugin: `plugin`, `version`, `interface`.
pub const BUILD_TYPE: &str = "https://konductor.dev/build/plugin/v1";
/// Names the meaning of the external parameters that Konductor writes for a package of policies: `package`.
pub const PACKAGE_BUILD_TYPE: &str = "https://konductor.dev/build/policy-package/v1";
/// The media type of the payload in the envelope.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// No text in a statement needs to be longer.
const TEXT_LIMIT: usize = 1024;

/// Says why a statement cannot be made or does not hold for some bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A field of the provenance is unusable.
    #[error("provenance: {field}: {reason}")]
    Provenance {
        /// The field: `builder`.
        field: &'static str,
        /// What was found and what is expected.
        reason: String,
    },
    /// The payload is no in-toto statement.
    #[error("dsseEnvelope.payload: not an in-toto statement: {reason}; have it signed again")]
    NotAStatement {
        /// What the parser says.
        reason: String,
    },
    /// A type is another one than expected.
    #[error("dsseEnvelope.payload: {field}: expected `{expected}`, found `{found}`; {advice}")]
    OtherType {
        /// The field: `predicateType`.
        field: &'static str,
        /// The only accepted type.
        expected: &'static str,
        /// The type that was signed.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// The statement is about other bytes.
    #[error(
        "dsseEnvelope.payload: subject: the signature is for {}, what is here is sha256:{actual}; \
         fetch it again, or get the bundle that belongs to these bytes",
        listed(.signed)
    )]
    OtherSubject {
        /// The digests that were signed.
        signed: Vec<String>,
        /// The digest of the bytes at hand, in hexadecimal.
        actual: String,
    },
}

fn listed(digests: &[String]) -> String {
    if digests.is_empty() {
        return "no sha256 digest".to_owned();
    }
    let digests: Vec<String> = digests.iter().map(|digest| format!("sha256:{digest}")).collect();
    digests.join(", ")
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// A plugin.
    Plugin {
        /// Its name: `aws`.
        name: String,
        /// Its version.
        version: semver::Version,
        /// The interface it was built against: `konductor:plugin@0.1.0`.
        interface: String,
    },
    /// A package of policies.
    Package {
        /// Its name: `encryption`.
        name: String,
    },
}

impl Built {
    fn name(&self) -> &String {
        match self {
            Self::Plugin { name, .. } | Self::Package { name } => name,
        }
    }
}

/// What is said about how something came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What it is.
    pub built: Built,
    /// The URI of who built it: `https://ci.example.com/konductor`.
    pub builder: String,
    /// The builder's identifier of the run, if there is one.
    pub invocation: Option<String>,
    /// The source it was built from, if it is to be named.
    pub source: Option<SourceCode>,
}

/// A commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCode {
    /// The repository: `git+https://git.example.com/aws-plugin`.
    pub repository: String,
    /// The commit's full identifier.
    pub commit: String,
}

/// What a verified statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// The name the subject was given when it was signed.
    pub subject: String,
    /// The SHA-256 of the bytes in hexadecimal.
    pub sha256: String,
    /// The URI of who built it.
    pub builder: String,
    /// The kind of build, which decides what the external parameters mean.
    pub build_type: String,
    /// The plugin's name; only for Konductor's own kind of build of a plugin.
    pub plugin: Option<String>,
    /// The plugin's version; only for Konductor's own kind of build of a plugin.
    pub version: Option<semver::Version>,
    /// The interface it was built against; only for Konductor's own kind of build of a plugin.
    pub interface: Option<String>,
    /// The name of the package of policies; only for Konductor's own kind of build of one.
    pub package: Option<String>,
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

// The order of fields is the order in the payload: equal input gives equal bytes, so that a signature made elsewhere
// fits a statement that is built a second time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [WrittenSubject<'a>; 1],
    predicate_type: &'static str,
    predicate: WrittenPredicate<'a>,
}

#[derive(Serialize)]
struct WrittenSubject<'a> {
    name: &'a str,
    digest: Sha256Digest,
}

#[derive(Serialize)]
struct Sha256Digest {
    sha256: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPredicate<'a> {
    build_definition: WrittenBuild<'a>,
    run_details: WrittenRun<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenBuild<'a> {
    build_type: &'static str,
    external_parameters: WrittenParameters<'a>,
    resolved_dependencies: Vec<WrittenDependency<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WrittenParameters<'a> {
    Plugin {
        plugin: &'a str,
        version: String,
        interface: &'a str,
    },
    Package {
        package: &'a str,
    },
}

#[derive(Serialize)]
struct WrittenDependency<'a> {
    uri: &'a str,
    digest: CommitDigest<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommitDigest<'a> {
    git_commit: &'a str,
}

#[derive(Serialize)]
struct WrittenRun<'a> {
    builder: WrittenBuilder<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<WrittenMetadata<'a>>,
}

#[derive(Serialize)]
struct WrittenBuilder<'a> {
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata<'a> {
    invocation_id: &'a str,
}

/// Returns the payload to sign for some bytes.
pub(crate) fn write(bytes: &[u8], provenance: &Provenance) -> Result<Vec<u8>, StatementError> {
    let (build_type, external_parameters, interface) = match &provenance.built {
        Built::Plugin {
            name,
            version,
            interface,
        } => {
            let parameters = WrittenParameters::Plugin {
                plugin: name,
                version: version.to_string(),
                interface,
            };
            (BUILD_TYPE, parameters, Some(interface))
        }
        Built::Package { name } => {
            let parameters = WrittenParameters::Package { package: name };
            (PACKAGE_BUILD_TYPE, parameters, None)
        }
    };
    let texts = [
        ("name", Some(provenance.built.name())),
        ("interface", interface),
        ("builder", Some(&provenance.builder)),
        ("invocation", provenance.invocation.as_ref()),
        (
            "source.repository",
            provenance.source.as_ref().map(|source| &source.repository),
        ),
        (
            "source.commit",
            provenance.source.as_ref().map(|source| &source.commit),
        ),
    ];
    for (field, text) in texts {
        let problem = text.and_then(|text| unusable(text));
        if let Some(reason) = problem {
            return Err(StatementError::Provenance { field, reason });
        }
    }
    if !provenance.builder.contains(':') {
        return Err(StatementError::Provenance {
            field: "builder",
            reason: format!(
                "expected a URI such as `https://ci.example.com/konductor`, found `{}`",
                provenance.builder
            ),
        });
    }
    let written = Written {
        kind: STATEMENT_TYPE,
        subject: [WrittenSubject {
            name: provenance.built.name(),
            digest: Sha256Digest {
                sha256: sha256_hex(bytes),
            },
        }],
        predicate_type: PREDICATE_TYPE,
        predicate: WrittenPredicate {
            build_definition: WrittenBuild {
                build_type,
                external_parameters,
                resolved_dependencies: provenance
                    .source
                    .iter()
                    .map(|source| WrittenDependency {
                        uri: &source.repository,
                        digest: CommitDigest {
                            git_commit: &source.commit,
                        },
                    })
                    .collect(),
            },
            run_details: WrittenRun {
                builder: WrittenBuilder {
                    id: &provenance.builder,
                },
                metadata: provenance
                    .invocation
                    .as_deref()
                    .map(|invocation_id| WrittenMetadata { invocation_id }),
            },
        },
    };
    serde_json::to_vec(&written).map_err(|e| StatementError::NotAStatement {
        reason: e.to_string(),
    })
}

fn unusable(text: &str) -> Option<String> {
    if text.is_empty() {
        Some("it is empty".to_owned())
    } else if text.len() > TEXT_LIMIT {
        Some(format!("{} bytes are too long (limit {TEXT_LIMIT})", text.len()))
    } else if text.chars().any(char::is_control) {
        Some("it has control characters".to_owned())
    } else {
        None
    }
}

// What is read here was signed: fields that nobody asks about are no harm.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<ReadSubject>,
    predicate_type: String,
    #[serde(default)]
    predicate: serde_json::Value,
}

#[derive(Deserialize)]
struct ReadSubject {
    #[serde(default)]
    name: String,
    digest: ReadDigest,
}

#[derive(Deserialize)]
struct ReadDigest {
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadPredicate {
    build_definition: ReadBuild,
    run_details: ReadRun,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadBuild {
    build_type: String,
    #[serde(default)]
    external_parameters: serde_json::Value,
}

#[derive(Deserialize)]
struct ReadRun {
    builder: ReadBuilder,
}

#[derive(Deserialize)]
struct ReadBuilder {
    id: String,
}

#[derive(Deserialize)]
struct ReadPackage {
    package: String,
}

#[derive(Deserialize)]
struct ReadParameters {
    plugin: String,
    version: semver::Version,
    interface: String,
}

/// Reads a payload whose signature was verified and checks that it speaks of these bytes.
pub(crate) fn read(payload: &[u8], bytes: &[u8]) -> Result<StatementFacts, StatementError> {
    let not_a_statement = |e: serde_json::Error| StatementError::NotAStatement {
        reason: e.to_string(),
    };
    let statement: Read = serde_json::from_slice(payload).map_err(not_a_statement)?;
    if statement.kind != STATEMENT_TYPE {
        return Err(StatementError::OtherType {
            field: "_type",
            expected: STATEMENT_TYPE,
            found: shown(&statement.kind),
            advice: "have it signed again with an in-toto statement of version 1",
        });
    }
    let actual = sha256_hex(bytes);
    let subject = statement
        .subject
        .iter()
        .find(|subject| subject.digest.sha256.as_deref() == Some(actual.as_str()));
    let Some(subject) = subject else {
        return Err(StatementError::OtherSubject {
            signed: statement
                .subject
                .iter()
                .filter_map(|subject| subject.digest.sha256.as_deref().map(shown))
                .take(4)
                .collect(),
            actual,
        });
    };
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(StatementError::OtherType {
            field: "predicateType",
            expected: PREDICATE_TYPE,
            found: shown(&statement.predicate_type),
            advice: "build provenance is needed; other attestations say nothing about who built it",
        });
    }
    let predicate: ReadPredicate = serde_json::from_value(statement.predicate).map_err(not_a_statement)?;
    let build = predicate.build_definition;
    let parameters = build.external_parameters;
    let (mut plugin, mut version, mut interface, mut package) = (None, None, None, None);
    match build.build_type.as_str() {
        BUILD_TYPE => {
            let read: ReadParameters = serde_json::from_value(parameters).map_err(not_a_statement)?;
            plugin = Some(read.plugin);
            version = Some(read.version);
            interface = Some(read.interface);
        }
        PACKAGE_BUILD_TYPE => {
            let read: ReadPackage = serde_json::from_value(parameters).map_err(not_a_statement)?;
            package = Some(read.package);
        }
        _ => {}
    }
    let facts = StatementFacts {
        subject: subject.name.clone(),
        sha256: actual,
        builder: predicate.run_details.builder.id,
        build_type: build.build_type,
        plugin,
        version,
        interface,
        package,
    };
    let texts = [
        ("predicate.runDetails.builder.id", Some(&facts.builder)),
        ("predicate.buildDefinition.buildType", Some(&facts.build_type)),
        ("externalParameters.plugin", facts.plugin.as_ref()),
        ("externalParameters.interface", facts.interface.as_ref()),
        ("externalParameters.package", facts.package.as_ref()),
    ];
    for (field, text) in texts {
        if let Some(reason) = text.and_then(|text| unusable(text)) {
            return Err(StatementError::Provenance { field, reason });
        }
    }
    Ok(facts)
}

/// Cuts a text that came from outside down to what a message can show.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        Provenance {
            built: Built::Plugin {
                name: "aws".to_owned(),
                version: semver::Version::new(1, 4, 0),
                interface: "konductor:plugin@0.1.0".to_owned(),
            },
            builder: "https://ci.example.com/konductor".to_owned(),
            invocation: Some("42".to_owned()),
            source: Some(SourceCode {
                repository: "git+https://git.example.com/aws".to_owned(),
                commit: "0123456789012345678901234567890123456789".to_owned(),
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_is_the_same_each_time() {
        let payload = write(b"bytes", &provenance()).unwrap();
        assert_eq!(payload, write(b"bytes", &provenance()).unwrap());
        let facts = read(&payload, b"bytes").unwrap();
        assert_eq!(facts.version, Some(semver::Version::new(1, 4, 0)));
        assert_eq!(facts.builder, "https://ci.example.com/konductor");
        assert_eq!(facts.sha256, sha256_hex(b"bytes"));
    }

    #[test]
    fn a_statement_about_a_package_of_policies_says_its_name_and_no_plugins() {
        let provenance = Provenance {
            built: Built::Package {
                name: "encryption".to_owned(),
            },
            ..provenance()
        };
        let facts = read(&write(b"bytes", &provenance).unwrap(), b"bytes").unwrap();
        assert_eq!(facts.package.as_deref(), Some("encryption"));
        assert_eq!((facts.plugin, facts.version, facts.interface), (None, None, None));
        assert_eq!(facts.build_type, PACKAGE_BUILD_TYPE);
    }

    #[test]
    fn a_statement_about_other_bytes_names_both_digests() {
        let payload = write(b"bytes", &provenance()).unwrap();
        let error = read(&payload, b"others").unwrap_err().to_string();
        assert!(
            error.contains(&sha256_hex(b"bytes")) && error.contains(&sha256_hex(b"others")),
            "{error}"
        );
    }

    #[test]
    fn provenance_without_a_builder_or_with_control_characters_is_not_written() {
        for builder in ["", "somebody", "https://ci.example.com/\u{1b}[2J"] {
            let provenance = Provenance {
                builder: builder.to_owned(),
                ..provenance()
            };
            let error = write(b"bytes", &provenance).unwrap_err();
            assert!(
                matches!(error, StatementError::Provenance { field: "builder", .. }),
                "{error}"
            );
        }
    }
}
