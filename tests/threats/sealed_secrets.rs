//! Secrets of the configuration: the cloud gets them, the guest does not, and no other plugin does.

use konductor_model::Value;

use crate::cloud::{FakeCloud, Reply, body};
use crate::guest::{Way, hostile_of_every_version, thing, told};

/// Holds what each encoding escapes.
const SECRET: &str = "planted \"sec&ret\"<'+/=\\%> words";

fn with_secret(request: &[(&str, &str)]) -> Value {
    let mut inputs = told(request);
    let secret = Value::from(SECRET).into_secret();
    inputs.as_map_mut().unwrap().insert("secret".to_owned(), secret);
    inputs
}

#[tokio::test]
async fn a_sealed_secret_arrives_as_it_is_and_comes_back_sealed() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::open(|request| {
            // Back in the body as it came, in JSON and in XML, and in a header.
            let json = serde_json::to_string(SECRET).unwrap();
            let xml = SECRET
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            let body = format!("public words {} {json} <x>{xml}</x>", request.text());
            Reply::Answer(200, vec![("x-echo", SECRET.to_owned())], body.into_bytes())
        });
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let form = form.replace('+', "%20");
        let json = serde_json::to_string(SECRET).unwrap();
        for (content_type, sent, arrives) in [
            (
                "application/json",
                r#"{"password":"{secret}"}"#,
                format!(r#"{{"password":{json}}}"#),
            ),
            (
                "application/x-amz-json-1.1",
                r#"["{secret}"]"#,
                format!("[{json}]"),
            ),
            (
                "application/x-www-form-urlencoded",
                "Action=Set&Password={secret}&Last=1",
                format!("Action=Set&Password={form}&Last=1"),
            ),
            ("text/plain", "a {secret} b", format!("a {SECRET} b")),
        ] {
            let content_type = format!("Content-Type: {content_type}");
            let request = with_secret(&[("headers", &content_type), ("body", sent)]);
            for (present, words) in [
                (false, SECRET),
                (false, json.trim_matches('"')),
                (false, "planted%20%22sec%26ret"),
                (false, "&lt;'+/=\\%&gt;"),
                (true, "public words"),
            ] {
                let found = guest.count_in_memory(request.clone(), words).await;
                assert_eq!(
                    found > 0,
                    present,
                    "{}: {sent}: {words}: {found}",
                    hostile.version
                );
            }
            assert_eq!(cloud.last().text(), arrives, "{}", hostile.version);
        }
        // XML has several spellings of one text, so it is read and not compared.
        let request = with_secret(&[
            ("headers", "Content-Type: application/xml"),
            ("body", "<Set><Password>{secret}</Password></Set>"),
        ]);
        guest.create(request).await.unwrap();
        let arrived = cloud.last();
        let inner = arrived.text().strip_prefix("<Set><Password>").unwrap();
        let inner = inner.strip_suffix("</Password></Set>").unwrap();
        assert!(!inner.contains('<'), "{inner}");
        let plain = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&apos;", "'"),
            ("&amp;", "&"),
        ]
        .iter()
        .fold(inner.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        });
        assert_eq!(plain, SECRET);
    }
}

#[tokio::test]
async fn what_a_guest_answers_of_a_secret_is_secret_to_the_host_again() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::open(|request| body(request.body.clone()));
        let guest = hostile.deployed(&Way::to([thing(&cloud)]));
        let request = with_secret(&[("headers", "Content-Type: text/plain"), ("body", "{secret}")]);
        let object = guest.create(request).await.unwrap();
        let answered = object.attributes.attribute("body").unwrap();
        assert_eq!(answered.reveal().as_text(), Some(SECRET), "{}", hostile.version);
        assert!(
            matches!(answered, Value::Secret(_)),
            "{}: {answered:?}",
            hostile.version
        );
        assert!(!format!("{:?}", guest.records.all()).contains("planted"));
    }
}

#[tokio::test]
async fn the_token_of_one_plugin_is_worth_nothing_in_the_hands_of_another() {
    for hostile in hostile_of_every_version().await {
        let cloud = FakeCloud::content();
        let stolen = FakeCloud::open(|request| body(request.body.clone()));
        let way = Way::to([thing(&cloud)]);
        let (one, other) = (
            hostile.deployed(&Way::to([thing(&stolen)])),
            hostile.deployed(&way),
        );
        // The guest knows its token: it is what stands where the value was.
        let token = token_of(&one).await;
        assert!(!token.contains("planted"), "{token}");
        for request in [
            [("headers", "Content-Type: text/plain"), ("body", token.as_str())],
            [
                ("headers", "Content-Type: application/json"),
                ("body", &format!("{{\"a\":\"{token}\"}}")),
            ],
            [("query", &format!("a={token}")), ("body", "")],
            [("headers", &format!("X-Amz-Meta-A: {token}")), ("body", "")],
            [("path", &format!("/{token}")), ("body", "")],
        ] {
            other.refused(&request).await;
        }
        cloud.assert_untouched(&hostile.version);
    }
}

/// Finds out a guest's token for the secret: it names the token as an endpoint, and the refusal is kept on record.
async fn token_of(guest: &crate::guest::Deployed) -> String {
    let mut inputs = with_secret(&[("endpoint", "{secret}")]);
    inputs
        .as_map_mut()
        .unwrap()
        .insert("endpoint".to_owned(), "{secret}".into());
    guest
        .refused_inputs(inputs, "a token as endpoint".to_owned())
        .await;
    guest.records.all().pop().unwrap().endpoint
}
