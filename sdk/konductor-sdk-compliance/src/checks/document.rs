//! The document that checks are shown: a plan, a state or drift, in the form of Terraform's.

use serde_json::Value;

/// What is done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// It is replaced.
    Replace,
    /// It is deleted.
    Delete,
    /// Its record is dropped, and the object left alone.
    Forget,
    /// Something that this SDK does not know.
    Other,
}

impl Action {
    fn of(words: &Value) -> Self {
        let words: Vec<&str> = words
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        match words.as_slice() {
            ["no-op" | "read"] => Self::None,
            ["create"] => Self::Create,
            ["update"] => Self::Update,
            ["delete", "create"] | ["create", "delete"] => Self::Replace,
            ["delete"] => Self::Delete,
            ["forget"] => Self::Forget,
            _ => Self::Other,
        }
    }
}

/// Says why a document is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document is neither a plan with `resource_changes` nor a state with `values`")]
pub struct DocumentError;

/// A plan, a state or drift.
#[derive(Debug, Clone)]
pub struct Document {
    input: Value,
    changes: Vec<Resource>,
    drift: Vec<Resource>,
}

impl Document {
    /// Reads a document: one that Konductor shows to policies, or that `terraform show -json` writes.
    ///
    /// # Errors
    /// When it is neither a plan nor a state.
    pub fn new(input: Value) -> Result<Self, DocumentError> {
        let entries =
            |list: &Value| -> Vec<Resource> { managed(list).cloned().map(Resource::changed).collect() };
        let changes = if let Some(changes) = input.get("resource_changes") {
            entries(changes)
        } else if let Some(values) = input.get("values") {
            values.get("root_module").map(recorded).unwrap_or_default()
        } else {
            return Err(DocumentError);
        };
        let drift = input.get("resource_drift").map(entries).unwrap_or_default();
        Ok(Self {
            input,
            changes,
            drift,
        })
    }

    /// Returns the resources that there are when all is done, or that are recorded: most checks are about these.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.changes.iter().filter(|resource| resource.remains())
    }

    /// Returns those of [`resources`](Self::resources) that are of a type, by Konductor's name or by Terraform's.
    pub fn of_type(&self, name: &str) -> impl Iterator<Item = &Resource> {
        self.resources().filter(move |resource| resource.is_a(name))
    }

    /// Returns every resource of the plan, with those that go.
    pub fn changes(&self) -> impl Iterator<Item = &Resource> {
        self.changes.iter()
    }

    /// Returns the objects that are not as they were recorded: `before` as recorded, `after` as they are.
    pub fn drift(&self) -> impl Iterator<Item = &Resource> {
        self.drift.iter()
    }

    /// Returns what is judged: `apply`, `destroy`, `rollback`, `drift`, `state`; empty for a document of another tool.
    pub fn operation(&self) -> &str {
        text(self.input.pointer("/konductor/operation"))
    }

    /// Returns the project's name.
    pub fn project(&self) -> &str {
        text(self.input.pointer("/konductor/project"))
    }

    /// Returns the stack's name.
    pub fn stack(&self) -> &str {
        text(self.input.pointer("/konductor/stack"))
    }

    /// Returns the whole document.
    pub fn input(&self) -> &Value {
        &self.input
    }
}

/// Returns the entries of a list, but for those that Terraform only reads.
fn managed(list: &Value) -> impl Iterator<Item = &Value> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter(|entry| entry.is_object() && text(entry.get("mode")) != "data")
}

/// Returns the resources of a module of a state, and of those in it.
fn recorded(module: &Value) -> Vec<Resource> {
    let own = module.get("resources").into_iter().flat_map(managed);
    let mut found: Vec<Resource> = own.cloned().map(Resource::recorded).collect();
    let inner = module.get("child_modules").and_then(Value::as_array);
    for inner in inner.into_iter().flatten() {
        found.extend(recorded(inner));
    }
    found
}

/// A resource of a document.
#[derive(Debug, Clone)]
pub struct Resource {
    entry: Value,
    action: Action,
    before: Value,
    after: Value,
}

impl Resource {
    fn changed(mut entry: Value) -> Self {
        let mut take = |place| entry.pointer_mut(place).map(Value::take).unwrap_or_default();
        Self {
            action: Action::of(&take("/change/actions")),
            before: take("/change/before"),
            after: take("/change/after"),
            entry,
        }
    }

    fn recorded(mut entry: Value) -> Self {
        let values = entry.get_mut("values").map(Value::take).unwrap_or_default();
        Self {
            entry,
            action: Action::None,
            before: values.clone(),
            after: values,
        }
    }

    /// Returns type and name: `aws_s3_bucket.logs`.
    pub fn address(&self) -> &str {
        text(self.entry.get("address"))
    }

    /// Returns the name in the stack.
    pub fn name(&self) -> &str {
        text(self.entry.get("name"))
    }

    /// Returns Konductor's name of the type, `aws:s3:Bucket`; in a document of another tool that tool's.
    pub fn type_name(&self) -> &str {
        match text(self.entry.pointer("/konductor/type")) {
            "" => self.known_as(),
            name => name,
        }
    }

    /// Returns Terraform's name of the type where the plugin says it, `aws_s3_bucket`, else Konductor's.
    pub fn known_as(&self) -> &str {
        text(self.entry.get("type"))
    }

    /// Tells whether it is of a type, by Konductor's name or by Terraform's.
    pub fn is_a(&self, name: &str) -> bool {
        self.type_name() == name || self.known_as() == name
    }

    /// Returns the URN; none in a document of another tool.
    pub fn urn(&self) -> Option<&str> {
        self.entry.pointer("/konductor/urn")?.as_str()
    }

    /// Returns the identifier that the cloud gave it, where there is one.
    pub fn id(&self) -> Option<&str> {
        self.entry.pointer("/konductor/id")?.as_str()
    }

    /// Returns where it is declared: `konductor.yaml:12:3`.
    pub fn place(&self) -> Option<&str> {
        self.entry.pointer("/konductor/place")?.as_str()
    }

    /// Returns what is said of it: `owner`, `data_classification`.
    pub fn metadata(&self, field: &str) -> Option<&str> {
        self.entry.pointer("/konductor/metadata")?.get(field)?.as_str()
    }

    /// Returns what is done with it.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Tells whether it is there when all is done.
    pub fn remains(&self) -> bool {
        !matches!(self.action, Action::Delete | Action::Forget)
    }

    /// Returns the attributes there are; null where there is no object.
    pub fn before(&self) -> &Value {
        &self.before
    }

    /// Returns the attributes as they will be, without those that are not known yet; null where there will be no object.
    pub fn after(&self) -> &Value {
        &self.after
    }

    /// Returns an attribute as it will be: names and positions with dots between, `tags.owner`, `rules.0.port`. None where
    /// it is null, is not there, or is not known yet.
    pub fn attribute(&self, path: &str) -> Option<&Value> {
        at(&self.after, path).filter(|value| !value.is_null())
    }

    /// Tells whether an attribute is known only after the apply.
    pub fn is_unknown(&self, path: &str) -> bool {
        is_marked(self.entry.pointer("/change/after_unknown"), path)
    }

    /// Tells whether an attribute is secret: what is shown of it is the text `(secret)`.
    pub fn is_secret(&self, path: &str) -> bool {
        let recorded = self.entry.get("sensitive_values");
        let marks = recorded.or_else(|| self.entry.pointer("/change/after_sensitive"));
        is_marked(marks, path)
    }

    /// Returns its entry in the document, without what it was and will be.
    pub fn entry(&self) -> &Value {
        &self.entry
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn step<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    }
}

fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, step)
}

/// Tells whether marks say `true` of a path, or of something around it.
fn is_marked(marks: Option<&Value>, path: &str) -> bool {
    let mut marks = marks;
    for name in path.split('.') {
        match marks {
            Some(Value::Bool(true)) => return true,
            Some(around) => marks = step(around, name),
            None => return false,
        }
    }
    marks == Some(&Value::Bool(true))
}
