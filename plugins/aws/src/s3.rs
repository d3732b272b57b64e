//! `aws:s3`: buckets, their settings, and objects.

mod bucket;
mod bucket_claim;
mod bucket_encryption;
mod bucket_lifecycle;
mod bucket_logging;
mod bucket_policy;
mod bucket_public_access_block;
pub mod bucket_setting;
mod bucket_versioning;
mod client;
mod lifecycle_rule;
mod object;
mod object_content;
pub mod tags;
mod token_time;
mod versioning_root;
mod versions;

use konductor_sdk::ResourceProvider;
use konductor_sdk::typed::Typed;

pub use bucket::Bucket;
pub use bucket_encryption::BucketEncryption;
pub use bucket_lifecycle::BucketLifecycle;
pub use bucket_logging::BucketLogging;
pub use bucket_policy::BucketPolicy;
pub use bucket_public_access_block::BucketPublicAccessBlock;
pub use bucket_versioning::BucketVersioning;
pub use object::Object;

/// The resource types of the module.
pub const TYPES: &[&dyn ResourceProvider] = &[
    Typed::<Bucket>::PROVIDER,
    Typed::<BucketVersioning>::PROVIDER,
    Typed::<BucketEncryption>::PROVIDER,
    Typed::<BucketPublicAccessBlock>::PROVIDER,
    Typed::<BucketLifecycle>::PROVIDER,
    Typed::<BucketPolicy>::PROVIDER,
    Typed::<BucketLogging>::PROVIDER,
    Typed::<Object>::PROVIDER,
];
