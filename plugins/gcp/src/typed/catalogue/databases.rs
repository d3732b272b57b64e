//! Databases: Cloud SQL, Firestore and Bigtable.

use konductor_sdk::prelude::*;

use super::PLAIN;
use crate::typed::{Named, Typed};

pub static SQL_INSTANCE: Typed = Typed {
    name: "gcp:sql:Instance",
    rest: "sqladmin/v1/instances",
    about: "An instance of Cloud SQL: a database server. Only encrypted connections are let in, unless `ssl_mode` says \
            otherwise.",
    abouts: &[
        (
            "name",
            "The name. Once it was used, it cannot be used again for a week.",
        ),
        ("database_version", "The server: `POSTGRES_17`, `MYSQL_8_4`, …."),
        ("region", "The region; `gcp.region` where it is not given."),
        (
            "settings",
            "The machine (`tier`), addresses, backups and all that can be set.",
        ),
        ("root_password", "The first password of the administrator."),
        (
            "connection_name",
            "`PROJECT:REGION:NAME`, as the authentication proxy wants it.",
        ),
        ("ip_addresses", "Its addresses."),
    ],
    required: &["database_version", "settings", "settings.tier"],
    defaults: &[("settings.ip_configuration.ssl_mode", "\"ENCRYPTED_ONLY\"")],
    fixed: &[
        "region",
        "instance_type",
        "master_instance_name",
        "disk_encryption_configuration",
        "root_password",
    ],
    outputs: &[
        "connection_name",
        "current_disk_size",
        "disk_encryption_status",
        "failover_replica",
        "gce_zone",
        "ip_addresses",
        "ipv6_address",
        "out_of_disk_report",
        "replica_names",
        "satisfies_pzs",
        "scheduled_maintenance",
        "secondary_gce_zone",
        "server_ca_cert",
        "service_account_email_address",
        "state",
        "suspension_reason",
    ],
    without: &["settings.settings_version"],
    patterns: &[("name", "[a-z]([-a-z0-9]{0,96}[a-z0-9])?")],
    configured: &["region"],
    simulated: &[("connection_name", "simulated:europe-west1:{attribute:name}")],
    rules: Some(network_of_instance),
    link: "https://sqladmin.googleapis.com/v1/projects/shop/instances/orders",
    example: "server:\n  type: gcp:sql:Instance\n  properties:\n    name: orders\n    database_version: POSTGRES_17\n    \
              settings:\n      tier: db-custom-2-7680\n      availability_type: REGIONAL\n      ip_configuration: { \
              ipv4_enabled: false, private_network: projects/shop/global/networks/shop }\n      backup_configuration: { \
              enabled: true }\n",
    ..PLAIN
};

/// An instance without a public address is reached over a private network.
fn network_of_instance(inputs: &Value, diagnostics: &mut Diagnostics) {
    let given = |name: &str| {
        inputs
            .attribute("settings")?
            .attribute("ip_configuration")?
            .attribute(name)
    };
    let is_closed = matches!(
        given("ipv4_enabled").map(Value::reveal),
        Some(Value::Boolean(false))
    );
    if is_closed && given("private_network").is_none() && given("psc_config").is_none() {
        let at = Path::attribute("settings").child("ip_configuration");
        diagnostics.push(
            Diagnostic::error("the instance would have no address")
                .help("give `private_network` or `psc_config`, or leave `ipv4_enabled` out")
                .at(at.child("ipv4_enabled")),
        );
    }
}

pub static SQL_DATABASE: Typed = Typed {
    name: "gcp:sql:Database",
    rest: "sqladmin/v1/databases",
    about: "A database on an instance of Cloud SQL.",
    abouts: &[
        ("instance", "The name of the instance."),
        ("charset", "How text is written: `UTF8`."),
        ("collation", "How text is sorted."),
    ],
    link: "https://sqladmin.googleapis.com/v1/projects/shop/instances/orders/databases/orders",
    example: "database:\n  type: gcp:sql:Database\n  properties: { name: orders, instance: \"${server.name}\" }\n",
    ..PLAIN
};

pub static SQL_USER: Typed = Typed {
    name: "gcp:sql:User",
    rest: "sqladmin/v1/users",
    about: "Somebody who may log in to an instance of Cloud SQL.",
    abouts: &[
        ("instance", "The name of the instance."),
        (
            "name",
            "The name, or the e-mail address of somebody whom IAM knows.",
        ),
        ("host", "Where the user may come from, for MySQL."),
        (
            "type",
            "How the user is known: `BUILT_IN` by a password, `CLOUD_IAM_USER`, ….",
        ),
        ("password", "The password. It is never given back."),
    ],
    fixed: &["host", "type"],
    outputs: &["iam_email", "iam_status", "dual_password_type"],
    rules: Some(password),
    link: "https://sqladmin.googleapis.com/v1/projects/shop/instances/orders/users/shop",
    example: "user:\n  type: gcp:sql:User\n  properties: { name: shop, instance: \"${server.name}\", password: \
              \"${project:database_password}\" }\n",
    ..PLAIN
};

/// Who is known by IAM has no password.
fn password(inputs: &Value, diagnostics: &mut Diagnostics) {
    let kind = inputs
        .attribute("type")
        .and_then(Value::as_text)
        .unwrap_or_default();
    let has_password = inputs
        .attribute("password")
        .is_some_and(|password| !password.reveal().is_null());
    if kind.starts_with("CLOUD_IAM") && has_password {
        diagnostics.push(
            Diagnostic::error("`password` is given for somebody whom IAM knows")
                .help("remove `password` or `type`")
                .at(Path::attribute("password")),
        );
    }
}

pub static FIRESTORE_DATABASE: Typed = Typed {
    name: "gcp:firestore:Database",
    rest: "firestore/v1/projects.databases",
    about: "A database of Firestore.",
    abouts: &[
        (
            "name",
            "The name in the project; `(default)` is what clients take that name none.",
        ),
        ("location_id", "Where it is: `eur3`, `europe-west1`, …."),
        ("type", "`FIRESTORE_NATIVE` or `DATASTORE_MODE`."),
        (
            "delete_protection_state",
            "`DELETE_PROTECTION_ENABLED` keeps it from being deleted.",
        ),
        (
            "point_in_time_recovery_enablement",
            "Whether what was there in the last week can be read.",
        ),
    ],
    full_name: Some("projects/{project}/databases/{name}"),
    named: Named::Parameter("databaseId"),
    required: &["location_id", "type"],
    fixed: &[
        "location_id",
        "firestore_data_access_mode",
        "mongodb_compatible_data_access_mode",
        "cmek_config",
    ],
    patterns: &[("name", "\\(default\\)|[a-z][-a-z0-9]{2,61}[a-z0-9]")],
    link: "https://firestore.googleapis.com/v1/projects/shop/databases/orders",
    example: "orders:\n  type: gcp:firestore:Database\n  properties: { name: orders, location_id: eur3, type: FIRESTORE_NATIVE, \
              delete_protection_state: DELETE_PROTECTION_ENABLED }\n",
    ..PLAIN
};

pub static BIGTABLE_INSTANCE: Typed = Typed {
    name: "gcp:bigtable:Instance",
    rest: "bigtableadmin/v2/projects.instances",
    about: "An instance of Bigtable with its first clusters. What becomes of the clusters later is not looked at.",
    abouts: &[
        ("name", "The name in the project: 6 to 33 characters."),
        ("display_name", "What people read."),
        ("type", "`PRODUCTION` or `DEVELOPMENT`."),
    ],
    full_name: Some("projects/{project}/instances/{name}"),
    named: Named::Parameter("instanceId"),
    required: &["display_name"],
    patterns: &[("name", "[a-z][-a-z0-9]{4,31}[a-z0-9]")],
    beside: Some((
        "clusters",
        "bigtableadmin/v2/projects.instances.clusters",
        "The clusters by their names: `{ location: projects/PROJECT/locations/ZONE, serve_nodes: 3 }`. A change means a new \
         instance.",
    )),
    link: "https://bigtableadmin.googleapis.com/v2/projects/shop/instances/shop-events",
    example: "events:\n  type: gcp:bigtable:Instance\n  properties:\n    name: shop-events\n    display_name: Events\n    clusters: { \
              shop-events-b: { location: projects/shop/locations/europe-west1-b, serve_nodes: 1 } }\n",
    ..PLAIN
};
