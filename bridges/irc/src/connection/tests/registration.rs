//! Getting in, and being kept out.

use std::{path::PathBuf, sync::Arc};

use support_clock::TestClock;
use tokio_rustls::TlsAcceptor;

use super::{
    super::{Failure, FailureKind, Session, connect, tls_config},
    Peer, Server, clock, settings, with_account,
};

async fn registered(settings: super::Settings) -> Result<Session, Failure> {
    connect(&settings, &*clock()).await.map(|established| established.session)
}

#[tokio::test]
async fn capabilities_come_in_several_lines_and_packets_fall_anywhere() {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        for expected in ["CAP LS 302", "NICK alice", "USER al 0 * :Alice A."] {
            peer.expect(expected).await;
        }
        peer.send_bytes(b":irc.test NOTICE AUTH :*** Looking up\r\n:irc.te").await;
        peer.send_bytes(b"st CAP * LS * :multi-prefix batch=1 unknown/cap\r").await;
        peer.send_bytes(b"\n:irc.test CAP * LS :message-tags labeled-response server-time\r\n")
            .await;
        peer.expect("CAP REQ :message-tags batch server-time labeled-response multi-prefix").await;
        peer.send("PING :cookie").await;
        peer.expect("PONG cookie").await;
        peer.send(
            ":irc.test CAP * NAK :message-tags batch server-time labeled-response multi-prefix",
        )
        .await;
        for cap in ["message-tags", "batch", "server-time", "labeled-response", "multi-prefix"] {
            peer.expect(&format!("CAP REQ {cap}")).await;
            let answer = if cap == "batch" { "NAK" } else { "ACK" };
            peer.send(&format!(":irc.test CAP * {answer} :{cap} ")).await;
        }
        peer.expect("CAP END").await;
        peer.send(":irc.test 001 alice :Welcome").await;
        peer.send(":irc.test 005 alice NETWORK=Test CHANTYPES=# :are supported").await;
        peer.send(":irc.test 376 alice :End of MOTD").await;
    };
    let (session, ()) = tokio::join!(registered(settings(server.port)), script);
    let session = session.unwrap();
    assert_eq!(session.nick, "alice");
    assert_eq!(session.rules.network.as_deref(), Some("Test"));
    assert!(session.has("message-tags") && !session.has("batch") && !session.has_labels());
}

#[tokio::test]
async fn a_server_without_capabilities_and_without_a_message_of_the_day_lets_us_in() {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        peer.expect("CAP LS 302").await;
        peer.send(":irc.test 421 * CAP :Unknown command").await;
        peer.expect("NICK alice").await;
        peer.expect_start("USER ").await;
        peer.send(":irc.test 001 alice :Welcome").await;
        peer.expect("PING rialto-ready").await;
        peer.send(":irc.test PONG irc.test :rialto-ready").await;
    };
    let (session, ()) = tokio::join!(registered(settings(server.port)), script);
    assert!(session.unwrap().caps.is_empty());
}

#[tokio::test]
async fn a_nick_in_use_leads_to_an_alternate() {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        for _ in 0..3 {
            peer.line().await;
        }
        peer.send(":irc.test CAP * LS :").await;
        peer.send(":irc.test 433 * alice :Nickname is already in use").await;
        peer.expect("CAP END").await;
        peer.expect("NICK alice_").await;
        peer.send(":irc.test 437 * alice_ :Nick is temporarily unavailable").await;
        peer.expect("NICK alice__").await;
        peer.send(":irc.test 001 alice__ :Welcome").await;
        peer.send(":irc.test 422 alice__ :No MOTD").await;
    };
    let (session, ()) = tokio::join!(registered(settings(server.port)), script);
    assert_eq!(session.unwrap().nick, "alice__");
}

#[tokio::test]
async fn without_alternates_a_nick_in_use_is_the_end() {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        peer.send(":irc.test 433 * alice :Nickname is already in use").await;
        peer.expect_end().await;
    };
    let wanted = super::Settings { alternate_nicks: false, ..settings(server.port) };
    let (session, ()) = tokio::join!(registered(wanted), script);
    assert_eq!(session.unwrap_err().kind, FailureKind::NickInUse);
}

#[tokio::test]
async fn an_account_is_proved_before_registration_ends() {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        for _ in 0..3 {
            peer.line().await;
        }
        peer.send(":irc.test CAP * LS :sasl=EXTERNAL,PLAIN").await;
        peer.expect("CAP REQ sasl").await;
        peer.send(":irc.test CAP * ACK :sasl").await;
        peer.expect("AUTHENTICATE PLAIN").await;
        peer.send("AUTHENTICATE +").await;
        peer.expect("AUTHENTICATE YWxpY2UAYWxpY2UAc2VzYW1l").await;
        peer.send(":irc.test 900 alice alice!al@host alice :You are now logged in").await;
        peer.send(":irc.test 903 alice :SASL authentication successful").await;
        peer.expect("CAP END").await;
        peer.send(":irc.test 001 alice :Welcome").await;
        peer.send(":irc.test 422 alice :No MOTD").await;
    };
    let wanted = with_account(settings(server.port));
    let (session, ()) = tokio::join!(registered(wanted), script);
    assert_eq!(session.unwrap().account.as_deref(), Some("alice"));
}

/// Registers with an account; the server offers `caps` and answers AUTHENTICATE with `answers`.
async fn refused_account(caps: &str, answers: &[&str]) -> FailureKind {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        peer.send(&format!(":irc.test CAP * LS :{caps}")).await;
        if !answers.is_empty() {
            peer.send(":irc.test CAP * ACK :sasl").await;
        }
        for answer in answers {
            peer.send(answer).await;
        }
        peer.expect_end().await;
    };
    let (session, ()) = tokio::join!(registered(with_account(settings(server.port))), script);
    session.unwrap_err().kind
}

#[tokio::test]
async fn a_wrong_password_is_told_from_an_account_that_cannot_be_checked() {
    for numeric in ["902", "904", "905", "906"] {
        let answer = format!(":irc.test {numeric} alice :SASL authentication failed");
        let kind = refused_account("sasl=PLAIN", &["AUTHENTICATE +", &answer]).await;
        assert_eq!(kind, FailureKind::BadCredentials, "{numeric}");
    }
    let mechanisms = ":irc.test 908 alice EXTERNAL :are available SASL mechanisms";
    assert_eq!(refused_account("sasl", &[mechanisms]).await, FailureKind::SaslUnavailable);
    assert_eq!(refused_account("sasl=EXTERNAL", &[]).await, FailureKind::SaslUnavailable);
    assert_eq!(refused_account("multi-prefix", &[]).await, FailureKind::SaslUnavailable);
}

/// Registers and gets these lines, then the end.
async fn refused_with(lines: &[&str]) -> Failure {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        for line in lines {
            peer.send(line).await;
        }
        for _ in 0..3 {
            peer.line().await;
        }
    };
    let (session, ()) = tokio::join!(registered(settings(server.port)), script);
    session.unwrap_err()
}

#[tokio::test]
async fn being_kept_out_is_classified() {
    let banned = refused_with(&[":irc.test 465 alice :You are banned: spam", "ERROR :bye"]).await;
    assert_eq!(banned.kind, FailureKind::Banned);
    assert!(banned.words().contains("spam"));
    let throttled = refused_with(&["ERROR :Trying to reconnect too fast."]).await;
    assert_eq!(throttled.kind, FailureKind::Throttled);
    let password = refused_with(&[":irc.test 464 alice :Password incorrect"]).await;
    assert_eq!(password.kind, FailureKind::BadServerPassword);
    let nick = refused_with(&[":irc.test 432 * alice :Erroneous Nickname"]).await;
    assert_eq!(nick.kind, FailureKind::NickRefused);
    assert_eq!(refused_with(&[]).await.kind, FailureKind::Closed);
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_unreachable() {
    let server = Server::start().await;
    let port = server.port;
    let (clock, settings) = (TestClock::new(), settings(port));
    let patience = async {
        let mut peer = server.accept().await;
        peer.expect("CAP LS 302").await;
        clock.wait_for_sleepers(1).await;
        clock.advance(settings.timing.registration);
        peer
    };
    let (silent, _peer) = tokio::join!(connect(&settings, &clock), patience);
    assert_eq!(silent.unwrap_err().kind, FailureKind::Unreachable);
    drop(server);
    let refused = connect(&settings, &clock).await;
    assert_eq!(refused.unwrap_err().kind, FailureKind::Unreachable);
}

/// A self-made authority as PEM in a file, and an acceptor with a certificate of it.
fn authority(folder: &std::path::Path) -> (PathBuf, TlsAcceptor) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let path = folder.join("ca.pem");
    std::fs::write(&path, certified.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
    .unwrap();
    (path, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_private_certificate_is_believed_when_its_authority_is_named_or_all_are_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (ca_file, acceptor) = authority(folder.path());
    for (ca, any, welcome) in
        [(Some(ca_file.as_path()), false, true), (None, true, true), (None, false, false)]
    {
        let server = Server::start().await;
        let script = async {
            let Ok(stream) = acceptor.accept(server.accept_stream().await).await else { return };
            let mut peer = Peer::new(stream);
            peer.expect("CAP LS 302").await;
            peer.send(":irc.test 001 alice :Welcome").await;
            peer.send(":irc.test 422 alice :No MOTD").await;
            peer.expect_start("NICK").await;
        };
        let mut wanted = settings(server.port);
        wanted.tls = Some(tls_config("localhost", ca, any).unwrap());
        let (session, ()) = tokio::join!(registered(wanted), script);
        match session {
            Ok(_) => assert!(welcome),
            Err(failure) => {
                assert!(!welcome, "{failure}");
                assert_eq!(failure.kind, FailureKind::Tls);
            }
        }
    }
}

#[test]
fn an_unusable_authority_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for file in [empty, folder.path().join("missing.pem")] {
        let error = tls_config("localhost", Some(&file), false).unwrap_err();
        assert!(error.to_string().contains(&file.display().to_string()));
    }
}

/// Registers without SASL on a server with services; returns what came of the account.
async fn asked_services(answers: &[&str]) -> Result<Session, Failure> {
    let server = Server::start().await;
    let script = async {
        let mut peer = server.accept().await;
        peer.expect("CAP LS 302").await;
        peer.expect("NICK alice").await;
        peer.expect_start("USER ").await;
        peer.send(":irc.test CAP * LS :").await;
        peer.expect("CAP END").await;
        peer.send(":irc.test 001 alice :Welcome").await;
        peer.send(":irc.test 376 alice :End of MOTD").await;
        peer.expect("PING rialto-ready").await;
        peer.send(":irc.test PONG irc.test rialto-ready").await;
        peer.expect("PRIVMSG NickServ :IDENTIFY alice sesame").await;
        for answer in answers {
            peer.send(answer).await;
        }
    };
    let mut settings = with_account(settings(server.port));
    settings.nickserv = Some("NickServ".to_owned());
    tokio::join!(registered(settings), script).0
}

#[tokio::test]
async fn without_sasl_the_services_are_asked_and_their_answer_is_waited_for() {
    let session = asked_services(&[
        ":NickServ!s@services NOTICE alice :This nickname is registered.",
        ":mallory!m@h NOTICE alice :Invalid password for alice.",
        ":NickServ!s@services NOTICE alice :You are now identified for \u{2}alice\u{2}.",
    ])
    .await
    .expect("to be let in");
    assert_eq!(session.account.as_deref(), Some("alice"));
}

#[tokio::test]
async fn what_the_services_refuse_is_told_in_their_words() {
    let answer = ":NickServ!s@services NOTICE alice :Invalid password for \u{2}alice\u{2}.";
    let failure = asked_services(&[answer]).await.expect_err("a refusal");
    assert_eq!(failure.kind, FailureKind::BadCredentials);
    assert!(failure.detail.contains("Invalid password for alice"), "{}", failure.detail);
    let nobody = asked_services(&[":irc.test 401 alice NickServ :No such nick"]).await;
    assert_eq!(nobody.expect_err("nobody to ask").kind, FailureKind::SaslUnavailable);
}
