//! The layers of configuration, and the ones that are not files.

use std::fmt;
use std::sync::Arc;

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, PathStep};
use serde::{Deserialize, Serialize};

use crate::located::{Located, Node};
use crate::scalar::text_or_json;

/// Where a setting comes from; a later layer wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// What Konductor itself knows: the project's name, the stack's name.
    BuiltIn,
    /// The defaults a plugin gives for its module.
    PluginDefaults,
    /// `config/organization.yaml` or the file named by `ORG_CONFIG`.
    Organization,
    /// `config:` of `konductor.yaml`.
    Project,
    /// `config:` of `konductor.STACK.yaml`.
    Stack,
    /// Variables such as `KONDUCTOR_AWS__REGION`.
    Environment,
    /// `--set aws.region=…`.
    CommandLine,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "built in",
            Self::PluginDefaults => "plugin defaults",
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Stack => "stack",
            Self::Environment => "environment",
            Self::CommandLine => "command line",
        })
    }
}

/// What a variable must start with to be configuration.
pub const ENVIRONMENT_PREFIX: &str = "KONDUCTOR_";

/// Makes a layer of the variables that are configuration. A name without `__` after the prefix, such as
/// `KONDUCTOR_LOG`, is not configuration and is left alone.
pub(crate) fn environment_layer(variables: &[(String, String)], diagnostics: &mut Diagnostics) -> Located {
    let mut root = Located::empty_map(Origin::described("the environment"), Layer::Environment);
    let mut sorted: Vec<_> = variables.iter().collect();
    // The order of the environment is accidental; two runs must not differ by it.
    sorted.sort();
    for (name, text) in sorted {
        let Some(rest) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        if !rest.contains("__") {
            continue;
        }
        let origin = Origin::described(format!("environment variable {name}"));
        let steps: Vec<_> = rest.split("__").map(str::to_lowercase).collect();
        if steps.iter().any(String::is_empty) {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` names no setting"))
                    .detail("expected names separated by `__`, for example KONDUCTOR_AWS__REGION")
                    .origin(Some(origin)),
            );
            continue;
        }
        let value = text_or_json(text, &origin, Layer::Environment);
        put(&mut root, &steps, value, &origin, diagnostics);
    }
    root
}

/// Makes a layer of `--set` arguments such as `aws.region=us-west-2`; a later one wins.
pub(crate) fn command_line_layer(arguments: &[String], diagnostics: &mut Diagnostics) -> Located {
    let mut root = Located::empty_map(Origin::described("the command line"), Layer::CommandLine);
    for argument in arguments {
        let Some((path, text)) = split_assignment(argument) else {
            // The argument is not repeated: what stands after `=` may be a secret.
            diagnostics.push(
                Diagnostic::error("`--set` names no setting")
                    .detail("expected `path=value`, for example `--set aws.region=us-west-2`")
                    .origin(Some(Origin::described("--set"))),
            );
            continue;
        };
        let origin = Origin::described(format!("--set {path}"));
        let steps: Option<Vec<String>> = path
            .steps()
            .iter()
            .map(|step| match step {
                PathStep::Attribute(name) => Some(name.clone()),
                PathStep::Index(_) => None,
            })
            .collect();
        let Some(steps) = steps else {
            diagnostics.push(
                Diagnostic::error(format!("`--set {path}` names a position in a list"))
                    .help("give the whole list as JSON, for example `--set 'aws.zones=[\"a\",\"b\"]'`")
                    .origin(Some(origin)),
            );
            continue;
        };
        let value = text_or_json(text, &origin, Layer::CommandLine);
        put(&mut root, &steps, value, &origin, diagnostics);
    }
    root
}

/// Splits at the first `=` that leaves a path before it, since a quoted name may hold `=` itself.
fn split_assignment(argument: &str) -> Option<(Path, &str)> {
    argument
        .match_indices('=')
        .find_map(|(at, _)| Some((argument.get(..at)?.trim().parse().ok()?, argument.get(at + 1..)?)))
}

fn put(root: &mut Located, steps: &[String], value: Located, origin: &Origin, diagnostics: &mut Diagnostics) {
    let mut here = root;
    let Some((last, parents)) = steps.split_last() else {
        return;
    };
    let layer = here.layer;
    for step in parents {
        let Node::Map(map) = &mut here.node else {
            diagnostics.push(nested_below_a_value(origin, &here.origin));
            return;
        };
        here = map
            .entry(step.clone())
            .or_insert_with(|| Box::new(Located::empty_map(origin.clone(), layer)));
    }
    let blocked = here.origin.clone();
    match &mut here.node {
        Node::Map(map) => {
            map.insert(last.clone(), Box::new(value));
        }
        _ => diagnostics.push(nested_below_a_value(origin, &blocked)),
    }
}

fn nested_below_a_value(origin: &Origin, other: &Origin) -> Diagnostic {
    Diagnostic::error("this sets something below a value that is not a map")
        .detail(format!("{other} sets that value"))
        .help("remove one of the two")
        .origin(Some(origin.clone()))
        .related(other.clone(), "the value is set here")
}

/// Makes the layer of one module's plugin defaults.
pub(crate) fn defaults_layer(
    namespace: &str,
    value: &konductor_model::Value,
    described_by: impl Into<Arc<str>>,
) -> Located {
    let origin = Origin::described(described_by);
    let mut root = Located::empty_map(origin.clone(), Layer::PluginDefaults);
    if let Node::Map(map) = &mut root.node {
        map.insert(
            namespace.to_owned(),
            Box::new(Located::from_value(value, &origin, Layer::PluginDefaults)),
        );
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_model::Value;

    fn variables(pairs: &[(&str, &str)]) -> (Value, Diagnostics) {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        let mut diagnostics = Diagnostics::default();
        let value = environment_layer(&pairs, &mut diagnostics).to_value();
        (value, diagnostics)
    }

    #[test]
    fn double_underscores_separate_levels_and_json_gives_types() {
        let (value, diagnostics) = variables(&[
            ("KONDUCTOR_AWS__REGION", "us-west-2"),
            ("KONDUCTOR_AWS__VPC__ENABLE_DNS", "true"),
            ("KONDUCTOR_AWS__ZONES", r#"["a", 2]"#),
            ("KONDUCTOR_AWS__RATE", "0.10"),
        ]);
        assert!(diagnostics.is_empty(), "{diagnostics}");
        assert_eq!(
            format!("{value:?}"),
            r#"{"aws": {"rate": 0.10, "region": "us-west-2", "vpc": {"enable_dns": true}, "zones": ["a", 2]}}"#
        );
    }

    #[test]
    fn names_without_double_underscores_and_other_prefixes_are_not_configuration() {
        let (value, diagnostics) = variables(&[
            ("KONDUCTOR_LOG", "debug"),
            ("AWS_REGION", "x"),
            ("AWS__REGION", "x"),
        ]);
        assert!(diagnostics.is_empty());
        assert_eq!(value, Value::empty_map());
    }

    #[test]
    fn a_variable_without_a_name_between_separators_is_refused() {
        let (_, diagnostics) = variables(&[("KONDUCTOR_AWS____REGION", "x"), ("KONDUCTOR_A__", "x")]);
        assert_eq!(diagnostics.0.len(), 2);
        assert!(
            diagnostics
                .to_string()
                .contains("environment variable KONDUCTOR_AWS____REGION")
        );
    }

    #[test]
    fn set_takes_paths_with_quoted_names_and_the_last_one_wins() {
        let mut diagnostics = Diagnostics::default();
        let arguments = [
            "aws.region=a",
            "aws.region=b=c",
            r#"aws.tags["x=y"]=1"#,
            "aws.none=null",
        ]
        .map(str::to_owned);
        let layer = command_line_layer(&arguments, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics}");
        assert_eq!(
            format!("{:?}", layer.to_value()),
            r#"{"aws": {"region": "b=c", "tags": {"x=y": 1}}}"#
        );
    }

    #[test]
    fn every_malformed_set_is_reported_without_its_value() {
        let mut diagnostics = Diagnostics::default();
        let arguments = ["..=hunter2", "noequals", "a[0]=1", "a.b=1", "a.b.c=2"].map(str::to_owned);
        command_line_layer(&arguments, &mut diagnostics);
        assert_eq!(diagnostics.0.len(), 4, "{diagnostics}");
        assert!(!diagnostics.to_string().contains("hunter2"));
    }
}
