//! Staying connected.

use std::{sync::Arc, time::Duration};

use support_clock::{SeededRandom, TestClock};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::task::TaskTracker;

use super::{
    super::{FailureKind, Incoming, Keeper, KeeperHandle, Settings},
    Server, settings, with_account,
};

struct Kept {
    handle: KeeperHandle,
    news: mpsc::Receiver<Incoming>,
    clock: TestClock,
    task: JoinHandle<()>,
}

impl Kept {
    fn start(settings: Settings) -> Self {
        let clock = TestClock::new();
        let (sender, news) = mpsc::channel(64);
        let random = Arc::new(SeededRandom::new(1));
        let (keeper, handle) = Keeper::new(settings, Arc::new(clock.clone()), random, sender);
        handle.want("#one", None);
        handle.want("#two", Some("key"));
        let task = TaskTracker::new().spawn(keeper.run());
        Self { handle, news, clock, task }
    }

    /// Returns the next thing that is not a line.
    async fn next(&mut self) -> Incoming {
        loop {
            match self.news.recv().await.expect("the keeper lives") {
                Incoming::Line { .. } => {}
                other => return other,
            }
        }
    }
}

async fn rejoining(server: &Server) -> super::Peer {
    let mut peer = server.welcome().await;
    peer.expect("JOIN #two,#one key").await;
    peer.send(":alice!al@host JOIN #two").await;
    peer.send(":irc.test 474 alice #one :Cannot join channel (+b)").await;
    peer.pong().await;
    peer
}

#[tokio::test]
async fn after_a_loss_it_comes_back_and_joins_again() {
    let server = Server::start().await;
    let mut kept = Kept::start(settings(server.port));
    for attempt in 0..3 {
        assert!(matches!(kept.next().await, Incoming::Connecting));
        assert!(kept.handle.link().is_none());
        let mut peer = rejoining(&server).await;
        assert!(matches!(kept.next().await, Incoming::Registered { .. }));
        let Incoming::Ready { rejoined } = kept.next().await else { panic!("not ready") };
        let refused: Vec<_> =
            rejoined.iter().filter(|r| r.result.is_err()).map(|r| r.channel.as_str()).collect();
        assert_eq!((rejoined.len(), refused), (2, vec!["#one"]));
        assert!(kept.handle.link().is_some());
        peer.send("ERROR :Closing Link: (Server restarts)").await;
        drop(peer);
        let Incoming::Lost { failure, next_try } = kept.next().await else { panic!("not lost") };
        assert_eq!(failure.kind, FailureKind::Closed);
        let pause = next_try.unwrap();
        assert!(pause >= Duration::from_millis(1500) * (1 << attempt), "{pause:?}");
        kept.clock.wait_for_sleepers(1).await;
        kept.clock.advance(pause);
    }
    kept.handle.stop();
    kept.task.await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again() {
    let server = Server::start().await;
    let mut kept = Kept::start(with_account(settings(server.port)));
    assert!(matches!(kept.next().await, Incoming::Connecting));
    let mut peer = server.accept().await;
    peer.send(":irc.test CAP * LS :sasl").await;
    peer.send(":irc.test CAP * ACK :sasl").await;
    peer.send("AUTHENTICATE +").await;
    peer.send(":irc.test 904 alice :SASL authentication failed").await;
    let Incoming::Lost { failure, next_try } = kept.next().await else { panic!("not lost") };
    assert_eq!((failure.kind, next_try), (FailureKind::BadCredentials, None));
    kept.task.await.unwrap();
}

#[tokio::test]
async fn the_wanted_nick_is_asked_for_again() {
    let server = Server::start().await;
    let mut kept = Kept::start(settings(server.port));
    kept.next().await;
    let mut peer = server.accept().await;
    for _ in 0..3 {
        peer.line().await;
    }
    peer.send(":irc.test CAP * LS :").await;
    peer.expect("CAP END").await;
    peer.send(":irc.test 433 * alice :Nickname is already in use").await;
    peer.expect("NICK alice_").await;
    peer.send(":irc.test 001 alice_ :Welcome").await;
    peer.send(":irc.test 422 alice_ :No MOTD").await;
    peer.expect_start("PING").await;
    peer.expect_start("JOIN").await;
    peer.pong().await;
    kept.next().await;
    let Incoming::Ready { .. } = kept.next().await else { panic!("not ready") };
    let turning = async {
        loop {
            kept.clock.advance_to_next().await;
            tokio::task::yield_now().await;
        }
    };
    // This server tells nobody when a nick is free: it is asked, and now and then tried.
    let mut looked = 0;
    let asking = async {
        loop {
            match peer.answer_pings().await.as_str() {
                "ISON alice" => looked += 1,
                line => return assert_eq!(line, "NICK alice"),
            }
        }
    };
    tokio::select! {
        () = asking => {}
        () = turning => {}
    }
    assert_eq!(looked, 4);
    peer.send(":alice_!al@host NICK :alice").await;
    let Some(Incoming::Line { message, .. }) = kept.news.recv().await else { panic!("no line") };
    assert!(message.is("NICK"));
    assert!(kept.handle.link().unwrap().with_session(|session| session.is_me("alice")));
}

#[tokio::test]
async fn stopping_says_goodbye_and_ends_the_task() {
    let server = Server::start().await;
    let mut kept = Kept::start(settings(server.port));
    kept.next().await;
    let mut peer = rejoining(&server).await;
    kept.next().await;
    let Incoming::Ready { .. } = kept.next().await else { panic!("not ready") };
    kept.handle.stop();
    peer.expect_start("QUIT").await;
    drop(peer);
    kept.task.await.unwrap();
    assert!(kept.handle.link().is_none());
}

#[tokio::test]
async fn services_are_asked_for_the_nick_in_each_of_their_ways() {
    let server = Server::start().await;
    let mut settings = with_account(settings(server.port));
    settings.nickserv = Some("NickServ".to_owned());
    let mut kept = Kept::start(settings);
    kept.next().await;
    let mut peer = server.accept().await;
    for _ in 0..3 {
        peer.line().await;
    }
    peer.send(":irc.test CAP * LS :sasl").await;
    peer.expect_start("CAP REQ").await;
    peer.send(":irc.test CAP * ACK :sasl").await;
    peer.expect("AUTHENTICATE PLAIN").await;
    peer.send("AUTHENTICATE +").await;
    peer.expect_start("AUTHENTICATE").await;
    peer.send(":irc.test 900 * alice!al@host alice :You are now logged in").await;
    peer.send(":irc.test 903 * :SASL authentication successful").await;
    peer.expect("CAP END").await;
    peer.send(":irc.test 433 * alice :Nickname is already in use").await;
    peer.expect("NICK alice_").await;
    peer.send(":irc.test 001 alice_ :Welcome").await;
    peer.send(":irc.test 422 alice_ :No MOTD").await;
    peer.expect_start("PING").await;
    peer.expect_start("JOIN").await;
    peer.pong().await;
    let turning = async {
        loop {
            kept.clock.advance_to_next().await;
            tokio::task::yield_now().await;
        }
    };
    let asked = async {
        let mut asked = Vec::new();
        while asked.len() < 3 {
            let line = peer.answer_pings().await;
            asked.extend(line.strip_prefix("PRIVMSG NickServ :").map(str::to_owned));
        }
        asked
    };
    tokio::select! {
        asked = asked => assert_eq!(asked, ["REGAIN alice", "RECOVER alice", "GHOST alice"]),
        () = turning => {}
    }
}
