//! Load balancing: what traffic comes to, where it goes by its address, and whether what is behind is healthy.

use super::PLAIN;
use crate::typed::Typed;

pub static HEALTH_CHECK: Typed = Typed {
    name: "gcp:compute:HealthCheck",
    rest: "compute/v1/healthChecks",
    stands_beside: true,
    about: "How it is found out whether a backend is healthy.",
    abouts: &[
        (
            "type",
            "What is asked: `HTTP`, `HTTPS`, `TCP`, …; the attribute of that protocol has the rest.",
        ),
        ("check_interval_sec", "How often, in seconds."),
        ("timeout_sec", "How long an answer may take, in seconds."),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/healthChecks/web",
    example: "health:\n  type: gcp:compute:HealthCheck\n  properties: { name: web, type: HTTPS, https_health_check: { port: 443, \
              request_path: /healthy } }\n",
    ..PLAIN
};

pub static BACKEND_SERVICE: Typed = Typed {
    name: "gcp:compute:BackendService",
    rest: "compute/v1/backendServices",
    stands_beside: true,
    about: "Groups of instances, or of other endpoints, that a load balancer of all regions sends traffic to.",
    abouts: &[
        (
            "backends",
            "The groups: `{ group: … }` with the link of the instance group.",
        ),
        ("health_checks", "The links of the health checks."),
        (
            "load_balancing_scheme",
            "`EXTERNAL_MANAGED` for the newer load balancers.",
        ),
        ("enable_cdn", "Whether answers are kept near those who ask."),
    ],
    patterns: &[("protocol", "(HTTP|HTTPS|HTTP2|TCP|SSL|UDP|GRPC|UNSPECIFIED|H2C)")],
    outputs: &["id", "edge_security_policy"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/backendServices/web",
    example: "backend:\n  type: gcp:compute:BackendService\n  properties:\n    name: web\n    protocol: HTTPS\n    \
              load_balancing_scheme: EXTERNAL_MANAGED\n    health_checks: [\"${health.self_link}\"]\n    backends: [{ group: \
              \"${group.instance_group}\" }]\n",
    ..PLAIN
};

pub static URL_MAP: Typed = Typed {
    name: "gcp:compute:UrlMap",
    rest: "compute/v1/urlMaps",
    stands_beside: true,
    about: "Which backend a request goes to, by its host and its path.",
    abouts: &[
        ("default_service", "Where a request goes that no rule is about."),
        ("host_rules", "Which path matcher is for which hosts."),
        ("path_matchers", "Which backend is for which paths."),
    ],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/urlMaps/web",
    example: "map:\n  type: gcp:compute:UrlMap\n  properties: { name: web, default_service: \"${backend.self_link}\" }\n",
    ..PLAIN
};

pub static TARGET_HTTP_PROXY: Typed = Typed {
    name: "gcp:compute:TargetHttpProxy",
    rest: "compute/v1/targetHttpProxies",
    stands_beside: true,
    about: "What takes requests in plain HTTP. Use it to send them on to HTTPS.",
    abouts: &[("url_map", "The link of the URL map.")],
    required: &["url_map"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/targetHttpProxies/web",
    example: "proxy:\n  type: gcp:compute:TargetHttpProxy\n  properties: { name: web, url_map: \"${map.self_link}\" }\n",
    ..PLAIN
};

pub static TARGET_HTTPS_PROXY: Typed = Typed {
    name: "gcp:compute:TargetHttpsProxy",
    rest: "compute/v1/targetHttpsProxies",
    stands_beside: true,
    about: "What takes requests in HTTPS.",
    abouts: &[
        ("url_map", "The link of the URL map."),
        ("ssl_certificates", "The links of the certificates."),
        (
            "ssl_policy",
            "The link of the policy that says which versions of TLS are good enough.",
        ),
    ],
    required: &["url_map"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/targetHttpsProxies/web",
    example: "proxy:\n  type: gcp:compute:TargetHttpsProxy\n  properties:\n    name: web\n    url_map: \"${map.self_link}\"\n    \
              ssl_certificates: [\"${certificate.self_link}\"]\n",
    ..PLAIN
};

pub static SSL_CERTIFICATE: Typed = Typed {
    name: "gcp:compute:SslCertificate",
    rest: "compute/v1/sslCertificates",
    stands_beside: true,
    about: "A certificate for HTTPS: one that Google gets for domains, or one with its key.",
    abouts: &[
        ("type", "`MANAGED` or `SELF_MANAGED`."),
        ("managed", "The domains that Google gets a certificate for."),
        ("private_key", "The private key. It is never given back."),
    ],
    outputs: &["expire_time", "subject_alternative_names"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/sslCertificates/web",
    example: "certificate:\n  type: gcp:compute:SslCertificate\n  properties: { name: web, type: MANAGED, managed: { domains: \
              [shop.example.com] } }\n",
    ..PLAIN
};

const ABOUTS_OF_RULES: &[(&str, &str)] = &[
    (
        "ip_address",
        "The address: its link or itself. One is given where none is.",
    ),
    ("port_range", "The ports: `443`, or `8000-8100`."),
    ("target", "The link of the proxy that takes the traffic."),
];

pub static FORWARDING_RULE: Typed = Typed {
    name: "gcp:compute:ForwardingRule",
    rest: "compute/v1/forwardingRules",
    about: "An address and ports in a region whose traffic goes to a proxy, a backend or a gateway.",
    abouts: ABOUTS_OF_RULES,
    simulated: &[("ip_address", "203.0.113.40")],
    required: &["name"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/regions/europe-west1/forwardingRules/web",
    example: "front:\n  type: gcp:compute:ForwardingRule\n  properties:\n    name: web\n    load_balancing_scheme: INTERNAL\n    \
              ip_protocol: TCP\n    ports: [\"443\"]\n    backend_service: \"${backend.self_link}\"\n    network: \
              global/networks/shop\n    subnetwork: regions/europe-west1/subnetworks/shop\n",
    ..PLAIN
};

pub static GLOBAL_FORWARDING_RULE: Typed = Typed {
    name: "gcp:compute:GlobalForwardingRule",
    rest: "compute/v1/globalForwardingRules",
    about: "An address of all regions and ports whose traffic goes to a proxy.",
    abouts: ABOUTS_OF_RULES,
    simulated: &[("ip_address", "203.0.113.41")],
    required: &["name", "target"],
    link: "https://compute.googleapis.com/compute/v1/projects/shop/global/forwardingRules/web",
    example: "front:\n  type: gcp:compute:GlobalForwardingRule\n  properties:\n    name: web\n    load_balancing_scheme: \
              EXTERNAL_MANAGED\n    ip_protocol: TCP\n    port_range: \"443\"\n    target: \"${proxy.self_link}\"\n",
    ..PLAIN
};
