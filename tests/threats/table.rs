//! The table in `docs/security.md` names a test for every guard; this sees that the tests are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A row: what is guarded against, where the guard stands, which tests show it.
struct Row {
    threat: String,
    /// `file`, `function`
    guards: Vec<(String, String)>,
    /// `file`, `test`
    tests: Vec<(String, String)>,
}

const HEADING: &str = "## Guards and their tests";

/// Reads the rows `| threat | guard | test |`, where guard and test are `file` `name` pairs in backquotes.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, section) = text
        .split_once(HEADING)
        .unwrap_or_else(|| panic!("docs/security.md should have a section `{HEADING}`"));
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|'));
    // The first two are the head.
    lines.skip(2).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [threat, guards, tests] = cells[..] else {
        panic!("a row has three cells: {line}");
    };
    Row {
        threat: threat.to_owned(),
        guards: pairs(guards, line),
        tests: pairs(tests, line),
    }
}

/// Reads `file` `name`, `name`, `file` `name`: a name belongs to the file before it.
fn pairs(cell: &str, line: &str) -> Vec<(String, String)> {
    let mut file = None;
    let mut found = Vec::new();
    for word in cell.split('`').skip(1).step_by(2) {
        if word.ends_with(".rs") {
            file = Some(word.to_owned());
        } else {
            let file = file
                .clone()
                .unwrap_or_else(|| panic!("`{word}` should stand after its file: {line}"));
            found.push((file, word.to_owned()));
        }
    }
    assert!(!found.is_empty(), "{cell:?} should name something: {line}");
    found
}

/// Tells whether a function of that name stands in a file; as a test, whether it is marked as one.
fn has_function(file: &Path, name: &str, as_test: bool) -> bool {
    let Ok(text) = fs::read_to_string(file) else {
        return false;
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(number, line)| {
        let Some((before, after)) = line.split_once("fn ") else {
            return false;
        };
        let found = after.split(['(', '<']).next() == Some(name)
            && before
                .split_whitespace()
                .all(|word| matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub"));
        let marked = || {
            let above = lines[..number].iter().rev();
            let mut marks =
                above.take_while(|line| line.starts_with("#[") || line.starts_with("///") || **line == ")]");
            // Inside `proptest!` the mark stands alone, too.
            marks.any(|line| line.contains("test"))
        };
        // Or it is a row that a macro makes a test of for every version.
        let is_row = || text.contains("macro_rules! rows") && lines.contains(&format!("{name},").as_str());
        found && (!as_test || marked() || is_row())
    })
}

#[test]
fn every_guard_and_every_test_that_the_table_names_exists() {
    let rows = rows();
    assert!(rows.len() >= 20, "{} rows", rows.len());
    let mut missing = Vec::new();
    for row in &rows {
        for (pairs, as_test) in [(&row.guards, false), (&row.tests, true)] {
            for (file, name) in pairs {
                if !has_function(&root().join(file), name, as_test) {
                    missing.push(format!("{}: `{file}` has no `{name}`", row.threat));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_test_of_the_threat_table_stands_in_a_row() {
    let named: BTreeSet<String> = rows()
        .into_iter()
        .flat_map(|row| row.tests)
        .map(|(_, test)| test)
        .collect();
    let mut forgotten = Vec::new();
    for file in sources(&root().join("tests/threats")) {
        // These two are about the table itself.
        if file.ends_with("table.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for part in text.split("::test]\n").chain(text.split("#[test]\n")).skip(1) {
            let name = part.trim_start().trim_start_matches("async ").strip_prefix("fn ");
            if let Some(name) = name.and_then(|name| name.split('(').next())
                && !named.contains(name)
            {
                forgotten.push(format!("{}: {name}", file.display()));
            }
        }
    }
    forgotten.sort();
    forgotten.dedup();
    assert!(forgotten.is_empty(), "{forgotten:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
