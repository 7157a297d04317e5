//! Declaration of error codes with their meaning, for the published description of the API.
//!
//! Codes are declared where they are used, by [`codes`], which also lists them. This module contains no code
//! itself; the description of the API joins the lists.

/// An error code and its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// The code as sent.
    pub(crate) name: &'static str,
    /// The doc comment of its declaration.
    pub(crate) meaning: &'static str,
}

/// Declares constants that are error codes, and lists them under the name given first. The doc comment of each
/// is published as its meaning.
macro_rules! codes {
    ($list:ident; $( $(#[doc = $meaning:literal])+ $visible:vis const $name:ident: &str = $code:literal; )+) => {
        $( $(#[doc = $meaning])+ $visible const $name: &str = $code; )+

        /// All codes declared here.
        pub(crate) static $list: &[$crate::violation::code_list::Code] =
            &[$( $crate::violation::code_list::Code { name: $name, meaning: concat!($($meaning),+) } ),+];
    };
}
pub(crate) use codes;
