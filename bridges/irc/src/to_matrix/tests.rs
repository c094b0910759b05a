//! Lines and what they become.

use std::{collections::BTreeSet, sync::Arc};

use bridge_core::{
    ids::LoginId,
    network::{ChatKind, MessageKind, RemoteEvent, RemoteEventKind, RemoteMembership},
};

use super::{SharedView, Translated, Translator};
use crate::{
    connection::{JoinError, Refusal, RefusalKind, Rejoined, Session},
    own_nicks::OwnNicks,
    wire::{Encoding, Message},
};

const NOW: i64 = 1_700_000_000_000;

struct Desk {
    translator: Translator,
    own: Arc<OwnNicks>,
}

impl Desk {
    /// A login `alice` in `#Room` with bob and carol.
    fn in_a_room() -> Self {
        let mut desk = Self::registered();
        for line in [
            ":alice!al@host JOIN #Room",
            ":s 332 alice #Room :About things",
            ":s 353 alice = #room :@alice +Bob!b@h",
            ":s 353 alice = #room carol",
        ] {
            desk.hears(line);
        }
        desk.hears(":s 366 alice #room :End");
        desk
    }

    fn registered() -> Self {
        let own = Arc::new(OwnNicks::default());
        let mut translator = Translator::new(
            LoginId::new("irc-1"),
            "@alice:test".to_owned(),
            Arc::clone(&own),
            SharedView::default(),
            Some(NOW - 60_000),
            BTreeSet::from(["bob".to_owned()]),
        );
        let session = Session { nick: "alice".to_owned(), ..Session::default() };
        translator.registered(session, NOW);
        Self { translator, own }
    }

    fn translates(&mut self, line: &str) -> Translated {
        let message = Message::parse(line.as_bytes(), Encoding::default()).unwrap();
        self.translator.line(&message, NOW)
    }

    fn hears(&mut self, line: &str) -> Vec<RemoteEvent> {
        self.translates(line).events
    }

    fn hears_one(&mut self, line: &str) -> RemoteEvent {
        let mut events = self.hears(line);
        assert_eq!(events.len(), 1, "{line}: {events:?}");
        events.remove(0)
    }

    fn sibling(&self, nick: &str) {
        let session = Session { nick: nick.to_owned(), ..Session::default() };
        self.own.update(&LoginId::new("irc-2"), "@dora:test", &session, NOW);
    }
}

fn text(event: &RemoteEvent) -> (MessageKind, &str) {
    match &event.kind {
        RemoteEventKind::Message(message) => (message.content.kind, &message.content.text.plain),
        other => panic!("{other:?} is no message"),
    }
}

fn membership(event: &RemoteEvent) -> (&str, RemoteMembership, Option<&str>) {
    match &event.kind {
        RemoteEventKind::Membership(change) => {
            (change.user.as_str(), change.membership, change.reason.as_deref())
        }
        other => panic!("{other:?} is no membership"),
    }
}

#[test]
fn a_channel_message_has_its_sender_time_and_id() {
    let mut desk = Desk::in_a_room();
    let event = desk.hears_one(
        "@time=2023-11-14T22:13:20.123Z;msgid=abc :Bob!b@h PRIVMSG #ROOM :hi \u{2}there\u{2}",
    );
    assert_eq!((event.chat.as_str(), event.receiver.as_ref()), ("#room", None));
    assert_eq!(event.id.as_ref().unwrap().as_str(), "abc");
    assert_eq!(event.timestamp, Some(1_700_000_000_123));
    assert_eq!(event.creates, Some(ChatKind::Group));
    let sender = event.sender.clone().unwrap();
    assert_eq!((sender.user.as_str(), sender.is_me), ("bob", false));
    assert_eq!(sender.profile.unwrap().name.as_deref(), Some("Bob"));
    assert_eq!(text(&event), (MessageKind::Text, "hi there"));
    let plain = desk.hears_one(":Bob!b@h PRIVMSG #room :again");
    assert_eq!((plain.id, plain.timestamp), (None, Some(NOW)));
}

#[test]
fn actions_and_notices_keep_their_kind_and_ctcp_is_between_programs() {
    let mut desk = Desk::in_a_room();
    let action = desk.hears_one(":bob!b@h PRIVMSG #room :\u{1}ACTION waves\u{1}");
    assert_eq!(text(&action), (MessageKind::Emote, "waves"));
    let notice = desk.hears_one(":bob!b@h NOTICE #room :beep");
    assert_eq!(text(&notice), (MessageKind::Notice, "beep"));
    assert!(desk.hears(":bob!b@h PRIVMSG alice :\u{1}VERSION\u{1}").is_empty());
    assert!(desk.hears(":bob!b@h NOTICE alice :\u{1}PING 1\u{1}").is_empty());
    let dcc = desk.hears_one(":bob!b@h PRIVMSG alice :\u{1}DCC SEND a 1 2 3\u{1}");
    assert!(matches!(dcc.kind, RemoteEventKind::BridgeNotice { .. }));
    let to_ops = desk.hears_one(":bob!b@h PRIVMSG @#room :psst");
    assert_eq!((to_ops.chat.as_str(), text(&to_ops).1), ("#room", "[@#room] psst"));
}

#[test]
fn private_messages_belong_to_the_login_and_the_other_nick() {
    let mut desk = Desk::in_a_room();
    let event = desk.hears_one(":Dave!d@h PRIVMSG alice :hello");
    assert_eq!(event.chat.as_str(), "dave");
    assert_eq!(event.receiver, Some(LoginId::new("irc-1")));
    assert_eq!(event.creates, Some(ChatKind::Direct));
    let mine = desk.hears_one(":alice!al@host PRIVMSG Dave :from my bouncer");
    assert_eq!(mine.chat.as_str(), "dave");
    assert!(mine.sender.unwrap().is_me);
    assert!(desk.hears(":irc.test NOTICE alice :*** Looking up your host").is_empty());
    assert!(desk.hears(":alice!al@host PRIVMSG alice :note to self").is_empty());
}

#[test]
fn another_login_of_ours_is_heard_only_in_private() {
    let mut desk = Desk::in_a_room();
    desk.sibling("Dora");
    assert!(desk.hears(":dora!d@h JOIN #room").is_empty());
    assert!(desk.hears(":dora!d@h PRIVMSG #room :from Matrix").is_empty());
    assert!(desk.hears(":dora!d@h PART #room").is_empty());
    assert_eq!(desk.hears(":dora!d@h PRIVMSG alice :psst").len(), 1);
    let topic = desk.hears_one(":dora!d@h TOPIC #room :new");
    assert!(topic.sender.is_none());
    desk.hears(":dora!d@h JOIN #room");
    assert!(desk.hears(":bob!b@h KICK #room dora :out").is_empty());
    // Somebody else who has that nick from now on is a stranger.
    desk.own.leave(&LoginId::new("irc-2"), NOW);
    assert_eq!(desk.hears(":dora!x@y PRIVMSG #room :I am new").len(), 1);
}

#[test]
fn joining_gives_one_snapshot_of_topic_and_people() {
    let mut desk = Desk::registered();
    desk.sibling("Dora");
    let me = desk.hears_one(":alice!al@host JOIN #Room");
    assert_eq!(membership(&me), ("alice", RemoteMembership::Join, None));
    assert!(desk.hears(":s 332 alice #Room :About things").is_empty());
    assert!(desk.hears(":s 353 alice = #room :@alice +Bob!b@h dora").is_empty());
    let event = desk.hears_one(":s 366 alice #room :End");
    let RemoteEventKind::ChatInfo(info) = event.kind else { panic!() };
    assert_eq!(
        (info.name.as_deref(), info.topic.as_deref()),
        (Some("#Room"), Some("About things"))
    );
    let members = info.members.unwrap();
    assert!(members.complete);
    let people: Vec<_> = members.members.iter().map(|m| (m.user.as_str(), m.is_me)).collect();
    assert_eq!(people, [("alice", true), ("bob", false)]);
}

#[test]
fn a_channel_we_are_made_to_join_is_wanted_from_then_on() {
    let mut desk = Desk::registered();
    let Translated { events, entered, left } = desk.translates(":alice!al@host JOIN #Help");
    assert_eq!(events[0].creates, Some(ChatKind::Group));
    assert_eq!((entered, left), (vec!["#help".to_owned()], Vec::<String>::new()));
    assert!(desk.hears(":s 366 alice #Help :End of a list that hides everybody").is_empty());
}

#[test]
fn people_come_and_go_with_their_reasons() {
    let mut desk = Desk::in_a_room();
    let joined = desk.hears_one(":Erin!e@h JOIN #room * :Erin E.");
    assert_eq!(membership(&joined), ("erin", RemoteMembership::Join, None));
    let left = desk.hears_one(":Erin!e@h PART #room :\u{2}bye\u{2}");
    assert_eq!(membership(&left), ("erin", RemoteMembership::Leave, Some("bye")));
    let quit = desk.hears_one(":carol!c@h QUIT :Ping timeout");
    assert_eq!(membership(&quit), ("carol", RemoteMembership::Leave, Some("Quit: Ping timeout")));
    assert!(desk.hears(":carol!c@h QUIT :again").is_empty());
    let kicked = desk.hears_one(":alice!al@host KICK #room bob :enough");
    assert_eq!(membership(&kicked), ("bob", RemoteMembership::Kick, Some("enough")));
    assert!(kicked.sender.unwrap().is_me);
}

#[test]
fn a_nick_change_is_a_leave_and_a_join_and_words_for_the_conversation() {
    let mut desk = Desk::in_a_room();
    let events = desk.hears(":Bob!b@h NICK :Robert");
    assert_eq!(
        membership(&events[0]),
        ("bob", RemoteMembership::Leave, Some("is now known as Robert"))
    );
    assert_eq!(membership(&events[1]), ("robert", RemoteMembership::Join, Some("was Bob")));
    assert_eq!(events[1].sender.as_ref().unwrap().user.as_str(), "robert");
    assert_eq!((events[2].chat.as_str(), events[2].receiver.is_some()), ("bob", true));
    assert!(desk.hears(":Robert!b@h NICK :ROBERT").is_empty());
    assert_eq!(desk.hears(":ROBERT!b@h QUIT :x").len(), 1);
}

#[test]
fn our_own_nick_may_change_under_us() {
    let mut desk = Desk::in_a_room();
    assert!(desk.hears(":alice!al@host NICK :guest1").is_empty());
    assert_eq!(desk.hears_one(":bob!b@h PRIVMSG guest1 :hi").chat.as_str(), "bob");
    let kicked = desk.translates(":bob!b@h KICK #room guest1 :out");
    assert_eq!(kicked.left, ["#room"]);
}

#[test]
fn being_kicked_is_told_in_the_room_and_ends_our_part_in_it() {
    let mut desk = Desk::in_a_room();
    let Translated { events, left, .. } = desk.translates(":bob!b@h KICK #Room alice :spam");
    assert_eq!(membership(&events[0]), ("alice", RemoteMembership::Kick, Some("spam")));
    let RemoteEventKind::BridgeNotice { text } = &events[1].kind else { panic!() };
    assert!(text.contains("bob") && text.contains("spam"));
    assert_eq!(left, ["#Room"]);
}

#[test]
fn after_a_reconnect_gaps_and_refusals_are_told() {
    let mut desk = Desk::registered();
    let refused = Err(JoinError::Refused(Refusal {
        kind: RefusalKind::Forbidden,
        words: "Banned.".to_owned(),
    }));
    let rejoined = vec![
        Rejoined { channel: "#one".to_owned(), result: Ok(()) },
        Rejoined { channel: "#two".to_owned(), result: refused },
    ];
    let Translated { events, left, .. } = desk.translator.ready(rejoined, NOW);
    let RemoteEventKind::Gap(gap) = &events[0].kind else { panic!() };
    assert_eq!((gap.since, gap.until), (Some(NOW - 60_000), NOW));
    assert!(
        matches!(&events[1].kind, RemoteEventKind::BridgeNotice { text } if text.starts_with("Banned."))
    );
    assert_eq!(left, ["#two"]);
}
