//! What a plain word means: the core schema of YAML 1.2, and JSON for values given as text.

use konductor_model::value_json::from_plain_json;
use konductor_model::{Number, Origin, Value};

use crate::layer::Layer;
use crate::located::{Located, Node};

/// Says why a word cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScalarError {
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
    #[error("`{0}` is too large for a number")]
    TooLarge(String),
}

/// Reads an unquoted word by the core schema of YAML 1.2.
pub(crate) fn plain(text: &str) -> Result<Value, ScalarError> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Boolean(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Boolean(false)),
        ".nan" | ".NaN" | ".NAN" => return Err(ScalarError::NotFinite(text.to_owned())),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Err(ScalarError::NotFinite(text.to_owned()));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_digit(radix))
        {
            return i64::from_str_radix(digits, radix)
                .map(Value::Integer)
                .map_err(|_| ScalarError::TooLarge(text.to_owned()));
        }
    }
    match json_number(text) {
        Some(number) => Number::parse(&number).ok_or_else(|| ScalarError::TooLarge(text.to_owned())),
        None => Ok(Value::from(text)),
    }
}

/// Tells whether a word is a whole number written with leading zeros, which are lost when it is read.
pub(crate) fn loses_leading_zeros(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

/// Rewrites a YAML number as a JSON number; none when the word is no number.
fn json_number(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    if let Some(exponent) = exponent {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if unsigned.is_empty() || !digits(unsigned) {
            return None;
        }
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    };
    let fraction = match fraction {
        Some(fraction) if !fraction.is_empty() => format!(".{fraction}"),
        _ => String::new(),
    };
    let exponent = exponent.map(|e| format!("e{e}")).unwrap_or_default();
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// Reads a value given on the command line or in the environment: JSON, else text.
pub(crate) fn text_or_json(text: &str, origin: &Origin, layer: Layer) -> Located {
    let trimmed = text.trim();
    // Numbers go through `Number` so that no digit is lost.
    let value = match serde_json::from_str::<serde_json::Value>(trimmed) {
        Ok(serde_json::Value::Number(_)) => Number::parse(trimmed).unwrap_or_else(|| Value::from(text)),
        Ok(json) => from_plain_json(json),
        Err(_) => Value::from(text),
    };
    match Located::from_value(&value, origin, layer) {
        located if nesting(&value) <= crate::yaml::MAX_DEPTH => located,
        _ => Located::new(Node::Leaf(Value::from(text)), origin.clone(), layer),
    }
}

fn nesting(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(nesting).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(nesting).max().unwrap_or(0),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_mean_what_the_core_schema_says() {
        for (text, expected) in [
            ("~", "null"),
            ("True", "true"),
            ("yes", "\"yes\""),
            ("on", "\"on\""),
            ("+12", "12"),
            ("-0x1", "\"-0x1\""),
            ("0x1F", "31"),
            ("0o17", "15"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-1.50", "-1.50"),
            ("1e3", "1000"),
            ("1.2.3", "\"1.2.3\""),
            ("10.0.0.0/16", "\"10.0.0.0/16\""),
            ("1_000", "\"1_000\""),
            ("e5", "\"e5\""),
            (".", "\".\""),
            ("-", "\"-\""),
            ("2026-11-20", "\"2026-11-20\""),
            ("18446744073709551616", "18446744073709551616"),
            ("12:30", "\"12:30\""),
        ] {
            assert_eq!(format!("{:?}", plain(text).unwrap()), expected, "{text}");
        }
        for text in [".inf", "-.INF", ".nan", "0xFFFFFFFFFFFFFFFFFF", "1e999"] {
            assert!(plain(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_word_makes_it_panic(text in "[-+.0-9eExo_a-f:]{0,12}") {
            let _ = plain(&text);
        }

        #[test]
        fn every_integer_reads_as_itself(number in any::<i64>()) {
            prop_assert_eq!(plain(&number.to_string()).unwrap(), Value::Integer(number));
        }
    }
}
