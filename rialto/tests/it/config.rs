//! The configuration: what is read, what is refused in which words, what is shown.

use rialto::config::{Config, DatabasePlace, Fault, Level, Mode, SignUp};
use std::path::Path;

fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    Config::parse(text, Path::new("/etc/rialto"))
}

/// The key, line and words of the only fault.
fn fault(text: &str) -> (String, Option<usize>, String) {
    let faults = parse(text).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    (faults[0].key.clone(), faults[0].line, faults[0].problem.clone())
}

#[test]
fn empty_file_is_the_embedded_homeserver_without_networks() {
    let config = parse("").unwrap();
    assert_eq!(config.homeserver.mode, Mode::Embedded);
    assert_eq!(config.homeserver.server_name, "localhost");
    assert_eq!(config.homeserver.registration, SignUp::Closed);
    assert_eq!(config.database.url, DatabasePlace::Sqlite);
    assert_eq!(config.data_dir, Path::new("/etc/rialto/rialto-data"));
    assert!(config.networks.0.is_empty());
    let lines: Vec<_> = config.permissions.lines().collect();
    assert_eq!(lines, [("*", Level::Relay), ("localhost", Level::User)]);
}

#[test]
fn every_documented_key_is_read() {
    let config = parse(
        r#"
data_dir = "/var/lib/rialto"
[homeserver]
mode = "external"
server_name = "example.org"
listen = "[::1]:8448"
registration = "token"
appservices = ["irc.yaml", "/abs/x.yaml"]
shared_secret = "s3cret"
tls = { certificate = "fullchain.pem", key = "privkey.pem" }
access_token_lifetime = "12h"
max_upload_size = "2 GiB"
presence = true
rate_limits = { enabled = false, rooms = { per_second = 0.5, burst = 3 } }
outgoing = { accept_invalid_certificates = true }
url = "https://matrix.example.org"
[appservice]
listen = "0.0.0.0:29300"
address = "http://rialto:29300"
[database]
url = "postgres://u:p@db/rialto"
[bridge]
bot = "bot"
public_url = "https://bridge.example.org"
[permissions]
"*" = "block"
"@admin:example.org" = "admin"
[networks.libera]
kind = "irc"
server = "irc.libera.chat:6697"
tls = true
"#,
    )
    .unwrap();
    let homeserver = &config.homeserver;
    assert_eq!(homeserver.mode, Mode::External);
    assert_eq!(homeserver.appservices[0], Path::new("/etc/rialto/irc.yaml"));
    assert_eq!(homeserver.appservices[1], Path::new("/abs/x.yaml"));
    assert_eq!(homeserver.shared_secret.as_ref().unwrap().expose(), "s3cret");
    assert_eq!(homeserver.tls.as_ref().unwrap().key, Path::new("/etc/rialto/privkey.pem"));
    assert_eq!(homeserver.access_token_lifetime.duration().as_secs(), 12 * 3600);
    assert_eq!(homeserver.max_upload_size.bytes(), 2 << 30);
    assert!(homeserver.presence);
    let rooms = homeserver.rate_limits.rooms;
    assert_eq!((rooms.per_second, rooms.burst), (0.5, 3));
    assert!(!homeserver.rate_limits.enabled && homeserver.outgoing.accept_invalid_certificates);
    assert!(matches!(config.database.url, DatabasePlace::Postgres(_)));
    let levels: Vec<_> = config.permissions.lines().collect();
    let expected =
        [("*", Level::Block), ("@admin:example.org", Level::Admin), ("example.org", Level::User)];
    assert_eq!(levels, expected);
    let libera = &config.networks.0[0];
    assert_eq!((libera.id.as_str(), libera.kind.as_str()), ("libera", "irc"));
    assert_eq!(libera.settings["server"], "irc.libera.chat:6697");
    assert_eq!(libera.settings["tls"], true);
    assert!(!libera.settings.contains_key("kind"));
}

#[test]
fn unknown_key_is_refused_with_its_line_and_the_nearest_valid_one() {
    let (key, line, words) = fault("[homeserver]\nmode = \"embedded\"\nlisten_on = \"x\"\n");
    assert_eq!((key.as_str(), line), ("homeserver.listen_on", Some(3)));
    assert!(words.contains("did you mean `listen`?"), "{words}");
    let (key, line, words) = fault("\n[homserver]\n");
    assert_eq!((key.as_str(), line), ("homserver", Some(2)));
    assert!(words.contains("`homeserver`"), "{words}");
    let (_, _, words) = fault("[homeserver]\nrate_limits = { enable = true }");
    assert!(words.contains("`enabled`"), "{words}");
    let (_, _, words) = fault("[homeserver]\nshared_secret_fil = \"x\"");
    assert!(words.contains("`shared_secret_file`"), "{words}");
}

#[test]
fn key_in_the_wrong_section_is_told_its_place() {
    let (_, _, words) = fault("listen = \"127.0.0.1:1\"");
    assert!(words.contains("`homeserver.listen`"), "{words}");
    let (_, _, words) = fault("[bridge]\ndata_dir = \"x\"");
    assert!(words.contains("`data_dir (at the top)`"), "{words}");
}

#[test]
fn wrong_type_or_value_names_what_is_expected_and_not_the_value() {
    for (text, key, expected) in [
        ("data_dir = 5", "data_dir", "a text, found a number"),
        ("data_dir = \"\"", "data_dir", "empty"),
        ("homeserver = 5", "homeserver", "a table, found a number"),
        ("[homeserver]\nlisten = \"8008\"", "homeserver.listen", "HOST:PORT"),
        ("[homeserver]\nlisten = \"host:99999\"", "homeserver.listen", "HOST:PORT"),
        ("[homeserver]\nserver_name = \"a b\"", "homeserver.server_name", "no server name"),
        ("[homeserver]\nmode = \"embeded\"", "homeserver.mode", "did you mean `embedded`?"),
        ("[homeserver]\nappservices = \"x\"", "homeserver.appservices", "a list, found a text"),
        ("[homeserver]\nappservices = [1]", "homeserver.appservices[0]", "a text"),
        (
            "[homeserver]\naccess_token_lifetime = \"5 weeks\"",
            "homeserver.access_token_lifetime",
            "a time such as",
        ),
        ("[homeserver]\nmax_upload_size = \"0\"", "homeserver.max_upload_size", "`\"50M\"`"),
        ("[homeserver]\nmax_upload_size = \"5 T\"", "homeserver.max_upload_size", "`\"50M\"`"),
        ("[homeserver]\nmax_upload_size = true", "homeserver.max_upload_size", "`\"50M\"`"),
        (
            "[homeserver]\nrate_limits = { rooms = { burst = 3 } }",
            "homeserver.rate_limits.rooms",
            "`per_second` and `burst`",
        ),
        (
            "[homeserver]\nrate_limits = { rooms = { burst = 3, per_second = 0 } }",
            "homeserver.rate_limits.rooms.per_second",
            "a number above 0",
        ),
        ("[homeserver]\nrate_limits = false", "homeserver.rate_limits", "found true or false"),
        ("[homeserver]\ntls = { key = \"k\" }", "homeserver.tls", "`certificate` and `key`"),
        (
            "[homeserver]\nshared_secret = 12345",
            "homeserver.shared_secret",
            "a text, found a number",
        ),
        ("[homeserver]\nurl = \"ftp://x\"", "homeserver.url", "expected an address"),
        ("[database]\nurl = \"mysql://u:s3cret@h/d\"", "database.url", "expected `sqlite` or"),
        ("[permissions]\nalice = \"user\"\n\"@x\" = \"user\"", "permissions.@x", "neither a user"),
        ("[permissions]\n\"*\" = \"usr\"", "permissions.*", "did you mean `user`?"),
        ("[bridge]\nbot = \"@bot:x\"", "bridge.bot", "without `@` and server"),
        ("[networks]\nlibera = 5", "networks.libera", "a table"),
        ("[networks.libera]\nserver = \"x\"", "networks.libera", "`kind` is missing"),
        ("[networks.Libera]\nkind = \"irc\"", "networks.Libera", "letters a-z"),
    ] {
        let (found, line, words) = fault(text);
        assert_eq!(found, key, "{text}: {words}");
        assert!(words.contains(expected), "{text}: {words}");
        assert!(line.is_some(), "{text}");
        assert!(!words.contains("12345") && !words.contains("s3cret"), "{words}");
    }
}

#[test]
fn file_that_is_no_toml_is_refused_with_its_line_and_without_its_text() {
    let (key, line, words) = fault("data_dir = \"x\"\n[homeserver]\nshared_secret = s3cret\n");
    assert_eq!((key.as_str(), line), ("", Some(3)));
    assert!(!words.contains("s3cret"), "{words}");
}

#[test]
fn all_mistakes_are_told_in_the_order_of_the_file() {
    let faults = parse("x = 1\n[bridge]\ny = 2\nbot = 3\n").unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.line.unwrap()).collect();
    assert_eq!(lines, [1, 3, 4]);
}

#[test]
fn external_homeserver_needs_its_address() {
    let (key, line, _) = fault("[homeserver]\nmode = \"external\"");
    assert_eq!((key.as_str(), line), ("homeserver.url", Some(2)));
}

#[test]
fn networks_whose_ghosts_could_be_mixed_up_are_refused() {
    let (key, _, words) = fault("[networks.a]\nkind = \"irc\"\n[networks.a_b]\nkind = \"irc\"");
    assert_eq!(key, "networks.a_b");
    assert!(words.contains("mix up"), "{words}");
    assert!(parse("[networks.a]\nkind = \"irc\"\n[networks.ab]\nkind = \"irc\"").is_ok());
}

#[test]
fn secrets_may_lie_in_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let text = "[homeserver]\nshared_secret_file = \"secret\"\n\
                [networks.x]\nkind = \"irc\"\nsasl_password_file = \"secret\"\ncertificate_file = \"secret\"";
    let config = Config::parse(text, folder.path()).unwrap();
    assert_eq!(config.homeserver.shared_secret.unwrap().expose(), "s3cret");
    let settings = &config.networks.0[0].settings;
    assert_eq!(settings["sasl_password"], "s3cret");
    let path = folder.path().join("secret").display().to_string();
    assert_eq!(settings["certificate_file"], path, "no secret, so its path is left to the bridge");

    let (key, line, words) = fault("[homeserver]\nshared_secret_file = \"absent\"");
    assert_eq!((key.as_str(), line), ("homeserver.shared_secret_file", Some(2)));
    assert!(words.contains("/etc/rialto/absent"), "{words}");
    let text = "[homeserver]\nshared_secret_file = \"secret\"\nshared_secret = \"x\"";
    let faults = Config::parse(text, folder.path()).unwrap_err();
    assert!(faults[0].problem.contains("not both"), "{faults:?}");
}

#[test]
fn shown_configuration_is_complete_and_masks_secrets() {
    let text = "[homeserver]\nshared_secret = \"s3cret\"\n\
                [database]\nurl = \"postgres://user:s3cret@db/rialto?password=s3cret&sslmode=require\"\n\
                [networks.x]\nkind = \"irc\"\nsasl_password = \"s3cret\"\nport = 6697\n\
                accounts = [{ nick = \"n\", api_token = \"s3cret\" }]";
    let shown = parse(text).unwrap().show();
    assert!(!shown.contains("s3cret"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn shown_configuration_can_be_read_again() {
    let config = parse("[networks.x]\nkind = \"irc\"\nport = 6697").unwrap();
    assert_eq!(parse(&config.show()).unwrap().show(), config.show());
}
