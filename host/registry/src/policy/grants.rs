//! What plugins may be granted at most.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::PluginGrant;
use konductor_model::grant::EndpointAllowance;

use super::rules::{AllowedEndpoint, Rule, SitePolicy};
use super::{Place, Policies, Refusal};

impl Policies {
    /// Returns what is left of a grant, and every rule that took something away.
    ///
    /// `services` are the clouds' names of the services, by the identifiers of the endpoints; an endpoint without one
    /// is taken by its identifier. The region that the configuration chooses is not part of a grant: check it with
    /// [`Policies::check_region`]. Where regions are restricted, a grant of all regions (`*`) is taken away rather
    /// than narrowed, since a grant cannot say `eu-*`.
    pub fn limit_grant(
        &self,
        plugin: &str,
        grant: &PluginGrant,
        services: &BTreeMap<String, String>,
    ) -> (PluginGrant, Vec<Refusal>) {
        let mut limited = grant.clone();
        let mut refusals = Vec::new();
        for policy in &self.0 {
            let mut limiting = Limiting {
                plugin,
                policy,
                refusals: &mut refusals,
            };
            limiting.limit(&mut limited, services);
        }
        (limited, refusals)
    }

    /// Returns every rule that forbids to call a service in a region.
    pub fn check_region(&self, service: &str, region: &str) -> Vec<Refusal> {
        self.0
            .iter()
            .filter_map(|policy| {
                let rule = match policy.endpoint(service)? {
                    Some(rule) if rule.value.allows_region(region) => return None,
                    Some(rule) => &rule.place,
                    None => &policy.endpoints.as_ref()?.place,
                };
                Some(Refusal {
                    place: rule.clone(),
                    rule: "grants.endpoints",
                    reason: format!(
                        "the service `{service}` may not be called in the region `{region}`; configure an allowed \
                         region, or have this one added to the policy"
                    ),
                })
            })
            .collect()
    }
}

struct Limiting<'a> {
    plugin: &'a str,
    policy: &'a SitePolicy,
    refusals: &'a mut Vec<Refusal>,
}

impl Limiting<'_> {
    fn refuse(&mut self, place: &Place, rule: &'static str, what: &str, instead: &str) {
        self.refusals.push(Refusal {
            place: place.clone(),
            rule,
            reason: format!("plugin `{}` may not be granted {what}; {instead}", self.plugin),
        });
    }

    fn limit(&mut self, grant: &mut PluginGrant, services: &BTreeMap<String, String>) {
        grant.endpoints.retain(|id, allowance| {
            let service = services.get(id).unwrap_or(id);
            self.endpoint(id, service, allowance) && self.accounts(id, allowance)
        });
        if let Some(Rule { place, value: false }) = &self.policy.token_operations {
            for (id, allowance) in &mut grant.endpoints {
                if !allowance.token_operations.is_empty() {
                    let what = format!(
                        "the token operations {} of endpoint `{id}`",
                        listed(&allowance.token_operations)
                    );
                    self.refuse(
                        place,
                        "grants.token_operations",
                        &what,
                        "use credentials that need none",
                    );
                    allowance.token_operations.clear();
                }
            }
        }
        if let Some(Rule { place, value: false }) = &self.policy.reveal
            && !grant.reveal.is_empty()
        {
            let what = format!("to see {}", listed(&grant.reveal));
            self.refuse(place, "grants.reveal", &what, "it gets sealed tokens instead");
            grant.reveal.clear();
        }
    }

    /// Narrows one endpoint's regions and methods; false when nothing is left of it.
    fn endpoint(&mut self, id: &str, service: &str, allowance: &mut EndpointAllowance) -> bool {
        const RULE: &str = "grants.endpoints";
        let policy = self.policy;
        let Some(rules) = &policy.endpoints else {
            return true;
        };
        let Some(Some(Rule { place, value: rule })) = policy.endpoint(service) else {
            let what = format!("the endpoint `{id}` (service `{service}`)");
            self.refuse(
                &rules.place,
                RULE,
                &what,
                "have the service added to the policy if it is needed",
            );
            return false;
        };
        let removed = narrowed_regions(rule, &mut allowance.regions);
        if !removed.is_empty() {
            let what = format!("the regions {} of endpoint `{id}`", listed(&removed));
            self.refuse(
                place,
                RULE,
                &what,
                "name allowed regions one by one under `regions`",
            );
        }
        let Some(methods) = &rule.methods else {
            return true;
        };
        if allowance.methods.is_empty() {
            allowance.methods.clone_from(methods);
        } else {
            let removed = &allowance.methods - methods;
            if !removed.is_empty() {
                let what = format!("the methods {} of endpoint `{id}`", listed(&removed));
                self.refuse(place, RULE, &what, "it may use the methods that the policy lists");
            }
            allowance.methods = &allowance.methods & methods;
        }
        // No methods would mean all of them.
        !allowance.methods.is_empty()
    }

    /// Narrows one endpoint's accounts; false when none is left.
    fn accounts(&mut self, id: &str, allowance: &mut EndpointAllowance) -> bool {
        let Some(Rule {
            place,
            value: accounts,
        }) = &self.policy.accounts
        else {
            return true;
        };
        if allowance.accounts.is_empty() {
            allowance.accounts.clone_from(accounts);
        } else {
            let removed = &allowance.accounts - accounts;
            if !removed.is_empty() {
                let what = format!("the accounts {} of endpoint `{id}`", listed(&removed));
                self.refuse(
                    place,
                    "grants.accounts",
                    &what,
                    "use an account that the policy lists",
                );
            }
            allowance.accounts = &allowance.accounts & accounts;
        }
        // No accounts would mean all of them.
        !allowance.accounts.is_empty()
    }
}

/// Takes out the regions that a rule does not allow and returns them.
fn narrowed_regions(rule: &AllowedEndpoint, regions: &mut BTreeSet<String>) -> BTreeSet<String> {
    let allows = |region: &String| match region.as_str() {
        "*" => rule
            .regions
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| pattern == "*")),
        name => rule.allows_region(name),
    };
    let (kept, removed) = regions.iter().cloned().partition(allows);
    *regions = kept;
    removed
}

fn listed(items: &BTreeSet<String>) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| format!("`{}`", item.escape_debug()))
        .collect();
    items.join(", ")
}
