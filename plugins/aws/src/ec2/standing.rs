//! How an object stands, and what that says about the create or the delete that it is in.

use aws_sdk_ec2::Client;
use konductor_sdk::typed::prelude::*;

use super::described::{Described, see_all};
use super::progress::{in_progress, not_shown};
use super::search::filter;

/// How an object stands.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It is as it should be, or as somebody made it.
    There,
    /// It is being made; the text says what it does.
    Coming(&'static str),
    /// It is there, and of no use: it could not be made.
    Failed(Box<Failure>),
    /// It is on its way out; the failure says why where nobody asked for that.
    Leaving(Option<Box<Failure>>),
    /// It is gone, and shown for a while.
    Gone(Option<Box<Failure>>),
}

impl Standing {
    /// Tells whether the object counts as one: it is not on its way out.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Leaving(_) | Self::Gone(_))
    }
}

/// Reads one object, however it stands.
async fn see<R: Described>(client: &Client, id: &str) -> Result<Option<(Object<R>, Standing)>, Failure> {
    let seen = see_all(client, vec![filter(R::id_filter(), [R::filter_value(id)])]).await?;
    Ok(seen.into_iter().find(|(object, _)| object.id == id))
}

/// Tells how a create, or the end of a change, stands.
///
/// # Errors
/// When the cloud refuses, does not show the object yet, or has ended it by itself.
pub(crate) async fn made<R: Described>(client: &Client, id: &str) -> Result<Made<R>, Failure> {
    let (object, standing) = see(client, id).await?.ok_or_else(|| not_shown(id))?;
    match standing {
        Standing::There => Ok(object.into()),
        Standing::Coming(doing) => Ok(Made::InProgress(in_progress(id, "made", R::WAIT, doing))),
        Standing::Failed(failure) => Ok(Made::Partial(object, *failure)),
        Standing::Leaving(why) | Standing::Gone(why) => {
            Err(why.map_or_else(|| not_shown(id), |failure| *failure))
        }
    }
}

/// Tells how a delete stands.
///
/// # Errors
/// When the cloud refuses.
pub(crate) async fn gone<R: Described>(client: &Client, id: &str) -> Result<Deleted, Failure> {
    if R::WAIT == 0 {
        return Ok(Deleted::Complete);
    }
    Ok(match see::<R>(client, id).await? {
        None | Some((_, Standing::Gone(_))) => Deleted::Complete,
        Some(_) => Deleted::InProgress(in_progress(id, "deleted", R::WAIT, "deleting")),
    })
}
