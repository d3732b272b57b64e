//! Whole configurations: files, variables and arguments in, values, places and messages out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod audit;
mod declaring;
mod drift;
mod editing;
mod files;
mod instances;
mod interpolation;
mod keys;
mod layers;
mod metadata;
mod plugins;
mod policies;
mod refactoring;
mod resources;
mod safeguards;
mod secrets;
mod state;
mod validation;
mod workers;

use konductor_config::{Configuration, Inputs, SourceFile};
use konductor_model::{Diagnostics, Path, Value};

/// What a test hands in; everything else is empty.
#[derive(Default)]
pub struct Given<'a> {
    pub project: &'a str,
    pub stack: &'a str,
    pub organization: &'a str,
    pub environment: &'a [(&'a str, &'a str)],
    pub set: &'a [&'a str],
}

pub fn load(given: Given<'_>) -> Result<Configuration, Diagnostics> {
    let file = |name: &str, text: &str| {
        (!text.is_empty()).then(|| SourceFile {
            name: name.to_owned(),
            text: text.to_owned(),
        })
    };
    Configuration::load(Inputs {
        stack: "dev".to_owned(),
        project: file("konductor.yaml", given.project),
        stack_file: file("konductor.dev.yaml", given.stack),
        organization: file("config/organization.yaml", given.organization),
        environment: given
            .environment
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect(),
        set: given.set.iter().map(|text| (*text).to_owned()).collect(),
    })
}

/// Loads a project file that is expected to be right.
pub fn project(text: &str) -> Configuration {
    load(Given {
        project: text,
        ..Given::default()
    })
    .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// Loads a project file that is expected to be wrong, and returns the messages one a line.
pub fn refused(text: &str) -> Vec<String> {
    match load(Given {
        project: text,
        ..Given::default()
    }) {
        Ok(_) => panic!("accepted"),
        Err(diagnostics) => lines(&diagnostics),
    }
}

pub fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.0.iter().map(ToString::to_string).collect()
}

pub fn path(text: &str) -> Path {
    text.parse().unwrap()
}

pub fn at(value: &Value, text: &str) -> Value {
    value.at(&path(text)).unwrap().into_owned()
}
