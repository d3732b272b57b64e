//! The policies that the files carry: kept with their places and handed on unread.

use konductor_model::{Origin, Path, Value};

use crate::configuration::Configuration;
use crate::edit::raw;

impl Configuration {
    /// Returns what stands under `policy:` in the organization's file and in `konductor.yaml`, in this order, as
    /// written, nulls included, and without interpolation. Each of them must allow what is done, so a later one can only tighten.
    pub fn policies(&self) -> Vec<(Value, Origin)> {
        self.policies
            .iter()
            .map(|policy| (raw(policy), policy.key_or_value_origin().clone()))
            .collect()
    }

    /// Returns the place of something in a policy, or of the nearest thing around it. `index` is the position in
    /// [`Self::policies`].
    pub fn locate_policy(&self, index: usize, path: &Path) -> Option<Origin> {
        let (found, rest) = self.policies.get(index)?.descend(path.steps());
        Some(if rest.is_empty() {
            found.origin.clone()
        } else {
            found.key_or_value_origin().clone()
        })
    }
}
