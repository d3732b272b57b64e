//! Files: Filestore.

use super::PLAIN;
use crate::typed::{Named, Typed};

pub static FILESTORE_INSTANCE: Typed = Typed {
    name: "gcp:filestore:Instance",
    rest: "file/v1/projects.locations.instances",
    about: "A file server (NFS) of Filestore.",
    abouts: &[
        ("name", "The name in the location."),
        (
            "location",
            "The zone, or for some tiers the region; `gcp.region` where it is not given.",
        ),
        (
            "tier",
            "`BASIC_HDD`, `BASIC_SSD`, `ZONAL`, `REGIONAL` or `ENTERPRISE`.",
        ),
        (
            "file_shares",
            "The share: its name and capacity, which can grow, and who may mount it.",
        ),
        ("networks", "The network that it is in."),
    ],
    full_name: Some("projects/{project}/locations/{location}/instances/{name}"),
    named: Named::Parameter("instanceId"),
    required: &["tier", "file_shares", "networks"],
    patterns: &[("name", "[a-z]([-a-z0-9]{0,61}[a-z0-9])?")],
    outputs: &["etag"],
    link: "https://file.googleapis.com/v1/projects/shop/locations/europe-west1-b/instances/files",
    example: "files:\n  type: gcp:filestore:Instance\n  properties:\n    name: files\n    location: europe-west1-b\n    tier: ZONAL\n    \
              file_shares: [{ name: shop, capacity_gb: 1024 }]\n    networks: [{ network: shop, modes: [MODE_IPV4] }]\n",
    ..PLAIN
};
