//! Keys of Cloud KMS: what becomes of them when they are deleted.
//!
//! A version of a key can be destroyed, after a day or more, and only then can anything of the key be deleted. So a key
//! stays with its name, and without a version that anything can be done with; and so does the ring that it is in.

use konductor_sdk::context::LogLevel;
use konductor_sdk::prelude::*;
use serde_json::{Value as Json, json};

use crate::client::api;
use crate::lifecycle::{Stand, Target};

/// The most pages that are read of the versions of a key.
const MOST_PAGES: usize = 100;

/// States of a version that can be destroyed.
const DESTROYABLE: [&str; 2] = ["ENABLED", "DISABLED"];

/// States of a version that something can be done with, now or when it is enabled again.
const USABLE: [&str; 3] = ["ENABLED", "DISABLED", "PENDING_GENERATION"];

/// The type of keys.
const KEYS: &str = "cloudkms/v1/projects.locations.keyRings.cryptoKeys";

fn text<'j>(object: &'j Json, name: &str) -> &'j str {
    object.get(name).and_then(Json::as_str).unwrap_or_default()
}

impl Target {
    /// Tells whether the type is that of keys.
    pub(crate) fn is_key(&self) -> bool {
        self.rest.name() == KEYS
    }

    /// Returns the versions of a key.
    fn versions(&self, context: &Context, link: &str) -> Result<Vec<Json>, Failure> {
        let path = self.path_of(link)?;
        let mut versions = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let below = path.iter().map(String::as_str).chain(["cryptoKeyVersions"]);
            let page: Json = api(context, self.rest.service())
                .get(below)
                .optional_query("pageToken", cursor)
                .send()?
                .json()?;
            let found = page.get("cryptoKeyVersions").and_then(Json::as_array);
            versions.extend(found.into_iter().flatten().cloned());
            cursor = Some(text(&page, "nextPageToken").to_owned()).filter(|token| !token.is_empty());
            if cursor.is_none() {
                return Ok(versions);
            }
        }
        Err(Failure::new(
            Disposition::Other,
            format!("{link} has more versions than can be read"),
        ))
    }

    /// Tells whether nothing can be done with a key any more.
    pub(crate) fn is_spent(&self, context: &Context, link: &str) -> Result<bool, Failure> {
        let versions = self.versions(context, link)?;
        Ok(!versions
            .iter()
            .any(|version| USABLE.contains(&text(version, "state"))))
    }

    /// Returns an object that was read; none when it is a key that nothing can be done with any more.
    pub(crate) fn present(
        &self,
        context: &Context,
        link: &str,
        found: Value,
    ) -> Result<Option<Value>, Failure> {
        let primary = found
            .attribute("primary")
            .and_then(|primary| primary.attribute("state"));
        let is_enabled = primary.and_then(Value::as_text) == Some("ENABLED");
        if self.is_key() && !is_enabled && self.is_spent(context, link)? {
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// Gives a key a new version, and makes it what it should be.
    pub(crate) fn revive(
        &self,
        context: &Context,
        link: &str,
        old: &Value,
        new: &Value,
        token: &str,
    ) -> Result<Stand, Failure> {
        let path = self.path_of(link)?;
        let api = api(context, self.rest.service());
        let below = path.iter().map(String::as_str).chain(["cryptoKeyVersions"]);
        let version: Json = api.post(below).json(&json!({})).send()?.json()?;
        // Of other keys, who uses them says which version.
        if new.attribute("purpose").and_then(Value::as_text) == Some("ENCRYPT_DECRYPT") {
            let mut path = path;
            if let Some(last) = path.last_mut() {
                last.push_str(":updatePrimaryVersion");
            }
            let number = text(&version, "name").rsplit('/').next().unwrap_or_default();
            api.post(&path)
                .json(&json!({ "cryptoKeyVersionId": number }))
                .send()?;
        }
        self.update(context, link, old, new, token)
    }

    /// Destroys all versions of a key, and lets no new one be made.
    pub fn destroy_versions(&self, context: &Context, link: &str) -> Result<Stand, Failure> {
        let Some(key) = self.read(context, link)? else {
            return Ok(Stand::Gone);
        };
        let path = self.path_of(link)?;
        let api = api(context, self.rest.service());
        if key.attribute("rotationPeriod").is_some() {
            api.patch(&path)
                .query("updateMask", "rotationPeriod,nextRotationTime")
                .json(&json!({}))
                .send()?;
        }
        for version in self.versions(context, link)? {
            if DESTROYABLE.contains(&text(&version, "state")) {
                let name = format!("v1/{}:destroy", text(&version, "name"));
                api.post(name.split('/')).json(&json!({})).send()?;
            }
        }
        Ok(Stand::Gone)
    }

    /// Deletes an object when nothing of a collection stands in it any more.
    pub fn delete_empty(
        &self,
        context: &Context,
        link: &str,
        collection: &str,
        token: &str,
    ) -> Result<Stand, Failure> {
        let path = self.path_of(link)?;
        let below = path.iter().map(String::as_str).chain([collection]);
        let answer = api(context, self.rest.service())
            .get(below)
            .query("pageSize", 1)
            .send_optional()?;
        let Some(answer) = answer else {
            return Ok(Stand::Gone);
        };
        let page: Json = answer.json()?;
        let is_empty = page
            .get(collection)
            .and_then(Json::as_array)
            .is_none_or(Vec::is_empty);
        if is_empty {
            return self.delete(context, link, token);
        }
        context.log(
            LogLevel::Warn,
            &format!("{link} is left where it is: what stands in it can never be deleted"),
            &[],
        );
        Ok(Stand::Gone)
    }
}
