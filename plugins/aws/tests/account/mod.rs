//! EC2 as a script: what a test expects to be asked, and the XML it answers with.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

use konductor_plugin_aws::Aws;
use konductor_sdk::model::cloud::CloudResponse;
use konductor_sdk::model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, Imported, ListRequest, Listed, ObjectState, OperationKind,
    Outcome, PlanRequest, PollRequest, Progress, Provider, ProviderResult, ReadRequest, UpdateRequest,
};
use konductor_sdk::model::{Failure, ResourceType, Value};
use konductor_sdk::typed::prelude::Plugin as _;
use konductor_sdk_test::{Expectation, NativeProvider, ScriptedCloud, block_on, post};

/// The token of every create here.
pub const TOKEN: &str = "token-1";

/// Expects a call of EC2.
pub fn calls(action: &str) -> Expectation {
    post("/").containing(&format!("Action={action}&"))
}

/// Expects a `Describe` call whose first filter has one value.
pub fn describes(action: &str, filter: &str, value: &str) -> Expectation {
    let filter = filter.replace(':', "%3A");
    calls(action)
        .containing(&format!("Filter.1.Name={filter}&"))
        .containing(&format!("Filter.1.Value.1={value}"))
}

/// Makes an answer to a call.
pub fn answers(action: &str, members: &str) -> CloudResponse {
    let xml = format!(
        r#"<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{members}</{action}Response>"#
    );
    response(200, xml)
}

/// Makes an answer that says what is wrong.
pub fn refuses(status: u16, code: &str) -> CloudResponse {
    let error = format!("<Error><Code>{code}</Code><Message>it says so</Message></Error>");
    response(
        status,
        format!("<Response><Errors>{error}</Errors><RequestID>r-1</RequestID></Response>"),
    )
}

fn response(status: u16, xml: String) -> CloudResponse {
    CloudResponse {
        status,
        headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
        body: xml.into_bytes(),
    }
}

/// Writes tags, and the token of the create.
pub fn tags(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<item><key>{key}</key><value>{value}</value></item>");
    let all: String = tags
        .iter()
        .chain(&[("konductor:token", TOKEN)])
        .map(tag)
        .collect();
    format!("<tagSet>{all}</tagSet>")
}

/// The plugin before one script.
pub struct Account {
    provider: NativeProvider,
    cloud: std::sync::Arc<ScriptedCloud>,
    resource_type: &'static str,
}

impl Account {
    /// Makes the plugin with a script, and calls one type of it.
    pub fn new(resource_type: &'static str, script: ScriptedCloud) -> Self {
        let cloud = script.shared();
        let configuration = Value::from([("region", "us-west-2")]);
        Self {
            provider: NativeProvider::new(Aws::definition(), configuration, cloud.clone()),
            cloud,
            resource_type,
        }
    }

    /// Checks that everything was asked that should be.
    #[track_caller]
    pub fn finish(self) {
        self.cloud.finish();
    }

    /// Returns the places of what is wrong with inputs.
    pub fn refused(&self, inputs: Value) -> Vec<String> {
        let checked = block_on(self.provider.check(CheckRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            inputs,
            prior_inputs: None,
        }));
        let diagnostics = checked.unwrap().unwrap().diagnostics;
        let place = |one: konductor_sdk::model::Diagnostic| one.at.unwrap_or_default().to_string();
        diagnostics.0.into_iter().map(place).collect()
    }

    /// Checks inputs, and returns them with what was planned.
    fn planned(&self, prior: Option<ObjectState>, inputs: Value) -> (Value, Value) {
        let checked = block_on(self.provider.check(CheckRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            inputs,
            prior_inputs: None,
        }));
        let checked = checked.unwrap().unwrap();
        assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics);
        let plan = block_on(self.provider.plan(PlanRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            prior,
            prior_inputs: None,
            inputs: checked.inputs.clone(),
        }));
        (checked.inputs, plan.unwrap().unwrap().planned)
    }

    /// Creates an object, and goes on with it as often as the script lets it.
    pub fn create(&self, inputs: Value, polls: usize) -> ProviderResult<Outcome> {
        let (inputs, planned) = self.planned(None, inputs);
        let outcome = block_on(self.provider.create(CreateRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            inputs,
            planned: planned.clone(),
            private: Vec::new(),
            idempotency_token: TOKEN.to_owned(),
        }));
        self.go_on(OperationKind::Create, &planned, outcome.unwrap(), polls)
    }

    /// Changes an object, and goes on with it as often as the script lets it.
    pub fn update(&self, prior: ObjectState, inputs: Value, polls: usize) -> ProviderResult<Outcome> {
        let (inputs, planned) = self.planned(Some(prior.clone()), inputs);
        let outcome = block_on(self.provider.update(UpdateRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            prior,
            prior_inputs: Value::empty_map(),
            inputs,
            planned: planned.clone(),
            private: Vec::new(),
            idempotency_token: "token-2".to_owned(),
        }));
        self.go_on(OperationKind::Update, &planned, outcome.unwrap(), polls)
    }

    /// Deletes an object, and goes on with it as often as the script lets it.
    pub fn delete(&self, prior: ObjectState, polls: usize) -> ProviderResult<Outcome> {
        let planned = prior.attributes.clone();
        let outcome = block_on(self.provider.delete(DeleteRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            prior,
            idempotency_token: "token-3".to_owned(),
        }));
        self.go_on(OperationKind::Delete, &planned, outcome.unwrap(), polls)
    }

    fn go_on(
        &self,
        operation: OperationKind,
        planned: &Value,
        mut outcome: ProviderResult<Outcome>,
        polls: usize,
    ) -> ProviderResult<Outcome> {
        for _ in 0..polls {
            let handle = in_progress(outcome?).handle;
            outcome = self.poll(operation, &handle, planned);
        }
        outcome
    }

    /// Asks how an operation stands.
    pub fn poll(&self, operation: OperationKind, handle: &[u8], planned: &Value) -> ProviderResult<Outcome> {
        block_on(self.provider.poll(PollRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            operation,
            handle: handle.to_vec(),
            planned: planned.clone(),
        }))
        .unwrap()
    }

    fn reading(&self, id: &str) -> ReadRequest {
        ReadRequest {
            resource_type: self.resource_type.parse().unwrap(),
            name: "thing".parse().unwrap(),
            id: id.to_owned(),
            prior: None,
        }
    }

    /// Reads an object.
    pub fn read(&self, id: &str) -> ProviderResult<Option<ObjectState>> {
        block_on(self.provider.read(self.reading(id))).unwrap()
    }

    /// Reads many objects, and returns the identifiers of those that there are.
    pub fn read_many(&self, ids: &[&str]) -> Vec<Option<String>> {
        let requests = ids.iter().map(|id| self.reading(id)).collect();
        let answers = block_on(self.provider.read_many(requests)).unwrap().unwrap();
        answers
            .into_iter()
            .map(|answer| answer.unwrap().map(|object| object.id))
            .collect()
    }

    /// Takes an object over.
    pub fn import(&self, id: &str) -> ProviderResult<Imported> {
        let resource_type: ResourceType = self.resource_type.parse().unwrap();
        block_on(
            self.provider
                .import(&resource_type, &"thing".parse().unwrap(), id),
        )
        .unwrap()
    }

    /// Lists one page.
    pub fn list(&self, filter: Value, cursor: Option<&str>) -> Listed {
        let request = ListRequest {
            resource_type: self.resource_type.parse().unwrap(),
            filter,
            cursor: cursor.map(str::to_owned),
        };
        block_on(self.provider.list(request)).unwrap().unwrap()
    }
}

/// Returns the object of an operation that is done.
#[track_caller]
pub fn complete(outcome: ProviderResult<Outcome>) -> ObjectState {
    match outcome {
        Ok(Outcome::Complete(object)) => object,
        other => panic!("expected an object, found {other:?}"),
    }
}

/// Returns how an operation goes on.
#[track_caller]
pub fn in_progress(outcome: Outcome) -> Progress {
    match outcome {
        Outcome::InProgress(progress) => progress,
        other => panic!("expected that it goes on, found {other:?}"),
    }
}

/// Returns what an operation left, and why.
#[track_caller]
pub fn partial(outcome: ProviderResult<Outcome>) -> (ObjectState, Failure) {
    match outcome {
        Ok(Outcome::Partial(object, failure)) => (object, failure),
        other => panic!("expected a part, found {other:?}"),
    }
}

/// Returns an object as it stands in the state.
pub fn stored(id: &str, attributes: Value) -> ObjectState {
    ObjectState {
        id: id.to_owned(),
        attributes,
        private: TOKEN.as_bytes().to_vec(),
        schema_version: 0,
    }
}
