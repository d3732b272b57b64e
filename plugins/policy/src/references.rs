//! References whose path is known but for one name: `data.templates[name].deny`.
//!
//! OPA evaluates the rule that is meant. The engine evaluates all that is below `data.templates`, and stops where that comes
//! back to what asks. Where all packages below are known, such a reference is a call of a function that has a body for each,
//! behind a set of the names for a `name` that has no value yet. Lines stay where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::adaptation::Edit;
use crate::engine::OWN_PACKAGE;
use crate::package::Module;
use crate::tokens::{Kind, Token, of, statements};

/// A reference: the tokens of its key, and what stands before and behind it.
struct Reference<'f> {
    prefix: Vec<&'f str>,
    key: std::ops::Range<usize>,
    field: &'f str,
    /// Its first token, and its last.
    tokens: (usize, usize),
}

/// Resolves references to rules of other packages of which one name is not known, and returns the modules that are needed.
pub(crate) fn changes(
    modules: &[Module<'_>],
    data: &serde_json::Value,
    edits: &mut [Vec<Edit>],
) -> Vec<String> {
    let mut resolution = Resolution {
        modules,
        data,
        replaced: None,
        numbers: BTreeMap::new(),
        marked: BTreeSet::new(),
        generated: String::new(),
    };
    for (module, edits) in modules.iter().zip(edits) {
        let references = references(module);
        let changed = references
            .iter()
            .filter_map(|reference| resolution.edits(module, reference));
        edits.extend(changed.flatten());
    }
    if resolution.generated.is_empty() {
        return Vec::new();
    }
    let head = format!("package {OWN_PACKAGE}.references\n\nimport rego.v1\n\n");
    let mark = |prefix: &Vec<&str>| format!("package {}.{OWN_PACKAGE}\n\nhere := true\n", prefix.join("."));
    let marks = resolution.marked.iter().map(mark);
    std::iter::once(head + &resolution.generated)
        .chain(marks)
        .collect()
}

/// Finds `data.name["name"][key].field`.
fn references<'f>(module: &Module<'f>) -> Vec<Reference<'f>> {
    let text = module.text;
    let mut found = Vec::new();
    for (index, token) in module.tokens.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| module.tokens.get(before));
        let before = before.map_or("", |before| of(text, before));
        if of(text, token) != "data" || [".", "with", "import"].contains(&before) {
            continue;
        }
        let mut end = index + 1;
        let mut prefix = Vec::new();
        while let Some((name, next)) = member(module, end) {
            prefix.push(name);
            end = next;
        }
        let rest = module.tokens.get(end + 1..).unwrap_or_default();
        let is_open = module.tokens.get(end).is_some_and(|open| of(text, open) == "[");
        let Some(close) = rest
            .iter()
            .position(|close| close.depth == token.depth)
            .filter(|_| is_open)
        else {
            continue;
        };
        let Some((field, next)) = member(module, end + close + 2) else {
            continue;
        };
        let is_call = module.tokens.get(next).is_some_and(|open| of(text, open) == "(");
        let last = module.tokens.get(next - 1).map_or(0, |last| last.range.end);
        let on_one_line = text
            .get(token.range.start..last)
            .is_some_and(|reference| !reference.contains('\n'));
        if !prefix.is_empty() && on_one_line && !is_call {
            found.push(Reference {
                prefix,
                key: end + 1..end + close + 1,
                field,
                tokens: (index, next - 1),
            });
        }
    }
    found
}

/// Reads `.name` or `["name"]`, and returns the name and what is behind it.
fn member<'f>(module: &Module<'f>, index: usize) -> Option<(&'f str, usize)> {
    let at = |index: usize| module.tokens.get(index).map(|token| of(module.text, token));
    match (at(index)?, at(index + 1)?) {
        (".", name) => Some((name, index + 2)),
        ("[", name) if at(index + 2)? == "]" => {
            let name = name.strip_prefix('"')?.strip_suffix('"')?;
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
            name.chars().all(is_name).then_some((name, index + 3))
        }
        _ => None,
    }
}

struct Resolution<'f, 'm> {
    modules: &'m [Module<'f>],
    data: &'m serde_json::Value,
    /// The paths below `data` that `with` replaces anywhere, once they were looked for.
    replaced: Option<Vec<Vec<&'f str>>>,
    /// The numbers of the functions that are there.
    numbers: BTreeMap<(Vec<&'f str>, &'f str), usize>,
    /// The paths of which a rule tells whether `with` replaces them.
    marked: BTreeSet<Vec<&'f str>>,
    generated: String,
}

impl<'f, 'm> Resolution<'f, 'm> {
    /// Returns what stands instead of a reference; none where it stays.
    fn edits(&mut self, module: &Module<'f>, reference: &Reference<'f>) -> Option<Vec<Edit>> {
        let names = self.names(reference)?;
        let replaced = self.is_replaced(&reference.prefix)?;
        let key = module.tokens.get(reference.key.clone())?;
        let (first, last) = (key.first()?, key.last()?);
        let from = module.tokens.get(reference.tokens.0)?.range.start;
        let to = module.tokens.get(reference.tokens.1)?.range.end;
        let mut name = module.text.get(first.range.start..last.range.end)?.to_owned();
        let word = of(module.text, first);
        let mut edits = Vec::new();
        if first.kind != Kind::Word || word.starts_with(|character: char| character.is_ascii_digit()) {
            return None;
        }
        let statement = match key.len() {
            1 => Some(statement(module, reference.tokens.0)?),
            _ => None,
        };
        let negated = |statement: &Statement| statement.words.contains(&"not");
        let with_data = |statement: &Statement| {
            let mut pairs = statement.words.windows(2);
            pairs.any(|pair| matches!(pair, ["with", target] if *target != "input"))
        };
        let statement = match statement {
            // What is negated has a value already.
            Some(statement) if negated(&statement) && word != "_" => None,
            Some(statement) if negated(&statement) || (replaced && with_data(&statement)) => {
                return None;
            }
            statement => statement,
        };
        let number = self.function(reference, &names, replaced);
        let path = format!("data.{OWN_PACKAGE}.references");
        if let Some(statement) = statement {
            if word == "_" {
                name = format!("name__{}", reference.tokens.0);
            }
            edits.push((
                statement.start..statement.start,
                format!("{path}.names_{number}[{name}]; "),
            ));
        }
        edits.push((from..to, format!("{path}.value_{number}({name})")));
        Some(edits)
    }

    /// Returns the names that lead to something; none where not all of them are known.
    fn names(&self, reference: &Reference<'f>) -> Option<BTreeSet<&'f str>> {
        let prefix = &reference.prefix;
        let pointer: String = prefix.iter().flat_map(|name| ["/", name]).collect();
        if self.data.pointer(&pointer).is_some() {
            return None;
        }
        let mut names = BTreeSet::new();
        for module in self.modules {
            let package = &module.package;
            if let Some([name, below @ ..]) = package.strip_prefix(prefix.as_slice()) {
                let leads = match below {
                    [] if module.functions.contains(reference.field) => return None,
                    [] => module.rules.contains(reference.field),
                    [next, ..] => *next == reference.field,
                };
                if leads {
                    names.insert(*name);
                }
            } else if package == prefix
                || matches!(prefix.strip_prefix(package.as_slice()), Some([next, ..]) if module.rules.contains(next))
            {
                return None;
            }
        }
        (!names.is_empty()).then_some(names)
    }

    /// Tells whether `with` replaces a path, or what it is in; none where it replaces parts of it.
    fn is_replaced(&mut self, prefix: &[&str]) -> Option<bool> {
        let modules = self.modules;
        let replaced = self
            .replaced
            .get_or_insert_with(|| modules.iter().flat_map(replaced).collect());
        let is_below = |path: &Vec<&str>| path.len() > prefix.len() && path.starts_with(prefix);
        if replaced.iter().any(is_below) {
            return None;
        }
        Some(replaced.iter().any(|path| prefix.starts_with(path)))
    }

    /// Returns the number of the function for a reference, which is written when it is needed first.
    fn function(&mut self, reference: &Reference<'f>, names: &BTreeSet<&'f str>, replaced: bool) -> usize {
        let key = (reference.prefix.clone(), reference.field);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.numbers.len() + 1;
        self.numbers.insert(key, number);
        let bracketed = |name: &str| format!("[\"{name}\"]");
        let prefix: String = reference.prefix.iter().map(|name| bracketed(name)).collect();
        let field = bracketed(reference.field);
        let here = format!("data{prefix}[\"{OWN_PACKAGE}\"][\"here\"]");
        let guard = if replaced {
            format!(" if {here}")
        } else {
            String::new()
        };
        let mut text = String::new();
        // Nothing can go wrong when writing into a text.
        for name in names {
            let _ = writeln!(text, "names_{number} contains \"{name}\"{guard}");
            let value = format!("data{prefix}{}{field}", bracketed(name));
            let _ = writeln!(text, "value_{number}(\"{name}\") := {value}{guard}");
        }
        if replaced {
            let _ = writeln!(
                text,
                "names_{number} contains name if {{ not {here}; some name, _ in data{prefix} }}"
            );
            let _ = writeln!(
                text,
                "value_{number}(name) := data{prefix}[name]{field} if not {here}"
            );
            self.marked.insert(reference.prefix.clone());
        }
        self.generated.push_str(&text);
        number
    }
}

/// Finds what `with` replaces below `data`. What is not a path of names counts up to where it is one.
fn replaced<'f>(module: &Module<'f>) -> Vec<Vec<&'f str>> {
    let text = module.text;
    let mut imported: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for statement in statements(&module.tokens) {
        let words: Vec<&str> = statement.iter().map(|token| of(text, token)).collect();
        if let ["import", "data", rest @ ..] = words.as_slice()
            && let Some(alias) = rest.last()
        {
            let path = rest.iter().take_while(|word| **word != "as").copied();
            imported.insert(*alias, path.filter(|word| *word != ".").collect());
        }
    }
    let mut found = Vec::new();
    for (index, _) in (module.tokens.iter().enumerate()).filter(|(_, token)| of(text, token) == "with") {
        let mut words = module.tokens.iter().skip(index + 1).map(|token| of(text, token));
        let mut path = match words.next() {
            Some("data") => Vec::new(),
            Some(alias) => match imported.get(alias) {
                Some(path) => path.clone(),
                None => continue,
            },
            None => continue,
        };
        while words.next() == Some(".") {
            path.extend(words.next());
        }
        found.push(path);
    }
    found
}

/// A statement of a body or of a comprehension: where it begins, and the words in it that are in no bracket.
struct Statement<'f> {
    start: usize,
    words: Vec<&'f str>,
}

/// Finds the statement in which a token stands; none where it is in a head or in what is written in another way.
fn statement<'f>(module: &Module<'f>, index: usize) -> Option<Statement<'f>> {
    let (text, tokens) = (module.text, module.tokens.as_slice());
    let query = query(module, index)?;
    let depth = tokens.get(query)?.depth;
    let goes_on = |token: &Token| {
        token.kind == Kind::Other && of(text, token) != ";"
            || of(text, token) == "with"
            || token.kind == Kind::Close
    };
    let mut start = query;
    for at in query + 1..=index {
        let (before, token) = (tokens.get(at - 1)?, tokens.get(at)?);
        let begins = of(text, before) == ";"
            || (token.first
                && !goes_on(token)
                && !(before.kind == Kind::Other || matches!(of(text, before), "not" | "in" | "as" | "with")));
        if token.depth == depth && begins {
            start = at;
        }
    }
    let rest = tokens.get(start..)?;
    let end = rest
        .iter()
        .enumerate()
        .skip(index + 1 - start)
        .find(|(_, token)| {
            token.depth < depth
                || (token.depth == depth && (of(text, token) == ";" || (token.first && !goes_on(token))))
        })
        .map_or(rest.len(), |(end, _)| end);
    let words = rest.get(..end)?.iter().filter(|token| token.depth == depth);
    Some(Statement {
        start: rest.first()?.range.start,
        words: words.map(|token| of(text, token)).collect(),
    })
}

/// Returns the first token of the body or the comprehension in which a token stands.
fn query(module: &Module<'_>, index: usize) -> Option<usize> {
    let (text, tokens) = (module.text, module.tokens.as_slice());
    let mut depth = tokens.get(index)?.depth;
    let mut at = index;
    while depth > 0 {
        at = tokens
            .get(..at)?
            .iter()
            .rposition(|token| token.kind == Kind::Open && token.depth + 1 == depth)?;
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let before = before.map_or("", |before| of(text, before));
        let is_value = ["=", ":", ",", "|", "&", "-", "(", "[", "{"].contains(&before);
        if depth == 1 && of(text, tokens.get(at)?) == "{" && !is_value {
            return Some(at + 1);
        }
        let bar = tokens
            .get(at..index)?
            .iter()
            .position(|token| token.depth == depth && of(text, token) == "|");
        if let Some(bar) = bar {
            return Some(at + bar + 1);
        }
        // The body of `every`.
        if depth > 1 && of(text, tokens.get(at)?) == "{" && !is_value {
            return None;
        }
        depth -= 1;
    }
    None
}
