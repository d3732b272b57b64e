//! Reads a policy and names everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read as _;
use std::path::Path;

use konductor_model::{Retention, Value};

use super::rules::{AllowedEndpoint, BundleRules, RequiredSigner, Rule, SitePolicy, Yanked};
use super::source_pattern::SourcePattern;
use super::tree::{Entry, Node, Place, Shape, Yaml};

/// The largest policy file, key or trust root that is read, in bytes.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;
/// The form of the file that is understood.
const FORMAT_VERSION: &str = "1";

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Where: `/etc/konductor/policy.yaml:12:5`.
    pub place: String,
    /// What was found, what was expected and what to do.
    pub problem: String,
}

/// Says everything that is wrong with a policy. Without a readable policy nothing may run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyErrors {
    /// The problems, in the order of the file.
    pub problems: Vec<PolicyProblem>,
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}: {}", problem.place, problem.problem)?;
        }
        Ok(())
    }
}

impl SitePolicy {
    /// Reads a policy file. Paths in it are relative to it.
    ///
    /// # Errors
    /// With everything that is wrong with it, or with what it names; also when it cannot be read.
    pub fn read(path: &Path) -> Result<Self, PolicyErrors> {
        let name = path.display().to_string();
        let text = read_text(path).map_err(|problem| single(name.clone(), problem))?;
        Self::parse(&text, &name, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads the text of a policy file. `name` is what messages call it; paths are relative to `base`.
    ///
    /// # Errors
    /// With everything that is wrong with it, or with what it names.
    pub fn parse(text: &str, name: &str, base: &Path) -> Result<Self, PolicyErrors> {
        let yaml: Yaml = serde_saphyr::from_str(text).map_err(|error| {
            let place = match error.location() {
                Some(at) => format!("{name}:{}:{}", at.line(), at.column()),
                None => name.to_owned(),
            };
            single(place, format!("not a policy: {}", error.without_snippet()))
        })?;
        Self::from_tree(&Node::from_yaml(yaml, name), base, true)
    }

    /// Takes a policy from configuration: the `policy:` of a project or of the organization. `place` tells where a
    /// path below it is written; paths to files are relative to `base`. The format's version may be left out.
    ///
    /// # Errors
    /// With everything that is wrong with it, or with what it names.
    pub fn from_value(
        value: &Value,
        base: &Path,
        place: &dyn Fn(&konductor_model::Path) -> String,
    ) -> Result<Self, PolicyErrors> {
        Self::from_tree(
            &Node::from_value(value, &konductor_model::Path::root(), place),
            base,
            false,
        )
    }

    fn from_tree(tree: &Node, base: &Path, is_file: bool) -> Result<Self, PolicyErrors> {
        let mut reading = Reading {
            problems: Vec::new(),
            base,
        };
        let policy = reading.policy(tree, is_file);
        if reading.problems.is_empty() {
            Ok(policy)
        } else {
            Err(PolicyErrors {
                problems: reading.problems,
            })
        }
    }
}

fn single(place: String, problem: String) -> PolicyErrors {
    PolicyErrors {
        problems: vec![PolicyProblem { place, problem }],
    }
}

pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_LIMIT + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("{} has more than {FILE_LIMIT} bytes", path.display()));
    }
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
}

/// A policy being read, and what was found wrong so far.
pub(super) struct Reading<'a> {
    problems: Vec<PolicyProblem>,
    pub(super) base: &'a Path,
}

impl Reading<'_> {
    pub(super) fn problem(&mut self, place: &Place, problem: impl Into<String>) {
        self.problems.push(PolicyProblem {
            place: place.to_string(),
            problem: problem.into(),
        });
    }

    /// Returns the entries of a map by name; names that are not known are problems.
    pub(super) fn map<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> BTreeMap<&'n str, &'n Node> {
        let fields: BTreeMap<&str, &Node> = self
            .entries(node, what)
            .iter()
            .map(|entry| (entry.name.as_str(), &entry.node))
            .collect();
        if let Shape::Map(entries) = &node.shape {
            for entry in entries
                .iter()
                .filter(|entry| !known.contains(&entry.name.as_str()))
            {
                self.problem(
                    &entry.place,
                    format!(
                        "`{}` is not known in {what}; there are {}",
                        entry.name.escape_debug(),
                        known.join(", ")
                    ),
                );
            }
        }
        fields
    }

    fn entries<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Entry] {
        match &node.shape {
            Shape::Map(entries) => entries,
            Shape::Null => &[],
            _ => {
                self.problem(
                    &node.place,
                    format!("expected a map for {what}, found {}", node.kind()),
                );
                &[]
            }
        }
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.shape {
            Shape::List(items) => items,
            // An empty value would otherwise allow nothing or everything, and nobody could tell which was meant.
            _ => {
                self.problem(
                    &node.place,
                    format!("expected a list for {what}, found {}", node.kind()),
                );
                &[]
            }
        }
    }

    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.shape {
            Shape::Text(text) if !text.is_empty() => Some(text),
            Shape::Other(_) => {
                self.problem(
                    &node.place,
                    format!(
                        "expected text for {what}, found {}; put it in quotes",
                        node.kind()
                    ),
                );
                None
            }
            _ => {
                self.problem(
                    &node.place,
                    format!("expected text for {what}, found {}", node.kind()),
                );
                None
            }
        }
    }

    pub(super) fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        let items = self.list(node, what);
        items
            .iter()
            .filter_map(|item| self.text(item, what))
            .map(str::to_owned)
            .collect()
    }

    /// Reads `allow` or `deny`.
    fn word(&mut self, node: Option<&&Node>, what: &str, words: [&str; 2]) -> Option<Rule<bool>> {
        let node = node?;
        let [yes, no] = words;
        match &node.shape {
            Shape::Text(text) if text == yes || text == no => Some(Rule {
                place: node.place.clone(),
                value: text == yes,
            }),
            _ => {
                self.problem(
                    &node.place,
                    format!("expected `{yes}` or `{no}` for {what}, found {}", node.kind()),
                );
                None
            }
        }
    }

    fn retention(&mut self, node: &Node) -> Option<Rule<Retention>> {
        let text = match &node.shape {
            Shape::Text(text) | Shape::Other(text) => text.as_str(),
            _ => "",
        };
        match text.parse() {
            Ok(value) => Some(Rule {
                place: node.place.clone(),
                value,
            }),
            Err(problem) => {
                let problem: String = problem;
                self.problem(&node.place, problem);
                None
            }
        }
    }

    fn version(&mut self, node: &Node, what: &str) -> Option<semver::Version> {
        let text = match &node.shape {
            Shape::Text(text) | Shape::Other(text) => text.as_str(),
            _ => "",
        };
        let version = semver::Version::parse(text);
        if let Err(error) = &version {
            self.problem(
                &node.place,
                format!(
                    "expected a version such as 1.4.0 for {what}, found {}: {error}",
                    node.kind()
                ),
            );
        }
        version.ok()
    }

    fn policy(&mut self, tree: &Node, is_file: bool) -> SitePolicy {
        let fields = self.map(
            tree,
            "a policy",
            &[
                "version", "plugins", "grants", "cloud", "bundles", "audit", "packages",
            ],
        );
        match fields.get("version") {
            Some(Node {
                shape: Shape::Other(text) | Shape::Text(text),
                ..
            }) if text == FORMAT_VERSION => {}
            Some(node) => {
                let problem = format!(
                    "this konductor reads policies of version {FORMAT_VERSION}, found {}; use a konductor that knows it",
                    node.kind()
                );
                self.problem(&node.place, problem);
            }
            None if is_file => self.problem(&tree.place, "`version: 1` is missing"),
            None => {}
        }
        let mut policy = SitePolicy::default();
        if let Some(node) = fields.get("plugins") {
            self.plugins(node, &mut policy);
        }
        if let Some(node) = fields.get("grants") {
            self.grants(node, &mut policy);
        }
        if let Some(node) = fields.get("cloud") {
            let cloud = self.map(node, "`cloud`", &["fips"]);
            policy.fips = self.word(cloud.get("fips"), "`fips`", ["required", "optional"]);
        }
        if let Some(node) = fields.get("bundles") {
            policy.bundles = self.bundles(node);
        }
        if let Some(node) = fields.get("audit") {
            let audit = self.map(node, "`audit`", &["retention"]);
            policy.retention = audit.get("retention").and_then(|node| self.retention(node));
        }
        if let Some(node) = fields.get("packages") {
            policy.packages = self.packages(node);
        }
        policy
    }

    fn plugins(&mut self, node: &Node, policy: &mut SitePolicy) {
        const KNOWN: [&str; 7] = [
            "sources",
            "signers",
            "unsigned",
            "unlocked",
            "local",
            "minimum_versions",
            "yanked",
        ];
        let fields = self.map(node, "`plugins`", &KNOWN);
        if let Some(node) = fields.get("sources") {
            policy.sources = Some(self.sources(node));
        }
        if let Some(node) = fields.get("signers") {
            policy.signers = Some(self.signers(node, "plugins"));
        }
        let words = ["allow", "deny"];
        policy.unsigned = self.word(fields.get("unsigned"), "`unsigned`", words);
        policy.unlocked = self.word(fields.get("unlocked"), "`unlocked`", words);
        policy.local = self.word(fields.get("local"), "`local`", words);
        self.unsigned_needs_signers(policy.unsigned.as_ref(), policy.signers.is_some());
        if let Some(node) = fields.get("minimum_versions") {
            for entry in self.entries(node, "`minimum_versions`") {
                if let Some(value) = self.version(&entry.node, &format!("plugin `{}`", entry.name)) {
                    let place = entry.node.place.clone();
                    policy
                        .minimum_versions
                        .insert(entry.name.clone(), Rule { place, value });
                }
            }
        }
        if let Some(node) = fields.get("yanked") {
            let items = self.list(node, "`yanked`");
            policy.yanked = items.iter().filter_map(|item| self.yanked(item)).collect();
        }
    }

    fn bundles(&mut self, node: &Node) -> BundleRules {
        let fields = self.map(node, "`bundles`", &["sources", "signers", "unsigned"]);
        let rules = BundleRules {
            sources: fields.get("sources").map(|node| self.sources(node)),
            signers: fields.get("signers").map(|node| self.signers(node, "packages")),
            unsigned: self.word(fields.get("unsigned"), "`unsigned`", ["allow", "deny"]),
        };
        self.unsigned_needs_signers(rules.unsigned.as_ref(), rules.signers.is_some());
        rules
    }

    pub(super) fn signers(&mut self, node: &Node, names: &'static str) -> Rule<Vec<RequiredSigner>> {
        let items = self.list(node, "`signers`");
        Rule {
            place: node.place.clone(),
            value: items.iter().filter_map(|item| self.signer(item, names)).collect(),
        }
    }

    fn unsigned_needs_signers(&mut self, unsigned: Option<&Rule<bool>>, has_signers: bool) {
        if let Some(Rule { place, value: false }) = unsigned
            && !has_signers
        {
            self.problem(
                place,
                "`unsigned: deny` needs `signers`: nobody else can tell a signature from none",
            );
        }
    }

    fn sources(&mut self, node: &Node) -> Rule<Vec<SourcePattern>> {
        let mut value = Vec::new();
        for item in self.list(node, "`sources`") {
            let Some(text) = self.text(item, "a source") else {
                continue;
            };
            match SourcePattern::parse(text, self.base) {
                Ok(pattern) => value.push(pattern),
                Err(expected) => self.problem(&item.place, format!("source {}: {expected}", item.kind())),
            }
        }
        Rule {
            place: node.place.clone(),
            value,
        }
    }

    fn yanked(&mut self, node: &Node) -> Option<Rule<Yanked>> {
        let fields = self.map(
            node,
            "a yanked release",
            &["plugin", "version", "digest", "reason"],
        );
        let Some(plugin) = fields.get("plugin") else {
            self.problem(
                &node.place,
                "a yanked release needs `plugin`, and `version` or `digest`",
            );
            return None;
        };
        let plugin = self.text(plugin, "`plugin`")?.to_owned();
        let mut version = None;
        if let Some(node) = fields.get("version") {
            version = Some(self.version(node, "`version`")?);
        }
        let mut digest = None;
        if let Some(node) = fields.get("digest") {
            let text = self.text(node, "`digest`")?;
            match text.parse() {
                Ok(parsed) => digest = Some(parsed),
                Err(error) => {
                    self.problem(&node.place, format!("{error}"));
                    return None;
                }
            }
        }
        if version.is_none() && digest.is_none() {
            self.problem(&node.place, "a yanked release needs `version` or `digest`");
            return None;
        }
        let reason = match fields.get("reason") {
            Some(node) => self.text(node, "`reason`")?.to_owned(),
            None => "no reason is given".to_owned(),
        };
        Some(Rule {
            place: node.place.clone(),
            value: Yanked {
                plugin,
                version,
                digest,
                reason,
            },
        })
    }

    fn grants(&mut self, node: &Node, policy: &mut SitePolicy) {
        const KNOWN: [&str; 5] = ["endpoints", "accounts", "reveal", "token_operations", "requested"];
        let fields = self.map(node, "`grants`", &KNOWN);
        if let Some(node) = fields.get("endpoints") {
            let items = self.list(node, "`endpoints`");
            policy.endpoints = Some(Rule {
                place: node.place.clone(),
                value: items.iter().filter_map(|item| self.endpoint(item)).collect(),
            });
        }
        if let Some(node) = fields.get("accounts") {
            policy.accounts = Some(Rule {
                place: node.place.clone(),
                value: self.texts(node, "`accounts`").into_iter().collect(),
            });
        }
        let words = ["allow", "deny"];
        policy.reveal = self.word(fields.get("reveal"), "`reveal`", words);
        policy.token_operations = self.word(fields.get("token_operations"), "`token_operations`", words);
        policy.requested = self.word(fields.get("requested"), "`requested`", words);
    }

    fn endpoint(&mut self, node: &Node) -> Option<Rule<AllowedEndpoint>> {
        let fields = self.map(node, "an endpoint", &["service", "regions", "methods"]);
        let Some(service) = fields.get("service") else {
            self.problem(&node.place, "an endpoint needs a `service`, such as `ec2`");
            return None;
        };
        let service = self.text(service, "`service`")?.to_owned();
        let regions = fields.get("regions").map(|node| self.texts(node, "`regions`"));
        let methods: Option<BTreeSet<String>> = fields
            .get("methods")
            .map(|node| self.texts(node, "`methods`").into_iter().collect());
        for method in methods.iter().flatten() {
            if !method.chars().all(|c| c.is_ascii_uppercase()) {
                self.problem(
                    &node.place,
                    format!(
                        "expected methods such as `GET`, found `{}`",
                        method.escape_debug()
                    ),
                );
            }
        }
        Some(Rule {
            place: node.place.clone(),
            value: AllowedEndpoint {
                service,
                regions,
                methods,
            },
        })
    }
}
