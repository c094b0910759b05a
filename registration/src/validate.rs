//! What a registration has to fulfil beyond its types, so that every homeserver takes it.

use crate::{Namespace, Registration, RegistrationError, Token, matcher};
use url::Url;

impl Registration {
    /// Checks everything a homeserver would refuse. Parsing does this; call it after changing fields by hand.
    pub fn validate(&self) -> Result<(), RegistrationError> {
        valid_id(&self.id)?;
        if let Some(url) = &self.url {
            valid_url(url)?;
        }
        valid_token("as_token", &self.as_token)?;
        valid_token("hs_token", &self.hs_token)?;
        valid_sender(&self.sender_localpart)?;
        valid_patterns("users", &self.namespaces.users)?;
        valid_patterns("aliases", &self.namespaces.aliases)?;
        valid_patterns("rooms", &self.namespaces.rooms)
    }
}

fn valid_id(id: &str) -> Result<(), RegistrationError> {
    if id.trim().is_empty() {
        return Err(RegistrationError::field("id", "it is empty; every service needs a name"));
    }
    // Synapse joins ids with it.
    if id.contains('|') || id.contains(char::is_control) {
        return Err(RegistrationError::field(
            "id",
            "it must not contain `|` or control characters",
        ));
    }
    Ok(())
}

fn valid_url(text: &str) -> Result<(), RegistrationError> {
    let wrong = |fault: &str| {
        Err(RegistrationError::field(
            "url",
            format!("{fault}; write `http://HOST:PORT`, or `null` to be pushed nothing"),
        ))
    };
    let Ok(url) = Url::parse(text) else { return wrong("it is no address") };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("only http and https are spoken");
    }
    if url.host().is_none() {
        return wrong("it names no host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("it must not have a query or fragment");
    }
    Ok(())
}

fn valid_token(field: &str, token: &Token) -> Result<(), RegistrationError> {
    let token = token.expose();
    if token.is_empty() {
        return Err(RegistrationError::field(field, "it is empty"));
    }
    // It travels in a header.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RegistrationError::field(
            field,
            "it must be of visible ASCII characters without blanks",
        ));
    }
    Ok(())
}

fn valid_sender(localpart: &str) -> Result<(), RegistrationError> {
    let fault = if localpart.is_empty() {
        "it is empty"
    } else if localpart.starts_with('@') || localpart.contains(':') {
        "write the user name alone, without `@` and server"
    } else if !localpart.bytes().all(|byte| byte.is_ascii_graphic()) {
        "it must be of visible ASCII characters without blanks"
    } else {
        return Ok(());
    };
    Err(RegistrationError::field("sender_localpart", fault))
}

fn valid_patterns(kind: &str, namespaces: &[Namespace]) -> Result<(), RegistrationError> {
    for (index, namespace) in namespaces.iter().enumerate() {
        let field = format!("namespaces.{kind}[{index}].regex");
        if namespace.regex.is_empty() {
            return Err(RegistrationError::field(field, "it is empty and would match nothing"));
        }
        matcher::compile(&namespace.regex)
            .map_err(|error| RegistrationError::field(field, matcher::words(&error)))?;
    }
    Ok(())
}
