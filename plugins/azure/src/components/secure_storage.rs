//! `azure:storage:SecureStorage`: a storage account that only Entra ID opens, with its containers.

use konductor_sdk::component::inputs::{input, not_known, own_name};
use konductor_sdk::prelude::*;

use super::{ABOUT_GROUP, ABOUT_LOCATION, resource_group};

/// The component type.
pub struct SecureStorage;

const DESCRIPTION: &str = "A storage account with containers for blobs. It answers HTTPS with TLS 1.2 alone, knows no \
anonymous reading and no account keys: who reads and writes has a role in Entra ID. What it holds is encrypted twice, by \
the service and by the infrastructure.

With `allowed_subnet_ids` or `allowed_ip_ranges` nobody else reaches it over the network.

Versions and deleted blobs are not kept. Both are settings of `blobServices/default`, which is there as soon as the account \
is, and this plugin takes over nothing that is there already. Import it as an `azure:arm:Resource` to set them.

Azure deletes an account with everything in it.";

const EXAMPLE: &str = r"files:
  type: azure:storage:SecureStorage
  properties:
    name: konductorfiles
    location: westeurope
    containers: [images]
    expire_after_days: 365
";

impl Component for SecureStorage {
    fn component_type(&self) -> &'static str {
        "azure:storage:SecureStorage"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("The account's name, which nobody else in Azure has: 3 to 24 small letters and digits. By default the \
                      component's own name.")
                .pattern("[a-z0-9]{3,24}"),
            )
            .attribute("resource_group", text(ABOUT_GROUP).between(1, 90))
            .attribute("location", text(ABOUT_LOCATION).at_least(1))
            .attribute("sku", text("How it is replicated.").default("Standard_LRS"))
            .attribute(
                "containers",
                list(
                    text("A name: 3 to 63 small letters, digits and hyphens.").pattern("[a-z0-9](-?[a-z0-9]){2,62}"),
                    "The containers.",
                ),
            )
            .attribute("allowed_subnet_ids", list(text(""), "Subnets that reach it, where not everybody does."))
            .attribute(
                "allowed_ip_ranges",
                list(text(""), "Public addresses or blocks that reach it, where not everybody does."),
            )
            .attribute(
                "expire_after_days",
                integer("How many days after its last change a blob is deleted.").between(1, 36_500),
            )
            .attribute(
                "encryption",
                any("How it is encrypted at rest, as `properties.encryption` of Azure Resource Manager, instead of Microsoft's \
                     keys."),
            )
            .attribute("identity", any("The identities that it acts with, for keys of one's own."))
            .tags()
            .output("account_id", text("The account."))
            .output("blob_endpoint", text("Where blobs are: `https://NAME.blob.core.windows.net/`."))
            .output("container_ids", map(text(""), "The containers by their names."))
            .example("An account with a container", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let containers = input(request, "containers");
        let listed: Option<Vec<String>> = match &containers {
            Value::Null => Some(Vec::new()),
            Value::List(names) => names
                .iter()
                .map(|name| name.as_text().map(str::to_owned))
                .collect(),
            _ => None,
        };
        let Some(listed) = listed else {
            construction.diagnose(not_known("containers"));
            return Ok(());
        };
        let days = input(request, "expire_after_days");
        if matches!(days, Value::Unknown | Value::Reference(_)) {
            construction.diagnose(not_known("expire_after_days"));
            return Ok(());
        }
        declare(request, construction, &listed, &days);
        Ok(())
    }
}

fn declare(request: &ConstructRequest, construction: &mut Construction, containers: &[String], days: &Value) {
    let name = own_name(request);
    let group = resource_group(request, construction, &name);
    let mut encryption = input(request, "encryption");
    if encryption.is_null() {
        encryption = microsofts_keys();
    }
    let account = construction
        .declare("account", "azure:storage:StorageAccount")
        .set("name", name)
        .set("resource_group", group.clone())
        .set("location", input(request, "location"))
        .set("sku", input(request, "sku"))
        .set("https_only", true)
        .set("minimum_tls_version", "TLS1_2")
        .set("allow_blob_public_access", false)
        .set("allow_shared_key_access", false)
        .set("encryption", encryption)
        .set("identity", input(request, "identity"))
        .set("network_rules", network_rules(request))
        .set("tags", input(request, "tags"))
        .add();
    let mut ids = std::collections::BTreeMap::new();
    for container in containers {
        let made = construction
            .declare(format!("container-{container}"), "azure:storage:BlobContainer")
            .set("name", container.as_str())
            .set("storage_account_id", account.attribute("id"))
            .set("public_access", "None")
            .add();
        ids.insert(container.clone(), made.attribute("id"));
    }
    if !days.is_null() {
        expire(construction, &account, days);
    }
    construction.output("account_id", account.attribute("id"));
    construction.output("name", account.attribute("name"));
    construction.output("resource_group", group);
    construction.output(
        "blob_endpoint",
        account.at(Path::attribute("primary_endpoints").child("blob")),
    );
    construction.output("container_ids", Value::Map(ids));
}

fn microsofts_keys() -> Value {
    let service = Value::from([("enabled", Value::from(true)), ("keyType", "Account".into())]);
    Value::from([
        ("keySource", Value::from("Microsoft.Storage")),
        ("requireInfrastructureEncryption", true.into()),
        (
            "services",
            Value::from([("blob", service.clone()), ("file", service)]),
        ),
    ])
}

/// Returns who reaches the account over the network; nothing, where everybody does who has a role.
fn network_rules(request: &ConstructRequest) -> Value {
    let rules = |attribute: &str, member: &str| match input(request, attribute) {
        Value::List(values) => {
            let rule = |value| Value::from([(member, value), ("action", Value::from("Allow"))]);
            Value::List(values.into_iter().map(rule).collect())
        }
        other => other,
    };
    let (subnets, addresses) = (
        rules("allowed_subnet_ids", "id"),
        rules("allowed_ip_ranges", "value"),
    );
    if subnets.is_null() && addresses.is_null() {
        return Value::Null;
    }
    let mut all = Value::from([("defaultAction", "Deny"), ("bypass", "AzureServices")]);
    for (member, value) in [("virtualNetworkRules", subnets), ("ipRules", addresses)] {
        if !value.is_null() {
            all.put(&Path::attribute(member), value);
        }
    }
    all
}

fn expire(construction: &mut Construction, account: &Sibling, days: &Value) {
    let after = Value::from([("daysAfterModificationGreaterThan", days.clone())]);
    let actions = Value::from([("baseBlob", Value::from([("delete", after)]))]);
    let filters = Value::from([("blobTypes", Value::List(vec!["blockBlob".into()]))]);
    let rule = Value::from([
        ("name", Value::from("expire")),
        ("enabled", true.into()),
        ("type", "Lifecycle".into()),
        (
            "definition",
            Value::from([("actions", actions), ("filters", filters)]),
        ),
    ]);
    let policy = Value::from([("rules", Value::List(vec![rule]))]);
    construction
        .declare("lifecycle", "azure:arm:Resource")
        .set("type", "Microsoft.Storage/storageAccounts/managementPolicies")
        .set("name", "default")
        .set("parent_id", account.attribute("id"))
        .set(
            "body",
            Value::from([("properties", Value::from([("policy", policy)]))]),
        )
        .add();
}
