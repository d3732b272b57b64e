//! Zones, record sets, keys and metadata of the authoritative name server PowerDNS, over its HTTP API.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

mod record_set;
mod tsig_key;
mod zone;
mod zone_metadata;

use konductor_sdk::cloud::Api;
use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::typed::prelude::*;
use serde_json::Value as Json;

/// The plugin.
pub struct PowerDns;

impl Plugin for PowerDns {
    fn definition() -> Definition {
        Definition::new("powerdns", env!("CARGO_PKG_VERSION"))
            .description("Zones, record sets, keys and metadata of a PowerDNS server")
            .endpoint(
                "api",
                EndpointProtocol::Http,
                "powerdns",
                "creates, reads, changes and deletes what the server answers with",
            )
            .resources(&[
                Typed::<zone::Zone>::PROVIDER,
                Typed::<record_set::RecordSet>::PROVIDER,
                Typed::<zone_metadata::ZoneMetadata>::PROVIDER,
                Typed::<tsig_key::TsigKey>::PROVIDER,
            ])
    }
}

konductor_sdk::export_provider!(PowerDns);

/// Returns the API; the host knows where it is, and adds the key.
fn api(context: &Context) -> Api<'_> {
    Api::new(context, "api").base("/api/v1/servers/localhost")
}

/// Returns one member of each object in a list.
fn names(context: &Context, list: &[&str], member: &str) -> Result<Vec<String>, Failure> {
    let found: Vec<Json> = api(context).get(list).send()?.json()?;
    let name = |one: &Json| one[member].as_str().map(str::to_owned);
    Ok(found.iter().filter_map(name).collect())
}
