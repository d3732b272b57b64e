//! Records as lines of ArcSight's Common Event Format, version 0.

use std::fmt::Write as _;

use crate::record::{AuditRecord, Outcome};

/// The longest text of most fields of an extension, in characters; receivers cut off or refuse what is longer.
const LONG: usize = 1_023;
/// The longest text of a field for what the format has no name for.
const CUSTOM: usize = 4_000;

/// Writes a record as a line, without its end.
pub fn line(record: &AuditRecord) -> String {
    let severity = match record.outcome {
        Outcome::Failure => 7,
        Outcome::Success | Outcome::Unknown => 3,
    };
    let name = record.kind.replace('-', " ");
    let version = env!("CARGO_PKG_VERSION");
    let kind = header(record.kind);
    let mut line = format!(
        "CEF:0|Konductor|Konductor|{}|{kind}|{}|{severity}|",
        header(version),
        header(&name)
    );
    let mut separator = "";
    let mut field = |key: &str, value: &str, most: usize| {
        if !value.is_empty() {
            let _ = write!(line, "{separator}{key}={}", extension(value, most));
            separator = " ";
        }
    };
    field("rt", &record.written.as_millisecond().to_string(), LONG);
    field("externalId", &record.serial.to_string(), 40);
    field("outcome", record.outcome.word(), 63);
    field("suser", record.actor.as_deref().unwrap_or_default(), LONG);
    if let Some(action) = record.action {
        // The words of the log: `create-replacement`.
        let word = serde_json::to_value(action).unwrap_or_default();
        field("act", word.as_str().unwrap_or_default(), 63);
    }
    field("msg", &record.message, LONG);
    field("reason", record.error.as_deref().unwrap_or_default(), LONG);
    let resource = record.resource.as_ref();
    let subject = resource.map(|subject| subject.urn.as_ref().unwrap_or(&subject.name));
    let custom = [
        ("cs1", "entryHash", Some(&record.hash)),
        ("cs3", "resource", subject),
        ("cs4", "run", record.run.as_ref()),
        ("cs5", "plugin", record.plugin.as_ref()),
        ("cs6", "command", record.command.as_ref()),
    ];
    let stack = format!("{}/{}", record.project, record.stack);
    for (key, label, value) in custom.into_iter().chain([("cs2", "stack", Some(&stack))]) {
        if let Some(value) = value {
            field(&format!("{key}Label"), label, LONG);
            field(key, value, CUSTOM);
        }
    }
    for (key, label, number) in [
        ("cn1", "deployment", record.deployment),
        ("cn2", "milliseconds", record.milliseconds),
        (
            "cn3",
            "status",
            record.call.as_ref().and_then(|call| call.status).map(u64::from),
        ),
    ] {
        if let Some(number) = number {
            field(&format!("{key}Label"), label, LONG);
            field(key, &number.to_string(), LONG);
        }
    }
    if let Some(finding) = &record.finding {
        for (key, label, value) in [
            ("flexString1", "check", &finding.check),
            ("flexString2", "controls", &finding.controls.join(",")),
        ] {
            field(&format!("{key}Label"), label, LONG);
            field(key, value, LONG);
        }
    }
    if let Some(call) = &record.call {
        field("dhost", &call.host, LONG);
        field("requestMethod", &call.method, LONG);
        field("request", &call.path, LONG);
    }
    line
}

/// Escapes a text of the header: `\` and `|`. A line end cannot stand there.
fn header(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' => escaped.extend(['\\', character]),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Escapes a value of the extension: `\`, `=` and line ends; other control characters become spaces. It is cut before it is
/// escaped, so that no escape is cut in two.
fn extension(text: &str, most: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().take(most) {
        match character {
            '\\' | '=' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Reads a line as the format says: seven bars that are not escaped, then keys that a space or the beginning precedes.
    fn read(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
        let mut headers = vec![String::new()];
        let mut characters = line.chars();
        while headers.len() <= 7
            && let Some(character) = characters.next()
        {
            let last = headers.last_mut().unwrap();
            match character {
                '\\' => last.push(characters.next().unwrap()),
                '|' => headers.push(String::new()),
                other => last.push(other),
            }
        }
        headers.pop();
        // A word before an equals sign that is not escaped is a key.
        let rest: Vec<char> = characters.collect();
        let mut equals = Vec::new();
        let mut at = 0;
        while at < rest.len() {
            match rest[at] {
                '\\' => at += 1,
                '=' => equals.push(at),
                _ => {}
            }
            at += 1;
        }
        let key_start = |equal: usize| {
            rest[..equal]
                .iter()
                .rposition(|c| *c == ' ')
                .map_or(0, |space| space + 1)
        };
        let mut fields = BTreeMap::new();
        for (index, equal) in equals.iter().enumerate() {
            let key: String = rest[key_start(*equal)..*equal].iter().collect();
            let end = equals
                .get(index + 1)
                .map_or(rest.len(), |next| key_start(*next) - 1);
            let mut value = String::new();
            let mut escaped = rest[equal + 1..end].iter();
            while let Some(character) = escaped.next() {
                match character {
                    '\\' => value.push(match escaped.next().unwrap() {
                        'n' => '\n',
                        'r' => '\r',
                        other => *other,
                    }),
                    other => value.push(*other),
                }
            }
            assert!(fields.insert(key, value).is_none(), "{line}");
        }
        (headers, fields)
    }

    #[test]
    fn a_record_has_the_seven_fields_of_the_header_and_what_ties_it_to_the_log() {
        let record = record();
        let (headers, fields) = read(&line(&record));
        assert_eq!(headers[..3], ["CEF:0", "Konductor", "Konductor"]);
        assert_eq!(headers[4..], ["end", "end", "7"]);
        assert_eq!(fields["externalId"], record.serial.to_string());
        assert_eq!(fields["cs1Label"], "entryHash");
        assert_eq!(fields["cs1"], record.hash);
        assert_eq!(fields["cs2"], "shop/dev");
        assert_eq!(fields["rt"], "1763800000000");
        assert_eq!(fields["act"], "create-replacement");
        assert_eq!(fields["outcome"], "failure");
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_field_or_its_line(text in "[a =|\\\\\n\ré%\"]{0,40}") {
            let mut record = record();
            record.message = text.clone();
            record.actor = Some(text.clone());
            record.error = Some(text.clone());
            let line = line(&record);
            prop_assert!(!line.contains('\n') && !line.contains('\r'));
            let (headers, fields) = read(&line);
            prop_assert_eq!(headers.len(), 7);
            for key in ["msg", "suser", "reason"] {
                prop_assert_eq!(fields.get(key).map(String::as_str).unwrap_or_default(), text.as_str());
            }
            prop_assert_eq!(&fields["externalId"], "42");
        }

        #[test]
        fn a_header_keeps_its_text_whatever_stands_in_it(text in "[a|\\\\]{0,20}") {
            let (headers, _) = read(&format!("{}|1|2|3|4|5|6|", header(&text)));
            prop_assert_eq!(&headers[0], &text);
        }
    }

    #[test]
    fn a_long_text_is_cut_before_it_is_escaped() {
        let text = "=".repeat(2_000);
        assert_eq!(extension(&text, LONG), "\\=".repeat(LONG));
    }
}
