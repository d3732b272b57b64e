//! Which recorded request a request is, and what is said when it is none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use konductor_recording::{Answer, Body, Interaction, Outcome, Replayed, Request};
use proptest::prelude::*;

fn request(method: &str, path: &str, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        url: format!("{{{{endpoint:api}}}}{path}"),
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        body: Body::of(None, body.as_bytes()),
    }
}

fn recorded(resource: &str, method: &str, path: &str, status: u16) -> Interaction {
    Interaction {
        resource: resource.to_owned(),
        request: request(method, path, ""),
        outcome: Outcome::Answer(Answer {
            status,
            headers: Default::default(),
            body: Body::Empty,
        }),
    }
}

fn status(replayed: &mut Replayed, resource: &str, method: &str, path: &str) -> Option<u16> {
    match replayed.take(resource, &request(method, path, "")) {
        Ok(Interaction {
            outcome: Outcome::Answer(answer),
            ..
        }) => Some(answer.status),
        _ => None,
    }
}

fn life_of_shelf() -> Vec<Interaction> {
    vec![
        recorded("shelf", "GET", "/shelf", 404),
        recorded("shelf", "PUT", "/shelf", 201),
        recorded("shelf", "GET", "/shelf", 200),
        recorded("shelf", "GET", "/all", 200),
        recorded("shelf", "DELETE", "/shelf", 204),
        recorded("shelf", "GET", "/shelf", 404),
    ]
}

#[test]
fn the_same_request_is_answered_as_it_was_at_that_time() {
    let mut replayed = Replayed::new(life_of_shelf());
    for (method, path, expected) in [
        ("GET", "/shelf", 404),
        ("PUT", "/shelf", 201),
        ("GET", "/shelf", 200),
        ("GET", "/all", 200),
        ("DELETE", "/shelf", 204),
        ("GET", "/shelf", 404),
    ] {
        assert_eq!(
            status(&mut replayed, "shelf", method, path),
            Some(expected),
            "{method} {path}"
        );
    }
    assert_eq!(replayed.unused().count(), 0);
    assert_eq!(replayed.answered(), 6);
    assert_eq!(status(&mut replayed, "shelf", "GET", "/shelf"), None);
}

#[test]
fn reads_between_two_changes_may_change_places_and_a_change_is_never_passed_over() {
    let mut replayed = Replayed::new(life_of_shelf());
    // Deleting before it was made would give an answer of another time.
    assert_eq!(status(&mut replayed, "shelf", "DELETE", "/shelf"), None);
    assert_eq!(
        status(&mut replayed, "shelf", "PUT", "/shelf"),
        Some(201),
        "a read was left out"
    );
    assert_eq!(status(&mut replayed, "shelf", "GET", "/all"), Some(200));
    assert_eq!(
        status(&mut replayed, "shelf", "GET", "/shelf"),
        Some(200),
        "not the one before the change"
    );
    assert_eq!(status(&mut replayed, "shelf", "DELETE", "/shelf"), Some(204));
    assert_eq!(status(&mut replayed, "shelf", "GET", "/shelf"), Some(404));
    let unused: Vec<usize> = replayed.unused().map(|(number, _)| number).collect();
    assert_eq!(unused, [1]);
}

#[test]
fn the_order_of_members_fields_and_parameters_makes_no_difference_and_that_of_lists_does() {
    let form = |text: &str| Request {
        body: Body::of(Some("application/x-www-form-urlencoded"), text.as_bytes()),
        ..request("POST", "/?a=1&b=%20", "")
    };
    let same = [
        (request("GET", "/?a=1&b=2", ""), request("GET", "/?b=2&a=1", "")),
        (
            request("PUT", "/", r#"{"a":1,"b":[1,2]}"#),
            request("PUT", "/", r#"{ "b": [1, 2], "a": 1 }"#),
        ),
        (form("A=1&B=a%20b"), form("B=a+b&A=1")),
    ];
    let different = [
        (
            request("PUT", "/", r#"{"b":[1,2]}"#),
            request("PUT", "/", r#"{"b":[2,1]}"#),
        ),
        (request("GET", "/?a=1&a=2", ""), request("GET", "/?a=2&a=1", "")),
        (request("PUT", "/", "<a/>"), request("PUT", "/", "<b/>")),
        (request("PUT", "/", "1"), request("PUT", "/", "\"1\"")),
        (
            request("PUT", "/", ""),
            Request {
                headers: Default::default(),
                ..request("PUT", "/", "")
            },
        ),
    ];
    for ((one, other), is_same) in same
        .map(|pair| (pair, true))
        .into_iter()
        .chain(different.map(|pair| (pair, false)))
    {
        let interaction = Interaction {
            request: one.clone(),
            ..recorded("shelf", "PUT", "/", 200)
        };
        let found = Replayed::new(vec![interaction]).take("shelf", &other).is_ok();
        assert_eq!(found, is_same, "{one:?} and {other:?}");
    }
}

#[test]
fn a_request_that_is_not_there_is_told_with_the_nearest_and_the_difference() {
    let change = Interaction {
        request: request(
            "PUT",
            "/shelf",
            r#"{"data":{"owner":"librarian","tags":["a","b"]}}"#,
        ),
        ..recorded("shelf", "PUT", "/shelf", 201)
    };
    let mut replayed = Replayed::new(vec![recorded("shelf", "GET", "/shelf", 404), change]);
    let made = request(
        "PUT",
        "/shelf",
        r#"{"data":{"owner":"archivist","tags":["a"]},"new":true}"#,
    );
    let error = replayed.take("shelf", &made).unwrap_err().to_string();
    assert_eq!(
        error,
        "shelf: `PUT {{endpoint:api}}/shelf` is not in the recording at this place; the nearest is request 2, \
         `PUT {{endpoint:api}}/shelf`: the body at /data/owner: recorded `\"librarian\"`, now `\"archivist\"`; \
         the body at /data/tags/1: recorded `\"b\"`, now nothing; the body at /new: recorded nothing, now `true`"
    );
    let error = replayed.take("drawer", &made).unwrap_err().to_string();
    assert!(
        error.ends_with("is not in the recording: nothing more is recorded for that resource"),
        "{error}"
    );
    let mut replayed = Replayed::new(life_of_shelf());
    let error = replayed
        .take("shelf", &request("DELETE", "/shelf", ""))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(
            "it is request 5, `DELETE {{endpoint:api}}/shelf`, and a change that is recorded before it was not made"
        ),
        "{error}"
    );
}

proptest! {
    #[test]
    fn two_resources_may_interleave_in_any_way(choices in prop::collection::vec(any::<bool>(), 0..40)) {
        let lives = |resource: &str| {
            life_of_shelf().into_iter().map(|interaction| Interaction {
                resource: resource.to_owned(),
                ..interaction
            }).collect::<Vec<_>>()
        };
        let (one, other) = (lives("one"), lives("other"));
        // Recorded one after the other, made in the order of the choices.
        let mut replayed = Replayed::new([one.clone(), other.clone()].concat());
        let (mut ones, mut others) = (one.into_iter(), other.into_iter());
        let mut made = Vec::new();
        for choice in choices {
            made.extend(if choice { ones.next() } else { others.next() });
        }
        made.extend(ones);
        made.extend(others);
        for interaction in made {
            let found = replayed.take(&interaction.resource, &interaction.request).cloned();
            prop_assert_eq!(found.as_ref().map(|found| &found.outcome), Ok(&interaction.outcome));
        }
        prop_assert_eq!(replayed.unused().count(), 0);
    }
}
