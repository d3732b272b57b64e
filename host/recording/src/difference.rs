//! In what two requests differ.

use std::collections::BTreeMap;

use serde_json::Value;
use url::form_urlencoded;

use crate::body::Body;
use crate::interaction::Request;

/// How much of a value a message shows, in characters.
const SHOWN: usize = 80;

/// Differences that a message names at most.
const MOST: usize = 5;

/// In what a request differs from a recorded one, for a person; nothing when it is the same.
#[derive(Default)]
pub(crate) struct Differences {
    found: Vec<String>,
    /// How far apart the two are.
    pub(crate) distance: usize,
}

impl Differences {
    /// Compares a request with a recorded one. The order of parameters and of the members of a map makes no difference.
    pub(crate) fn of(recorded: &Request, made: &Request) -> Self {
        let mut differences = Self::default();
        if recorded.method != made.method {
            differences.add(100, "the method", Some(&recorded.method), Some(&made.method));
        }
        let ((recorded_path, recorded_query), (made_path, made_query)) =
            (parts(&recorded.url), parts(&made.url));
        if recorded_path != made_path {
            differences.add(100, "the URL", Some(recorded_path), Some(made_path));
        }
        differences.pairs("parameter", &query(recorded_query), &query(made_query));
        let listed = |headers: &BTreeMap<String, String>| headers.clone().into_iter().collect::<Vec<_>>();
        differences.pairs("header", &listed(&recorded.headers), &listed(&made.headers));
        differences.bodies(&recorded.body, &made.body);
        differences
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    fn add(&mut self, weight: usize, what: &str, recorded: Option<&str>, made: Option<&str>) {
        self.distance = self.distance.saturating_add(weight);
        let (recorded, made) = (shown(recorded), shown(made));
        self.found
            .push(format!("{what}: recorded {recorded}, now {made}"));
    }

    /// Compares pairs by their names; of one name all values count, in their order.
    fn pairs(&mut self, what: &str, recorded: &[(String, String)], made: &[(String, String)]) {
        let grouped = |pairs: &[(String, String)]| {
            let mut grouped = BTreeMap::<String, Vec<String>>::new();
            for (name, value) in pairs {
                grouped.entry(name.clone()).or_default().push(value.clone());
            }
            grouped
        };
        let (recorded, mut made) = (grouped(recorded), grouped(made));
        for (name, values) in recorded {
            let now = made.remove(&name);
            if now.as_ref() != Some(&values) {
                let now = now.map(|values| values.join(", "));
                self.add(
                    1,
                    &format!("{what} `{name}`"),
                    Some(&values.join(", ")),
                    now.as_deref(),
                );
            }
        }
        for (name, values) in made {
            self.add(1, &format!("{what} `{name}`"), None, Some(&values.join(", ")));
        }
    }

    fn bodies(&mut self, recorded: &Body, made: &Body) {
        match (recorded, made) {
            (Body::Json(recorded), Body::Json(made)) => self.values("", Some(recorded), Some(made)),
            (Body::Form(recorded), Body::Form(made)) => self.pairs("field", recorded, made),
            (recorded, made) if recorded == made => {}
            (recorded, made) => {
                let text = |body: &Body| String::from_utf8_lossy(&body.bytes()).into_owned();
                let (recorded, made) = (text(recorded), text(made));
                // What they have in common says nothing.
                let common = recorded
                    .char_indices()
                    .zip(made.chars())
                    .find(|((_, one), other)| one != other)
                    .map_or(recorded.len().min(made.len()), |((at, _), _)| at);
                let rest = |text: &str| text.get(common..).unwrap_or(text).to_owned();
                let what = format!("the body from byte {common}");
                self.add(10, &what, Some(&rest(&recorded)), Some(&rest(&made)));
            }
        }
    }

    fn values(&mut self, at: &str, recorded: Option<&Value>, made: Option<&Value>) {
        match (recorded, made) {
            (Some(Value::Object(recorded)), Some(Value::Object(made))) => {
                for (name, value) in recorded {
                    self.values(&format!("{at}/{name}"), Some(value), made.get(name));
                }
                for (name, value) in made.iter().filter(|(name, _)| !recorded.contains_key(*name)) {
                    self.values(&format!("{at}/{name}"), None, Some(value));
                }
            }
            (Some(Value::Array(recorded)), Some(Value::Array(made))) => {
                for position in 0..recorded.len().max(made.len()) {
                    self.values(
                        &format!("{at}/{position}"),
                        recorded.get(position),
                        made.get(position),
                    );
                }
            }
            (recorded, made) if recorded == made => {}
            (recorded, made) => {
                let (recorded, made) = (recorded.map(Value::to_string), made.map(Value::to_string));
                let at = if at.is_empty() { "/" } else { at };
                self.add(
                    1,
                    &format!("the body at {at}"),
                    recorded.as_deref(),
                    made.as_deref(),
                );
            }
        }
    }
}

impl std::fmt::Display for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<&str> = self.found.iter().take(MOST).map(String::as_str).collect();
        f.write_str(&shown.join("; "))?;
        match self.found.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

fn parts(url: &str) -> (&str, &str) {
    url.split_once('?').unwrap_or((url, ""))
}

fn query(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn shown(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "nothing".to_owned();
    };
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
