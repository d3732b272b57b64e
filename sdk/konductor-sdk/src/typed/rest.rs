//! Objects that an HTTP API keeps at paths of their own.
#![allow(
    async_fn_in_trait,
    reason = "a guest has one thread: no future of these is ever sent to another"
)]

use konductor_model::provider::ListRequest;
use konductor_model::{Disposition, Failure};
use serde_json::Value as Json;

use super::{
    Change, Create, Creation, Delete, Deleted, Deletion, List, Made, Object, Page, Read, Reading, Resource,
    Update,
};
use crate::cloud::Api;
use crate::context::Context;

/// An object that an API keeps at a path of its own, as JSON: `GET` reads it, `PUT` changes it and `DELETE` removes
/// it. A type that implements this has [`Create`], [`Read`], [`Update`], [`Delete`] and [`List`].
///
/// Where an API does one of them in another way, the type says how in [`find`](Self::find),
/// [`change`](Self::change) or [`remove`](Self::remove). A type that says `replace_on_every_change` or `undeletable`
/// cannot implement this.
pub trait RestObject: Resource {
    /// The member of the JSON that is the identifier, where the API may call an object otherwise than who asked for
    /// it; people write identifiers for `import`.
    const ID: Option<&'static str> = None;

    /// Returns the API.
    fn api(context: &Context) -> Api<'_>;

    /// Returns the segments of the path that an object is at.
    ///
    /// # Errors
    /// When it is no identifier of the type.
    fn path(id: &str) -> Result<Vec<&str>, Failure>;

    /// Creates an object, or finds the one that the same token created before.
    ///
    /// # Errors
    /// When there is no object afterwards.
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Object<Self>, Failure>;

    /// Lists objects.
    ///
    /// # Errors
    /// When they cannot be listed.
    async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure>;

    /// Reads the object out of what `GET` answers; none when that means that there is none.
    ///
    /// # Errors
    /// When the answer is not as it should be.
    fn object(id: &str, found: &Json) -> Result<Option<Object<Self>>, Failure> {
        match Self::ID {
            Some(member) => Object::named_in_json(member, found).map(Some),
            None => Object::from_json(id, found).map(Some),
        }
    }

    /// Finds an object; none when there is none.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn find(context: &Context, id: &str) -> Result<Option<Object<Self>>, Failure> {
        match Self::api(context).get(Self::path(id)?).send_optional()? {
            Some(answer) => Self::object(id, &answer.json()?),
            None => Ok(None),
        }
    }

    /// Makes the object what the inputs say.
    ///
    /// # Errors
    /// When nothing was changed.
    async fn change(context: &Context, id: &str, inputs: &Self) -> Result<(), Failure> {
        let api = Self::api(context);
        api.put(Self::path(id)?).json(&inputs.to_json()).send().map(drop)
    }

    /// Removes the object; one that is gone already may be said to be not found.
    ///
    /// # Errors
    /// When it still exists.
    async fn remove(context: &Context, id: &str) -> Result<(), Failure> {
        Self::api(context).delete(Self::path(id)?).send().map(drop)
    }
}

impl<R: RestObject> Create for R {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        Ok(<R as RestObject>::create(context, request).await?.into())
    }
}

impl<R: RestObject> Read for R {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        Self::find(context, request.id()).await
    }
}

impl<R: RestObject> Update for R {
    /// Changes the object and reads it again; a failure to read it leaves the change told as done in part.
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let id = request.id();
        Self::change(context, id, &request.inputs).await?;
        let failure = match Self::find(context, id).await {
            Ok(Some(object)) => return Ok(object.into()),
            Ok(None) => Failure::new(
                Disposition::NotFound,
                format!("the {} `{id}` was changed, and is gone", R::TYPE),
            ),
            Err(failure) => failure,
        };
        Ok(Made::Partial(request.expected()?, failure))
    }
}

impl<R: RestObject> Delete for R {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        Self::remove(context, request.id()).await?;
        Ok(Deleted::Complete)
    }
}

impl<R: RestObject> List for R {
    async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
        <R as RestObject>::list(context, request).await
    }
}

impl<R: RestObject> Page<R> {
    /// Makes the only page of the objects with these identifiers, each read by itself: for APIs whose lists show less
    /// than everything. What is gone meanwhile is left out.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub async fn of<I: AsRef<str>>(
        context: &Context,
        ids: impl IntoIterator<Item = I>,
    ) -> Result<Self, Failure> {
        let mut objects = Vec::new();
        for id in ids {
            objects.extend(R::find(context, id.as_ref()).await?);
        }
        Ok(objects.into_iter().collect())
    }
}

/// Splits an identifier that is made of parts: `example.org./A` at `/` is `["example.org.", "A"]`.
///
/// # Errors
/// When it has another number of parts, or an empty one; the message shows `format`.
pub fn parts_of<'i, const COUNT: usize>(
    id: &'i str,
    separator: char,
    format: &str,
) -> Result<[&'i str; COUNT], Failure> {
    let parts: Vec<&str> = id.split(separator).collect();
    <[&str; COUNT]>::try_from(parts)
        .ok()
        .filter(|parts| parts.iter().all(|part| !part.is_empty()))
        .ok_or_else(|| {
            Failure::new(
                Disposition::Invalid,
                format!("`{id}` is no identifier: write it as `{format}`"),
            )
        })
}
