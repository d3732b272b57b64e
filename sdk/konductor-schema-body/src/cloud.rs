//! The habits of a cloud.

use std::fmt::Debug;

use konductor_schema_table::{Choices, TextRules};
use konductor_sdk::prelude::*;

use crate::place::Place;

/// What one cloud does in its own way.
pub trait Cloud: Debug + Copy + Default + 'static {
    /// Its name, as messages say it.
    const NAME: &'static str;

    /// Tells whether two values mean the same, neither of which is a map or a list with the other. `name` is the property
    /// that they stand in.
    fn same(place: Place<Self>, name: &str, left: &Value, right: &Value) -> bool;

    /// Tells whether answers leave a value out, so that one who asked for it finds nothing.
    fn is_left_out(value: &Value) -> bool {
        is_empty(value)
    }

    /// Returns what tells an element of a list apart, where something does.
    fn key_of(element: &Value) -> Option<String>;

    /// Tells whether a text is one of the choices.
    fn has_choice(choices: Choices<'static>, text: &str) -> bool {
        choices.values().any(|choice| choice == text)
    }

    /// Tells whether a number may be given where the definition has a text.
    fn takes_number(_: &TextRules<&str>) -> bool {
        false
    }

    /// Returns a published pattern as a regular expression that is searched for.
    fn pattern(pattern: &str) -> String {
        pattern.to_owned()
    }
}

/// Tells whether a value says nothing: null, or a list or map without anything in it.
pub fn is_empty(value: &Value) -> bool {
    match value.reveal() {
        Value::Null => true,
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Tells whether texts of a definition are whole numbers of 64 bits, which JSON cannot carry as numbers.
pub fn is_number_text(rules: &TextRules<&str>) -> bool {
    matches!(rules.format, Some("int64" | "uint64"))
}
