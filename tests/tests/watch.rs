//! `konductor watch`: many stacks in one process, alerts that are told once, figures, and a clean end. The simulated
//! cloud is a file of effects, so somebody else's change is a line that is written into it.

use std::fs::OpenOptions;
use std::io::Write as _;

use konductor_tests::{AlertReceiver, MailServer, Project, Signal, fetched};
use serde_json::{Value, json};

const PROJECT: &str = "name: items
resources:
  one:
    type: reference:test:Item
    properties: { label: first, tags: { Name: one } }
  two:
    type: reference:test:Item
    properties: { label: second }
";

fn deployed(stack: &str) -> Project {
    let project = Project::from_text(PROJECT, stack);
    project.run(["run", "--yes", "--simulate"]).succeeds();
    project
}

/// Writes an effect of somebody else on an object of a stack into the simulated cloud.
fn outside(project: &Project, stack: &str, name: &str, change: impl FnOnce(&mut Value)) {
    let file = project
        .folder()
        .join(format!(".konductor/{stack}.simulated-cloud.json"));
    let text = std::fs::read_to_string(&file).unwrap();
    let mut object = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .rfind(|effect| effect["put"]["name"] == name)
        .unwrap();
    change(&mut object["put"]["attributes"]);
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "{object}").unwrap();
}

fn label(project: &Project, label: &str) {
    outside(project, "dev", "one", |attributes| {
        attributes["label"] = json!(label)
    });
}

fn checked(project: &Project) -> Vec<Value> {
    let finished = project
        .run(["watch", "--once", "--simulate", "--json"])
        .succeeds();
    let mut events = finished.events();
    events.retain(|event| event["event"] == "watch-checked" || event["event"] == "alert-told");
    events
}

/// The entries of the log of one kind.
fn logged(project: &Project, kind: &str) -> Vec<Value> {
    let finished = project
        .run(["log", "show", "--all", "--simulate", "--json"])
        .succeeds();
    let entries = finished
        .events()
        .into_iter()
        .map(|mut event| event["content"].take());
    entries.filter(|entry| entry["entry"] == kind).collect()
}

#[test]
fn everybody_is_told_once_for_every_change_of_the_drift_also_by_another_process() {
    let receiver = AlertReceiver::start();
    let project = deployed(&format!(
        "config:
  drift:
    alerts:
      - {{ name: hook, webhook: \"{}\", headers: {{ X-Token: abc }} }}
      - {{ name: chat, slack: \"{}\" }}
      - {{ name: mail, email: {{ server: \"{}\", from: konductor@example.org, to: [a@example.org, b@example.org] }} }}
      - {{ name: pager, command: [sh, -c, \"cat >> told\"], severity: high }}
",
        receiver.url("/hook"),
        receiver.url("/chat"),
        receiver.mail_server(),
    ));
    let told = |events: &[Value]| -> Vec<String> {
        let told = events.iter().filter(|event| event["event"] == "alert-told");
        told.map(|event| {
            assert_eq!(event["error"], Value::Null, "{event}");
            event["alert"].as_str().unwrap().to_owned()
        })
        .collect()
    };
    assert_eq!(
        told(&checked(&project)),
        [] as [&str; 0],
        "nothing has drifted and nobody was told"
    );

    label(&project, "theirs");
    assert_eq!(told(&checked(&project)), ["hook", "chat", "mail"]);
    let arrived = [receiver.next(), receiver.next(), receiver.next()];
    let at = |path: Value| arrived.iter().find(|alert| alert["path"] == path).unwrap();
    let (hook, chat, mail) = (at(json!("/hook")), at(json!("/chat")), at(Value::Null));
    assert_eq!(
        (&hook["path"], &hook["headers"]["x-token"]),
        (&json!("/hook"), &json!("abc"))
    );
    assert_eq!(hook["body"]["state"], "drifted");
    assert_eq!(hook["body"]["differences"][0]["actual"], "theirs");
    assert_eq!(chat["path"], "/chat");
    let text = chat["body"]["text"].as_str().unwrap();
    assert!(
        text.contains("Drift in items/dev: 1 changed outside") && text.contains("theirs"),
        "{text}"
    );
    assert_eq!(mail["to"], json!(["a@example.org", "b@example.org"]));
    let data = mail["data"].as_str().unwrap();
    assert!(
        data.contains("Subject: Drift in items/dev: 1 changed outside"),
        "{data}"
    );

    assert_eq!(
        told(&checked(&project)),
        [] as [&str; 0],
        "another process, the same drift"
    );
    label(&project, "theirs again");
    assert_eq!(
        told(&checked(&project)),
        ["hook", "chat", "mail"],
        "another drift"
    );
    label(&project, "first");
    assert_eq!(told(&checked(&project)), ["hook", "chat", "mail"]);
    let states: Vec<Value> = receiver
        .rest()
        .into_iter()
        .filter(|alert| alert["path"] == "/hook")
        .map(|mut alert| alert["body"]["state"].take())
        .collect();
    assert_eq!(states, ["drifted", "gone"]);
    assert!(!project.folder().join("told").exists(), "a label is not high");
    assert_eq!(logged(&project, "drift-told").len(), 9);
    assert_eq!(logged(&project, "drift-checked").len(), 5);
    project.run(["log", "verify", "--simulate"]).succeeds();
}

/// Returns how an alert was told.
fn told(events: &[Value]) -> Value {
    let told = events.iter().find(|event| event["event"] == "alert-told");
    told.unwrap().clone()
}

#[test]
fn a_mail_goes_over_tls_to_a_server_that_is_trusted_and_its_password_is_told_nowhere() {
    let server = MailServer::start();
    let project = deployed(&format!(
        "config:
  drift:
    alerts:
      - {{ name: mail, email: {{ server: \"{}\", user: {}, password: {}, from: konductor@example.org, to: [a@example.org] }} }}
",
        server.smtps(),
        MailServer::USER,
        MailServer::PASSWORD,
    ));
    label(&project, "theirs");
    let alert = told(&checked(&project));
    let error = alert["error"].as_str().unwrap();
    assert!(error.contains("invalid peer certificate"), "{error}");
    assert!(!server.has_mail());

    let project = project.with_environment("SSL_CERT_FILE", server.authority().to_str().unwrap());
    let alert = told(&checked(&project));
    assert_eq!(alert["error"], Value::Null, "{alert}");
    let mail = server.next();
    assert_eq!(mail["tls"], "TLSv1.3");
    assert_eq!(mail["user"], MailServer::USER);
    assert_eq!(mail["to"], json!(["a@example.org"]));
    let data = mail["data"].as_str().unwrap();
    assert!(
        data.contains("Subject: Drift in items/dev: 1 changed outside"),
        "{data}"
    );

    let file = project.read("konductor.dev.yaml");
    project.write(
        "konductor.dev.yaml",
        &file.replace(MailServer::PASSWORD, "wrong horse"),
    );
    label(&project, "theirs again");
    let events = checked(&project);
    let alert = told(&events);
    let error = alert["error"].as_str().unwrap();
    assert!(error.contains("535"), "{error}");
    let log = project
        .run(["log", "show", "--all", "--simulate", "--json"])
        .succeeds();
    for password in [MailServer::PASSWORD, "wrong horse"] {
        assert!(!log.everything().contains(password), "{log}");
        assert!(!format!("{events:?}").contains(password));
    }
}

#[test]
fn an_alert_that_fails_is_recorded_and_tried_again_and_its_address_is_told_nowhere() {
    let receiver = AlertReceiver::start();
    let stack = |path: &str| {
        format!(
            "config:\n  drift:\n    alerts: [{{ name: hook, webhook: \"{}\" }}]\n",
            receiver.url(path)
        )
    };
    let project = deployed(&stack("/fail-not-for-the-log"));
    label(&project, "theirs");
    for _ in 0..2 {
        let events = checked(&project);
        let failed = events
            .iter()
            .find(|event| event["event"] == "alert-told")
            .unwrap();
        assert!(
            failed["error"].as_str().unwrap().contains("answered with 500"),
            "{failed}"
        );
    }
    let log = project
        .run(["log", "show", "--all", "--simulate", "--json"])
        .succeeds();
    assert!(
        !log.everything().contains("not-for-the-log"),
        "the address may hold a token: {log}"
    );
    project.write("konductor.dev.yaml", &stack("/hook"));
    let events = checked(&project);
    assert!(
        events
            .iter()
            .any(|event| event["event"] == "alert-told" && event["error"].is_null())
    );
    assert_eq!(receiver.rest().len(), 3);
}

#[test]
fn one_process_checks_many_stacks_a_failing_one_stops_no_other_and_it_ends_cleanly() {
    let schedule = "config:\n  drift: { schedule: \"* * * * * *\", jitter: 0 }\n";
    let project = deployed(schedule);
    project.write(
        "konductor.broken.yaml",
        &format!("{schedule}resources:\n  one: {{ type: nonsense }}\n"),
    );
    project.write("konductor.idle.yaml", "config: {}\n");
    label(&project, "theirs");
    let mut watching = project.start(["watch", "--simulate", "--json", "--metrics", "127.0.0.1:0"]);
    let started = watching.wait_for_event("watch-started");
    assert_eq!(started["stacks"], 3);
    let address = started["metrics"].as_str().unwrap().to_owned();
    let mut ended = std::collections::BTreeMap::new();
    while ended.get("dev") < Some(&3) || ended.get("broken") < Some(&1) {
        let event = watching.wait_for_event("watch-checked");
        let stack = event["stack"].as_str().unwrap().to_owned();
        let expected = if stack == "dev" { "succeeded" } else { "failed" };
        assert_eq!(event["result"], expected, "{event}");
        *ended.entry(stack).or_insert(0) += 1;
    }
    assert!(!ended.contains_key("idle"), "it has no schedule");
    let figures = fetched(&format!("http://{address}/metrics"));
    for line in [
        "konductor_drift_differences{project=\"items\",stack=\"dev\",kind=\"changed-outside\",severity=\"medium\"} 1",
        "konductor_drift_objects{project=\"items\",stack=\"dev\"} 2",
        "konductor_drift_checks_total{project=\"\",stack=\"broken\",result=\"failed\"}",
    ] {
        assert!(figures.contains(line), "{line} in {figures}");
    }
    watching.signal(Signal::INT);
    let finished = watching.finish().ends_with(0);
    assert_eq!(finished.events().last().unwrap()["event"], "watch-ended");

    // No check begins before the one before it has ended.
    let finished = project
        .run(["log", "show", "--all", "--stack", "dev", "--simulate", "--json"])
        .succeeds();
    let mut under_way = 0;
    for event in finished.events() {
        match event["content"]["entry"].as_str() {
            Some("run-started") => {
                under_way += 1;
                assert_eq!(under_way, 1, "{finished}");
            }
            Some("run-finished") => under_way -= 1,
            _ => {}
        }
    }
    assert_eq!(under_way, 0, "the last check came to its end");
    project
        .run(["watch", "--simulate", "--metrics", "0.0.0.0:0"])
        .fails_saying("only an address of this machine itself");
}

#[test]
fn what_needs_no_yes_is_repaired_by_the_watch_and_the_rest_is_left() {
    let project = deployed(
        "config:
  drift:
    remediate: true
    approval: [{ type: \"reference:test:*\", attribute: tags, mode: auto }]
",
    );
    outside(&project, "dev", "one", |attributes| {
        attributes["tags"] = json!({"Name": "theirs"});
    });
    outside(&project, "dev", "two", |attributes| {
        attributes["label"] = json!("theirs")
    });
    checked(&project);
    let events = checked(&project);
    assert_eq!(
        events[0]["counts"],
        json!({"changed-outside": 1}),
        "the label waits for a yes: {events:?}"
    );
    project
        .run(["drift", "--simulate"])
        .succeeds()
        .says("two (reference:test:Item)");
}

#[test]
fn everything_wrong_in_the_section_is_said_at_once_with_its_place() {
    let project = Project::from_text(
        PROJECT,
        "config:
  drift:
    schedul: x
    schedule: every day
    jitter: soon
    approval: [{ type: nonsense, mode: perhaps }]
    alerts:
      - { name: a }
      - { name: b, slack: here }
",
    );
    for text in [
        "did you mean `schedule`?",
        "`every day` is no schedule",
        "`drift.jitter` is \"soon\", expected a time",
        "`nonsense` is neither a type nor a pattern",
        "expected one of auto, ask, never",
        "an alert has one of `webhook`, `slack`, `email` and `command`",
        "`drift.alerts[1].slack` is no URL",
        "konductor.dev.yaml:4:",
    ] {
        let finished = project.run(["drift", "--simulate"]).ends_with(1);
        finished.says(text);
    }
}
