//! New registrations, with tokens nobody else has.

use crate::{Namespace, Namespaces, Registration, Token};
use std::collections::BTreeMap;

/// What is to be generated.
#[derive(Debug, Clone)]
pub struct Blueprint {
    id: String,
    url: Option<String>,
    sender_localpart: String,
    namespaces: Namespaces,
    protocols: Vec<String>,
    as_token: Option<Token>,
    hs_token: Option<Token>,
}

impl Blueprint {
    /// Names the service and its account. Without further calls it has no address and claims nothing.
    pub fn new(id: impl Into<String>, sender_localpart: impl Into<String>) -> Blueprint {
        Blueprint {
            id: id.into(),
            url: None,
            sender_localpart: sender_localpart.into(),
            namespaces: Namespaces::default(),
            protocols: Vec::new(),
            as_token: None,
            hs_token: None,
        }
    }

    /// Sets where the homeserver reaches the service.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Blueprint {
        self.url = Some(url.into().trim_end_matches('/').to_owned());
        self
    }

    /// Claims users, exclusively.
    #[must_use]
    pub fn users(mut self, regex: impl Into<String>) -> Blueprint {
        self.namespaces.users.push(Namespace::new(true, regex));
        self
    }

    /// Claims users whom others may have too; `@.*:server` is how double puppeting works.
    #[must_use]
    pub fn shared_users(mut self, regex: impl Into<String>) -> Blueprint {
        self.namespaces.users.push(Namespace::new(false, regex));
        self
    }

    /// Claims aliases, exclusively.
    #[must_use]
    pub fn aliases(mut self, regex: impl Into<String>) -> Blueprint {
        self.namespaces.aliases.push(Namespace::new(true, regex));
        self
    }

    /// Names the networks offered in third-party look-ups.
    #[must_use]
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = String>) -> Blueprint {
        self.protocols.extend(protocols);
        self
    }

    /// Takes tokens that exist already, so that a file generated again is the same file.
    #[must_use]
    pub fn tokens(mut self, as_token: Token, hs_token: Token) -> Blueprint {
        self.as_token = Some(as_token);
        self.hs_token = Some(hs_token);
        self
    }
}

impl Registration {
    /// Makes a registration. Its users are not rate limited (a bridge speaks for many) and ephemeral events are asked for under the
    /// stable and the older key, because homeservers read one or the other.
    pub fn generate(blueprint: Blueprint) -> Registration {
        Registration {
            id: blueprint.id,
            url: blueprint.url,
            as_token: blueprint.as_token.unwrap_or_else(Token::generate),
            hs_token: blueprint.hs_token.unwrap_or_else(Token::generate),
            sender_localpart: blueprint.sender_localpart,
            namespaces: blueprint.namespaces,
            rate_limited: Some(false),
            protocols: (!blueprint.protocols.is_empty()).then_some(blueprint.protocols),
            receive_ephemeral: Some(true),
            push_ephemeral: Some(true),
            msc3202: None,
            msc4190: None,
            extra: BTreeMap::new(),
        }
    }
}
