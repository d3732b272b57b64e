//! `konductor policy sign` and `konductor policy verify`.

use konductor_model::with_causes;
use konductor_registry::local::{bundle_path, own_name};
use konductor_registry::policy::SitePackage;
use konductor_registry::{BundleRequest, SignatureLookup};
use konductor_signature::Built;

use super::named_here;
use super::pack::{read_file, source};
use crate::arguments::{PolicySignArguments, PolicyVerifyArguments, RegoChoice};
use crate::command::plugin::{PluginContext, Unsigned, Verifiable, sign_bytes, signer, with_keys};
use crate::error::CommandError;

/// Signs a packed package, in one step or in as many as a security module needs.
pub async fn sign(arguments: &PolicySignArguments, context: &PluginContext<'_>) -> Result<(), CommandError> {
    let file = context.folder.join(&arguments.file);
    let fetched = read_file(&file, context)?;
    let name = arguments.name.clone().unwrap_or_else(|| own_name(&file));
    let unsigned = Unsigned {
        place: &file.display().to_string(),
        bytes: fetched.signed_bytes(),
        built: &|| Ok(Built::Package { name: name.clone() }),
        bundle_file: &bundle_path(&file, 0),
        event: "policy-signed",
    };
    sign_bytes(&arguments.signing, &unsigned, context).await
}

/// Checks who signed a package: as the policies ask, or with the keys that are named and no others.
pub async fn verify(
    arguments: &PolicyVerifyArguments,
    context: &PluginContext<'_>,
) -> Result<(), CommandError> {
    let loader = context.loader()?.asking_for_signatures();
    let text = &arguments.package;
    let named = loader
        .policies()
        .packages()
        .find(|package| package.setting.name == *text);
    let package: SitePackage = match named {
        Some(package) => package.clone(),
        None => named_here(text.as_ref(), context.folder, RegoChoice::V1, &[])?,
    };
    let Some(required) = &package.bundle else {
        return Err(CommandError::message(format!(
            "`{text}` is neither a package with a `source`, nor a packed file, nor an address in a registry"
        ))
        .help("what is in a folder is signed by nobody; pack it with `konductor policy pack`"));
    };
    if arguments.verification.key.is_empty() {
        let admitted = loader.admit_package(&package, required, named.is_some()).await?;
        let (digest, signer) = (admitted.fetched().digest(), admitted.signer());
        let members = serde_json::json!({
            "name": package.setting.name, "digest": digest, "source": required.source.to_string(), "signer": signer,
        });
        let who = signer.map_or_else(
            || "no rule asks who signed it".to_owned(),
            |signer| format!("signed by {signer}"),
        );
        let text = format!("{} {digest}\nevery rule accepts it; {who}", package.setting.name);
        context.output.fact("policy-verified", &members, &text);
        return Ok(());
    }
    let request = BundleRequest {
        name: package.setting.name.clone(),
        source: source(&required.source.to_string(), context)?,
        locked: None,
        signatures: SignatureLookup::AtSource,
    };
    let fetched = loader.registry().fetch_policies(&request).await;
    let fetched = fetched.map_err(|error| CommandError::message(with_causes(&error)))?;
    let given = context.read_all(&arguments.verification.bundle)?;
    let verified = with_keys(
        &Verifiable {
            place: &required.source.to_string(),
            digest: fetched.digest(),
            bytes: fetched.signed_bytes(),
            bundles: if given.is_empty() {
                &fetched.signatures
            } else {
                &given
            },
            command: "konductor policy sign",
        },
        &signer(&arguments.verification, context)?,
    )?;
    let facts = verified.facts();
    let members = serde_json::json!({
        "name": package.setting.name, "digest": fetched.digest(), "source": required.source.to_string(),
        "signer": verified.identity(), "signed_as": facts.package, "signed_at": verified.signed_at().to_string(),
        "builder": facts.builder,
    });
    let text = format!(
        "{} {}\nsigned as `{}` with {} at {}, built by {}",
        package.setting.name,
        fetched.digest(),
        facts.package.as_deref().unwrap_or(&facts.subject),
        verified.identity(),
        verified.signed_at(),
        facts.builder
    );
    context.output.fact("policy-verified", &members, &text);
    Ok(())
}
