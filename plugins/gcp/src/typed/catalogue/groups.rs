//! Templates of instances and the groups that are made of them.

use super::PLAIN;
use crate::typed::Typed;

pub static INSTANCE_TEMPLATE: Typed = Typed {
    name: "gcp:compute:InstanceTemplate",
    rest: "compute/v1/instanceTemplates",
    about: "What instances of a group look like. A template is never changed: give the new one another name, and the group \
            is moved to it.",
    abouts: &[("properties", "The properties of each instance.")],
    required: &["properties", "properties.machine_type"],
    stands_beside: true,
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/instanceTemplates/web-1",
    example: "template:\n  type: gcp:compute:InstanceTemplate\n  properties:\n    name: web-1\n    properties:\n      \
              machine_type: e2-small\n      disks: [{ boot: true, auto_delete: true, initialize_params: { source_image: \
              projects/debian-cloud/global/images/family/debian-12 } }]\n      network_interfaces: [{ network: \
              global/networks/shop }]\n",
    ..PLAIN
};

const ABOUTS_OF_GROUPS: &[(&str, &str)] = &[
    ("instance_template", "The link of the template."),
    (
        "base_instance_name",
        "What the names of the instances begin with.",
    ),
    ("target_size", "How many instances there are."),
    ("instance_group", "The link of the group, which a backend names."),
    (
        "update_policy",
        "How instances are replaced when the template changes.",
    ),
];

pub static INSTANCE_GROUP_MANAGER: Typed = Typed {
    name: "gcp:compute:InstanceGroupManager",
    rest: "compute/v1/instanceGroupManagers",
    about: "A group of instances in a zone, all made of one template.",
    abouts: ABOUTS_OF_GROUPS,
    link: "https://compute.googleapis.com/compute/v1/projects/shop/zones/europe-west1-b/instanceGroupManagers/web",
    example: "group:\n  type: gcp:compute:InstanceGroupManager\n  properties:\n    name: web\n    base_instance_name: web\n    \
              instance_template: \"${template.self_link}\"\n    target_size: 2\n",
    ..PLAIN
};

pub static REGION_INSTANCE_GROUP_MANAGER: Typed = Typed {
    name: "gcp:compute:RegionInstanceGroupManager",
    rest: "compute/v1/regionInstanceGroupManagers",
    about: "A group of instances over the zones of a region, all made of one template.",
    abouts: ABOUTS_OF_GROUPS,
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/instanceGroupManagers/web",
    example: "group:\n  type: gcp:compute:RegionInstanceGroupManager\n  properties:\n    name: web\n    base_instance_name: web\n    \
              instance_template: \"${template.self_link}\"\n    target_size: 3\n",
    ..PLAIN
};
