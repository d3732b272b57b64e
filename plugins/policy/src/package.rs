//! What can be changed in a file only when the other files of its package are known.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::adaptation::{Edit, applied};
use crate::tokens::{Token, is_path, is_too_deep, of, statements, tokens};
use crate::{bodies, references, replacements};

/// What came of the files of a package.
#[derive(Debug)]
pub(crate) struct Resolved<'f> {
    /// Their texts.
    pub(crate) texts: Vec<Cow<'f, str>>,
    /// Modules that stand beside them.
    pub(crate) modules: Vec<String>,
}

/// A file with what is declared in it.
pub(crate) struct Module<'f> {
    pub(crate) text: &'f str,
    pub(crate) tokens: Vec<Token>,
    pub(crate) package: Vec<&'f str>,
    pub(crate) rules: BTreeSet<&'f str>,
    pub(crate) functions: BTreeSet<&'f str>,
}

/// Returns the texts of a package as the engine reads them together.
pub(crate) fn resolved<'f>(mut texts: Vec<Cow<'f, str>>, data: &serde_json::Value) -> Resolved<'f> {
    let (edits, modules) = changes(&texts, data);
    for (text, edits) in texts.iter_mut().zip(edits) {
        if !edits.is_empty() {
            *text = Cow::Owned(applied(text, edits).into_owned());
        }
    }
    Resolved { texts, modules }
}

/// Returns what changes in each text, and the modules that are needed for it.
fn changes(texts: &[Cow<'_, str>], data: &serde_json::Value) -> (Vec<Vec<Edit>>, Vec<String>) {
    let modules: Option<Vec<Module<'_>>> = texts.iter().map(|text| module(text)).collect();
    // What is below a name is not known where one package has a name that is not read here.
    let Some(modules) = modules else {
        return (Vec::new(), Vec::new());
    };
    let mut edits = vec![Vec::new(); modules.len()];
    let beside = references::changes(&modules, data, &mut edits);
    bodies::changes(&modules, &mut edits);
    replacements::changes(&modules, &mut edits);
    (edits, beside)
}

/// Reads what a file declares; none where its package has another form than names with dots, or it is nested too deep.
fn module(text: &str) -> Option<Module<'_>> {
    let tokens = tokens(text);
    if is_too_deep(&tokens) {
        return None;
    }
    let mut module = Module {
        text,
        tokens: Vec::new(),
        package: Vec::new(),
        rules: BTreeSet::new(),
        functions: BTreeSet::new(),
    };
    for statement in statements(&tokens) {
        let mut words = statement.iter().map(|token| of(text, token));
        match words.next()? {
            "package" => {
                let path = statement.get(1..)?;
                let line = path.iter().position(|token| token.first).unwrap_or(path.len());
                let path = path.get(..line)?;
                is_path(text, path).then_some(())?;
                module.package = path.iter().step_by(2).map(|token| of(text, token)).collect();
            }
            "import" => {}
            "default" => {
                module.rules.extend(words.next());
            }
            name if words.next() == Some("(") => {
                module.functions.insert(name);
            }
            name => {
                module.rules.insert(name);
            }
        }
    }
    (!module.package.is_empty()).then_some(())?;
    module.tokens = tokens;
    Some(module)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn together(texts: &[&str], data: &Value) -> (Vec<String>, Vec<String>) {
        let resolved = resolved(texts.iter().map(|text| Cow::Borrowed(*text)).collect(), data);
        (
            resolved.texts.iter().map(ToString::to_string).collect(),
            resolved.modules,
        )
    }

    const A: &str = "package t.a\ndeny[m] { m := input.a }\n";
    const B: &str = "package t.b\ndeny[m] { m := input.b }\nother = 1\n";

    #[test]
    fn a_reference_by_a_name_that_is_not_known_is_a_call() {
        let asking = "package c\nf(x) = y {\n  y := data.t[x].deny with input as 1\n  not data[\"t\"][x][\"deny\"]\n}\ng = [n | data.t[n].other\n  n]\nh = data.t[_].deny\n";
        let (texts, modules) = together(&[A, B, asking], &Value::Null);
        assert_eq!(
            texts.last().map(String::as_str),
            Some(
                "package c\nf(x) = y {\n  data.konductor_own.references.names_1[x]; y := data.konductor_own.references.value_1(x) with input as 1\n  not data.konductor_own.references.value_1(x)\n}\ng = [n | data.konductor_own.references.names_2[n]; data.konductor_own.references.value_2(n)\n  n]\nh = data.t[_].deny\n"
            )
        );
        assert_eq!(
            modules,
            [
                "package konductor_own.references\n\nimport rego.v1\n\nnames_1 contains \"a\"\nvalue_1(\"a\") := data[\"t\"][\"a\"][\"deny\"]\nnames_1 contains \"b\"\nvalue_1(\"b\") := data[\"t\"][\"b\"][\"deny\"]\nnames_2 contains \"b\"\nvalue_2(\"b\") := data[\"t\"][\"b\"][\"other\"]\n"
            ]
        );
    }

    #[test]
    fn a_reference_stays_where_not_all_that_it_means_is_known() {
        let asking = "package c\np { data.t[x].deny }\n";
        let stays = |others: &[&str], data: Value, asking: &str| {
            let texts: Vec<&str> = others.iter().copied().chain([asking]).collect();
            let (found, modules) = together(&texts, &data);
            assert_eq!(found.last().map(String::as_str), Some(asking));
            assert!(modules.is_empty(), "{modules:?}");
        };
        // Data, a package of the same name, a rule, another form of a package's name, and what `with` replaces in part.
        stays(&[A, B], json!({ "t": { "c": 1 } }), asking);
        stays(&[A, "package t\nd = 1\n"], Value::Null, asking);
        stays(&[A, "package t[\"b-c\"]\n"], Value::Null, asking);
        stays(
            &[A, "package z\np { q with data.t.a as 1 }\n"],
            Value::Null,
            asking,
        );
        stays(&["package d\n"], Value::Null, asking);
        for asking in [
            "package c\np { data.t[x] }\n",
            "package c\np { data.t[\"a\"].deny }\n",
            "package c\np { data.t.a.deny[x] }\n",
            "package c\np { not data.t[_].deny }\n",
            "package c\np { data.t[x].none }\n",
        ] {
            stays(&[A, B], Value::Null, asking);
        }
    }

    #[test]
    fn what_with_replaces_is_asked_by_the_names_that_it_has() {
        let asking = "package c\nimport data.t\np { data.t[x].deny }\ntest_p { p with t as {\"z\": 1} }\nq { data.t[x].deny with data.t as {} }\n";
        let (texts, modules) = together(&[A, asking], &Value::Null);
        assert_eq!(
            texts.last().map(String::as_str),
            Some(
                "package c\nimport data.t\np { data.konductor_own.references.names_1[x]; data.konductor_own.references.value_1(x) }\ntest_p { p with t as {\"z\": 1} }\nq { data.t[x].deny with data.t as {} }\n"
            )
        );
        assert_eq!(
            modules.last().map(String::as_str),
            Some("package t.konductor_own\n\nhere := true\n")
        );
    }

    #[test]
    fn the_bodies_of_a_function_in_another_file_have_a_name_of_their_own() {
        let one = "package a\nf(1, _) = 2\n";
        let other = "package a\nf([x,\n y], z) = 3 { f(x, y) }\nf(x, y) = 4\n";
        let (texts, _) = together(&[one, other, "package b\nf(x) = 1\n"], &Value::Null);
        assert_eq!(
            texts,
            [
                "package a\nf(1, _) = 2\n\nf(argument_1, argument_2) = konductor_own_1_f(argument_1, argument_2)\n",
                "package a\nkonductor_own_1_f([x,\n y], z) = 3 { f(x, y) }\nkonductor_own_1_f(x, y) = 4\n",
                "package b\nf(x) = 1\n",
            ]
        );
    }

    #[test]
    fn a_rule_that_with_replaces_is_named_by_its_whole_path() {
        let one = "package a\nimport data.shared\np { q with r as 1 with input.x as 2 with shared as 3 with time.now_ns as 4 }\nshared = 1\n";
        let (texts, _) = together(&[one, "package a\nr = 5\n"], &Value::Null);
        assert_eq!(
            texts.first().map(String::as_str),
            Some(
                "package a\nimport data.shared\np { q with data.a.r as 1 with input.x as 2 with shared as 3 with time.now_ns as 4 }\nshared = 1\n"
            )
        );
        let (texts, _) = together(&[one, "package b\nr = 5\n"], &Value::Null);
        assert_eq!(texts.first().map(String::as_str), Some(one));
    }
}
