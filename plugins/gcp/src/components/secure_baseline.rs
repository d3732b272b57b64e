//! `gcp:orgpolicy:SecureBaseline`: organisation policies that a project should not be without.

use std::collections::BTreeMap;

use konductor_sdk::component::inputs::{configured, input, known, not_known};
use konductor_sdk::prelude::*;

/// The component type.
pub struct SecureBaseline;

/// The constraints that are enforced, each with the name of its declaration and what it says.
const ENFORCED: [(&str, &str); 8] = [
    ("bucket-access", "storage.uniformBucketLevelAccess"),
    ("public-buckets", "storage.publicAccessPrevention"),
    ("public-databases", "sql.restrictPublicIp"),
    ("account-keys", "iam.disableServiceAccountKeyCreation"),
    ("uploaded-keys", "iam.disableServiceAccountKeyUpload"),
    ("os-login", "compute.requireOsLogin"),
    ("serial-ports", "compute.disableSerialPortAccess"),
    ("default-network", "compute.skipDefaultNetworkCreation"),
];
/// The constraint whose values are all denied: public addresses of machines.
const ADDRESSES: (&str, &str) = ("public-machines", "compute.vmExternalIpAccess");
/// The constraint that names where things may be.
const LOCATIONS: (&str, &str) = ("locations", "gcp.resourceLocations");

const DESCRIPTION: &str = "Organisation policies for a project, a folder or an organisation: buckets are never public and leave \
access to IAM, databases and machines have no public addresses, service accounts have no keys, people sign in to machines with \
their own accounts, serial ports are closed, new projects get no default network, and with `allowed_locations` nothing is \
made anywhere else.

Policies are about what is made or changed from then on: what is there already stays as it is. With `rehearse` nothing is \
refused, and the audit log says what would be.";

const EXAMPLE: &str = r#"baseline:
  type: gcp:orgpolicy:SecureBaseline
  properties:
    parent: folders/1234567890
    allowed_locations: ["in:europe-locations"]
    except: [compute.requireOsLogin]
"#;

impl Component for SecureBaseline {
    fn component_type(&self) -> &'static str {
        "gcp:orgpolicy:SecureBaseline"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let constraints = ENFORCED.iter().map(|(_, constraint)| *constraint);
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "parent",
                text("Where they hold: `projects/…`, `folders/…` or `organizations/…`; the project of `gcp.project` where it is \
                      not given.")
                .pattern("(projects|folders|organizations)/[^/]+"),
            )
            .attribute(
                "except",
                list(
                    text("A constraint.").allowed(constraints.chain([ADDRESSES.1])),
                    "Constraints that are left as they are.",
                ),
            )
            .attribute(
                "allowed_locations",
                list(
                    text("A location or a group of them: `in:europe-locations`."),
                    "Where things may be made; everywhere, where it is not given.",
                ),
            )
            .attribute(
                "rehearse",
                boolean("Whether what is against them is only written into the audit log.").default(false),
            )
            .output("policies", map(text(""), "The whole names of the policies by their constraints."))
            .example("A folder", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let except: Option<Vec<String>> = match input(request, "except") {
            Value::Null => Some(Vec::new()),
            Value::List(names) => names
                .iter()
                .map(|name| name.as_text().map(str::to_owned))
                .collect(),
            _ => None,
        };
        let Some(except) = except else {
            construction.diagnose(not_known("except"));
            return Ok(());
        };
        let spec = match known(&request.inputs, "rehearse") {
            Ok(Some(Value::Boolean(true))) => "dry_run_spec",
            Ok(_) => "spec",
            Err(wrong) => {
                construction.diagnose(*wrong);
                return Ok(());
            }
        };
        let Some(parent) = parent(request) else {
            construction.diagnose(
                Diagnostic::error("nothing says where the policies hold")
                    .help("give `parent`, or set `gcp.project`")
                    .at(Path::attribute("parent")),
            );
            return Ok(());
        };
        let enforce = || Value::from([("enforce", true)]);
        let mut policies: Vec<((&str, &str), Value)> = ENFORCED.map(|named| (named, enforce())).to_vec();
        policies.push((ADDRESSES, Value::from([("deny_all", true)])));
        let locations = input(request, "allowed_locations");
        if !locations.is_null() {
            let values = Value::from([("allowed_values", locations)]);
            policies.push((LOCATIONS, Value::from([("values", values)])));
        }
        policies.retain(|((_, constraint), _)| !except.iter().any(|name| name == constraint));
        let mut made = BTreeMap::new();
        for ((name, constraint), rule) in policies {
            let declared = construction
                .declare(name, "gcp:orgpolicy:Policy")
                .set("parent", parent.clone())
                .set("name", constraint)
                .set(spec, Value::from([("rules", Value::List(vec![rule]))]))
                .add();
            made.insert(constraint.to_owned(), declared.attribute("full_name"));
        }
        construction.output("policies", Value::Map(made));
        Ok(())
    }
}

/// Returns where the policies hold: what is given, else the configured project.
fn parent(request: &ConstructRequest) -> Option<Value> {
    let given = input(request, "parent");
    if !given.is_null() {
        return Some(given);
    }
    let project = configured(&request.metadata, "gcp", &["project"])?.as_text()?;
    Some(format!("projects/{project}").into())
}
