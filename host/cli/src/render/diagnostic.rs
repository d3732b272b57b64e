//! Diagnostics for a person: the place underlined where there is a file.

use konductor_model::{Diagnostic, Diagnostics, Severity};
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

/// Gives the text of a file that a diagnostic points into.
pub trait Sources {
    /// Returns the text, or none when the file is not known.
    fn text(&self, file: &str) -> Option<String>;
}

/// No files: places are named, not underlined.
pub struct NoSources;

impl Sources for NoSources {
    fn text(&self, _: &str) -> Option<String> {
        None
    }
}

/// Returns diagnostics as text for a terminal, the most severe first within the order they came.
pub fn render(diagnostics: &Diagnostics, sources: &dyn Sources, color: bool) -> String {
    let theme = if color {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    };
    let handler = miette::GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .without_syntax_highlighting();
    let mut text = String::new();
    for diagnostic in &diagnostics.0 {
        let report = report(diagnostic, sources);
        if handler.render_report(&mut text, report.as_ref()).is_err() {
            text.push_str(&diagnostic.to_string());
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    strip_controls(&text)
}

/// Removes terminal escapes and other control characters that came in with names or messages; colour that the
/// renderer itself put in stays.
fn strip_controls(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            let mut sequence = String::from("\u{1b}[");
            chars.next();
            let mut is_color = false;
            while let Some(&next) = chars.peek() {
                sequence.push(next);
                chars.next();
                if !(next.is_ascii_digit() || next == ';') {
                    is_color = next == 'm';
                    break;
                }
            }
            if is_color {
                clean.push_str(&sequence);
            }
        } else if !c.is_control() || matches!(c, '\n' | '\t') {
            clean.push(c);
        }
    }
    clean
}

fn report(diagnostic: &Diagnostic, sources: &dyn Sources) -> Report {
    let mut message = diagnostic.summary.clone();
    match (&diagnostic.resource, &diagnostic.at) {
        (Some(resource), Some(at)) if !at.is_root() => message = format!("{resource}, {at}: {message}"),
        (Some(resource), _) => message = format!("{resource}: {message}"),
        (None, Some(at)) if !at.is_root() && diagnostic.origin.is_none() => {
            message = format!("{at}: {message}")
        }
        _ => {}
    }
    let source = diagnostic
        .origin
        .as_ref()
        .and_then(|origin| Some((origin, sources.text(&origin.file)?)));
    if let Some(origin) = &diagnostic.origin {
        message = format!("{origin}: {message}");
    }
    let mut built = MietteDiagnostic::new(message).with_severity(match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
        Severity::Info => miette::Severity::Advice,
    });
    let mut help = Vec::new();
    // The place is underlined only in its own file; other places are named.
    for (origin, label) in &diagnostic.related {
        help.push(format!("{origin}: {label}"));
    }
    if source.is_none() && !diagnostic.detail.is_empty() {
        help.insert(0, diagnostic.detail.clone());
    }
    help.extend(diagnostic.help.clone());
    if !help.is_empty() {
        built = built.with_help(help.join("\n"));
    }
    match source {
        Some((origin, text)) => {
            let start = origin.offset.min(text.len());
            let end = (start + origin.length.max(1)).min(text.len()).max(start);
            let label = if diagnostic.detail.is_empty() {
                "here".to_owned()
            } else {
                diagnostic.detail.clone()
            };
            Report::new(built.with_label(LabeledSpan::at(start..end, label)))
                .with_source_code(NamedSource::new(&*origin.file, text))
        }
        None => Report::new(built),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_model::Origin;

    struct One;
    impl Sources for One {
        fn text(&self, _: &str) -> Option<String> {
            Some("aws:\n  region: 7\n".to_owned())
        }
    }

    #[test]
    fn a_place_is_named_and_underlined() {
        let origin = Origin {
            file: "konductor.dev.yaml".into(),
            line: 2,
            column: 11,
            offset: 15,
            length: 1,
        };
        let diagnostics = Diagnostic::error("expected text")
            .detail("this is an integer")
            .origin(Some(origin))
            .help("quote it");
        insta::assert_snapshot!(render(&diagnostics.into(), &One, false));
    }

    #[test]
    fn escapes_in_a_message_do_not_reach_the_terminal() {
        let diagnostics = Diagnostic::error("bad \u{1b}]0;title\u{7} \u{1b}[2J name").resource("web");
        let text = render(&diagnostics.into(), &NoSources, false);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    }
}
