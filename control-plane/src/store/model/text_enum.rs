//! Enums whose texts are those of ARM and of the database.

/// Declares an enum whose texts are the names of its variants.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The text.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::store::StoreError;

            fn from_str(text: &str) -> Result<$name, crate::store::StoreError> {
                match text {
                    $(stringify!($variant) => Ok($name::$variant),)+
                    other => Err(crate::store::StoreError::Damaged {
                        what: stringify!($name).to_owned(),
                        why: format!("{other:?} is none"),
                    }),
                }
            }
        }
    };
}

pub(in crate::store) use text_enum;
