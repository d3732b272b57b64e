//! Components and modules as plain structs, run as the host runs them.
#![allow(clippy::unwrap_used)]

use konductor_sdk::Dispatcher;
use konductor_sdk::model::provider::CheckRequest;
use konductor_sdk::model::value_json::to_plain_json;
use konductor_sdk::typed::prelude::*;
use serde_json::json;

/// A certificate.
#[derive(Clone, Resource)]
#[resource(
    type = "vault:tls:Certificate",
    identity = "1: Its number.",
    undeletable = "it stays",
    replace_on_every_change
)]
struct Certificate {
    /// The host it is for.
    #[attribute(identity)]
    host: String,
    /// Other hosts.
    others: Vec<String>,
    /// What it is known by.
    #[attribute(output)]
    fingerprint: Option<String>,
}

impl Create for Certificate {
    async fn create(_: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        Ok(Object::new("1", request.inputs).into())
    }
}

impl Read for Certificate {
    async fn read(_: &Context, _: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        Ok(None)
    }
}

/// A shop with a certificate for each of its doors.
#[derive(Component)]
#[component(
    type = "vault:shop:Shop",
    example(
        "Two doors",
        "shop:\n  type: vault:shop:Shop\n  properties:\n    host: shop.example.com\n    doors: 2\n"
    )
)]
struct Shop {
    /// The host it is reached by.
    host: Input<String>,
    /// How many doors.
    #[attribute(default = 1, range(1..=9))]
    doors: i64,
    /// Why it is here.
    reason: Option<Input<String>>,
    /// The fingerprints of the certificates.
    #[attribute(output)]
    fingerprints: Option<Input<Vec<String>>>,
}

impl Construct for Shop {
    fn construct(
        mut self,
        request: &ConstructRequest,
        construction: &mut Construction,
    ) -> Result<Self, Failure> {
        let mut fingerprints = Vec::new();
        let mut before: Option<Declared<Certificate>> = None;
        for door in 0..self.doors {
            let mut certificate = construction
                .declare_as::<Certificate>(format!("door-{door}"))
                .set(|it| it.host, self.host.clone())
                .set(
                    |it| it.others,
                    vec![Input::from(request.name.as_str()), self.host.clone()],
                );
            if let Some(before) = &before {
                certificate = certificate.depends_on(before);
            }
            let certificate = certificate.add();
            fingerprints.push(certificate.get(|it| it.fingerprint));
            before = Some(certificate);
        }
        self.fingerprints = Some(fingerprints.into());
        Ok(self)
    }
}

/// A street.
#[derive(Module)]
#[module(namespace = "street", dependencies("network"))]
struct Street {
    /// The domain of its shops.
    domain: String,
    /// The block of addresses.
    #[attribute(format = Ipv4Cidr, default = "10.0.0.0/16")]
    block: String,
    /// How many doors each shop has.
    doors: BTreeMap<String, i64>,
    /// The shops' fingerprints.
    #[attribute(output)]
    fingerprints: Option<Input<BTreeMap<String, Vec<String>>>>,
}

impl Construct for Street {
    fn check(inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.optional_text("domain") == Some("localhost") {
            diagnostics
                .push(Diagnostic::error("a street has a domain of its own").at(Path::attribute("domain")));
        }
    }

    fn construct(mut self, _: &ConstructRequest, construction: &mut Construction) -> Result<Self, Failure> {
        let mut fingerprints = BTreeMap::new();
        for (name, doors) in &self.doors {
            let shop = construction
                .declare_as::<Shop>(name)
                .set(|it| it.host, format!("{name}.{}", self.domain))
                .set(|it| it.doors, *doors)
                .set_optional(|it| it.reason, None::<String>)
                .add();
            fingerprints.insert(name.clone(), shop.get(|it| it.fingerprints));
        }
        self.fingerprints = Some(fingerprints.into());
        Ok(self)
    }
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new(
        Definition::new("vault", "1.0.0")
            .resource(Typed::<Certificate>::PROVIDER)
            .component(Typed::<Shop>::COMPONENT)
            .module(Typed::<Street>::MODULE),
    )
}

fn constructed(target: &str, inputs: serde_json::Value) -> serde_json::Value {
    let request = ConstructRequest {
        target: target.to_owned(),
        name: "it".parse().unwrap(),
        inputs: konductor_sdk::model::value_json::from_json(inputs).unwrap(),
        metadata: Value::Null,
    };
    let response = dispatcher().construct(request).unwrap();
    json!({
        "declarations": response.declarations.iter().map(|it| json!([
            it.name, it.resource_type.as_str(), to_plain_json(&it.properties), it.options.depends_on,
        ])).collect::<Vec<_>>(),
        "outputs": to_plain_json(&response.outputs),
        "problems": response.diagnostics.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[test]
fn a_component_declares_what_its_struct_says_and_passes_on_what_is_not_known() {
    assert_eq!(
        constructed(
            "vault:shop:Shop",
            json!({ "host": { "$unknown": true }, "doors": 2 })
        ),
        json!({
            "declarations": [
                ["door-0", "vault:tls:Certificate", { "host": "(known after apply)", "others": ["it", "(known after apply)"] }, []],
                ["door-1", "vault:tls:Certificate", { "host": "(known after apply)", "others": ["it", "(known after apply)"] }, ["./door-0"]],
            ],
            "outputs": { "fingerprints": ["${./door-0.fingerprint}", "${./door-1.fingerprint}"] },
            "problems": [],
        })
    );
}

#[test]
fn a_value_that_must_be_known_is_refused_with_its_place_where_it_is_not() {
    let constructed = constructed(
        "vault:shop:Shop",
        json!({ "host": "a", "doors": { "$unknown": true } }),
    );
    assert_eq!(constructed["declarations"], json!([]));
    let problems = constructed["problems"].to_string();
    assert!(
        problems.contains("`doors` is not known yet, where it must be"),
        "{problems}"
    );
}

#[test]
fn a_secret_is_passed_on_as_one_and_cannot_be_looked_at() {
    let secret = Value::from("hunter2").into_secret();
    let mut problems = Diagnostics::default();
    let read = <Input<String> as konductor_sdk::typed::AttributeType>::from_value(
        &secret,
        &Path::root(),
        &mut problems,
    );
    let read = read.unwrap();
    assert_eq!(read.known(), None);
    assert_eq!(konductor_sdk::typed::AttributeType::to_value(&read), secret);
    assert!(!format!("{read:?}").contains("hunter2"));
}

#[test]
fn a_collection_is_known_when_all_that_is_in_it_is() {
    let known: Input<Vec<String>> = vec![Input::from("a"), Input::from("b")].into();
    assert_eq!(known.known(), Some(&vec!["a".to_owned(), "b".to_owned()]));
    let some: Input<Vec<String>> = vec![Input::from("a"), Input::Later(Value::Unknown)].into();
    assert_eq!(some, Input::Later(Value::List(vec!["a".into(), Value::Unknown])));
    let map =
        |value: Input<i64>| Input::<BTreeMap<String, i64>>::from(BTreeMap::from([("a".to_owned(), value)]));
    assert_eq!(
        map(1.into()).into_known(),
        Some(BTreeMap::from([("a".to_owned(), 1)]))
    );
    assert_eq!(map(Input::Later(Value::Unknown)).known(), None);
}

#[test]
fn the_schema_of_a_component_is_that_of_its_struct() {
    let schema = dispatcher().schema(&"vault:shop:Shop".parse().unwrap()).unwrap();
    let required: Vec<&str> = schema
        .attributes
        .iter()
        .filter(|(_, attribute)| attribute.required)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(required, ["host"]);
    assert!(schema.attributes["fingerprints"].output_only);
    assert_eq!(
        schema.description,
        "A shop with a certificate for each of its doors."
    );
    let check = CheckRequest {
        resource_type: "vault:shop:Shop".parse().unwrap(),
        name: "shop".parse().unwrap(),
        inputs: Value::from([
            ("host", Value::from("a")),
            ("doors", 10.into()),
            ("fingerprints", Value::Unknown),
        ]),
        prior_inputs: None,
    };
    let said = dispatcher().check(&check).unwrap().diagnostics.to_string();
    assert!(
        said.contains("expected 1 to 9") && said.contains("`fingerprints` is set by the provider"),
        "{said}"
    );
}

#[test]
fn a_module_declares_components_from_its_section_and_leaves_alone_what_is_the_hosts() {
    assert_eq!(
        constructed(
            "street",
            json!({ "domain": "example.com", "doors": { "bread": 1, "fish": 2 }, "endpoint_url": "http://127.0.0.1:1" })
        ),
        json!({
            "declarations": [
                ["bread", "vault:shop:Shop", { "host": "bread.example.com", "doors": 1 }, []],
                ["fish", "vault:shop:Shop", { "host": "fish.example.com", "doors": 2 }, []],
            ],
            "outputs": { "fingerprints": { "bread": "${./bread.fingerprints}", "fish": "${./fish.fingerprints}" } },
            "problems": [],
        })
    );
    let wrong = constructed(
        "street",
        json!({ "domain": "example.com", "block": "10.0.0.1/16", "doors": {} }),
    );
    assert!(wrong["problems"].to_string().contains("block"), "{wrong}");
    let checked = constructed("street", json!({ "domain": "localhost", "doors": {} }));
    assert!(
        checked["problems"].to_string().contains("a domain of its own"),
        "{checked}"
    );
    assert_eq!(wrong["declarations"], json!([]));
}

#[test]
fn a_sections_schema_takes_what_the_struct_takes_and_what_is_the_hosts_and_nothing_else() {
    let schema = dispatcher().config_schema("street").unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(
        validator.is_valid(&json!({ "domain": "a", "doors": { "x": 1 }, "credentials": { "token": "t" } }))
    );
    for wrong in [
        json!({ "doors": {} }),
        json!({ "domain": "a", "doors": { "x": "1" } }),
        json!({ "domain": "a", "fingerprints": {} }),
        json!({ "domain": "a", "regoin": "here" }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong} should be refused");
    }
    assert_eq!(
        to_plain_json(&dispatcher().defaults("street").unwrap()),
        json!({ "block": "10.0.0.0/16" })
    );
    assert_eq!(dispatcher().dependencies("street"), ["network"]);
}
