//! A plugin as a judge of resources.

use konductor_model::{Disposition, Failure, ResourceType};

use crate::call::{Call, Class};
use crate::plugin::Plugin;
use crate::provider::call;

impl Plugin {
    fn judge(&self, function: &'static str, about: &str) -> Result<Call, Failure> {
        if self.is_compliance() {
            return Ok(Call::new(Class::Pure, function, about, ""));
        }
        let manifest = self.manifest();
        Err(Failure::new(
            Disposition::Unsupported,
            format!(
                "plugin {} {} does not judge resources: it does not export `compliance`",
                manifest.name, manifest.version
            ),
        ))
    }

    /// Returns the frameworks a compliance plugin knows, as a JSON array.
    ///
    /// # Errors
    /// When the plugin is none, fails, or answers with something else.
    pub async fn frameworks(&self) -> Result<Vec<serde_json::Value>, Failure> {
        let call = self.judge("frameworks", "")?;
        let answer = call!(self, call.clone(), frameworks())?;
        self.document(&call, &answer)
    }

    /// Returns the controls that apply to a resource type, as a JSON array.
    ///
    /// # Errors
    /// When the plugin is none, fails, or answers with something else.
    pub async fn controls_for(
        &self,
        resource_type: &ResourceType,
    ) -> Result<Vec<serde_json::Value>, Failure> {
        let call = self.judge("controls-for", resource_type.as_str())?;
        let kind = resource_type.clone();
        let answer = call!(self, call.clone(), controls_for(kind.as_str()))?;
        self.document(&call, &answer)
    }

    /// Judges resources, given as a JSON array, and returns findings as a JSON array.
    ///
    /// # Errors
    /// When the plugin is none, fails, or answers with something else.
    pub async fn evaluate(&self, resources: &[serde_json::Value]) -> Result<Vec<serde_json::Value>, Failure> {
        let call = self.judge("evaluate", "")?;
        let resources = serde_json::Value::from(resources).to_string();
        let answer = call!(self, call.clone(), evaluate(&resources))?;
        self.document(&call, &answer)
    }
}
