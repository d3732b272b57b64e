//! `aws:vpc:SecureVpc`: a network with public and private subnets across zones.

use konductor_sdk::prelude::*;

use crate::inputs::{named_tags, own_name};
use crate::region::MOST_ZONES;
use crate::secure_vpc_plan::{NatGateways, NetworkPlan, Zone, plan};

/// The component type.
pub struct SecureVpc;

const DESCRIPTION: &str = "A network with a public and a private subnet in each zone, their routes and gateways.

Traffic flows as follows. Public subnets reach the internet, and are reached from it, through an internet gateway; \
instances in them get a public address only when they ask for one, unless `map_public_ip_on_launch` is set. Private \
subnets reach the internet through NAT gateways and are never reached from it. The security group whose id is the \
output `closed_security_group_id` has no rule in either direction: start from it and add rules. The network's own \
default security group is left as AWS makes it, since instances are in it only when no other group is named; flow \
logs are not part of this component.

Each block is computed: public subnets take the lower half of `cidr_block`, private ones the upper half, each half in \
four equal parts (eight for five or six zones). A part belongs to a place in the list of zones, so a network grows to \
four zones without new addresses, as long as zones are added at the end.

A NAT gateway costs money for every hour it exists. `single` shares one among the zones: if its zone fails, private \
subnets in the others lose the internet. Take `per_zone` where that matters and `none` where private subnets need no \
internet. Every private subnet has a route table of its own, so changing this replaces no subnet.";

const EXAMPLE: &str = r"network:
  type: aws:vpc:SecureVpc
  properties:
    cidr_block: 10.20.0.0/16
    availability_zones: [us-west-2a, us-west-2b]
    nat_gateways: single
";

const EXAMPLE_PRIVATE: &str = r"isolated:
  type: aws:vpc:SecureVpc
  properties:
    cidr_block: 10.30.0.0/20
    availability_zones: [us-west-2a]
    public_subnets: false
";

impl Component for SecureVpc {
    fn component_type(&self) -> &'static str {
        "aws:vpc:SecureVpc"
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let most_zones = i64::try_from(MOST_ZONES).unwrap_or(i64::MAX);
        let ids = |what: &str| list(text(""), what);
        component(self.component_type(), DESCRIPTION)
            .attribute(
                "name",
                text("What the `Name` tags start with. By default the component's own name.").between(1, 200),
            )
            .attribute(
                "region",
                text("The region, from which the names of the zones are made. By default `aws.region`."),
            )
            .attribute(
                "cidr_block",
                text("The network's IPv4 block, /16 to /28.").format(TextFormat::Ipv4Cidr).required(),
            )
            .attribute(
                "enable_dns_support",
                boolean("Whether Amazon's DNS server answers in the network.").default(true),
            )
            .attribute(
                "enable_dns_hostnames",
                boolean("Whether instances with public addresses get DNS names.").default(true),
            )
            .attribute(
                "availability_zones",
                list(
                    text("The name of a zone."),
                    "The zones, in order. By default the first of the region, as many as `zone_count` says.",
                )
                .between(1, most_zones),
            )
            .attribute(
                "zone_count",
                integer("How many zones to use. By default three, or two where the region has no more.")
                    .between(1, most_zones),
            )
            .attribute(
                "public_subnets",
                boolean("Whether there are public subnets and an internet gateway.").default(true),
            )
            .attribute(
                "public_subnet_cidr_blocks",
                list(
                    text("A block.").format(TextFormat::Ipv4Cidr),
                    "The blocks of the public subnets, one for each zone, instead of computed ones.",
                ),
            )
            .attribute(
                "private_subnet_cidr_blocks",
                list(
                    text("A block.").format(TextFormat::Ipv4Cidr),
                    "The blocks of the private subnets, one for each zone, instead of computed ones.",
                ),
            )
            .attribute(
                "nat_gateways",
                text(
                    "How private subnets reach the internet: not at all, through one gateway, or through one in each \
                     zone. By default `single`, and `none` without public subnets.",
                )
                .allowed(["none", "single", "per_zone"]),
            )
            .attribute(
                "map_public_ip_on_launch",
                boolean("Whether every instance in a public subnet gets a public address.").default(false),
            )
            .tags()
            .output("vpc_id", text("The network."))
            .output("vpc_arn", text("The network's Amazon resource name."))
            .output("public_subnet_ids", ids("The public subnets, in the order of the zones."))
            .output("private_subnet_ids", ids("The private subnets, in the order of the zones."))
            .output("public_route_table_id", text("The route table of the public subnets."))
            .output("private_route_table_ids", ids("The route tables of the private subnets."))
            .output("internet_gateway_id", text("The internet gateway."))
            .output("nat_gateway_ids", ids("The NAT gateways."))
            .output("nat_public_ips", ids("The addresses that private subnets are seen under."))
            .output("closed_security_group_id", text("A security group without any rule."))
            .example("Two zones, one NAT gateway", EXAMPLE)
            .example("Private subnets only", EXAMPLE_PRIVATE)
            .build()
    }

    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let mut diagnostics = Diagnostics::default();
        let plan = plan(request, &mut diagnostics);
        for diagnostic in diagnostics {
            construction.diagnose(diagnostic);
        }
        if let Some(plan) = plan {
            Network::new(request, construction).declare(&plan);
        }
        Ok(())
    }
}

/// Where everything that is not in the network goes.
const ANYWHERE: &str = "0.0.0.0/0";

struct Network<'r> {
    inputs: &'r Value,
    prefix: String,
    construction: &'r mut Construction,
}

impl<'r> Network<'r> {
    fn new(request: &'r ConstructRequest, construction: &'r mut Construction) -> Self {
        Self {
            inputs: &request.inputs,
            prefix: own_name(request),
            construction,
        }
    }

    fn input(&self, name: &str) -> Value {
        self.inputs.attribute(name).cloned().unwrap_or_default()
    }

    fn tags(&self, name: &str) -> Value {
        let name = if name.is_empty() {
            self.prefix.clone()
        } else {
            format!("{}-{name}", self.prefix)
        };
        named_tags(self.inputs.attribute("tags"), name)
    }

    fn declare(mut self, plan: &NetworkPlan) {
        let tags = self.tags("");
        let [cidr_block, dns_support, dns_hostnames] =
            ["cidr_block", "enable_dns_support", "enable_dns_hostnames"].map(|name| self.input(name));
        let vpc = self
            .construction
            .declare("vpc", "aws:ec2:Vpc")
            .set("cidr_block", cidr_block)
            .set("enable_dns_support", dns_support)
            .set("enable_dns_hostnames", dns_hostnames)
            .set("tags", tags)
            .add();
        let group_name = format!("{}-closed", self.prefix);
        let tags = self.tags("closed");
        let closed = self
            .construction
            .declare("closed", "aws:ec2:SecurityGroup")
            .set("vpc_id", vpc.attribute("vpc_id"))
            .set("name", group_name)
            .set("description", "No traffic in either direction")
            .set("allow_all_egress", false)
            .set("tags", tags)
            .add();
        self.construction.output("vpc_id", vpc.attribute("vpc_id"));
        self.construction.output("vpc_arn", vpc.attribute("arn"));
        self.construction
            .output("closed_security_group_id", closed.attribute("group_id"));
        let gateways = self.public(&vpc, plan);
        self.private(&vpc, &plan.zones, &gateways);
    }

    /// Declares the public half and returns the NAT gateways.
    fn public(&mut self, vpc: &Sibling, plan: &NetworkPlan) -> Vec<Sibling> {
        let mut subnets = Vec::new();
        for zone in &plan.zones {
            if let Some(block) = &zone.public {
                let map_public = self.input("map_public_ip_on_launch");
                subnets.push((zone, self.subnet(vpc, "public", zone, block, map_public)));
            }
        }
        if subnets.is_empty() {
            for output in ["public_subnet_ids", "nat_gateway_ids", "nat_public_ips"] {
                self.construction.output(output, Value::List(Vec::new()));
            }
            for output in ["internet_gateway_id", "public_route_table_id"] {
                self.construction.output(output, Value::Null);
            }
            return Vec::new();
        }
        let tags = self.tags("");
        let internet = self
            .construction
            .declare("internet-gateway", "aws:ec2:InternetGateway")
            .set("vpc_id", vpc.attribute("vpc_id"))
            .set("tags", tags)
            .add();
        let table = self.route_table(vpc, "public");
        self.construction
            .declare("public-internet", "aws:ec2:Route")
            .set("route_table_id", table.attribute("route_table_id"))
            .set("destination_cidr_block", ANYWHERE)
            .set("gateway_id", internet.attribute("internet_gateway_id"))
            .add();
        for (zone, subnet) in &subnets {
            self.associate("public", zone, &table, subnet);
        }
        self.output_list(
            "public_subnet_ids",
            subnets.iter().map(|(_, subnet)| subnet),
            "subnet_id",
        );
        self.construction
            .output("public_route_table_id", table.attribute("route_table_id"));
        self.construction
            .output("internet_gateway_id", internet.attribute("internet_gateway_id"));

        let count = match plan.nat_gateways {
            NatGateways::None => 0,
            NatGateways::Single => 1,
            NatGateways::PerZone => subnets.len(),
        };
        let mut gateways = Vec::new();
        let mut addresses = Vec::new();
        for (zone, subnet) in subnets.iter().take(count) {
            let name = format!("nat-{}", zone.suffix);
            let tags = self.tags(&name);
            // AWS refuses both before the network has an internet gateway.
            let address = self
                .construction
                .declare(format!("{name}-address"), "aws:ec2:ElasticIp")
                .set("tags", tags.clone())
                .depends_on(&internet)
                .add();
            let gateway = self
                .construction
                .declare(name, "aws:ec2:NatGateway")
                .set("subnet_id", subnet.attribute("subnet_id"))
                .set("allocation_id", address.attribute("allocation_id"))
                .set("tags", tags)
                .depends_on(&internet)
                .add();
            addresses.push(address);
            gateways.push(gateway);
        }
        self.output_list("nat_gateway_ids", gateways.iter(), "nat_gateway_id");
        self.output_list("nat_public_ips", addresses.iter(), "public_ip");
        gateways
    }

    fn private(&mut self, vpc: &Sibling, zones: &[Zone], gateways: &[Sibling]) {
        let mut subnets = Vec::new();
        let mut tables = Vec::new();
        for (index, zone) in zones.iter().enumerate() {
            let subnet = self.subnet(vpc, "private", zone, &zone.private, false.into());
            let table = self.route_table(vpc, &format!("private-{}", zone.suffix));
            self.associate("private", zone, &table, &subnet);
            if let Some(gateway) = gateways.get(index).or_else(|| gateways.first()) {
                self.construction
                    .declare(format!("private-{}-internet", zone.suffix), "aws:ec2:Route")
                    .set("route_table_id", table.attribute("route_table_id"))
                    .set("destination_cidr_block", ANYWHERE)
                    .set("nat_gateway_id", gateway.attribute("nat_gateway_id"))
                    .add();
            }
            subnets.push(subnet);
            tables.push(table);
        }
        self.output_list("private_subnet_ids", subnets.iter(), "subnet_id");
        self.output_list("private_route_table_ids", tables.iter(), "route_table_id");
    }

    fn subnet(
        &mut self,
        vpc: &Sibling,
        kind: &str,
        zone: &Zone,
        block: &Value,
        map_public: Value,
    ) -> Sibling {
        let name = format!("{kind}-{}", zone.suffix);
        let tags = self.tags(&name);
        self.construction
            .declare(name, "aws:ec2:Subnet")
            .set("vpc_id", vpc.attribute("vpc_id"))
            .set("cidr_block", block.clone())
            .set("availability_zone", zone.name.clone())
            .set("map_public_ip_on_launch", map_public)
            .set("tags", tags)
            .add()
    }

    fn route_table(&mut self, vpc: &Sibling, name: &str) -> Sibling {
        let tags = self.tags(name);
        self.construction
            .declare(format!("{name}-routes"), "aws:ec2:RouteTable")
            .set("vpc_id", vpc.attribute("vpc_id"))
            .set("tags", tags)
            .add()
    }

    fn associate(&mut self, kind: &str, zone: &Zone, table: &Sibling, subnet: &Sibling) {
        self.construction
            .declare(
                format!("{kind}-{}-association", zone.suffix),
                "aws:ec2:RouteTableAssociation",
            )
            .set("route_table_id", table.attribute("route_table_id"))
            .set("subnet_id", subnet.attribute("subnet_id"))
            .add();
    }

    fn output_list<'s>(&mut self, name: &str, siblings: impl Iterator<Item = &'s Sibling>, attribute: &str) {
        let values = siblings.map(|sibling| sibling.attribute(attribute)).collect();
        self.construction.output(name, Value::List(values));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::test_plugin::{construct, messages, shown};

    const TYPE: &str = "aws:vpc:SecureVpc";

    fn metadata() -> serde_json::Value {
        json!({ "configuration": { "aws": { "region": "us-west-2" } } })
    }

    fn refused(inputs: serde_json::Value) -> String {
        let response = construct(TYPE, "network", inputs, metadata());
        assert!(response.diagnostics.has_errors(), "{:?}", response.declarations);
        assert!(response.declarations.is_empty());
        messages(&response).join("\n")
    }

    #[test]
    fn two_zones_share_a_gateway() {
        let response = construct(
            TYPE,
            "network",
            json!({ "cidr_block": "10.0.0.0/16", "zone_count": 2 }),
            metadata(),
        );
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn each_zone_has_a_gateway_and_no_name_changes() {
        let inputs = |mode: &str| json!({ "cidr_block": "10.0.0.0/16", "nat_gateways": mode });
        let single = construct(TYPE, "aws/vpc", inputs("single"), metadata());
        let each = construct(TYPE, "aws/vpc", inputs("per_zone"), metadata());
        let names = |response: &super::ConstructResponse| -> Vec<String> {
            response.declarations.iter().map(|d| d.name.clone()).collect()
        };
        for name in names(&single) {
            assert!(names(&each).contains(&name), "{name}");
        }
        let gateways = |response| {
            names(response)
                .iter()
                .filter(|name| name.ends_with("-address"))
                .count()
        };
        assert_eq!((gateways(&single), gateways(&each)), (1, 3));
        let through = |name: &str| {
            let route = each.declarations.iter().find(|d| d.name == name).unwrap();
            format!("{:?}", route.properties.attribute("nat_gateway_id").unwrap())
        };
        assert_eq!(through("private-b-internet"), "${./nat-b.nat_gateway_id}");
    }

    #[test]
    fn without_public_subnets_nothing_leads_out() {
        let inputs = json!({
            "cidr_block": "10.0.0.0/24", "availability_zones": ["us-west-2b"], "public_subnets": false, "name": "inner",
        });
        let response = construct(TYPE, "network", inputs, json!({}));
        insta::assert_json_snapshot!(shown(&response));
    }

    #[test]
    fn what_does_not_fit_is_refused_at_its_place() {
        insta::assert_snapshot!([
            refused(json!({ "cidr_block": "10.0.0.0/8" })),
            refused(json!({ "cidr_block": "10.0.0.0/27" })),
            refused(json!({ "cidr_block": "10.0.0.0/16", "nat_gateways": "single", "public_subnets": false })),
            refused(json!({ "cidr_block": "10.0.0.0/16", "region": "us-west-1" })),
            refused(json!({ "cidr_block": "10.0.0.0/16", "zone_count": 3, "availability_zones": ["a", "a"] })),
            refused(json!({ "cidr_block": "10.0.0.0/16", "zone_count": 2,
                "public_subnet_cidr_blocks": ["10.0.0.0/24", "10.0.0.128/25"],
                "private_subnet_cidr_blocks": ["10.1.0.0/24", "10.0.3.0/30"] })),
            refused(json!({ "cidr_block": "10.0.0.0/16", "zone_count": 2, "public_subnet_cidr_blocks": ["10.0.0.0/24"] })),
            refused(json!({ "zone_count": 7 })),
        ]
        .join("\n---\n"));
        let response = construct(TYPE, "network", json!({ "cidr_block": "10.0.0.0/16" }), json!({}));
        assert!(messages(&response).join("").contains("the region is not known"));
    }

    #[test]
    fn a_block_from_another_resource_needs_the_subnets_written_out() {
        let pool = json!({ "$reference": { "resource": "pool", "path": "cidr" } });
        assert!(refused(json!({ "cidr_block": pool })).contains("`cidr_block` must be known"));
        assert!(
            refused(json!({ "cidr_block": "10.0.0.0/16", "nat_gateways": pool }))
                .contains("`nat_gateways` must")
        );
        assert!(
            refused(json!({ "cidr_block": "10.0.0.0/16", "availability_zones": pool }))
                .contains("must be known")
        );
        let response = construct(
            TYPE,
            "network",
            json!({
                "cidr_block": pool,
                "availability_zones": ["us-west-2a"],
                "public_subnet_cidr_blocks": [{ "$unknown": true }],
                "private_subnet_cidr_blocks": [pool],
            }),
            json!({}),
        );
        assert_eq!(messages(&response), Vec::<String>::new());
        let block = |name: &str| {
            let subnet = response.declarations.iter().find(|d| d.name == name).unwrap();
            format!("{:?}", subnet.properties.attribute("cidr_block").unwrap())
        };
        assert_eq!(
            (block("public-a"), block("private-a")),
            ("<unknown>".to_owned(), "${pool.cidr}".to_owned())
        );
    }

    #[test]
    fn zones_whose_names_are_not_known_are_lettered_by_place() {
        let zone = json!({ "$reference": { "resource": "zones", "path": "names[0]" } });
        let inputs = json!({ "cidr_block": "10.0.0.0/16", "availability_zones": [zone, "us-west-2c"] });
        let response = construct(TYPE, "network", inputs, json!({}));
        let names: Vec<&str> = response.declarations.iter().map(|d| d.name.as_str()).collect();
        assert!(
            names.contains(&"public-a") && names.contains(&"public-b"),
            "{names:?}"
        );
    }

    #[test]
    fn every_example_works() {
        crate::test_plugin::assert_examples_work(&super::SecureVpc, &json!({}));
    }
}
