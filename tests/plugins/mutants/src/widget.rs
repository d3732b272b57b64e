//! The widget, and what it can do wrong.

use std::sync::atomic::{AtomicU8, Ordering};

use konductor_sdk::model::{AttributeChange, ChangeKind, value_json};
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use serde_json::{Value as Json, json};

use crate::Mistake;
use crate::client::call;

/// A widget type.
#[derive(Debug)]
pub struct Widget {
    pub(crate) name: &'static str,
    pub(crate) mistake: Mistake,
}

/// Returns a widget as the service describes it.
fn described(widget: &Json) -> Result<ObjectState, Failure> {
    let wrong = |what: String| Failure::new(Disposition::Other, what);
    let id = widget
        .get("arn")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let attributes = value_json::from_json(widget.clone()).map_err(|error| wrong(error.to_string()))?;
    Ok(object(id).extend(&attributes).build())
}

/// Returns inputs as the service takes them.
fn plain(inputs: &Value) -> Json {
    value_json::to_plain_json(&inputs.clone().without_secret_marks())
}

impl Widget {
    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn call(&self, context: &Context, action: &str, body: &Json) -> Result<Json, Failure> {
        call(context, action, body, self.is(Mistake::QuotesAnswers))
    }

    fn note(&self, context: &Context, id: &str, inputs: &Value) -> Result<(), Failure> {
        let note = inputs.attribute("note").and_then(Value::as_text);
        self.call(context, "SetNote", &json!({"arn": id, "note": note}))
            .map(drop)
    }

    fn get(&self, context: &Context, id: &str) -> Result<Option<ObjectState>, Failure> {
        match self.call(context, "GetWidget", &json!({"arn": id})) {
            Ok(widget) => described(&widget).map(Some),
            Err(failure) if failure.disposition == Disposition::NotFound => {
                if self.is(Mistake::FailsWhenGone) {
                    return Err(Failure::new(Disposition::Other, "there is no widget"));
                }
                Ok(None)
            }
            Err(failure) if failure.code == "InternalError" && self.is(Mistake::TakesBrokenForGone) => {
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn finished(&self, context: &Context, id: &str) -> Result<Outcome, Failure> {
        let widget = self.call(context, "GetWidget", &json!({"arn": id}))?;
        described(&widget).map(Outcome::Complete)
    }
}

impl ResourceProvider for Widget {
    fn resource_type(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let name = text("What it is called.").required();
        let name = if self.is(Mistake::NeverReplaces) {
            name
        } else {
            name.replaces()
        };
        let example = if self.is(Mistake::WrongExample) {
            "size: large"
        } else {
            "size: 2"
        };
        let mut schema = schema(self.name, "A widget.")
            .version(1)
            .attribute("name", name)
            .attribute("size", integer("How large it is.").default(1).between(1, 100))
            .attribute("note", text("What to know about it."))
            .attribute("password", text("What opens it.").sensitive())
            .output("arn", text("Its full name."))
            .identity("arn:widget:1", "The full name.", &[])
            .example(
                "A widget",
                &format!(
                    "one:\n  type: {}\n  properties:\n    name: one\n    {example}\n",
                    self.name
                ),
            )
            .build()?;
        if self.is(Mistake::EmptyDescription) {
            schema.description.clear();
        }
        Ok(schema)
    }

    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        let is_text = inputs
            .attribute("name")
            .is_some_and(|name| name.as_text().is_some());
        if self.is(Mistake::RefusesUnknown) && !is_text {
            diagnostics.push(Diagnostic::error("the name must be a text").at(Path::attribute("name")));
        }
    }

    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        static PLANS: AtomicU8 = AtomicU8::new(0);
        let is_made = request
            .prior
            .as_ref()
            .is_some_and(|prior| prior.attributes.attribute("arn").is_some());
        match self.mistake {
            Mistake::CountsPlans => plan.private = vec![PLANS.fetch_add(1, Ordering::Relaxed)],
            Mistake::PlansUnknown if request.prior.is_none() => {
                plan.planned.put(&Path::attribute("size"), Value::Unknown);
            }
            Mistake::NeverSettles if is_made => plan.changes.push(AttributeChange {
                at: Path::attribute("size"),
                kind: ChangeKind::Update,
                requires_replacement: false,
            }),
            _ => {}
        }
    }

    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        match operation {
            "create" => vec!["widgets:CreateWidget", "widgets:SetNote", "widgets:GetWidget"],
            "read" => vec!["widgets:GetWidget"],
            "update" => vec!["widgets:UpdateWidget", "widgets:SetNote", "widgets:GetWidget"],
            "delete" if self.is(Mistake::ClaimsTooLittle) => vec![],
            "delete" => vec!["widgets:DeleteWidget"],
            "list" => vec!["widgets:ListWidgets"],
            _ => vec![],
        }
    }

    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure> {
        if self.is(Mistake::UpgradesNothing) {
            return Ok(stored);
        }
        let mut attributes = stored.attributes.clone();
        if let Some(map) = attributes.as_map_mut()
            && let Some(title) = map.remove("title")
        {
            map.insert("name".to_owned(), title);
        }
        Ok(ObjectState { attributes, ..stored })
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let mut body = plain(&request.inputs);
        if let Some(body) = body.as_object_mut() {
            body.remove("note");
            body.insert("kind".to_owned(), json!(self.name));
            if !self.is(Mistake::IgnoresToken) {
                body.insert("token".to_owned(), json!(request.idempotency_token));
            }
        }
        let widget = self.call(context, "CreateWidget", &body)?;
        let id = described(&widget)?.id;
        self.note(context, &id, &request.inputs)?;
        match self.finished(context, &id)? {
            Outcome::Complete(mut object) if self.is(Mistake::InventsOutput) => {
                object
                    .attributes
                    .put(&Path::attribute("arn"), Value::from("arn:widget:made-up"));
                Ok(Outcome::Complete(object))
            }
            outcome => Ok(outcome),
        }
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        self.get(context, &request.id)
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let read = |(position, request): (usize, &ReadRequest)| {
            if self.is(Mistake::ReadsFirstOnly) && position > 0 {
                return Ok(None);
            }
            self.get(context, &request.id)
        };
        Ok(requests.iter().enumerate().map(read).collect())
    }

    fn import(&self, _: &Context, object: ObjectState) -> Result<Imported, Failure> {
        let mut object = object;
        if self.is(Mistake::ImportsOther) {
            object.attributes.remove(&Path::attribute("note"));
        }
        let inputs = konductor_sdk::plan::inputs_of(&self.schema()?, &object.attributes);
        Ok(Imported { object, inputs })
    }

    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let body = json!({"kind": self.name, "cursor": request.cursor});
        let page = self.call(context, "ListWidgets", &body)?;
        let widgets = page.get("widgets").and_then(Json::as_array).into_iter().flatten();
        let widgets = widgets.filter(|_| !self.is(Mistake::ListsNothing));
        Ok(Listed {
            objects: widgets.map(described).collect::<Result<_, _>>()?,
            next_cursor: page.get("cursor").and_then(Json::as_str).map(str::to_owned),
        })
    }

    fn update(&self, context: &Context, request: &UpdateRequest) -> Result<Outcome, Failure> {
        let id = &request.prior.id;
        let mut body = plain(&request.inputs);
        if let Some(body) = body.as_object_mut() {
            body.insert("arn".to_owned(), json!(id));
            if self.is(Mistake::ForgetsSize) {
                body.remove("size");
            }
        }
        self.call(context, "UpdateWidget", &body)?;
        self.note(context, id, &request.inputs)?;
        self.finished(context, id)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        match self.call(context, "DeleteWidget", &json!({"arn": request.prior.id})) {
            Err(failure) if failure.disposition == Disposition::NotFound && self.is(Mistake::DeletesOnce) => {
                Err(Failure::new(Disposition::Other, "there is no widget"))
            }
            Err(failure)
                if failure.disposition == Disposition::Throttled
                    && self.is(Mistake::TakesThrottledForDone) =>
            {
                Ok(Outcome::Deleted)
            }
            Err(failure) => Err(failure),
            Ok(_) => Ok(Outcome::Deleted),
        }
    }
}
