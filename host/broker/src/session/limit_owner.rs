//! Whose rate limit a request counts against, by a name that is the same in every process.

use std::collections::BTreeSet;

use super::{Prepared, Session};
use crate::authentication::Authentication;
use crate::credentials::CredentialSource;
use crate::endpoint::{self, Address};

impl Session {
    /// Finds out whose the rate limit is, where other processes share it.
    pub(super) async fn name_limit(&self, request: &Prepared) {
        let Some(shared) = request.throttle.shared().filter(|shared| !shared.is_named()) else {
            return;
        };
        let ask = async {
            let Authentication::Aws(signer) = &request.authentication else {
                return None;
            };
            let asked = async {
                let credentials = signer.cache.get().await.map_err(|error| error.to_string())?;
                self.account(request, signer, &credentials).await
            };
            let answer = tokio::time::timeout(self.shared.limits.attempt_timeout, asked).await;
            answer
                .unwrap_or_else(|_| Err("the token service did not answer".to_owned()))
                .inspect_err(
                    |reason| tracing::warn!(%reason, "it is not known whose the shared rate limit is"),
                )
                .ok()
        };
        let credentials = self
            .endpoint(&request.endpoint)
            .ok()
            .and_then(|of| of.credentials.as_ref());
        let credentials = credentials.unwrap_or(&self.plugin);
        let name = name(
            &request.authentication,
            &request.address,
            &request.accounts,
            credentials,
            ask,
        );
        shared.set_name(name.await);
    }
}

/// Returns the name. `ask` is polled where neither the grant nor the credentials say which account it is. Where it is not
/// known it is called by the name of the credentials: more share it then than have to, and not fewer.
async fn name(
    authentication: &Authentication,
    address: &Address,
    accounts: &BTreeSet<String>,
    credentials: &str,
    ask: impl Future<Output = Option<String>>,
) -> String {
    let service = &address.signing_service;
    let granted = || one_of(accounts).cloned();
    match authentication {
        Authentication::Aws(signer) => {
            let account = match granted().or_else(|| role_account(signer.cache.source())) {
                Some(account) => Some(account),
                None => ask.await,
            };
            let account = account.unwrap_or_else(|| format!("of {credentials}"));
            format!("aws/{account}/{service}/{}", address.signing_region)
        }
        Authentication::Bearer(..) => {
            let account = granted().unwrap_or_else(|| format!("of {credentials}"));
            format!("token/{account}/{service}")
        }
        // An HTTP API's limit is its own, whoever calls it.
        Authentication::Http(_) => format!("http/{}", endpoint::host_of(&address.origin)),
    }
}

fn one_of(accounts: &BTreeSet<String>) -> Option<&String> {
    accounts.first().filter(|_| accounts.len() == 1)
}

/// Returns the account of the role that is assumed: `arn:aws:iam::123456789012:role/name`.
fn role_account(source: &CredentialSource) -> Option<String> {
    let arn = &source.assume_role.as_ref()?.role_arn;
    let account = arn.split(':').nth(4)?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then(|| account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{AssumeRole, CredentialBase};

    #[test]
    fn the_account_of_a_role_is_in_its_name() {
        let account = |arn: &str| {
            role_account(&CredentialSource {
                base: CredentialBase::StandardChain,
                assume_role: Some(AssumeRole {
                    role_arn: arn.to_owned(),
                    external_id: None,
                    session_name: None,
                    session_tags: Default::default(),
                    duration: None,
                }),
                region: None,
            })
        };
        assert_eq!(
            account("arn:aws-cn:iam::123456789012:role/path/deploy").as_deref(),
            Some("123456789012")
        );
        assert_eq!(account("deploy"), None);
        assert_eq!(account("arn:aws:iam::mine:role/deploy"), None);
        assert_eq!(role_account(&CredentialSource::default()), None);
    }

    #[test]
    fn several_granted_accounts_do_not_say_which_one_it_is() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(one_of(&set(&["one"])).map(String::as_str), Some("one"));
        assert_eq!(one_of(&set(&["one", "two"])), None);
        assert_eq!(one_of(&set(&[])), None);
    }
}
