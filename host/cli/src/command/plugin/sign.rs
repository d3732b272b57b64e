//! `konductor plugin sign`.

use std::path::{Path, PathBuf};

use konductor_model::SecretText;
use konductor_registry::{Digest, FetchedPlugin};
use konductor_signature::{
    Attestation, Built, Provenance, PublicKey, SignedAttestation, SigningKey, SourceCode,
};

use super::PluginContext;
use crate::arguments::{SignArguments, SigningArguments};
use crate::error::CommandError;

/// Something to sign.
pub struct Unsigned<'a> {
    /// Where it is, for a person.
    pub place: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Says what it is; asked only where a statement is made.
    pub built: &'a dyn Fn() -> Result<Built, CommandError>,
    /// Where the signature goes, unless the arguments say otherwise.
    pub bundle_file: &'a Path,
    /// The event that tells of it.
    pub event: &'static str,
}

/// Signs a packed plugin, in one step or in as many as a security module needs.
pub async fn sign(arguments: &SignArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let file = context.folder.join(&arguments.file);
    let plugin = context.registry()?.fetch_file(&file)?;
    let unsigned = Unsigned {
        place: &plugin.place,
        bytes: &plugin.bytes,
        built: &|| built(&plugin),
        bundle_file: &konductor_registry::local::bundle_path(&file, 0),
        event: "plugin-signed",
    };
    sign_bytes(&arguments.signing, &unsigned, context).await
}

/// Signs some bytes.
pub async fn sign_bytes(
    arguments: &SigningArguments,
    unsigned: &Unsigned<'_>,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let (place, digest) = (unsigned.place, Digest::of(unsigned.bytes));
    let bundle_file = match &arguments.bundle {
        Some(bundle) => context.folder.join(bundle),
        None => unsigned.bundle_file.to_owned(),
    };
    let signed = match begin(arguments, context, unsigned, &bundle_file)? {
        Step::Signed(signed) => signed,
        Step::Exported(payload) => {
            let text = format!(
                "the bytes to sign are in {}; come back with --signature and --public-key",
                payload.display()
            );
            let members = serde_json::json!({ "file": place, "payload": payload });
            context.output.fact("payload-exported", &members, &text);
            return Ok(());
        }
    };
    let (signed, stamped) = stamp(signed, arguments, context).await?;
    let mut json = signed.to_json().map_err(failed)?;
    json.push('\n');
    crate::atomic_file::write(&bundle_file, json.as_bytes())?;
    let members = serde_json::json!({
        "file": place, "digest": digest, "bundle": bundle_file, "stamped": stamped,
    });
    let next = if stamped {
        ""
    } else {
        "; it has no timestamp yet, and nobody accepts it without one"
    };
    let text = format!("signed {digest} in {}{next}", bundle_file.display());
    context.output.fact(unsigned.event, &members, &text);
    Ok(())
}

enum Step {
    Signed(SignedAttestation),
    Exported(PathBuf),
}

fn begin(
    arguments: &SigningArguments,
    context: &PluginContext<'_>,
    unsigned: &Unsigned<'_>,
    bundle_file: &Path,
) -> Result<Step, CommandError> {
    if let Some(file) = &arguments.export_payload {
        let file = context.folder.join(file);
        crate::atomic_file::write(&file, &attestation(arguments, unsigned)?.bytes_to_sign())?;
        return Ok(Step::Exported(file));
    }
    if let Some(file) = &arguments.key {
        let file = context.folder.join(file);
        let key =
            SigningKey::from_pem(&file.display().to_string(), read_text(&file)?.reveal()).map_err(failed)?;
        return Ok(Step::Signed(
            attestation(arguments, unsigned)?.sign(&key).map_err(failed)?,
        ));
    }
    if let (Some(signature), Some(key)) = (&arguments.signature, &arguments.public_key) {
        let file = context.folder.join(key);
        let key =
            PublicKey::from_pem(&file.display().to_string(), read_text(&file)?.reveal()).map_err(failed)?;
        let signature = read(&context.folder.join(signature))?;
        let signed = attestation(arguments, unsigned)?
            .with_signature(&signature, &key)
            .map_err(failed)?;
        return Ok(Step::Signed(signed));
    }
    let stamps = arguments.timestamp_url.is_some()
        || arguments.timestamp_response.is_some()
        || arguments.export_timestamp_request.is_some();
    if stamps && bundle_file.exists() {
        return Ok(Step::Signed(
            SignedAttestation::from_json(&read(bundle_file)?).map_err(failed)?,
        ));
    }
    Err(CommandError::message("there is nothing to sign with").help(
        "name a private key with --key, or sign elsewhere: --export-payload FILE, then --signature and --public-key",
    ))
}

/// Adds the timestamp, if there is a way to have one, and tells whether there was.
async fn stamp(
    signed: SignedAttestation,
    arguments: &SigningArguments,
    context: &PluginContext<'_>,
) -> Result<(SignedAttestation, bool), CommandError> {
    if let Some(file) = &arguments.export_timestamp_request {
        crate::atomic_file::write(&context.folder.join(file), &signed.timestamp_request())?;
        return Ok((signed, false));
    }
    let response = match (&arguments.timestamp_url, &arguments.timestamp_response) {
        (Some(url), _) => context.timestamp(url, signed.timestamp_request()).await?,
        (None, Some(file)) => read(&context.folder.join(file))?,
        (None, None) => return Ok((signed, false)),
    };
    Ok((signed.with_timestamp(&response).map_err(failed)?, true))
}

/// Says what a plugin is.
fn built(plugin: &FetchedPlugin) -> Result<Built, CommandError> {
    let (Some(manifest), Some(interface)) = (&plugin.manifest, &plugin.interface_version) else {
        return Err(CommandError::message(format!(
            "{} does not carry its manifest, which is part of what is signed",
            plugin.place
        ))
        .help(format!("run `konductor plugin pack {}` first", plugin.place)));
    };
    Ok(Built::Plugin {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        interface: format!("konductor:plugin@{interface}"),
    })
}

fn attestation(arguments: &SigningArguments, unsigned: &Unsigned<'_>) -> Result<Attestation, CommandError> {
    let source = match (&arguments.repository, &arguments.commit) {
        (Some(repository), Some(commit)) => Some(SourceCode {
            repository: repository.clone(),
            commit: commit.clone(),
        }),
        _ => None,
    };
    let provenance = Provenance {
        built: (unsigned.built)()?,
        builder: arguments.builder.clone(),
        invocation: arguments.invocation.clone(),
        source,
    };
    Attestation::new(unsigned.bytes, &provenance).map_err(failed)
}

fn failed(error: impl std::error::Error) -> CommandError {
    CommandError::message(konductor_model::with_causes(&error))
}

fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(file).map_err(|error| CommandError::file("read", file, error))
}

fn read_text(file: &Path) -> Result<SecretText, CommandError> {
    std::fs::read_to_string(file)
        .map(SecretText::new)
        .map_err(|error| CommandError::file("read", file, error))
}
