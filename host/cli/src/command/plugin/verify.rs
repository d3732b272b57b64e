//! `konductor plugin verify`.

use konductor_registry::Digest;
use konductor_signature::{PublicKey, Signer, TimestampAuthority, VerifiedSignature};

use super::PluginContext;
use super::inspect::is_file;
use crate::arguments::{VerificationArguments, VerifyArguments};
use crate::error::CommandError;
use crate::plugins::requirement;

/// Checks who signed a plugin: as the policies ask, or with the keys that are named and no others.
pub async fn verify(arguments: &VerifyArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let loader = context.loader()?.unlocked().asking_for_signatures();
    let plugin = &arguments.plugin;
    let mut fetched = if is_file(plugin) {
        loader.registry().fetch_file(&context.folder.join(plugin))?
    } else {
        let requirement = requirement(plugin, context.configuration.as_ref());
        loader.fetch(plugin, requirement, true).await?
    };
    if !arguments.verification.bundle.is_empty() {
        fetched.bundles = context.read_all(&arguments.verification.bundle)?;
    }
    if arguments.verification.key.is_empty() {
        let admitted = if is_file(plugin) {
            let name = fetched.name.clone();
            loader.judge(&name, fetched, false)?
        } else {
            loader.judge(plugin, fetched, true)?
        };
        let (fetched, signer) = (admitted.fetched(), admitted.signer());
        let members = serde_json::json!({
            "name": fetched.name, "digest": fetched.digest, "place": fetched.place, "signer": signer,
        });
        let who = signer.map_or_else(
            || "no policy asks who signed it".to_owned(),
            |signer| format!("signed by {signer}"),
        );
        let text = format!(
            "{} {}\nevery policy admits it; {who}",
            fetched.name, fetched.digest
        );
        context.output.fact("plugin-verified", &members, &text);
        return Ok(());
    }
    let verifiable = Verifiable {
        place: &fetched.place,
        digest: fetched.digest,
        bytes: &fetched.bytes,
        bundles: &fetched.bundles,
        command: "konductor plugin sign",
    };
    let verified = with_keys(&verifiable, &signer(&arguments.verification, context)?)?;
    let facts = verified.facts();
    let members = serde_json::json!({
        "name": fetched.name, "digest": fetched.digest, "place": fetched.place, "signer": verified.identity(),
        "signed_at": verified.signed_at().to_string(), "builder": facts.builder,
    });
    let text = format!(
        "{} {}\nsigned with {} at {}, built by {}",
        fetched.name,
        fetched.digest,
        verified.identity(),
        verified.signed_at(),
        facts.builder
    );
    context.output.fact("plugin-verified", &members, &text);
    Ok(())
}

/// Returns who has the keys that are named on the command line.
pub fn signer(
    arguments: &VerificationArguments,
    context: &PluginContext<'_>,
) -> Result<Signer, CommandError> {
    let text = |file: &std::path::Path| {
        let file = context.folder.join(file);
        let text =
            std::fs::read_to_string(&file).map_err(|error| CommandError::file("read", &file, error))?;
        Ok::<_, CommandError>((file.display().to_string(), text))
    };
    let mut keys = Vec::new();
    for file in &arguments.key {
        let (name, text) = text(file)?;
        keys.push(PublicKey::from_pem(&name, &text)?);
    }
    let mut authorities = Vec::new();
    for file in &arguments.tsa {
        let (name, text) = text(file)?;
        authorities.push(TimestampAuthority::from_pem(&name, &text)?);
    }
    Ok(Signer::managed("the keys that were named", keys, authorities)?)
}

/// Something whose signatures are verified with keys that somebody names.
pub struct Verifiable<'a> {
    /// Where it is, for a person.
    pub place: &'a str,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The signatures.
    pub bundles: &'a [Vec<u8>],
    /// The command that makes one.
    pub command: &'static str,
}

/// Returns the first signature that holds; where none does, why each of them does not.
pub fn with_keys(verifiable: &Verifiable<'_>, signer: &Signer) -> Result<VerifiedSignature, CommandError> {
    let mut reasons = Vec::new();
    for bundle in verifiable.bundles {
        match konductor_signature::verify(verifiable.bytes, bundle, signer) {
            Ok(verified) => return Ok(verified),
            Err(error) => reasons.push(konductor_model::with_causes(&error)),
        }
    }
    if reasons.is_empty() {
        return Err(
            CommandError::message(format!("{} has no signature beside it", verifiable.place)).help(format!(
                "name its bundle with --bundle, or sign it with `{}`",
                verifiable.command
            )),
        );
    }
    Err(CommandError::message(format!(
        "{} ({}) is not signed with these keys: {}",
        verifiable.place,
        verifiable.digest,
        reasons.join("; ")
    )))
}
