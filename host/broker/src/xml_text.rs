//! Splits XML into texts and what stands around them, and writes texts with XML's escapes.

use std::fmt::Write as _;

/// Splits an XML text without changing it. `true` marks what is text or an attribute's value.
pub(crate) struct Runs<'a> {
    rest: &'a str,
    /// The quote that ends the attribute value which comes next.
    value: Option<char>,
    in_tag: bool,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            value: None,
            in_tag: false,
        }
    }

    fn take(&mut self, length: usize, is_text: bool) -> Option<(&'a str, bool)> {
        let (run, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some((run, is_text))
    }

    /// Returns the length up to and with an end mark, or all when it is missing.
    fn through(&self, end: &str) -> usize {
        self.rest
            .find(end)
            .map_or(self.rest.len(), |at| at.saturating_add(end.len()))
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = (&'a str, bool);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some(quote) = self.value {
            let length = self.rest.find(quote).unwrap_or(self.rest.len());
            if length > 0 {
                return self.take(length, true);
            }
            self.value = None;
            return self.take(1, false);
        }
        if self.in_tag {
            let length = self.rest.find(['"', '\'', '>']).unwrap_or(self.rest.len());
            return match self.rest.get(length..).and_then(|rest| rest.chars().next()) {
                Some('>') => {
                    self.in_tag = false;
                    self.take(length.saturating_add(1), false)
                }
                Some(quote) => {
                    self.value = Some(quote);
                    self.take(length.saturating_add(1), false)
                }
                None => self.take(length, false),
            };
        }
        for (start, end) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")] {
            if self.rest.starts_with(start) {
                return self.take(self.through(end), false);
            }
        }
        if self.rest.starts_with('<') {
            self.in_tag = true;
            return self.take(1, false);
        }
        let length = self.rest.find('<').unwrap_or(self.rest.len());
        self.take(length, true)
    }
}

/// Resolves the five entities of XML and numbered characters; none when there is another.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split('&');
    let mut decoded = pieces.next()?.to_owned();
    for piece in pieces {
        let (entity, rest) = piece.split_once(';')?;
        let character = match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = entity.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)?
            }
        };
        decoded.push(character);
        decoded.push_str(rest);
    }
    Some(decoded)
}

/// Appends a text so that it can stand in an element or in an attribute. Tells whether XML can carry it: control
/// characters beside tab and line ends have no form in XML.
pub(crate) fn escape(text: &str, escaped: &mut String) -> bool {
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Otherwise a reader would turn them into a space or a line feed.
            '\t' | '\n' | '\r' => {
                // Writing to a text cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            '\u{fffe}' | '\u{ffff}' => return false,
            other if other.is_control() && other < '\u{20}' => return false,
            other => escaped.push(other),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(xml: &str) -> Vec<&str> {
        Runs::new(xml)
            .filter(|(_, is_text)| *is_text)
            .map(|(run, _)| run)
            .collect()
    }

    #[test]
    fn texts_and_attribute_values_are_told_from_names_comments_and_sections() {
        let xml = "<?xml version='1.0'?><!DOCTYPE x><!-- no <a>no</a> --><a one='1 > 0' two=\"\"><![CDATA[no]]>yes\
                   <b/>also</a>";
        assert_eq!(texts(xml), ["1 > 0", "yes", "also"]);
    }

    #[test]
    fn what_has_no_form_in_xml_is_told() {
        assert!(!escape("a\u{0}b", &mut String::new()));
        assert!(escape("a\r\n\tb", &mut String::new()));
        assert_eq!(unescape("&nbsp;"), None);
        assert_eq!(unescape("a & b"), None);
        assert_eq!(unescape("&#x41;&#66;&amp;").as_deref(), Some("AB&"));
    }

    proptest! {
        #[test]
        fn splitting_loses_nothing(xml in "[<>!a\"'= \\-\\[\\]?/&;]{0,40}") {
            let joined: String = Runs::new(&xml).map(|(run, _)| run).collect();
            prop_assert_eq!(joined, xml);
        }

        #[test]
        fn what_is_escaped_unescapes_to_itself(text in "[ -~äöü\\r\\n\\t]{0,40}") {
            let mut escaped = String::new();
            prop_assert!(escape(&text, &mut escaped));
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert_eq!(unescape(&escaped), Some(text));
        }
    }
}
