//! The policy of a SecureBucket.

use konductor_sdk::model::Value;
use konductor_sdk::model::interpolation::join;

/// Returns the policy: who writes access logs, no request without TLS, then what else is given. The resource name
/// may be a reference, so the account's partition need not be known here.
pub(crate) fn policy(arn: &Value, receives_access_logs: bool, statements: &Value) -> Value {
    let objects = || join(vec![arn.clone(), "/*".into()]);
    let mut all = Vec::new();
    if receives_access_logs {
        all.push(Value::from([
            ("Sid", Value::from("AccessLogDelivery")),
            ("Effect", "Allow".into()),
            (
                "Principal",
                Value::from([("Service", "logging.s3.amazonaws.com")]),
            ),
            ("Action", vec!["s3:PutObject"].into()),
            ("Resource", objects()),
        ]));
    }
    all.push(Value::from([
        ("Sid", Value::from("TlsOnly")),
        ("Effect", "Deny".into()),
        ("Principal", "*".into()),
        ("Action", "s3:*".into()),
        ("Resource", Value::List(vec![arn.clone(), objects()])),
        (
            "Condition",
            Value::from([("Bool", Value::from([("aws:SecureTransport", "false")]))]),
        ),
    ]));
    all.extend(statements.as_list().unwrap_or_default().iter().cloned());
    Value::from([
        ("Version", Value::from("2012-10-17")),
        ("Statement", Value::List(all)),
    ])
}
