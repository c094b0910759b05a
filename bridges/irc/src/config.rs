//! The section of one IRC network in the configuration.
//!
//! Each key is taken out and read by itself, so that a wrong one can be named, with what would be
//! right.

use std::{path::PathBuf, time::Duration};

use bridge_core::network::ConfigError;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    connection::Pacing,
    habits::{Habits, MemberSync},
    wire::Encoding,
};

/// The section as `config example` shows it.
pub const EXAMPLE: &str = include_str!("example.toml");

const KEYS: [&str; 21] = [
    "server",
    "tls",
    "tls_ca_file",
    "accept_invalid_certificates",
    "display_name",
    "nick",
    "username",
    "realname",
    "password",
    "password_file",
    "pacing",
    "encoding",
    "max_lines",
    "keep_alive_seconds",
    "members",
    "netsplit_hold_seconds",
    "merge_lines_ms",
    "ctcp_version",
    "nickserv",
    "away_after_minutes",
    "away_message",
];

/// `[networks.<id>]` with `kind = "irc"`.
#[derive(Debug, Clone)]
pub struct IrcConfig {
    /// `server`: host of the server (`irc.libera.chat:6697`).
    pub host: String,
    /// `server`: port; where it is left out, 6697 with TLS and 6667 without.
    pub port: u16,
    /// `tls`: whether the connection is encrypted. Default: true.
    pub tls: bool,
    /// `tls_ca_file`: PEM file with the only authorities to believe. Default: those of the web.
    pub tls_ca_file: Option<PathBuf>,
    /// `accept_invalid_certificates`: believe any certificate. Default: false.
    pub accept_invalid_certificates: bool,
    /// `display_name`: the network's name for people. Default: the host.
    pub display_name: String,
    /// `nick`: for logins that name none; `{localpart}` is the Matrix name. Default: `{localpart}`.
    pub nick: String,
    /// `username`: the user name ("ident"), at most ten letters are used. Default: `{localpart}`.
    pub username: String,
    /// `realname`: shown by WHOIS; `{mxid}`, `{localpart}` and `{nick}` are filled in. Default:
    /// `{nick}`.
    pub realname: String,
    /// `password` or `password_file`: the server's own password (PASS). Default: none.
    pub password: Option<SecretString>,
    /// `pacing`: `{ burst = 5, interval_ms = 2000 }`: lines at once, then one per interval.
    pub pacing: Pacing,
    /// `encoding`: how lines that are not UTF-8 are read. Default: `windows-1252` (latin-1).
    pub encoding: Encoding,
    /// `keep_alive_seconds`: silence after which the server is asked whether it lives. Default: 60.
    pub keep_alive: Duration,
    /// `nickserv`: who is asked to check the account where the server offers no SASL; empty: nobody,
    /// and such a server is not connected to with an account. Default: `NickServ`.
    pub nickserv: Option<String>,
    /// `members`: whose coming and going is shown in rooms: `full` (everybody), `half` (whoever talks
    /// or joins), `lazy` (whoever talks) or `off` (whoever talks, and nobody leaves). Default: `full`.
    ///
    /// `max_lines`: longest text that is sent, in IRC lines. Default: 50.
    ///
    /// `netsplit_hold_seconds`: how long people lost in a netsplit may take to come back before they
    /// are shown as gone; 0: no time. Default: 60.
    ///
    /// `merge_lines_ms`: how long a line waits for the next one of the same person, to become one
    /// message with it; 0: each line is a message. Default: 0.
    ///
    /// `ctcp_version`: what is answered to CTCP VERSION; empty: no CTCP request is answered. Default:
    /// `Rialto`.
    ///
    /// `away_after_minutes`: after how many minutes without a word from Matrix a login is marked as
    /// away, with `away_message`; 0: never. Default: 0.
    pub habits: Habits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacingConfig {
    #[serde(default = "default_burst")]
    burst: u32,
    #[serde(default = "default_interval")]
    interval_ms: u64,
}

fn default_burst() -> u32 {
    Pacing::default().burst
}

fn default_interval() -> u64 {
    u64::try_from(Pacing::default().interval.as_millis()).unwrap_or(u64::MAX)
}

impl IrcConfig {
    /// Reads the section.
    ///
    /// # Errors
    /// Names the key and says what would be right.
    pub fn parse(section: Value) -> Result<Self, ConfigError> {
        let Value::Object(mut section) = section else {
            return Err(wrong("", "must be a table"));
        };
        if let Some(unknown) = section.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(wrong(unknown, &unknown_key(unknown)));
        }
        let section = &mut section;
        let Some(server) = take::<String>(section, "server", "must be \"host:port\"")? else {
            return Err(wrong("server", "is missing: the server's \"host:port\""));
        };
        let tls = take(section, "tls", "must be true or false")?.unwrap_or(true);
        let (host, port) = parse_server(&server, tls)?;
        let template = |section: &mut _, key| take::<String>(section, key, "must be a text");
        let config = Self {
            tls,
            tls_ca_file: take(section, "tls_ca_file", "must be a path")?,
            accept_invalid_certificates: take(
                section,
                "accept_invalid_certificates",
                "must be true or false",
            )?
            .unwrap_or(false),
            display_name: template(section, "display_name")?.unwrap_or_else(|| host.clone()),
            nick: template(section, "nick")?.unwrap_or_else(|| "{localpart}".to_owned()),
            username: template(section, "username")?.unwrap_or_else(|| "{localpart}".to_owned()),
            realname: template(section, "realname")?.unwrap_or_else(|| "{nick}".to_owned()),
            password: password(section)?,
            pacing: pacing(section)?,
            encoding: encoding(section)?,
            keep_alive: keep_alive(section)?,
            nickserv: nickserv(section)?,
            habits: habits(section)?,
            host,
            port,
        };
        if config.tls_ca_file.is_some() && config.accept_invalid_certificates {
            let problem = "makes no sense beside tls_ca_file: leave one of them out";
            return Err(wrong("accept_invalid_certificates", problem));
        }
        Ok(config)
    }
}

fn wrong(key: &str, problem: &str) -> ConfigError {
    ConfigError { key: key.to_owned(), problem: problem.to_owned() }
}

fn unknown_key(unknown: &str) -> String {
    let distance = |key: &&&str| strsim::damerau_levenshtein(unknown, key);
    match KEYS.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 3 => {
            format!("is not a key of an IRC network; did you mean `{nearest}`?")
        }
        _ => format!("is not a key of an IRC network; there are: {}", KEYS.join(", ")),
    }
}

/// Takes a key out; a value of the wrong type is answered with `expected`.
fn take<T: DeserializeOwned>(
    section: &mut Map<String, Value>,
    key: &str,
    expected: &str,
) -> Result<Option<T>, ConfigError> {
    let value = section.remove(key);
    value.map(|value| serde_json::from_value(value).map_err(|_| wrong(key, expected))).transpose()
}

/// Reads `host:port`, `host`, `[v6]:port` and `[v6]`.
fn parse_server(server: &str, tls: bool) -> Result<(String, u16), ConfigError> {
    let default_port = if tls { 6697 } else { 6667 };
    let malformed = || wrong("server", "must be \"host:port\", as in \"irc.libera.chat:6697\"");
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(malformed)?;
            (host, after.strip_prefix(':'))
        }
        None => match server.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    let port = port.map(str::parse).transpose().map_err(|_| malformed())?.unwrap_or(default_port);
    if host.is_empty() || host.contains([' ', '/']) || port == 0 {
        return Err(malformed());
    }
    Ok((host.to_owned(), port))
}

fn password(section: &mut Map<String, Value>) -> Result<Option<SecretString>, ConfigError> {
    let given = take::<String>(section, "password", "must be a text")?;
    let file = take::<PathBuf>(section, "password_file", "must be a path")?;
    match (given, file) {
        (Some(_), Some(_)) => Err(wrong("password_file", "and `password` are both given")),
        (Some(password), None) => Ok(Some(SecretString::from(password))),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(&file).map_err(|error| {
                wrong("password_file", &format!("{} cannot be read: {error}", file.display()))
            })?;
            let password = text.strip_suffix('\n').unwrap_or(&text);
            Ok(Some(SecretString::from(password.strip_suffix('\r').unwrap_or(password))))
        }
        (None, None) => Ok(None),
    }
}

fn pacing(section: &mut Map<String, Value>) -> Result<Pacing, ConfigError> {
    let expected = "must be like { burst = 5, interval_ms = 2000 }";
    let Some(pacing) = take::<PacingConfig>(section, "pacing", expected)? else {
        return Ok(Pacing::default());
    };
    if pacing.burst == 0 || pacing.interval_ms > 60_000 {
        return Err(wrong("pacing", "must let at least one line a minute pass"));
    }
    Ok(Pacing { burst: pacing.burst, interval: Duration::from_millis(pacing.interval_ms) })
}

fn encoding(section: &mut Map<String, Value>) -> Result<Encoding, ConfigError> {
    let Some(name) = take::<String>(section, "encoding", "must be the name of an encoding")? else {
        return Ok(Encoding::default());
    };
    Encoding::by_name(&name).ok_or_else(|| {
        wrong("encoding", "is not known; use a name like utf-8, latin-1, iso-8859-15 or cp1251")
    })
}

fn keep_alive(section: &mut Map<String, Value>) -> Result<Duration, ConfigError> {
    let expected = "must be between 5 and 600 seconds";
    let seconds = take::<u64>(section, "keep_alive_seconds", expected)?.unwrap_or(60);
    if !(5..=600).contains(&seconds) {
        return Err(wrong("keep_alive_seconds", expected));
    }
    Ok(Duration::from_secs(seconds))
}

fn nickserv(section: &mut Map<String, Value>) -> Result<Option<String>, ConfigError> {
    let expected = "must be a nick, or empty where nobody is to be asked";
    let nick = take::<String>(section, "nickserv", expected)?;
    let nick = nick.unwrap_or_else(|| "NickServ".to_owned());
    if nick.contains(|c: char| c.is_control() || c == ' ' || c == ',') || nick.starts_with(':') {
        return Err(wrong("nickserv", expected));
    }
    Ok(Some(nick).filter(|nick| !nick.is_empty()))
}

fn habits(section: &mut Map<String, Value>) -> Result<Habits, ConfigError> {
    let initial = Habits::default();
    let expected = "must be \"full\", \"half\", \"lazy\" or \"off\"";
    let members = match take::<String>(section, "members", expected)? {
        Some(name) => MemberSync::by_name(&name).ok_or_else(|| wrong("members", expected))?,
        None => initial.members,
    };
    let lines = take::<usize>(section, "max_lines", "must be a number of lines")?;
    let hold = number(section, "netsplit_hold_seconds", 600, "seconds")?;
    let merge = number(section, "merge_lines_ms", 5_000, "milliseconds")?;
    let away = number(section, "away_after_minutes", 10_080, "minutes")?;
    let version = take::<String>(section, "ctcp_version", "must be a text")?;
    let version = version.map_or(initial.ctcp_version, |version| Some(one_line(&version)));
    let message = take::<String>(section, "away_message", "must be a text")?;
    Ok(Habits {
        members,
        max_lines: lines.unwrap_or(initial.max_lines),
        netsplit_hold: hold.map_or(initial.netsplit_hold, Duration::from_secs),
        merge_lines: merge.map_or(initial.merge_lines, Duration::from_millis),
        ctcp_version: version.filter(|version| !version.is_empty()),
        away_after: away.filter(|&n| n > 0).map(|minutes| Duration::from_secs(60 * minutes)),
        away_message: message.map_or(initial.away_message, |message| one_line(&message)),
    })
}

fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// Takes a number from 0 to `most`.
fn number(
    section: &mut Map<String, Value>,
    key: &str,
    most: u64,
    unit: &str,
) -> Result<Option<u64>, ConfigError> {
    let expected = format!("must be between 0 and {most} {unit}");
    match take::<u64>(section, key, &expected)? {
        Some(number) if number > most => Err(wrong(key, &expected)),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_is_all_that_is_needed() {
        let config = IrcConfig::parse(json!({ "server": "irc.libera.chat" })).unwrap();
        assert_eq!(
            (config.host.as_str(), config.port, config.tls),
            ("irc.libera.chat", 6697, true)
        );
        assert_eq!(config.pacing, Pacing::default());
        let plain = IrcConfig::parse(json!({ "server": "[::1]:7000", "tls": false })).unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("::1", 7000));
    }

    #[test]
    fn the_example_shows_every_key() {
        for key in KEYS {
            assert!(EXAMPLE.contains(&format!(" {key} = ")), "{key}");
        }
    }

    #[test]
    fn every_value_of_the_example_is_a_right_one() {
        for line in EXAMPLE.lines() {
            let Some((key, value)) = line.strip_prefix("  # ").and_then(|it| it.split_once(" = "))
            else {
                continue;
            };
            let value = match key {
                "pacing" => json!({ "burst": 5, "interval_ms": 2000 }),
                // Texts, numbers and truth are written in TOML as in JSON; the files are not there.
                key if key.ends_with("_file") => continue,
                _ => serde_json::from_str(value).unwrap(),
            };
            let mut section = json!({ "server": "irc.test" });
            section[key] = value;
            assert!(IrcConfig::parse(section).is_ok(), "{key}");
        }
    }

    #[test]
    fn wrong_keys_and_values_are_named_with_what_would_be_right() {
        let refused = |section: Value| {
            let error = IrcConfig::parse(section).unwrap_err();
            (error.key, error.problem)
        };
        let (key, problem) = refused(json!({ "server": "a", "tsl": true }));
        assert!(key == "tsl" && problem.contains("did you mean `tls`"), "{problem}");
        assert_eq!(refused(json!({})).0, "server");
        assert_eq!(refused(json!({ "server": 1 })).0, "server");
        assert_eq!(refused(json!({ "server": "a:b" })).0, "server");
        assert_eq!(refused(json!({ "server": "a", "tls": "yes" })).0, "tls");
        assert_eq!(refused(json!({ "server": "a", "encoding": "klingon" })).0, "encoding");
        assert_eq!(refused(json!({ "server": "a", "pacing": { "bursts": 1 } })).0, "pacing");
        assert_eq!(
            refused(json!({ "server": "a", "password_file": "/nowhere" })).0,
            "password_file"
        );
        assert_eq!(refused(json!({ "server": "a", "members": "some" })).0, "members");
        assert_eq!(refused(json!({ "server": "a", "merge_lines_ms": 6000 })).0, "merge_lines_ms");
        assert_eq!(refused(json!({ "server": "a", "nickserv": "a b" })).0, "nickserv");
        let both =
            json!({ "server": "a", "tls_ca_file": "x", "accept_invalid_certificates": true });
        assert_eq!(refused(both).0, "accept_invalid_certificates");
    }
}
