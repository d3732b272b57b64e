//! What the types of AWS Config share: an account calls each object by a name, one call makes and changes it, one
//! describes some of them or all, and one deletes it.
//!
//! A create looks first: what is there is this create's own where it carries its token, or, in a type without tags, where it
//! is as asked for.
#![allow(async_fn_in_trait, reason = "a guest has one thread")]

use konductor_sdk::cloud::Api;
use konductor_sdk::model::provider::OperationKind;
use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};

use super::client::{call, config};
use crate::ec2::progress::{handle, in_progress, not_shown};
use crate::ec2::standing::Standing;
use crate::json_api::{about, elements, given, text};

/// What a file with a type of AWS Config usually needs.
pub mod prelude {
    pub(crate) use super::super::client::call;
    pub(crate) use super::{Named, named};
    pub(crate) use crate::ec2::standing::Standing;
    pub(crate) use crate::json_api::{elements, given, text, texts};
    pub use konductor_sdk::cloud::Api;
    pub use konductor_sdk::typed::prelude::*;
    pub use serde_json::{Value as Json, json};
}

/// A type of AWS Config.
pub trait Named: Resource + Clone {
    /// What its calls are named after: `DeliveryChannel` where `DescribeDeliveryChannels` describes it.
    const NOUN: &'static str;
    /// The member of a description that is the name.
    const NAME: &'static str = "name";
    /// The list in the answer to `Describe…`; by default as the call is named.
    const LISTED: Option<&'static str> = None;
    /// The attribute that each refusal is about, by the refusal's code.
    const REFUSALS: &'static [(&'static str, &'static str)] = &[];
    /// How long an object usually stays in one state, in seconds; 0 where nothing takes its time.
    const WAIT: u64 = 0;

    /// Makes the object, or changes it to be this one. The token is that of a create, none of a change.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn put(&self, config: &Api<'_>, token: Option<&str>) -> Result<(), Failure>;

    /// Reads an object from its description, and tells how it stands. Its private bytes are the token that it carries.
    ///
    /// # Errors
    /// When more has to be asked for, and the cloud refuses.
    async fn described(
        config: &Api<'_>,
        name: String,
        description: &Json,
    ) -> Result<(Object<Self>, Standing), Failure>;

    /// Tells whether an object that is there was made by this create.
    fn is_made_by(&self, found: &Object<Self>, _token: &str) -> bool {
        found.attributes.to_map() == self.to_map()
    }

    /// Changes what the cloud changes by calls of their own: tags.
    ///
    /// # Errors
    /// When the cloud refuses.
    async fn change_besides(&self, _config: &Api<'_>, _prior: &Self) -> Result<(), Failure> {
        Ok(())
    }
}

async fn see<R: Named>(config: &Api<'_>, name: &str) -> Result<Option<(Object<R>, Standing)>, Failure> {
    let (seen, _) = match describe::<R>(config, json!({ format!("{}Names", R::NOUN): [name] })).await {
        Err(failure) if failure.disposition == Disposition::NotFound => return Ok(None),
        answer => answer?,
    };
    Ok(seen.into_iter().find(|(object, _)| object.id == name))
}

type Seen<R> = Vec<(Object<R>, Standing)>;

async fn describe<R: Named>(config: &Api<'_>, asked: Json) -> Result<(Seen<R>, Option<String>), Failure> {
    let plural = format!("{}s", R::NOUN);
    let answer = call(config, &format!("Describe{plural}"), &asked)?;
    let mut seen = Vec::new();
    for description in elements(&answer, R::LISTED.unwrap_or(&plural)) {
        if let Some(name) = text(description, R::NAME) {
            seen.push(R::described(config, name, description).await?);
        }
    }
    Ok((seen, text(&answer, "NextToken")))
}

/// Finds an object that is not on its way out.
pub(crate) async fn find<R: Named>(context: &Context, name: &str) -> Result<Option<Object<R>>, Failure> {
    let seen = see(&config(context), name).await?;
    Ok(seen
        .filter(|(_, standing)| standing.is_present())
        .map(|(object, _)| object))
}

pub(crate) async fn create<R: Named>(
    context: &Context,
    request: Creation<'_, R>,
) -> Result<Made<R>, Failure> {
    let (config, token, wanted) = (config(context), request.idempotency_token(), &request.inputs);
    let Some(planned) = Object::identified(wanted.clone()) else {
        return Err(Failure::new(Disposition::Invalid, "the name is missing"));
    };
    match see::<R>(&config, &planned.id).await? {
        Some((found, _)) if wanted.is_made_by(&found, token) => {}
        Some((_, standing)) if !standing.is_present() => {
            let message = format!("an object of the name `{}` is still being deleted", planned.id);
            return Err(Failure::new(Disposition::Conflict, message));
        }
        Some(_) => {
            let mut failure = request.exists_already(&planned.id);
            failure.at = R::IDENTITY.first().map(|name| Path::attribute(*name));
            return Err(failure);
        }
        None => {
            let made = wanted.put(&config, Some(token)).await;
            made.map_err(|failure| about(failure, R::REFUSALS))?;
        }
    }
    Ok(match settle::<R>(&config, &planned.id, "made").await {
        Ok(made) => made,
        Err(failure) if failure.disposition.is_transient() => {
            Made::InProgress(in_progress(&planned.id, "made", 1, failure.to_string()))
        }
        Err(failure) => Made::Partial(planned.private(token), failure),
    })
}

pub(crate) async fn update<R: Named>(context: &Context, request: Change<'_, R>) -> Result<Made<R>, Failure> {
    let (config, wanted) = (config(context), &request.inputs);
    let changed = wanted.put(&config, None).await;
    changed.map_err(|failure| about(failure, R::REFUSALS))?;
    let rest = match wanted.change_besides(&config, &request.prior()?).await {
        Ok(()) => settle::<R>(&config, request.id(), "made").await,
        Err(failure) => Err(failure),
    };
    match rest {
        Ok(made) => Ok(made),
        Err(failure) => Ok(Made::Partial(request.expected()?, failure)),
    }
}

/// Tells how a create or a change stands.
async fn settle<R: Named>(config: &Api<'_>, name: &str, stage: &str) -> Result<Made<R>, Failure> {
    let (object, standing) = see::<R>(config, name).await?.ok_or_else(|| not_shown(name))?;
    match standing {
        Standing::There => Ok(object.into()),
        Standing::Coming(doing) => Ok(Made::InProgress(in_progress(name, stage, R::WAIT, doing))),
        Standing::Failed(failure) => Ok(Made::Partial(object, *failure)),
        Standing::Leaving(why) | Standing::Gone(why) => {
            Err(why.map_or_else(|| not_shown(name), |failure| *failure))
        }
    }
}

pub(crate) async fn delete<R: Named>(
    context: &Context,
    request: Deletion<'_, R>,
) -> Result<Deleted, Failure> {
    let config = config(context);
    let asked = json!({ format!("{}Name", R::NOUN): request.id() });
    call(&config, &format!("Delete{}", R::NOUN), &asked)?;
    gone::<R>(&config, request.id()).await
}

/// Tells how a delete stands.
async fn gone<R: Named>(config: &Api<'_>, name: &str) -> Result<Deleted, Failure> {
    if R::WAIT == 0 || see::<R>(config, name).await?.is_none() {
        return Ok(Deleted::Complete);
    }
    Ok(Deleted::InProgress(in_progress(
        name,
        "deleted",
        R::WAIT,
        "deleting",
    )))
}

pub(crate) async fn poll<R: Named>(context: &Context, request: Polling<'_, R>) -> Result<Polled<R>, Failure> {
    let (stage, name) = handle(request.handle())?;
    let config = config(context);
    match request.operation() {
        OperationKind::Delete => gone::<R>(&config, name).await.map(Polled::Deleted),
        _ => settle::<R>(&config, name, stage).await.map(Polled::Made),
    }
}

pub(crate) async fn list<R: Named>(context: &Context, request: &ListRequest) -> Result<Page<R>, Failure> {
    let cursor = request.cursor.clone().map_or(Json::Null, Json::from);
    let (seen, next_cursor) = describe(&config(context), given([("NextToken", cursor)])).await?;
    let present = seen.into_iter().filter(|(_, standing)| standing.is_present());
    Ok(Page {
        objects: present.map(|(object, _)| object).collect(),
        next_cursor,
    })
}

/// Returns the permissions of an operation: all of them look first, or read afterwards.
pub(crate) fn permissions<R: Resource>(operation: &str, mut named: Vec<&'static str>) -> Vec<&'static str> {
    if matches!(operation, "create" | "update" | "delete") {
        named.extend(R::permissions("read"));
    }
    named
}

/// Writes the operations of a [`Named`] type.
macro_rules! named {
    ($type:ident) => {
        impl Permissions for $type {
            fn permissions(operation: &str, named: Vec<&'static str>) -> Vec<&'static str> {
                $crate::config::named::permissions::<Self>(operation, named)
            }
        }
        impl Create for $type {
            async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
                $crate::config::named::create(context, request).await
            }
        }
        impl Read for $type {
            async fn read(
                context: &Context,
                request: Reading<'_, Self>,
            ) -> Result<Option<Object<Self>>, Failure> {
                $crate::config::named::find(context, request.id()).await
            }
        }
        impl Update for $type {
            async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
                $crate::config::named::update(context, request).await
            }
        }
        impl Delete for $type {
            async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
                $crate::config::named::delete(context, request).await
            }
        }
        impl List for $type {
            async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
                $crate::config::named::list(context, request).await
            }
        }
        impl Poll for $type {
            async fn poll(context: &Context, request: Polling<'_, Self>) -> Result<Polled<Self>, Failure> {
                $crate::config::named::poll(context, request).await
            }
        }
    };
}
pub(crate) use named;
