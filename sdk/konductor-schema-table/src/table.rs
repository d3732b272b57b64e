//! A table as its bytes lie in the plugin.
//!
//! `KST1`, then six sizes of four bytes: the offsets of the strings, of the nodes, of the places of the nodes, of the
//! entries, of the places of the entries, and the number of facts, which stand right after. A string is meant by its
//! offset among the strings, where those that are used most stand first, so that most offsets take one or two bytes. A
//! node is meant by its number. Entries are sorted by their names in lower case.

use std::cmp::Ordering;

use crate::encoding::Cursor;
use crate::node::Node;

pub(crate) const MAGIC: [u8; 4] = *b"KST1";
pub(crate) const HEADER: usize = 4 + 6 * 4;
/// How many bytes the place of a node or an entry takes.
pub(crate) const PLACE: usize = 4;

/// Says why bytes are no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// They begin differently, or end before they should.
    #[error("these {0} bytes are no schema table of this version; build it again")]
    NotATable(usize),
    /// Something inside cannot be read.
    #[error("the schema table is damaged at {0}; build it again")]
    Damaged(String),
}

/// A table. Copying it copies no data.
#[derive(Debug, Clone, Copy)]
pub struct Table<'b> {
    bytes: &'b [u8],
    strings: usize,
    nodes: usize,
    node_places: usize,
    entries: usize,
    entry_places: usize,
    facts: usize,
}

/// A named type in a table.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'b> {
    table: Table<'b>,
    name: &'b str,
    body: u32,
    facts: usize,
    rest: Cursor<'b>,
}

impl<'b> Table<'b> {
    /// Opens a table, looking at its header alone.
    ///
    /// # Errors
    /// When the bytes are no table.
    pub fn open(bytes: &'b [u8]) -> Result<Self, TableError> {
        Self::header(bytes)
            .filter(|table| {
                table.strings >= HEADER
                    && table.strings <= table.nodes
                    && table.nodes <= table.node_places
                    && table.node_places <= table.entries
                    && table.entries <= table.entry_places
                    && table.entry_places <= bytes.len()
            })
            .ok_or(TableError::NotATable(bytes.len()))
    }

    fn header(bytes: &'b [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let mut cursor = Cursor::at(rest, 0);
        let mut size = || usize::try_from(cursor.u32()?).ok();
        Some(Self {
            bytes,
            strings: size()?,
            nodes: size()?,
            node_places: size()?,
            entries: size()?,
            entry_places: size()?,
            facts: size()?,
        })
    }

    /// Returns what the table says about itself, such as where it comes from.
    pub fn facts(self) -> impl Iterator<Item = (&'b str, &'b str)> {
        let mut cursor = Cursor::at(self.bytes, HEADER);
        (0..self.facts).map_while(move |_| Some((self.string(cursor.size()?)?, self.string(cursor.size()?)?)))
    }

    /// Returns one of the facts.
    pub fn fact(self, key: &str) -> Option<&'b str> {
        self.facts()
            .find(|(found, _)| *found == key)
            .map(|(_, value)| value)
    }

    /// Returns how many types it has.
    pub fn len(self) -> usize {
        (self.bytes.len() - self.entry_places) / PLACE
    }

    /// Tells whether it has none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns how many different definitions the types are made of.
    pub fn node_count(self) -> usize {
        (self.entries - self.node_places) / PLACE
    }

    /// Returns all types by name.
    pub fn entries(self) -> impl Iterator<Item = Entry<'b>> {
        (0..self.len()).map_while(move |index| self.entry(index))
    }

    /// Returns the type of a name; upper and lower case are the same.
    pub fn find(self, name: &str) -> Option<Entry<'b>> {
        let index = self.first_not_before(name);
        self.entry(index)
            .filter(|entry| compare(entry.name, name) == Ordering::Equal)
    }

    /// Returns the types whose names begin so, by name; upper and lower case are the same.
    pub fn starting_with<'p>(self, prefix: &'p str) -> impl Iterator<Item = Entry<'b>> + use<'b, 'p> {
        (self.first_not_before(prefix)..self.len())
            .map_while(move |index| self.entry(index))
            .take_while(move |entry| {
                entry
                    .name
                    .get(..prefix.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
            })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn verify(self) -> Result<(), TableError> {
        let damaged = |place: String| TableError::Damaged(place);
        if self.facts().count() != self.facts {
            return Err(damaged("its facts".to_owned()));
        }
        for index in 0..self.node_count() {
            u32::try_from(index)
                .ok()
                .and_then(|index| Node::new(self, index).verify())
                .ok_or_else(|| damaged(format!("definition {index}")))?;
        }
        let mut before: Option<&str> = None;
        for index in 0..self.len() {
            let entry = self
                .entry(index)
                .filter(|entry| entry.facts().count() == entry.facts && self.has_node(entry.body))
                .filter(|entry| before.is_none_or(|before| compare(before, entry.name) == Ordering::Less))
                .ok_or_else(|| damaged(format!("entry {index}")))?;
            before = Some(entry.name);
        }
        Ok(())
    }

    pub(crate) fn has_node(self, index: u32) -> bool {
        usize::try_from(index).is_ok_and(|index| index < self.node_count())
    }

    /// Returns a string by its offset among the strings.
    pub(crate) fn string(self, offset: usize) -> Option<&'b str> {
        Cursor::at(self.bytes.get(..self.nodes)?, self.strings.checked_add(offset)?).text()
    }

    /// Starts reading a node.
    pub(crate) fn node(self, index: u32) -> Option<Cursor<'b>> {
        if !self.has_node(index) {
            return None;
        }
        let place = self.place(self.node_places, usize::try_from(index).ok()?)?;
        Some(Cursor::at(
            self.bytes.get(..self.node_places)?,
            self.nodes.checked_add(place)?,
        ))
    }

    fn place(self, places: usize, index: usize) -> Option<usize> {
        let at = places.checked_add(index.checked_mul(PLACE)?)?;
        usize::try_from(Cursor::at(self.bytes, at).u32()?).ok()
    }

    fn entry(self, index: usize) -> Option<Entry<'b>> {
        let place = self.place(self.entry_places, index)?;
        let mut cursor = Cursor::at(
            self.bytes.get(..self.entry_places)?,
            self.entries.checked_add(place)?,
        );
        let name = self.string(cursor.size()?)?;
        let body = u32::try_from(cursor.number()?).ok()?;
        let facts = cursor.size()?;
        Some(Entry {
            table: self,
            name,
            body,
            facts,
            rest: cursor,
        })
    }

    fn first_not_before(self, name: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = self
                .entry(middle)
                .is_some_and(|entry| compare(entry.name, name) == Ordering::Less);
            if before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Compares two names as the entries are sorted.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let lower = |text: &str| {
        text.bytes()
            .map(|byte| byte.to_ascii_lowercase())
            .collect::<Vec<u8>>()
    };
    lower(left).cmp(&lower(right))
}

impl<'b> Entry<'b> {
    /// Returns its name as it is published.
    pub fn name(&self) -> &'b str {
        self.name
    }

    /// Returns what its objects look like.
    pub fn body(&self) -> Node<'b> {
        Node::new(self.table, self.body)
    }

    /// Returns what is known of the type besides: how it is addressed, for example.
    pub fn facts(&self) -> impl Iterator<Item = (&'b str, &'b str)> + use<'b> {
        let mut cursor = self.rest;
        let table = self.table;
        (0..self.facts)
            .map_while(move |_| Some((table.string(cursor.size()?)?, table.string(cursor.size()?)?)))
    }

    /// Returns one of the facts.
    pub fn fact(&self, key: &str) -> Option<&'b str> {
        self.facts()
            .find(|(found, _)| *found == key)
            .map(|(_, value)| value)
    }
}
