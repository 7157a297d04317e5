//! Certificates that refer to a secret of a vault, or that an extension document reads from files: what the references stand
//! for, and how that changes.

use serde_json::Value;

use super::{Child, Document};
use crate::arm::body::{Opened, REFERRING, SECRET_ID, SERVERS};
use crate::arm::certificate::{FetchFault, StoredCertificate, to_base64};
use crate::arm::extension::CERTIFICATE_SOURCES;
use crate::arm::pkcs7;

/// The property with the public part of a server certificate.
pub(super) const SHOWN: &str = "publicCertData";

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileReference {
    /// The path of the chain.
    pub(crate) certificate: String,
    /// The path of the key.
    pub(crate) key: String,
}

/// The beginning of a reference to files; no reference to a vault begins like this.
const FILES: &str = "files:";

impl FileReference {
    /// Reads a reference of [`Document::referring`]. `None` if it is to a vault.
    pub(crate) fn parse(reference: &str) -> Option<FileReference> {
        let (certificate, key) = reference.strip_prefix(FILES)?.split_once('\0')?;
        Some(FileReference { certificate: certificate.to_owned(), key: key.to_owned() })
    }

    /// Writes the reference.
    pub(crate) fn text(&self) -> String {
        format!("{FILES}{}\0{}", self.certificate, self.key)
    }
}

impl Document {
    /// The certificates that come from elsewhere, each with its reference.
    pub(crate) fn referring(&self) -> impl Iterator<Item = (&Child, String)> {
        self.children.iter().filter_map(|child| Some((child, self.reference_of(child)?)))
    }

    /// Returns the reference of a certificate that comes from elsewhere. An extension document takes precedence.
    fn reference_of(&self, child: &Child) -> Option<String> {
        let files = self.files_of(child).map(|files| files.text());
        files.or_else(|| child.secret_reference().map(str::to_owned))
    }

    /// Returns the files of a server certificate, if an extension document names them.
    pub(crate) fn files_of(&self, child: &Child) -> Option<FileReference> {
        if child.collection.name != SERVERS {
            return None;
        }
        let source = self.extension(CERTIFICATE_SOURCES, &child.name)?;
        let path = |name: &str| source.properties.get(name)?.as_str().map(str::to_owned);
        Some(FileReference { certificate: path("certificatePath")?, key: path("keyPath")? })
    }

    /// Keeps what was read from files, whatever data a client has sent for the same certificates.
    pub(super) fn keep_sourced(&mut self, stored: &Document) {
        let kept: Vec<(usize, Option<Child>)> = self
            .children
            .iter()
            .enumerate()
            .filter(|(_, child)| self.files_of(child).is_some())
            .map(|(at, child)| (at, stored.child(child.collection, &child.name).cloned()))
            .collect();
        for (at, old) in kept {
            let was_read = |old: &Child| {
                old.stored_certificate()
                    .is_some_and(|stored| stored.fetched_at.is_some() || stored.fault.is_some())
            };
            if let Some(old) = old.filter(was_read) {
                self.children[at].secret.clone_from(&old.secret);
                self.children[at].show(old.properties.get(SHOWN).cloned());
            }
        }
    }

    /// Returns this document with what was fetched for its references. References that were not fetched keep what they
    /// stand for.
    pub(crate) fn with_fetched(&self, opened: &Opened) -> Document {
        let mut document = self.clone();
        for (child, old) in document.children.iter_mut().zip(&self.children) {
            let Some(reference) = self.reference_of(old) else { continue };
            let Some(fetched) = opened.fetched(&reference, child.collection).cloned() else { continue };
            child.show_fetched(Some(fetched));
        }
        document
    }

    /// Gives each reference what the same reference stands for in a newer document, so that an older one does not bring
    /// back certificates that were replaced since.
    pub(crate) fn keep_fetched(&mut self, newer: &Document) {
        let mut kept = Vec::new();
        for (at, child) in self.children.iter().enumerate() {
            let Some(reference) = self.reference_of(child) else { continue };
            let same = newer.child(child.collection, &child.name);
            kept.extend(
                same.filter(|same| newer.reference_of(same) == Some(reference)).map(|same| (at, same)),
            );
        }
        for (at, same) in kept {
            self.children[at].secret.clone_from(&same.secret);
            self.children[at].show(same.properties.get(SHOWN).cloned());
        }
    }
}

impl Child {
    /// The reference to a secret of a vault, if the child is a certificate with one.
    pub(crate) fn secret_reference(&self) -> Option<&str> {
        let may_refer = REFERRING.contains(&self.collection.name);
        let reference = self.properties.get(SECRET_ID).filter(|_| may_refer)?.as_str()?;
        (!reference.is_empty()).then_some(reference)
    }

    /// What a reference stands for.
    pub(crate) fn stored_certificate(&self) -> Option<StoredCertificate> {
        StoredCertificate::from_secret(self.secret.as_ref()?)
    }

    /// Stores what was fetched for the child; `None` if nothing was fetched.
    pub(super) fn show_fetched(&mut self, fetched: Option<Result<StoredCertificate, FetchFault>>) {
        let not_yet = || Err(FetchFault::Unreachable("it has not been fetched yet".to_owned()));
        let after = StoredCertificate::after(self.stored_certificate(), fetched.unwrap_or_else(not_yet));
        let is_server = after.key.is_some() && after.fault.is_none();
        let shown = is_server.then(|| to_base64(&pkcs7::certificate_bag(&after.chain)));
        self.show(shown.map(Value::String));
        self.secret = Some(after.to_secret());
    }

    fn show(&mut self, public: Option<Value>) {
        match public {
            Some(public) => _ = self.properties.insert(SHOWN.to_owned(), public),
            None => _ = self.properties.remove(SHOWN),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::body::FetchedSecret;
    use crate::clock::Millis;
    use crate::testing::{VERSION, path, sent};

    fn document(reference: &str) -> Document {
        let root = json!({ "name": "r", "properties": { "keyVaultSecretId": reference } });
        let body = json!({ "properties": { "trustedRootCertificates": [root] } });
        Document::read(path("gw"), &sent(body), None, VERSION).0
    }

    fn fetched(reference: &str, byte: u8) -> Opened {
        let mut opened = Opened::default();
        let found = Ok(StoredCertificate::authorities(&[vec![byte]], Millis(1)));
        let secret = FetchedSecret { server: found.clone(), authorities: found };
        opened.insert_fetched(reference.to_owned(), secret);
        opened
    }

    fn chain(document: &Document) -> Vec<Vec<u8>> {
        document.children[0].stored_certificate().unwrap().chain
    }

    #[test]
    fn what_was_fetched_belongs_to_its_reference() {
        let (one, other) = ("https://v/secrets/a", "https://v/secrets/b");
        let empty = document(one);
        assert!(empty.children[0].stored_certificate().unwrap().fault.is_some(), "nothing was fetched");
        let old = empty.with_fetched(&fetched(one, 1));
        assert_eq!(chain(&old), [[1]]);
        assert_eq!(old.with_fetched(&fetched(other, 2)), old);
        let new = old.with_fetched(&fetched(one, 2));
        let mut back = old.clone();
        back.keep_fetched(&new);
        assert_eq!(chain(&back), [[2]]);
        let mut back = old.clone();
        back.keep_fetched(&document(other));
        assert_eq!(chain(&back), [[1]]);
    }
}
