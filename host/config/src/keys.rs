//! What protects secrets and encrypted state: the section `secrets` of `konductor.yaml`.

use konductor_model::{Diagnostic, Diagnostics, Origin, Path, Value};

use crate::located::{Located, Node};
use crate::project::{LocatedText, expected, text};
use crate::state::is_loopback;
use crate::suggestion;

/// What protects secrets and encrypted state. It holds no key and no credential: the file is read by everybody who has
/// the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySettings {
    /// Recipients of age: `age1…`.
    pub recipients: Vec<LocatedText>,
    /// A passphrase, which the environment gives; the place is where that is said.
    pub passphrase: Option<Origin>,
    /// Keys of AWS KMS.
    pub aws_kms: Vec<AwsKmsKey>,
    /// Keys of the transit engine of HashiCorp Vault or OpenBao.
    pub vault: Vec<VaultKey>,
}

/// A key of AWS KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKmsKey {
    /// Its ARN, its identifier or `alias/NAME`.
    pub key: LocatedText,
    /// The region; none when the ARN or the environment gives it.
    pub region: Option<LocatedText>,
    /// Where the service is, where that is not AWS.
    pub endpoint: Option<LocatedText>,
}

/// A key of the transit engine of HashiCorp Vault or OpenBao.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultKey {
    /// `https://HOST`.
    pub address: LocatedText,
    /// The name of the key.
    pub key: LocatedText,
    /// Where the engine is mounted; `transit` when nothing is said.
    pub mount: Option<LocatedText>,
    /// The namespace, where the server has them.
    pub namespace: Option<LocatedText>,
}

impl AwsKmsKey {
    /// Returns the region that is written: by itself, or in the ARN.
    pub fn written_region(&self) -> Option<&str> {
        let of_arn = || {
            let rest = self.key.text.strip_prefix("arn:")?;
            rest.split(':').nth(2).filter(|region| !region.is_empty())
        };
        self.region
            .as_ref()
            .map(|region| region.text.as_str())
            .or_else(of_arn)
    }
}

pub(crate) const KEYS: [&str; 4] = ["recipients", "passphrase", "aws_kms", "vault"];
pub(crate) const KMS_KEYS: [&str; 3] = ["key", "region", "endpoint"];
pub(crate) const VAULT_KEYS: [&str; 4] = ["address", "key", "mount", "namespace"];
/// Keys that somebody may look for, and that would put a credential into a file.
const CREDENTIALS: [&str; 7] = [
    "token",
    "role_id",
    "secret_id",
    "password",
    "access_key_id",
    "secret_access_key",
    "credentials",
];

/// Reads the section. What is wrong is told, and left out.
pub(crate) fn read(section: &Located, diagnostics: &mut Diagnostics) -> KeySettings {
    let at = Path::attribute("secrets");
    let mut settings = KeySettings::default();
    let Some(map) = section.as_map() else {
        diagnostics.push(expected("a map with `recipients`", section, &at));
        return settings;
    };
    for (key, entry) in map {
        let at = at.child(key);
        if !KEYS.contains(&key.as_str()) {
            diagnostics.push(unknown(key, &KEYS, "`secrets`", entry, &at));
            continue;
        }
        if entry.is_removed() {
            continue;
        }
        match key.as_str() {
            "recipients" => settings.recipients = recipients(entry, &at, diagnostics),
            "passphrase" => settings.passphrase = passphrase(entry, &at, diagnostics),
            "aws_kms" => each(entry, &at, &KMS_KEYS, diagnostics, |fields, diagnostics| {
                if let Some(key) = aws_kms(fields, diagnostics) {
                    settings.aws_kms.push(key);
                }
            }),
            _ => each(entry, &at, &VAULT_KEYS, diagnostics, |fields, diagnostics| {
                if let Some(key) = vault(fields, diagnostics) {
                    settings.vault.push(key);
                }
            }),
        }
    }
    settings
}

fn unknown(key: &str, known: &[&str], of: &str, entry: &Located, at: &Path) -> Diagnostic {
    let place = entry.key_or_value_origin().clone();
    if CREDENTIALS.contains(&key) {
        // The place is told and not shown, because its line holds the credential.
        return Diagnostic::error(format!("`{key}` does not belong into a file"))
            .detail("konductor.yaml is read by everybody who has the project")
            .help(
                "take it out, and change it where it was seen; AWS: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, \
                 AWS_PROFILE, or a role; Vault: VAULT_TOKEN, or VAULT_TOKEN_FILE",
            )
            .origin(Some(Origin::described(place.to_string())));
    }
    let diagnostic = Diagnostic::error(format!("`{key}` is not a key of {of}"))
        .at(at.clone())
        .origin(Some(place));
    let all: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    diagnostic.help(match suggestion::help(key, known.iter().copied()) {
        Some(help) => help,
        None => format!("known here: {}", all.join(", ")),
    })
}

fn recipients(entry: &Located, at: &Path, diagnostics: &mut Diagnostics) -> Vec<LocatedText> {
    let mut found = Vec::new();
    let Node::List(list) = &entry.node else {
        diagnostics.push(expected("a list of age recipients", entry, at));
        return found;
    };
    for (index, element) in list.iter().enumerate() {
        if let Some(recipient) = text(element, at.element(index), diagnostics) {
            if let Err(error) = crate::sealer::check_recipient(&recipient.text) {
                diagnostics.push(
                    Diagnostic::error(error.reason)
                        .at(at.element(index))
                        .origin(Some(recipient.origin.clone())),
                );
                continue;
            }
            found.push(recipient);
        }
    }
    found
}

fn passphrase(entry: &Located, at: &Path, diagnostics: &mut Diagnostics) -> Option<Origin> {
    match &entry.node {
        Node::Leaf(Value::Boolean(true)) => Some(entry.key_or_value_origin().clone()),
        Node::Leaf(Value::Boolean(false)) => None,
        _ => {
            // Somebody may have written the passphrase itself: its line is not shown.
            let place = entry.key_or_value_origin().to_string();
            diagnostics.push(
                Diagnostic::error("`secrets.passphrase` is true or false")
                    .detail("the passphrase itself never stands in a file of the project")
                    .help(
                        "write `passphrase: true`, and give it in KONDUCTOR_PASSPHRASE, KONDUCTOR_PASSPHRASE_FILE or \
                         KONDUCTOR_PASSPHRASE_COMMAND; choose another one if it stood here",
                    )
                    .at(at.clone())
                    .origin(Some(Origin::described(place))),
            );
            None
        }
    }
}

/// The fields of one key in a list.
struct Fields<'a> {
    map: &'a Located,
    at: Path,
}

impl Fields<'_> {
    fn text(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<LocatedText> {
        let value = self.map.as_map()?.get(name).filter(|value| !value.is_removed())?;
        text(value, self.at.child(name), diagnostics)
    }

    fn required(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<LocatedText> {
        let there = self.map.as_map().and_then(|map| map.get(name));
        if there.is_none_or(|value| value.is_removed()) {
            diagnostics.push(
                Diagnostic::error(format!("the key has no `{name}`"))
                    .help(format!("add `{name}:`"))
                    .at(self.at.clone())
                    .origin(Some(self.map.key_or_value_origin().clone())),
            );
            return None;
        }
        self.text(name, diagnostics)
    }

    fn wrong(&self, name: &str, value: &LocatedText, wanted: &str, diagnostics: &mut Diagnostics) {
        diagnostics.push(
            Diagnostic::error(format!("`{name}` cannot be used"))
                .detail(format!("expected {wanted}"))
                .at(self.at.child(name))
                .origin(Some(value.origin.clone())),
        );
    }

    fn address(&self, name: &str, value: &LocatedText, diagnostics: &mut Diagnostics) {
        if value.text.contains('@') {
            diagnostics.push(
                Diagnostic::error(format!("`{name}` holds a user"))
                    .detail("konductor.yaml is read by everybody who has the project")
                    .at(self.at.child(name))
                    .origin(Some(Origin::described(value.origin.to_string()))),
            );
        } else if !value.text.starts_with("https://") && !is_loopback(&value.text) {
            let wanted = "https://HOST, or http:// to this very machine, 127.0.0.1 or localhost";
            self.wrong(name, value, wanted, diagnostics);
        }
    }
}

fn each(
    entry: &Located,
    at: &Path,
    known: &[&str],
    diagnostics: &mut Diagnostics,
    mut take: impl FnMut(&Fields<'_>, &mut Diagnostics),
) {
    let Node::List(list) = &entry.node else {
        diagnostics.push(expected("a list of keys, each a map", entry, at));
        return;
    };
    for (index, element) in list.iter().enumerate() {
        let at = at.element(index);
        let Some(map) = element.as_map() else {
            diagnostics.push(expected("a map with `key`", element, &at));
            continue;
        };
        for (key, value) in map {
            if !known.contains(&key.as_str()) {
                diagnostics.push(unknown(key, known, "such a key", value, &at.child(key)));
            }
        }
        take(&Fields { map: element, at }, diagnostics);
    }
}

fn aws_kms(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<AwsKmsKey> {
    let key = fields.required("key", diagnostics);
    let region = fields.text("region", diagnostics);
    let endpoint = fields.text("endpoint", diagnostics);
    if let Some(endpoint) = &endpoint {
        fields.address("endpoint", endpoint, diagnostics);
    }
    let key = key?;
    let of_arn = key.text.starts_with("arn:");
    if key.text.is_empty() || (of_arn && key.text.split(':').count() < 6) {
        fields.wrong(
            "key",
            &key,
            "the ARN of a key, its identifier, or alias/NAME",
            diagnostics,
        );
        return None;
    }
    Some(AwsKmsKey {
        key,
        region,
        endpoint,
    })
}

fn vault(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<VaultKey> {
    let address = fields.required("address", diagnostics);
    let key = fields.required("key", diagnostics);
    let mount = fields.text("mount", diagnostics);
    let namespace = fields.text("namespace", diagnostics);
    if let Some(address) = &address {
        fields.address("address", address, diagnostics);
    }
    let is_name = |text: &str, slash: bool| {
        let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || (slash && c == '/');
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(rest)
            && !text.contains("..")
    };
    let named = [("key", &key, false), ("mount", &mount, true)];
    for (name, value, slash) in named {
        if let Some(value) = value
            && !is_name(&value.text, slash)
        {
            fields.wrong(
                name,
                value,
                "a name of letters, digits, `_`, `-` and `.`",
                diagnostics,
            );
        }
    }
    Some(VaultKey {
        address: address?,
        key: key?,
        mount,
        namespace,
    })
}
