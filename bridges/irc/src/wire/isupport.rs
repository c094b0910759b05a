//! What the server says about itself in numeric 005 (RPL_ISUPPORT), with the usual defaults where
//! it says nothing.

use super::Casemap;

/// The announced rules of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isupport {
    /// CASEMAPPING.
    pub casemap: Casemap,
    /// CHANTYPES: what a channel's name begins with.
    pub chantypes: String,
    /// PREFIX: mode letter and sign of member ranks, highest first.
    pub prefixes: Vec<(char, char)>,
    /// CHANMODES: the types A, B, C and D.
    pub chanmodes: [String; 4],
    /// STATUSMSG: signs that may stand before a channel to reach only those ranks.
    pub statusmsg: String,
    /// NETWORK: its name.
    pub network: Option<String>,
    /// NICKLEN.
    pub nicklen: Option<usize>,
    /// CHANNELLEN.
    pub channellen: Option<usize>,
    /// TOPICLEN.
    pub topiclen: Option<usize>,
    /// USERLEN, of the user name in our mask.
    pub userlen: Option<usize>,
    /// HOSTLEN, of the host in our mask.
    pub hostlen: Option<usize>,
    /// LINELEN: bytes of a line with its line end, 512 where nothing is said.
    pub linelen: usize,
    /// UTF8ONLY: other bytes are refused.
    pub utf8_only: bool,
    /// BOT: the user mode that marks bots.
    pub bot_mode: Option<char>,
    /// MONITOR: nicks that can be watched; 0 where there is no such thing.
    pub monitor: usize,
    /// CLIENTTAGDENY: client tags (without `+`) that are not passed on; `*` is all, `-name` an
    /// exception.
    pub client_tag_deny: Vec<String>,
}

impl Default for Isupport {
    fn default() -> Self {
        Self {
            casemap: Casemap::default(),
            chantypes: "#&".to_owned(),
            prefixes: vec![('o', '@'), ('v', '+')],
            chanmodes: ["b".to_owned(), "k".to_owned(), "l".to_owned(), "imnpst".to_owned()],
            statusmsg: String::new(),
            network: None,
            nicklen: None,
            channellen: None,
            topiclen: None,
            userlen: None,
            hostlen: None,
            linelen: 512,
            utf8_only: false,
            bot_mode: None,
            monitor: 0,
            client_tag_deny: Vec::new(),
        }
    }
}

impl Isupport {
    /// Takes the tokens of one 005 line: its parameters without the first (our nick) and the last
    /// ("are supported by this server").
    pub fn update<'a>(&mut self, tokens: impl IntoIterator<Item = &'a str>) {
        for token in tokens {
            self.apply(token);
        }
    }

    fn apply(&mut self, token: &str) {
        let (negated, token) = match token.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, token),
        };
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        let value = if negated { String::new() } else { unescape(value) };
        let initial = Self::default();
        let number = || value.parse::<usize>().ok().filter(|&number| number > 0);
        match name.to_ascii_uppercase().as_str() {
            "CASEMAPPING" if negated => self.casemap = initial.casemap,
            "CASEMAPPING" => self.casemap = Casemap::by_name(&value),
            "CHANTYPES" if negated => self.chantypes = initial.chantypes,
            "CHANTYPES" => self.chantypes = value,
            "PREFIX" if negated => self.prefixes = initial.prefixes,
            "PREFIX" => self.prefixes = parse_prefix(&value),
            "CHANMODES" if !value.is_empty() => {
                let mut types = value.split(',');
                self.chanmodes = std::array::from_fn(|_| types.next().unwrap_or("").to_owned());
            }
            "STATUSMSG" => self.statusmsg = value,
            "NETWORK" => self.network = Some(value).filter(|name| !name.is_empty()),
            "NICKLEN" | "MAXNICKLEN" if self.nicklen.is_none() || name == "NICKLEN" => {
                self.nicklen = number();
            }
            "CHANNELLEN" => self.channellen = number(),
            "TOPICLEN" => self.topiclen = number(),
            "USERLEN" => self.userlen = number(),
            "HOSTLEN" => self.hostlen = number(),
            // Less than 512 would break every client there is: somebody's mistake.
            "LINELEN" => self.linelen = number().filter(|&n| n >= 512).unwrap_or(512),
            "UTF8ONLY" => self.utf8_only = !negated,
            // Without a number there is no limit.
            "MONITOR" => self.monitor = if negated { 0 } else { number().unwrap_or(100) },
            "CLIENTTAGDENY" => {
                self.client_tag_deny =
                    value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            }
            "BOT" => self.bot_mode = value.chars().next(),
            _ => {}
        }
    }

    /// Says whether `target` is a channel and not a nick.
    #[must_use]
    pub fn is_channel(&self, target: &str) -> bool {
        target.starts_with(|first| self.chantypes.contains(first))
    }

    /// Takes the ranks off a target like `@#channel`, which reaches only a channel's operators.
    #[must_use]
    pub fn without_status<'a>(&self, target: &'a str) -> &'a str {
        // Old servers have it without announcing STATUSMSG.
        let is_sign = |c: char| {
            self.statusmsg.contains(c) || self.prefixes.iter().any(|&(_, sign)| sign == c)
        };
        let bare = target.trim_start_matches(is_sign);
        if self.is_channel(bare) { bare } else { target }
    }

    /// Parts an entry of a NAMES reply into the signs of its ranks and the name.
    #[must_use]
    pub fn split_ranks<'a>(&self, entry: &'a str) -> (&'a str, &'a str) {
        let is_sign = |c: char| self.prefixes.iter().any(|&(_, sign)| sign == c);
        let name = entry.trim_start_matches(is_sign);
        entry.split_at(entry.len() - name.len())
    }

    /// Says whether a client tag (named without `+`) is passed on.
    #[must_use]
    pub fn passes_client_tag(&self, name: &str) -> bool {
        let denied = |entry: &str| self.client_tag_deny.iter().any(|known| known == entry);
        if denied("*") { denied(&format!("-{name}")) } else { !denied(name) }
    }

    /// Says whether a channel mode takes a parameter when set (or unset).
    #[must_use]
    pub fn mode_has_parameter(&self, mode: char, set: bool) -> bool {
        self.prefixes.iter().any(|&(letter, _)| letter == mode)
            || self.chanmodes[0].contains(mode)
            || self.chanmodes[1].contains(mode)
            || (set && self.chanmodes[2].contains(mode))
    }
}

/// Reads `(ohv)@%+`.
fn parse_prefix(value: &str) -> Vec<(char, char)> {
    let Some((modes, signs)) = value.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return Vec::new();
    };
    modes.chars().zip(signs.chars()).collect()
}

/// Values spell space, `=` and `\` as `\xHH`.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("\\x") {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 4).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                text.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                text.push_str("\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_server_announces_replaces_the_defaults() {
        let mut rules = Isupport::default();
        rules.update([
            "CASEMAPPING=ascii",
            "CHANTYPES=#",
            "PREFIX=(qaohv)~&@%+",
            "STATUSMSG=@+",
            "NETWORK=Test\\x20Net",
            "NICKLEN=30",
            "TOPICLEN=307",
            "LINELEN=2048",
            "UTF8ONLY",
            "BOT=B",
            "MONITOR=30",
            "CLIENTTAGDENY=*,-typing",
        ]);
        assert_eq!(rules.monitor, 30);
        assert!(rules.passes_client_tag("typing") && !rules.passes_client_tag("draft/react"));
        assert_eq!(rules.casemap, Casemap::Ascii);
        assert_eq!(rules.network.as_deref(), Some("Test Net"));
        assert_eq!((rules.nicklen, rules.topiclen, rules.linelen), (Some(30), Some(307), 2048));
        assert!(rules.is_channel("#a") && !rules.is_channel("&a"));
        assert_eq!(rules.without_status("@#a"), "#a");
        assert_eq!(rules.without_status("nick"), "nick");
        assert_eq!(rules.split_ranks("~@nick!u@h"), ("~@", "nick!u@h"));
        assert_eq!(rules.bot_mode, Some('B'));
        rules.update(["-UTF8ONLY", "-NICKLEN", "-CHANTYPES"]);
        assert!(!rules.utf8_only && rules.nicklen.is_none() && rules.is_channel("&a"));
    }

    #[test]
    fn modes_know_their_parameters() {
        let rules = Isupport::default();
        assert!(rules.mode_has_parameter('o', false) && rules.mode_has_parameter('b', true));
        assert!(rules.mode_has_parameter('l', true) && !rules.mode_has_parameter('l', false));
        assert!(!rules.mode_has_parameter('m', true));
    }

    proptest! {
        #[test]
        fn no_token_panics(tokens in proptest::collection::vec("-?[A-Z]{0,12}=?.{0,20}", 0..10)) {
            Isupport::default().update(tokens.iter().map(String::as_str));
        }
    }
}
