//! What must hold in an organisation, and whom Security Command Center tells what it finds.

use konductor_sdk::prelude::*;

use super::PLAIN;
use crate::typed::{Named, Typed};

/// What policies, and much of Security Command Center, stand in.
const PARENT: &str = "(projects|folders|organizations)/[^/]+";

const ABOUT_PARENT: &str = "Where it holds: `projects/…`, `folders/…` or `organizations/…`.";

pub static POLICY: Typed = Typed {
    name: "gcp:orgpolicy:Policy",
    rest: "orgpolicy/v2/projects.policies",
    about: "An organisation policy: how a constraint holds for an organisation, a folder or a project and all that is in it.",
    abouts: &[
        ("parent", ABOUT_PARENT),
        (
            "name",
            "The constraint, without `constraints/` before it: `storage.uniformBucketLevelAccess`, `custom.mine`.",
        ),
        (
            "spec",
            "What holds: `rules`, or `reset` to what Google has for the constraint. Of a rule one of `enforce`, `allow_all`, \
             `deny_all` and `values` is given.",
        ),
        (
            "dry_run_spec",
            "What would hold: what is against it is written into the audit log, and not refused.",
        ),
    ],
    full_name: Some("{+parent}/policies/{name}"),
    patterns: &[("parent", PARENT), ("name", "[a-zA-Z0-9._-]{1,128}")],
    outputs: &["etag"],
    own: &["spec", "dry_run_spec"],
    without: &[
        "alternate",
        "spec.etag",
        "spec.update_time",
        "dry_run_spec.etag",
        "dry_run_spec.update_time",
    ],
    rules: Some(rules_of_policy),
    link: "https://orgpolicy.googleapis.com/v2/projects/shop/policies/storage.uniformBucketLevelAccess",
    example: "uniform:\n  type: gcp:orgpolicy:Policy\n  properties:\n    parent: projects/shop\n    name: \
              storage.uniformBucketLevelAccess\n    spec: { rules: [{ enforce: true }] }\n",
    ..PLAIN
};

/// What a rule of a policy can say, one of these.
const SAYINGS: [&str; 4] = ["enforce", "allow_all", "deny_all", "values"];

fn is_given(value: &Value, name: &str) -> bool {
    value.attribute(name).is_some_and(|given| !given.is_null())
}

/// A policy says something, and each of its rules one thing.
fn rules_of_policy(inputs: &Value, diagnostics: &mut Diagnostics) {
    const SPECS: [&str; 2] = ["spec", "dry_run_spec"];
    if !SPECS.iter().any(|name| is_given(inputs, name)) {
        diagnostics.push(
            Diagnostic::error("the policy says nothing")
                .help("give `spec`, or `dry_run_spec`")
                .at(Path::attribute("spec")),
        );
    }
    for name in SPECS {
        let Some(spec) = inputs.attribute(name).filter(|spec| spec.as_map().is_some()) else {
            continue;
        };
        let at = Path::attribute(name);
        let rules = spec
            .attribute("rules")
            .and_then(Value::as_list)
            .unwrap_or_default();
        let is_on = |name: &str| spec.attribute(name).and_then(Value::as_boolean) == Some(true);
        if is_on("reset") && (!rules.is_empty() || is_on("inherit_from_parent")) {
            diagnostics.push(
                Diagnostic::error("the policy is reset, and says more beside that")
                    .help("remove `reset`, or `rules` and `inherit_from_parent`")
                    .at(at.child("reset")),
            );
        }
        for (index, rule) in rules.iter().enumerate() {
            let said = SAYINGS.iter().filter(|name| is_given(rule, name)).count();
            if said != 1 && rule.as_map().is_some() {
                let found = if said == 0 {
                    "nothing"
                } else {
                    "more than one thing"
                };
                diagnostics.push(
                    Diagnostic::error(format!("the rule says {found}"))
                        .help(format!("give one of `{}`", SAYINGS.join("`, `")))
                        .at(at.child("rules").element(index)),
                );
            }
        }
    }
}

pub static CUSTOM_CONSTRAINT: Typed = Typed {
    name: "gcp:orgpolicy:CustomConstraint",
    rest: "orgpolicy/v2/organizations.customConstraints",
    about: "A constraint of your own, for policies of the organisation.",
    abouts: &[
        ("parent", "The organisation: `organizations/…`."),
        ("name", "The name, with `custom.` before it."),
        (
            "resource_types",
            "What it is about: `compute.googleapis.com/Instance`.",
        ),
        ("method_types", "When it is looked at: `CREATE`, `UPDATE`, …."),
        (
            "condition",
            "An expression of CEL: `resource.machineType.contains('n2')`.",
        ),
        (
            "action_type",
            "What becomes of what the condition is true for: `ALLOW` or `DENY`.",
        ),
    ],
    full_name: Some("{+parent}/customConstraints/{name}"),
    required: &["resource_types", "method_types", "condition", "action_type"],
    fixed: &["resource_types"],
    patterns: &[
        ("parent", "organizations/[^/]+"),
        ("name", "custom\\.[a-zA-Z0-9_]{1,64}"),
    ],
    without: &["update_time"],
    link: "https://orgpolicy.googleapis.com/v2/organizations/1234567890/customConstraints/custom.nodesUpgraded",
    example: "upgraded:\n  type: gcp:orgpolicy:CustomConstraint\n  properties:\n    parent: organizations/1234567890\n    name: \
              custom.nodesUpgraded\n    display_name: Nodes are upgraded\n    resource_types: \
              [container.googleapis.com/NodePool]\n    method_types: [CREATE, UPDATE]\n    condition: \
              resource.management.autoUpgrade == false\n    action_type: DENY\n",
    ..PLAIN
};

pub static NOTIFICATION_CONFIG: Typed = Typed {
    name: "gcp:securitycenter:NotificationConfig",
    rest: "securitycenter/v1/organizations.notificationConfigs",
    about: "Tells a topic of Pub/Sub what Security Command Center finds.",
    abouts: &[
        ("parent", ABOUT_PARENT),
        ("name", "The name."),
        (
            "pubsub_topic",
            "The whole name of the topic: its `full_name`. `service_account` must be allowed to publish there.",
        ),
        (
            "streaming_config",
            "Which findings, as `filter`: `state = \"ACTIVE\" AND severity = \"HIGH\"`.",
        ),
    ],
    full_name: Some("{+parent}/notificationConfigs/{name}"),
    named: Named::Parameter("configId"),
    required: &["pubsub_topic"],
    patterns: &[
        ("parent", PARENT),
        ("name", "[a-z]([a-z0-9_-]{0,126}[a-z0-9])?"),
        ("pubsub_topic", "projects/[^/]+/topics/[^/]+"),
    ],
    link: "https://securitycenter.googleapis.com/v1/organizations/1234567890/notificationConfigs/active",
    example: "active:\n  type: gcp:securitycenter:NotificationConfig\n  properties:\n    parent: organizations/1234567890\n    \
              name: active\n    pubsub_topic: projects/shop/topics/findings\n    streaming_config: { filter: 'state = \
              \"ACTIVE\"' }\n",
    ..PLAIN
};

pub static MUTE_CONFIG: Typed = Typed {
    name: "gcp:securitycenter:MuteConfig",
    rest: "securitycenter/v1/organizations.muteConfigs",
    about: "Findings of Security Command Center that nobody is to be bothered with.",
    abouts: &[
        ("parent", ABOUT_PARENT),
        ("name", "The name."),
        ("filter", "Which findings: `category = \"OPEN_SSH_PORT\"`."),
        (
            "type",
            "`STATIC`, or `DYNAMIC` where findings that it no longer is about are heard of again.",
        ),
        ("expiry_time", "Until when, for `DYNAMIC`."),
    ],
    full_name: Some("{+parent}/muteConfigs/{name}"),
    named: Named::Parameter("muteConfigId"),
    required: &["filter", "type"],
    fixed: &["type"],
    patterns: &[("parent", PARENT), ("name", "[a-z]([a-z0-9-]{0,61}[a-z0-9])?")],
    without: &["create_time", "update_time", "most_recent_editor"],
    link: "https://securitycenter.googleapis.com/v1/organizations/1234567890/muteConfigs/sandbox",
    example: "sandbox:\n  type: gcp:securitycenter:MuteConfig\n  properties:\n    parent: folders/1234567890\n    name: \
              sandbox\n    type: STATIC\n    filter: 'severity = \"LOW\"'\n    description: everything in the sandbox is \
              removed every night\n",
    ..PLAIN
};

pub static BIG_QUERY_EXPORT: Typed = Typed {
    name: "gcp:securitycenter:BigQueryExport",
    rest: "securitycenter/v1/organizations.bigQueryExports",
    about: "Writes what Security Command Center finds into a dataset of BigQuery.",
    abouts: &[
        ("parent", ABOUT_PARENT),
        ("name", "The name."),
        (
            "dataset",
            "The dataset: `projects/…/datasets/…`. `principal` must be allowed to write there.",
        ),
        ("filter", "Which findings; all, where it is empty."),
    ],
    full_name: Some("{+parent}/bigQueryExports/{name}"),
    named: Named::Parameter("bigQueryExportId"),
    required: &["dataset"],
    patterns: &[
        ("parent", PARENT),
        ("name", "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"),
        ("dataset", "projects/[^/]+/datasets/[^/]+"),
    ],
    without: &["create_time", "update_time", "most_recent_editor"],
    link: "https://securitycenter.googleapis.com/v1/organizations/1234567890/bigQueryExports/all",
    example: "all:\n  type: gcp:securitycenter:BigQueryExport\n  properties: { parent: organizations/1234567890, name: all, \
              dataset: projects/shop/datasets/findings }\n",
    ..PLAIN
};
