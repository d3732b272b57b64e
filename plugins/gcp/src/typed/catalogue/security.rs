//! Keys and secrets.

use std::collections::BTreeMap;

use konductor_sdk::prelude::*;

use super::PLAIN;
use crate::typed::{Deletion, Named, Typed};

pub static KEY_RING: Typed = Typed {
    name: "gcp:kms:KeyRing",
    rest: "cloudkms/v1/projects.locations.keyRings",
    about: "A ring of keys. It cannot be deleted while a key is in it, and keys can hardly ever be deleted: then it is left \
            where it is, and taken over when it is declared again.",
    abouts: &[
        ("name", "The name in the location."),
        (
            "location",
            "Where the keys are; `gcp.region` where it is not given.",
        ),
    ],
    full_name: Some("projects/{project}/locations/{location}/keyRings/{name}"),
    named: Named::Parameter("keyRingId"),
    patterns: &[("name", "[a-zA-Z0-9_-]{1,63}")],
    deletion: Deletion::Empty("cryptoKeys"),
    link: "https://cloudkms.googleapis.com/v1/projects/shop/locations/europe-west1/keyRings/shop",
    example: "ring:\n  type: gcp:kms:KeyRing\n  properties: { name: shop }\n",
    ..PLAIN
};

pub static CRYPTO_KEY: Typed = Typed {
    name: "gcp:kms:CryptoKey",
    rest: "cloudkms/v1/projects.locations.keyRings.cryptoKeys",
    about: "A key. To delete it means to destroy its versions, which can be taken back for `destroy_scheduled_duration`; the \
            name stays taken.",
    abouts: &[
        ("key_ring", "The whole name of the ring: its `full_name`."),
        ("name", "The name in the ring."),
        (
            "purpose",
            "What it is for: `ENCRYPT_DECRYPT`, `ASYMMETRIC_SIGN`, ….",
        ),
        (
            "rotation_period",
            "How often a new version is made: `7776000s`. A key to encrypt with should have one.",
        ),
        (
            "next_rotation_time",
            "When the next version is made; a period from now where it is not given.",
        ),
        (
            "version_template",
            "Which algorithm, and in software or hardware.",
        ),
    ],
    full_name: Some("{+key_ring}/cryptoKeys/{name}"),
    named: Named::Parameter("cryptoKeyId"),
    required: &["purpose"],
    patterns: &[
        ("name", "[a-zA-Z0-9_-]{1,63}"),
        ("key_ring", "projects/[^/]+/locations/[^/]+/keyRings/[^/]+"),
        ("rotation_period", "[0-9]+s"),
    ],
    deletion: Deletion::Versions,
    completion: Some(next_rotation),
    rules: Some(rotation),
    link: "https://cloudkms.googleapis.com/v1/projects/shop/locations/europe-west1/keyRings/shop/cryptoKeys/data",
    example: "key:\n  type: gcp:kms:CryptoKey\n  properties: { name: data, key_ring: \"${ring.full_name}\", purpose: \
              ENCRYPT_DECRYPT, rotation_period: 7776000s }\n",
    ..PLAIN
};

/// A day, the shortest period.
const SHORTEST_PERIOD: u64 = 86_400;

fn seconds(period: &str) -> Option<u64> {
    period.strip_suffix('s')?.parse().ok()
}

/// The API wants to know when a period begins.
fn next_rotation(context: &Context, body: &mut BTreeMap<String, Value>) {
    let period = body
        .get("rotationPeriod")
        .and_then(Value::as_text)
        .and_then(seconds);
    if let (Some(period), false) = (period, body.contains_key("nextRotationTime")) {
        let time = timestamp((context.now() / 1000).saturating_add(period));
        body.insert("nextRotationTime".to_owned(), time.into());
    }
}

fn rotation(inputs: &Value, diagnostics: &mut Diagnostics) {
    let text = |name: &str| inputs.attribute(name).and_then(Value::as_text);
    let Some(period) = text("rotation_period") else {
        return;
    };
    if seconds(period).is_some_and(|period| period < SHORTEST_PERIOD) {
        diagnostics.push(
            Diagnostic::error(format!("`{period}` is too short"))
                .detail("a key is rotated once a day at most: 86400s")
                .at(Path::attribute("rotation_period")),
        );
    }
    if text("purpose").is_some_and(|purpose| purpose != "ENCRYPT_DECRYPT") {
        diagnostics.push(
            Diagnostic::error("only keys to encrypt and decrypt with are rotated")
                .help("remove `rotation_period`")
                .at(Path::attribute("rotation_period")),
        );
    }
}

/// Writes seconds since 1970 as the API reads them: `2026-11-22T12:00:00Z`.
pub(in crate::typed) fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar, counted in eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

pub static SECRET: Typed = Typed {
    name: "gcp:secretmanager:Secret",
    rest: "secretmanager/v1/projects.secrets",
    about: "A secret of Secret Manager, without its value: versions are added by whoever knows it.",
    abouts: &[
        ("name", "The name in the project."),
        (
            "replication",
            "Where it is kept: everywhere, as Google likes, unless `user_managed` names the places.",
        ),
        ("rotation", "When somebody is told to rotate it; needs `topics`."),
        ("version_aliases", "Names of versions."),
    ],
    full_name: Some("projects/{project}/secrets/{name}"),
    named: Named::Parameter("secretId"),
    defaults: &[("replication", "{\"automatic\": {}}")],
    patterns: &[("name", "[a-zA-Z0-9_-]{1,255}")],
    link: "https://secretmanager.googleapis.com/v1/projects/shop/secrets/database-password",
    example: "secret:\n  type: gcp:secretmanager:Secret\n  properties: { name: database-password }\n",
    ..PLAIN
};

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn moments_are_written_as_the_api_reads_them() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_348_800, "2026-11-22T12:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), written);
        }
    }
}
