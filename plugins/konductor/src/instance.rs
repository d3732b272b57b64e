//! `konductor:compute:Instance`: a virtual machine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use konductor_sdk::component::inputs::not_known;
use konductor_sdk::prelude::*;

use crate::azure_place::AzurePlace;
use crate::cloud::Cloud;
use crate::expansion::{Expansion, common};

/// The component type.
pub struct Instance;

const DESCRIPTION: &str = "A Linux machine in a subnet, which nothing reaches until rules let it in, and whose disk is \
encrypted. Who signs in has the private half of `ssh_public_key`; the user is `operator`, in AWS the one of the image.

In AWS it becomes an `aws:ec2:Instance` with a security group and a key pair. Images of AWS have another identifier in every \
region, so `aws: {image_id: …}` says which. In Azure it becomes an `azure:compute:VirtualMachine` with a network interface, a \
security group and, unless `azure: {resource_group: …}` names one, a resource group; `ssh_public_key` must be given. In Google \
Cloud it becomes a `gcp:compute:Instance`; machine types are known by zone there, so `gcp: {zone: …}` says which. What comes \
in is decided by the rules of its network there.";

const EXAMPLE: &str = r"network:
  type: konductor:net:Network
  properties: { cloud: azure, cidr_block: 10.20.0.0/16 }
web:
  type: konductor:compute:Instance
  properties:
    cloud: azure
    network_id: ${network.id}
    subnet_id: ${network.private_subnet_ids[0]}
    ssh_public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl operator@example.com
";

/// Who signs in, where the image does not say it.
const USER: &str = "operator";

impl Component for Instance {
    fn component_type(&self) -> &'static str {
        "konductor:compute:Instance"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let carries = [
            "the `aws:ec2:Instance`",
            "the `azure:compute:VirtualMachine`",
            "the `gcp:compute:Instance`",
        ];
        common(component(self.component_type(), DESCRIPTION), carries)
            .attribute(
                "name",
                text("What it is called. By default the component's own name.")
                    .pattern("[a-z]([-a-z0-9]{0,58}[a-z0-9])?"),
            )
            .attribute(
                "size",
                text("How large it is: 2, 4 or 8 GiB of memory.")
                    .allowed(["small", "medium", "large"])
                    .default("small"),
            )
            .attribute(
                "image",
                text("The system that it starts with. By default `ubuntu-24.04`.")
                    .allowed(["ubuntu-24.04", "debian-12"]),
            )
            .attribute("network_id", text("The network.").required())
            .attribute("subnet_id", text("The subnet that it is in.").required())
            .attribute(
                "public_address",
                boolean(
                    "Whether it has a public address. By default it has none; in AWS its subnet decides.",
                ),
            )
            .attribute(
                "disk_gib",
                integer("How large its disk is.").between(10, 16_384).default(32),
            )
            .attribute(
                "ssh_public_key",
                text("The public key of who signs in, as OpenSSH writes it."),
            )
            .attribute(
                "user_data",
                text("What cloud-init is told when it first starts. Everything on the machine can read it."),
            )
            .output("id", text("The machine, as the cloud names it."))
            .output("private_ip", text("Its address in the network."))
            .output("public_ip", text("Its public address, if it has one."))
            .example("A machine in a network", EXAMPLE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        Expansion::run(request, construction, expand);
        Ok(())
    }
}

/// What decides what a machine consists of.
struct Machine {
    name: String,
    size: usize,
    image: Option<String>,
    is_public: Option<bool>,
}

impl Machine {
    /// Returns the one of three that is of its size.
    fn sized(&self, sizes: [&'static str; 3]) -> &'static str {
        let [small, medium, large] = sizes;
        match self.size {
            0 => small,
            1 => medium,
            _ => large,
        }
    }
}

fn expand(expansion: &mut Expansion<'_>) -> Option<()> {
    let size = expansion.known("size")?;
    let image = expansion.known("image")?;
    let machine = Machine {
        name: expansion.name(),
        size: match size.as_text() {
            Some("large") => 2,
            Some("medium") => 1,
            _ => 0,
        },
        image: image.as_text().map(str::to_owned),
        is_public: expansion.switch("public_address")?,
    };
    match expansion.cloud {
        Cloud::Aws => aws(expansion, &machine)?,
        Cloud::Azure => azure(expansion, &machine)?,
        Cloud::Google => google(expansion, &machine)?,
    }
    expansion.output("name", machine.name);
    Some(())
}

/// Says that a property of the chosen cloud alone is missing.
fn missing(expansion: &mut Expansion<'_>, property: &str, why: &str) {
    let cloud = expansion.cloud;
    expansion.refuse(
        Diagnostic::error(format!("a machine in {} needs `{property}`", cloud.name()))
            .detail(why)
            .help(format!("add `{}: {{{property}: …}}`", cloud.word()))
            .at(Path::attribute(cloud.word()).child(property)),
    );
}

fn aws(expansion: &mut Expansion<'_>, machine: &Machine) -> Option<()> {
    if expansion.over("image_id").is_none() {
        missing(
            expansion,
            "image_id",
            "images of AWS have another identifier in every region, which cannot be looked up while the plan is made",
        );
        return None;
    }
    if machine.image.is_some() {
        expansion.lose("image", "`aws.image_id` says which image it starts with");
    }
    let [tags, key] = ["tags", "ssh_public_key"].map(|name| expansion.input(name));
    let group = expansion.declare(
        "guard",
        "aws:ec2:SecurityGroup",
        [
            ("vpc_id", expansion.input("network_id")),
            ("name", machine.name.as_str().into()),
            ("description", "What reaches the machine".into()),
            ("tags", tags.clone()),
        ],
    );
    let mut key_name = Value::Null;
    if !key.is_null() {
        let name = ("key_name", machine.name.as_str().into());
        let pair = expansion.declare(
            "key",
            "aws:ec2:KeyPair",
            [name, ("public_key", key), ("tags", tags.clone())],
        );
        key_name = pair.attribute("key_name");
    }
    let mut named = Value::from([("Name", machine.name.as_str())]);
    for (tag, value) in tags.as_map().into_iter().flatten() {
        named.put(&Path::attribute(tag), value.clone());
    }
    let disk = Value::from([
        ("volume_size", expansion.input("disk_gib")),
        ("encrypted", true.into()),
    ]);
    let instance = expansion.carry(
        "aws:ec2:Instance",
        [
            (
                "instance_type",
                machine.sized(["t3.small", "t3.medium", "t3.large"]).into(),
            ),
            ("subnet_id", expansion.input("subnet_id")),
            (
                "security_group_ids",
                Value::List(vec![group.attribute("group_id")]),
            ),
            ("associate_public_ip_address", machine.is_public.into()),
            ("key_name", key_name),
            ("user_data", expansion.input("user_data")),
            ("root_volume", disk),
            ("tags", named),
        ],
    );
    expansion.output("id", instance.attribute("instance_id"));
    expansion.output("private_ip", instance.attribute("private_ip"));
    let public = match machine.is_public {
        Some(false) => Value::Null,
        _ => instance.attribute("public_ip"),
    };
    expansion.output("public_ip", public);
    Some(())
}

fn azure(expansion: &mut Expansion<'_>, machine: &Machine) -> Option<()> {
    let key = expansion.input("ssh_public_key");
    if key.is_null() {
        expansion.refuse(
            Diagnostic::error("a machine in Azure needs `ssh_public_key`")
                .detail("Azure makes no Linux machine that nobody can sign in to")
                .help("give the public half of a key of yours")
                .at(Path::attribute("ssh_public_key")),
        );
        return None;
    }
    let user_data = match expansion.input("user_data") {
        Value::Null => Value::Null,
        Value::Text(text) => STANDARD.encode(text).into(),
        _ => {
            expansion.refuse(
                not_known("user_data")
                    .detail("Azure takes it in base64, which has to be made of the text itself"),
            );
            return None;
        }
    };
    let place = AzurePlace::of(expansion, &machine.name);
    let mut address = Value::from([("subnet", Value::from([("id", expansion.input("subnet_id"))]))]);
    let mut public_ip = Value::Null;
    if machine.is_public == Some(true) {
        let ip = place.declare(expansion, "address", "azure:network:PublicIp", &machine.name, []);
        address.put(
            &Path::attribute("publicIPAddress"),
            Value::from([("id", ip.attribute("id"))]),
        );
        public_ip = ip.attribute("ip_address");
    }
    let guard = place.declare(
        expansion,
        "guard",
        "azure:network:NetworkSecurityGroup",
        &machine.name,
        [],
    );
    // The typed interface does not tell which address it was given.
    let configuration = Value::from([("name", Value::from("main")), ("properties", address)]);
    let properties = Value::from([
        ("ipConfigurations", Value::List(vec![configuration])),
        (
            "networkSecurityGroup",
            Value::from([("id", guard.attribute("id"))]),
        ),
    ]);
    let interface = place.declare(
        expansion,
        "interface",
        "azure:arm:Resource",
        &machine.name,
        [
            ("type", "Microsoft.Network/networkInterfaces".into()),
            ("body", Value::from([("properties", properties)])),
        ],
    );
    let virtual_machine = expansion.carry(
        "azure:compute:VirtualMachine",
        [
            ("name", machine.name.as_str().into()),
            ("resource_group", place.group.clone()),
            ("location", place.location.clone()),
            ("tags", expansion.input("tags")),
            (
                "size",
                machine
                    .sized(["Standard_B1ms", "Standard_B2s", "Standard_B2ms"])
                    .into(),
            ),
            ("storage", azure_storage(machine, expansion.input("disk_gib"))),
            ("os", azure_system(machine, key, user_data)),
            ("security", trusted_launch()),
            (
                "network_interfaces",
                Value::List(vec![Value::from([("id", interface.attribute("id"))])]),
            ),
        ],
    );
    expansion.output("id", virtual_machine.attribute("id"));
    let own = Path::attribute("output")
        .child("properties")
        .child("ipConfigurations");
    let own = own.element(0).child("properties").child("privateIPAddress");
    expansion.output("private_ip", interface.at(own));
    expansion.output("public_ip", public_ip);
    Some(())
}

fn azure_storage(machine: &Machine, disk_gib: Value) -> Value {
    let image = match machine.image.as_deref() {
        Some("debian-12") => [
            ("publisher", "Debian"),
            ("offer", "debian-12"),
            ("sku", "12-gen2"),
        ],
        _ => [
            ("publisher", "Canonical"),
            ("offer", "ubuntu-24_04-lts"),
            ("sku", "server"),
        ],
    };
    let mut image = Value::from(image);
    image.put(&Path::attribute("version"), "latest".into());
    let disk = Value::from([
        ("createOption", Value::from("FromImage")),
        ("diskSizeGB", disk_gib),
        ("deleteOption", "Delete".into()),
    ]);
    Value::from([("imageReference", image), ("osDisk", disk)])
}

fn azure_system(machine: &Machine, key: Value, user_data: Value) -> Value {
    let key = Value::from([
        ("path", Value::from(format!("/home/{USER}/.ssh/authorized_keys"))),
        ("keyData", key),
    ]);
    let linux = Value::from([
        ("disablePasswordAuthentication", Value::from(true)),
        ("ssh", Value::from([("publicKeys", Value::List(vec![key]))])),
    ]);
    let mut system = Value::from([
        ("computerName", Value::from(machine.name.as_str())),
        ("adminUsername", USER.into()),
        ("linuxConfiguration", linux),
    ]);
    if !user_data.is_null() {
        system.put(&Path::attribute("customData"), user_data);
    }
    system
}

fn trusted_launch() -> Value {
    let firmware = Value::from([("secureBootEnabled", true), ("vTpmEnabled", true)]);
    Value::from([
        ("securityType", Value::from("TrustedLaunch")),
        ("uefiSettings", firmware),
    ])
}

fn google(expansion: &mut Expansion<'_>, machine: &Machine) -> Option<()> {
    let Some(zone) = expansion.over("zone").cloned() else {
        missing(
            expansion,
            "zone",
            "machine types of Google Cloud are known by zone",
        );
        return None;
    };
    let Some(zone) = zone.as_text().map(str::to_owned) else {
        expansion.refuse(not_known("gcp"));
        return None;
    };
    let image = match machine.image.as_deref() {
        Some("debian-12") => "projects/debian-cloud/global/images/family/debian-12",
        _ => "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64",
    };
    let from = Value::from([
        ("source_image", Value::from(image)),
        ("disk_size_gb", expansion.input("disk_gib")),
    ]);
    let disk = Value::from([
        ("boot", Value::from(true)),
        ("auto_delete", true.into()),
        ("initialize_params", from),
    ]);
    let mut interface = Value::from([("subnetwork", expansion.input("subnet_id"))]);
    if machine.is_public == Some(true) {
        let access = Value::from([("name", "External NAT"), ("type", "ONE_TO_ONE_NAT")]);
        interface.put(&Path::attribute("access_configs"), Value::List(vec![access]));
    }
    let size = machine.sized(["e2-small", "e2-medium", "e2-standard-2"]);
    let labels = expansion.labels();
    let shielded =
        ["enable_secure_boot", "enable_vtpm", "enable_integrity_monitoring"].map(|name| (name, true));
    let instance = expansion.carry(
        "gcp:compute:Instance",
        [
            ("name", machine.name.as_str().into()),
            ("machine_type", format!("zones/{zone}/machineTypes/{size}").into()),
            ("disks", Value::List(vec![disk])),
            ("network_interfaces", Value::List(vec![interface])),
            ("metadata", google_metadata(expansion)),
            ("shielded_instance_config", Value::from(shielded)),
            ("labels", labels),
        ],
    );
    let of_interface = |path: Path| instance.at(path);
    let first = Path::attribute("network_interfaces").element(0);
    expansion.output("id", instance.attribute("self_link"));
    expansion.output("private_ip", of_interface(first.child("network_ip")));
    let public = first.child("access_configs").element(0).child("nat_ip");
    let public = if machine.is_public == Some(true) {
        of_interface(public)
    } else {
        Value::Null
    };
    expansion.output("public_ip", public);
    Some(())
}

/// Returns what the machine reads of itself: who signs in, and what cloud-init is told.
fn google_metadata(expansion: &Expansion<'_>) -> Value {
    use konductor_sdk::model::interpolation::{join, resolve_joins};
    let item = |key: &str, value: Value| Value::from([("key", Value::from(key)), ("value", value)]);
    let mut items = vec![item("block-project-ssh-keys", "TRUE".into())];
    if expansion.has("ssh_public_key") {
        let key = join(vec![format!("{USER}:").into(), expansion.input("ssh_public_key")]);
        items.push(item("ssh-keys", resolve_joins(key)));
    }
    if expansion.has("user_data") {
        items.push(item("user-data", expansion.input("user_data")));
    }
    Value::from([("items", Value::List(items))])
}
