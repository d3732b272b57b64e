//! {{name}}: buckets of Kinto, a JSON store with an HTTP API (https://docs.kinto-storage.org).

mod api;
mod bucket;

use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::typed::prelude::*;

use bucket::Bucket;

/// The plugin.
pub struct ThisPlugin;

impl Plugin for ThisPlugin {
    fn definition() -> Definition {
        Definition::new("{{name}}", env!("CARGO_PKG_VERSION"))
            .description("Buckets of a Kinto server")
            .endpoint(
                api::ENDPOINT,
                EndpointProtocol::Http,
                "kinto",
                "creates, reads, changes and deletes buckets",
            )
            .resource(Typed::<Bucket>::PROVIDER)
    }
}

konductor_sdk::export_provider!(ThisPlugin);
