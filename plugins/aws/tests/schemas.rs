//! What the plugin's types take and give. A schema that changes shows here, for its author to say that it should.
#![allow(clippy::unwrap_used)]

use konductor_plugin_aws::Aws;
use konductor_sdk::Dispatcher;
use konductor_sdk::prelude::*;

#[test]
fn every_resource_type_has_the_schema_that_was_agreed() {
    let dispatcher = Dispatcher::new(Aws::definition());
    for resource_type in dispatcher.manifest().resource_types {
        let schema = dispatcher.schema(&resource_type).unwrap();
        let permissions = ["create", "read", "update", "delete", "list"].map(|operation| {
            let mut needed = dispatcher.required_permissions(&resource_type, operation);
            // Their order means nothing.
            needed.sort();
            (operation, needed)
        });
        let name = resource_type.as_str().replace(':', "_");
        insta::assert_json_snapshot!(name.as_str(), (schema, permissions));
    }
}
