//! The grammar of `${…}` inside text.
//!
//! | written | means |
//! |---|---|
//! | `${aws:vpc.cidr_block}` | the setting `vpc.cidr_block` of the namespace `aws` (`provider:aws:` is the same) |
//! | `${network.vpc_id}` | an output or attribute of the resource or component `network` |
//! | `${web["a"].id}`, `${web[0].id}`, `${web[each.key].id}` | the same of one instance of a resource with `for_each` or `count` |
//! | `${web.*.id}` | the same of all instances |
//! | `${stack:org/project/stack.output}` | an output of another stack; organization and project may be left out |
//! | `$$` | a dollar sign |
//!
//! A `$` before anything else is itself.

use konductor_model::{Path, PathStep, Reference, repetition};

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
            let path = with_own_keys(inner)?;
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

/// Reads a path in which `[each.key]` stands for what an instance knows of itself.
fn with_own_keys(text: &str) -> Result<Path, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some((at, step, after)) = own_key(rest) {
        let before = rest.get(..at).unwrap_or_default();
        let path: Path = before.parse().map_err(|error| format!("{error}"))?;
        steps.extend(path.steps().iter().cloned());
        steps.push(step);
        if !after.is_empty() && !after.starts_with(['.', '[']) {
            return Err(format!(
                "`{text}` is not a path: expected `.` or `[` before `{after}`"
            ));
        }
        rest = after
            .strip_prefix('.')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(after);
    }
    if !rest.is_empty() || steps.is_empty() {
        let path: Path = rest.parse().map_err(|error| format!("{error}"))?;
        steps.extend(path.steps().iter().cloned());
    }
    Ok(Path::from(steps))
}

/// Finds the first bracket with something an instance knows of itself: where it is, the step, and what comes after.
fn own_key(text: &str) -> Option<(usize, PathStep, &str)> {
    text.match_indices('[').find_map(|(at, _)| {
        let (inside, after) = text.get(at + 1..)?.split_once(']')?;
        Some((at, repetition::step(inside.trim())?, after))
    })
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
    fn an_instance_can_be_chosen_by_what_another_one_knows_of_itself() {
        let chosen = |text: &str| match parts(text).pop() {
            Some(Part::Resource(reference)) => repetition::written(&reference),
            other => panic!("{other:?}"),
        };
        for text in [
            "${web[each.key].id}",
            "${web[each.value.zone].rules[0].port}",
            "${web[count.index]}",
            "${web.*.id}",
            "${web[each.key][0]}",
        ] {
            assert_eq!(chosen(text), text);
        }
        assert!(
            parse("${web[each.key]id}")
                .unwrap_err()
                .reason
                .contains("expected `.`")
        );
        assert!(parse("${web[each.key].}").is_err());
        assert!(parse("${web[other.key].id}").is_err());
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
