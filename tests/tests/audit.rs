//! The log as evidence: filtered, exported, and checked by whoever has only a copy. What is exported is read by parsers that
//! others wrote.

use std::process::Command;

use konductor_tests::{AuditReceiver, Finished, Project, Signal, audit_environment, root};
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

const SECRET: &str = "planted-4711";

/// A stack whose log holds a secret that was given as such, two runs that changed something and one that failed.
fn deployed() -> Project {
    let project = Project::from_text(PROJECT, "config: {}\n");
    project.run(["config", "key", "generate"]).succeeds();
    project
        .run(["config", "set", "--secret", "notes.password", SECRET])
        .succeeds();
    let sealed = project.read("konductor.dev.yaml");
    let sealed = sealed
        .lines()
        .find_map(|line| line.split_once("secure:"))
        .unwrap()
        .1
        .trim();
    let sealed = sealed.trim_end_matches(['}', ' ']).to_owned();
    project.edit(
        "konductor.yaml",
        "label: second",
        &format!("label: {{ secure: {sealed} }}"),
    );
    project.run(["run", "--yes"]).succeeds();
    project.edit("konductor.yaml", "Name: one", "Name: another");
    project.run(["run", "--yes"]).succeeds();
    project
}

fn records(finished: &Finished) -> Vec<Value> {
    let mut events = finished.events();
    events.retain(|event| event["event"] == "audit-record");
    for event in &mut events {
        event
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name != "event" && name != "time");
    }
    events
}

fn audit(project: &Project, arguments: &[&str]) -> Vec<Value> {
    records(
        &project
            .run([&["audit", "--json"][..], arguments].concat())
            .succeeds(),
    )
}

#[test]
fn every_entry_is_an_event_that_can_be_found_by_who_what_when_and_how_it_ended() {
    let project = deployed();
    let log = project.run(["log", "show", "--all", "--json"]).succeeds();
    let entries = log.events();
    let all = audit(&project, &[]);
    assert_eq!(all.len(), entries.len());
    for (entry, record) in entries.iter().zip(&all) {
        for member in ["serial", "written", "hash"] {
            assert_eq!(entry[member], record[member]);
        }
        assert_eq!(entry["content"]["entry"], record["kind"]);
        assert!(record["actor"].is_string(), "{record}");
    }
    let of_two = audit(&project, &["--deployment", "2"]);
    assert!(!of_two.is_empty() && of_two.len() < all.len());
    assert!(of_two.iter().all(|record| record["deployment"] == 2));

    let about = audit(&project, &["--resource", "o*e"]);
    let named = |record: &Value, name: &str| record["resource"]["name"] == name;
    assert!(!about.is_empty() && about.iter().all(|record| named(record, "one")));
    let by_type = audit(&project, &["--resource", "reference:*", "--kind", "end"]);
    let actions: Vec<&str> = by_type
        .iter()
        .filter_map(|record| record["action"].as_str())
        .collect();
    assert_eq!(actions, ["create", "create", "update"]);
    let middle = by_type[1]["written"].as_str().unwrap();
    let before = audit(&project, &["--until", middle]);
    let after = audit(&project, &["--since", middle]);
    assert_eq!(before.len() + after.len(), all.len());
    assert_eq!(after[0]["serial"], by_type[1]["serial"]);
    assert_eq!(audit(&project, &["--actor", "*@*"]).len(), all.len());
    assert!(audit(&project, &["--actor", "nobody@*"]).is_empty());
    assert!(audit(&project, &["--failed"]).is_empty());
    assert!(audit(&project, &["--cloud-calls"]).is_empty());
    let none = project.run(["audit", "--actor", "nobody@*"]).succeeds();
    assert!(none.stdout.contains("No event is meant by this."), "{none}");
    assert_eq!(audit(&project, &["--all"]), all);
    project
        .run(["audit", "--all", "--stack", "dev"])
        .fails_saying("contradict each other");
    project
        .run(["audit", "--since", "2"])
        .fails_saying("expected a time");
}

/// Reads a file of exported events with a parser that others wrote.
fn read_by_others(form: &str, file: &std::path::Path) -> Vec<Value> {
    let output = Command::new(audit_environment().join("bin/python"))
        .arg(root().join("tests/python/audit_reader.py"))
        .arg(form)
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_is_exported_is_read_by_other_programs_is_tied_to_the_log_and_holds_no_secret() {
    let project = deployed();
    let state = std::fs::read(project.state_file("dev")).unwrap();
    assert!(
        !state
            .windows(SECRET.len())
            .any(|bytes| bytes == SECRET.as_bytes())
    );
    let all = audit(&project, &[]);
    assert!(all.len() > 8, "{all:?}");
    for form in ["jsonl", "cef", "ecs"] {
        let printed = project.run(["audit", "export", "--format", form]).succeeds();
        assert!(!printed.everything().contains(SECRET), "{printed}");
        let file = project.folder().join(form);
        let name = file.to_str().unwrap();
        project
            .run(["audit", "export", "--format", form, "--output", name])
            .succeeds();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), printed.stdout);
        let read = read_by_others(form, &file);
        assert_eq!(read.len(), all.len());
        for (read, record) in read.iter().zip(&all) {
            let resource = record["resource"].get("urn").unwrap_or(&Value::Null);
            match form {
                "jsonl" => assert_eq!(read, record),
                "cef" => {
                    assert_eq!(read["DeviceEventClassID"], record["kind"]);
                    assert_eq!(read["externalId"], record["serial"].to_string());
                    assert_eq!(read["entryHash"], record["hash"]);
                    assert_eq!(read["suser"], record["actor"]);
                    assert_eq!(read["msg"], record["message"]);
                    assert_eq!(read.get("resource").unwrap_or(&Value::Null), resource);
                }
                _ => {
                    assert_eq!(read["event"]["sequence"], record["serial"]);
                    assert_eq!(read["event"]["hash"], record["hash"]);
                    assert_eq!(read["@timestamp"], record["written"]);
                    assert_eq!(read["user"], json!({ "name": record["actor"] }));
                    let found = read["konductor"]["resource"].get("urn");
                    assert_eq!(found.unwrap_or(&Value::Null), resource);
                }
            }
        }
    }
    let missing = project.run(["audit", "export", "--output", "no/such/folder/file"]);
    missing.fails_saying("no/such/folder/file");
}

/// A stack whose events go to a receiver in every way there is.
fn forwarding(receiver: &AuditReceiver) -> Project {
    let stack = format!(
        "config:
  audit:
    forward:
      - {{ name: plain, syslog: \"tcp://127.0.0.1:{}\" }}
      - {{ name: encrypted, syslog: \"tcp+tls://127.0.0.1:{}\" }}
      - {{ name: lossy, syslog: \"udp://127.0.0.1:{}\" }}
      - {{ name: collector, otlp: \"http://127.0.0.1:{}/v1/logs\", headers: {{ X-Token: abc }} }}
",
        receiver.port("tcp"),
        receiver.port("tls"),
        receiver.port("udp"),
        receiver.port("http")
    );
    let authority = receiver.authority();
    Project::from_text(PROJECT, &stack).with_environment("SSL_CERT_FILE", authority.to_str().unwrap())
}

/// Waits until every receiver has so many events, and returns what each got, by the number of the entry, in the order in
/// which it came.
fn received(receiver: &AuditReceiver, by: &[&str], events: usize) -> Vec<(String, Vec<Value>)> {
    let mut found: Vec<(String, Vec<Value>)> = by.iter().map(|by| ((*by).to_owned(), Vec::new())).collect();
    while found.iter().any(|(_, got)| got.len() < events) {
        let mut delivery = receiver.next();
        assert_eq!(delivery["unreadable"], Value::Null, "{delivery}");
        let (_, got) = found.iter_mut().find(|(by, _)| delivery["by"] == **by).unwrap();
        let member = if delivery["by"] == "otlp" {
            "records"
        } else {
            "messages"
        };
        got.append(delivery[member].as_array_mut().unwrap());
    }
    found
}

fn forwarded(finished: &Finished) -> Vec<Value> {
    let mut events = finished.events();
    events.retain(|event| event["event"] == "audit-forwarded");
    events
}

/// Returns the number of the entry of a message.
fn serial_of(got: &Value) -> u64 {
    let serial = &got["sd"]["konductor@32473"]["serial"];
    serial.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_run_delivers_its_events_to_every_receiver_once_and_other_libraries_read_them() {
    let receiver = AuditReceiver::start();
    let project = forwarding(&receiver);
    let run = project.run(["run", "--yes", "--json"]).succeeds();
    let told = forwarded(&run);
    let events = 6;
    assert_eq!(told.len(), 4, "{run}");
    for told in &told {
        assert_eq!(
            (&told["error"], &told["events"]),
            (&Value::Null, &json!(events)),
            "{told}"
        );
    }
    let all = audit(&project, &[]);
    for (by, got) in received(&receiver, &["tcp", "tls", "udp", "otlp"], events) {
        assert_eq!(got.len(), events);
        for (got, record) in got.iter().zip(&all) {
            if by == "otlp" {
                let attributes = &got["attributes"];
                assert_eq!(attributes["konductor.serial"], record["serial"]);
                assert_eq!(attributes["konductor.hash"], record["hash"]);
                assert_eq!(attributes["user.name"], record["actor"]);
                assert_eq!(got["body"], record["message"]);
                assert_eq!(
                    got["name"],
                    format!("konductor.{}", record["kind"].as_str().unwrap())
                );
                continue;
            }
            let data = &got["sd"]["konductor@32473"];
            assert_eq!(data["serial"], record["serial"].to_string(), "{got}");
            assert_eq!(data["hash"], record["hash"]);
            assert_eq!(
                (&got["appname"], &got["msgid"]),
                (&json!("konductor"), &record["kind"])
            );
            assert_eq!(
                (&got["facility"], &got["severity"]),
                (&json!("audit"), &json!("info"))
            );
            let message: Value = serde_json::from_str(got["msg"].as_str().unwrap().trim()).unwrap();
            assert_eq!(message, *record);
        }
    }
    // Nothing is new but that it was forwarded, which is no reason to forward.
    let again = project.run(["audit", "forward", "--json"]).succeeds();
    assert!(
        forwarded(&again).iter().all(|told| told["events"] == 0),
        "{again}"
    );
    assert_eq!(receiver.rest(), [] as [Value; 0]);
    project.run(["log", "verify"]).succeeds();
    project
        .run(["audit", "forward", "--target", "siem"])
        .fails_saying("no target is called `siem`");

    // Nothing goes to a receiver whose certificate is of an authority that nobody trusts.
    let stranger = AuditReceiver::start().authority_text();
    let file = project.folder().join("stranger.pem");
    std::fs::write(&file, stranger).unwrap();
    project.edit("konductor.yaml", "label: second", "label: third");
    let without = [("SSL_CERT_FILE", file.to_str().unwrap())];
    let run = project.run_with(["run", "--yes"], &without).succeeds();
    assert!(run.stderr.contains("did not get to `encrypted`"), "{run}");
    assert!(run.stderr.contains("certificate"), "{run}");
    // The collector comes last.
    let mut came = vec![receiver.next()];
    while came.iter().all(|delivery| delivery["by"] != "otlp") {
        came.push(receiver.next());
    }
    assert!(came.iter().all(|delivery| delivery["by"] != "tls"), "{came:?}");
}

#[test]
fn what_a_receiver_missed_while_it_was_away_it_gets_later_in_order_and_the_run_does_not_fail() {
    let receiver = AuditReceiver::start();
    let stack = |port: u64, path: &str| {
        format!(
            "config:\n  audit:\n    forward:\n    - {{ name: siem, syslog: \"tcp://127.0.0.1:{port}\" }}\n    - {{ name: collector, otlp: \"http://127.0.0.1:{}{path}\" }}\n",
            receiver.port("http")
        )
    };
    // Nothing listens there, and a collector that fails.
    let project = Project::from_text(PROJECT, &stack(1, "/fail"));
    let run = project.run(["run", "--yes"]).succeeds();
    assert!(run.stderr.contains("did not get to `siem`"), "{run}");
    assert!(
        run.stderr
            .contains("did not get to `collector`: 127.0.0.1 answered with 500"),
        "{run}"
    );
    assert_eq!(receiver.next()["path"], "/fail");
    assert!(audit(&project, &["--kind", "audit-forwarded"]).is_empty());

    // A success that refuses one counts as none.
    project.write("konductor.dev.yaml", &stack(1, "/partial"));
    let failed = project.run(["audit", "forward", "--target", "collector"]);
    failed.fails_saying("the receiver refused 1 of 6 events: one is too old");
    assert_eq!(receiver.next()["path"], "/partial");

    project.write("konductor.dev.yaml", &stack(receiver.port("tcp"), "/v1/logs"));
    project.edit("konductor.yaml", "label: second", "label: third");
    project.run(["run", "--yes"]).succeeds();
    let all = audit(&project, &[]);
    let count = all
        .iter()
        .filter(|record| record["kind"] != "audit-forwarded")
        .count();
    for (by, got) in received(&receiver, &["tcp", "otlp"], count) {
        let serials: Vec<u64> = got
            .iter()
            .map(|got| match by.as_str() {
                "otlp" => got["attributes"]["konductor.serial"].as_u64().unwrap(),
                _ => serial_of(got),
            })
            .collect();
        let expected: Vec<u64> = (1..=u64::try_from(serials.len()).unwrap()).collect();
        assert_eq!(serials, expected, "{by}");
    }
}

#[test]
fn a_watch_delivers_after_every_check_what_it_told_too_and_goes_on_while_a_receiver_is_away() {
    let receiver = AuditReceiver::start();
    let stack = |port: u64| {
        format!(
            "config:
  audit:
    forward: [{{ name: siem, syslog: \"tcp://127.0.0.1:{port}\" }}]
  drift:
    schedule: \"* * * * * *\"
    alerts: [{{ name: pager, command: [sh, -c, \"true\"] }}]
"
        )
    };
    let project = Project::from_text(PROJECT, &stack(1));
    project.run(["run", "--yes"]).succeeds();
    let mut watching = project.start(["watch", "--json"]);
    // Nobody listens, and the checks go on: each tells that it is behind.
    for _ in 0..2 {
        let away = watching.wait_for_event("audit-forwarded");
        assert_eq!((&away["target"], &away["serial"]), (&json!("siem"), &json!(0)));
        assert!(away["error"].is_string(), "{away}");
        assert_eq!(watching.wait_for_event("watch-checked")["result"], "succeeded");
    }
    // The configuration is read anew before each check.
    project.write("konductor.dev.yaml", &stack(receiver.port("tcp")));
    let delivered = loop {
        let event = watching.wait_for_event("audit-forwarded");
        if event["error"].is_null() {
            break event;
        }
    };
    let serial = delivered["serial"].as_u64().unwrap();
    watching.signal(Signal::INT);
    watching.finish().ends_with(0);
    let (_, got) = received(&receiver, &["tcp"], usize::try_from(serial).unwrap()).remove(0);
    let serials: Vec<u64> = got.iter().map(serial_of).collect();
    let expected: Vec<u64> = (1..=u64::try_from(serials.len()).unwrap()).collect();
    assert_eq!(serials, expected, "all of it, in order, from the beginning");
    // All that the watch wrote was delivered when it ended, but for that it was.
    let all = audit(&project, &[]);
    let mut news = all.iter().filter(|record| record["kind"] != "audit-forwarded");
    let last = news.next_back().unwrap()["serial"].as_u64().unwrap();
    let told = audit(&project, &["--kind", "audit-forwarded"]);
    assert!(!told.is_empty());
    let log = project.run(["log", "show", "--all", "--json"]).succeeds();
    let reached = log
        .events()
        .into_iter()
        .rev()
        .find(|event| event["content"]["entry"] == "audit-forwarded");
    assert_eq!(reached.unwrap()["content"]["serial"], last);
}

/// A stack that was deployed, with a setting of how long its log is kept, and a folder for archives.
fn kept_for(retention: &str) -> (Project, String) {
    let project = Project::from_text(
        PROJECT,
        &format!("config: {{ audit: {{ retention: {{ log: {retention} }} }} }}\n"),
    );
    project.run(["run", "--yes"]).succeeds();
    let folder = project.folder().join("archive");
    std::fs::create_dir(&folder).unwrap();
    (project, folder.to_str().unwrap().to_owned())
}

fn archived(finished: &Finished) -> Value {
    let mut events = finished.events();
    events.retain(|event| event["event"] == "log-archived");
    assert_eq!(events.len(), 1, "{finished}");
    events.remove(0)
}

#[test]
fn the_log_is_archived_for_as_long_as_is_said_and_what_was_archived_is_proven_afterwards() {
    let (project, place) = kept_for("7y");
    let archive = |more: &[&str]| {
        let arguments = [&["audit", "archive", "--json", "--to", &place][..], more].concat();
        project.run(arguments).succeeds()
    };
    let entries = audit(&project, &[]).len();
    let would = archived(&archive(&["--dry-run"]));
    assert_eq!(
        (&would["entries"], &would["dry_run"]),
        (&json!(entries), &json!(true))
    );
    assert_eq!(audit(&project, &[]).len(), entries, "nothing is written");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);

    let made = archived(&archive(&[]));
    assert_eq!(
        (&made["first"], &made["last"], &made["keep"]),
        (&json!(1), &json!(entries), &json!("7y"))
    );
    let year = |member: &str| {
        made[member]
            .as_str()
            .unwrap()
            .get(..4)
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    assert_eq!(year("until"), year("newest") + 7);
    let all = audit(&project, &[]);
    assert_eq!(all[entries]["kind"], "log-archived");
    assert_eq!(
        all[entries - 1]["hash"],
        made["hash"],
        "nothing was taken out of the log"
    );
    assert_eq!(
        archived(&archive(&[]))["entries"],
        0,
        "nothing is new but that it was archived"
    );
    project
        .run(["audit", "verify"])
        .succeeds()
        .says("1 archives, nothing is wrong");
    project.run(["restore", "--verify", "--from", &place]).succeeds();

    project.edit("konductor.yaml", "label: second", "label: third");
    project.run(["run", "--yes"]).succeeds();
    assert_eq!(archived(&archive(&[]))["first"], json!(entries + 1));

    let log = project.folder().join(".konductor/dev.db");
    let copy = project.folder().join("copy.db");
    std::fs::copy(&log, &copy).unwrap();
    project
        .run(["audit", "verify", "--file", "copy.db"])
        .succeeds()
        .says("2 archives");
}

#[test]
fn a_project_keeps_its_log_no_shorter_than_the_site_demands_and_what_is_no_time_is_said() {
    let (project, place) = kept_for("90d");
    project.write("site.yaml", "version: 1\naudit: { retention: 5y }\n");
    let archive = ["audit", "archive", "--to", &place];
    let with_policy = [&["--policy", "site.yaml"][..], &archive].concat();
    let refused = project.run(with_policy.clone());
    refused.fails_saying("the log is kept for 90d, and at least 5y is demanded");
    assert_eq!(
        std::fs::read_dir(&place).unwrap().count(),
        0,
        "nothing is archived for too short a time"
    );
    project.write("konductor.dev.yaml", "config: {}\n");
    project.run(with_policy).succeeds().says("are archived at");
    project
        .run(archive)
        .fails_saying("nothing says how long the log is kept");
    project.write(
        "konductor.dev.yaml",
        "config: { audit: { retention: { log: for-ever } } }\n",
    );
    project
        .run(archive)
        .fails_saying("`for-ever` is no time to keep something");
}
