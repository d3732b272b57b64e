//! What a guest answers, checked and made printable before anybody sees it: the one gate for every version of
//! the interface.

use konductor_model::module::ConstructResponse;
use konductor_model::provider::{
    CheckResponse, Imported, Listed, ObjectState, Outcome, PlanResponse, Progress,
};
use konductor_model::{Diagnostic, Diagnostics, Failure, Value};

use crate::text::printable_line;
use crate::vetting::Vetting;

/// An answer of a guest.
pub(crate) trait Answer {
    /// Opens sealed secrets, cleans texts for people, and says what no honest plugin would answer.
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String>;
}

impl Answer for () {
    fn vet(&mut self, _: &Vetting) -> Result<(), String> {
        Ok(())
    }
}

impl Answer for String {
    fn vet(&mut self, _: &Vetting) -> Result<(), String> {
        Ok(())
    }
}

impl Answer for Value {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        vetting.open(self)
    }
}

impl Answer for Vec<String> {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        self.iter_mut().for_each(|text| *text = vetting.line(text));
        Ok(())
    }
}

fn vet_diagnostic(diagnostic: &mut Diagnostic, vetting: &Vetting) {
    diagnostic.summary = vetting.line(&diagnostic.summary);
    diagnostic.detail = vetting.lines(&diagnostic.detail);
    if let Some(at) = &mut diagnostic.at {
        *at = vetting.path(at);
    }
}

fn vet_diagnostics(diagnostics: &mut Diagnostics, vetting: &Vetting) {
    diagnostics.0.iter_mut().for_each(|d| vet_diagnostic(d, vetting));
}

impl Answer for Failure {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        self.code = vetting.line(&self.code);
        self.message = vetting.lines(&self.message);
        if let Some(request) = &mut self.request_id {
            *request = vetting.line(request);
        }
        if let Some(at) = &mut self.at {
            *at = vetting.path(at);
        }
        for (name, value) in &mut self.details {
            *name = vetting.line(name);
            *value = vetting.lines(value);
        }
        self.diagnostics
            .iter_mut()
            .for_each(|d| vet_diagnostic(d, vetting));
        Ok(())
    }
}

impl Answer for CheckResponse {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        vet_diagnostics(&mut self.diagnostics, vetting);
        vetting.open(&mut self.inputs)?;
        must_be_map("inputs", &self.inputs)
    }
}

impl Answer for PlanResponse {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        vet_diagnostics(&mut self.diagnostics, vetting);
        vetting.open(&mut self.planned)?;
        vetting.opaque("private bytes", &self.private)?;
        for change in &mut self.changes {
            vetting.public("a change at a path", &change.at.to_string())?;
            change.at = vetting.path(&change.at);
        }
        // A plan with errors need not plan anything.
        if self.diagnostics.has_errors() {
            return Ok(());
        }
        must_be_map("planned", &self.planned)
    }
}

fn must_be_map(what: &str, value: &Value) -> Result<(), String> {
    match value.reveal() {
        Value::Map(_) => Ok(()),
        other => Err(format!("`{what}` is {}, not a map of attributes", other.kind())),
    }
}

fn vet_identifier(id: &str, vetting: &Vetting) -> Result<(), String> {
    vetting.public("an identifier", id)?;
    if vetting.line(id) != id {
        return Err("an object whose identifier is too long or has control characters".to_owned());
    }
    Ok(())
}

impl Answer for ObjectState {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        if self.id.is_empty() {
            return Err("an object without an identifier".to_owned());
        }
        vet_identifier(&self.id, vetting)?;
        vetting.opaque("private bytes", &self.private)?;
        vetting.open(&mut self.attributes)?;
        must_be_map("attributes", &self.attributes)
    }
}

impl Answer for Option<ObjectState> {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        self.as_mut().map_or(Ok(()), |object| object.vet(vetting))
    }
}

impl Answer for Vec<Result<Option<ObjectState>, Failure>> {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        self.iter_mut().try_for_each(|answer| match answer {
            Ok(object) => object.vet(vetting),
            Err(failure) => failure.vet(vetting),
        })
    }
}

fn vet_progress(progress: &mut Progress, vetting: &Vetting) -> Result<(), String> {
    progress.message = vetting.line(&progress.message);
    vetting.opaque("the bytes of a handle", &progress.handle)?;
    progress
        .id
        .as_ref()
        .map_or(Ok(()), |id| vet_identifier(id, vetting))
}

impl Answer for Outcome {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        match self {
            Self::Complete(object) => object.vet(vetting),
            Self::Deleted => Ok(()),
            Self::InProgress(progress) => vet_progress(progress, vetting),
            Self::Partial(object, failure) => {
                failure.vet(vetting)?;
                object
                    .vet(vetting)
                    .map_err(|wrong| format!("{wrong}, beside the failure: {failure}"))
            }
        }
    }
}

impl Answer for Listed {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        if let Some(cursor) = &self.next_cursor {
            vetting.opaque("the bytes of a cursor", cursor.as_bytes())?;
        }
        self.objects.iter_mut().try_for_each(|object| object.vet(vetting))
    }
}

impl Answer for Imported {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        vetting.open(&mut self.inputs)?;
        must_be_map("inputs", &self.inputs)?;
        self.object.vet(vetting)
    }
}

impl Answer for ConstructResponse {
    fn vet(&mut self, vetting: &Vetting) -> Result<(), String> {
        vet_diagnostics(&mut self.diagnostics, vetting);
        let mut names = std::collections::BTreeSet::new();
        vetting.open(&mut self.outputs)?;
        for declaration in &mut self.declarations {
            vetting.open(&mut declaration.properties)?;
            vetting.public("a declaration with a name", &declaration.name)?;
            vetting.public("options", &format!("{:?}", declaration.options))?;
        }
        for declaration in &self.declarations {
            if declaration.name.parse::<konductor_model::ResourceName>().is_err() {
                return Err(format!(
                    "a declaration with the name `{}`, which is no resource name",
                    printable_line(&declaration.name, 100)
                ));
            }
            if !names.insert(declaration.name.as_str()) {
                return Err(format!("two declarations with the name `{}`", declaration.name));
            }
            must_be_map("properties", &declaration.properties)?;
        }
        let outputs = self.outputs.references();
        let all = self.declarations.iter().flat_map(|d| d.properties.references());
        let referred = all
            .chain(outputs)
            .map(|(_, reference)| reference.resource.as_str())
            .chain(
                self.declarations
                    .iter()
                    .flat_map(|d| d.options.depends_on.iter().map(String::as_str)),
            );
        for name in referred.filter_map(|name| name.strip_prefix("./")) {
            if !names.contains(name) {
                return Err(format!(
                    "a reference to `./{}`, which it did not declare",
                    printable_line(name, 100)
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konductor_model::module::ConstructedDeclaration;
    use konductor_model::{Disposition, Path, Reference, ResourceOptions};

    fn vetting() -> Vetting {
        Vetting::new(100, None)
    }

    fn object(id: &str) -> ObjectState {
        ObjectState {
            id: id.to_owned(),
            attributes: Value::empty_map(),
            private: Vec::new(),
            schema_version: 0,
        }
    }

    #[test]
    fn an_object_without_an_identifier_or_with_escapes_in_it_is_refused() {
        assert!(object("vpc-1").vet(&vetting()).is_ok());
        assert!(
            object("")
                .vet(&vetting())
                .unwrap_err()
                .contains("without an identifier")
        );
        assert!(object("a\u{1b}b").vet(&vetting()).is_err());
        let mut listed = Listed {
            objects: vec![object("a"), object("")],
            next_cursor: None,
        };
        assert!(listed.vet(&vetting()).is_err());
    }

    #[test]
    fn text_of_a_failure_loses_its_escapes() {
        let mut failure = Failure::new(Disposition::Other, "a\u{1b}[2Jb").code("X\n\u{7}");
        failure.details.push(("k\u{1b}".to_owned(), "v\u{1b}".to_owned()));
        failure.vet(&vetting()).unwrap();
        assert_eq!(failure.to_string(), "failed: X : a[2Jb");
        assert_eq!(failure.details, [("k".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn declarations_with_one_name_twice_or_references_to_nothing_are_refused() {
        let declaration = |name: &str, to: &str| ConstructedDeclaration {
            name: name.to_owned(),
            resource_type: "a:b:C".parse().unwrap(),
            properties: Value::from([(
                "x",
                Value::Reference(Reference {
                    resource: to.to_owned(),
                    path: Path::attribute("id"),
                }),
            )]),
            options: ResourceOptions::default(),
        };
        let vet = |declarations| {
            ConstructResponse {
                declarations,
                ..Default::default()
            }
            .vet(&vetting())
        };
        assert!(vet(vec![declaration("a", "./b"), declaration("b", "other")]).is_ok());
        assert!(vet(vec![declaration("a", "./c")]).unwrap_err().contains("./c"));
        assert!(
            vet(vec![declaration("a", "x"), declaration("a", "x")])
                .unwrap_err()
                .contains("two")
        );
        assert!(vet(vec![declaration("../a", "x")]).is_err());
    }
}
