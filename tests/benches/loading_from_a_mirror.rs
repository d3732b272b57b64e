//! What a run pays for a plugin that is verified: the same plan with the AWS plugin from a file that nobody vouches
//! for, and from a mirror, locked, signed, stamped, and admitted by a policy. Compiled code is in the cache for both.
//!
//! ```console
//! $ cargo xtask plugins aws
//! $ cargo build --release --bin konductor
//! $ KONDUCTOR_TEST_BINARY=$PWD/target/release/konductor cargo bench --profile dev --bench loading_from_a_mirror
//! ```

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use konductor_tests::{
    CERTIFICATES_FILE, KEY_FILE, KeyKind, Project, SiteAuthority, guest, sign_in_two_steps, site_policy,
};

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
    let direct = home.project();
    let authority = SiteAuthority::create();
    let key = authority.key("platform", KeyKind::P256);
    let plugin = direct.folder().join("aws.wasm");
    fs::copy(guest("aws"), &plugin).unwrap();
    sign_in_two_steps(&direct, "aws.wasm", &key, &authority);
    direct.write("konductor.yaml", &stack("./aws.wasm"));
    direct.run(["plugin", "lock"]).succeeds();
    let mirror = home.0.join("mirror");
    direct
        .run(["plugin", "mirror", mirror.to_str().unwrap()])
        .succeeds();
    let mirrored = home.project();
    mirrored.write("konductor.yaml", &stack(&format!("mirror:{}", mirror.display())));
    for name in [KEY_FILE, CERTIFICATES_FILE] {
        fs::copy(direct.folder().join(name), mirrored.folder().join(name)).unwrap();
    }
    mirrored.write("policy.yaml", &site_policy(&mirror));
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
