//! Who says what: several accounts, remote people, people without an account.

use http::Method;
use serde_json::{Value, json};

use crate::TestUser;
use crate::conformance::harness::{Act, Done, Heard, Seen, Words};
use crate::conformance::stage::{NETWORK, Scene, Stage, carried};
use crate::conformance::verdict::Shown;
use crate::house::{BOT, SERVER};

pub(crate) async fn remote_people_are_told_apart(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bob = scene.ghost("bob").await;
    let carol = scene.ghost("carol").await;
    assert_ne!(bob, carol, "two people are one on Matrix");
    for ghost in [&bob, &carol] {
        let prefix = format!("@_rialto_{NETWORK}_");
        assert!(ghost.starts_with(&prefix), "a remote person is {ghost}, not {prefix}…");
    }
    let again = scene.catches_up("bob", "me again").await;
    assert_eq!(again["sender"], bob.as_str(), "bob is somebody else now");
    Shown::Kept
}

pub(crate) async fn each_login_speaks_as_itself(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let mut dave = second(&mut scene).await;
    scene.says("alice is here").await;
    let sent = dave.says(&scene.room, "dave is here").await;
    carried(&dave.status(&sent).await);
    let heard = scene.hears("dave is here").await;
    assert_eq!(heard.by, "dave", "somebody else's account said it");
    let heard = scene.hears("alice is here").await;
    assert_eq!(heard.by, "alice", "somebody else's account said it");
    scene.says("alice once more").await;
    assert_eq!(scene.hears("alice once more").await.by, "alice");
    Shown::Kept
}

/// Dave logs in and joins the same chat.
async fn second(scene: &mut Scene) -> TestUser {
    let person = scene.stage.log_in("dave").await;
    let (mut dave, bot) = (person.user, person.bot);
    let room = dave.join(&bot, NETWORK, scene.chat).await;
    assert_eq!(room, scene.room, "one chat has two rooms");
    dave
}

pub(crate) async fn two_logins_see_each_message_once(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let mut dave = second(&mut scene).await;
    scene.is_said("bob", "to both").await;
    scene.catches_up("bob", "after that").await;
    let name = scene.stage.harness.shown_name("bob");
    dave.sees(&scene.room, &name, "after that").await;
    let count = scene.seen_texts().iter().filter(|text| *text == "to both").count();
    assert_eq!(count, 1, "two logins make {count} messages of one");
    // What one says is no news to the other.
    let sent = dave.says(&scene.room, "from dave").await;
    carried(&dave.status(&sent).await);
    scene.says("from alice").await;
    scene.catches_up("bob", "and that").await;
    let said = scene.alice.said_in(&scene.room);
    let count = said.iter().filter(|(_, text)| text == "from dave").count();
    assert_eq!(count, 1, "dave's words came back by alice's login: {said:?}");
    let heard = scene.stage.harness.sees(scene.chat).await;
    let count = heard.said.iter().filter(|heard| heard.text == "from dave").count();
    assert_eq!(count, 1, "dave's words were sent by alice's login as well");
    Shown::Kept
}

/// A room of alice's that is linked to the chat, with erin in it, who has no account.
struct Linked {
    stage: Stage,
    alice: TestUser,
    erin: TestUser,
    room: String,
    chat: &'static str,
}

/// Links a room; `None` where people there have no ranks and so nobody can agree.
async fn linked(stage: Stage) -> Option<Linked> {
    let chat = stage.harness.chat();
    stage.harness.does("bob", chat, Act::Come).await;
    let rank = Act::Rank { whom: "alice".to_owned(), level: 50 };
    if stage.harness.does("bob", chat, rank).await == Done::No {
        return None;
    }
    let mut alice = stage.log_in("alice").await.user;
    let bot = format!("@{BOT}:{SERVER}");
    let erin = stage.house.user("erin").await;
    let name = json!({ "displayname": "erin" });
    let path = format!("profile/{}/displayname", erin.id());
    erin.call(Method::PUT, &path, Some(name)).await.expect("one is called what one likes");
    let room = json!({ "preset": "public_chat", "name": "Salon",
        "power_level_content_override": { "users": { &bot: 50, alice.id(): 100 } } });
    let made = alice.call(Method::POST, "createRoom", Some(room)).await.expect("a room is made");
    let room = made["room_id"].as_str().expect("a room has an id").to_owned();
    let joined = erin.call(Method::POST, &format!("rooms/{room}/join"), Some(json!({}))).await;
    joined.expect("it is open to all");
    // A room of two is taken for one of commands: the bot comes last.
    let invite = json!({ "user_id": bot });
    let invited = alice.call(Method::POST, &format!("rooms/{room}/invite"), Some(invite)).await;
    invited.expect("one may invite");
    let by_bot = |event: &&Value| {
        event["room_id"] == room.as_str()
            && event["sender"] == bot.as_str()
            && event["type"] == "m.room.message"
    };
    let greeted = |timeline: &[Value]| timeline.iter().find(by_bot).map(drop);
    alice.waits_for("the bot's greeting", greeted).await;
    let asked = alice.says(&room, &format!("!rialto plumb {NETWORK} {chat}")).await;
    let harness = stage.harness.clone();
    // Where the bridge asks in the chat, bob is asked and agrees.
    let agreeing = async move {
        loop {
            let seen = harness.sees(chat).await;
            if seen.said.iter().any(|heard| heard.by == "alice") {
                let with = "alice".to_owned();
                harness.does("bob", chat, Act::Agree { with }).await;
                return std::future::pending::<()>().await;
            }
            tokio::time::sleep(harness.looks_every()).await;
        }
    };
    let find = |timeline: &[Value]| {
        let after = timeline.iter().skip_while(|event| event["event_id"] != asked.as_str());
        let mut answers = after.filter(by_bot);
        answers.next().and_then(|answer| answer["content"]["body"].as_str().map(str::to_owned))
    };
    let answer = tokio::select! {
        answer = alice.waits_for("an answer to plumb", find) => answer,
        () = agreeing => unreachable!("agreeing goes on until there is an answer"),
    };
    assert!(answer.contains("is linked to this room"), "the room is not linked: {answer}");
    Some(Linked { stage, alice, erin, room, chat })
}

impl Linked {
    async fn is_said(&self, text: &str) {
        let act = Act::Say(Words::plain(text));
        self.stage.harness.does("bob", self.chat, act).await;
    }

    async fn hears(&self, text: &str) -> Heard {
        let find = |seen: &Seen| seen.said.iter().find(|heard| heard.text.contains(text)).cloned();
        self.stage.remote(self.chat, text, find).await
    }
}

/// Takes out marks that keep a name from calling somebody.
fn unmarked(text: &str) -> String {
    text.replace(['\u{200b}', '\u{200c}', '\u{2060}'], "")
}

pub(crate) async fn relay_names_the_speaker(stage: Stage) -> Shown {
    let Some(mut linked) = linked(stage).await else {
        return Shown::NotOffered("nobody there can agree to a link");
    };
    let sent = linked.erin.says(&linked.room, "I have no account").await;
    carried(&linked.erin.status(&sent).await);
    let heard = linked.hears("I have no account").await;
    let words = unmarked(&format!("{} {}", heard.by, heard.text));
    assert!(words.contains("erin"), "nobody there knows whose words they are: {heard:?}");
    let sent = linked.alice.says(&linked.room, "I have one").await;
    carried(&linked.alice.status(&sent).await);
    let heard = linked.hears("I have one").await;
    assert_eq!((heard.by.as_str(), heard.text.as_str()), ("alice", "I have one"));
    Shown::Kept
}

pub(crate) async fn relay_marks_a_borrowed_name(stage: Stage) -> Shown {
    let Some(mut linked) = linked(stage).await else {
        return Shown::NotOffered("nobody there can agree to a link");
    };
    let name = linked.stage.harness.shown_name("bob");
    linked.is_said("I am bob").await;
    linked.erin.sees(&linked.room, &name, "I am bob").await;
    // Erin calls herself what somebody there is called.
    let path = format!("profile/{}/displayname", linked.erin.id());
    let borrowed = json!({ "displayname": name });
    linked.erin.call(Method::PUT, &path, Some(borrowed)).await.expect("one may");
    let sent = linked.erin.says(&linked.room, "and so am I").await;
    carried(&linked.erin.status(&sent).await);
    let heard = linked.hears("and so am I").await;
    let words = unmarked(&format!("{} {}", heard.by, heard.text));
    assert!(words.contains("@erin:"), "she passes for somebody else: {heard:?}");
    Shown::Kept
}

pub(crate) async fn linked_rooms_hear_each_other_once(stage: Stage) -> Shown {
    let Some(mut linked) = linked(stage).await else {
        return Shown::NotOffered("nobody there can agree to a link");
    };
    let name = linked.stage.harness.shown_name("bob");
    linked.is_said("hello").await;
    linked.erin.sees(&linked.room, &name, "hello").await;
    for number in 0..3 {
        let sent = linked.erin.says(&linked.room, &format!("erin {number}")).await;
        carried(&linked.erin.status(&sent).await);
    }
    linked.is_said("after that").await;
    linked.erin.sees(&linked.room, &name, "after that").await;
    let said = linked.erin.said_in(&linked.room);
    let seen = linked.stage.harness.sees(linked.chat).await;
    for number in 0..3 {
        let text = format!("erin {number}");
        let count = said.iter().filter(|(_, said)| said.contains(&text)).count();
        assert_eq!(count, 1, "{text:?} is in the room {count} times: {said:?}");
        let count = seen.said.iter().filter(|heard| heard.text.contains(&text)).count();
        assert_eq!(count, 1, "{text:?} is on the network {count} times");
    }
    Shown::Kept
}
