//! How a guest could come by a credential that works without the broker.

use konductor_broker::EndpointGrant;

use crate::cloud::{FakeCloud, Reply};
use crate::guest::{SECRET_KEY, SESSION_TOKEN, Way, at, hostile_of_every_version, text, thing, told};

#[tokio::test]
async fn what_a_cloud_echoes_of_the_credentials_is_not_in_the_memory_of_the_guest() {
    for hostile in hostile_of_every_version().await {
        // Echoes every header in an error's body and in a header, and gives the secret away in each common encoding.
        let cloud = FakeCloud::open(|request| {
            let percent = SECRET_KEY.replace('/', "%2F").replace('+', "%2B");
            let json = SECRET_KEY.replace('/', "\\/");
            let body = format!("public words {:?} {SECRET_KEY} {percent} {json}", request.headers);
            let headers = vec![
                ("x-public", "public header".to_owned()),
                ("x-echo", format!("{SECRET_KEY} {SESSION_TOKEN}")),
                ("set-cookie", SESSION_TOKEN.to_owned()),
                ("location", format!("https://attacker.example/?t={SESSION_TOKEN}")),
            ];
            Reply::Answer(400, headers, body.into_bytes())
        });
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        let object = guest.send(&[]).await.unwrap();
        let signature = cloud.last().header("authorization").to_owned();
        let signature = signature.split("Signature=").nth(1).unwrap();
        for hidden in [
            SECRET_KEY,
            SESSION_TOKEN,
            "planted%2Fsecret",
            "planted\\/secret",
            signature,
        ] {
            let given = text(&object, "headers").to_owned() + text(&object, "body");
            assert!(!given.contains(hidden), "{}: {hidden}: {given}", hostile.version);
        }
        for (present, words) in [
            (false, SECRET_KEY),
            (false, &SECRET_KEY[..20]),
            (false, SESSION_TOKEN),
            (false, &SESSION_TOKEN[27..]),
            (true, "public words"),
            (true, "public header"),
        ] {
            let found = guest.count_in_memory(told(&[]), words).await;
            assert_eq!(found > 0, present, "{}: {words}: {found}", hostile.version);
        }
    }
}

#[tokio::test]
async fn operations_that_answer_with_tokens_or_keys_are_refused_unless_granted() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let endpoints = [
            ("tokens", "sts"),
            ("people", "iam"),
            ("secrets", "secretsmanager"),
        ];
        let granted = endpoints.map(|(id, service)| at(&cloud, id, service));
        let guest = hostile.deployed(&Way::to(granted.clone()));
        let form = "Content-Type: application/x-www-form-urlencoded";
        for (endpoint, body) in [
            ("tokens", "Action=AssumeRole&RoleArn=x"),
            ("tokens", "RoleArn=x&Action=%41ssumeRole"),
            ("tokens", "Action=GetCallerIdentity&Action=AssumeRole"),
            ("tokens", "Action=AssumeRole&Action=GetCallerIdentity"),
            ("tokens", "%41ction=AssumeRole"),
            ("tokens", "Action=GetSessionToken"),
            ("tokens", "Action=GetFederationToken"),
            ("people", "Action=CreateAccessKey"),
            ("people", "Action=CreateServiceSpecificCredential"),
        ] {
            let request = [("endpoint", endpoint), ("headers", form), ("body", body)];
            guest.refused(&request).await;
        }
        guest
            .refused(&[
                ("endpoint", "tokens"),
                ("method", "GET"),
                ("query", "Action=AssumeRole"),
            ])
            .await;
        guest
            .refused(&[
                ("endpoint", "secrets"),
                (
                    "headers",
                    "X-Amz-Target: secretsmanager.GetSecretValue\nContent-Type: application/x-amz-json-1.1",
                ),
                ("body", "{}"),
            ])
            .await;
        cloud.assert_untouched(&hostile.version);

        let allowed = granted.map(|endpoint| EndpointGrant {
            token_operations: ["AssumeRole".to_owned()].into(),
            ..endpoint
        });
        let guest = hostile.deployed(&Way::to(allowed));
        let request = [
            ("endpoint", "tokens"),
            ("headers", form),
            ("body", "Action=AssumeRole&RoleArn=x"),
        ];
        guest.send(&request).await.unwrap();
        assert_eq!(cloud.received().len(), 1);
        guest
            .refused(&[
                ("endpoint", "people"),
                ("headers", form),
                ("body", "Action=CreateAccessKey"),
            ])
            .await;
    }
}
