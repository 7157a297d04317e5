//! Error codes that list themselves: for the published description of the API.
//!
//! Codes are declared where they are used, by [`codes`], which also makes a list of them. This module knows no code; the
//! lists come together in the description of the API.

/// A code and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// As it is sent.
    pub(crate) name: &'static str,
    /// The comment on its declaration.
    pub(crate) meaning: &'static str,
}

/// Declares constants that are error codes, as they would be declared without it, and lists them under the name
/// given first. The comment on each is published as its meaning.
macro_rules! codes {
    ($list:ident; $( $(#[doc = $meaning:literal])+ $visible:vis const $name:ident: &str = $code:literal; )+) => {
        $( $(#[doc = $meaning])+ $visible const $name: &str = $code; )+

        /// All of these.
        pub(crate) static $list: &[$crate::violation::code_list::Code] =
            &[$( $crate::violation::code_list::Code { name: $name, meaning: concat!($($meaning),+) } ),+];
    };
}
pub(crate) use codes;
