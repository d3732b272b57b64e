//! Changing one value in a YAML text and leaving the rest, comments included, as it is.
//!
//! The change is made in the text, at the places the reader found, and read back: a result that is anything but
//! the old document with the one change is refused.

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, PathStep, Value};

use crate::layer::Layer;
use crate::located::{Located, Node};
use crate::scalar;
use crate::yaml;

/// Reads a value given as text: JSON, else the text itself.
#[must_use]
pub fn read_value(text: &str) -> Value {
    raw(&scalar::text_or_json(
        text,
        &Origin::described("value"),
        Layer::CommandLine,
    ))
}

/// Returns the value that stands for a sealed text in a file: `{secure: "v1:…"}`.
#[must_use]
pub fn sealed_value(sealed: &str) -> Value {
    Value::from([("secure", sealed)])
}

/// Puts a value at a path of the document, for example `config.aws.region`, making the maps that lead there.
///
/// # Errors
/// When the text is not YAML, when something on the way is no map, or when the place cannot be changed without
/// changing something else, as behind an alias. No message repeats the value.
pub fn set(file: &str, text: &str, path: &Path, value: &Value) -> Result<String, Diagnostics> {
    let root = read(file, text)?;
    let path = spelled(&root, path);
    let edit = Edit {
        text,
        newline: newline(text),
    };
    let (found, rest) = root.descend(path.steps());
    let changed = match rest.split_first() {
        None => edit.replace(found, &flow(value)),
        Some((PathStep::Attribute(name), below)) => edit.insert(found, name, below, value),
        Some((PathStep::Index(_), _)) => None,
    };
    let mut expected = raw(&root);
    let possible = expected.put(&path, value.clone());
    let Some(changed) = changed.filter(|_| possible) else {
        return Err(in_the_way(&path, found, "a map"));
    };
    verify(file, changed, &expected, &path, &found.origin)
}

/// Puts a value at the end of the list at a path of the document; where there is none, makes one that holds it alone.
///
/// # Errors
/// As [`set`]; also when something else than a list stands there.
pub fn append(file: &str, text: &str, path: &Path, value: &Value) -> Result<String, Diagnostics> {
    let root = read(file, text)?;
    let path = spelled(&root, path);
    let Some(found) = root.get(&path).filter(|found| !found.is_removed()) else {
        return set(file, text, &path, &Value::List(vec![value.clone()]));
    };
    let Node::List(list) = &found.node else {
        return Err(in_the_way(&path, found, "a list"));
    };
    let edit = Edit {
        text,
        newline: newline(text),
    };
    let mut expected = raw(&root);
    if let Some(Value::List(list)) = expected.at_mut(&path) {
        list.push(value.clone());
    }
    let changed = edit
        .append(found, list, &flow(value))
        .ok_or_else(|| by_hand(&path, &found.origin))?;
    verify(file, changed, &expected, &path, &found.origin)
}

/// Puts a map with one entry, itself nested when there are more names, in the place of what stands at a path: as
/// lines below its key where that can be.
pub(crate) fn replace_by_map(
    file: &str,
    text: &str,
    path: &Path,
    names: &[&str],
    value: &Value,
) -> Result<String, Diagnostics> {
    let root = read(file, text)?;
    let map = names.iter().rev().fold(value.clone(), |below, name| {
        Value::Map([((*name).to_owned(), below)].into())
    });
    if let Some(found) = root.get(path) {
        let edit = Edit {
            text,
            newline: newline(text),
        };
        let mut expected = raw(&root);
        let possible = expected.put(path, map.clone());
        let changed = edit.replace_by_block(found, names, value).filter(|_| possible);
        // Inside `{…}` there are no lines to put it on.
        if let Some(changed) = changed
            && let Ok(changed) = verify(file, changed, &expected, path, &found.origin)
        {
            return Ok(changed);
        }
    }
    set(file, text, path, &map)
}

/// Removes a map entry at a path of the document. A map that loses its only entry becomes `{}`.
///
/// # Errors
/// As [`set`]; also when there is no such entry.
pub fn unset(file: &str, text: &str, path: &Path) -> Result<String, Diagnostics> {
    let root = read(file, text)?;
    let path = spelled(&root, path);
    let absent = || {
        Diagnostics::from(
            Diagnostic::error(format!("`{file}` does not set `{path}`"))
                .help("`konductor config explain` shows which layer does"),
        )
    };
    let Some((PathStep::Attribute(name), parent)) = path.steps().split_last() else {
        return Err(absent());
    };
    let parent = root
        .get(&Path::from(parent.to_vec()))
        .filter(|parent| parent.as_map().is_some_and(|map| map.contains_key(name)))
        .ok_or_else(absent)?;
    let edit = Edit {
        text,
        newline: newline(text),
    };
    let mut expected = raw(&root);
    expected.remove(&path);
    let Some(changed) = edit.remove(parent, name) else {
        return Err(by_hand(&path, &parent.origin));
    };
    verify(file, changed, &expected, &path, &parent.origin)
}

pub(crate) fn read(file: &str, text: &str) -> Result<Located, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    match yaml::read(file, text, Layer::Stack, &mut diagnostics) {
        Some(root) if !diagnostics.has_errors() => Ok(root),
        _ => Err(diagnostics),
    }
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Spells a path as the file does: `aws` may be written `provider:aws` there.
fn spelled(root: &Located, path: &Path) -> Path {
    let mut steps = path.steps().to_vec();
    let mut here = Some(root);
    for step in &mut steps {
        if let (PathStep::Attribute(name), Some(map)) = (&mut *step, here.and_then(Located::as_map)) {
            let long = format!("provider:{name}");
            if !map.contains_key(name) && map.contains_key(&long) {
                *name = long;
            }
        }
        here = here.and_then(|here| here.get(&Path::from(vec![step.clone()])));
    }
    Path::from(steps)
}

/// Returns the whole value as written, nulls and sealed texts included.
pub(crate) fn raw(located: &Located) -> Value {
    match &located.node {
        Node::Leaf(value) => value.clone(),
        Node::Sealed(text) => sealed_value(text),
        Node::List(list) => Value::List(list.iter().map(raw).collect()),
        Node::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), raw(v))).collect()),
    }
}

fn verify(
    file: &str,
    changed: String,
    expected: &Value,
    path: &Path,
    origin: &Origin,
) -> Result<String, Diagnostics> {
    match read(file, &changed) {
        Ok(root) if raw(&root) == *expected => Ok(changed),
        _ => Err(by_hand(path, origin)),
    }
}

fn by_hand(path: &Path, origin: &Origin) -> Diagnostics {
    Diagnostic::error(format!(
        "`{path}` cannot be changed without changing something else"
    ))
    .help("change the file by hand")
    .origin(Some(origin.clone()))
    .into()
}

fn in_the_way(path: &Path, found: &Located, expected: &str) -> Diagnostics {
    Diagnostic::error(format!(
        "`{path}` cannot be set: {} is in the way",
        found.described_kind()
    ))
    .help(format!("remove it first, or set it to {expected}"))
    .origin(Some(found.origin.clone()))
    .into()
}

struct Edit<'t> {
    text: &'t str,
    newline: &'static str,
}

impl Edit<'_> {
    fn splice(&self, start: usize, end: usize, new: &str) -> Option<String> {
        Some(format!(
            "{}{new}{}",
            self.text.get(..start)?,
            self.text.get(end..)?
        ))
    }

    fn end(located: &Located) -> usize {
        located.origin.offset + located.origin.length
    }

    /// Returns where the line that holds a byte ends, without its line break.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find('\n').map_or(rest.len(), |length| {
            rest.get(..length)
                .map_or(length, |line| line.trim_end_matches('\r').len())
        })
    }

    fn line_start(&self, at: usize) -> usize {
        self.text
            .get(..at)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |position| position + 1)
    }

    fn is_flow(&self, located: &Located) -> bool {
        self.text
            .get(located.origin.offset..)
            .is_some_and(|rest| rest.starts_with(['{', '[']))
    }

    /// Returns the byte after the colon of a key.
    fn after_colon(&self, key: &Origin) -> Option<usize> {
        let from = key.offset + key.length;
        Some(from + self.text.get(from..)?.find(':')? + 1)
    }

    /// Tells whether a value is not written at all, as in `key:`.
    fn is_unwritten(located: &Located) -> bool {
        located.key.as_ref() == Some(&located.origin)
    }

    fn replace(&self, found: &Located, new: &str) -> Option<String> {
        let Some(key) = &found.key else {
            return self.splice(found.origin.offset, Self::end(found), new);
        };
        let colon = self.after_colon(key)?;
        if Self::is_unwritten(found) {
            return self.splice(colon, colon, &format!(" {new}"));
        }
        let between = self.text.get(colon..found.origin.offset)?;
        if !between.contains('\n') {
            let spaces = between.len() - between.trim_start().len();
            let spaces = if spaces == 0 { " " } else { between.get(..spaces)? };
            return self.splice(colon, Self::end(found), &format!("{spaces}{new}"));
        }
        // The value starts on a later line; a comment behind the key, or behind `|` and `>`, stays there.
        let line = between.lines().next().unwrap_or_default().trim_end();
        let comment = line.find(" #").and_then(|at| line.get(at..)).unwrap_or_default();
        self.splice(colon, Self::end(found), &format!(" {new}{comment}"))
    }

    fn replace_by_block(&self, found: &Located, names: &[&str], value: &Value) -> Option<String> {
        let key = found.key.as_ref()?;
        let colon = self.after_colon(key)?;
        let end = if Self::is_unwritten(found) {
            colon
        } else {
            Self::end(found)
        };
        let comment = self.text.get(end..self.line_end(end))?;
        let block = self.block(names, value, key.column - 1 + 2);
        self.splice(
            colon,
            end + comment.len(),
            &format!("{comment}{}{block}", self.newline),
        )
    }

    fn append(&self, found: &Located, list: &[Located], new: &str) -> Option<String> {
        if self.is_flow(found) {
            return match list.last() {
                Some(last) => self.splice(Self::end(last), Self::end(last), &format!(", {new}")),
                None => self.splice(found.origin.offset, Self::end(found), &format!("[{new}]")),
            };
        }
        let last = list.last()?;
        let start = self.line_start(last.origin.offset);
        let dash = self.text.get(start..last.origin.offset)?;
        if dash.trim() != "-" {
            return None;
        }
        let at = self.line_end(Self::end(last));
        self.splice(at, at, &format!("{}{dash}{new}", self.newline))
    }

    fn insert(&self, map: &Located, name: &str, below: &[PathStep], value: &Value) -> Option<String> {
        let names: Option<Vec<&str>> = below
            .iter()
            .map(|step| match step {
                PathStep::Attribute(name) => Some(name.as_str()),
                PathStep::Index(_) => None,
            })
            .collect();
        let names: Vec<&str> = std::iter::once(name).chain(names?).collect();
        let Some(entries) = map.as_map() else {
            // `aws:` without a value takes entries below it.
            if !(map.is_removed() && Self::is_unwritten(map)) {
                return None;
            }
            let key = map.key.as_ref()?;
            let at = self.line_end(self.after_colon(key)?);
            let block = self.block(&names, value, key.column - 1 + 2);
            return self.splice(at, at, &format!("{}{block}", self.newline));
        };
        if self.is_flow(map) {
            let entry = format!("{}: {}", scalar_text(name), nested_flow(names.get(1..)?, value));
            let last = entries.values().map(|v| Self::end(v).max(self.key_end(v))).max();
            return match last {
                Some(at) => self.splice(at, at, &format!(", {entry}")),
                None => self.splice(map.origin.offset, Self::end(map), &format!("{{{entry}}}")),
            };
        }
        let Some(indent) = entries
            .values()
            .filter_map(|v| v.key.as_ref())
            .map(|key| key.column - 1)
            .min()
        else {
            // An empty document: what stands in it are comments.
            let separator = match self.text.chars().last() {
                None | Some('\n') => "",
                Some(_) => self.newline,
            };
            let block = self.block(&names, value, 0);
            return Some(format!("{}{separator}{block}{}", self.text, self.newline));
        };
        let last = entries
            .values()
            .map(|v| Self::end(v).max(self.key_end(v)))
            .max()?;
        let at = self.line_end(last);
        let block = self.block(&names, value, indent);
        self.splice(at, at, &format!("{}{block}", self.newline))
    }

    fn key_end(&self, located: &Located) -> usize {
        located
            .key
            .as_ref()
            .and_then(|key| self.after_colon(key))
            .unwrap_or(0)
    }

    /// Writes nested keys one below the other.
    fn block(&self, names: &[&str], value: &Value, indent: usize) -> String {
        let mut text = String::new();
        for (depth, name) in names.iter().enumerate() {
            if depth > 0 {
                text.push_str(self.newline);
            }
            text.push_str(&" ".repeat(indent + 2 * depth));
            text.push_str(&scalar_text(name));
            text.push(':');
        }
        text.push(' ');
        text.push_str(&flow(value));
        text
    }

    fn remove(&self, parent: &Located, name: &str) -> Option<String> {
        let entries = parent.as_map()?;
        let entry = entries.get(name)?;
        if entries.len() == 1 {
            return if parent.key.is_some() || self.is_flow(parent) {
                self.replace(parent, "{}")
            } else {
                self.remove_lines(entry)
            };
        }
        if !self.is_flow(parent) {
            return self.remove_lines(entry);
        }
        let start = entry.key.as_ref()?.offset;
        let end = Self::end(entry).max(start);
        let behind = self.text.get(end..)?;
        let gap = behind.len() - behind.trim_start().len();
        if let Some(rest) = behind.trim_start().strip_prefix(',') {
            let space = rest.len() - rest.trim_start_matches(' ').len();
            return self.splice(start, end + gap + 1 + space, "");
        }
        let before = self.text.get(..start)?.trim_end();
        let before = before.strip_suffix(',').unwrap_or(before).trim_end().len();
        self.splice(before, end, "")
    }

    fn remove_lines(&self, entry: &Located) -> Option<String> {
        let start = self.line_start(entry.key.as_ref()?.offset);
        let end = self.line_end(Self::end(entry).max(self.key_end(entry)));
        let behind = self.text.get(end..)?;
        let line_break = if behind.starts_with("\r\n") {
            2
        } else {
            usize::from(behind.starts_with('\n'))
        };
        self.splice(start, end + line_break, "")
    }
}

fn nested_flow(names: &[&str], value: &Value) -> String {
    match names.split_first() {
        Some((name, rest)) => format!("{{{}: {}}}", scalar_text(name), nested_flow(rest, value)),
        None => flow(value),
    }
}

/// Writes a value on one line.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Text(text) => scalar_text(text),
        Value::List(list) => {
            let elements: Vec<_> = list.iter().map(flow).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Map(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(name, value)| format!("{}: {}", scalar_text(name), flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => konductor_model::value_json::to_plain_json(other).to_string(),
    }
}

/// Writes a text as a plain word where that reads back as the same text, else in double quotes.
fn scalar_text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_'))
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-' | '@' | '+'))
        && scalar::plain(text) == Ok(Value::from(text));
    if plain {
        text.to_owned()
    } else {
        // Every JSON text is a double-quoted YAML scalar.
        serde_json::Value::from(text).to_string()
    }
}
