//! Lines and what they become.

use std::{collections::BTreeSet, sync::Arc};

use bridge_core::{
    ids::LoginId,
    network::{ChatKind, MessageKind, RemoteEvent, RemoteEventKind, RemoteMembership},
};

use super::{SharedView, Translated, Translator};
use crate::{
    connection::{JoinError, Refusal, RefusalKind, Rejoined, Session},
    habits::{Habits, MemberSync},
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
        Self::in_a_room_with(Habits::default())
    }

    fn in_a_room_with(habits: Habits) -> Self {
        let mut desk = Self::with(habits);
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
        Self::with(Habits::default())
    }

    fn with(habits: Habits) -> Self {
        let own = Arc::new(OwnNicks::default());
        let mut translator = Translator::new(
            LoginId::new("irc-1"),
            "@alice:test".to_owned(),
            Arc::clone(&own),
            SharedView::default(),
            Some(NOW - 60_000),
            BTreeSet::from(["bob".to_owned()]),
            habits,
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
    assert_eq!(plain.timestamp, Some(NOW));
    let id = plain.id.expect("an id of our own");
    assert_eq!(crate::ids::parse_message_id(&id), None, "nobody on IRC knows it");
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
    let event = desk.hears(":s 366 alice #room :End").remove(0);
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
    let Translated { events, entered, left, .. } = desk.translates(":alice!al@host JOIN #Help");
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

#[test]
fn a_reply_and_a_reaction_know_their_message_and_typing_may_be_lost() {
    let mut desk = Desk::in_a_room();
    let reply = desk.hears_one("@msgid=2;+draft/reply=1 :bob!b@h PRIVMSG #room :yes");
    let RemoteEventKind::Message(message) = &reply.kind else { panic!("{reply:?}") };
    let target = message.reply_to.as_ref().and_then(|reply| reply.target.as_ref());
    assert_eq!(target.map(|id| id.as_str()), Some("1"));
    let reaction = desk.hears_one("@msgid=3;+draft/reply=1;+draft/react=👍 :bob!b@h TAGMSG #room");
    assert!(
        matches!(&reaction.kind, RemoteEventKind::Reaction { target, key, .. } if target.as_str() == "1" && key == "👍")
    );
    let gone = desk.hears_one("@msgid=4;+draft/reply=1;+draft/unreact=👍 :bob!b@h TAGMSG alice");
    assert!(matches!(&gone.kind, RemoteEventKind::ReactionRemove { .. }));
    assert!(gone.receiver.is_some() && gone.chat.as_str() == "bob");
    let typing = desk.translates("@+typing=active :bob!b@h TAGMSG #room");
    assert!(typing.events.is_empty());
    assert!(matches!(typing.ephemeral[0].kind, RemoteEventKind::Typing { timeout_ms: 6000 }));
    let redaction = desk.hears_one(":bob!b@h REDACT #room 1 :oops");
    assert!(
        matches!(&redaction.kind, RemoteEventKind::Redaction { target } if target.as_str() == "1")
    );
    assert!(desk.hears("@+draft/react=👍 :bob!b@h TAGMSG #room").is_empty());
}

#[test]
fn people_are_mentioned_as_people_on_irc_are() {
    let mut desk = Desk::in_a_room();
    let mut people = |line: &str| {
        let event = desk.hears_one(line);
        let RemoteEventKind::Message(message) = event.kind else { panic!("{event:?}") };
        let people = message.content.mentions.people.into_iter();
        people.filter_map(|one| one.user).map(|user| user.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(people(":bob!b@h PRIVMSG #room :carol: hi"), ["carol"]);
    assert_eq!(people(":bob!b@h PRIVMSG #room :I saw Alice, and carol"), ["alice"]);
    assert_eq!(people(":bob!b@h PRIVMSG #room :dave: you are not here"), [""; 0]);
}

#[test]
fn modes_give_levels_keys_and_words() {
    let mut desk = Desk::in_a_room();
    let mut modes = |line: &str| desk.translates(line);
    let levels = modes(":alice!al@host MODE #room +ov-v bob carol bob").events;
    let RemoteEventKind::PowerLevels { levels } = &levels[0].kind else { panic!("{levels:?}") };
    let levels: Vec<_> = levels.iter().map(|one| (one.user.as_str(), one.level)).collect();
    assert_eq!(levels, [("bob", 50), ("carol", 1)]);
    let me = modes(":bob!b@h MODE #room -o alice").events;
    assert!(
        matches!(&me[0].kind, RemoteEventKind::PowerLevels { levels } if levels[0].is_me && levels[0].level == 0)
    );
    let key = modes(":bob!b@h MODE #room +kl sesame 10");
    assert_eq!(key.keys, [("#room".to_owned(), Some("sesame".to_owned()))]);
    assert!(
        matches!(&key.events[0].kind, RemoteEventKind::BridgeNotice { text } if !text.contains("sesame"))
    );
    assert_eq!(modes(":bob!b@h MODE #room -k *").keys, [("#room".to_owned(), None)]);
    assert!(modes(":alice!al@host MODE #room +m").events.is_empty());
    assert!(modes(":alice MODE alice :+i").events.is_empty());
}

#[test]
fn programs_are_answered_but_not_without_end() {
    let mut desk = Desk::in_a_room();
    let mut answer = |line: &str| {
        let replies = desk.translates(line).replies;
        replies.first().map(|reply| reply.last().to_owned())
    };
    let version = answer(":bob!b@h PRIVMSG alice :\u{1}VERSION\u{1}");
    assert_eq!(version.as_deref(), Some("\u{1}VERSION Rialto\u{1}"));
    assert_eq!(answer(":bob!b@h PRIVMSG #room :\u{1}VERSION\u{1}"), None);
    let ping = answer(":bob!b@h PRIVMSG alice :\u{1}PING 12 34\u{1}");
    assert_eq!(ping.as_deref(), Some("\u{1}PING 12 34\u{1}"));
    let time = answer(":bob!b@h PRIVMSG alice :\u{1}time\u{1}");
    assert_eq!(time.as_deref(), Some("\u{1}TIME 2023-11-14T22:13:20Z\u{1}"));
    assert!(answer(":bob!b@h PRIVMSG alice :\u{1}CLIENTINFO\u{1}").is_some());
    assert_eq!(answer(":bob!b@h PRIVMSG alice :\u{1}VERSION\u{1}"), None, "too many");
    let mut desk = Desk::in_a_room();
    let unknown = desk.hears_one(":bob!b@h PRIVMSG alice :\u{1}FINGER\u{1}");
    assert!(
        matches!(&unknown.kind, RemoteEventKind::BridgeNotice { text } if text.contains("FINGER"))
    );
}

#[test]
fn people_of_a_split_are_gone_only_if_they_stay_away() {
    let mut desk = Desk::in_a_room();
    assert!(desk.hears(":bob!b@h QUIT :*.net *.split").is_empty());
    assert!(desk.hears(":carol!c@h QUIT :*.net *.split").is_empty());
    assert!(desk.hears(":bob!b@h JOIN #room").is_empty(), "he never left");
    assert_eq!(desk.translator.next_deadline(), Some(NOW + 60_000));
    assert!(desk.translator.tick(NOW + 59_999).is_empty());
    let gone = desk.translator.tick(NOW + 60_000);
    assert!(
        matches!(&gone[0].kind, RemoteEventKind::BridgeNotice { text } if text.contains("carol"))
    );
    assert_eq!(membership(&gone[1]).0, "carol");
    assert_eq!(gone.len(), 2);
    assert_eq!(desk.hears(":carol!c@h JOIN #room").len(), 1);
}

#[test]
fn members_are_shown_as_configured() {
    let shown = |members: MemberSync| {
        let habits = Habits { members, ..Habits::default() };
        let mut desk = Desk::in_a_room_with(habits.clone());
        let joins = desk.hears(":dave!d@h JOIN #room").len();
        let leaves = desk.hears(":dave!d@h PART #room").len();
        let mut desk = Desk::with(habits);
        desk.hears(":alice!al@host JOIN #Room");
        desk.hears(":s 353 alice = #room :@alice +Bob!b@h");
        let snapshot = desk.hears(":s 366 alice #room :End").remove(0);
        let RemoteEventKind::ChatInfo(info) = snapshot.kind else { panic!("{snapshot:?}") };
        let members = info.members.expect("a list");
        (members.members.len(), members.complete, joins, leaves)
    };
    assert_eq!(shown(MemberSync::Full), (2, true, 1, 1));
    assert_eq!(shown(MemberSync::Half), (1, false, 1, 1));
    assert_eq!(shown(MemberSync::Lazy), (1, false, 0, 1));
    assert_eq!(shown(MemberSync::Off), (1, false, 0, 0));
}

#[test]
fn who_is_away_is_told_once_and_an_invitation_is_passed_on() {
    let mut desk = Desk::in_a_room();
    let away = desk.hears_one(":s 301 alice bob :gone fishing");
    assert!(
        matches!(&away.kind, RemoteEventKind::BridgeNotice { text } if text == "bob is away: gone fishing")
    );
    assert!(desk.hears(":s 301 alice bob :gone fishing").is_empty());
    desk.hears(":bob!b@h AWAY");
    assert_eq!(desk.hears(":s 301 alice bob :gone fishing").len(), 1);
    let invitation = desk.hears_one(":bob!b@h INVITE alice #secret");
    assert_eq!((invitation.chat.as_str(), invitation.creates), ("bob", Some(ChatKind::Direct)));
    assert!(desk.hears(":bob!b@h INVITE carol #room").is_empty());
}

#[test]
fn who_somebody_is_is_told_in_the_conversation() {
    let mut desk = Desk::in_a_room();
    let mut topic = |line: &str| {
        let told = desk.hears(line);
        told.into_iter().find_map(|event| match event.kind {
            RemoteEventKind::Topic(change) if event.chat.as_str() == "bob" => Some(change.topic),
            _ => None,
        })
    };
    // Nobody told bob's real name yet.
    assert_eq!(topic(":bob!b@h CHGHOST rob cloak"), None);
    assert_eq!(
        topic(":bob!rob@cloak SETNAME :Bob the \u{2}Builder"),
        Some("Bob the Builder (rob@cloak)".to_owned())
    );
    let words = "Bob the Builder (rob@cloak), logged in as robert";
    assert_eq!(topic(":bob!rob@cloak ACCOUNT robert").as_deref(), Some(words));
    // A new list of names does not make it forgotten.
    topic(":s 353 alice = #room :@alice +Bob");
    topic(":s 366 alice #room :End");
    let words = "Bob the Builder (rob@elsewhere), logged in as robert";
    assert_eq!(topic(":bob!rob@cloak CHGHOST rob elsewhere").as_deref(), Some(words));
    assert_eq!(topic(":bob!rob@elsewhere QUIT :bye"), None);
    // extended-join tells everything at once.
    assert_eq!(topic(":bob!b@h JOIN #room robert :Bob again"), None);
    let words = "Bob again (b@cloak), logged in as robert";
    assert_eq!(topic(":bob!b@h CHGHOST b cloak").as_deref(), Some(words));
    // We have no conversation with carol.
    assert_eq!(topic(":carol!c@h SETNAME :Carol"), None);
}

#[test]
fn a_nick_behind_another_account_is_warned_of_before_its_words() {
    let mut desk = Desk::registered();
    let mut session = Session { nick: "alice".to_owned(), ..Session::default() };
    session.caps.insert("account-tag".to_owned());
    desk.translator.registered(session, NOW);
    let mut warned = |line: &str| {
        let told = desk.hears(line);
        let (last, before) = told.split_last().expect("it is told");
        assert!(matches!(last.kind, RemoteEventKind::Message(_)));
        before.first().map(|event| match &event.kind {
            RemoteEventKind::BridgeNotice { text } => text.clone(),
            other => panic!("{other:?} is no warning"),
        })
    };
    assert_eq!(warned(":dave!d@h PRIVMSG alice :hi"), None);
    assert_eq!(warned("@account=Dave :dave!d@h PRIVMSG alice :I logged in"), None);
    assert_eq!(warned("@account=dave :dave!d@h PRIVMSG alice :still me"), None);
    let warning = warned(":dave!x@y PRIVMSG alice :send me the money").expect("a warning");
    assert!(warning.contains("logged in as dave before"), "{warning}");
    assert_eq!(warned(":dave!x@y PRIVMSG alice :now"), None);
}
