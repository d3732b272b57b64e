//! Bytes that only a plugin reads, beside secrets: nobody can tell whether a secret stands in them, so they are sealed
//! with the entry's secrets. They stay base64 text, whose bytes begin with a mark when they are sealed; so the fold
//! carries them without a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_model::Sealer;
use serde_json::Value as Json;

use crate::sealing::ReadFailure;

/// What sealed bytes begin with. Its nine bytes are twelve letters of base64.
const MARK: &[u8] = b"$sealed::";
/// The same in base64.
const MARK_TEXT: &str = "JHNlYWxlZDo6";

/// Tells whether sealed bytes may stand in a text, or bytes that look like it.
pub(crate) fn may_be_in(text: &str) -> bool {
    text.contains(MARK_TEXT)
}

/// Seals the private bytes of an entry. A plugin whose bytes begin like sealed ones has them sealed in any case, or
/// loses them where there is no key, so that it cannot have anything opened.
pub(crate) fn seal<E>(
    entry: &mut Json,
    beside_secrets: bool,
    mut seal: impl FnMut(&[u8]) -> Result<String, E>,
) -> Result<(), E> {
    each(entry, &mut |text| {
        let plain = STANDARD.decode(text.as_str()).unwrap_or_default();
        let pretends = plain.starts_with(MARK);
        if plain.is_empty() || !(beside_secrets || pretends) {
            return Ok(());
        }
        *text = match seal(&plain) {
            Ok(sealed) => STANDARD.encode([MARK, sealed.as_bytes()].concat()),
            Err(_) if pretends && !beside_secrets => String::new(),
            Err(error) => return Err(error),
        };
        Ok(())
    })
}

/// Opens them, or without an opener takes them away.
pub(crate) fn open(entry: &mut Json, sealer: Option<&dyn Sealer>, masked: bool) -> Result<(), ReadFailure> {
    each(entry, &mut |text| {
        let Some(bytes) = STANDARD
            .decode(text.as_str())
            .ok()
            .filter(|bytes| bytes.starts_with(MARK))
        else {
            return Ok(());
        };
        if masked {
            text.clear();
            return Ok(());
        }
        let sealed = bytes.get(MARK.len()..).unwrap_or_default();
        let sealed = String::from_utf8_lossy(sealed);
        let plain = sealer
            .ok_or(ReadFailure::NoKey)?
            .open(&sealed)
            .map_err(ReadFailure::Open)?;
        *text = STANDARD.encode(&*plain);
        Ok(())
    })
}

/// Visits the private bytes of an entry, or of a record.
fn each<E>(json: &mut Json, visit: &mut dyn FnMut(&mut String) -> Result<(), E>) -> Result<(), E> {
    if let Some(Json::String(text)) = json.get_mut("private") {
        visit(text)?;
    }
    if let Some(record) = json.get_mut("record") {
        of_record(record, visit)?;
    }
    of_record(json, visit)
}

fn of_record<E>(record: &mut Json, visit: &mut dyn FnMut(&mut String) -> Result<(), E>) -> Result<(), E> {
    let of_object =
        |object: Option<&mut Json>, visit: &mut dyn FnMut(&mut String) -> Result<(), E>| match object
            .and_then(|object| object.get_mut("private"))
        {
            Some(Json::String(text)) => visit(text),
            _ => Ok(()),
        };
    of_object(record.get_mut("object"), visit)?;
    if let Some(Json::Array(deposed)) = record.get_mut("deposed") {
        for deposed in deposed {
            of_object(deposed.get_mut("object"), visit)?;
        }
    }
    Ok(())
}
