//! Calls of Security Hub.

use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::Value as Json;

use crate::client::{SECURITY_HUB, incomplete};
use crate::json_api::{explain, text};

/// Returns Security Hub.
pub(crate) fn security_hub(context: &Context) -> Api<'_> {
    Api::new(context, SECURITY_HUB).explain(explain)
}

/// What Security Hub says of itself in a region.
pub(crate) struct Description {
    /// The Amazon resource name of the hub.
    pub(crate) arn: String,
    /// The rest.
    pub(crate) members: Json,
}

impl Description {
    /// Reads it; none where Security Hub is switched off.
    ///
    /// # Errors
    /// When the cloud refuses.
    pub(crate) fn read(security_hub: &Api<'_>) -> Result<Option<Self>, Failure> {
        let Some(answer) = security_hub.get(["accounts"]).send_optional()? else {
            return Ok(None);
        };
        let members: Json = answer.json()?;
        let arn = text(&members, "HubArn").ok_or_else(|| incomplete("the hub's name"))?;
        Ok(Some(Self { arn, members }))
    }

    /// Reads it, where it has to be switched on.
    ///
    /// # Errors
    /// When it is not, or the cloud refuses.
    pub(crate) fn needed(security_hub: &Api<'_>) -> Result<Self, Failure> {
        Self::read(security_hub)?.ok_or_else(|| {
            Failure::new(
                Disposition::Conflict,
                "Security Hub is switched off: declare an aws:securityhub:Hub, and name it under `options.depends_on`",
            )
        })
    }
}
