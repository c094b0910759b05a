//! How the journal spells its states: an enum whose variants have one name in the database.

/// Declares an enum with the names the database stores.
///
/// `named! { /// Doc. Colour { /// Doc. Red => "red" } }` makes `enum Colour { Red }` with
/// `as_str()` and `parse(&str) -> Result<Self, DbError>`.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Returns the name as it is stored.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Reads the stored name. An unknown one means that a newer program wrote it.
            pub(crate) fn parse(text: &str) -> Result<Self, support_db::DbError> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    other => Err(support_db::DbError::Column {
                        column: stringify!($name).to_lowercase(),
                        problem: format!("unknown value `{other}`"),
                    }),
                }
            }
        }
    };
}

pub(crate) use named;
