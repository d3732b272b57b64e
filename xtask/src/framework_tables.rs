//! `cargo xtask framework-table FOLDER`: packs frameworks, their controls and what serves them into the table that the
//! compliance plugin carries.
//!
//! The table is committed, so that nothing else needs the sources. Of the requirements that checks of the community
//! serve, only those are kept whose check a check of ours equals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::folders;

const CONTROLS: &str = "nist-800-53-rev5-controls.csv";
const CHECKS: &str = "framework-requirement-checks.csv";
const CLOUDS: [&str; 3] = ["aws", "azure", "gcp"];
/// The baselines of NIST SP 800-53: the column, the identifier, the name.
const BASELINES: [(&str, &str, &str); 7] = [
    ("low", "nist-800-53-low", "NIST SP 800-53, low baseline"),
    (
        "moderate",
        "nist-800-53-moderate",
        "NIST SP 800-53, moderate baseline",
    ),
    ("high", "nist-800-53-high", "NIST SP 800-53, high baseline"),
    (
        "privacy",
        "nist-800-53-privacy",
        "NIST SP 800-53, privacy baseline",
    ),
    ("low", "fisma-low", "FISMA, low impact"),
    ("moderate", "fisma-moderate", "FISMA, moderate impact"),
    ("high", "fisma-high", "FISMA, high impact"),
];
/// The baselines of FedRAMP: the file, the identifier, the name.
const FEDRAMP: [(&str, &str, &str); 3] = [
    ("LOW", "fedramp-low", "FedRAMP, low baseline"),
    ("MODERATE", "fedramp-moderate", "FedRAMP, moderate baseline"),
    ("HIGH", "fedramp-high", "FedRAMP, high baseline"),
];

/// A framework whose requirements come from the mappings.
struct Mapped {
    id: &'static str,
    title: &'static str,
    /// The edition, as it is told.
    version: &'static str,
    /// The framework, its version and the cloud in the mappings; without a cloud all of them.
    source: (&'static str, &'static str, Option<&'static str>),
    /// What a requirement's identifier becomes.
    spelled: fn(&str) -> Option<String>,
    /// Requirements that the mappings leave out.
    also: &'static [&'static str],
}

const MAPPED: [Mapped; 7] = [
    Mapped {
        id: "iso-27001",
        title: "ISO/IEC 27001, Annex A",
        version: "2022",
        source: ("ISO27001", "2022", None),
        spelled: same,
        also: &["A.8.28"],
    },
    Mapped {
        id: "cis-aws",
        title: "CIS Amazon Web Services Foundations Benchmark",
        version: "7.0",
        source: ("CIS", "7.0", Some("aws")),
        spelled: same,
        also: &[],
    },
    Mapped {
        id: "cis-azure",
        title: "CIS Microsoft Azure Foundations Benchmark",
        version: "6.0",
        source: ("CIS", "6.0", Some("azure")),
        spelled: same,
        also: &[],
    },
    Mapped {
        id: "cis-gcp",
        title: "CIS Google Cloud Platform Foundation Benchmark",
        version: "5.0",
        source: ("CIS", "5.0", Some("gcp")),
        spelled: same,
        also: &[],
    },
    Mapped {
        id: "soc2",
        title: "SOC 2, trust services criteria",
        version: "2017",
        source: ("SOC2", "", None),
        spelled: soc2,
        also: &[],
    },
    Mapped {
        id: "hipaa",
        title: "HIPAA security rule",
        version: "45 CFR 164",
        source: ("HIPAA", "", None),
        spelled: hipaa,
        also: &[],
    },
    Mapped {
        id: "pci-dss",
        title: "PCI DSS",
        version: "4.0",
        source: ("PCI", "4.0", None),
        spelled: pci,
        also: &[],
    },
];

/// One line of the mappings.
struct Mapping {
    cloud: String,
    framework: String,
    version: String,
    requirement: String,
    check: String,
}

/// Builds the table, writes it, and says what is in it.
///
/// # Errors
/// When a source cannot be read, or the table cannot be written.
pub fn run(folder: &Path) -> Result<()> {
    let plugin = folders::root().join("plugins/compliance");
    let equal = equal_checks(&plugin.join("checks"))?;
    let mappings = mappings(&folder.join(CHECKS))?;
    for (cloud, check) in &equal {
        let known = mappings
            .iter()
            .any(|mapping| mapping.cloud == *cloud && mapping.check == *check);
        if !known {
            bail!("a check equals `{check}` of {cloud}, which {CHECKS} does not have");
        }
    }
    let mut table = String::from("# Written by `cargo xtask framework-table`; README.md says from what.\n");
    nist(&mut table, folder, &mappings, &equal)?;
    for mapped in &MAPPED {
        add_mapped(&mut table, mapped, &mappings, &equal)?;
    }
    let file = plugin.join("frameworks/frameworks.txt");
    fs::write(&file, &table).with_context(|| format!("writing {}", file.display()))?;
    let lines = |word: &str| table.lines().filter(|line| line.starts_with(word)).count();
    println!(
        "{} frameworks and {} baselines of them, {} controls, {} bytes",
        lines("framework\t"),
        lines("baseline\t"),
        lines("control\t"),
        table.len()
    );
    Ok(())
}

fn nist(
    table: &mut String,
    folder: &Path,
    mappings: &[Mapping],
    equal: &BTreeSet<(String, String)>,
) -> Result<()> {
    let mut controls: Vec<BTreeMap<String, String>> = rows(&folder.join(CONTROLS))?;
    controls.retain(|control| field(control, "withdrawn").is_empty());
    writeln!(table, "framework\tnist-800-53\trevision 5\tNIST SP 800-53")?;
    for control in &controls {
        writeln!(
            table,
            "control\t{}\t{}",
            field(control, "id"),
            field(control, "title")
        )?;
    }
    let known: BTreeSet<&str> = controls.iter().map(|control| field(control, "id")).collect();
    let served = mappings
        .iter()
        .filter(|mapping| mapping.framework == "NIST-800-53-Revision-5");
    serves(table, served, equal, |requirement| {
        nist_control(requirement).filter(|control| known.contains(control.as_str()))
    })?;
    for (column, id, title) in BASELINES {
        let selected = controls.iter().filter(|control| field(control, column) == "yes");
        let selected: Vec<&str> = selected.map(|control| field(control, "id")).collect();
        writeln!(table, "baseline\t{id}\tnist-800-53\trevision 5\t{title}")?;
        writeln!(table, "controls\t{}", selected.join(" "))?;
    }
    for (name, id, title) in FEDRAMP {
        let file = folder.join(format!("FedRAMP_rev5_{name}-baseline_profile.json"));
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let profile: serde_json::Value = serde_json::from_str(&text)?;
        let selected: Vec<&str> = profile
            .pointer("/profile/imports")
            .and_then(serde_json::Value::as_array)
            .into_iter()
            .flatten()
            .flat_map(|import| elements(import, "include-controls"))
            .flat_map(|include| elements(include, "with-ids"))
            .filter_map(serde_json::Value::as_str)
            .collect();
        if let Some(unknown) = selected.iter().find(|id| !known.contains(**id)) {
            bail!("{}: there is no control {unknown}", file.display());
        }
        let version = profile
            .pointer("/profile/metadata/version")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        writeln!(table, "baseline\t{id}\tnist-800-53\t{version}\t{title}")?;
        writeln!(table, "controls\t{}", selected.join(" "))?;
    }
    Ok(())
}

fn add_mapped(
    table: &mut String,
    mapped: &Mapped,
    mappings: &[Mapping],
    equal: &BTreeSet<(String, String)>,
) -> Result<()> {
    let (framework, version, cloud) = mapped.source;
    let of: Vec<&Mapping> = mappings
        .iter()
        .filter(|mapping| {
            mapping.framework == framework
                && mapping.version == version
                && cloud.is_none_or(|cloud| mapping.cloud == cloud)
                && CLOUDS.contains(&mapping.cloud.as_str())
        })
        .collect();
    let ids: BTreeSet<String> = of
        .iter()
        .filter_map(|mapping| (mapped.spelled)(&mapping.requirement))
        .collect();
    if ids.is_empty() {
        bail!("{CHECKS} has no requirement of {framework} {version}");
    }
    let mut ids: Vec<String> = ids
        .into_iter()
        .chain(mapped.also.iter().map(|id| (*id).to_owned()))
        .collect();
    ids.sort_by_cached_key(|id| natural(id));
    writeln!(
        table,
        "framework\t{}\t{}\t{}",
        mapped.id, mapped.version, mapped.title
    )?;
    for id in &ids {
        writeln!(table, "control\t{id}\t")?;
    }
    serves(table, of.into_iter(), equal, mapped.spelled)
}

/// Writes which requirements the checks serve that ours equal.
fn serves<'m>(
    table: &mut String,
    mappings: impl Iterator<Item = &'m Mapping>,
    equal: &BTreeSet<(String, String)>,
    spelled: impl Fn(&str) -> Option<String>,
) -> Result<()> {
    let mut served: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for mapping in mappings {
        if equal.contains(&(mapping.cloud.clone(), mapping.check.clone()))
            && let Some(requirement) = spelled(&mapping.requirement)
        {
            let of = served.entry((&mapping.cloud, &mapping.check)).or_default();
            of.insert(requirement);
        }
    }
    for ((cloud, check), requirements) in served {
        let requirements: Vec<String> = requirements.into_iter().collect();
        writeln!(table, "serves\t{cloud}\t{check}\t{}", requirements.join(" "))?;
    }
    Ok(())
}

/// Returns the checks of the community that ours equal: cloud and name.
fn equal_checks(folder: &Path) -> Result<BTreeSet<(String, String)>> {
    let mut equal = BTreeSet::new();
    for cloud in CLOUDS {
        let file = folder.join(format!("{cloud}.json"));
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let checks: Vec<serde_json::Value> =
            serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        let names = checks
            .iter()
            .flat_map(|check| check["equals"].as_array().into_iter().flatten());
        equal.extend(names.filter_map(|name| Some((cloud.to_owned(), name.as_str()?.to_owned()))));
    }
    Ok(equal)
}

fn mappings(file: &Path) -> Result<Vec<Mapping>> {
    let rows = rows(file)?;
    let mapping = |row: &BTreeMap<String, String>| Mapping {
        cloud: field(row, "provider").to_owned(),
        framework: field(row, "framework").to_owned(),
        version: field(row, "version").to_owned(),
        requirement: field(row, "requirement_id").to_owned(),
        check: field(row, "check").to_owned(),
    };
    Ok(rows.iter().map(mapping).collect())
}

fn same(requirement: &str) -> Option<String> {
    Some(requirement.to_owned())
}

/// `cc_6_1` is CC6.1, and `cc_a_1_1` is A1.1.
fn soc2(requirement: &str) -> Option<String> {
    let rest = requirement
        .strip_prefix("cc_a_")
        .map(|rest| ("A", rest))
        .or_else(|| Some(("C", requirement.strip_prefix("cc_c_")?)))
        .or_else(|| Some(("CC", requirement.strip_prefix("cc_")?)))
        .or_else(|| Some(("PI", requirement.strip_prefix("pi_")?)))?;
    Some(format!("{}{}", rest.0, rest.1.replace('_', ".")))
}

/// `164_308_a_1_ii_a` is 164.308(a)(1)(ii)(A).
fn hipaa(requirement: &str) -> Option<String> {
    let mut parts = requirement.split('_');
    let mut text = format!("{}.{}", parts.next()?, parts.next()?);
    for (depth, part) in parts.enumerate() {
        let part = if depth == 3 {
            part.to_ascii_uppercase()
        } else {
            part.to_owned()
        };
        write!(text, "({part})").ok()?;
    }
    Some(text)
}

/// The last number counts what shows that a requirement is met: `1.2.5.10` is the tenth of 1.2.5.
fn pci(requirement: &str) -> Option<String> {
    Some(requirement.rsplit_once('.')?.0.to_owned())
}

/// `ac_2_3_a` is ac-2.3, of which `a` is a statement.
fn nist_control(requirement: &str) -> Option<String> {
    let mut parts = requirement.split('_');
    let (family, number) = (parts.next()?, parts.next()?);
    let enhancement = parts
        .next()
        .filter(|part| part.chars().all(|c| c.is_ascii_digit()));
    Some(match enhancement {
        Some(enhancement) => format!("{family}-{number}.{enhancement}"),
        None => format!("{family}-{number}"),
    })
}

/// Orders identifiers as people do: numbers by their size.
fn natural(id: &str) -> Vec<(u64, String)> {
    let parts = id.split(['.', '(', ')', '-']).filter(|part| !part.is_empty());
    let part = |part: &str| {
        let digits = part.find(|c: char| c.is_ascii_digit());
        let (word, number) = part.split_at(digits.unwrap_or(part.len()));
        (number.parse().unwrap_or(0), word.to_owned())
    };
    parts.map(part).collect()
}

fn field<'r>(row: &'r BTreeMap<String, String>, name: &str) -> &'r str {
    row.get(name).map(String::as_str).unwrap_or_default()
}

/// Reads a file of values with commas between, the first line naming them.
fn rows(file: &Path) -> Result<Vec<BTreeMap<String, String>>> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let mut lines = text.lines();
    let names = values(lines.next().unwrap_or_default());
    let row = |line: &str| names.iter().cloned().zip(values(line)).collect();
    Ok(lines.map(row).collect())
}

/// Takes a line apart; a value in quotation marks may have commas in it, and a mark that is doubled stands for one.
fn values(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                push(&mut all, '"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => all.push(String::new()),
            (other, _) => push(&mut all, other),
        }
    }
    all
}

fn push(all: &mut [String], character: char) {
    if let Some(last) = all.last_mut() {
        last.push(character);
    }
}

/// Returns the elements of a list, if there is one.
fn elements<'j>(json: &'j serde_json::Value, name: &str) -> impl Iterator<Item = &'j serde_json::Value> {
    let list = json.get(name).and_then(serde_json::Value::as_array);
    list.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_spelled_as_their_frameworks_do() {
        assert_eq!(nist_control("ac_2_3_a").as_deref(), Some("ac-2.3"));
        assert_eq!(nist_control("ac_17_b").as_deref(), Some("ac-17"));
        assert_eq!(nist_control("cp_1_a_1_b").as_deref(), Some("cp-1"));
        assert_eq!(hipaa("164_308_a_1_ii_a").as_deref(), Some("164.308(a)(1)(ii)(A)"));
        assert_eq!(hipaa("164_312_b").as_deref(), Some("164.312(b)"));
        assert_eq!(soc2("cc_6_1").as_deref(), Some("CC6.1"));
        assert_eq!(soc2("cc_a_1_1").as_deref(), Some("A1.1"));
        assert_eq!(soc2("pi_1_2").as_deref(), Some("PI1.2"));
        assert_eq!(pci("1.2.5.10").as_deref(), Some("1.2.5"));
    }

    #[test]
    fn values_in_quotation_marks_may_have_commas() {
        assert_eq!(
            values("ac-1,\"a, \"\"b\"\"\",,yes"),
            ["ac-1", "a, \"b\"", "", "yes"]
        );
    }

    #[test]
    fn identifiers_are_ordered_by_their_numbers() {
        let mut ids = ["A.5.10", "A.8.1", "A.5.9"];
        ids.sort_by_cached_key(|id| natural(id));
        assert_eq!(ids, ["A.5.9", "A.5.10", "A.8.1"]);
    }
}
