//! What a plugin may do in this run. The one place where that is decided: what its manifest asks for, cut down to
//! what the operator grants and to what every policy lets through.

use konductor_config::GrantSetting;
use konductor_model::grant::GrantDifference;
use konductor_model::{Diagnostic, PluginGrant};

/// What the decision is made from.
pub struct GrantQuestion<'a> {
    /// The plugin's name in the project.
    pub name: &'a str,
    /// What its manifest asks for.
    pub requested: &'a PluginGrant,
    /// What `plugins.NAME.grant` says.
    pub written: Option<&'a GrantSetting>,
    /// What was approved before and stands in the lock file.
    pub approved: Option<&'a PluginGrant>,
    /// It came with Konductor or lies in a folder that the operator names: it gets what it asks for without being
    /// asked about, but no tokens or keys.
    pub trusted: bool,
}

/// Who granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantedBy {
    /// `plugins.NAME.grant` in konductor.yaml.
    Configuration,
    /// An approval in the lock file.
    Approval,
    /// Nobody in particular: it is one of the plugins that come with Konductor.
    Default,
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub enum GrantDecision {
    /// It may do this.
    Granted(PluginGrant, GrantedBy),
    /// It asks for more than was approved, and somebody must say yes first: these are the differences.
    NeedsApproval(Vec<GrantDifference>),
}

/// Decides before any policy. A written grant wins over an approval, and an approval over the default.
pub fn decide(question: &GrantQuestion<'_>) -> GrantDecision {
    let requested = question.requested;
    match (question.written, question.approved) {
        (Some(GrantSetting::Requested), _) => {
            GrantDecision::Granted(requested.clone(), GrantedBy::Configuration)
        }
        (Some(GrantSetting::Limited(limit)), _) => {
            GrantDecision::Granted(requested.intersection(limit), GrantedBy::Configuration)
        }
        (None, Some(approved)) => {
            let both = requested.intersection(approved);
            if both == *requested {
                GrantDecision::Granted(both, GrantedBy::Approval)
            } else {
                GrantDecision::NeedsApproval(requested.differences(approved))
            }
        }
        (None, None) if question.trusted => {
            GrantDecision::Granted(without_tokens(requested), GrantedBy::Default)
        }
        (None, None) if *requested == PluginGrant::default() => {
            GrantDecision::Granted(PluginGrant::default(), GrantedBy::Default)
        }
        (None, None) => GrantDecision::NeedsApproval(requested.differences(&PluginGrant::default())),
    }
}

fn without_tokens(requested: &PluginGrant) -> PluginGrant {
    let mut grant = requested.clone();
    for allowance in grant.endpoints.values_mut() {
        allowance.token_operations.clear();
    }
    grant
}

/// Says what a plugin asks for, and the lines that grant it.
pub fn not_approved(question: &GrantQuestion<'_>, differences: &[GrantDifference]) -> Diagnostic {
    let name = question.name;
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    let since = if question.approved.is_some() {
        "asks for something else than what was approved"
    } else {
        "asks for what nobody has granted it"
    };
    Diagnostic::error(format!("plugin `{name}` {since}"))
        .detail(lines.join("\n"))
        .help(format!(
            "approve it with `konductor plugin lock --approve {name}`, or write it into konductor.yaml:\n{}",
            written_out(name, question.requested)
        ))
}

/// Returns a grant as it is written in konductor.yaml.
pub fn written_out(name: &str, grant: &PluginGrant) -> String {
    let mut text = format!("plugins:\n  {name}:\n    grant:\n");
    let list = |items: &std::collections::BTreeSet<String>| {
        let items: Vec<String> = items
            .iter()
            .map(|item| serde_json::Value::from(item.as_str()).to_string())
            .collect();
        format!("[{}]", items.join(", "))
    };
    if !grant.endpoints.is_empty() {
        text += "      endpoints:\n";
        for (id, allowance) in &grant.endpoints {
            let sets = [
                ("regions", &allowance.regions),
                ("methods", &allowance.methods),
                ("accounts", &allowance.accounts),
                ("resource_prefixes", &allowance.resource_prefixes),
                ("token_operations", &allowance.token_operations),
            ];
            let members: Vec<String> = sets
                .iter()
                .filter(|(_, items)| !items.is_empty())
                .map(|(name, items)| format!("{name}: {}", list(items)))
                .collect();
            text += &format!("        {id}: {{{}}}\n", members.join(", "));
        }
    }
    for (name, items) in [
        ("credentials", &grant.credentials),
        ("reveal", &grant.reveal),
        ("metadata", &grant.metadata),
        ("configuration", &grant.configuration),
        ("declares", &grant.declares),
    ] {
        if !items.is_empty() {
            text += &format!("      {name}: {}\n", list(items));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use konductor_model::grant::EndpointAllowance;

    use super::*;

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn requested() -> PluginGrant {
        let sts = EndpointAllowance {
            token_operations: set(&["AssumeRole"]),
            ..EndpointAllowance::default()
        };
        PluginGrant {
            endpoints: BTreeMap::from([("sts".to_owned(), sts)]),
            credentials: set(&["x"]),
            reveal: set(&["x:a:B.password"]),
            ..PluginGrant::default()
        }
    }

    fn question<'a>(
        requested: &'a PluginGrant,
        written: Option<&'a GrantSetting>,
        approved: Option<&'a PluginGrant>,
        trusted: bool,
    ) -> GrantQuestion<'a> {
        GrantQuestion {
            name: "x",
            requested,
            written,
            approved,
            trusted,
        }
    }

    #[test]
    fn a_stranger_gets_nothing_until_somebody_says_so() {
        let requested = requested();
        let decision = decide(&question(&requested, None, None, false));
        let GrantDecision::NeedsApproval(differences) = decision else {
            panic!("{decision:?}");
        };
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert!(
            lines.contains(&"+ endpoints.sts.token_operations: AssumeRole".to_owned()),
            "{lines:?}"
        );
    }

    #[test]
    fn a_plugin_of_ours_gets_what_it_asks_for_but_no_tokens() {
        let requested = requested();
        let GrantDecision::Granted(grant, GrantedBy::Default) =
            decide(&question(&requested, None, None, true))
        else {
            panic!("should be granted");
        };
        assert_eq!(grant.endpoints["sts"].token_operations, BTreeSet::new());
        assert_eq!(grant.reveal, requested.reveal);
    }

    #[test]
    fn an_approval_covers_what_was_approved_and_not_what_came_later() {
        let before = requested();
        let now = PluginGrant {
            reveal: set(&["x:a:B.password", "x:a:B.key"]),
            ..before.clone()
        };
        let granted = decide(&question(&before, None, Some(&now), true));
        assert_eq!(
            granted,
            GrantDecision::Granted(before.clone(), GrantedBy::Approval)
        );
        // Also one of ours: that it was approved once shows that somebody looks.
        let GrantDecision::NeedsApproval(differences) = decide(&question(&now, None, Some(&before), true))
        else {
            panic!("should be asked about");
        };
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].to_string(), "+ reveal: x:a:B.key");
    }

    #[test]
    fn what_is_written_is_the_limit_whatever_was_approved() {
        let requested = requested();
        let limit = GrantSetting::Limited(PluginGrant {
            credentials: set(&["x", "y"]),
            ..PluginGrant::default()
        });
        let GrantDecision::Granted(grant, GrantedBy::Configuration) =
            decide(&question(&requested, Some(&limit), Some(&requested), true))
        else {
            panic!("should be granted");
        };
        assert_eq!(grant.credentials, set(&["x"]));
        assert!(grant.endpoints.is_empty() && grant.reveal.is_empty());
    }

    #[test]
    fn the_lines_to_write_grant_exactly_what_is_asked_for() {
        let requested = requested();
        let text = format!("name: p\n{}", written_out("x", &requested));
        let configuration = konductor_config::Configuration::load(konductor_config::Inputs {
            project: Some(konductor_config::SourceFile {
                name: "konductor.yaml".into(),
                text,
            }),
            ..konductor_config::Inputs::default()
        })
        .unwrap();
        assert_eq!(
            configuration.plugins()[0].grant.as_ref().unwrap().grant,
            GrantSetting::Limited(requested)
        );
    }

    #[test]
    fn the_message_shows_the_differences_and_the_lines() {
        let requested = requested();
        let question = question(&requested, None, None, false);
        let GrantDecision::NeedsApproval(differences) = decide(&question) else {
            panic!("should be asked about");
        };
        insta::assert_snapshot!(not_approved(&question, &differences));
    }
}
