//! Saying things and learning what became of them.

use std::{sync::Arc, time::Duration};

use support_clock::{Clock as _, SharedClock, TestClock};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{
    super::{
        Delivery, FailureKind, Incoming, JoinError, Link, Pacing, RefusalKind, Settings, connect,
    },
    Peer, Server, clock, settings,
};
use crate::wire::Message;

struct Room {
    link: Link,
    news: mpsc::Receiver<Incoming>,
    peer: Peer,
    tasks: TaskTracker,
}

impl Room {
    async fn with(caps: &str) -> Self {
        Self::on(caps, clock(), |_| {}).await
    }

    async fn on(caps: &str, clock: SharedClock, change: impl FnOnce(&mut Settings)) -> Self {
        let server = Server::start().await;
        let mut settings = settings(server.port);
        change(&mut settings);
        let (established, peer) =
            tokio::join!(connect(&settings, &*clock), server.welcome_with(caps));
        let (sender, news) = mpsc::channel(16);
        let tasks = TaskTracker::new();
        let link = Link::prepare(established.unwrap(), &settings, clock).start(&tasks, sender);
        Self { link, news, peer, tasks }
    }

    async fn next_line(&mut self) -> Message {
        match self.news.recv().await.expect("more lines") {
            Incoming::Line { message, .. } => message,
            other => panic!("{other:?} is no line"),
        }
    }
}

const LABELS: &str = "message-tags batch echo-message labeled-response";

fn confirmed(msgid: Option<&str>) -> Delivery {
    Delivery::Confirmed { msgid: msgid.map(str::to_owned), time: None }
}

#[tokio::test]
async fn a_labelled_echo_confirms_with_its_id() {
    let Room { link, mut peer, mut news, .. } = Room::with(LABELS).await;
    let script = async {
        peer.expect("@label=r1 PRIVMSG #a :hi there").await;
        peer.send("@label=r1;msgid=abc :alice!al@host PRIVMSG #a :hi there").await;
        peer.send(":bob!b@h PRIVMSG #a :hello").await;
        news.recv().await
    };
    let (delivery, first) = tokio::join!(link.say("PRIVMSG", "#a", "hi there"), script);
    assert_eq!(delivery, confirmed(Some("abc")));
    let Some(Incoming::Line { message, .. }) = first else { panic!("no line") };
    assert_eq!(message.last(), "hello");
}

#[tokio::test]
async fn without_capabilities_a_ping_behind_the_lines_confirms_them() {
    let Room { link, mut peer, .. } = Room::with("").await;
    let script = async {
        peer.expect("PRIVMSG #a :one").await;
        let second = peer.line().await;
        if second.starts_with("PING") {
            peer.send(&format!(":irc.test PONG irc.test {}", second.replace("PING ", ""))).await;
        } else {
            assert_eq!(second, "PRIVMSG #b :two");
        }
        peer.answer_pings().await;
    };
    let both =
        async { tokio::join!(link.say("PRIVMSG", "#a", "one"), link.say("PRIVMSG", "#b", "two")) };
    tokio::select! {
        (one, two) = both => assert_eq!((one, two), (confirmed(None), confirmed(None))),
        () = script => panic!("the server heard nothing more"),
    }
}

#[tokio::test]
async fn a_refusal_reaches_the_one_who_spoke() {
    for caps in ["", "echo-message", LABELS] {
        let Room { link, mut peer, .. } = Room::with(caps).await;
        let script = async {
            let line = peer.expect_start("").await;
            let tag = if caps == LABELS { "@label=r1 " } else { "" };
            assert_eq!(line, format!("{tag}PRIVMSG #a :hi"));
            peer.send(&format!("{tag}:irc.test 404 alice #A :Cannot send to channel (+m)")).await;
        };
        let (delivery, ()) = tokio::join!(link.say("PRIVMSG", "#a", "hi"), script);
        let Delivery::Refused(refusal) = delivery else { panic!("{delivery:?}") };
        assert_eq!(refusal.kind, RefusalKind::Forbidden);
        assert!(refusal.words.contains("+m"));
    }
}

#[tokio::test]
async fn a_lost_connection_leaves_what_was_written_unknown_and_the_rest_unsent() {
    let Room { link, mut peer, .. } = Room::on("", clock(), |settings| {
        settings.pacing = Pacing { burst: 1, interval: Duration::from_secs(3600) };
    })
    .await;
    let script = async {
        peer.expect("PRIVMSG #a :one").await;
        peer.send("ERROR :Closing Link: alice (Server going down)").await;
        drop(peer);
        link.lost().await
    };
    let (one, two, failure) =
        tokio::join!(link.say("PRIVMSG", "#a", "one"), link.say("PRIVMSG", "#a", "two"), script);
    assert!(matches!(one, Delivery::Unknown(why) if why.contains("going down")));
    assert!(matches!(two, Delivery::NotSent(_)));
    assert_eq!(failure.kind, FailureKind::Closed);
    assert!(matches!(link.say("PRIVMSG", "#a", "three").await, Delivery::NotSent(_)));
}

#[tokio::test]
async fn a_pong_overtakes_everything_that_is_paced() {
    let clock = TestClock::new();
    let Room { link, mut peer, .. } = Room::on("", Arc::new(clock.clone()), |settings| {
        settings.pacing = Pacing { burst: 1, interval: Duration::from_secs(2) };
    })
    .await;
    let script = async {
        peer.expect("PRIVMSG #a :one").await;
        peer.pong().await;
        peer.send("PING :are you there").await;
        peer.expect("PONG :are you there").await;
        let started = clock.monotonic();
        tokio::select! {
            () = async { loop { clock.advance_to_next().await; tokio::task::yield_now().await } } => {}
            () = peer.expect("PRIVMSG #a :two") => {}
        }
        assert!(clock.monotonic() - started >= Duration::from_secs(2));
        peer.pong().await;
    };
    let both =
        async { tokio::join!(link.say("PRIVMSG", "#a", "one"), link.say("PRIVMSG", "#a", "two")) };
    let ((one, two), ()) = tokio::join!(both, script);
    assert_eq!((one, two), (confirmed(None), confirmed(None)));
}

#[tokio::test]
async fn a_text_that_would_smuggle_a_line_is_not_sent() {
    let Room { link, .. } = Room::with("").await;
    assert!(matches!(link.say("PRIVMSG", "#a", "x\r\nQUIT").await, Delivery::Unsendable(_)));
    assert!(matches!(link.say("PRIVMSG", "#a b", "x").await, Delivery::Unsendable(_)));
}

#[tokio::test]
async fn joining_tells_for_each_channel_what_came_of_it() {
    let mut room = Room::with("").await;
    let script = async {
        room.peer.expect("JOIN #key,#open,#shut sesame").await;
        room.peer.send(":alice!al@host JOIN #open").await;
        room.peer.send(":irc.test 353 alice = #open :alice @bob").await;
        room.peer.send(":irc.test 473 alice #shut :Cannot join channel (+i)").await;
        room.peer.send(":alice!al@host JOIN #key").await;
        room.peer.pong().await;
    };
    let channels = [("#open", None), ("#shut", None), ("#key", Some("sesame"))];
    let (results, ()) = tokio::join!(room.link.join(&channels), script);
    assert_eq!((&results[0], &results[2]), (&Ok(()), &Ok(())));
    let Err(JoinError::Refused(refusal)) = &results[1] else { panic!("{results:?}") };
    assert!(refusal.words.contains("invit"));
    // What came is news all the same.
    assert!(room.next_line().await.is("JOIN"));
    assert_eq!(room.next_line().await.numeric(), Some(353));
}

#[tokio::test]
async fn silence_ends_the_connection_after_a_question() {
    let clock = TestClock::new();
    let mut room = Room::on("", Arc::new(clock.clone()), |_| {}).await;
    let turning = async {
        loop {
            clock.advance_to_next().await;
            tokio::task::yield_now().await;
        }
    };
    let failure = tokio::select! {
        failure = room.link.lost() => failure,
        () = turning => unreachable!("it turns for ever"),
    };
    assert_eq!(failure.kind, FailureKind::PingTimeout);
    room.peer.expect_start("PING :rialto-").await;
    room.tasks.close();
    room.tasks.wait().await;
}

#[tokio::test]
async fn when_nobody_takes_the_lines_reading_waits_and_nothing_is_lost() {
    let mut room = Room::with("").await;
    let total = 5_000;
    let script = async {
        for number in 0..total {
            room.peer.send(&format!(":bob!b@h PRIVMSG #a :{number}")).await;
        }
    };
    let listening = async {
        for number in 0..total {
            let Some(Incoming::Line { message, .. }) = room.news.recv().await else { panic!() };
            assert_eq!(message.last(), number.to_string());
        }
    };
    tokio::join!(script, listening);
}

#[tokio::test]
async fn quitting_waits_for_the_servers_goodbye() {
    let Room { link, mut peer, tasks, .. } = Room::with("").await;
    let script = async {
        peer.expect("QUIT :bye").await;
        peer.send("ERROR :Closing Link: alice (Quit: bye)").await;
        drop(peer);
    };
    tokio::join!(link.quit("bye"), script);
    tasks.close();
    tasks.wait().await;
    assert!(matches!(link.say("PRIVMSG", "#a", "x").await, Delivery::NotSent(_)));
}
