//! Each thing once, each in its place, nobody held up by others.

use std::time::Duration;

use serde_json::json;

use super::messages::file;
use crate::Faults;
use crate::conformance::harness::{Act, Done, Words};
use crate::conformance::stage::{NETWORK, Scene, Stage, carried, portal_of};
use crate::conformance::verdict::Shown;

const MANY: usize = 12;

/// The numbers behind a word, in the order they came.
pub(super) fn numbered<'t>(texts: impl Iterator<Item = &'t str>, word: &str) -> Vec<usize> {
    texts.filter_map(|text| text.strip_prefix(word)?.trim().parse().ok()).collect()
}

pub(crate) async fn order_is_kept_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let mut sent = Vec::new();
    for number in 0..MANY {
        sent.push(scene.alice.says(&scene.room, &format!("here {number}")).await);
    }
    for event in &sent {
        carried(&scene.alice.status(event).await);
    }
    scene.hears(&format!("here {}", MANY - 1)).await;
    let heard = scene.heard_from("alice").await;
    let numbers = numbered(heard.iter().map(|heard| heard.text.as_str()), "here ");
    assert_eq!(numbers, (0..MANY).collect::<Vec<_>>(), "lost, doubled or out of order");
    Shown::Kept
}

pub(crate) async fn order_is_kept_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    for number in 0..MANY {
        scene.is_said("bob", &format!("there {number}")).await;
    }
    scene.sees("bob", &format!("there {}", MANY - 1)).await;
    let seen = scene.seen_texts();
    let numbers = numbered(seen.iter().map(String::as_str), "there ");
    assert_eq!(numbers, (0..MANY).collect::<Vec<_>>(), "lost, doubled or out of order");
    Shown::Kept
}

pub(crate) async fn order_survives_slow_files(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.stage.watch.slow_files(Duration::from_millis(300));
    let kind = bridge_core::network::MessageKind::Image;
    let act = Act::Show { kind, file: file(kind), caption: "slow".to_owned() };
    if scene.does("bob", act).await == Done::No {
        return Shown::NotOffered("there are no files there");
    }
    scene.is_said("bob", "quick").await;
    scene.sees("bob", "quick").await;
    let seen = scene.seen_texts();
    assert_eq!(seen, ["slow", "quick"], "a slow file was overtaken");
    Shown::Kept
}

pub(crate) async fn chats_are_kept_apart(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let Some(other) = scene.stage.harness.other_chat() else {
        return Shown::NotOffered("there is one chat only");
    };
    scene.stage.harness.does("bob", other, Act::Come).await;
    let there = scene.alice.join(&scene.bot.clone(), NETWORK, other).await;
    assert_ne!(there, scene.room, "two chats share a room");
    scene.stage.harness.does("bob", other, Act::Say(Words::plain("over there"))).await;
    scene.is_said("bob", "over here").await;
    let name = scene.stage.harness.shown_name("bob");
    scene.alice.sees(&there, &name, "over there").await;
    scene.sees("bob", "over here").await;
    let sent = scene.alice.says(&there, "I am there").await;
    carried(&scene.alice.status(&sent).await);
    scene.says("I am here").await;
    let texts = |seen: &crate::conformance::Seen| {
        let mine = seen.said.iter().filter(|heard| heard.by == "alice");
        mine.map(|heard| heard.text.clone()).collect::<Vec<_>>()
    };
    let arrived = |seen: &crate::conformance::Seen| Some(texts(seen)).filter(|t| !t.is_empty());
    assert_eq!(scene.stage.remote(other, "alice there", arrived).await, ["I am there"]);
    assert_eq!(scene.remote("alice here", arrived).await, ["I am here"]);
    let here: Vec<String> = scene.seen_texts();
    assert!(!here.contains(&"over there".to_owned()), "another chat's words came here");
    Shown::Kept
}

pub(crate) async fn a_slow_chat_holds_up_no_other(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let Some(other) = scene.stage.harness.other_chat() else {
        return Shown::NotOffered("there is one chat only");
    };
    scene.stage.harness.does("bob", other, Act::Come).await;
    let there = scene.alice.join(&scene.bot.clone(), NETWORK, other).await;
    let slow = portal_of(&scene.alice, &there).await;
    scene.stage.watch.hold_chat(Some(slow.chat));
    let waiting = scene.alice.says(&there, "slow").await;
    scene.says("quick").await;
    scene.stage.watch.hold_chat(None);
    carried(&scene.alice.status(&waiting).await);
    Shown::Kept
}

pub(crate) async fn a_message_is_carried_once_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("only once").await;
    scene.says("after that").await;
    let heard = scene.heard_from("alice").await;
    let count = heard.iter().filter(|heard| heard.text == "only once").count();
    assert_eq!(count, 1, "one message came {count} times");
    Shown::Kept
}

pub(crate) async fn a_message_is_shown_once_on_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.is_said("bob", "only once").await;
    scene.catches_up("bob", "after that").await;
    let seen = scene.seen_texts();
    let count = seen.iter().filter(|text| *text == "only once").count();
    assert_eq!(count, 1, "one message is shown {count} times");
    Shown::Kept
}

pub(crate) async fn the_same_words_twice_are_two_messages(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.is_said("bob", "again").await;
    scene.is_said("bob", "again").await;
    scene.says("once more").await;
    scene.says("once more").await;
    scene.catches_up("bob", "after that").await;
    scene.says("and that").await;
    let seen = scene.seen_texts().iter().filter(|text| *text == "again").count();
    let heard = scene.heard_from("alice").await;
    let heard = heard.iter().filter(|heard| heard.text == "once more").count();
    assert_eq!((seen, heard), (2, 2), "what was said twice was taken for one");
    Shown::Kept
}

pub(crate) async fn own_message_does_not_come_back(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    for number in 0..3 {
        scene.says(&format!("from me {number}")).await;
    }
    scene.catches_up("bob", "after that").await;
    let said = scene.alice.said_in(&scene.room);
    let count = said.iter().filter(|(_, text)| text.starts_with("from me")).count();
    assert_eq!(count, 3, "our own words came back: {said:?}");
    Shown::Kept
}

pub(crate) async fn own_message_from_another_client_is_ones_own(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let act = Act::Say(Words::plain("from my telephone"));
    if scene.does("alice", act).await == Done::No {
        return Shown::NotOffered("an account has one client there");
    }
    let event =
        scene.event("alice's words", |event| event["content"]["body"] == "from my telephone").await;
    assert_eq!(event["sender"], scene.alice.id(), "somebody else said it on Matrix");
    scene.says("after that").await;
    let heard = scene.heard_from("alice").await;
    let count = heard.iter().filter(|heard| heard.text == "from my telephone").count();
    assert_eq!(count, 1, "it went back where it came from");
    Shown::Kept
}

pub(crate) async fn news_that_is_told_again_is_shown_once(stage: Stage) -> Shown {
    if !stage.harness.replays() {
        return Shown::NotOffered("this network tells nothing twice");
    }
    let mut scene = Scene::open(stage).await;
    scene.stage.watch.commit_twice();
    for number in 0..3 {
        scene.is_said("bob", &format!("there {number}")).await;
    }
    scene.sees("bob", "there 2").await;
    scene.catches_up("bob", "after that").await;
    let seen = scene.seen_texts();
    let numbers = numbered(seen.iter().map(String::as_str), "there ");
    assert_eq!(numbers, [0, 1, 2], "what was told twice is shown twice");
    Shown::Kept
}

pub(crate) async fn a_rough_homeserver_loses_and_doubles_nothing(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.stage.house.to_homeserver().set(Faults::rough());
    scene.stage.house.to_bridge().set(Faults::rough());
    let mut sent = Vec::new();
    for number in 0..MANY {
        scene.is_said("bob", &format!("there {number}")).await;
        sent.push(scene.alice.says(&scene.room, &format!("here {number}")).await);
    }
    for event in &sent {
        carried(&scene.alice.status(event).await);
    }
    scene.sees("bob", &format!("there {}", MANY - 1)).await;
    let all: Vec<usize> = (0..MANY).collect();
    let heard = scene.heard_from("alice").await;
    assert_eq!(numbered(heard.iter().map(|heard| heard.text.as_str()), "here "), all);
    let seen = scene.seen_texts();
    assert_eq!(numbered(seen.iter().map(String::as_str), "there "), all);
    Shown::Kept
}

pub(crate) async fn both_ways_at_once(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let mut sent = Vec::new();
    for number in 0..MANY {
        let content = json!({ "msgtype": "m.text", "body": format!("here {number}") });
        sent.push(scene.alice.send_event(&scene.room, "m.room.message", content).await);
        scene.is_said("bob", &format!("there {number}")).await;
        scene.is_said("carol", &format!("yonder {number}")).await;
    }
    for event in &sent {
        carried(&scene.alice.status(event).await);
    }
    scene.sees("bob", &format!("there {}", MANY - 1)).await;
    scene.sees("carol", &format!("yonder {}", MANY - 1)).await;
    let all: Vec<usize> = (0..MANY).collect();
    let heard = scene.heard_from("alice").await;
    assert_eq!(numbered(heard.iter().map(|heard| heard.text.as_str()), "here "), all);
    let seen = scene.seen_texts();
    assert_eq!(numbered(seen.iter().map(String::as_str), "there "), all);
    assert_eq!(numbered(seen.iter().map(String::as_str), "yonder "), all);
    Shown::Kept
}
