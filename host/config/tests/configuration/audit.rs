use konductor_config::Context;
use konductor_model::{AuditTarget, SyslogTransport};

use crate::{Given, lines, load, project};

#[test]
fn targets_merge_by_name_over_the_layers_and_the_section_is_no_module() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  audit:\n    forward:\n    - {name: siem, syslog: \"tcp+tls://logs.example.com\"}\n    - {name: otel, otlp: \"https://one.example.com/v1/logs\"}\n",
        stack: "config:\n  audit:\n    forward:\n    - {name: otel, headers: {X-Token: abc}}\n",
        ..Given::default()
    })
    .unwrap();
    let found = configuration.audit(Context::default()).unwrap().forward;
    assert_eq!(found.len(), 2);
    assert!(
        matches!(&found[0].target, AuditTarget::Syslog(address) if address.transport == SyslogTransport::Tls && address.port == 6514)
    );
    assert!(
        matches!(&found[1].target, AuditTarget::Otlp { url, headers } if url.reveal() == "https://one.example.com/v1/logs" && headers["X-Token"].reveal() == "abc")
    );
    assert!(configuration.modules().unwrap().is_empty());
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let configuration = project(
        "name: shop
config:
  audit:
    forwards: []
    signing_key: []
    public_keys: audit.pem
    forward:
    - {name: a, syslog: \"logs.example.com:514\"}
    - {name: b}
    - {name: c, syslog: \"udp://logs\", otlp: \"https://logs\"}
    - {syslog: \"udp://logs\"}
    - {name: d, otlp: collector-4711}
    - {name: e, syslog: \"udp://logs\"}
    - {name: e, syslog: \"udp://logs\", format: cef}
",
    );
    let wrong = configuration.audit(Context::default()).unwrap_err();
    let told = wrong.to_string();
    for expected in [
        "`audit` has no `forwards`",
        "`audit.signing_key` is [], expected text",
        "`audit.public_keys` is \"audit.pem\", expected a list of texts",
        "`logs.example.com:514` is no address of a syslog receiver",
        "a target has one of `syslog` and `otlp`",
        "`audit.forward[3].name` is null, expected text",
        "`audit.forward[4].otlp` is no URL",
        "two targets are called `e`",
        "`audit.forward[6]` has no `format`",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("4711"), "{told}");
    assert_eq!(lines(&wrong).len(), 10, "{told}");
}
