//! Zones of names.

use crate::typed::description::{Description, Parent, output};

/// A zone of names.
pub static ZONE: Description = Description {
    name: "azure:dns:Zone",
    about: "A zone of names that Azure answers for. Its records are `azure:arm:Resource` of `Microsoft.Network/dnsZones/A` \
            and the other kinds.",
    arm_type: "Microsoft.Network/dnsZones",
    api_version: "2018-05-01",
    parent: Parent::Group,
    attributes: &[output(
        "name_servers",
        "properties.nameServers",
        "The servers that the zone above has to name.",
    )],
    fixed: &[("location", "\"global\"")],
    example: "shop:\n  type: azure:dns:Zone\n  properties: { name: shop.example.org, resource_group: shop, location: global }\n",
};
