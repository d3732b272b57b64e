//! What a plugin says to people: floods of lines, and escapes for the terminal.
//!
//! Every row is a function of the interface version and runs over the archived hostile plugin of that version.

use konductor_model::provider::{CheckRequest, Provider as _};

use crate::sandbox::{THING, construct, contains, hostile, inputs, logged, rows, stopped, tight};

rows!([
    a_flood_of_log_lines_is_cut_and_counted,
    a_flood_of_printed_lines_is_cut_and_counted,
    escapes_reach_no_log_line_name_or_diagnostic,
]);

async fn a_flood_of_log_lines_is_cut_and_counted(version: &str) {
    let lines = logged(&hostile(version, tight()).await, "log-flood").await;
    assert_eq!(lines.len(), 21);
    assert!(lines.iter().all(|line| line.len() < 210), "{lines:?}");
    assert_eq!(lines[20], "4980 more log messages were dropped");
}

async fn a_flood_of_printed_lines_is_cut_and_counted(version: &str) {
    let lines = logged(&hostile(version, tight()).await, "print-flood").await;
    assert!(lines.iter().map(String::len).sum::<usize>() < 8_000);
    contains(
        lines.last().unwrap(),
        "more bytes were dropped; the limit is 4096 bytes a call",
    );
}

/// Tells whether a text could steer a terminal or forge a line.
fn steers(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

async fn escapes_reach_no_log_line_name_or_diagnostic(version: &str) {
    let plugin = hostile(version, tight()).await;
    for what in ["log-flood", "print-flood"] {
        let lines = logged(&plugin, what).await;
        assert!(
            !lines.iter().any(|line| steers(line) || line.contains('\n')),
            "{lines:?}"
        );
    }
    assert!(!steers(&plugin.manifest().description));
    assert!(!steers(&stopped(&plugin, "panic").await));
    let failure = construct(&plugin, "escape-in-name").await.unwrap_err();
    contains(&failure, "which is no resource name");
    assert!(!steers(&failure));
    let check = CheckRequest {
        resource_type: THING.parse().unwrap(),
        name: "web".parse().unwrap(),
        inputs: inputs("nothing"),
        prior_inputs: None,
    };
    let diagnostics = plugin.check(check).await.unwrap().diagnostics.to_string();
    contains(&diagnostics, "odd[2J summary");
    assert!(!steers(&diagnostics));
}
