//! The checks over documents made for them, without WebAssembly.

use {{crate}}::checks;
use konductor_sdk_compliance::checks::Sample;
use serde_json::json;

#[test]
fn what_nobody_owns_is_found_and_what_is_owned_is_not() {
    let plan = Sample::plan()
        .create("aws:s3:Bucket", "logs", json!({ "bucket": "logs" }))
        .create("aws:s3:Bucket", "owned", json!({ "bucket": "owned" }))
        .metadata("owner", "platform")
        .document()
        .unwrap();
    assert_eq!(checks().messages(&plan).unwrap(), ["nobody owns logs"]);
}

#[test]
fn what_is_deleted_is_told() {
    let plan = Sample::plan().delete("aws:s3:Bucket", "logs", json!({})).document().unwrap();
    let answer = checks().judge(&plan).unwrap();
    assert_eq!(answer.findings.len(), 1);
    assert!(answer.findings[0].warning);
    assert_eq!(answer.findings[0].message, "logs is deleted");
}
