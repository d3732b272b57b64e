//! The table in `docs/security.md` names a test for every guard, and `guards.toml` how each guard is taken out: this sees
//! that both fit to the code. `cargo xtask guards` takes them out and runs the tests.

use std::collections::{BTreeMap, BTreeSet};
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
        let is_row = || text.contains("rows!([") && lines.contains(&format!("{name},").as_str());
        found && (!as_test || marked() || is_row())
    })
}

#[test]
fn every_guard_and_every_test_that_the_table_names_exists() {
    let rows = rows();
    assert!(rows.len() >= 40, "{} rows", rows.len());
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
        let marked = text.split("::test]\n").chain(text.split("#[test]\n")).skip(1);
        let functions = marked.filter_map(|part| {
            let name = part.trim_start().trim_start_matches("async ").strip_prefix("fn ");
            name?.split('(').next()
        });
        let versioned = text
            .split("rows!([")
            .nth(1)
            .and_then(|rest| rest.split("]);").next());
        let rows = versioned
            .into_iter()
            .flat_map(|rows| rows.split(',').map(str::trim));
        for name in functions.chain(rows.filter(|name| !name.is_empty())) {
            if !named.contains(name) {
                forgotten.push(format!("{}: {name}", file.display()));
            }
        }
    }
    forgotten.sort();
    forgotten.dedup();
    assert!(forgotten.is_empty(), "{forgotten:#?}");
}

/// The guards that `cargo xtask guards` takes out.
#[derive(serde::Deserialize)]
struct Removals {
    removal: Vec<Removal>,
}

#[derive(serde::Deserialize)]
struct Removal {
    name: String,
    threat: String,
    edit: Vec<Edit>,
    tests: BTreeMap<String, Vec<String>>,
}

#[derive(serde::Deserialize)]
struct Edit {
    file: String,
    find: String,
    replace: String,
}

fn removals() -> Vec<Removal> {
    let text = fs::read_to_string(root().join("tests/threats/guards.toml")).unwrap();
    toml::from_str::<Removals>(&text).unwrap().removal
}

#[test]
fn every_guard_can_be_taken_out_and_every_test_of_a_row_is_shown_to_fail() {
    let (rows, removals) = (rows(), removals());
    let mut wrong = Vec::new();
    for row in &rows {
        let shown: BTreeSet<(&str, &str)> = removals
            .iter()
            .filter(|removal| removal.threat == row.threat)
            .flat_map(|removal| &removal.tests)
            .flat_map(|(file, names)| names.iter().map(move |name| (file.as_str(), name.as_str())))
            .collect();
        for (file, test) in &row.tests {
            if !shown.contains(&(file.as_str(), test.as_str())) {
                wrong.push(format!("{}: no removal has `{file}` `{test}` fail", row.threat));
            }
        }
    }
    let mut names = BTreeSet::new();
    for removal in &removals {
        let name = &removal.name;
        if !names.insert(name) {
            wrong.push(format!("{name}: the name stands twice"));
        }
        let Some(row) = rows.iter().find(|row| row.threat == removal.threat) else {
            wrong.push(format!("{name}: the table has no row `{}`", removal.threat));
            continue;
        };
        for (file, tests) in &removal.tests {
            for test in tests {
                if !row.tests.contains(&(file.clone(), test.clone())) {
                    wrong.push(format!("{name}: the row does not name `{file}` `{test}`"));
                }
            }
        }
        wrong.extend(unfit(removal));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Says which edits of a removal do not apply, one after the other.
fn unfit(removal: &Removal) -> Vec<String> {
    let name = &removal.name;
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    if removal.edit.is_empty() || removal.tests.values().flatten().next().is_none() {
        wrong.push(format!("{name}: it should have an edit and a test"));
    }
    for Edit { file, find, replace } in &removal.edit {
        let text = texts
            .entry(file)
            .or_insert_with(|| fs::read_to_string(root().join(file)).unwrap_or_default());
        match text.matches(find).count() {
            1 if find != replace => *text = text.replacen(find, replace, 1),
            1 => wrong.push(format!("{name}: it changes nothing in `{file}`")),
            times => wrong.push(format!("{name}: `{file}` has {times} times: {find}")),
        }
    }
    wrong
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
