//! A plugin's calls, from the interface to its types and back, without a sandbox.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::result_large_err)]

use std::sync::Arc;

use konductor_sdk::Dispatcher;
use konductor_sdk::context::{Host, LogLevel};
use konductor_sdk::model::cloud::{CloudRequest, CloudResponse, SendError};
use konductor_sdk::model::provider::ObjectState;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;

/// A host whose cloud answers every request with the request's own body.
struct Echo;

impl Host for Echo {
    fn send(&self, request: CloudRequest) -> Result<CloudResponse, SendError> {
        Ok(CloudResponse {
            status: 200,
            headers: Vec::new(),
            body: request.body,
        })
    }
    fn log(&self, _: LogLevel, _: &str, _: &[(&str, String)]) {}
    fn now(&self) -> u64 {
        0
    }
    fn random(&self, length: u32) -> Vec<u8> {
        vec![7; length as usize]
    }
}

fn context() -> Context {
    Context::new(Value::from([("region", "us-west-2")]), Arc::new(Echo))
}

/// Writes names in capitals, never gives a password back, and forgets to answer when it is asked for three.
struct Shouter;

fn shouted(id: &str, name: &str) -> ObjectState {
    object(id)
        .set("names", vec![name.to_uppercase(), "A".to_owned()])
        .set("policy", r#"{"b":2,"a":1}"#)
        .set("id", id)
        .set("token", "t0k3n")
        .build()
}

impl ResourceProvider for Shouter {
    fn resource_type(&self) -> &'static str {
        "example:test:Shouter"
    }
    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        schema(self.resource_type(), "It shouts.")
            .version(2)
            .attribute("names", set(text(""), "").required())
            .attribute("policy", json(""))
            .attribute("password", text("").write_only().sensitive())
            .output("id", text(""))
            .output("token", text("").sensitive())
            .build()
    }
    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        if inputs.elements("names").len() > 2 {
            diagnostics.push(Diagnostic::error("too loud").at(Path::attribute("names")));
        }
    }
    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        assert_eq!(context.region(), Some("us-west-2"));
        Ok(Outcome::Complete(shouted(
            "1",
            &request.inputs.text_list("names")[0],
        )))
    }
    fn read(&self, _: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        Ok((request.id != "gone").then(|| shouted(&request.id, "b")))
    }
    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        Ok(requests
            .iter()
            .take(2)
            .map(|request| self.read(context, request))
            .collect())
    }
    fn delete(&self, _: &Context, _: &DeleteRequest) -> Result<Outcome, Failure> {
        Err(Failure::new(Disposition::NotFound, "it was never there"))
    }
}

/// Declares two shouters, the second of which refers to the first.
struct Choir;

impl Component for Choir {
    fn component_type(&self) -> &'static str {
        "example:test:Choir"
    }
    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        component(self.component_type(), "Many voices.")
            .attribute("name", text("").required())
            .attribute("twice", boolean("").default(false))
            .output("lead", text(""))
            .build()
    }
    fn construct(&self, request: &ConstructRequest, construction: &mut Construction) -> Result<(), Failure> {
        let lead = construction
            .declare("lead", "example:test:Shouter")
            .set("names", vec![request.inputs.text("name")?])
            .add();
        let second = if request.inputs.boolean("twice") {
            "lead"
        } else {
            "second"
        };
        construction
            .declare(second, "example:test:Shouter")
            .set("names", Value::List(vec![lead.attribute("id")]))
            .depends_on(&lead)
            .options(|options| options.protect = true)
            .add();
        construction.output("lead", lead.attribute("id"));
        Ok(())
    }
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new(
        Definition::new("example", "1.2.3")
            .resource(&Shouter)
            .component(&Choir)
            .function("echo", |context, arguments| {
                let request = CloudRequest {
                    endpoint: "e".into(),
                    region: None,
                    method: "POST".into(),
                    path: "/".into(),
                    query: Vec::new(),
                    headers: Vec::new(),
                    body: arguments.text("say")?.into(),
                    idempotent: true,
                };
                let answer = context
                    .send(request)
                    .map_err(|error| Failure::new(Disposition::Unavailable, error.to_string()))?;
                Ok(Value::from(String::from_utf8_lossy(&answer.body).into_owned()))
            }),
    )
}

fn kind(name: &str) -> konductor_sdk::model::ResourceType {
    name.parse().unwrap()
}

fn read_request(id: &str, prior: Option<ObjectState>) -> ReadRequest {
    ReadRequest {
        resource_type: kind("example:test:Shouter"),
        name: "x".parse().unwrap(),
        id: id.into(),
        prior,
    }
}

#[test]
fn the_manifest_names_everything_the_plugin_offers() {
    let manifest = dispatcher().manifest();
    assert_eq!(manifest.version.to_string(), "1.2.3");
    assert_eq!(manifest.resource_types, [kind("example:test:Shouter")]);
    assert_eq!(manifest.component_types, [kind("example:test:Choir")]);
    assert_eq!(manifest.functions, ["echo"]);
}

#[test]
fn a_check_of_the_type_adds_to_those_of_the_schema() {
    let response = dispatcher()
        .check(&CheckRequest {
            resource_type: kind("example:test:Shouter"),
            name: "x".parse().unwrap(),
            inputs: Value::from([
                ("names", Value::from(vec!["a", "b", "c"])),
                ("nmaes", Value::from(1)),
            ]),
            prior_inputs: None,
        })
        .unwrap();
    let said = response.diagnostics.to_string();
    assert!(
        said.contains("did you mean `names`?") && said.contains("too loud"),
        "{said}"
    );
}

#[test]
fn a_created_object_keeps_the_planned_spelling_and_hides_what_is_sensitive() {
    let planned = Value::from([
        ("names", Value::from(vec!["A", "B"])),
        ("policy", Value::from([("a", 1), ("b", 2)])),
        ("password", Value::from("hunter2").into_secret()),
        ("id", Value::Unknown),
        ("token", Value::Unknown.into_secret()),
    ]);
    let outcome = dispatcher()
        .create(
            &context(),
            &CreateRequest {
                resource_type: kind("example:test:Shouter"),
                name: "x".parse().unwrap(),
                inputs: Value::from([("names", vec!["b", "a"])]),
                planned: planned.clone(),
                private: Vec::new(),
                idempotency_token: "1".into(),
            },
        )
        .unwrap();
    let Outcome::Complete(object) = outcome else {
        panic!("expected an object, found {outcome:?}");
    };
    for name in ["names", "policy", "password"] {
        assert_eq!(
            object.attributes.attribute(name),
            planned.attribute(name),
            "{name}"
        );
    }
    assert_eq!(
        object.attributes.attribute("token"),
        Some(&Value::from("t0k3n").into_secret())
    );
    assert_eq!(object.schema_version, 2);
}

#[test]
fn a_read_keeps_the_private_bytes_and_what_is_write_only() {
    let prior = object("1")
        .set("names", vec!["A", "B"])
        .set("password", Value::from("hunter2").into_secret())
        .private(b"mine".to_vec())
        .build();
    let found = dispatcher()
        .read(&context(), &read_request("1", Some(prior.clone())))
        .unwrap()
        .unwrap();
    assert_eq!(found.private, b"mine");
    for name in ["names", "password"] {
        assert_eq!(
            found.attributes.attribute(name),
            prior.attributes.attribute(name),
            "{name}"
        );
    }
}

#[test]
fn reads_are_answered_in_order_and_a_missing_answer_is_an_error() {
    let requests = |count| -> Vec<ReadRequest> {
        ["1", "gone", "3"]
            .iter()
            .take(count)
            .map(|id| read_request(id, None))
            .collect()
    };
    let answers = dispatcher().read_many(&context(), &requests(2)).unwrap();
    assert_eq!(answers[0].as_ref().unwrap().as_ref().unwrap().id, "1");
    assert_eq!(answers[1], Ok(None));
    let failure = dispatcher().read_many(&context(), &requests(3)).unwrap_err();
    assert_eq!(failure.message, "example:test:Shouter answered 2 of 3 reads");
}

#[test]
fn deleting_what_is_gone_is_a_success_and_importing_it_is_not() {
    let deleted = dispatcher().delete(
        &context(),
        &DeleteRequest {
            resource_type: kind("example:test:Shouter"),
            name: "x".parse().unwrap(),
            prior: object("1").build(),
            idempotency_token: "1".into(),
        },
    );
    assert_eq!(deleted, Ok(Outcome::Deleted));
    let import = |id| {
        dispatcher().import(
            &context(),
            &kind("example:test:Shouter"),
            &"x".parse().unwrap(),
            id,
        )
    };
    assert_eq!(import("gone").unwrap_err().disposition, Disposition::NotFound);
    let imported = import("7").unwrap();
    let names: Vec<&String> = imported.inputs.as_map().unwrap().keys().collect();
    assert_eq!(names, ["names", "policy"]);
}

#[test]
fn what_the_plugin_does_not_have_is_refused_by_name() {
    let failure = dispatcher().schema(&kind("example:test:Other")).unwrap_err();
    assert_eq!(failure.disposition, Disposition::Unsupported);
    assert!(failure.message.contains("example:test:Other"));
    assert!(dispatcher().config_schema("example").is_err());
    assert!(dispatcher().invoke(&context(), "other", &Value::Null).is_err());
    let listed = dispatcher().list(
        &context(),
        &ListRequest {
            resource_type: kind("example:test:Shouter"),
            filter: Value::Null,
            cursor: None,
        },
    );
    assert_eq!(listed.unwrap_err().disposition, Disposition::Unsupported);
}

#[test]
fn an_object_of_a_newer_schema_is_refused_and_an_older_one_raised() {
    let stored = |schema_version| ObjectState {
        schema_version,
        ..object("1").build()
    };
    let upgrade = |version| dispatcher().upgrade_state(&kind("example:test:Shouter"), stored(version));
    assert_eq!(upgrade(1).unwrap().schema_version, 2);
    assert_eq!(upgrade(3).unwrap_err().disposition, Disposition::Unsupported);
}

#[test]
fn a_function_reaches_the_cloud_through_the_context() {
    let answer = dispatcher().invoke(&context(), "echo", &Value::from([("say", "hi")]));
    assert_eq!(answer, Ok(Value::from("hi")));
}

fn construct(inputs: Value) -> ConstructResponse {
    dispatcher()
        .construct(ConstructRequest {
            target: "example:test:Choir".into(),
            name: "choir".parse().unwrap(),
            inputs,
            metadata: Value::empty_map(),
        })
        .unwrap()
}

#[test]
fn a_component_declares_siblings_that_refer_to_each_other() {
    let response = construct(Value::from([("name", "a")]));
    assert!(response.diagnostics.is_empty());
    let names: Vec<&str> = response.declarations.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["lead", "second"]);
    let second = &response.declarations[1];
    assert_eq!(second.properties.references()[0].1.to_string(), "./lead.id");
    assert_eq!(second.options.depends_on, ["./lead"]);
    assert!(second.options.protect);
    assert_eq!(response.outputs.references()[0].1.to_string(), "./lead.id");
}

#[test]
fn wrong_inputs_of_a_component_declare_nothing() {
    let response = construct(Value::empty_map());
    assert!(response.diagnostics.has_errors());
    assert!(response.declarations.is_empty());
}

#[test]
fn a_component_that_declares_a_name_twice_is_told_so() {
    let response = construct(Value::from([
        ("name", Value::from("a")),
        ("twice", Value::from(true)),
    ]));
    assert!(response.diagnostics.to_string().contains("declares `lead` twice"));
}
