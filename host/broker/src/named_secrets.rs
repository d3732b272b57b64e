//! Secrets that have a name in a recording.

use std::collections::BTreeMap;

use konductor_model::Value;
use zeroize::Zeroizing;

use crate::echo::{Echoes, LONGEST_ECHO, SHORTEST_ECHO};

/// The secrets that are known before a run: a recording has their names where they stood, and a replay puts their values
/// back. It has no `Debug`.
#[derive(Default)]
pub struct NamedSecrets {
    echoes: Echoes,
    values: BTreeMap<String, Zeroizing<Vec<u8>>>,
    beyond_hiding: Vec<String>,
}

impl NamedSecrets {
    /// Adds a secret by a name such as `transfer.inputs.key`. Of a list and a map each part has a name of its own.
    pub fn add(&mut self, name: &str, value: &Value) {
        let bytes = match value.reveal() {
            Value::Null | Value::Unknown | Value::Reference(_) => return,
            Value::List(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.add(&format!("{name}.{position}"), item);
                }
                return;
            }
            Value::Map(items) => {
                for (member, item) in items {
                    self.add(&format!("{name}.{member}"), item);
                }
                return;
            }
            Value::Text(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
            _ => &[],
        };
        if !(SHORTEST_ECHO..=LONGEST_ECHO).contains(&bytes.len()) {
            self.beyond_hiding.push(name.to_owned());
            return;
        }
        // A name is written between braces.
        let name = name.replace(['{', '}'], "");
        self.echoes.add(bytes, &format!("{{{{secret:{name}}}}}"));
        self.values.insert(name, Zeroizing::new(bytes.to_vec()));
    }

    /// Returns the names of those that cannot be told from other text: they are shorter than
    /// [`SHORTEST_ECHO`](crate::vault::SHORTEST_ECHO), longer than [`LONGEST_ECHO`](crate::vault::LONGEST_ECHO), or numbers.
    pub(crate) fn beyond_hiding(&self) -> &[String] {
        &self.beyond_hiding
    }

    /// Returns what finds their written forms.
    pub(crate) fn echoes(&self) -> &Echoes {
        &self.echoes
    }

    /// Returns the value of a name.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(|value| value.as_slice())
    }
}
