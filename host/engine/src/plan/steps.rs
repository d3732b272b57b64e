//! The steps of a plan, packed: a million of them are read one after the other and never all at once.

use std::fmt;

use konductor_model::schema::TypeKind;
use konductor_state::record::PluginReference;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::EngineError;
use crate::event::PlanSummary;
use crate::packed::Packed;
use crate::plan::model::{Step, StepAction};

/// The steps of a plan in order. They are kept packed, and each is unpacked when it is asked for.
#[derive(Clone, Default)]
pub struct Steps {
    packed: Packed<Step>,
    summary: PlanSummary,
    plugins: Vec<PluginReference>,
}

impl Steps {
    /// Adds a step at the end.
    ///
    /// # Errors
    /// When it cannot be written as text.
    pub fn push(&mut self, step: &Step) -> Result<(), EngineError> {
        let summary = &mut self.summary;
        let resource = step.kind == TypeKind::Resource;
        match &step.action {
            StepAction::None if resource => summary.unchanged += 1,
            StepAction::Create => summary.create += 1,
            StepAction::Update => summary.update += 1,
            StepAction::Replace { .. } => summary.replace += 1,
            StepAction::Import { .. } => summary.import += 1,
            StepAction::Delete | StepAction::DeleteDeposed { .. } => summary.delete += 1,
            StepAction::Forget { .. } if resource => summary.forget += 1,
            StepAction::None | StepAction::Forget { .. } => {}
        }
        if !self.plugins.contains(&step.plugin) {
            self.plugins.push(step.plugin.clone());
        }
        self.packed.push(step).map_err(EngineError::unpackable)?;
        Ok(())
    }

    /// Keeps the steps that fit and drops the others.
    ///
    /// # Errors
    /// When one cannot be written as text.
    pub fn retain(&mut self, fits: impl Fn(&Step) -> bool) -> Result<(), EngineError> {
        let mut kept = Self::default();
        for step in self.iter().filter(|step| fits(step)) {
            kept.push(&step)?;
        }
        *self = kept;
        Ok(())
    }

    /// Returns how many there are, those that do nothing included.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a step by its position.
    pub fn get(&self, position: usize) -> Option<Step> {
        self.packed.get(position)
    }

    /// Returns the first step.
    pub fn first(&self) -> Option<Step> {
        self.get(0)
    }

    /// Returns the last step.
    pub fn last(&self) -> Option<Step> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Returns all steps in order, each unpacked when it is its turn.
    pub fn iter(&self) -> impl Iterator<Item = Step> {
        self.packed.iter()
    }

    /// Returns the plugins that the steps name, each once.
    pub fn plugins(&self) -> &[PluginReference] {
        &self.plugins
    }

    /// Counts the steps by kind.
    pub(crate) fn summary(&self) -> PlanSummary {
        self.summary
    }

    /// Tells whether a text stands anywhere in the steps as they are written.
    pub(crate) fn contain(&self, text: &str) -> bool {
        self.packed.contains(text)
    }
}

impl<'s> IntoIterator for &'s Steps {
    type Item = Step;
    type IntoIter = Box<dyn Iterator<Item = Step> + 's>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Steps {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.len()))?;
        for step in self {
            sequence.serialize_element(&step)?;
        }
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneByOne;
        impl<'de> Visitor<'de> for OneByOne {
            type Value = Steps;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the steps of a plan")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Steps, A::Error> {
                let mut steps = Steps::default();
                while let Some(step) = sequence.next_element::<Step>()? {
                    steps.push(&step).map_err(serde::de::Error::custom)?;
                }
                Ok(steps)
            }
        }
        deserializer.deserialize_seq(OneByOne)
    }
}
