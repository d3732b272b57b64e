//! Every check, with what it asks for and what to do when it fails.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! catalogue {
    ($($variant:ident, $id:literal, $asks:literal, $help:literal;)*) => {
        /// The name of a check.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum CheckId {
            $(#[doc = $asks] #[serde(rename = $id)] $variant,)*
        }

        impl CheckId {
            /// Returns the name as reports and fixtures write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Returns the description.
            pub fn description(self) -> CheckDescription {
                match self { $(Self::$variant => CheckDescription { id: self, asks: $asks, help: $help },)* }
            }
        }

        /// Every check, in the order in which reports list them.
        pub const CATALOGUE: &[CheckId] = &[$(CheckId::$variant,)*];
    };
}

/// What a check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckDescription {
    /// The check.
    pub id: CheckId,
    /// What it asks for, as a sentence that is true when it passes.
    pub asks: &'static str,
    /// What to do when it fails.
    pub help: &'static str,
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

catalogue! {
    SchemaValid, "schema-valid",
        "The schema of the type does not contradict itself.",
        "change the schema: every attribute described, nothing both required and output-only, an identity whose attributes exist";
    ExamplesValid, "examples-valid",
        "The schema has examples, and each passes check.",
        "add an example to the schema, or correct the one that is named";
    HasFixture, "has-fixture",
        "The fixture file has an object of the type.",
        "add a resource of the type to the fixture file, or name the type under `untested` with the reason";
    UpgradeArchived, "upgrade-archived",
        "An object of every older schema version becomes one of the current version.",
        "add an object of each older version under `archive`, and let upgrade handle it";
    PureWithoutCloud, "pure-without-cloud",
        "Schema, check, plan, upgrade and permissions send nothing.",
        "move the call into an operation; a plan must come from the request alone";
    Deterministic, "deterministic",
        "Check and plan answer the same request the same way, and checked inputs check to themselves.",
        "take out what differs from call to call: counters, time, random values, the order of hash maps";
    UnknownInputs, "unknown-inputs",
        "Any input may be unknown: check and plan take it without an error, and it stays unknown.",
        "let rules pass over unknown values, and keep them unknown in the answer";
    UnknownAllowed, "unknown-allowed",
        "A plan leaves only computed attributes unknown, and an update only those that are volatile.",
        "plan what the inputs say; keep the value of computed attributes, or mark them volatile";
    CreateHonest, "create-honest",
        "Create answers with what was planned, wholly known, and read gives the same.",
        "answer with the object as it was read after the last call, in the spelling that was planned";
    SecondPlanEmpty, "second-plan-empty",
        "With the same inputs the plan after create is empty.",
        "normalise what the cloud gives back, and mark computed what the cloud fills in";
    ImportEqualsState, "import-equals-state",
        "Import finds the created object, equal to its state, with inputs that plan to no change.",
        "read every attribute in import, and return the inputs that the object was made with";
    ReadManyEqualsRead, "read-many-equals-read",
        "Reading many gives what reading each gives, in the order of the requests.",
        "sort the answers by the requests, and answer nothing for what is gone";
    ListFinds, "list-finds",
        "List shows the created object.",
        "follow the pages to the end, and list the object by the identifier that create gave it";
    UpdateInPlace, "update-in-place",
        "The changed inputs are planned as an update, update does it, and the object keeps its identifier.",
        "mark what cannot change in place with `replaces`; send every changed attribute in update";
    ReplacePlanned, "replace-planned",
        "The replacing inputs are planned as a replacement.",
        "mark the attribute with `replaces`";
    DeleteTwice, "delete-twice",
        "Deleting an object that is gone is a success.",
        "treat the cloud's `not found` in delete as done";
    OutsideDelete, "read-after-outside-delete",
        "Reading an object that is gone answers nothing, and importing it says `not found`.",
        "treat the cloud's `not found` in read as no object";
    InterruptedCreate, "interrupted-create",
        "A create that was cut off at any call is finished by the next with the same token, and leaves one object.",
        "send the token as the cloud's client token, or look the object up by it before creating";
    Throttling, "throttling",
        "When any call is throttled the operation says so, or goes on truly; nothing is taken for gone or done.",
        "map the cloud's `too many requests` to `throttled`, and let no failed call pass unseen";
    ServerErrors, "server-errors",
        "When any call fails with a 5xx the operation says so, or goes on truly; nothing is taken for gone or done.",
        "map 5xx to `unavailable`, and let no failed call pass unseen";
    Permissions, "permissions",
        "Every call that was made is among the permissions that the operation claims.",
        "add the permission to those the type requires for the operation";
    SecretsKept, "secrets-kept",
        "A secret is marked as one wherever it comes back, and is in no message, identifier or private bytes.",
        "mark the attribute sensitive; quote no request or answer in messages";
}
