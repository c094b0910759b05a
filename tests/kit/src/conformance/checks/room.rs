//! The room itself: who is in it, who may what, what it is called, who types and has read.

use bridge_core::network::{Level, Operation};
use http::Method;
use serde_json::{Value, json};

use crate::conformance::harness::{Act, Done, Seen};
use crate::conformance::stage::{Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;

const MODERATOR: i64 = 50;

/// Gives alice a rank on the network and waits until she has the rights on Matrix. False where there
/// are no ranks.
pub(super) async fn promote(scene: &mut Scene) -> bool {
    let rank = Act::Rank { whom: "alice".to_owned(), level: MODERATOR };
    if scene.does("bob", rank).await == Done::No {
        return false;
    }
    let alice = scene.alice.id().to_owned();
    scene
        .event("alice's rights", |event| {
            event["type"] == "m.room.power_levels"
                && event["content"]["users"][&alice].as_i64() >= Some(MODERATOR)
        })
        .await;
    true
}

pub(super) fn member(ghost: &str, membership: &'static str) -> impl Fn(&Value) -> bool + use<> {
    let ghost = ghost.to_owned();
    move |event| {
        event["type"] == "m.room.member"
            && event["state_key"] == ghost.as_str()
            && event["content"]["membership"] == membership
    }
}

pub(crate) async fn topic_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Topic);
    if level < Level::Partial {
        let status = scene.sets("m.room.topic", "", json!({ "topic": "tides" })).await;
        refused(&status);
        return Shown::Refused;
    }
    // Where only some may set it, alice is one of them.
    promote(&mut scene).await;
    let status = scene.sets("m.room.topic", "", json!({ "topic": "tides" })).await;
    carried(&status);
    let set = |seen: &Seen| (seen.topic.as_deref() == Some("tides")).then_some(());
    scene.remote("the topic", set).await;
    Shown::Carried
}

pub(crate) async fn topic_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Topic("high water".to_owned())).await == Done::No {
        return Shown::NotOffered("chats have no topic there");
    }
    scene
        .event("the topic", |event| {
            event["type"] == "m.room.topic" && event["content"]["topic"] == "high water"
        })
        .await;
    Shown::Carried
}

pub(crate) async fn name_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Name);
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may name the room");
    }
    let status = scene.sets("m.room.name", "", json!({ "name": "Salon" })).await;
    if level < Level::Partial {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    let set = |seen: &Seen| (seen.name.as_deref() == Some("Salon")).then_some(());
    scene.remote("the name", set).await;
    Shown::Carried
}

pub(crate) async fn name_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Name("Salon".to_owned())).await == Done::No {
        return Shown::NotOffered("chats are not renamed there");
    }
    scene
        .event("the name", |event| {
            event["type"] == "m.room.name" && event["content"]["name"] == "Salon"
        })
        .await;
    Shown::Carried
}

pub(crate) async fn rank_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::PowerLevels);
    if !promote(&mut scene).await {
        return Shown::NotOffered("there are no ranks there");
    }
    let carol = scene.ghost("carol").await;
    let levels = scene.alice.state(&scene.room, "m.room.power_levels", "").await;
    let mut levels = levels.expect("a room has power levels");
    levels["users"][carol] = json!(MODERATOR);
    let status = scene.sets("m.room.power_levels", "", levels).await;
    if level < Level::Partial {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    let risen = |seen: &Seen| (seen.ranks.get("carol") >= Some(&MODERATOR)).then_some(());
    scene.remote("carol's rank", risen).await;
    Shown::Carried
}

pub(crate) async fn rank_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let carol = scene.ghost("carol").await;
    let rank = Act::Rank { whom: "carol".to_owned(), level: MODERATOR };
    if scene.does("bob", rank).await == Done::No {
        return Shown::NotOffered("there are no ranks there");
    }
    scene
        .event("carol's rights", |event| {
            event["type"] == "m.room.power_levels"
                && event["content"]["users"][&carol].as_i64() >= Some(MODERATOR)
        })
        .await;
    Shown::Carried
}

pub(crate) async fn coming_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("carol", Act::Come).await == Done::No {
        return Shown::NotOffered("nobody is seen coming there");
    }
    let carol = scene.stage.harness.shown_name("carol");
    scene
        .event("carol coming in", |event| {
            event["type"] == "m.room.member"
                && event["content"]["membership"] == "join"
                && event["content"]["displayname"] == carol.as_str()
        })
        .await;
    Shown::Carried
}

pub(crate) async fn going_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let carol = scene.ghost("carol").await;
    if scene.does("carol", Act::Go).await == Done::No {
        return Shown::NotOffered("nobody leaves there");
    }
    scene.event("carol leaving", member(&carol, "leave")).await;
    Shown::Carried
}

pub(crate) async fn removal_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let carol = scene.ghost("carol").await;
    let act = Act::Remove { whom: "carol".to_owned(), reason: "too loud".to_owned() };
    if scene.does("bob", act).await == Done::No {
        return Shown::NotOffered("nobody is removed there");
    }
    let event = scene.event("carol's removal", member(&carol, "leave")).await;
    let reason = event["content"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("too loud"), "the reason is lost: {event}");
    Shown::Carried
}

pub(crate) async fn ban_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let carol = scene.ghost("carol").await;
    let act = Act::Ban { whom: "carol".to_owned(), reason: "spam".to_owned() };
    if scene.does("bob", act).await == Done::No {
        return Shown::NotOffered("nobody is banned there");
    }
    scene.event("carol's ban", member(&carol, "ban")).await;
    scene.catches_up("bob", "and that was that").await;
    Shown::Carried
}

async fn away_from_matrix(stage: Stage, verb: &str, membership: &'static str) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Membership);
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may remove people");
    }
    let carol = scene.ghost("carol").await;
    let path = format!("rooms/{}/{verb}", scene.room);
    let asked = json!({ "user_id": carol, "reason": "too loud" });
    let done = scene.alice.call(Method::POST, &path, Some(asked)).await;
    done.unwrap_or_else(|refusal| panic!("alice may not {verb}: {refusal:?}"));
    let event = scene.event("carol's removal", member(&carol, membership)).await;
    let event = event["event_id"].as_str().expect("an event has an id").to_owned();
    let status = scene.alice.status(&event).await;
    // Partly carried: some of it may be refused, in words.
    if level < Level::Partial || (level == Level::Partial && status["status"] != "SUCCESS") {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    let gone = |seen: &Seen| (!seen.members.iter().any(|name| name == "carol")).then_some(());
    scene.remote("carol to be gone", gone).await;
    Shown::Carried
}

pub(crate) async fn removal_from_matrix(stage: Stage) -> Shown {
    away_from_matrix(stage, "kick", "leave").await
}

pub(crate) async fn ban_from_matrix(stage: Stage) -> Shown {
    away_from_matrix(stage, "ban", "ban").await
}

pub(crate) async fn call_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Call).await == Done::No {
        return Shown::NotOffered("nobody calls there");
    }
    let bob = scene.stage.harness.shown_name("bob");
    let told = move |event: &Value| {
        let body = event["content"]["body"].as_str().unwrap_or_default();
        body.contains(&bob) && body.contains("calls")
    };
    scene.event("words about bob's call", told).await;
    Shown::AsText
}

pub(crate) async fn end_of_the_chat_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("is anybody there?").await;
    if scene.does("bob", Act::Close).await == Done::No {
        return Shown::NotOffered("chats do not end there");
    }
    let told = |event: &Value| {
        let body = event["content"]["body"].as_str().unwrap_or_default();
        body.contains("no longer exists")
    };
    scene.event("words about the chat's end", told).await;
    let content = json!({ "msgtype": "m.text", "body": "too late" });
    let (_, status) = scene.sends("m.room.message", content).await;
    refused(&status);
    Shown::AsText
}

pub(crate) async fn typing_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Typing);
    let path = format!("rooms/{}/typing/{}", scene.room, scene.alice.id());
    let typing = json!({ "typing": true, "timeout": 30_000 });
    let done = scene.alice.call(Method::PUT, &path, Some(typing)).await;
    done.expect("one may type");
    let typed = |seen: &Seen| seen.typed.iter().any(|name| name == "alice").then_some(());
    if level >= Level::Partial {
        scene.remote("alice typing", typed).await;
        return Shown::Carried;
    }
    scene.says("typed that").await;
    let seen = scene.stage.harness.sees(scene.chat).await;
    assert!(typed(&seen).is_none(), "typing is not declared, and came");
    Shown::LeftOut
}

pub(crate) async fn typing_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bob = scene.ghost("bob").await;
    if scene.does("bob", Act::Type).await == Done::No {
        return Shown::NotOffered("nobody is seen typing there");
    }
    let typing = |events: &[Value]| {
        let mut typing = events.iter().filter(|event| event["type"] == "m.typing");
        let ids = |event: &Value| event["content"]["user_ids"].as_array().cloned();
        typing.any(|event| ids(event).is_some_and(|ids| ids.contains(&json!(bob)))).then_some(())
    };
    scene.alice.waits_for_passing("bob typing", typing).await;
    Shown::Carried
}

pub(crate) async fn read_mark_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Receipt);
    let message = scene.is_said("bob", "read this").await;
    let event = scene.sees("bob", "read this").await;
    let event = event["event_id"].as_str().expect("an event has an id").replace('$', "%24");
    let path = format!("rooms/{}/receipt/m.read/{event}", scene.room);
    let done = scene.alice.call(Method::POST, &path, Some(json!({}))).await;
    done.expect("one may read");
    let read =
        |seen: &Seen| seen.read.get("alice").is_some_and(|up_to| *up_to == message).then_some(());
    if level >= Level::Partial {
        scene.remote("alice's read mark", read).await;
        return Shown::Carried;
    }
    scene.says("I have").await;
    let seen = scene.stage.harness.sees(scene.chat).await;
    assert!(seen.read.is_empty(), "read marks are not declared, and came");
    Shown::LeftOut
}

pub(crate) async fn read_mark_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bob = scene.ghost("bob").await;
    let (event, heard) = scene.says("read this").await;
    if scene.does("bob", Act::Read { message: heard.id }).await == Done::No {
        return Shown::NotOffered("nobody sees what was read there");
    }
    let read = |events: &[Value]| {
        let mut marks = events.iter().filter(|mark| mark["type"] == "m.receipt");
        marks.any(|mark| mark["content"][&event]["m.read"][&bob].is_object()).then_some(())
    };
    scene.alice.waits_for_passing("bob's read mark", read).await;
    Shown::Carried
}
