//! Zones of names, public and private, and the records in them.

use crate::typed::description::{Attribute, Description, Parent, Rule, may, must, output};

const VERSION: &str = "2018-05-01";
const PRIVATE_VERSION: &str = "2024-06-01";

/// A zone of names.
pub static ZONE: Description = Description {
    name: "azure:dns:Zone",
    about: "A zone of names that Azure answers for. Its records are resources of their own: `azure:dns:ARecord` and the \
            other kinds.",
    arm_type: "Microsoft.Network/dnsZones",
    api_version: VERSION,
    parent: Parent::Group,
    attributes: &[output(
        "name_servers",
        "properties.nameServers",
        "The servers that the zone above has to name.",
    )],
    fixed: &[("location", "\"global\"")],
    example: "shop:\n  type: azure:dns:Zone\n  properties: { name: shop.example.org, resource_group: shop }\n",
    ..Description::BLANK
};

/// A zone of names that networks see.
pub static PRIVATE_ZONE: Description = Description {
    name: "azure:dns:PrivateZone",
    about: "A zone of names that only networks see which are linked to it, with `azure:dns:PrivateZoneLink`.",
    arm_type: "Microsoft.Network/privateDnsZones",
    api_version: PRIVATE_VERSION,
    parent: Parent::Group,
    fixed: &[("location", "\"global\"")],
    example: "inside:\n  type: azure:dns:PrivateZone\n  properties: { name: inside.example.org, resource_group: shop }\n",
    ..Description::BLANK
};

/// A link that lets a network see a private zone.
pub static PRIVATE_ZONE_LINK: Description = Description {
    name: "azure:dns:PrivateZoneLink",
    about: "Lets a network see a private zone.",
    arm_type: "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    api_version: PRIVATE_VERSION,
    parent: Parent::Resource("private_zone_id", ""),
    attributes: &[
        must(
            "virtual_network_id",
            "properties.virtualNetwork.id",
            "The network.",
        ),
        may(
            "registration",
            "properties.registrationEnabled",
            "Whether the network's machines get records in the zone.",
        )
        .default("false"),
        may(
            "resolution_policy",
            "properties.resolutionPolicy",
            "What is answered for names that the zone does not have: `Default`, or `NxDomainRedirect` to ask outside.",
        ),
    ],
    fixed: &[("location", "\"global\"")],
    joins: &["Microsoft.Network/virtualNetworks/join/action"],
    example: "link:\n  type: azure:dns:PrivateZoneLink\n  properties:\n    name: shop\n    private_zone_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/privateDnsZones/inside.example.org\n    virtual_network_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/shop\n",
    ..Description::BLANK
};

/// What every record set of a public zone has.
const TTL: Attribute = may("ttl", "properties.TTL", "How many seconds answers are good for.").default("3600");
const METADATA: Attribute = may("metadata", "properties.metadata", "Texts by name.");
const FQDN: Attribute = output(
    "fqdn",
    "properties.fqdn",
    "The whole name, with a dot at its end.",
);
/// What a record set of some kinds may name in place of its records.
const ALIAS: Attribute = may(
    "target_resource_id",
    "properties.targetResource.id",
    "The resource whose addresses are answered, in place of records.",
);

/// Such a kind has records, or names a resource in their place.
const RECORDS_OR_ALIAS: &[Rule] = &[
    Rule::AtLeastOne(&["records", "target_resource_id"]),
    Rule::AtMostOne(&["records", "target_resource_id"]),
];
/// The same for a kind that has one record.
const RECORD_OR_ALIAS: &[Rule] = &[
    Rule::AtLeastOne(&["record", "target_resource_id"]),
    Rule::AtMostOne(&["record", "target_resource_id"]),
];

/// What every record set of a private zone has.
const PRIVATE_TTL: Attribute =
    may("ttl", "properties.ttl", "How many seconds answers are good for.").default("3600");

/// Describes a kind of record sets in public zones.
const fn records(
    name: &'static str,
    about: &'static str,
    arm_type: &'static str,
    attributes: &'static [Attribute],
    example: &'static str,
) -> Description {
    Description {
        name,
        about,
        arm_type,
        api_version: VERSION,
        parent: Parent::Resource("zone_id", ""),
        attributes,
        example,
        ..Description::BLANK
    }
}

/// Describes a kind of record sets in private zones.
const fn private_records(
    name: &'static str,
    about: &'static str,
    arm_type: &'static str,
    attributes: &'static [Attribute],
    example: &'static str,
) -> Description {
    Description {
        api_version: PRIVATE_VERSION,
        parent: Parent::Resource("private_zone_id", ""),
        ..records(name, about, arm_type, attributes, example)
    }
}

/// Puts an example together.
macro_rules! example {
    ($type:literal, $zone:literal, $attributes:literal) => {
        concat!(
            "record:\n  type: ",
            $type,
            "\n  properties:\n    ",
            $zone,
            "/shop.example.org\n    ",
            $attributes,
            "\n"
        )
    };
    ($type:literal, $attributes:literal) => {
        example!(
            $type,
            "zone_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/dnsZones",
            $attributes
        )
    };
    (private $type:literal, $attributes:literal) => {
        example!(
            $type,
            "private_zone_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/shop/providers/Microsoft.Network/privateDnsZones",
            $attributes
        )
    };
}

/// Addresses of IPv4.
pub static A_RECORD: Description = Description {
    rules: RECORDS_OR_ALIAS,
    ..records(
        "azure:dns:ARecord",
        "The addresses of a name, of IPv4. `@` is the name of the zone itself.",
        "Microsoft.Network/dnsZones/A",
        &[
            TTL,
            METADATA,
            FQDN,
            ALIAS,
            may(
                "records",
                "properties.ARecords",
                "The addresses: each `ipv4Address`.",
            ),
        ],
        example!(
            "azure:dns:ARecord",
            "name: www\n    records: [{ ipv4Address: 192.0.2.1 }]"
        ),
    )
};

/// Addresses of IPv6.
pub static AAAA_RECORD: Description = Description {
    rules: RECORDS_OR_ALIAS,
    ..records(
        "azure:dns:AaaaRecord",
        "The addresses of a name, of IPv6.",
        "Microsoft.Network/dnsZones/AAAA",
        &[
            TTL,
            METADATA,
            FQDN,
            ALIAS,
            may(
                "records",
                "properties.AAAARecords",
                "The addresses: each `ipv6Address`.",
            ),
        ],
        example!(
            "azure:dns:AaaaRecord",
            "name: www\n    records: [{ ipv6Address: \"2001:db8::1\" }]"
        ),
    )
};

/// Another name.
pub static CNAME_RECORD: Description = Description {
    rules: RECORD_OR_ALIAS,
    ..records(
        "azure:dns:CnameRecord",
        "The other name that a name stands for.",
        "Microsoft.Network/dnsZones/CNAME",
        &[
            TTL,
            METADATA,
            FQDN,
            ALIAS,
            may("record", "properties.CNAMERecord.cname", "The other name."),
        ],
        example!("azure:dns:CnameRecord", "name: www\n    record: shop.example.net"),
    )
};

/// Mail servers.
pub static MX_RECORD: Description = records(
    "azure:dns:MxRecord",
    "The servers that take mail for a name.",
    "Microsoft.Network/dnsZones/MX",
    &[
        TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.MXRecords",
            "The servers: each `preference` and `exchange`.",
        ),
    ],
    example!(
        "azure:dns:MxRecord",
        "name: \"@\"\n    records: [{ preference: 10, exchange: mail.example.org }]"
    ),
);

/// Texts.
pub static TXT_RECORD: Description = records(
    "azure:dns:TxtRecord",
    "Texts of a name.",
    "Microsoft.Network/dnsZones/TXT",
    &[
        TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.TXTRecords",
            "The texts: each `value`, a list of parts of up to 255 characters.",
        ),
    ],
    example!(
        "azure:dns:TxtRecord",
        "name: \"@\"\n    records: [{ value: [\"v=spf1 -all\"] }]"
    ),
);

/// Servers of a service.
pub static SRV_RECORD: Description = records(
    "azure:dns:SrvRecord",
    "The servers of a service.",
    "Microsoft.Network/dnsZones/SRV",
    &[
        TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.SRVRecords",
            "The servers: each `priority`, `weight`, `port` and `target`.",
        ),
    ],
    example!(
        "azure:dns:SrvRecord",
        "name: _sip._tcp\n    records: [{ priority: 1, weight: 5, port: 5060, target: sip.example.org }]"
    ),
);

/// Name servers.
pub static NS_RECORD: Description = records(
    "azure:dns:NsRecord",
    "The name servers that a part of the zone is left to.",
    "Microsoft.Network/dnsZones/NS",
    &[
        TTL,
        METADATA,
        FQDN,
        must("records", "properties.NSRecords", "The servers: each `nsdname`."),
    ],
    example!(
        "azure:dns:NsRecord",
        "name: branch\n    records: [{ nsdname: ns1.example.net }]"
    ),
);

/// Names of addresses.
pub static PTR_RECORD: Description = records(
    "azure:dns:PtrRecord",
    "The names of an address.",
    "Microsoft.Network/dnsZones/PTR",
    &[
        TTL,
        METADATA,
        FQDN,
        must("records", "properties.PTRRecords", "The names: each `ptrdname`."),
    ],
    example!(
        "azure:dns:PtrRecord",
        "name: \"1\"\n    records: [{ ptrdname: www.example.org }]"
    ),
);

/// Who may make certificates.
pub static CAA_RECORD: Description = records(
    "azure:dns:CaaRecord",
    "Who may make certificates for a name.",
    "Microsoft.Network/dnsZones/CAA",
    &[
        TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.caaRecords",
            "Who may: each `flags`, `tag` and `value`.",
        ),
    ],
    example!(
        "azure:dns:CaaRecord",
        "name: \"@\"\n    records: [{ flags: 0, tag: issue, value: ca.example.net }]"
    ),
);

/// Addresses of IPv4 in a private zone.
pub static PRIVATE_A_RECORD: Description = private_records(
    "azure:dns:PrivateARecord",
    "The addresses of a name in a private zone, of IPv4.",
    "Microsoft.Network/privateDnsZones/A",
    &[
        PRIVATE_TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.aRecords",
            "The addresses: each `ipv4Address`.",
        ),
    ],
    example!(private "azure:dns:PrivateARecord", "name: db\n    records: [{ ipv4Address: 10.20.1.4 }]"),
);

/// Addresses of IPv6 in a private zone.
pub static PRIVATE_AAAA_RECORD: Description = private_records(
    "azure:dns:PrivateAaaaRecord",
    "The addresses of a name in a private zone, of IPv6.",
    "Microsoft.Network/privateDnsZones/AAAA",
    &[
        PRIVATE_TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.aaaaRecords",
            "The addresses: each `ipv6Address`.",
        ),
    ],
    example!(private "azure:dns:PrivateAaaaRecord", "name: db\n    records: [{ ipv6Address: \"fd00::4\" }]"),
);

/// Another name in a private zone.
pub static PRIVATE_CNAME_RECORD: Description = private_records(
    "azure:dns:PrivateCnameRecord",
    "The other name that a name in a private zone stands for.",
    "Microsoft.Network/privateDnsZones/CNAME",
    &[
        PRIVATE_TTL,
        METADATA,
        FQDN,
        must("record", "properties.cnameRecord.cname", "The other name."),
    ],
    example!(private "azure:dns:PrivateCnameRecord", "name: database\n    record: db.inside.example.org"),
);

/// Texts in a private zone.
pub static PRIVATE_TXT_RECORD: Description = private_records(
    "azure:dns:PrivateTxtRecord",
    "Texts of a name in a private zone.",
    "Microsoft.Network/privateDnsZones/TXT",
    &[
        PRIVATE_TTL,
        METADATA,
        FQDN,
        must(
            "records",
            "properties.txtRecords",
            "The texts: each `value`, a list of parts of up to 255 characters.",
        ),
    ],
    example!(private "azure:dns:PrivateTxtRecord", "name: db\n    records: [{ value: [primary] }]"),
);
