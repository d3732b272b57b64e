//! JSON Schema of the files, for editors: made from the lists of keys that the readers of the files have.
//!
//! It tells keys that there are not, values of another kind and words that nothing knows. Whether names are declared, what a
//! type's properties are and what a plugin's section may hold is told by the commands, which know the plugins.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::audit;
use crate::configuration::RESERVED_NAMESPACES;
use crate::declaration::{OPTION_KEYS, RESOURCE_KEYS};
use crate::drift::{self, ALERT_KEYS, APPROVAL_KEYS, EMAIL_KEYS, MODES, SEVERITIES, SEVERITY_KEYS};
use crate::keys::{self, KMS_KEYS, VAULT_KEYS};
use crate::metadata::METADATA;
use crate::plugin_requirement::{self, ALLOWANCE_KEYS, GRANT_KEYS, METHODS, RATE_LIMIT_KEYS};
use crate::project::{PROJECT_KEYS, STACK_KEYS};
use crate::safeguards;
use crate::state::{BACKENDS, backend_keys};
use crate::workers;

/// Which file a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `konductor.yaml`.
    Project,
    /// `konductor.STACK.yaml`.
    Stack,
    /// `config/organization.yaml`.
    Organization,
}

/// A word: the name of a project, a plugin or a namespace.
const WORD: &str = "^[A-Za-z][A-Za-z0-9_-]*$";
/// What a schema leaves to those who know more.
const PLAIN: &str = "^[A-Za-z0-9_.:/@+-]+$";
/// A part of a text that is put in place of: nothing is known of what it becomes.
const INTERPOLATED: &str = r"\$\{";

/// Returns the schema of a file, of the version 2020-12.
pub fn file_schema(kind: FileKind) -> Json {
    let (title, mut schema) = match kind {
        FileKind::Project => {
            let mut schema = object(&PROJECT_KEYS, top);
            put(&mut schema, "required", json!(["name"]));
            ("konductor.yaml", schema)
        }
        FileKind::Stack => ("konductor.STACK.yaml", or_null(object(&STACK_KEYS, top))),
        FileKind::Organization => {
            let mut bare = config();
            if let Some(names) = bare.pointer_mut("/properties") {
                put(names, "policy", top("policy"));
            }
            put(&mut bare, "propertyNames", namespace_names(&["stack"]));
            let schema = json!({
                "if": { "type": "object", "required": ["config"] },
                "then": object(&["config", "policy"], top),
                "else": or_null(bare),
            });
            ("organization.yaml", schema)
        }
    };
    put(
        &mut schema,
        "$schema",
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    put(&mut schema, "title", json!(title));
    schema
}

/// Returns the schema of what stands under a key at the top of a file.
fn top(key: &str) -> Json {
    let (about, schema) = match key {
        "name" => (
            "The name of the project.",
            json!({ "type": "string", "pattern": WORD }),
        ),
        "description" => ("What the project is for.", or_null(text())),
        "organization" => ("The organization.", or_null(text())),
        "plugins" => (
            "Which plugins the project needs.",
            or_null(map_of(WORD, plugin())),
        ),
        "policy" => (
            "What the project allows of what the site allows.",
            or_null(policy()),
        ),
        "config" => ("Settings, by module.", or_null(config())),
        "resources" => (
            "What is deployed, by name.",
            or_null(map_of("^[A-Za-z0-9][A-Za-z0-9_-]*$", or_null(resource()))),
        ),
        "outputs" => ("What other stacks and people may read.", or_null(free_map())),
        "moved" => (
            "Names that were given up, each with the one that took its place.",
            or_null(json!({ "type": "object", "additionalProperties": or_null(text()) })),
        ),
        "removed" => (
            "Names of what is forgotten without being deleted.",
            or_null(texts()),
        ),
        "secrets" => ("What opens the secrets.", or_null(secrets())),
        "state" => ("Where the state is kept.", or_null(state())),
        "workers" => ("Where workers find their work.", or_null(workers_section())),
        _ => ("", json!(false)),
    };
    described(about, schema)
}

fn plugin() -> Json {
    let fields = object(&plugin_requirement::KEYS, |key| match key {
        "source" => described("`bundled`, a path, `mirror:PATH` or `oci://HOST/PATH`.", text()),
        "version" => described(
            "The versions that will do, as in Cargo.",
            json!({ "type": ["string", "number"] }),
        ),
        "plugin" => described(
            "The plugin's own name, where it is listed under another.",
            json!({ "type": "string", "pattern": WORD }),
        ),
        "grant" => described(
            "What it may do.",
            json!({ "anyOf": [{ "const": "requested" }, grant()] }),
        ),
        "rate_limit" => described(
            "How many requests its cloud lets through, for each service and region.",
            rate_limit(),
        ),
        _ => json!(false),
    });
    json!({ "anyOf": [{ "type": ["string", "null"] }, fields] })
}

fn rate_limit() -> Json {
    let mut schema = object(&RATE_LIMIT_KEYS, |_| whole(1, 1_000_000));
    put(&mut schema, "required", json!(["requests_per_second"]));
    schema
}

fn grant() -> Json {
    let words = || list(json!({ "type": "string", "pattern": WORD }));
    object(&GRANT_KEYS, |key| match key {
        "endpoints" => json!({ "type": "object", "additionalProperties": or_null(allowance()) }),
        "reveal" => list(json!({ "type": "string", "pattern": r"^[^.]+\..+$" })),
        "credentials" | "metadata" | "configuration" | "declares" => words(),
        _ => json!(false),
    })
}

fn allowance() -> Json {
    let mut some = list(json!({ "type": "string", "pattern": PLAIN }));
    let any = some.clone();
    put(&mut some, "minItems", json!(1));
    object(&ALLOWANCE_KEYS, |key| match key {
        "regions" => list(json!({ "type": "string", "pattern": r"^(\*|[A-Za-z0-9_.:/@+-]+)$" })),
        "methods" => {
            let mut methods = list(json!({ "enum": METHODS }));
            put(&mut methods, "minItems", json!(1));
            methods
        }
        "accounts" | "resource_prefixes" => some.clone(),
        "token_operations" => any.clone(),
        _ => json!(false),
    })
}

fn secrets() -> Json {
    object(&keys::KEYS, |key| match key {
        "recipients" => described("age recipients.", or_null(texts())),
        "passphrase" => described(
            "Whether a passphrase opens them; it never stands here.",
            json!({ "type": ["boolean", "null"] }),
        ),
        "aws_kms" => or_null(list(keyed(&KMS_KEYS, &["key"]))),
        "vault" => or_null(list(keyed(&VAULT_KEYS, &["address", "key"]))),
        _ => json!(false),
    })
}

/// A map of texts, some of which have to be there.
fn keyed(keys: &[&str], required: &[&str]) -> Json {
    let mut schema = object(keys, |key| {
        if required.contains(&key) {
            text()
        } else {
            or_null(text())
        }
    });
    put(&mut schema, "required", json!(required));
    schema
}

fn state() -> Json {
    let backends = BACKENDS.map(|backend| {
        let mut schema = object(backend_keys(backend), |key| match key {
            "backend" => json!({ "const": backend }),
            "encrypt" => json!({ "type": ["boolean", "null"] }),
            "url" => or_null(postgresql()),
            "bucket" => json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$" }),
            _ => or_null(text()),
        });
        let required: &[&str] = match backend {
            "s3" => &["backend", "bucket"],
            _ => &["backend"],
        };
        put(&mut schema, "required", json!(required));
        schema
    });
    json!({ "oneOf": backends })
}

fn workers_section() -> Json {
    object(&workers::KEYS, |key| match key {
        "url" => or_null(postgresql()),
        "lease" => described(
            "How long work is a worker's after it was last heard of: 2s to 1h.",
            or_null(json!({ "anyOf": [{ "type": "string" }, whole(2, 3_600)] })),
        ),
        "attempts" => described(
            "How often work is begun before it is dead.",
            or_null(whole(1, workers::MOST_ATTEMPTS)),
        ),
        _ => json!(false),
    })
}

fn resource() -> Json {
    let mut schema = object(&RESOURCE_KEYS, |key| match key {
        "type" => described(
            "`provider:module:Type`; `konductor catalog list` shows all.",
            json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*(:[A-Za-z][A-Za-z0-9_-]*){2}$" }),
        ),
        "properties" => described(
            "`konductor catalog show TYPE` lists them.",
            json!({ "type": ["object", "null"] }),
        ),
        "options" => or_null(options()),
        "count" => described("How many instances there are.", setting(whole(0, 1_000_000))),
        "for_each" => described(
            "An instance for each text of a list or entry of a map.",
            setting(json!({ "type": ["array", "object"] })),
        ),
        _ => json!(false),
    });
    put(&mut schema, "required", json!(["type"]));
    put(
        &mut schema,
        "not",
        json!({ "required": ["count", "for_each"], "properties": { "count": { "not": { "type": "null" } }, "for_each": { "not": { "type": "null" } } } }),
    );
    schema
}

fn options() -> Json {
    object(&OPTION_KEYS, |key| match key {
        "protect" | "retain_on_delete" | "delete_before_replace" => setting(json!({ "type": "boolean" })),
        "parent" | "import" | "provider" => or_null(text()),
        "depends_on" | "ignore_changes" | "replace_on_changes" | "aliases" | "sensitive" => setting(texts()),
        "metadata" => described(
            "What is said of it. Null takes away what is inherited.",
            setting(said(&[])),
        ),
        _ => json!(false),
    })
}

/// The settings: a map for each namespace, of which the host's own are known.
fn config() -> Json {
    let mut own = Map::new();
    for namespace in RESERVED_NAMESPACES {
        let schema = match namespace {
            "drift" => drift_section(),
            "audit" => audit_section(),
            METADATA => metadata_section(),
            "safeguards" => safeguards_section(),
            _ => free_map(),
        };
        own.insert(namespace.to_owned(), or_null(schema));
    }
    json!({
        "type": "object",
        "properties": own,
        "propertyNames": namespace_names(&["stack", "policy"]),
        "additionalProperties": {
            "type": ["object", "null"],
            "properties": { "enabled": setting(json!({ "type": "boolean" })) },
        },
    })
}

/// What is said of something, by field; `besides` are keys that are no fields.
fn said(besides: &[(&str, Json)]) -> Json {
    json!({
        "type": "object",
        "properties": besides.iter().cloned().collect::<BTreeMap<_, _>>(),
        "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$", "maxLength": 64 },
        "additionalProperties": setting(json!({ "type": ["string", "number", "boolean"] })),
    })
}

fn metadata_section() -> Json {
    let tags = json!({ "type": "object", "additionalProperties": setting(text()) });
    let tags = described(
        "The tags that fields are written as, by the field.",
        setting(tags),
    );
    said(&[("tags", tags)])
}

fn namespace_names(refused: &[&str]) -> Json {
    json!({ "pattern": "^(provider:)?[A-Za-z][A-Za-z0-9_-]*$", "not": { "enum": refused } })
}

/// The section `drift`. A layer may hold a part of it, so nothing has to be there.
fn drift_section() -> Json {
    let scope = |key: &str| match key {
        "type" => described("A type, or its beginning with `*`.", setting(text())),
        "attribute" => described("An attribute, with all below it.", setting(text())),
        "mode" => setting(json!({ "enum": MODES })),
        "level" => setting(json!({ "enum": SEVERITIES })),
        _ => json!(false),
    };
    object(&drift::KEYS, |key| match key {
        "approval" => setting(list(setting(object(&APPROVAL_KEYS, scope)))),
        "severity" => setting(list(setting(object(&SEVERITY_KEYS, scope)))),
        "schedule" => described(
            "Minute, hour, day, month and weekday; seconds may stand first.",
            setting(text()),
        ),
        "time_zone" => setting(text()),
        "jitter" => setting(duration()),
        "unmanaged" => setting(json!({ "anyOf": [{ "type": "boolean" }, texts()] })),
        "remediate" => setting(json!({ "type": "boolean" })),
        "alerts" => setting(list(setting(alert()))),
        _ => json!(false),
    })
}

fn alert() -> Json {
    object(&ALERT_KEYS, |key| match key {
        "name" => setting(text()),
        "severity" => setting(json!({ "enum": SEVERITIES })),
        "webhook" | "slack" => setting(text()),
        "headers" => setting(json!({ "type": "object", "additionalProperties": setting(text()) })),
        "email" => setting(object(&EMAIL_KEYS, |key| match key {
            "to" => setting(list(setting(text()))),
            _ => setting(text()),
        })),
        "command" => setting(list(setting(text()))),
        _ => json!(false),
    })
}

fn audit_section() -> Json {
    object(&audit::KEYS, |key| match key {
        "forward" => setting(list(setting(object(&audit::FORWARD_KEYS, |key| match key {
            "syslog" => described(
                "`tcp+tls://HOST`, `tcp://HOST:PORT` or `udp://HOST`.",
                setting(text()),
            ),
            "headers" => setting(json!({ "type": "object", "additionalProperties": setting(text()) })),
            _ => setting(text()),
        })))),
        "signing_key" => described("The file with the key that signs every run.", setting(text())),
        "public_keys" => setting(list(setting(text()))),
        "retention" => setting(object(&audit::RETENTION_KEYS, |_| {
            described("Days, weeks or years: `90d`, `12w`, `7y`.", setting(text()))
        })),
        _ => json!(false),
    })
}

fn safeguards_section() -> Json {
    object(&safeguards::KEYS, |key| match key {
        "rollback_enabled" => setting(json!({ "type": "boolean" })),
        "validation_timeout" => setting(duration()),
        "max_retry_attempts" => setting(whole(1, safeguards::MOST_ATTEMPTS)),
        _ => json!(false),
    })
}

/// What the registry reads of plugins; its own reading is tested against this.
fn policy() -> Json {
    let word = || json!({ "enum": ["allow", "deny"] });
    let plugins = object(
        &[
            "sources",
            "signers",
            "unsigned",
            "unlocked",
            "local",
            "minimum_versions",
            "yanked",
        ],
        |key| match key {
            "sources" => texts(),
            "signers" => signers("plugins"),
            "minimum_versions" => free_map(),
            "yanked" => list(object(&["plugin", "version", "digest", "reason"], |_| text())),
            _ => word(),
        },
    );
    let grants = object(
        &["endpoints", "accounts", "reveal", "token_operations", "requested"],
        |key| match key {
            "endpoints" => list(object(&["service", "regions", "methods"], |key| match key {
                "service" => text(),
                _ => texts(),
            })),
            "accounts" => texts(),
            _ => word(),
        },
    );
    let bundles = object(&["sources", "signers", "unsigned"], |key| match key {
        "sources" => texts(),
        "signers" => signers("packages"),
        _ => word(),
    });
    let mut package = object(
        &[
            "name",
            "directory",
            "source",
            "plugin",
            "package",
            "digest",
            "signers",
            "level",
            "rego",
            "namespaces",
            "on",
        ],
        |key| match key {
            "signers" => signers("packages"),
            "level" => json!({ "enum": ["advisory", "soft-mandatory", "mandatory"] }),
            "rego" => json!({ "enum": ["v0", "v1"] }),
            "namespaces" => texts(),
            "on" => list(json!({ "enum": ["plan", "state", "drift", "load"] })),
            _ => text(),
        },
    );
    if let Some(package) = package.as_object_mut() {
        let needs = |key: &str| json!({ "required": [key] });
        package.insert(
            "oneOf".to_owned(),
            json!([needs("directory"), needs("source"), needs("plugin")]),
        );
    }
    object(
        &[
            "version", "plugins", "grants", "cloud", "bundles", "audit", "packages",
        ],
        |key| match key {
            "version" => json!({ "enum": [1, "1"] }),
            "bundles" => bundles.clone(),
            "plugins" => plugins.clone(),
            "grants" => grants.clone(),
            "audit" => object(&["retention"], |_| text()),
            "cloud" => object(&["fips"], |_| json!({ "enum": ["required", "optional"] })),
            _ => list(package.clone()),
        },
    )
}

/// People whose signatures are accepted. `names` is the key under which one says what they may sign.
fn signers(names: &str) -> Json {
    let keys = [
        "name",
        names,
        "keys",
        "timestamp_authorities",
        "identity",
        "issuer",
        "trust_root",
    ];
    list(object(&keys, |key| match key {
        "keys" | "timestamp_authorities" => texts(),
        key if key == names => texts(),
        _ => text(),
    }))
}

/// A map with these keys and no others.
fn object(keys: &[&str], of: impl Fn(&str) -> Json) -> Json {
    let properties: Map<String, Json> = keys.iter().map(|key| ((*key).to_owned(), of(key))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// A map whose keys fit a pattern.
fn map_of(names: &str, values: Json) -> Json {
    json!({ "type": "object", "propertyNames": { "pattern": names }, "additionalProperties": values })
}

fn free_map() -> Json {
    json!({ "type": "object" })
}

fn list(of: Json) -> Json {
    json!({ "type": "array", "items": of })
}

fn text() -> Json {
    json!({ "type": "string" })
}

fn texts() -> Json {
    list(text())
}

fn whole(least: i64, most: i64) -> Json {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// A whole number of seconds, or text such as `90s`.
fn duration() -> Json {
    json!({ "anyOf": [{ "type": "string" }, { "type": "integer", "minimum": 0 }] })
}

fn postgresql() -> Json {
    json!({ "type": "string", "pattern": "^postgres(ql)?://" })
}

fn or_null(schema: Json) -> Json {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// A value that may be put together from others, be sealed, or be taken away.
fn setting(schema: Json) -> Json {
    json!({
        "anyOf": [
            schema,
            { "type": "null" },
            { "type": "string", "pattern": INTERPOLATED },
            {
                "type": "object", "required": ["secure"], "additionalProperties": false,
                "properties": { "secure": { "type": "string" } },
            },
        ],
    })
}

fn described(about: &str, mut schema: Json) -> Json {
    put(&mut schema, "description", json!(about));
    schema
}

fn put(schema: &mut Json, name: &str, value: Json) {
    if let Some(members) = schema.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
