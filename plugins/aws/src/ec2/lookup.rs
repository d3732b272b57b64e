//! Reading objects by filters: one by identifier, many at once, all of them, or the one a token created.

use aws_sdk_ec2::types::Filter;
use konductor_sdk::prelude::*;
use konductor_sdk::resource::ReadResult;

use super::progress::not_shown;
use super::search::{VALUES_PER_FILTER, asked_for, filter};
use super::tags::TOKEN;

/// Some objects, and where the next page begins.
#[derive(Debug, Default)]
pub struct Page {
    /// The objects.
    pub objects: Vec<ObjectState>,
    /// The cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// A type whose objects one `Describe` call finds by filters. An identifier that does not exist is then simply not
/// found, where asking for it by name would fail the whole call.
pub trait Described: ResourceProvider + Sized {
    /// Returns the name of the filter by identifier, for example `vpc-id`.
    fn id_filter(&self) -> &'static str;

    /// Reads one page of the objects that match every filter. Objects that are on their way out are left out; the
    /// private bytes of each are the token it was created with.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn describe(
        &self,
        context: &Context,
        filters: Option<Vec<Filter>>,
        cursor: Option<String>,
    ) -> Result<Page, Failure>;

    /// Reads every object that matches every filter.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn describe_all(&self, context: &Context, filters: Vec<Filter>) -> Result<Vec<ObjectState>, Failure> {
        let mut objects = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.describe(context, Some(filters.clone()), cursor)?;
            objects.extend(page.objects);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(objects);
            }
        }
    }

    /// Reads one object.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn find(&self, context: &Context, id: &str) -> Result<Option<ObjectState>, Failure> {
        let objects = self.describe_all(context, vec![filter(self.id_filter(), [id])])?;
        Ok(objects.into_iter().find(|object| object.id == id))
    }

    /// Reads one object that was just made or changed.
    ///
    /// # Errors
    /// When the cloud refuses or does not show it yet.
    fn find_made(&self, context: &Context, id: &str) -> Result<ObjectState, Failure> {
        self.find(context, id)?.ok_or_else(|| not_shown(id))
    }

    /// Does what is left to do for an object that was just made, and reads it. It can be called again.
    ///
    /// # Errors
    /// When the cloud refuses or does not show it yet.
    fn settle(&self, context: &Context, id: &str, _wanted: &Value) -> Result<Outcome, Failure> {
        self.find_made(context, id).map(Outcome::Complete)
    }

    /// Finds the object that a create with the same token made before.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn find_by_token(&self, context: &Context, token: &str) -> Result<Option<ObjectState>, Failure> {
        let objects = self.describe_all(context, vec![filter(format!("tag:{TOKEN}"), [token])])?;
        // Not every API that is compatible with EC2 knows the filter.
        Ok(objects
            .into_iter()
            .find(|object| object.private == token.as_bytes()))
    }

    /// Reads many objects with one call for 200 of them.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn find_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let mut found = std::collections::BTreeMap::new();
        for chunk in requests.chunks(VALUES_PER_FILTER) {
            let ids = chunk.iter().map(|request| request.id.as_str());
            for object in self.describe_all(context, vec![filter(self.id_filter(), ids)])? {
                found.insert(object.id.clone(), object);
            }
        }
        Ok(requests
            .iter()
            .map(|request| Ok(found.get(&request.id).cloned()))
            .collect())
    }

    /// Lists objects; the filter's keys are names of EC2 filters, its values a text or a list of texts.
    ///
    /// # Errors
    /// When the cloud refuses.
    fn list_page(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        let page = self.describe(context, asked_for(request), request.cursor.clone())?;
        Ok(Listed {
            objects: page.objects,
            next_cursor: page.next,
        })
    }
}

/// Returns the cursor of the next page; the API gives an empty text for none.
pub fn next(cursor: Option<&str>) -> Option<String> {
    cursor.filter(|cursor| !cursor.is_empty()).map(str::to_owned)
}

/// Writes `read`, `read_many` and `list` of a [`Described`] type.
macro_rules! reads {
    () => {
        fn read(&self, context: &Context, request: &ReadRequest) -> Result<Option<ObjectState>, Failure> {
            $crate::ec2::lookup::Described::find(self, context, &request.id)
        }

        fn read_many(
            &self,
            context: &Context,
            requests: &[ReadRequest],
        ) -> Result<Vec<konductor_sdk::resource::ReadResult>, Failure> {
            $crate::ec2::lookup::Described::find_many(self, context, requests)
        }

        fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
            $crate::ec2::lookup::Described::list_page(self, context, request)
        }
    };
}
pub(crate) use reads;
