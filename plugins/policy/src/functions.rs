//! Functions of OPA that the engine leaves out and that need nothing but their arguments. What they cannot do with their
//! arguments is undefined, as in OPA.
//!
//! The bytecode knows none of them: a package that uses one is evaluated by the interpreter.

use std::collections::BTreeSet;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use konductor_sdk_compliance::model::policy::RegoVersion;
use regorus::{Engine, Value};
use sha2::Digest;

use crate::adaptation::{OWN_SUBSET, PATCH_OPERATIONS};

/// Registers all of them with an engine.
///
/// # Errors
/// When the engine has one of them already.
pub(crate) fn register(engine: &mut Engine, rego: RegoVersion) -> Result<(), String> {
    let mut registering = Registering {
        engine,
        problem: None,
    };
    registering.unary("crypto.md5", hashed::<md5::Md5>);
    registering.unary("crypto.sha1", hashed::<sha1::Sha1>);
    registering.unary("crypto.sha256", hashed::<sha2::Sha256>);
    registering.binary("crypto.hmac.md5", authenticated::<Hmac<md5::Md5>>);
    registering.binary("crypto.hmac.sha1", authenticated::<Hmac<sha1::Sha1>>);
    registering.binary("crypto.hmac.sha256", authenticated::<Hmac<sha2::Sha256>>);
    registering.binary("crypto.hmac.sha512", authenticated::<Hmac<sha2::Sha512>>);
    registering.unary("io.jwt.decode", decoded_token);
    registering.binary("net.cidr_intersects", intersect);
    registering.unary("net.cidr_merge", merged);
    registering.binary(OWN_SUBSET, |all, part| Some(Value::from(is_subset(all, part))));
    registering.unary(PATCH_OPERATIONS, |operations| {
        let whole = elements(operations)?.iter().any(takes_the_whole_document);
        (!whole).then(|| operations.clone())
    });
    registering.one("http.send", 1, |_| {
        Err(anyhow::anyhow!(
            "there is no `http.send` in the sandbox, which has no network; give what it would answer as data"
        ))
    });
    if rego == RegoVersion::V0 {
        register_deprecated(&mut registering);
    }
    registering.problem.map_or(Ok(()), Err)
}

/// Registers functions that only the older language has.
fn register_deprecated(registering: &mut Registering<'_>) {
    registering.unary("all", |value| {
        let holds = |element: &Value| *element == Value::from(true);
        Some(Value::from(elements(value)?.iter().all(holds)))
    });
    registering.unary("any", |value| {
        Some(Value::from(elements(value)?.contains(&Value::from(true))))
    });
    registering.unary("cast_array", |value| Some(Value::from(elements(value)?)));
    registering.unary("cast_set", |value| {
        Some(Value::from(BTreeSet::from_iter(elements(value)?)))
    });
    registering.binary("re_match", |pattern, value| {
        let pattern = regex::Regex::new(text(pattern)?).ok()?;
        Some(Value::from(pattern.is_match(text(value)?)))
    });
    registering.binary("minus", difference);
    registering.binary("set_diff", difference);
}

/// The difference of two sets, or of two whole numbers.
fn difference(one: &Value, other: &Value) -> Option<Value> {
    match (one, other) {
        (Value::Set(one), Value::Set(other)) => Some(Value::from(one.difference(other))),
        (Value::Number(_), Value::Number(_)) => {
            Some(Value::from(one.as_i64().ok()?.checked_sub(other.as_i64().ok()?)?))
        }
        _ => None,
    }
}

/// `object.subset`, where an empty list is a part of every list.
fn is_subset(all: &Value, part: &Value) -> bool {
    match (all, part) {
        (Value::Object(all), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| all.get(key).is_some_and(|found| is_subset(found, value))),
        (Value::Set(all), Value::Set(part)) => part.is_subset(all),
        (Value::Array(all), Value::Array(part)) => {
            part.is_empty()
                || all
                    .as_slice()
                    .windows(part.len())
                    .any(|found| found == part.as_slice())
        }
        (Value::Array(all), Value::Set(part)) => part.iter().all(|element| all.contains(element)),
        (all, part) => all == part,
    }
}

/// Tells whether an operation of `json.patch` takes a whole document away from its place, of which OPA knows no result.
fn takes_the_whole_document(operation: &Value) -> bool {
    let is_root = |member: &str| match &operation[member] {
        Value::Array(path) => path.is_empty(),
        Value::String(path) => path.is_empty(),
        _ => false,
    };
    match &operation["op"] {
        Value::String(op) if op.as_ref() == "move" => is_root("from"),
        Value::String(op) if op.as_ref() == "remove" => is_root("path"),
        _ => false,
    }
}

fn elements(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(elements) => Some(elements.iter().cloned().collect()),
        Value::Set(elements) => Some(elements.iter().cloned().collect()),
        _ => None,
    }
}

struct Registering<'e> {
    engine: &'e mut Engine,
    problem: Option<String>,
}

impl Registering<'_> {
    fn one(
        &mut self,
        name: &str,
        arguments: u8,
        function: impl FnMut(Vec<Value>) -> anyhow::Result<Value> + Clone + Send + Sync + 'static,
    ) {
        if let Err(error) = self
            .engine
            .add_extension(name.to_owned(), arguments, Box::new(function))
        {
            self.problem = Some(format!("`{name}`: {error}"));
        }
    }

    fn unary(&mut self, name: &str, function: fn(&Value) -> Option<Value>) {
        self.one(name, 1, move |arguments| {
            let value = arguments.first().and_then(function);
            Ok(value.unwrap_or(Value::Undefined))
        });
    }

    fn binary(&mut self, name: &str, function: fn(&Value, &Value) -> Option<Value>) {
        self.one(name, 2, move |arguments| {
            let value = match arguments.as_slice() {
                [one, other] => function(one, other),
                _ => None,
            };
            Ok(value.unwrap_or(Value::Undefined))
        });
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_string().ok().map(AsRef::as_ref)
}

fn hashed<D: Digest>(value: &Value) -> Option<Value> {
    let digest = D::digest(text(value)?);
    Some(Value::from(HEXLOWER.encode(&digest)))
}

fn authenticated<M: Mac + KeyInit>(value: &Value, key: &Value) -> Option<Value> {
    let mut code = <M as KeyInit>::new_from_slice(text(key)?.as_bytes()).ok()?;
    code.update(text(value)?.as_bytes());
    Some(Value::from(HEXLOWER.encode(&code.finalize().into_bytes())))
}

/// Takes a token apart without looking at its signature: header, payload and the signature in hexadecimal.
fn decoded_token(value: &Value) -> Option<Value> {
    let mut parts = text(value)?.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let object = |part: &str| {
        let bytes = BASE64URL_NOPAD
            .decode(part.trim_end_matches('=').as_bytes())
            .ok()?;
        let json = Value::from_json_str(std::str::from_utf8(&bytes).ok()?).ok()?;
        matches!(json, Value::Object(_)).then_some(json)
    };
    let signature = BASE64URL_NOPAD
        .decode(signature.trim_end_matches('=').as_bytes())
        .ok()?;
    if parts.next().is_some() {
        return None;
    }
    Some(Value::from(vec![
        object(header)?,
        object(payload)?,
        Value::from(HEXLOWER.encode(&signature)),
    ]))
}

fn intersect(one: &Value, other: &Value) -> Option<Value> {
    let one: IpNet = text(one)?.parse().ok()?;
    let other: IpNet = text(other)?.parse().ok()?;
    Some(Value::from(one.contains(&other) || other.contains(&one)))
}

/// Merges networks and addresses, a list or a set of texts, into the fewest networks.
fn merged(value: &Value) -> Option<Value> {
    let network = |value: &Value| -> Option<IpNet> {
        let text = text(value)?;
        let network = text.parse::<IpNet>().map(|network| network.trunc());
        network
            .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
            .ok()
    };
    let networks: Vec<IpNet> = match value {
        Value::Array(elements) => elements.iter().map(network).collect::<Option<_>>()?,
        Value::Set(elements) => elements.iter().map(network).collect::<Option<_>>()?,
        _ => return None,
    };
    let merged: BTreeSet<Value> = IpNet::aggregate(&networks)
        .iter()
        .map(|network| Value::from(network.to_string()))
        .collect();
    Some(Value::from(merged))
}
