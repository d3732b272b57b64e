//! Programs without a machine of their own: Cloud Run and functions.

use super::PLAIN;
use crate::typed::{Named, Typed};

pub static RUN_SERVICE: Typed = Typed {
    name: "gcp:run:Service",
    rest: "run/v2/projects.locations.services",
    about: "A service of Cloud Run: containers that answer requests. Who may call it is decided by IAM.",
    abouts: &[
        ("name", "The name in the region."),
        ("location", "The region; `gcp.region` where it is not given."),
        (
            "template",
            "The containers, and how many instances of them there are.",
        ),
        (
            "ingress",
            "Where requests may come from: `INGRESS_TRAFFIC_ALL`, `INGRESS_TRAFFIC_INTERNAL_ONLY`, ….",
        ),
        ("traffic", "Which revisions answer how much."),
        ("uri", "Where it answers."),
    ],
    full_name: Some("projects/{project}/locations/{location}/services/{name}"),
    named: Named::Parameter("serviceId"),
    required: &["template", "template.containers", "template.containers.image"],
    patterns: &[("name", "[a-z]([-a-z0-9]{0,47}[a-z0-9])?")],
    outputs: &["etag"],
    simulated: &[("uri", "https://{attribute:name}-simulated.a.run.app")],
    link: "https://run.googleapis.com/v2/projects/shop/locations/europe-west1/services/web",
    example: "web:\n  type: gcp:run:Service\n  properties:\n    name: web\n    ingress: INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER\n    \
              template:\n      service_account: web@shop.iam.gserviceaccount.com\n      scaling: { max_instance_count: 5 }\n      \
              containers: [{ image: europe-docker.pkg.dev/shop/web/web@sha256:0123 }]\n",
    ..PLAIN
};

pub static FUNCTION: Typed = Typed {
    name: "gcp:functions:Function",
    rest: "cloudfunctions/v2/projects.locations.functions",
    about: "A function that is built from source and runs on Cloud Run, for requests or events.",
    abouts: &[
        ("name", "The name in the region."),
        ("location", "The region; `gcp.region` where it is not given."),
        (
            "build_config",
            "The runtime, where the source is and what is called.",
        ),
        ("service_config", "Memory, time, environment and identity."),
        ("event_trigger", "The events that it is called for."),
        ("url", "Where it answers."),
    ],
    full_name: Some("projects/{project}/locations/{location}/functions/{name}"),
    named: Named::Parameter("functionId"),
    required: &[
        "build_config",
        "build_config.runtime",
        "build_config.entry_point",
        "build_config.source",
    ],
    fixed: &[
        "environment",
        "kms_key_name",
        "build_config.source.repo_source.project_id",
    ],
    defaults: &[("environment", "\"GEN_2\"")],
    patterns: &[("name", "[a-z]([-a-z0-9_]{0,61}[a-z0-9])?")],
    simulated: &[("url", "https://{attribute:name}-simulated.a.run.app")],
    link: "https://cloudfunctions.googleapis.com/v2/projects/shop/locations/europe-west1/functions/resize",
    example: "resize:\n  type: gcp:functions:Function\n  properties:\n    name: resize\n    build_config:\n      runtime: python313\n      \
              entry_point: resize\n      source: { storage_source: { bucket: shop-source, object: resize-1.zip } }\n    \
              service_config: { available_memory: 256M, timeout_seconds: 60, ingress_settings: ALLOW_INTERNAL_ONLY }\n",
    ..PLAIN
};
