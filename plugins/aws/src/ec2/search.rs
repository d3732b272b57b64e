//! What a `Describe` call looks for: filters, and how much comes at once.

use aws_sdk_ec2::types::Filter;
use konductor_sdk::model::provider::ListRequest;
use konductor_sdk::typed::prelude::*;

/// How many values one filter takes.
pub const VALUES_PER_FILTER: usize = 200;
/// How many objects a page holds.
pub const PAGE: i32 = 100;

/// Returns a filter.
pub fn filter<V: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().map(Into::into).collect()))
        .build()
}

/// Returns the filters that a list asks for; none where it asks for everything. The keys are names of EC2 filters, where
/// `_` may stand for `-` as in attributes; the values are a text or a list of texts.
pub fn asked_for(request: &ListRequest) -> Option<Vec<Filter>> {
    let filters: Vec<Filter> = request
        .filter
        .as_map()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let filter_name = match name.strip_prefix("tag:") {
                Some(_) => name.clone(),
                None => name.replace('_', "-"),
            };
            match value.as_text() {
                Some(text) => filter(filter_name, [text]),
                None => filter(filter_name, request.filter.text_list(name)),
            }
        })
        .collect();
    (!filters.is_empty()).then_some(filters)
}
