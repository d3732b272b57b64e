//! What a plugin used of its grant, by the record of its calls, and what could be taken away.

use konductor_model::PluginGrant;
use konductor_model::grant::EndpointAllowance;
use konductor_state::usage::CallCount;

/// What a plugin was seen to use. Metadata and configuration leave no trace and are not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GrantUse {
    /// In the form of a grant: the smallest that would have done.
    pub used: PluginGrant,
    /// How many calls were answered.
    pub calls: u64,
    /// How many were refused by the host or got no answer.
    pub unanswered: u64,
}

impl GrantUse {
    /// Takes over calls that were counted.
    pub fn add_calls(&mut self, counted: &CallCount) {
        let answered = counted.count.saturating_sub(counted.unanswered);
        self.calls += answered;
        self.unanswered += counted.unanswered;
        if answered == 0 {
            return;
        }
        let call = &counted.call;
        let allowance = self.used.endpoints.entry(call.endpoint.clone()).or_default();
        if !call.region.is_empty() {
            allowance.regions.insert(call.region.clone());
        }
        allowance.methods.insert(call.method.clone());
        allowance.token_operations.extend(call.operation.clone());
    }

    /// Counts a secret that was given to it as it is: `aws:ec2:Instance.user_data`.
    pub fn add_reveal(&mut self, attribute: String) {
        self.used.reveal.insert(attribute);
    }

    /// Returns a grant cut down to what was used. What leaves no trace stays, and so do bounds that only an operator
    /// can know: accounts and prefixes.
    pub fn narrowed(&self, granted: &PluginGrant) -> PluginGrant {
        let endpoints = granted.endpoints.iter().filter_map(|(id, granted)| {
            let used = self.used.endpoints.get(id)?;
            let regions = if granted.regions.contains("*") {
                used.regions.clone()
            } else {
                &granted.regions & &used.regions
            };
            let narrowed = EndpointAllowance {
                regions,
                methods: used.methods.clone(),
                token_operations: &granted.token_operations & &used.token_operations,
                ..granted.clone()
            };
            Some((id.clone(), narrowed))
        });
        PluginGrant {
            endpoints: endpoints.collect(),
            reveal: &granted.reveal & &self.used.reveal,
            ..granted.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use konductor_state::entry::CloudCall;

    use super::*;

    fn grant(json: serde_json::Value) -> PluginGrant {
        serde_json::from_value(json).unwrap()
    }

    fn calls(endpoint: &str, region: &str, method: &str, operation: &str, unanswered: u64) -> CallCount {
        let call = CloudCall {
            endpoint: endpoint.into(),
            region: region.into(),
            method: method.into(),
            operation: Some(operation.into()),
            ..CloudCall::default()
        };
        CallCount {
            call: (&call).into(),
            count: 2,
            unanswered,
            secrets: 0,
        }
    }

    #[test]
    fn what_was_never_used_can_be_taken_away_and_what_leaves_no_trace_stays() {
        let granted = grant(serde_json::json!({
            "endpoints": {
                "ec2": {"regions": ["eu-west-1", "us-east-1"], "accounts": ["1"]},
                "s3": {"regions": ["*"], "methods": ["GET", "PUT", "DELETE"]},
                "sts": {"token_operations": ["AssumeRole", "GetSessionToken"]},
                "iam": {},
            },
            "credentials": ["p"], "reveal": ["p:a:B.c", "p:a:B.d"], "metadata": ["stack"],
        }));
        let mut used = GrantUse::default();
        used.add_calls(&calls("ec2", "eu-west-1", "POST", "DescribeVpcs", 0));
        used.add_calls(&calls("s3", "eu-west-1", "GET", "GetObject", 1));
        used.add_calls(&calls("sts", "us-west-2", "POST", "AssumeRole", 0));
        // It was refused here, so the grant was of no use to it.
        used.add_calls(&calls("iam", "us-west-2", "POST", "ListUsers", 2));
        used.add_reveal("p:a:B.c".into());
        let expected = grant(serde_json::json!({
            "endpoints": {
                "ec2": {"regions": ["eu-west-1"], "methods": ["POST"], "accounts": ["1"]},
                "s3": {"regions": ["eu-west-1"], "methods": ["GET"]},
                "sts": {"methods": ["POST"], "token_operations": ["AssumeRole"]},
            },
            "credentials": ["p"], "reveal": ["p:a:B.c"], "metadata": ["stack"],
        }));
        assert_eq!(used.narrowed(&granted), expected);
        assert_eq!((used.calls, used.unanswered), (5, 3));
    }

    #[test]
    fn nothing_is_added_that_was_not_granted() {
        let mut used = GrantUse::default();
        used.add_calls(&calls("ec2", "eu-west-1", "POST", "DescribeVpcs", 0));
        assert_eq!(used.narrowed(&PluginGrant::default()), PluginGrant::default());
    }
}
