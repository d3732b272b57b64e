//! Objects that older versions of a schema described.

use konductor_model::provider::ObjectState;
use konductor_model::{Disposition, Failure, Value};

use super::{Attributes, Resource};
use crate::equality::mark_sensitive;

type Step<R> = Box<dyn Fn(&Value) -> Result<R, Failure>>;

/// How the objects of older versions become objects of the current one, each straight.
pub struct Upgrades<R> {
    steps: Vec<(u32, Step<R>)>,
}

impl<R> Default for Upgrades<R> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

impl<R> std::fmt::Debug for Upgrades<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.steps.iter().map(|(version, _)| version))
            .finish()
    }
}

impl<R: Resource> Upgrades<R> {
    /// Says how the attributes of a version become those of the current one. `V` is the struct as it was then, with
    /// `#[derive(Attributes)]`.
    #[must_use]
    pub fn from<V: Attributes + 'static>(mut self, version: u32, upgrade: fn(V) -> R) -> Self {
        let step: Step<R> = Box::new(move |stored| V::from_attributes(stored).map(upgrade));
        self.steps.push((version, step));
        self
    }

    /// Rewrites a stored object.
    pub(super) fn apply(&self, stored: ObjectState) -> Result<ObjectState, Failure> {
        let version = stored.schema_version;
        let Some((_, step)) = self.steps.iter().find(|(from, _)| *from == version) else {
            return Err(Failure::new(
                Disposition::Unsupported,
                format!(
                    "this plugin cannot rewrite a {} that version {version} of its schema described: use an older \
                     plugin first",
                    R::TYPE
                ),
            ));
        };
        let attributes = Value::Map(step(&stored.attributes)?.to_map());
        finish::<R>(attributes, stored)
    }
}

/// Gives upgraded attributes the secret marks that the stored ones had, wherever their values went to.
fn finish<R: Resource>(attributes: Value, stored: ObjectState) -> Result<ObjectState, Failure> {
    let mut secrets = Vec::new();
    stored.attributes.walk(&mut |_, value| {
        if let Value::Secret(inner) = value {
            inner.walk(&mut |_, leaf| {
                match leaf {
                    Value::Text(text) if text.is_empty() => {}
                    Value::Text(_) | Value::Integer(_) | Value::Number(_) | Value::Bytes(_) => {
                        secrets.push(leaf.clone());
                    }
                    _ => {}
                }
                true
            });
        }
        true
    });
    let attributes = attributes.map_leaves(&mut |leaf| {
        let secret = secrets.iter().any(|secret| match (secret, &leaf) {
            (Value::Text(secret), Value::Text(text)) => text.contains(secret.as_str()),
            (secret, leaf) => secret == leaf,
        });
        if secret { leaf.into_secret() } else { leaf }
    });
    Ok(ObjectState {
        attributes: mark_sensitive(&R::schema()?.attributes, attributes),
        ..stored
    })
}

/// Rewrites a stored object whose attributes were only renamed.
pub(super) fn rename<R: Resource>(stored: ObjectState) -> Result<ObjectState, Failure> {
    let mut attributes = stored.attributes.clone();
    if let Some(map) = attributes.as_map_mut() {
        for (name, attribute) in R::attributes() {
            let Some(former) = &attribute.renamed_from else {
                continue;
            };
            if let Some(value) = map.remove(former) {
                map.entry(name).or_insert(value);
            }
        }
    }
    Ok(ObjectState { attributes, ..stored })
}
