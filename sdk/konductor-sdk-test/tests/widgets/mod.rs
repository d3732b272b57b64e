//! The widget service that the mutants call, their fixtures, and the check that each must fail.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    reason = "test code, and not every test uses all of it"
)]

use std::collections::BTreeMap;

use konductor_model::cloud::{CloudRequest, CloudResponse};
use konductor_plugin_mutants::{Mistake, TYPES};
use konductor_sdk_test::conformance::{CheckId, Fixtures};
use konductor_sdk_test::respond;
use serde_json::{Value as Json, json};

pub type Widgets = BTreeMap<String, Json>;

/// The widget service.
pub fn service(widgets: &mut Widgets, request: &CloudRequest) -> CloudResponse {
    let body: Json = serde_json::from_slice(&request.body).unwrap();
    let arn = body["arn"].as_str().unwrap_or_default().to_owned();
    let target = request
        .headers
        .iter()
        .find(|(name, _)| name == "x-amz-target")
        .unwrap();
    let action = target.1.strip_prefix("Widgets.").unwrap();
    if action == "CreateWidget" {
        let same = |widget: &&Json| body["token"].is_string() && widget["token"] == body["token"];
        if let Some(widget) = widgets.values().find(same) {
            return respond(200, shown(widget));
        }
        let arn = format!("arn:widget:{}", widgets.len() + 1_000 + widgets.keys().len());
        let arn = if widgets.contains_key(&arn) {
            format!("{arn}-again")
        } else {
            arn
        };
        let mut widget = body;
        widget["arn"] = json!(arn);
        widgets.insert(arn, widget.clone());
        return respond(200, shown(&widget));
    }
    if action == "ListWidgets" {
        // One a page, so that whoever stops early sees too little.
        let own: Vec<&Json> = widgets
            .values()
            .filter(|widget| widget["kind"] == body["kind"])
            .collect();
        let page: usize = body["cursor"]
            .as_str()
            .map_or(0, |cursor| cursor.parse().unwrap());
        let next = (page + 1 < own.len()).then(|| (page + 1).to_string());
        let shown: Vec<Json> = own.get(page).map(|widget| shown(widget)).into_iter().collect();
        return respond(200, json!({"widgets": shown, "cursor": next}));
    }
    let Some(widget) = widgets.get_mut(&arn) else {
        return respond(404, json!({"code": "NotFound"}));
    };
    match action {
        "GetWidget" => {}
        "SetNote" => widget["note"] = body["note"].clone(),
        "UpdateWidget" => {
            for name in ["size", "password"] {
                if !body[name].is_null() {
                    widget[name] = body[name].clone();
                }
            }
        }
        "DeleteWidget" => {
            widgets.remove(&arn);
            return respond(200, Json::Null);
        }
        other => return respond(400, json!({"code": "UnknownAction", "message": other})),
    }
    respond(200, shown(&widgets[&arn]))
}

fn shown(widget: &Json) -> Json {
    let mut widget = widget.clone();
    widget
        .as_object_mut()
        .unwrap()
        .retain(|name, value| name != "token" && name != "kind" && !value.is_null());
    widget
}

pub fn fixtures(kinds: &[&str]) -> Fixtures {
    Fixtures::parse("conformance.yaml", &fixture_file(kinds)).unwrap()
}

pub fn fixture_file(kinds: &[&str]) -> String {
    let mut text = "resources:\n".to_owned();
    let mut archive = "archive:\n".to_owned();
    let mut untested = "untested:\n".to_owned();
    for (name, _) in TYPES {
        let short = name.rsplit(':').next().unwrap();
        if kinds.contains(name) {
            text += &format!(
                "  {short}:\n    type: {name}\n    inputs: {{ name: one, size: 2, note: hello, password: correct-horse }}\n    \
                 update: {{ size: 3, note: bye }}\n    replace: {{ name: two }}\n"
            );
        } else {
            untested += &format!("  {name}: it is not the one\n");
        }
        archive += &format!(
            "  - {{ type: {name}, schema_version: 0, id: old, attributes: {{ title: old, size: 1 }} }}\n"
        );
    }
    if kinds.len() == TYPES.len() {
        untested.clear();
    }
    format!("{text}{archive}{untested}")
}

pub fn expected(mistake: Mistake) -> Option<CheckId> {
    use CheckId as C;
    Some(match mistake {
        Mistake::Clean => return None,
        Mistake::EmptyDescription => C::SchemaValid,
        Mistake::WrongExample => C::ExamplesValid,
        Mistake::UpgradesNothing => C::UpgradeArchived,
        Mistake::CountsPlans => C::Deterministic,
        Mistake::RefusesUnknown => C::UnknownInputs,
        Mistake::PlansUnknown => C::UnknownAllowed,
        Mistake::InventsOutput => C::CreateHonest,
        Mistake::NeverSettles => C::SecondPlanEmpty,
        Mistake::ImportsOther => C::ImportEqualsState,
        Mistake::ReadsFirstOnly => C::ReadManyEqualsRead,
        Mistake::ListsNothing => C::ListFinds,
        Mistake::ForgetsSize => C::UpdateInPlace,
        Mistake::NeverReplaces => C::ReplacePlanned,
        Mistake::DeletesOnce => C::DeleteTwice,
        Mistake::FailsWhenGone => C::OutsideDelete,
        Mistake::IgnoresToken => C::InterruptedCreate,
        Mistake::TakesThrottledForDone => C::Throttling,
        Mistake::TakesBrokenForGone => C::ServerErrors,
        Mistake::ClaimsTooLittle => C::Permissions,
        Mistake::QuotesAnswers => C::SecretsKept,
    })
}
