//! What a plugin is told when its grant does not cover a call: what it asked for, and the line that would allow it.

use std::collections::BTreeSet;

use konductor_model::cloud::SendError;
use konductor_model::grant::EndpointAllowance;

use crate::audit::printable;
use crate::grant::{EVERY_REGION, EndpointGrant, Grant};
use crate::placement::PlacementError;

/// Writes the denials of one plugin.
pub(crate) struct Denials<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) grant: &'a Grant,
}

impl Denials<'_> {
    /// The endpoint is not granted.
    pub(crate) fn endpoint(&self, id: &str) -> SendError {
        let (plugin, id) = (self.plugin, printable(id));
        let advice = if let Some(credentials) = self.grant.without_credentials.get(&id) {
            self.add(credentials, "credentials")
        } else if self.grant.requested.endpoints.contains_key(&id) {
            self.add(&format!("{id}: {{}}"), "endpoints")
        } else {
            let asked = list(self.grant.requested.endpoints.keys());
            format!(
                "no grant can allow it: the plugin's manifest asks for {asked} only; its author adds `{id}` to \
                 `endpoints` there"
            )
        };
        let granted = list(self.grant.endpoints.iter().map(|endpoint| &endpoint.id));
        SendError::Denied(format!(
            "plugin `{plugin}` may not call endpoint `{id}`; granted are: {granted}; {advice}"
        ))
    }

    /// The region is not granted.
    pub(crate) fn region(&self, endpoint: &EndpointGrant, region: &str) -> SendError {
        let region = printable(region);
        let granted: BTreeSet<&String> = endpoint
            .regions
            .iter()
            .chain([&endpoint.default_region])
            .collect();
        let advice = self.advice(endpoint, "regions", &region, |asked| {
            asked.regions.contains(&region) || asked.regions.contains(EVERY_REGION)
        });
        self.denied(
            endpoint,
            &format!("in region `{region}`; granted are: {}", list(granted.into_iter())),
            &advice,
        )
    }

    /// The method is known and not granted.
    pub(crate) fn method(&self, endpoint: &EndpointGrant, method: &str) -> SendError {
        let granted = list(endpoint.methods.iter().flatten());
        let advice = self.advice(endpoint, "methods", method, |asked| {
            asked.methods.is_empty() || asked.methods.contains(method)
        });
        self.denied(
            endpoint,
            &format!("with method {method}; granted are: {granted}"),
            &advice,
        )
    }

    /// The credentials belong to an account that is not granted.
    pub(crate) fn account(&self, endpoint: &EndpointGrant, account: &str) -> SendError {
        let granted = list(endpoint.accounts.iter());
        let account = printable(account);
        self.denied(
            endpoint,
            &format!("with credentials of account `{account}`; granted are: {granted}"),
            &self.add(&account, &format!("endpoints.{}.accounts", endpoint.id)),
        )
    }

    /// The request names an account that is not granted.
    pub(crate) fn named_account(&self, endpoint: &EndpointGrant, account: &str) -> SendError {
        let granted = list(endpoint.accounts.iter());
        let account = printable(account);
        self.denied(
            endpoint,
            &format!("for things of `{account}`; granted are: {granted}"),
            &self.add(&account, &format!("endpoints.{}.accounts", endpoint.id)),
        )
    }

    /// The request names no account, and the grant binds some.
    pub(crate) fn no_account_named(&self, endpoint: &EndpointGrant) -> SendError {
        let granted = list(endpoint.accounts.iter());
        self.denied(
            endpoint,
            &format!("with a request that does not say whose things it is about; granted are: {granted}"),
            "for buckets, list what their names begin with under the endpoint's `resource_prefixes`; or remove its \
             `accounts` from the grant",
        )
    }

    /// It is not known whose the credentials are.
    pub(crate) fn unknown_account(&self, endpoint: &EndpointGrant, reason: &str) -> SendError {
        let granted = list(endpoint.accounts.iter());
        self.denied(
            endpoint,
            &format!("while it is not known whether its credentials are of account {granted}: {reason}"),
            "see that the token service can be reached, or remove the endpoint's `accounts` from the grant",
        )
    }

    /// The guest sets the header by which the host binds an account.
    pub(crate) fn owner_header(&self, endpoint: &EndpointGrant, name: &str) -> SendError {
        self.denied(
            endpoint,
            &format!("with header `{name}`"),
            "the host sets it, because the grant binds accounts; the plugin's author removes it",
        )
    }

    /// The request is one that no plugin may send.
    pub(crate) fn request(&self, endpoint: &EndpointGrant, reason: &str) -> SendError {
        self.denied(
            endpoint,
            &format!("with this request: {reason}"),
            "no grant can allow it",
        )
    }

    /// The network is closed to what the endpoint's address is.
    pub(crate) fn address(&self, endpoint: &EndpointGrant, reason: &str) -> SendError {
        SendError::Denied(format!(
            "plugin `{}` may not call endpoint `{}`: {reason}; no grant can allow it",
            self.plugin, endpoint.id
        ))
    }

    /// A sealed secret cannot be placed.
    pub(crate) fn secret(&self, endpoint: &EndpointGrant, error: &PlacementError) -> SendError {
        let advice = if matches!(error, PlacementError::Encoded(..)) {
            format!(
                "add its attribute (`aws:ec2:Instance.user_data`) to plugins.{}.grant.reveal in konductor.yaml; the \
                 plugin's manifest lists it under `reveals`",
                self.plugin
            )
        } else {
            "no grant can allow it".to_owned()
        };
        self.denied(endpoint, &format!("with this request: {error}"), &advice)
    }

    /// The request can be read in two ways.
    pub(crate) fn ambiguous(&self, endpoint: &EndpointGrant, reason: &str) -> SendError {
        self.denied(
            endpoint,
            &format!("with this request: {reason}"),
            "no grant can allow it; the plugin's author names one operation, once, in letters and digits",
        )
    }

    /// What the path names is not among the granted prefixes.
    pub(crate) fn resource(&self, endpoint: &EndpointGrant, resource: &str) -> SendError {
        let granted = list(endpoint.resource_prefixes.iter());
        let resource = printable(resource);
        self.denied(
            endpoint,
            &format!("for `{resource}`; granted is what begins with: {granted}"),
            &self.add(&resource, &format!("endpoints.{}.resource_prefixes", endpoint.id)),
        )
    }

    /// The operation answers with tokens or keys.
    pub(crate) fn token_operation(&self, endpoint: &EndpointGrant, operation: &str) -> SendError {
        let advice = self.advice(endpoint, "token_operations", operation, |asked| {
            asked.token_operations.contains(operation)
        });
        self.denied(
            endpoint,
            &format!("for `{operation}`, which answers with tokens or keys"),
            &advice,
        )
    }

    fn denied(&self, endpoint: &EndpointGrant, what: &str, advice: &str) -> SendError {
        SendError::Denied(format!(
            "plugin `{}` may not call endpoint `{}` {what}; {advice}",
            self.plugin, endpoint.id
        ))
    }

    /// Says what to add, or that the manifest asks for less, so that no grant can allow it.
    fn advice(
        &self,
        endpoint: &EndpointGrant,
        set: &str,
        item: &str,
        is_asked: impl Fn(&EndpointAllowance) -> bool,
    ) -> String {
        let place = format!("endpoints.{}.{set}", endpoint.id);
        if self
            .grant
            .requested
            .endpoints
            .get(&endpoint.id)
            .is_some_and(is_asked)
        {
            return self.add(item, &place);
        }
        let otherwise = if set == "regions" {
            format!("; or set `region: {item}` in the module's configuration")
        } else {
            String::new()
        };
        format!(
            "no grant can allow it: the plugin's manifest does not ask for it; its author adds `{item}` to `{set}` of \
             endpoint `{}` there{otherwise}",
            endpoint.id
        )
    }

    fn add(&self, item: &str, place: &str) -> String {
        format!(
            "add `{item}` to plugins.{}.grant.{place} in konductor.yaml",
            self.plugin
        )
    }
}

fn list<'a>(items: impl Iterator<Item = &'a String>) -> String {
    let items: Vec<&str> = items.map(String::as_str).collect();
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}
