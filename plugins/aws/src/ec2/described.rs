//! What the types of EC2 share, so that a type is its struct and its calls.
//!
//! An object is made with its tags, one of which holds the token of the create, and is found again by it. One
//! `Describe` call with filters reads one object, many at once, all of them, or the one of a token; an identifier that
//! does not exist is then simply not found, where asking for it by name would fail the whole call. How each object
//! stands tells whether a create or a delete goes on, in [`standing`](super::standing).
#![allow(async_fn_in_trait, reason = "a guest has one thread")]

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType as Kind, TagSpecification};
use konductor_sdk::model::provider::OperationKind;
use konductor_sdk::typed::prelude::*;

use super::progress::{UNSURE, handle, in_progress, not_shown, unsure};
use super::search::{VALUES_PER_FILTER, asked_for, filter};
use super::standing::{Standing, gone, made};
use super::tags::{TOKEN, Tags};
use crate::client::{ec2, incomplete};

/// What a file with a type of EC2 usually needs.
pub mod prelude {
    pub(crate) use super::{Described, Found, New, Search, described, find_made, pages};
    pub(crate) use crate::client::arn;
    pub(crate) use crate::ec2::standing::{Standing, made};
    pub(crate) use crate::ec2::tags::Tags;
    pub use aws_sdk_ec2::Client;
    pub use konductor_sdk::aws::{call, done};
    pub use konductor_sdk::typed::prelude::*;
}

/// What an object is made with, besides its attributes.
#[derive(Debug)]
pub struct New<'n> {
    /// What is the same for every attempt at this create.
    pub token: &'n str,
    /// The tags, and the token among them.
    pub tags: TagSpecification,
}

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// What the objects must match; all of them where there is none.
    pub filters: Option<Vec<Filter>>,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// Some objects, and where the next page begins.
#[derive(Debug)]
pub struct Found<R> {
    /// The attributes of each, and how it stands.
    pub objects: Vec<(R, Standing)>,
    /// Where the next page begins; the API also gives an empty text for nowhere.
    pub next: Option<String>,
}

impl<R> Found<R> {
    /// Returns a page of what the cloud answered with, all of which is there.
    ///
    /// # Errors
    /// Never: it ends a function that may fail.
    pub fn page<C>(
        next: Option<String>,
        things: Option<Vec<C>>,
        mut attributes: impl FnMut(C) -> R,
    ) -> Result<Self, Failure> {
        Self::standing(next, things, |thing| (attributes(thing), Standing::There))
    }

    /// Returns a page of what the cloud answered with, and how each stands.
    ///
    /// # Errors
    /// Never: it ends a function that may fail.
    pub fn standing<C>(
        next: Option<String>,
        things: Option<Vec<C>>,
        objects: impl FnMut(C) -> (R, Standing),
    ) -> Result<Self, Failure> {
        let objects = things.into_iter().flatten().map(objects).collect();
        Ok(Self { objects, next })
    }
}

/// The tags of a type; none of a type that takes none. `described!` writes it.
pub trait Labelled {
    /// Returns the tags.
    fn labels(&self) -> Option<&Tags>;
}

/// A type whose objects one `Describe` call finds by filters.
pub trait Described: Resource + Labelled + Clone {
    /// The attribute by which the API of tags calls an object; its identifier where there is none.
    const TAGGED_AS: &'static str = "";
    /// How long an object usually stays in one state, in seconds; 0 where nothing takes its time.
    const WAIT: u64 = 0;

    /// Returns what the API of tags calls the type: `route-table` where it is `aws:ec2:RouteTable`.
    fn kind() -> Kind {
        let mut kind = String::new();
        for letter in Self::TYPE.rsplit(':').next().unwrap_or_default().chars() {
            if letter.is_ascii_uppercase() && !kind.is_empty() {
                kind.push('-');
            }
            kind.push(letter.to_ascii_lowercase());
        }
        Kind::from(kind.as_str())
    }

    /// Returns the name of the filter by identifier: `vpc-id` where the attribute `vpc_id` is the identity.
    fn id_filter() -> String {
        Self::IDENTITY.concat().replace('_', "-")
    }

    /// Returns the value of that filter for an identifier: what an object stands in, where it is found in that.
    fn filter_value(id: &str) -> &str {
        id
    }

    /// Returns the object of these attributes; none where its identity is not there.
    fn object(self) -> Option<Object<Self>> {
        Object::identified(self)
    }

    /// Makes an object and returns its identifier.
    ///
    /// # Errors
    /// When there is no object, or it cannot be told.
    async fn make(&self, client: &Client, new: New<'_>) -> Result<Option<String>, Failure>;

    /// Reads one page of the objects that match, and tells how each stands.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn describe(client: &Client, search: Search) -> Result<Found<Self>, Failure>;

    /// Does what is left to do for an object that was just made as this one, and reads it. It can be called again.
    ///
    /// # Errors
    /// When the cloud refuses or does not show it yet.
    async fn settle(&self, client: &Client, id: &str) -> Result<Made<Self>, Failure> {
        made(client, id).await
    }

    /// Makes an object that was as `prior` what this one is, except for its tags. Returns the stage that a change
    /// which takes its time begins with.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn change(
        &self,
        _client: &Client,
        _id: &str,
        _prior: &Self,
    ) -> Result<Option<&'static str>, Failure> {
        Ok(None)
    }

    /// Goes on with a change that is at a stage.
    ///
    /// # Errors
    /// When the cloud refuses, or the change failed.
    async fn changed(&self, client: &Client, id: &str, _stage: &str) -> Result<Made<Self>, Failure> {
        made(client, id).await
    }

    /// Removes an object.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn remove(client: &Client, object: Deletion<'_, Self>) -> Result<(), Failure>;
}

/// Objects as they were seen, and how each stands.
type Seen<R> = Vec<(Object<R>, Standing)>;

async fn see_page<R: Described>(
    client: &Client,
    search: Search,
) -> Result<(Seen<R>, Option<String>), Failure> {
    let found = R::describe(client, search).await?;
    let seen = found.objects.into_iter().filter_map(|(attributes, standing)| {
        let token = attributes.labels().map(|tags| tags.token().to_owned());
        let object = attributes.object()?.private(token.unwrap_or_default());
        Some((object, standing))
    });
    Ok((seen.collect(), found.next.filter(|cursor| !cursor.is_empty())))
}

/// Reads every object that matches every filter, however it stands.
pub(crate) async fn see_all<R: Described>(client: &Client, filters: Vec<Filter>) -> Result<Seen<R>, Failure> {
    let mut all = Vec::new();
    let mut search = Search {
        filters: Some(filters),
        cursor: None,
    };
    loop {
        let (seen, next) = see_page(client, search.clone()).await?;
        all.extend(seen);
        search.cursor = next;
        if search.cursor.is_none() {
            return Ok(all);
        }
    }
}

fn present<R>(seen: Seen<R>) -> Vec<Object<R>> {
    seen.into_iter()
        .filter(|(_, standing)| standing.is_present())
        .map(|(object, _)| object)
        .collect()
}

/// Reads every object that matches every filter and is not on its way out.
pub(crate) async fn find_all<R: Described>(
    client: &Client,
    filters: Vec<Filter>,
) -> Result<Vec<Object<R>>, Failure> {
    see_all(client, filters).await.map(present)
}

/// Reads one object.
pub(crate) async fn find<R: Described>(client: &Client, id: &str) -> Result<Option<Object<R>>, Failure> {
    let objects = find_all(client, vec![filter(R::id_filter(), [R::filter_value(id)])]).await?;
    Ok(objects.into_iter().find(|object| object.id == id))
}

/// Reads one object that was just made or changed.
pub(crate) async fn find_made<R: Described>(client: &Client, id: &str) -> Result<Object<R>, Failure> {
    find(client, id).await?.ok_or_else(|| not_shown(id))
}

/// Finds the object that a create with the same token made before.
async fn find_by_token<R: Described>(client: &Client, token: &str) -> Result<Option<Object<R>>, Failure> {
    let objects = find_all(client, vec![filter(format!("tag:{TOKEN}"), [token])]).await?;
    // Not every API that is compatible with EC2 knows the filter.
    Ok(objects
        .into_iter()
        .find(|object| object.private == token.as_bytes()))
}

/// Returns the identifier of the object that a create is about; it is made if it is not there yet.
async fn begin<R: Described>(client: &Client, wanted: &R, token: &str) -> Result<String, Failure> {
    let tags = wanted.labels();
    if tags.is_some()
        && let Some(found) = find_by_token::<R>(client, token).await?
    {
        return Ok(found.id);
    }
    let new = New {
        token,
        tags: tags.cloned().unwrap_or_default().specification(R::kind(), token),
    };
    match wanted.make(client, new).await {
        // What is there already may be of this very create, made between the look and the call.
        Err(failure) if failure.disposition == Disposition::AlreadyExists && tags.is_some() => {
            let found = find_by_token::<R>(client, token).await?;
            found.map(|found| found.id).ok_or(failure)
        }
        answer => answer?.ok_or_else(|| incomplete(&format!("the identifier of the new {}", R::TYPE))),
    }
}

/// Creates an object. Once it is there nothing may be created again, so what may pass is polled instead of tried
/// again, and what will not pass leaves a partial object that is known.
pub(crate) async fn create<R: Described>(
    context: &Context,
    wanted: R,
    token: &str,
    looks: u32,
) -> Result<Made<R>, Failure> {
    let client = ec2(context);
    let id = match begin(&client, &wanted, token).await {
        Ok(id) => id,
        Err(failure) => return unsure(failure, token, looks).map(Made::InProgress),
    };
    Ok(match wanted.settle(&client, &id).await {
        Ok(made) => made,
        Err(failure) if failure.disposition.is_transient() => {
            Made::InProgress(in_progress(&id, "settled", 1, failure.to_string()))
        }
        Err(failure) => Made::Partial(Object::new(id, wanted).private(token), failure),
    })
}

/// Goes on with a create, an update or a delete.
pub(crate) async fn poll<R: Described>(
    context: &Context,
    request: Polling<'_, R>,
) -> Result<Polled<R>, Failure> {
    let (stage, subject) = handle(request.handle())?;
    let client = ec2(context);
    let looks = stage
        .strip_prefix(UNSURE)
        .and_then(|looks| looks.parse::<u32>().ok());
    let made = match (request.operation(), looks) {
        (OperationKind::Delete, _) => return gone::<R>(&client, subject).await.map(Polled::Deleted),
        (OperationKind::Update, _) => request.planned()?.changed(&client, subject, stage).await,
        (OperationKind::Create, Some(looks)) => create(context, request.planned()?, subject, looks + 1).await,
        (OperationKind::Create, None) => request.planned()?.settle(&client, subject).await,
    };
    made.map(Polled::Made)
}

/// Reads many objects with one call for 200 of them.
pub(crate) async fn find_many<R: Described>(
    context: &Context,
    requests: &[Reading<'_, R>],
) -> Result<Vec<Result<Option<Object<R>>, Failure>>, Failure> {
    let client = ec2(context);
    let mut found = BTreeMap::new();
    let values: BTreeSet<&str> = requests
        .iter()
        .map(|request| R::filter_value(request.id()))
        .collect();
    let values: Vec<&str> = values.into_iter().collect();
    for chunk in values.chunks(VALUES_PER_FILTER) {
        let chunk = chunk.iter().copied();
        for object in find_all::<R>(&client, vec![filter(R::id_filter(), chunk)]).await? {
            found.insert(object.id.clone(), object);
        }
    }
    Ok(requests
        .iter()
        .map(|request| Ok(found.get(request.id()).cloned()))
        .collect())
}

/// Lists objects; the filter's keys are names of EC2 filters, its values a text or a list of texts.
pub(crate) async fn list<R: Described>(context: &Context, request: &ListRequest) -> Result<Page<R>, Failure> {
    let search = Search {
        filters: asked_for(request),
        cursor: request.cursor.clone(),
    };
    let (seen, next_cursor) = see_page(&ec2(context), search).await?;
    Ok(Page {
        objects: present(seen),
        next_cursor,
    })
}

/// Changes the tags of an object, then itself, and reads it.
pub(crate) async fn update<R: Described>(
    context: &Context,
    request: Change<'_, R>,
) -> Result<Made<R>, Failure> {
    let (client, id, prior) = (ec2(context), request.id(), request.prior()?);
    let wanted = &request.inputs;
    if let (Some(present), Some(wanted)) = (prior.labels(), wanted.labels()) {
        let named = prior.to_map().remove(R::TAGGED_AS);
        let name = named.as_ref().and_then(Value::as_text).unwrap_or(id);
        present.become_those(&client, name, wanted).await?;
    }
    match wanted.change(&client, id, &prior).await? {
        // Once a change goes on, what may pass is polled.
        Some(stage) => match wanted.changed(&client, id, stage).await {
            Err(failure) if failure.disposition.is_transient() => {
                let message = failure.to_string();
                Ok(Made::InProgress(in_progress(id, stage, 1, message)))
            }
            made => made,
        },
        None => find_made(&client, id).await.map(Into::into),
    }
}

/// Returns the permissions of an operation: a create and an update read afterwards, and what takes tags sets them.
pub(crate) fn permissions<R: Resource>(
    operation: &str,
    mut named: Vec<&'static str>,
    tagged: bool,
) -> Vec<&'static str> {
    let tags: &[&str] = match operation {
        "create" => &["ec2:CreateTags"],
        "update" => &["ec2:CreateTags", "ec2:DeleteTags"],
        _ => return named,
    };
    if tagged {
        named.extend(tags);
    }
    named.extend(R::permissions("read"));
    named
}

/// Sends a request for a page.
macro_rules! pages {
    ($request:expr, $search:expr) => {
        $request
            .set_filters($search.filters)
            .set_next_token($search.cursor)
            .max_results($crate::ec2::search::PAGE)
            .send()
    };
}
pub(crate) use pages;

/// Writes the operations of a [`Described`] type with tags: all of them, or those named. `untagged` stands before a
/// type without tags.
macro_rules! described {
    (untagged $type:ident: $($operation:ident),+) => {
        impl $crate::ec2::described::Labelled for $type {
            fn labels(&self) -> Option<&$crate::ec2::tags::Tags> {
                None
            }
        }
        impl Permissions for $type {
            fn permissions(operation: &str, named: Vec<&'static str>) -> Vec<&'static str> {
                $crate::ec2::described::permissions::<Self>(operation, named, false)
            }
        }
        $($crate::ec2::described::described!(@$operation $type);)+
    };
    ($type:ident) => {
        $crate::ec2::described::described!($type: Create, Read, Update, Delete, List, Poll);
    };
    ($type:ident: $($operation:ident),+) => {
        impl $crate::ec2::described::Labelled for $type {
            fn labels(&self) -> Option<&$crate::ec2::tags::Tags> {
                Some(Tagged::tags(self))
            }
        }
        impl Permissions for $type {
            fn permissions(operation: &str, named: Vec<&'static str>) -> Vec<&'static str> {
                $crate::ec2::described::permissions::<Self>(operation, named, true)
            }
        }
        $($crate::ec2::described::described!(@$operation $type);)+
    };
    (@Create $type:ident) => {
        impl Create for $type {
            async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
                let token = request.idempotency_token();
                $crate::ec2::described::create(context, request.inputs, token, 0).await
            }
        }
    };
    (@Read $type:ident) => {
        impl Read for $type {
            async fn read(
                context: &Context,
                request: Reading<'_, Self>,
            ) -> Result<Option<Object<Self>>, Failure> {
                $crate::ec2::described::find(&$crate::client::ec2(context), request.id()).await
            }
        }
        impl ReadMany for $type {
            async fn read_many(
                context: &Context,
                requests: &[Reading<'_, Self>],
            ) -> Result<Vec<Result<Option<Object<Self>>, Failure>>, Failure> {
                $crate::ec2::described::find_many(context, requests).await
            }
        }
    };
    (@Update $type:ident) => {
        impl Update for $type {
            async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
                $crate::ec2::described::update(context, request).await
            }
        }
    };
    (@Delete $type:ident) => {
        impl Delete for $type {
            async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
                let (client, id) = ($crate::client::ec2(context), request.id());
                $crate::ec2::described::Described::remove(&client, request).await?;
                $crate::ec2::standing::gone::<Self>(&client, id).await
            }
        }
    };
    (@List $type:ident) => {
        impl List for $type {
            async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
                $crate::ec2::described::list(context, request).await
            }
        }
    };
    (@Poll $type:ident) => {
        impl Poll for $type {
            async fn poll(context: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure> {
                $crate::ec2::described::poll(context, request).await
            }
        }
    };
}
pub(crate) use described;
