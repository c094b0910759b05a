//! Who a message comes from: `nick!user@host` or a server's name.

use std::fmt;

/// The source of a message, in its parts. A server's name stands in `nick`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The nick, or the server's name.
    pub nick: String,
    /// The user name, if given.
    pub user: Option<String>,
    /// The host as others see it, if given.
    pub host: Option<String>,
}

impl Source {
    /// Reads a source without its leading colon. What follows the first `@` is the host whatever it
    /// holds: vhosts contain nearly anything.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (front, host) = match text.split_once('@') {
            Some((front, host)) => (front, Some(host.to_owned())),
            None => (text, None),
        };
        let (nick, user) = match front.split_once('!') {
            Some((nick, user)) => (nick, Some(user.to_owned())),
            None => (front, None),
        };
        Self { nick: nick.to_owned(), user, host }
    }

    /// Tells a server's name from a person's nick: a server has a dot in it, which no nick may have.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.user.is_none() && self.host.is_none() && self.nick.contains('.')
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.nick)?;
        if let Some(user) = &self.user {
            write!(f, "!{user}")?;
        }
        if let Some(host) = &self.host {
            write!(f, "@{host}")?;
        }
        Ok(())
    }
}
