//! The grammar of `${…}` inside text.
//!
//! | written | means |
//! |---|---|
//! | `${aws:vpc.cidr_block}` | the setting `vpc.cidr_block` of the namespace `aws` (`provider:aws:` is the same) |
//! | `${network.vpc_id}` | an output or attribute of the resource or component `network` |
//! | `${stack:org/project/stack.output}` | an output of another stack; organization and project may be left out |
//! | `$$` | a dollar sign |
//!
//! A `$` before anything else is itself.

use konductor_model::{Path, PathStep, Reference};

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands, escapes undone.
    Literal(String),
    /// A setting; the first step is the namespace.
    Configuration(Path),
    /// An attribute of a resource.
    Resource(Reference),
    /// An output of another stack.
    Stack(StackReference),
}

/// Names an output of another stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackReference {
    /// The organization; none for this project's own.
    pub organization: Option<String>,
    /// The project; none for this one.
    pub project: Option<String>,
    /// The stack.
    pub stack: String,
    /// The output and what is read below it.
    pub output: Path,
}

/// Says what is wrong with a `${…}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TemplateError {
    /// What was expected.
    pub reason: String,
    /// The `${…}` as written, or what there is of it.
    pub written: String,
}

/// A piece with the text it was written as, to find its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPart {
    /// What it means.
    pub part: Part,
    /// What was written, for example `${aws:region}`.
    pub written: String,
}

/// Splits a text at its `${…}`. Literals are never empty; a text without any `${…}` has at most one part.
///
/// # Errors
/// When a `${` is not closed or holds no reference.
pub fn parse(text: &str) -> Result<Vec<WrittenPart>, TemplateError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
        } else if let Some(inside) = after.strip_prefix('{') {
            let Some((inner, after)) = inside.split_once('}') else {
                return Err(TemplateError {
                    reason: "`${` is not closed: a `}` is missing".to_owned(),
                    written: format!("${{{inside}"),
                });
            };
            flush(&mut literal, &mut parts);
            let written = format!("${{{inner}}}");
            let part = reference(inner.trim()).map_err(|reason| TemplateError {
                reason,
                written: written.clone(),
            })?;
            parts.push(WrittenPart { part, written });
            rest = after;
        } else {
            literal.push('$');
            rest = after;
        }
    }
    literal.push_str(rest);
    flush(&mut literal, &mut parts);
    Ok(parts)
}

fn flush(literal: &mut String, parts: &mut Vec<WrittenPart>) {
    if !literal.is_empty() {
        let text = std::mem::take(literal);
        parts.push(WrittenPart {
            written: text.clone(),
            part: Part::Literal(text),
        });
    }
}

/// Writes a text so that [`parse`] reads it back as it stands.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

fn reference(inner: &str) -> Result<Part, String> {
    let inner = inner.strip_prefix("provider:").unwrap_or(inner);
    if inner.is_empty() {
        return Err("`${}` names nothing".to_owned());
    }
    if inner.contains("${") {
        return Err("`${` cannot stand inside `${…}`".to_owned());
    }
    // A colon before any `.` or `[` ends a namespace; later ones belong to quoted names.
    match inner.find([':', '.', '[']) {
        Some(at) if inner.get(at..).is_some_and(|rest| rest.starts_with(':')) => {
            let (namespace, path) = inner.split_once(':').unwrap_or((inner, ""));
            if namespace.is_empty() {
                return Err("a namespace is missing before `:`".to_owned());
            }
            if namespace == "stack" {
                return stack(path).map(Part::Stack);
            }
            let path: Path = path.parse().map_err(|error| format!("{error}"))?;
            Ok(Part::Configuration(Path::attribute(namespace).join(&path)))
        }
        _ => {
            let path: Path = inner.parse().map_err(|error| format!("{error}"))?;
            match path.steps().split_first() {
                Some((PathStep::Attribute(resource), below)) => Ok(Part::Resource(Reference {
                    resource: resource.clone(),
                    path: Path::from(below.to_vec()),
                })),
                _ => Err("a reference starts with a name".to_owned()),
            }
        }
    }
}

fn stack(text: &str) -> Result<StackReference, String> {
    let expected = || "expected `${stack:organization/project/stack.output}`".to_owned();
    let (name, output) = text.split_once('.').ok_or_else(expected)?;
    let output: Path = output.parse().map_err(|error| format!("{error}"))?;
    let parts: Vec<&str> = name.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(expected());
    }
    let owned = |text: &str| Some(text.to_owned());
    let (organization, project, stack) = match parts.as_slice() {
        [organization, project, stack] => (owned(organization), owned(project), *stack),
        [project, stack] => (None, owned(project), *stack),
        [stack] => (None, None, *stack),
        _ => return Err(expected()),
    };
    Ok(StackReference {
        organization,
        project,
        stack: stack.to_owned(),
        output,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Vec<Part> {
        parse(text).unwrap().into_iter().map(|p| p.part).collect()
    }

    #[test]
    fn each_kind_of_reference_is_told_apart() {
        assert_eq!(
            parts("${provider:aws:vpc.cidr[0]}"),
            [Part::Configuration("aws.vpc.cidr[0]".parse().unwrap())]
        );
        assert_eq!(
            parts("a-${ aws/vpc/public-a.tags[\"a:b\"] }-$5 $$"),
            [
                Part::Literal("a-".into()),
                Part::Resource(Reference {
                    resource: "aws/vpc/public-a".into(),
                    path: r#"tags["a:b"]"#.parse().unwrap(),
                }),
                Part::Literal("-$5 $".into()),
            ]
        );
        let Some(Part::Stack(stack)) = parts("${stack:acme/net/prod.vpc.id}").pop() else {
            panic!("expected a stack reference");
        };
        assert_eq!(stack.organization.as_deref(), Some("acme"));
        assert_eq!(stack.output, "vpc.id".parse().unwrap());
        let Some(Part::Stack(stack)) = parts("${stack:prod.id}").pop() else {
            panic!("expected a stack reference");
        };
        assert_eq!((stack.project, stack.stack.as_str()), (None, "prod"));
    }

    #[test]
    fn escapes_keep_references_literal() {
        assert_eq!(parts("$${aws:region}"), [Part::Literal("${aws:region}".into())]);
    }

    #[test]
    fn malformed_references_say_what_is_missing() {
        for (text, reason) in [
            ("x ${aws:region", "is missing"),
            ("${}", "names nothing"),
            ("${a${b}}", "inside"),
            ("${:x}", "namespace"),
            ("${stack:x}", "${stack:organization/project/stack.output}"),
            ("${stack:a//c.d}", "${stack:organization/project/stack.output}"),
            ("${a..b}", "is not a path"),
            ("${[0]}", "starts with a name"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn an_escaped_text_reads_back_as_itself(text in "[a$ {}:.]{0,24}|.{0,24}") {
            let read: String = parse(&escape(&text))
                .unwrap()
                .into_iter()
                .map(|p| match p.part { Part::Literal(text) => text, other => panic!("{other:?}") })
                .collect();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a$ {}:.\\[\\]\"/]{0,24}") {
            let _ = parse(&text);
        }
    }
}
