//! `konductor import` and `konductor discover`: takes over what exists.

use std::collections::BTreeSet;
use std::path::PathBuf;

use konductor_config::inputs::{PROJECT_FILE, stack_file_name};
use konductor_config::{NewDeclaration, declare};
use konductor_engine::adoption::{Adopted, ForeignState, TypeMap, Wanted};
use konductor_engine::stop::StopSignal;
use konductor_engine::unmanaged::Search;
use konductor_engine::{FreeNames, Providers as _};
use konductor_model::name::NameError;
use konductor_model::{Diagnostic, Diagnostics, ResourceName, ResourceType, Urn};

use crate::arguments::{DiscoverArguments, ImportArguments};
use crate::command::execution::{Done, finish};
use crate::environment::Environment;
use crate::error::CommandError;
use crate::output::Output;
use crate::project::{FolderSources, Project};
use crate::session::{Session, SessionOptions};

fn bad_name(error: NameError) -> CommandError {
    CommandError::message(error.to_string())
}

/// `konductor import`: one object at once, or everything in another tool's state as declarations.
pub async fn import(
    arguments: &ImportArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    if let Some(file) = &arguments.from {
        let text = std::fs::read_to_string(file).map_err(|error| CommandError::file("read", file, error))?;
        let state = ForeignState::read(&text)
            .map_err(|error| CommandError::message(format!("{}: {error}", file.display())))?;
        return import_state(arguments, state, project, environment, output).await;
    }
    // The arguments see to it that all three are there.
    let text = |argument: &Option<String>| argument.clone().unwrap_or_default();
    let resource_type: ResourceType = text(&arguments.resource_type).parse().map_err(bad_name)?;
    let name: ResourceName = text(&arguments.name).parse().map_err(bad_name)?;
    let id = text(&arguments.id);
    let mut options = SessionOptions::to_work("import", &arguments.execution);
    options.plugins = vec![resource_type.provider().to_owned()];
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        let engine = session.engine()?;
        engine.recover(StopSignal::never()).await?;
        let urn = {
            let configuration = &session.project().configuration;
            let (project, stack) = (configuration.project_name(), configuration.stack());
            Urn::new(project, stack, resource_type.clone(), name.clone()).map_err(bad_name)?
        };
        let provider = arguments.provider.as_deref();
        let imported = engine.import(urn.clone(), &id, provider).await?;
        session.view().close();
        let members = serde_json::json!({ "urn": urn, "id": id });
        let text = format!("imported {id} as {name} ({resource_type})");
        output.fact("imported", &members, &text);
        if arguments.generate {
            let new = NewDeclaration {
                name: name.clone(),
                resource_type: resource_type.clone(),
                properties: imported.inputs.clone(),
                import: None,
                provider: arguments.provider.clone(),
            };
            let written = write(&session, &[new], arguments.project)?;
            tell_written(&written, 1, output);
            tell_secrets(std::iter::once((&name, &imported.inputs)), &session, output);
        } else {
            output.line("\nDeclare it so that the next run keeps it (`--generate` writes it for you):\n");
            output.text(&crate::render::declaration::declaration(&urn, &imported.inputs));
        }
        let mut done = Done::nothing(0);
        done.operations.insert("import".to_owned(), 1);
        Ok(done)
    }
    .await;
    finish(session, result).await
}

/// Declares what another tool manages.
async fn import_state(
    arguments: &ImportArguments,
    state: ForeignState,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let mut options = SessionOptions::to_work("import", &arguments.execution);
    // Which plugins serve the other tool's types is known only when they are loaded.
    options.plugins = project
        .configuration
        .plugins()
        .iter()
        .map(|plugin| plugin.name.clone())
        .collect();
    options.plugins.extend(modules(&project)?);
    let session = Session::open(project, environment, output, options).await?;
    let result = async {
        let types = type_map(&session).await?;
        let mut names = names_not_declared(&session)?;
        let mut wanted = Vec::new();
        let mut skipped = Diagnostics::default();
        for object in &state.objects {
            let chosen = arguments.only.is_empty()
                || arguments
                    .only
                    .iter()
                    .any(|only| object.address.starts_with(only.as_str()));
            if !chosen {
                continue;
            }
            let left_out =
                |why: String| Diagnostic::warning(format!("`{}` is left out: {why}", object.address));
            let Some((resource_type, known_as, plugin)) = types.get(state.tool, &object.resource_type) else {
                let why = format!(
                    "no plugin of the project knows the type `{}`",
                    object.resource_type
                );
                skipped.push(left_out(why));
                continue;
            };
            let Some(id) = object.identifier(known_as) else {
                let why = format!("the state has no `{}` to find it by", known_as.identifier);
                skipped.push(left_out(why));
                continue;
            };
            wanted.push(Wanted {
                name: names.give(object.name.as_str()),
                resource_type: resource_type.clone(),
                id,
                plugin: plugin.to_owned(),
            });
        }
        output.diagnostics(&skipped, &FolderSources(session.project().folder.clone()));
        let elsewhere = session.project().managed_by_other_stacks().await?;
        declare_objects(
            &session,
            wanted,
            &elsewhere,
            arguments.project,
            !arguments.dry_run,
            output,
        )
        .await?;
        Ok(Done::nothing(0))
    }
    .await;
    finish(session, result).await
}

/// `konductor discover`: lists what no resource manages, and declares it where that is asked for.
pub async fn discover(
    arguments: &DiscoverArguments,
    project: Project,
    environment: &Environment,
    output: &Output,
) -> Result<u8, CommandError> {
    let mut options = SessionOptions::to_work("discover", &arguments.execution);
    options.plugins = arguments
        .types
        .iter()
        .filter_map(|pattern| pattern.split(':').next())
        .filter(|name| !name.contains('*'))
        .map(str::to_owned)
        .collect();
    let session = Session::open(project, environment, output, options).await?;
    let result = discover_in(&session, arguments, output).await;
    finish(session, result).await
}

async fn discover_in(
    session: &Session,
    arguments: &DiscoverArguments,
    output: &Output,
) -> Result<Done, CommandError> {
    let mut names = names_not_declared(session)?;
    let elsewhere = session.project().managed_by_other_stacks().await?;
    let search = Search {
        types: &arguments.types,
        elsewhere: &elsewhere,
    };
    let found = session.engine()?.unmanaged(&search, &mut names).await?;
    session.view().close();
    let problems: Vec<Diagnostic> = found
        .failures
        .iter()
        .map(|(resource_type, failure)| {
            Diagnostic::error(format!("the objects of type `{resource_type}` cannot be listed"))
                .detail(failure.to_string())
        })
        .collect();
    if !problems.is_empty() {
        return Err(Diagnostics(problems).into());
    }
    let mut wanted = Vec::new();
    for object in found.objects {
        let members = serde_json::json!({
            "type": object.resource_type, "id": object.id, "plugin": object.plugin, "name": object.name,
        });
        let text = format!("{:<32} {}", object.resource_type.as_str(), object.id);
        output.fact("unmanaged", &members, &text);
        wanted.push(Wanted {
            name: object.name,
            resource_type: object.resource_type,
            id: object.id,
            plugin: object.plugin,
        });
    }
    if wanted.is_empty() {
        output.line("Everything of these types is managed by this stack or another of the project.");
    } else if arguments.generate {
        declare_objects(session, wanted, &elsewhere, arguments.project, true, output).await?;
    } else {
        output.line(&format!(
            "\n{} objects that this stack does not manage. `--generate` declares them.",
            wanted.len()
        ));
    }
    Ok(Done::nothing(0))
}

/// Reads objects and writes, or shows, the declarations of those that nothing manages.
async fn declare_objects(
    session: &Session,
    wanted: Vec<Wanted>,
    elsewhere: &BTreeSet<(String, String)>,
    project_file: bool,
    for_good: bool,
    output: &Output,
) -> Result<(), CommandError> {
    let adopted = session.engine()?.adopt(wanted).await?;
    session.view().close();
    let mut free: Vec<Adopted> = Vec::with_capacity(adopted.len());
    for found in adopted {
        let key = (found.wanted.resource_type.to_string(), found.id.clone());
        let (id, resource_type) = (&found.wanted.id, &found.wanted.resource_type);
        let managed = |owner: Option<&ResourceName>| serde_json::json!({ "type": resource_type, "id": id, "as": owner });
        if let Some(owner) = &found.managed_as {
            let text = format!("{id} is managed already, as {}", owner.name());
            output.fact("managed-already", &managed(Some(owner.name())), &text);
        } else if elsewhere.contains(&key) {
            let text = format!("{id} is managed already, by another stack of the project");
            output.fact("managed-already", &managed(None), &text);
        } else {
            free.push(found);
        }
    }
    let declarations: Vec<NewDeclaration> = free
        .iter()
        .map(|found| NewDeclaration {
            name: found.wanted.name.clone(),
            resource_type: found.wanted.resource_type.clone(),
            properties: found.properties.clone(),
            import: Some(found.wanted.id.clone()),
            provider: Some(&found.wanted.plugin)
                .filter(|plugin| *plugin != found.wanted.resource_type.provider())
                .cloned(),
        })
        .collect();
    for found in &free {
        let members = serde_json::json!({
            "name": found.wanted.name, "type": found.wanted.resource_type, "id": found.wanted.id, "written": for_good,
        });
        output.event("declared", &members);
    }
    if declarations.is_empty() {
        output.line("There is nothing to declare.");
        return Ok(());
    }
    if !for_good {
        output.text(&declare(PROJECT_FILE, "", &declarations)?);
        output.line("\nNothing was written.");
        return Ok(());
    }
    let written = write(session, &declarations, project_file)?;
    tell_written(&written, declarations.len(), output);
    tell_secrets(
        free.iter().map(|found| (&found.wanted.name, &found.properties)),
        session,
        output,
    );
    output.line("`konductor run` takes them over; its plan shows each as an import.");
    Ok(())
}

fn tell_written(file: &std::path::Path, count: usize, output: &Output) {
    let members = serde_json::json!({ "file": file, "resources": count });
    let text = format!("Wrote {count} declarations into {}.", file.display());
    output.fact("declarations-written", &members, &text);
}

/// Names what was left out of the declarations because it is secret.
fn tell_secrets<'r>(
    declared: impl Iterator<Item = (&'r ResourceName, &'r konductor_model::Value)>,
    session: &Session,
    output: &Output,
) {
    let mut found = Diagnostics::default();
    for (name, properties) in declared {
        for (attribute, value) in properties.as_map().into_iter().flatten() {
            if value.has_secret() {
                found.push(
                    Diagnostic::warning(format!("`{attribute}` is secret and was not written"))
                        .resource(name)
                        .help("set it with `konductor config set --secret` and refer to it"),
                );
            }
        }
    }
    output.diagnostics(&found, &FolderSources(session.project().folder.clone()));
}

/// Writes declarations into the stack's or the project's file.
fn write(
    session: &Session,
    declarations: &[NewDeclaration],
    project_file: bool,
) -> Result<PathBuf, CommandError> {
    let project = session.project();
    let name = if project_file {
        PROJECT_FILE.to_owned()
    } else {
        stack_file_name(project.configuration.stack())
    };
    let file = project.folder.join(&name);
    let text = crate::command::config::read_or_empty(&file)?;
    let changed = declare(&name, &text, declarations)?;
    crate::atomic_file::write(&file, changed.as_bytes())?;
    Ok(file)
}

fn modules(project: &Project) -> Result<Vec<String>, CommandError> {
    let modules = project.configuration.modules()?;
    Ok(modules.into_iter().map(|module| module.namespace).collect())
}

/// Collects what the schemas of all loaded plugins say of other tools.
async fn type_map(session: &Session) -> Result<TypeMap, CommandError> {
    let mut types = TypeMap::default();
    for plugin in session.plugins().names() {
        let Some(provider) = session.plugins().provider(&plugin) else {
            continue;
        };
        for resource_type in &provider.manifest().resource_types {
            let schema = provider
                .schema(resource_type)
                .await
                .map_err(|failure| CommandError::from(failure.to_diagnostics(resource_type)))?;
            types.add(&plugin, resource_type, &schema.known_as);
        }
    }
    Ok(types)
}

/// Returns the names that no declaration has.
fn names_not_declared(session: &Session) -> Result<FreeNames, CommandError> {
    let declared = session
        .project()
        .configuration
        .declared(konductor_config::Context::default())
        .unwrap_or_default();
    let repeated = declared.repeated.into_iter().map(|repeated| repeated.declaration);
    let declared = declared.single.into_iter().chain(repeated);
    Ok(FreeNames::beside(
        declared.map(|declaration| declaration.name.to_string()),
    ))
}
