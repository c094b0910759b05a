//! What can stand behind a key: how it is read, and how it is shown again.

use super::{
    effect::Values,
    reading::{Node, Reading},
};
use ruma::{OwnedServerName, ServerName};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    path::{Path, PathBuf},
};
use toml::Value;
use url::Url;

/// One value of the configuration.
pub(crate) trait Setting: Sized {
    /// Reads it; what is wrong is noted and `None` returned.
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Self>;

    /// Returns it for `config show`, secrets masked; `None` where it is not set.
    fn show(&self) -> Option<Value>;

    /// Notes its values by their dotted keys, secrets as they are: for comparing, never for printing.
    fn note(&self, key: &str, values: &mut Values) {
        if let Some(value) = self.show() {
            values.insert(key.to_owned(), value.to_string());
        }
    }
}

impl Setting for bool {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<bool> {
        let value = node.value.get_ref().as_bool();
        if value.is_none() {
            node.expected("true or false", reading);
        }
        value
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(*self))
    }
}

/// An amount of data in MiB; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mebibytes(pub u64);

impl Mebibytes {
    /// Returns it in bytes.
    pub fn bytes(self) -> u64 {
        self.0.saturating_mul(1 << 20)
    }
}

impl Setting for Mebibytes {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Mebibytes> {
        let number = match node.value.get_ref() {
            toml::de::DeValue::Integer(number) => number.to_string().parse().ok(),
            _ => None,
        };
        let size = number.filter(|size| *size > 0);
        if size.is_none() {
            node.expected("a number of MiB such as 100", reading);
        }
        size.map(Mebibytes)
    }

    fn show(&self) -> Option<Value> {
        i64::try_from(self.0).ok().map(Value::from)
    }
}

impl Setting for String {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<String> {
        let text = node.text("a text", reading)?;
        if text.is_empty() {
            node.fault("it is empty", reading);
            return None;
        }
        Some(text)
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(self.as_str()))
    }
}

/// A path; relative ones are meant from the configuration file's folder.
impl Setting for PathBuf {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<PathBuf> {
        let path = String::read(node, reading)?;
        Some(reading.resolve(Path::new(&path)))
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(self.display().to_string()))
    }
}

impl Setting for OwnedServerName {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<OwnedServerName> {
        let text = node.text("a server name such as `example.org`", reading)?;
        match ServerName::parse(&text) {
            Ok(name) => Some(name),
            Err(_) => {
                node.fault("this is no server name; it looks like `example.org`", reading);
                None
            }
        }
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(self.as_str()))
    }
}

impl Setting for Url {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Url> {
        const EXPECTED: &str = "an address such as `https://matrix.example.org`";
        let text = node.text(EXPECTED, reading)?;
        let url = Url::parse(&text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            node.fault(format!("expected {EXPECTED}"), reading);
        }
        url
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(self.as_str().trim_end_matches('/')))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Option<T>> {
        T::read(node, reading).map(Some)
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().and_then(T::show)
    }

    fn note(&self, key: &str, values: &mut Values) {
        if let Some(value) = self {
            value.note(key, values);
        }
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Vec<T>> {
        if !node.value.get_ref().is_array() {
            node.expected("a list", reading);
            return None;
        }
        let items = match node.value.into_inner() {
            toml::de::DeValue::Array(items) => items,
            _ => return None,
        };
        let nodes = items.into_iter().enumerate().map(|(index, value)| Node {
            path: format!("{}[{index}]", node.path),
            line: node.line,
            value,
        });
        nodes.map(|node| T::read(node, reading)).collect()
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Array(self.iter().filter_map(T::show).collect()))
    }
}

/// Something that is neither printed nor shown.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the secret for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Secret {
        Secret(SecretString::from(secret))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.expose() == other.expose()
    }
}

impl Setting for Secret {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Secret> {
        String::read(node, reading).map(Secret::from)
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(super::MASK))
    }

    fn note(&self, key: &str, values: &mut Values) {
        values.insert(key.to_owned(), self.expose().to_owned());
    }
}

/// `HOST:PORT` to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress(String);

impl ListenAddress {
    /// Takes an address that is known to be one.
    pub(crate) fn from_static(address: &'static str) -> ListenAddress {
        ListenAddress(address.to_owned())
    }

    /// Reads an address from the command line.
    pub fn parse(text: &str) -> Option<ListenAddress> {
        let (host, port) = text.rsplit_once(':')?;
        let is_host = !host.is_empty() && !host.contains(['/', ' ']);
        (is_host && port.parse::<u16>().is_ok()).then(|| ListenAddress(text.to_owned()))
    }

    /// Returns the text, which the system's resolver understands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for ListenAddress {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<ListenAddress> {
        const EXPECTED: &str = "`HOST:PORT` such as `127.0.0.1:8008`";
        let text = node.text(EXPECTED, reading)?;
        let address = ListenAddress::parse(&text);
        if address.is_none() {
            node.fault(format!("expected {EXPECTED}"), reading);
        }
        address
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(self.0.as_str()))
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Takes a number of mebibytes.
    pub(crate) const fn mebibytes(number: u64) -> ByteSize {
        ByteSize(number << 20)
    }

    /// Returns the number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// Reads `50M`, `50 MiB` and the like; the units are powers of 1024, as people mean them here.
    fn parse(text: &str) -> Option<ByteSize> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            _ => return None,
        };
        let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
        number.checked_mul(1 << shift).map(ByteSize)
    }
}

impl Setting for ByteSize {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<ByteSize> {
        const EXPECTED: &str = "a size such as `\"50M\"`";
        let number = node.value.get_ref().as_integer().map(|number| number.as_str().to_owned());
        let text = match number {
            Some(number) => number,
            None => node.text(EXPECTED, reading)?,
        };
        let size = ByteSize::parse(&text);
        if size.is_none() {
            node.fault(format!("expected {EXPECTED}"), reading);
        }
        size
    }

    fn show(&self) -> Option<Value> {
        let whole = [(30, "G"), (20, "M"), (10, "K")];
        let unit = whole.into_iter().find(|(shift, _)| self.0.is_multiple_of(1 << shift));
        Some(match unit {
            Some((shift, unit)) => Value::from(format!("{}{unit}", self.0 >> shift)),
            None => Value::from(self.0.to_string()),
        })
    }
}

/// Where the databases live.
#[derive(Debug, Clone, PartialEq)]
pub enum DatabasePlace {
    /// Two files in the data folder.
    Sqlite,
    /// Two schemas of a PostgreSQL database.
    Postgres(Secret),
}

impl Setting for DatabasePlace {
    fn read(node: Node<'_>, reading: &mut Reading<'_>) -> Option<DatabasePlace> {
        const EXPECTED: &str = "`sqlite` or `postgres://USER:PASSWORD@HOST/DATABASE`";
        let text = node.text(EXPECTED, reading)?;
        if text == "sqlite" {
            return Some(DatabasePlace::Sqlite);
        }
        let url = Url::parse(&text).ok();
        if url.is_some_and(|url| matches!(url.scheme(), "postgres" | "postgresql")) {
            return Some(DatabasePlace::Postgres(Secret::from(text)));
        }
        node.fault(format!("expected {EXPECTED}"), reading);
        None
    }

    fn show(&self) -> Option<Value> {
        Some(Value::from(match self {
            DatabasePlace::Sqlite => "sqlite".to_owned(),
            DatabasePlace::Postgres(url) => mask_password(url.expose()),
        }))
    }

    fn note(&self, key: &str, values: &mut Values) {
        match self {
            DatabasePlace::Sqlite => drop(values.insert(key.to_owned(), "sqlite".to_owned())),
            DatabasePlace::Postgres(url) => url.note(key, values),
        }
    }
}

/// Shows an address without its password, which may stand before the host or in the query.
fn mask_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return super::MASK.to_owned() };
    if url.password().is_some() && url.set_password(Some(super::MASK)).is_err() {
        return super::MASK.to_owned();
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if pairs.iter().any(|(key, _)| key == "password") {
        let masked = pairs.into_iter().map(|(key, value)| {
            let value = if key == "password" { super::MASK.to_owned() } else { value };
            (key, value)
        });
        url.query_pairs_mut().clear().extend_pairs(masked.collect::<Vec<_>>());
    }
    url.to_string()
}

/// For `Color { Red = "red", Blue = "blue" }` this expands to an enum, its [`Setting`] (one of the words, the nearest named when it is
/// none) and `as_str`.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),* }

        impl $name {
            /// Returns the word of the configuration.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl $crate::config::Setting for $name {
            fn read(
                node: $crate::config::reading::Node<'_>,
                reading: &mut $crate::config::reading::Reading<'_>,
            ) -> Option<$name> {
                let words = [$($word.to_owned()),*];
                let expected = format!("one of {}", words.map(|word| format!("`{word}`")).join(", "));
                let text = node.text(&expected, reading)?;
                match text.as_str() {
                    $($word => Some($name::$variant),)*
                    other => {
                        let words = [$($word.to_owned()),*];
                        let nearest = $crate::config::reading::nearest(other, &words).unwrap_or_default();
                        node.fault(format!("expected {expected}; did you mean `{nearest}`?"), reading);
                        None
                    }
                }
            }

            fn show(&self) -> Option<toml::Value> {
                Some(toml::Value::from(self.as_str()))
            }
        }
    };
}
pub(crate) use choice;
