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

    /// Judges what a request, a JSON document, is about, and returns the answer, another. The clock of the call stands at
    /// `instant`, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the plugin is none, fails, runs out of a limit, or answers with something else.
    pub async fn evaluate(&self, request: String, instant: u64) -> Result<serde_json::Value, Failure> {
        let call = self.judge("evaluate", "")?.at(instant);
        let answer = call!(self, call.clone(), evaluate(&request))?;
        self.document(&call, &answer)
    }
}
