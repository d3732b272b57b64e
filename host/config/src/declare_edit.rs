//! Writes declarations into a configuration file, as lines that a person would write.

use std::fmt::Write as _;

use konductor_model::interpolation::join_parts;
use konductor_model::value_json::to_plain_json;
use konductor_model::{Diagnostic, Diagnostics, Path, ResourceName, ResourceType, Value};

use crate::edit::{flow, raw, read, set, unset};

/// What stands in the place of the declarations while that place is made. It could not be a value of a person's.
const PLACE: &str = "konductor-declarations-go-here";

/// A declaration to write.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeclaration {
    /// Its name.
    pub name: ResourceName,
    /// Its type.
    pub resource_type: ResourceType,
    /// Its properties; references become `${…}`. Nulls and secrets are left out.
    pub properties: Value,
    /// The object that it takes over.
    pub import: Option<String>,
    /// The plugin, where it is not the type's own.
    pub provider: Option<String>,
}

/// Adds declarations to the `resources` of a file and keeps everything else as it is.
///
/// # Errors
/// When the text is not YAML, a name is declared already, or `resources` is written in a way that lines cannot be added
/// to. The file is not changed by halves: the answer is the whole new text.
pub fn declare(file: &str, text: &str, declarations: &[NewDeclaration]) -> Result<String, Diagnostics> {
    let Some(first) = declarations.first() else {
        return Ok(text.to_owned());
    };
    let resources = Path::attribute("resources");
    let root = read(file, text)?;
    let mut diagnostics = Diagnostics::default();
    for new in declarations {
        if let Some(taken) = root.get(&resources.child(new.name.as_str())) {
            diagnostics.push(
                Diagnostic::error(format!("`{}` is declared already", new.name))
                    .help("choose another name")
                    .origin(Some(taken.key_or_value_origin().clone())),
            );
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    // `resources: {}` holds no line to add to.
    let empty = root
        .get(&resources)
        .is_some_and(|found| found.as_map().is_some_and(|map| map.is_empty()));
    let text = if empty {
        unset(file, text, &resources)?
    } else {
        text.to_owned()
    };
    let placed = set(
        file,
        &text,
        &resources.child(first.name.as_str()),
        &Value::from(PLACE),
    )?;
    let on_one_line = || {
        Diagnostics::from(
            Diagnostic::error(format!("declarations cannot be added to `resources` of `{file}`"))
                .detail("it is written as `{…}` on one line")
                .help("write it with one resource a line, or put them there by hand")
                .origin(root.get(&resources).map(|found| found.origin.clone())),
        )
    };
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut changed = String::new();
    let mut written = false;
    for line in placed.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        if content.trim_start() != format!("{}: {PLACE}", first.name) {
            changed.push_str(line);
            continue;
        }
        let indent = content.len() - content.trim_start().len();
        let block: Vec<String> = declarations.iter().flat_map(|new| lines(new, indent)).collect();
        changed.push_str(&block.join(line_break));
        changed.push_str(line.get(content.len()..).unwrap_or_default());
        written = true;
    }
    if !written {
        return Err(on_one_line());
    }
    // What was there reads as before, and every new one as it was meant.
    let mut expected = raw(&read(file, &text)?);
    for new in declarations {
        expected.put(&resources.child(new.name.as_str()), as_written(new));
    }
    match read(file, &changed) {
        Ok(root) if raw(&root) == expected => Ok(changed),
        _ => Err(on_one_line()),
    }
}

/// Returns a declaration as the value that its lines read as.
fn as_written(new: &NewDeclaration) -> Value {
    let mut entry = Value::from([("type", Value::from(new.resource_type.as_str()))]);
    let mut put = |name: &str, value: Value| entry.put(&Path::attribute(name), value);
    let properties = properties(new);
    if !properties.is_empty() {
        put("properties", Value::Map(properties.into_iter().collect()));
    }
    let options = options(new);
    if !options.is_empty() {
        put("options", Value::Map(options.into_iter().collect()));
    }
    entry
}

fn properties(new: &NewDeclaration) -> Vec<(String, Value)> {
    let given = new.properties.as_map().into_iter().flatten();
    given
        .filter(|(_, value)| !value.is_null() && !value.has_secret())
        .map(|(name, value)| (name.clone(), spelled(value.clone())))
        .collect()
}

fn options(new: &NewDeclaration) -> Vec<(String, Value)> {
    let option = |name: &str, value: &Option<String>| {
        let value = value.as_ref()?;
        Some((name.to_owned(), Value::from(value.replace('$', "$$"))))
    };
    [option("import", &new.import), option("provider", &new.provider)]
        .into_iter()
        .flatten()
        .collect()
}

/// Spells references as `${name.path}` and a `$` that is none as `$$`.
fn spelled(value: Value) -> Value {
    if let Some(parts) = join_parts(&value) {
        let text: String = parts
            .iter()
            .map(|part| match spelled(part.clone()) {
                Value::Text(text) => text,
                other => to_plain_json(&other).to_string(),
            })
            .collect();
        return Value::Text(text);
    }
    match value {
        Value::Text(text) => Value::Text(text.replace('$', "$$")),
        Value::Reference(reference) => Value::Text(format!("${{{reference}}}")),
        Value::List(list) => Value::List(list.into_iter().map(spelled).collect()),
        Value::Map(map) => Value::Map(
            map.into_iter()
                .map(|(name, value)| (name, spelled(value)))
                .collect(),
        ),
        other => other,
    }
}

fn lines(new: &NewDeclaration, indent: usize) -> Vec<String> {
    let pad = " ".repeat(indent);
    let mut found = vec![
        format!("{pad}{}:", new.name),
        format!("{pad}  type: {}", new.resource_type),
    ];
    for (section, entries) in [("properties", properties(new)), ("options", options(new))] {
        if entries.is_empty() {
            continue;
        }
        found.push(format!("{pad}  {section}:"));
        for (name, value) in entries {
            let mut line = format!("{pad}    ");
            let _ = write!(line, "{}: {}", flow(&Value::from(name.as_str())), flow(&value));
            found.push(line);
        }
    }
    found
}
