//! What a section of the configuration is: documented keys, written once.
//!
//! The [`section!`] macro makes a struct, its defaults and its reader from one list, and keeps the doc comments as data: they are the
//! text of `config example`.

use super::reading::{Reading, Table};
use toml::Value;

/// How a key stands in the example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// With its default.
    Plain,
    /// Commented out: absent by default, or of use to few.
    Optional,
    /// Commented out, never shown, and also readable as `KEY_file`.
    Secret,
    /// Has to be there when its table is.
    Required,
    /// A table of its own.
    Section,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Lines for people.
    pub(crate) docs: &'static [&'static str],
    pub(crate) mark: Mark,
    /// The value in the example, in TOML.
    pub(crate) shown: &'static str,
}

/// A table with known keys.
pub(crate) trait Section: Sized {
    /// Its keys.
    const KEYS: &'static [Key];

    /// Takes the keys out of a table; what is left is refused.
    fn read_section(table: Table<'_>, reading: &mut Reading<'_>) -> Option<Self>;

    /// Returns the values that are set, secrets masked.
    fn show_section(&self) -> toml::Table;
}

/// Returns every spelling a section's keys have.
pub(crate) fn spellings(keys: &[Key]) -> Vec<String> {
    let mut all = Vec::new();
    for key in keys {
        all.push(key.name.to_owned());
        if key.mark == Mark::Secret {
            all.push(format!("{}_file", key.name));
        }
    }
    all
}

/// Adds a value to a table that is shown.
pub(crate) fn show_into(table: &mut toml::Table, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        table.insert(name.to_owned(), value);
    }
}

/// From
/// ```text
/// section! {
///     /// What the section is for.
///     Colors {
///         /// What the key does.
///         wall: String = "white".to_owned(), Plain "\"white\"";
///     }
/// }
/// ```
/// this makes `pub struct Colors { pub wall: String }` with its `Default`, [`Section`] and [`super::Setting`]. The last two words of a key are its
/// [`Mark`] and its value in the example.
macro_rules! section {
    ($(#[doc = $about:literal])* $name:ident {
        $($(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr, $mark:ident $shown:literal;)*
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[doc = $doc])* pub $key: $type,)* }

        impl Default for $name {
            fn default() -> $name {
                $name { $($key: $default,)* }
            }
        }

        impl $crate::config::section::Section for $name {
            const KEYS: &'static [$crate::config::section::Key] = &[$($crate::config::section::Key {
                name: stringify!($key),
                docs: &[$($doc),*],
                mark: $crate::config::section::Mark::$mark,
                shown: $shown,
            }),*];

            fn read_section(
                mut table: $crate::config::reading::Table<'_>,
                reading: &mut $crate::config::reading::Reading<'_>,
            ) -> Option<$name> {
                use $crate::config::section::{Mark, spellings};
                let mut section = $name::default();
                let mut complete = true;
                $(match table.take::<$type>(stringify!($key), Mark::$mark == Mark::Secret, reading) {
                    Some(value) => section.$key = value,
                    None if Mark::$mark == Mark::Required => complete = false,
                    None => {}
                })*
                table.refuse_rest(&spellings(Self::KEYS), reading);
                complete.then_some(section)
            }

            fn show_section(&self) -> toml::Table {
                let mut table = toml::Table::new();
                $($crate::config::section::show_into(
                    &mut table,
                    stringify!($key),
                    $crate::config::Setting::show(&self.$key),
                );)*
                table
            }
        }

        impl $crate::config::Setting for $name {
            fn read(
                node: $crate::config::reading::Node<'_>,
                reading: &mut $crate::config::reading::Reading<'_>,
            ) -> Option<$name> {
                use $crate::config::section::Section;
                let (path, line) = (node.path.clone(), node.line);
                let section = $name::read_section(node.table(reading)?, reading);
                if section.is_none() {
                    let wanted: Vec<String> = $name::KEYS
                        .iter()
                        .filter(|key| key.mark == $crate::config::section::Mark::Required)
                        .map(|key| format!("`{}`", key.name))
                        .collect();
                    reading.fault(&path, Some(line), format!("it needs {}", wanted.join(" and ")));
                }
                section
            }

            fn show(&self) -> Option<toml::Value> {
                use $crate::config::section::Section;
                Some(toml::Value::Table(self.show_section()))
            }

            fn note(&self, key: &str, values: &mut $crate::config::effect::Values) {
                let dot = if key.is_empty() { "" } else { "." };
                $($crate::config::Setting::note(
                    &self.$key,
                    &format!("{key}{dot}{}", stringify!($key)),
                    values,
                );)*
            }
        }
    };
}
pub(crate) use section;
