//! What cannot be changed agrees with what Google publishes.

use std::collections::BTreeMap;

use konductor_sdk::model::schema::AttributeKind;
use konductor_sdk::prelude::*;

use super::catalogue::DESCRIBED;
use konductor_schema_table::attribute_name;

use super::Typed;
use crate::types::RestType;

const PUBLISHED: &str = include_str!("../../types/immutable.txt");

/// Returns the type, whether nothing of it is changed but by methods of its own, and what cannot be changed.
fn published() -> impl Iterator<Item = (&'static str, bool, Vec<&'static str>)> {
    PUBLISHED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let words: Vec<&str> = words.collect();
            let is_whole = words.first() == Some(&"nothing");
            let paths = words.into_iter().filter(|word| *word != "nothing").collect();
            Some((name, is_whole, paths))
        })
}

/// Tells whether a change of what a path leads to means replacement; none where it leads nowhere, or only Google sets it.
fn replaces(attributes: &BTreeMap<String, AttributeSchema>, path: &str) -> Option<bool> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let attribute = attributes.get(&attribute_name(first))?;
    if attribute.output_only {
        return None;
    }
    let Some(rest) = rest else {
        return Some(attribute.replaces);
    };
    let mut kind = &attribute.kind;
    while let AttributeKind::List { items, .. } = kind {
        kind = &items.kind;
    }
    match kind {
        AttributeKind::Object { attributes } => {
            let inner = replaces(attributes, rest)?;
            Some(attribute.replaces || inner)
        }
        _ => Some(attribute.replaces),
    }
}

fn described(name: &str) -> &'static Typed {
    DESCRIBED.iter().find(|typed| typed.name == name).unwrap()
}

#[test]
fn what_google_publishes_as_immutable_means_replacement() {
    let mut wrong = Vec::new();
    for (name, _, paths) in published() {
        let schema = described(name).schema().unwrap();
        for path in paths {
            match replaces(&schema.attributes, path) {
                Some(true) => {}
                found => wrong.push(format!("{name} {path}: {found:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn where_nothing_is_changed_in_place_all_but_what_has_a_method_means_replacement() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (name, is_whole, _) in published() {
        let typed = described(name);
        let rest = RestType::find(typed.rest).unwrap();
        if !is_whole || rest.method("patch").is_some() || rest.method("update").is_some() {
            continue;
        }
        seen += 1;
        let settable: Vec<String> = match rest.body().kind() {
            konductor_schema_table::Kind::Object(object) => object
                .properties()
                .filter(|property| rest.setter(property.name()).is_some())
                .map(|property| attribute_name(property.name()))
                .collect(),
            _ => Vec::new(),
        };
        for (attribute, schema) in typed.schema().unwrap().attributes {
            if !schema.output_only && !schema.replaces && !settable.contains(&attribute) {
                wrong.push(format!("{name} {attribute}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 5, "{seen}");
}

#[test]
fn every_path_of_a_description_leads_somewhere_and_every_default_is_one() {
    for typed in DESCRIBED {
        let mut attributes = typed.schema().unwrap().attributes;
        let paths = typed
            .required
            .iter()
            .chain(typed.outputs)
            .chain(typed.fixed)
            .chain(typed.shared)
            .copied()
            .chain(typed.patterns.iter().map(|(path, _)| *path))
            .chain(typed.defaults.iter().map(|(path, _)| *path))
            .chain(typed.abouts.iter().map(|(path, _)| *path))
            .chain(typed.simulated.iter().map(|(path, _)| *path));
        for path in paths {
            let found = super::adjustment::find(&mut attributes, path);
            assert!(found.is_some(), "{}: {path}", typed.name);
        }
        for (path, _) in typed.defaults {
            let found = super::adjustment::find(&mut attributes, path).unwrap();
            assert!(found.default.is_some(), "{}: {path}", typed.name);
        }
        for (_, pattern) in typed.patterns {
            assert!(
                regex_lite::Regex::new(pattern).is_ok(),
                "{}: {pattern}",
                typed.name
            );
        }
        let rest = RestType::find(typed.rest).unwrap();
        for name in typed.without {
            let mut node = Some(rest.body());
            for step in name.split('.') {
                node = node.and_then(|node| match node.kind() {
                    konductor_schema_table::Kind::Object(object) => object
                        .properties()
                        .find(|property| attribute_name(property.name()) == step)
                        .map(|property| property.node()),
                    _ => None,
                });
            }
            let is_there = node.is_some();
            assert!(is_there, "{}: {name}", typed.name);
        }
        assert!(
            RestType::of_link(typed.link).is_some_and(|found| found.name() == typed.rest),
            "{}: {}",
            typed.name,
            typed.link
        );
    }
}
