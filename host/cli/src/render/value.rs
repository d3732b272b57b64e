//! Values for a person. What is secret reads `(secret)`, what is not known yet `(known after apply)`.

use konductor_model::Value;
use konductor_model::value_json::{MASK, UNKNOWN, to_plain_json};

/// How long a value on one line may be, in characters.
const LINE: usize = 120;

/// Returns a value on one line, cut where it is long.
pub fn one_line(value: &Value) -> String {
    let text = match value {
        Value::Unknown => UNKNOWN.to_owned(),
        Value::Secret(_) => MASK.to_owned(),
        Value::Reference(_) => UNKNOWN.to_owned(),
        Value::Bytes(bytes) => format!("({} bytes)", bytes.len()),
        other => to_plain_json(other).to_string(),
    };
    if text.chars().count() <= LINE {
        text
    } else {
        let cut: String = text.chars().take(LINE - 1).collect();
        format!("{cut}…")
    }
}

/// Returns a value for a script: text as it is, everything else as JSON on one line.
pub fn for_script(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => to_plain_json(other).to_string(),
    }
}

/// Returns a value over several lines, indented, in the manner of YAML.
pub fn block(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Map(map) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| match value {
                Value::Map(inner) if !inner.is_empty() => {
                    format!("{pad}{key}:\n{}", block(value, indent + 2))
                }
                Value::List(inner) if !inner.is_empty() => {
                    format!("{pad}{key}:\n{}", block(value, indent + 2))
                }
                _ => format!("{pad}{key}: {}\n", one_line(value)),
            })
            .collect(),
        Value::List(list) if !list.is_empty() => list
            .iter()
            .map(|value| match value {
                Value::Map(inner) if !inner.is_empty() => format!("{pad}-\n{}", block(value, indent + 2)),
                _ => format!("{pad}- {}\n", one_line(value)),
            })
            .collect(),
        other => format!("{pad}{}\n", one_line(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_and_an_unknown_are_named_not_shown() {
        let value = Value::from([
            ("key", Value::from("hunter2").into_secret()),
            ("id", Value::Unknown),
        ]);
        assert_eq!(block(&value, 0), "id: (known after apply)\nkey: (secret)\n");
        assert!(!one_line(&value).contains("hunter2"));
    }

    #[test]
    fn a_script_gets_text_without_quotes() {
        assert_eq!(for_script(&Value::from("vpc-1")), "vpc-1");
        assert_eq!(for_script(&Value::from(vec!["a", "b"])), r#"["a","b"]"#);
    }
}
