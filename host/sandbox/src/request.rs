//! The values in each kind of request, and whose attributes they are.

use konductor_model::ResourceType;
use konductor_model::module::ConstructRequest;
use konductor_model::provider::{
    CheckRequest, CreateRequest, DeleteRequest, ListRequest, ObjectState, PlanRequest, PollRequest,
    ReadRequest, UpdateRequest,
};

use crate::sealing::{Request, Sealer};

impl Request for CheckRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        sealer.value(&mut self.inputs);
        self.prior_inputs.iter_mut().for_each(|v| sealer.value(v));
    }
}

impl Request for PlanRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        self.prior
            .iter_mut()
            .for_each(|object| sealer.value(&mut object.attributes));
        self.prior_inputs.iter_mut().for_each(|v| sealer.value(v));
        sealer.value(&mut self.inputs);
    }
}

/// An object that an older version of the plugin stored, with its type.
pub(crate) struct Stored {
    pub(crate) resource_type: ResourceType,
    pub(crate) object: ObjectState,
}

impl Request for Stored {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.object.id, &self.resource_type);
        sealer.value(&mut self.object.attributes);
    }
}

impl Request for CreateRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        sealer.value(&mut self.inputs);
        sealer.value(&mut self.planned);
    }
}

impl Request for UpdateRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        sealer.value(&mut self.prior.attributes);
        sealer.value(&mut self.prior_inputs);
        sealer.value(&mut self.inputs);
        sealer.value(&mut self.planned);
    }
}

impl Request for DeleteRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        sealer.value(&mut self.prior.attributes);
    }
}

impl Request for ReadRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        self.prior
            .iter_mut()
            .for_each(|object| sealer.value(&mut object.attributes));
    }
}

impl Request for Vec<ReadRequest> {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        self.iter_mut().for_each(|request| request.seal(sealer));
    }
}

impl Request for ListRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.nobodys_attributes();
        sealer.value(&mut self.filter);
    }
}

impl Request for PollRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        sealer.attributes_of(&self.name, &self.resource_type);
        sealer.value(&mut self.planned);
    }
}

impl Request for ConstructRequest {
    fn seal(&mut self, sealer: &mut Sealer<'_>) {
        // A module's target is a namespace, no type.
        match self.target.parse() {
            Ok(component) => sealer.attributes_of(&self.name, &component),
            Err(_) => sealer.nobodys_attributes(),
        }
        sealer.value(&mut self.inputs);
        sealer.nobodys_attributes();
        sealer.value(&mut self.metadata);
    }
}
