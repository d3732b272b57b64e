//! A plugin that a site signed with a key the host never sees, and the policy that admits nothing else.

use std::fs;
use std::path::Path;

use crate::{Project, SiteAuthority, SiteKey};

/// What the site's public key and the certificates of its timestamp authority are called beside the plugin.
pub const KEY_FILE: &str = "platform.pub.pem";

/// See [`KEY_FILE`].
pub const CERTIFICATES_FILE: &str = "timestamps.pem";

/// Packs and signs a plugin of the project's folder in two steps, as with a security module, and stamps it. The key
/// and the certificates are put beside it.
pub fn sign_in_two_steps(project: &Project, file: &str, key: &SiteKey, authority: &SiteAuthority) {
    let here = |name: &str| project.folder().join(name);
    fs::write(here(KEY_FILE), key.public_text()).unwrap();
    fs::write(here(CERTIFICATES_FILE), certificates(authority)).unwrap();
    let sign = |arguments: &[&str]| {
        let all = ["plugin", "sign", file]
            .into_iter()
            .chain(arguments.iter().copied());
        project.run(all).succeeds();
    };
    project.run(["plugin", "pack", file]).succeeds();
    sign(&["--export-payload", "payload.bin"]);
    let signature = key.sign(&fs::read(here("payload.bin")).unwrap());
    fs::write(here("payload.sig"), signature).unwrap();
    sign(&[
        "--signature",
        "payload.sig",
        "--public-key",
        KEY_FILE,
        "--export-timestamp-request",
        "request.tsq",
    ]);
    let response = authority.answer_query(&fs::read(here("request.tsq")).unwrap());
    fs::write(here("response.tsr"), response).unwrap();
    sign(&["--timestamp-response", "response.tsr"]);
}

/// Returns the certificates of a timestamp authority, one after the other.
pub fn certificates(authority: &SiteAuthority) -> String {
    [authority.timestamp_certificate(), authority.certificate()]
        .map(|file| fs::read_to_string(file).unwrap())
        .concat()
}

/// Returns the policy of a site: only from the mirror, only signed by its own key, only what is locked.
pub fn site_policy(mirror: &Path) -> String {
    format!(
        "\
version: 1
plugins:
  sources: [\"mirror:{}\"]
  signers:
    - {{ name: platform, keys: [{KEY_FILE}], timestamp_authorities: [{CERTIFICATES_FILE}] }}
  unsigned: deny
  unlocked: deny
  local: deny
",
        mirror.display()
    )
}
