//! The committed list of guards that can be taken out.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::folders;

/// Where the list stands in the checkout.
const FILE: &str = "tests/threats/guards.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    removal: Vec<Removal>,
}

/// One guard, how it is taken out, and what must fail then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// Its name on the command line.
    pub name: String,
    /// The first cell of its row in the threat table.
    pub threat: String,
    /// Why there is more than one edit, or what else a reader has to know.
    #[serde(rename = "note")]
    _note: Option<String>,
    /// The changes that take it out: more than one where a second guard stands behind the first.
    #[serde(rename = "edit")]
    pub edits: Vec<Edit>,
    /// The tests by the files they stand in.
    pub tests: BTreeMap<String, Vec<String>>,
}

/// A text that occurs once in a file, and what is put in its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Below the checkout.
    pub file: String,
    /// What is taken out.
    pub find: String,
    /// What comes there instead.
    pub replace: String,
}

/// Reads the list: all of it, or the removals of these names in the list's order.
pub fn read(names: &[String]) -> Result<Vec<Removal>> {
    let text = fs::read_to_string(folders::root().join(FILE)).with_context(|| format!("reading {FILE}"))?;
    let list: List = toml::from_str(&text).with_context(|| format!("reading {FILE}"))?;
    for name in names {
        ensure!(
            list.removal.iter().any(|removal| removal.name == *name),
            "{FILE} has no removal `{name}`; `cargo xtask guards --list` shows them"
        );
    }
    let wanted = |removal: &Removal| names.is_empty() || names.contains(&removal.name);
    Ok(list.removal.into_iter().filter(wanted).collect())
}
