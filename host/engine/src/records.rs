//! The records of a stack in little memory: an index by identity over packed bodies.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use konductor_model::{ResourceType, Urn};
use konductor_state::Journal;
use konductor_state::record::{PluginReference, ResourceRecord, Snapshot};
use sha2::{Digest, Sha256};

use crate::error::EngineError;
use crate::packed::Packed;

/// What records have in common that decides how they are read and rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The plugin that stored it.
    pub(crate) plugin: PluginReference,
    /// The type.
    pub(crate) resource_type: ResourceType,
    /// The version of the schema of its object; none without an object.
    pub(crate) schema_version: Option<u32>,
    /// It has superseded objects.
    pub(crate) deposed: bool,
}

impl Kind {
    fn of(record: &ResourceRecord) -> Self {
        Self {
            plugin: record.plugin.clone(),
            resource_type: record.urn.resource_type().clone(),
            schema_version: record.object.as_ref().map(|object| object.schema_version),
            deposed: !record.deposed.is_empty(),
        }
    }

    fn is_of(&self, record: &ResourceRecord) -> bool {
        self.resource_type == *record.urn.resource_type()
            && self.plugin == record.plugin
            && self.schema_version == record.object.as_ref().map(|object| object.schema_version)
            && self.deposed != record.deposed.is_empty()
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    body: u32,
    kind: u16,
}

/// The records of a stack.
#[derive(Default)]
pub(crate) struct Records {
    places: HashMap<Urn, Place>,
    bodies: Packed<ResourceRecord>,
    kinds: Vec<Kind>,
}

impl Records {
    /// Tells whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns a record.
    pub(crate) fn get(&self, urn: &Urn) -> Option<ResourceRecord> {
        self.places.get(urn).and_then(|place| self.body(*place))
    }

    /// Tells whether there is a record.
    pub(crate) fn contains(&self, urn: &Urn) -> bool {
        self.places.contains_key(urn)
    }

    fn body(&self, place: Place) -> Option<ResourceRecord> {
        self.bodies.get(usize::try_from(place.body).ok()?)
    }

    /// Writes a record over the one of the same name.
    ///
    /// # Errors
    /// When it cannot be packed, or there are more than four thousand million.
    pub(crate) fn put(&mut self, record: &ResourceRecord) -> Result<(), EngineError> {
        let kind = match self.kinds.iter().rposition(|kind| kind.is_of(record)) {
            Some(known) => known,
            None => {
                self.kinds.push(Kind::of(record));
                self.kinds.len() - 1
            }
        };
        let body = self.bodies.push(record).map_err(EngineError::unpackable)?;
        let place = Place {
            body: u32::try_from(body).map_err(EngineError::unpackable)?,
            kind: u16::try_from(kind).map_err(EngineError::unpackable)?,
        };
        match self.places.entry(record.urn.clone()) {
            Entry::Occupied(mut known) => {
                known.insert(place);
            }
            Entry::Vacant(new) => {
                new.insert(place);
            }
        }
        Ok(())
    }

    /// Removes a record. Tells whether there was one.
    pub(crate) fn remove(&mut self, urn: &Urn) -> bool {
        self.places.remove(urn).is_some()
    }

    /// Returns all names, in no order.
    pub(crate) fn urns(&self) -> impl Iterator<Item = &Urn> {
        self.places.keys()
    }

    /// Returns all names, in the order in which their records were put: those that stand together are packed together.
    pub(crate) fn in_order(&self) -> Vec<&Urn> {
        let mut places: Vec<(u32, &Urn)> = self.places.iter().map(|(urn, place)| (place.body, urn)).collect();
        places.sort_unstable_by_key(|(body, _)| *body);
        places.into_iter().map(|(_, urn)| urn).collect()
    }

    /// Tells whether a record has, or had when it was put, superseded objects.
    pub(crate) fn any_deposed(&self) -> bool {
        self.kinds.iter().any(|kind| kind.deposed)
    }

    /// Returns all records, in the order in which they were put.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ResourceRecord> {
        self.bodies.iter().enumerate().filter_map(|(body, record)| {
            // One that was written over or removed is still among the bodies.
            let place = self.places.get(&record.urn)?;
            (usize::try_from(place.body) == Ok(body)).then_some(record)
        })
    }

    /// Returns the names of the records of each kind, sorted.
    pub(crate) fn by_kind(&self) -> Vec<(&Kind, Vec<&Urn>)> {
        let mut found: Vec<(&Kind, Vec<&Urn>)> = self.kinds.iter().map(|kind| (kind, Vec::new())).collect();
        // In the order of the bodies, so that those that are read together were packed together.
        let mut places: Vec<(u32, usize, &Urn)> = self
            .places
            .iter()
            .map(|(urn, place)| (place.body, usize::from(place.kind), urn))
            .collect();
        places.sort_unstable_by_key(|(body, ..)| *body);
        for (_, kind, urn) in places {
            if let Some((_, urns)) = found.get_mut(kind) {
                urns.push(urn);
            }
        }
        found.retain(|(_, urns)| !urns.is_empty());
        found
    }

    /// Renames a resource wherever it is named.
    ///
    /// # Errors
    /// When a record cannot be packed.
    pub(crate) fn rename(&mut self, moves: &[(Urn, Urn)]) -> Result<(), EngineError> {
        if moves.is_empty() {
            return Ok(());
        }
        let names: HashMap<&Urn, &Urn> = moves.iter().map(|(from, to)| (from, to)).collect();
        let affected: Vec<ResourceRecord> = self
            .iter()
            .filter(|record| {
                std::iter::once(&record.urn)
                    .chain(&record.parent)
                    .chain(&record.dependencies)
                    .any(|name| names.contains_key(name))
            })
            .collect();
        for record in &affected {
            self.remove(&record.urn);
        }
        for mut record in affected {
            let places = std::iter::once(&mut record.urn)
                .chain(record.parent.as_mut())
                .chain(&mut record.dependencies);
            for place in places {
                if let Some(new) = names.get(&*place) {
                    *place = (*new).clone();
                }
            }
            self.put(&record)?;
        }
        Ok(())
    }
}

/// Everything a plan starts from, read at one point of the log, with the records packed.
#[derive(Default)]
pub(crate) struct Recorded {
    /// The rest of the snapshot; its resources are in `records`.
    pub(crate) rest: Snapshot,
    pub(crate) records: Records,
    /// The digest of it all, in hexadecimal.
    pub(crate) digest: String,
}

impl Recorded {
    /// Reads a log, one record after the other.
    pub(crate) async fn read(journal: &dyn Journal) -> Result<Self, EngineError> {
        let mut taken = Taken::default();
        let rest = journal.read_each(&mut |record| taken.take(&record)).await?;
        taken.finish(rest)
    }

    /// Packs a snapshot that was read already.
    pub(crate) fn of(mut snapshot: Snapshot) -> Result<Self, EngineError> {
        let mut taken = Taken::default();
        while let Some((_, record)) = snapshot.resources.pop_first() {
            taken.take(&record);
        }
        taken.finish(snapshot)
    }

    /// Unpacks everything, for what works on whole snapshots.
    pub(crate) fn into_snapshot(self) -> Snapshot {
        let mut snapshot = self.rest;
        snapshot.resources = self
            .records
            .iter()
            .map(|record| (record.urn.clone(), record))
            .collect();
        snapshot
    }
}

#[derive(Default)]
struct Taken {
    records: Records,
    digest: Sum,
    failed: Option<EngineError>,
}

impl Taken {
    fn take(&mut self, record: &ResourceRecord) {
        self.digest.add(&serde_json::to_vec(record));
        if self.failed.is_none() {
            self.failed = self.records.put(record).err();
        }
    }

    fn finish(mut self, rest: Snapshot) -> Result<Recorded, EngineError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        self.digest.add(&serde_json::to_vec(&rest.outputs));
        for open in &rest.interrupted {
            self.digest.add(&Ok(open.begin.operation.as_bytes().to_vec()));
        }
        Ok(Recorded {
            digest: self.digest.text(),
            records: self.records,
            rest,
        })
    }
}

/// The sum of the digests of what was added: the same in whatever order records are read.
#[derive(Default)]
struct Sum {
    words: [u64; 4],
    failed: bool,
}

impl Sum {
    fn add(&mut self, bytes: &Result<Vec<u8>, serde_json::Error>) {
        let Ok(bytes) = bytes else {
            self.failed = true;
            return;
        };
        let digest = Sha256::digest(bytes);
        for (word, part) in self.words.iter_mut().zip(digest.chunks_exact(8)) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(part);
            *word = word.wrapping_add(u64::from_le_bytes(bytes));
        }
    }

    fn text(&self) -> String {
        // A digest that could not be made matches nothing, not even another such.
        if self.failed {
            return uuid::Uuid::new_v4().to_string();
        }
        self.words.iter().map(|word| format!("{word:016x}")).collect()
    }
}
