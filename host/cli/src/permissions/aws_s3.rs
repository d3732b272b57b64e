//! S3's operations and the actions that allow them, which often have other names.
//!
//! After AWS, "Required permissions for Amazon S3 API operations", Amazon S3 User Guide.

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The account.
    Account,
    /// A bucket.
    Bucket,
    /// The objects in a bucket.
    Object,
}

/// An action that no operation's name tells, and why it is needed.
pub(super) type Assumed = (&'static str, Scope, &'static str);

/// Returns the action of an operation and what it is about. Where the table has nothing they have one name.
pub(super) fn action(operation: &str) -> (String, Scope) {
    let (action, scope) = match operation {
        "ListBuckets" => ("ListAllMyBuckets", Scope::Account),
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => ("ListBucket", Scope::Bucket),
        "ListObjectVersions" => ("ListBucketVersions", Scope::Bucket),
        "ListMultipartUploads" => ("ListBucketMultipartUploads", Scope::Bucket),
        "GetBucketEncryption" => ("GetEncryptionConfiguration", Scope::Bucket),
        "PutBucketEncryption" | "DeleteBucketEncryption" => ("PutEncryptionConfiguration", Scope::Bucket),
        "GetBucketLifecycleConfiguration" => ("GetLifecycleConfiguration", Scope::Bucket),
        "PutBucketLifecycleConfiguration"
        | "DeleteBucketLifecycleConfiguration"
        | "DeleteBucketLifecycle" => ("PutLifecycleConfiguration", Scope::Bucket),
        "GetPublicAccessBlock" => ("GetBucketPublicAccessBlock", Scope::Bucket),
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => ("PutBucketPublicAccessBlock", Scope::Bucket),
        "DeleteBucketOwnershipControls" => ("PutBucketOwnershipControls", Scope::Bucket),
        "DeleteBucketTagging" => ("PutBucketTagging", Scope::Bucket),
        "GetBucketCors" => ("GetBucketCORS", Scope::Bucket),
        "PutBucketCors" | "DeleteBucketCors" => ("PutBucketCORS", Scope::Bucket),
        "GetObjectLockConfiguration" => ("GetBucketObjectLockConfiguration", Scope::Bucket),
        "PutObjectLockConfiguration" => ("PutBucketObjectLockConfiguration", Scope::Bucket),
        "GetBucketNotificationConfiguration" => ("GetBucketNotification", Scope::Bucket),
        "PutBucketNotificationConfiguration" => ("PutBucketNotification", Scope::Bucket),
        "GetBucketReplication" => ("GetReplicationConfiguration", Scope::Bucket),
        "PutBucketReplication" | "DeleteBucketReplication" => ("PutReplicationConfiguration", Scope::Bucket),
        "GetBucketAccelerateConfiguration" => ("GetAccelerateConfiguration", Scope::Bucket),
        "PutBucketAccelerateConfiguration" => ("PutAccelerateConfiguration", Scope::Bucket),
        "HeadObject" => ("GetObject", Scope::Object),
        "DeleteObjects" => ("DeleteObject", Scope::Object),
        "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            ("PutObject", Scope::Object)
        }
        "ListParts" => ("ListMultipartUploadParts", Scope::Object),
        "GetObject"
        | "PutObject"
        | "DeleteObject"
        | "GetObjectTagging"
        | "PutObjectTagging"
        | "DeleteObjectTagging"
        | "GetObjectAcl"
        | "PutObjectAcl"
        | "GetObjectRetention"
        | "PutObjectRetention"
        | "GetObjectLegalHold"
        | "PutObjectLegalHold"
        | "AbortMultipartUpload"
        | "GetObjectAttributes"
        | "RestoreObject" => (operation, Scope::Object),
        other => (other, Scope::Bucket),
    };
    (action.to_owned(), scope)
}

/// Returns the actions that an operation needs beside its own when its headers or body ask for more, which the
/// record does not say.
pub(super) fn assumed(operation: &str) -> &'static [Assumed] {
    match operation {
        "PutObject" | "CopyObject" | "CreateMultipartUpload" => {
            &[("PutObjectTagging", Scope::Object, "objects are written with tags")]
        }
        "DeleteObjects" => &[(
            "DeleteObjectVersion",
            Scope::Object,
            "DeleteObjects may name versions",
        )],
        "CreateBucket" => &[(
            "PutBucketOwnershipControls",
            Scope::Bucket,
            "CreateBucket may say who owns its objects",
        )],
        _ => &[],
    }
}
