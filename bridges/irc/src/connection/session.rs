//! What is true on a live connection: who we are to others, what the server can do, which channels
//! we are in. Kept up to date line by line by the reader.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::{Isupport, LineBudget, Message};

/// Longest user name and host that servers without USERLEN and HOSTLEN show, with the `~` of an
/// unproved ident. Used until the server has told how others see us.
const WORST_USER: usize = 11;
const WORST_HOST: usize = 63;

/// A nick as long as people have; servers that allow hundreds would leave no room for text.
const LONG_NICK: usize = 30;

/// The state of a registered connection.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Our nick now.
    pub nick: String,
    /// Our user name as others see it, once known.
    pub user: Option<String>,
    /// Our host as others see it, once known.
    pub host: Option<String>,
    /// The account we are logged in to, if any.
    pub account: Option<String>,
    /// The server's name.
    pub server: String,
    /// Capabilities in use.
    pub caps: BTreeSet<String>,
    /// The server's rules.
    pub rules: Isupport,
    /// The channels we are in, by folded name.
    pub channels: BTreeMap<String, String>,
    /// Whether messages of this server were seen to have ids.
    pub has_msgids: bool,
}

impl Session {
    /// Says whether a capability is in use.
    #[must_use]
    pub fn has(&self, cap: &str) -> bool {
        self.caps.contains(cap)
    }

    /// Says whether a nick is ours.
    #[must_use]
    pub fn is_me(&self, nick: &str) -> bool {
        self.rules.casemap.same(&self.nick, nick)
    }

    /// Folds a name by the server's case mapping.
    #[must_use]
    pub fn fold(&self, name: &str) -> String {
        self.rules.casemap.fold(name)
    }

    /// Says whether we are in a channel.
    #[must_use]
    pub fn is_in(&self, channel: &str) -> bool {
        self.channels.contains_key(&self.fold(channel))
    }

    /// Whether our sends are answered one by one with the label we give them.
    #[must_use]
    pub fn has_labels(&self) -> bool {
        self.has("labeled-response") && self.has("batch") && self.has("message-tags")
    }

    /// Whether a client tag (named without `+`) can be sent and is passed on.
    #[must_use]
    pub fn has_client_tag(&self, name: &str) -> bool {
        self.has("message-tags") && self.rules.passes_client_tag(name)
    }

    /// Returns how much text fits into one line to `target`. The longest command is assumed, and
    /// the longest nick we may be given, since a plan outlives the connection it was made on.
    #[must_use]
    pub fn budget(&self, target: &str, overhead: usize) -> LineBudget {
        let nick =
            self.rules.nicklen.map_or(LONG_NICK, |most| most.min(LONG_NICK)).max(self.nick.len());
        let user = self.user.as_ref().map_or(self.rules.userlen.unwrap_or(WORST_USER), String::len);
        let host = self.host.as_ref().map_or(self.rules.hostlen.unwrap_or(WORST_HOST), String::len);
        LineBudget::new(&self.rules, nick + 1 + user + 1 + host, "PRIVMSG", target, overhead)
    }

    /// Takes what a line says about ourselves and the server.
    pub fn apply(&mut self, message: &Message) {
        if message.tag("msgid").is_some() {
            self.has_msgids = true;
        }
        if let Some(numeric) = message.numeric() {
            self.apply_numeric(numeric, message);
            return;
        }
        if message.is("CAP") {
            self.apply_cap(message);
            return;
        }
        let from = message.from();
        if message.is("KICK") && self.is_me(message.param(1)) {
            self.channels.remove(&self.fold(message.param(0)));
        }
        if !self.is_me(&from.nick) {
            return;
        }
        if message.is("NICK") {
            message.param(0).clone_into(&mut self.nick);
        } else if message.is("JOIN") {
            let channel = message.param(0).to_owned();
            self.channels.insert(self.fold(&channel), channel);
        } else if message.is("PART") {
            self.channels.remove(&self.fold(message.param(0)));
        } else if message.is("CHGHOST") {
            self.user = Some(message.param(0).to_owned());
            self.host = Some(message.param(1).to_owned());
            return;
        }
        if from.user.is_some() && from.host.is_some() {
            self.user = from.user;
            self.host = from.host;
        }
    }

    fn apply_numeric(&mut self, numeric: u16, message: &Message) {
        match numeric {
            1 => {
                message.param(0).clone_into(&mut self.nick);
                self.server = message.source.clone().unwrap_or_default();
            }
            5 if message.params.len() > 2 => {
                let tokens = &message.params[1..message.params.len() - 1];
                self.rules.update(tokens.iter().map(String::as_str));
            }
            // RPL_VISIBLEHOST; some servers write user@host.
            396 => {
                let shown = message.param(1);
                self.host = Some(shown.rsplit('@').next().unwrap_or(shown).to_owned());
            }
            // RPL_LOGGEDIN and RPL_LOGGEDOUT.
            900 => self.account = Some(message.param(2).to_owned()),
            901 => self.account = None,
            _ => {}
        }
    }

    fn apply_cap(&mut self, message: &Message) {
        let names = message.last().split(' ').filter(|name| !name.is_empty());
        match message.param(1).to_ascii_uppercase().as_str() {
            "ACK" => {
                for name in names {
                    match name.strip_prefix('-') {
                        Some(gone) => self.caps.remove(gone),
                        None => self.caps.insert(name.trim_start_matches(['~', '=']).to_owned()),
                    };
                }
            }
            "DEL" => {
                for name in names {
                    self.caps.remove(name);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Encoding;

    fn session(lines: &[&str]) -> Session {
        let mut session = Session::default();
        for line in lines {
            session.apply(&Message::parse(line.as_bytes(), Encoding::default()).unwrap());
        }
        session
    }

    #[test]
    fn our_own_lines_tell_who_and_where_we_are() {
        let session = session(&[
            ":irc.test 001 alice :Welcome",
            ":irc.test 005 alice CASEMAPPING=rfc1459 NICKLEN=16 :are supported",
            ":alice!~al@host.test JOIN #One",
            ":alice!~al@host.test JOIN #two",
            ":ALICE!~al@host.test PART #TWO",
            ":bob!b@h JOIN #three",
            ":alice!~al@host.test NICK :al[ce",
            "@msgid=1 :bob!b@h PRIVMSG #One :hi",
        ]);
        assert!(session.is_me("AL{CE") && session.is_in("#one"));
        assert!(!session.is_in("#two") && !session.is_in("#three"));
        assert_eq!(
            (session.user.as_deref(), session.host.as_deref()),
            (Some("~al"), Some("host.test"))
        );
        assert!(session.has_msgids);
    }

    #[test]
    fn being_kicked_takes_us_out_of_the_channel() {
        let session = session(&[
            ":irc.test 001 alice :Welcome",
            ":alice!a@h JOIN #one",
            ":bob!b@h KICK #ONE Alice :bye",
        ]);
        assert!(!session.is_in("#one"));
    }
}
