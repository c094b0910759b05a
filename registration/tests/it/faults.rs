//! Each fault names the file, the line, the key and what is wrong, and never a token.

use crate::{fixture, fixture_path};
use registration::{Registration, RegistrationError};

const GOOD: &str = r#"id: irc
url: http://127.0.0.1:9995
as_token: 0123456789secret
hs_token: abcdefghijsecret
sender_localpart: ircbot
namespaces:
  users:
    - regex: '@a:b'
      exclusive: true
    - regex: '@irc_.*'
      exclusive: true
"#;

/// Parses the good file with one line replaced.
fn with_line(number: usize, line: &str) -> RegistrationError {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    lines[number - 1] = line;
    Registration::parse(&lines.join("\n")).unwrap_err()
}

#[test]
fn fault_names_key_and_line() {
    assert!(Registration::parse(GOOD).is_ok());
    for (number, line, field) in [
        (1, "id: ''", "id"),
        (1, "id: a|b", "id"),
        (2, "url: localhost:80", "url"),
        (2, "url: unix:///run/as.sock", "url"),
        (2, "url: http://host/?a=b", "url"),
        (2, "url: nonsense", "url"),
        (3, "as_token: ''", "as_token"),
        (4, "hs_token: 'secret with blank'", "hs_token"),
        (5, "sender_localpart: '@ircbot:example.org'", "sender_localpart"),
        (10, "    - regex: '@irc_(.*'", "namespaces.users[1].regex"),
        (10, "    - regex: '@irc_(?=x)'", "namespaces.users[1].regex"),
        (10, "    - regex: ''", "namespaces.users[1].regex"),
        (10, "    - regex: '(((((a{999}){999}){999}){999}){999})'", "namespaces.users[1].regex"),
    ] {
        let error = with_line(number, line);
        assert_eq!(error.field.as_deref(), Some(field), "{line}: {error}");
        assert_eq!(error.line, Some(number as u64), "{line}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn missing_keys_are_named() {
    for (number, key) in [
        (1, "id"),
        (2, "url"),
        (3, "as_token"),
        (4, "hs_token"),
        (5, "sender_localpart"),
        (8, "regex"),
        (9, "exclusive"),
    ] {
        let line = if number >= 8 { "    - note: x" } else { "" };
        let text: Vec<&str> = GOOD.lines().collect();
        let mut text: Vec<String> = text.into_iter().map(str::to_owned).collect();
        if number == 9 {
            text.remove(8);
        } else {
            text[number - 1] = line.to_owned();
        }
        let error = Registration::parse(&text.join("\n")).unwrap_err();
        assert_eq!(error.field.as_deref(), Some(key), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn wrong_types_are_told_with_their_line_and_without_tokens() {
    let error = with_line(11, "      exclusive: perhaps");
    assert_eq!(error.line, Some(11), "{error}");
    let error = with_line(3, "as_token: [secret]");
    assert_eq!(error.line, Some(3), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    let error = with_line(3, "as_token: 'secret");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn unreadable_file_is_named() {
    let path = fixture_path("absent.yaml");
    let error = Registration::read(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("registration {}: there is no such file", path.display())
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("binary.yaml");
    std::fs::write(&file, b"id: \xff\xfe").unwrap();
    assert!(Registration::read(&file).unwrap_err().to_string().contains("no text"));
    std::fs::write(&file, "id: [").unwrap();
    let error = Registration::read(&file).unwrap_err();
    assert_eq!(error.file.as_deref(), Some(file.as_path()));
    assert!(error.line.is_some(), "{error}");
}

#[test]
fn yaml_bomb_is_refused() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (this, before) in ('b'..='i').zip('a'..='h') {
        bomb.push_str(&format!("{this}: &{this} [{}]\n", vec![format!("*{before}"); 9].join(",")));
    }
    assert!(Registration::parse(&format!("{bomb}{GOOD}")).is_err());
}

#[test]
fn fields_changed_by_hand_are_validated_on_request() {
    let mut registration = fixture("heisenbridge.yaml");
    registration.sender_localpart = "a b".to_owned();
    assert!(registration.validate().is_err());
}
