//! YAML text into a tree with places, with limits that hold against hostile files.
//!
//! The tree is built from the parser's events, not from its document type: that one forgets duplicate keys and
//! the places of keys.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::{Diagnostic, Diagnostics, Origin, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::layer::Layer;
use crate::located::{Entries, Located, Node, sealed_text};
use crate::scalar;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// How deep lists and maps may stand in each other.
pub const MAX_DEPTH: usize = 64;
/// How many keys and values a file may have once its aliases are expanded; 100,000 resources take about 2,000,000.
pub const MAX_NODES: usize = 3_000_000;

/// Reads one YAML document whose top is a map; an empty file is an empty map.
///
/// Errors that leave a tree to go on with are added to `diagnostics` beside each other; a syntax error or a limit
/// ends the reading and gives none.
pub(crate) fn read(file: &str, text: &str, layer: Layer, diagnostics: &mut Diagnostics) -> Option<Located> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        places: Places::new(file, text),
        layer,
        anchors: HashMap::new(),
        nodes: 0,
        diagnostics,
    };
    match reader.document() {
        Ok(root) => Some(root),
        Err(diagnostic) => {
            reader.diagnostics.push(*diagnostic);
            None
        }
    }
}

/// Turns the parser's character positions into places.
struct Places<'t> {
    file: Arc<str>,
    text: &'t str,
    /// The byte offset of every character; empty when all characters are one byte.
    offsets: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(file: &str, text: &'t str) -> Self {
        let offsets = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            file: file.into(),
            text,
            offsets,
        }
    }

    fn byte(&self, index: usize) -> usize {
        if self.offsets.is_empty() {
            index.min(self.text.len())
        } else {
            self.offsets.get(index).copied().unwrap_or(self.text.len())
        }
    }

    fn origin(&self, span: Span) -> Origin {
        let offset = self.byte(span.start.index());
        let end = self.byte(span.end.index()).max(offset);
        let written = self.text.get(offset..end).unwrap_or_default();
        Origin {
            file: Arc::clone(&self.file),
            line: span.start.line(),
            column: span.start.col() + 1,
            offset,
            // A block scalar's span reaches to the next token.
            length: written.trim_end().len(),
        }
    }

    /// Cuts a quoted scalar's place at its closing quote: the parser's span takes in a comment behind it.
    fn end_at_quote(&self, origin: &mut Origin) {
        let Some(written) = self.text.get(origin.offset..origin.offset + origin.length) else {
            return;
        };
        let mut characters = written.char_indices();
        let Some((_, quote @ ('"' | '\''))) = characters.next() else {
            return;
        };
        let mut rest = characters.peekable();
        while let Some((at, character)) = rest.next() {
            if character == '\\' && quote == '"' {
                rest.next();
            } else if character == quote {
                if quote == '\'' && rest.next_if(|(_, next)| *next == '\'').is_some() {
                    continue;
                }
                origin.length = at + 1;
                return;
            }
        }
    }

    /// Returns the byte after the bracket that closes a flow list or map, between its last value and the end
    /// of the parser's span, which takes in a comment behind it.
    fn closing_bracket(&self, from: usize, until: usize) -> Option<usize> {
        let mut in_comment = false;
        for (at, character) in self.text.get(from..until)?.char_indices() {
            match character {
                '\n' => in_comment = false,
                '#' => in_comment = true,
                '}' | ']' if !in_comment => return Some(from + at + 1),
                _ => {}
            }
        }
        None
    }

    fn is_flow(&self, origin: &Origin) -> bool {
        self.text
            .get(origin.offset..)
            .is_some_and(|rest| rest.starts_with(['{', '[']))
    }
}

struct Reader<'t, 'd> {
    parser: Parser<'t, StrInput<'t>>,
    places: Places<'t>,
    layer: Layer,
    anchors: HashMap<usize, (Located, usize)>,
    nodes: usize,
    diagnostics: &'d mut Diagnostics,
}

type Stop = Box<Diagnostic>;

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = *error.marker();
                let mut origin = self.places.origin(Span::empty(marker));
                let here = self
                    .places
                    .text
                    .get(origin.offset..)
                    .and_then(|rest| rest.chars().next());
                origin.length = here.map_or(0, char::len_utf8);
                Err(Box::new(
                    Diagnostic::error(format!("this is not YAML: {}", error.info())).origin(Some(origin)),
                ))
            }
            None => Err(Box::new(
                Diagnostic::error("the file ends too early")
                    .origin(Some(self.places.origin(Span::default()))),
            )),
        }
    }

    fn error(&mut self, origin: &Origin, summary: impl Into<String>, help: &str) {
        let mut diagnostic = Diagnostic::error(summary).origin(Some(origin.clone()));
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
    }

    fn document(&mut self) -> Result<Located, Stop> {
        let top = Origin {
            file: Arc::clone(&self.places.file),
            line: 1,
            column: 1,
            offset: 0,
            length: 0,
        };
        if self.places.text.len() > MAX_BYTES {
            return Err(Box::new(
                Diagnostic::error("the file is too large")
                    .detail(format!("{} bytes; at most {MAX_BYTES}", self.places.text.len()))
                    .origin(Some(top)),
            ));
        }
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(Box::new(
                        Diagnostic::error("a second YAML document starts here")
                            .help("keep one document in a file; remove the `---`")
                            .origin(Some(self.places.origin(span))),
                    ));
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                event => root = Some(self.node(event, span, None, 1)?),
            }
        }
        let root = root.unwrap_or_else(|| Located::empty_map(top.clone(), self.layer));
        if root.is_removed() {
            return Ok(Located::empty_map(top, self.layer));
        }
        if root.as_map().is_none() {
            return Err(Box::new(
                Diagnostic::error(format!("expected a map, found {}", root.described_kind()))
                    .origin(Some(root.origin)),
            ));
        }
        Ok(root)
    }

    fn count(&mut self, nodes: usize, origin: &Origin) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(Box::new(
                Diagnostic::error("the file has too many values")
                    .detail(format!("at most {MAX_NODES} with aliases expanded"))
                    .origin(Some(origin.clone())),
            ));
        }
        Ok(())
    }

    /// Reads the value that starts with `event`. A value that is not written at all stands where its key stands.
    fn node(
        &mut self,
        event: Event<'t>,
        span: Span,
        key: Option<&Origin>,
        depth: usize,
    ) -> Result<Located, Stop> {
        let mut origin = self.places.origin(span);
        if matches!(
            event,
            Event::Scalar(_, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, ..)
        ) {
            self.places.end_at_quote(&mut origin);
        }
        if depth > MAX_DEPTH {
            return Err(Box::new(
                Diagnostic::error(format!("lists and maps are nested more than {MAX_DEPTH} deep"))
                    .origin(Some(origin)),
            ));
        }
        let before = self.nodes;
        self.count(1, &origin)?;
        let (located, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let unwritten = text.is_empty() && style == ScalarStyle::Plain;
                let origin = key.filter(|_| unwritten).cloned().unwrap_or(origin);
                let value = self.scalar(&text, style, tag.as_deref(), &origin);
                (Located::new(Node::Leaf(value), origin, self.layer), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.container_tag(tag.as_deref(), "seq", &origin);
                (self.sequence(origin, depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.container_tag(tag.as_deref(), "map", &origin);
                (self.mapping(origin, depth)?, anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, origin, depth),
            _ => {
                return Err(Box::new(
                    Diagnostic::error("expected a value").origin(Some(origin)),
                ));
            }
        };
        if anchor > 0 {
            self.anchors
                .insert(anchor, (located.clone(), self.nodes - before));
        }
        Ok(located)
    }

    fn alias(&mut self, anchor: usize, origin: Origin, depth: usize) -> Result<Located, Stop> {
        let Some((located, nodes)) = self.anchors.get(&anchor) else {
            return Err(Box::new(
                Diagnostic::error("this alias stands inside the value it names").origin(Some(origin)),
            ));
        };
        let (mut located, nodes) = (located.clone(), *nodes);
        self.count(nodes, &origin)?;
        if depth + height(&located) > MAX_DEPTH + 1 {
            return Err(Box::new(
                Diagnostic::error(format!("lists and maps are nested more than {MAX_DEPTH} deep"))
                    .origin(Some(origin)),
            ));
        }
        located.origin = origin;
        Ok(located)
    }

    fn sequence(&mut self, mut origin: Origin, depth: usize) -> Result<Located, Stop> {
        let flow = self.places.is_flow(&origin);
        let mut list: Vec<Located> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let last = list.last().map(|v| v.origin.offset + v.origin.length);
                self.close(&mut origin, flow, span, last);
                return Ok(Located::new(Node::List(list), origin, self.layer));
            }
            list.push(self.node(event, span, None, depth + 1)?);
        }
    }

    fn mapping(&mut self, mut origin: Origin, depth: usize) -> Result<Located, Stop> {
        let flow = self.places.is_flow(&origin);
        let mut map = Entries::new();
        let mut last = None;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                self.close(&mut origin, flow, span, last);
                break;
            }
            let key = self.node(event, span, None, depth + 1)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, Some(&key.origin), depth + 1)?;
            last = last.max(Some(value.origin.offset + value.origin.length));
            let Node::Leaf(Value::Text(name)) = key.node else {
                let kind = key.described_kind();
                self.error(
                    &key.origin,
                    format!("this key is {kind}, expected text"),
                    "write it in quotes",
                );
                continue;
            };
            if name == "<<" {
                self.error(
                    &key.origin,
                    "`<<` merges are not part of YAML 1.2",
                    "put what is shared into a lower layer",
                );
                continue;
            }
            if name == konductor_model::interpolation::JOIN {
                self.error(
                    &key.origin,
                    format!("the key `{name}` is reserved"),
                    "write `${…}` in the text",
                );
                continue;
            }
            if let Some(first) = map.get(&name) {
                let place = first.key_or_value_origin().clone();
                self.diagnostics.push(
                    Diagnostic::error(format!("the key `{name}` is here for the second time"))
                        .detail(format!("the first is at {place}"))
                        .help("remove or rename one of them")
                        .origin(Some(key.origin))
                        .related(place, "the first is here"),
                );
                continue;
            }
            value.key = Some(key.origin);
            map.insert(name, Box::new(value));
        }
        let entries = map.iter().map(|(k, v)| {
            let text = match &v.node {
                Node::Leaf(value) => value.as_text(),
                _ => None,
            };
            (k.as_str(), text)
        });
        let node = match sealed_text(entries).map(str::to_owned) {
            Some(text) => Node::Sealed(text),
            None => Node::Map(map),
        };
        Ok(Located::new(node, origin, self.layer))
    }

    /// Gives a list or map its length: to the closing bracket, or to the end of its last value.
    fn close(&self, origin: &mut Origin, flow: bool, end: Span, last: Option<usize>) {
        let end = if flow {
            let from = last.unwrap_or(0).max(origin.offset + 1);
            let until = self.places.byte(end.end.index());
            self.places.closing_bracket(from, until).unwrap_or(until)
        } else {
            last.unwrap_or(origin.offset)
        };
        origin.length = end.saturating_sub(origin.offset);
    }

    fn container_tag(&mut self, tag: Option<&Tag>, expected: &str, origin: &Origin) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == expected)
        {
            self.unknown_tag(tag, origin);
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, origin: &Origin) {
        self.error(
            origin,
            format!("the tag `{tag}` has no meaning here"),
            "remove it; known are !!str, !!int, !!float, !!bool, !!null, !!binary, !!seq and !!map",
        );
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, origin: &Origin) -> Value {
        if let Some(tag) = tag {
            return self.tagged(text, tag, origin);
        }
        if style != ScalarStyle::Plain {
            return Value::from(text);
        }
        if scalar::loses_leading_zeros(text) {
            self.diagnostics.push(
                Diagnostic::warning(format!("`{text}` is a number and loses its leading zeros"))
                    .help(format!("write \"{text}\" in quotes if it is a name"))
                    .origin(Some(origin.clone())),
            );
        }
        scalar::plain(text).unwrap_or_else(|error| {
            self.error(origin, error.to_string(), "write it in quotes if it is text");
            Value::Null
        })
    }

    fn tagged(&mut self, text: &str, tag: &Tag, origin: &Origin) -> Value {
        if !tag.is_yaml_core_schema() {
            self.unknown_tag(tag, origin);
            return Value::Null;
        }
        let plain = scalar::plain(text).unwrap_or(Value::Null);
        let expected = match tag.suffix.as_str() {
            "str" => return Value::from(text),
            "binary" => {
                let compact: String = text.split_whitespace().collect();
                if let Ok(bytes) = STANDARD.decode(compact) {
                    return Value::Bytes(bytes);
                }
                "base64"
            }
            "int" if matches!(plain, Value::Integer(_)) => return plain,
            "float" if matches!(plain, Value::Integer(_) | Value::Number(_)) => return plain,
            "bool" if matches!(plain, Value::Boolean(_)) => return plain,
            "null" if scalar::plain(text) == Ok(Value::Null) => return Value::Null,
            "int" => "a whole number",
            "float" => "a number",
            "bool" => "true or false",
            "null" => "null",
            _ => {
                self.unknown_tag(tag, origin);
                return Value::Null;
            }
        };
        self.error(origin, format!("the tag promises {expected}"), "");
        Value::Null
    }
}

fn height(located: &Located) -> usize {
    1 + match &located.node {
        Node::List(list) => list.iter().map(height).max().unwrap_or(0),
        Node::Map(map) => map.values().map(|below| height(below)).max().unwrap_or(0),
        Node::Leaf(_) | Node::Sealed(_) => 0,
    }
}
