//! A recording that is replayed: which recorded request a request is.
//!
//! Requests for different resources may come in any order among each other. Those for one resource come as they were
//! recorded, but what only reads may be left out, or change places with other reads between two changes: the answer to a
//! read depends on the changes before it, and those cannot be passed over.

use std::collections::{BTreeMap, VecDeque};

use crate::difference::Differences;
use crate::interaction::{Interaction, Request};

/// How many recorded requests are looked through for the nearest one.
const LOOKED_THROUGH: usize = 200;

/// A recording and what of it was asked for so far.
#[derive(Debug)]
pub struct Replayed {
    interactions: Vec<Interaction>,
    used: Vec<bool>,
    /// For each resource the requests that may still come, by their position.
    waiting: BTreeMap<String, VecDeque<usize>>,
}

/// A request that is not in the recording at its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: `{request}` is not in the recording{nearest}")]
pub struct Unrecorded {
    /// What it was made for.
    pub resource: String,
    /// The method and the URL.
    pub request: String,
    /// The nearest recorded request and in what it differs, for a person.
    nearest: String,
}

impl Replayed {
    /// Begins at the beginning.
    pub fn new(interactions: Vec<Interaction>) -> Self {
        let mut waiting: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
        for (position, interaction) in interactions.iter().enumerate() {
            waiting
                .entry(interaction.resource.clone())
                .or_default()
                .push_back(position);
        }
        Self {
            used: vec![false; interactions.len()],
            interactions,
            waiting,
        }
    }

    /// Returns the recorded interaction that a request is, and counts it as used.
    ///
    /// # Errors
    /// When there is none at this place, with the nearest and in what it differs.
    pub fn take(&mut self, resource: &str, request: &Request) -> Result<&Interaction, Unrecorded> {
        let Some((place, position)) = self.place(resource, request) else {
            return Err(self.unrecorded(resource, request));
        };
        if let Some(waiting) = self.waiting.get_mut(resource) {
            waiting.remove(place);
            if !request.only_reads() {
                // The reads that were passed over belong to the time before this change.
                waiting.drain(..place);
            }
        }
        if let Some(used) = self.used.get_mut(position) {
            *used = true;
        }
        let found = self.interactions.get(position);
        found.ok_or_else(|| self.unrecorded(resource, request))
    }

    /// Returns the recorded requests that were never made, with their numbers from 1.
    pub fn unused(&self) -> impl Iterator<Item = (usize, &Interaction)> {
        let all = self.interactions.iter().zip(&self.used).enumerate();
        all.filter(|(_, (_, used))| !**used)
            .map(|(position, (interaction, _))| (position.saturating_add(1), interaction))
    }

    /// Returns how many requests were answered.
    pub fn answered(&self) -> usize {
        self.used.iter().filter(|used| **used).count()
    }

    /// Returns the place in the resource's queue, and the position in the recording.
    fn place(&self, resource: &str, request: &Request) -> Option<(usize, usize)> {
        for (place, position) in self.waiting.get(resource)?.iter().enumerate() {
            let recorded = &self.interactions.get(*position)?.request;
            if Differences::of(recorded, request).is_empty() {
                return Some((place, *position));
            }
            if !recorded.only_reads() {
                return None;
            }
        }
        None
    }

    fn unrecorded(&self, resource: &str, request: &Request) -> Unrecorded {
        let waiting = self.waiting.get(resource).into_iter().flatten();
        let candidates = waiting
            .take(LOOKED_THROUGH)
            .enumerate()
            .filter_map(|(place, position)| {
                let recorded = &self.interactions.get(*position)?.request;
                let differences = Differences::of(recorded, request);
                // Of two that are equally far the one that is due sooner.
                Some((
                    differences.distance,
                    place,
                    position.saturating_add(1),
                    recorded,
                    differences,
                ))
            });
        let nearest = match candidates.min_by_key(|(distance, place, ..)| (*distance, *place)) {
            None => ": nothing more is recorded for that resource".to_owned(),
            Some((_, _, number, recorded, differences)) if differences.is_empty() => {
                format!(
                    " at this place: it is request {number}, `{recorded}`, and a change that is recorded before it was not made"
                )
            }
            Some((_, _, number, recorded, differences)) => {
                format!(" at this place; the nearest is request {number}, `{recorded}`: {differences}")
            }
        };
        Unrecorded {
            resource: resource.to_owned(),
            request: request.to_string(),
            nearest,
        }
    }
}
