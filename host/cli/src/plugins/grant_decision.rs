//! What a plugin may do in this run. The one place where that is decided: what its manifest asks for, cut down to
//! what the operator grants and to what every policy lets through.

use konductor_config::GrantSetting;
use konductor_model::grant::GrantDifference;
use konductor_model::{Diagnostic, PluginGrant};
use konductor_registry::{Approval, Digest};

/// What the decision is made from.
pub struct GrantQuestion<'a> {
    /// The plugin's name in the project.
    pub name: &'a str,
    /// What its manifest asks for.
    pub requested: &'a PluginGrant,
    /// What `plugins.NAME.grant` says.
    pub written: Option<&'a GrantSetting>,
    /// What was last approved and stands in the lock file, for these bytes or for others.
    pub approved: Option<&'a Approval>,
    /// The digest of its bytes.
    pub digest: Digest,
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
    /// It asks for more than was approved, or has other bytes, and somebody must say yes first: these are the
    /// differences from what was last approved. There may be none.
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
        (None, Some(approved)) if is_covered(question, approved) => {
            GrantDecision::Granted(requested.clone(), GrantedBy::Approval)
        }
        (None, _) if *requested == PluginGrant::default() => {
            GrantDecision::Granted(PluginGrant::default(), GrantedBy::Default)
        }
        (None, Some(approved)) => GrantDecision::NeedsApproval(requested.differences(&approved.grant)),
        (None, None) if question.trusted => {
            GrantDecision::Granted(without_tokens(requested), GrantedBy::Default)
        }
        (None, None) => GrantDecision::NeedsApproval(requested.differences(&PluginGrant::default())),
    }
}

/// Tells whether an approval is for these bytes and for all that they ask for.
fn is_covered(question: &GrantQuestion<'_>, approved: &Approval) -> bool {
    // Other bytes may do other things with the same grant, so they must be approved anew.
    let same_bytes = approved.digest == question.digest;
    same_bytes && question.requested.intersection(&approved.grant) == *question.requested
}

fn without_tokens(requested: &PluginGrant) -> PluginGrant {
    let mut grant = requested.clone();
    for allowance in grant.endpoints.values_mut() {
        allowance.token_operations.clear();
    }
    grant
}

/// Returns what there is to approve, the bytes first and then what they ask for, a line each. The flag of a line says
/// whether it is new; none does for what is not a difference.
pub fn to_approve(
    question: &GrantQuestion<'_>,
    differences: &[GrantDifference],
) -> Vec<(Option<bool>, String)> {
    let mut lines = Vec::new();
    if let Some(approved) = question.approved
        && approved.digest != question.digest
    {
        lines.push((Some(false), format!("- bytes: {}", approved.digest)));
        lines.push((Some(true), format!("+ bytes: {}", question.digest)));
        if differences.is_empty() {
            lines.push((None, "it asks for what was approved, and nothing else".to_owned()));
        }
    }
    lines.extend(
        differences
            .iter()
            .map(|difference| (Some(difference.added), difference.to_string())),
    );
    lines
}

/// Says what a plugin asks for, and the lines that grant it.
pub fn not_approved(question: &GrantQuestion<'_>, differences: &[GrantDifference]) -> Diagnostic {
    let name = question.name;
    let lines: Vec<String> = to_approve(question, differences)
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    let since = match question.approved {
        Some(approved) if approved.digest != question.digest => "was changed since it was approved",
        Some(_) => "asks for something else than what was approved",
        None => "asks for what nobody has granted it",
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
        approved: Option<&'a Approval>,
        trusted: bool,
    ) -> GrantQuestion<'a> {
        GrantQuestion {
            name: "x",
            requested,
            written,
            approved,
            digest: Digest::of(b"these bytes"),
            trusted,
        }
    }

    /// An approval of a grant for these bytes.
    fn approval(grant: &PluginGrant) -> Approval {
        Approval {
            digest: Digest::of(b"these bytes"),
            manifest: Digest::of(b"manifest"),
            grant: grant.clone(),
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
        let approved = approval(&now);
        let granted = decide(&question(&before, None, Some(&approved), true));
        assert_eq!(
            granted,
            GrantDecision::Granted(before.clone(), GrantedBy::Approval)
        );
        // Also one of ours: that it was approved once shows that somebody looks.
        let approved = approval(&before);
        let GrantDecision::NeedsApproval(differences) = decide(&question(&now, None, Some(&approved), true))
        else {
            panic!("should be asked about");
        };
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].to_string(), "+ reveal: x:a:B.key");
    }

    #[test]
    fn an_approval_covers_no_other_bytes_whatever_they_ask_for() {
        let before = requested();
        let approved = Approval {
            digest: Digest::of(b"other bytes"),
            ..approval(&before)
        };
        let less = PluginGrant {
            reveal: set(&[]),
            ..before.clone()
        };
        let more = PluginGrant {
            reveal: set(&["x:a:B.password", "x:a:B.key"]),
            ..before.clone()
        };
        for (now, expected) in [
            (&before, "it asks for what was approved, and nothing else"),
            (&less, "- reveal: x:a:B.password"),
            (&more, "+ reveal: x:a:B.key"),
        ] {
            for trusted in [false, true] {
                let question = question(now, None, Some(&approved), trusted);
                let GrantDecision::NeedsApproval(differences) = decide(&question) else {
                    panic!("should be asked about");
                };
                let lines: Vec<String> = to_approve(&question, &differences)
                    .into_iter()
                    .map(|(_, line)| line)
                    .collect();
                assert_eq!(
                    lines,
                    [
                        format!("- bytes: {}", Digest::of(b"other bytes")),
                        format!("+ bytes: {}", Digest::of(b"these bytes")),
                        expected.to_owned(),
                    ]
                );
                let message = not_approved(&question, &differences).to_string();
                assert!(message.contains("was changed since it was approved"), "{message}");
                assert!(message.contains("konductor plugin lock --approve x"), "{message}");
            }
        }
        // Who asks for nothing needs no approval.
        let nothing = PluginGrant::default();
        assert_eq!(
            decide(&question(&nothing, None, Some(&approved), false)),
            GrantDecision::Granted(nothing.clone(), GrantedBy::Default)
        );
    }

    #[test]
    fn what_is_written_is_the_limit_whatever_was_approved() {
        let requested = requested();
        let limit = GrantSetting::Limited(PluginGrant {
            credentials: set(&["x", "y"]),
            ..PluginGrant::default()
        });
        let approved = approval(&requested);
        let GrantDecision::Granted(grant, GrantedBy::Configuration) =
            decide(&question(&requested, Some(&limit), Some(&approved), true))
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
