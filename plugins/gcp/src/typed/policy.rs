//! Members of policies: who has which role on a project or on a thing in it.
//!
//! A policy is one object that everybody changes. So it is read, one member is added or removed, and it is written back
//! with the tag that it was read with: where somebody else was faster, Google refuses, and it is done again. Members and
//! roles of others are left as they are.

use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;
use konductor_sdk::schema_builder::SchemaError;
use serde_json::{Map, Value as Json, json};

use crate::client::api;
use crate::link::expand;

/// How often a policy is read and written again when somebody else was faster. Of many that change it at once, one gets
/// through each time.
const MOST_ATTEMPTS: u32 = 24;

/// The version of policies that knows conditions.
const VERSION: u64 = 3;

/// What separates the parts of an identity; none of them may hold it but the title of a condition, which is the last.
const SEPARATOR: char = ' ';

/// A member of the policies of a kind of thing.
#[derive(Debug)]
pub struct PolicyMember {
    name: &'static str,
    about: &'static str,
    /// The attribute that names the thing, what it is, and the form that it has.
    of: (&'static str, &'static str, &'static str),
    service: &'static str,
    /// The verb and the path that read a policy.
    get: (&'static str, &'static str),
    /// What asks for the version: in the query, or in the body.
    version: &'static str,
    /// The verb and the path that write it, and whether the request is an object with the policy in it.
    set: (&'static str, &'static str, bool),
    id: &'static str,
    example: &'static str,
}

pub static OF_PROJECT: PolicyMember = PolicyMember {
    name: "gcp:projects:IamMember",
    about: "Somebody's role in a project. Other members of the project's policy are left as they are.",
    of: (
        "project",
        "The project; `gcp.project` where it is not given.",
        "[a-z][-a-z0-9:.]+",
    ),
    service: "cloudresourcemanager",
    get: ("POST", "v3/projects/{of}:getIamPolicy"),
    version: "",
    set: ("POST", "v3/projects/{of}:setIamPolicy", true),
    id: "shop roles/logging.logWriter serviceAccount:web@shop.iam.gserviceaccount.com",
    example: "writer:\n  type: gcp:projects:IamMember\n  properties: { role: roles/logging.logWriter, member: \
              \"serviceAccount:web@shop.iam.gserviceaccount.com\" }\n",
};

pub static OF_BUCKET: PolicyMember = PolicyMember {
    name: "gcp:storage:BucketIamMember",
    about: "Somebody's role on a bucket of Cloud Storage. Other members of its policy are left as they are.",
    of: ("bucket", "The name of the bucket.", "[a-z0-9][-a-z0-9_.]+"),
    service: "storage",
    get: ("GET", "storage/v1/b/{of}/iam"),
    version: "optionsRequestedPolicyVersion",
    set: ("PUT", "storage/v1/b/{of}/iam", false),
    id: "shop-assets roles/storage.objectViewer group:readers@example.com",
    example: "readers:\n  type: gcp:storage:BucketIamMember\n  properties: { bucket: \"${assets.name}\", role: \
              roles/storage.objectViewer, member: \"group:readers@example.com\" }\n",
};

pub static OF_RUN_SERVICE: PolicyMember = PolicyMember {
    name: "gcp:run:ServiceIamMember",
    about: "Somebody's role on a service of Cloud Run, such as to call it. Other members of its policy are left as they are.",
    of: (
        "service",
        "The whole name of the service: its `full_name`.",
        "projects/[^/ ]+/locations/[^/ ]+/services/[^/ ]+",
    ),
    service: "run",
    get: ("GET", "v2/{+of}:getIamPolicy"),
    version: "options.requestedPolicyVersion",
    set: ("POST", "v2/{+of}:setIamPolicy", true),
    id: "projects/shop/locations/europe-west1/services/web roles/run.invoker allUsers",
    example: "callers:\n  type: gcp:run:ServiceIamMember\n  properties: { service: \"${web.full_name}\", role: roles/run.invoker, \
              member: \"serviceAccount:front@shop.iam.gserviceaccount.com\" }\n",
};

/// One member of one policy.
#[derive(Debug, Clone, PartialEq)]
struct Binding {
    of: String,
    role: String,
    member: String,
    condition: Option<Json>,
}

impl Binding {
    /// Tells whether an entry of a policy is about the same role under the same condition.
    fn is_of(&self, entry: &Json) -> bool {
        let condition = entry.get("condition").filter(|condition| !condition.is_null());
        entry.get("role").and_then(Json::as_str) == Some(self.role.as_str())
            && match (condition, &self.condition) {
                (None, None) => true,
                (Some(left), Some(right)) => ["title", "expression"]
                    .iter()
                    .all(|name| left.get(name) == right.get(name)),
                _ => false,
            }
    }

    fn is_in(&self, entry: &Json) -> bool {
        let members = entry.get("members").and_then(Json::as_array);
        self.is_of(entry)
            && members
                .into_iter()
                .flatten()
                .any(|member| member.as_str() == Some(self.member.as_str()))
    }

    fn id(&self) -> String {
        let title = self
            .condition
            .as_ref()
            .and_then(|condition| condition.get("title"));
        let mut id = [self.of.as_str(), &self.role, &self.member].join(&SEPARATOR.to_string());
        if let Some(title) = title.and_then(Json::as_str) {
            id.push(SEPARATOR);
            id.push_str(title);
        }
        id
    }
}

/// Returns the entries of a policy.
fn entries(policy: &Json) -> Vec<Json> {
    policy
        .get("bindings")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Returns a policy with a member, or without it; none when nothing changes.
fn changed(policy: &Json, binding: &Binding, is_wanted: bool) -> Option<Json> {
    let mut entries = entries(policy);
    if entries.iter().any(|entry| binding.is_in(entry)) == is_wanted {
        return None;
    }
    if is_wanted {
        match entries.iter_mut().find(|entry| binding.is_of(entry)) {
            Some(entry) => {
                let members = entry.get_mut("members").and_then(Json::as_array_mut)?;
                members.push(Json::from(binding.member.as_str()));
            }
            None => {
                let mut entry = json!({"role": binding.role, "members": [binding.member]});
                if let (Some(condition), Some(entry)) = (&binding.condition, entry.as_object_mut()) {
                    entry.insert("condition".to_owned(), condition.clone());
                }
                entries.push(entry);
            }
        }
    } else {
        for entry in entries.iter_mut().filter(|entry| binding.is_of(entry)) {
            if let Some(members) = entry.get_mut("members").and_then(Json::as_array_mut) {
                members.retain(|member| member.as_str() != Some(binding.member.as_str()));
            }
        }
        entries.retain(|entry| {
            let members = entry.get("members").and_then(Json::as_array);
            members.is_some_and(|members| !members.is_empty())
        });
    }
    let mut policy = policy.as_object().cloned().unwrap_or_default();
    policy.insert("bindings".to_owned(), Json::Array(entries));
    // One that was read with conditions must be written as what knows them.
    policy.insert("version".to_owned(), VERSION.into());
    Some(Json::Object(policy))
}

impl PolicyMember {
    fn is_of_project(&self) -> bool {
        self.of.0 == "project"
    }

    fn binding(&self, context: &Context, attributes: &Value) -> Result<Binding, Failure> {
        let text = |name: &str| {
            attributes
                .attribute(name)
                .and_then(Value::as_text)
                .map(str::to_owned)
        };
        let missing = |name: &str| {
            let mut failure = Failure::new(Disposition::Invalid, format!("{} needs `{name}`", self.name));
            failure.at = Some(Path::attribute(name));
            failure
        };
        let configured = || {
            let project = context.config().attribute("project")?.as_text()?;
            self.is_of_project().then(|| project.to_owned())
        };
        let of = text(self.of.0).or_else(configured);
        let condition = attributes.attribute("condition").filter(|given| !given.is_null());
        let condition = condition.map(|condition| {
            let members = ["title", "description", "expression"].iter().filter_map(|name| {
                let text = condition.attribute(name)?.as_text()?;
                Some(((*name).to_owned(), Json::from(text)))
            });
            Json::Object(members.collect())
        });
        Ok(Binding {
            of: of.ok_or_else(|| missing(self.of.0))?,
            role: text("role").ok_or_else(|| missing("role"))?,
            member: text("member").ok_or_else(|| missing("member"))?,
            condition,
        })
    }

    /// Reads an identity. The condition is known by its title only; its expression stands in the policy.
    fn binding_of_id(&self, id: &str) -> Result<Binding, Failure> {
        let mut parts = id.splitn(4, SEPARATOR).map(str::to_owned);
        let (Some(of), Some(role), Some(member)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Failure::new(
                Disposition::Invalid,
                format!("`{id}` is not a member of a policy; expected `{}`", self.id),
            ));
        };
        Ok(Binding {
            of,
            role,
            member,
            condition: parts.next().map(|title| json!({ "title": title })),
        })
    }

    fn path(&self, template: &str, of: &str) -> Result<Vec<String>, Failure> {
        expand(template, |_| Some(of.to_owned()))
            .map_err(|name| Failure::new(Disposition::Invalid, format!("{} needs `{name}`", self.name)))
    }

    /// Reads a policy; none when what it is of is not there.
    fn policy(&self, context: &Context, of: &str) -> Result<Option<Json>, Failure> {
        let (verb, template) = self.get;
        let api = api(context, self.service);
        let mut request = api.request(verb, self.path(template, of)?);
        request = if self.version.is_empty() {
            request.json(&json!({"options": {"requestedPolicyVersion": VERSION}}))
        } else {
            request.query(self.version, VERSION)
        };
        match request.idempotent(true).send_optional()? {
            Some(answer) => Ok(Some(answer.json()?)),
            None => Ok(None),
        }
    }

    /// Adds a member, or takes it away. Tells whether the thing is there.
    fn change(&self, context: &Context, binding: &Binding, is_wanted: bool) -> Result<bool, Failure> {
        let (verb, template, is_inside) = self.set;
        let path = self.path(template, &binding.of)?;
        let mut refused = None;
        for _ in 0..MOST_ATTEMPTS {
            let Some(policy) = self.policy(context, &binding.of)? else {
                return Ok(false);
            };
            let Some(wanted) = changed(&policy, binding, is_wanted) else {
                return Ok(true);
            };
            if wanted
                .get("etag")
                .and_then(Json::as_str)
                .is_none_or(str::is_empty)
            {
                return Err(Failure::new(
                    Disposition::Other,
                    "the cloud answered with a policy without a tag; written back, it could undo what others change",
                ));
            }
            let payload = if is_inside {
                json!({ "policy": wanted })
            } else {
                wanted
            };
            match api(context, self.service)
                .request(verb, &path)
                .json(&payload)
                .send()
            {
                Ok(_) => return Ok(true),
                Err(failure) if is_overtaken(&failure) => refused = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        let mut failure = Failure::new(
            Disposition::Conflict,
            format!(
                "others change the policy of {} all the time; try again",
                binding.of
            ),
        );
        failure.http_status = refused.and_then(|refused| refused.http_status);
        Err(failure)
    }

    fn object(&self, binding: &Binding) -> ObjectState {
        let mut attributes = Map::new();
        attributes.insert(self.of.0.to_owned(), binding.of.as_str().into());
        attributes.insert("role".to_owned(), binding.role.as_str().into());
        attributes.insert("member".to_owned(), binding.member.as_str().into());
        if let Some(condition) = &binding.condition {
            attributes.insert("condition".to_owned(), condition.clone());
        }
        let attributes = konductor_sdk::cloud::from_json(Json::Object(attributes));
        object(binding.id()).extend(&attributes).build()
    }

    /// Returns a member as the policy has it, where it has it.
    fn found(&self, policy: &Json, wanted: &Binding, is_by_title: bool) -> Option<ObjectState> {
        let entries = entries(policy);
        let entry = entries.iter().find(|entry| {
            let title =
                |condition: Option<&Json>| condition.and_then(|condition| condition.get("title")).cloned();
            if is_by_title {
                let same = title(entry.get("condition")) == title(wanted.condition.as_ref());
                let role = Binding {
                    condition: entry.get("condition").filter(|given| !given.is_null()).cloned(),
                    ..wanted.clone()
                };
                same && role.is_in(entry)
            } else {
                wanted.is_in(entry)
            }
        })?;
        let binding = Binding {
            condition: entry.get("condition").filter(|given| !given.is_null()).cloned(),
            ..wanted.clone()
        };
        Some(self.object(&binding))
    }

    /// Returns the member that a stored object is, or that an identity names, and whether its condition is known by its
    /// title only.
    fn asked(&self, context: &Context, request: &ReadRequest) -> Result<(Binding, bool), Failure> {
        match &request.prior {
            Some(prior) => Ok((self.binding(context, &prior.attributes)?, false)),
            None => Ok((self.binding_of_id(&request.id)?, true)),
        }
    }
}

/// Tells whether somebody else changed the policy in between.
fn is_overtaken(failure: &Failure) -> bool {
    matches!(failure.http_status, Some(409 | 412)) || failure.disposition == Disposition::Conflict
}

impl ResourceProvider for PolicyMember {
    fn resource_type(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Result<ResourceSchema, SchemaError> {
        let (name, about, pattern) = self.of;
        let of = text(about).replaces().pattern(pattern);
        let of = if self.is_of_project() {
            of.computed()
        } else {
            of.required()
        };
        let condition = nested(
            [
                ("title", text("A name of the condition.").required().replaces()),
                ("description", text("What it is for.").replaces()),
                (
                    "expression",
                    text("When the role is had: an expression of the Common Expression Language.")
                        .required()
                        .replaces(),
                ),
            ],
            "When the role is had; always where it is not given.",
        );
        schema(self.name, self.about)
            .attribute(name, of)
            .attribute(
                "role",
                text("The role: `roles/viewer`, or one of the project or the organization.")
                    .required()
                    .replaces()
                    .pattern("(projects/[^/ ]+/|organizations/[^/ ]+/)?roles/[A-Za-z0-9_.]+"),
            )
            .attribute(
                "member",
                text("Who has it: `user:…`, `group:…`, `serviceAccount:…`, `domain:…`, `principal://…`.")
                    .required()
                    .replaces()
                    .pattern("allUsers|allAuthenticatedUsers|[a-zA-Z]+:[^ ]+"),
            )
            .attribute("condition", condition.replaces())
            .identity(
                self.id,
                "What the policy is of, the role, the member, and the title of the condition where there is one.",
                &[name, "role", "member"],
            )
            .batch_read()
            .example("One that works", self.example)
            .build()
    }

    fn create(&self, context: &Context, request: &CreateRequest) -> Result<Outcome, Failure> {
        let binding = self.binding(context, &request.inputs)?;
        if !self.change(context, &binding, true)? {
            return Err(Failure::new(
                Disposition::NotFound,
                format!("there is no `{}` whose policy could be changed", binding.of),
            ));
        }
        Ok(Outcome::Complete(self.object(&binding)))
    }

    fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
        let (binding, is_by_title) = self.asked(context, request)?;
        let policy = self.policy(context, &binding.of)?;
        Ok(policy.and_then(|policy| self.found(&policy, &binding, is_by_title)))
    }

    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let mut policies: Vec<(String, Option<Json>)> = Vec::new();
        let mut results = Vec::new();
        for request in requests {
            let (binding, is_by_title) = match self.asked(context, request) {
                Ok(asked) => asked,
                Err(failure) => {
                    results.push(Err(failure));
                    continue;
                }
            };
            let known = policies.iter().find(|(of, _)| *of == binding.of);
            let policy = match known {
                Some((_, policy)) => policy.clone(),
                None => match self.policy(context, &binding.of) {
                    Ok(policy) => {
                        policies.push((binding.of.clone(), policy.clone()));
                        policy
                    }
                    Err(failure) => {
                        results.push(Err(failure));
                        continue;
                    }
                },
            };
            results.push(Ok(
                policy.and_then(|policy| self.found(&policy, &binding, is_by_title))
            ));
        }
        Ok(results)
    }

    fn delete(&self, context: &Context, request: &DeleteRequest) -> Result<Outcome, Failure> {
        let binding = self.binding(context, &request.prior.attributes)?;
        self.change(context, &binding, false)?;
        Ok(Outcome::Deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(role: &str, member: &str, condition: Option<Json>) -> Binding {
        Binding {
            of: "shop".to_owned(),
            role: role.to_owned(),
            member: member.to_owned(),
            condition,
        }
    }

    #[test]
    fn a_member_is_added_and_taken_away_and_the_rest_of_the_policy_stays() {
        let others = json!({"etag": "e", "version": 1, "auditConfigs": [{"service": "allServices"}], "bindings": [
            {"role": "roles/viewer", "members": ["user:a@example.com"]},
            {"role": "roles/viewer", "members": ["user:b@example.com"], "condition": {"title": "t", "expression": "x"}},
        ]});
        let wanted = binding("roles/viewer", "user:b@example.com", None);
        let with = changed(&others, &wanted, true).unwrap();
        assert_eq!(
            with["bindings"][0]["members"],
            json!(["user:a@example.com", "user:b@example.com"])
        );
        assert_eq!(with["bindings"][1], others["bindings"][1]);
        assert_eq!(
            (&with["etag"], &with["auditConfigs"]),
            (&others["etag"], &others["auditConfigs"])
        );
        assert_eq!(changed(&with, &wanted, true), None);
        let without = changed(&with, &wanted, false).unwrap();
        assert_eq!(without["bindings"], others["bindings"]);
        assert_eq!(changed(&without, &wanted, false), None);
    }

    #[test]
    fn the_last_member_of_a_role_takes_the_role_with_it() {
        let wanted = binding("roles/viewer", "user:a@example.com", None);
        let with = changed(&json!({"etag": "e"}), &wanted, true).unwrap();
        assert_eq!(
            with["bindings"],
            json!([{"role": "roles/viewer", "members": ["user:a@example.com"]}])
        );
        assert_eq!(changed(&with, &wanted, false).unwrap()["bindings"], json!([]));
    }

    #[test]
    fn a_role_under_a_condition_is_another_one() {
        let condition = json!({"title": "office hours", "expression": "true"});
        let with = binding("roles/viewer", "user:a@example.com", Some(condition.clone()));
        let policy = changed(&json!({"etag": "e"}), &with, true).unwrap();
        assert_eq!(policy["bindings"][0]["condition"], condition);
        assert_eq!(policy["version"], 3);
        let without = binding("roles/viewer", "user:a@example.com", None);
        assert_eq!(changed(&policy, &without, false), None);
        assert!(OF_PROJECT.found(&policy, &without, false).is_none());
        // An import knows the title only.
        let asked = OF_PROJECT.binding_of_id(&with.id()).unwrap();
        let found = OF_PROJECT.found(&policy, &asked, true).unwrap();
        let expression = found
            .attributes
            .attribute("condition")
            .and_then(|condition| condition.attribute("expression"));
        assert_eq!(expression.and_then(Value::as_text), Some("true"));
        assert_eq!(found.id, "shop roles/viewer user:a@example.com office hours");
    }

    #[test]
    fn identities_say_what_they_are_of() {
        for member in [&OF_PROJECT, &OF_BUCKET, &OF_RUN_SERVICE] {
            assert_eq!(member.binding_of_id(member.id).unwrap().id(), member.id);
            assert!(member.binding_of_id("shop roles/viewer").is_err());
            member.schema().unwrap();
        }
    }
}
