//! The names of what is ours on Matrix: bot, ghosts and aliases. Formed and read here only.

use std::sync::{Arc, PoisonError, RwLock};

use registration::Blueprint;
use sha2::{Digest as _, Sha256};

use super::escape::{escape, unescape};
use crate::ids::{NetworkId, PortalKey, RemoteUserId};

/// Every ghost and alias begins with this.
const PREFIX: &str = "_rialto_";
/// Marks what [`escape`] never makes: a hash in place of an id that is too long, or a receiver.
const MARK: &str = "=.";
/// The longest user id or alias, sigil and server name included.
const LONGEST: usize = 255;

/// Whose name a user id is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The bot's.
    Bot,
    /// A ghost's. Without remote id where that was too long for a name; the ghosts' table has it.
    Ghost(NetworkId, Option<RemoteUserId>),
    /// Somebody else's.
    Other,
}

/// Forms and reads names.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    server_name: String,
    bot: String,
    /// A network that is taken away stays: its ghosts are still ours.
    networks: Arc<RwLock<Vec<NetworkId>>>,
}

/// A network's id cannot be part of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Characters that a localpart does not take as they are.
    #[error(
        "the network id `{0}` has characters that cannot stand in a Matrix id: use lower-case letters, digits, `.`, `-` and `_`"
    )]
    Characters(String),
    /// `a` and `a_b` would share names.
    #[error(
        "the network ids `{0}` and `{1}` would give different people the same Matrix id: rename one, without `_` after the other's name"
    )]
    Ambiguous(String, String),
}

impl Names {
    pub(crate) fn new(
        server_name: &str,
        bot_localpart: &str,
        networks: Vec<NetworkId>,
    ) -> Result<Self, NameError> {
        check(&networks)?;
        let bot = format!("@{bot_localpart}:{server_name}");
        let networks = Arc::new(RwLock::new(networks));
        Ok(Self { server_name: server_name.to_owned(), bot, networks })
    }

    /// Whether networks of these ids can stand side by side.
    pub(crate) fn check(&self, networks: &[NetworkId]) -> Result<(), NameError> {
        check(networks)
    }

    /// Adds a network.
    pub(crate) fn add(&self, network: &NetworkId) {
        let mut networks = self.networks.write().unwrap_or_else(PoisonError::into_inner);
        if !networks.contains(network) {
            networks.push(network.clone());
        }
    }

    /// Returns the homeserver's name.
    pub(crate) fn server_name(&self) -> &str {
        &self.server_name
    }

    /// Returns the bot's user id.
    pub(crate) fn bot(&self) -> &str {
        &self.bot
    }

    /// Returns a ghost's user id.
    pub(crate) fn ghost(&self, network: &NetworkId, user: &RemoteUserId) -> String {
        let localpart = self.fitting(network, escape(user.as_str()), user.as_str());
        format!("@{localpart}:{}", self.server_name)
    }

    /// Returns the localpart of the alias that makes a portal's room findable after a crash.
    pub(crate) fn alias_localpart(&self, key: &PortalKey) -> String {
        let mut escaped = escape(key.chat.as_str());
        let mut whole = key.chat.as_str().to_owned();
        if let Some(receiver) = &key.receiver {
            escaped = format!("{escaped}{MARK}{}", escape(receiver.as_str()));
            whole = format!("{whole}\n{receiver}");
        }
        self.fitting(&key.network, escaped, &whole)
    }

    /// Returns the whole alias of a localpart.
    pub(crate) fn alias(&self, localpart: &str) -> String {
        format!("#{localpart}:{}", self.server_name)
    }

    /// Says whose name a user id is.
    pub(crate) fn sender(&self, mxid: &str) -> Sender {
        if mxid == self.bot {
            return Sender::Bot;
        }
        let Some((network, escaped)) = self.split(mxid) else { return Sender::Other };
        Sender::Ghost(network, unescape(escaped).map(RemoteUserId::new))
    }

    /// Whether a user id belongs to this server.
    pub(crate) fn is_local(&self, mxid: &str) -> bool {
        mxid.split_once(':').is_some_and(|(_, server)| server == self.server_name)
    }

    fn split<'m>(&self, mxid: &'m str) -> Option<(NetworkId, &'m str)> {
        let (localpart, server) = mxid.strip_prefix('@')?.split_once(':')?;
        if server != self.server_name {
            return None;
        }
        let rest = localpart.strip_prefix(PREFIX)?;
        let networks = self.networks.read().unwrap_or_else(PoisonError::into_inner);
        networks.iter().find_map(|network| {
            let escaped = rest.strip_prefix(network.as_str())?.strip_prefix('_')?;
            Some((network.clone(), escaped))
        })
    }

    fn fitting(&self, network: &NetworkId, escaped: String, whole: &str) -> String {
        let localpart = format!("{PREFIX}{network}_{escaped}");
        if localpart.len() + self.server_name.len() + 2 <= LONGEST {
            return localpart;
        }
        let hash = Sha256::digest(whole.as_bytes());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{PREFIX}{network}_{MARK}{hash}")
    }
}

fn check(networks: &[NetworkId]) -> Result<(), NameError> {
    for network in networks {
        let id = network.as_str();
        let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if id.is_empty() || !id.bytes().all(fits) {
            return Err(NameError::Characters(id.to_owned()));
        }
        let longer = networks
            .iter()
            .find(|n| n.as_str().strip_prefix(id).is_some_and(|rest| rest.starts_with('_')));
        if let Some(longer) = longer {
            return Err(NameError::Ambiguous(id.to_owned(), longer.to_string()));
        }
    }
    Ok(())
}

/// Describes the registration this crate needs: the bot, and ghosts and aliases nobody else has.
pub fn blueprint(id: &str, server_name: &str, bot_localpart: &str) -> Blueprint {
    let server = server_name.replace('.', r"\.");
    Blueprint::new(id, bot_localpart)
        .users(format!("@{bot_localpart}:{server}"))
        .users(format!("@{PREFIX}.*:{server}"))
        .aliases(format!("#{PREFIX}.*:{server}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LoginId, RemoteChatId};

    fn names(networks: &[&str]) -> Result<Names, NameError> {
        let networks = networks.iter().map(|id| NetworkId::new(*id)).collect();
        Names::new("example.org", "rialtobot", networks)
    }

    #[test]
    fn a_ghost_is_recognised_by_its_name() {
        let names = names(&["libera", "my_net"]).unwrap();
        for (network, user) in [("libera", "Bob[away]"), ("my_net", "_x_Y"), ("libera", "ünï")] {
            let (network, user) = (NetworkId::new(network), RemoteUserId::new(user));
            let mxid = names.ghost(&network, &user);
            assert_eq!(names.sender(&mxid), Sender::Ghost(network, Some(user)));
        }
        assert_eq!(
            names.ghost(&NetworkId::new("libera"), &RemoteUserId::new("Bob|")),
            "@_rialto_libera__bob=7c:example.org"
        );
        assert_eq!(names.sender("@rialtobot:example.org"), Sender::Bot);
        assert_eq!(names.sender("@_rialto_libera_bob:elsewhere.org"), Sender::Other);
        assert_eq!(names.sender("@_rialto_oftc_bob:example.org"), Sender::Other);
    }

    #[test]
    fn an_id_too_long_for_a_name_is_hashed() {
        let names = names(&["libera"]).unwrap();
        let network = NetworkId::new("libera");
        let mxid = names.ghost(&network, &RemoteUserId::new("é".repeat(100)));
        assert!(mxid.len() <= LONGEST);
        assert_eq!(names.sender(&mxid), Sender::Ghost(network, None));
    }

    #[test]
    fn private_views_of_a_chat_have_aliases_of_their_own() {
        let names = names(&["libera"]).unwrap();
        let mut key = PortalKey {
            network: NetworkId::new("libera"),
            chat: RemoteChatId::new("#Rust"),
            receiver: None,
        };
        assert_eq!(names.alias_localpart(&key), "_rialto_libera_=23_rust");
        key.receiver = Some(LoginId::new("libera-1"));
        assert_eq!(names.alias_localpart(&key), "_rialto_libera_=23_rust=.libera-1");
    }

    #[test]
    fn network_ids_that_would_share_names_are_refused() {
        assert!(matches!(names(&["a", "a_b"]), Err(NameError::Ambiguous(..))));
        assert!(matches!(names(&["Libera"]), Err(NameError::Characters(_))));
        assert!(names(&["a", "ab", "b_a"]).is_ok());
    }
}
