//! Recordings of the example plugins: replayed without a server, taken anew against the real ones, and what is said when a
//! plugin sends something else.

use std::path::Path;

use konductor_tests::{
    Finished, Kinto, PowerDns, Project, example, example_plugins, javascript_plugins, python_plugins,
};
use serde_json::Value;

/// A plugin that has a recording beside its `conformance.yaml`.
struct Recorded {
    folder: &'static str,
    plugin: &'static str,
    /// What may stand nowhere in its recording: the credentials and secrets of its stack and its fixtures.
    secrets: &'static [&'static str],
}

const POWERDNS: Recorded = Recorded {
    folder: "powerdns",
    plugin: "powerdns",
    secrets: &[
        "change-me-please",
        "dGhpcyBrZXkgaXMgb25seSBmb3IgdGVzdHMhISEhISE=",
        "YW5vdGhlciBrZXksIGFsc28gZm9yIHRlc3RzIG9ubHkh",
    ],
};
const KINTO: Recorded = Recorded {
    folder: "python-kinto",
    plugin: "kinto",
    secrets: &["change-me-please", "ZGVwbG95OmNoYW5nZS1tZS1wbGVhc2U="],
};
const DEVPI: Recorded = Recorded {
    folder: "javascript-devpi",
    plugin: "devpi",
    secrets: &[
        "change-me-please",
        "cm9vdDpjaGFuZ2UtbWUtcGxlYXNl",
        "correct-horse-battery",
    ],
};

const FILE: &str = "recording.json";

impl Recorded {
    /// Makes the project of its example stack, with its fixtures.
    fn project(&self, plugins: &Path) -> Project {
        let project = Project::from_example(&format!("plugins/{}/stack", self.folder))
            .with_environment("KONDUCTOR_PLUGIN_PATH", plugins.to_str().unwrap());
        project.write("conformance.yaml", &self.beside("conformance.yaml"));
        project
    }

    fn beside(&self, file: &str) -> String {
        let file = example(&format!("plugins/{}", self.folder)).join(file);
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// The kit, with `--record` or `--replay`.
    fn check(&self, option: &'static str) -> [&'static str; 8] {
        let check = [
            "plugin",
            "check",
            self.plugin,
            "--conformance",
            "--no-wait",
            "--json",
        ];
        let [plugin, check, name, conformance, no_wait, json] = check;
        [plugin, check, name, conformance, no_wait, json, option, FILE]
    }

    /// Replays the recording that is committed, without a network and without credentials.
    fn replays(&self, plugins: &Path) {
        let project = self.project(plugins);
        without_credentials(&project);
        let recording = self.beside(FILE);
        project.write(FILE, &recording);
        let checked = project.run_without_network(self.check("--replay"));
        assert_clean(&checked);
        let log = project
            .folder()
            .join(".konductor")
            .join(format!("plugin-check.{}.db", self.plugin));
        assert!(!log.exists(), "nothing was sent, so nothing is in a log");
        self.assert_keeps_secrets(&recording);
    }

    /// Records against a server, and replays that when the server is gone.
    fn records_and_replays(&self, plugins: &Path, url: &str, stop: impl FnOnce()) {
        let variable = format!("KONDUCTOR_{}__ENDPOINT_URL", self.plugin.to_uppercase());
        let project = self.project(plugins);
        project.run(["config", "key", "generate"]).succeeds();
        let recorded = project.run_with(self.check("--record"), &[(&variable, url)]);
        assert_clean(&recorded);
        stop();
        let recording = project.read(FILE);
        self.assert_keeps_secrets(&recording);
        assert!(
            !recording.contains(url),
            "a server's address is no part of a recording"
        );
        without_credentials(&project);
        let replayed = project.run_without_network(self.check("--replay"));
        assert_clean(&replayed);
        for count in ["passed", "skipped"] {
            assert_eq!(summary(&replayed)[count], summary(&recorded)[count], "{count}");
        }
    }

    fn assert_keeps_secrets(&self, recording: &str) {
        assert!(recording.len() > 10_000, "it should hold something");
        for secret in self.secrets {
            let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            for form in [*secret, &hexadecimal] {
                assert!(
                    !recording.contains(form),
                    "{form} is in the recording of {}",
                    self.plugin
                );
            }
        }
        for header in ["authorization", "cookie", "set-cookie", "x-api-key"] {
            assert!(
                !recording.to_lowercase().contains(&format!("\"{header}\"")),
                "{header}"
            );
        }
    }
}

/// Takes the credentials out of the stack; what is left has no secret to decrypt.
fn without_credentials(project: &Project) {
    let stack = project.read("konductor.dev.yaml");
    let (before, after) = stack.split_once("    credentials:\n").unwrap();
    let after: Vec<&str> = after.lines().skip(1).collect();
    project.write("konductor.dev.yaml", &format!("{before}{}\n", after.join("\n")));
}

fn summary(checked: &Finished) -> Value {
    let events = checked.events();
    let summary = events.iter().rfind(|event| event["event"] == "plugin-checked");
    summary
        .unwrap_or_else(|| panic!("{}\n{}", checked.stdout, checked.stderr))
        .clone()
}

#[track_caller]
fn assert_clean(checked: &Finished) {
    assert_eq!(checked.code, Some(0), "{}\n{}", checked.stdout, checked.stderr);
    let summary = summary(checked);
    assert!(summary["passed"].as_u64().unwrap() > 30, "{summary}");
    assert_eq!(summary["clean"], true, "{summary}");
}

#[test]
fn the_recording_of_the_powerdns_plugin_is_replayed_without_a_server() {
    POWERDNS.replays(&example_plugins());
}

#[test]
fn the_recording_of_the_kinto_plugin_is_replayed_without_a_server() {
    KINTO.replays(&python_plugins());
}

#[test]
fn the_recording_of_the_devpi_plugin_is_replayed_without_a_server() {
    DEVPI.replays(&javascript_plugins());
}

#[test]
fn what_is_recorded_against_a_real_server_is_replayed_when_it_is_gone() {
    // This server answers with the keys that it was given.
    let server = PowerDns::open();
    let url = server.url();
    POWERDNS.records_and_replays(&example_plugins(), &url, || drop(server));
}

#[test]
fn a_recording_of_a_check_that_fails_is_not_written() {
    let server = Kinto::open();
    let project = KINTO
        .project(&python_plugins())
        .with_environment("KONDUCTOR_KINTO__ENDPOINT_URL", &server.url());
    project.run(["config", "key", "generate"]).succeeds();
    project.edit(
        "conformance.yaml",
        "update: { owner: archivist, labels: null }",
        "update: { name: other }",
    );
    project.write(FILE, "what was there before\n");
    let checked = project.run(KINTO.check("--record"));
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    assert_eq!(project.read(FILE), "what was there before\n");
}

/// Returns the messages of a check that is not clean.
fn trouble(checked: &Finished) -> String {
    assert_eq!(checked.code, Some(1), "{}\n{}", checked.stdout, checked.stderr);
    let summary = summary(checked);
    let trouble = summary["trouble"].as_array().unwrap();
    let messages: Vec<&str> = trouble.iter().map(|message| message.as_str().unwrap()).collect();
    messages.join("\n")
}

#[test]
fn a_plugin_that_sends_something_else_than_was_recorded_is_told_what_and_where() {
    let plugins = tempfile::tempdir().unwrap();
    let component = std::fs::read(example_plugins().join("powerdns.wasm")).unwrap();
    // Another plugin: it calls a member of what it sends otherwise.
    let (find, other) = (b"changetype", b"changedtyp");
    let mut changed = component.clone();
    let places: Vec<usize> = (0..component.len() - find.len())
        .filter(|at| component[*at..].starts_with(find))
        .collect();
    assert!(!places.is_empty(), "the plugin should have a text to change");
    for at in places {
        changed[at..at + find.len()].copy_from_slice(other);
    }
    std::fs::write(plugins.path().join("powerdns.wasm"), changed).unwrap();
    let project = POWERDNS.project(plugins.path());
    project.write(FILE, &POWERDNS.beside(FILE));
    let told = trouble(&project.run_without_network(POWERDNS.check("--replay")));
    for part in [
        "not in the recording: www: `PATCH {{endpoint:api}}/api/v1/servers/localhost/zones/example.org.` is not in the \
         recording at this place; the nearest is request ",
        "the body at /rrsets/0/changetype: recorded `\"REPLACE\"`, now nothing; \
         the body at /rrsets/0/changedtyp: recorded nothing, now `\"REPLACE\"`",
        "never made: request ",
        "record again against a real server: --record in place of --replay",
    ] {
        assert!(told.contains(part), "{part} should be in {told}");
    }
}

#[test]
fn other_fixtures_than_were_recorded_are_told_and_nothing_is_made_up() {
    let project = KINTO.project(&python_plugins());
    project.write(FILE, &KINTO.beside(FILE));
    project.edit("conformance.yaml", "owner: librarian", "owner: gardener");
    let told = trouble(&project.run_without_network(KINTO.check("--replay")));
    let difference = "the body at /data/owner: recorded `\"librarian\"`, now `\"gardener\"`";
    assert!(told.contains(difference), "{told}");
}

#[test]
fn a_recording_that_is_broken_or_of_another_plugin_is_refused_with_its_place() {
    let project = KINTO.project(&python_plugins());
    let recording = KINTO.beside(FILE);
    project.write(
        FILE,
        &recording.replacen("\"status\": 201", "\"status\": \"made\"", 1),
    );
    let line = 1 + recording
        .lines()
        .position(|line| line.contains("\"status\": 201"))
        .unwrap();
    project
        .run(["plugin", "check", "kinto", "--conformance", "--replay", FILE])
        .fails_saying(&format!("recording.json:{line}:"));
    project.write(FILE, &POWERDNS.beside(FILE));
    project
        .run(["plugin", "check", "kinto", "--conformance", "--replay", FILE])
        .fails_saying("a recording of the plugin `powerdns`, not of `kinto`");
    project
        .run(["plugin", "check", "kinto", "--replay", FILE])
        .fails_saying("--conformance");
}
