//! Trouble on the way: lost answers, refusals, limits, a network that is away.

use std::time::{Duration, Instant};

use bridge_core::network::BridgeStateKind;
use serde_json::json;

use super::lanes::numbered;
use crate::conformance::harness::{Mishap, Seen, Trouble};
use crate::conformance::stage::{Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;

pub(crate) async fn a_lost_answer_doubles_nothing(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    scene.stage.watch.lose_answers(1);
    let event = scene.alice.says(&scene.room, "only once").await;
    let status = scene.alice.status(&event).await;
    scene.says("after that").await;
    let heard = scene.heard_from("alice").await;
    let count = heard.iter().filter(|heard| heard.text == "only once").count();
    assert_eq!(count, 1, "it came {count} times: {status}");
    let words = status["message"].as_str().unwrap_or_default();
    let told = status["status"] == "SUCCESS" || !words.is_empty();
    assert!(told, "its sender was told nothing: {status}");
    Shown::Kept
}

pub(crate) async fn a_refused_message_is_told_in_words(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    if !scene.stage.harness.trouble(Trouble::Refuse).await {
        return Shown::NotOffered("this harness cannot have messages refused");
    }
    let content = json!({ "msgtype": "m.text", "body": "not this" });
    let (_, status) = scene.sends("m.room.message", content).await;
    refused(&status);
    scene.stage.harness.trouble(Trouble::Back).await;
    scene.says("but this").await;
    let heard = scene.heard_from("alice").await;
    assert!(heard.iter().all(|heard| heard.text != "not this"), "refused, and sent: {heard:#?}");
    Shown::Kept
}

pub(crate) async fn a_limit_is_waited_out(stage: Stage) -> Shown {
    const LIMIT: Duration = Duration::from_millis(1500);
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    if !scene.stage.harness.trouble(Trouble::Busy(LIMIT)).await {
        return Shown::NotOffered("this network asks nobody to wait");
    }
    let begun = Instant::now();
    let first = scene.alice.says(&scene.room, "here 0").await;
    let second = scene.alice.says(&scene.room, "here 1").await;
    carried(&scene.alice.status(&first).await);
    let took = begun.elapsed();
    assert!(took >= LIMIT, "the network asked for {LIMIT:?} and got {took:?}");
    carried(&scene.alice.status(&second).await);
    let heard = scene.heard_from("alice").await;
    let numbers = numbered(heard.iter().map(|heard| heard.text.as_str()), "here ");
    assert_eq!(numbers, [0, 1], "lost, doubled or out of order");
    Shown::Kept
}

pub(crate) async fn messages_wait_while_the_network_is_away(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    if !scene.stage.harness.trouble(Trouble::Away).await {
        return Shown::NotOffered("this harness cannot take its network away");
    }
    is_noticed(&scene).await;
    let mut sent = Vec::new();
    for number in 0..3 {
        sent.push(scene.alice.says(&scene.room, &format!("here {number}")).await);
    }
    scene.stage.harness.trouble(Trouble::Back).await;
    for event in &sent {
        carried(&scene.alice.status(event).await);
    }
    let heard = scene.heard_from("alice").await;
    let numbers = numbered(heard.iter().map(|heard| heard.text.as_str()), "here ");
    assert_eq!(numbers, [0, 1, 2], "lost, doubled or out of order");
    Shown::Kept
}

/// Waits until the bridge has seen that its network is away.
async fn is_noticed(scene: &Scene) {
    let begun = Instant::now();
    let gone =
        |kind| matches!(kind, BridgeStateKind::TransientDisconnect | BridgeStateKind::Connecting);
    loop {
        let states = scene.stage.watch.states();
        if states.last().is_some_and(|state| gone(state.kind)) {
            return;
        }
        let waited = begun.elapsed();
        assert!(waited < scene.stage.patience, "a network that is away is called connected");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn it_reconnects_by_itself(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.catches_up("bob", "all is well").await;
    for round in 0..2 {
        if !scene.stage.harness.trouble(Trouble::Away).await {
            return Shown::NotOffered("this harness cannot take its network away");
        }
        is_noticed(&scene).await;
        scene.stage.harness.trouble(Trouble::Back).await;
        is_there(&scene).await;
        scene.catches_up("bob", &format!("there {round}")).await;
        scene.says(&format!("here {round}")).await;
    }
    Shown::Kept
}

/// Waits until alice is in the chat again, where the network forgets who was.
async fn is_there(scene: &Scene) {
    if scene.stage.harness.replays() {
        return;
    }
    let there = |seen: &Seen| seen.members.iter().any(|name| name == "alice").then_some(());
    scene.remote("alice to be back", there).await;
}

pub(crate) async fn what_was_said_meanwhile_comes_or_is_a_gap(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.catches_up("bob", "all is well").await;
    if !scene.stage.harness.trouble(Trouble::Away).await {
        return Shown::NotOffered("this harness cannot take its network away");
    }
    is_noticed(&scene).await;
    if scene.stage.harness.replays() {
        for number in 0..3 {
            scene.is_said("bob", &format!("there {number}")).await;
        }
        scene.stage.harness.trouble(Trouble::Back).await;
        scene.catches_up("bob", "after that").await;
        let seen = scene.seen_texts();
        let numbers = numbered(seen.iter().map(String::as_str), "there ");
        assert_eq!(numbers, [0, 1, 2], "lost, doubled or out of order");
        return Shown::Carried;
    }
    scene.stage.harness.trouble(Trouble::Back).await;
    is_there(&scene).await;
    scene.catches_up("bob", "after that").await;
    let room = scene.room.clone();
    scene
        .alice
        .waits_for("words about a gap", |timeline| {
            let mut here = timeline.iter().filter(|event| event["room_id"] == room.as_str());
            let told = |event: &serde_json::Value| {
                let body = event["content"]["body"].as_str().unwrap_or_default();
                body.contains("may be missing")
            };
            here.find(|event| told(event)).map(drop)
        })
        .await;
    Shown::AsText
}

pub(crate) async fn a_lost_account_is_told_and_not_tried_for_ever(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if !scene.stage.harness.trouble(Trouble::NoAccount).await {
        return Shown::NotOffered("accounts do not end there");
    }
    let begun = Instant::now();
    loop {
        let states = scene.stage.watch.states();
        let ended =
            |kind| matches!(kind, BridgeStateKind::BadCredentials | BridgeStateKind::LoggedOut);
        if let Some(state) = states.last().filter(|state| ended(state.kind)) {
            assert!(!state.message.is_empty(), "the person is told nothing: {state:?}");
            break;
        }
        let waited = begun.elapsed();
        assert!(waited < scene.stage.patience, "the lost account is not noticed: {states:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let list = scene.alice.command(&scene.bot.clone(), "list-logins").await;
    assert!(!list.contains(", connected"), "the login is called connected: {list}");
    Shown::Kept
}

/// Much is said both ways while something goes wrong again and again: all of it comes, once, in order.
async fn both_ways_under(stage: Stage, mishap: Mishap, absent: &'static str) -> Shown {
    const MANY: usize = 7;
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    if !scene.stage.harness.trouble(Trouble::Again(mishap)).await {
        return Shown::NotOffered(absent);
    }
    let mut sent = Vec::new();
    for number in 0..MANY {
        sent.push(scene.alice.says(&scene.room, &format!("here {number}")).await);
        scene.is_said("bob", &format!("there {number}")).await;
        scene.is_said("carol", &format!("yonder {number}")).await;
    }
    for event in &sent {
        carried(&scene.alice.status(event).await);
    }
    scene.sees("bob", &format!("there {}", MANY - 1)).await;
    scene.catches_up("carol", "that was all").await;
    let all: Vec<usize> = (0..MANY).collect();
    let heard = scene.heard_from("alice").await;
    let heard = numbered(heard.iter().map(|heard| heard.text.as_str()), "here ");
    assert_eq!(heard, all, "lost, doubled or out of order from Matrix");
    for word in ["there ", "yonder "] {
        let seen = scene.seen_texts();
        let seen = numbered(seen.iter().map(String::as_str), word);
        assert_eq!(seen, all, "lost, doubled or out of order on Matrix");
    }
    Shown::Kept
}

pub(crate) async fn a_slow_network_keeps_everything_in_order(stage: Stage) -> Shown {
    both_ways_under(stage, Mishap::Slowness, "this harness cannot slow its network down").await
}

pub(crate) async fn a_line_that_keeps_dropping_loses_nothing(stage: Stage) -> Shown {
    both_ways_under(stage, Mishap::Drops, "this harness cannot have the line drop").await
}

pub(crate) async fn news_the_network_repeats_is_shown_once(stage: Stage) -> Shown {
    both_ways_under(stage, Mishap::Repeats, "this network tells nothing twice").await
}

pub(crate) async fn news_the_network_disorders_is_put_right(stage: Stage) -> Shown {
    both_ways_under(stage, Mishap::Disorder, "this network tells everything in order").await
}

pub(crate) async fn limits_again_and_again_lose_nothing(stage: Stage) -> Shown {
    both_ways_under(stage, Mishap::Limits, "this network asks nobody to wait").await
}

pub(crate) async fn answers_lost_again_and_again_double_nothing(stage: Stage) -> Shown {
    both_ways_under(stage, Mishap::LostAnswers, "this harness cannot lose answers").await
}
