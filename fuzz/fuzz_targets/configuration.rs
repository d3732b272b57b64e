//! A stack's configuration from texts: files, variables and `--set` arguments.
//!
//! The input is up to five texts with lines of `%%` between: project, stack, organization, variables, arguments.
#![no_main]

use std::collections::BTreeSet;

use konductor_config::{Configuration, Context, Inputs, SourceFile};
use konductor_model::{Diagnostics, Origin};
use libfuzzer_sys::fuzz_target;

fn file(name: &str, text: Option<&str>) -> Option<SourceFile> {
    text.map(|text| SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    })
}

/// Checks that every place lies in the file it names, since the place is underlined there.
fn places_exist(diagnostics: &Diagnostics, files: &[SourceFile]) {
    let exists = |origin: &Origin| {
        let Some(file) = files.iter().find(|file| *file.name == *origin.file) else {
            return;
        };
        let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
        assert!(
            text.is_char_boundary(origin.offset) && text.is_char_boundary(origin.offset + origin.length),
            "{origin} is {} bytes at byte {} of {}",
            origin.length,
            origin.offset,
            text.len(),
        );
    };
    for diagnostic in &diagnostics.0 {
        assert!(!diagnostic.to_string().is_empty());
        diagnostic.origin.iter().for_each(exists);
        diagnostic.related.iter().for_each(|(origin, _)| exists(origin));
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut parts = text.split("\n%%\n");
    let (project, stack, organization) = (parts.next(), parts.next(), parts.next());
    let lines = |part: Option<&str>| {
        part.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let variables = lines(parts.next());
    let inputs = Inputs {
        stack: "dev".to_owned(),
        project: file("konductor.yaml", project),
        stack_file: file("konductor.dev.yaml", stack),
        organization: file("config/organization.yaml", organization),
        environment: variables
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        set: lines(parts.next()),
    };
    let files: Vec<SourceFile> = [&inputs.project, &inputs.stack_file, &inputs.organization]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let configuration = match Configuration::load(inputs) {
        Ok(configuration) => configuration,
        Err(diagnostics) => {
            assert!(diagnostics.has_errors(), "refused without a reason");
            places_exist(&diagnostics, &files);
            return;
        }
    };
    places_exist(configuration.warnings(), &files);
    places_exist(&configuration.check(), &files);
    places_exist(&configuration.unresolved_references(&BTreeSet::new()), &files);
    let _ = configuration.effective();
    let _ = configuration
        .declared(Context::default())
        .map_err(|errors| places_exist(&errors, &files));
    let _ = configuration
        .outputs(Context::default())
        .map_err(|errors| places_exist(&errors, &files));
    match configuration.modules() {
        Err(errors) => places_exist(&errors, &files),
        Ok(modules) => {
            for module in modules {
                let _ = configuration
                    .module_configuration(&module.namespace, Context::default())
                    .map_err(|errors| places_exist(&errors, &files));
            }
        }
    }
});
