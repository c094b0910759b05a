//! The file itself: YAML as the specification has it, read leniently where homeservers do, written so that all of them read it.

use crate::{Namespace, Namespaces, Registration, RegistrationError, Token};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The keys in the order they are written.
#[derive(Serialize, Deserialize)]
struct FileKeys {
    id: String,
    #[serde(deserialize_with = "nullable_url")]
    url: Option<String>,
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rate_limited: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    namespaces: FileNamespaces,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    protocols: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    receive_ephemeral: Option<bool>,
    #[serde(rename = "de.sorunome.msc2409.push_ephemeral")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    push_ephemeral: Option<bool>,
    #[serde(rename = "org.matrix.msc3202")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    msc3202: Option<bool>,
    #[serde(rename = "io.element.msc4190")]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    msc4190: Option<bool>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize, Default)]
struct FileNamespaces {
    #[serde(default, deserialize_with = "or_default")]
    users: Vec<FileNamespace>,
    #[serde(default, deserialize_with = "or_default")]
    aliases: Vec<FileNamespace>,
    #[serde(default, deserialize_with = "or_default")]
    rooms: Vec<FileNamespace>,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct FileNamespace {
    exclusive: bool,
    regex: String,
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

/// Reads `null`, and what others write for it (`""`, `"null"`), as no address; the key itself has to be there.
fn nullable_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let url = Option::<String>::deserialize(deserializer)?;
    let url = url.map(|url| url.trim_end_matches('/').to_owned());
    Ok(url.filter(|url| !url.is_empty() && url != "null"))
}

/// Reads a key without a value (`aliases:`) as the empty list.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

pub(crate) fn from_yaml(yaml: &str) -> Result<Registration, RegistrationError> {
    let keys: FileKeys = serde_saphyr::from_str(yaml).map_err(|error| fault(&error, yaml))?;
    Ok(Registration {
        id: keys.id,
        url: keys.url,
        as_token: Token::from(keys.as_token),
        hs_token: Token::from(keys.hs_token),
        sender_localpart: keys.sender_localpart,
        namespaces: keys.namespaces.into(),
        rate_limited: keys.rate_limited,
        protocols: keys.protocols,
        receive_ephemeral: keys.receive_ephemeral,
        push_ephemeral: keys.push_ephemeral,
        msc3202: keys.msc3202,
        msc4190: keys.msc4190,
        extra: keys.extra,
    })
}

/// The parser's words with its line, unless a token may stand on that line.
fn fault(error: &serde_saphyr::Error, yaml: &str) -> RegistrationError {
    let location = error.location();
    let line = location.as_ref().map(serde_saphyr::Location::line).filter(|line| *line > 0);
    let text = line
        .and_then(|line| usize::try_from(line).ok()?.checked_sub(1))
        .and_then(|index| yaml.lines().nth(index))
        .unwrap_or_default();
    let words = error.without_snippet().to_string();
    let mut error = match (text.contains("_token"), missing_field(&words)) {
        (_, Some(field)) => RegistrationError::field(field, "the key is missing"),
        (true, None) => RegistrationError::new("the token on this line is not a text in one line"),
        (false, None) => RegistrationError::new(words),
    };
    error.line = line;
    error
}

fn missing_field(words: &str) -> Option<String> {
    let (_, rest) = words.split_once("missing field")?;
    let name = rest.trim_start().trim_start_matches('`');
    Some(name.split(['`', ' ', ',']).next().unwrap_or_default().to_owned())
}

pub(crate) fn to_yaml(registration: &Registration) -> String {
    let registration = registration.clone();
    let keys = FileKeys {
        id: registration.id,
        url: registration.url,
        as_token: registration.as_token.expose().to_owned(),
        hs_token: registration.hs_token.expose().to_owned(),
        sender_localpart: registration.sender_localpart,
        rate_limited: registration.rate_limited,
        namespaces: registration.namespaces.into(),
        protocols: registration.protocols,
        receive_ephemeral: registration.receive_ephemeral,
        push_ephemeral: registration.push_ephemeral,
        msc3202: registration.msc3202,
        msc4190: registration.msc4190,
        extra: registration.extra,
    };
    // Homeservers read YAML 1.1 and 1.2; what is a text in both without quotes is hard to know, so texts are quoted.
    let options = serde_saphyr::ser_options! { quote_all: true, prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(&keys, options)
        .expect("texts, truth values and lists can be written")
}

impl From<FileNamespaces> for Namespaces {
    fn from(file: FileNamespaces) -> Namespaces {
        let read = |list: Vec<FileNamespace>| list.into_iter().map(Namespace::from).collect();
        Namespaces {
            users: read(file.users),
            aliases: read(file.aliases),
            rooms: read(file.rooms),
            extra: file.extra,
        }
    }
}

impl From<Namespaces> for FileNamespaces {
    fn from(namespaces: Namespaces) -> FileNamespaces {
        let write = |list: Vec<Namespace>| list.into_iter().map(FileNamespace::from).collect();
        FileNamespaces {
            users: write(namespaces.users),
            aliases: write(namespaces.aliases),
            rooms: write(namespaces.rooms),
            extra: namespaces.extra,
        }
    }
}

impl From<FileNamespace> for Namespace {
    fn from(file: FileNamespace) -> Namespace {
        Namespace { exclusive: file.exclusive, regex: file.regex, extra: file.extra }
    }
}

impl From<Namespace> for FileNamespace {
    fn from(namespace: Namespace) -> FileNamespace {
        FileNamespace {
            exclusive: namespace.exclusive,
            regex: namespace.regex,
            extra: namespace.extra,
        }
    }
}
