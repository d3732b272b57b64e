//! Text from a guest, made fit for a terminal and a log.

/// Tells whether a character could change how the text around it is shown: control characters, line and
/// paragraph separators, and the marks that turn the direction of writing.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Removes unprintable characters but line ends and tabs.
pub(crate) fn stripped(text: &str) -> String {
    text.chars()
        .filter(|c| !is_unprintable(*c) || matches!(c, '\n' | '\t'))
        .collect()
}

/// Returns the beginning of a text, no longer than `limit` bytes and ending at a character.
pub(crate) fn beginning(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// Cuts a text after `limit` bytes, and marks where it was cut.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    let kept = beginning(text, limit);
    let mark = if kept.len() < text.len() { "…" } else { "" };
    format!("{kept}{mark}")
}

/// Removes unprintable characters but line ends and tabs, and cuts after `limit` bytes.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        if is_unprintable(c) && !matches!(c, '\n' | '\t') {
            continue;
        }
        if out.len() + c.len_utf8() > limit {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

/// Like [`printable`], and on one line.
pub(crate) fn printable_line(text: &str, limit: usize) -> String {
    on_one_line(&printable(text, limit))
}

/// Puts spaces in place of line ends and tabs.
pub(crate) fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\t'], " ")
}

/// Makes every text of a JSON document printable, in place.
pub(crate) fn make_json_printable(document: &mut serde_json::Value, limit: usize) {
    match document {
        serde_json::Value::String(text) if text.len() > limit || text.chars().any(is_unprintable) => {
            *text = printable(text, limit);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|v| make_json_printable(v, limit)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|v| make_json_printable(v, limit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_removed() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{9b}c\u{202e}d\r\n\te", 99),
            "a[31mbcd\n\te"
        );
        assert_eq!(printable_line("a\nb", 99), "a b");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(printable("ééé", 4), "éé…");
    }

    #[test]
    fn texts_deep_in_a_document_are_cleaned() {
        let mut document = serde_json::json!({"a": ["\u{1b}x", {"b": "\u{7}y"}]});
        make_json_printable(&mut document, 99);
        assert_eq!(document, serde_json::json!({"a": ["x", {"b": "y"}]}));
    }
}
