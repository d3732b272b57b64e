//! Reads the signers of a policy, with the keys, certificates and trust roots that they name.

use std::collections::BTreeMap;

use konductor_signature::{IdentityPattern, PublicKey, Signer, TimestampAuthority, TrustError, TrustRoot};

use super::reading::{Reading, read_text};
use super::rules::RequiredSigner;
use super::tree::Node;

impl Reading<'_> {
    /// Reads one of some signers. `names` is the key under which it says what it may sign.
    pub(super) fn signer(&mut self, node: &Node, names: &'static str) -> Option<RequiredSigner> {
        let known = [
            "name",
            names,
            "keys",
            "timestamp_authorities",
            "identity",
            "issuer",
            "trust_root",
        ];
        let fields = self.map(node, "a signer", &known);
        let Some(name) = fields.get("name") else {
            self.problem(&node.place, "a signer needs a `name`");
            return None;
        };
        let name = self.text(name, "`name`")?;
        let names = match fields.get(names) {
            Some(node) => self.texts(node, &format!("`{names}`")),
            None => vec!["*".to_owned()],
        };
        let managed = fields.contains_key("keys");
        let unfit: &[&str] = if managed {
            &["identity", "issuer", "trust_root"]
        } else {
            &["timestamp_authorities"]
        };
        for field in unfit {
            if let Some(node) = fields.get(field) {
                let problem = format!(
                    "`{field}` does not go with signer `{name}`: a signer has either `keys` and \
                     `timestamp_authorities`, or `identity`, `issuer` and `trust_root`"
                );
                self.problem(&node.place, problem);
            }
        }
        let signer = if managed {
            self.managed(name, node, &fields)
        } else {
            self.keyless(name, node, &fields)
        }?;
        Some(RequiredSigner { signer, names })
    }

    fn managed(&mut self, name: &str, node: &Node, fields: &BTreeMap<&str, &Node>) -> Option<Signer> {
        let keys = self.files(fields.get("keys"), "`keys`", |name, text| {
            PublicKey::from_pem(name, text).map_err(|e| e.to_string())
        });
        let authorities = self.files(
            fields.get("timestamp_authorities"),
            "`timestamp_authorities`",
            |name, text| TimestampAuthority::from_pem(name, text).map_err(|e| e.to_string()),
        );
        let (keys, authorities) = (keys?, authorities?);
        self.signer_or_problem(node, Signer::managed(name, keys, authorities))
    }

    fn keyless(&mut self, name: &str, node: &Node, fields: &BTreeMap<&str, &Node>) -> Option<Signer> {
        let (Some(identity), Some(issuer), Some(root)) = (
            fields.get("identity"),
            fields.get("issuer"),
            fields.get("trust_root"),
        ) else {
            let problem = format!(
                "signer `{name}` needs either `keys` and `timestamp_authorities`, or `identity`, `issuer` and `trust_root`"
            );
            self.problem(&node.place, problem);
            return None;
        };
        let pattern = self.text(identity, "`identity`").map(IdentityPattern::new);
        let pattern = pattern.and_then(|pattern| {
            pattern
                .map_err(|error| self.problem(&identity.place, error.to_string()))
                .ok()
        });
        let issuer = self.text(issuer, "`issuer`");
        let root = self.file(root, |name, text| {
            TrustRoot::from_json(name, text).map_err(|e| e.to_string())
        });
        let signer = Signer::keyless(name, pattern?, issuer?, root?);
        self.signer_or_problem(node, signer)
    }

    fn signer_or_problem(&mut self, node: &Node, signer: Result<Signer, TrustError>) -> Option<Signer> {
        signer
            .map_err(|error| self.problem(&node.place, error.to_string()))
            .ok()
    }

    /// Reads a list of files; `None` when one of them is a problem.
    fn files<T>(
        &mut self,
        node: Option<&&Node>,
        what: &str,
        read: impl Fn(&str, &str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items = node.map(|node| self.list(node, what)).unwrap_or_default();
        let files: Vec<Option<T>> = items.iter().map(|item| self.file(item, &read)).collect();
        files.into_iter().collect()
    }

    /// Reads a file that the policy names.
    fn file<T>(&mut self, node: &Node, read: impl Fn(&str, &str) -> Result<T, String>) -> Option<T> {
        let path = self.base.join(self.text(node, "a file")?);
        let read = read_text(&path).and_then(|text| read(&path.display().to_string(), &text));
        read.map_err(|problem| self.problem(&node.place, problem)).ok()
    }
}
