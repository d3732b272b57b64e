//! Which controls apply to resources of a type, to be written onto them as tags.

use std::collections::{BTreeMap, BTreeSet};

use konductor_model::compliance::{Control, Framework, PlacedText};

use crate::controls::{ControlCatalogue, ControlError};

/// The controls that apply to resources, by type and framework. Types are called as in the checks, in lower case: for a
/// cloud's own type in a generic resource `azure:arm:resource microsoft.sql/servers`.
pub type ControlsByType = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Finds for every type the controls that some check of it serves, of the frameworks and controls that are named.
///
/// # Errors
/// Every framework and control that there is not.
pub fn controls_by_type(
    named: &[PlacedText],
    catalogue: &ControlCatalogue,
) -> Result<ControlsByType, Vec<ControlError>> {
    let types: BTreeMap<&str, &[String]> = catalogue
        .checks
        .iter()
        .map(|check| (check.id.as_str(), check.types.as_slice()))
        .collect();
    let mut errors = Vec::new();
    // In the order of the framework, and each once, however often it is named.
    let mut chosen: BTreeMap<&str, (&Framework, BTreeSet<usize>)> = BTreeMap::new();
    for name in named {
        match choose(name, catalogue) {
            Ok((framework, positions)) => {
                let (_, known) = chosen
                    .entry(&framework.id)
                    .or_insert_with(|| (framework, BTreeSet::new()));
                known.extend(positions);
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut found = ControlsByType::new();
    for (framework, positions) in chosen.values() {
        for control in positions.iter().filter_map(|at| framework.controls.get(*at)) {
            let of_checks = control
                .checks
                .iter()
                .filter_map(|check| types.get(check.as_str()));
            let about: BTreeSet<String> = of_checks
                .flat_map(|types| types.iter().map(|t| t.to_lowercase()))
                .collect();
            for about in about {
                let of_type = found.entry(about).or_default();
                of_type
                    .entry(framework.id.clone())
                    .or_default()
                    .push(control.id.clone());
            }
        }
    }
    Ok(found)
}

/// Returns the framework that a name means, and the positions of its controls.
fn choose<'c>(
    name: &PlacedText,
    catalogue: &'c ControlCatalogue,
) -> Result<(&'c Framework, Vec<usize>), ControlError> {
    let (id, control) = match name.text.split_once(':') {
        Some((framework, control)) => (framework, Some(control)),
        None => (name.text.as_str(), None),
    };
    let mut frameworks = catalogue.frameworks.iter();
    let framework =
        frameworks
            .find(|framework| framework.id == id)
            .ok_or_else(|| ControlError::Framework {
                name: id.to_owned(),
                origin: name.origin.clone(),
                known: catalogue
                    .frameworks
                    .iter()
                    .map(|known| known.id.clone())
                    .collect(),
            })?;
    let is_meant = |found: &Control| control.is_none_or(|control| found.id.eq_ignore_ascii_case(control));
    let controls = framework.controls.iter().enumerate();
    let positions: Vec<usize> = controls
        .filter(|(_, found)| is_meant(found))
        .map(|(at, _)| at)
        .collect();
    if positions.is_empty() {
        return Err(ControlError::Control {
            name: name.text.clone(),
            origin: name.origin.clone(),
            known: framework
                .controls
                .iter()
                .map(|known| format!("{id}:{}", known.id))
                .collect(),
        });
    }
    Ok((framework, positions))
}
