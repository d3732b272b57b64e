//! A value table as a hostile guest may write it, decoded.
//!
//! Each node is a byte for its kind, then its content: numbers and child indices as one byte (255 stands for an
//! index far outside), texts as a length byte and that many bytes.
#![no_main]

use arbitrary::{Result, Unstructured};
use konductor_model::node_table::{Limits, Node, decode, encode};
use konductor_model::value_json::{Secrets, from_json, to_json, to_plain_json};
use libfuzzer_sys::fuzz_target;

/// Small, so that a table can exceed them.
const LIMITS: Limits = Limits {
    nodes: 200,
    depth: 16,
};

fn text(input: &mut Unstructured<'_>) -> Result<String> {
    let length = input.arbitrary::<u8>()?;
    let bytes = input.bytes(usize::from(length).min(input.len()))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn child(input: &mut Unstructured<'_>) -> Result<u32> {
    let index = input.arbitrary::<u8>()?;
    Ok(if index == u8::MAX {
        u32::MAX
    } else {
        u32::from(index)
    })
}

fn many<T>(input: &mut Unstructured<'_>, one: impl Fn(&mut Unstructured<'_>) -> Result<T>) -> Result<Vec<T>> {
    let count = input.arbitrary::<u8>()?;
    let mut found = Vec::new();
    for _ in 0..count {
        if input.is_empty() {
            break;
        }
        found.push(one(input)?);
    }
    Ok(found)
}

fn node(input: &mut Unstructured<'_>) -> Result<Node> {
    Ok(match input.arbitrary::<u8>()? % 11 {
        0 => Node::Null,
        1 => Node::Boolean(input.arbitrary::<u8>()? % 2 == 1),
        2 => Node::Integer(input.arbitrary()?),
        3 => Node::Number(text(input)?),
        4 => Node::Text(text(input)?),
        5 => Node::Bytes(text(input)?.into_bytes()),
        6 => Node::List(many(input, child)?),
        7 => Node::Map(many(input, |input| Ok((text(input)?, child(input)?)))?),
        8 => Node::Unknown,
        9 => Node::Secret(child(input)?),
        _ => Node::Reference(text(input)?, text(input)?.parse().unwrap_or_default()),
    })
}

fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let mut table = Vec::new();
    // Past its end the input reads as zeros for ever.
    while !input.is_empty()
        && let Ok(node) = node(&mut input)
    {
        table.push(node);
    }
    let nodes = table.len();
    let Ok(value) = decode(table, LIMITS) else {
        return;
    };
    let mut seen = 0;
    value.walk(&mut |path, _| {
        seen += 1;
        assert!(path.steps().len() < LIMITS.depth, "deeper than the limit");
        assert_eq!(
            path.to_string().parse().as_ref(),
            Ok(path),
            "a path changes on its way through text"
        );
        true
    });
    assert!(seen <= nodes, "more values than nodes");
    assert_eq!(
        decode(encode(&value), LIMITS).as_ref(),
        Ok(&value),
        "a value changes on its way through a table"
    );
    let json = to_json(&value, Secrets::Marked);
    assert_eq!(
        from_json(json).as_ref(),
        Ok(&value),
        "a value changes on its way through JSON"
    );
    let (plain, masked) = (to_plain_json(&value), to_json(&value, Secrets::Masked));
    assert!(
        !value.has_secret()
            || (plain.to_string().contains("(secret)") && masked.to_string().contains("(secret)"))
    );
});
