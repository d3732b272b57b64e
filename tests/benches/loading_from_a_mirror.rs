//! What a run pays for a plugin that is verified: the same plan with the AWS plugin from a file that nobody vouches
//! for, and from a mirror, locked, signed, stamped, and admitted by a policy. Compiled code is in the cache for both.
//!
//! ```console
//! $ cargo xtask plugins aws
//! $ cargo build --release --bin konductor
//! $ KONDUCTOR_TEST_BINARY=$PWD/target/release/konductor cargo bench --bench loading_from_a_mirror
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use konductor_tests::{KeyKind, Project, SiteAuthority, guest};

/// How often each is measured; the two take turns, so that what else the machine does meets both.
const ROUNDS: usize = 40;

fn main() {
    // `cargo test --benches` asks only whether it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") {
        ROUNDS
    } else {
        1
    };
    let folder = tempfile::tempdir().unwrap();
    let home = Home(folder.path().to_owned());
    let plugin = home.signed_plugin();
    let direct = home.project();
    direct.write("konductor.yaml", &stack(&plugin.display().to_string()));
    direct.run(["plugin", "lock"]).succeeds();
    let mirror = home.0.join("mirror");
    direct
        .run(["plugin", "mirror", mirror.to_str().unwrap()])
        .succeeds();
    let mirrored = home.project();
    mirrored.write("konductor.yaml", &stack(&format!("mirror:{}", mirror.display())));
    for name in ["platform.pub.pem", "timestamps.pem"] {
        fs::copy(home.0.join(name), mirrored.folder().join(name)).unwrap();
    }
    mirrored.write("policy.yaml", &policy(&mirror));
    mirrored
        .run(["plugin", "lock", "--policy", "policy.yaml"])
        .succeeds();

    let plan_of_file = || timed(&direct, &["plan"]);
    let plan_of_mirror = || {
        timed(
            &mirrored,
            &["plan", "--locked", "--offline", "--policy", "policy.yaml"],
        )
    };
    plan_of_file();
    plan_of_mirror();
    let (mut of_file, mut of_mirror): (Vec<_>, Vec<_>) =
        (0..rounds).map(|_| (plan_of_file(), plan_of_mirror())).unzip();
    let size = fs::metadata(&plugin).unwrap().len();
    let (of_file, of_mirror) = (median(&mut of_file), median(&mut of_mirror));
    println!(
        "AWS plugin, {:.1} MB, medians of {rounds} runs of `plan`:",
        size as f64 / 1e6
    );
    println!("  from a file, unsigned       {:7.1} ms", milliseconds(of_file));
    println!("  from a mirror, verified     {:7.1} ms", milliseconds(of_mirror));
    println!(
        "  verification adds           {:7.1} ms, ratio {:.3}",
        milliseconds(of_mirror) - milliseconds(of_file),
        of_mirror.as_secs_f64() / of_file.as_secs_f64()
    );
}

/// A folder for what both projects share.
struct Home(PathBuf);

impl Home {
    /// Makes a project that keeps its cache with the other's and finds no plugins but those it names.
    fn project(&self) -> Project {
        let project = Project::empty()
            .with_environment("XDG_CACHE_HOME", self.0.join("cache").to_str().unwrap())
            .with_environment("KONDUCTOR_PLUGIN_PATH", "");
        project.write("konductor.dev.yaml", "config: { aws: { region: us-west-2 } }\n");
        project
    }

    /// Packs and signs the AWS plugin with the platform's key, and stamps it by the site's authority.
    fn signed_plugin(&self) -> PathBuf {
        let here = |name: &str| self.0.join(name);
        let authority = SiteAuthority::create();
        let key = authority.key("platform", KeyKind::P256);
        fs::write(here("platform.pub.pem"), key.public_text()).unwrap();
        let certificates = [authority.timestamp_certificate(), authority.certificate()];
        let certificates = certificates.map(|file| fs::read_to_string(file).unwrap());
        fs::write(here("timestamps.pem"), certificates.concat()).unwrap();
        let plugin = here("aws.wasm");
        fs::copy(guest("aws"), &plugin).unwrap();
        let project = self.project();
        let file = plugin.to_str().unwrap();
        let at = |name: &str| here(name).to_str().unwrap().to_owned();
        let sign = |arguments: &[&str]| {
            project
                .run(["plugin", "sign", file].iter().chain(arguments).copied())
                .succeeds();
        };
        project.run(["plugin", "pack", file]).succeeds();
        sign(&["--export-payload", &at("payload.bin")]);
        fs::write(
            here("payload.sig"),
            key.sign(&fs::read(here("payload.bin")).unwrap()),
        )
        .unwrap();
        sign(&[
            "--signature",
            &at("payload.sig"),
            "--public-key",
            &at("platform.pub.pem"),
            "--export-timestamp-request",
            &at("request.tsq"),
        ]);
        let response = authority.answer_query(&fs::read(here("request.tsq")).unwrap());
        fs::write(here("response.tsr"), response).unwrap();
        sign(&["--timestamp-response", &at("response.tsr")]);
        plugin
    }
}

/// A stack that needs the plugin, and no cloud to be planned.
fn stack(source: &str) -> String {
    format!(
        "\
name: loading
plugins:
  aws:
    source: \"{source}\"
    grant: requested
resources:
  bucket:
    type: aws:s3:Bucket
    properties: {{ bucket: konductor-loading-from-a-mirror }}
"
    )
}

/// A policy that admits only what the platform signed and the lock names.
fn policy(mirror: &Path) -> String {
    format!(
        "\
version: 1
plugins:
  sources: [\"mirror:{}\"]
  signers:
    - {{ name: platform, keys: [platform.pub.pem], timestamp_authorities: [timestamps.pem] }}
  unsigned: deny
  unlocked: deny
  local: deny
",
        mirror.display()
    )
}

fn timed(project: &Project, command: &[&str]) -> Duration {
    let started = Instant::now();
    let finished = project.run(command.iter().copied());
    let taken = started.elapsed();
    finished.succeeds();
    taken
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
