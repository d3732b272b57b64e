//! Values as CBOR bytes. What CBOR has no type for carries a tag of our own.

use std::collections::BTreeMap;
use std::convert::Infallible;

use konductor_model::{Number, Path, Reference, Value};
use minicbor::data::{Tag, Type};
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};

const NUMBER: u64 = 41_000;
const UNKNOWN: u64 = 41_001;
const SECRET: u64 = 41_002;
const REFERENCE: u64 = 41_003;

/// Encodes a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(1_024));
    write(value, &mut encoder).expect("memory takes everything");
    encoder.into_writer()
}

fn write(value: &Value, e: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<Infallible>> {
    match value {
        Value::Null => e.null()?,
        Value::Boolean(v) => e.bool(*v)?,
        Value::Integer(v) => e.i64(*v)?,
        Value::Number(v) => e.tag(Tag::new(NUMBER))?.str(v.as_str())?,
        Value::Text(v) => e.str(v)?,
        Value::Bytes(v) => e.bytes(v)?,
        Value::List(v) => {
            e.array(v.len() as u64)?;
            return v.iter().try_for_each(|v| write(v, e));
        }
        Value::Map(v) => {
            e.map(v.len() as u64)?;
            return v.iter().try_for_each(|(key, v)| {
                e.str(key)?;
                write(v, e)
            });
        }
        Value::Unknown => e.tag(Tag::new(UNKNOWN))?.null()?,
        Value::Secret(v) => {
            e.tag(Tag::new(SECRET))?;
            return write(v, e);
        }
        Value::Reference(v) => {
            e.tag(Tag::new(REFERENCE))?.array(2)?;
            e.str(&v.resource)?.str(&v.path.to_string())?
        }
    };
    Ok(())
}

/// Decodes a value.
pub fn decode(bytes: &[u8]) -> Result<Value, Error> {
    read(&mut Decoder::new(bytes), 0)
}

fn read(d: &mut Decoder<'_>, depth: usize) -> Result<Value, Error> {
    if depth > 64 {
        return Err(Error::message("too deep"));
    }
    Ok(match d.datatype()? {
        Type::Null => {
            d.null()?;
            Value::Null
        }
        Type::Bool => Value::Boolean(d.bool()?),
        Type::String => Value::Text(d.str()?.to_owned()),
        Type::Bytes => Value::Bytes(d.bytes()?.to_vec()),
        Type::Array => {
            let length = d.array()?.ok_or_else(|| Error::message("no length"))?;
            Value::List(
                (0..length)
                    .map(|_| read(d, depth + 1))
                    .collect::<Result<_, _>>()?,
            )
        }
        Type::Map => {
            let length = d.map()?.ok_or_else(|| Error::message("no length"))?;
            let mut map = BTreeMap::new();
            for _ in 0..length {
                let key = d.str()?.to_owned();
                if map.insert(key, read(d, depth + 1)?).is_some() {
                    return Err(Error::message("a key twice"));
                }
            }
            Value::Map(map)
        }
        Type::Tag => match d.tag()?.as_u64() {
            NUMBER => Number::parse(d.str()?).ok_or_else(|| Error::message("no number"))?,
            UNKNOWN => {
                d.null()?;
                Value::Unknown
            }
            SECRET => read(d, depth + 1)?.into_secret(),
            REFERENCE => {
                d.array()?;
                let resource = d.str()?.to_owned();
                let path: Path = d.str()?.parse().map_err(|_| Error::message("no path"))?;
                Value::Reference(Reference { resource, path })
            }
            _ => return Err(Error::message("an unknown tag")),
        },
        _ => Value::Integer(d.i64()?),
    })
}
