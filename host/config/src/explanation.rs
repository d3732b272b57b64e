//! Why a setting has the value it has.

use konductor_model::{Diagnostic, Path, Value};
use serde::Serialize;

use crate::configuration::Configuration;
use crate::located::{Located, Node, Setting};

/// Says where a setting comes from. Printing it needs no identity and shows no secret as long as values are
/// written with `konductor_model::value_json::to_plain_json`; its `Serialize` form does so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The setting.
    pub path: Path,
    /// What each layer says, lowest first; the last one wins. For a map or a list that layers merged, what was
    /// replaced whole, and then the merged whole.
    pub chain: Vec<Setting>,
    /// The value in use with interpolation done; none when the winner removes the setting.
    #[serde(serialize_with = "masked")]
    pub effective: Option<Value>,
    /// The settings below a map or a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Self>,
}

fn masked<S: serde::Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(konductor_model::value_json::to_plain_json)
        .serialize(serializer)
}

impl Explanation {
    /// Returns the layer's word that wins.
    pub fn winner(&self) -> Option<&Setting> {
        self.chain.last()
    }

    /// Returns the explanations of single values, this one's or those below it, in order.
    pub fn leaves(&self) -> Vec<&Self> {
        if self.below.is_empty() {
            vec![self]
        } else {
            self.below.iter().flat_map(Self::leaves).collect()
        }
    }
}

impl Configuration {
    /// Explains a setting and everything below it; the root explains all.
    ///
    /// # Errors
    /// When no layer mentions the setting: an error with the one that may be meant.
    pub fn explain(&self, path: &Path) -> Result<Explanation, Box<Diagnostic>> {
        let located = self
            .get(path)
            .ok_or_else(|| Box::new(self.no_such_setting(path)))?;
        let effective = self.effective();
        Ok(explain(located, path, &effective))
    }
}

fn explain(located: &Located, path: &Path, effective: &Value) -> Explanation {
    let below = match &located.node {
        Node::Map(map) => map
            .iter()
            .map(|(name, below)| explain(below, &path.child(name), effective))
            .collect(),
        Node::List(list) => list
            .iter()
            .enumerate()
            .map(|(index, below)| explain(below, &path.element(index), effective))
            .collect(),
        Node::Leaf(_) | Node::Sealed(_) => Vec::new(),
    };
    let mut chain = located.overridden.clone();
    chain.push(located.setting());
    Explanation {
        path: path.clone(),
        chain,
        effective: effective
            .at(path)
            .filter(|_| !located.is_removed())
            .map(std::borrow::Cow::into_owned),
        below,
    }
}
