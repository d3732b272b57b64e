//! Values as the JSON that a cloud reads and writes.

use konductor_model::Value;
pub use konductor_model::value_json::from_plain_json as from_json;
use konductor_model::value_json::to_plain_json;
use serde_json::Value as Json;

/// Returns a value as a cloud reads it. Secrets are the tokens that the host replaces; what is not known is null.
pub fn to_json(value: &Value) -> Json {
    match value.reveal() {
        Value::Unknown | Value::Reference(_) => Json::Null,
        Value::List(list) => Json::Array(list.iter().map(to_json).collect()),
        Value::Map(map) => Json::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), to_json(value)))
                .collect(),
        ),
        leaf => to_plain_json(leaf),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_its_token_and_what_is_not_known_is_nothing() {
        let value = Value::from([
            ("password", Value::from("token").into_secret()),
            ("later", Value::Unknown),
            ("list", Value::from(vec![Value::from(1).into_secret()])),
        ]);
        assert_eq!(
            to_json(&value),
            json!({"password": "token", "later": null, "list": [1]})
        );
    }
}
