//! The process dies at every moment at which something could get lost or doubled: around each commit
//! of news, around each send, after the homeserver's transaction was taken in, between the answers
//! of the homeserver.

use std::time::Duration;

use bridge_core::network::{Level, LostAnswer, Operation};
use http::Method;
use serde_json::{Value, json};

use super::lanes::numbered;
use crate::conformance::harness::{Act, Done, Seen};
use crate::conformance::stage::{NETWORK, Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;
use crate::conformance::watch::Point;

const ROUNDS: usize = 3;

/// Whether the network can tell a send it knows already: then nothing needs to end in doubt.
fn knows_sends(scene: &Scene) -> bool {
    let steps = scene.stage.watch.steps();
    let knows = |lost| matches!(lost, LostAnswer::Natural | LostAnswer::ClientKey { .. });
    !steps.is_empty() && steps.iter().all(|step| knows(step.lost_answer))
}

/// Alice says something while the process dies at a point of its way; what is true of its fate?
async fn around_a_send(stage: Stage, point: Point) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    let safe = knows_sends(&scene);
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        scene.stage.watch.stop_at(point);
        let text = format!("here {round}");
        sent.push((scene.alice.says(&scene.room, &text).await, text));
        scene.stage.crash_at(point).await;
    }
    judge(&mut scene, &sent, safe).await;
    Shown::Kept
}

/// Each message came at most once; it came if its sender was told so, and its sender was told
/// something. Where the network knows sends again, it came.
async fn judge(scene: &mut Scene, sent: &[(String, String)], safe: bool) {
    let mut statuses = Vec::new();
    for (event, _) in sent {
        statuses.push(scene.alice.status(event).await);
    }
    scene.says("the end").await;
    let heard = scene.heard_from("alice").await;
    for ((_, text), status) in sent.iter().zip(&statuses) {
        let count = heard.iter().filter(|heard| heard.text == *text).count();
        assert!(count <= 1, "{text:?} came {count} times: {status}");
        let told = status["status"] == "SUCCESS";
        assert!(!told || count == 1, "{text:?} is lost, and its sender was told that it came");
        assert!(!safe || told, "{text:?} could have been known to have come: {status}");
        let words = status["message"].as_str().unwrap_or_default();
        assert!(told || !words.is_empty(), "its sender was told nothing: {status}");
    }
    let numbers = numbered(heard.iter().map(|heard| heard.text.as_str()), "here ");
    assert!(numbers.is_sorted(), "out of order: {numbers:?}");
}

/// Bob says something while the process dies around its commit.
async fn around_a_commit(stage: Stage, point: Point) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.catches_up("bob", "all is well").await;
    for round in 0..ROUNDS {
        scene.stage.watch.stop_at(point);
        scene.is_said("bob", &format!("there {round}")).await;
        scene.stage.crash_at(point).await;
        is_back(&mut scene, round).await;
    }
    let seen = scene.seen_texts();
    let numbers = numbered(seen.iter().map(String::as_str), "there ");
    let all: Vec<usize> = (0..ROUNDS).collect();
    let stored = point == Point::AfterCommit;
    if scene.stage.harness.replays() || stored {
        assert_eq!(numbers, all, "lost, doubled or out of order");
        return Shown::Kept;
    }
    // The network does not tell it again: then the room is told that something may be missing.
    assert!(numbers.is_sorted_by(|one, next| one < next), "doubled or out of order: {numbers:?}");
    let told = scene.notices().iter().any(|notice| notice.contains("may be missing"));
    assert!(numbers == all || told, "lost without a word: {numbers:?}, {:?}", scene.notices());
    Shown::NotOffered("this network does not tell again; the gap is named")
}

/// Waits until news comes again.
async fn is_back(scene: &mut Scene, round: usize) {
    if scene.stage.harness.replays() {
        scene.catches_up("bob", &format!("back {round}")).await;
        return;
    }
    // Somebody who is not there does not hear: bob waits until alice is back.
    let there = |seen: &Seen| seen.members.iter().any(|name| name == "alice").then_some(());
    scene.remote("alice to be back", there).await;
    scene.says(&format!("I am back {round}")).await;
    scene.catches_up("bob", &format!("back {round}")).await;
}

pub(crate) async fn crash_before_news_is_stored(stage: Stage) -> Shown {
    around_a_commit(stage, Point::BeforeCommit).await
}

pub(crate) async fn crash_after_news_is_stored(stage: Stage) -> Shown {
    around_a_commit(stage, Point::AfterCommit).await
}

pub(crate) async fn crash_before_a_send(stage: Stage) -> Shown {
    around_a_send(stage, Point::BeforeSend).await
}

pub(crate) async fn crash_after_a_send(stage: Stage) -> Shown {
    around_a_send(stage, Point::AfterSend).await
}

pub(crate) async fn crash_after_a_transaction_is_taken_in(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    let safe = knows_sends(&scene);
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        // The next transaction is taken in, and nothing is answered any more.
        scene.stage.house.to_bridge().cut_after(1);
        let text = format!("here {round}");
        sent.push((scene.alice.says(&scene.room, &text).await, text));
        scene.stage.house.to_bridge().cut().await;
        scene.stage.crash().await;
    }
    judge(&mut scene, &sent, safe).await;
    Shown::Kept
}

pub(crate) async fn crash_between_calls_to_the_homeserver(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.catches_up("bob", "all is well").await;
    let replays = scene.stage.harness.replays();
    for round in 0..4 {
        scene.stage.house.to_homeserver().cut_after(1 + round as u64);
        scene.is_said("bob", &format!("there {round}")).await;
        scene.is_said("carol", &format!("yonder {round}")).await;
        let cut = scene.stage.house.to_homeserver().cut();
        // Fewer calls than that may have been enough.
        drop(tokio::time::timeout(Duration::from_millis(300), cut).await);
        scene.stage.crash().await;
        is_back(&mut scene, round).await;
    }
    let seen = scene.seen_texts();
    for word in ["there ", "yonder "] {
        let numbers = numbered(seen.iter().map(String::as_str), word);
        match replays {
            true => assert_eq!(numbers, [0, 1, 2, 3], "{word}: lost, doubled or out of order"),
            false => assert!(numbers.is_sorted_by(|one, next| one < next), "{word}: {numbers:?}"),
        }
    }
    Shown::Kept
}

pub(crate) async fn crash_while_changes_are_sent(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (message, _) = scene.says("I like tee").await;
    let safe = knows_sends(&scene);
    let edit = json!({ "msgtype": "m.text", "body": "* I like tea",
        "m.new_content": { "msgtype": "m.text", "body": "I like tea" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": message } });
    scene.stage.watch.stop_at(Point::AfterSend);
    let edited = scene.alice.send_event(&scene.room, "m.room.message", edit).await;
    let goes = scene.level(Operation::Edit) >= Level::Degraded;
    match goes {
        true => scene.stage.crash_at(Point::AfterSend).await,
        false => scene.stage.crash().await,
    }
    let status = scene.alice.status(&edited).await;
    match (goes, safe) {
        (true, true) => carried(&status),
        (true, false) => {}
        (false, _) => refused(&status),
    }
    scene.says("the end").await;
    let heard = scene.heard_from("alice").await;
    let count = heard.iter().filter(|heard| heard.text.contains("tea")).count();
    assert!(count <= 1, "one edit came {count} times: {heard:#?}");
    assert!(count == 1 || status["status"] != "SUCCESS", "the edit is lost: {heard:#?}");
    Shown::Kept
}

pub(crate) async fn crash_while_reactions_come(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (_, heard) = scene.says("look at this").await;
    for (round, point) in [Point::BeforeCommit, Point::AfterCommit].into_iter().enumerate() {
        scene.stage.watch.stop_at(point);
        let key = ["🎉", "🚤"][round].to_owned();
        let act = Act::React { message: heard.id.clone(), key, set: true };
        if scene.does("bob", act).await == Done::No {
            return Shown::NotOffered("nobody reacts there");
        }
        scene.stage.crash_at(point).await;
        is_back(&mut scene, round).await;
    }
    let shown = scene.alice.timeline_of(&scene.room, "m.reaction");
    let keys: Vec<&Value> =
        shown.iter().map(|event| &event["content"]["m.relates_to"]["key"]).collect();
    if scene.stage.harness.replays() {
        assert_eq!(keys, ["🎉", "🚤"], "lost or doubled");
    }
    Shown::Kept
}

pub(crate) async fn crash_while_a_room_is_made(stage: Stage) -> Shown {
    let chat = stage.harness.chat();
    stage.harness.does("bob", chat, Act::Come).await;
    let mut stage = stage;
    let person = stage.log_in("alice").await;
    let (mut alice, bot) = (person.user, person.bot);
    for calls in [1, 3, 5] {
        stage.house.to_homeserver().cut_after(calls);
        alice.says(&bot.0, &format!("join {NETWORK} {chat}")).await;
        let cut = stage.house.to_homeserver().cut();
        drop(tokio::time::timeout(Duration::from_millis(500), cut).await);
        stage.crash().await;
    }
    // Whoever is interrupted asks again, and gets one room whatever was half made.
    let room = joined(&mut alice, &bot, chat, &stage).await;
    stage.harness.does("bob", chat, Act::Say(crate::conformance::Words::plain("hello"))).await;
    alice.sees(&room, &stage.harness.shown_name("bob"), "hello").await;
    let path = "joined_rooms";
    let rooms = alice.call(Method::GET, path, None).await.expect("one knows one's rooms");
    let rooms = rooms["joined_rooms"].as_array().map(Vec::len).unwrap_or_default();
    assert_eq!(rooms, 2, "the room with the bot and one of the chat");
    Shown::Kept
}

/// Joins as soon as the login is connected again.
async fn joined(
    alice: &mut crate::TestUser,
    bot: &crate::BotRoom,
    chat: &str,
    stage: &Stage,
) -> String {
    let begun = std::time::Instant::now();
    loop {
        let answer = alice.command(bot, &format!("join {NETWORK} {chat}")).await;
        if let Some(room) = answer.split_whitespace().find(|word| word.starts_with('!')) {
            return room.to_owned();
        }
        assert!(begun.elapsed() < stage.patience, "no room: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn clean_restart_loses_nothing(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let mut sent = Vec::new();
    for number in 0..6 {
        sent.push(scene.alice.says(&scene.room, &format!("here {number}")).await);
        if number == 3 {
            scene.stage.house.restart().await;
        }
    }
    for event in &sent {
        carried(&scene.alice.status(event).await);
    }
    let last = |seen: &Seen| seen.said.iter().any(|heard| heard.text == "here 5").then_some(());
    scene.remote("the last words", last).await;
    let heard = scene.heard_from("alice").await;
    let numbers = numbered(heard.iter().map(|heard| heard.text.as_str()), "here ");
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5], "lost, doubled or out of order");
    is_back(&mut scene, 0).await;
    Shown::Kept
}

pub(crate) async fn login_and_room_survive_a_restart(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.stage.house.restart().await;
    is_back(&mut scene, 0).await;
    let list = scene.alice.command(&scene.bot.clone(), "list-logins").await;
    assert!(list.contains("connected"), "the login is gone: {list}");
    let again = scene.alice.join(&scene.bot.clone(), NETWORK, scene.chat).await;
    assert_eq!(again, scene.room, "the chat has another room now");
    Shown::Kept
}
