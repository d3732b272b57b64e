//! What is said of a run and of everything in it: from configuration, from git and from the run itself.

mod git;

use std::collections::BTreeMap;

use konductor_config::MetadataSettings;
use konductor_engine::metadata::RunMetadata;
use konductor_model::Value;

use crate::error::CommandError;
use crate::project::Project;

/// The document of one run.
#[derive(Debug, Clone, Default)]
pub struct RunDocument {
    /// What the section `metadata` says.
    settings: MetadataSettings,
    /// What the project and git say by themselves.
    found: BTreeMap<String, String>,
}

impl RunDocument {
    /// Collects what is said of a run of the project.
    ///
    /// # Errors
    /// When the section `metadata` is wrong.
    pub async fn collect(
        project: &Project,
        context: konductor_config::Context<'_>,
    ) -> Result<Self, CommandError> {
        let configuration = &project.configuration;
        let settings = configuration.metadata(context)?;
        let mut found = BTreeMap::from([
            ("project".to_owned(), configuration.project_name().to_owned()),
            ("stack".to_owned(), configuration.stack().to_owned()),
        ]);
        if let Some(organization) = configuration.organization() {
            found.insert("organization".to_owned(), organization.to_owned());
        }
        // Git is asked only where somebody wants to know.
        if !settings.fields.is_empty() || !settings.tags.is_empty() {
            let folder = project.folder.clone();
            let facts = tokio::task::spawn_blocking(move || git::facts(&folder)).await;
            let facts = facts.map_err(|_| CommandError::message("asking git ended in a panic"))?;
            found.extend(facts.into_iter().map(|(field, value)| (field.to_owned(), value)));
        }
        Ok(Self { settings, found })
    }

    /// Returns all of it. What the configuration says wins.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let mut fields = self.found.clone();
        fields.extend(self.settings.fields.clone());
        fields
    }

    /// Returns what the log keeps of it: all, where the configuration says something.
    pub fn recorded(&self) -> BTreeMap<String, String> {
        match self.settings == MetadataSettings::default() {
            true => BTreeMap::new(),
            false => self.fields(),
        }
    }

    /// Returns the tags that fields are written as, by the field.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.settings.tags
    }

    /// Returns what every resource inherits: what the configuration says, and of the rest what is written as a tag. So a
    /// new commit changes nothing by itself.
    pub fn inherited(&self) -> RunMetadata {
        let settings = &self.settings;
        let mut fields = self.fields();
        fields.retain(|field, _| settings.fields.contains_key(field) || settings.tags.contains_key(field));
        RunMetadata {
            fields,
            tags: settings.tags.clone(),
            controls: BTreeMap::new(),
        }
    }

    /// Returns what modules, components and policies are shown.
    pub fn value(&self, project: &Project) -> Value {
        let configuration = &project.configuration;
        let settings = configuration.effective().attribute("project").cloned();
        let mut value: BTreeMap<String, Value> = self
            .fields()
            .into_iter()
            .map(|(field, text)| (field, Value::Text(text)))
            .collect();
        value.insert("settings".to_owned(), settings.unwrap_or_else(Value::empty_map));
        value
            .entry("organization".to_owned())
            .or_insert_with(|| configuration.organization().map(str::to_owned).into());
        Value::Map(value)
    }
}
