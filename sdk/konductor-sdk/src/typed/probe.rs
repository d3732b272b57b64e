//! Chooses, for one type, between a trait that it implements and what stands in for it. A call on `&Probe` finds the
//! trait for `Probe` first, and the one for `&Probe` only where the type has not got what the first asks for.
#![allow(missing_docs)]

use std::marker::PhantomData;

use konductor_model::provider::{
    ListRequest, Listed, ObjectState, Outcome, PlanRequest, PlanResponse, PollRequest, ReadRequest,
};
use konductor_model::{Diagnostics, Disposition, Failure, Value};

use super::provider::run;
use super::request::{Polling, Reading};
use super::{Check, Import, List, Permissions, Poll, Read, ReadMany, RefinePlan, Resource, Upgrade, upgrade};
use crate::context::Context;
use crate::resource::ReadResult;

pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

fn unsupported<R: Resource>(what: &str) -> Failure {
    Failure::new(Disposition::Unsupported, format!("{} cannot be {what}", R::TYPE))
}

pub trait Checks {
    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics);
}
impl<R: Check> Checks for Probe<R> {
    fn check(&self, inputs: &Value, diagnostics: &mut Diagnostics) {
        <R as Check>::check(inputs, diagnostics);
    }
}
pub trait ChecksNothing {
    fn check(&self, _: &Value, _: &mut Diagnostics) {}
}
impl<R> ChecksNothing for &Probe<R> {}

pub trait SharesPermissions {
    fn permissions(&self, operation: &str) -> Vec<&'static str>;
}
impl<R: Permissions> SharesPermissions for Probe<R> {
    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        <R as Permissions>::permissions(operation, <R as Resource>::permissions(operation))
    }
}
pub trait NamesPermissions {
    fn permissions(&self, operation: &str) -> Vec<&'static str>;
}
impl<R: Resource> NamesPermissions for &Probe<R> {
    fn permissions(&self, operation: &str) -> Vec<&'static str> {
        <R as Resource>::permissions(operation)
    }
}

pub trait RefinesPlan {
    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse);
}
impl<R: RefinePlan> RefinesPlan for Probe<R> {
    fn refine_plan(&self, request: &PlanRequest, plan: &mut PlanResponse) {
        <R as RefinePlan>::refine_plan(request, plan);
    }
}
pub trait LeavesPlan {
    fn refine_plan(&self, _: &PlanRequest, _: &mut PlanResponse) {}
}
impl<R> LeavesPlan for &Probe<R> {}

pub trait ReadsMany {
    fn reads_many(&self) -> bool {
        true
    }
    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure>;
}
impl<R: ReadMany> ReadsMany for Probe<R> {
    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        let readings: Vec<Reading<'_, R>> = requests.iter().map(Reading::new).collect();
        Ok(run(<R as ReadMany>::read_many(context, &readings))?
            .into_iter()
            .map(|answer| answer.map(|object| object.map(Into::into)))
            .collect())
    }
}
pub trait ReadsOneByOne {
    fn reads_many(&self) -> bool {
        false
    }
    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure>;
}
impl<R: Read> ReadsOneByOne for &Probe<R> {
    fn read_many(&self, context: &Context, requests: &[ReadRequest]) -> Result<Vec<ReadResult>, Failure> {
        Ok(requests
            .iter()
            .map(|request| {
                run(<R as Read>::read(context, Reading::new(request))).map(|object| object.map(Into::into))
            })
            .collect())
    }
}

pub trait Lists {
    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure>;
}
impl<R: List> Lists for Probe<R> {
    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure> {
        run(<R as List>::list(context, request)).map(Into::into)
    }
}
pub trait ListsNothing {
    fn list(&self, context: &Context, request: &ListRequest) -> Result<Listed, Failure>;
}
impl<R: Resource> ListsNothing for &Probe<R> {
    fn list(&self, _: &Context, _: &ListRequest) -> Result<Listed, Failure> {
        Err(unsupported::<R>("listed"))
    }
}

pub trait Imports {
    fn import_id(&self, id: &str) -> Result<String, Failure>;
}
impl<R: Import> Imports for Probe<R> {
    fn import_id(&self, id: &str) -> Result<String, Failure> {
        <R as Import>::import_id(id)
    }
}
pub trait ImportsAsGiven {
    fn import_id(&self, id: &str) -> Result<String, Failure> {
        Ok(id.to_owned())
    }
}
impl<R> ImportsAsGiven for &Probe<R> {}

pub trait Polls {
    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure>;
}
impl<R: Poll> Polls for Probe<R> {
    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure> {
        run(<R as Poll>::poll(context, Polling::new(request))).map(Into::into)
    }
}
pub trait PollsNothing {
    fn poll(&self, context: &Context, request: &PollRequest) -> Result<Outcome, Failure>;
}
impl<R: Resource> PollsNothing for &Probe<R> {
    fn poll(&self, _: &Context, _: &PollRequest) -> Result<Outcome, Failure> {
        Err(unsupported::<R>("polled: the plugin has no `Poll` for it"))
    }
}

pub trait Upgrades {
    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure>;
}
impl<R: Upgrade> Upgrades for Probe<R> {
    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure> {
        R::upgrades().apply(stored)
    }
}
pub trait UpgradesByName {
    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure>;
}
impl<R: Resource> UpgradesByName for &Probe<R> {
    fn upgrade(&self, stored: ObjectState) -> Result<ObjectState, Failure> {
        upgrade::rename::<R>(stored)
    }
}
