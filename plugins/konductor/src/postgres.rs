//! `konductor:database:Postgres`: a PostgreSQL server with a database, reached from its network alone.

use konductor_sdk::component::inputs::not_known;
use konductor_sdk::prelude::*;

use crate::azure_place::AzurePlace;
use crate::cloud::Cloud;
use crate::expansion::{Expansion, common};

/// The component type.
pub struct Postgres;

const DESCRIPTION: &str = "A managed PostgreSQL server with one database and an administrator, backed up daily and reached \
from its network alone, encrypted, on port 5432.

In Azure it becomes a flexible server (`azure:arm:Resource` of `Microsoft.DBforPostgreSQL/flexibleServers`) with a private \
endpoint in the subnet and a private zone of names that the network sees; a network of Azure sees one zone of a name, and so \
one such server. In Google Cloud it becomes a `gcp:sql:Instance` with \
a Private Service Connect endpoint in the subnet; which project may connect is said with `gcp: {project: …}`. The plugin of \
AWS has no type of RDS yet, so there is none in AWS.";

const EXAMPLE: &str = r"network:
  type: konductor:net:Network
  properties: { cloud: azure, cidr_block: 10.20.0.0/16 }
orders:
  type: konductor:database:Postgres
  properties:
    cloud: azure
    name: konductor-orders
    network_id: ${network.id}
    subnet_id: ${network.private_subnet_ids[0]}
    password: ${project:database_password}
";

/// The name that private endpoints of Azure's servers are known by.
const PRIVATE_ZONE: &str = "privatelink.postgres.database.azure.com";

impl Component for Postgres {
    fn component_type(&self) -> &'static str {
        "konductor:database:Postgres"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let carries = [
            "nothing, since there is no PostgreSQL in AWS yet",
            "the `azure:arm:Resource` of the server; `resource_group` and `location` count for what belongs to it as well",
            "the `gcp:sql:Instance`; `region` counts for its endpoint as well",
        ];
        common(component(self.component_type(), DESCRIPTION), carries)
            .attribute(
                "name",
                text("What the server is called; nobody else in Azure has it. By default the component's own name.")
                    .pattern("[a-z]([-a-z0-9]{1,58}[a-z0-9])"),
            )
            .attribute("version", text("The version of PostgreSQL.").allowed(["14", "15", "16", "17"]).default("17"))
            .attribute(
                "size",
                text("How large it is: 2, 4 or 8 processors.").allowed(["small", "medium", "large"]).default("small"),
            )
            .attribute("storage_gib", integer("How large its disk is.").between(32, 16_384).default(32))
            .attribute("high_availability", boolean("Whether a second one in another zone takes over.").default(false))
            .attribute("backup_days", integer("How long backups are kept.").between(7, 35).default(7))
            .attribute("network_id", text("The network.").required())
            .attribute("subnet_id", text("The subnet that it is reached in.").required())
            .attribute("database", text("The name of the database.").pattern("[a-z_][a-z0-9_]{0,62}").default("app"))
            .attribute("user", text("The name of the administrator.").pattern("[a-z_][a-z0-9_]{0,62}").default("operator"))
            .attribute("password", text("The administrator's password.").required().sensitive())
            .output("id", text("The server, as the cloud names it."))
            .output("host", text("Where it is reached."))
            .output("port", integer("The port it is reached at."))
            .example("A server in a network", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        Expansion::run(request, construction, expand);
        Ok(())
    }
}

fn expand(expansion: &mut Expansion<'_>) -> Option<()> {
    let size = expansion.known("size")?;
    let size = size.as_text().unwrap_or("small").to_owned();
    let is_double = expansion.switch("high_availability")?.unwrap_or_default();
    let version = expansion.known("version")?;
    let version = version.as_text().unwrap_or_default().to_owned();
    match expansion.cloud {
        Cloud::Aws => {
            expansion.is_not_there(
                "PostgreSQL",
                "choose `azure` or `gcp` for it, or run a server of your own on `konductor:compute:Instance`",
            );
            return None;
        }
        Cloud::Azure => azure(expansion, &size, &version, is_double),
        Cloud::Google => google(expansion, &size, &version, is_double)?,
    }
    expansion.output("name", expansion.name());
    expansion.output("port", 5432);
    expansion.output("database", expansion.input("database"));
    expansion.output("user", expansion.input("user"));
    Some(())
}

fn list_of(value: impl Into<Value>) -> Value {
    Value::List(vec![value.into()])
}

fn azure(expansion: &mut Expansion<'_>, size: &str, version: &str, is_double: bool) {
    let name = expansion.name();
    let place = AzurePlace::of(expansion, &name);
    let machine = match size {
        "large" => "Standard_D8ds_v5",
        "medium" => "Standard_D4ds_v5",
        _ => "Standard_D2ds_v5",
    };
    let properties = Value::from([
        ("version", Value::from(version)),
        ("administratorLogin", expansion.input("user")),
        ("administratorLoginPassword", expansion.input("password")),
        (
            "storage",
            Value::from([("storageSizeGB", expansion.input("storage_gib"))]),
        ),
        (
            "backup",
            Value::from([("backupRetentionDays", expansion.input("backup_days"))]),
        ),
        ("network", Value::from([("publicNetworkAccess", "Disabled")])),
        (
            "highAvailability",
            Value::from([("mode", if is_double { "ZoneRedundant" } else { "Disabled" })]),
        ),
    ]);
    let machine = Value::from([("name", machine), ("tier", "GeneralPurpose")]);
    let server = expansion.carry(
        "azure:arm:Resource",
        [
            ("type", "Microsoft.DBforPostgreSQL/flexibleServers".into()),
            ("name", name.as_str().into()),
            ("resource_group", place.group.clone()),
            ("location", place.location.clone()),
            ("tags", expansion.input("tags")),
            (
                "body",
                Value::from([("sku", machine), ("properties", properties)]),
            ),
        ],
    );
    let encoding = Value::from([("charset", "UTF8"), ("collation", "en_US.utf8")]);
    expansion.declare(
        "database",
        "azure:arm:Resource",
        [
            (
                "type",
                "Microsoft.DBforPostgreSQL/flexibleServers/databases".into(),
            ),
            ("name", expansion.input("database")),
            ("parent_id", server.attribute("id")),
            ("body", Value::from([("properties", encoding)])),
        ],
    );
    azure_endpoint(expansion, &server, &place);
    expansion.output("id", server.attribute("id"));
    let host = Path::attribute("output")
        .child("properties")
        .child("fullyQualifiedDomainName");
    expansion.output("host", server.at(host));
}

/// Lets the network reach a server of Azure, by the server's own name.
fn azure_endpoint(expansion: &mut Expansion<'_>, server: &Sibling, place: &AzurePlace) {
    let name = expansion.name();
    let connection = Value::from([
        ("privateLinkServiceId", server.attribute("id")),
        ("groupIds", list_of("postgresqlServer")),
    ]);
    let connection = Value::from([("name", Value::from("server")), ("properties", connection)]);
    let properties = Value::from([
        ("subnet", Value::from([("id", expansion.input("subnet_id"))])),
        ("privateLinkServiceConnections", list_of(connection)),
    ]);
    let endpoint = place.declare(
        expansion,
        "endpoint",
        "azure:arm:Resource",
        &name,
        [
            ("type", "Microsoft.Network/privateEndpoints".into()),
            ("body", Value::from([("properties", properties)])),
        ],
    );
    let everywhere = [("location", "global".into())];
    let zone = place.declare(
        expansion,
        "names",
        "azure:dns:PrivateZone",
        PRIVATE_ZONE,
        everywhere,
    );
    expansion.declare(
        "names-link",
        "azure:dns:PrivateZoneLink",
        [
            ("name", name.as_str().into()),
            ("location", "global".into()),
            ("private_zone_id", zone.attribute("id")),
            ("virtual_network_id", expansion.input("network_id")),
        ],
    );
    let known_by = Value::from([("privateDnsZoneId", zone.attribute("id"))]);
    let known_by = Value::from([("name", Value::from("server")), ("properties", known_by)]);
    let zones = Value::from([("privateDnsZoneConfigs", list_of(known_by))]);
    expansion.declare(
        "endpoint-names",
        "azure:arm:Resource",
        [
            (
                "type",
                "Microsoft.Network/privateEndpoints/privateDnsZoneGroups".into(),
            ),
            ("name", "default".into()),
            ("parent_id", endpoint.attribute("id")),
            ("body", Value::from([("properties", zones)])),
        ],
    );
}

fn google(expansion: &mut Expansion<'_>, size: &str, version: &str, is_double: bool) -> Option<()> {
    let name = expansion.name();
    let Some(project) = expansion.over("project").cloned() else {
        expansion.refuse(
            Diagnostic::error("a server in Google Cloud needs `project`")
                .detail("it is said to the server which project may connect to it")
                .help("add `gcp: {project: …}`, for instance `gcp: {project: \"${gcp:project}\"}`")
                .at(Path::attribute("gcp").child("project")),
        );
        return None;
    };
    if project.as_text().is_none() {
        expansion.refuse(not_known("gcp"));
        return None;
    }
    let region = expansion.over("region").cloned().unwrap_or_default();
    let machine = match size {
        "large" => "db-custom-8-30720",
        "medium" => "db-custom-4-15360",
        _ => "db-custom-2-7680",
    };
    let connect = Value::from([
        ("psc_enabled", Value::from(true)),
        ("allowed_consumer_projects", list_of(project.clone())),
    ]);
    let kept = Value::from([("retained_backups", expansion.input("backup_days"))]);
    let backups = Value::from([
        ("enabled", Value::from(true)),
        ("point_in_time_recovery_enabled", true.into()),
        ("backup_retention_settings", kept),
    ]);
    let settings = Value::from([
        ("tier", Value::from(machine)),
        ("edition", "ENTERPRISE".into()),
        (
            "availability_type",
            if is_double { "REGIONAL" } else { "ZONAL" }.into(),
        ),
        ("data_disk_size_gb", expansion.input("storage_gib")),
        ("backup_configuration", backups),
        (
            "ip_configuration",
            Value::from([
                ("ipv4_enabled", Value::from(false)),
                ("ssl_mode", "ENCRYPTED_ONLY".into()),
                ("psc_config", connect),
            ]),
        ),
        ("user_labels", expansion.labels()),
    ]);
    let settings = Value::Map(match settings {
        Value::Map(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => return None,
    });
    let server = expansion.carry(
        "gcp:sql:Instance",
        [
            ("name", name.as_str().into()),
            ("database_version", format!("POSTGRES_{version}").into()),
            ("settings", settings),
        ],
    );
    let in_project = ("project", project);
    expansion.declare(
        "database",
        "gcp:sql:Database",
        [
            ("name", expansion.input("database")),
            ("instance", server.attribute("name")),
            in_project.clone(),
        ],
    );
    expansion.declare(
        "user",
        "gcp:sql:User",
        [
            ("name", expansion.input("user")),
            ("instance", server.attribute("name")),
            ("password", expansion.input("password")),
            in_project.clone(),
        ],
    );
    let address = expansion.declare(
        "address",
        "gcp:compute:Address",
        [
            ("name", name.as_str().into()),
            ("address_type", "INTERNAL".into()),
            ("subnetwork", expansion.input("subnet_id")),
            ("region", region.clone()),
            in_project.clone(),
        ],
    );
    expansion.declare(
        "endpoint",
        "gcp:compute:ForwardingRule",
        [
            ("name", name.into()),
            ("target", server.attribute("psc_service_attachment_link")),
            ("ip_address", address.attribute("self_link")),
            ("network", expansion.input("network_id")),
            ("region", region),
            in_project,
        ],
    );
    expansion.output("id", server.attribute("self_link"));
    expansion.output("host", address.attribute("address"));
    Some(())
}
