//! A kind of resources below a gateway: its noun, its place in IDs, and the columns of its table. Pure data.

/// A kind of resource below a gateway.
#[derive(Debug)]
pub(crate) struct ResourceKind {
    /// The noun on the command line, such as `listener`.
    pub(crate) noun: &'static str,
    /// The plural: the word in messages, and an alias of the noun where it is another word.
    pub(crate) plural: &'static str,
    /// The help text.
    pub(crate) about: &'static str,
    /// The collection in IDs and documents, such as `httpListeners`.
    pub(crate) collection: &'static str,
    /// Where members have their place.
    pub(crate) place: Place,
    /// The columns after the name: a title, and the JSON pointer of the value.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

/// Where the members of a kind have their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the document of the gateway, as children.
    Document,
    /// In the document of a child of this collection, such as the path rules of a path map.
    Child(&'static str),
    /// Beside the document, with the provider of extensions.
    Extension,
}

impl ResourceKind {
    /// The path from the gateway to the list of this kind; `None` if each child has a list of its own.
    pub(crate) fn path(&self) -> Option<String> {
        match self.place {
            Place::Document => Some(self.collection.to_owned()),
            Place::Extension => Some(format!("{PROVIDERS}/{PROVIDER}/{}", self.collection)),
            Place::Child(_) => None,
        }
    }
}

/// The segments of an ID before the collection of an extension.
pub(super) const PROVIDERS: &str = "providers";
pub(super) const PROVIDER: &str = "Tidegate.Network";

pub(super) const fn child(
    noun: &'static str,
    plural: &'static str,
    about: &'static str,
    collection: &'static str,
    columns: &'static [(&'static str, &'static str)],
) -> ResourceKind {
    ResourceKind { noun, plural, about, collection, place: Place::Document, columns }
}

pub(super) const fn nested(
    noun: &'static str,
    plural: &'static str,
    about: &'static str,
    (parent, collection): (&'static str, &'static str),
    columns: &'static [(&'static str, &'static str)],
) -> ResourceKind {
    ResourceKind { noun, plural, about, collection, place: Place::Child(parent), columns }
}

pub(super) const fn extension(
    noun: &'static str,
    plural: &'static str,
    about: &'static str,
    collection: &'static str,
    columns: &'static [(&'static str, &'static str)],
) -> ResourceKind {
    ResourceKind { noun, plural, about, collection, place: Place::Extension, columns }
}

/// Stands for the end of a certificate, which is read from the certificate itself.
pub(crate) const EXPIRY: &str = "expiry";

/// Stands for the time since a certificate became valid, which is read from the certificate itself.
pub(crate) const AGE: &str = "age";

/// Stands for the child that a resource belongs to, which is read from the ID.
pub(crate) const PARENT: &str = "parent";
