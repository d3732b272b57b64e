//! Catalogues and profiles of NIST's OSCAL, read to become a framework of a site.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

/// What a catalogue holds, or a profile selects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OscalControls {
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: String,
    /// The controls, in its order, each with its title where the document has it.
    pub controls: Vec<(String, String)>,
    /// It selects all controls of what it imports, which are not in the document.
    pub selects_all: bool,
    /// The controls that it takes out of what it selects.
    pub excluded: Vec<String>,
    /// What it imports, as it is written; empty for a catalogue.
    pub imports: Vec<String>,
}

/// Says what in a document of OSCAL cannot be read, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct OscalError {
    /// The line and column, or the path in the document.
    pub place: String,
    /// What is wrong, and what was expected.
    pub problem: String,
}

type Read<T> = Result<T, OscalError>;

/// Reads a catalogue or a profile in JSON.
///
/// # Errors
/// When it is no JSON, is something else, or has another form; the first of it, with its place.
pub fn read(text: &str) -> Read<OscalControls> {
    let document: Json = serde_json::from_str(text).map_err(|error| OscalError {
        place: format!("{}:{}", error.line(), error.column()),
        problem: format!("not JSON: {error}"),
    })?;
    let found = document.as_object().and_then(|members| {
        let mut kinds = ["catalog", "profile"].into_iter();
        kinds.find_map(|kind| members.get(kind).map(|inside| (kind, inside)))
    });
    let Some((kind, inside)) = found else {
        let shown = document.as_object().and_then(|members| members.keys().next());
        let shown = shown.map_or_else(|| "something else".to_owned(), |name| format!("`{name}`"));
        return Err(wrong(
            "the document",
            &format!("holds {shown}, expected a `catalog` or a `profile` of OSCAL"),
        ));
    };
    let members = object(inside, kind)?;
    let metadata = format!("{kind}.metadata");
    let described = object(members.get("metadata").unwrap_or(&Json::Null), &metadata)?;
    let mut controls = OscalControls {
        title: text_of(described, "title", &metadata)?,
        version: text_of(described, "version", &metadata)?,
        ..OscalControls::default()
    };
    if kind == "catalog" {
        group(members, kind, &mut controls)?;
        if controls.controls.is_empty() {
            return Err(wrong(
                kind,
                "has no controls, expected some in `controls` or `groups`",
            ));
        }
    } else {
        profile(members, &mut controls)?;
    }
    Ok(controls)
}

/// Reads the controls of a catalogue, a group or a control, with those below them.
fn group(members: &Map<String, Json>, place: &str, found: &mut OscalControls) -> Read<()> {
    for (place, control) in list(members, "controls", place)? {
        let control = object(control, &place)?;
        let id = text_of(control, "id", &place)?;
        let title = text_of(control, "title", &place)?;
        // What was withdrawn stays in a catalogue, so that its identifier is not used again.
        if !is_withdrawn(control) {
            found.controls.push((id, title));
        }
        group(control, &place, found)?;
    }
    for (place, below) in list(members, "groups", place)? {
        group(object(below, &place)?, &place, found)?;
    }
    Ok(())
}

fn is_withdrawn(control: &Map<String, Json>) -> bool {
    let props = control.get("props").and_then(Json::as_array);
    props.into_iter().flatten().any(|prop| {
        prop["name"] == "status"
            && prop["value"]
                .as_str()
                .is_some_and(|value| value.eq_ignore_ascii_case("withdrawn"))
    })
}

fn profile(members: &Map<String, Json>, found: &mut OscalControls) -> Read<()> {
    let imports = list(members, "imports", "profile")?;
    if imports.is_empty() {
        return Err(wrong(
            "profile.imports",
            "is not there, expected what it selects from",
        ));
    }
    for (place, import) in imports {
        let import = object(import, &place)?;
        found.imports.push(text_of(import, "href", &place)?);
        let selections = list(import, "include-controls", &place)?;
        found.selects_all |= selections.is_empty();
        for id in ids(&selections)? {
            if !found.controls.iter().any(|(known, _)| *known == id) {
                found.controls.push((id, String::new()));
            }
        }
        found
            .excluded
            .extend(ids(&list(import, "exclude-controls", &place)?)?);
    }
    let excluded = &found.excluded;
    found.controls.retain(|(id, _)| !excluded.contains(id));
    Ok(())
}

fn ids(selections: &[(String, &Json)]) -> Read<Vec<String>> {
    let mut found = Vec::new();
    for (place, selection) in selections {
        let selection = object(selection, place)?;
        if selection.contains_key("matching") {
            return Err(wrong(
                &format!("{place}.matching"),
                "selects by patterns, expected `with-ids`; resolve the profile first, for example with `trestle author profile-resolve`",
            ));
        }
        for (place, id) in list(selection, "with-ids", place)? {
            let id = id
                .as_str()
                .ok_or_else(|| wrong(&place, "is no text, expected the identifier of a control"))?;
            found.push(id.to_owned());
        }
    }
    Ok(found)
}

fn wrong(place: &str, problem: &str) -> OscalError {
    OscalError {
        place: place.to_owned(),
        problem: problem.to_owned(),
    }
}

fn object<'j>(value: &'j Json, place: &str) -> Read<&'j Map<String, Json>> {
    value
        .as_object()
        .ok_or_else(|| wrong(place, "is not there or no object, expected an object"))
}

fn text_of(members: &Map<String, Json>, name: &str, place: &str) -> Read<String> {
    match members.get(name) {
        Some(Json::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(wrong(
            &format!("{place}.{name}"),
            "is not there or no text, expected text",
        )),
    }
}

/// Returns the elements of a list, each with its place; none where there is no list.
fn list<'j>(members: &'j Map<String, Json>, name: &str, place: &str) -> Read<Vec<(String, &'j Json)>> {
    let place = format!("{place}.{name}");
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(Json::Array(elements)) => {
            let each = elements.iter().enumerate();
            Ok(each
                .map(|(index, element)| (format!("{place}[{index}]"), element))
                .collect())
        }
        Some(_) => Err(wrong(&place, "is no list, expected a list")),
    }
}

impl OscalControls {
    /// Writes it as a framework of a site. `based_on` is the framework whose checks serve its controls.
    pub fn site_framework(&self, id: &str, source: &str, based_on: Option<&str>) -> String {
        // Every JSON text is a double-quoted YAML scalar.
        let quoted = |text: &str| Json::from(text).to_string();
        let mut text = format!(
            "# Made from {source} by `konductor compliance import`. Say in `checks`, `topics` or `same_as` of a control what serves it.\n",
        );
        let _ = writeln!(text, "framework: {id}");
        let _ = writeln!(text, "title: {}", quoted(&self.title));
        let _ = writeln!(text, "version: {}", quoted(&self.version));
        if let Some(based_on) = based_on {
            let _ = writeln!(text, "based_on: {based_on}");
        }
        text.push_str("controls:\n");
        for (id, title) in &self.controls {
            let _ = writeln!(text, "  - id: {}", quoted(id));
            if !title.is_empty() {
                let _ = writeln!(text, "    title: {}", quoted(title));
            }
        }
        text
    }
}
