//! The chat as a whole: its picture, for how long messages stay, whom they have reached, who is asked
//! in, how it ends, and ids that change.

use bridge_core::network::{Level, Operation};
use http::Method;
use serde_json::{Value, json};

use super::messages::PIXEL;
use super::room::{member, promote};
use crate::conformance::harness::{Act, Done, File, Seen, Words};
use crate::conformance::stage::{Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;

const TIMER: &str = "com.beeper.disappearing_timer";
const DAY: i64 = 24 * 60 * 60 * 1000;

fn picture() -> File {
    File {
        name: "lion.png".to_owned(),
        content_type: "image/png".to_owned(),
        bytes: PIXEL.to_vec(),
    }
}

fn says(words: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["content"]["body"].as_str().is_some_and(|body| body.contains(words))
}

pub(crate) async fn picture_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Avatar);
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may change the room's picture");
    }
    let url = scene.alice.upload("image/png", PIXEL).await;
    let status = scene.sets("m.room.avatar", "", json!({ "url": url })).await;
    if level < Level::Partial {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    let set = |seen: &Seen| (seen.picture.as_deref() == Some(PIXEL)).then_some(());
    scene.remote("the picture", set).await;
    Shown::Carried
}

pub(crate) async fn picture_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Picture(Some(picture()))).await == Done::No {
        return Shown::NotOffered("chats have no picture there");
    }
    let shown =
        |event: &Value| event["type"] == "m.room.avatar" && event["content"]["url"].is_string();
    let event = scene.event("the picture", shown).await;
    let bytes = scene.alice.download(event["content"]["url"].as_str().unwrap_or_default()).await;
    assert_eq!(bytes, PIXEL, "another picture came");
    scene.does("bob", Act::Picture(None)).await;
    let gone =
        |event: &Value| event["type"] == "m.room.avatar" && event["content"]["url"].is_null();
    scene.event("the picture to be gone", gone).await;
    Shown::Carried
}

pub(crate) async fn topic_that_is_set_back_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Topic);
    promote(&mut scene).await;
    if level < Level::Partial
        || scene.does("bob", Act::Topic("high water".to_owned())).await == Done::No
    {
        return Shown::NotOffered("topics are not set from both sides");
    }
    let topic = |topic: &'static str| {
        move |event: &Value| event["type"] == "m.room.topic" && event["content"]["topic"] == topic
    };
    scene.event("the topic", topic("high water")).await;
    carried(&scene.sets("m.room.topic", "", json!({ "topic": "low water" })).await);
    let set = |seen: &Seen| (seen.topic.as_deref() == Some("low water")).then_some(());
    scene.remote("the other topic", set).await;
    scene.does("bob", Act::Topic("high water".to_owned())).await;
    scene.catches_up("bob", "as it was").await;
    let now = scene.alice.state(&scene.room, "m.room.topic", "").await.unwrap_or_default();
    assert_eq!(now["topic"], "high water", "a topic that was set back is not shown");
    Shown::Carried
}

pub(crate) async fn disappearing_timer_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::DisappearingTimer);
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may have messages disappear");
    }
    let content = json!({ "type": "after_send", "timer": DAY });
    let status = scene.sets(TIMER, "", content).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let set = |seen: &Seen| (seen.disappears_ms == Some(DAY)).then_some(());
            scene.remote("the timer", set).await;
            Shown::Carried
        }
        Level::Degraded => {
            carried(&status);
            scene
                .remote("the timer in words", |seen| {
                    let mut said = seen.said.iter();
                    said.find(|heard| heard.text.contains("disappear 1 day")).map(drop)
                })
                .await;
            Shown::AsText
        }
        Level::Rejected | Level::Dropped => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(crate) async fn disappearing_timer_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Disappear { after_ms: DAY }).await == Done::No {
        return Shown::NotOffered("messages do not disappear there");
    }
    let state = scene.event("the timer", |event| event["type"] == TIMER).await;
    assert_eq!(state["content"], json!({ "type": "after_send", "timer": DAY }));
    scene.event("the timer in words", says("disappear 1 day")).await;
    scene.does("bob", Act::Disappear { after_ms: 0 }).await;
    scene.event("its end in words", says("messages to stay")).await;
    scene.catches_up("bob", "for good").await;
    let now = scene.alice.state(&scene.room, TIMER, "").await.unwrap_or_default();
    assert_eq!(now, json!({}), "messages still disappear");
    Shown::Carried
}

pub(crate) async fn delivery_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bob = scene.ghost("bob").await;
    let (event, heard) = scene.says("have you got this?").await;
    let act = Act::Receive { message: heard.id };
    if scene.does("bob", act.clone()).await == Done::No {
        let level = scene.level(Operation::Delivery);
        assert!(level < Level::Full, "deliveries are declared, and nobody there can receive");
        return Shown::NotOffered("nobody is told what has arrived there");
    }
    scene.does("bob", act).await;
    let reached = move |status: &Value| {
        status["type"] == "com.beeper.message_send_status"
            && status["content"]["m.relates_to"]["event_id"] == event.as_str()
            && status["content"]["delivered_to_users"] == json!([bob])
    };
    scene.event("alice to be told that bob has it", &reached).await;
    scene.catches_up("bob", "yes").await;
    let told = scene.alice.timeline_of(&scene.room, "com.beeper.message_send_status");
    let count = told.iter().filter(|status| reached(status)).count();
    assert_eq!(count, 1, "one delivery is told {count} times");
    Shown::Carried
}

/// Has alice change somebody's membership; returns the status of the event that came of it.
async fn changes(scene: &mut Scene, verb: &str, who: &str, membership: &'static str) -> Value {
    let path = format!("rooms/{}/{verb}", scene.room);
    let asked = json!({ "user_id": who });
    let done = scene.alice.call(Method::POST, &path, Some(asked)).await;
    done.unwrap_or_else(|refusal| panic!("alice may not {verb}: {refusal:?}"));
    let fits = member(who, membership);
    let alice = scene.alice.id().to_owned();
    let by_alice = move |event: &Value| fits(event) && event["sender"] == alice.as_str();
    let event = scene.event(&format!("alice's {verb}"), by_alice).await;
    let event = event["event_id"].as_str().expect("an event has an id").to_owned();
    scene.alice.status(&event).await
}

pub(crate) async fn invitation_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Membership);
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may invite people");
    }
    // Her account on Matrix is made by her words; then she goes.
    let carol = scene.ghost("carol").await;
    if scene.does("carol", Act::Go).await == Done::No {
        return Shown::NotOffered("nobody leaves there");
    }
    scene.event("carol leaving", member(&carol, "leave")).await;
    let status = changes(&mut scene, "invite", &carol, "invite").await;
    if level < Level::Partial || (level == Level::Partial && status["status"] != "SUCCESS") {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    if level == Level::Partial && scene.stage.harness.sees(scene.chat).await.invited.is_none() {
        return Shown::NotOffered("nobody else sees an invitation there");
    }
    let asked = |seen: &Seen| {
        let invited = seen.invited.as_ref()?;
        invited.iter().any(|name| name == "carol").then_some(())
    };
    scene.remote("carol's invitation", asked).await;
    Shown::Carried
}

pub(crate) async fn invitation_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Invite { whom: "erin".to_owned() }).await == Done::No {
        return Shown::NotOffered("nobody sees invitations there");
    }
    let erin = scene.stage.harness.shown_name("erin");
    scene
        .event("erin's invitation", |event| {
            event["type"] == "m.room.member"
                && event["content"]["membership"] == "invite"
                && event["content"]["displayname"] == erin.as_str()
        })
        .await;
    scene.catches_up("erin", "here I am").await;
    Shown::Carried
}

pub(crate) async fn lifted_ban_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Membership);
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may ban people");
    }
    let carol = scene.ghost("carol").await;
    let banned = changes(&mut scene, "ban", &carol, "ban").await;
    let status = changes(&mut scene, "unban", &carol, "leave").await;
    if banned["status"] != "SUCCESS" {
        assert!(level < Level::Full, "bans are declared, and refused: {banned}");
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    let free = |seen: &Seen| (!seen.banned.iter().any(|name| name == "carol")).then_some(());
    scene.remote("carol's ban to be lifted", free).await;
    scene.catches_up("carol", "I am back").await;
    Shown::Carried
}

pub(crate) async fn lifted_ban_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let carol = scene.ghost("carol").await;
    let ban = Act::Ban { whom: "carol".to_owned(), reason: "spam".to_owned() };
    if scene.does("bob", ban).await == Done::No {
        return Shown::NotOffered("nobody is banned there");
    }
    scene.event("carol's ban", member(&carol, "ban")).await;
    if scene.does("bob", Act::Unban { whom: "carol".to_owned() }).await == Done::No {
        return Shown::NotOffered("bans are not lifted there");
    }
    scene.event("carol's ban to be lifted", member(&carol, "leave")).await;
    scene.catches_up("carol", "I am back").await;
    Shown::Carried
}

pub(crate) async fn knock_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("erin", Act::Knock).await == Done::No {
        return Shown::NotOffered("nobody asks to come in there");
    }
    let event = scene.event("words about erin at the door", says("asks to come in")).await;
    let body = event["content"]["body"].as_str().unwrap_or_default();
    assert!(body.contains(&scene.stage.harness.shown_name("erin")), "who was that? {body}");
    let erin = body.split(['`', ' ']).find(|word| word.starts_with('@'));
    let erin = erin.unwrap_or_else(|| panic!("nobody can be invited by this: {body}")).to_owned();
    if scene.level(Operation::Membership) == Level::Full && promote(&mut scene).await {
        carried(&changes(&mut scene, "invite", &erin, "invite").await);
        scene.event("erin coming in", member(&erin, "join")).await;
    }
    Shown::AsText
}

pub(crate) async fn end_of_the_chat_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::ChatDelete);
    promote(&mut scene).await;
    let content = json!({ "delete_for_everyone": true });
    let (_, status) = scene.sends("com.beeper.delete_chat", content).await;
    if level < Level::Partial {
        refused(&status);
        scene.says("and on it goes").await;
        return Shown::Refused;
    }
    carried(&status);
    scene.remote("the chat's end", |seen| seen.closed.then_some(())).await;
    Shown::Carried
}

pub(crate) async fn call_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Call);
    let content = json!({ "call_id": "1", "party_id": "a", "version": "1", "lifetime": 60_000,
        "offer": { "type": "offer", "sdp": "v=0" } });
    let (_, status) = scene.sends("m.call.invite", content).await;
    if level < Level::Degraded {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    scene
        .remote("the call in words", |seen| {
            let mut said = seen.said.iter().filter(|heard| heard.by == "alice");
            said.find(|heard| heard.text.contains("calls")).map(drop)
        })
        .await;
    Shown::AsText
}

pub(crate) async fn person_with_a_new_id_stays_the_same(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let message = scene.is_said("carol", "I am carol").await;
    let before = scene.sees("carol", "I am carol").await;
    let act = Act::NewId { of: "carol".to_owned(), id: "caterina".to_owned() };
    if scene.does("carol", act).await == Done::No {
        return Shown::NotOffered("ids do not change there");
    }
    scene.is_said("caterina", "and still am").await;
    let after = scene.event("her words", |event| event["content"]["body"] == "and still am").await;
    assert_eq!(after["sender"], before["sender"], "somebody else came: {after}");
    let edit = Act::Edit { message, text: "I was carol".to_owned() };
    if scene.does("caterina", edit).await != Done::No {
        scene
            .event("her old words to change", |event| {
                event["content"]["m.new_content"]["body"] == "I was carol"
            })
            .await;
    }
    // Also for those on Matrix who answer, and after a restart.
    scene.stage.crash().await;
    scene.is_said("caterina", "for good").await;
    let again = scene.event("her words", |event| event["content"]["body"] == "for good").await;
    assert_eq!(again["sender"], before["sender"], "after a restart somebody else came: {again}");
    Shown::Kept
}

pub(crate) async fn chat_with_a_new_id_keeps_its_room(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let old = scene.says("before").await;
    scene.catches_up("bob", "so be it").await;
    let act = Act::Move { to: "palazzo".to_owned() };
    if scene.does("bob", act).await == Done::No {
        return Shown::NotOffered("chats keep their ids there");
    }
    let harness = scene.stage.harness.clone();
    harness.does("bob", "palazzo", Act::Say(Words::plain("we have moved"))).await;
    scene.event("words from the new place", says("we have moved")).await;
    let invites = scene.alice.invites().len();
    scene.chat = "palazzo";
    scene.says("after").await;
    // What was said before is still known.
    if scene.level(Operation::Redaction) >= Level::Partial {
        carried(&scene.takes_back(&old.0).await);
        let gone = |seen: &Seen| {
            let there = seen.said.iter().any(|heard| heard.text == "before");
            (!there).then_some(())
        };
        scene.remote("what was said before to be gone", gone).await;
    }
    assert_eq!(scene.alice.invites().len(), invites, "the chat has another room now");
    let names = scene.alice.timeline_of(&scene.room, "m.bridge");
    let said = names.iter().any(|event| event["content"]["channel"]["id"] == "palazzo");
    assert!(said, "the room does not say what it mirrors now: {names:#?}");
    scene.stage.crash().await;
    scene.catches_up("bob", "and here we stay").await;
    Shown::Kept
}
