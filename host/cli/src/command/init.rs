//! `konductor init`.

use std::path::Path;

use crate::arguments::InitArguments;
use crate::error::CommandError;
use crate::output::Output;

/// Writes the files of a new project; nothing that exists is changed.
pub fn init(arguments: &InitArguments, base: &Path, output: &Output) -> Result<(), CommandError> {
    let folder = base.join(&arguments.folder);
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => default_name(&folder),
    };
    let starts_with_letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !starts_with_letter
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    {
        return Err(CommandError::message(format!("`{name}` is not a project name"))
            .help("use letters, digits, `_` and `-`, starting with a letter: konductor init --name NAME"));
    }
    let stack = &arguments.first_stack;
    let files = [
        ("konductor.yaml".to_owned(), project_file(&name)),
        (
            format!("konductor.{stack}.yaml"),
            stack_file(&name, stack, &arguments.region),
        ),
        (".gitignore".to_owned(), "/.konductor/\n".to_owned()),
    ];
    for (file, _) in files.iter().take(2) {
        if folder.join(file).exists() {
            return Err(
                CommandError::message(format!("{} exists already", folder.join(file).display()))
                    .help("choose another folder, or work on with the project that is there"),
            );
        }
    }
    std::fs::create_dir_all(&folder).map_err(|error| CommandError::file("create", &folder, error))?;
    for (file, text) in &files {
        let path = folder.join(file);
        if !path.exists() {
            std::fs::write(&path, text).map_err(|error| CommandError::file("write", &path, error))?;
            output.fact(
                "created",
                &serde_json::json!({ "file": path }),
                &format!("created {}", path.display()),
            );
        }
    }
    output.line("\nNext:  konductor run --simulate    deploys it to a simulated cloud, without an account");
    output.line("       konductor run               deploys it with your AWS credentials");
    Ok(())
}

fn default_name(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("project")
        .replace(['.', ' '], "-")
}

fn project_file(name: &str) -> String {
    format!(
        "# What holds for every stack of the project.\n\
         name: {name}\n\
         \n\
         resources:\n  \
           # `konductor catalog list` names every type, `konductor catalog show TYPE` explains one.\n  \
           artifacts:\n    \
             type: aws:s3:SecureBucket\n    \
             properties:\n      \
               bucket: {name}-artifacts-${{project:environment}}\n      \
               # Name a bucket for access logs in aws.s3.logging_bucket, and take this line out.\n      \
               logging: {{ enabled: false, reason: there is no bucket for access logs yet }}\n\
         \n\
         outputs:\n  \
           artifacts_bucket: ${{artifacts.bucket}}\n"
    )
}

fn stack_file(name: &str, stack: &str, region: &str) -> String {
    format!(
        "# What holds for the stack `{stack}`; it overrides the project.\n\
         config:\n  \
           project: {{ name: {name}, environment: {stack} }}\n  \
           aws:\n    \
             enabled: true\n    \
             region: {region}\n    \
             tags: {{ Environment: \"${{project:environment}}\", Project: \"${{project:name}}\", ManagedBy: konductor }}\n    \
             vpc: {{ enabled: true, cidr_block: 10.0.0.0/16, enable_dns_support: true, enable_dns_hostnames: true }}\n"
    )
}
