//! What must hold before a person moves or removes a record by hand.

use konductor_model::Urn;

use crate::record::Snapshot;

/// Why a record cannot be moved or removed by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// There is no such record.
    #[error("{urn} is not in the state{}", similar.as_ref().map(|s| format!("; did you mean {s}?")).unwrap_or_default())]
    NotRecorded {
        /// As asked for.
        urn: Urn,
        /// A resource that is recorded with the same name or the same type and a name that ends the same.
        similar: Option<Urn>,
    },
    /// The new name is taken.
    #[error("{urn} is in the state already; remove or move it first")]
    NameTaken {
        /// The new name.
        urn: Urn,
    },
    /// The new name is of another type, which its plugin would not know what to do with.
    #[error("a record keeps its type: {from} cannot become {to}")]
    OtherType {
        /// The old name.
        from: Urn,
        /// The new name.
        to: Urn,
    },
    /// The new name is of another stack; a record moves within its log.
    #[error(
        "{to} is of another stack than {from}; `konductor state move NAME --to-stack STACK` hands it over"
    )]
    OtherStack {
        /// The old name.
        from: Urn,
        /// The new name.
        to: Urn,
    },
    /// Others depend on it or belong to it.
    #[error("{urn} is needed by {}; remove them first", names(dependents))]
    HasDependents {
        /// As asked for.
        urn: Urn,
        /// Who depends on it or belongs to it.
        dependents: Vec<Urn>,
    },
}

fn names(urns: &[Urn]) -> String {
    urns.iter().map(Urn::to_string).collect::<Vec<_>>().join(", ")
}

impl Snapshot {
    /// Returns the resources that directly depend on one or have it as parent.
    pub fn dependents(&self, urn: &Urn) -> Vec<Urn> {
        self.resources
            .values()
            .filter(|record| record.parent.as_ref() == Some(urn) || record.dependencies.contains(urn))
            .map(|record| record.urn.clone())
            .collect()
    }

    /// Tells whether a `Moved` entry makes sense.
    ///
    /// # Errors
    /// All reasons against it.
    pub fn check_move(&self, from: &Urn, to: &Urn) -> Result<(), Vec<NotAllowed>> {
        let mut against = Vec::new();
        if !self.knows(from) {
            against.push(self.not_recorded(from));
        }
        if self.knows(to) {
            against.push(NotAllowed::NameTaken { urn: to.clone() });
        }
        let (from, to) = (from.clone(), to.clone());
        if (from.project(), from.stack()) != (to.project(), to.stack()) {
            against.push(NotAllowed::OtherStack { from, to });
        } else if from.resource_type() != to.resource_type() {
            against.push(NotAllowed::OtherType { from, to });
        }
        if against.is_empty() { Ok(()) } else { Err(against) }
    }

    /// Tells whether a `Forgotten` entry makes sense; the caller may override [`NotAllowed::HasDependents`].
    ///
    /// # Errors
    /// All reasons against it.
    pub fn check_remove(&self, urn: &Urn) -> Result<(), Vec<NotAllowed>> {
        let mut against = Vec::new();
        if !self.knows(urn) {
            against.push(self.not_recorded(urn));
        }
        let dependents = self.dependents(urn);
        if !dependents.is_empty() {
            against.push(NotAllowed::HasDependents {
                urn: urn.clone(),
                dependents,
            });
        }
        if against.is_empty() { Ok(()) } else { Err(against) }
    }

    fn knows(&self, urn: &Urn) -> bool {
        self.resources.contains_key(urn) || self.interrupted.iter().any(|i| i.begin.urn == *urn)
    }

    fn not_recorded(&self, urn: &Urn) -> NotAllowed {
        let last = |urn: &Urn| urn.name().as_str().rsplit('/').next().map(str::to_owned);
        let similar = self
            .resources
            .keys()
            .find(|known| known.name() == urn.name())
            .or_else(|| {
                let of_type = |known: &&Urn| known.resource_type() == urn.resource_type();
                self.resources
                    .keys()
                    .filter(of_type)
                    .find(|known| last(known) == last(urn))
            })
            .cloned();
        NotAllowed::NotRecorded {
            urn: urn.clone(),
            similar,
        }
    }
}
