//! Every error code that an answer may bear, with its meaning: for the published description of the API.
//!
//! Codes are declared where they are used, by [`codes`], which also makes a list of them; here the lists come together.

use crate::{api, on_demand, rollout, store, violation};

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
        pub(crate) static $list: &[$crate::code_list::Code] =
            &[$( $crate::code_list::Code { name: $name, meaning: concat!($($meaning),+) } ),+];
    };
}
pub(crate) use codes;

/// All of them, each once.
pub(crate) fn every_code() -> impl Iterator<Item = Code> {
    let lists = [
        api::CODES,
        api::DEPLOYMENT_CODES,
        api::SURROUNDINGS_CODES,
        violation::code::CODES,
        violation::code::limit::CODES,
        violation::code::OWN_CODES,
        violation::code::template::CODES,
        rollout::CODES,
        on_demand::CODES,
        store::OPERATION_CODES,
    ];
    let mut known = std::collections::BTreeSet::new();
    let all: Vec<Code> =
        lists.into_iter().flatten().copied().filter(|code| known.insert(code.name)).collect();
    all.into_iter()
}
