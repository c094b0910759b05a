//! Why a connection failed or ended, named for what happens next: whether and when to try again,
//! and what to tell the person.

use std::{fmt, time::Duration};

/// A connection that failed or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind, which decides what happens next.
    pub kind: FailureKind,
    /// The server's or the system's words.
    pub detail: String,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: refused, no such host, timed out.
    Unreachable,
    /// The TLS handshake failed: wrong certificate, or no TLS on that port.
    Tls,
    /// Connected too often in a short time.
    Throttled,
    /// As many connections from our address as the server allows.
    TooManyConnections,
    /// The address, host or nick is banned.
    Banned,
    /// The server wants a password (PASS) and got none or a wrong one.
    BadServerPassword,
    /// Account or password is wrong (SASL).
    BadCredentials,
    /// An account was given but the server cannot check it now.
    SaslUnavailable,
    /// The nick and all alternates are in use.
    NickInUse,
    /// The server does not accept the nick at all.
    NickRefused,
    /// We talked too fast.
    Flooded,
    /// An operator or services cut us off.
    Killed,
    /// Nothing was heard any more.
    PingTimeout,
    /// The server closed the connection, or it broke.
    Closed,
    /// We closed it.
    Stopped,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before something is changed by a person.
    Never,
    /// With growing pauses, but not before this time.
    After(Duration),
}

impl Failure {
    /// Makes a failure.
    #[must_use]
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Reads the text of an ERROR line ("Closing Link: ..."). Servers agree on no wording; these
    /// are the words of InspIRCd, UnrealIRCd, Solanum, ngIRCd, hybrid and Ergo.
    #[must_use]
    pub fn from_error(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let kind =
            if says(&["throttl", "too fast", "connecting too", "reconnect too", "try again later"])
            {
                FailureKind::Throttled
            } else if says(&[
                "too many connections",
                "too many host connections",
                "too many user connections",
                "too many unknown connections",
                "no more connections",
                "connection limit",
                "session limit",
                "maximum connections",
                "class full",
                "clones",
            ]) {
                FailureKind::TooManyConnections
            } else if says(&[
                "-lined",
                ":lined",
                "k-line",
                "kline",
                "g-line",
                "gline",
                "z-line",
                "zline",
                "d-line",
                "dline",
                "x-line",
                "akill",
                "banned",
                "not welcome",
                "dnsbl",
                "blacklist",
                "blocklist",
            ]) {
                FailureKind::Banned
            } else if says(&[
                "bad password",
                "password mismatch",
                "invalid password",
                "access denied",
            ]) {
                FailureKind::BadServerPassword
            } else if says(&["flood", "recvq exceeded", "max recvq", "sendq exceeded"]) {
                FailureKind::Flooded
            } else if says(&["killed", "kill by", "kill:"]) {
                FailureKind::Killed
            } else if says(&["ping timeout"]) {
                FailureKind::PingTimeout
            } else {
                FailureKind::Closed
            };
        Self::new(kind, text)
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        let seconds = Duration::from_secs;
        match self.kind {
            FailureKind::BadCredentials
            | FailureKind::BadServerPassword
            | FailureKind::NickRefused
            | FailureKind::Stopped => Retry::Never,
            // Some bans end by themselves (DNSBL, throttling in disguise). Once an hour is slow
            // enough not to be taken for an attack.
            FailureKind::Banned => Retry::After(seconds(3600)),
            FailureKind::TooManyConnections | FailureKind::NickInUse => Retry::After(seconds(60)),
            FailureKind::Killed | FailureKind::Tls => Retry::After(seconds(60)),
            FailureKind::Throttled | FailureKind::SaslUnavailable => Retry::After(seconds(30)),
            FailureKind::Flooded => Retry::After(seconds(20)),
            FailureKind::Unreachable | FailureKind::PingTimeout | FailureKind::Closed => {
                Retry::After(seconds(2))
            }
        }
    }

    /// Tells a person what happened and what to do, without naming the network.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { kind, detail } = self;
        match kind {
            FailureKind::Unreachable => {
                format!("The server cannot be reached ({detail}). The bridge keeps trying.")
            }
            FailureKind::Tls => format!(
                "No safe connection to the server ({detail}). If its certificate is private, the operator can name it with tls_ca_file. The bridge keeps trying."
            ),
            FailureKind::Throttled => format!(
                "The server asks to connect less often ({detail}). The bridge waits and tries again."
            ),
            FailureKind::TooManyConnections => format!(
                "The server allows no more connections from here ({detail}). The bridge tries again in a while; the operator can ask the network for a higher limit."
            ),
            FailureKind::Banned => format!(
                "The network has banned this address or nick: {detail}. Ask the network's staff to lift the ban; the bridge tries again once an hour."
            ),
            FailureKind::BadServerPassword => format!(
                "The server wants another password of its own ({detail}). The operator sets it as `password` in the network's configuration."
            ),
            FailureKind::BadCredentials => format!(
                "Account or password is wrong ({detail}). Log in again with the right ones."
            ),
            FailureKind::SaslUnavailable => format!(
                "The server cannot check accounts at present ({detail}), and the bridge does not connect without the account it was given. It keeps trying."
            ),
            FailureKind::NickInUse => format!(
                "The nick is in use ({detail}). Choose another one, or free it with the network's services."
            ),
            FailureKind::NickRefused => format!(
                "The server does not accept the nick ({detail}). Log in again with another one."
            ),
            FailureKind::Flooded => format!(
                "The server cut us off for talking too fast ({detail}). The bridge comes back; the operator can slow it down with `pacing`."
            ),
            FailureKind::Killed => format!(
                "The network's staff or services ended the connection ({detail}). The bridge tries again in a while."
            ),
            FailureKind::PingTimeout => {
                format!("The server no longer answered ({detail}). The bridge reconnects.")
            }
            FailureKind::Closed => {
                format!("The connection ended ({detail}). The bridge reconnects.")
            }
            FailureKind::Stopped => "The bridge ended the connection.".to_owned(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.detail)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_words_of_many_servers_are_understood() {
        let kind = |text| Failure::from_error(text).kind;
        use FailureKind::*;
        for (text, expected) in [
            ("Closing link: (root@127.0.0.1) [K-Lined: spam]", Banned),
            ("Closing Link: alice by irc.example.org (You are banned from this server)", Banned),
            ("Closing Link: 10.0.0.1 (Z-lined)", Banned),
            ("Closing Link: 10.0.0.1 (Throttled: Reconnecting too fast) - Email x", Throttled),
            ("Trying to reconnect too fast.", Throttled),
            ("Your host is trying to (re)connect too fast -- throttled", Throttled),
            (
                "Closing link: (unknown@::1) [No more connections allowed from your host via this connect class (local)]",
                TooManyConnections,
            ),
            ("Closing Link: (Too many host connections (local))", TooManyConnections),
            ("Closing link: (alice@host) [RecvQ exceeded]", Flooded),
            ("Closing Link: host (Excess Flood)", Flooded),
            ("Closing Link: alice[host] (Ping timeout: 240 seconds)", PingTimeout),
            ("Closing Link: host (Killed (oper (reason)))", Killed),
            ("Access denied: Bad password?", BadServerPassword),
            ("Server going down", Closed),
            ("", Closed),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn only_what_a_person_must_change_stops_the_bridge_from_trying() {
        let retry = |kind| Failure::new(kind, "x").retry();
        assert_eq!(retry(FailureKind::BadCredentials), Retry::Never);
        assert_eq!(retry(FailureKind::Closed), Retry::After(Duration::from_secs(2)));
        assert!(matches!(retry(FailureKind::Banned), Retry::After(wait) if wait.as_secs() >= 600));
    }
}
